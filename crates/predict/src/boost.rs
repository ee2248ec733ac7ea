//! Gradient-boosted regression trees.
//!
//! Source: Friedman, "Greedy function approximation: a gradient boosting machine", 2001, algorithms 2 and 3; subsampling after
//! "Stochastic gradient boosting", 2002. Small on purpose: a hundred samples want few leaves and much shrinkage.

use crate::linear::median;
use crate::tree::{Binned, Growth, Tree};
use crate::{PredictError, Stream};
use serde::{Deserialize, Serialize};

/// How trees are boosted.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BoostOptions {
    /// Trees.
    pub trees: usize,
    /// Leaves of a tree at most.
    pub leaves: usize,
    /// Samples in a leaf at least.
    pub min_leaf: usize,
    /// Share of a tree's answer that is added, 0 to 1.
    pub shrinkage: f64,
    /// Share of the samples a tree sees, above 0 to 1.
    pub rows: f64,
    /// Share of the columns a tree sees, above 0 to 1.
    pub columns: f64,
    /// Pull of a leaf towards zero, in samples.
    pub pull: f64,
    /// Absolute instead of squared errors: leaves answer with the median.
    pub absolute: bool,
}

impl BoostOptions {
    /// For about a hundred samples.
    pub const SMALL: Self = Self {
        trees: 300,
        leaves: 4,
        min_leaf: 5,
        shrinkage: 0.05,
        rows: 0.7,
        columns: 0.5,
        pull: 1.0,
        absolute: false,
    };
    /// For whole tables of a device.
    pub const LARGE: Self =
        Self { trees: 300, leaves: 31, min_leaf: 10, shrinkage: 0.08, rows: 0.7, ..Self::SMALL };

    fn check(&self) -> Result<(), PredictError> {
        let share = |name, found: f64| match found > 0.0 && found <= 1.0 {
            true => Ok(()),
            false => Err(PredictError::Setting { name, found, expected: "a number above 0 and at most 1" }),
        };
        share("shrinkage", self.shrinkage)?;
        share("share of rows", self.rows)?;
        share("share of columns", self.columns)?;
        if !(self.pull >= 0.0 && self.pull.is_finite()) {
            let (name, found) = ("pull", self.pull);
            return Err(PredictError::Setting { name, found, expected: "a number of at least 0" });
        }
        Ok(())
    }
}

/// A sum of trees over a constant.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Boost {
    /// What every row begins with.
    pub base: f64,
    /// Added in order; shrinkage is in their leaves.
    pub trees: Vec<Tree>,
}

impl Boost {
    /// Fits `target` (any numbers, usually logarithms) on rows of equal width.
    ///
    /// # Errors
    /// Where there are fewer than two rows, lengths differ or an option is out of range.
    pub fn fit(
        rows: &[Vec<f64>],
        target: &[f64],
        options: &BoostOptions,
        stream: &mut Stream,
    ) -> Result<Self, PredictError> {
        options.check()?;
        let n = rows.len();
        if n < 2 {
            return Err(PredictError::TooFew { found: n, expected: 2, purpose: "grow trees" });
        }
        if target.len() != n {
            return Err(PredictError::Length { what: "targets", found: target.len(), expected: n });
        }
        let width = rows[0].len();
        if let Some(row) = rows.iter().position(|r| r.len() != width) {
            return Err(PredictError::Width { row, found: rows[row].len(), expected: width });
        }
        let base = if options.absolute { median(&mut target.to_vec()) } else { mean(target) };
        let binned = Binned::new(rows, width);
        let mut residual: Vec<f64> = target.iter().map(|t| t - base).collect();
        let mut trees = Vec::with_capacity(options.trees);
        for _ in 0..options.trees {
            let tree = one(&binned, rows, &residual, options, stream);
            for (r, row) in residual.iter_mut().zip(rows) {
                *r -= tree.answer(row);
            }
            trees.push(tree);
        }
        Ok(Self { base, trees })
    }

    /// The answer for a row.
    pub fn predict(&self, row: &[f64]) -> f64 {
        self.base + self.trees.iter().map(|t| t.answer(row)).sum::<f64>()
    }
}

