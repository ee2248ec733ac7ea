//! A new device from ten to twenty samples, starting from devices already known.
//!
//! A known device gives a model of itself; on a new network the models answer in their own units, and the new device is a
//! non-negative mixture of those answers plus a little work of its own per kind of operation. How far the operations may speak
//! for themselves is decided by leaving each sample out. Which networks to measure is a design, not chance: the ones that stand for
//! clusters of what the known devices say ([`design`]).
//!
//! Differs from Lee et al., "HELP: hardware-adaptive efficient latency prediction for NAS via meta-learning", 2021, which adapts a
//! neural network in a few gradient steps and needs many more known devices for it.

use crate::fit::{Candidate, Fitted, Model, Predictor, interval};
use crate::linear::{Relative, dot};
use crate::table::{check_row, same_columns};
use crate::{BoostOptions, Column, Family, Figures, Guard, Options, PredictError, Stream, Table, fit};
use serde::{Deserialize, Serialize};

/// A device that is known: a model of it, and the range the model was fitted on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Known {
    /// The device, with its runtime.
    pub name: String,
    /// The features its model reads.
    pub columns: Vec<Column>,
    /// Figure of a row.
    pub model: Model,
    /// The range of its samples.
    pub guard: Guard,
}

/// Samples from which a known device is modelled by trees outright.
const MANY: usize = 400;

impl Known {
    /// Models a device from all its samples: trees where there are many, the best recipe by cross-validation where there are few.
    ///
    /// # Errors
    /// As [`fit()`].
    pub fn learn(name: &str, table: &Table, stream: &mut Stream) -> Result<Self, PredictError> {
        if table.len() < MANY {
            return Ok(Self::from_predictor(name, fit(table, &Options::default(), stream)?.predictor));
        }
        let model = Family::Boosted(BoostOptions::LARGE).fit(table, stream)?;
        let columns = table.columns().to_vec();
        Ok(Self { name: name.to_owned(), columns, model, guard: Guard::new(table) })
    }

    /// A device known by its predictor.
    pub fn from_predictor(name: &str, predictor: Predictor) -> Self {
        let Predictor { columns, model, guard, .. } = predictor;
        Self { name: name.to_owned(), columns, model, guard }
    }
}

/// A device as a mixture of known ones and of its own operations.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Transfer {
    /// The known devices.
    pub sources: Vec<Known>,
    /// Indices of the columns that count by themselves.
    pub own: Vec<usize>,
    /// Weights: one per known device, one per own column, the constant.
    pub weights: Vec<f64>,
    /// Smallest answer.
    pub floor: f64,
}

impl Transfer {
    /// The figure of a row.
    pub fn predict(&self, row: &[f64]) -> f64 {
        dot(&self.weights, &mixture(&self.sources, &self.own, row)).max(self.floor)
    }
}

/// What is mixed: the known devices' answers, the own columns, one.
fn mixture(sources: &[Known], own: &[usize], row: &[f64]) -> Vec<f64> {
    let answers = sources.iter().map(|s| s.model.predict(row));
    answers.chain(own.iter().map(|c| row.get(*c).copied().unwrap_or(0.0))).chain([1.0]).collect()
}

/// Rounds of moving the medoids; they rest after a few.
const ROUNDS: usize = 20;

