//! Ops on elements at one index: one operand, and two with broadcasting.

use super::layout::{self, Order};
use super::linear::profile;
use super::{Lowering, Operand, Place, Refused, Rule, Source, quant, refused, tables};
use crate::c::kernels::spec::{
    AddOperand, BinaryOp, BinarySpec, Constants, Element, IntegerAdd, IntegerMul, OpSpec, UnaryF32,
    UnaryOp, UnarySpec,
};
use crate::c::kernels::{Constant, Data};
use crate::c::ops;
use crate::c::program::Work;
use interp::Rounding;
use interp::fixed::{Scaler, Scheme};
use interp::rounding::AddScaler;
use ir::{Node, Type, Value};

pub(super) const RULES: &[(&str, Rule)] = &[
    ("add", binary),
    ("sub", binary),
    ("mul", binary),
    ("div", binary),
    ("maximum", binary),
    ("minimum", binary),
    ("pow", binary),
    ("prelu", binary),
    ("relu", unary),
    ("relu6", unary),
    ("leaky_relu", unary),
    ("elu", unary),
    ("clip", unary),
    ("sigmoid", unary),
    ("tanh", unary),
    ("silu", unary),
    ("hard_sigmoid", unary),
    ("hard_swish", unary),
    ("gelu", unary),
    ("erf", unary),
    ("exp", unary),
    ("log", unary),
    ("sqrt", unary),
    ("reciprocal", unary),
    ("neg", unary),
    ("abs", unary),
];

fn unary(cx: &mut Lowering<'_>, value: Value) -> Result<Place, Refused> {
    let node = cx.node(value);
    let x = cx.operand(value, "x");
    let op = node.op().expect("a rule is applied to the use of an op").name;
    let order = cx.order(x);
    let operand = cx.fetch(x, &order)?;
    if cx.ty(x).is_quantized() {
        return tabulated(cx, value, operand, order);
    }
    if cx.ty(x).element != ir::Element::F32 {
        return refused(format!("no C kernel computes with {}", cx.ty(x).element));
    }
    let elements = node.ty().elements();
    if op == "elu" {
        let kernel = ops::elu(elements, real(node, "alpha"));
        return cx.task("elu", Work::Own, kernel, vec![operand], node.ty(), order);
    }
    let function = float_function(node).expect("every unary op of the table but elu is listed");
    let spec = OpSpec::Unary(UnarySpec { elements, op: UnaryOp::Float(function) });
    cx.spec(op, spec, vec![operand], node.ty(), order)
}

#[allow(
    clippy::cast_possible_truncation,
    reason = "attributes are kept in double, kernels compute in single"
)]
fn real(node: &Node, name: &str) -> f32 {
    node.attrs().float(name) as f32
}

fn float_function(node: &Node) -> Option<UnaryF32> {
    Some(match node.op()?.name {
        "relu" => UnaryF32::Clip { low: 0.0, high: f32::INFINITY },
        "relu6" => UnaryF32::Clip { low: 0.0, high: 6.0 },
        "clip" => UnaryF32::Clip { low: real(node, "min"), high: real(node, "max") },
        "leaky_relu" => UnaryF32::LeakyRelu { alpha: real(node, "alpha") },
        "sigmoid" => UnaryF32::Sigmoid,
        "tanh" => UnaryF32::Tanh,
        "silu" => UnaryF32::Silu,
        "hard_sigmoid" => UnaryF32::HardSigmoid { alpha: real(node, "alpha"), beta: real(node, "beta") },
        "hard_swish" => UnaryF32::HardSwish,
        "gelu" if node.attrs().word("approximate") == "tanh" => UnaryF32::GeluTanh,
        "gelu" => UnaryF32::GeluErf,
        "erf" => UnaryF32::Erf,
        "exp" => UnaryF32::Exp,
        "log" => UnaryF32::Log,
        "sqrt" => UnaryF32::Sqrt,
        "reciprocal" => UnaryF32::Reciprocal,
        "neg" => UnaryF32::Neg,
        "abs" => UnaryF32::Abs,
        _ => return None,
    })
}

/// A function of one 8-bit number is its 256 values, which the reference interpreter gives.
pub(super) fn tabulated(
    cx: &mut Lowering<'_>,
    value: Value,
    operand: Operand,
    order: Order,
) -> Result<Place, Refused> {
    let node = cx.node(value);
    let op = node.op().expect("a rule is applied to the use of an op").name;
    let x = cx.ty(cx.operand(value, "x"));
    let table = tables::table(node, x)?;
    let unary = UnaryOp::Table { x: quant::element(x)?, y: quant::element(node.ty())?, table };
    let spec = OpSpec::Unary(UnarySpec { elements: node.ty().elements(), op: unary });
    cx.spec(op, spec, vec![operand], node.ty(), order)
}

