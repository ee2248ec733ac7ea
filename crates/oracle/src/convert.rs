//! Between this project's tensors and tract's.

use ir::{Element, Tensor};
use tract_core::internal::tract_data::half::f16;
use tract_core::internal::{Datum, DatumType, IntoArcTensor, Tensor as Foreign, TractResult, bail};

/// tract's counterpart of an element; `None` where it has none of that width.
pub(crate) fn datum(element: Element) -> Option<DatumType> {
    Some(match element {
        Element::F32 => f32::datum_type(),
        Element::F16 => f16::datum_type(),
        Element::Bool => bool::datum_type(),
        Element::Int { bits: 8, signed: true } => i8::datum_type(),
        Element::Int { bits: 8, signed: false } => u8::datum_type(),
        Element::Int { bits: 16, signed: true } => i16::datum_type(),
        Element::Int { bits: 16, signed: false } => u16::datum_type(),
        Element::Int { bits: 32, signed: true } => i32::datum_type(),
        Element::Int { bits: 64, signed: true } => i64::datum_type(),
        _ => return None,
    })
}

/// A tensor as tract has it, `f16` widened to `f32`; `None` where the element has no counterpart.
pub(crate) fn to_tract(data: &Tensor) -> Option<TractResult<Foreign>> {
    let shape = data.shape();
    if matches!(data.element(), Element::F32 | Element::F16) {
        return Some(Foreign::from_shape(shape, &data.to_f32()));
    }
    let to = datum(data.element())?;
    let long = Foreign::from_shape(shape, &data.to_ints());
    Some(long.and_then(|long| Ok(long.cast_to_dt(to)?.into_owned())))
}

/// A result of tract as the element asked for.
pub(crate) fn from_tract(data: &Foreign, element: Element) -> TractResult<Tensor> {
    let shape = data.shape().to_vec();
    if element.is_float() {
        let single = data.cast_to::<f32>()?;
        let view = single.to_plain_array_view::<f32>()?;
        return Ok(Tensor::from_reals(element, shape, view.iter().map(|v| f64::from(*v))));
    }
    let long = data.cast_to::<i64>()?;
    let values: Vec<i64> = long.to_plain_array_view::<i64>()?.iter().copied().collect();
    let Some((low, high)) = element.range() else { bail!("{element} has no range") };
    if let Some(outside) = values.iter().find(|v| !(low..=high).contains(*v)) {
        bail!("{outside} is outside {element}");
    }
    Ok(Tensor::from_ints(element, shape, &values))
}

/// A scalar constant.
pub(crate) fn scalar(value: f32) -> std::sync::Arc<Foreign> {
    Foreign::from(value).into_arc_tensor()
}
