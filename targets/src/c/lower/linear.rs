//! Convolutions, fully connected layers, products of activations, batch normalization.

use super::layout::{self, row_major};
use super::{Lowering, Operand, Place, Refused, Rule, Source, elementwise, quant, refused, shape};
use crate::c::kernels::spec::{
    Conv2dSpec, CopyBoxSpec, DenseSpec, Element, FloatLinear, Image, IntegerLinear, Linear, MatMulOp,
    MatMulSpec, OpSpec, Window,
};
use interp::Rounding;
use interp::fixed::Scaler;
use interp::rounding::ConvForm;
use ir::{Granularity, Node, Tensor, Type, Value};

pub(super) const RULES: &[(&str, Rule)] = &[
    ("conv2d", conv2d),
    ("conv1d", conv1d),
    ("dense", dense),
    ("matmul", matmul),
    ("batch_norm", batch_norm),
];

/// The profile of the node's attribute `round`.
pub(super) fn profile(node: &Node) -> Rounding {
    Rounding::parse(node.attrs().word("round")).expect("the op table lists the profiles")
}

fn sizes(node: &Node, name: &str) -> Vec<usize> {
    let convert = |v: &i64| usize::try_from(*v).expect("inference checked that it is not negative");
    node.attrs().ints(name).iter().map(convert).collect()
}

fn conv2d(cx: &mut Lowering<'_>, value: Value) -> Result<Place, Refused> {
    let node = cx.node(value);
    let (stride, pad, dilation) = (sizes(node, "stride"), sizes(node, "pad"), sizes(node, "dilation"));
    let (x, w) = (cx.operand(value, "x"), cx.operand(value, "w"));
    let kernel = [cx.ty(w).shape[2], cx.ty(w).shape[3]];
    let window = Window {
        kernel,
        stride: [stride[0], stride[1]],
        dilation: [dilation[0], dilation[1]],
        pad: [pad[0], pad[1]],
    };
    let image = |ty: &Type| Image { n: ty.shape[0], h: ty.shape[2], w: ty.shape[3], c: ty.shape[1] };
    let (input, output) = (image(cx.ty(x)), image(node.ty()));
    let groups = usize::try_from(node.attrs().int("groups")).expect("inference checked the groups");
    let order = layout::channels_last(4);
    let weights = conv_weights(cx, w)?;
    let operand = cx.fetch(x, &order)?;
    let (operand, input, window) = padded(cx, operand, cx.ty(x), input, output, window, [pad[2], pad[3]])?;
    let Some(residual) = node.operand("residual") else {
        let linear = linear(cx, value, weights, cx.node(value).ty(), node.attrs().word("act"))?;
        let spec = OpSpec::Conv2d(Conv2dSpec { input, output, window, groups, linear, residual: None });
        return cx.spec("conv2d", spec, vec![operand], node.ty(), order);
    };
    // The type between the convolution and the addition.
    let mut mid = Type::new(node.ty().element, node.ty().shape.clone());
    if let Some((element, quantization)) = node.attrs().quant("mid") {
        mid = Type { element, quant: Some(quantization.clone()), ..mid };
    }
    let act = node.attrs().word("act");
    let linear = linear(cx, value, weights, &mid, "none")?;
    let second = cx.fetch(residual, &order)?;
    let mut spec = Conv2dSpec { input, output, window, groups, linear, residual: None };
    if mid.is_quantized() {
        spec.residual = Some(elementwise::addition(&mid, cx.ty(residual), node.ty(), act, profile(node))?);
        if cx.has_kernel(&OpSpec::Conv2d(spec.clone())) {
            return cx.spec("conv2d", OpSpec::Conv2d(spec), vec![operand, second], node.ty(), order);
        }
        spec.residual = None;
    }
    // No kernel does both at once: the convolution, then the addition.
    let first = cx.spec("conv2d", OpSpec::Conv2d(spec), vec![operand], &mid, order.clone())?;
    let Source::Block(first) = first.source else { return refused("a convolution without a result") };
    let binary = elementwise::sum(&mid, cx.ty(residual), node.ty(), act, profile(node))?;
    cx.spec("add", OpSpec::Binary(binary), vec![Operand::Block(first), second], node.ty(), order)
}

