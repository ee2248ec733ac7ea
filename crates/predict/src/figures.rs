//! How good predictions are: errors, ranks, intervals.

use serde::{Deserialize, Serialize};

/// Errors of predictions against what was measured.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Figures {
    /// Pairs compared.
    pub samples: usize,
    /// Mean of `|predicted / measured - 1|`.
    pub mean_error: f64,
    /// Share with `|predicted / measured - 1| <= 0.1`.
    pub within_10_percent: f64,
    /// Kendall's tau-b between predicted and measured.
    pub kendall_tau: f64,
    /// Spearman's rank correlation.
    pub spearman: f64,
    /// Share of measurements inside their interval; `NaN`-free: 0 where no intervals were given.
    pub coverage: f64,
    /// Mean of interval width over prediction; 0 where no intervals were given.
    pub mean_width: f64,
}

#[allow(clippy::cast_precision_loss, reason = "counts are below 2^20")]
fn real(n: usize) -> f64 {
    n as f64
}

impl Figures {
    /// Compares predictions with measurements (all above 0), pair by pair; `intervals` may be empty.
    ///
    /// # Panics
    /// Where the lists have different lengths.
    pub fn of(predicted: &[f64], measured: &[f64], intervals: &[[f64; 2]]) -> Self {
        assert_eq!(predicted.len(), measured.len(), "one prediction per measurement");
        let n = real(predicted.len().max(1));
        let errors = || predicted.iter().zip(measured).map(|(p, m)| (p / m - 1.0).abs());
        let (mut covered, mut width) = (0.0, 0.0);
        if !intervals.is_empty() {
            assert_eq!(intervals.len(), measured.len(), "one interval per measurement");
            let inside = intervals.iter().zip(measured).filter(|(i, m)| i[0] <= **m && **m <= i[1]);
            covered = real(inside.count()) / n;
            width = intervals.iter().zip(predicted).map(|(i, p)| (i[1] - i[0]) / p).sum::<f64>() / n;
        }
        Self {
            samples: predicted.len(),
            mean_error: errors().sum::<f64>() / n,
            within_10_percent: real(errors().filter(|e| *e <= 0.1 + 1e-9).count()) / n,
            kendall_tau: kendall_tau(predicted, measured),
            spearman: spearman(predicted, measured),
            coverage: covered,
            mean_width: width,
        }
    }
}

/// Kendall's tau-b in `n log n` steps; 0 where one list is constant.
///
/// Source: Knight, "A computer method for calculating Kendall's tau with ungrouped data", 1966.
///
/// # Panics
/// Where the lists have different lengths.
pub fn kendall_tau(x: &[f64], y: &[f64]) -> f64 {
    assert_eq!(x.len(), y.len(), "pairs");
    let mut pairs: Vec<(f64, f64)> = x.iter().copied().zip(y.iter().copied()).collect();
    pairs.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
    let all = choose(pairs.len());
    let tied_x = ties(pairs.iter().map(|p| p.0));
    let tied_both: f64 = pairs.chunk_by(|a, b| a == b).map(|c| choose(c.len())).sum();
    let mut ys: Vec<f64> = pairs.iter().map(|p| p.1).collect();
    let discordant = exchanges(&mut ys);
    let tied_y = ties(ys.iter().copied());
    let scale = ((all - tied_x) * (all - tied_y)).sqrt();
    if scale == 0.0 {
        return 0.0;
    }
    (all - tied_x - tied_y + tied_both - 2.0 * discordant) / scale
}

fn choose(n: usize) -> f64 {
    real(n) * (real(n) - 1.0) / 2.0
}

/// Pairs of equal neighbours in a sorted list.
fn ties(sorted: impl Iterator<Item = f64>) -> f64 {
    let values: Vec<f64> = sorted.collect();
    values.chunk_by(|a, b| a == b).map(|c| choose(c.len())).sum()
}

