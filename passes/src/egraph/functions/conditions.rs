//! Conditions: small questions about types, attributes and constants.

use super::super::args::Args;
use super::super::library::Condition;
use ir::{Attr, Granularity, Type};

pub(in super::super) const CONDITIONS: &[(&str, &str, Condition)] = &[
    ("const", "const(?x): a constant, trained or not", |a| a.is_const(0)),
    ("trained", "trained(?x): a constant whose data is there", |a| a.data(0).is_some()),
    ("splat", "splat(?x): a float constant all elements of which are equal", |a| a.splat(0).is_some()),
    ("missing", "missing(?x): an operand that is left out", |a| a.is_missing(0)),
    ("once", "once(?y): the value is used once, so taking it into another op computes nothing twice", |a| {
        a.uses(0).is_some_and(|n| n <= 1)
    }),
    ("float", "float(?x): of a float element", |a| a.ty(0).is_some_and(|t| t.element.is_float())),
    ("quantized", "quantized(?x): integers that stand for reals", |a| {
        a.ty(0).is_some_and(Type::is_quantized)
    }),
    ("per_tensor", "per_tensor(?x): quantized with one scale", |a| {
        a.ty(0).is_some_and(|t| t.per_tensor().is_some())
    }),
    ("same", "same(?x, ?y): the same value", |a| a.same_value(0, 1)),
    ("same_type", "same_type(?x, ?y): element, shape and quantization agree", |a| {
        both(a, |x, y| x.element == y.element && x.shape == y.shape && x.quant == y.quant)
    }),
    ("same_quant", "same_quant(?x, ?y): element and quantization agree", |a| {
        both(a, |x, y| x.element == y.element && x.quant == y.quant)
    }),
    ("same_shape", "same_shape(?x, ?y): shapes agree", |a| both(a, |x, y| x.shape == y.shape)),
    ("rank", "rank(?x, n): has n axes", |a| {
        a.ty(0).zip(a.int(1)).is_some_and(|(t, n)| i64::try_from(t.rank()) == Ok(n))
    }),
    ("equal", "equal(?a, ?b): attributes or literals are equal", |a| {
        a.attr(0).is_some() && a.attr(0) == a.attr(1)
    }),
    ("at_least", "at_least(?a, number): a number that is not below", |a| {
        a.real(0).zip(a.real(1)).is_some_and(|(v, least)| v >= least)
    }),
    ("near", "near(?a, number): equal but for the rounding to f32", |a| {
        a.real(0).zip(a.real(1)).is_some_and(|(v, to)| (v - to).abs() <= 1e-6 * to.abs())
    }),
    ("negative", "negative(?a): a number, or a list with a number, below zero", |a| match a.attr(0) {
        Some(Attr::Int(v)) => *v < 0,
        Some(Attr::Ints(v)) => v.iter().any(|v| *v < 0),
        _ => false,
    }),
    ("zeros", "zeros(?a): a list of nothing but zeros", |a| {
        a.ints(0).is_some_and(|v| v.iter().all(|v| *v == 0))
    }),
    ("identity", "identity(?p): a permutation that changes nothing", |a| {
        a.ints(0).is_some_and(|p| p.iter().zip(0..).all(|(a, b)| *a == b))
    }),
    (
        "keeps_order",
        "keeps_order(?p, ?x): the permutation moves no axis of ?x past another of extent above 1",
        |a| a.ints(0).zip(a.ty(1)).is_some_and(|(p, x)| keeps_order(p, &x.shape)),
    ),
    (
        "channels",
        "channels(?c, ?y): a constant with one element, or one for each channel (axis 1) of ?y",
        |a| a.is_const(0) && both(a, |c, y| y.rank() >= 2 && along(c, y, 1)),
    ),
    (
        "columns",
        "columns(?c, ?y): a constant with one element, or one for each index of the last axis of ?y",
        |a| a.is_const(0) && both(a, |c, y| y.rank() >= 1 && along(c, y, y.rank() - 1)),
    ),
    ("spatial", "spatial(?before, ?after): padding of nothing but the axes from 2 on", |a| {
        let spatial = |list: &[i64]| list.len() > 2 && list[..2] == [0, 0];
        a.ints(0).is_some_and(spatial) && a.ints(1).is_some_and(spatial)
    }),
    ("nonnegative", "nonnegative(?x): the real values are known not to be negative", nonnegative),
    ("starts_at_zero", "starts_at_zero(?x): quantized, and the smallest integer stands for 0", |a| {
        a.ty(0).is_some_and(starts_at_zero)
    }),
    ("trailing", "trailing(?axes, ?x): the axes are the last ones of ?x, in order", |a| {
        a.ints(0).zip(a.ty(1)).is_some_and(|(axes, x)| {
            let rank = i64::try_from(x.rank()).unwrap_or(0);
            let first = rank - i64::try_from(axes.len()).unwrap_or(0);
            !axes.is_empty() && axes.iter().zip(first..).all(|(a, b)| *a == b || *a + rank == b)
        })
    }),
    ("fits_trailing", "fits_trailing(?g, ?x, ?axis): broadcasts over the axes of ?x from ?axis on", |a| {
        let Some((g, x)) = a.ty(0).zip(a.ty(1)) else { return false };
        let rank = i64::try_from(x.rank()).unwrap_or(0);
        let axis = a.int(2).map(|axis| if axis < 0 { axis + rank } else { axis });
        let Some(axis) = axis.and_then(|axis| usize::try_from(axis).ok()).filter(|axis| *axis < x.rank())
        else {
            return false;
        };
        let tail = &x.shape[axis..];
        g.rank() <= tail.len() && g.shape.iter().rev().zip(tail.iter().rev()).all(|(g, x)| g == x || *g == 1)
    }),
    ("same_heads", "same_heads(?q, ?k, ?v): of rank 4, with the batch and heads of ?q", |a| {
        let (q, k, v) = (a.ty(0), a.ty(1), a.ty(2));
        q.zip(k).zip(v).is_some_and(|((q, k), v)| {
            [q, k, v].iter().all(|t| t.rank() == 4 && t.shape[..2] == q.shape[..2])
        })
    }),
    ("mask_fits", "mask_fits(?m, ?q, ?k): broadcasts to a score for each query and key", |a| {
        a.ty(0).zip(a.ty(1)).zip(a.ty(2)).is_some_and(|((m, q), k)| {
            if q.rank() != 4 || k.rank() != 4 {
                return false;
            }
            let scores = [q.shape[0], q.shape[1], q.shape[2], k.shape[2]];
            m.rank() <= 4 && m.shape.iter().rev().zip(scores.iter().rev()).all(|(m, s)| m == s || *m == 1)
        })
    }),
    ("last_axis", "last_axis(?axis, ?x): the axis is the last of ?x", |a| {
        a.int(0).zip(a.ty(1)).is_some_and(|(axis, x)| {
            let rank = i64::try_from(x.rank()).unwrap_or(0);
            axis == -1 || axis == rank - 1
        })
    }),
];

