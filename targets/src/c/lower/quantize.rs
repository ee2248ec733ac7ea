//! Between reals and the integers that stand for them, and between elements.

use super::linear::profile;
use super::{Lowering, Place, Refused, Rule, elementwise, quant, refused};
use crate::c::kernels::spec::{Element, OpSpec, UnaryOp, UnarySpec};
use crate::c::ops;
use crate::c::program::Work;
use ir::Value;

pub(super) const RULES: &[(&str, Rule)] =
    &[("quantize", quantize), ("dequantize", dequantize), ("requantize", requantize), ("cast", cast)];

fn quantize(cx: &mut Lowering<'_>, value: Value) -> Result<Place, Refused> {
    let node = cx.node(value);
    let x = cx.operand(value, "x");
    if cx.ty(x).element != ir::Element::F32 {
        return refused(format!("no C kernel computes with {}", cx.ty(x).element));
    }
    let (scale, zero_point) = quant::per_tensor(node.ty(), "the result")?;
    let y = quant::element(node.ty())?;
    let [low, high] = quant::range(node.ty().element)?;
    if y.range() != Some([low, high]) {
        return refused(format!("no C kernel quantizes to {}", node.ty().element));
    }
    let order = cx.order(x);
    let operand = cx.fetch(x, &order)?;
    let op = UnaryOp::Quantize { y, scale, zero_point, half_even: node.attrs().word("ties") == "even" };
    let spec = OpSpec::Unary(UnarySpec { elements: node.ty().elements(), op });
    cx.spec("quantize", spec, vec![operand], node.ty(), order)
}

fn dequantize(cx: &mut Lowering<'_>, value: Value) -> Result<Place, Refused> {
    let node = cx.node(value);
    let x = cx.operand(value, "x");
    let (scale, zero_point) = quant::per_tensor(cx.ty(x), "the operand")?;
    let op = UnaryOp::Dequantize { x: quant::element(cx.ty(x))?, scale, zero_point };
    let order = cx.order(x);
    let operand = cx.fetch(x, &order)?;
    let spec = OpSpec::Unary(UnarySpec { elements: node.ty().elements(), op });
    cx.spec("dequantize", spec, vec![operand], node.ty(), order)
}

fn requantize(cx: &mut Lowering<'_>, value: Value) -> Result<Place, Refused> {
    let node = cx.node(value);
    let x = cx.operand(value, "x");
    let order = cx.order(x);
    let operand = cx.fetch(x, &order)?;
    let (from, to) = (quant::element(cx.ty(x))?, quant::element(node.ty())?);
    let byte = |element| matches!(element, Element::I8 | Element::U8);
    if byte(from) && byte(to) {
        return elementwise::tabulated(cx, value, operand, order);
    }
    let (x_scale, x_zero_point) = quant::per_tensor(cx.ty(x), "the operand")?;
    let (y_scale, _) = quant::per_tensor(node.ty(), "the result")?;
    let clamp = quant::clamp_stored("none", node.ty())?;
    let scaler =
        profile(node).requantize(x_scale, y_scale, cx.ty(x).element.bits().max(node.ty().element.bits()));
    let reach = quant::distance(cx.ty(x), x_zero_point);
    let requantize = quant::requantize(&[scaler], &[reach], node.ty(), clamp)?;
    let op = UnaryOp::Requantize { x: from, y: to, x_zero_point, requantize };
    let spec = OpSpec::Unary(UnarySpec { elements: node.ty().elements(), op });
    cx.spec("requantize", spec, vec![operand], node.ty(), order)
}

fn cast(cx: &mut Lowering<'_>, value: Value) -> Result<Place, Refused> {
    let node = cx.node(value);
    let x = cx.operand(value, "x");
    let (from, to) = (cx.ty(x).element, node.ty().element);
    let Some(kernel) = ops::cast(from, to, node.ty().elements()) else {
        return refused(format!("no C kernel casts {from} to {to}"));
    };
    let order = cx.order(x);
    let operand = cx.fetch(x, &order)?;
    cx.task("cast", Work::Own, kernel, vec![operand], node.ty(), order)
}
