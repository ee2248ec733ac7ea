//! Why a command did not do what was asked, and what the process ends with.

use serde::Serialize;
use std::fmt::Display;
use std::path::Path;

/// Why a command did not do what was asked.
#[derive(Debug, Serialize)]
pub(crate) struct Failure {
    /// Whose matter it is.
    pub(crate) kind: Kind,
    /// What was found and what was expected; may run over several lines.
    pub(crate) message: String,
    /// Findings with their place, where the input has lines.
    pub(crate) findings: Vec<Finding>,
    /// What to do next.
    pub(crate) help: Vec<String>,
    /// What else `--json` says.
    #[serde(flatten)]
    pub(crate) data: serde_json::Map<String, serde_json::Value>,
}

/// Whose matter a failure is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    /// The question was sound and the answer is no.
    No,
    /// The input is wrong.
    Input,
    /// Nobody reads what we print any more.
    Closed,
}

/// One thing that is wrong, and where.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Finding {
    pub(crate) file: String,
    pub(crate) line: usize,
    pub(crate) column: usize,
    pub(crate) message: String,
}

impl Finding {
    /// A diagnostic of a text, and the file it is in.
    pub(crate) fn new(file: &str, found: ir::Diagnostic) -> Self {
        Self { file: file.to_owned(), line: found.line, column: found.column, message: found.message }
    }
}

impl Failure {
    fn new(kind: Kind, message: impl Into<String>) -> Self {
        let data = serde_json::Map::new();
        Self { kind, message: message.into(), findings: Vec::new(), help: Vec::new(), data }
    }

    /// The answer is no.
    pub(crate) fn no(message: impl Into<String>) -> Self {
        Self::new(Kind::No, message)
    }

    /// The input is wrong.
    pub(crate) fn input(message: impl Into<String>) -> Self {
        Self::new(Kind::Input, message)
    }

    /// A file cannot be read or written.
    pub(crate) fn file(path: &Path, error: &std::io::Error) -> Self {
        Self::input(format!("{}: {error}", path.display()))
    }

    /// An error of a library, behind the thing it is about.
    pub(crate) fn about(thing: impl Display, error: &dyn std::error::Error) -> Self {
        Self::input(format!("{thing}: {}", chain(error)))
    }

    /// Adds what to do next.
    pub(crate) fn help(mut self, line: impl Into<String>) -> Self {
        self.help.push(line.into());
        self
    }

    /// Adds a key of `--json`.
    pub(crate) fn with(mut self, key: &str, value: impl Serialize) -> Self {
        let value = serde_json::to_value(value).expect("plain data becomes JSON");
        self.data.insert(key.to_owned(), value);
        self
    }

    /// What the process ends with.
    pub(crate) fn exit_code(&self) -> u8 {
        match self.kind {
            Kind::No => 1,
            Kind::Input => 2,
            Kind::Closed => 0,
        }
    }
}

/// Failures of printing: a closed pipe is the reader's way to say that it has enough.
impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        let kind = if error.kind() == std::io::ErrorKind::BrokenPipe { Kind::Closed } else { Kind::Input };
        Self::new(kind, format!("standard output: {error}"))
    }
}

/// An error with what caused it, where the cause is not already in its text.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        cause = error.source();
    }
    text
}