fn binary(cx: &mut Lowering<'_>, value: Value) -> Result<Place, Refused> {
    let node = cx.node(value);
    let op = node.op().expect("a rule is applied to the use of an op");
    let (mut a, mut b) = (cx.operand(value, "a"), cx.operand(value, "b"));
    let is_constant = |cx: &Lowering<'_>, v: Value| matches!(cx.place(v).source, Source::Const(_));
    if op.traits.commutative && is_constant(cx, a) && !is_constant(cx, b) {
        std::mem::swap(&mut a, &mut b);
    }
    let rank = node.ty().rank();
    // The order of the operand with more elements; the other is broadcast or converted.
    let lead = if is_constant(cx, a) || (cx.ty(b).elements() > cx.ty(a).elements() && !is_constant(cx, b)) {
        b
    } else {
        a
    };
    let order = widened(&cx.order(lead), cx.ty(lead).rank(), rank);
    let sides = [a, b].map(|v| padded(&cx.ty(v).shape, &order));
    let y = layout::physical(&node.ty().shape, &order);
    let operands =
        [cx.fetch(a, &narrowed(&order, cx.ty(a).rank()))?, cx.fetch(b, &narrowed(&order, cx.ty(b).rank()))?];
    let [x_shape, w_shape, y] = collapsed(sides, &y);
    let (a_ty, b_ty, y_ty) = (cx.ty(a), cx.ty(b), node.ty());
    let Some(arithmetic) = arithmetic(node, a_ty, b_ty)? else {
        if a_ty.element != ir::Element::F32 {
            return refused(format!("{} of integers has no C kernel", op.name));
        }
        let clamp = quant::clamp_real(node.attrs().word("act"));
        let kernel = ops::broadcast_binary(op.name, [&x_shape, &w_shape, &y], clamp);
        return cx.task(op.name, Work::Own, kernel, operands.to_vec(), y_ty, order);
    };
    let element = quant::element(y_ty)?;
    if [a_ty, b_ty].iter().any(|ty| quant::computed(ty.element) != Some(element)) {
        return refused("operands and result are of different element types");
    }
    let [first, second] = operands;
    let constant_b = match (&first, &second) {
        (Operand::Block(_), Operand::Constant(constant)) => constants(constant),
        _ => None,
    };
    let inputs = if constant_b.is_some() { vec![first] } else { vec![first, second] };
    let spec = BinarySpec { element, a: x_shape, b: w_shape, y, op: arithmetic, constant_b };
    cx.spec(op.name, OpSpec::Binary(spec), inputs, y_ty, order)
}

fn constants(constant: &Constant) -> Option<Constants> {
    Some(match &constant.data {
        Data::I8(v) => Constants::Integer(v.iter().map(|x| i32::from(*x)).collect()),
        Data::U8(v) => Constants::Integer(v.iter().map(|x| i32::from(*x)).collect()),
        Data::I16(v) => Constants::Integer(v.iter().map(|x| i32::from(*x)).collect()),
        Data::I32(v) => Constants::Integer(v.clone()),
        Data::F32(v) => Constants::Float(v.clone()),
        Data::I64(_) => return None,
    })
}

/// The order of a value of rank `from` seen with axes of extent 1 added in front.
fn widened(order: &[usize], from: usize, to: usize) -> Order {
    let added = to - from;
    (0..added).chain(order.iter().map(|axis| axis + added)).collect()
}

/// The part of an order that concerns the last `rank` axes, by their own numbers.
fn narrowed(order: &[usize], rank: usize) -> Order {
    let added = order.len() - rank;
    order.iter().filter(|&&axis| axis >= added).map(|axis| axis - added).collect()
}

/// Physical extents of an operand with axes of extent 1 added in front.
fn padded(shape: &[usize], order: &[usize]) -> Vec<usize> {
    let added = order.len() - shape.len();
    order.iter().map(|&axis| axis.checked_sub(added).map_or(1, |own| shape[own])).collect()
}

/// Axes that both operands walk in the same way become one.
fn collapsed([a, b]: [Vec<usize>; 2], y: &[usize]) -> [Vec<usize>; 3] {
    let mut kept: Vec<[usize; 3]> = Vec::new();
    for axis in 0..y.len() {
        if y[axis] == 1 {
            continue;
        }
        let extents = [a[axis], b[axis], y[axis]];
        let joins = kept.last().is_some_and(|last| (0..2).all(|i| (last[i] == 1) == (extents[i] == 1)));
        match kept.last_mut() {
            Some(last) if joins => (0..3).for_each(|i| last[i] *= extents[i]),
            _ => kept.push(extents),
        }
    }
    if kept.is_empty() {
        kept.push([1, 1, 1]);
    }
    [0, 1, 2].map(|i| kept.iter().map(|extents| extents[i]).collect())
}

