//! Operands that fit an op behind its first one.

use super::{Arithmetic, Builder, Slot, tensor};
use ir::op::{Arity, Op};
use ir::{Attrs, Element, Quant, Tensor, Type, Value};

/// All operands of a use: those known, and new constants or values of `pool` for the free ones.
pub(crate) fn complete(
    builder: &mut Builder,
    op: Op,
    attrs: &Attrs,
    mut slots: Vec<Slot>,
    pool: &[Value],
) -> Option<Vec<Option<Value>>> {
    let many = op.operands.last().is_some_and(|def| def.arity == Arity::Many);
    if many {
        add_siblings(builder, &mut slots, pool);
    }
    for index in 1..slots.len() {
        if slots[index] != Slot::Free {
            continue;
        }
        let def = op.operands.get(index).or(op.operands.last())?;
        let optional = def.arity == Arity::Optional;
        let often = if def.name == "bias" { 4 } else { 2 };
        slots[index] = if optional && builder.rng.once_in(often) {
            Slot::Missing
        } else {
            match wanted(builder, op, attrs, &slots, index) {
                Some(wanted) => Slot::Value(supply(builder, op, def.name, &wanted, pool)),
                None if optional => Slot::Missing,
                None => return None,
            }
        };
    }
    let value = |slot: &Slot| match slot {
        Slot::Value(value) => Some(*value),
        _ => None,
    };
    Some(slots.iter().map(value).collect())
}

/// More operands like the first one.
fn add_siblings(builder: &mut Builder, slots: &mut Vec<Slot>, pool: &[Value]) {
    let Slot::Value(first) = slots[0] else { return };
    if slots.len() > 1 {
        return;
    }
    let ty = builder.graph.ty(first);
    let like: Vec<Value> = pool.iter().copied().filter(|v| builder.graph.ty(*v).shape == ty.shape).collect();
    for _ in 0..builder.rng.range(0, 2) {
        if !like.is_empty() {
            slots.push(Slot::Value(*builder.rng.pick(&like)));
        }
    }
}

/// The shape an operand should have; for those known by position of the op's declaration.
pub(crate) fn wanted(
    builder: &mut Builder,
    op: Op,
    attrs: &Attrs,
    slots: &[Slot],
    index: usize,
) -> Option<Vec<usize>> {
    let shape = |builder: &Builder, at: usize| match slots.get(at) {
        Some(Slot::Value(value)) => Some(builder.graph.ty(*value).shape.clone()),
        _ => None,
    };
    let x = shape(builder, 0)?;
    let channels = x.get(1).copied();
    let name = op.operands.get(index).or(op.operands.last())?.name;
    let rng = &mut builder.rng;
    Some(match (op.name, name) {
        ("conv2d" | "conv1d", "w") => {
            let groups = usize::try_from(attrs.int("groups")).ok().filter(|g| *g > 0)?;
            let multiplier = if groups > 1 { groups } else { rng.range(1, 4) };
            let kernel = (2..x.len()).map(|axis| rng.range(1, x[axis].min(3)));
            let kernel: Vec<usize> = kernel.collect();
            [vec![multiplier, channels? / groups], kernel].concat()
        }
        ("dense", "w") => vec![rng.range(1, 4), *x.last()?],
        ("conv2d" | "conv1d" | "dense", "bias") => vec![*shape(builder, 1)?.first()?],
        ("conv2d", "residual") => {
            let given = [slots[0], slots[1]].map(|slot| match slot {
                Slot::Value(value) => Some(value),
                _ => None,
            });
            builder.inferred_shape(op, &given, attrs)?
        }
        ("matmul", "b") => {
            let (k, n) = (*x.last()?, rng.range(1, 4));
            let inner = if attrs.int("transpose_b") == 0 { [k, n] } else { [n, k] };
            let outer = if rng.once_in(2) { &x[..x.len().checked_sub(2)?] } else { &[] };
            [outer, &inner].concat()
        }
        ("attention", "k" | "v") => x,
        ("attention", "mask") => vec![*x.get(2)?, *shape(builder, 1)?.get(2)?],
        ("batch_norm", _) => vec![channels?],
        ("layer_norm", _) => {
            let rank = i64::try_from(x.len()).ok()?;
            let axis = attrs.int("axis");
            x[usize::try_from(if axis < 0 { axis + rank } else { axis }).ok()?..].to_vec()
        }
        ("concat", _) => x,
        ("gather", _) => vec![rng.range(1, 3)],
        // Elementwise: the same shape, one for each channel, one for each column, or one for all.
        _ => match rng.range(0, 3) {
            0 | 1 => x,
            2 if x.len() > 1 => {
                x.iter().enumerate().skip(1).map(|(axis, d)| if axis == 1 { *d } else { 1 }).collect()
            }
            _ => vec![],
        },
    })
}

/// A value of that shape: of the pool, or a constant.
fn supply(builder: &mut Builder, op: Op, name: &str, shape: &[usize], pool: &[Value]) -> Value {
    let free = op.traits.elementwise || matches!(name, "residual" | "b" | "k" | "v");
    let like: Vec<Value> =
        pool.iter().copied().filter(|v| free && builder.graph.ty(*v).shape == shape).collect();
    if !like.is_empty() && !builder.rng.once_in(3) {
        return *builder.rng.pick(&like);
    }
    constant(builder, op, name, shape)
}

/// A new constant that makes sense as the operand called `name`.
pub(crate) fn constant(builder: &mut Builder, op: Op, name: &str, shape: &[usize]) -> Value {
    let float = builder.arithmetic == Arithmetic::Float;
    match name {
        "bias" if !float => builder.constant(Type::new(Element::I32, shape)),
        "indices" => {
            let data: Vec<i64> = (0..shape.iter().product::<usize>()).map(|_| 0).collect();
            let data = Tensor::from_ints(Element::I64, shape.to_vec(), &data);
            builder.graph.add_const(None, Type::new(Element::I64, shape), data)
        }
        "var" => {
            let ty = Type::new(Element::F32, shape);
            let data = tensor(&mut builder.rng, &ty).to_reals().into_iter().map(|v| v.abs() + 0.1);
            let data = Tensor::from_reals(Element::F32, shape.to_vec(), data.collect::<Vec<_>>());
            builder.graph.add_const(None, ty, data)
        }
        "w" if !float => weights(builder, shape),
        _ => {
            let ty = builder.value_type(shape.to_vec());
            if float && matches!(op.name, "div" | "pow") {
                let data = tensor(&mut builder.rng, &ty).to_reals().into_iter().map(|v| v.abs() + 0.5);
                let data = Tensor::from_reals(Element::F32, shape.to_vec(), data.collect::<Vec<_>>());
                return builder.graph.add_const(None, ty, data);
            }
            builder.constant(ty)
        }
    }
}

/// Weights quantized per output channel or as a whole.
pub(crate) fn weights(builder: &mut Builder, shape: &[usize]) -> Value {
    let (element, quant) = if shape.is_empty() || builder.rng.once_in(2) {
        builder.quant()
    } else {
        #[allow(clippy::cast_possible_truncation, reason = "scales are f32")]
        let scales = (0..shape[0]).map(|_| (0.02 + builder.rng.real() * 0.2) as f32).collect();
        (Element::I8, Quant::per_axis(scales, 0))
    };
    builder.constant(Type::new(element, shape).with_quant(quant))
}
