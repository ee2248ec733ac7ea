//! Between reals and the integers that stand for them, and between elements.

use super::declare::{COMPUTE, UNARY, any, no_macs};
use super::{InferError, OpContext, OpDef};
use crate::attr::declare::{ROUND, needed_text, word};
use crate::{Element, Type};

pub(super) const OPS: &[&OpDef] = &[&QUANTIZE, &DEQUANTIZE, &REQUANTIZE, &CAST];

const QUANTIZE: OpDef = OpDef {
    name: "quantize",
    summary: "round(x / scale) + zero, clamped to the declared element",
    source: "ONNX QuantizeLinear, opset 21; TFLite QUANTIZE",
    operands: &[any("x")],
    attrs: &[word(
        "ties",
        &["even", "away"],
        "halves go to the even neighbour (ONNX) or away from zero (TFLite)",
    )],
    infer: |op| {
        let x = op.operand("x");
        expect(x, !x.is_quantized() && x.element.is_float(), "a float")?;
        declared(op, x)
    },
    macs: no_macs,
    traits: UNARY,
};

const DEQUANTIZE: OpDef = OpDef {
    name: "dequantize",
    summary: "scale * (x - zero), as f32",
    source: "ONNX DequantizeLinear, opset 21",
    operands: &[any("x")],
    attrs: &[],
    infer: |op| {
        let x = op.operand("x");
        expect(x, x.is_quantized(), "quantized")?;
        Ok(Type::new(Element::F32, x.shape.clone()))
    },
    macs: no_macs,
    traits: UNARY,
};

const REQUANTIZE: OpDef = OpDef {
    name: "requantize",
    summary: "the same reals under another scale, zero point or element",
    source: "TFLite QUANTIZE with a quantized operand",
    operands: &[any("x")],
    attrs: &[ROUND],
    infer: |op| {
        let x = op.operand("x");
        expect(x, x.is_quantized(), "quantized")?;
        declared(op, x)
    },
    macs: no_macs,
    traits: UNARY,
};

const CAST: OpDef = OpDef {
    name: "cast",
    summary: "each element as another, unquantized one: floats are truncated, integers wrap",
    source: "ONNX Cast, opset 13",
    operands: &[any("x")],
    attrs: &[needed_text("to", "element of the result")],
    infer: |op| {
        let x = op.operand("x");
        expect(x, !x.is_quantized(), "not quantized")?;
        let to = op.attrs.word("to");
        let element =
            Element::parse(to).ok_or_else(|| op.bad_attr("to", format!("{to:?}"), "an element type"))?;
        Ok(Type::new(element, x.shape.clone()))
    },
    macs: no_macs,
    traits: COMPUTE,
};

fn expect(x: &Type, holds: bool, expected: &str) -> Result<(), InferError> {
    if holds {
        return Ok(());
    }
    let found = format!("{}{}", if x.is_quantized() { "quantized " } else { "" }, x.element);
    Err(InferError::Element { operand: "x", found, expected: expected.to_owned() })
}

fn declared(op: &OpContext<'_>, x: &Type) -> Result<Type, InferError> {
    let declared = op.declared.filter(|ty| ty.is_quantized()).ok_or(InferError::NoQuant)?;
    Ok(Type { shape: x.shape.clone(), sparsity: None, ..declared.clone() })
}
