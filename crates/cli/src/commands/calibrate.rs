//! `nasc calibrate`: a device known by its measured samples, as a file that answers for networks not measured.

use crate::args::Calibrate;
use crate::commands::calibrate_measure;
use crate::console::Console;
use crate::failure::{Failure, chain};
use crate::pipeline;
use ir::Graph;
use predict::calibrate::{Device, Fit, VERSION};
use predict::csv::{self, Samples};
use predict::fewshot::{FewOptions, Known, adapt};
use predict::{Column, Options, PredictError, Stream, Table, fit};
use report::Align;
use serde_json::json;
use std::path::{Path, PathBuf};

/// Largest table of samples that is read.
const LARGEST_TABLE: u64 = 64 << 20;
/// Largest device file that is read.
const LARGEST_DEVICE: u64 = 256 << 20;

/// What is calibrated and how; the samples come beside it.
pub(crate) struct Request<'a> {
    /// The target or machine the samples were taken on.
    pub(crate) base: String,
    /// Devices already known.
    pub(crate) few_shot: &'a [PathBuf],
    /// Share of networks an interval should hold.
    pub(crate) interval: f64,
    /// Seed of folds and resamples.
    pub(crate) seed: u64,
    /// Passes applied to a model before its features are taken.
    pub(crate) passes: &'a str,
    /// The file to write.
    pub(crate) output: &'a Path,
}

pub(super) fn run(args: &Calibrate, console: &Console) -> Result<(), Failure> {
    let Some(table) = args.samples.as_deref().filter(|_| !args.measure) else {
        return calibrate_measure::run(args, console);
    };
    let base = match (&args.target, &args.hardware) {
        (Some(target), _) => pipeline::target(target)?.name().to_owned(),
        (None, Some(machine)) => crate::hardware::load(machine, &[])?.name,
        (None, None) => return Err(Failure::input("neither --target nor --hardware")),
    };
    let request = Request {
        base,
        few_shot: &args.few_shot,
        interval: args.interval,
        seed: args.seed,
        passes: &args.passes,
        output: &args.output,
    };
    let text = bounded(table, LARGEST_TABLE)?;
    let place = |e: csv::CsvError| Failure::input(format!("{}: {e}", table.display()));
    let mut samples = csv::parse(&text).map_err(place)?;
    if let Some(runtime) = &args.runtime {
        samples.runtime = Some(runtime.clone());
    }
    finish(&request, &samples, table, console)
}

/// Fits what was measured and writes the device file; `table` is where the samples come from, and models lie beside it.
pub(crate) fn finish(
    request: &Request<'_>,
    samples: &Samples,
    table: &Path,
    console: &Console,
) -> Result<(), Failure> {
    if !(request.interval > 0.0 && request.interval < 1.0) {
        let message = format!("--interval is {}, a number between 0 and 1 expected", request.interval);
        return Err(Failure::input(message));
    }
    let (columns, rows) = features(samples, table, request.passes, console)?;
    let known =
        request.few_shot.iter().map(|path| known(path, &columns)).collect::<Result<Vec<Known>, Failure>>()?;
    let runtime = samples.runtime.clone().unwrap_or_else(|| "runtime not stated".to_owned());
    let latency: Vec<Option<f64>> = samples.rows.iter().map(|s| Some(s.latency_ms)).collect();
    let energy: Vec<Option<f64>> = samples.rows.iter().map(|s| s.energy_mj).collect();
    let fitting = Fitting { request, samples, columns: &columns, rows: &rows, known: &known, table };
    let device = Device {
        calibration_version: VERSION,
        name: format!("{} ({runtime})", request.base),
        base: request.base.clone(),
        runtime,
        samples: samples.rows.len(),
        source: table.file_name().map_or_else(String::new, |n| n.to_string_lossy().into_owned()),
        origin: hw::Origin::Predicted,
        latency: fitting.fit("ms", &latency, &known)?,
        energy: match energy.iter().any(Option::is_some) {
            // Known devices are known by their latency: it says nothing of joules.
            true => Some(fitting.fit("mJ", &energy, &[])?),
            false => None,
        },
    };
    let text = toml::to_string(&device).map_err(|e| Failure::about("the device file", &e))?;
    std::fs::write(request.output, text).map_err(|e| Failure::file(request.output, &e))?;
    show(&device, request.output, console)
}

