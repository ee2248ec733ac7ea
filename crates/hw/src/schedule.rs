//! Whole networks as plain data: layers with the tensors between them, and the steps one machine runs them in.
//!
//! A search (`nasc-mapping`) writes a [`Schedule`] and a checker (`nasc-check`) replays it; neither owns it. Every layer makes one
//! tensor, `rows` rows of `row_words` words. Words are the machine's.

use crate::machine::{Layer, Mapping};
use std::ops::Range;

/// Which rows of an operand a row of the result needs: result row `r` needs the rows from `r*stride - pad`, `kernel` of them,
/// those that exist. Padding is made where it is read and stored nowhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Window {
    /// Rows needed for one row, at least 1.
    pub kernel: u64,
    /// Rows between the windows of neighbouring rows, at least 1.
    pub stride: u64,
    /// Rows of padding above the first.
    pub pad: u64,
}

impl Window {
    /// Row for row.
    pub const SAME: Window = Window { kernel: 1, stride: 1, pad: 0 };
}

/// Where an operand comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Source {
    /// The network's caller: it stands in the backing store.
    Outside {
        /// Rows.
        rows: u64,
        /// Words of one.
        row_words: u64,
    },
    /// An earlier layer.
    Layer(usize),
}

/// A tensor a layer reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Operand {
    /// Where it comes from.
    pub source: Source,
    /// Which rows are needed.
    pub window: Window,
}

/// What a layer does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Task {
    /// A convolution or matrix product with one operand beside its weights; a row of the result is one iteration of `P`, so that
    /// `rows` is `P` and `row_words` is `N*G*K*Q`.
    Nest(Layer),
    /// Anything else: it reads the rows from the first to the last its operands' windows name once and writes its own.
    Stream {
        /// Arithmetic for one row of the result.
        operations_per_row: u64,
    },
}

/// A layer and the tensor it makes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NetLayer {
    /// Name in reports.
    pub name: String,
    /// What it does.
    pub task: Task,
    /// What it reads beside weights.
    pub operands: Vec<Operand>,
    /// Rows of its result.
    pub rows: u64,
    /// Words of one of them.
    pub row_words: u64,
    /// Whether the caller wants the result: it must end in the backing store. Always so where no layer reads it.
    pub output: bool,
}

/// A network: layers in an order they can run in.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Net {
    /// The layers; operands name earlier ones.
    pub layers: Vec<NetLayer>,
}

/// A memory a tensor is at home in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Place {
    /// The backing store.
    Backing,
    /// The buffer that holds inputs and outputs.
    Buffer,
}

/// What happens next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// A layer makes rows of its result.
    Run {
        /// Which layer.
        layer: usize,
        /// Which rows.
        rows: Range<u64>,
        /// How, for a nest: of the layer with `P` the number of rows, tensors at home in the buffer passing by it.
        mapping: Option<Box<Mapping>>,
    },
    /// A layer's weights are copied into the buffer.
    LoadWeights(usize),
    /// They are no longer needed there.
    FreeWeights(usize),
    /// Rows of a layer's result below this one are no longer needed in the buffer.
    Free {
        /// Which layer's.
        layer: usize,
        /// The first row kept.
        below: u64,
    },
}

/// How a network runs.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Schedule {
    /// Where each layer's result is at home, by layer.
    pub place: Vec<Place>,
    /// What happens, in order.
    pub actions: Vec<Action>,
}
