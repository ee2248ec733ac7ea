//! Correcting an analytical model by a few measured samples, and the file a device's predictors are kept in.
//!
//! An analytical model says how long each resource is busy: compute, each memory port, the start of each operation. The device
//! multiplies each by a factor of its own and adds a constant. Factors are not negative, are found by absolute relative errors, and
//! come with the range that resamples give them. Outside the samples' range the answer is refused or widened
//! ([`Predictor::estimate`]).

use crate::{
    Candidate, Column, Family, Figures, Fitted, Linear, LinearOptions, Model, Options, PredictError,
    Predictor, Stream, Table, fit,
};
use hw::{Estimate, Origin};
use serde::{Deserialize, Serialize};

/// A factor on a resource.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Factor {
    /// The resource: the column's name, or `constant`.
    pub resource: String,
    /// Figure per unit of the column.
    pub value: f64,
    /// The middle nine tenths of what resamples of the measurements give.
    pub interval: [f64; 2],
}

/// A calibrated analytical model.
#[derive(Debug, Clone, PartialEq)]
pub struct Calibration {
    /// Answers with the factors applied; its range is that of the samples.
    pub predictor: Predictor,
    /// The factors.
    pub factors: Vec<Factor>,
    /// Errors over the folds, with the factors fitted without the fold.
    pub cross_validated: Figures,
    /// Errors of the sum of the columns as they are, factors at 1.
    pub uncalibrated: Figures,
}

/// Fits a factor per additive column, each in the unit of the figure, and a constant.
///
/// # Errors
/// As [`fit()`].
pub fn calibrate(table: &Table, nominal: f64, stream: &mut Stream) -> Result<Calibration, PredictError> {
    let recipe = Family::Linear(LinearOptions::ROBUST);
    let options = Options { candidates: vec![recipe], nominal, ..Options::default() };
    let Fitted { predictor, baseline, candidates, chosen } = fit(table, &options, stream)?;
    // Factors with a range need resamples: the recipe that has them is fitted again where the plain one was chosen.
    let spread = match recipe.fit(table, &mut stream.split())? {
        Model::Linear(linear) => linear,
        _ => return Err(PredictError::NoAdditive),
    };
    let used = if chosen == 0 { &baseline } else { &predictor };
    let Model::Linear(own) = &used.model else { return Err(PredictError::NoAdditive) };
    let factors = factors(table.columns(), own, &spread);
    let columns = table.additive();
    let plain: Vec<f64> = table
        .rows()
        .iter()
        .map(|row| columns.iter().map(|c| row[*c]).sum::<f64>().max(f64::MIN_POSITIVE))
        .collect();
    let uncalibrated = Figures::of(&plain, table.target(), &[]);
    let cross_validated = candidates[chosen].cross_validated;
    Ok(Calibration { predictor: used.clone(), factors, cross_validated, uncalibrated })
}

/// The factors of a linear model, with the range of its resamples.
fn factors(columns: &[Column], own: &Linear, spread: &Linear) -> Vec<Factor> {
    let names = own.columns.iter().map(|c| columns[*c].name.clone()).chain(["constant".to_owned()]);
    let middle = own.coefficients();
    names
        .enumerate()
        .map(|(i, resource)| {
            let mut values: Vec<f64> = spread.members.iter().map(|m| m[i]).collect();
            values.sort_by(f64::total_cmp);
            let cut = values.len() / 20;
            let (low, high) = (values[cut], values[values.len() - 1 - cut]);
            Factor { resource, value: middle[i], interval: [low.min(middle[i]), high.max(middle[i])] }
        })
        .collect()
}

/// Form of the device file that this version writes and reads.
pub const VERSION: u32 = 1;

/// A figure's predictors: the chosen one, the baseline beside it, and how each did.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fit {
    /// Unit of the figure, such as `ms`.
    pub unit: String,
    /// Index in `candidates` of the recipe that answers.
    pub chosen: usize,
    /// Every recipe that competed, the linear baseline first, with its cross-validated errors.
    pub candidates: Vec<Candidate>,
    /// Coefficients of the linear baseline that are not 0, by resource.
    pub factors: Vec<Factor>,
    /// What answers.
    pub predictor: Predictor,
    /// Non-negative least squares on operation counts.
    pub baseline: Predictor,
}

