//! Why a model was not imported.

use std::fmt;
use std::path::PathBuf;

/// Why a model was not imported; nothing has been written anywhere.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// A file could not be read.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file is of no format that is read.
    #[error("{}: first bytes {first:02x?}; a .tflite (`TFL3` at byte 4), .onnx or .nasc file expected", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// How it begins.
        first: Vec<u8>,
    },
    /// The bytes break the TFLite file format.
    #[error("broken TFLite file: {0}")]
    TfliteWire(#[from] crate::tflite::WireError),
    /// The bytes break the ONNX file format.
    #[error("broken ONNX file: {0}")]
    OnnxWire(#[from] crate::onnx::WireError),
    /// The model says something that cannot be.
    #[error("{0}")]
    Model(#[from] ModelError),
    /// Operators without a counterpart: all of them.
    #[error("{0}")]
    Unsupported(Unsupported),
    /// The text of a `.nasc` file: every finding on its line.
    #[error("{}", lines(path, findings))]
    Text {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        findings: Vec<ir::Diagnostic>,
    },
    /// The weights beside a `.nasc` file.
    #[error("{}: {found}, {expected} expected", path.display())]
    Weights {
        /// The file.
        path: PathBuf,
        /// What was found.
        found: String,
        /// What was expected.
        expected: String,
    },
}

/// A statement of the model that cannot be: where, what was found, what was expected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {found}, {expected} expected")]
pub struct ModelError {
    /// Table and field, node or tensor.
    pub place: String,
    /// What was found there.
    pub found: String,
    /// What was expected.
    pub expected: String,
}

/// The operators of a model that have no counterpart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unsupported(pub Vec<UnsupportedOp>);

/// A use of an operator that has no counterpart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnsupportedOp {
    /// The operator as its format names it.
    pub op: String,
    /// Which use of it: number, name or result.
    pub node: String,
    /// What about it, where the operator as such is supported.
    pub reason: Option<String>,
    /// The nearest form that is supported.
    pub nearest: String,
}

impl fmt::Display for Unsupported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let uses = if self.0.len() == 1 { "operator is" } else { "operators are" };
        write!(f, "{} {uses} not supported:", self.0.len())?;
        for op in &self.0 {
            write!(f, "\n  {} ({})", op.op, op.node)?;
            if let Some(reason) = &op.reason {
                write!(f, ": {reason}")?;
            }
            write!(f, "; nearest: {}", op.nearest)?;
        }
        Ok(())
    }
}

fn lines(path: &std::path::Path, findings: &[ir::Diagnostic]) -> String {
    let lines: Vec<String> = findings.iter().map(|finding| format!("{}:{finding}", path.display())).collect();
    lines.join("\n")
}

/// What is wrong with one node or tensor; the importer adds the place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The model contradicts itself.
    Wrong { found: String, expected: String },
    /// The model is sound but says what has no counterpart.
    Unsupported { reason: String, nearest: String },
    /// A value this one is computed from was not imported; that has been reported.
    Poisoned,
}

impl Fault {
    pub(crate) fn wrong(found: impl Into<String>, expected: impl Into<String>) -> Fault {
        Fault::Wrong { found: found.into(), expected: expected.into() }
    }

    pub(crate) fn unsupported(reason: impl Into<String>, nearest: impl Into<String>) -> Fault {
        Fault::Unsupported { reason: reason.into(), nearest: nearest.into() }
    }
}

impl From<ir::AddError> for Fault {
    fn from(error: ir::AddError) -> Fault {
        Fault::wrong(error.to_string(), "operands and attributes that fit")
    }
}

/// Why a graph was not exported; no file has been left behind.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// A file could not be written.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Two weights of different content have one name.
    #[error("two different weights are called `{name}`, distinct names expected")]
    SameName {
        /// The name.
        name: String,
    },
    /// The weights do not fit their format.
    #[error("weights: {0}")]
    Weights(String),
    /// A weight without data: the network is untrained.
    #[error("weight `{name}` has no data, a trained network expected")]
    Untrained {
        /// The weight.
        name: String,
    },
    /// Nodes the format has no counterpart of: all of them.
    #[error("{}", .0.join("\n"))]
    Unsupported(Vec<String>),
}
