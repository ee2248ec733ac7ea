//! Ops on elements at one index: one operand, and two with broadcasting.

use super::layout::{self, Order};
use super::linear::profile;
use super::{Lowering, Operand, Place, Refused, Rule, Source, quant, refused, tables};
use crate::c::kernels::spec::{
    AddOperand, BinaryOp, BinarySpec, Constants, Element, IntegerAdd, IntegerMul, OpSpec, UnaryF32, UnaryOp,
    UnarySpec,
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

/// A function of one 8-bit number is its 256 values.
pub(super) fn tabulated(
    cx: &mut Lowering<'_>,
    value: Value,
    operand: Operand,
    order: Order,
) -> Result<Place, Refused> {
    let node = cx.node(value);
    let x = cx.ty(cx.operand(value, "x"));
    let table = tables::of_unary(node, x)?;
    lookup(cx, value, operand, x, node.ty(), table, order)
}

/// `y[i] = table[x[i]]`.
fn lookup(
    cx: &mut Lowering<'_>,
    value: Value,
    operand: Operand,
    x: &Type,
    y: &Type,
    table: Vec<i32>,
    order: Order,
) -> Result<Place, Refused> {
    let op = cx.node(value).op().expect("a rule is applied to the use of an op").name;
    let unary = UnaryOp::Table { x: quant::element(x)?, y: quant::element(y)?, table };
    let spec = OpSpec::Unary(UnarySpec { elements: y.elements(), op: unary });
    cx.spec(op, spec, vec![operand], y, order)
}

/// The operand on the scale of `to`: itself where it is so already, else through a table; constants are computed here.
pub(super) fn on_scale(
    cx: &mut Lowering<'_>,
    value: Value,
    operand: Operand,
    x: &Type,
    to: &Type,
    clamp: [i32; 2],
    order: Order,
) -> Result<Operand, Refused> {
    let whole = quant::range(to.element)? == clamp;
    if x.quant == to.quant && x.element == to.element && whole {
        return Ok(operand);
    }
    let to = to.with_shape(x.shape.clone());
    let table = tables::of_requantize(cx.node(value), x, &to, clamp)?;
    if let Operand::Constant(constant) = &operand {
        let lowest = if matches!(x.element, ir::Element::Int { signed: true, .. }) { -128 } else { 0 };
        let values = match constants(constant) {
            Some(Constants::Integer(values)) => values,
            _ => return refused("a constant operand that is no integer"),
        };
        let at = |v: i32| usize::try_from(v - lowest).expect("an 8-bit number");
        let bytes: Vec<u8> = values.iter().map(|v| (table[at(*v)] & 0xff) as u8).collect();
        return Ok(Operand::Constant(Constant {
            role: constant.role,
            data: super::stored(to.element, &bytes)?,
        }));
    }
    let place = lookup(cx, value, operand, x, &to, table, order)?;
    match place.source {
        Source::Block(block) => Ok(Operand::Block(block)),
        Source::Const(_) => refused("a table look-up without a result"),
    }
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
    let mut operands =
        [cx.fetch(a, &narrowed(&order, cx.ty(a).rank()))?, cx.fetch(b, &narrowed(&order, cx.ty(b).rank()))?];
    let [x_shape, w_shape, y] = collapsed(sides, &y);
    let (a_ty, b_ty, y_ty) = (cx.ty(a), cx.ty(b), node.ty());
    let arithmetic = match arithmetic(node, a_ty, b_ty) {
        Ok(Some(arithmetic)) => arithmetic,
        Ok(None) if !a_ty.is_quantized() => {
            let unsigned = matches!(y_ty.element, ir::Element::Int { bits: 9.., signed: false });
            if unsigned && operands.iter().any(|operand| matches!(operand, Operand::Constant(_))) {
                return refused(format!("constants of {} have no C type", y_ty.element));
            }
            let act = node.attrs().word("act");
            let Some(kernel) = ops::broadcast_binary(op.name, y_ty.element, [&x_shape, &w_shape, &y], act)
            else {
                return refused(format!("{} of {} has no C kernel", op.name, y_ty.element));
            };
            return cx.task(op.name, Work::Own, kernel, operands.to_vec(), y_ty, order);
        }
        unspecified => {
            // A second operand that is one constant leaves a function of one 8-bit number.
            let one = cx.constant(b).filter(|data| data.len() == 1).map(|data| data.to_ints()[0]);
            let (Some(constant), Operand::Block(_)) = (one, &operands[0]) else {
                unspecified?;
                return refused(format!("{} of two integer tensors has no C kernel", op.name));
            };
            let table = tables::of_binary(node, a_ty, (b_ty, constant))?;
            let [first, _] = operands;
            return lookup(cx, value, first, a_ty, y_ty, table, order);
        }
    };
    if matches!(arithmetic, BinaryOp::Max | BinaryOp::Min) && y_ty.is_quantized() {
        // Larger and smaller commute with the clamp, so that each operand is brought to the result's scale by itself.
        let clamp = quant::clamp_stored(node.attrs().word("act"), y_ty)?;
        let [first, second] = operands;
        let orders = [a_ty, b_ty].map(|ty| narrowed(&order, ty.rank()));
        let [order_a, order_b] = orders;
        operands = [
            on_scale(cx, value, first, a_ty, y_ty, clamp, order_a)?,
            on_scale(cx, value, second, b_ty, y_ty, clamp, order_b)?,
        ];
    }
    let element = quant::element(y_ty)?;
    let compares = matches!(arithmetic, BinaryOp::Max | BinaryOp::Min);
    if !compares && [a_ty, b_ty].iter().any(|ty| quant::computed(ty.element) != Some(element)) {
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
            _ if a.element != ir::Element::F32 => None,
            "maximum" if free => Some(BinaryOp::Max),
            "minimum" if free => Some(BinaryOp::Min),
            "add" => Some(BinaryOp::AddF32 { clamp }),
            "sub" => Some(BinaryOp::SubF32 { clamp }),
            "mul" => Some(BinaryOp::MulF32 { clamp }),
            "div" => Some(BinaryOp::DivF32 { clamp }),
            _ => None,
        });
    }
    let y = node.ty();
    Ok(match name {
        "add" => Some(BinaryOp::Add(addition(a, b, y, act, profile(node))?)),
        "sub" => Some(BinaryOp::Sub(addition(a, b, y, act, profile(node))?)),
        "mul" => Some(BinaryOp::Mul(product(a, b, y, act, profile(node))?)),
        "maximum" => Some(BinaryOp::Max),
        "minimum" => Some(BinaryOp::Min),
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
    let AddScaler::Shifted { left, a, b, sum, .. } =
        AddScaler::new([a_scale, b_scale, y_scale], 1, bits, profile)
    else {
        return refused("addition by the profile xnnpack has no C kernel");
    };
    let sum = Scaler { multiplier: sum, real: sum.real(), scheme: Scheme::Double };
    let clamp = quant::clamp_stored(act, y)?;
    Ok(IntegerAdd {
        left_shift: left.cast_signed(),
        first: AddOperand { zero_point: a_zero, scale: quant::scale(a) },
        second: AddOperand { zero_point: b_zero, scale: quant::scale(b) },
        output: quant::requantize(&[sum], &[i64::MAX], y, clamp)?,
    })
}

fn product(a: &Type, b: &Type, y: &Type, act: &str, profile: Rounding) -> Result<IntegerMul, Refused> {
    let (a_scale, a_zero) = quant::per_tensor(a, "the first operand")?;
    let (b_scale, b_zero) = quant::per_tensor(b, "the second operand")?;
    let (y_scale, _) = quant::per_tensor(y, "the result")?;
    let clamp = quant::clamp_stored(act, y)?;
    let scaler = profile.product([a_scale, b_scale, y_scale]);
    let reach = quant::distance(a, a_zero) * quant::distance(b, b_zero);
    let output = quant::requantize(&[scaler], &[reach], y, clamp)?;
    Ok(IntegerMul { zero_points: [a_zero, b_zero], output })
}
