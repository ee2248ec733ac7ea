//! Between reals and stored integers as the float arithmetic it is, and between elements.

use crate::convert::datum;
use crate::lower::Site;
use ir::{Granularity, Quant};
use tract_core::internal::*;
use tract_core::ops::math;

/// Scales and zero points, shaped to broadcast over a tensor of this rank.
fn constants(site: &mut Site<'_>, quant: &Quant, rank: usize) -> TractResult<[OutletId; 2]> {
    let shape = match quant.granularity {
        Granularity::PerTensor => vec![1; rank],
        Granularity::PerAxis(axis) => {
            let mut shape = vec![1; rank];
            shape[axis] = quant.scale.len();
            shape
        }
        Granularity::PerGroup { .. } => bail!("quantization per group"),
    };
    #[allow(clippy::cast_precision_loss, reason = "zero points of up to 16 bits are exact")]
    let zero: Vec<f32> = quant.zero.iter().map(|z| *z as f32).collect();
    let scale = site.constant(Tensor::from_shape(&shape, &quant.scale)?)?;
    Ok([scale, site.constant(Tensor::from_shape(&shape, &zero)?)?])
}

/// `quantize`.
pub(super) fn quantize(site: &mut Site<'_>) -> TractResult<OutletId> {
    let (x, result) = (site.operand("x")?, site.result);
    let quant = result.quant.as_ref().context("the result of quantize has a quantization")?;
    let [scale, zero] = constants(site, quant, result.rank())?;
    let scaled = site.both(math::div(), x, scale)?;
    let rounded = if site.attrs.word("ties") == "away" {
        site.wire(math::round(), &[scaled])?
    } else {
        site.wire(math::round_half_to_even(), &[scaled])?
    };
    let placed = site.both(math::add(), rounded, zero)?;
    let (low, high) = result.element.range().context("a quantized element is an integer")?;
    #[allow(clippy::cast_precision_loss, reason = "ends of up to 16 bits are exact")]
    let placed = site.clamped(placed, low as f32, high as f32)?;
    let to = datum(result.element).context("the element was checked")?;
    site.cast(placed, to)
}

/// `dequantize`.
pub(super) fn dequantize(site: &mut Site<'_>) -> TractResult<OutletId> {
    let (x, ty) = (site.operand("x")?, site.ty("x")?);
    let quant = ty.quant.as_ref().context("the operand of dequantize has a quantization")?;
    let [scale, zero] = constants(site, quant, ty.rank())?;
    let real = site.cast(x, f32::datum_type())?;
    let centred = site.both(math::sub(), real, zero)?;
    site.both(math::mul(), centred, scale)
}

/// `cast`.
pub(super) fn cast(site: &mut Site<'_>) -> TractResult<OutletId> {
    let x = site.operand("x")?;
    let to = if site.result.element.is_float() {
        f32::datum_type()
    } else {
        datum(site.result.element).context("the element was checked")?
    };
    site.cast(x, to)
}
