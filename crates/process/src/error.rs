//! How a child ended, what it printed, and what can go wrong.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::time::Duration;

/// How a child ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// It returned this status.
    Code(i32),
    /// This signal ended it.
    Signal(i32),
}

impl Exit {
    pub(crate) fn of(status: ExitStatus) -> Self {
        use std::os::unix::process::ExitStatusExt;
        match (status.code(), status.signal()) {
            (Some(code), _) => Self::Code(code),
            (None, signal) => Self::Signal(signal.unwrap_or(0)),
        }
    }

    /// Whether it returned 0.
    pub fn success(self) -> bool {
        self == Self::Code(0)
    }
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(code) => write!(f, "exit status {code}"),
            Self::Signal(signal) => {
                let name = match signal {
                    4 => " (illegal instruction)",
                    6 => " (aborted)",
                    7 => " (bus error)",
                    8 => " (arithmetic fault)",
                    9 => " (killed)",
                    11 => " (segmentation fault)",
                    15 => " (terminated)",
                    _ => "",
                };
                write!(f, "signal {signal}{name}")
            }
        }
    }
}

/// What a child left behind.
#[derive(Clone, Debug)]
pub struct Output {
    /// How it ended.
    pub exit: Exit,
    /// The first bytes of its standard output, up to the command's capture limit.
    pub stdout: Vec<u8>,
    /// The first bytes of its standard error, up to the command's capture limit.
    pub stderr: Vec<u8>,
    /// Bytes that were read and thrown away because a limit was reached.
    pub dropped: u64,
    /// From start to end.
    pub wall: Duration,
}

impl Output {
    /// Standard output as text; bytes that are not UTF-8 become U+FFFD.
    pub fn stdout_text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    /// Standard error as text; bytes that are not UTF-8 become U+FFFD.
    pub fn stderr_text(&self) -> String {
        String::from_utf8_lossy(&self.stderr).into_owned()
    }

    /// The end of what the child printed, standard error first: enough for an error message.
    pub fn tail(&self) -> String {
        let mut text = self.stderr_text();
        if !text.is_empty() && !text.ends_with('\n') {
            text.push('\n');
        }
        text.push_str(&self.stdout_text());
        tail_of(&text)
    }
}

/// The last lines of `text`, at most 30 of them and at most 4000 bytes.
fn tail_of(text: &str) -> String {
    const LINES: usize = 30;
    const BYTES: usize = 4000;
    let text = text.trim_end();
    let mut from = text.len().saturating_sub(BYTES);
    while !text.is_char_boundary(from) {
        from += 1;
    }
    let text = &text[from..];
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(LINES)..].join("\n")
}

/// Why a child could not be started, or did not end well.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no such program.
    #[error("program `{program}` not found{}", advice(*package))]
    Missing {
        /// As it was asked for.
        program: String,
        /// Where it comes from, when known.
        package: Option<&'static str>,
    },
    /// The working directory is not there.
    #[error("cannot run `{program}` in {}: no such directory", dir.display())]
    Directory {
        /// As it was asked for.
        program: String,
        /// The directory asked for.
        dir: PathBuf,
    },
    /// The system refused.
    #[error("cannot run `{program}`: {source}")]
    Io {
        /// As it was asked for.
        program: String,
        /// What the system said.
        source: io::Error,
    },
    /// The deadline passed; the whole group was killed.
    #[error("`{program}` was still running after {} s and was killed{}", time_out.as_secs_f64(), printed(&output.tail()))]
    TimedOut {
        /// As it was asked for.
        program: String,
        /// The deadline.
        time_out: Duration,
        /// What it had printed until then.
        output: Box<Output>,
    },
    /// It ended with something else than status 0.
    #[error("`{program}` ended with {}{}", output.exit, printed(&output.tail()))]
    Failed {
        /// As it was asked for.
        program: String,
        /// What it left.
        output: Box<Output>,
    },
}

fn advice(package: Option<&str>) -> String {
    package.map_or_else(String::new, |package| format!("; it is in: {package}"))
}

fn printed(tail: &str) -> String {
    if tail.is_empty() { ", having printed nothing".into() } else { format!(", having printed:\n{tail}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tail_keeps_the_last_lines_and_never_cuts_a_character() {
        let text: String = (0..100).map(|i| format!("line {i}\n")).collect();
        let tail = tail_of(&text);
        assert!(tail.starts_with("line 70") && tail.ends_with("line 99"));
        assert_eq!(tail_of(&"é".repeat(4000)).len(), 4000);
    }

    #[test]
    fn a_signal_says_its_name() {
        assert_eq!(Exit::Signal(11).to_string(), "signal 11 (segmentation fault)");
        assert_eq!(Exit::Code(3).to_string(), "exit status 3");
    }
}
