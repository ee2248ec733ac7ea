//! Ctrl-C: children are killed, half-written files removed.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Files and folders that are being written and must not stay behind.
static UNFINISHED: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

/// What shells report for a process that SIGINT ended.
const EXIT_CODE: i32 = 130;

fn unfinished() -> MutexGuard<'static, Vec<PathBuf>> {
    // A list of paths is sound whatever panicked while it was held.
    UNFINISHED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Takes over SIGINT, SIGTERM and SIGHUP.
pub(crate) fn install() {
    // Where a handler cannot be installed the signal ends the process as it always did.
    let _ = ctrlc::set_handler(|| {
        process::kill_all();
        clean_up();
        eprint_line("interrupted; nothing half-written was left");
        #[allow(clippy::exit, reason = "the handler runs on a thread of its own")]
        std::process::exit(EXIT_CODE)
    });
}

fn eprint_line(text: &str) {
    use std::io::Write;
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// Remembers a path that must not stay behind.
pub(crate) fn remember(path: &Path) {
    unfinished().push(path.to_owned());
}

/// Forgets a path: it is finished, or gone.
pub(crate) fn forget(path: &Path) {
    unfinished().retain(|other| other != path);
}

/// Removes everything that is still unfinished.
pub(crate) fn clean_up() {
    for path in unfinished().drain(..) {
        // What cannot be removed cannot be helped: the names say that they are partial.
        let _ = if path.is_dir() { std::fs::remove_dir_all(&path) } else { std::fs::remove_file(&path) };
    }
}
