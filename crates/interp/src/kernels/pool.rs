//! Pooling over windows of an image.
//!
//! A quantized average is the sum of the window divided by its elements, halves away from zero, as every TFLite runtime
//! has it. Where the result is on another scale than `x`, which TFLite does not have, the real mean is quantized, halves
//! away from zero.

use super::scale::clamp_range;
use super::unary::{act_range, clamp};
use crate::KernelError;
use crate::call::{Call, Domain, Operand};
use ir::Tensor;
use std::ops::Range;

/// `max_pool2d`.
pub(crate) fn max_pool2d(call: &Call<'_>) -> Result<Tensor, KernelError> {
    let x = call.operand("x");
    match call.domain() {
        Domain::Float => {
            let [low, high] = act_range(call.attrs.word("act"));
            // NaN wins, as it does in a maximum.
            let larger = |a: f32, b: f32| if a > b || a.is_nan() { a } else { b };
            let most = |window: &mut dyn Iterator<Item = f32>| window.fold(f32::NEG_INFINITY, larger);
            let y = windows(call, &x, &x.floats(), |window, _| clamp(most(window), low, high));
            Ok(call.floats(&y))
        }
        Domain::Quantized => {
            let [low, high] = clamp_range(x.ty.element, x.affine("x")?, call.attrs.word("act"));
            let y = windows(call, &x, &x.ints(), |window, _| window.max().unwrap_or(low).clamp(low, high));
            Ok(call.ints(&y))
        }
        Domain::Integer => {
            let y = windows(call, &x, &x.longs(), |window, _| window.max().unwrap_or(0));
            Ok(super::binary::wrapped(call, y))
        }
    }
}

/// `avg_pool2d`.
pub(crate) fn avg_pool2d(call: &Call<'_>) -> Result<Tensor, KernelError> {
    let x = call.operand("x");
    match call.domain() {
        Domain::Float => {
            let [low, high] = act_range(call.attrs.word("act"));
            #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "rounded once")]
            let mean = |window: &mut dyn Iterator<Item = f32>, n: Count| {
                let sum: f64 = window.map(f64::from).sum();
                clamp((sum / n.divisor as f64) as f32, low, high)
            };
            Ok(call.floats(&windows(call, &x, &x.floats(), mean)))
        }
        Domain::Quantized => quantized_mean(call, &x),
        Domain::Integer => Err(call.undefined()),
    }
}

fn quantized_mean(call: &Call<'_>, x: &Operand<'_>) -> Result<Tensor, KernelError> {
    let (input, out) = (x.affine("x")?, call.result_affine()?);
    let [low, high] = clamp_range(call.result.element, out, call.attrs.word("act"));
    let sum = |window: &mut dyn Iterator<Item = i32>| window.map(i64::from).sum::<i64>();
    let long = |n: usize| i64::try_from(n).expect("a window fits memory");
    let y = if input == out {
        // A padded place that counts is real 0: the zero point.
        let mean = |window: &mut dyn Iterator<Item = i32>, n: Count| {
            let (divisor, padded) = (long(n.divisor), long(n.divisor - n.inside));
            let sum = sum(window) + padded * i64::from(input.zero);
            let half = if sum > 0 { divisor / 2 } else { -(divisor / 2) };
            crate::fixed::saturate((sum + half) / divisor).clamp(low, high)
        };
        windows(call, x, &x.ints(), mean)
    } else {
        #[allow(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            reason = "exact in f64, then saturated"
        )]
        let mean = |window: &mut dyn Iterator<Item = i32>, n: Count| {
            let sum = sum(window) - long(n.inside) * i64::from(input.zero);
            let real = f64::from(input.scale) * sum as f64 / n.divisor as f64;
            ((real / f64::from(out.scale)).round() as i32).saturating_add(out.zero).clamp(low, high)
        };
        windows(call, x, &x.ints(), mean)
    };
    Ok(call.ints(&y))
}

/// Elements of a window that lie within the image, and by how many its sum is divided.
#[derive(Debug, Clone, Copy)]
struct Count {
    inside: usize,
    divisor: usize,
}

/// `f` of each window of each plane.
fn windows<T: Copy, R>(
    call: &Call<'_>,
    x: &Operand<'_>,
    values: &[T],
    f: impl Fn(&mut dyn Iterator<Item = T>, Count) -> R,
) -> Vec<R> {
    let (kernel, stride, pad) = (call.sizes("kernel"), call.sizes("stride"), call.sizes("pad"));
    let count_pad = call.attrs.has("count_pad") && call.attrs.int("count_pad") != 0;
    let [h, w] = [x.ty.shape[2], x.ty.shape[3]];
    let span = |o: usize, axis: usize, extent: usize| -> Range<usize> {
        let start = o * stride[axis];
        start.saturating_sub(pad[axis])..(start + kernel[axis]).saturating_sub(pad[axis]).min(extent)
    };
    let mut y = Vec::with_capacity(call.result.elements());
    for plane in 0..x.ty.shape[0] * x.ty.shape[1] {
        let plane = &values[plane * h * w..(plane + 1) * h * w];
        for oy in 0..call.result.shape[2] {
            let rows = span(oy, 0, h);
            for ox in 0..call.result.shape[3] {
                let columns = span(ox, 1, w);
                let inside = rows.len() * columns.len();
                let divisor = if count_pad { kernel[0] * kernel[1] } else { inside };
                let row = |row: usize| plane[row * w..][columns.clone()].iter().copied();
                y.push(f(&mut rows.clone().flat_map(row), Count { inside, divisor: divisor.max(1) }));
            }
        }
    }
    y
}
