//! Import by content, its options and what it reports.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::str::FromStr;

use ir::Graph;

use crate::error::ImportError;

/// How integer ops round: a model file does not say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Rounding {
    /// LiteRT's reference kernels: convolutions twice, fully connected layers once.
    #[default]
    TfliteRef,
    /// LiteRT's optimized built-in kernels.
    TfliteBuiltin,
    /// LiteRT's default delegate: once everywhere.
    Xnnpack,
    /// CMSIS-NN: twice everywhere.
    CmsisNn,
}

impl Rounding {
    /// Every profile.
    pub const ALL: [Rounding; 4] =
        [Rounding::TfliteRef, Rounding::TfliteBuiltin, Rounding::Xnnpack, Rounding::CmsisNn];

    /// As the attribute `round` and the command line spell it.
    pub fn name(self) -> &'static str {
        match self {
            Rounding::TfliteRef => "tflite-ref",
            Rounding::TfliteBuiltin => "tflite-builtin",
            Rounding::Xnnpack => "xnnpack",
            Rounding::CmsisNn => "cmsis-nn",
        }
    }
}

impl FromStr for Rounding {
    type Err = String;

    fn from_str(text: &str) -> Result<Rounding, String> {
        let found = Rounding::ALL.into_iter().find(|r| r.name() == text);
        found.ok_or_else(|| {
            let names: Vec<&str> = Rounding::ALL.iter().map(|r| r.name()).collect();
            format!("rounding `{text}`, one of {} expected", names.join(", "))
        })
    }
}

/// What a model file leaves open.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ImportOptions {
    /// Stored in the attribute `round` of each integer op.
    pub rounding: Rounding,
    /// Extents for dynamic axes of inputs by the name the model gives them (`seq`, `height`). A dynamic first axis without an
    /// entry is the batch and becomes 1.
    pub dims: BTreeMap<String, usize>,
}

/// Something the import decided that the user should know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// A dynamic axis got an extent.
    Fixed {
        /// The input.
        input: String,
        /// Its axis.
        axis: usize,
        /// The extent's name, where the model gives one.
        dim: Option<String>,
        /// What it was fixed to.
        extent: usize,
    },
    /// Weights are quantized and activations are not: the weights are dequantized, and activations stay float. LiteRT quantizes
    /// the activations of such layers at run time; its outputs differ by that.
    DynamicRange {
        /// Layers of this kind.
        layers: usize,
    },
    /// A part of the file that was not imported.
    Ignored {
        /// What.
        what: String,
    },
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Notice::Fixed { input, axis, dim: Some(dim), extent } => {
                write!(f, "input `{input}`: dynamic axis {axis} (`{dim}`) fixed to {extent}")
            }
            Notice::Fixed { input, axis, dim: None, extent } => {
                write!(f, "input `{input}`: dynamic axis {axis} fixed to {extent}")
            }
            Notice::DynamicRange { layers } => write!(
                f,
                "{layers} layers have integer weights and float activations: weights are dequantized, activations stay float"
            ),
            Notice::Ignored { what } => write!(f, "{what}: ignored"),
        }
    }
}

/// A model as a graph.
#[derive(Debug, Clone)]
pub struct Imported {
    /// The network; verified by construction, weights are views of the file where they can be.
    pub graph: Graph,
    /// What was decided on the way.
    pub notices: Vec<Notice>,
}

/// What becomes of a foreign operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Coverage {
    /// `tflite` or `onnx`.
    pub format: &'static str,
    /// As the format names it.
    pub op: &'static str,
    /// Ops of the graph it becomes; empty where it is folded away or not supported.
    pub to: &'static [&'static str],
    /// Whether it is imported.
    pub supported: bool,
    /// Its restrictions, or the nearest supported form.
    pub note: &'static str,
}

/// One row for each foreign operator, TFLite first.
pub fn coverage() -> Vec<Coverage> {
    crate::tflite::coverage().chain(crate::onnx::coverage()).collect()
}

/// Reads a model, by content: TFLite, ONNX, or the `.nasc` text with its weights beside it.
///
/// # Errors
/// [`ImportError`], with the place in the file; all unsupported operators at once.
pub fn import(path: impl AsRef<Path>, options: &ImportOptions) -> Result<Imported, ImportError> {
    let path = path.as_ref();
    let file = crate::file::open(path).map_err(|source| ImportError::Io { path: path.to_owned(), source })?;
    if crate::tflite::looks_like(&file) {
        return crate::tflite::import(&file, options);
    }
    if path.extension().is_some_and(|e| e == "nasc") {
        return Ok(Imported { graph: crate::nasc::load(path)?, notices: Vec::new() });
    }
    if path.extension().is_some_and(|e| e == "onnx") || crate::onnx::looks_like(&file) {
        // A bare file name lies in the current folder.
        let folder = path.parent().map(|p| if p.as_os_str().is_empty() { Path::new(".") } else { p });
        return crate::onnx::import(&file, folder, options);
    }
    Err(ImportError::Format { path: path.to_owned(), first: file[..file.len().min(8)].to_vec() })
}
