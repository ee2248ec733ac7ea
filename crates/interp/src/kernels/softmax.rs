//! Softmax.
//!
//! Quantized, 8 bits: under `tflite-ref` and `cmsis-nn` in fixed point (TFLite `reference/softmax.h`), where the result's
//! scale is 1/256 and its zero point the least value; under `tflite-builtin` and `xnnpack` by a table of `f32`
//! exponentials. Anything else is computed on reals and quantized, halves away from zero.

use super::function::input_radius;
use super::scale::element_range;
use crate::call::{Affine, Call, Domain};
use crate::fixed::{high_mul, quantize_multiplier, rounding_shift};
use crate::{KernelError, Rounding, gemmlowp};
use ir::{Element, Tensor};

/// `softmax`.
pub(crate) fn softmax(call: &Call<'_>) -> Result<Tensor, KernelError> {
    let x = call.operand("x");
    let lanes = Lanes::new(&x.ty.shape, call.axis("axis", x.ty.rank()));
    let beta = call.attrs.float("beta");
    match call.domain() {
        Domain::Float => Ok(call.floats(&lanes.map(&x.floats(), |lane| float(lane, beta)))),
        Domain::Quantized => {
            let (input, out) = (x.affine("x")?, call.result_affine()?);
            let element = x.ty.element;
            let [low, high] = element_range(element);
            let eight = matches!(element, Element::I8 | Element::U8) && call.result.element == element;
            let fixed = matches!(call.rounding(), Rounding::TfliteRef | Rounding::CmsisNn);
            let standard = (out.scale * 256.0 - 1.0).abs() <= 0.001 && out.zero == low;
            let factor = quantize_multiplier(
                (beta * f64::from(input.scale) * f64::from(1u32 << 26)).min(f64::from(i32::MAX)),
            );
            if eight && fixed && standard && factor.shift >= 0 {
                let lane = |lane: &[i32]| fixed_point(lane, factor, [low, high]);
                return Ok(call.ints(&lanes.map(&x.ints(), lane)));
            }
            if eight && !fixed {
                let table = Table::new(input, beta);
                return Ok(call.ints(&lanes.map(&x.ints(), |lane| table.softmax(lane, element, out))));
            }
            let y = lanes.map(&x.reals(), |lane| float(lane, beta));
            super::quantize::stored(call.result, &y).map(|y| call.ints(&y))
        }
        Domain::Integer => Err(call.undefined()),
    }
}

/// In `f64`, rounded once.
fn float(lane: &[f32], beta: f64) -> Vec<f32> {
    let scaled = || lane.iter().map(|v| beta * f64::from(*v));
    let most = scaled().fold(f64::NEG_INFINITY, f64::max);
    let powers: Vec<f64> = scaled().map(|v| libm::exp(v - most)).collect();
    let sum: f64 = powers.iter().sum();
    #[allow(clippy::cast_possible_truncation, reason = "rounded once to the precision of results")]
    let y = powers.into_iter().map(|p| (p / sum) as f32).collect();
    y
}

/// Source: TFLite `reference/softmax.h`: exponentials in Q5, their sum in Q12, a reciprocal in Q0.
fn fixed_point(lane: &[i32], factor: crate::fixed::Multiplier, [low, high]: [i32; 2]) -> Vec<i32> {
    let Some(most) = lane.iter().max() else { return Vec::new() };
    let least = -input_radius(5, factor);
    // A power in Q0, or `None` where it is too small to count.
    let power = |v: i32| {
        let difference = v - most;
        let scaled = || high_mul(difference.wrapping_shl(factor.shift.cast_unsigned()), factor.mantissa);
        (difference >= least).then(|| gemmlowp::exp_on_negative(scaled(), 5))
    };
    let sum =
        lane.iter().filter_map(|v| power(*v)).fold(0i32, |sum, p| sum.wrapping_add(rounding_shift(p, 12)));
    let (share, above) = gemmlowp::reciprocal(sum, 12);
    let place = |v: &i32| match power(*v) {
        Some(power) => rounding_shift(high_mul(share, power), (above + 23).clamp(0, 31))
            .saturating_add(low)
            .clamp(low, high),
        None => low,
    };
    lane.iter().map(place).collect()
}

/// Exponentials of all differences of two 8-bit values. Source: TFLite `optimized_ops.h`, `PopulateSoftmaxLookupTable`.
struct Table(Vec<f32>);

impl Table {
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        reason = "single precision, as the source"
    )]
    fn new(input: Affine, beta: f64) -> Self {
        let scale = -input.scale * beta as f32;
        Self((0..256).map(|v| libm::exp(f64::from(scale * v as f32)) as f32).collect())
    }

    fn softmax(&self, lane: &[i32], element: Element, out: Affine) -> Vec<i32> {
        let Some(most) = lane.iter().max() else { return Vec::new() };
        let [low, high] = element_range(element);
        let power = |v: &i32| self.0[most.abs_diff(*v) as usize];
        let sum = lane.iter().map(power).fold(0.0, |sum, p| sum + p);
        let inverse = 1.0 / (sum * out.scale);
        #[allow(clippy::cast_possible_truncation, reason = "`as` saturates, then the range cuts")]
        let place = |v: &i32| {
            let share = power(v) * inverse;
            // The unsigned kernel of x86-64 leaves the zero point out: it is 0 for this op.
            let steps = if element == Element::U8 {
                (share + 0.5) as i32
            } else {
                (share.round() as i32).saturating_add(out.zero)
            };
            steps.clamp(low, high)
        };
        lane.iter().map(place).collect()
    }
}

/// The runs of elements along one axis.
pub(crate) struct Lanes {
    outer: usize,
    len: usize,
    inner: usize,
}

impl Lanes {
    pub(crate) fn new(shape: &[usize], axis: usize) -> Self {
        let inner = shape[axis + 1..].iter().product();
        Self { outer: shape[..axis].iter().product(), len: shape[axis], inner }
    }

    /// Replaces each lane by what `f` makes of it, of the same length.
    pub(crate) fn map<T: Copy, R: Copy + Default>(&self, x: &[T], f: impl Fn(&[T]) -> Vec<R>) -> Vec<R> {
        let mut y = vec![R::default(); x.len()];
        for outer in 0..self.outer {
            for inner in 0..self.inner {
                let at = |i: usize| (outer * self.len + i) * self.inner + inner;
                let lane: Vec<T> = (0..self.len).map(|i| x[at(i)]).collect();
                for (i, v) in f(&lane).into_iter().enumerate() {
                    y[at(i)] = v;
                }
            }
        }
        y
    }
}
