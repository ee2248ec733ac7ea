//! Normalizations and softmax.

use crate::lower::Site;
use tract_core::internal::*;
use tract_core::ops::math;
use tract_core::ops::nn::{Reduce, Reducer, Softmax, SoftmaxKind};

/// `batch_norm`: the four vectors along axis 1.
pub(super) fn batch_norm(site: &mut Site<'_>) -> TractResult<OutletId> {
    let x = site.operand("x")?;
    let ty = site.ty("x")?;
    let mut along = vec![1; ty.rank()];
    along[1] = ty.shape[1];
    let mut vector = |name: &str| {
        let wire = site.operand(name)?;
        site.reshaped(wire, &along)
    };
    let (gamma, beta, mean, var) = (vector("gamma")?, vector("beta")?, vector("mean")?, vector("var")?);
    let centred = site.both(math::sub(), x, mean)?;
    scaled(site, centred, var, Some(gamma), Some(beta))
}

/// `layer_norm`.
pub(super) fn layer_norm(site: &mut Site<'_>) -> TractResult<OutletId> {
    let x = site.operand("x")?;
    let ty = site.ty("x")?;
    let first = site.axis(site.attrs.int("axis"), ty.rank())?;
    let axes: TVec<usize> = (first..ty.rank()).collect();
    #[allow(clippy::cast_precision_loss, reason = "a row has fewer than 2^24 elements")]
    let n = ty.shape[first..].iter().product::<usize>() as f32;
    let mean = |site: &mut Site<'_>, x: OutletId| {
        let sum = site.wire(Reduce::new(axes.clone(), Reducer::Sum), &[x])?;
        site.with(math::div(), sum, n)
    };
    let average = mean(site, x)?;
    let centred = site.both(math::sub(), x, average)?;
    let squared = site.both(math::mul(), centred, centred)?;
    let var = mean(site, squared)?;
    let (gamma, beta) = (site.optional("gamma"), site.optional("beta"));
    scaled(site, centred, var, gamma, beta)
}

/// `centred / sqrt(var + epsilon) * gamma + beta`.
fn scaled(
    site: &mut Site<'_>,
    centred: OutletId,
    var: OutletId,
    gamma: Option<OutletId>,
    beta: Option<OutletId>,
) -> TractResult<OutletId> {
    #[allow(clippy::cast_possible_truncation, reason = "tract computes in single precision")]
    let epsilon = site.attrs.float("epsilon") as f32;
    let var = site.with(math::add(), var, epsilon)?;
    let deviation = site.wire(math::sqrt(), &[var])?;
    let mut y = site.both(math::div(), centred, deviation)?;
    if let Some(gamma) = gamma {
        y = site.both(math::mul(), y, gamma)?;
    }
    if let Some(beta) = beta {
        y = site.both(math::add(), y, beta)?;
    }
    Ok(y)
}

/// `softmax`.
pub(super) fn softmax(site: &mut Site<'_>) -> TractResult<OutletId> {
    let x = site.operand("x")?;
    let axis = site.axis(site.attrs.int("axis"), site.result.rank())?;
    #[allow(clippy::cast_possible_truncation, reason = "tract computes in single precision")]
    let beta = site.attrs.float("beta") as f32;
    let x = if beta == 1.0 { x } else { site.with(math::mul(), x, beta)? };
    site.wire(Softmax::new(tvec![axis], None, SoftmaxKind::Softmax), &[x])
}