/// Kernels imply padding as long as every window sees something of the image; where one does not, the image is padded by
/// a copy first. `behind` is the padding below and to the right.
fn padded(
    cx: &mut Lowering<'_>,
    operand: Operand,
    x: &Type,
    input: Image,
    output: Image,
    window: Window,
    behind: [usize; 2],
) -> Result<(Operand, Image, Window), Refused> {
    let sees = |axis: usize, extent: usize, outputs: usize| {
        let reach = (window.kernel[axis] - 1) * window.dilation[axis];
        let last = (outputs - 1) * window.stride[axis];
        window.pad[axis] <= reach && last < extent + window.pad[axis]
    };
    if sees(0, input.h, output.h) && sees(1, input.w, output.w) {
        return Ok((operand, input, window));
    }
    let [top, left] = window.pad;
    let wide = Image { h: input.h + top + behind[0], w: input.w + left + behind[1], ..input };
    let fill = x.per_tensor().map_or(0.0, |(_, zero)| f64::from(zero));
    let offset = |pad: usize| -isize::try_from(pad).expect("extents are below 2^31");
    let spec = CopyBoxSpec {
        element: quant::element(x)?,
        x: vec![input.n, input.h, input.w, input.c],
        y: vec![wide.n, wide.h, wide.w, wide.c],
        offset: vec![0, offset(top), offset(left), 0],
        step: vec![1; 4],
        fill,
    };
    let ty = x.with_shape([wide.n, wide.c, wide.h, wide.w]);
    let place = cx.spec("pad", OpSpec::CopyBox(spec), vec![operand], &ty, layout::channels_last(4))?;
    match place.source {
        Source::Block(block) => Ok((Operand::Block(block), wide, Window { pad: [0, 0], ..window })),
        Source::Const(_) => refused("a padded copy without a result"),
    }
}

/// Weights `[c_out, c_in, k_h, k_w]` as kernels have them: `[c_out][k_h][k_w][c_in]`.
fn conv_weights(cx: &Lowering<'_>, w: Value) -> Result<Tensor, Refused> {
    let Some(data) = cx.constant(w) else { return refused("the weights are not constant") };
    let order: Vec<usize> = std::iter::once(0).chain(2..data.shape().len()).chain([1]).collect();
    let bytes = super::permuted(data.bytes(), data.shape(), &order, data.element().bytes());
    let shape = layout::physical(data.shape(), &order);
    Ok(Tensor::from_bytes(data.element(), shape, bytes).expect("a permutation keeps the elements"))
}

fn conv1d(cx: &mut Lowering<'_>, value: Value) -> Result<Place, Refused> {
    let node = cx.node(value);
    let (stride, pad, dilation) = (sizes(node, "stride"), sizes(node, "pad"), sizes(node, "dilation"));
    let (x, w) = (cx.operand(value, "x"), cx.operand(value, "w"));
    let window = Window {
        kernel: [1, cx.ty(w).shape[2]],
        stride: [1, stride[0]],
        dilation: [1, dilation[0]],
        pad: [0, pad[0]],
    };
    let image = |ty: &Type| Image { n: ty.shape[0], h: 1, w: ty.shape[2], c: ty.shape[1] };
    let (input, output) = (image(cx.ty(x)), image(node.ty()));
    let groups = usize::try_from(node.attrs().int("groups")).expect("inference checked the groups");
    let order = layout::channels_last(3);
    let weights = conv_weights(cx, w)?;
    let operand = cx.fetch(x, &order)?;
    let (operand, input, window) = padded(cx, operand, cx.ty(x), input, output, window, [0, pad[1]])?;
    let linear = linear(cx, value, weights, node.ty(), node.attrs().word("act"))?;
    let spec = OpSpec::Conv2d(Conv2dSpec { input, output, window, groups, linear, residual: None });
    cx.spec("conv1d", spec, vec![operand], node.ty(), order)
}

