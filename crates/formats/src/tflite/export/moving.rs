//! Ops that move elements.

use super::super::schema::{
    ConcatenationOptions, GatherOptions, MirrorPadOptions, Options, StridedSliceOptions,
};
use super::forms::Form;
use super::{Exporter, Fault, Use, unsupported};

const CONCATENATION: i32 = 2;
const PAD: i32 = 34;
const PADV2: i32 = 60;
const MIRROR_PAD: i32 = 100;
const GATHER: i32 = 36;
const STRIDED_SLICE: i32 = 45;
const BROADCAST_TO: i32 = 130;

pub(super) fn reshape(e: &mut Exporter<'_>, u: &Use<'_>) -> Result<(), Fault> {
    let x = e.get(u.x(0), Form::Logical)?;
    let out = e.reshaped(x, u.ty)?;
    e.hold(u.value, Form::Logical, out);
    Ok(())
}

pub(super) fn transpose(e: &mut Exporter<'_>, u: &Use<'_>) -> Result<(), Fault> {
    let perm: Vec<usize> = u.attrs.ints("perm").iter().map(|a| usize::try_from(*a).unwrap_or(0)).collect();
    let x = e.get(u.x(0), Form::Logical)?;
    let out = e.transposed(x, &e.graph.ty(u.x(0)).clone(), &perm)?;
    e.hold(u.value, Form::Logical, out);
    Ok(())
}

pub(super) fn concat(e: &mut Exporter<'_>, u: &Use<'_>) -> Result<(), Fault> {
    let operands: Vec<_> = u.operands.iter().flatten().copied().collect();
    let rank = u.ty.rank();
    let form = if rank == 4 { e.common(&operands) } else { Form::Logical };
    let mut inputs = Vec::new();
    for operand in operands {
        inputs.push(e.get(operand, form)?);
    }
    let axis = u.attrs.int("axis");
    let axis = usize::try_from(if axis < 0 { axis + rank as i64 } else { axis }).unwrap_or(0);
    let options = ConcatenationOptions { axis: form.axis(axis, rank) as i32, activation: 0 };
    e.emit(CONCATENATION, &inputs, u, form, Options::Concatenation(options))
}

/// A list by logical axis in the order of the form.
fn ordered(form: Form, list: &[i64]) -> Vec<i64> {
    let mut out = vec![0; list.len()];
    for (axis, item) in list.iter().enumerate() {
        out[form.axis(axis, list.len())] = *item;
    }
    out
}

pub(super) fn slice(e: &mut Exporter<'_>, u: &Use<'_>) -> Result<(), Fault> {
    let form = e.common(&[u.x(0)]);
    let x = e.get(u.x(0), form)?;
    let (start, size, step) = (
        ordered(form, u.attrs.ints("start")),
        ordered(form, u.attrs.ints("size")),
        ordered(form, u.attrs.ints("step")),
    );
    if size.contains(&0) {
        return unsupported("an empty slice");
    }
    let end: Vec<i64> = (0..start.len()).map(|i| start[i] + (size[i] - 1) * step[i] + 1).collect();
    let rank = [start.len()];
    let inputs = [x, e.ints(&start, &rank)?, e.ints(&end, &rank)?, e.ints(&step, &rank)?];
    e.emit(STRIDED_SLICE, &inputs, u, form, Options::StridedSlice(StridedSliceOptions::default()))
}

pub(super) fn pad(e: &mut Exporter<'_>, u: &Use<'_>) -> Result<(), Fault> {
    let form = e.common(&[u.x(0)]);
    let x = e.get(u.x(0), form)?;
    let (before, after) = (ordered(form, u.attrs.ints("before")), ordered(form, u.attrs.ints("after")));
    let pads: Vec<i64> = before.iter().zip(&after).flat_map(|(b, a)| [*b, *a]).collect();
    let pads = e.ints(&pads, &[before.len(), 2])?;
    match (u.attrs.word("mode"), u.attrs.float("value"), u.ty.is_quantized()) {
        ("reflect", ..) => {
            e.emit(MIRROR_PAD, &[x, pads], u, form, Options::MirrorPad(MirrorPadOptions { mode: 0 }))
        }
        ("constant", 0.0, _) => e.emit(PAD, &[x, pads], u, form, Options::Pad(Default::default())),
        ("constant", value, false) => {
            let fill = e.floats(&[value as f32], &[])?;
            e.emit(PADV2, &[x, pads, fill], u, form, Options::None)
        }
        (mode, value, _) => unsupported(format!("mode {mode} with {value} on {}", u.ty.element)),
    }
}

pub(super) fn expand(e: &mut Exporter<'_>, u: &Use<'_>) -> Result<(), Fault> {
    let x = e.get(u.x(0), Form::Logical)?;
    let shape = e.ints(&u.ty.shape, &[u.ty.rank()])?;
    e.emit(BROADCAST_TO, &[x, shape], u, Form::Logical, Options::None)
}

pub(super) fn gather(e: &mut Exporter<'_>, u: &Use<'_>) -> Result<(), Fault> {
    let (x, indices) = (e.get(u.x(0), Form::Logical)?, e.get(u.x(1), Form::Logical)?);
    let options = GatherOptions { axis: u.attrs.int("axis") as i32, batch_dims: 0 };
    e.emit(GATHER, &[x, indices], u, Form::Logical, Options::Gather(options))
}
