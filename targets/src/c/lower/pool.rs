//! Pooling over windows and reductions over axes.

use super::layout;
use super::linear::profile;
use super::{Lowering, Place, Refused, Rule, quant, refused};
use crate::c::kernels::spec::{Image, OpSpec, PoolOp, PoolSpec, ReduceOp, ReduceSpec, Window};
use interp::Rounding;
use interp::fixed::{Scaler, Scheme, quantize_multiplier, saturate};
use ir::{Node, Type, Value};

pub(super) const RULES: &[(&str, Rule)] =
    &[("max_pool2d", pool), ("avg_pool2d", pool), ("mean", reduce), ("sum", reduce), ("reduce_max", reduce)];

fn sizes(node: &Node, name: &str) -> Vec<usize> {
    let convert = |v: &i64| usize::try_from(*v).expect("inference checked that it is not negative");
    node.attrs().ints(name).iter().map(convert).collect()
}

fn pool(cx: &mut Lowering<'_>, value: Value) -> Result<Place, Refused> {
    let node = cx.node(value);
    let x = cx.operand(value, "x");
    let (kernel, stride, pad) = (sizes(node, "kernel"), sizes(node, "stride"), sizes(node, "pad"));
    let image = |ty: &Type| Image { n: ty.shape[0], h: ty.shape[2], w: ty.shape[3], c: ty.shape[1] };
    let (input, output) = (image(cx.ty(x)), image(node.ty()));
    let window = Window {
        kernel: [kernel[0], kernel[1]],
        stride: [stride[0], stride[1]],
        dilation: [1, 1],
        pad: [pad[0], pad[1]],
    };
    let act = node.attrs().word("act");
    let clamp = if node.ty().is_quantized() {
        #[allow(clippy::cast_precision_loss, reason = "at most 16 bits")]
        quant::clamp_stored(act, node.ty())?.map(|v| v as f32)
    } else {
        quant::clamp_real(act)
    };
    if node.ty().quant != cx.ty(x).quant {
        return requantized_average(cx, value, &window);
    }
    let op = if node.is("max_pool2d") {
        PoolOp::Max { clamp }
    } else {
        PoolOp::Average { include_pad: node.attrs().int("count_pad") != 0, clamp }
    };
    let order = layout::channels_last(4);
    let operand = cx.fetch(x, &order)?;
    let name = node.op().expect("a rule is applied to the use of an op").name;
    let spec = PoolSpec { input, output, window, element: quant::element(node.ty())?, op };
    cx.spec(name, OpSpec::Pool(spec), vec![operand], node.ty(), order)
}

/// An average over whole planes on another scale, a sum and one factor: the interpreter rounds the real mean once, halves
/// away from zero.
fn requantized_average(cx: &mut Lowering<'_>, value: Value, window: &Window) -> Result<Place, Refused> {
    let node = cx.node(value);
    let x = cx.ty(cx.operand(value, "x"));
    let whole = node.is("avg_pool2d") && window.kernel == [x.shape[2], x.shape[3]] && window.pad == [0, 0];
    if !whole || node.ty().shape[2..] != [1, 1] || quant::element(x)? != quant::element(node.ty())? {
        return refused("operand and result are quantized differently");
    }
    let (x_scale, x_zero_point) = quant::per_tensor(x, "the operand")?;
    let (y_scale, _) = quant::per_tensor(node.ty(), "the result")?;
    let reduced = x.shape[2] * x.shape[3];
    #[allow(clippy::cast_precision_loss, reason = "extents are below 2^31")]
    let factor = f64::from(x_scale) / (reduced as f64 * f64::from(y_scale));
    let clamp = quant::clamp_stored(node.attrs().word("act"), node.ty())?;
    let reach = quant::distance(x, x_zero_point) * reduced as i64;
    let requantize = quant::requantize(&[Scaler::new(factor, Scheme::Real)], &[reach], node.ty(), clamp)?;
    let op = ReduceOp::Integer { x_zero_point, requantize };
    let spec =
        ReduceSpec { outer: x.shape[0], reduced, inner: x.shape[1], element: quant::element(node.ty())?, op };
    let order = layout::channels_last(4);
    let operand = cx.fetch(cx.operand(value, "x"), &order)?;
    cx.spec("avg_pool2d", OpSpec::Reduce(spec), vec![operand], node.ty(), order)
}

