//! What can be wrong with a file test, apart from failing.

use std::io;
use std::path::PathBuf;

/// Why a file test cannot be read or did not pass.
#[derive(Debug, thiserror::Error)]
pub enum FileTestError {
    /// A file or folder cannot be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A header line makes no sense.
    #[error("{}:{line}: {message}", path.display())]
    Header {
        /// The test.
        path: PathBuf,
        /// Its line, from 1.
        line: usize,
        /// Found and expected.
        message: String,
    },
    /// The program cannot be started or did not end in time.
    #[error("{}: {source}", path.display())]
    Program {
        /// The test.
        path: PathBuf,
        /// Why.
        source: process::Error,
    },
    /// The command did something else than the test says.
    #[error("{}: {message}", path.display())]
    Failed {
        /// The test.
        path: PathBuf,
        /// What was found and what was expected, over several lines.
        message: String,
    },
}

impl FileTestError {
    pub(super) fn io(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { path, source }
    }
}
