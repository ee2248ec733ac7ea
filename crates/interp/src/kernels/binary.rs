//! Elementwise functions of two operands, broadcast.
//!
//! Quantized: add and sub by the profile's [`crate::rounding::AddScaler`]; mul scales the product; maximum and minimum
//! bring both operands to the result's scale first; div takes a fixed-point reciprocal as TFLite does, and x / 0 is the
//! end of the range on the side of x; prelu scales `a` or `a * b`; pow is computed on reals.

use super::scale::{Sum, clamp_range};
use super::unary::{act_range, clamp};
use crate::call::{Call, Domain, Operand};
use crate::fixed::{Multiplier, Scaler, Scheme, high_mul, quantize_multiplier, rounding_shift, saturate};
use crate::{KernelError, gemmlowp};
use ir::{Element, Tensor};

/// All ops of two operands.
pub(crate) fn binary(call: &Call<'_>) -> Result<Tensor, KernelError> {
    let (a, b) = (call.operand("a"), call.operand("b"));
    match call.domain() {
        Domain::Float => Ok(call.floats(&float(call, &a, &b, &a.floats(), &b.floats()))),
        Domain::Quantized => quantized(call, &a, &b),
        Domain::Integer => integer(call, &a, &b),
    }
}

fn float(call: &Call<'_>, a: &Operand<'_>, b: &Operand<'_>, x: &[f32], y: &[f32]) -> Vec<f32> {
    let [low, high] = act_range(call.attrs.word("act"));
    let f: fn(f32, f32) -> f32 = match call.op.name {
        "add" => |a, b| a + b,
        "sub" => |a, b| a - b,
        "mul" => |a, b| a * b,
        "div" => |a, b| a / b,
        // NaN wins, as it does in ONNX.
        "maximum" => |a, b| if a > b || a.is_nan() { a } else { b },
        "minimum" => |a, b| if a < b || a.is_nan() { a } else { b },
        #[allow(clippy::cast_possible_truncation, reason = "rounded once to the precision of results")]
        "pow" => |a, b| libm::pow(f64::from(a), f64::from(b)) as f32,
        "prelu" => |a, b| if a > 0.0 { a } else { a * b },
        name => panic!("`{name}` is in the kernel table as a function of two operands"),
    };
    zip([a, b], &call.result.shape, x, y, |x, y| clamp(f(x, y), low, high))
}

fn quantized(call: &Call<'_>, a: &Operand<'_>, b: &Operand<'_>) -> Result<Tensor, KernelError> {
    let (qa, qb, out) = (a.affine("a")?, b.affine("b")?, call.result_affine()?);
    let [low, high] = clamp_range(call.result.element, out, call.attrs.word("act"));
    let place = move |scaled: i32| scaled.saturating_add(out.zero).clamp(low, high);
    let (rounding, bits) = (call.rounding(), call.bits());
    let f: Box<dyn Fn(i32, i32) -> i32> = match call.op.name {
        "add" | "sub" => {
            let sign = if call.op.name == "add" { 1 } else { -1 };
            let sum = Sum::new(call, qa, qb, call.result, sign)?;
            Box::new(move |x, y| sum.apply(x, y))
        }
        "mul" => {
            let scaler = rounding.product([qa.scale, qb.scale, out.scale]);
            Box::new(move |x, y| place(scaler.apply((x - qa.zero).saturating_mul(y - qb.zero))))
        }
        "maximum" | "minimum" => {
            let larger = call.op.name == "maximum";
            let [sa, sb] = [qa.scale, qb.scale].map(|scale| rounding.requantize(scale, out.scale, bits));
            Box::new(move |x, y| {
                let (x, y) = (sa.apply(x - qa.zero), sb.apply(y - qb.zero));
                place(if larger { x.max(y) } else { x.min(y) })
            })
        }
        "div" => {
            let factor = quantize_multiplier(f64::from(qa.scale / (qb.scale * out.scale)));
            Box::new(move |x, y| place(quotient(x - qa.zero, y - qb.zero, factor)))
        }
        "prelu" => {
            let above = Scaler::new(f64::from(qa.scale / out.scale), Scheme::Double);
            let below = Scaler::new(f64::from(qa.scale * qb.scale / out.scale), Scheme::Double);
            Box::new(move |x, y| match x - qa.zero {
                x if x >= 0 => place(above.apply(x)),
                x => place(below.apply(x.saturating_mul(y - qb.zero))),
            })
        }
        _ => {
            let y = float(call, a, b, &a.reals(), &b.reals());
            return super::quantize::stored(call.result, &y).map(|y| call.ints(&y));
        }
    };
    Ok(call.ints(&zip([a, b], &call.result.shape, &a.ints(), &b.ints(), f)))
}