/// Which `k` of these networks to measure on a new device: medoids of clusters in what the known devices say of them (logarithms,
/// each device standardised). Depends on the rows and their order alone; fewer come back where there are fewer distinct networks.
///
/// # Errors
/// Where no device is known or a row does not fit one.
pub fn design(known: &[Known], rows: &[Vec<f64>], k: usize) -> Result<Vec<usize>, PredictError> {
    checked(known, None)?;
    for (i, row) in rows.iter().enumerate() {
        check_row(&known[0].columns, i, row)?;
    }
    let mut points: Vec<Vec<f64>> =
        rows.iter().map(|row| known.iter().map(|s| s.model.predict(row).ln()).collect()).collect();
    standardise(&mut points, known.len());
    // Farthest-first from the network nearest the centre, so that no chance enters.
    let Some(first) = nearest(&points, &vec![0.0; known.len()]) else { return Ok(Vec::new()) };
    let mut chosen = vec![first];
    let mut near: Vec<f64> = points.iter().map(|p| distance(p, &points[first])).collect();
    while chosen.len() < k {
        let far = (0..points.len()).max_by(|a, b| near[*a].total_cmp(&near[*b]).then(b.cmp(a)));
        let Some(far) = far.filter(|i| near[*i] > 0.0) else { break };
        chosen.push(far);
        for (n, p) in near.iter_mut().zip(&points) {
            *n = n.min(distance(p, &points[far]));
        }
    }
    for _ in 0..ROUNDS {
        let moved = settle(&points, &chosen);
        if moved == chosen {
            break;
        }
        chosen = moved;
    }
    chosen.sort_unstable();
    chosen.dedup();
    Ok(chosen)
}

/// Moves each medoid to the point nearest the mean of those that are nearest to it.
fn settle(points: &[Vec<f64>], chosen: &[usize]) -> Vec<usize> {
    let width = points.first().map_or(0, Vec::len);
    let mut sums = vec![(vec![0.0; width], 0.0); chosen.len()];
    for point in points {
        let to = |c: &usize| distance(point, &points[*c]);
        let own = (0..chosen.len()).min_by(|a, b| to(&chosen[*a]).total_cmp(&to(&chosen[*b])).then(a.cmp(b)));
        if let Some(own) = own {
            sums[own].1 += 1.0;
            for (s, v) in sums[own].0.iter_mut().zip(point) {
                *s += v;
            }
        }
    }
    let moved = sums.iter().zip(chosen).map(|((sum, n), old)| {
        let mean: Vec<f64> = sum.iter().map(|s| s / f64::max(*n, 1.0)).collect();
        nearest(points, &mean).filter(|_| *n > 0.0).unwrap_or(*old)
    });
    moved.collect()
}

fn nearest(points: &[Vec<f64>], to: &[f64]) -> Option<usize> {
    let d = |i: &usize| distance(&points[*i], to);
    (0..points.len()).min_by(|a, b| d(a).total_cmp(&d(b)).then(a.cmp(b)))
}

fn distance(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| (x - y) * (x - y)).sum()
}

#[allow(clippy::cast_precision_loss, reason = "row counts are below 2^20")]
fn standardise(points: &mut [Vec<f64>], width: usize) {
    let n = points.len().max(1) as f64;
    for c in 0..width {
        let mean = points.iter().map(|p| p[c]).sum::<f64>() / n;
        let spread = (points.iter().map(|p| (p[c] - mean) * (p[c] - mean)).sum::<f64>() / n).sqrt();
        for p in points.iter_mut() {
            p[c] = if spread > 0.0 { (p[c] - mean) / spread } else { 0.0 };
        }
    }
}

/// Pull on the known devices' weights, in samples: almost none, their scale is what is looked for.
const PULL_KNOWN: f64 = 0.01;
/// How a new device is fitted.
#[derive(Debug, Clone, PartialEq)]
pub struct FewOptions {
    /// Pulls towards zero on the device's own operations, in samples, that compete by leaving samples out; infinity leaves the
    /// operations out. The simplest first: a later one must be better.
    pub pulls: Vec<f64>,
    /// Share of new networks an interval should hold.
    pub nominal: f64,
}

impl Default for FewOptions {
    fn default() -> Self {
        Self { pulls: vec![f64::INFINITY, 10.0, 1.0, 0.1], nominal: 0.9 }
    }
}

