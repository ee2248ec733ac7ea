//! Weights and biases with a scale and a shift folded in. Computed in f64, rounded once.

use super::super::args::{Args, Made};
use super::Row;
use ir::{Attr, Element, Tensor, Type};

pub(super) const FUNCTIONS: &[Row] = &[
    ("value", "(value ?c): the one value of a constant, as an attribute", |a| {
        Some(Made::Attr(Attr::Float(a.splat(0)?)))
    }),
    ("times", "(times ?a ?c): an attribute times the one value of a constant", |a| {
        Some(Made::Attr(Attr::Float(a.real(0)? * a.splat(1)?)))
    }),
    ("over", "(over ?a ?c): an attribute divided by the one value of a constant", |a| {
        let value = a.real(0)? / a.splat(1)?;
        value.is_finite().then_some(Made::Attr(Attr::Float(value)))
    }),
    ("negated", "(negated ?c): -c", |a| map(a, "neg", |v| -v)),
    ("inverted", "(inverted ?c): 1 / c", |a| {
        let finite = |t: Tensor| t.to_reals().iter().all(|v| (1.0 / v).is_finite());
        a.data(0).is_none_or(finite).then(|| map(a, "inv", |v| 1.0 / v))?
    }),
    ("product", "(product ?c ?d): c * d, broadcast", |a| combine(a, "mul", |c, d| c * d)),
    ("total", "(total ?c ?d): c + d, broadcast", |a| combine(a, "add", |c, d| c + d)),
    ("bn-scale", "(bn-scale ?gamma ?var ?epsilon): gamma / sqrt(var + epsilon)", |a| {
        let epsilon = a.real(2)?;
        alike(a, &[0, 1])?;
        Some(Made::constant(plain(a.ty(0)?), [0, 1], "scale", move |t| {
            let (gamma, var) = (t[0].to_reals(), t[1].to_reals());
            reals(&t[0], gamma.iter().zip(var).map(|(g, v)| g / (v + epsilon).sqrt()))
        }))
    }),
    (
        "bn-shift",
        "(bn-shift ?beta ?mean ?gamma ?var ?epsilon): beta - mean * gamma / sqrt(var + epsilon)",
        |a| {
            let epsilon = a.real(4)?;
            alike(a, &[0, 1, 2, 3])?;
            Some(Made::constant(plain(a.ty(0)?), [0, 1, 2, 3], "shift", move |t| {
                let [beta, mean, gamma, var] = [0, 1, 2, 3].map(|i| t[i].to_reals());
                let one = |i: usize| beta[i] - mean[i] * gamma[i] / (var[i] + epsilon).sqrt();
                reals(&t[0], (0..beta.len()).map(one))
            }))
        },
    ),
    ("scale-rows", "(scale-rows ?w ?s): row c of ?w (its first axis) times element c of ?s", |a| {
        let rows = rows(a)?;
        Some(Made::constant(plain(a.ty(0)?), [0, 1], "scaled", move |t| {
            let s = spread(&t[1], rows);
            let w = t[0].to_reals();
            let per_row = w.len() / rows.max(1);
            reals(&t[0], w.iter().enumerate().map(|(i, w)| w * s[i / per_row.max(1)]))
        }))
    }),
    (
        "scale-bias",
        "(scale-bias ?b ?s ?w): element c of ?b, where there is one, times element c of ?s",
        |a| {
            if a.is_missing(0) {
                return Some(Made::Missing);
            }
            float_const(a, 0)?;
            float_const(a, 1)?;
            let rows = a.ty(0)?.elements();
            [1, rows].contains(&a.ty(1)?.elements()).then_some(())?;
            Some(Made::constant(plain(a.ty(0)?), [0, 1], "scaled", move |t| {
                reals(&t[0], t[0].to_reals().iter().zip(spread(&t[1], rows)).map(|(b, s)| b * s))
            }))
        },
    ),
    ("add-bias", "(add-bias ?b ?c ?w): a bias for the rows of ?w: ?b, where there is one, plus ?c", add_bias),
    (
        "scale-columns",
        "(scale-columns ?w ?s): input channel c of ?w times element c of ?s; ungrouped, or one channel a group",
        |a| {
            let (axis, channels) = input_channels(a)?;
            Some(Made::constant(plain(a.ty(0)?), [0, 1], "scaled", move |t| {
                let s = spread(&t[1], channels);
                let per: usize = t[0].shape()[axis + 1..].iter().product();
                let w = t[0].to_reals();
                reals(&t[0], w.iter().enumerate().map(|(i, w)| w * s[i / per.max(1) % channels]))
            }))
        },
    ),
    (
        "bias-behind-shift",
        "(bias-behind-shift ?b ?w ?c): ?b plus what adding ?c to the input adds to each row",
        bias_behind_shift,
    ),
];

