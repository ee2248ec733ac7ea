//! Choosing and fitting a predictor: candidates compared by cross-validation inside the table, intervals from the same folds.

use crate::fewshot::Transfer;
use crate::table::{check_row, same_columns};
use crate::{
    Boost, BoostOptions, Column, Figures, Guard, Linear, LinearOptions, Outside, PredictError, Stream, Table,
    folds,
};
use hw::{Estimate, Origin};
use serde::{Deserialize, Serialize};

/// A recipe for a model.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Family {
    /// Non-negative coefficients on the additive columns.
    Linear(LinearOptions),
    /// Trees on the logarithm of the figure.
    Boosted(BoostOptions),
    /// Trees on what the linear model leaves, as a ratio.
    LinearBoosted(LinearOptions, BoostOptions),
}

impl Family {
    /// What the recipe is called in reports.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Linear(LinearOptions { robust: false, .. }) => "linear",
            Self::Linear(_) => "robust-linear",
            Self::Boosted(BoostOptions { absolute: false, .. }) => "boosted-trees",
            Self::Boosted(_) => "boosted-trees-absolute",
            Self::LinearBoosted(..) => "robust-linear+trees",
        }
    }

    /// Fits the recipe to a table.
    ///
    /// # Errors
    /// Where the table is too small, lacks additive columns, or an option is out of range.
    pub fn fit(&self, table: &Table, stream: &mut Stream) -> Result<Model, PredictError> {
        let logs = || table.target().iter().map(|t| t.ln()).collect::<Vec<f64>>();
        Ok(match self {
            Self::Linear(options) => Model::Linear(Linear::fit(table, options, stream)?),
            Self::Boosted(options) => Model::Boosted(Boost::fit(table.rows(), &logs(), options, stream)?),
            Self::LinearBoosted(linear, boost) => {
                let line = Linear::fit(table, linear, stream)?;
                let left = table.rows().iter().zip(logs()).map(|(row, t)| t - line.predict(row).ln());
                let left: Vec<f64> = left.collect();
                Model::LinearBoosted(line, Boost::fit(table.rows(), &left, boost, stream)?)
            }
        })
    }
}

/// A fitted model: plain data.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Model {
    /// The figure itself.
    Linear(Linear),
    /// The logarithm of the figure.
    Boosted(Boost),
    /// The figure, and the logarithm of a factor.
    LinearBoosted(Linear, Boost),
    /// A mixture of devices already known.
    Transfer(Transfer),
}

impl Model {
    /// The figure of a row, above 0.
    pub fn predict(&self, row: &[f64]) -> f64 {
        let value = match self {
            Self::Linear(linear) => linear.predict(row),
            Self::Boosted(boost) => boost.predict(row).exp(),
            Self::LinearBoosted(linear, boost) => linear.predict(row) * boost.predict(row).exp(),
            Self::Transfer(transfer) => transfer.predict(row),
        };
        value.clamp(f64::MIN_POSITIVE, f64::MAX)
    }
}

/// How a predictor is chosen.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    /// Recipes that compete; the linear baseline is always fitted beside them.
    pub candidates: Vec<Family>,
    /// Folds of the cross-validation.
    pub folds: usize,
    /// Share of new networks an interval should hold.
    pub nominal: f64,
}

impl Default for Options {
    fn default() -> Self {
        let small = BoostOptions::SMALL;
        let correction = BoostOptions { trees: 100, shrinkage: 0.03, absolute: true, min_leaf: 8, ..small };
        Self {
            candidates: vec![
                Family::Linear(LinearOptions::ROBUST),
                Family::Boosted(small),
                Family::Boosted(BoostOptions { absolute: true, ..small }),
                Family::LinearBoosted(LinearOptions::ROBUST, correction),
            ],
            folds: 10,
            nominal: 0.9,
        }
    }
}

/// A recipe and how it did on samples it had not seen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Candidate {
    /// The recipe's name.
    pub name: String,
    /// Errors over the folds; coverage of each fold's intervals is by the residuals of the others.
    pub cross_validated: Figures,
    /// Mean of `|ln(predicted / measured)|`, each at most `ln 2`: what the choice is by.
    pub score: f64,
}

/// An answer with the interval the truth is expected in.
#[derive(Debug, Clone, PartialEq)]
pub struct Prediction {
    /// Central value, in the unit of the table.
    pub value: f64,
    /// Ends of the interval; widened where the query lies outside.
    pub interval: [f64; 2],
    /// What of the query lies outside the samples.
    pub outside: Option<Outside>,
}

