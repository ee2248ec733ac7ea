//! Reductions over axes.
//!
//! Quantized mean and sum follow the profile; see [`crate::rounding`]. A quantized maximum is requantized where the
//! result is on another scale.

use super::scale::element_range;
use crate::call::{Affine, Call, Domain, Operand, resolve};
use crate::fixed::{Multiplier, quantize_multiplier, saturate};
use crate::{KernelError, Rounding};
use ir::{Element, Tensor};

/// `mean`, `sum` and `reduce_max`.
pub(crate) fn reduce(call: &Call<'_>) -> Result<Tensor, KernelError> {
    let x = call.operand("x");
    let axes = Axes::new(call, &x.ty.shape);
    match (call.domain(), call.op.name) {
        (Domain::Float, "reduce_max") => {
            // NaN wins, as it does in a maximum.
            let larger = |a: f32, b: f32| if a > b || a.is_nan() { a } else { b };
            Ok(call.floats(&axes.fold(&x.floats(), f32::NEG_INFINITY, larger)))
        }
        (Domain::Float, name) => {
            let sums = axes.fold(&x.floats(), 0f64, |sum, v| sum + f64::from(v));
            #[allow(clippy::cast_precision_loss, reason = "fewer than 2^53 elements")]
            let divisor = if name == "mean" { axes.count as f64 } else { 1.0 };
            #[allow(clippy::cast_possible_truncation, reason = "rounded once to the precision of results")]
            let y: Vec<f32> = sums.into_iter().map(|sum| (sum / divisor) as f32).collect();
            Ok(call.floats(&y))
        }
        (Domain::Quantized, "reduce_max") => {
            let (input, out) = (x.affine("x")?, call.result_affine()?);
            let [low, high] = element_range(call.result.element);
            let bits = call.bits();
            let scaler = call.rounding().requantize(input.scale, out.scale, bits);
            let place = |v: i32| scaler.apply(v - input.zero).saturating_add(out.zero).clamp(low, high);
            let most = axes.fold(&x.ints(), i32::MIN, i32::max);
            Ok(call.ints(&most.into_iter().map(place).collect::<Vec<_>>()))
        }
        (Domain::Quantized, name) => quantized_sum(call, &x, &axes, name == "mean"),
        (Domain::Integer, name) => {
            let x = x.longs();
            let count = i64::try_from(axes.count).expect("a count of elements fits");
            let y = match name {
                "reduce_max" => axes.fold(&x, i64::MIN, i64::max),
                "sum" => axes.fold(&x, 0, i64::wrapping_add),
                // Integer division, as TFLite's mean of plain integers.
                _ => axes.fold(&x, 0, i64::wrapping_add).into_iter().map(|sum: i64| sum / count).collect(),
            };
            Ok(super::binary::wrapped(call, y))
        }
    }
}

fn quantized_sum(call: &Call<'_>, x: &Operand<'_>, axes: &Axes, mean: bool) -> Result<Tensor, KernelError> {
    let (input, out) = (x.affine("x")?, call.result_affine()?);
    let [low, high] = element_range(call.result.element);
    let rounding = call.rounding();
    let eight = matches!(x.ty.element, Element::I8 | Element::U8) && call.result.element == x.ty.element;
    // TFLite's built-in kernel for the mean of whole planes.
    let plane = mean && axes.reduced == [2, 3] && x.ty.rank() == 4 && call.attrs.int("keep") != 0;
    let channels = axes.results / x.ty.shape.first().copied().unwrap_or(1).max(1);
    let scale = match rounding {
        Rounding::Xnnpack if eight => folded_float(input, out, axes.count, mean),
        Rounding::TfliteBuiltin if eight && plane => folded_fixed(input, out, axes.count, channels),
        Rounding::TfliteBuiltin if eight && !mean => folded_sum(input, out, axes.count),
        _ => reference(input, out, axes.count, mean),
    };
    let sums = axes.fold(&x.ints(), 0i64, |sum, v| sum + i64::from(v));
    let placed = sums.into_iter().enumerate().map(|(at, sum)| saturate(scale(sum, at)).clamp(low, high));
    Ok(call.ints(&placed.collect::<Vec<_>>()))
}

/// From the sum of stored values to the stored result at a place, before it is clamped.
type FromSum = Box<dyn Fn(i64, usize) -> i64>;

