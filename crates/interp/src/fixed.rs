//! Fixed-point scaling: how an integer accumulator becomes an integer result.
//!
//! A real factor is a 31-bit mantissa and a power of two ([`Multiplier`]). Applying it rounds, and runtimes differ in
//! how ([`Scheme`]); which scheme an op uses under which named profile is the table in [`crate::rounding`].
//!
//! Source: TFLite `kernels/internal/quantization_util.cc` (`QuantizeMultiplier`), `kernels/internal/common.cc`
//! (`MultiplyByQuantizedMultiplier`, both variants, and its 64-bit form), gemmlowp `fixedpoint/fixedpoint.h`
//! (`SaturatingRoundingDoublingHighMul`, `RoundingDivideByPOT`), XNNPACK `qs8` kernels with `fp32` requantization.

/// A positive real factor: `mantissa / 2^31 * 2^shift`, the mantissa in `2^30 ..= 2^31 - 1`, or 0 with shift 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Multiplier {
    /// Fixed point with 31 fraction bits.
    pub mantissa: i32,
    /// Power of two, -31 ..= 30; negative shifts right.
    pub shift: i32,
}

/// How a product with a [`Multiplier`] is rounded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// Twice, as gemmlowp: the high half of the doubled product (halves up), then a right shift (halves away from 0).
    Double,
    /// Twice, halves up both times: the high half of the doubled product, then a right shift.
    DoubleUp,
    /// Once, halves up, in 64 bits.
    Single,
    /// In `f32`: accumulator and factor are converted, multiplied, and rounded halves to even.
    Float,
    /// In `f64`: accumulator times the factor, not reduced to a [`Multiplier`], rounded halves away from zero.
    Real,
}

/// TFLite's `QuantizeMultiplier`: `real` as mantissa and power of two. Factors below `2^-32` become 0, as TFLite
/// flushes them; factors of `2^30` and more saturate, as its single-rounding variant has it.
///
/// `real` must be finite and not negative: a factor is made of scales, which the verifier has seen. Anything else
/// gives 0.
#[must_use]
pub fn quantize_multiplier(real: f64) -> Multiplier {
    const ZERO: Multiplier = Multiplier { mantissa: 0, shift: 0 };
    if !(real.is_finite() && real > 0.0) {
        return ZERO;
    }
    let (fraction, mut shift) = frexp(real);
    #[allow(clippy::cast_possible_truncation, reason = "the fraction is below 1: at most 2^31")]
    let mut mantissa = (fraction * f64::from(1u32 << 31)).round() as i64;
    if mantissa == 1 << 31 {
        mantissa /= 2;
        shift += 1;
    }
    if shift < -31 {
        return ZERO;
    }
    if shift > 30 {
        return Multiplier { mantissa: i32::MAX, shift: 30 };
    }
    let mantissa = i32::try_from(mantissa).expect("a fraction below 1 has a mantissa below 2^31");
    Multiplier { mantissa, shift }
}

/// `real = fraction * 2^exponent` with the fraction in `0.5 .. 1`, for a positive finite `real`.
fn frexp(real: f64) -> (f64, i32) {
    const FRACTION: u32 = 52;
    // A subnormal is brought into the normal range first.
    let (scaled, offset) = if real < f64::MIN_POSITIVE { (real * 2f64.powi(64), 64) } else { (real, 0) };
    let bits = scaled.to_bits();
    let exponent = i32::try_from(bits >> FRACTION).expect("11 bits") - 1022;
    let fraction = f64::from_bits((bits & ((1 << FRACTION) - 1)) | (1022 << FRACTION));
    (fraction, exponent - offset)
}

/// `floor((a * b + 2^30) / 2^31)`, saturated: gemmlowp's `SaturatingRoundingDoublingHighMul`.
#[must_use]
pub fn high_mul(a: i32, b: i32) -> i32 {
    let product = i64::from(a) * i64::from(b);
    // Only MIN * MIN exceeds: 2^62 / 2^31 = 2^31.
    i32::try_from((product + (1 << 30)) >> 31).unwrap_or(i32::MAX)
}

/// `x / 2^exponent` rounded to nearest, halves away from zero: gemmlowp's `RoundingDivideByPOT`. `exponent` is 0 to 31.
#[must_use]
pub fn rounding_shift(x: i32, exponent: i32) -> i32 {
    let mask = (1i64 << exponent) - 1;
    let threshold = (mask >> 1) + i64::from(x < 0);
    (x >> exponent.min(31)) + i32::from((i64::from(x) & mask) > threshold)
}

