//! Named rounding profiles: which runtime's integer arithmetic an op follows, bit for bit.
//!
//! | op | `tflite-ref` | `tflite-builtin` | `xnnpack` | `cmsis-nn` |
//! | --- | --- | --- | --- | --- |
//! | conv2d, conv1d | Double | DoubleUp; scalar remainders Double | Float | Double |
//! | dense | Real (u8: Double) | DoubleUp | Float | Double |
//! | matmul | Double | Double | Float | Double |
//! | add, sub | shifted, Double | as ref | common, Single | shifted, Double |
//! | mul | Double | Double | Float | Double |
//! | div | reciprocal, Double | as ref | as ref | as ref |
//! | relu, relu6, clip, prelu, abs, neg | Double | Double | Double | Double |
//! | leaky_relu | Double | Double | 8-bit factor, Single | Double |
//! | requantize, concat | Double | DoubleUp | 8-bit factor, Single | Double |
//! | mean | Double, sum - n * zero | over h and w of an image: DoubleUp, zero folded; else as ref | `f32`, zero folded, halves to even | Double |
//! | sum | Double | `f32`, zero folded, halves away | `f32`, zero folded, halves to even | Double |
//! | avg_pool2d | integer division, halves away from zero | same | same | same |
//! | softmax | fixed point | table of `f32` | table of `f32` | fixed point |
//! | sigmoid, tanh | table of `f32` | table of `f32` | table of `f32`, halves to even | fixed point |
//! | hard_swish | fixed point, 16 bit | same | same | same |
//! | other functions of one operand | table of `f32` | table of `f32` | table of `f32`, halves to even | table of `f32` |
//! | maximum, minimum | operands requantized, then compared | same | same | same |
//!
//! Schemes are those of [`crate::fixed::Scheme`]. Factors: convolutions and requantize divide in `f64`; dense per tensor
//! (but in the reference) and matmul multiply the two scales in `f32` and divide in `f64`; mul, leaky_relu, prelu and relu
//! compute in `f32`. A fused activation clamps behind the scaling.
//!
//! 16-bit activations: the sums of convolutions and of matmul are scaled from 64 bits with a mantissa of 15 bits
//! ([`Scaler::apply_wide`]) under every profile, unless a 32-bit bias says they fit; dense is Real under LiteRT's profiles.
//! `xnnpack` is `tflite-builtin` there ([`Rounding::for_bits`]).
//!
//! Scalar remainders: TFLite's vector kernels round halves up in the second step, the scalar code for what fills no vector
//! rounds them away from zero. Reproduced for depthwise convolution (runs of 8 channels; other grouped convolutions are
//! scalar) and mean (runs of 16 channels); not for requantize and concat, where it is the last elements in memory.
//!
//! What was compared: `tflite-ref`, `tflite-builtin` and `xnnpack` are LiteRT 2.3.0 on x86-64, by running single ops and
//! whole networks under the three resolvers; the cases are in this crate's tests. Not reproduced: LiteRT's reference sum
//! of `i8` and quantized quotients so small that its shift leaves 31 bits, where it reads or shifts what it should not.
//! `cmsis-nn` is read from sources, not run: CMSIS-NN, and TFLite Micro, whose kernels without CMSIS-NN counterpart are
//! TFLite's reference kernels. XNNPACK leaves an op to the built-in kernels where its scales are outside what its kernels
//! take: add and sub outside `2^-10 .. 2^8`, the 8-bit factors outside `2^-8 ..= 2^7`.
//!
//! Sources: LiteRT (f67457790) `tflite/kernels` and `tflite/delegates/xnnpack`, ruy, gemmlowp, XNNPACK (75db3c093b)
//! `src/microparams-init.c` and `src/operators`, CMSIS-NN (99f736a6) `Source`, TFLite Micro (90b983c2b)
//! `micro/kernels/cmsis_nn`.

use crate::fixed::{Multiplier, Scaler, Scheme, quantize_multiplier, saturate};
use std::fmt;

