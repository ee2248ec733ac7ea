//! The plain data of mapping: a layer as a loop nest, and one way to tile, order and place it.
//!
//! A model evaluates it, a search produces it and a checker walks it; none of them owns it.

use std::fmt;

/// A loop of a layer. `K` and `C` count per group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Dim {
    /// Batch.
    N,
    /// Groups.
    G,
    /// Output channels of a group.
    K,
    /// Input channels of a group.
    C,
    /// Output rows.
    P,
    /// Output columns.
    Q,
    /// Kernel rows.
    R,
    /// Kernel columns.
    S,
}

/// Number of loops of a layer.
pub const DIMS: usize = 8;

/// One number a loop, indexed by [`Dim`].
pub type PerDim = [u64; DIMS];

impl Dim {
    /// Every loop, in index order.
    pub const ALL: [Dim; DIMS] = [Dim::N, Dim::G, Dim::K, Dim::C, Dim::P, Dim::Q, Dim::R, Dim::S];

    /// Letter in upper case, as in layer tables.
    pub fn letter(self) -> char {
        ['N', 'G', 'K', 'C', 'P', 'Q', 'R', 'S'][self as usize]
    }
}

impl fmt::Display for Dim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.letter())
    }
}

/// An operand of a layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Tensor {
    /// `w[G, K, C, R, S]`.
    Weight,
    /// `x[N, G, C, P*stride + R, Q*stride + S]`.
    Input,
    /// `y[N, G, K, P, Q]`, partial sums included.
    Output,
}

impl Tensor {
    /// Every operand, in index order.
    pub const ALL: [Tensor; 3] = [Tensor::Weight, Tensor::Input, Tensor::Output];

    /// Name as in hardware files.
    pub fn name(self) -> &'static str {
        ["weight", "input", "output"][self as usize]
    }

    /// Whether the operand's place depends on the loop.
    pub fn uses(self, dim: Dim) -> bool {
        match self {
            Tensor::Weight => !matches!(dim, Dim::N | Dim::P | Dim::Q),
            Tensor::Input => dim != Dim::K,
            Tensor::Output => !matches!(dim, Dim::C | Dim::R | Dim::S),
        }
    }
}

/// A convolution or matrix product as a loop nest; padding is already part of the input.
///
/// A dense layer is `P = Q = R = S = 1`, a matrix product of `m x k` by `k x n` is `N = m`, `C = k`, `K = n`, a depthwise convolution
/// `K = C = 1` with `G` channels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Layer {
    /// Iterations of each loop, at least 1.
    pub size: PerDim,
    /// Input rows, and columns, between neighbouring outputs.
    pub stride: u64,
}

/// A layer that no nest can be made of.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LayerError {
    /// A loop without iterations, or a stride of 0.
    #[error("{what} is 0, at least 1 expected")]
    Zero {
        /// Loop letter or `stride`.
        what: String,
    },
    /// More work than can be counted exactly in a double.
    #[error("the layer has more than 2^50 multiply-accumulates times the stride squared")]
    TooLarge,
}

impl Layer {
    /// Checks sizes and stride; multiply-accumulates times the stride squared stay within 2^50, so that every count of every
    /// mapping is exact in 64 bits and in a double.
    pub fn new(size: PerDim, stride: u64) -> Result<Self, LayerError> {
        for dim in Dim::ALL {
            if size[dim as usize] == 0 {
                return Err(LayerError::Zero { what: dim.to_string() });
            }
        }
        if stride == 0 {
            return Err(LayerError::Zero { what: "stride".into() });
        }
        let mut factors = size.iter().chain([&stride, &stride]);
        let fits = factors.try_fold(1u64, |all, &x| all.checked_mul(x).filter(|&x| x <= 1 << 50));
        fits.map(|_| Self { size, stride }).ok_or(LayerError::TooLarge)
    }

    /// Multiply-accumulates.
    pub fn macs(&self) -> u64 {
        self.size.iter().product()
    }
}

/// Each processing element's outermost loop, with one of the two tensors that depend on it held a slice at a time.
///
/// The other tensor, and the one that does not depend on the loop, are held for the whole tile of the element.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Slice {
    /// The outermost loop inside an element: `K` or `C`.
    pub dim: Dim,
    /// The tensor of which only the slice in hand is resident.
    pub tensor: Tensor,
}

/// One way to run a layer on a machine.
///
/// From the inside out: a processing element runs a tile of `pe` iterations; `spatial` elements side by side run a block of
/// `pe * spatial`; blocks are repeated in `order[0]` up to the tile of the buffers, `buffer`; those are repeated in `order[1]`
/// up to the layer. Every tile is a whole number of the tiles below it; the last one of a loop is what remains.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Mapping {
    /// Iterations of a loop inside one element.
    pub pe: PerDim,
    /// Elements a loop is spread over.
    pub spatial: PerDim,
    /// The same by axis of the array: their product is at least `spatial`.
    pub axes: [PerDim; 2],
    /// Iterations of a loop inside the buffers' tile: a multiple of `pe * spatial`, or the whole loop rounded up to one.
    pub buffer: PerDim,
    /// Loop orders, innermost first: blocks within the buffers' tile, and buffer tiles within the layer.
    pub order: [[Dim; DIMS]; 2],
    /// Uneven residency inside an element.
    pub slice: Option<Slice>,
    /// Whether a tensor passes by the buffers, by [`Tensor`]; always where no buffer holds it.
    pub bypass: [bool; 3],
}