impl Multiplier {
    /// `x` times the factor, rounded twice. A left shift wraps, as it does in TFLite.
    #[must_use]
    pub fn apply_double(self, x: i32) -> i32 {
        let left = self.shift.max(0).unsigned_abs();
        rounding_shift(high_mul(x.wrapping_shl(left), self.mantissa), (-self.shift).max(0))
    }

    /// `x` times the factor, rounded twice, the second time halves up.
    #[must_use]
    pub fn apply_double_up(self, x: i32) -> i32 {
        let left = self.shift.max(0).unsigned_abs();
        let high = i64::from(high_mul(x.wrapping_shl(left), self.mantissa));
        let right = (-self.shift).max(0);
        saturate((high + ((1i64 << right) >> 1)) >> right)
    }

    /// `x` times the factor, rounded once; saturated where it exceeds 32 bits (TFLite leaves that undefined).
    #[must_use]
    pub fn apply_single(self, x: i32) -> i32 {
        let shift = 31 - self.shift;
        let rounded = (i64::from(x) * i64::from(self.mantissa) + (1i64 << (shift - 1))) >> shift;
        saturate(rounded)
    }

    /// A 64-bit `x` times the factor, as TFLite does for 16-bit activations: the mantissa is reduced to 15 bits, the
    /// product rounded once. Shifts above 7 and `|x|` of `2^47` and more, which TFLite excludes, saturate.
    #[must_use]
    pub fn apply_wide(self, x: i64) -> i32 {
        let reduced = if self.mantissa < 0x7fff_0000 { (self.mantissa + (1 << 15)) >> 16 } else { 0x7fff };
        let shift = 15 - self.shift;
        let product = i128::from(x) * i128::from(reduced);
        let rounded = if shift > 0 { (product + (1i128 << (shift - 1))) >> shift } else { product << -shift };
        i32::try_from(rounded).unwrap_or(if rounded < 0 { i32::MIN } else { i32::MAX })
    }

    /// The factor as a real number.
    #[must_use]
    pub fn real(self) -> f64 {
        f64::from(self.mantissa) * 2f64.powi(self.shift - 31)
    }
}

/// One factor with its scheme: what an accumulator goes through.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scaler {
    /// The factor in fixed point.
    pub multiplier: Multiplier,
    /// The factor itself.
    pub real: f64,
    /// How the product is rounded.
    pub scheme: Scheme,
}

impl Scaler {
    /// The scaler for a factor computed in double precision.
    #[must_use]
    pub fn new(real: f64, scheme: Scheme) -> Self {
        Self { multiplier: quantize_multiplier(real), real, scheme }
    }

    /// `x` times the factor, rounded by the scheme.
    #[must_use]
    pub fn apply(&self, x: i32) -> i32 {
        match self.scheme {
            Scheme::Double => self.multiplier.apply_double(x),
            Scheme::DoubleUp => self.multiplier.apply_double_up(x),
            Scheme::Single => self.multiplier.apply_single(x),
            #[allow(clippy::cast_precision_loss, reason = "the conversions round in the original, too")]
            #[allow(clippy::cast_possible_truncation, reason = "`as` saturates, as the original clamps")]
            Scheme::Float => (x as f32 * self.real as f32).round_ties_even() as i32,
            #[allow(clippy::cast_possible_truncation, reason = "`as` saturates")]
            Scheme::Real => (f64::from(x) * self.real).round() as i32,
        }
    }

    /// A 64-bit `x` times the factor, as the accumulators of 16-bit activations are scaled: see
    /// [`Multiplier::apply_wide`]; the real schemes compute as they do for 32 bits.
    #[must_use]
    pub fn apply_wide(&self, x: i64) -> i32 {
        match self.scheme {
            Scheme::Double | Scheme::DoubleUp | Scheme::Single => self.multiplier.apply_wide(x),
            #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "as `apply`")]
            Scheme::Float => (x as f32 * self.real as f32).round_ties_even() as i32,
            #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "as `apply`")]
            Scheme::Real => (x as f64 * self.real).round() as i32,
        }
    }
}