/// A float constant without quantization at `index`.
fn float_const(args: &Args<'_>, index: usize) -> Option<()> {
    // Floats of 8 bits can be read but have no encoder.
    (args.is_const(index) && matches!(args.ty(index)?.element, Element::F32 | Element::F16 | Element::BF16))
        .then_some(())
}

/// Float constants of one length.
fn alike(args: &Args<'_>, indices: &[usize]) -> Option<()> {
    let elements = args.ty(indices[0])?.elements();
    indices.iter().try_for_each(|index| {
        float_const(args, *index)?;
        (args.ty(*index)?.elements() == elements).then_some(())
    })
}

fn plain(ty: &Type) -> Type {
    Type { sparsity: None, ..ty.clone() }
}

/// A tensor like `like` with other values.
fn reals(like: &Tensor, values: impl IntoIterator<Item = f64>) -> Tensor {
    Tensor::from_reals(like.element(), like.shape().to_vec(), values)
}

/// Its values, one for each of `n`; a single one is repeated.
fn spread(tensor: &Tensor, n: usize) -> Vec<f64> {
    let values = tensor.to_reals();
    if values.len() == 1 { vec![values[0]; n] } else { values }
}

fn map(args: &Args<'_>, suffix: &'static str, f: fn(f64) -> f64) -> Option<Made> {
    float_const(args, 0)?;
    Some(Made::constant(plain(args.ty(0)?), [0], suffix, move |t| {
        reals(&t[0], t[0].to_reals().into_iter().map(f))
    }))
}

/// Two constants broadcast together, where the result is no larger than one of them.
fn combine(args: &Args<'_>, suffix: &'static str, f: fn(f64, f64) -> f64) -> Option<Made> {
    float_const(args, 0)?;
    float_const(args, 1)?;
    let (a, b) = (args.ty(0)?, args.ty(1)?);
    let rank = a.rank().max(b.rank());
    let extent = |t: &Type, i: usize| (i + t.rank()).checked_sub(rank).map_or(1, |at| t.shape[at]);
    let shape: Vec<usize> = (0..rank).map(|i| extent(a, i).max(extent(b, i))).collect();
    let elements: usize = shape.iter().product();
    if elements > a.elements().max(b.elements()) {
        return None;
    }
    let offsets = |t: &Type| -> Vec<usize> {
        let stride = |i: usize| (i + 1..rank).map(|j| extent(t, j)).product::<usize>();
        (0..elements)
            .map(|element| {
                let at = |i: usize| element / shape[i + 1..].iter().product::<usize>() % shape[i];
                (0..rank).map(|i| if extent(t, i) == 1 { 0 } else { at(i) * stride(i) }).sum()
            })
            .collect()
    };
    let (at_a, at_b) = (offsets(a), offsets(b));
    let ty = Type::new(a.element, shape.clone());
    (a.element == b.element).then(|| {
        Made::constant(ty, [0, 1], suffix, move |t| {
            let (a, b) = (t[0].to_reals(), t[1].to_reals());
            let values = at_a.iter().zip(&at_b).map(|(i, j)| f(a[*i], b[*j]));
            Tensor::from_reals(t[0].element(), shape.clone(), values)
        })
    })
}

