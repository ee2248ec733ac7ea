//! Permutations, padding and axes; constants that are moved.

use super::super::args::{Args, Made};
use super::Row;
use super::conditions::keeps_order;
use ir::{Attr, Element, Granularity, Quant, Tensor, Type};

pub(super) const FUNCTIONS: &[Row] = &[
    ("compose-perm", "(compose-perm ?p ?q): ?p, then ?q", compose),
    ("shape-of", "(shape-of ?x): extents of ?x", |a| {
        Some(Made::Attr(Attr::Ints(a.ty(0)?.shape.iter().map(|d| int(*d)).collect::<Option<_>>()?)))
    }),
    ("like", "(like ?y ?x): element and quantization of ?y, shape of ?x", |a| {
        Some(Made::Type(Type { sparsity: None, ..a.ty(0)?.with_shape(a.ty(1)?.shape.clone()) }))
    }),
    (
        "like-broadcast",
        "(like-broadcast ?y ?a ?b): element and quantization of ?y, shape of ?a and ?b broadcast",
        |a| {
            let (y, l, r) = (a.ty(0)?, a.ty(1)?, a.ty(2)?);
            let rank = l.rank().max(r.rank());
            let extent = |t: &Type, i: usize| (i + t.rank()).checked_sub(rank).map_or(1, |at| t.shape[at]);
            let one = |i: usize| match (extent(l, i), extent(r, i)) {
                (1, d) => d,
                (d, _) => d,
            };
            Some(Made::Type(Type { sparsity: None, ..y.with_shape((0..rank).map(one).collect::<Vec<_>>()) }))
        },
    ),
    ("like-before", "(like-before ?y ?p): the type of ?y, as it was before the permutation ?p", |a| {
        let (y, perm) = (a.ty(0)?, inverse(&indices(a.ints(1)?)?)?);
        let shape: Option<Vec<usize>> = perm.iter().map(|axis| y.shape.get(*axis).copied()).collect();
        Some(Made::Type(Type { sparsity: None, ..y.with_shape(shape?) }))
    }),
    (
        "like-flat",
        "(like-flat ?y ?axes ?keep): the type of a reduction's result ?y without the axes of extent 1 it kept",
        |a| {
            let (y, keep) = (a.ty(0)?, a.int(2)? != 0);
            let rank = if keep { y.rank() } else { y.rank() + a.ints(1)?.len() };
            let axes: Option<Vec<usize>> = a.ints(1)?.iter().map(|axis| resolved(*axis, rank)).collect();
            let axes = axes?;
            let kept =
                y.shape.iter().enumerate().filter(|(i, _)| !keep || !axes.contains(i)).map(|(_, d)| *d);
            Some(Made::Type(Type { sparsity: None, ..y.with_shape(kept.collect::<Vec<_>>()) }))
        },
    ),
    ("permute-list", "(permute-list ?l ?p): a list with an entry for each axis, as it was before ?p", |a| {
        let (list, perm) = (a.ints(0)?, indices(a.ints(1)?)?);
        let mut before = vec![0; list.len()];
        for (value, axis) in list.iter().zip(&perm) {
            *before.get_mut(*axis)? = *value;
        }
        Some(Made::Attr(Attr::Ints(before)))
    }),
    ("axis-before", "(axis-before ?axis ?p): the axis, as it was before ?p", |a| {
        let perm = a.ints(1)?;
        Some(Made::Attr(Attr::Int(perm[resolved(a.int(0)?, perm.len())?])))
    }),
    (
        "axes-before",
        "(axes-before ?axes ?p): the axes, as they were before ?p, where the others keep their order",
        |a| {
            let perm = a.ints(1)?;
            let axes: Option<Vec<usize>> =
                a.ints(0)?.iter().map(|axis| resolved(*axis, perm.len())).collect();
            let axes = axes?;
            let others = (0..perm.len()).filter(|i| !axes.contains(i)).map(|i| perm[i]);
            others.is_sorted().then(|| {
                let mut before: Vec<i64> = axes.iter().map(|axis| perm[*axis]).collect();
                before.sort_unstable();
                Made::Attr(Attr::Ints(before))
            })
        },
    ),
    ("resolve-axis", "(resolve-axis ?axis ?x): counted from the front", |a| {
        let rank = a.ty(1)?.rank();
        Some(Made::Attr(match a.attr(0)? {
            Attr::Ints(axes) => {
                let resolve = |axis: &i64| int(resolved(*axis, rank)?);
                let mut axes = axes.iter().map(resolve).collect::<Option<Vec<_>>>()?;
                axes.sort_unstable();
                Attr::Ints(axes)
            }
            Attr::Int(axis) => Attr::Int(int(resolved(*axis, rank)?)?),
            _ => return None,
        }))
    }),
    ("first-axis", "(first-axis ?axes ?x): the first of them, counted from the front", |a| {
        let rank = a.ty(1)?.rank();
        let axes: Option<Vec<usize>> = a.ints(0)?.iter().map(|axis| resolved(*axis, rank)).collect();
        Some(Made::Attr(Attr::Int(int(*axes?.iter().min()?)?)))
    }),
    (
        "join-pads",
        "(join-pads ?pad ?before ?after): padding of a window op with that of a pad in front of it",
        join_pads,
    ),
    (
        "window-pads",
        "(window-pads ?pad ?before ?after ?kernel): as join-pads, where every window still holds an element",
        |a| {
            let Some(Made::Attr(Attr::Ints(pad))) = join_pads(a) else { return None };
            let kernel = a.ints(3)?;
            let fits = pad.len() == 2 * kernel.len()
                && pad.iter().enumerate().all(|(i, p)| *p < kernel[i % kernel.len()]);
            fits.then_some(Made::Attr(Attr::Ints(pad)))
        },
    ),
    (
        "permute-const",
        "(permute-const ?c ?p): a constant that broadcast behind ?p, for in front of it",
        |a| permuted_const(a, &inverse(&indices(a.ints(1)?)?)?),
    ),
    ("transpose-const", "(transpose-const ?c ?p): a constant with its axes in another order", |a| {
        let perm = indices(a.ints(1)?)?;
        (perm.len() == a.ty(0)?.rank()).then_some(())?;
        permuted_const(a, &perm)
    }),
];