impl Scaler {
    /// Whether both give the same result, cut to `out`, for every accumulator in `acc` (both ranges inclusive).
    ///
    /// Scaling never falls as the accumulator grows, so it is enough to compare where each result begins: a few thousand
    /// evaluations for 8 bits.
    #[must_use]
    pub fn agrees(&self, other: &Self, acc: [i32; 2], out: [i32; 2]) -> bool {
        (out[0] + 1..=out[1]).all(|least| self.begin(least, acc) == other.begin(least, acc))
    }

    /// A scaler of [`Scheme::Single`] that agrees with this one within both ranges, for code that has 64-bit integers
    /// only: the factor's mantissa, or one of its neighbours, which decides ties. `None` where none of them agrees.
    #[must_use]
    pub fn as_single(&self, acc: [i32; 2], out: [i32; 2]) -> Option<Self> {
        [0, 1, -1, 2, -2].into_iter().find_map(|nudge| {
            let mantissa = self.multiplier.mantissa.checked_add(nudge).filter(|m| *m >= 0)?;
            let multiplier = Multiplier { mantissa, ..self.multiplier };
            let single = Self { multiplier, scheme: Scheme::Single, ..*self };
            self.agrees(&single, acc, out).then_some(single)
        })
    }

    /// The first accumulator of the range whose result is at least `least`; one past the range where there is none.
    fn begin(&self, least: i32, [low, high]: [i32; 2]) -> i64 {
        let (mut low, mut end) = (i64::from(low), i64::from(high) + 1);
        while low < end {
            let middle = low + (end - low) / 2;
            if self.apply(saturate(middle)) >= least {
                end = middle;
            } else {
                low = middle + 1;
            }
        }
        low
    }
}

