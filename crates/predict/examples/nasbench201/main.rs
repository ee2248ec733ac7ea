//! The figures of the predictors on measured NAS-Bench-201 networks: a hundred canonical samples of a board, and ten samples of one
//! device from the others.
//!
//! `NASC_SHARED=DIR cargo run --release -p nasc-predict --example nasbench201 [draws]` reads `DIR/data/nasbench201/cifar10.csv.gz`
//! (without the variable, `../shared` beside the project).

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "an example prints its findings")]

mod cell;

use nasc_predict::fewshot::{FewOptions, Known, adapt, design};
use nasc_predict::{Column, Figures, Options, Predictor, Stream, Table, fit};
use std::collections::{HashMap, HashSet};
use std::io::Read;
use std::path::PathBuf;
use std::process::ExitCode;

type Failure = Box<dyn std::error::Error>;

/// Latency columns of the table; any other that ends in `_ms` is taken too.
const SUFFIX: &str = "_ms";

struct Data {
    columns: Vec<Column>,
    rows: Vec<Vec<f64>>,
    classes: Vec<u64>,
    devices: Vec<(String, Vec<f64>)>,
    /// Cells whose output does not depend on their input.
    constant: Vec<bool>,
}

fn main() -> ExitCode {
    let shared = std::env::var_os("NASC_SHARED").map_or_else(|| PathBuf::from("../shared"), PathBuf::from);
    let path = shared.join("data/nasbench201/cifar10.csv.gz");
    let Ok(packed) = std::fs::read(&path) else {
        eprintln!("{} is missing: set NASC_SHARED to the folder that holds data/nasbench201", path.display());
        return ExitCode::from(2);
    };
    match report(&packed) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{}: {error}", path.display());
            ExitCode::from(1)
        }
    }
}

fn report(packed: &[u8]) -> Result<(), Failure> {
    let draws: u64 = std::env::args().nth(1).map_or(Ok(20), |n| n.parse())?;
    let mut text = String::new();
    flate2::read::GzDecoder::new(packed).read_to_string(&mut text)?;
    let data = load(&text)?;
    let constant = data.constant.iter().filter(|c| **c).count();
    println!("{} networks, {} features", data.rows.len(), data.columns.len());
    println!(
        "{constant} cells do not depend on their input: a compiler may leave nothing to run, whatever the features say."
    );
    println!("They, and rows below 1 ms on the board, stand in neither samples nor tests.\n");
    samples(&data, "raspi4_ms", 100, draws)?;
    few_shot(&data, 10, draws.min(10))
}

fn load(text: &str) -> Result<Data, Failure> {
    let mut lines = text.lines();
    let header: Vec<&str> = lines.next().ok_or("the table is empty")?.split(',').collect();
    let at = |name: &str| header.iter().position(|h| *h == name).ok_or(format!("no column `{name}`"));
    let (ops, class) = (at("ops")?, at("iso_class")?);
    let timed: Vec<usize> = (0..header.len()).filter(|c| header[*c].ends_with(SUFFIX)).collect();
    let columns: Vec<Column> = cost::features::columns()
        .into_iter()
        .map(|f| Column { name: f.name, additive: f.additive })
        .collect();
    let left = columns.iter().position(|c| c.name == "ops").ok_or("no feature `ops`")?;
    let mut data = Data {
        columns,
        rows: Vec::new(),
        classes: Vec::new(),
        devices: timed.iter().map(|c| (header[*c].to_owned(), Vec::new())).collect(),
        constant: Vec::new(),
    };
    for line in lines {
        let fields: Vec<&str> = line.split(',').collect();
        let field = |c: usize| fields.get(c).copied().ok_or(format!("short line `{line}`"));
        let graph = cell::network(field(ops)?).ok_or(format!("no network for `{line}`"))?;
        let row = cost::features::extract(&graph);
        data.constant.push(row[left] < 0.5);
        data.rows.push(row);
        data.classes.push(field(class)?.parse()?);
        for (device, column) in data.devices.iter_mut().zip(&timed) {
            device.1.push(field(*column)?.parse()?);
        }
    }
    Ok(data)
}

impl Data {
    fn device(&self, name: &str) -> Result<&[f64], Failure> {
        let found = self.devices.iter().find(|d| d.0 == name).ok_or(format!("no column `{name}`"))?;
        Ok(&found.1)
    }

    fn usable(&self, latency: &[f64]) -> Vec<usize> {
        (0..self.rows.len()).filter(|i| !self.constant[*i] && latency[*i] >= 1.0).collect()
    }

    fn table(&self, indices: &[usize], latency: &[f64]) -> Result<Table, Failure> {
        let rows = indices.iter().map(|i| self.rows[*i].clone()).collect();
        let target = indices.iter().map(|i| latency[*i]).collect();
        let groups = indices.iter().map(|i| self.classes[*i]).collect();
        Ok(Table::new(self.columns.clone(), rows, target, Some(groups))?)
    }
}

