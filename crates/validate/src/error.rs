//! Why an artifact could not be measured.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

/// Where a target was when it stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Before its first line: loading, start-up.
    Start,
    /// In this run; the run after the last is the repeat of run 0.
    Run(usize),
    /// After its last line.
    End,
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Start => write!(f, "at start-up, before the first run"),
            Self::Run(run) => write!(f, "in run {run}"),
            Self::End => write!(f, "after the last run"),
        }
    }
}

/// Why an artifact could not be measured. Wrong outputs are not an error but part of the measurement.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file of ours, or one of the artifact's, cannot be read or written.
    #[error("{}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The given bytes do not fit the artifact's interface.
    #[error("run {run}: {port} has {found} {}, {expected} expected", if port.starts_with('`') { "bytes" } else { "entries" })]
    Interface {
        /// Which run.
        run: usize,
        /// The port's C name, or the list that is too short or too long.
        port: String,
        /// What was given.
        found: usize,
        /// What the interface says.
        expected: usize,
    },
    /// A compiler or emulator is missing, cannot be started, or does not end.
    #[error(transparent)]
    Tool(#[from] process::Error),
    /// The compiler refused.
    #[error("cannot build {what}: the compiler said\n{said}")]
    Build {
        /// The file, or what was being linked.
        what: String,
        /// Its messages.
        said: String,
    },
    /// The target did not end in time.
    #[error("{board}: still running after {} s, {stage}{printed}", time_out.as_secs_f64())]
    Hung {
        /// What ran it.
        board: String,
        /// The deadline.
        time_out: Duration,
        /// Where it was.
        stage: Stage,
        /// What else it printed, ready to append.
        printed: String,
    },
    /// The target's fault handler reported, or the system killed it.
    #[error("{board}: {what} {stage}{place}{printed}")]
    Fault {
        /// What ran it.
        board: String,
        /// The handler's line, or the signal.
        what: String,
        /// Where it was.
        stage: Stage,
        /// The function, where the handler reported an address: ` (at model_op_3 + 0x10)`.
        place: String,
        /// What else it printed, ready to append.
        printed: String,
    },
    /// The target ended without finishing.
    #[error("{board}: ended with {exit} {stage}{printed}")]
    Crashed {
        /// What ran it.
        board: String,
        /// How.
        exit: process::Exit,
        /// Where it was.
        stage: Stage,
        /// What else it printed, ready to append.
        printed: String,
    },
    /// A line of the protocol makes no sense.
    #[error("{board}: line `{line}`: {reason}")]
    Protocol {
        /// What ran it.
        board: String,
        /// As printed.
        line: String,
        /// Found and expected.
        reason: String,
    },
    /// `PREFIX_invoke` reported failure.
    #[error("{board}: {function} returned {status} in run {run}, 0 expected")]
    Status {
        /// What ran it.
        board: String,
        /// The C function.
        function: String,
        /// What it returned.
        status: i64,
        /// In which run.
        run: usize,
    },
    /// An output did not come back whole.
    #[error("{board}: run {run} gave {found} bytes of {port}, {expected} expected")]
    Output {
        /// What ran it.
        board: String,
        /// In which run.
        run: usize,
        /// The output's C name.
        port: String,
        /// What came.
        found: usize,
        /// What the interface says.
        expected: usize,
    },
    /// The linked file cannot be read.
    #[error("the linked file: {0}")]
    Elf(#[from] object::Error),
}

impl Error {
    pub(crate) fn file(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { path, source }
    }
}