/// `x` cut to 32 bits.
#[must_use]
pub fn saturate(x: i64) -> i32 {
    i32::try_from(x).unwrap_or(if x < 0 { i32::MIN } else { i32::MAX })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_factor_is_split_as_tflite_splits_it() {
        // 0.75 = 0.75 * 2^0: 0.75 * 2^31 = 1610612736.
        assert_eq!(quantize_multiplier(0.75), Multiplier { mantissa: 1_610_612_736, shift: 0 });
        // 1.0 = 0.5 * 2^1.
        assert_eq!(quantize_multiplier(1.0), Multiplier { mantissa: 1 << 30, shift: 1 });
        // 1/3 = 0.666.. * 2^-1: 2^31 * 2/3 = 1431655765.33.
        assert_eq!(quantize_multiplier(1.0 / 3.0), Multiplier { mantissa: 1_431_655_765, shift: -1 });
    }

    #[test]
    fn a_fraction_that_rounds_up_to_one_carries_into_the_power() {
        let almost_one = 1.0 - 2f64.powi(-40);
        assert_eq!(quantize_multiplier(almost_one), Multiplier { mantissa: 1 << 30, shift: 1 });
    }

    #[test]
    fn tiny_factors_are_flushed_huge_ones_saturate_and_faulty_ones_give_zero() {
        let zero = Multiplier { mantissa: 0, shift: 0 };
        // 2^-32 = 0.5 * 2^-31 is the least factor kept.
        assert_eq!(quantize_multiplier(2f64.powi(-32)), Multiplier { mantissa: 1 << 30, shift: -31 });
        assert_eq!(quantize_multiplier(2f64.powi(-33)), zero);
        assert_eq!(quantize_multiplier(f64::from_bits(1)), zero);
        assert_eq!(quantize_multiplier(2f64.powi(40)), Multiplier { mantissa: i32::MAX, shift: 30 });
        for faulty in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert_eq!(quantize_multiplier(faulty), zero, "{faulty}");
        }
    }

    #[test]
    fn the_high_multiply_rounds_halves_up_and_saturates_once() {
        // 1 * 2^30 / 2^31 = 0.5 -> 1; -0.5 -> 0; -1.5 -> -1.
        assert_eq!([1, -1, -3].map(|x| high_mul(x, 1 << 30)), [1, 0, -1]);
        assert_eq!(high_mul(i32::MIN, i32::MIN), i32::MAX);
        assert_eq!(high_mul(i32::MIN, i32::MAX), -i32::MAX);
    }

    #[test]
    fn the_rounding_shift_rounds_halves_away_from_zero() {
        // 6/4 = 1.5 -> 2, -6/4 -> -2, -5/4 = -1.25 -> -1.
        assert_eq!([6, -6, -5].map(|x| rounding_shift(x, 2)), [2, -2, -1]);
        assert_eq!([i32::MIN, i32::MAX, 7].map(|x| rounding_shift(x, 0)), [i32::MIN, i32::MAX, 7]);
        // MIN / 2^31 = -1; MAX / 2^31 = 0.9999 -> 1; 2^30 / 2^31 = 0.5 -> 1; -2^30 -> -1.
        assert_eq!([i32::MIN, i32::MAX, 1 << 30, -1 << 30].map(|x| rounding_shift(x, 31)), [-1, 1, 1, -1]);
    }

    #[test]
    fn the_schemes_differ_where_rounding_twice_carries_and_at_halves() {
        // Factor 2^-4 = 0.5 * 2^-3. x = 7: double: 3.5 -> 4, 4 / 8 = 0.5 -> 1. Once: 7 / 16 = 0.44 -> 0.
        let scaler = |scheme| Scaler::new(1.0 / 16.0, scheme);
        assert_eq!(scaler(Scheme::Double).apply(7), 1);
        assert_eq!(scaler(Scheme::Single).apply(7), 0);
        assert_eq!(scaler(Scheme::Float).apply(7), 0);
        // 8 / 16 = 0.5: up in fixed point, to even in float; -0.5: double rounds it to -4 / 8 -> -1, single up to 0.
        let all = [Scheme::Double, Scheme::DoubleUp, Scheme::Single, Scheme::Float, Scheme::Real];
        assert_eq!(all.map(|s| scaler(s).apply(8)), [1, 1, 1, 0, 1]);
        assert_eq!(all.map(|s| scaler(s).apply(-8)), [-1, 0, 0, 0, -1]);
    }

    #[test]
    fn a_real_factor_has_a_single_rounding_twin_even_where_there_are_ties() {
        let (acc, out) = ([-1 << 20, 1 << 20], [-128, 127]);
        for real in [1.0 / 64.0, 0.001_234_567_89, 0.5, 3.0 / 1024.0] {
            let exact = Scaler::new(real, Scheme::Real);
            let single = exact.as_single(acc, out).expect("a neighbour of the mantissa agrees");
            assert!(
                (-9000..9000).all(|x| exact.apply(x).clamp(-128, 127) == single.apply(x).clamp(-128, 127))
            );
        }
        // -32 / 64 = -0.5 is rounded away from zero by Real and up by Single with the same mantissa.
        let exact = Scaler::new(1.0 / 64.0, Scheme::Real);
        assert!(!exact.agrees(&Scaler::new(1.0 / 64.0, Scheme::Single), acc, out));
    }

    #[test]
    fn rounding_twice_has_no_single_rounding_twin() {
        let double = Scaler::new(1.0 / 64.0, Scheme::Double);
        assert_eq!(double.as_single([-1 << 20, 1 << 20], [-128, 127]), None);
    }

    #[test]
    fn every_scheme_is_within_one_step_of_the_real_product() {
        let mut state = 1u32;
        let mut random = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8).cast_signed() - (1 << 23)
        };
        for _ in 0..2000 {
            let real = f64::from(random().unsigned_abs() + 1) * 2f64.powi(-30);
            let x = random();
            for scheme in [Scheme::Double, Scheme::DoubleUp, Scheme::Single, Scheme::Float, Scheme::Real] {
                let found = Scaler::new(real, scheme).apply(x);
                assert!((f64::from(found) - f64::from(x) * real).abs() <= 1.0, "{x} * {real} by {scheme:?}");
            }
        }
    }

    #[test]
    fn wide_accumulators_use_a_fifteen_bit_mantissa() {
        // 2^40 * 2^-30: the mantissa 0.5 reduces to 0x4000, exactly.
        assert_eq!(quantize_multiplier(2f64.powi(-30)).apply_wide(1 << 40), 1 << 10);
        // 1/3 -> 0.6667 * 2^-1 -> 21845 / 2^15 / 2: 300000 * 21845 / 65536 = 99998.5 -> 99998 (99998.47).
        assert_eq!(quantize_multiplier(1.0 / 3.0).apply_wide(300_000), 99_998);
        assert_eq!(quantize_multiplier(1e9).apply_wide(1 << 60), i32::MAX);
    }
}
