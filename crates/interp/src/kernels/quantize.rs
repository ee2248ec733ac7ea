//! Between reals and stored integers, and between elements.

use super::binary::wrap;
use super::scale::element_range;
use crate::KernelError;
use crate::call::{Call, slots};
use crate::fixed::saturate;
use ir::{Tensor, Type};

/// `quantize`: `x / scale` in `f32`, rounded as the attribute `ties` says, plus the zero point, clamped.
pub(crate) fn quantize(call: &Call<'_>) -> Result<Tensor, KernelError> {
    let round = if call.attrs.word("ties") == "away" { f32::round } else { f32::round_ties_even };
    stored_by(call.result, &call.operand("x").floats(), round).map(|y| call.ints(&y))
}

/// Reals as integers of a quantized type, halves away from zero.
pub(crate) fn stored(ty: &Type, values: &[f32]) -> Result<Vec<i32>, KernelError> {
    stored_by(ty, values, f32::round)
}

fn stored_by(ty: &Type, values: &[f32], round: fn(f32) -> f32) -> Result<Vec<i32>, KernelError> {
    let quant = ty.quant.as_ref().ok_or(KernelError::Granularity { what: "result" })?;
    let [low, high] = element_range(ty.element);
    let store = |(v, slot): (&f32, usize)| {
        #[allow(clippy::cast_possible_truncation, reason = "`as` saturates, then the range cuts")]
        let steps = round(*v / quant.scale[slot]) as i32;
        steps.saturating_add(quant.zero[slot]).clamp(low, high)
    };
    Ok(values.iter().zip(slots(quant, &ty.shape)).map(store).collect())
}

/// `dequantize`.
pub(crate) fn dequantize(call: &Call<'_>) -> Result<Tensor, KernelError> {
    Ok(call.floats(&call.operand("x").reals()))
}

/// `requantize`, by the profile, one factor for each pair of scales.
pub(crate) fn requantize(call: &Call<'_>) -> Result<Tensor, KernelError> {
    let x = call.operand("x");
    let from = x.ty.quant.as_ref().ok_or(KernelError::Granularity { what: "x" })?;
    let to = call.result.quant.as_ref().ok_or(KernelError::Granularity { what: "result" })?;
    let [low, high] = element_range(call.result.element);
    let bits = call.bits();
    let factor = |i: usize, j: usize| call.rounding().requantize(from.scale[i], to.scale[j], bits);
    let single = (from.scale.len() == 1 && to.scale.len() == 1).then(|| factor(0, 0));
    let shape = &x.ty.shape;
    let pairs = slots(from, shape).zip(slots(to, shape));
    let scaled = |(v, (i, j)): (i64, (usize, usize))| {
        let scaler = single.unwrap_or_else(|| factor(i, j));
        scaler
            .apply(saturate(v.saturating_sub(i64::from(from.zero[i]))))
            .saturating_add(to.zero[j])
            .clamp(low, high)
    };
    let y: Vec<i32> = x.longs().into_iter().zip(pairs).map(scaled).collect();
    Ok(call.ints(&y))
}

/// `cast`: floats are truncated towards zero, integers wrap to the element; a truth value is whether it is not zero.
pub(crate) fn cast(call: &Call<'_>) -> Result<Tensor, KernelError> {
    let (x, element) = (call.operand("x"), call.result.element);
    let shape = call.result.shape.clone();
    if element.is_float() {
        return Ok(Tensor::from_reals(element, shape, x.data.to_reals()));
    }
    let values: Vec<i64> = if x.ty.element.is_float() {
        #[allow(
            clippy::cast_possible_truncation,
            reason = "`as` truncates and saturates at 64 bits, NaN is 0"
        )]
        let whole = |v: f64| if element == ir::Element::Bool { i64::from(v != 0.0) } else { v as i64 };
        x.data.to_reals().into_iter().map(whole).collect()
    } else {
        x.longs()
    };
    let values: Vec<i64> = values.into_iter().map(|v| wrap(v, element)).collect();
    Ok(Tensor::from_ints(element, shape, &values))
}
