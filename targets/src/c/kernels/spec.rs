//! What a kernel computes, in plain numbers: shapes, zero points, multipliers, weights.
//!
//! This is the border between a graph and generated C. Nothing here knows a graph, a file format or a core: the compile
//! stage lowers a node to one of these, and a [`KernelSet`](super::KernelSet) turns it into a C function.
//!
//! Conventions, the same for every spec:
//! - Tensors are dense, row-major, images in **N, H, W, C** order. A 1-D signal of length L is an image with `h = 1`.
//! - A real scale is carried as TFLite carries it: `multiplier / 2^31 * 2^shift` ([`Scale`]).
//! - A list "per channel" has one entry, meaning all channels, or exactly `c_out` entries.

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

/// One operand of an integer addition: `round(((x - zero_point) << left_shift) * scale)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct AddOperand {
    /// Zero point of the operand.
    pub zero_point: i32,
    /// Scale against the common one; never above 1 (`shift <= 0`).
    pub scale: Scale,
}

/// Integer addition as TFLite defines it: both operands to a common scale, added, requantized.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct IntegerAdd {
    /// Common left shift: 20 for 8-bit operands, 15 for 16-bit.
    pub left_shift: i32,
    /// First operand.
    pub first: AddOperand,
    /// Second operand; subtracted where the op is a subtraction.
    pub second: AddOperand,
    /// From the sum to the output: one scale. Its rounding is also the operands'.
    pub output: Requantize,
}

/// Integer product: `requantize((a - a_zero_point) * (b - b_zero_point))`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct IntegerMul {
    /// Zero points of the operands.
    pub zero_points: [i32; 2],
    /// From the product to the output: one scale.
    pub output: Requantize,
}

/// What an element-wise op of two operands computes.
#[derive(Clone, Debug, PartialEq)]
pub enum BinaryOp {
    /// Integer sum.
    Add(IntegerAdd),
    /// Integer difference: the scaled second operand is subtracted.
    Sub(IntegerAdd),
    /// Integer product.
    Mul(IntegerMul),
    /// Float sum, clamped.
    AddF32 {
        /// Smallest and largest result.
        clamp: [f32; 2],
    },
    /// Float difference, clamped.
    SubF32 {
        /// Smallest and largest result.
        clamp: [f32; 2],
    },
    /// Float product, clamped.
    MulF32 {
        /// Smallest and largest result.
        clamp: [f32; 2],
    },
    /// Float quotient, clamped.
    DivF32 {
        /// Smallest and largest result.
        clamp: [f32; 2],
    },
    /// Larger of the two; integer operands share one quantization.
    Max,
    /// Smaller of the two; integer operands share one quantization.
    Min,
}

/// Element-wise op of two operands with broadcasting.
#[derive(Clone, Debug, PartialEq)]
pub struct BinarySpec {
    /// Type of operands and result (integer ops: `I8`, `U8` or `I16`).
    pub element: Element,
    /// Shapes of equal rank; an extent of 1 is broadcast.
    pub a: Vec<usize>,
    /// See `a`.
    pub b: Vec<usize>,
    /// Shape of the result.
    pub y: Vec<usize>,
    /// Arithmetic.
    pub op: BinaryOp,
    /// Second operand where it is a constant: its values (integers as they are, floats as bits), in the shape `b`.
    pub constant_b: Option<Constants>,
}

/// Values of a constant operand.
#[derive(Clone, Debug, PartialEq)]
pub enum Constants {
    /// Integers of any type.
    Integer(Vec<i32>),
    /// Single precision.
    Float(Vec<f32>),
}

/// A float function of one number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum UnaryF32 {
    /// `min(max(x, low), high)`; ReLU and ReLU6 too.
    Clip {
        /// Lower bound.
        low: f32,
        /// Upper bound.
        high: f32,
    },
    /// `x < 0 ? alpha * x : x`.
    LeakyRelu {
        /// Factor.
        alpha: f32,
    },
    /// `1 / (1 + exp(-x))`.
    Sigmoid,
    /// Hyperbolic tangent.
    Tanh,
    /// `x * sigmoid(x)`.
    Silu,
    /// `clip(alpha * x + beta, 0, 1)`.
    HardSigmoid {
        /// Factor.
        alpha: f32,
        /// Summand.
        beta: f32,
    },
    /// `x * clip(x + 3, 0, 6) / 6`.
    HardSwish,
    /// `x / 2 * (1 + erf(x / sqrt 2))`.
    GeluErf,
    /// The tanh form of GELU.
    GeluTanh,
    /// `e^x`.
    Exp,
    /// Natural logarithm.
    Log,
    /// Square root.
    Sqrt,
    /// `1 / x`.
    Reciprocal,
    /// `-x`.
    Neg,
    /// `|x|`.
    Abs,
    /// Error function.
    Erf,
    /// `x^exponent`.
    Pow {
        /// Exponent.
        exponent: f32,
    },
}

/// Element-wise op of one operand.
#[derive(Clone, Debug, PartialEq)]
pub struct UnarySpec {
    /// Number of elements.
    pub elements: usize,
    /// What is computed.
    pub op: UnaryOp,
}

