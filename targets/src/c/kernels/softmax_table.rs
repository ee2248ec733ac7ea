//! The exponentials a quantized softmax looks up, computed exactly as TFLite computes them at run time.
//!
//! Source: gemmlowp `fixedpoint.h` (`exp_on_negative_values`), TFLite `softmax.h`.

use super::arith::{high_mul, rounding_shift};

/// `exp(-d * scale)` with 31 fractional bits for d = 0, 1, .., as long as `-d >= diff_min` (at most 256 entries).
#[must_use]
pub(super) fn exp_fixed_point(multiplier: i32, left_shift: i32, diff_min: i32) -> Vec<i32> {
    let entries = (-i64::from(diff_min)).clamp(0, 255) as i32 + 1;
    (0..entries)
        .map(|d| exp_on_negative_values(high_mul((-d).wrapping_shl(left_shift as u32), multiplier)))
        .collect()
}

/// `exp(-d * beta_scale)` in single precision, d = 0 ..= 255.
#[must_use]
pub(super) fn exp_float(beta_scale: f32) -> Vec<f32> {
    (0..256).map(|d| f64::from(-beta_scale * d as f32).exp() as f32).collect()
}

/// `exp(a)` for `a <= 0` with 26 fractional bits; the result has 31.
fn exp_on_negative_values(a: i32) -> i32 {
    if a == 0 {
        return i32::MAX;
    }
    const QUARTER: i32 = 1 << 24;
    /// `exp(-2^k)` for k = -2 ..= 4.
    const FACTORS: [i32; 7] =
        [1_672_461_947, 1_302_514_674, 790_015_084, 290_630_308, 39_332_535, 720_401, 242];
    let fraction = (a & (QUARTER - 1)) - QUARTER;
    let remainder = fraction.wrapping_sub(a);
    let mut result = exp_on_last_quarter(fraction << 5);
    for (k, factor) in FACTORS.into_iter().enumerate() {
        if remainder & (1 << (24 + k)) != 0 {
            result = high_mul(result, factor);
        }
    }
    result
}

/// `exp(a)` for a in [-1/4, 0), 31 fractional bits: a Taylor polynomial around -1/8.
fn exp_on_last_quarter(a: i32) -> i32 {
    const EXP_MINUS_EIGHTH: i32 = 1_895_147_668;
    const THIRD: i32 = 715_827_883;
    let x = a + (1 << 28);
    let x2 = high_mul(x, x);
    let x3 = high_mul(x2, x);
    let x4 = high_mul(x2, x2);
    let tail = rounding_shift(high_mul(rounding_shift(x4, 2) + x3, THIRD) + x2, 1);
    EXP_MINUS_EIGHTH + high_mul(EXP_MINUS_EIGHTH, x + tail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fixed_point_exponentials_are_close_to_the_real_ones() {
        // One step is 1/16: multiplier 2^30 with shift 23 turns d into d * 2^22 = d / 16 * 2^26.
        for (d, &value) in exp_fixed_point(1 << 30, 23, -200).iter().enumerate() {
            let real = (-(d as f64) / 16.0).exp();
            assert!((f64::from(value) / 2f64.powi(31) - real).abs() < 1e-6, "{d}: {value} for {real}");
        }
    }
}
