//! Pooling and reductions.

use super::declare::{any, gradient, no_macs, tensor};
use super::infer::{resolve_axis, windows};
use super::{InferError, OpContext, OpDef, OperandDef};
use crate::Type;
use crate::attr::AttrDef;
use crate::attr::declare::{ACT, ROUND, int, list, needed_list};

pub(super) const OPS: &[&OpDef] = &[&MAX_POOL2D, &AVG_POOL2D, &MEAN, &SUM, &REDUCE_MAX];

const KERNEL: AttrDef = needed_list("kernel", Some(2), "rows, columns");
const STRIDE: AttrDef = list("stride", &[1, 1], "rows, columns");
const PAD: AttrDef = list("pad", &[0, 0, 0, 0], "top, left, bottom, right");

const MAX_POOL2D: OpDef = OpDef {
    name: "max_pool2d",
    summary: "largest element of each window: x[n, c, h, w] -> [n, c, h_out, w_out]; padding never wins",
    source: "ONNX MaxPool, opset 12; TFLite MAX_POOL_2D",
    operands: &[tensor("x", 4)],
    attrs: &[KERNEL, STRIDE, PAD, ACT],
    infer: |op| {
        let x = op.operand("x");
        let shape = pooled(op, x)?;
        op.moved(x, shape)
    },
    macs: no_macs,
    traits: gradient(&[0]),
};

const AVG_POOL2D: OpDef = OpDef {
    name: "avg_pool2d",
    summary: "mean of each window: x[n, c, h, w] -> [n, c, h_out, w_out]",
    source: "ONNX AveragePool, opset 11; TFLite AVERAGE_POOL_2D",
    operands: &[tensor("x", 4)],
    attrs: &[
        KERNEL,
        STRIDE,
        PAD,
        int("count_pad", 0, "1 to count padded places as zeros in the mean"),
        ACT,
        ROUND,
    ],
    infer: |op| {
        let x = op.operand("x");
        let shape = pooled(op, x)?;
        op.computed(x, shape)
    },
    macs: no_macs,
    traits: gradient(&[0]),
};

const REDUCED: &[OperandDef] = &[any("x")];
const REDUCTION: &[AttrDef] = &[
    needed_list("axes", None, "axes that are reduced"),
    int("keep", 1, "1 to keep reduced axes with extent 1"),
    ROUND,
];

const fn reduction(name: &'static str, summary: &'static str, source: &'static str) -> OpDef {
    OpDef {
        name,
        summary,
        source,
        operands: REDUCED,
        attrs: REDUCTION,
        infer: infer_reduction,
        macs: no_macs,
        traits: gradient(&[0]),
    }
}

const MEAN: OpDef = reduction("mean", "mean over axes", "ONNX ReduceMean, opset 18; TFLite MEAN");
const SUM: OpDef = reduction("sum", "sum over axes", "ONNX ReduceSum, opset 13");
const REDUCE_MAX: OpDef = reduction("reduce_max", "largest element over axes", "ONNX ReduceMax, opset 18");

fn pooled(op: &OpContext<'_>, x: &Type) -> Result<Vec<usize>, InferError> {
    let (kernel, stride, pad) = (op.sizes("kernel", 1)?, op.sizes("stride", 1)?, op.sizes("pad", 0)?);
    if pad[0].max(pad[2]) >= kernel[0] || pad[1].max(pad[3]) >= kernel[1] {
        let found = format!("{pad:?}");
        return Err(op.bad_attr("pad", found, "less than the kernel: a window must hold an element"));
    }
    let h = windows(x.shape[2], [pad[0], pad[2]], kernel[0], stride[0], 1)?;
    let w = windows(x.shape[3], [pad[1], pad[3]], kernel[1], stride[1], 1)?;
    Ok(vec![x.shape[0], x.shape[1], h, w])
}

fn infer_reduction(op: &OpContext<'_>) -> Result<Type, InferError> {
    let x = op.operand("x");
    let axes = op.attrs.ints("axes");
    let resolved: Option<Vec<usize>> = axes.iter().map(|a| resolve_axis(*a, x.rank())).collect();
    let distinct = |r: &Vec<usize>| r.iter().collect::<std::collections::HashSet<_>>().len() == r.len();
    let Some(resolved) = resolved.filter(distinct) else {
        return Err(op.bad_attr("axes", format!("{axes:?}"), format!("distinct axes of rank {}", x.rank())));
    };
    if resolved.iter().any(|a| x.shape[*a] == 0) {
        return Err(InferError::Extent { operand: "x", what: "reduced extent", found: 0, expected: 1 });
    }
    let keep = op.attrs.int("keep") != 0;
    let shape = x.shape.iter().enumerate().filter_map(|(i, d)| match (resolved.contains(&i), keep) {
        (false, _) => Some(*d),
        (true, true) => Some(1),
        (true, false) => None,
    });
    op.computed(x, shape.collect())
}