/// A device known by measurements: what `nasc calibrate` writes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Device {
    /// Form of the file.
    pub calibration_version: u32,
    /// The device with its runtime: one board under two runtimes is two devices.
    pub name: String,
    /// What it is calibrated from: a target or a hardware file.
    pub base: String,
    /// What ran the samples.
    pub runtime: String,
    /// Samples used.
    pub samples: usize,
    /// Where the samples come from.
    pub source: String,
    /// How the figures below were obtained.
    pub origin: Origin,
    /// Latency of one inference.
    pub latency: Fit,
    /// Energy of one inference, where it was measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub energy: Option<Fit>,
}

impl Fit {
    /// Keeps what a fit found. The ranges of the baseline's factors come from resamples of the table drawn from the stream.
    ///
    /// # Errors
    /// Where the table cannot carry a linear model.
    pub fn new(unit: &str, table: &Table, fitted: Fitted, stream: &mut Stream) -> Result<Self, PredictError> {
        let Fitted { predictor, baseline, candidates, chosen } = fitted;
        let resampled = LinearOptions { bags: 24, ..LinearOptions::BASELINE };
        let spread = Linear::fit(table, &resampled, stream)?;
        let factors = match &baseline.model {
            Model::Linear(own) => factors(table.columns(), own, &spread),
            _ => Vec::new(),
        };
        let factors = factors.into_iter().filter(|f| f.value > 0.0).collect();
        Ok(Self { unit: unit.to_owned(), chosen, candidates, factors, predictor, baseline })
    }

    /// The figure of a network from its features, by the chosen recipe and by the linear baseline.
    ///
    /// # Errors
    /// Where the features are not those it was fitted on, or, with `refuse`, where the network lies outside the samples.
    pub fn apply(
        &self,
        columns: &[Column],
        row: &[f64],
        refuse: bool,
    ) -> Result<[Estimate; 2], PredictError> {
        self.predictor.accepts(columns)?;
        let chosen = self.predictor.estimate(row, &self.unit, refuse)?;
        Ok([chosen, self.baseline.estimate(row, &self.unit, refuse)?])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Compute runs at half the speed the model says, the memory as it says, and each operation takes 0.2 ms to start.
    fn samples() -> Table {
        let columns =
            vec![Column::additive("compute_ms"), Column::additive("dram_ms"), Column::additive("starts")];
        let mut stream = Stream::new(1);
        let real = |v: usize| f64::from(u32::try_from(v).unwrap()) / 10.0;
        let mut draw = |n| real(stream.below(n));
        let rows: Vec<Vec<f64>> =
            (0..40).map(|_| vec![1.0 + draw(90), 1.0 + draw(40), (10.0 * draw(30)).round()]).collect();
        let target = rows.iter().map(|r| 2.0 * r[0] + r[1] + 0.2 * r[2] + 0.5).collect();
        Table::new(columns, rows, target, None).unwrap()
    }

    #[test]
    fn factors_per_resource_are_found_again_with_their_range() {
        let found = calibrate(&samples(), 0.9, &mut Stream::new(2)).unwrap();
        for (factor, expected) in found.factors.iter().zip([2.0, 1.0, 0.2, 0.5]) {
            assert!((factor.value - expected).abs() < 0.05, "{factor:?}");
            assert!(factor.interval[0] <= factor.value && factor.value <= factor.interval[1]);
        }
        assert!(found.cross_validated.mean_error < 0.01, "{:?}", found.cross_validated);
        assert!(found.uncalibrated.mean_error > 0.3, "{:?}", found.uncalibrated);
    }

    #[test]
    fn a_device_file_reads_back_as_written_and_rejects_unknown_keys() {
        let table = samples();
        let fitted = fit(&table, &Options::default(), &mut Stream::new(2)).unwrap();
        let latency = Fit::new("ms", &table, fitted, &mut Stream::new(3)).unwrap();
        let device = Device {
            calibration_version: VERSION,
            name: "board (runtime)".to_owned(),
            base: "board".to_owned(),
            runtime: "runtime".to_owned(),
            samples: table.len(),
            source: "samples.csv".to_owned(),
            origin: Origin::Predicted,
            latency,
            energy: None,
        };
        let text = toml::to_string(&device).unwrap();
        let back: Device = toml::from_str(&text).unwrap();
        assert_eq!(back, device);
        let row = table.rows()[0].clone();
        let [chosen, linear] = back.latency.apply(table.columns(), &row, true).unwrap();
        assert!((chosen.value / table.target()[0] - 1.0).abs() < 0.1, "{chosen:?}");
        assert_eq!((chosen.unit.as_str(), linear.origin), ("ms", Origin::Predicted));
        assert!(chosen.safe_upper() >= chosen.value);
        let unknown = text.replacen("runtime =", "runtimes =", 1);
        assert!(toml::from_str::<Device>(&unknown).is_err());
    }
}
