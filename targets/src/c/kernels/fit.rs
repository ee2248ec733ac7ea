//! Cheap requantization that is exact: one high multiply and one shift, proved against the named rounding.
//!
//! What must be computed for a channel is a step function of the accumulator, `f(x) = clamp(zero_point + round(x * scale))`, rounded
//! once or twice. What a core can compute in a few instructions is
//!
//! `g(x) = clamp((offset + (x < 0 ? negative : 0) + floor(((x - base) << pre_shift) * multiplier / 2^32)) >> shift)`
//!
//! where `negative` is 0 unless rounding twice sends halves away from zero on both sides of it and no activation function hides that,
//! with one `pre_shift` and one `shift` for the whole layer. Both are monotone, and an 8-bit output has at most 255 steps, so `f = g` on the whole
//! range of the accumulator (known from the weights) is proved by looking at both sides of every step. The multiplier and the
//! offset follow from the scale; where a step misses by one, their neighbours are tried. A channel that can only give one
//! value (a dead channel) takes multiplier 0. A layer with a channel that fits nowhere keeps the literal arithmetic.

use super::arith::scaled;
use super::spec::{IntegerLinear, Requantize, Rounding, Scale};

/// Multiplier and offset of one channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fitted {
    /// Factor of the high multiply; not negative.
    pub multiplier: i32,
    /// Added to the high word.
    pub offset: i32,
    /// Subtracted from the accumulator beforehand; a kernel starts from the bias less this.
    pub base: i32,
    /// Added besides where the accumulator is negative.
    pub negative: i32,
}

/// A layer whose channels all fit one shift.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FittedLayer {
    /// Left shift of the accumulator before the high multiply.
    pub pre_shift: u32,
    /// Right shift after the high multiply.
    pub shift: u32,
    /// One per channel.
    pub channels: Vec<Fitted>,
}

/// Smallest and largest accumulator of a channel, bias included, for inputs in `x`.
#[must_use]
pub fn accumulator_range(weights: &[i16], bias: i64, x_zero_point: i32, x: [i32; 2]) -> [i64; 2] {
    let [low, high] = x.map(|v| i64::from(v - x_zero_point));
    weights.iter().fold([bias, bias], |[least, most], &w| {
        let (a, b) = (i64::from(w) * low, i64::from(w) * high);
        [least + a.min(b), most + a.max(b)]
    })
}

impl FittedLayer {
    /// Whether some channel treats negative accumulators apart.
    #[must_use]
    pub fn is_signed(&self) -> bool {
        self.channels.iter().any(|c| c.negative != 0)
    }
}

/// Ranges of all channels of a linear op with int8 input, `taps` weights per output channel.
#[must_use]
pub fn accumulator_ranges(l: &IntegerLinear, taps: usize) -> Vec<[i64; 2]> {
    let x = l.x.range().unwrap_or([0, 0]);
    l.weights
        .chunks(taps.max(1))
        .zip(&l.bias)
        .map(|(weights, &bias)| accumulator_range(weights, bias, l.x_zero_point, x))
        .collect()
}

/// Fits a whole layer with the smallest of these shifts before the multiply; `None` where some live accumulator is too wide for all of
/// them, or some step cannot be met.
///
/// A larger shift makes the offset finer, so more channels fit; a core takes the smallest that costs it nothing first.
#[must_use]
pub fn fit_layer(r: &Requantize, ranges: &[[i64; 2]], pre_shifts: &[u32]) -> Option<FittedLayer> {
    let scale = |channel: usize| r.scales[if r.scales.len() == 1 { 0 } else { channel }];
    let exact: Vec<Exact> =
        ranges.iter().enumerate().map(|(i, &range)| Exact::new(r, scale(i), range)).collect::<Option<_>>()?;
    pre_shifts.iter().find_map(|&pre_shift| {
        let live = || exact.iter().filter(|e| e.constant().is_none());
        // multiplier < 2^31 asks for shift <= pre_shift - 1 - scale.shift; even shifts let layers share code.
        let most = live().map(|e| pre_shift as i32 - 1 - e.scale.shift).min().unwrap_or(14);
        let shift = u32::try_from(most.min(20) & !1).ok().filter(|&s| s >= 2)?;
        let channels = exact.iter().map(|e| e.fit(pre_shift, shift)).collect::<Option<_>>()?;
        Some(FittedLayer { pre_shift, shift, channels })
    })
}

/// The exact function of one channel on its range.
struct Exact {
    scale: Scale,
    rounding: Rounding,
    zero_point: i32,
    clamp: [i32; 2],
    range: [i64; 2],
    /// `(x, y)`: x is the smallest accumulator in the range with output at least y; the first one is the range's start.
    steps: Vec<(i64, i32)>,
}

