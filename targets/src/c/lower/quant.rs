//! From quantized types to the plain numbers of kernel specs.

use super::{Refused, refused};
use crate::c::kernels::spec::{Element, Requantize, Rounding, Scale};
use interp::fixed::{Multiplier, Scaler, Scheme};
use ir::Type;

/// The C element of a computed value; `None` where no kernel computes with it.
pub(crate) fn computed(element: ir::Element) -> Option<Element> {
    match element {
        ir::Element::F32 => Some(Element::F32),
        ir::Element::Int { bits: ..=8, signed: true } => Some(Element::I8),
        ir::Element::Int { bits: ..=8, signed: false } => Some(Element::U8),
        ir::Element::Int { bits: ..=16, signed: true } => Some(Element::I16),
        ir::Element::Int { bits: 32, signed: true } => Some(Element::I32),
        _ => None,
    }
}

/// As [`computed`], with the reason where there is none.
pub(crate) fn element(ty: &Type) -> Result<Element, Refused> {
    computed(ty.element).map_or_else(|| refused(format!("no C kernel computes with {}", ty.element)), Ok)
}

/// The C element a value is moved as, and how many of them it takes: a 64-bit value moves as two 32-bit ones.
pub(crate) fn movable(element: ir::Element) -> Option<(Element, usize)> {
    if let Some(element) = computed(element) {
        return Some((element, 1));
    }
    match element.bytes() {
        1 => Some((Element::U8, 1)),
        2 => Some((Element::I16, 1)),
        4 => Some((Element::I32, 1)),
        8 => Some((Element::I32, 2)),
        _ => None,
    }
}

/// Scale and zero point of a tensor quantized as a whole.
pub(crate) fn per_tensor(ty: &Type, what: &str) -> Result<(f32, i32), Refused> {
    ty.per_tensor().map_or_else(|| refused(format!("{what} is not quantized as a whole tensor")), Ok)
}

/// Smallest and largest stored value of an integer element; whole 32-bit range at most.
pub(crate) fn range(element: ir::Element) -> Result<[i32; 2], Refused> {
    let ends =
        element.range().and_then(|(low, high)| Some([i32::try_from(low).ok()?, i32::try_from(high).ok()?]));
    ends.map_or_else(|| refused(format!("{element} exceeds 32 bits")), Ok)
}

/// The clamp of a fused activation on reals.
pub(crate) fn clamp_real(act: &str) -> [f32; 2] {
    match act {
        "relu" => [0.0, f32::INFINITY],
        "relu6" => [0.0, 6.0],
        "relu1" => [-1.0, 1.0],
        _ => [f32::NEG_INFINITY, f32::INFINITY],
    }
}

/// The clamp of a fused activation on stored values.
///
/// Source: TFLite `kernel_util.cc`, `CalculateActivationRangeQuantized`: ends are quantized in single precision, halves away
/// from zero, and cut to the element's range.
pub(crate) fn clamp_stored(act: &str, ty: &Type) -> Result<[i32; 2], Refused> {
    let (scale, zero) = per_tensor(ty, "the result")?;
    let [low, high] = range(ty.element)?;
    #[allow(clippy::cast_possible_truncation, reason = "`as` saturates, and the result is clamped")]
    let stored = |real: f32| ((real / scale).round() as i32).saturating_add(zero).clamp(low, high);
    Ok(match act {
        "relu" => [stored(0.0), high],
        "relu6" => [stored(0.0), stored(6.0)],
        "relu1" => [stored(-1.0), stored(1.0)],
        _ => [low, high],
    })
}

/// A factor as specs have it.
pub(crate) fn scale(multiplier: Multiplier) -> Scale {
    Scale { multiplier: multiplier.mantissa, shift: multiplier.shift }
}

/// From accumulators to stored results: one scaler, or one per channel, all by one scheme.
pub(crate) fn requantize(scalers: &[Scaler], result: &Type, clamp: [i32; 2]) -> Result<Requantize, Refused> {
    let (_, zero_point) = per_tensor(result, "the result")?;
    let steps = [i64::from(clamp[0]) - i64::from(zero_point), i64::from(clamp[1]) - i64::from(zero_point)];
    let double = scalers.iter().all(|scaler| scaler.scheme == Scheme::Double);
    let rounding = if double { Rounding::Double } else { Rounding::Single };
    let scales: Result<Vec<Scale>, Refused> = scalers
        .iter()
        .map(|scaler| match scaler.scheme {
            Scheme::Double if double => Ok(scale(scaler.multiplier)),
            Scheme::Single => Ok(scale(scaler.multiplier)),
            _ => proven(scaler, steps),
        })
        .collect();
    Ok(Requantize { scales: scales?, rounding, zero_point, clamp })
}

