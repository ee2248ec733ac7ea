//! Moving elements without computing, and the user's own ops.

use super::declare::{COMPUTE, MOVEMENT, any, gradient, many, no_macs};
use super::infer::broadcast;
use super::{InferError, OpContext, OpDef};
use crate::Type;
use crate::attr::declare::{ROUND, int, needed_int, needed_list, needed_text, real, word};

pub(super) const OPS: &[&OpDef] =
    &[&RESHAPE, &TRANSPOSE, &CONCAT, &SLICE, &PAD, &EXPAND, &GATHER, &RESIZE2D, &CUSTOM];

const RESHAPE: OpDef = OpDef {
    name: "reshape",
    summary: "the same elements in row-major order under another shape",
    source: "ONNX Reshape, opset 14 (shape resolved)",
    operands: &[any("x")],
    attrs: &[needed_list("shape", None, "extents of the result")],
    infer: infer_reshape,
    macs: no_macs,
    traits: MOVEMENT,
};

const TRANSPOSE: OpDef = OpDef {
    name: "transpose",
    summary: "axes in another order: axis i of the result is axis perm[i] of x",
    source: "ONNX Transpose, opset 13",
    operands: &[any("x")],
    attrs: &[needed_list("perm", None, "a permutation of the axes")],
    infer: infer_transpose,
    macs: no_macs,
    traits: MOVEMENT,
};

const CONCAT: OpDef = OpDef {
    name: "concat",
    summary: "operands one after another along an axis",
    source: "ONNX Concat, opset 13; TFLite CONCATENATION",
    operands: &[many("xs")],
    attrs: &[needed_int("axis", "axis along which the operands follow each other"), ROUND],
    infer: infer_concat,
    macs: no_macs,
    traits: gradient(&[0]),
};

const SLICE: OpDef = OpDef {
    name: "slice",
    summary: "every step-th element from start, size of them, on each axis",
    source: "ONNX Slice, opset 13 (ends resolved)",
    operands: &[any("x")],
    attrs: &[
        needed_list("start", None, "first index on each axis"),
        needed_list("size", None, "extent of the result on each axis"),
        needed_list("step", None, "distance on each axis, at least 1"),
    ],
    infer: infer_slice,
    macs: no_macs,
    traits: MOVEMENT,
};

const PAD: OpDef = OpDef {
    name: "pad",
    summary: "elements added before and after on each axis: a real constant, the mirror image or the edge",
    source: "ONNX Pad, opset 13; TFLite PAD",
    operands: &[any("x")],
    attrs: &[
        needed_list("before", None, "elements added in front on each axis"),
        needed_list("after", None, "elements added behind on each axis"),
        real("value", 0.0, "the real constant, quantized where x is"),
        word("mode", &["constant", "reflect", "edge"], "what is added"),
    ],
    infer: infer_pad,
    macs: no_macs,
    traits: MOVEMENT,
};

const EXPAND: OpDef = OpDef {
    name: "expand",
    summary: "axes of extent 1 repeated, and axes added in front",
    source: "ONNX Expand, opset 13 (shape resolved)",
    operands: &[any("x")],
    attrs: &[needed_list("shape", None, "extents of the result")],
    infer: infer_expand,
    macs: no_macs,
    traits: MOVEMENT,
};

const GATHER: OpDef = OpDef {
    name: "gather",
    summary: "slices of x along an axis, picked by indices: the axis is replaced by the indices' axes",
    source: "ONNX Gather, opset 13",
    operands: &[any("x"), any("indices")],
    attrs: &[int("axis", 0, "axis of x that is indexed")],
    infer: infer_gather,
    macs: no_macs,
    traits: MOVEMENT,
};

const RESIZE2D: OpDef = OpDef {
    name: "resize2d",
    summary: "each element repeated `scale` times along h and w: x[n, c, h, w] -> [n, c, h * s, w * s]",
    source: "ONNX Resize, opset 13 (nearest, asymmetric, floor, whole factors)",
    operands: &[super::declare::tensor("x", 4)],
    attrs: &[needed_int("scale", "whole factor, at least 1")],
    infer: |op| {
        let (x, scale) = (op.operand("x"), op.size("scale", 1)?);
        op.moved(
            x,
            vec![x.shape[0], x.shape[1], x.shape[2].saturating_mul(scale), x.shape[3].saturating_mul(scale)],
        )
    },
    macs: no_macs,
    traits: MOVEMENT,
};

const CUSTOM: OpDef = OpDef {
    name: "custom",
    summary: "a user's own C function; the result's type is declared",
    source: "the custom-op section of the target guide",
    operands: &[many("xs")],
    attrs: &[
        needed_text("symbol", "C function that is called"),
        int("scratch", 0, "bytes of arena it may use while it runs"),
    ],
    infer: infer_custom,
    macs: no_macs,
    traits: COMPUTE,
};

fn infer_reshape(op: &OpContext<'_>) -> Result<Type, InferError> {
    let (x, shape) = (op.operand("x"), op.sizes("shape", 0)?);
    let elements = shape.iter().try_fold(1usize, |n, d| n.checked_mul(*d));
    if elements != Some(x.elements()) {
        let expected = format!("{} elements as {:?} has", x.elements(), x.shape);
        return Err(op.bad_attr("shape", format!("{shape:?}"), expected));
    }
    op.moved(x, shape)
}