/// `n` samples of distinct classes, tested on every row of all other classes.
fn samples(data: &Data, device: &str, n: usize, draws: u64) -> Result<(), Failure> {
    println!(
        "{device}: {n} samples, one per isomorphism class; tested on all rows of other classes; mean of {draws} draws"
    );
    let latency = data.device(device)?;
    let usable = data.usable(latency);
    let mut found: Vec<(String, Vec<Figures>)> = Vec::new();
    let mut picked: HashMap<String, u32> = HashMap::new();
    for draw in 0..draws {
        let mut stream = Stream::new(draw);
        // Rows in random order, the first of each class: what a user who skips networks already measured would take.
        let mut order = usable.clone();
        stream.shuffle(&mut order);
        let (mut chosen, mut classes) = (Vec::new(), HashSet::new());
        for i in order {
            if chosen.len() < n && classes.insert(data.classes[i]) {
                chosen.push(i);
            }
        }
        let test: Vec<usize> =
            usable.iter().copied().filter(|i| !classes.contains(&data.classes[*i])).collect();
        let (table, test) = (data.table(&chosen, latency)?, data.table(&test, latency)?);
        let fitted = fit(&table, &Options::default(), &mut stream)?;
        *picked.entry(fitted.predictor.family.clone()).or_default() += 1;
        let mut note = |name: &str, figures: Figures| match found.iter_mut().find(|f| f.0 == name) {
            Some(entry) => entry.1.push(figures),
            None => found.push((name.to_owned(), vec![figures])),
        };
        note("linear baseline", figures(&fitted.baseline, &test)?);
        note("chosen", figures(&fitted.predictor, &test)?);
        for recipe in Options::default().candidates {
            let model = recipe.fit(&table, &mut Stream::new(draw))?;
            let predicted: Vec<f64> = test.rows().iter().map(|row| model.predict(row)).collect();
            note(&format!("{} alone", recipe.name()), Figures::of(&predicted, test.target(), &[]));
        }
    }
    heading();
    for (name, figures) in &found {
        line(name, figures);
    }
    let mut picked: Vec<_> = picked.into_iter().collect();
    picked.sort();
    println!("chosen by cross-validation on the samples: {picked:?}\n");
    Ok(())
}

/// Each device from all others: their full tables, and `n` designed samples of its own.
fn few_shot(data: &Data, n: usize, draws: u64) -> Result<(), Failure> {
    println!(
        "{n} samples of one device, all rows of the others; the samples are medoids in what the others say"
    );
    let everywhere: Vec<usize> = (0..data.rows.len())
        .filter(|i| !data.constant[*i] && data.devices.iter().all(|d| d.1[*i] >= 1.0))
        .collect();
    let mut known = Vec::new();
    for (name, latency) in &data.devices {
        known.push(Known::learn(name, &data.table(&everywhere, latency)?, &mut Stream::new(1))?);
    }
    heading();
    for (target, (name, latency)) in data.devices.iter().enumerate() {
        let sources: Vec<Known> =
            known.iter().enumerate().filter(|(i, _)| *i != target).map(|(_, k)| k.clone()).collect();
        let all = data.table(&everywhere, latency)?;
        let designed = design(&sources, all.rows(), n)?;
        let (few, base) = transfer(&sources, &all, &designed)?;
        line(&format!("{name}, designed"), &[few]);
        line(&format!("{name}, linear baseline"), &[base]);
        let mut random = Vec::new();
        for draw in 0..draws {
            let mut order: Vec<usize> = (0..all.len()).collect();
            Stream::new(draw).shuffle(&mut order);
            random.push(transfer(&sources, &all, &order[..n])?.0);
        }
        line(&format!("{name}, mean of {draws} random draws"), &random);
    }
    Ok(())
}

fn transfer(sources: &[Known], all: &Table, chosen: &[usize]) -> Result<(Figures, Figures), Failure> {
    let fitted = adapt(sources, &all.select(chosen), &FewOptions::default(), &mut Stream::new(1))?;
    let rest: Vec<usize> = (0..all.len()).filter(|i| !chosen.contains(i)).collect();
    let rest = all.select(&rest);
    Ok((figures(&fitted.predictor, &rest)?, figures(&fitted.baseline, &rest)?))
}

fn figures(predictor: &Predictor, test: &Table) -> Result<Figures, Failure> {
    let (mut values, mut intervals) = (Vec::new(), Vec::new());
    for row in test.rows() {
        let found = predictor.predict(row)?;
        values.push(found.value);
        intervals.push(found.interval);
    }
    Ok(Figures::of(&values, test.target(), &intervals))
}

fn heading() {
    println!(
        "{:42} {:>6} {:>8} {:>9} {:>8} {:>8} {:>6}",
        "", "tau", "spearman", "within10%", "mean err", "coverage", "width"
    );
}

#[allow(clippy::cast_precision_loss, reason = "few draws")]
fn line(name: &str, figures: &[Figures]) {
    let n = figures.len().max(1) as f64;
    let mean = |f: fn(&Figures) -> f64| figures.iter().map(f).sum::<f64>() / n;
    println!(
        "{name:42} {:6.3} {:8.3} {:8.1}% {:7.1}% {:7.1}% {:6.2}",
        mean(|f| f.kendall_tau),
        mean(|f| f.spearman),
        100.0 * mean(|f| f.within_10_percent),
        100.0 * mean(|f| f.mean_error),
        100.0 * mean(|f| f.coverage),
        mean(|f| f.mean_width),
    );
}