/// A runtime whose integer results are reproduced bit for bit, as the attribute `round` names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Rounding {
    /// LiteRT's reference kernels.
    #[default]
    TfliteRef,
    /// LiteRT's built-in kernels without a delegate, on x86-64.
    TfliteBuiltin,
    /// LiteRT with its default delegate.
    Xnnpack,
    /// TFLite Micro with CMSIS-NN.
    CmsisNn,
}

impl Rounding {
    /// Every profile, the default first, in the order the op table lists them.
    pub const ALL: [Self; 4] = [Self::TfliteRef, Self::TfliteBuiltin, Self::Xnnpack, Self::CmsisNn];

    /// The profile of this name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|profile| profile.name() == name)
    }

    /// As the attribute `round` writes it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::TfliteRef => "tflite-ref",
            Self::TfliteBuiltin => "tflite-builtin",
            Self::Xnnpack => "xnnpack",
            Self::CmsisNn => "cmsis-nn",
        }
    }

    /// The profile for operands of up to `bits` bits: XNNPACK has kernels for 8 bits and leaves wider ones to the built-in
    /// kernels.
    #[must_use]
    pub fn for_bits(self, bits: u32) -> Self {
        if self == Self::Xnnpack && bits > 8 { Self::TfliteBuiltin } else { self }
    }

    /// The scaler of one output channel of a convolution: scales of operand, weights (of that channel) and result.
    #[must_use]
    pub fn conv(self, [x, w, y]: [f32; 3], form: ConvForm, channel: usize) -> Scaler {
        let factor = factor([x, w, y], form.unsigned);
        match self {
            Self::TfliteRef | Self::CmsisNn => Scaler::new(factor, Scheme::Double),
            Self::TfliteBuiltin if form.vectorized(channel) => Scaler::new(factor, Scheme::DoubleUp),
            Self::TfliteBuiltin => Scaler::new(factor, Scheme::Double),
            Self::Xnnpack => Scaler::new(f64::from(x * w / y), Scheme::Float),
        }
    }

    /// The scaler of a fully connected layer's accumulators: scales of operand, weights and result; `unsigned` where the
    /// operand is `u8`, `per_channel` where the weights have a scale for each output.
    #[must_use]
    pub fn dense(self, [x, w, y]: [f32; 3], unsigned: bool, per_channel: bool) -> Scaler {
        match self {
            Self::TfliteRef if !unsigned => Scaler::new(factor([x, w, y], false), Scheme::Real),
            Self::Xnnpack => Scaler::new(f64::from(x * w / y), Scheme::Float),
            Self::TfliteBuiltin => Scaler::new(factor([x, w, y], !per_channel), Scheme::DoubleUp),
            Self::TfliteRef | Self::CmsisNn => Scaler::new(factor([x, w, y], !per_channel), Scheme::Double),
        }
    }

    /// The scaler of the accumulators of a product of two activations.
    #[must_use]
    pub fn matmul(self, [a, b, y]: [f32; 3]) -> Scaler {
        match self {
            Self::Xnnpack => Scaler::new(f64::from(a * b / y), Scheme::Float),
            _ => Scaler::new(factor([a, b, y], true), Scheme::Double),
        }
    }

    /// The scaler of elementwise products.
    #[must_use]
    pub fn product(self, [a, b, y]: [f32; 3]) -> Scaler {
        let scheme = if self == Self::Xnnpack { Scheme::Float } else { Scheme::Double };
        Scaler::new(f64::from(a * b / y), scheme)
    }

    /// The scaler from one scale to another where an op moves or compares values of up to `bits` bits: requantize, concat.
    #[must_use]
    pub fn requantize(self, from: f32, to: f32, bits: u32) -> Scaler {
        let factor = f64::from(from) / f64::from(to);
        match self {
            Self::TfliteRef | Self::CmsisNn => Scaler::new(factor, Scheme::Double),
            Self::Xnnpack => eight_bit(from / to, bits).unwrap_or(Scaler::new(factor, Scheme::DoubleUp)),
            Self::TfliteBuiltin => Scaler::new(factor, Scheme::DoubleUp),
        }
    }

    /// The scaler of a clamp between two scales: relu and its kin.
    #[must_use]
    pub fn clamp(self, from: f32, to: f32) -> Scaler {
        Scaler::new(f64::from(from / to), Scheme::Double)
    }

    /// The scalers of leaky_relu, above and below zero; the second for the magnitude of `alpha`.
    #[must_use]
    pub fn leaky_relu(self, from: f32, to: f32, alpha: f32, bits: u32) -> [Scaler; 2] {
        let (above, below) = (from / to, alpha.abs() * (from / to));
        if self == Self::Xnnpack
            && let (Some(above), Some(below)) = (eight_bit(above, bits), eight_bit(below, bits))
        {
            return [above, below];
        }
        [above, from * alpha.abs() / to].map(|factor| Scaler::new(f64::from(factor), Scheme::Double))
    }
}

