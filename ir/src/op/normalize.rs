//! Normalizations and softmax.

use super::declare::{UNARY, any, gradient, no_macs, optional_any, tensor};
use super::infer::broadcast;
use super::{InferError, OpContext, OpDef, Traits};
use crate::Type;
use crate::attr::declare::{ROUND, int, real};

pub(super) const OPS: &[&OpDef] = &[&BATCH_NORM, &LAYER_NORM, &SOFTMAX];

const BATCH_NORM: OpDef = OpDef {
    name: "batch_norm",
    summary: "gamma * (x - mean) / sqrt(var + epsilon) + beta along axis 1",
    source: "ONNX BatchNormalization, opset 15 (inference)",
    operands: &[any("x"), tensor("gamma", 1), tensor("beta", 1), tensor("mean", 1), tensor("var", 1)],
    attrs: &[real("epsilon", 1e-5, "added to the variance")],
    infer: infer_batch_norm,
    macs: |_, result| result.elements() as u64,
    traits: gradient(&[0, 1, 2]),
};

const LAYER_NORM: OpDef = OpDef {
    name: "layer_norm",
    summary: "gamma * (x - mean) / sqrt(var + epsilon) + beta over the axes from `axis` on",
    source: "ONNX LayerNormalization, opset 17",
    operands: &[any("x"), optional_any("gamma"), optional_any("beta")],
    attrs: &[int("axis", -1, "first normalized axis"), real("epsilon", 1e-5, "added to the variance")],
    infer: infer_layer_norm,
    macs: |_, result| result.elements() as u64,
    traits: gradient(&[0, 1, 2]),
};

const SOFTMAX: OpDef = OpDef {
    name: "softmax",
    summary: "exp(beta * x) / sum(exp(beta * x)) along one axis",
    source: "ONNX Softmax, opset 13; TFLite SOFTMAX",
    operands: &[any("x")],
    attrs: &[int("axis", -1, "axis that sums to one"), real("beta", 1.0, "factor on x"), ROUND],
    infer: |op| {
        let x = op.operand("x");
        op.axis("axis", x.rank())?;
        op.computed(x, x.shape.clone())
    },
    macs: no_macs,
    traits: Traits { elementwise: false, ..UNARY },
};

fn infer_batch_norm(op: &OpContext<'_>) -> Result<Type, InferError> {
    let x = op.operand("x");
    if x.rank() < 2 {
        return Err(InferError::Rank { operand: "x", found: x.rank(), expected: 2 });
    }
    float_only(x)?;
    for name in ["gamma", "beta", "mean", "var"] {
        op.same_kind(x, name)?;
        let found = op.operand(name).shape[0];
        if found != x.shape[1] {
            return Err(InferError::Extent { operand: name, what: "length", found, expected: x.shape[1] });
        }
    }
    Ok(Type::new(x.element, x.shape.clone()))
}

fn infer_layer_norm(op: &OpContext<'_>) -> Result<Type, InferError> {
    let x = op.operand("x");
    float_only(x)?;
    let axis = op.axis("axis", x.rank())?;
    for name in ["gamma", "beta"] {
        op.same_kind(x, name)?;
        let Some(ty) = op.optional(name) else { continue };
        if broadcast(&ty.shape, &x.shape[axis..])? != x.shape[axis..] {
            return Err(InferError::Broadcast { left: ty.shape.clone(), right: x.shape[axis..].to_vec() });
        }
    }
    Ok(Type::new(x.element, x.shape.clone()))
}

fn float_only(x: &Type) -> Result<(), InferError> {
    if x.element.is_float() {
        return Ok(());
    }
    let found = x.element.to_string();
    Err(InferError::Element { operand: "x", found, expected: "a float".to_owned() })
}
