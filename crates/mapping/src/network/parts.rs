//! The parts a graph consists of, as a machine sees them: loop nests, and ops that stream words.

use super::conv;
use super::products;
use super::words::{self, Words};
use hw::machine::{Layer, LayerError};
use ir::{Graph, Kind, Value};

/// What has to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Work {
    /// A convolution or matrix product.
    Nest(Layer),
    /// Anything else: so many operations on so many words.
    Words(Words),
}

/// One piece of work of a graph. Most ops are one; attention is two products and a softmax.
#[derive(Debug, Clone, PartialEq)]
pub struct Part {
    /// The value it computes, with a suffix where the op has several parts.
    pub label: String,
    /// The op's name.
    pub op: &'static str,
    /// The value the op defines.
    pub value: Value,
    /// What has to be done.
    pub work: Work,
    /// Where the work is not exactly the op's: what was read as what.
    pub notes: Vec<String>,
}

/// An op no nest can be made of.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{label}` ({op}): {error}")]
pub struct PartError {
    /// The value it computes.
    pub label: String,
    /// The op's name.
    pub op: &'static str,
    /// Why.
    pub error: LayerError,
}

/// The parts of a graph in the order they can run.
///
/// Convolutions become nests with the padding in their input; biases and activations ride along for free, a residual is a part of
/// its own. An op without elements, and a reshape, which moves nothing, are left out. Constants cost nothing.
///
/// - `stride` of a nest is one number. Where rows and columns differ and the kernel is wider than 1 along both, the larger is taken
///   for both: neighbouring windows then share less than they do, so that no input word is left out.
/// - A dilation that shares no divisor with the stride splits the output along that axis into as many interleaved convolutions
///   without dilation, run as a larger batch (Chen et al., "Semantic Image Segmentation with Deep Convolutional Nets", 2015,
///   section 3.1). That is exact where the output's extent is a multiple of it; elsewhere the nest has a few outputs too many.
/// - A matrix product with one side shared by the whole batch is one with more rows; otherwise each product is a group.
///
/// # Errors
/// Where an op is too large to be counted exactly.
pub fn parts(graph: &Graph) -> Result<Vec<Part>, PartError> {
    let mut parts = Vec::new();
    for value in graph.topological() {
        let node = graph.node(value);
        let Kind::Op { op, .. } = node.kind() else { continue };
        let empty = node.ty().elements() == 0
            || node.operands().iter().flatten().any(|&o| graph.ty(o).elements() == 0);
        if empty || node.is("reshape") {
            continue;
        }
        let found = match op.name {
            "conv2d" | "conv1d" => conv::read(graph, value),
            "dense" => products::dense(graph, value),
            "matmul" => products::matmul(graph, value),
            "attention" => products::attention(graph, value),
            _ => Ok(vec![words::read(graph, value)]),
        };
        let label = graph.label(value);
        let label = label.trim_start_matches('%');
        let found = found.map_err(|error| PartError { label: label.to_owned(), op: op.name, error })?;
        parts.extend(found.into_iter().map(|piece| Part {
            label: format!("{label}{}", piece.suffix),
            op: op.name,
            value,
            work: piece.work,
            notes: piece.notes,
        }));
    }
    Ok(parts)
}

/// A part before it has its name.
pub(super) struct Piece {
    pub(super) suffix: &'static str,
    pub(super) work: Work,
    pub(super) notes: Vec<String>,
}

impl Piece {
    pub(super) fn nest(layer: Layer) -> Self {
        Self { suffix: "", work: Work::Nest(layer), notes: Vec::new() }
    }

    pub(super) fn words(words: Words) -> Self {
        Self { suffix: "", work: Work::Words(words), notes: Vec::new() }
    }

    pub(super) fn called(mut self, suffix: &'static str) -> Self {
        self.suffix = suffix;
        self
    }

    pub(super) fn noting(mut self, note: impl Into<String>) -> Self {
        self.notes.push(note.into());
        self
    }
}