/// What a kernel set computes for the node; `None` where it has no spec.
fn arithmetic(node: &Node, a: &Type, b: &Type) -> Result<Option<BinaryOp>, Refused> {
    let act = node.attrs().word("act");
    let name = node.op().expect("a rule is applied to the use of an op").name;
    if !a.is_quantized() {
        let clamp = quant::clamp_real(act);
        let free = act == "none";
        return Ok(match name {
            "maximum" if free => Some(BinaryOp::Max),
            "minimum" if free => Some(BinaryOp::Min),
            _ if a.element != ir::Element::F32 => None,
            "add" => Some(BinaryOp::AddF32 { clamp }),
            "sub" => Some(BinaryOp::SubF32 { clamp }),
            "mul" => Some(BinaryOp::MulF32 { clamp }),
            "div" => Some(BinaryOp::DivF32 { clamp }),
            _ => None,
        });
    }
    let y = node.ty();
    let same = a.quant == b.quant && a.quant == y.quant;
    Ok(match name {
        "add" => Some(BinaryOp::Add(addition(a, b, y, act, profile(node))?)),
        "sub" => Some(BinaryOp::Sub(addition(a, b, y, act, profile(node))?)),
        "mul" => Some(BinaryOp::Mul(product(a, b, y, act, profile(node))?)),
        "maximum" if same && act == "none" => Some(BinaryOp::Max),
        "minimum" if same && act == "none" => Some(BinaryOp::Min),
        "maximum" | "minimum" => return refused("operands and result are quantized differently"),
        _ => None,
    })
}

/// The addition behind a convolution, as a spec of its own.
pub(super) fn sum(a: &Type, b: &Type, y: &Type, act: &str, profile: Rounding) -> Result<BinarySpec, Refused> {
    let op = if a.is_quantized() {
        BinaryOp::Add(addition(a, b, y, act, profile)?)
    } else {
        BinaryOp::AddF32 { clamp: quant::clamp_real(act) }
    };
    let shape = vec![y.elements()];
    let element = quant::element(y)?;
    if quant::computed(a.element) != Some(element) || quant::computed(b.element) != Some(element) {
        return refused("operands and result of the addition are of different element types");
    }
    Ok(BinarySpec { element, a: shape.clone(), b: shape.clone(), y: shape, op, constant_b: None })
}

/// Source: TFLite `add.cc`, `PrepareGeneralSubOp`/`AddOp`: both operands are brought to twice the larger scale.
pub(super) fn addition(
    a: &Type,
    b: &Type,
    y: &Type,
    act: &str,
    profile: Rounding,
) -> Result<IntegerAdd, Refused> {
    let (a_scale, a_zero) = quant::per_tensor(a, "the first operand")?;
    let (b_scale, b_zero) = quant::per_tensor(b, "the second operand")?;
    let (y_scale, _) = quant::per_tensor(y, "the result")?;
    let bits = if quant::element(y)? == Element::I16 { 16 } else { 8 };
    let AddScaler::Shifted { left, a, b, sum, .. } = AddScaler::new([a_scale, b_scale, y_scale], 1, bits, profile)
    else {
        return refused("addition by the profile xnnpack has no C kernel");
    };
    let sum = Scaler { multiplier: sum, real: sum.real(), scheme: Scheme::Double };
    let clamp = quant::clamp_stored(act, y)?;
    Ok(IntegerAdd {
        left_shift: left.cast_signed(),
        first: AddOperand { zero_point: a_zero, scale: quant::scale(a) },
        second: AddOperand { zero_point: b_zero, scale: quant::scale(b) },
        output: quant::requantize(&[sum], y, clamp)?,
    })
}

fn product(a: &Type, b: &Type, y: &Type, act: &str, profile: Rounding) -> Result<IntegerMul, Refused> {
    let (a_scale, a_zero) = quant::per_tensor(a, "the first operand")?;
    let (b_scale, b_zero) = quant::per_tensor(b, "the second operand")?;
    let (y_scale, _) = quant::per_tensor(y, "the result")?;
    let clamp = quant::clamp_stored(act, y)?;
    let output = quant::requantize(&[profile.mul([a_scale, b_scale, y_scale])], y, clamp)?;
    Ok(IntegerMul { zero_points: [a_zero, b_zero], output })
}
