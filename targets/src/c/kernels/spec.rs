//! What a kernel computes, in plain numbers: shapes, zero points, multipliers, weights.
//!
//! This is the border between a graph and generated C. Nothing here knows a graph, a file format or a core: the compile
//! stage lowers a node to one of these, and a [`KernelSet`](super::KernelSet) turns it into a C function.
//!
//! Conventions, the same for every spec:
//! - Tensors are dense, row-major, images in **N, H, W, C** order. A 1-D signal of length L is an image with `h = 1`.
//! - A real scale is carried as TFLite carries it: `multiplier / 2^31 * 2^shift` ([`Scale`]).
//! - A list "per channel" has one entry, meaning all channels, or exactly `c_out` entries.

mod elementwise;
mod linear;
mod moving;
mod reducing;

pub use elementwise::{
    AddOperand, BinaryOp, BinarySpec, Constants, IntegerAdd, IntegerMul, UnaryF32, UnaryOp, UnarySpec,
};
pub use linear::{
    Conv2dSpec, DenseSpec, FloatLinear, FusedSpec, IntegerLinear, Linear, MatMulOp, MatMulSpec,
};
pub use moving::{ConcatSpec, CopyBoxSpec, ResizeNearestSpec, TransposeSpec};
pub use reducing::{LayerNormSpec, PoolOp, PoolSpec, ReduceOp, ReduceSpec, SoftmaxOp, SoftmaxSpec};

/// Type of one stored number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Element {
    /// Signed 8-bit.
    I8,
    /// Unsigned 8-bit.
    U8,
    /// Signed 16-bit.
    I16,
    /// Signed 32-bit.
    I32,
    /// IEEE single precision.
    F32,
}

impl Element {
    /// The C11 type of one number.
    #[must_use]
    pub fn c_type(self) -> &'static str {
        match self {
            Element::I8 => "int8_t",
            Element::U8 => "uint8_t",
            Element::I16 => "int16_t",
            Element::I32 => "int32_t",
            Element::F32 => "float",
        }
    }

    /// Bytes of one number.
    #[must_use]
    pub fn bytes(self) -> usize {
        match self {
            Element::I8 | Element::U8 => 1,
            Element::I16 => 2,
            Element::I32 | Element::F32 => 4,
        }
    }

    /// Smallest and largest value of an integer type; `None` for float.
    #[must_use]
    pub fn range(self) -> Option<[i32; 2]> {
        match self {
            Element::I8 => Some([-128, 127]),
            Element::U8 => Some([0, 255]),
            Element::I16 => Some([-32768, 32767]),
            Element::I32 => Some([i32::MIN, i32::MAX]),
            Element::F32 => None,
        }
    }
}

/// How `x * scale` is rounded to an integer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Rounding {
    /// Once, half up: `(x * multiplier + 2^(30 - shift)) >> (31 - shift)` in 64 bits.
    Single,
    /// Twice, as gemmlowp: saturating rounding doubling high multiply, then a rounding right shift (half away from zero).
    Double,
}

/// A positive real factor: `multiplier / 2^31 * 2^shift`, `multiplier` in `2^30 .. 2^31` (or zero), `shift` in -31 ..= 30.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Scale {
    /// Fixed-point mantissa.
    pub multiplier: i32,
    /// Power of two; negative shifts right.
    pub shift: i32,
}

/// Extent of an image tensor, N, H, W, C.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Image {
    /// Images.
    pub n: usize,
    /// Rows.
    pub h: usize,
    /// Columns.
    pub w: usize,
    /// Channels.
    pub c: usize,
}

impl Image {
    /// Number of elements.
    #[must_use]
    pub fn elements(&self) -> usize {
        self.n * self.h * self.w * self.c
    }
}

/// A sliding window over rows and columns; every pair is `[rows, columns]`.
///
/// Padding behind the image is not stated: it follows from the output's extent, and whatever the window sees outside the image is padding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Window {
    /// Taps.
    pub kernel: [usize; 2],
    /// Distance between windows.
    pub stride: [usize; 2],
    /// Distance between taps; 1 is dense.
    pub dilation: [usize; 2],
    /// Padding above and left of the image.
    pub pad: [usize; 2],
}

/// How an accumulator becomes an output: `clamp(zero_point + round(acc * scale))`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Requantize {
    /// One scale, or one per output channel.
    pub scales: Vec<Scale>,
    /// Rounding of the product.
    pub rounding: Rounding,
    /// Zero point of the output.
    pub zero_point: i32,
    /// Smallest and largest output, activation function included.
    pub clamp: [i32; 2],
}

/// Any op the C targets can compute.
#[derive(Clone, Debug, PartialEq)]
pub enum OpSpec {
    /// Convolution; one input, or two with a residual.
    Conv2d(Conv2dSpec),
    /// Two convolutions, row by row.
    Fused(Box<FusedSpec>),
    /// Fully connected layer.
    Dense(DenseSpec),
    /// Two operands, element by element.
    Binary(BinarySpec),
    /// One operand, element by element.
    Unary(UnarySpec),
    /// Pooling.
    Pool(PoolSpec),
    /// Reduction over an axis.
    Reduce(ReduceSpec),
    /// Softmax.
    Softmax(SoftmaxSpec),
    /// Product of two activations.
    MatMul(MatMulSpec),
    /// Layer normalization.
    LayerNorm(LayerNormSpec),
    /// Concatenation; one input per entry of `inner`.
    Concat(ConcatSpec),
    /// Slice, pad, crop.
    CopyBox(CopyBoxSpec),
    /// Axis permutation.
    Transpose(TransposeSpec),
    /// Nearest-neighbour enlargement.
    ResizeNearest(ResizeNearestSpec),
}
