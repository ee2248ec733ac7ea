//! A panic is a bug of ours, and is said to be one.

use std::backtrace::Backtrace;
use std::io::Write;

/// What the process ends with after a panic: the code Rust uses.
pub(crate) const EXIT_CODE: u8 = 101;

/// Makes panics name the command line and the place, and say whose fault it is.
pub(crate) fn install() {
    std::panic::set_hook(Box::new(|info| {
        let payload = info.payload();
        let text = payload.downcast_ref::<&str>().map(|s| (*s).to_owned());
        let text = text
            .or_else(|| payload.downcast_ref::<String>().cloned())
            .unwrap_or_else(|| "no message".to_owned());
        let place = info.location().map_or("an unknown place".to_owned(), ToString::to_string);
        let command: Vec<String> = std::env::args().collect();
        let mut message = format!(
            "internal error: {text}\n  at {place}\n  This is a bug in nasc {}, not in your input. Please report it with the command line\n  {}\n  and, if you may, the model.\n",
            env!("CARGO_PKG_VERSION"),
            command.join(" ")
        );
        if std::env::var_os("RUST_BACKTRACE").is_some_and(|v| v != "0") {
            message += &format!("{}\n", Backtrace::force_capture());
        }
        // There is nobody to tell when standard error is closed.
        let _ = std::io::stderr().write_all(message.as_bytes());
    }));
}