/// Rows of argument 0, which argument 1 has one element for, or one for all.
fn rows(args: &Args<'_>) -> Option<usize> {
    float_const(args, 0)?;
    float_const(args, 1)?;
    let rows = *args.ty(0)?.shape.first()?;
    [1, rows].contains(&args.ty(1)?.elements()).then_some(rows)
}

fn add_bias(args: &Args<'_>) -> Option<Made> {
    float_const(args, 1)?;
    let rows = *args.ty(2)?.shape.first()?;
    if ![1, rows].contains(&args.ty(1)?.elements()) {
        return None;
    }
    let ty = Type::new(args.ty(1)?.element, [rows]);
    if args.is_missing(0) {
        let element = ty.element;
        return Some(Made::constant(ty, [1], "bias", move |t| {
            Tensor::from_reals(element, [rows], spread(&t[0], rows))
        }));
    }
    float_const(args, 0)?;
    (args.ty(0)?.shape == [rows]).then_some(())?;
    Some(Made::constant(ty, [0, 1], "shifted", move |t| {
        reals(&t[0], t[0].to_reals().iter().zip(spread(&t[1], rows)).map(|(b, c)| b + c))
    }))
}

/// The axis of the input channels of weights in argument 0, and their number, which argument 1 has elements for.
///
/// In a depthwise convolution the channel is the row.
fn input_channels(args: &Args<'_>) -> Option<(usize, usize)> {
    float_const(args, 0)?;
    float_const(args, 1)?;
    let (w, elements) = (args.ty(0)?, args.ty(1)?.elements());
    (w.rank() >= 2).then_some(())?;
    let groups = args.int(2).unwrap_or(1);
    match usize::try_from(groups).ok()? {
        1 => [1, w.shape[1]].contains(&elements).then_some((1, w.shape[1])),
        groups if w.shape[1] == 1 && w.shape[0] == groups => {
            [1, groups].contains(&elements).then_some((0, groups))
        }
        _ => None,
    }
}

fn bias_behind_shift(args: &Args<'_>) -> Option<Made> {
    float_const(args, 1)?;
    float_const(args, 2)?;
    let (w, elements) = (args.ty(1)?, args.ty(2)?.elements());
    (w.rank() >= 2).then_some(())?;
    let groups = usize::try_from(args.int(3).unwrap_or(1)).ok()?;
    let depthwise = groups > 1;
    if depthwise && !(w.shape[1] == 1 && w.shape[0] == groups) {
        return None;
    }
    let (rows, channels) = (w.shape[0], if depthwise { groups } else { w.shape[1] });
    if ![1, channels].contains(&elements) {
        return None;
    }
    let ty = Type::new(w.element, [rows]);
    let added = move |w: &Tensor, c: &Tensor| -> Vec<f64> {
        let (c, shape) = (spread(c, channels), w.shape());
        let per: usize = shape[2..].iter().product();
        let (w, columns) = (w.to_reals(), shape[1]);
        let row = |r: usize| {
            let at = |i: usize| if depthwise { c[r] } else { c[i / per.max(1)] };
            (0..columns * per).map(|i| w[r * columns * per + i] * at(i)).sum()
        };
        (0..rows).map(row).collect()
    };
    let element = w.element;
    if args.is_missing(0) {
        return Some(Made::constant(ty, [1, 2], "bias", move |t| {
            Tensor::from_reals(element, [rows], added(&t[0], &t[1]))
        }));
    }
    float_const(args, 0)?;
    (args.ty(0)?.shape == [rows]).then_some(())?;
    Some(Made::constant(ty, [0, 1, 2], "shifted", move |t| {
        reals(&t[0], t[0].to_reals().iter().zip(added(&t[1], &t[2])).map(|(b, a)| b + a))
    }))
}