fn dense(cx: &mut Lowering<'_>, value: Value) -> Result<Place, Refused> {
    let node = cx.node(value);
    let (x, w) = (cx.operand(value, "x"), cx.operand(value, "w"));
    let rank = cx.ty(x).rank();
    let Some(weights) = cx.constant(w) else { return refused("the weights are not constant") };
    let (c_out, c_in) = (cx.ty(w).shape[0], cx.ty(w).shape[1]);
    let order = with_last(&cx.order(x), &cx.ty(x).shape, rank - 1);
    let operand = cx.fetch(x, &order)?;
    let linear = linear(cx, value, weights, node.ty(), node.attrs().word("act"))?;
    let rows = cx.ty(x).elements() / c_in.max(1);
    let spec = OpSpec::Dense(DenseSpec { rows, c_in, c_out, linear });
    cx.spec("dense", spec, vec![operand], node.ty(), order)
}

/// The order with `axis` innermost: itself where it is so already.
pub(super) fn with_last(order: &[usize], shape: &[usize], axis: usize) -> Vec<usize> {
    let moved: Vec<usize> = order.iter().copied().filter(|&a| a != axis).chain([axis]).collect();
    if layout::equivalent(order, &moved, shape) { moved } else { swapped_to_last(shape.len(), axis) }
}

fn swapped_to_last(rank: usize, axis: usize) -> Vec<usize> {
    (0..rank).filter(|&a| a != axis).chain([axis]).collect()
}

/// Arithmetic of a node with weights and bias, `weights` already in the kernel's order, c_out first.
fn linear(
    cx: &Lowering<'_>,
    value: Value,
    weights: Tensor,
    result: &Type,
    act: &str,
) -> Result<Linear, Refused> {
    let node = cx.node(value);
    let x = cx.ty(cx.operand(value, "x"));
    let c_out = weights.shape()[0];
    let bias = match node.operand("bias") {
        None => None,
        Some(bias) => match cx.constant(bias) {
            Some(data) => Some(data),
            None => return refused("the bias is not constant"),
        },
    };
    if !x.is_quantized() {
        if x.element != ir::Element::F32 {
            return refused(format!("no C kernel computes with {}", x.element));
        }
        let bias = bias.map_or_else(|| vec![0.0; c_out], |data| data.to_f32());
        let clamp = quant::clamp_real(act);
        return Ok(Linear::Float(FloatLinear { weights: weights.to_f32(), bias, clamp }));
    }
    let w = cx.ty(cx.operand(value, "w"));
    let types = IntegerTypes { x, w, result, act };
    integer(&types, &weights, bias.as_ref(), node).map(Linear::Integer)
}

struct IntegerTypes<'a> {
    x: &'a Type,
    w: &'a Type,
    result: &'a Type,
    act: &'a str,
}