/// A fixed-point factor, rounded once, that gives the same result as another scheme for every accumulator.
///
/// Both are non-decreasing step functions of the accumulator, so they are equal where their steps are at the same places;
/// `steps` are the first and last result that the clamp lets through. The nearest factors are tried until one is equal.
fn proven(wanted: &Scaler, steps: [i64; 2]) -> Result<Scale, Refused> {
    const REACH: i32 = 16;
    let nearest = Scaler { scheme: Scheme::Single, ..*wanted };
    let places = |scaler: &Scaler| -> Vec<i64> {
        (steps[0] + 1..=steps[1]).map(|result| first_reaching(scaler, result)).collect()
    };
    let goal = places(wanted);
    for distance in 0..=2 * REACH {
        let offset = if distance % 2 == 0 { distance / 2 } else { -(distance / 2) - 1 };
        let mut candidate = nearest;
        let Some(mantissa) = nearest.multiplier.mantissa.checked_add(offset).filter(|m| *m >= 0) else {
            continue;
        };
        candidate.multiplier.mantissa = mantissa;
        if places(&candidate) == goal {
            return Ok(scale(candidate.multiplier));
        }
    }
    refused(format!(
        "a factor of {:e} rounded by {:?} has no equal in fixed point",
        wanted.real, wanted.scheme
    ))
}

/// The smallest accumulator whose result is at least `result`; one past the largest where none is.
fn first_reaching(scaler: &Scaler, result: i64) -> i64 {
    let (mut low, mut high) = (i64::from(i32::MIN), i64::from(i32::MAX) + 1);
    while low < high {
        let middle = (low + high).div_euclid(2);
        let x = i32::try_from(middle).expect("between the ends of i32");
        if i64::from(scaler.apply(x)) >= result { high = middle } else { low = middle + 1 }
    }
    low
}

#[cfg(test)]
mod tests {
    use super::*;
    use ir::Quant;

    fn i8(scale: f32, zero: i32) -> Type {
        Type::new(ir::Element::I8, [1]).with_quant(Quant::per_tensor(scale, zero))
    }

    #[test]
    fn activations_clamp_stored_values() {
        // 6 / 0.05 = 120; 120 - 100 = 20.
        assert_eq!(clamp_stored("relu6", &i8(0.05, -100)).expect("whole"), [-100, 20]);
        assert_eq!(clamp_stored("relu", &i8(0.05, -128)).expect("whole"), [-128, 127]);
        assert_eq!(clamp_stored("relu1", &i8(0.01, 0)).expect("whole"), [-100, 100]);
    }

    #[test]
    fn a_floating_point_scheme_is_replaced_by_an_equal_one_in_fixed_point() {
        for real in [0.001_234_567, 0.37, 0.000_002, 0.004_5] {
            for scheme in [Scheme::Real, Scheme::Float] {
                let wanted = Scaler::new(real, scheme);
                let found = requantize(&[wanted], &i8(1.0, 3), [-128, 127]).expect("no exact halves");
                let scale = found.scales[0];
                let mut scaler = Scaler::new(real, Scheme::Single);
                scaler.multiplier.mantissa = scale.multiplier;
                let cut = |y: i32| y.saturating_add(3).clamp(-128, 127);
                for x in (-2_000_000i32..2_000_000).step_by(37) {
                    assert_eq!(cut(wanted.apply(x)), cut(scaler.apply(x)), "{real} {x} {scheme:?}");
                }
            }
        }
    }

    #[test]
    fn halves_that_no_fixed_point_factor_can_round_alike_are_refused() {
        // 0.5 rounds away from zero on both sides; in fixed point it rounds up on both.
        let refused =
            requantize(&[Scaler::new(0.5, Scheme::Real)], &i8(1.0, 0), [-128, 127]).expect_err("halves");
        assert!(refused.0.contains("no equal in fixed point"), "{}", refused.0);
    }
}
