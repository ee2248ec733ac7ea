//! Element-wise ops.

use super::{Element, Requantize, Scale};

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
