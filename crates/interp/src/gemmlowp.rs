//! Functions in fixed point: exponential, logistic, hyperbolic tangent, reciprocal.
//!
//! A number in Qi is an `i32` with `i` integer and `31 - i` fraction bits. Source: gemmlowp `fixedpoint/fixedpoint.h`,
//! whose results these reproduce; TFLite's and CMSIS-NN's 8-bit softmax, logistic and tanh are written in them.

use crate::fixed::{high_mul, rounding_shift};

/// Almost 1 in Q0.
const ONE: i32 = i32::MAX;

/// `x * 2^bits`, saturated.
fn shift_left(x: i32, bits: u32) -> i32 {
    crate::fixed::saturate(i64::from(x) << bits)
}

/// `exp(a)` in Q0 for `a <= 0` in Q`integer_bits` (4 or 5).
pub(crate) fn exp_on_negative(a: i32, integer_bits: u32) -> i32 {
    /// exp(-2^k) in Q0 for k = -2 ..= 4.
    const POWERS: [i32; 7] =
        [1_672_461_947, 1_302_514_674, 790_015_084, 290_630_308, 39_332_535, 720_401, 242];
    if a == 0 {
        return ONE;
    }
    let quarter_bit = 31 - integer_bits - 2;
    let quarter = 1 << quarter_bit;
    let remainder = (a & (quarter - 1)) - quarter;
    let powers = POWERS.iter().take(integer_bits as usize + 2).enumerate();
    let whole = remainder.wrapping_sub(a);
    powers.fold(exp_near_zero(shift_left(remainder, integer_bits)), |result, (bit, power)| {
        let set = whole >> (quarter_bit as usize + bit) & 1 == 1;
        if set { high_mul(result, *power) } else { result }
    })
}

/// `exp(a)` in Q0 for `a` in Q0, `-1/4 <= a < 0`: a polynomial of degree 4 about -1/8.
fn exp_near_zero(a: i32) -> i32 {
    const EXP_MINUS_EIGHTH: i32 = 1_895_147_668;
    const THIRD: i32 = 715_827_883;
    let x = a + (1 << 28);
    let x2 = high_mul(x, x);
    let x3 = high_mul(x2, x);
    let x4 = high_mul(x2, x2);
    let higher = rounding_shift(high_mul(rounding_shift(x4, 2) + x3, THIRD) + x2, 1);
    EXP_MINUS_EIGHTH + high_mul(EXP_MINUS_EIGHTH, x + higher)
}

/// `1 / ((1 + a) / 2)` in Q2 for `a` in Q0, `0 <= a < 1`: three Newton-Raphson steps.
fn two_over_one_plus(a: i32) -> i32 {
    const C48_OVER_17: i32 = 1_515_870_810;
    const C32_OVER_17: i32 = 1_010_580_540;
    let half_denominator = ((i64::from(a) + i64::from(ONE) + 1) / 2) as i32;
    let start = C48_OVER_17 + high_mul(half_denominator, -C32_OVER_17);
    (0..3).fold(start, |x, _| {
        let error = (1 << 29) - high_mul(half_denominator, x);
        x + shift_left(high_mul(x, error), 2)
    })
}

/// `1 / (1 + a)` in Q0 for `a` in Q0, `0 <= a < 1`.
pub(crate) fn one_over_one_plus(a: i32) -> i32 {
    shift_left(two_over_one_plus(a), 1)
}

/// `1 / (1 + exp(-a))` in Q0 for `a` in Q4.
pub(crate) fn logistic(a: i32) -> i32 {
    let positive = one_over_one_plus(exp_on_negative(a.saturating_abs().wrapping_neg(), 4));
    match a.signum() {
        1 => positive,
        0 => 1 << 30,
        _ => ONE - positive,
    }
}

/// `tanh(a)` in Q0 for `a` in Q4.
pub(crate) fn tanh(a: i32) -> i32 {
    if a == 0 {
        return 0;
    }
    // exp(-2|a|): doubling turns Q4 into Q5 of the same bits.
    let power = exp_on_negative(a.saturating_abs().wrapping_neg(), 5);
    let magnitude = shift_left(two_over_one_plus(power) - (1 << 29), 2);
    magnitude * a.signum()
}

/// `1 / x` for a positive `x` with `integer_bits` integer bits: a factor in Q0, at least 1/2, and how many bits `x` lies
/// above 1. Source: TFLite `GetReciprocal`.
pub(crate) fn reciprocal(x: i32, integer_bits: i32) -> (i32, i32) {
    let headroom = x.leading_zeros();
    let fraction = (x.cast_unsigned() << headroom).wrapping_sub(1 << 31).cast_signed();
    (one_over_one_plus(fraction), integer_bits - headroom.cast_signed())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(found: i32, fraction_bits: i32, real: f64) {
        let value = f64::from(found) * 2f64.powi(-fraction_bits);
        assert!((value - real).abs() < 1e-6, "{value} for {real}");
    }

    #[test]
    fn functions_agree_with_reals() {
        for i in 0..500 {
            let x = f64::from(i) * 0.031;
            #[allow(clippy::cast_possible_truncation, reason = "x is below 16")]
            let q = |bits: i32| (x * 2f64.powi(31 - bits)) as i32;
            near(exp_on_negative(-q(5), 5), 31, (-x).exp());
            near(exp_on_negative(-q(4), 4), 31, (-x).exp());
            near(logistic(q(4)), 31, 1.0 / (1.0 + (-x).exp()));
            near(logistic(-q(4)), 31, 1.0 / (1.0 + x.exp()));
            near(tanh(q(4)), 31, x.tanh());
            near(tanh(-q(4)), 31, -x.tanh());
        }
    }

    #[test]
    fn a_reciprocal_is_a_fraction_and_a_power() {
        // 3.0 with 12 integer bits: 3 = 1.5 * 2, so 1 / 1.5 and one bit above 1.
        let (factor, above) = reciprocal(3 << 19, 12);
        near(factor, 31, 1.0 / 1.5);
        assert_eq!(above, 1);
    }

    #[test]
    fn extremes_do_not_overflow() {
        assert_eq!(exp_on_negative(0, 5), i32::MAX);
        assert_eq!(exp_on_negative(i32::MIN + 1, 5), 0);
        assert!(logistic(i32::MIN) < 1 << 9 && logistic(i32::MAX) > i32::MAX - (1 << 9));
        assert!(tanh(i32::MAX) > (1 << 30) && tanh(i32::MIN) < -(1 << 30));
    }
}
