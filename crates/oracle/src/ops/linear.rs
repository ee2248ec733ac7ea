//! Convolutions, matrix products, attention.

use crate::lower::Site;
use tract_core::internal::*;
use tract_core::ops::array::MultiBroadcastTo;
use tract_core::ops::cnn::{Conv, KernelFormat, PaddingSpec, PoolSpec};
use tract_core::ops::einsum::EinSum;
use tract_core::ops::math;
use tract_core::ops::nn::{DataFormat, Softmax, SoftmaxKind};

/// `conv1d` and `conv2d`.
pub(super) fn conv(site: &mut Site<'_>) -> TractResult<OutletId> {
    let (x, w) = (site.ty("x")?, site.ty("w")?);
    let axes = w.rank() - 2;
    let pad = site.sizes("pad");
    let pool_spec = PoolSpec {
        data_format: DataFormat::NCHW,
        kernel_shape: w.shape[2..].iter().copied().collect(),
        padding: PaddingSpec::Explicit(
            pad[..axes].iter().copied().collect(),
            pad[axes..].iter().copied().collect(),
        ),
        dilations: Some(site.sizes("dilation")),
        strides: Some(site.sizes("stride")),
        input_channels: x.shape[1],
        output_channels: w.shape[0],
    };
    let group = usize::try_from(site.attrs.int("groups"))?;
    let bias = match site.optional("bias") {
        Some(bias) => bias,
        None => site.constant(Tensor::zero::<f32>(&[w.shape[0]])?)?,
    };
    let op = Conv { pool_spec, kernel_fmt: KernelFormat::OIHW, group, q_params: None };
    let operands = [site.operand("x")?, site.operand("w")?, bias];
    let mut y = site.wire(op, &operands)?;
    if site.name() == "conv2d"
        && let Some(residual) = site.optional("residual")
    {
        y = site.both(math::add(), y, residual)?;
    }
    site.activated(y)
}

fn einsum(site: &mut Site<'_>, axes: &str, inputs: &[OutletId]) -> TractResult<OutletId> {
    site.wire(EinSum::new(axes.parse()?, f32::datum_type()), inputs)
}

/// `dense`: all axes but the last become one.
pub(super) fn dense(site: &mut Site<'_>) -> TractResult<OutletId> {
    let [c_out, c_in] = [site.ty("w")?.shape[0], site.ty("w")?.shape[1]];
    let rows = site.result.shape.iter().rev().skip(1).product();
    let x = site.operand("x")?;
    let x = site.reshaped(x, &[rows, c_in])?;
    let w = site.operand("w")?;
    let mut y = einsum(site, "mk,nk->mn", &[x, w])?;
    if let Some(bias) = site.optional("bias") {
        let bias = site.reshaped(bias, &[1, c_out])?;
        y = site.both(math::add(), y, bias)?;
    }
    let y = site.activated(y)?;
    let shape = site.result.shape.clone();
    site.reshaped(y, &shape)
}

/// `matmul`: the outer axes are broadcast and become one.
pub(super) fn matmul(site: &mut Site<'_>) -> TractResult<OutletId> {
    let outer = &site.result.shape[..site.result.rank() - 2];
    let batch: usize = outer.iter().product();
    let mut operands = Vec::new();
    for name in ["a", "b"] {
        let (mut wire, ty) = (site.operand(name)?, site.ty(name)?);
        let inner = &ty.shape[ty.rank() - 2..];
        let missing = vec![1; site.result.rank() - ty.rank()];
        wire = site.reshaped(wire, &[missing.as_slice(), &ty.shape].concat())?;
        let full = [outer, inner].concat();
        wire = site.wire(MultiBroadcastTo { shape: ShapeFact::from(full.as_slice()) }, &[wire])?;
        operands.push(site.reshaped(wire, &[batch, inner[0], inner[1]])?);
    }
    let axes = if site.attrs.int("transpose_b") == 0 { "bmk,bkn->bmn" } else { "bmk,bnk->bmn" };
    let y = einsum(site, axes, &operands)?;
    let shape = site.result.shape.clone();
    site.reshaped(y, &shape)
}

/// `attention`, spelled out.
pub(super) fn attention(site: &mut Site<'_>) -> TractResult<OutletId> {
    let (q, k, v) = (site.operand("q")?, site.operand("k")?, site.operand("v")?);
    let (t, s) = (site.ty("q")?.shape[2], site.ty("k")?.shape[2]);
    let scores = einsum(site, "bhtd,bhsd->bhts", &[q, k])?;
    #[allow(clippy::cast_possible_truncation, reason = "tract computes in single precision")]
    let scale = site.attrs.float("scale") as f32;
    let mut scores = site.with(math::mul(), scores, scale)?;
    if let Some(mask) = site.optional("mask") {
        let mask = if site.ty("mask")?.element == ir::Element::Bool {
            // Kept where true: 0, otherwise far below every score.
            let kept = site.cast(mask, f32::datum_type())?;
            let hidden = site.with(math::sub(), kept, 1.0)?;
            site.with(math::mul(), hidden, HIDDEN)?
        } else {
            mask
        };
        scores = site.both(math::add(), scores, mask)?;
    }
    if site.attrs.int("causal") != 0 {
        let hidden = |i: usize| if i % s > i / s { -HIDDEN } else { 0.0 };
        let causal: Vec<f32> = (0..t * s).map(hidden).collect();
        let causal = site.constant(Tensor::from_shape(&[1, 1, t, s], &causal)?)?;
        scores = site.both(math::add(), scores, causal)?;
    }
    let weights = site.wire(Softmax::new(tvec![3], None, SoftmaxKind::Softmax), &[scores])?;
    einsum(site, "bhts,bhse->bhte", &[weights, v])
}

/// How far a hidden score is below the others: its exponential is 0.
const HIDDEN: f32 = 1e9;