fn both(args: &Args<'_>, holds: impl Fn(&Type, &Type) -> bool) -> bool {
    args.ty(0).zip(args.ty(1)).is_some_and(|(x, y)| holds(x, y))
}

/// One element, or all of them along `axis` of a result of type `y` that `c` broadcasts to.
fn along(c: &Type, y: &Type, axis: usize) -> bool {
    let Some(offset) = y.rank().checked_sub(c.rank()) else { return false };
    let others = c.shape.iter().enumerate().all(|(i, d)| i + offset == axis || *d == 1);
    others && (c.elements() == 1 || c.shape.get(axis.wrapping_sub(offset)) == Some(&y.shape[axis]))
}

pub(super) fn keeps_order(perm: &[i64], shape: &[usize]) -> bool {
    let wide = perm.iter().filter(|axis| usize::try_from(**axis).is_ok_and(|a| shape.get(a) != Some(&1)));
    wide.is_sorted()
}

fn starts_at_zero(ty: &Type) -> bool {
    let Some(quant) = ty.quant.as_ref().filter(|q| q.granularity == Granularity::PerTensor) else {
        return false;
    };
    ty.element.range().is_some_and(|(low, _)| i64::from(quant.zero[0]) == low)
}

fn nonnegative(args: &Args<'_>) -> bool {
    let clamped = |word: &str| matches!(word, "relu" | "relu6");
    args.ty(0).is_some_and(starts_at_zero)
        || args.made_by(0).any(|(op, attrs)| {
            matches!(op.name, "relu" | "relu6" | "sigmoid" | "softmax" | "abs" | "exp" | "hard_sigmoid")
                || (attrs.has("act") && clamped(attrs.word("act")))
        })
}