impl Exact {
    fn new(r: &Requantize, scale: Scale, range: [i64; 2]) -> Option<Exact> {
        if range.iter().any(|&x| i32::try_from(x).is_err()) {
            return None;
        }
        let (rounding, zero_point, clamp) = (r.rounding, r.zero_point, r.clamp);
        let mut exact = Exact { scale, rounding, zero_point, clamp, range, steps: Vec::new() };
        let first = exact.at(range[0]);
        let last = exact.at(range[1]);
        exact.steps.push((range[0], first));
        // Left shifts may overflow 32 bits and wrap: no step function then.
        if last < first || (scale.shift > 0 && !exact.fits_shifted()) {
            return None;
        }
        for y in first + 1..=last {
            let x = exact.step_to(y);
            exact.steps.push((x, y));
        }
        Some(exact)
    }

    fn fits_shifted(&self) -> bool {
        self.range.iter().all(|x| i32::try_from(x << self.scale.shift).is_ok())
    }

    fn at(&self, x: i64) -> i32 {
        let y = i64::from(scaled(x as i32, self.scale, self.rounding)) + i64::from(self.zero_point);
        y.clamp(i64::from(self.clamp[0]), i64::from(self.clamp[1])) as i32
    }

    /// The smallest accumulator whose output reaches `y`: guessed from the real scale, then corrected.
    fn step_to(&self, y: i32) -> i64 {
        let factor = f64::from(self.scale.multiplier) * f64::from(self.scale.shift - 31).exp2();
        let guess = (f64::from(y - self.zero_point) - 0.5) / factor;
        let [mut low, mut high] = self.range; // at(low) < y <= at(high)
        let near = (guess as i64).clamp(low, high);
        for (a, b) in [(near - 2, near + 2), (near - 64, near + 64)] {
            if a > low && self.at(a) < y {
                low = a;
            }
            if b < high && self.at(b) >= y {
                high = b;
            }
            if high - low <= b - a {
                break;
            }
        }
        while high - low > 1 {
            let middle = low + (high - low) / 2;
            if self.at(middle) >= y { high = middle } else { low = middle }
        }
        high
    }

    /// The one value the channel gives, if it gives only one.
    fn constant(&self) -> Option<i32> {
        (self.steps.len() == 1).then(|| self.steps[0].1)
    }

    fn fit(&self, pre_shift: u32, shift: u32) -> Option<Fitted> {
        let unit = 1i64 << shift;
        if let Some(y) = self.constant() {
            let offset = i32::try_from(i64::from(y) * unit + unit / 2).ok()?;
            return Some(Fitted { multiplier: 0, offset, base: 0, negative: 0 });
        }
        // multiplier = scale * 2^(32 + shift - pre_shift), scale = m * 2^(s - 31).
        let exponent = f64::from(self.scale.shift - 31 + 32 + shift as i32 - pre_shift as i32);
        let multiplier = f64::from(self.scale.multiplier) * exponent.exp2();
        // Half a step; rounding twice adds half a unit of the first rounding.
        let twice =
            if self.rounding == Rounding::Double { f64::from(self.scale.shift - 1).exp2() } else { 0.0 };
        let offset = (f64::from(self.zero_point) + 0.5 + twice) * unit as f64;
        let negative = self.negative(unit);
        let bound = 1i64 << (31 - pre_shift);
        let narrow = |base: i64| self.range[0] - base >= -bound && self.range[1] - base < bound;
        if negative != 0 && !narrow(0) {
            return None; // the sign of a shifted accumulator says nothing
        }
        // A base makes wide accumulators narrow, and its fraction of an offset makes offsets finer than they are.
        let centre = (self.range[0] + self.range[1]) / 2;
        let first = if narrow(0) { 0 } else { centre };
        let bases = if negative == 0 { 16 } else { 0 };
        let per_base = multiplier * f64::from(pre_shift as i32 - 32).exp2();
        for reach in [0i64, 1, 4, 16, 64] {
            for base in (0..=2 * bases).map(|i| first + if i % 2 == 0 { i / 2 } else { -(i + 1) / 2 }) {
                let offset = (offset + base as f64 * per_base).round() as i64;
                if !narrow(base) {
                    continue;
                }
                for m in (-reach..=reach).step_by((reach as usize / 4).max(1)) {
                    let [Ok(multiplier), Ok(offset), Ok(base)] =
                        [multiplier.round() as i64 + m, offset, base].map(i32::try_from)
                    else {
                        continue;
                    };
                    let candidate = Fitted { multiplier, offset, base, negative };
                    if multiplier >= 0 && self.agrees(candidate, pre_shift, shift) {
                        return Some(candidate);
                    }
                }
            }
        }
        None
    }

