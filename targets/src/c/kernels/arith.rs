//! The exact integer arithmetic that kernels must reproduce, in Rust.
//!
//! Source: gemmlowp `fixedpoint.h` and TFLite `common.h` (`MultiplyByQuantizedMultiplier`, both rounding variants).

use super::spec::{Requantize, Rounding, Scale};

/// `floor((a * b + 2^30) / 2^31)`: gemmlowp's saturating rounding doubling high multiply.
#[must_use]
pub fn high_mul(a: i32, b: i32) -> i32 {
    if a == i32::MIN && b == i32::MIN {
        return i32::MAX;
    }
    ((i64::from(a) * i64::from(b) + (1 << 30)) >> 31) as i32
}

/// `x / 2^exponent` rounded to nearest, halves away from zero.
#[must_use]
pub fn rounding_shift(x: i32, exponent: i32) -> i32 {
    if exponent == 0 {
        return x;
    }
    let mask = ((1i64 << exponent) - 1) as i32;
    let threshold = (mask >> 1) + i32::from(x < 0);
    (x >> exponent) + i32::from((x & mask) > threshold)
}

/// `x * scale`, rounded as named.
#[must_use]
pub fn scaled(x: i32, scale: Scale, rounding: Rounding) -> i32 {
    match rounding {
        Rounding::Double => {
            let left = scale.shift.max(0);
            rounding_shift(high_mul(x.wrapping_shl(left as u32), scale.multiplier), (-scale.shift).max(0))
        }
        Rounding::Single => {
            let total = 31 - scale.shift;
            let round = 1i64 << (total - 1);
            ((i64::from(x) * i64::from(scale.multiplier) + round) >> total) as i32
        }
    }
}

/// The output for an accumulator of channel `channel`.
#[must_use]
pub fn requantized(acc: i32, channel: usize, r: &Requantize) -> i32 {
    let scale = r.scales[if r.scales.len() == 1 { 0 } else { channel }];
    scaled(acc, scale, r.rounding).saturating_add(r.zero_point).clamp(r.clamp[0], r.clamp[1])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn high_multiply_rounds_halves_up() {
        // 1 * 2^30 / 2^31 = 0.5 -> 1; -0.5 -> 0.
        assert_eq!((high_mul(1, 1 << 30), high_mul(-1, 1 << 30)), (1, 0));
        assert_eq!(high_mul(i32::MIN, i32::MIN), i32::MAX);
    }

    #[test]
    fn rounding_shift_rounds_halves_away_from_zero() {
        assert_eq!((rounding_shift(6, 2), rounding_shift(-6, 2), rounding_shift(-5, 2)), (2, -2, -1));
    }

    #[test]
    fn the_two_roundings_differ_where_rounding_twice_carries() {
        // x * 0.5 / 2^3 with x = 7: high_mul 3.5 -> 4, then 4 / 8 = 0.5 -> 1; in one step 7 / 16 = 0.44 -> 0.
        let scale = Scale { multiplier: 1 << 30, shift: -3 };
        assert_eq!(scaled(7, scale, Rounding::Double), 1);
        assert_eq!(scaled(7, scale, Rounding::Single), 0);
    }
}
