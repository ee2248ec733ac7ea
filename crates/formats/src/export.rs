//! Export by format.

use std::path::Path;
use std::str::FromStr;

use ir::Graph;

use crate::error::ExportError;

/// A format graphs are written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// The text form, weights beside it.
    Nasc,
    /// ONNX, operator set 21; quantized values as QuantizeLinear and DequantizeLinear.
    Onnx,
    /// TFLite, schema version 3; integer ops as they are.
    Tflite,
}

impl Format {
    /// Every format.
    pub const ALL: [Format; 3] = [Format::Nasc, Format::Onnx, Format::Tflite];

    /// As the command line spells it.
    pub fn name(self) -> &'static str {
        match self {
            Format::Nasc => "nasc",
            Format::Onnx => "onnx",
            Format::Tflite => "tflite",
        }
    }
}

impl FromStr for Format {
    type Err = String;

    fn from_str(text: &str) -> Result<Format, String> {
        let found = Format::ALL.into_iter().find(|format| format.name() == text);
        found.ok_or_else(|| {
            let names: Vec<&str> = Format::ALL.iter().map(|format| format.name()).collect();
            format!("format `{text}`, one of {} expected", names.join(", "))
        })
    }
}

/// Writes a graph. Each file appears whole or not at all.
///
/// # Errors
/// [`ExportError`], with every node the format has no counterpart of.
pub fn export(graph: &Graph, path: impl AsRef<Path>, format: Format) -> Result<(), ExportError> {
    match format {
        Format::Nasc => crate::nasc::save(graph, path),
        Format::Onnx => crate::onnx::export(graph, path.as_ref()),
        Format::Tflite => crate::tflite::export(graph, path.as_ref()),
    }
}