fn reduce(cx: &mut Lowering<'_>, value: Value) -> Result<Place, Refused> {
    let node = cx.node(value);
    let x = cx.operand(value, "x");
    let shape = &cx.ty(x).shape;
    let rank = shape.len();
    let signed = i64::try_from(rank).expect("a rank is small");
    let resolve = |axis: &i64| usize::try_from(axis.rem_euclid(signed)).expect("not negative");
    let axes: Vec<usize> = node.attrs().ints("axes").iter().map(resolve).collect();
    let reduced: usize = axes.iter().map(|&axis| shape[axis]).product();
    // Where the reduced axes lie together the kernel walks them as they are; else they are brought innermost.
    let mut order = cx.order(x);
    if !together(&order, &axes, shape) {
        let kept = (0..rank).filter(|axis| !axes.contains(axis));
        order = kept.chain(axes.iter().copied()).collect();
    }
    let operand = cx.fetch(x, &order)?;
    let first = order.iter().position(|axis| axes.contains(axis) && shape[*axis] != 1).unwrap_or(rank);
    let last =
        order.iter().rposition(|axis| axes.contains(axis) && shape[*axis] != 1).map_or(rank, |at| at + 1);
    let outer = order[..first].iter().map(|&axis| shape[axis]).product();
    let inner = order[last..].iter().map(|&axis| shape[axis]).product();
    let keep = node.attrs().int("keep") != 0;
    let result_order = remaining(&order, &axes, keep);
    let spec = ReduceSpec {
        outer,
        reduced,
        inner,
        element: quant::element(cx.ty(x))?,
        op: reduction(node, cx.ty(x), reduced)?,
    };
    let name = node.op().expect("a rule is applied to the use of an op").name;
    cx.spec(name, OpSpec::Reduce(spec), vec![operand], node.ty(), result_order)
}

/// Whether the axes follow each other in memory.
fn together(order: &[usize], axes: &[usize], shape: &[usize]) -> bool {
    let proper = order.iter().filter(|&&axis| shape[axis] != 1);
    let mut runs = 0;
    let mut inside = false;
    for axis in proper {
        let now = axes.contains(axis);
        runs += usize::from(now && !inside);
        inside = now;
    }
    runs <= 1
}

/// The order of the result's axes, reduced ones kept with extent 1 or gone.
fn remaining(order: &[usize], axes: &[usize], keep: bool) -> Vec<usize> {
    if keep {
        return order.to_vec();
    }
    let kept = order.iter().filter(|axis| !axes.contains(axis));
    kept.map(|&axis| axis - axes.iter().filter(|&&gone| gone < axis).count()).collect()
}

fn reduction(node: &Node, x: &Type, reduced: usize) -> Result<ReduceOp, Refused> {
    let name = node.op().expect("a rule is applied to the use of an op").name;
    match (name, x.is_quantized()) {
        ("reduce_max", false) => Ok(ReduceOp::Max),
        ("reduce_max", true) if node.ty().quant == x.quant => Ok(ReduceOp::Max),
        ("reduce_max", true) => refused("operand and result are quantized differently"),
        ("mean", false) if x.element == ir::Element::F32 => Ok(ReduceOp::MeanF32),
        ("sum", false) if x.element == ir::Element::F32 => Ok(ReduceOp::SumF32),
        (_, false) => refused(format!("{name} of {} has no C kernel", x.element)),
        (_, true) => quantized_sum(node, x, reduced),
    }
}

/// Source: TFLite `reference/reduce.h`, `QuantizedMeanOrSum`: the factor is divided by the count beforehand.
fn quantized_sum(node: &Node, x: &Type, count: usize) -> Result<ReduceOp, Refused> {
    let (x_scale, x_zero_point) = quant::per_tensor(x, "the operand")?;
    let (y_scale, _) = quant::per_tensor(node.ty(), "the result")?;
    let mean = node.is("mean");
    let profile = profile(node);
    let plane = mean && node.attrs().int("keep") != 0 && x.rank() == 4;
    if profile == Rounding::Xnnpack || (profile == Rounding::TfliteBuiltin && plane) {
        return refused(format!(
            "{} by the profile {profile} has no C kernel",
            if mean { "mean" } else { "sum" }
        ));
    }
    if quant::element(x)? != quant::element(node.ty())? {
        return refused("operand and result are of different integer types");
    }
    let mut multiplier = quantize_multiplier(f64::from(x_scale) / f64::from(y_scale));
    if mean {
        let n = i64::try_from(count).expect("extents are below 2^31");
        let bits = 63 - n.leading_zeros().cast_signed();
        let left = bits.min(32).min(31 + multiplier.shift);
        multiplier.mantissa = saturate((i64::from(multiplier.mantissa) << left) / n);
        multiplier.shift -= left;
    }
    let scaler = Scaler { multiplier, real: multiplier.real(), scheme: Scheme::Double };
    let clamp = quant::clamp_stored("none", node.ty())?;
    let reach = quant::distance(x, x_zero_point) * count as i64;
    Ok(ReduceOp::Integer {
        x_zero_point,
        requantize: quant::requantize(&[scaler], &[reach], node.ty(), clamp)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_and_columns_lie_together_in_a_channels_last_image() {
        assert!(together(&[0, 2, 3, 1], &[2, 3], &[1, 8, 4, 4]));
        assert!(!together(&[0, 1, 2, 3], &[1, 3], &[1, 8, 4, 4]));
        // An axis of extent 1 separates nothing.
        assert!(together(&[0, 1, 2, 3], &[1, 3], &[1, 8, 1, 4]));
    }

    #[test]
    fn axes_that_stay_keep_their_order() {
        assert_eq!(remaining(&[0, 2, 3, 1], &[2, 3], false), [0, 1]);
        assert_eq!(remaining(&[0, 2, 3, 1], &[1], false), [0, 1, 2]);
        assert_eq!(remaining(&[0, 2, 3, 1], &[2, 3], true), [0, 2, 3, 1]);
    }
}
