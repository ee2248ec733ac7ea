//! What to start, and under which bounds.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::error::{Error, Output};
use crate::run;

/// A program to run to its end.
///
/// Without further wishes it gets an empty standard input, this process's environment and directory,
/// 60 seconds, and 16 MiB of captured output per stream.
///
/// ```
/// let output = nasc_process::Command::new("sh").args(["-c", "cat; echo done >&2"]).stdin("hello").run_ok()?;
/// assert_eq!(output.stdout, b"hello");
/// assert_eq!(output.stderr, b"done\n");
/// # Ok::<(), nasc_process::Error>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "a command does nothing until it is run"]
pub struct Command {
    pub(crate) program: OsString,
    pub(crate) args: Vec<OsString>,
    pub(crate) env: Vec<(OsString, OsString)>,
    pub(crate) dir: Option<PathBuf>,
    pub(crate) stdin: Vec<u8>,
    pub(crate) time_out: Duration,
    pub(crate) capture: usize,
    pub(crate) foreground: bool,
}

impl Command {
    /// Runs `program`, looked up on `PATH` unless it has a directory part.
    pub fn new(program: impl AsRef<OsStr>) -> Self {
        Self {
            program: program.as_ref().to_owned(),
            args: Vec::new(),
            env: Vec::new(),
            dir: None,
            stdin: Vec::new(),
            time_out: Duration::from_secs(60),
            capture: 16 << 20,
            foreground: false,
        }
    }

    /// Runs `line`, a command as a user would type it in a shell, with `args` appended as separate words.
    pub fn shell<S: AsRef<OsStr>>(line: &str, args: impl IntoIterator<Item = S>) -> Self {
        // "$@" keeps blanks inside the appended words; the word after the script becomes $0.
        Self::new("sh").arg("-c").arg(format!("{line} \"$@\"")).arg("sh").args(args)
    }

    /// Appends an argument.
    pub fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.args.push(arg.as_ref().to_owned());
        self
    }

    /// Appends arguments.
    pub fn args<S: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = S>) -> Self {
        self.args.extend(args.into_iter().map(|arg| arg.as_ref().to_owned()));
        self
    }

    /// Sets a variable of the child's environment.
    pub fn env(mut self, key: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.env.push((key.as_ref().to_owned(), value.as_ref().to_owned()));
        self
    }

    /// The child's working directory.
    pub fn dir(mut self, dir: impl AsRef<Path>) -> Self {
        self.dir = Some(dir.as_ref().to_owned());
        self
    }

    /// The bytes of the child's standard input. A child that does not read them all is not an error.
    pub fn stdin(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.stdin = bytes.into();
        self
    }

    /// How long the child may run before it and all it started are killed.
    pub fn time_out(mut self, time_out: Duration) -> Self {
        self.time_out = time_out;
        self
    }

    /// How many bytes of each output stream are kept; what exceeds it is read and dropped.
    pub fn capture_limit(mut self, bytes: usize) -> Self {
        self.capture = bytes;
        self
    }

    /// Work that a person watches: the child writes to this process's own standard output and error instead of being
    /// captured, and stays in this process's group, so that Ctrl-C ends it too. At the deadline it alone is killed.
    pub fn foreground(mut self) -> Self {
        self.foreground = true;
        self
    }

    /// The program's name as it was asked for.
    pub fn program(&self) -> String {
        self.program.to_string_lossy().into_owned()
    }

    /// Runs the child to its end, however it ends.
    ///
    /// # Errors
    /// When it cannot be started, or was still running at its deadline.
    pub fn run(&self) -> Result<Output, Error> {
        run::run(self)
    }

    /// Runs the child to its end, which must be exit status 0.
    ///
    /// # Errors
    /// As [`run`](Self::run), and when the child ended in any other way.
    pub fn run_ok(&self) -> Result<Output, Error> {
        let output = self.run()?;
        if output.exit.success() {
            Ok(output)
        } else {
            Err(Error::Failed { program: self.program(), output: Box::new(output) })
        }
    }
}

/// The command as one could type it, for messages.
impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", quoted(&self.program))?;
        self.args.iter().try_for_each(|arg| write!(f, " {}", quoted(arg)))
    }
}

fn quoted(word: &OsStr) -> String {
    let word = word.to_string_lossy();
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_=+./:,@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.into_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_prints_as_it_would_be_typed() {
        let command = Command::new("gcc").args(["-O2", "a file.c", "it's"]);
        assert_eq!(command.to_string(), r"gcc -O2 'a file.c' 'it'\''s'");
    }
}
