//! Softmax, layer normalization, attention.

use super::layout::{self, row_major};
use super::linear::{profile, with_last};
use super::{Lowering, Place, Refused, Rule, quant, refused};
use crate::c::kernels::spec::{LayerNormSpec, OpSpec, SoftmaxOp, SoftmaxSpec};
use crate::c::ops;
use crate::c::program::Work;
use interp::Rounding;
use interp::fixed::quantize_multiplier;
use ir::{Element, Node, Type, Value};

pub(super) const RULES: &[(&str, Rule)] =
    &[("softmax", softmax), ("layer_norm", layer_norm), ("attention", attention)];

fn resolved(axis: i64, rank: usize) -> usize {
    let signed = i64::try_from(rank).expect("a rank is small");
    usize::try_from(axis.rem_euclid(signed)).expect("not negative")
}

fn softmax(cx: &mut Lowering<'_>, value: Value) -> Result<Place, Refused> {
    let node = cx.node(value);
    let x = cx.operand(value, "x");
    let shape = &cx.ty(x).shape;
    let axis = resolved(node.attrs().int("axis"), shape.len());
    let order = with_last(&cx.order(x), shape, axis);
    let op = softmax_op(node, cx.ty(x))?;
    let operand = cx.fetch(x, &order)?;
    let columns = shape[axis];
    let spec = OpSpec::Softmax(SoftmaxSpec { rows: node.ty().elements() / columns, columns, op });
    cx.spec("softmax", spec, vec![operand], node.ty(), order)
}

/// Source: TFLite `activations.cc` and `quantization_util.cc`, `PreprocessSoftmaxScaling`, `CalculateInputRadius`.
fn softmax_op(node: &Node, x: &Type) -> Result<SoftmaxOp, Refused> {
    const INTEGER_BITS: i32 = 5;
    let beta = node.attrs().float("beta");
    if !x.is_quantized() {
        if x.element != Element::F32 {
            return refused(format!("no C kernel computes with {}", x.element));
        }
        #[allow(clippy::cast_possible_truncation, reason = "kernels compute in single precision")]
        return Ok(SoftmaxOp::F32 { beta: beta as f32 });
    }
    let (scale, _) = quant::per_tensor(x, "the operand")?;
    let element = quant::element(node.ty())?;
    let [lowest, _] = quant::range(node.ty().element)?;
    let (y_scale, y_zero) = quant::per_tensor(node.ty(), "the result")?;
    let eight = matches!(x.element, Element::I8 | Element::U8) && node.ty().element == x.element;
    if !eight || y_zero != lowest || (y_scale * 256.0 - 1.0).abs() > 0.001 {
        return refused("an integer softmax has 8 bits, scale 1/256 and the lowest value as zero point");
    }
    if matches!(profile(node), Rounding::TfliteBuiltin | Rounding::Xnnpack) {
        #[allow(clippy::cast_possible_truncation, reason = "TFLite prepares it in single precision")]
        return Ok(SoftmaxOp::FloatTable { element, beta_scale: beta as f32 * scale });
    }
    let real = (beta * f64::from(scale) * f64::from(1i32 << (31 - INTEGER_BITS))).min(f64::from(i32::MAX));
    let multiplier = quantize_multiplier(real);
    if multiplier.shift < 0 {
        return refused("an operand of so small a scale has no softmax in fixed point");
    }
    let radius = f64::from((1 << INTEGER_BITS) - 1) * f64::from(1i32 << (31 - INTEGER_BITS));
    #[allow(clippy::cast_possible_truncation, reason = "`as` saturates; the quotient is at most 2^31")]
    let diff_min = -((radius / 2f64.powi(multiplier.shift)).floor() as i32);
    Ok(SoftmaxOp::FixedPoint {
        element,
        multiplier: multiplier.mantissa,
        left_shift: multiplier.shift,
        diff_min,
    })
}

