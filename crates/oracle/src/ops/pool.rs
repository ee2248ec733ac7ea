//! Pooling and reductions.

use crate::lower::Site;
use tract_core::internal::*;
use tract_core::ops::cnn::{MaxPool, PaddingSpec, PoolSpec, SumPool};
use tract_core::ops::math;
use tract_core::ops::nn::{DataFormat, Reduce, Reducer};

fn spec(site: &Site<'_>) -> TractResult<PoolSpec> {
    let (pad, channels) = (site.sizes("pad"), site.ty("x")?.shape[1]);
    Ok(PoolSpec {
        data_format: DataFormat::NCHW,
        kernel_shape: site.sizes("kernel"),
        padding: PaddingSpec::Explicit(tvec![pad[0], pad[1]], tvec![pad[2], pad[3]]),
        dilations: None,
        strides: Some(site.sizes("stride")),
        input_channels: channels,
        output_channels: channels,
    })
}

/// `max_pool2d`.
pub(super) fn max_pool2d(site: &mut Site<'_>) -> TractResult<OutletId> {
    let x = site.operand("x")?;
    let op = MaxPool { pool_spec: spec(site)?, with_index_outputs: None };
    let y = site.wire(op, &[x])?;
    site.activated(y)
}

/// `avg_pool2d`.
pub(super) fn avg_pool2d(site: &mut Site<'_>) -> TractResult<OutletId> {
    let x = site.operand("x")?;
    let count_include_pad = site.attrs.int("count_pad") != 0;
    let op = SumPool { pool_spec: spec(site)?, count_include_pad, normalize: true };
    let y = site.wire(op, &[x])?;
    site.activated(y)
}

/// `mean`, `sum` and `reduce_max`.
pub(super) fn reduce(site: &mut Site<'_>) -> TractResult<OutletId> {
    let (x, ty) = (site.operand("x")?, site.ty("x")?);
    let axes = site.attrs.ints("axes").iter().map(|a| site.axis(*a, ty.rank()));
    let mut axes = axes.collect::<TractResult<TVec<usize>>>()?;
    axes.sort_unstable();
    #[allow(clippy::cast_precision_loss, reason = "fewer than 2^24 elements")]
    let n = axes.iter().map(|a| ty.shape[*a]).product::<usize>() as f32;
    let reducer = if site.name() == "reduce_max" { Reducer::Max } else { Reducer::Sum };
    let mut y = site.wire(Reduce::new(axes, reducer), &[x])?;
    if site.name() == "mean" {
        y = site.with(math::div(), y, n)?;
    }
    let shape = site.result.shape.clone();
    if site.attrs.int("keep") == 0 { site.reshaped(y, &shape) } else { Ok(y) }
}
