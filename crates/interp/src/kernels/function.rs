//! Quantized functions of one operand that are no straight line.
//!
//! In general `quantize(f(dequantize(x)))`, in `f32`, as TFLite fills its 256-entry tables: halves away from zero. Under
//! `xnnpack` the zero point is added before rounding, halves to even. Special: sigmoid and tanh in fixed point under
//! `cmsis-nn` (TFLite's reference integer kernels), hard_swish in 16-bit fixed point under every profile, sqrt truncated as
//! TFLite does. Operands of more than 8 bits take the general rule; TFLite interpolates in a 513-entry table there,
//! which is not reproduced.

use super::scale::element_range;
use super::unary;
use crate::call::{Affine, Call, Operand};
use crate::fixed::{Multiplier, high_mul, quantize_multiplier, rounding_shift};
use crate::{KernelError, Rounding, gemmlowp};
use ir::{Element, Tensor};
use std::collections::HashMap;

/// The op's function of a quantized `x`; each value that occurs is computed once.
pub(crate) fn quantized(
    call: &Call<'_>,
    x: &Operand<'_>,
    input: Affine,
    out: Affine,
) -> Result<Tensor, KernelError> {
    let fixed = fixed_point(call, x.ty.element, input, out);
    let mut known = HashMap::new();
    let values = x.ints().into_iter().map(|v| {
        *known.entry(v).or_insert_with(|| match &fixed {
            Some(fixed) => fixed(v),
            None => by_table(call, v, input, out),
        })
    });
    Ok(call.ints(&values.collect::<Vec<_>>()))
}

/// One entry of the table: `quantize(f(dequantize(v)))`.
#[allow(clippy::cast_precision_loss, reason = "integers of up to 16 bits are exact in f32")]
#[allow(clippy::cast_possible_truncation, reason = "`as` saturates, then the range cuts")]
fn by_table(call: &Call<'_>, v: i32, input: Affine, out: Affine) -> i32 {
    let [low, high] = element_range(call.result.element);
    let real = (v - input.zero) as f32 * input.scale;
    let y = single(call, real);
    let quantized = if call.op.name == "sqrt" {
        ((y / out.scale) as i32).saturating_add(out.zero)
    } else if call.rounding() == Rounding::Xnnpack {
        (y * (1.0 / out.scale) + out.zero as f32).round_ties_even() as i32
    } else {
        ((y * (1.0 / out.scale)).round() + out.zero as f32) as i32
    };
    quantized.clamp(low, high)
}

/// The function in single precision, step by step where TFLite takes steps.
#[allow(clippy::cast_possible_truncation, reason = "single precision is what TFLite computes in")]
fn single(call: &Call<'_>, x: f32) -> f32 {
    let exp = |x: f32| libm::exp(f64::from(x)) as f32;
    match call.op.name {
        "sigmoid" => 1.0 / (1.0 + exp(-x)),
        // Below zero there is no logarithm: TFLite takes the least value of the result.
        "log" if x <= 0.0 => f32::NEG_INFINITY,
        "hard_swish" => x * unary::clamp(x + 3.0, 0.0, 6.0) / 6.0,
        name => unary::real(name)(f64::from(x), call.attrs) as f32,
    }
}

/// The functions that a profile computes in fixed point, where the quantizations are those its kernel takes.
fn fixed_point(
    call: &Call<'_>,
    element: Element,
    input: Affine,
    out: Affine,
) -> Option<Box<dyn Fn(i32) -> i32>> {
    if element.bits() > 8 || call.result.element != element {
        return None;
    }
    let cmsis = call.rounding() == Rounding::CmsisNn && element == Element::I8;
    match call.op.name {
        "sigmoid" if cmsis && out == (Affine { scale: 1.0 / 256.0, zero: -128 }) => {
            Some(saturating(input, |x| rounding_shift(gemmlowp::logistic(x), 23) - 128))
        }
        "tanh" if cmsis && out == (Affine { scale: 1.0 / 128.0, zero: 0 }) => {
            Some(saturating(input, |x| rounding_shift(gemmlowp::tanh(x), 24)))
        }
        "hard_swish" => hard_swish(element, input, out),
        _ => None,
    }
}

/// A function of Q4 that has reached its limits 15 away from zero. Source: TFLite `integer_ops/logistic.h`, `tanh.h`.
fn saturating(input: Affine, f: fn(i32) -> i32) -> Box<dyn Fn(i32) -> i32> {
    let multiplier = quantize_multiplier(f64::from(input.scale) * f64::from(1u32 << 27));
    let radius = input_radius(4, multiplier);
    Box::new(move |v| match v - input.zero {
        v if v <= -radius => -128,
        v if v >= radius => 127,
        v => f(multiplier.apply_double(v)).clamp(-128, 127),
    })
}

/// The difference from which on a scaled input leaves Q`integer_bits`. Source: TFLite `CalculateInputRadius`.
pub(crate) fn input_radius(integer_bits: i32, multiplier: Multiplier) -> i32 {
    let most = f64::from((1 << integer_bits) - 1) * 2f64.powi(31 - integer_bits - multiplier.shift);
    #[allow(clippy::cast_possible_truncation, reason = "`as` saturates")]
    let radius = most.floor() as i32;
    radius
}

/// Source: TFLite `reference/hard_swish.h` and `HardSwishPrepare`. `None` where its result would be shifted left, which
/// TFLite refuses.
fn hard_swish(element: Element, input: Affine, out: Affine) -> Option<Box<dyn Fn(i32) -> i32>> {
    let hires = (1.0 / 128.0) * input.scale;
    let output = quantize_multiplier(f64::from(hires / out.scale));
    let reluish = quantize_multiplier(f64::from(hires / (3.0 / 32768.0)));
    if output.shift > 0 {
        return None;
    }
    let (output_mantissa, reluish_mantissa) = (down_scale(output.mantissa), down_scale(reluish.mantissa));
    let [low, high] = element_range(element);
    Some(Box::new(move |v| {
        let hires = (v - input.zero) << 7;
        let preshift = high_mul16(hires, output_mantissa);
        let mut share = hires;
        if reluish.shift > 0 {
            share = shift_left16(share, reluish.shift - 1);
        }
        share = high_mul16(share, reluish_mantissa);
        if reluish.shift > 0 {
            share = shift_left16(share, 1);
        }
        if reluish.shift < 0 {
            share = rounding_shift(share, -reluish.shift);
        }
        // From [-1, 1] to [0, 1].
        share = (share + (1 << 15)) >> 1;
        // Rounded towards zero, to cancel the bias of the rounding products above.
        let product = share * preshift / (1 << 15);
        (rounding_shift(product, -output.shift) + out.zero).clamp(low, high)
    }))
}

/// The upper half of a mantissa, rounded. Source: TFLite `DownScaleInt32ToInt16Multiplier`.
fn down_scale(mantissa: i32) -> i32 {
    if mantissa >= i32::MAX - (1 << 15) { i32::from(i16::MAX) } else { (mantissa + (1 << 15)) >> 16 }
}

/// `a * b / 2^15` rounded, for 16-bit numbers: the 32-bit product of numbers shifted up by 16.
fn high_mul16(a: i32, b: i32) -> i32 {
    high_mul(a << 16, b)
}

/// `x * 2^bits`, saturated to 16 bits.
fn shift_left16(x: i32, bits: i32) -> i32 {
    let [low, high] = [i64::from(i16::MIN), i64::from(i16::MAX)];
    crate::fixed::saturate((i64::from(x) << bits).clamp(low, high))
}