/// See [`UnarySpec`].
#[derive(Clone, Debug, PartialEq)]
pub enum UnaryOp {
    /// Any function of one 8-bit number: `y = table[x - lowest]`, 256 entries, `lowest` being -128 or 0.
    Table {
        /// Input type.
        x: Element,
        /// Output type.
        y: Element,
        /// The function's values.
        table: Vec<i32>,
    },
    /// Another scale and zero point: `requantize(x - x_zero_point)`.
    Requantize {
        /// Input type.
        x: Element,
        /// Output type.
        y: Element,
        /// Zero point of the input.
        x_zero_point: i32,
        /// From the integer result to the output.
        requantize: Requantize,
    },
    /// Float to integer: `clamp(round_half_even(x / scale) + zero_point)`, or half away from zero as TFLite does.
    Quantize {
        /// Output type.
        y: Element,
        /// Real value of one step.
        scale: f32,
        /// Integer that stands for zero.
        zero_point: i32,
        /// Ties to even; else away from zero.
        half_even: bool,
    },
    /// Integer to float: `(x - zero_point) * scale`.
    Dequantize {
        /// Input type.
        x: Element,
        /// Real value of one step.
        scale: f32,
        /// Integer that stands for zero.
        zero_point: i32,
    },
    /// A float function.
    Float(UnaryF32),
}

/// Maximum or average over windows.
#[derive(Clone, Debug, PartialEq)]
pub struct PoolSpec {
    /// Input extent.
    pub input: Image,
    /// Output extent.
    pub output: Image,
    /// Kernel, stride, padding; average pooling has no dilation.
    pub window: Window,
    /// Type of input and output, which share one quantization (`I8`, `U8`, `I16`, `F32`).
    pub element: Element,
    /// What is computed.
    pub op: PoolOp,
}

/// See [`PoolSpec`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum PoolOp {
    /// Largest value inside the image, clamped.
    Max {
        /// Smallest and largest result.
        clamp: [f32; 2],
    },
    /// Mean of the values inside the image (or of the whole window), rounded half away from zero, clamped.
    Average {
        /// Divide by the whole window, padding included.
        include_pad: bool,
        /// Smallest and largest result.
        clamp: [f32; 2],
    },
}

/// Mean (or sum) over the middle axis of `[outer][reduced][inner]`.
#[derive(Clone, Debug, PartialEq)]
pub struct ReduceSpec {
    /// Leading extents.
    pub outer: usize,
    /// Extent that is summed.
    pub reduced: usize,
    /// Trailing extents.
    pub inner: usize,
    /// Type of input and output.
    pub element: Element,
    /// What is computed.
    pub op: ReduceOp,
}

/// See [`ReduceSpec`].
#[derive(Clone, Debug, PartialEq)]
pub enum ReduceOp {
    /// Integer: `requantize(sum - reduced * x_zero_point)`; the scale holds the division by `reduced` where it is a mean.
    Integer {
        /// Zero point of the input.
        x_zero_point: i32,
        /// From the integer result to the output.
        requantize: Requantize,
    },
    /// `sum / reduced`.
    MeanF32,
    /// `sum`.
    SumF32,
    /// Largest value, any type.
    Max,
}

/// Softmax over the last axis of `[rows][columns]`.
#[derive(Clone, Debug, PartialEq)]
pub struct SoftmaxSpec {
    /// Independent rows.
    pub rows: usize,
    /// Extent of the softmax.
    pub columns: usize,
    /// What is computed.
    pub op: SoftmaxOp,
}

/// See [`SoftmaxSpec`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum SoftmaxOp {
    /// `I8` or `U8`, output scale 1/256, gemmlowp fixed point: TFLite's reference kernel and CMSIS-NN.
    FixedPoint {
        /// Element type.
        element: Element,
        /// Input multiplier, as TFLite prepares it.
        multiplier: i32,
        /// Input left shift, as TFLite prepares it.
        left_shift: i32,
        /// Differences below count as zero.
        diff_min: i32,
    },
    /// `I8` or `U8`, output scale 1/256, a float table of exponentials: TFLite's optimised kernel. `beta_scale` is beta times the input's scale.
    FloatTable {
        /// Element type.
        element: Element,
        /// Beta times the input's scale.
        beta_scale: f32,
    },
    /// Single precision: `exp(beta * (x - max)) / sum`.
    F32 {
        /// Factor before the exponential.
        beta: f32,
    },
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

/// Layer normalization over the last axis, single precision: `(x - mean) / sqrt(var + epsilon) * gamma + beta`.
#[derive(Clone, Debug, PartialEq)]
pub struct LayerNormSpec {
    /// Independent rows.
    pub rows: usize,
    /// Extent of a row.
    pub columns: usize,
    /// Added to the variance.
    pub epsilon: f32,
    /// One per column.
    pub gamma: Vec<f32>,
    /// One per column.
    pub beta: Vec<f32>,
}

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

/// Any op the C targets can compute.
#[derive(Clone, Debug, PartialEq)]
pub enum OpSpec {
    /// Convolution; one input, or two with a residual.
    Conv2d(Conv2dSpec),
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
