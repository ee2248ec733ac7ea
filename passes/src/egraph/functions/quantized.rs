//! Quantizations as attributes and types; biases as integers.

use super::super::args::{Args, Made};
use super::Row;
use ir::{Attr, Element, Granularity, Tensor, Type};

pub(super) const FUNCTIONS: &[Row] = &[
    (
        "quant-of",
        "(quant-of ?y): element and quantization of ?y as an attribute; absent where it is float",
        |a| {
            let ty = a.ty(0)?;
            Some(Made::Attr(ty.quant.as_ref().map_or(Attr::Absent, |q| Attr::Quant(ty.element, q.clone()))))
        },
    ),
    (
        "integer-bias",
        "(integer-bias ?b ?x ?w): ?b, where there is one, in units of scale(x) * scale(w)",
        integer_bias,
    ),
];

/// A float bias is rounded to nearest, ties to even; an integer one of another scale likewise. With activations of 16 bits
/// the accumulator is 64 bits wide, and so is the bias.
fn integer_bias(args: &Args<'_>) -> Option<Made> {
    if args.is_missing(0) {
        return Some(Made::Missing);
    }
    let (bias, x, w) = (args.ty(0)?, args.ty(1)?, args.ty(2)?);
    args.is_const(0).then_some(())?;
    let (scale_x, _) = x.per_tensor()?;
    let quant = w.quant.as_ref()?;
    let rows = bias.elements();
    let fits = match quant.granularity {
        Granularity::PerTensor => true,
        Granularity::PerAxis(0) => quant.scale.len() == rows,
        _ => false,
    };
    if !fits || bias.rank() != 1 {
        return None;
    }
    let unit: Vec<f64> =
        (0..rows).map(|c| f64::from(scale_x) * f64::from(quant.scale[c % quant.scale.len()])).collect();
    let own: Option<Vec<f64>> = match &bias.quant {
        None if bias.element.is_float() => None,
        None => return None,
        Some(q) if q.zero.iter().all(|z| *z == 0) => {
            Some((0..rows).map(|c| f64::from(q.scale[c % q.scale.len()])).collect())
        }
        Some(_) => return None,
    };
    let element = if x.element.bits() > 8 { Element::I64 } else { Element::I32 };
    let (low, high) = element.range().expect("an integer has a range");
    #[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "clamped to the element")]
    let round =
        move |value: f64| (value.round_ties_even().clamp(low as f64, high as f64) as i64).clamp(low, high);
    let ty = Type::new(element, [rows]);
    Some(Made::constant(ty, [0], "integer", move |t| {
        let same = |own: &[f64]| own.iter().zip(&unit).all(|(a, b)| (a - b).abs() <= 1e-6 * b.abs());
        let ints: Vec<i64> = match &own {
            Some(own) if same(own) => t[0].to_ints(),
            Some(own) => t[0]
                .to_reals()
                .iter()
                .zip(own.iter().zip(&unit))
                .map(|(b, (o, u))| round(b * o / u))
                .collect(),
            None => t[0].to_reals().iter().zip(&unit).map(|(b, u)| round(b / u)).collect(),
        };
        Tensor::from_ints(element, [rows], &ints)
    }))
}