/// A fitted model, its interval and its range: everything that is needed to answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Predictor {
    /// The recipe's name.
    pub family: String,
    /// The features a row holds, in order.
    pub columns: Vec<Column>,
    /// Factors on a prediction that hold the nominal share of residuals.
    pub ratios: [f64; 2],
    /// The share.
    pub nominal: f64,
    /// Samples it was fitted to.
    pub samples: usize,
    /// The range of the samples.
    pub guard: Guard,
    /// The model.
    pub model: Model,
}

impl Predictor {
    /// Refuses features other than those the model was fitted on, by name and in order.
    ///
    /// # Errors
    /// Where a name or their number differs.
    pub fn accepts(&self, columns: &[Column]) -> Result<(), PredictError> {
        same_columns(columns, &self.columns)
    }

    /// The figure of a network. Outside the samples the interval is widened in proportion to the distance, and says so.
    ///
    /// # Errors
    /// Where the row has another width or a feature that is not finite.
    pub fn predict(&self, row: &[f64]) -> Result<Prediction, PredictError> {
        check_row(&self.columns, 0, row)?;
        let value = self.model.predict(row);
        let names = self.columns.iter().map(|c| c.name.as_str());
        let outside = self.guard.outside(names, row, value);
        // In logarithms, the half-widths grow by the distance in ranges: twice as far from the samples, twice as unsure again.
        let stretch = 1.0 + outside.as_ref().map_or(0.0, |o| o.distance.min(FARTHEST));
        let floor = if outside.is_some() { 1.1_f64 } else { 1.0 };
        let low = self.ratios[0].min(1.0 / floor).powf(stretch);
        let high = self.ratios[1].max(floor).powf(stretch);
        let interval = [(value * low).min(value), (value * high).clamp(value, f64::MAX)];
        Ok(Prediction { value, interval, outside })
    }

    /// The figure as an estimate that says it was predicted.
    ///
    /// # Errors
    /// As [`Predictor::predict`]; and, where `refuse` is set, for a query outside the samples.
    pub fn estimate(&self, row: &[f64], unit: &str, refuse: bool) -> Result<Estimate, PredictError> {
        let found = self.predict(row)?;
        match found.outside {
            Some(outside) if refuse => Err(PredictError::Outside(outside.to_string())),
            _ => {
                let [low, high] = found.interval;
                Ok(Estimate::within(found.value, unit, Origin::Predicted, low, high))
            }
        }
    }
}

/// The chosen predictor, the linear baseline, and how every candidate did.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Fitted {
    /// The candidate of the lowest score, fitted to all samples.
    pub predictor: Predictor,
    /// Non-negative least squares on the additive columns.
    pub baseline: Predictor,
    /// The baseline first, then the candidates in the order given.
    pub candidates: Vec<Candidate>,
    /// Index of the chosen one in `candidates`.
    pub chosen: usize,
}

/// Distance from the samples, in ranges, beyond which an interval grows no further: it says nothing by then.
const FARTHEST: f64 = 4.0;

/// Samples below which nothing is chosen or promised.
const LEAST: usize = 5;

