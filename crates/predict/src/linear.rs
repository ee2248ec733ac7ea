//! Linear models whose coefficients cannot be negative: time per unit of work.
//!
//! The error that counts is relative, so every sample is weighted by the inverse of its figure. The robust form minimises the sum
//! of absolute relative errors (by re-weighting), because timers fail upwards: a sample disturbed by the operating system or a hot
//! board must not pull the rest. The bagged form answers with the median over resamples, which steadies coefficients of work that
//! only a few samples have.

use crate::nnls::nnls;
use crate::{PredictError, Stream, Table};
use serde::{Deserialize, Serialize};

/// How a linear model is fitted.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LinearOptions {
    /// Minimise absolute instead of squared relative errors.
    pub robust: bool,
    /// Resamples whose median answers; 1 fits all samples once.
    pub bags: usize,
    /// Weight of the pull towards zero, in samples, per coefficient in units of its mean contribution.
    pub ridge: f64,
}

impl LinearOptions {
    /// Least squares on all samples: the baseline every other model is shown beside.
    pub const BASELINE: Self = Self { robust: false, bags: 1, ridge: 1e-3 };
    /// Absolute errors, median of 24 resamples.
    pub const ROBUST: Self = Self { robust: true, bags: 24, ridge: 1e-3 };
}

/// A sum of non-negative coefficients times additive columns, plus a constant.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Linear {
    /// Indices of the columns used.
    pub columns: Vec<usize>,
    /// Coefficients by member of the bag: one per column used, in figure per unit of the column, then the constant.
    pub members: Vec<Vec<f64>>,
    /// Smallest answer: half the smallest figure seen.
    pub floor: f64,
}

impl Linear {
    /// Fits the additive columns of a table.
    ///
    /// # Errors
    /// Where the table has no additive column or fewer than two rows, or an option is out of range.
    pub fn fit(table: &Table, options: &LinearOptions, stream: &mut Stream) -> Result<Self, PredictError> {
        let columns = table.additive();
        if columns.is_empty() {
            return Err(PredictError::NoAdditive);
        }
        if table.len() < 2 {
            let purpose = "fit a line";
            return Err(PredictError::TooFew { found: table.len(), expected: 2, purpose });
        }
        if !(options.ridge >= 0.0 && options.ridge.is_finite()) {
            let (name, found) = ("ridge", options.ridge);
            return Err(PredictError::Setting { name, found, expected: "a number of at least 0" });
        }
        let design: Vec<Vec<f64>> = table.rows().iter().map(|row| with_constant(&columns, row)).collect();
        let penalty = vec![options.ridge; columns.len() + 1];
        let problem =
            Relative { design: &design, target: table.target(), penalty: &penalty, robust: options.robust };
        let all = vec![1.0; table.len()];
        let members = match options.bags {
            0 | 1 => vec![problem.solve(&all)],
            bags => (0..bags).map(|_| problem.solve(&resample(table, stream))).collect(),
        };
        let floor = 0.5 * table.target().iter().copied().fold(f64::INFINITY, f64::min);
        Ok(Self { columns, members, floor })
    }

    /// The figure of a row, in the unit of the table.
    pub fn predict(&self, row: &[f64]) -> f64 {
        let x = with_constant(&self.columns, row);
        let mut answers: Vec<f64> = self.members.iter().map(|c| dot(c, &x)).collect();
        median(&mut answers).max(self.floor)
    }

    /// The middle coefficient of every column used, then the constant: what a person reads.
    pub fn coefficients(&self) -> Vec<f64> {
        let n = self.columns.len() + 1;
        (0..n).map(|i| median(&mut self.members.iter().map(|m| m[i]).collect::<Vec<_>>())).collect()
    }
}

/// How often each row is drawn: whole groups at a time, so that repeats of one network do not pass for evidence.
fn resample(table: &Table, stream: &mut Stream) -> Vec<f64> {
    let mut names = table.groups().to_vec();
    names.sort_unstable();
    names.dedup();
    let mut count = vec![0.0; names.len()];
    for _ in 0..names.len() {
        count[stream.below(names.len())] += 1.0;
    }
    table.groups().iter().map(|g| names.binary_search(g).map_or(0.0, |i| count[i])).collect()
}

fn with_constant(columns: &[usize], row: &[f64]) -> Vec<f64> {
    columns.iter().map(|c| row[*c]).chain([1.0]).collect()
}

pub(crate) fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

/// The middle value; the mean of the two in the middle where their number is even; 0 of nothing.
pub(crate) fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    let n = values.len();
    match n {
        0 => 0.0,
        _ if n % 2 == 1 => values[n / 2],
        _ => 0.5 * (values[n / 2 - 1] + values[n / 2]),
    }
}

/// Rounds of re-weighting; the weights move by less than a per cent after these.
const ROUNDS: usize = 12;
/// Relative error below which a sample's weight grows no further.
const SMALL: f64 = 0.03;

