//! Batch and layer normalization, in float only; computed in `f64` and rounded once.

use crate::KernelError;
use crate::call::{Call, Domain};
use ir::Tensor;

/// `batch_norm`.
pub(crate) fn batch_norm(call: &Call<'_>) -> Result<Tensor, KernelError> {
    if call.domain() != Domain::Float {
        return Err(call.undefined());
    }
    let x = call.operand("x");
    let [gamma, beta, mean, var] = ["gamma", "beta", "mean", "var"].map(|name| call.operand(name).floats());
    let epsilon = call.attrs.float("epsilon");
    let (channels, plane) = (x.ty.shape[1], x.ty.shape[2..].iter().product::<usize>());
    let normalized = |(i, v): (usize, f32)| {
        let c = i / plane % channels;
        let deviation = (f64::from(var[c]) + epsilon).sqrt();
        single(f64::from(gamma[c]) * (f64::from(v) - f64::from(mean[c])) / deviation + f64::from(beta[c]))
    };
    let y: Vec<f32> = x.floats().into_iter().enumerate().map(normalized).collect();
    Ok(call.floats(&y))
}

/// `layer_norm`.
pub(crate) fn layer_norm(call: &Call<'_>) -> Result<Tensor, KernelError> {
    if call.domain() != Domain::Float {
        return Err(call.undefined());
    }
    let x = call.operand("x");
    let inner = &x.ty.shape[call.axis("axis", x.ty.rank())..];
    let affine = |name: &str| {
        call.optional(name).map(|operand| {
            let values = operand.floats();
            super::binary::offsets(&operand.ty.shape, inner)
                .map(|at| f64::from(values[at]))
                .collect::<Vec<_>>()
        })
    };
    let (gamma, beta) = (affine("gamma"), affine("beta"));
    let epsilon = call.attrs.float("epsilon");
    let mut y = Vec::with_capacity(x.len());
    for row in x.floats().chunks(inner.iter().product::<usize>().max(1)) {
        #[allow(clippy::cast_precision_loss, reason = "a row has fewer than 2^53 elements")]
        let n = row.len() as f64;
        let mean = row.iter().map(|v| f64::from(*v)).sum::<f64>() / n;
        let variance = row.iter().map(|v| (f64::from(*v) - mean).powi(2)).sum::<f64>() / n;
        let deviation = (variance + epsilon).sqrt();
        y.extend(row.iter().enumerate().map(|(i, v)| {
            let scaled = (f64::from(*v) - mean) / deviation * gamma.as_ref().map_or(1.0, |g| g[i]);
            single(scaled + beta.as_ref().map_or(0.0, |b| b[i]))
        }));
    }
    Ok(call.floats(&y))
}

#[allow(clippy::cast_possible_truncation, reason = "rounded once to the precision of results")]
fn single(v: f64) -> f32 {
    v as f32
}
