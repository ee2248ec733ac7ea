//! How many bytes coded weights take.
//!
//! The engine reads weights through an entropy decoder. A code of single weights cannot be shorter than their entropy; Vela's stays
//! within a constant factor of it, which is fitted to the sizes it states for three networks (ResNet-8, a keyword spotter and a person
//! detector of MLPerf Tiny, 77,360, 22,016 and 208,128 weights coded in 74,592, 24,032 and 47,376 bytes).

/// Coded bytes over bytes of entropy: the least relative error over the three networks.
pub const CODE_FACTOR: f64 = 1.134;

/// Bytes of the entropy of weights one by one (Shannon 1948): their number times the mean information of one, over eight.
pub fn entropy_bytes(weights: &[u8]) -> f64 {
    let mut counts = [0u64; 256];
    for &w in weights {
        counts[usize::from(w)] += 1;
    }
    let all = weights.len() as f64;
    let bits: f64 = counts.iter().filter(|&&n| n > 0).map(|&n| n as f64 * (all / n as f64).log2()).sum();
    bits / 8.0
}

/// The factor with the least relative errors over networks `(bytes of entropy, coded bytes)`; `None` without any.
pub fn fit_code_factor(networks: &[(f64, f64)]) -> Option<f64> {
    // Minimises the sum of (factor * entropy / coded - 1)^2.
    let ratio = |&(entropy, coded): &(f64, f64)| entropy / coded;
    let (sum, squares) = networks.iter().map(ratio).fold((0.0, 0.0), |(s, q), r| (s + r, q + r * r));
    (squares > 0.0).then(|| sum / squares)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entropy_of_one_value_is_nothing_and_of_all_equally_often_is_a_byte() {
        assert_eq!(entropy_bytes(&[]), 0.0);
        assert_eq!(entropy_bytes(&[7; 100]), 0.0);
        let all: Vec<u8> = (0..=255).collect();
        assert!((entropy_bytes(&all) - 256.0).abs() < 1e-9);
        // Three quarters zero: 2 - 0.75 log2(3) = 0.8113 bits each.
        assert!((entropy_bytes(&[0, 0, 0, 1]) - 4.0 * 0.811_278 / 8.0).abs() < 1e-6);
    }

    #[test]
    fn a_factor_common_to_all_networks_is_found() {
        let found = fit_code_factor(&[(100.0, 110.0), (10.0, 11.0)]).expect("two networks");
        assert!((found - 1.1).abs() < 1e-12);
        assert_eq!(fit_code_factor(&[]), None);
    }
}