/// What decides which kernel of a runtime computes a convolution.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConvForm {
    /// The operand is `u8`: TFLite multiplies the scales of operand and weights in `f32`.
    pub unsigned: bool,
    /// Groups the channels are split into.
    pub groups: usize,
    /// Input channels of all groups.
    pub c_in: usize,
    /// Output channels of all groups.
    pub c_out: usize,
}

impl ConvForm {
    /// Whether TFLite's built-in kernels compute the channel with vector instructions: all of an ungrouped convolution,
    /// whole runs of 8 of a depthwise one, none of another grouped one.
    #[must_use]
    pub fn vectorized(self, channel: usize) -> bool {
        let depthwise = self.groups == self.c_in && self.groups > 1;
        self.groups == 1 || (depthwise && channel < self.c_out / 8 * 8)
    }
}

/// `x * w / y` as TFLite computes it: the product in `f32` or `f64`, the quotient in `f64`.
fn factor([x, w, y]: [f32; 3], single: bool) -> f64 {
    let product = if single { f64::from(x * w) } else { f64::from(x) * f64::from(w) };
    product / f64::from(y)
}

/// XNNPACK's conversion between scales: the factor rounded to a multiple of 1/256. `None` where it has none.
fn eight_bit(factor: f32, bits: u32) -> Option<Scaler> {
    let within = bits <= 8 && (1.0 / 256.0..=128.0).contains(&factor);
    within.then(|| Scaler::new(f64::from((256.0 * factor).round_ties_even()) / 256.0, Scheme::Single))
}

/// The quantized sum or difference of two values on scales of their own.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum AddScaler {
    /// TFLite: both operands are shifted left, scaled to twice the larger scale, added, and scaled to the result.
    Shifted {
        /// 20 bits for 8-bit operands, 15 for 16-bit ones.
        left: u32,
        /// Factor of the first operand.
        a: Multiplier,
        /// Factor of the second operand.
        b: Multiplier,
        /// 1, or -1 for a difference.
        sign: i32,
        /// Factor of the sum.
        sum: Multiplier,
    },
    /// XNNPACK: both operands are multiplied by factors of one power of two, added, and shifted right, halves up.
    Common {
        /// Factor of the first operand.
        a: i32,
        /// Factor of the second operand; negative for a difference.
        b: i32,
        /// Right shift, 12 to 30.
        shift: u32,
    },
}

impl AddScaler {
    /// The constants for operands on scales `a` and `b`, the result on scale `y`, all of `bits` bits.
    #[must_use]
    pub fn new([a, b, y]: [f32; 3], sign: i32, bits: u32, rounding: Rounding) -> Self {
        let common = (rounding == Rounding::Xnnpack && bits <= 8).then(|| Self::common(a / y, b / y, sign));
        common.flatten().unwrap_or_else(|| Self::shifted([a, b, y], sign, bits))
    }

    /// Source: TFLite `add.cc`, `Prepare`.
    fn shifted([a, b, y]: [f32; 3], sign: i32, bits: u32) -> Self {
        let left = if bits > 8 { 15 } else { 20 };
        let [a, b, y] = [a, b, y].map(f64::from);
        let twice = 2.0 * a.max(b);
        let sum = quantize_multiplier(twice / (f64::from(1u32 << left) * y));
        Self::Shifted {
            left,
            a: quantize_multiplier(a / twice),
            b: quantize_multiplier(b / twice),
            sign,
            sum,
        }
    }

