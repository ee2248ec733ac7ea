//! Ops that move elements.

use crate::lower::Site;
use tract_core::internal::*;
use tract_core::ops::Downsample;
use tract_core::ops::array::{Gather, MultiBroadcastTo, Pad, PadMode, Slice, TypedConcat};

/// `reshape`.
pub(super) fn reshape(site: &mut Site<'_>) -> TractResult<OutletId> {
    let x = site.operand("x")?;
    let shape = site.result.shape.clone();
    site.reshaped(x, &shape)
}

/// `transpose`, one move of an axis at a time.
pub(super) fn transpose(site: &mut Site<'_>) -> TractResult<OutletId> {
    let x = site.operand("x")?;
    perm_to_ops(&site.sizes("perm")).into_iter().try_fold(x, |x, op| site.wire(op, &[x]))
}

/// `concat`.
pub(super) fn concat(site: &mut Site<'_>) -> TractResult<OutletId> {
    let axis = site.axis(site.attrs.int("axis"), site.result.rank())?;
    let given = site.given();
    site.wire(TypedConcat { axis }, &given)
}

/// `slice`: a dense slice of each axis, then every step-th element of it.
pub(super) fn slice(site: &mut Site<'_>) -> TractResult<OutletId> {
    let (start, size, step) = (site.sizes("start"), site.sizes("size"), site.sizes("step"));
    let mut x = site.operand("x")?;
    for axis in 0..start.len() {
        let span = size[axis].saturating_sub(1) * step[axis] + usize::from(size[axis] > 0);
        x = site.wire(Slice::new(axis, start[axis], start[axis] + span), &[x])?;
        if step[axis] > 1 {
            x = site.wire(Downsample { axis, stride: isize::try_from(step[axis])?, modulo: 0 }, &[x])?;
        }
    }
    Ok(x)
}

/// `pad`.
pub(super) fn pad(site: &mut Site<'_>) -> TractResult<OutletId> {
    let x = site.operand("x")?;
    #[allow(clippy::cast_possible_truncation, reason = "tract computes in single precision")]
    let value = site.attrs.float("value") as f32;
    let mode = match site.attrs.word("mode") {
        "reflect" => PadMode::Reflect,
        "edge" => PadMode::Edge,
        _ => PadMode::Constant(crate::convert::scalar(value)),
    };
    let pads = site.sizes("before").into_iter().zip(site.sizes("after")).collect();
    site.wire(Pad { pads, mode }, &[x])
}

/// `expand`: axes in front, then repetition.
pub(super) fn expand(site: &mut Site<'_>) -> TractResult<OutletId> {
    let (x, from) = (site.operand("x")?, &site.ty("x")?.shape);
    let shape = site.result.shape.clone();
    let missing = vec![1; shape.len() - from.len()];
    let x = site.reshaped(x, &[missing.as_slice(), from].concat())?;
    site.wire(MultiBroadcastTo { shape: ShapeFact::from(shape.as_slice()) }, &[x])
}

/// `gather`.
pub(super) fn gather(site: &mut Site<'_>) -> TractResult<OutletId> {
    let axis = site.axis(site.attrs.int("axis"), site.ty("x")?.rank())?;
    let (x, indices) = (site.operand("x")?, site.operand("indices")?);
    let indices = site.cast(indices, i64::datum_type())?;
    site.wire(Gather::new(axis), &[x, indices])
}

/// `resize2d`: an axis of repetitions behind rows and one behind columns.
pub(super) fn resize2d(site: &mut Site<'_>) -> TractResult<OutletId> {
    let (x, from) = (site.operand("x")?, &site.ty("x")?.shape);
    let scale = usize::try_from(site.attrs.int("scale"))?;
    let [n, c, h, w] = [from[0], from[1], from[2], from[3]];
    let x = site.reshaped(x, &[n, c, h, 1, w, 1])?;
    let repeated = MultiBroadcastTo { shape: ShapeFact::from([n, c, h, scale, w, scale].as_slice()) };
    let x = site.wire(repeated, &[x])?;
    site.reshaped(x, &[n, c, h * scale, w * scale])
}