/// `x / y` times a factor. Source: TFLite `reference/div.h`.
fn quotient(x: i32, y: i32, factor: Multiplier) -> i32 {
    if y == 0 {
        return x.signum().saturating_mul(i32::MAX);
    }
    let x = if y < 0 { -x } else { x };
    let (inverse, above) = gemmlowp::reciprocal(y.abs(), 31);
    let headroom = if x >= 0 { x.leading_zeros() - 1 } else { (2 * -x - 1).leading_zeros() };
    let unscaled = high_mul(x << headroom, inverse);
    let scaled = high_mul(unscaled, factor.mantissa);
    match factor.shift - above - headroom.cast_signed() {
        left @ 1.. => saturate(i64::from(scaled) << left.min(31)),
        right @ -31..=0 => rounding_shift(scaled, -right),
        _ => 0,
    }
}

fn integer(call: &Call<'_>, a: &Operand<'_>, b: &Operand<'_>) -> Result<Tensor, KernelError> {
    let (x, y) = (a.longs(), b.longs());
    if call.op.name == "div" && y.contains(&0) {
        return Err(KernelError::DivisionByZero);
    }
    let f: fn(i64, i64) -> i64 = match call.op.name {
        "add" => i64::wrapping_add,
        "sub" => i64::wrapping_sub,
        "mul" => i64::wrapping_mul,
        "div" => i64::wrapping_div,
        "maximum" => Ord::max,
        "minimum" => Ord::min,
        "pow" => power,
        "prelu" => |a, b| if a > 0 { a } else { a.wrapping_mul(b) },
        _ => return Err(call.undefined()),
    };
    let [low, high] = match call.attrs.word("act") {
        "relu" => [0, i64::MAX],
        "relu6" => [0, 6],
        "relu1" => [-1, 1],
        _ => [i64::MIN, i64::MAX],
    };
    let y = zip([a, b], &call.result.shape, &x, &y, |x, y| f(x, y).clamp(low, high));
    Ok(wrapped(call, y))
}

/// `base` to the power of `exponent`; below zero the truncated quotient.
fn power(base: i64, exponent: i64) -> i64 {
    match (base, u32::try_from(exponent)) {
        (_, Ok(exponent)) => base.wrapping_pow(exponent),
        (1, Err(_)) => 1,
        (-1, Err(_)) => 1 - 2 * (exponent & 1),
        // An even base has no bits left after 64 doublings.
        (_, Err(_)) if exponent > 0 => {
            if base % 2 == 0 {
                0
            } else {
                base.wrapping_pow((exponent & 0xffff_ffff) as u32)
            }
        }
        _ => 0,
    }
}

/// A plain integer result: values wrap to the element.
pub(crate) fn wrapped(call: &Call<'_>, values: Vec<i64>) -> Tensor {
    let element = call.result.element;
    let values: Vec<i64> = values.into_iter().map(|v| wrap(v, element)).collect();
    Tensor::from_ints(element, call.result.shape.clone(), &values)
}

/// The low bits of `v` as an integer of `element`; a truth value is whether `v` is not zero.
pub(crate) fn wrap(v: i64, element: Element) -> i64 {
    match element {
        Element::Bool => i64::from(v != 0),
        Element::Int { bits: 64, .. } => v,
        Element::Int { bits, signed: true } => v << (64 - bits) >> (64 - bits),
        Element::Int { bits, signed: false } => v & ((1 << bits) - 1),
        _ => v,
    }
}

/// `f` of the two operands at each index of the broadcast result.
fn zip<T: Copy, R>(
    [a, b]: [&Operand<'_>; 2],
    shape: &[usize],
    x: &[T],
    y: &[T],
    f: impl Fn(T, T) -> R,
) -> Vec<R> {
    if a.ty.shape == b.ty.shape {
        return x.iter().zip(y).map(|(x, y)| f(*x, *y)).collect();
    }
    let (from_a, from_b) = (offsets(&a.ty.shape, shape), offsets(&b.ty.shape, shape));
    from_a.zip(from_b).map(|(i, j)| f(x[i], y[j])).collect()
}

/// For each index of `shape` in order: the position it reads in a tensor of shape `from` that is broadcast to it.
pub(crate) fn offsets(from: &[usize], shape: &[usize]) -> impl Iterator<Item = usize> + use<> {
    let missing = shape.len() - from.len();
    let mut strides = vec![0; shape.len()];
    let mut stride = 1;
    for axis in (0..from.len()).rev() {
        strides[missing + axis] = if from[axis] == 1 { 0 } else { stride };
        stride *= from[axis];
    }
    walk(shape, &strides, 0)
}

/// For each index of `shape` in order: `start` plus the index times `strides`.
pub(crate) fn walk(shape: &[usize], strides: &[usize], start: usize) -> impl Iterator<Item = usize> + use<> {
    let (shape, strides) = (shape.to_vec(), strides.to_vec());
    let mut index = vec![0; shape.len()];
    let mut at = start;
    (0..shape.iter().product::<usize>()).map(move |_| {
        let here = at;
        for axis in (0..shape.len()).rev() {
            index[axis] += 1;
            at += strides[axis];
            if index[axis] < shape[axis] {
                break;
            }
            at -= strides[axis] * shape[axis];
            index[axis] = 0;
        }
        here
    })
}