/// Non-negative regression of relative errors, each coefficient with its own pull towards zero.
pub(crate) struct Relative<'a> {
    /// One row of columns per sample.
    pub(crate) design: &'a [Vec<f64>],
    /// Figures, above 0.
    pub(crate) target: &'a [f64],
    /// Pull per column, in samples.
    pub(crate) penalty: &'a [f64],
    /// Absolute instead of squared errors.
    pub(crate) robust: bool,
}

impl Relative<'_> {
    /// Coefficients in figure per unit of each column; `weights` say how often a row counts.
    pub(crate) fn solve(&self, weights: &[f64]) -> Vec<f64> {
        let p = self.penalty.len();
        // Columns are measured in their own mean contribution, so that one pull suits microseconds and gigabytes.
        let level = median(&mut self.target.to_vec());
        let total = weights.iter().sum::<f64>().max(1.0);
        let mean = |j: usize| {
            let sum: f64 = self.design.iter().zip(weights).map(|(row, w)| w * row[j].abs()).sum();
            sum / total
        };
        let scale: Vec<f64> = (0..p).map(mean).map(|m| if m > 0.0 { level / m } else { 0.0 }).collect();
        let mut emphasis = vec![1.0; self.design.len()];
        let mut x = vec![0.0; p];
        for _ in 0..if self.robust { ROUNDS } else { 1 } {
            x = self.round(weights, &emphasis, &scale);
            for (i, row) in self.design.iter().enumerate() {
                let answer: f64 = (0..p).map(|j| row[j] * scale[j] * x[j]).sum();
                emphasis[i] = 1.0 / (answer / self.target[i] - 1.0).abs().max(SMALL);
            }
            // The pull keeps its meaning in samples only while the emphasis averages to one.
            let average = dot(&emphasis, weights) / total;
            emphasis.iter_mut().for_each(|e| *e /= average);
        }
        (0..p).map(|j| x[j] * scale[j]).collect()
    }

    fn round(&self, weights: &[f64], emphasis: &[f64], scale: &[f64]) -> Vec<f64> {
        let p = self.penalty.len();
        let (mut gram, mut moment) = (vec![0.0; p * p], vec![0.0; p]);
        let mut relative = vec![0.0; p];
        for (i, row) in self.design.iter().enumerate() {
            let w = weights[i] * emphasis[i];
            if w == 0.0 {
                continue;
            }
            for j in 0..p {
                relative[j] = row[j] * scale[j] / self.target[i];
            }
            for j in 0..p {
                moment[j] += w * relative[j];
                for k in 0..=j {
                    gram[j * p + k] += w * relative[j] * relative[k];
                }
            }
        }
        for j in 0..p {
            for k in 0..j {
                gram[k * p + j] = gram[j * p + k];
            }
            gram[j * p + j] += self.penalty[j];
        }
        nnls(&gram, &moment)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Column;

    fn table(disturbed: usize) -> Table {
        let columns = vec![Column::additive("conv"), Column::additive("pool"), Column::shape("depth")];
        let rows: Vec<Vec<f64>> =
            (0..30).map(|i| vec![f64::from(i % 5), f64::from(i % 3), f64::from(i % 7)]).collect();
        let target = rows.iter().enumerate().map(|(i, r)| {
            let clean = 1.0 + 10.0 * r[0] + 2.0 * r[1];
            if i < disturbed { 3.0 * clean } else { clean }
        });
        let target = target.collect();
        Table::new(columns, rows, target, None).unwrap()
    }

    #[test]
    fn coefficients_are_found_again() {
        let model = Linear::fit(&table(0), &LinearOptions::BASELINE, &mut Stream::new(1)).unwrap();
        assert_eq!(model.columns, [0, 1]);
        for (found, expected) in model.coefficients().iter().zip([10.0, 2.0, 1.0]) {
            assert!((found - expected).abs() < 0.05, "{found} {expected}");
        }
    }

    #[test]
    fn a_few_disturbed_samples_move_the_robust_fit_little() {
        let table = table(4);
        let clean = |row: &[f64]| 1.0 + 10.0 * row[0] + 2.0 * row[1];
        let error = |options: LinearOptions| {
            let model = Linear::fit(&table, &options, &mut Stream::new(1)).unwrap();
            table.rows().iter().map(|r| (model.predict(r) / clean(r) - 1.0).abs()).fold(0.0, f64::max)
        };
        let (plain, robust) = (error(LinearOptions::BASELINE), error(LinearOptions::ROBUST));
        assert!(robust < 0.05, "{robust}");
        assert!(plain > 0.1, "{plain}");
    }

    #[test]
    fn a_table_without_additive_columns_is_refused() {
        let table = Table::new(vec![Column::shape("depth")], vec![vec![1.0]; 3], vec![1.0; 3], None).unwrap();
        let found = Linear::fit(&table, &LinearOptions::BASELINE, &mut Stream::new(1));
        assert_eq!(found, Err(PredictError::NoAdditive));
    }
}