fn integer(
    types: &IntegerTypes<'_>,
    weights: &Tensor,
    bias: Option<&Tensor>,
    node: &Node,
) -> Result<IntegerLinear, Refused> {
    let IntegerTypes { x, w, result, act } = *types;
    let Some(quantization) = &w.quant else { return refused("the weights are not quantized") };
    match quantization.granularity {
        Granularity::PerTensor | Granularity::PerAxis(0) => {}
        Granularity::PerAxis(axis) => {
            return refused(format!("weights are quantized per axis {axis}, axis 0 expected"));
        }
        Granularity::PerGroup { .. } => return refused("weights quantized per group have no C kernel"),
    }
    let (x_scale, x_zero_point) = quant::per_tensor(x, "the operand")?;
    let (y_scale, _) = quant::per_tensor(result, "the result")?;
    let round = profile(node);
    let unsigned = x.element == ir::Element::U8;
    let per_channel = quantization.granularity != Granularity::PerTensor;
    let c_out = weights.shape()[0];
    let form = || ConvForm {
        unsigned,
        groups: usize::try_from(node.attrs().int("groups")).expect("inference checked the groups"),
        c_in: x.shape[1],
        c_out,
    };
    let scaler = |channel: usize| {
        let w = quantization.scale[if per_channel { channel } else { 0 }];
        let scales = [x_scale, w, y_scale];
        if node.is("dense") {
            round.dense(scales, unsigned, per_channel)
        } else {
            round.conv(scales, form(), channel)
        }
    };
    let mut scalers: Vec<Scaler> = (0..c_out).map(scaler).collect();
    if scalers.iter().all(|scaler| *scaler == scalers[0]) {
        scalers.truncate(1);
    }
    let clamp = quant::clamp_stored(act, result)?;
    let values = weights.to_ints();
    let requantize = if quant::element(x)? == Element::I16 {
        quant::requantize_wide(&scalers, result, clamp)?
    } else {
        let reach = reach(x, x_zero_point, &values, &quantization.zero, bias);
        let most = [reach.iter().copied().max().unwrap_or(0)];
        quant::requantize(&scalers, if scalers.len() == 1 { &most } else { &reach }, result, clamp)?
    };
    let w_element = quant::element(w)?;
    if !matches!(w_element, Element::I8 | Element::U8) {
        return refused(format!("weights of {} have no C kernel", w.element));
    }
    let narrow = |v: i64| i16::try_from(v).expect("8-bit weights fit 16 bits");
    Ok(IntegerLinear {
        x: quant::element(x)?,
        w: w_element,
        y: quant::element(result)?,
        x_zero_point,
        w_zero_points: quantization.zero.clone(),
        weights: values.into_iter().map(narrow).collect(),
        bias: bias.map_or_else(|| vec![0; c_out], Tensor::to_ints),
        requantize,
    })
}

/// A bound on the magnitude of each channel's accumulator: the bias, and every weight times the farthest operand.
fn reach(x: &Type, x_zero: i32, weights: &[i64], w_zeros: &[i32], bias: Option<&Tensor>) -> Vec<i64> {
    let c_out = bias.map_or(w_zeros.len(), Tensor::len).max(1);
    let c_out = if weights.len().is_multiple_of(c_out) { c_out } else { 1 };
    let bias = bias.map(Tensor::to_ints);
    let farthest = quant::distance(x, x_zero);
    let channel = |(c, weights): (usize, &[i64])| {
        let zero = i64::from(w_zeros[if w_zeros.len() == 1 { 0 } else { c }]);
        let sum: i64 = weights.iter().map(|w| (w - zero).abs()).sum();
        sum.saturating_mul(farthest).saturating_add(bias.as_ref().map_or(0, |b| b[c].abs()))
    };
    weights.chunks((weights.len() / c_out).max(1)).enumerate().map(channel).collect()
}