fn layer_norm(cx: &mut Lowering<'_>, value: Value) -> Result<Place, Refused> {
    let node = cx.node(value);
    let x = cx.operand(value, "x");
    let shape = cx.ty(x).shape.clone();
    if cx.ty(x).element != Element::F32 {
        return refused(format!("no C kernel computes with {}", cx.ty(x).element));
    }
    let axis = resolved(node.attrs().int("axis"), shape.len());
    let columns: usize = shape[axis..].iter().product();
    let gamma = parameter(cx, node, "gamma", &shape[axis..], 1.0)?;
    let beta = parameter(cx, node, "beta", &shape[axis..], 0.0)?;
    // Normalized axes innermost and in their own order.
    let ahead: Vec<usize> = cx.order(x).iter().copied().filter(|&a| a < axis).collect();
    let order: Vec<usize> = ahead.into_iter().chain(axis..shape.len()).collect();
    let operand = cx.fetch(x, &order)?;
    #[allow(clippy::cast_possible_truncation, reason = "kernels compute in single precision")]
    let epsilon = node.attrs().float("epsilon") as f32;
    let rows = node.ty().elements() / columns;
    let spec = OpSpec::LayerNorm(LayerNormSpec { rows, columns, epsilon, gamma, beta });
    cx.spec("layer_norm", spec, vec![operand], node.ty(), order)
}

/// A parameter broadcast to `shape`; all `missing` where it is left out.
fn parameter(
    cx: &Lowering<'_>,
    node: &Node,
    name: &str,
    shape: &[usize],
    missing: f32,
) -> Result<Vec<f32>, Refused> {
    let Some(operand) = node.operand(name) else { return Ok(vec![missing; shape.iter().product()]) };
    let Some(data) = cx.constant(operand) else { return refused(format!("`{name}` is not constant")) };
    Ok(broadcast(&data.to_f32(), data.shape(), shape))
}

/// Row-major values of `from`, repeated over the axes of `to` that it lacks or has with extent 1.
pub(super) fn broadcast(values: &[f32], from: &[usize], to: &[usize]) -> Vec<f32> {
    let added = to.len() - from.len();
    let mut strides = vec![0; to.len()];
    let mut stride = 1;
    for axis in (0..from.len()).rev() {
        strides[axis + added] = if from[axis] == 1 { 0 } else { stride };
        stride *= from[axis];
    }
    (0..to.iter().product())
        .map(|mut i: usize| {
            let mut at = 0;
            for axis in (0..to.len()).rev() {
                at += i % to[axis] * strides[axis];
                i /= to[axis];
            }
            values[at]
        })
        .collect()
}

fn attention(cx: &mut Lowering<'_>, value: Value) -> Result<Place, Refused> {
    let node = cx.node(value);
    if node.ty().element != Element::F32 {
        return refused(format!("no C kernel computes with {}", node.ty().element));
    }
    let [q, k, v] = ["q", "k", "v"].map(|name| cx.operand(value, name));
    let plain = row_major(4);
    let mut operands = vec![cx.fetch(q, &plain)?, cx.fetch(k, &plain)?, cx.fetch(v, &plain)?];
    let mask = match node.operand("mask") {
        None => None,
        Some(mask) => {
            let rank = cx.ty(mask).rank();
            operands.push(cx.fetch(mask, &row_major(rank))?);
            let shape = cx.ty(mask).shape.iter().copied();
            Some((std::iter::repeat_n(1, 4 - rank).chain(shape).collect::<Vec<_>>(), cx.ty(mask).element))
        }
    };
    if let Some((_, element)) = &mask
        && !matches!(element, Element::F32 | Element::Bool)
    {
        return refused(format!("a mask of {element} has no C kernel"));
    }
    let (q, v) = (&cx.ty(q).shape, &cx.ty(v).shape);
    #[allow(clippy::cast_possible_truncation, reason = "kernels compute in single precision")]
    let shape = ops::Attention {
        heads: q[0] * q[1],
        heads_per_image: q[1],
        queries: q[2],
        keys: v[2],
        depth: q[3],
        values: v[3],
        scale: node.attrs().float("scale") as f32,
        causal: node.attrs().int("causal") != 0,
        mask: mask.map(|(shape, element)| (shape, element == Element::Bool)),
    };
    let kernel = ops::attention(&shape);
    let order = layout::row_major(4);
    cx.task("attention", Work::Own, kernel, operands, node.ty(), order)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_repeated_over_missing_axes_and_axes_of_one() {
        assert_eq!(broadcast(&[1.0, 2.0], &[2], &[2, 2]), [1.0, 2.0, 1.0, 2.0]);
        assert_eq!(broadcast(&[1.0, 2.0], &[2, 1], &[2, 2]), [1.0, 1.0, 2.0, 2.0]);
    }
}
