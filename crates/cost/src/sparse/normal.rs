//! The largest of independent normal draws.

/// Probability that a standard normal draw is at most `x`; Abramowitz and Stegun, 7.1.26, error below 1.5e-7.
fn below(x: f64) -> f64 {
    let z = x.abs() / std::f64::consts::SQRT_2;
    let t = 1.0 / (1.0 + 0.327_591_1 * z);
    let series = [0.254_829_592, -0.284_496_736, 1.421_413_741, -1.453_152_027, 1.061_405_429];
    let sum = series.iter().rev().fold(0.0, |sum, a| (sum + a) * t);
    let half = 0.5 * sum * (-z * z).exp();
    if x < 0.0 { half } else { 1.0 - half }
}

/// Expected largest of `draws` independent standard normal draws, by integrating its distribution over -10 to 10.
pub(super) fn expected_largest(draws: f64) -> f64 {
    const STEPS: u32 = 2000;
    let width = 20.0 / f64::from(STEPS);
    let middle = |i: u32| -10.0 + width * (f64::from(i) + 0.5);
    // The mean of a variable is 10 less the area under its distribution up to 10.
    10.0 - (0..STEPS).map(|i| below(middle(i)).powf(draws) * width).sum::<f64>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn largest_of_few_draws_is_the_known_one() {
        // Harter, "Expected values of normal order statistics", 1961, table 1.
        for (draws, known) in
            [(1.0, 0.0), (2.0, 0.564_19), (3.0, 0.846_28), (10.0, 1.538_75), (100.0, 2.507_59)]
        {
            assert!((expected_largest(draws) - known).abs() < 1e-4, "{draws}: {}", expected_largest(draws));
        }
    }
}
