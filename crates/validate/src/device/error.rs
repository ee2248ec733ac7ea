//! Why a device could not be timed.

use std::path::PathBuf;

/// Why a device could not be timed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The interpreter is not there or does not start.
    #[error("python `{}`: {source}", python.display())]
    Python {
        /// What was started.
        python: PathBuf,
        /// What the system said.
        source: process::Error,
    },
    /// The interpreter runs, the runtime is not installed in it.
    #[error("python `{}` has no package `{package}`: {why}", python.display())]
    Package {
        /// The interpreter.
        python: PathBuf,
        /// As a package index spells it.
        package: String,
        /// What the import said.
        why: String,
    },
    /// The child's answer is not what was agreed.
    #[error("{child}: answered `{line}`, {expected} expected")]
    Protocol {
        /// Which child.
        child: String,
        /// What it printed, shortened.
        line: String,
        /// What should have come.
        expected: &'static str,
    },
    /// A network does not run in the runtime.
    #[error("`{network}` does not run: {why}")]
    Network {
        /// Its name.
        network: String,
        /// What the runtime said.
        why: String,
    },
    /// A program or compiler failed.
    #[error(transparent)]
    Tool(#[from] process::Error),
    /// A file cannot be read or written.
    #[error("{}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A row of a table of samples is wrong.
    #[error("{}:{line}: {what}", path.display())]
    Row {
        /// The table.
        path: PathBuf,
        /// Line, from 1.
        line: usize,
        /// Found and expected.
        what: String,
    },
}

impl Error {
    pub(super) fn file(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { path, source }
    }

    pub(super) fn protocol(child: &str, line: &str, expected: &'static str) -> Self {
        // A child that prints a book is quoted by its first line.
        let line = line.lines().next().unwrap_or_default().chars().take(120).collect();
        Self::Protocol { child: child.to_owned(), line, expected }
    }
}