/// Sorts, and counts the pairs that stood in the wrong order.
fn exchanges(values: &mut [f64]) -> f64 {
    let n = values.len();
    if n < 2 {
        return 0.0;
    }
    let (low, high) = values.split_at_mut(n / 2);
    let mut count = exchanges(low) + exchanges(high);
    let mut merged = Vec::with_capacity(n);
    let (mut i, mut j) = (0, 0);
    while i < low.len() || j < high.len() {
        if j == high.len() || (i < low.len() && low[i] <= high[j]) {
            merged.push(low[i]);
            i += 1;
        } else {
            merged.push(high[j]);
            j += 1;
            count += real(low.len() - i);
        }
    }
    values.copy_from_slice(&merged);
    count
}

/// Spearman's rank correlation, tied values sharing their mean rank; 0 where one list is constant.
///
/// # Panics
/// Where the lists have different lengths.
pub fn spearman(x: &[f64], y: &[f64]) -> f64 {
    assert_eq!(x.len(), y.len(), "pairs");
    let (a, b) = (ranks(x), ranks(y));
    let middle = (real(x.len()) - 1.0) / 2.0;
    let (mut both, mut own_a, mut own_b) = (0.0, 0.0, 0.0);
    for (p, q) in a.iter().zip(&b) {
        both += (p - middle) * (q - middle);
        own_a += (p - middle) * (p - middle);
        own_b += (q - middle) * (q - middle);
    }
    let scale = (own_a * own_b).sqrt();
    if scale == 0.0 { 0.0 } else { both / scale }
}

fn ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|a, b| values[*a].total_cmp(&values[*b]));
    let mut rank = vec![0.0; values.len()];
    let mut from = 0;
    for tied in order.chunk_by(|a, b| values[*a] == values[*b]) {
        let shared = real(from) + (real(tied.len()) - 1.0) / 2.0;
        for i in tied {
            rank[*i] = shared;
        }
        from += tied.len();
    }
    rank
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn tau_by_pairs(x: &[f64], y: &[f64]) -> f64 {
        let (mut sum, mut untied_x, mut untied_y) = (0.0, 0.0, 0.0);
        let sign = |v: f64| if v == 0.0 { 0.0 } else { v.signum() };
        for i in 0..x.len() {
            for j in 0..i {
                let (a, b) = (sign(x[i] - x[j]), sign(y[i] - y[j]));
                sum += a * b;
                untied_x += a * a;
                untied_y += b * b;
            }
        }
        let scale = f64::sqrt(untied_x * untied_y);
        if scale == 0.0 { 0.0 } else { sum / scale }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
        #[test]
        fn tau_equals_the_count_over_all_pairs(
            pairs in prop::collection::vec((0_u8..6, 0_u8..6), 0..30)
        ) {
            let x: Vec<f64> = pairs.iter().map(|p| f64::from(p.0)).collect();
            let y: Vec<f64> = pairs.iter().map(|p| f64::from(p.1)).collect();
            prop_assert!((kendall_tau(&x, &y) - tau_by_pairs(&x, &y)).abs() < 1e-12);
        }
    }

    #[test]
    fn ranks_of_ties_are_shared() {
        assert_eq!(ranks(&[3.0, 1.0, 3.0]), [1.5, 0.0, 1.5]);
        assert_eq!(spearman(&[1.0, 2.0, 3.0], &[9.0, 4.0, 1.0]), -1.0);
    }

    #[test]
    fn errors_are_relative_to_the_measurement() {
        let figures = Figures::of(&[11.0, 10.0], &[10.0, 20.0], &[[9.0, 12.0], [9.0, 11.0]]);
        assert!((figures.mean_error - 0.3).abs() < 1e-12);
        assert_eq!(figures.within_10_percent, 0.5);
        assert_eq!(figures.coverage, 0.5);
        // Widths 3 / 11 and 2 / 10.
        assert!((figures.mean_width - (3.0 / 11.0 + 0.2) / 2.0).abs() < 1e-12);
    }
}
