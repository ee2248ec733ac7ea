//! Convolutions, fully connected layers, products of activations.

use super::{Element, Image, IntegerAdd, Requantize, Window};

/// Integer arithmetic of a linear op: `y = requantize(bias + sum (x - x_zero_point) * (w - w_zero_point))`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct IntegerLinear {
    /// Input type: `I8`, `U8` or `I16`.
    pub x: Element,
    /// Weight type: `I8` or `U8`.
    pub w: Element,
    /// Output type: `I8`, `U8` or `I16`.
    pub y: Element,
    /// Zero point of the input; padding has this value.
    pub x_zero_point: i32,
    /// Zero points of the weights: one, or one per output channel.
    pub w_zero_points: Vec<i32>,
    /// Weights in the order the spec states; every value fits `w`.
    pub weights: Vec<i16>,
    /// One per output channel (zeros when the op has none); each fits 32 bits unless `x` is `I16`.
    pub bias: Vec<i64>,
    /// From accumulator to output.
    pub requantize: Requantize,
}

/// Float arithmetic of a linear op: `y = clamp(bias + sum x * w)`.
#[derive(Clone, Debug, PartialEq)]
pub struct FloatLinear {
    /// Weights in the order the spec states.
    pub weights: Vec<f32>,
    /// One per output channel.
    pub bias: Vec<f32>,
    /// Smallest and largest output; infinities where there is no activation function.
    pub clamp: [f32; 2],
}

/// Arithmetic of a convolution or a fully connected layer.
#[derive(Clone, Debug, PartialEq)]
pub enum Linear {
    /// Integers, exact.
    Integer(IntegerLinear),
    /// Single precision.
    Float(FloatLinear),
}

/// 2-D convolution, dense, grouped or depthwise (`groups == input.c`).
///
/// Weights are `[c_out][k_h][k_w][c_in / groups]`. Output channel `o` reads group `o / (c_out / groups)`.
#[derive(Clone, Debug, PartialEq)]
pub struct Conv2dSpec {
    /// Input extent.
    pub input: Image,
    /// Output extent; `output.n == input.n`.
    pub output: Image,
    /// Kernel, stride, dilation, padding.
    pub window: Window,
    /// Divides `input.c` and `output.c`.
    pub groups: usize,
    /// Arithmetic.
    pub linear: Linear,
    /// A second operand added to the result in the same pass, of the output's shape: `y = add(conv, residual)`.
    /// `first` of the addition is the convolution's result, `second` the residual. Only with `Linear::Integer` and `I8`.
    pub residual: Option<IntegerAdd>,
}

impl Conv2dSpec {
    /// Multiply-accumulates, padding counted.
    #[must_use]
    pub fn macs(&self) -> u64 {
        let taps = self.window.kernel[0] * self.window.kernel[1] * (self.input.c / self.groups);
        self.output.elements() as u64 * taps as u64
    }

    /// One filter per input channel.
    #[must_use]
    pub fn is_depthwise(&self) -> bool {
        self.groups == self.input.c && self.groups > 1
    }
}

/// Fully connected: `x[rows][c_in]`, weights `[c_out][c_in]`, `y[rows][c_out]`.
#[derive(Clone, Debug, PartialEq)]
pub struct DenseSpec {
    /// Independent rows.
    pub rows: usize,
    /// Inputs of a row.
    pub c_in: usize,
    /// Outputs of a row.
    pub c_out: usize,
    /// Arithmetic.
    pub linear: Linear,
}

/// Matrix product of two activations: `y[b] = a[b] (m x k) * b[b] (k x n, or n x k transposed)`.
#[derive(Clone, Debug, PartialEq)]
pub struct MatMulSpec {
    /// Independent products.
    pub batch: usize,
    /// Rows of `a`.
    pub m: usize,
    /// Columns of `a`.
    pub k: usize,
    /// Columns of the result.
    pub n: usize,
    /// Whether `b` is stored n x k.
    pub transposed: bool,
    /// Whether one `b` serves every product of the batch.
    pub shared_b: bool,
    /// Arithmetic.
    pub op: MatMulOp,
}

/// See [`MatMulSpec`].
#[derive(Clone, Debug, PartialEq)]
pub enum MatMulOp {
    /// `requantize(sum (a - a_zero_point) * (b - b_zero_point))`; one element type for all three.
    Integer {
        /// Element type.
        element: Element,
        /// Zero points of the operands.
        zero_points: [i32; 2],
        /// From the integer result to the output.
        requantize: Requantize,
    },
    /// Single precision.
    F32,
}

/// A 1x1 convolution whose result only a windowed one reads: computed row by row, so that the tensor between them never exists as a
/// whole.
#[derive(Clone, Debug, PartialEq)]
pub struct FusedSpec {
    /// 1x1, stride 1, no padding, one image.
    pub first: Conv2dSpec,
    /// Reads `first`'s output; its padding has the value of `first`'s zero point.
    pub second: Conv2dSpec,
}