/// Source: TFLite `reference/reduce.h`, `QuantizedMeanOrSum`: the factor is divided by the count beforehand.
fn reference(input: Affine, out: Affine, count: usize, mean: bool) -> FromSum {
    let multiplier = quantize_multiplier(f64::from(input.scale) / f64::from(out.scale));
    let n = i64::try_from(count).expect("a count of elements fits");
    let multiplier = if mean {
        let bits = 63 - n.leading_zeros().cast_signed();
        let left = bits.min(32).min(31 + multiplier.shift);
        let mantissa = saturate((i64::from(multiplier.mantissa) << left) / n);
        Multiplier { mantissa, shift: multiplier.shift - left }
    } else {
        multiplier
    };
    Box::new(move |sum, _| {
        let centred = saturate(sum - n * i64::from(input.zero));
        i64::from(multiplier.apply_double(centred)) + i64::from(out.zero)
    })
}

/// Source: TFLite `optimized/integer_ops/mean.h`: the operand's zero point is scaled in `f32` and folded into the result's;
/// channels that fill no vector of 16 are rounded as scalars are.
#[allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    reason = "single precision, as the source"
)]
fn folded_fixed(input: Affine, out: Affine, count: usize, channels: usize) -> FromSum {
    let shifted = input.zero as f32 * input.scale / out.scale;
    let shifted = if shifted > 0.0 { shifted + 0.5 } else { shifted - 0.5 };
    let zero = i64::from(out.zero) - i64::from(shifted as i32);
    let multiplier = quantize_multiplier(f64::from(input.scale / (count as f32 * out.scale)));
    Box::new(move |sum, at| {
        let vector = at % channels < channels / 16 * 16;
        let sum = saturate(sum);
        let scaled = if vector { multiplier.apply_double_up(sum) } else { multiplier.apply_double(sum) };
        i64::from(scaled) + zero
    })
}

/// Source: TFLite `optimized/reduce.h`, `QuantizedMeanOrSum`.
#[allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    reason = "single precision, as the source"
)]
fn folded_sum(input: Affine, out: Affine, count: usize) -> FromSum {
    let factor = input.scale / out.scale;
    let bias = -(input.zero as f32) * factor * count as f32;
    Box::new(move |sum, _| ((sum as f32 * factor + bias).round() as i64).saturating_add(i64::from(out.zero)))
}

/// Source: XNNPACK `operators/reduce-nd.c` and `reference/unary-elementwise.cc`.
#[allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    reason = "single precision, as the source"
)]
fn folded_float(input: Affine, out: Affine, count: usize, mean: bool) -> FromSum {
    let share = if mean { 1.0 / count as f32 } else { 1.0 };
    let factor = input.scale / out.scale * share;
    let zero = out.zero as f32 - (count as f32 * input.zero as f32) * factor;
    Box::new(move |sum, _| (sum as f32 * factor + zero).round_ties_even() as i64)
}

/// Which axes are reduced.
struct Axes {
    shape: Vec<usize>,
    /// Reduced axes in ascending order.
    reduced: Vec<usize>,
    /// For each axis of `x`: the distance in the result of two neighbours along it; 0 where it is reduced.
    strides: Vec<usize>,
    /// Elements gathered into one.
    count: usize,
    results: usize,
}

impl Axes {
    fn new(call: &Call<'_>, shape: &[usize]) -> Self {
        let mut reduced: Vec<usize> =
            call.attrs.ints("axes").iter().map(|a| resolve(*a, shape.len())).collect();
        reduced.sort_unstable();
        let mut strides = vec![0; shape.len()];
        let mut results = 1;
        for axis in (0..shape.len()).rev() {
            if !reduced.contains(&axis) {
                strides[axis] = results;
                results *= shape[axis];
            }
        }
        let count = reduced.iter().map(|axis| shape[*axis]).product();
        Self { shape: shape.to_vec(), reduced, strides, count, results }
    }

    fn fold<T: Copy, R: Clone>(&self, x: &[T], start: R, f: impl Fn(R, T) -> R) -> Vec<R> {
        let mut y = vec![start; self.results];
        for (v, at) in x.iter().zip(super::binary::walk(&self.shape, &self.strides, 0)) {
            y[at] = f(y[at].clone(), *v);
        }
        y
    }
}
