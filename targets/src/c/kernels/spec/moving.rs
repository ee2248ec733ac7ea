//! Ops that only move numbers.

use super::{Element, Image};

/// Inputs joined along one axis: `y[outer][sum of inner]`, input `i` being `[outer][inner[i]]`.
#[derive(Clone, Debug, PartialEq)]
pub struct ConcatSpec {
    /// Extents before the axis.
    pub outer: usize,
    /// Extents from the axis on, one per input.
    pub inner: Vec<usize>,
    /// Type of inputs and output, which share one quantization (requantize before where they do not).
    pub element: Element,
}

/// A box of the input copied to a place in a filled output: slice, pad and crop.
#[derive(Clone, Debug, PartialEq)]
pub struct CopyBoxSpec {
    /// Element type.
    pub element: Element,
    /// Input shape, at most 6 axes.
    pub x: Vec<usize>,
    /// Output shape, same rank.
    pub y: Vec<usize>,
    /// Where the output's first element lies in the input, per axis; negative is padding before.
    pub offset: Vec<isize>,
    /// Step in the input per output element, per axis (1 unless a strided slice).
    pub step: Vec<isize>,
    /// Value outside the input.
    pub fill: f64,
}

/// Axes permuted: `y[i[perm[0]], i[perm[1]], ..] = x[i[0], i[1], ..]`.
#[derive(Clone, Debug, PartialEq)]
pub struct TransposeSpec {
    /// Element type.
    pub element: Element,
    /// Input shape, at most 6 axes.
    pub x: Vec<usize>,
    /// Output axis `i` is input axis `perm[i]`.
    pub perm: Vec<usize>,
}

/// Images enlarged by whole factors.
#[derive(Clone, Debug, PartialEq)]
pub struct ResizeNearestSpec {
    /// Element type.
    pub element: Element,
    /// Input extent.
    pub input: Image,
    /// Output extent; output row `r` reads input row `r * input.h / output.h`.
    pub output: Image,
}
