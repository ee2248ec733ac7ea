//! How many bytes coded weights take.
//!
//! The engine reads weights through an entropy decoder, and zeros where a step takes more channels or places than there are. A code of
//! single weights cannot be shorter than their entropy; Vela's stays near a constant factor of it, which is fitted to the sizes it states for three networks (ResNet-8, a keyword spotter and a person
//! detector of MLPerf Tiny, 77,360, 22,016 and 208,128 weights coded in 74,592, 24,032 and 47,376 bytes).

/// Coded bytes over bytes of entropy: the least relative error over the three networks.
pub const CODE_FACTOR: f64 = 1.082;

/// What is known of a layer's weights.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Weights {
    /// How many there are.
    pub count: u64,
    /// How many of them are zero.
    pub zeros: u64,
    /// Sum of `n * log2(n)` over the other values, each taken `n` times.
    spread: f64,
}

impl Weights {
    /// Counts 8-bit weights.
    pub fn of(bytes: &[u8]) -> Self {
        let mut counts = [0u64; 256];
        for &w in bytes {
            counts[usize::from(w)] += 1;
        }
        let spread = counts[1..].iter().map(|&n| information(n as f64)).sum();
        Self { count: bytes.len() as u64, zeros: counts[0], spread }
    }

    /// Weights that are not there (an untrained network): every value as often.
    pub fn untrained(count: u64) -> Self {
        let each = count as f64 / 256.0;
        Self { count, zeros: count / 256, spread: 255.0 * information(each) }
    }

    /// Bytes of their entropy one by one (Shannon 1948), with zeros filled in where the engine takes more than there are.
    pub fn entropy_bytes(&self, filled: u64) -> f64 {
        let all = (self.count + filled) as f64;
        let zeros = (self.zeros + filled) as f64;
        (information(all) - information(zeros) - self.spread).max(0.0) / 8.0
    }
}

/// `n * log2(n)`.
fn information(n: f64) -> f64 {
    if n > 0.0 { n * n.log2() } else { 0.0 }
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
        let entropy = |weights: &[u8], filled| Weights::of(weights).entropy_bytes(filled);
        assert_eq!(entropy(&[], 0), 0.0);
        assert_eq!(entropy(&[7; 100], 0), 0.0);
        let all: Vec<u8> = (0..=255).collect();
        assert!((entropy(&all, 0) - 256.0).abs() < 1e-9);
        // Three quarters zero: 2 - 0.75 log2(3) = 0.8113 bits each.
        assert!((entropy(&[0, 0, 0, 1], 0) - 4.0 * 0.811_278 / 8.0).abs() < 1e-6);
        assert_eq!(entropy(&[0, 1], 2), entropy(&[0, 0, 0, 1], 0));
        assert!((Weights::untrained(2560).entropy_bytes(0) - 2560.0).abs() < 1e-6);
    }

    #[test]
    fn a_factor_common_to_all_networks_is_found() {
        let found = fit_code_factor(&[(100.0, 110.0), (10.0, 11.0)]).expect("two networks");
        assert!((found - 1.1).abs() < 1e-12);
        assert_eq!(fit_code_factor(&[]), None);
    }
}