/// Fits a new device from few samples. The baseline is the linear model on operation counts from the same samples. Intervals are
/// from residuals of samples left out; below 19 samples no share can be promised for them, and the outermost residual is taken and
/// half as far again.
///
/// # Errors
/// Where no device is known, columns differ from theirs, or there are fewer than 5 samples.
pub fn adapt(
    known: &[Known],
    table: &Table,
    options: &FewOptions,
    stream: &mut Stream,
) -> Result<Fitted, PredictError> {
    checked(known, Some(table.columns()))?;
    // The baseline alone competes here: it brings the checks and the errors of its own folds.
    let alone = Options { candidates: Vec::new(), folds: table.len().min(20), nominal: options.nominal };
    let mut fitted = fit(table, &alone, stream)?;
    let (mut best, mut score, mut held) = (f64::INFINITY, f64::INFINITY, Vec::new());
    for pull in options.pulls.iter().copied() {
        if pull.is_nan() || pull <= 0.0 {
            return Err(PredictError::Setting { name: "pull", found: pull, expected: "a number above 0" });
        }
        let predicted = leave_one_out(known, table, pull);
        let own = capped(&predicted, table.target());
        if own < score {
            (best, score, held) = (pull, own, predicted);
        }
    }
    if held.is_empty() {
        held = leave_one_out(known, table, best);
        score = capped(&held, table.target());
    }
    let transfer = mix(known, table, best, None);
    let residuals: Vec<f64> = held.iter().zip(table.target()).map(|(p, m)| (m / p).ln()).collect();
    let ratios = interval(residuals, options.nominal);
    let intervals: Vec<[f64; 2]> = held.iter().map(|p| [p * ratios[0], p * ratios[1]]).collect();
    fitted.candidates.push(Candidate {
        name: "few-shot".to_owned(),
        cross_validated: Figures::of(&held, table.target(), &intervals),
        score,
    });
    fitted.chosen = fitted.candidates.len() - 1;
    fitted.predictor = Predictor {
        family: "few-shot".to_owned(),
        ratios,
        guard: widened(known, Guard::new(table)),
        model: Model::Transfer(transfer),
        ..fitted.predictor
    };
    Ok(fitted)
}

/// What the known devices cover vouches for the features; ten samples say little of the figure's range, so it may double.
fn widened(known: &[Known], mut guard: Guard) -> Guard {
    for source in known {
        for (c, low) in guard.low.iter_mut().enumerate() {
            *low = source.guard.low.get(c).map_or(*low, |v| low.min(*v));
        }
        for (c, high) in guard.high.iter_mut().enumerate() {
            *high = source.guard.high.get(c).map_or(*high, |v| high.max(*v));
        }
    }
    guard.figure = [guard.figure[0] / 2.0, guard.figure[1] * 2.0];
    guard
}

#[allow(clippy::cast_precision_loss, reason = "row counts are below 2^20")]
fn capped(predicted: &[f64], measured: &[f64]) -> f64 {
    let one = |(p, m): (&f64, &f64)| (m / p).ln().abs().min(std::f64::consts::LN_2);
    predicted.iter().zip(measured).map(one).sum::<f64>() / predicted.len().max(1) as f64
}

/// A prediction for each sample from all others; samples of one network leave together.
fn leave_one_out(known: &[Known], table: &Table, pull: f64) -> Vec<f64> {
    (0..table.len())
        .map(|i| mix(known, table, pull, Some(table.groups()[i])).predict(&table.rows()[i]))
        .collect()
}

/// The mixture that fits the samples outside `without`.
fn mix(known: &[Known], table: &Table, pull: f64, without: Option<u64>) -> Transfer {
    let own = if pull.is_finite() { supported(table) } else { Vec::new() };
    let design: Vec<Vec<f64>> = table.rows().iter().map(|row| mixture(known, &own, row)).collect();
    let mut penalty = vec![PULL_KNOWN; known.len()];
    penalty.resize(known.len() + own.len(), pull);
    penalty.push(if pull.is_finite() { pull } else { PULL_KNOWN });
    let weight = |g: &u64| if Some(*g) == without { 0.0 } else { 1.0 };
    let weights: Vec<f64> = table.groups().iter().map(weight).collect();
    let problem = Relative { design: &design, target: table.target(), penalty: &penalty, robust: true };
    let floor = 0.25 * table.target().iter().copied().fold(f64::INFINITY, f64::min);
    Transfer { sources: known.to_vec(), own, weights: problem.solve(&weights), floor }
}

