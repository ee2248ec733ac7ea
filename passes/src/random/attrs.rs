//! Random attributes that mostly fit a first operand.

use super::{Arithmetic, Builder};
use ir::op::Op;
use ir::{Attr, AttrDef, AttrKind, Attrs, Value};

/// Complete attributes for a use of `op` on `first`, the `fixed` ones as given; `None` where none fit.
pub(crate) fn sample(
    builder: &mut Builder,
    op: Op,
    first: Value,
    fixed: &[(&'static str, Attr)],
) -> Option<Attrs> {
    let shape = builder.graph.ty(first).shape.clone();
    let mut given: Vec<(String, Attr)> = if op.name == "slice" { slice(builder, &shape) } else { Vec::new() };
    for def in op.attrs {
        if let Some((_, value)) = fixed.iter().find(|(name, _)| *name == def.name) {
            given.retain(|(name, _)| name != def.name);
            given.push((def.name.to_owned(), value.clone()));
        } else if !given.iter().any(|(name, _)| name == def.name) {
            given.push((def.name.to_owned(), one(builder, op, def, &shape)?));
        }
    }
    Attrs::complete(op.attrs, given).ok()
}

fn one(builder: &mut Builder, op: Op, def: &AttrDef, shape: &[usize]) -> Option<Attr> {
    let rank = shape.len();
    let signed = |v: usize| i64::try_from(v).expect("shapes here are small");
    let rng = &mut builder.rng;
    Some(match (def.name, def.kind) {
        ("stride" | "dilation", AttrKind::Ints { len, .. }) => {
            let step = if rng.once_in(4) { 2 } else { 1 };
            Attr::Ints(vec![step; len.unwrap_or(2)])
        }
        ("pad", AttrKind::Ints { len, .. }) => {
            Attr::Ints((0..len.unwrap_or(4)).map(|_| i64::from(rng.once_in(3))).collect())
        }
        ("kernel", _) => Attr::Ints(vec![rng.between(1, 3), rng.between(1, 3)]),
        ("groups", _) => Attr::Int(if rng.once_in(2) { signed(*shape.get(1)?) } else { 1 }),
        ("axes", _) => {
            let mut axes: Vec<i64> = (0..rank).filter(|_| rng.once_in(2)).map(signed).collect();
            if axes.is_empty() {
                axes.push(signed(rank) - 1);
            }
            if rng.once_in(3) {
                axes.iter_mut().for_each(|axis| *axis -= signed(rank));
            }
            Attr::Ints(axes)
        }
        ("axis", _) if rank == 0 => return None,
        ("axis", _) => Attr::Int(rng.between(-signed(rank), signed(rank) - 1)),
        ("perm", _) => {
            let mut perm: Vec<i64> = (0..signed(rank)).collect();
            for i in (1..perm.len()).rev() {
                perm.swap(i, rng.range(0, i));
            }
            Attr::Ints(perm)
        }
        ("shape", _) if op.name == "expand" => {
            let wide = |d: &usize| if *d == 1 && rng.once_in(2) { 3 } else { signed(*d) };
            Attr::Ints(shape.iter().map(wide).collect())
        }
        ("shape", _) => Attr::Ints(refactored(builder, shape)),
        ("before" | "after", _) => Attr::Ints((0..rank).map(|_| i64::from(rng.once_in(3))).collect()),
        ("value", _) => Attr::Float(if rng.once_in(3) { 0.75 } else { 0.0 }),
        ("min", _) => Attr::Float(*rng.pick(&[0.0, -1.0, -0.5])),
        ("max", _) => Attr::Float(*rng.pick(&[6.0, 1.0, 0.75, 3.5e38])),
        ("alpha", _) => Attr::Float(*rng.pick(&[0.25, 1.0, 1.0 / 6.0])),
        ("beta", _) => Attr::Float(*rng.pick(&[0.5, 1.0])),
        ("epsilon", _) => Attr::Float(1e-3),
        ("mid", _) => match builder.arithmetic {
            Arithmetic::Float => Attr::Absent,
            Arithmetic::Integer => {
                let (element, quant) = builder.quant();
                Attr::Quant(element, quant)
            }
        },
        ("scale", AttrKind::Int(_)) => Attr::Int(rng.between(1, 2)),
        ("scale", _) => Attr::Float(*rng.pick(&[1.0, 0.5])),
        ("to", _) => Attr::Text("f32".to_owned()),
        ("symbol", _) => Attr::Text("user_op".to_owned()),
        ("scratch", _) => Attr::Int(0),
        (_, AttrKind::Word(words)) => {
            let word = if rng.once_in(2) { words[0] } else { rng.pick(words) };
            Attr::Word(word.to_owned())
        }
        (_, AttrKind::Int(_)) => Attr::Int(rng.between(0, 1)),
        _ => def.default()?,
    })
}

/// Start, size and step that stay within the shape.
fn slice(builder: &mut Builder, shape: &[usize]) -> Vec<(String, Attr)> {
    let signed = |v: usize| i64::try_from(v).expect("shapes here are small");
    let (mut start, mut size, mut step) = (Vec::new(), Vec::new(), Vec::new());
    for extent in shape {
        let first = builder.rng.range(0, extent - 1);
        let by = builder.rng.range(1, 2);
        let most = (extent - first).div_ceil(by);
        start.push(signed(first));
        size.push(signed(builder.rng.range(1, most)));
        step.push(signed(by));
    }
    [("start", start), ("size", size), ("step", step)]
        .map(|(name, list)| (name.to_owned(), Attr::Ints(list)))
        .into()
}

/// The same number of elements under another shape: axes joined, or one split.
fn refactored(builder: &mut Builder, shape: &[usize]) -> Vec<i64> {
    let mut result: Vec<usize> = shape.to_vec();
    for _ in 0..builder.rng.range(1, 2) {
        let at = builder.rng.range(0, result.len() - 1);
        if builder.rng.once_in(2) && result.len() > 1 {
            let next = result.remove((at + 1) % result.len());
            let at = at.min(result.len() - 1);
            result[at] *= next;
        } else if result.len() < 5 {
            let divisor = (2..=result[at]).find(|d| result[at].is_multiple_of(*d)).unwrap_or(1);
            result[at] /= divisor;
            result.insert(at, divisor);
        }
    }
    result.into_iter().map(|d| i64::try_from(d).expect("shapes here are small")).collect()
}