struct Fitting<'a> {
    request: &'a Request<'a>,
    samples: &'a Samples,
    columns: &'a [Column],
    rows: &'a [Vec<f64>],
    known: &'a [Known],
    table: &'a Path,
}

impl Fitting<'_> {
    /// Fits one figure on the samples that have it.
    fn fit(&self, unit: &str, figures: &[Option<f64>], known: &[Known]) -> Result<Fit, Failure> {
        let having: Vec<usize> = (0..figures.len()).filter(|i| figures[*i].is_some()).collect();
        let rows = having.iter().map(|i| self.rows[*i].clone()).collect();
        let target = having.iter().filter_map(|i| figures[*i]).collect();
        let groups = groups(self.samples, self.rows, &having);
        let refused = |e: PredictError| {
            let few = matches!(e, PredictError::TooFew { .. });
            let failure = Failure::input(format!("{}: {e}", self.table.display()));
            if few && self.known.is_empty() {
                failure.help("ten samples are enough beside devices already known: --few-shot FILE.toml")
            } else {
                failure
            }
        };
        let table = Table::new(self.columns.to_vec(), rows, target, Some(groups)).map_err(refused)?;
        let mut stream = Stream::new(self.request.seed);
        let nominal = self.request.interval;
        let fitted = match known {
            [] => fit(&table, &Options { nominal, ..Options::default() }, &mut stream),
            known => adapt(known, &table, &FewOptions { nominal, ..FewOptions::default() }, &mut stream),
        };
        Fit::new(unit, &table, fitted.map_err(refused)?, &mut stream).map_err(refused)
    }
}

/// Samples of one network: those of one group, or of the same features, which no model could tell apart.
fn groups(samples: &Samples, rows: &[Vec<f64>], having: &[usize]) -> Vec<u64> {
    let mut seen: Vec<(Option<&str>, Vec<u64>)> = Vec::new();
    let mut number = |i: &usize| {
        let group = samples.rows[*i].group.as_deref();
        let bits = if group.is_some() { Vec::new() } else { rows[*i].iter().map(|v| v.to_bits()).collect() };
        let key = (group, bits);
        let at = seen.iter().position(|s| *s == key).unwrap_or_else(|| {
            seen.push(key);
            seen.len() - 1
        });
        at as u64
    };
    having.iter().map(&mut number).collect()
}

/// The features of every sample: those of its model's canonical graph, or those the table gives.
fn features(
    samples: &Samples,
    table: &Path,
    passes: &str,
    console: &Console,
) -> Result<(Vec<Column>, Vec<Vec<f64>>), Failure> {
    if !samples.features.is_empty() {
        let columns = samples.features.iter().map(Column::additive).collect();
        return Ok((columns, samples.rows.iter().map(|s| s.features.clone()).collect()));
    }
    if let Some(found) = calibrate_measure::work(samples, table) {
        return found;
    }
    let folder = table.parent().unwrap_or(Path::new(""));
    let progress = console.counter("reading models", samples.rows.len());
    let mut rows = Vec::with_capacity(samples.rows.len());
    for sample in &samples.rows {
        let path = folder.join(sample.model.as_deref().unwrap_or_default());
        let graph = read(&path, passes).map_err(|mut failure| {
            failure.message = format!("{}: line {}: {}", table.display(), sample.line, failure.message);
            failure
        })?;
        rows.push(cost::features::extract(&graph));
        progress.step();
    }
    Ok((columns(), rows))
}

/// The features of a graph, as a predictor names them.
pub(crate) fn columns() -> Vec<Column> {
    let named = cost::features::columns().into_iter();
    named.map(|f| Column { name: f.name, additive: f.additive }).collect()
}

/// A model as the device runs it: behind the passes, so that fused activations are no operations of their own.
fn read(path: &Path, passes: &str) -> Result<Graph, Failure> {
    let imported = formats::import(path, &formats::ImportOptions::default())
        .map_err(|e| crate::model::refused(path, &e))?;
    let mut graph = imported.graph;
    let context = passes::Context::default();
    pipeline::parse(passes)?
        .run(&mut graph, &context, &mut passes::Run::default())
        .map_err(|e| pipeline::failed(&e))?;
    Ok(graph)
}