/// Compares the baseline and the candidates by grouped cross-validation on these samples alone, and fits the best to all of them.
/// The residuals of the same folds give the interval. Ties go to the earlier recipe, so a more complicated one must earn its place.
///
/// # Errors
/// Where there are fewer than 5 samples or networks, an option is out of range, or a recipe cannot be fitted.
pub fn fit(table: &Table, options: &Options, stream: &mut Stream) -> Result<Fitted, PredictError> {
    if !(options.nominal > 0.0 && options.nominal < 1.0) {
        let (name, found) = ("nominal", options.nominal);
        return Err(PredictError::Setting { name, found, expected: "a number between 0 and 1" });
    }
    let mut groups = table.groups().to_vec();
    groups.sort_unstable();
    groups.dedup();
    if groups.len() < LEAST {
        let (found, expected, purpose) = (groups.len(), LEAST, "choose a predictor");
        return Err(PredictError::TooFew { found, expected, purpose });
    }
    let fold = folds(table.groups(), options.folds.max(2), &mut stream.split());
    let baseline = Family::Linear(LinearOptions::BASELINE);
    let recipes: Vec<Family> = [baseline].into_iter().chain(options.candidates.iter().copied()).collect();
    let mut tried = Vec::with_capacity(recipes.len());
    for recipe in &recipes {
        let predicted = cross_validate(table, recipe, &fold, &mut stream.split())?;
        tried.push((candidate(recipe, &predicted, table, &fold, options.nominal), predicted));
    }
    // A learned model that is not better than the baseline by more than rounding is not taken.
    let best =
        (0..recipes.len()).min_by(|a, b| tried[*a].0.score.total_cmp(&tried[*b].0.score).then(a.cmp(b)));
    let chosen = best.unwrap_or(0);
    let mut finish = |i: usize| -> Result<Predictor, PredictError> {
        let residuals = tried[i].1.iter().zip(table.target()).map(|(p, m)| (m / p).ln()).collect();
        Ok(Predictor {
            family: recipes[i].name().to_owned(),
            columns: table.columns().to_vec(),
            ratios: interval(residuals, options.nominal),
            nominal: options.nominal,
            samples: table.len(),
            guard: Guard::new(table),
            model: recipes[i].fit(table, &mut stream.split())?,
        })
    };
    let (baseline, predictor) = (finish(0)?, finish(chosen)?);
    Ok(Fitted { predictor, baseline, candidates: tried.into_iter().map(|t| t.0).collect(), chosen })
}

/// A prediction for every sample by a model that has not seen its fold.
pub(crate) fn cross_validate(
    table: &Table,
    recipe: &Family,
    fold: &[usize],
    stream: &mut Stream,
) -> Result<Vec<f64>, PredictError> {
    let mut predicted = vec![0.0; table.len()];
    for f in 0..=fold.iter().copied().max().unwrap_or(0) {
        let seen: Vec<usize> = (0..table.len()).filter(|i| fold[*i] != f).collect();
        let model = recipe.fit(&table.select(&seen), &mut stream.split())?;
        for i in (0..table.len()).filter(|i| fold[*i] == f) {
            predicted[i] = model.predict(&table.rows()[i]);
        }
    }
    Ok(predicted)
}

fn candidate(recipe: &Family, predicted: &[f64], table: &Table, fold: &[usize], nominal: f64) -> Candidate {
    let residual: Vec<f64> = predicted.iter().zip(table.target()).map(|(p, m)| (m / p).ln()).collect();
    let mut intervals = vec![[0.0; 2]; table.len()];
    for f in 0..=fold.iter().copied().max().unwrap_or(0) {
        let others = (0..table.len()).filter(|i| fold[*i] != f).map(|i| residual[i]).collect();
        let [low, high] = interval(others, nominal);
        for i in (0..table.len()).filter(|i| fold[*i] == f) {
            intervals[i] = [predicted[i] * low, predicted[i] * high];
        }
    }
    let capped = residual.iter().map(|r| r.abs().min(std::f64::consts::LN_2)).sum::<f64>();
    #[allow(clippy::cast_precision_loss, reason = "row counts are below 2^20")]
    let score = capped / table.len().max(1) as f64;
    let cross_validated = Figures::of(predicted, table.target(), &intervals);
    Candidate { name: recipe.name().to_owned(), cross_validated, score }
}

/// The factors that hold the nominal share of residuals `ln(measured / predicted)`: their order statistics, one rank further out
/// than the share itself, which is what makes the promise hold for the next sample (Vovk et al., "Algorithmic Learning in a Random
/// World", 2005, section 4; Barber et al., "Predictive inference with the jackknife+", 2021, for residuals of held-out folds).
/// With too few residuals for that rank nothing can be promised: the outermost one is taken and half as far again.
pub(crate) fn interval(mut residuals: Vec<f64>, nominal: f64) -> [f64; 2] {
    residuals.sort_by(f64::total_cmp);
    let n = residuals.len();
    if n == 0 {
        return [1.0, 1.0];
    }
    #[allow(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a rank below 2^20"
    )]
    let rank = ((n + 1) as f64 * (1.0 - nominal) / 2.0 + 1e-9).floor() as usize;
    let (low, high) = match rank {
        0 => (1.5 * residuals[0].min(0.0), 1.5 * residuals[n - 1].max(0.0)),
        rank => (residuals[rank - 1], residuals[n - rank]),
    };
    [low.min(0.0).exp(), high.max(0.0).exp()]
}

#[cfg(test)]
mod tests;
