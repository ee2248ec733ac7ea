//! Matrix products and attention.

use super::declare::{any, gradient, optional, optional_any, tensor};
use super::infer::broadcast;
use super::{InferError, OpContext, OpDef};
use crate::Type;
use crate::attr::declare::{ACT, ROUND, int, real};

pub(super) const OPS: &[&OpDef] = &[&DENSE, &MATMUL, &ATTENTION];

const DENSE: OpDef = OpDef {
    name: "dense",
    summary: "fully connected: x[.., c_in], w[c_out, c_in] -> [.., c_out]",
    source: "TFLite FULLY_CONNECTED; ONNX Gemm, opset 13",
    operands: &[any("x"), tensor("w", 2), optional("bias", 1)],
    attrs: &[ACT, ROUND],
    infer: infer_dense,
    macs: |op, result| result.elements() as u64 * op.operand("w").shape[1] as u64,
    traits: gradient(&[0, 1, 2]),
};

const MATMUL: OpDef = OpDef {
    name: "matmul",
    summary: "matrix product of the last two axes, the others broadcast: a[.., m, k], b[.., k, n] -> [.., m, n]",
    source: "ONNX MatMul, opset 13",
    operands: &[any("a"), any("b")],
    attrs: &[int("transpose_b", 0, "1 where b is given as [.., n, k]"), ROUND],
    infer: infer_matmul,
    macs: |op, result| result.elements() as u64 * op.operand("a").shape.last().copied().unwrap_or(1) as u64,
    traits: gradient(&[0, 1]),
};

const ATTENTION: OpDef = OpDef {
    name: "attention",
    summary: "softmax(scale * q k^T + mask) v: q[n, h, t, d], k[n, h, s, d], v[n, h, s, e] -> [n, h, t, e]",
    source: "Vaswani et al., 2017, section 3.2.1; ONNX Attention, opset 23 (without cache)",
    operands: &[tensor("q", 4), tensor("k", 4), tensor("v", 4), optional_any("mask")],
    attrs: &[real("scale", 1.0, "factor on the scores"), int("causal", 0, "1 to hide later positions")],
    infer: infer_attention,
    macs: |op, result| {
        let (q, k) = (op.operand("q"), op.operand("k"));
        let scores = (q.shape[0] * q.shape[1] * q.shape[2] * k.shape[2]) as u64;
        scores * (q.shape[3] + result.shape[3]) as u64
    },
    traits: gradient(&[0, 1, 2]),
};

fn infer_dense(op: &OpContext<'_>) -> Result<Type, InferError> {
    let (x, w) = (op.operand("x"), op.operand("w"));
    op.same_kind(x, "w")?;
    let Some((c_in, outer)) = x.shape.split_last() else {
        return Err(InferError::Rank { operand: "x", found: 0, expected: 2 });
    };
    if w.shape[1] != *c_in {
        let (found, expected) = (w.shape[1], *c_in);
        return Err(InferError::Extent { operand: "w", what: "input channels", found, expected });
    }
    op.check_bias(x, w.shape[0])?;
    let shape = outer.iter().copied().chain([w.shape[0]]).collect();
    op.computed(x, shape)
}

fn infer_matmul(op: &OpContext<'_>) -> Result<Type, InferError> {
    let (a, b) = (op.operand("a"), op.operand("b"));
    op.same_kind(a, "b")?;
    for (operand, ty) in [("a", a), ("b", b)] {
        if ty.rank() < 2 {
            return Err(InferError::Rank { operand, found: ty.rank(), expected: 2 });
        }
    }
    let ((outer_a, inner_a), (outer_b, inner_b)) =
        (a.shape.split_at(a.rank() - 2), b.shape.split_at(b.rank() - 2));
    let (k, n) =
        if op.attrs.int("transpose_b") == 0 { (inner_b[0], inner_b[1]) } else { (inner_b[1], inner_b[0]) };
    if k != inner_a[1] {
        return Err(InferError::Extent {
            operand: "b",
            what: "inner extent",
            found: k,
            expected: inner_a[1],
        });
    }
    let mut shape = broadcast(outer_a, outer_b)?;
    shape.extend([inner_a[0], n]);
    op.computed(a, shape)
}

fn infer_attention(op: &OpContext<'_>) -> Result<Type, InferError> {
    let (q, k, v) = (op.operand("q"), op.operand("k"), op.operand("v"));
    for (operand, ty) in [("q", q), ("k", k), ("v", v)] {
        if !ty.element.is_float() {
            let found = ty.element.to_string();
            return Err(InferError::Element { operand, found, expected: "a float".to_owned() });
        }
    }
    op.same_kind(q, "k")?;
    op.same_kind(q, "v")?;
    let expect = |operand, what, found: usize, expected: usize| {
        if found == expected { Ok(()) } else { Err(InferError::Extent { operand, what, found, expected }) }
    };
    for (operand, ty) in [("k", k), ("v", v)] {
        expect(operand, "batch", ty.shape[0], q.shape[0])?;
        expect(operand, "heads", ty.shape[1], q.shape[1])?;
    }
    expect("k", "depth", k.shape[3], q.shape[3])?;
    expect("v", "positions", v.shape[2], k.shape[2])?;
    if let Some(mask) = op.optional("mask") {
        let scores = [q.shape[0], q.shape[1], q.shape[2], k.shape[2]];
        if broadcast(&mask.shape, &scores)? != scores {
            return Err(InferError::Broadcast { left: mask.shape.clone(), right: scores.to_vec() });
        }
    }
    Ok(Type::new(q.element, [q.shape[0], q.shape[1], q.shape[2], v.shape[3]]))
}
