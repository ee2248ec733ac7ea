//! Pooling, reductions, softmax, normalization.

use super::{Element, Image, Requantize, Window};

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