pub(super) fn int(value: usize) -> Option<i64> {
    i64::try_from(value).ok()
}

fn indices(list: &[i64]) -> Option<Vec<usize>> {
    list.iter().map(|v| usize::try_from(*v).ok()).collect()
}

fn inverse(perm: &[usize]) -> Option<Vec<usize>> {
    (0..perm.len()).map(|axis| perm.iter().position(|p| *p == axis)).collect()
}

fn resolved(axis: i64, rank: usize) -> Option<usize> {
    let axis = if axis < 0 { axis + int(rank)? } else { axis };
    usize::try_from(axis).ok().filter(|axis| *axis < rank)
}

fn compose(args: &Args<'_>) -> Option<Made> {
    let (first, then) = (args.ints(0)?, indices(args.ints(1)?)?);
    let composed = then.iter().map(|axis| first.get(*axis).copied()).collect::<Option<Vec<_>>>()?;
    Some(Made::Attr(Attr::Ints(composed)))
}

/// Pads are all begins, then all ends; `before` and `after` have two axes in front of the spatial ones.
fn join_pads(args: &Args<'_>) -> Option<Made> {
    let (pad, before, after) = (args.ints(0)?, args.ints(1)?, args.ints(2)?);
    let spatial = pad.len() / 2;
    if before.len() != spatial + 2 || after.len() != spatial + 2 {
        return None;
    }
    let added = before[2..].iter().chain(&after[2..]);
    Some(Made::Attr(Attr::Ints(pad.iter().zip(added).map(|(a, b)| a + b).collect())))
}

/// Argument 0, brought to the rank of `perm` by leading ones, with its axes permuted; a scale along an axis goes along.
fn permuted_const(args: &Args<'_>, perm: &[usize]) -> Option<Made> {
    inverse(perm)?;
    let ty = args.ty(0)?;
    let ones = perm.len().checked_sub(ty.rank())?;
    if ones > 0 && ty.elements() == 1 && !ty.is_quantized() {
        return Some(Made::Argument(0));
    }
    let shape: Vec<usize> = std::iter::repeat_n(1, ones).chain(ty.shape.iter().copied()).collect();
    let permuted: Vec<usize> = perm.iter().map(|axis| shape[*axis]).collect();
    let quant = match &ty.quant {
        None => None,
        Some(quant) => Some(match quant.granularity {
            Granularity::PerTensor => quant.clone(),
            Granularity::PerAxis(axis) => {
                let axis = perm.iter().position(|p| *p == axis + ones)?;
                Quant { granularity: Granularity::PerAxis(axis), ..quant.clone() }
            }
            Granularity::PerGroup { .. } => return None,
        }),
    };
    let result = Type { element: ty.element, shape: permuted.clone(), quant, sparsity: None };
    let perm = perm.to_vec();
    let in_order = keeps_order(&perm.iter().map(|p| int(*p)).collect::<Option<Vec<_>>>()?, &shape);
    Some(Made::constant(result, [0], "t", move |data| {
        if in_order {
            return data[0].reshaped(permuted.clone()).expect("as many elements");
        }
        transpose(&data[0], &shape, &perm)
    }))
}

/// The elements of `data`, taken as `shape`, with axis `i` of the result being axis `perm[i]`.
pub(super) fn transpose(data: &Tensor, shape: &[usize], perm: &[usize]) -> Tensor {
    let width = data.element().bytes();
    let strides: Vec<usize> = (0..shape.len()).map(|axis| shape[axis + 1..].iter().product()).collect();
    let result: Vec<usize> = perm.iter().map(|axis| shape[*axis]).collect();
    let mut bytes = Vec::with_capacity(data.bytes().len());
    let mut index = vec![0usize; result.len()];
    for _ in 0..data.len() {
        let at: usize = index.iter().zip(perm).map(|(i, axis)| i * strides[*axis]).sum();
        bytes.extend_from_slice(&data.bytes()[at * width..(at + 1) * width]);
        for axis in (0..index.len()).rev() {
            index[axis] += 1;
            if index[axis] < result[axis] {
                break;
            }
            index[axis] = 0;
        }
    }
    tensor(data.element(), result, bytes)
}

fn tensor(element: Element, shape: Vec<usize>, bytes: Vec<u8>) -> Tensor {
    Tensor::from_bytes(element, shape, bytes).expect("as many bytes as before")
}
