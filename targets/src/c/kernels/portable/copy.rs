//! Kernels that only move numbers: concatenation, slice, pad, transpose, nearest-neighbour enlargement.

use super::{Builder, expect, mismatch};
use crate::c::kernels::code::Code;
use crate::c::kernels::spec::{ConcatSpec, CopyBoxSpec, Element, ResizeNearestSpec, TransposeSpec};
use crate::c::kernels::unit::float;
use crate::c::kernels::{Kernel, KernelError};

/// Most axes a moved tensor may have.
const MAX_AXES: usize = 6;

pub(crate) fn concat(s: &ConcatSpec) -> Result<Kernel, KernelError> {
    let mut b = Builder::new();
    for i in 0..s.inner.len() {
        b.input(i, s.element, &format!("x{i}"));
    }
    b.output(s.element);
    let mut c = Code::new();
    c.count("o", s.outer);
    for (i, inner) in s.inner.iter().enumerate() {
        c.line(format!("memcpy(y, x{i}, {});", inner * s.element.bytes()));
        c.line(format!("y += {inner};")).line(format!("x{i} += {inner};"));
    }
    c.close();
    let total: usize = s.inner.iter().sum();
    let summary = format!("Concatenation of {} inputs: {} x {total}.", s.inner.len(), s.outer);
    Ok(b.finish(format!("concat_{}x{total}", s.outer), summary, c.finish(), 0))
}

pub(crate) fn copy_box(s: &CopyBoxSpec) -> Result<Kernel, KernelError> {
    let rank = s.x.len();
    expect("axes of the output", s.y.len(), rank)?;
    expect("axes of the offset", s.offset.len(), rank)?;
    expect("axes of the step", s.step.len(), rank)?;
    if rank > MAX_AXES {
        return Err(mismatch("axes", rank, format!("at most {MAX_AXES}")));
    }
    let mut b = Builder::new();
    b.input(0, s.element, "x").output(s.element);
    let fill = match s.element {
        Element::F32 => float(s.fill as f32),
        _ => format!("{}", s.fill as i64),
    };
    let strides = strides(&s.x);
    let mut c = Code::new();
    for axis in 0..rank {
        c.count(&format!("i{axis}"), s.y[axis]);
    }
    let mut inside = Vec::new();
    let mut terms = Vec::new();
    for (axis, stride) in strides.iter().enumerate() {
        let step = if s.step[axis] == 1 { String::new() } else { format!(" * {}", s.step[axis]) };
        let place = super::plus(&format!("i{axis}{step}"), s.offset[axis] as i32);
        let last = s.offset[axis] + s.step[axis] * (s.y[axis] as isize - 1);
        let (low, high) = (s.offset[axis].min(last), s.offset[axis].max(last));
        if low < 0 {
            inside.push(format!("{place} >= 0"));
        }
        if high >= s.x[axis] as isize {
            inside.push(format!("{place} < {}", s.x[axis]));
        }
        terms.push(if *stride == 1 { place } else { format!("({place}) * {stride}") });
    }
    let read = format!("x[{}]", if terms.is_empty() { "0".into() } else { terms.join(" + ") });
    let value = if inside.is_empty() {
        read
    } else {
        format!("({}) ? {read} : ({}){fill}", inside.join(" && "), s.element.c_type())
    };
    c.line(format!("*y++ = {value};")).close_all(rank);
    let summary = format!("Copy of a box: {} -> {}.", extents(&s.x), extents(&s.y));
    Ok(b.finish(format!("copy_box_{}", extents(&s.y)), summary, c.finish(), 0))
}

pub(crate) fn transpose(s: &TransposeSpec) -> Result<Kernel, KernelError> {
    let rank = s.x.len();
    let mut seen = s.perm.clone();
    seen.sort_unstable();
    if seen != (0..rank).collect::<Vec<_>>() || rank > MAX_AXES {
        return Err(mismatch(
            "permutation",
            format!("{:?}", s.perm),
            format!("each of {rank} axes once, at most {MAX_AXES}"),
        ));
    }
    let mut b = Builder::new();
    b.input(0, s.element, "x").output(s.element);
    let strides = strides(&s.x);
    let mut c = Code::new();
    let mut terms = Vec::new();
    for (axis, &from) in s.perm.iter().enumerate() {
        c.count(&format!("i{axis}"), s.x[from]);
        terms.push(if strides[from] == 1 {
            format!("i{axis}")
        } else {
            format!("i{axis} * {}", strides[from])
        });
    }
    let read = if terms.is_empty() { "0".into() } else { terms.join(" + ") };
    c.line(format!("*y++ = x[{read}];")).close_all(rank);
    let summary = format!("Transpose of {}, axes {:?}.", extents(&s.x), s.perm);
    Ok(b.finish(format!("transpose_{}", extents(&s.x)), summary, c.finish(), 0))
}

pub(crate) fn resize_nearest(s: &ResizeNearestSpec) -> Result<Kernel, KernelError> {
    expect("channels of the output", s.output.c, s.input.c)?;
    expect("images of the output", s.output.n, s.input.n)?;
    let mut b = Builder::new();
    b.input(0, s.element, "x").output(s.element);
    let mut c = Code::new();
    c.count("n", s.input.n).count("oy", s.output.h).count("ox", s.output.w);
    let [row, column] = [("oy", s.input.h, s.output.h), ("ox", s.input.w, s.output.w)]
        .map(|(i, x, y)| if y % x == 0 { format!("{i} / {}", y / x) } else { format!("{i} * {x} / {y}") });
    c.line(format!(
        "memcpy(y, x + ({row} * {} + {column}) * {c}, {});",
        s.input.w,
        s.input.c * s.element.bytes(),
        c = s.input.c
    ));
    c.line(format!("y += {};", s.input.c)).close_all(2);
    c.line(format!("x += {};", s.input.h * s.input.w * s.input.c)).close();
    let summary = format!(
        "Nearest neighbour: {}x{} -> {}x{}, {} channels.",
        s.input.h, s.input.w, s.output.h, s.output.w, s.input.c
    );
    Ok(b.finish(format!("resize_{}x{}x{}", s.output.h, s.output.w, s.output.c), summary, c.finish(), 0))
}

fn strides(shape: &[usize]) -> Vec<usize> {
    let mut strides = vec![1; shape.len()];
    for axis in (1..shape.len()).rev() {
        strides[axis - 1] = strides[axis] * shape[axis];
    }
    strides
}

fn extents(shape: &[usize]) -> String {
    shape.iter().map(usize::to_string).collect::<Vec<_>>().join("x")
}