/// The additive columns in which at least a third of the samples, and three, differ from the smallest value: work that one or two
/// samples of ten have cannot be priced by them.
fn supported(table: &Table) -> Vec<usize> {
    let least = (table.len() / 3).max(3);
    let differs = |c: &usize| {
        let low = table.rows().iter().map(|row| row[*c]).fold(f64::INFINITY, f64::min);
        table.rows().iter().filter(|row| row[*c] > low).count() >= least
    };
    table.additive().into_iter().filter(differs).collect()
}

/// Refuses an empty list of devices, or devices of other columns.
fn checked(known: &[Known], columns: Option<&[Column]>) -> Result<(), PredictError> {
    let Some(first) = known.first() else {
        return Err(PredictError::TooFew { found: 0, expected: 1, purpose: "start from known devices" });
    };
    let expected = columns.unwrap_or(&first.columns);
    known.iter().try_for_each(|k| same_columns(&k.columns, expected))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Networks of convolutions and poolings; a device is its price of each.
    fn device(n: usize, conv: f64, pool: f64, seed: u64) -> Table {
        let mut stream = Stream::new(seed);
        let columns = vec![Column::additive("conv"), Column::additive("pool"), Column::shape("depth")];
        let real = |v: usize| f64::from(u32::try_from(v).unwrap());
        let rows: Vec<Vec<f64>> = (0..n)
            .map(|_| vec![real(stream.below(7)), real(stream.below(7)), real(stream.below(4))])
            .collect();
        // Deep networks are slower by a third on all devices: what ten samples alone do not show.
        let slow = |r: &[f64]| if r[2] > 2.5 { 1.33 } else { 1.0 };
        let target = rows.iter().map(|r| slow(r) * (1.0 + conv * r[0] + pool * r[1])).collect();
        Table::new(columns, rows, target, None).unwrap()
    }

    fn known() -> Vec<Known> {
        let learn =
            |name, conv, pool| Known::learn(name, &device(500, conv, pool, 1), &mut Stream::new(2)).unwrap();
        vec![learn("a", 3.0, 0.5), learn("b", 1.0, 2.0)]
    }

    #[test]
    fn ten_samples_and_two_known_devices_beat_ten_samples_alone() {
        let known = known();
        let pool = device(400, 2.0, 1.2, 7);
        let chosen = design(&known, pool.rows(), 10).unwrap();
        assert_eq!(chosen.len(), 10);
        let fitted =
            adapt(&known, &pool.select(&chosen), &FewOptions::default(), &mut Stream::new(3)).unwrap();
        let error = |p: &Predictor| {
            let predicted: Vec<f64> = pool.rows().iter().map(|r| p.predict(r).unwrap().value).collect();
            Figures::of(&predicted, pool.target(), &[]).mean_error
        };
        let (few, alone) = (error(&fitted.predictor), error(&fitted.baseline));
        assert!(few < 0.06 && few < 0.6 * alone, "{few} {alone}");
    }

    #[test]
    fn the_design_does_not_depend_on_chance_and_stays_within_the_networks() {
        let known = known();
        let rows = device(50, 1.0, 1.0, 9).rows().to_vec();
        let chosen = design(&known, &rows, 12).unwrap();
        assert_eq!(chosen, design(&known, &rows, 12).unwrap());
        assert!(chosen.windows(2).all(|w| w[0] < w[1]) && chosen.iter().all(|i| *i < 50));
        let same = vec![rows[0].clone(); 5];
        assert_eq!(design(&known, &same, 3).unwrap(), [0]);
    }

    #[test]
    fn no_known_device_or_another_set_of_columns_is_refused() {
        let table = device(10, 1.0, 1.0, 1);
        let error = adapt(&[], &table, &FewOptions::default(), &mut Stream::new(1)).unwrap_err();
        assert_eq!(error.to_string(), "0 samples, at least 1 needed to start from known devices");
        let other = vec![Column::additive("conv"), Column::additive("pooling"), Column::shape("depth")];
        let table = Table::new(other, table.rows().to_vec(), table.target().to_vec(), None).unwrap();
        assert!(matches!(
            adapt(&known(), &table, &FewOptions::default(), &mut Stream::new(1)),
            Err(PredictError::Columns { .. })
        ));
    }
}
