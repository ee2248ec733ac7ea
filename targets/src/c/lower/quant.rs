//! From quantized types to the plain numbers of kernel specs.

use super::{Refused, refused};
use crate::c::kernels::spec::{Element, Requantize, Rounding, Scale};
use interp::fixed::{Multiplier, Scaler, Scheme, saturate};
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

/// From accumulators to stored results: one scaler, or one per channel, and as many bounds on the accumulators' magnitude.
///
/// Kernels round twice (gemmlowp) or once. A scheme that is neither is replaced by rounding once with the same factor or one
/// of its neighbours where that gives the same result for every accumulator within the bound.
pub(crate) fn requantize(
    scalers: &[Scaler],
    reach: &[i64],
    result: &Type,
    clamp: [i32; 2],
) -> Result<Requantize, Refused> {
    let (_, zero_point) = per_tensor(result, "the result")?;
    let steps = clamp.map(|end| end.saturating_sub(zero_point));
    let double = scalers.iter().all(|scaler| scaler.scheme == Scheme::Double);
    let rounding = if double { Rounding::Double } else { Rounding::Single };
    let fixed = |(channel, scaler): (usize, &Scaler)| match scaler.scheme {
        Scheme::Double if double => Ok(scale(scaler.multiplier)),
        Scheme::Single => Ok(scale(scaler.multiplier)),
        scheme => {
            let bound = saturate(reach[if reach.len() == 1 { 0 } else { channel }]);
            let single = scaler.as_single([-bound, bound], steps);
            let none = || {
                Refused(format!(
                    "a factor of {:e} rounded by {scheme:?} has no equal in fixed point",
                    scaler.real
                ))
            };
            single.map(|single| scale(single.multiplier)).ok_or_else(none)
        }
    };
    let scales: Result<Vec<Scale>, Refused> = scalers.iter().enumerate().map(fixed).collect();
    Ok(Requantize { scales: scales?, rounding, zero_point, clamp })
}

/// As [`requantize`] for the 64-bit accumulators of 16-bit activations: every fixed-point scheme reduces the factor alike.
pub(crate) fn requantize_wide(
    scalers: &[Scaler],
    result: &Type,
    clamp: [i32; 2],
) -> Result<Requantize, Refused> {
    let (_, zero_point) = per_tensor(result, "the result")?;
    if scalers.iter().any(|scaler| matches!(scaler.scheme, Scheme::Float | Scheme::Real)) {
        return refused("64-bit accumulators scaled in floating point have no C kernel");
    }
    let scales = scalers.iter().map(|scaler| scale(scaler.multiplier)).collect();
    Ok(Requantize { scales, rounding: Rounding::Single, zero_point, clamp })
}

/// The largest distance of a stored value from the zero point.
pub(crate) fn distance(ty: &Type, zero: i32) -> i64 {
    let (low, high) = ty.element.range().unwrap_or((i64::from(i32::MIN), i64::from(i32::MAX)));
    (high - i64::from(zero)).max(i64::from(zero) - low)
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
        // In single precision small factors often round a product onto a half: then none is equal.
        let single = [0.001_234_567_f32, 0.004_567_8].map(|real| (f64::from(real), Scheme::Float));
        let double =
            [0.001_234_567, 0.371_828_18, 0.000_031_415_9, 0.004_567_8].map(|real| (real, Scheme::Real));
        for (real, scheme) in single.into_iter().chain(double) {
            let wanted = Scaler::new(real, scheme);
            let found = requantize(&[wanted], &[1 << 21], &i8(1.0, 3), [-128, 127]).expect("no exact halves");
            let mut scaler = Scaler::new(real, Scheme::Single);
            scaler.multiplier.mantissa = found.scales[0].multiplier;
            let cut = |y: i32| y.saturating_add(3).clamp(-128, 127);
            for x in (-2_000_000i32..2_000_000).step_by(37) {
                assert_eq!(cut(wanted.apply(x)), cut(scaler.apply(x)), "{real} {x} {scheme:?}");
            }
        }
    }

    #[test]
    fn halves_that_no_fixed_point_factor_can_round_alike_are_refused() {
        // 0.5, 1.5 and 2.5 go to 0, 2 and 2; in fixed point all of them go up or all of them go down.
        let half = Scaler::new(0.5, Scheme::Float);
        let refused = requantize(&[half], &[1 << 20], &i8(1.0, 0), [-128, 127]).expect_err("halves");
        assert!(refused.0.contains("no equal in fixed point"), "{}", refused.0);
        // Away from zero is a factor a little larger.
        let away = Scaler::new(0.5, Scheme::Real);
        assert!(requantize(&[away], &[1 << 20], &i8(1.0, 0), [-128, 127]).is_ok());
    }
}
