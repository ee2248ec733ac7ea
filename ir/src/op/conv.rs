//! Convolutions.

use super::declare::{gradient, optional, tensor};
use super::infer::windows;
use super::{InferError, OpContext, OpDef};
use crate::Type;
use crate::attr::declare::{ACT, MID, ROUND, int, list};

pub(super) const OPS: &[&OpDef] = &[&CONV2D, &CONV1D];

const CONV2D: OpDef = OpDef {
    name: "conv2d",
    summary: "2-D cross-correlation: x[n, c_in, h, w], w[c_out, c_in/groups, k_h, k_w] -> [n, c_out, h_out, w_out]; \
              the residual is added before the activation",
    source: "ONNX Conv, opset 11; integers: TFLite quantization specification",
    operands: &[tensor("x", 4), tensor("w", 4), optional("bias", 1), optional("residual", 4)],
    attrs: &[
        list("stride", &[1, 1], "rows, columns"),
        list("pad", &[0, 0, 0, 0], "top, left, bottom, right; a padded place is real 0"),
        list("dilation", &[1, 1], "rows, columns"),
        int("groups", 1, "channels are split into this many independent convolutions"),
        ACT,
        MID,
        ROUND,
    ],
    infer: infer_conv2d,
    macs: |op, result| result.elements() as u64 * per_output(op),
    traits: gradient(&[0, 1, 2, 3]),
};

const CONV1D: OpDef = OpDef {
    name: "conv1d",
    summary: "1-D cross-correlation: x[n, c_in, l], w[c_out, c_in/groups, k] -> [n, c_out, l_out]",
    source: "ONNX Conv, opset 11; integers: TFLite quantization specification",
    operands: &[tensor("x", 3), tensor("w", 3), optional("bias", 1)],
    attrs: &[
        list("stride", &[1], "steps"),
        list("pad", &[0, 0], "before, after; a padded place is real 0"),
        list("dilation", &[1], "steps"),
        int("groups", 1, "channels are split into this many independent convolutions"),
        ACT,
        ROUND,
    ],
    infer: infer_conv1d,
    macs: |op, result| result.elements() as u64 * per_output(op),
    traits: gradient(&[0, 1, 2]),
};

fn per_output(op: &OpContext<'_>) -> u64 {
    op.operand("w").shape[1..].iter().product::<usize>() as u64
}

fn infer_conv2d(op: &OpContext<'_>) -> Result<Type, InferError> {
    let (x, w) = (op.operand("x"), op.operand("w"));
    let (stride, pad, dilation) = (op.sizes("stride", 1)?, op.sizes("pad", 0)?, op.sizes("dilation", 1)?);
    let c_out = check_channels(op, x, w)?;
    let h = windows(x.shape[2], [pad[0], pad[2]], kernel(w, 2)?, stride[0], dilation[0])?;
    let wide = windows(x.shape[3], [pad[1], pad[3]], kernel(w, 3)?, stride[1], dilation[1])?;
    let result = op.computed(x, vec![x.shape[0], c_out, h, wide])?;
    check_residual(op, x, &result)?;
    Ok(result)
}

fn infer_conv1d(op: &OpContext<'_>) -> Result<Type, InferError> {
    let (x, w) = (op.operand("x"), op.operand("w"));
    let (stride, pad, dilation) = (op.sizes("stride", 1)?, op.sizes("pad", 0)?, op.sizes("dilation", 1)?);
    let c_out = check_channels(op, x, w)?;
    let l = windows(x.shape[2], [pad[0], pad[1]], kernel(w, 2)?, stride[0], dilation[0])?;
    op.computed(x, vec![x.shape[0], c_out, l])
}

fn kernel(w: &Type, axis: usize) -> Result<usize, InferError> {
    match w.shape[axis] {
        0 => Err(InferError::Extent { operand: "w", what: "kernel extent", found: 0, expected: 1 }),
        k => Ok(k),
    }
}

fn check_channels(op: &OpContext<'_>, x: &Type, w: &Type) -> Result<usize, InferError> {
    op.same_kind(x, "w")?;
    let groups = op.size("groups", 1)?;
    let (c_in, c_out) = (x.shape[1], w.shape[0]);
    if c_in % groups != 0 || c_out % groups != 0 {
        let found = groups.to_string();
        return Err(op.bad_attr("groups", found, format!("a divisor of {c_in} and {c_out} channels")));
    }
    if w.shape[1] != c_in / groups {
        let (found, expected) = (w.shape[1], c_in / groups);
        return Err(InferError::Extent { operand: "w", what: "input channels", found, expected });
    }
    op.check_bias(x, c_out)?;
    Ok(c_out)
}

fn check_residual(op: &OpContext<'_>, x: &Type, result: &Type) -> Result<(), InferError> {
    let Some(residual) = op.optional("residual") else {
        let stray = op.attrs.quant("mid").is_some();
        let found = || crate::text::attr(op.attrs.get("mid"));
        return if stray { Err(op.bad_attr("mid", found(), "absent without a residual")) } else { Ok(()) };
    };
    op.same_kind(x, "residual")?;
    if residual.shape != result.shape {
        return Err(InferError::Broadcast { left: residual.shape.clone(), right: result.shape.clone() });
    }
    if x.is_quantized() != op.attrs.quant("mid").is_some() {
        let expected = if x.is_quantized() { "the quantization before the addition" } else { "absent" };
        return Err(op.bad_attr("mid", crate::text::attr(op.attrs.get("mid")), expected));
    }
    Ok(())
}