fn matmul(cx: &mut Lowering<'_>, value: Value) -> Result<Place, Refused> {
    let node = cx.node(value);
    let (a, b) = (cx.operand(value, "a"), cx.operand(value, "b"));
    let (rank, rank_a, rank_b) = (node.ty().rank(), cx.ty(a).rank(), cx.ty(b).rank());
    let (m, k) = (cx.ty(a).shape[rank_a - 2], cx.ty(a).shape[rank_a - 1]);
    let n = node.ty().shape[rank - 1];
    let outer = node.ty().shape[..rank - 2].to_vec();
    let batch: usize = outer.iter().product();
    let mut transposed = node.attrs().int("transpose_b") != 0;

    let left = shape::broadcast_outer(cx, a, &outer)?;
    let batches_b: usize = cx.ty(b).shape[..rank_b - 2].iter().product();
    let shared_b = batches_b == 1;
    let right = if shared_b || cx.ty(b).shape[..rank_b - 2] == outer[..] {
        // A lazily transposed operand is read as it lies.
        let mut swapped = row_major(rank_b);
        swapped.swap(rank_b - 2, rank_b - 1);
        let lies_swapped = layout::equivalent(&cx.order(b), &swapped, &cx.ty(b).shape);
        let lies_plain = layout::equivalent(&cx.order(b), &row_major(rank_b), &cx.ty(b).shape);
        if lies_swapped && !lies_plain {
            transposed = !transposed;
            cx.fetch(b, &swapped)?
        } else {
            cx.fetch(b, &row_major(rank_b))?
        }
    } else {
        shape::broadcast_outer(cx, b, &outer)?
    };
    let op = if cx.ty(a).is_quantized() {
        let (a_scale, a_zero) = quant::per_tensor(cx.ty(a), "the first operand")?;
        let (b_scale, b_zero) = quant::per_tensor(cx.ty(b), "the second operand")?;
        let (y_scale, _) = quant::per_tensor(node.ty(), "the result")?;
        if cx.ty(a).element != cx.ty(b).element || cx.ty(a).element != node.ty().element {
            return refused("operands and result are of different integer types");
        }
        let scaler = profile(node).matmul([a_scale, b_scale, y_scale]);
        let clamp = quant::clamp_stored("none", node.ty())?;
        let reach = quant::distance(cx.ty(a), a_zero) * quant::distance(cx.ty(b), b_zero) * k as i64;
        let requantize = quant::requantize(&[scaler], &[reach], node.ty(), clamp)?;
        MatMulOp::Integer { element: quant::element(node.ty())?, zero_points: [a_zero, b_zero], requantize }
    } else if node.ty().element == ir::Element::F32 {
        MatMulOp::F32
    } else {
        return refused(format!("no C kernel computes with {}", node.ty().element));
    };
    let spec = OpSpec::MatMul(MatMulSpec { batch, m, k, n, transposed, shared_b, op });
    cx.spec("matmul", spec, vec![left, right], node.ty(), row_major(rank))
}

/// A batch normalization that was not folded is a 1x1 depthwise convolution.
fn batch_norm(cx: &mut Lowering<'_>, value: Value) -> Result<Place, Refused> {
    let node = cx.node(value);
    let x = cx.operand(value, "x");
    if node.ty().element != ir::Element::F32 {
        return refused(format!("no C kernel computes with {}", node.ty().element));
    }
    let mut parameters = Vec::new();
    for name in ["gamma", "beta", "mean", "var"] {
        match cx.constant(cx.operand(value, name)) {
            Some(data) => parameters.push(data.to_reals()),
            None => return refused(format!("`{name}` is not constant")),
        }
    }
    let epsilon = node.attrs().float("epsilon");
    let c = node.ty().shape[1];
    let scale: Vec<f64> = (0..c).map(|i| parameters[0][i] / (parameters[3][i] + epsilon).sqrt()).collect();
    #[allow(clippy::cast_possible_truncation, reason = "computed in double, stored in single precision")]
    let linear = FloatLinear {
        weights: scale.iter().map(|v| *v as f32).collect(),
        bias: (0..c).map(|i| (parameters[1][i] - parameters[2][i] * scale[i]) as f32).collect(),
        clamp: quant::clamp_real("none"),
    };
    let order = layout::channels_last(node.ty().rank());
    let operand = cx.fetch(x, &order)?;
    let image = Image { n: 1, h: 1, w: node.ty().elements() / c, c };
    let window = Window { kernel: [1, 1], stride: [1, 1], dilation: [1, 1], pad: [0, 0] };
    let linear = Linear::Float(linear);
    let spec = Conv2dSpec { input: image, output: image, window, groups: c, linear, residual: None };
    cx.spec("batch_norm", OpSpec::Conv2d(spec), vec![operand], node.ty(), order)
}