/// A device file that an earlier calibration wrote.
pub(crate) fn device(path: &Path) -> Result<Device, Failure> {
    let text = bounded(path, LARGEST_DEVICE)?;
    let device: Device = toml::from_str(&text).map_err(|e| {
        let message = format!("{}: not a device file of `nasc calibrate`: {}", path.display(), chain(&e));
        Failure::input(message.trim_end())
    })?;
    if device.calibration_version != VERSION {
        let found = device.calibration_version;
        let message = format!("{}: calibration_version is {found}, {VERSION} expected", path.display());
        return Err(Failure::input(message).help("calibrate again from the samples"));
    }
    Ok(device)
}

/// A device already known, by the features the samples have.
fn known(path: &Path, columns: &[Column]) -> Result<Known, Failure> {
    let device = device(path)?;
    device.latency.predictor.accepts(columns).map_err(|e| {
        Failure::input(format!("{}: {e}", path.display()))
            .help("a known device must be calibrated on the same features: both tables name models, or the same columns")
    })?;
    Ok(Known::from_predictor(&device.name, device.latency.predictor))
}

fn bounded(path: &Path, largest: u64) -> Result<String, Failure> {
    let size = std::fs::metadata(path).map_err(|e| Failure::file(path, &e))?.len();
    if size > largest {
        let message = format!("{}: {size} bytes, at most {largest} expected", path.display());
        return Err(Failure::input(message));
    }
    std::fs::read_to_string(path).map_err(|e| Failure::file(path, &e))
}

fn show(device: &Device, output: &Path, console: &Console) -> Result<(), Failure> {
    let fits = || [Some(&device.latency), device.energy.as_ref()].into_iter().flatten();
    let part = |fit: &Fit| {
        json!({
            "unit": fit.unit, "chosen": fit.candidates[fit.chosen].name, "candidates": fit.candidates,
            "factors": fit.factors, "interval_ratios": fit.predictor.ratios, "nominal": fit.predictor.nominal,
        })
    };
    let value = json!({
        "file": output.display().to_string(), "name": device.name, "base": device.base,
        "runtime": device.runtime, "samples": device.samples, "origin": device.origin,
        "latency": part(&device.latency), "energy": device.energy.as_ref().map(part),
    });
    console.result(&value, || {
        for fit in fits() {
            console.table(&errors(fit))?;
            console.table(&factors(fit))?;
        }
        let [low, high] = device.latency.predictor.ratios;
        console.line(format!(
            "{}: {} samples, errors by cross-validation; {:.0} % of networks are expected within {:.2} to {:.2} of the prediction",
            device.name,
            device.samples,
            100.0 * device.latency.predictor.nominal,
            low,
            high,
        ))?;
        console.line(format!("written to {}", output.display()))
    })
}

/// Every recipe with its errors on samples it had not seen, the linear baseline first.
fn errors(fit: &Fit) -> report::Table {
    let right = |name| (name, Align::Right);
    let mut table = report::Table::new([
        ("predictor", Align::Left),
        right("mean error"),
        right("within 10 %"),
        right("Kendall tau"),
        right("Spearman"),
        right("covered"),
        right("width"),
        ("", Align::Left),
    ]);
    for (i, candidate) in fit.candidates.iter().enumerate() {
        let f = &candidate.cross_validated;
        let percent = |share: f64| format!("{:.1} %", 100.0 * share);
        let name = if i == 0 { "linear (baseline)" } else { &candidate.name };
        table.row([
            name.to_owned(),
            percent(f.mean_error),
            percent(f.within_10_percent),
            format!("{:.3}", f.kendall_tau),
            format!("{:.3}", f.spearman),
            percent(f.coverage),
            percent(f.mean_width),
            if i == fit.chosen { "chosen".to_owned() } else { String::new() },
        ]);
    }
    table
}

/// The baseline's coefficients.
fn factors(fit: &Fit) -> report::Table {
    let unit = &fit.unit;
    let mut table = report::Table::new([
        ("linear baseline: per unit of", Align::Left),
        (unit.as_str(), Align::Right),
        ("range of resamples", Align::Right),
    ]);
    for factor in &fit.factors {
        let [low, high] = factor.interval;
        table.row([
            factor.resource.clone(),
            format!("{:.3e}", factor.value),
            format!("{low:.3e} to {high:.3e}"),
        ]);
    }
    table
}
