//! Least squares with coefficients that may not be negative.

/// Minimises `|A x - b|` over `x >= 0`, `A` given by its normal equations: `gram = AᵀA` (row-major, `n x n`), `moment = Aᵀb`.
///
/// The active-set method of Lawson and Hanson, "Solving Least Squares Problems", 1974, chapter 23; columns that are combinations
/// of those already in are left out (their pivot vanishes). Time is bounded: at most `3 n` exchanges.
///
/// # Panics
/// Where the lengths do not agree.
pub fn nnls(gram: &[f64], moment: &[f64]) -> Vec<f64> {
    let n = moment.len();
    assert_eq!(gram.len(), n * n, "the Gram matrix is n x n");
    let scale = (0..n).map(|i| gram[i * n + i]).fold(0.0, f64::max);
    let tolerance = 1e-10 * moment.iter().fold(0.0_f64, |m, v| m.max(v.abs()));
    let mut x = vec![0.0; n];
    let mut inside = vec![false; n];
    let mut refused = vec![false; n];
    for _ in 0..3 * n {
        let gradient = |i: usize| moment[i] - (0..n).map(|j| gram[i * n + j] * x[j]).sum::<f64>();
        let best = (0..n).filter(|i| !inside[*i] && !refused[*i]).map(|i| (i, gradient(i)));
        let Some((enter, g)) = best.max_by(|a, b| a.1.total_cmp(&b.1).then(b.0.cmp(&a.0))) else { break };
        if g <= tolerance {
            break;
        }
        inside[enter] = true;
        if !settle(gram, moment, scale, &mut x, &mut inside) {
            inside[enter] = false;
            refused[enter] = true;
        } else {
            refused.fill(false);
            if !inside[enter] {
                // It left in the same step by rounding: taking it again would not end.
                refused[enter] = true;
            }
        }
    }
    x
}

/// Solves on the columns that are in, dropping those that would turn negative; false where the columns are dependent.
fn settle(gram: &[f64], moment: &[f64], scale: f64, x: &mut [f64], inside: &mut [bool]) -> bool {
    let n = moment.len();
    for _ in 0..=n {
        let set: Vec<usize> = (0..n).filter(|i| inside[*i]).collect();
        let Some(z) = solve(gram, moment, &set, scale) else { return false };
        if z.iter().all(|v| *v > 0.0) {
            x.fill(0.0);
            for (i, v) in set.iter().zip(z) {
                x[*i] = v;
            }
            return true;
        }
        let step = set
            .iter()
            .zip(&z)
            .filter(|(_, z)| **z <= 0.0)
            .map(|(i, z)| if x[*i] > 0.0 { x[*i] / (x[*i] - z) } else { 0.0 })
            .fold(1.0, f64::min);
        for (i, z) in set.iter().zip(&z) {
            x[*i] += step * (z - x[*i]);
            if x[*i] <= 1e-14 || (*z <= 0.0 && x[*i] <= 1e-12 * z.abs()) {
                x[*i] = 0.0;
                inside[*i] = false;
            }
        }
    }
    true
}

/// Solves the normal equations on a set of columns by Cholesky's method; `None` where they are dependent.
pub(crate) fn solve(gram: &[f64], moment: &[f64], set: &[usize], scale: f64) -> Option<Vec<f64>> {
    let (n, k) = (moment.len(), set.len());
    let mut l = vec![0.0; k * k];
    for i in 0..k {
        for j in 0..=i {
            let dot: f64 = (0..j).map(|m| l[i * k + m] * l[j * k + m]).sum();
            let value = gram[set[i] * n + set[j]] - dot;
            if i == j {
                let own = gram[set[i] * n + set[i]];
                if value <= 1e-10 * own || value <= 1e-14 * scale {
                    return None;
                }
                l[i * k + i] = value.sqrt();
            } else {
                l[i * k + j] = value / l[j * k + j];
            }
        }
    }
    let mut z = vec![0.0; k];
    for i in 0..k {
        let dot: f64 = (0..i).map(|m| l[i * k + m] * z[m]).sum();
        z[i] = (moment[set[i]] - dot) / l[i * k + i];
    }
    for i in (0..k).rev() {
        let dot: f64 = (i + 1..k).map(|m| l[m * k + i] * z[m]).sum();
        z[i] = (z[i] - dot) / l[i * k + i];
    }
    Some(z)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn normal(a: &[Vec<f64>], b: &[f64]) -> (Vec<f64>, Vec<f64>) {
        let n = a[0].len();
        let mut gram = vec![0.0; n * n];
        let mut moment = vec![0.0; n];
        for (row, y) in a.iter().zip(b) {
            for i in 0..n {
                moment[i] += row[i] * y;
                for j in 0..n {
                    gram[i * n + j] += row[i] * row[j];
                }
            }
        }
        (gram, moment)
    }

    #[test]
    fn a_coefficient_that_would_be_negative_is_zero() {
        // y = x0 - x1 on three points; with x1 barred the best x0 is Σ x0 y / Σ x0² = (1·1 + 2·1) / 5.
        let a = vec![vec![1.0, 0.0], vec![0.0, 1.0], vec![2.0, 1.0]];
        let (gram, moment) = normal(&a, &[1.0, -1.0, 1.0]);
        let x = nnls(&gram, &moment);
        assert!((x[0] - 0.6).abs() < 1e-12 && x[1] == 0.0, "{x:?}");
    }

    #[test]
    fn a_column_given_twice_does_no_harm() {
        let a = vec![vec![1.0, 1.0], vec![2.0, 2.0]];
        let (gram, moment) = normal(&a, &[3.0, 6.0]);
        let x = nnls(&gram, &moment);
        assert!((x[0] + x[1] - 3.0).abs() < 1e-9, "{x:?}");
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
        #[test]
        fn the_answer_satisfies_the_conditions_of_kuhn_and_tucker(
            a in prop::collection::vec(prop::collection::vec(-3.0..3.0_f64, 5), 12),
            b in prop::collection::vec(-3.0..3.0_f64, 12),
        ) {
            let (gram, moment) = normal(&a, &b);
            let x = nnls(&gram, &moment);
            for i in 0..5 {
                let g = moment[i] - (0..5).map(|j| gram[i * 5 + j] * x[j]).sum::<f64>();
                prop_assert!(x[i] >= 0.0);
                if x[i] > 0.0 { prop_assert!(g.abs() < 1e-6, "{g}") } else { prop_assert!(g < 1e-6, "{g}") }
            }
        }
    }
}