/// One tree on a sample of rows and columns.
fn one(
    binned: &Binned,
    rows: &[Vec<f64>],
    residual: &[f64],
    options: &BoostOptions,
    stream: &mut Stream,
) -> Tree {
    let columns = sample(rows[0].len(), options.columns, stream);
    let own: Vec<u32> =
        sample(rows.len(), options.rows, stream).into_iter().filter_map(|r| u32::try_from(r).ok()).collect();
    let gradient: Vec<f64> = match options.absolute {
        // The step of the absolute error is its sign; the leaf then takes the median (algorithm 3).
        true => residual.iter().map(|r| if *r == 0.0 { 0.0 } else { r.signum() }).collect(),
        false => residual.to_vec(),
    };
    let growth =
        Growth { leaves: options.leaves, min_leaf: options.min_leaf, pull: options.pull, columns: &columns };
    let (mut tree, leaves) = Tree::grow(binned, &gradient, own, &growth);
    for (node, held) in leaves {
        let mut values: Vec<f64> = held.iter().map(|r| residual[*r as usize]).collect();
        #[allow(clippy::cast_precision_loss, reason = "row counts are below 2^20")]
        let n = values.len() as f64;
        let middle = if options.absolute { median(&mut values) } else { mean(&values) };
        tree.value[node] = options.shrinkage * middle * n / (n + options.pull);
    }
    tree
}

/// A share of `0..n` without repeats, in order; at least one.
fn sample(n: usize, share: f64, stream: &mut Stream) -> Vec<usize> {
    #[allow(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a share of a count below 2^20"
    )]
    let take = ((n as f64 * share).round() as usize).clamp(1.min(n), n);
    let mut all: Vec<usize> = (0..n).collect();
    if take < n {
        for i in 0..take {
            all.swap(i, i + stream.below(n - i));
        }
        all.truncate(take);
        all.sort_unstable();
    }
    all
}

fn mean(values: &[f64]) -> f64 {
    #[allow(clippy::cast_precision_loss, reason = "row counts are below 2^20")]
    let n = values.len().max(1) as f64;
    values.iter().sum::<f64>() / n
}

#[cfg(test)]
mod tests {
    use super::*;

    fn surface() -> (Vec<Vec<f64>>, Vec<f64>) {
        let rows: Vec<Vec<f64>> =
            (0..400).map(|i| vec![f64::from(i % 20), f64::from(i / 20), f64::from(i % 3)]).collect();
        let target = rows.iter().map(|r| if r[0] > 9.5 { r[1] * 0.1 } else { -1.0 }).collect();
        (rows, target)
    }

    #[test]
    fn trees_find_an_interaction_a_line_cannot() {
        let (rows, target) = surface();
        let model = Boost::fit(&rows, &target, &BoostOptions::SMALL, &mut Stream::new(1)).unwrap();
        let worst = rows.iter().zip(&target).map(|(r, t)| (model.predict(r) - t).abs()).fold(0.0, f64::max);
        assert!(worst < 0.25, "{worst}");
    }

    #[test]
    fn the_same_seed_gives_the_same_trees_and_another_seed_others() {
        let (rows, target) = surface();
        let fit = |seed| Boost::fit(&rows, &target, &BoostOptions::SMALL, &mut Stream::new(seed)).unwrap();
        assert_eq!(fit(4), fit(4));
        assert_ne!(fit(4), fit(5));
    }

    #[test]
    fn absolute_errors_ignore_a_wild_sample() {
        let (rows, mut target) = surface();
        target[5] = 1e6;
        let options = BoostOptions { absolute: true, ..BoostOptions::SMALL };
        let model = Boost::fit(&rows, &target, &options, &mut Stream::new(1)).unwrap();
        assert!((model.predict(&rows[6]) + 1.0).abs() < 0.1, "{}", model.predict(&rows[6]));
    }

    #[test]
    fn a_tree_that_points_outside_itself_adds_nothing() {
        let tree = Tree { column: vec![0], threshold: vec![0.0], left: vec![7], value: vec![1.0] };
        assert_eq!(Boost { base: 2.0, trees: vec![tree] }.predict(&[1.0]), 2.0);
        let endless = Tree { column: vec![0], threshold: vec![9.0], left: vec![0], value: vec![1.0] };
        assert_eq!(Boost { base: 2.0, trees: vec![endless] }.predict(&[1.0]), 2.0);
    }

    #[test]
    fn a_share_out_of_range_is_refused() {
        let (rows, target) = surface();
        let options = BoostOptions { rows: 0.0, ..BoostOptions::SMALL };
        let error = Boost::fit(&rows, &target, &options, &mut Stream::new(1)).unwrap_err();
        assert_eq!(error.to_string(), "share of rows is 0, a number above 0 and at most 1 expected");
    }
}