    /// Halves of the second rounding go away from zero: one unit of the first rounding later below zero, unless a clamp hides it.
    fn negative(&self, unit: i64) -> i32 {
        let one_sided = self.range[0] >= 0 || self.clamp[0] >= self.zero_point;
        if self.rounding == Rounding::Single || one_sided || self.scale.shift >= 0 {
            return 0;
        }
        -(unit >> -self.scale.shift.max(-31)) as i32
    }

    /// Whether the candidate gives the exact output on the whole range: looked at on both sides of every step.
    fn agrees(&self, candidate: Fitted, pre_shift: u32, shift: u32) -> bool {
        let high = |x: i64| {
            let offset = i64::from(candidate.offset) + if x < 0 { i64::from(candidate.negative) } else { 0 };
            ((((x - i64::from(candidate.base)) << pre_shift) * i64::from(candidate.multiplier)) >> 32)
                + offset
        };
        let cheap =
            |x: i64| (high(x) >> shift).clamp(i64::from(self.clamp[0]), i64::from(self.clamp[1])) as i32;
        let fits = self.range.iter().all(|&x| i32::try_from(high(x)).is_ok());
        let (first, last) = (self.steps[0], self.steps[self.steps.len() - 1]);
        fits && cheap(first.0) == first.1
            && cheap(self.range[1]) == last.1
            && self.steps[1..].iter().all(|&(x, y)| cheap(x) >= y && cheap(x - 1) < y)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn requantize(multiplier: i32, shift: i32, rounding: Rounding) -> Requantize {
        Requantize { scales: vec![Scale { multiplier, shift }], rounding, zero_point: -7, clamp: [-128, 127] }
    }

    #[test]
    fn a_fitted_channel_gives_the_exact_output_on_every_accumulator() {
        let mut fitted = 0;
        for i in 0..200u32 {
            let multiplier = (1 << 30) + (i.wrapping_mul(2_654_435_761) >> 2) as i32 % (1 << 30);
            for rounding in [Rounding::Single, Rounding::Double] {
                let r = requantize(multiplier, -((i % 7) as i32) - 3, rounding);
                let range = [-40_000 + i64::from(i), 35_000];
                let Some(layer) = fit_layer(&r, &[range], &[8]) else { continue };
                fitted += 1;
                let c = layer.channels[0];
                for x in range[0]..=range[1] {
                    let high = ((((x - i64::from(c.base)) << layer.pre_shift) * i64::from(c.multiplier))
                        >> 32) as i32
                        + c.offset;
                    let high = high + if x < 0 { c.negative } else { 0 };
                    let cheap = (high >> layer.shift).clamp(-128, 127);
                    assert_eq!(cheap, super::super::arith::requantized(x as i32, 0, &r), "x = {x}, {r:?}");
                }
            }
        }
        assert!(fitted >= 390, "{fitted} of 400 fitted");
    }

    #[test]
    fn channels_of_very_different_scales_share_a_shift() {
        let scales =
            (0..12).map(|i| Scale { multiplier: 1_234_567_890 + i * 7_654_321, shift: -4 - i / 2 }).collect();
        let r = Requantize { scales, rounding: Rounding::Double, zero_point: -128, clamp: [-128, 127] };
        let ranges = vec![[-30_000, 30_000]; 12];
        assert_eq!(fit_layer(&r, &ranges, &[8]).map(|l| l.shift), Some(10));
    }

    #[test]
    fn a_dead_channel_takes_multiplier_zero_however_wide_it_is() {
        let r = requantize(1 << 30, -31, Rounding::Double);
        let layer =
            fit_layer(&r, &[[-1_500_000_000, -1_400_000_000]], &[8]).expect("constant channels always fit");
        assert_eq!(layer.channels[0].multiplier, 0);
        assert_eq!(layer.channels[0].offset >> layer.shift, requantized_at(&r, -1_400_000_000));
    }

    #[test]
    fn a_live_accumulator_wider_than_24_bits_is_refused() {
        let r = requantize(1 << 30, -18, Rounding::Double);
        assert_eq!(fit_layer(&r, &[[-9_000_000, 9_000_000]], &[8]), None);
    }

    fn requantized_at(r: &Requantize, x: i32) -> i32 {
        super::super::arith::requantized(x, 0, r)
    }
}
