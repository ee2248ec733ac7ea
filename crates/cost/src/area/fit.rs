//! Least squares in relative error, and what it is worth on rows it has not seen.

/// Rows to fit: `value` is to be `fixed` plus the terms times their coefficients.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// What each coefficient multiplies.
    pub terms: Vec<f64>,
    /// The part known without a fit.
    pub fixed: f64,
    /// The measured value, above 0.
    pub value: f64,
    /// Rows of one group are left out together.
    pub group: usize,
}

impl Sample {
    /// What `coefficients` give for this row.
    pub fn predict(&self, coefficients: &[f64]) -> f64 {
        self.fixed + self.terms.iter().zip(coefficients).map(|(x, c)| x * c).sum::<f64>()
    }

    /// Predicted over measured, minus one.
    pub fn error(&self, coefficients: &[f64]) -> f64 {
        self.predict(coefficients) / self.value - 1.0
    }
}

/// Errors of rows predicted by a fit that has not seen their group; relative, as a fraction, in the order of the rows.
#[derive(Debug, Clone, PartialEq)]
pub struct LeftOut {
    /// Predicted over measured, minus one.
    pub errors: Vec<f64>,
}

impl LeftOut {
    /// The largest error without its sign.
    pub fn max(&self) -> f64 {
        self.errors.iter().fold(0.0, |most, e| most.max(e.abs()))
    }

    /// The mean error without its sign.
    pub fn mean(&self) -> f64 {
        self.errors.iter().map(|e| e.abs()).sum::<f64>() / self.errors.len() as f64
    }
}

/// The coefficients with the least sum of squared relative errors; `None` where the rows do not determine them.
pub fn relative<'a>(samples: impl IntoIterator<Item = &'a Sample>) -> Option<Vec<f64>> {
    least_squares(samples.into_iter().map(|sample| {
        let terms = sample.terms.iter().map(|x| x / sample.value).collect();
        (terms, (sample.value - sample.fixed) / sample.value)
    }))
}

/// The coefficients with the least sum of squares of `terms * coefficients - value` over rows `(terms, value)`.
///
/// A power law is fitted by logarithms of its factors and of its values. `None` where the rows do not determine the coefficients.
pub fn least_squares(rows: impl IntoIterator<Item = (Vec<f64>, f64)>) -> Option<Vec<f64>> {
    // Normal equations: a handful of coefficients whose terms are of like size.
    let mut matrix: Vec<Vec<f64>> = Vec::new();
    for (terms, value) in rows {
        let n = terms.len();
        matrix.resize_with(n, || vec![0.0; n + 1]);
        for (row, x) in matrix.iter_mut().zip(&terms) {
            for (cell, term) in row.iter_mut().zip(&terms) {
                *cell += x * term;
            }
            row[n] += x * value;
        }
    }
    solve(matrix)
}

/// Refits without each group in turn and judges the rows of that group.
pub fn leave_out(samples: &[Sample]) -> Option<LeftOut> {
    let mut errors = Vec::with_capacity(samples.len());
    for sample in samples {
        let rest = samples.iter().filter(|other| other.group != sample.group);
        errors.push(sample.error(&relative(rest)?));
    }
    Some(LeftOut { errors })
}

/// Gauss-Jordan with pivoting on `n` rows of `n + 1` numbers.
fn solve(mut matrix: Vec<Vec<f64>>) -> Option<Vec<f64>> {
    let n = matrix.len();
    // A column that the others explain leaves a pivot of rounding errors: more coefficients than the rows can tell apart.
    let limits: Vec<f64> = (0..n).map(|at| matrix[at][at].abs() * 1e-12).collect();
    for at in 0..n {
        let pivot = (at..n).max_by(|&a, &b| matrix[a][at].abs().total_cmp(&matrix[b][at].abs()))?;
        matrix.swap(at, pivot);
        if matrix[at][at].abs() <= limits[at] {
            return None;
        }
        let row = matrix[at].clone();
        for (_, target) in matrix.iter_mut().enumerate().filter(|(other, _)| *other != at) {
            let factor = target[at] / row[at];
            for (cell, x) in target.iter_mut().zip(&row) {
                *cell -= factor * x;
            }
        }
    }
    (n > 0).then(|| (0..n).map(|at| matrix[at][n] / matrix[at][at]).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(x: f64, value: f64, group: usize) -> Sample {
        Sample { terms: vec![x, 1.0], fixed: 2.0, value, group }
    }

    #[test]
    fn a_line_is_found_again_with_its_fixed_part() {
        // value = 2 + 3 x + 5
        let rows: Vec<Sample> =
            (1..5).map(|x| sample(f64::from(x), 7.0 + 3.0 * f64::from(x), x as usize)).collect();
        let found = relative(&rows).expect("two coefficients of four rows");
        assert!((found[0] - 3.0).abs() < 1e-9 && (found[1] - 5.0).abs() < 1e-9, "{found:?}");
        assert!(leave_out(&rows).expect("three rows are left").max() < 1e-9);
    }

    #[test]
    fn rows_that_do_not_tell_two_terms_apart_give_nothing() {
        let rows = [sample(1.0, 3.0, 0), sample(1.0, 4.0, 1)];
        assert_eq!(relative(&rows), None);
        assert_eq!(relative(&[]), None);
    }

    #[test]
    fn rows_of_one_group_are_left_out_together() {
        // Without group 0 only one x is left.
        let rows = [sample(1.0, 3.0, 0), sample(2.0, 4.0, 0), sample(3.0, 5.0, 1)];
        assert_eq!(leave_out(&rows), None);
    }
}