    /// Source: XNNPACK `xnn_init_qs8_add_minmax_scalar_params`; `None` where it does not take the scales.
    fn common(a: f32, b: f32, sign: i32) -> Option<Self> {
        let within = 2f32.powi(-10)..2f32.powi(8);
        if !within.contains(&a) || !within.contains(&b) {
            return None;
        }
        let exponent = (a.max(b).to_bits() >> 23).cast_signed() - 127;
        let shift = (20 - exponent).cast_unsigned();
        #[allow(clippy::cast_possible_truncation, reason = "at most 2^21")]
        let scaled = |factor: f32| (factor * 2f32.powi(20 - exponent)).round_ties_even() as i32;
        Some(Self::Common { a: scaled(a), b: sign * scaled(b), shift })
    }

    /// The result for two operands from which their zero points were subtracted, before the result's is added.
    #[must_use]
    pub fn apply(&self, x: i32, y: i32) -> i32 {
        match *self {
            Self::Shifted { left, a, b, sign, sum } => {
                let x = a.apply_double(x.wrapping_shl(left));
                let y = b.apply_double(y.wrapping_shl(left));
                sum.apply_double(x.wrapping_add(sign.wrapping_mul(y)))
            }
            Self::Common { a, b, shift } => {
                let scaled = i64::from(x) * i64::from(a) + i64::from(y) * i64::from(b);
                saturate((scaled + (1i64 << (shift - 1))) >> shift)
            }
        }
    }
}

impl fmt::Display for Rounding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_profile_reads_back_from_its_name() {
        for profile in Rounding::ALL {
            assert_eq!(Rounding::parse(profile.name()), Some(profile));
        }
        assert_eq!(Rounding::parse("gemmlowp"), None);
    }

    #[test]
    fn the_op_table_lists_the_same_profiles() {
        let op = ir::Op::named("conv2d").expect("an op of the table");
        let def = op.attrs.iter().find(|def| def.name == "round").expect("an integer op has a profile");
        let ir::AttrKind::Word(words) = def.kind else { panic!("`round` is a word") };
        assert_eq!(words, Rounding::ALL.map(Rounding::name));
    }

    #[test]
    fn a_sum_on_equal_scales_is_the_sum() {
        for rounding in Rounding::ALL {
            let scaler = AddScaler::new([0.5, 0.5, 0.5], 1, 8, rounding);
            assert_eq!([scaler.apply(3, 4), scaler.apply(-100, 27), scaler.apply(255, 255)], [7, -73, 510]);
            let scaler = AddScaler::new([0.5, 0.5, 0.5], -1, 8, rounding);
            assert_eq!([scaler.apply(3, 4), scaler.apply(255, -255)], [-1, 510]);
        }
    }

    #[test]
    fn scales_xnnpack_does_not_take_are_left_to_the_built_in_kernels() {
        let wide = AddScaler::new([1.0, 2f32.powi(-12), 1.0], 1, 8, Rounding::Xnnpack);
        assert_eq!(wide, AddScaler::new([1.0, 2f32.powi(-12), 1.0], 1, 8, Rounding::TfliteBuiltin));
        let factor = Rounding::Xnnpack.requantize(1.0, 1000.0, 8);
        assert_eq!(factor, Rounding::TfliteBuiltin.requantize(1.0, 1000.0, 8));
    }

    #[test]
    fn the_eight_bit_factor_of_xnnpack_is_a_multiple_of_a_256th() {
        // 0.3 * 256 = 76.8 -> 77: 100 * 77 / 256 = 30.08 -> 30; 255 * 77 / 256 = 76.7 -> 77 (76.5 by 0.3).
        let scaler = Rounding::Xnnpack.requantize(0.3, 1.0, 8);
        assert_eq!([scaler.apply(100), scaler.apply(255)], [30, 77]);
    }
}
