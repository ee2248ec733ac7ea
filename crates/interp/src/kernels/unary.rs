//! Elementwise functions of one operand.
//!
//! Float: computed in `f64` and rounded once to `f32`, then to the element. Quantized functions that are straight lines
//! (relu, clip, leaky_relu, abs, neg) scale the stored value; all others are in [`super::function`].

use super::scale::{clamp_range, element_range};
use crate::KernelError;
use crate::call::{Affine, Call, Domain};
use ir::{Attrs, Tensor};

/// The real function an op computes.
pub(crate) type Real = fn(f64, &Attrs) -> f64;

/// Every op of one operand with its function.
pub(crate) const FUNCTIONS: &[(&str, Real)] = &[
    ("relu", |x, _| clamp64(x, 0.0, f64::INFINITY)),
    ("relu6", |x, _| clamp64(x, 0.0, 6.0)),
    ("leaky_relu", |x, a| if x > 0.0 { x } else { a.float("alpha") * x }),
    ("elu", |x, a| if x > 0.0 { x } else { a.float("alpha") * libm::expm1(x) }),
    ("clip", |x, a| clamp64(x, a.float("min"), a.float("max"))),
    ("sigmoid", |x, _| sigmoid(x)),
    ("tanh", |x, _| libm::tanh(x)),
    ("silu", |x, _| if x == f64::NEG_INFINITY { 0.0 } else { x * sigmoid(x) }),
    ("hard_sigmoid", |x, a| clamp64(a.float("alpha") * x + a.float("beta"), 0.0, 1.0)),
    ("hard_swish", |x, _| if x == f64::NEG_INFINITY { 0.0 } else { x * clamp64(x + 3.0, 0.0, 6.0) / 6.0 }),
    ("gelu", gelu),
    ("erf", |x, _| libm::erf(x)),
    ("exp", |x, _| libm::exp(x)),
    ("log", |x, _| libm::log(x)),
    ("sqrt", |x, _| x.sqrt()),
    ("reciprocal", |x, _| 1.0 / x),
    ("neg", |x, _| -x),
    ("abs", |x, _| x.abs()),
];

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + libm::exp(-x))
}

fn gelu(x: f64, attrs: &Attrs) -> f64 {
    if x == f64::NEG_INFINITY {
        return 0.0;
    }
    if attrs.word("approximate") == "tanh" {
        let inner = (2.0 / std::f64::consts::PI).sqrt() * (x + 0.044_715 * x * x * x);
        return 0.5 * x * (1.0 + libm::tanh(inner));
    }
    // By erfc: 1 + erf cancels far below zero.
    0.5 * x * libm::erfc(-x * std::f64::consts::FRAC_1_SQRT_2)
}

/// `x` within `low ..= high`; NaN stays.
pub(crate) fn clamp64(x: f64, low: f64, high: f64) -> f64 {
    if x < low {
        low
    } else if x > high {
        high
    } else {
        x
    }
}

/// `x` within `low ..= high`; NaN stays.
pub(crate) fn clamp(x: f32, low: f32, high: f32) -> f32 {
    if x < low {
        low
    } else if x > high {
        high
    } else {
        x
    }
}

/// What a fused activation clamps floats to.
pub(crate) fn act_range(act: &str) -> [f32; 2] {
    match act {
        "relu" => [0.0, f32::INFINITY],
        "relu6" => [0.0, 6.0],
        "relu1" => [-1.0, 1.0],
        _ => [f32::NEG_INFINITY, f32::INFINITY],
    }
}

/// The function of the op called `name`.
pub(crate) fn real(name: &str) -> Real {
    let found = FUNCTIONS.iter().find(|(op, _)| *op == name);
    found.expect("the kernel table lists functions of this table").1
}

/// All ops of [`FUNCTIONS`].
pub(crate) fn unary(call: &Call<'_>) -> Result<Tensor, KernelError> {
    let x = call.operand("x");
    match call.domain() {
        Domain::Float => {
            let f = real(call.op.name);
            #[allow(clippy::cast_possible_truncation, reason = "rounded once to the precision of results")]
            let y: Vec<f32> = x.floats().into_iter().map(|v| f(f64::from(v), call.attrs) as f32).collect();
            Ok(call.floats(&y))
        }
        Domain::Quantized => {
            let (input, out) = (x.affine("x")?, call.result_affine()?);
            match straight(call, input, out) {
                Some(line) => Ok(call.ints(&x.ints().into_iter().map(line).collect::<Vec<_>>())),
                None => super::function::quantized(call, &x, input, out),
            }
        }
        Domain::Integer => integer(call),
    }
}

/// The quantized functions that scale the stored value.
fn straight(call: &Call<'_>, input: Affine, out: Affine) -> Option<Box<dyn Fn(i32) -> i32>> {
    let scaler = call.rounding().clamp(input.scale, out.scale);
    let whole = element_range(call.result.element);
    let placed = move |scaled: i32, [low, high]: [i32; 2]| scaled.saturating_add(out.zero).clamp(low, high);
    let clamped = |range: [i32; 2]| -> Option<Box<dyn Fn(i32) -> i32>> {
        Some(Box::new(move |v| placed(scaler.apply(v - input.zero), range)))
    };
    match call.op.name {
        "relu" | "relu6" => clamped(clamp_range(call.result.element, out, call.op.name)),
        "clip" => {
            #[allow(clippy::cast_possible_truncation, reason = "TFLite's bounds are single; `as` saturates")]
            let bound = |name: &str| {
                let steps = (call.attrs.float(name) as f32 / out.scale).round() as i32;
                steps.saturating_add(out.zero).clamp(whole[0], whole[1])
            };
            let (low, high) = (bound("min"), bound("max"));
            // As `clip` in float: where the ends are crossed, the upper one holds.
            clamped([low.min(high), high])
        }
        #[allow(clippy::cast_possible_truncation, reason = "TFLite's slope is single")]
        "leaky_relu" => {
            let alpha = call.attrs.float("alpha") as f32;
            let [above, below] = call.rounding().leaky_relu(input.scale, out.scale, alpha, call.bits());
            let sign = if alpha < 0.0 { -1 } else { 1 };
            Some(Box::new(move |v| {
                let v = v - input.zero;
                placed(if v > 0 { above.apply(v) } else { sign * below.apply(v) }, whole)
            }))
        }
        "abs" => Some(Box::new(move |v| placed(scaler.apply((v - input.zero).abs()), whole))),
        "neg" => Some(Box::new(move |v| placed(scaler.apply(input.zero - v), whole))),
        _ => None,
    }
}

fn integer(call: &Call<'_>) -> Result<Tensor, KernelError> {
    let f: Box<dyn Fn(i64) -> i64> = match call.op.name {
        "relu" => Box::new(|v| v.max(0)),
        "relu6" => Box::new(|v| v.clamp(0, 6)),
        "abs" => Box::new(i64::wrapping_abs),
        "neg" => Box::new(i64::wrapping_neg),
        #[allow(clippy::cast_possible_truncation, reason = "`as` saturates")]
        "clip" => {
            let (low, high) = (call.attrs.float("min").ceil() as i64, call.attrs.float("max").floor() as i64);
            Box::new(move |v| v.max(low).min(high))
        }
        _ => return Err(call.undefined()),
    };
    let y: Vec<i64> = call.operand("x").longs().into_iter().map(f).collect();
    Ok(super::binary::wrapped(call, y))
}