fn infer_transpose(op: &OpContext<'_>) -> Result<Type, InferError> {
    let (x, perm) = (op.operand("x"), op.sizes("perm", 0)?);
    let mut sorted = perm.clone();
    sorted.sort_unstable();
    if !sorted.iter().copied().eq(0..x.rank()) {
        let expected = format!("a permutation of 0..{}", x.rank());
        return Err(op.bad_attr("perm", format!("{perm:?}"), expected));
    }
    op.moved(x, perm.iter().map(|axis| x.shape[*axis]).collect())
}

fn infer_concat(op: &OpContext<'_>) -> Result<Type, InferError> {
    let first = op.given().next().ok_or(InferError::Missing { operand: "xs" })?;
    let axis = op.axis("axis", first.rank())?;
    let mut shape = first.shape.clone();
    shape[axis] = 0;
    for x in op.given() {
        if x.is_quantized() != first.is_quantized() || (!x.is_quantized() && x.element != first.element) {
            let (found, expected) = (x.element.to_string(), format!("as the first, {}", first.element));
            return Err(InferError::Element { operand: "xs", found, expected });
        }
        let matches = x.rank() == first.rank()
            && x.shape.iter().enumerate().all(|(i, d)| i == axis || *d == first.shape[i]);
        if !matches {
            return Err(InferError::Broadcast { left: first.shape.clone(), right: x.shape.clone() });
        }
        shape[axis] = shape[axis].saturating_add(x.shape[axis]);
    }
    op.computed(first, shape)
}

fn infer_slice(op: &OpContext<'_>) -> Result<Type, InferError> {
    let x = op.operand("x");
    let (start, size, step) = (op.sizes("start", 0)?, op.sizes("size", 0)?, op.sizes("step", 1)?);
    for (name, list) in [("start", &start), ("size", &size), ("step", &step)] {
        if list.len() != x.rank() {
            return Err(op.bad_attr(name, format!("{list:?}"), format!("{} entries", x.rank())));
        }
    }
    for i in 0..x.rank() {
        let last = size[i].checked_sub(1).map(|n| start[i].saturating_add(n.saturating_mul(step[i])));
        if last.is_some_and(|last| last >= x.shape[i]) {
            let expected = format!("within extent {} of axis {i}", x.shape[i]);
            return Err(op.bad_attr("size", format!("{size:?} from {start:?} by {step:?}"), expected));
        }
    }
    op.moved(x, size)
}

fn infer_pad(op: &OpContext<'_>) -> Result<Type, InferError> {
    let x = op.operand("x");
    let (before, after) = (op.sizes("before", 0)?, op.sizes("after", 0)?);
    for (name, list) in [("before", &before), ("after", &after)] {
        if list.len() != x.rank() {
            return Err(op.bad_attr(name, format!("{list:?}"), format!("{} entries", x.rank())));
        }
    }
    let reach = match op.attrs.word("mode") {
        "reflect" => |extent: usize| extent.saturating_sub(1),
        "edge" => |extent: usize| if extent == 0 { 0 } else { usize::MAX },
        _ => |_: usize| usize::MAX,
    };
    for i in 0..x.rank() {
        if before[i].max(after[i]) > reach(x.shape[i]) {
            let expected = format!("what extent {} of axis {i} can supply", x.shape[i]);
            return Err(op.bad_attr("before", format!("{before:?} and after {after:?}"), expected));
        }
    }
    let extent = |i: usize| x.shape[i].saturating_add(before[i]).saturating_add(after[i]);
    op.moved(x, (0..x.rank()).map(extent).collect())
}

fn infer_expand(op: &OpContext<'_>) -> Result<Type, InferError> {
    let (x, shape) = (op.operand("x"), op.sizes("shape", 0)?);
    if broadcast(&x.shape, &shape)? != shape {
        return Err(InferError::Broadcast { left: x.shape.clone(), right: shape });
    }
    op.moved(x, shape)
}

fn infer_gather(op: &OpContext<'_>) -> Result<Type, InferError> {
    let (x, indices) = (op.operand("x"), op.operand("indices"));
    if !indices.element.is_int() || indices.is_quantized() {
        let found = indices.element.to_string();
        return Err(InferError::Element { operand: "indices", found, expected: "an integer".to_owned() });
    }
    let axis = op.axis("axis", x.rank())?;
    let shape = [&x.shape[..axis], &indices.shape, &x.shape[axis + 1..]].concat();
    op.moved(x, shape)
}

fn infer_custom(op: &OpContext<'_>) -> Result<Type, InferError> {
    let symbol = op.attrs.word("symbol");
    let sound = !symbol.is_empty()
        && symbol.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        && !symbol.starts_with(|c: char| c.is_ascii_digit());
    if !sound {
        return Err(op.bad_attr("symbol", format!("{symbol:?}"), "a C identifier"));
    }
    op.size("scratch", 0)?;
    let missing = || InferError::Result("the type of a custom op must be declared".to_owned());
    op.declared.cloned().ok_or_else(missing)
}
