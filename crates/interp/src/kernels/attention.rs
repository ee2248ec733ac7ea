//! Attention, in float only: quantized networks spell it out as matmul, softmax and matmul.

use crate::KernelError;
use crate::call::{Call, Domain, Operand};
use ir::{Element, Tensor};

/// `attention`. A mask is added to the scaled scores; a boolean one keeps where true.
pub(crate) fn attention(call: &Call<'_>) -> Result<Tensor, KernelError> {
    if call.domain() != Domain::Float {
        return Err(call.undefined());
    }
    let (q, k, v) = (call.operand("q"), call.operand("k"), call.operand("v"));
    let [heads, t, d] = [q.ty.shape[0] * q.ty.shape[1], q.ty.shape[2], q.ty.shape[3]];
    let [s, e] = [k.ty.shape[2], v.ty.shape[3]];
    let mask = call.optional("mask").map(|m| full_mask(&m, &[q.ty.shape[0], q.ty.shape[1], t, s]));
    let (scale, causal) = (call.attrs.float("scale"), call.attrs.int("causal") != 0);
    let (q, k, v) = (q.floats(), k.floats(), v.floats());
    let mut y = Vec::with_capacity(heads * t * e);
    for head in 0..heads {
        let (k, v) = (&k[head * s * d..(head + 1) * s * d], &v[head * s * e..(head + 1) * s * e]);
        for row in 0..t {
            let at = head * t + row;
            let q = &q[at * d..(at + 1) * d];
            let score = |j: usize| -> f64 {
                let dot: f64 =
                    q.iter().zip(&k[j * d..(j + 1) * d]).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum();
                let hidden = causal && j > row;
                let masked = mask.as_ref().map_or(0.0, |m| m[at * s + j]);
                if hidden { f64::NEG_INFINITY } else { dot * scale + masked }
            };
            let weights = softmax(&(0..s).map(score).collect::<Vec<_>>());
            y.extend((0..e).map(|c| {
                let sum: f64 = weights.iter().enumerate().map(|(j, w)| w * f64::from(v[j * e + c])).sum();
                #[allow(clippy::cast_possible_truncation, reason = "f32 is the precision of results")]
                let sum = sum as f32;
                sum
            }));
        }
    }
    Ok(call.floats(&y))
}

/// Weights that sum to one; all zero where every score is hidden.
fn softmax(scores: &[f64]) -> Vec<f64> {
    let most = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if most == f64::NEG_INFINITY {
        return vec![0.0; scores.len()];
    }
    let powers: Vec<f64> = scores.iter().map(|s| libm::exp(s - most)).collect();
    let sum: f64 = powers.iter().sum();
    powers.into_iter().map(|p| p / sum).collect()
}

/// The mask broadcast to all scores, as what is added to them.
fn full_mask(mask: &Operand<'_>, scores: &[usize]) -> Vec<f64> {
    let keep = mask.ty.element == Element::Bool;
    let value = |v: f64| match (keep, v != 0.0) {
        (true, true) => 0.0,
        (true, false) => f64::NEG_INFINITY,
        (false, _) => v,
    };
    let values: Vec<f64> = mask.data.to_reals().into_iter().map(value).collect();
    super::binary::offsets(&mask.ty.shape, scores).map(|at| values[at]).collect()
}
