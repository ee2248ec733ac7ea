//! `nasc calibrate --measure`: this machine's own CPU as a device, by random networks timed in a runtime.
//!
//! Beside the device file `H.toml` it leaves `H.samples.csv`, what was measured, and `H.networks`, the networks as text without
//! weights: weights do not change the times, and the seed makes them again.

use crate::args::Calibrate;
use crate::commands::calibrate::{self, Request};
use crate::console::Console;
use crate::failure::{Failure, chain};
use crate::{staging, verify};
use formats::Format;
use ir::Graph;
use predict::csv::{self, Samples};
use predict::{Column, Figures};
use report::{Align, Table};
use std::path::{Path, PathBuf};
use std::time::Duration;
use targets::Target;
use validate::device::{
    self, Host, Job, Package, Precision, Progress, Python, Repeats, Runtime, Sample, Sampling, Schedule,
    Timer, Visit, features, samples,
};

/// Networks where the user names no number.
const NETWORKS: usize = 100;
/// More than a night's work.
const MOST_NETWORKS: usize = 10_000;
/// Networks below which a fit says nothing.
const LEAST_NETWORKS: usize = 10;
/// What the C of the host is compiled by.
const HOST_TARGET: &str = "host-c";

pub(super) fn run(args: &Calibrate, console: &Console) -> Result<(), Failure> {
    let runtime = runtime(args)?;
    let count = count(args)?;
    let train = args.train.unwrap_or(count);
    if train > count || train < LEAST_NETWORKS {
        let message =
            format!("--train is {train}, {LEAST_NETWORKS} to {count} expected, as many as are measured");
        return Err(Failure::input(message));
    }
    let precisions = vec![Precision::F32, Precision::I8];
    let graphs = device::networks(&Sampling { count, seed: args.seed, precisions });
    let scratch = tempfile::tempdir().map_err(|e| Failure::file(Path::new("a temporary folder"), &e))?;
    let bench = Bench::set_up(runtime, &graphs, args.seed, scratch.path(), console)?;
    let repeats = bench.measure(args.seed, console)?;
    let table = beside(&args.output, "samples.csv");
    write(&table, &beside(&args.output, "networks"), &graphs, &repeats, &bench.name)?;
    let all = read(&table)?;
    let part = |range: std::ops::Range<usize>| Samples { rows: all.rows[range].to_vec(), ..all.clone() };
    let request = Request {
        base: cpu_model(&std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default()),
        few_shot: &args.few_shot,
        interval: args.interval,
        seed: args.seed,
        passes: &args.passes,
        output: &args.output,
    };
    calibrate::finish(&request, &part(0..train), &table, console)?;
    if train < count {
        held_out(args, &part(train..count), &table, console)?;
    }
    quiet(&repeats, console);
    Ok(())
}

fn runtime(args: &Calibrate) -> Result<Runtime, Failure> {
    let name = args.runtime.as_deref().unwrap_or(Runtime::OnnxRuntime.name());
    Runtime::ALL.into_iter().find(|r| r.name() == name).ok_or_else(|| {
        let names = Runtime::ALL.map(Runtime::name).join(", ");
        Failure::input(format!("--runtime is `{name}`, one of {names} expected with --measure"))
    })
}

fn count(args: &Calibrate) -> Result<usize, Failure> {
    let Some(given) = &args.samples else { return Ok(NETWORKS) };
    let number = given.to_str().and_then(|text| text.parse().ok());
    number.filter(|n| (LEAST_NETWORKS..=MOST_NETWORKS).contains(n)).ok_or_else(|| {
        let found = given.display();
        Failure::input(format!(
            "--samples is `{found}`, the number of networks expected with --measure, {LEAST_NETWORKS} to {MOST_NETWORKS}"
        ))
    })
}

/// `H.toml` becomes `H.WHAT`.
fn beside(output: &Path, what: &str) -> PathBuf {
    output.with_extension(what)
}

/// The first `model name` of Linux's list of processors.
fn cpu_model(list: &str) -> String {
    let line = list.lines().find_map(|line| line.strip_prefix("model name"));
    let name = line.and_then(|rest| rest.split_once(':')).map_or("", |(_, name)| name.trim());
    if name.is_empty() { "this machine's CPU".to_owned() } else { name.to_owned() }
}

/// The Python that `NASC_PYTHON` names, that of the nearest `.venv` from here upwards, or `python3`.
fn python() -> PathBuf {
    if let Some(named) = std::env::var_os("NASC_PYTHON") {
        return PathBuf::from(named);
    }
    let here = std::env::current_dir().unwrap_or_default();
    let found = here.ancestors().map(|dir| dir.join(".venv/bin/python")).find(|path| path.exists());
    found.unwrap_or_else(|| PathBuf::from("python3"))
}

fn failed(error: &device::Error) -> Failure {
    let failure = Failure::no(chain(error));
    match error {
        device::Error::Python { .. } | device::Error::Package { .. } => failure.help(
            "`cargo xtask setup` makes .venv with what is needed; NASC_PYTHON names another interpreter",
        ),
        _ => failure,
    }
}

/// Networks made ready for a runtime.
struct Bench {
    timer: std::cell::RefCell<Box<dyn Timer>>,
    jobs: Vec<Job>,
    /// The runtime with its version and threads.
    name: String,
}

impl Bench {
    fn set_up(
        runtime: Runtime,
        graphs: &[Graph],
        seed: u64,
        scratch: &Path,
        console: &Console,
    ) -> Result<Self, Failure> {
        let package = match runtime {
            Runtime::OnnxRuntime => Some((Package::OnnxRuntime, Format::Onnx)),
            Runtime::LiteRt => Some((Package::LiteRt, Format::Tflite)),
            Runtime::Host => None,
        };
        // What is missing is said before anything is made.
        let (timer, version): (Box<dyn Timer>, String) = match package {
            Some((package, _)) => {
                let mut python = Python::new(package, python());
                let version = python.version().map_err(|e| failed(&e))?;
                (Box::new(python), version)
            }
            None => (Box::new(Host), device::compiler_version(&host().recipe()).map_err(|e| failed(&e))?),
        };
        let progress = console.counter("making networks ready", graphs.len());
        let mut jobs = Vec::with_capacity(graphs.len());
        for graph in graphs {
            let filled = device::fill(graph, seed);
            let path = match package {
                Some((_, format)) => exported(&filled, format, scratch)?,
                None => built(&filled, scratch)?,
            };
            jobs.push(Job { name: graph.name.clone(), path });
            progress.step();
        }
        let flags = if runtime == Runtime::Host {
            format!(" {}", host().recipe().toolchain.optimisation)
        } else {
            String::new()
        };
        let name = format!("{} {version}{flags}, 1 thread", runtime.name());
        Ok(Self { timer: std::cell::RefCell::new(timer), jobs, name })
    }

    fn measure(&self, seed: u64, console: &Console) -> Result<Vec<Repeats>, Failure> {
        console.note(format!(
            "{} networks in {}: rounds until each agrees with itself",
            self.jobs.len(),
            self.name
        ));
        let schedule = Schedule { seed, visit: Visit::default(), ..Schedule::default() };
        let mut progress = |p: Progress| {
            console.note(format!("round {}: {} of {} networks settled", p.round, p.settled, p.networks));
        };
        let mut timer = self.timer.borrow_mut();
        device::collect(timer.as_mut(), &self.jobs, &schedule, &mut progress).map_err(|e| failed(&e))
    }
}

fn host() -> &'static dyn Target {
    targets::named(HOST_TARGET).expect("the portable target is always there")
}

fn exported(graph: &Graph, format: Format, scratch: &Path) -> Result<PathBuf, Failure> {
    let path = scratch.join(&graph.name).with_extension(format.name());
    formats::export(graph, &path, format)
        .map_err(|e| Failure::no(format!("{}: {}", graph.name, chain(&e))))?;
    Ok(path)
}

/// The network as C, built into a program that times it.
fn built(graph: &Graph, scratch: &Path) -> Result<PathBuf, Failure> {
    let dir = scratch.join(&graph.name);
    let code = dir.join("code");
    std::fs::create_dir_all(&code).map_err(|e| Failure::file(&code, &e))?;
    let compiled = ::compile::compile(graph, host(), &::compile::Options::default())
        .map_err(|e| Failure::no(format!("{}: {}", graph.name, chain(&e))))?;
    for file in &compiled.files {
        let path = code.join(&file.name);
        std::fs::write(&path, &file.text).map_err(|e| Failure::file(&path, &e))?;
    }
    let artifact = verify::artifact(&code, &compiled.manifest)?;
    let program = device::build(&host().recipe(), &artifact, &dir).map_err(|e| failed(&e))?;
    // A thousand networks of sources are not kept.
    std::fs::remove_dir_all(&code).map_err(|e| Failure::file(&code, &e))?;
    Ok(program)
}

/// The table, and the networks it names.
fn write(
    table: &Path,
    folder: &Path,
    graphs: &[Graph],
    repeats: &[Repeats],
    runtime: &str,
) -> Result<(), Failure> {
    std::fs::create_dir_all(folder).map_err(|e| Failure::file(folder, &e))?;
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    let mut rows = Vec::with_capacity(graphs.len());
    for (graph, repeats) in graphs.iter().zip(repeats) {
        let file = format!("{}.nasc", graph.name);
        staging::write_file(&folder.join(&file), graph.to_text().as_bytes())?;
        let row = Sample::new(format!("{name}/{file}"), repeats, runtime);
        rows.push(row.ok_or_else(|| Failure::no(format!("{}: no repeat came back", graph.name)))?);
    }
    staging::write_file(table, samples::print(&rows).as_bytes())
}

fn read(table: &Path) -> Result<Samples, Failure> {
    let text = std::fs::read_to_string(table).map_err(|e| Failure::file(table, &e))?;
    csv::parse(&text).map_err(|e| Failure::input(format!("{}: {e}", table.display())))
}

/// Columns, and a row for each sample.
pub(crate) type Work = (Vec<Column>, Vec<Vec<f64>>);

/// The columns and rows of samples that a runtime of this machine made: the work its kernels do for each network. `None` where
/// the samples are of another device.
pub(crate) fn work(samples: &Samples, table: &Path) -> Option<Result<Work, Failure>> {
    let runtime = Runtime::of(samples.runtime.as_deref()?)?;
    let folder = table.parent().unwrap_or(Path::new(""));
    let row = |sample: &csv::Sample| {
        let path = folder.join(sample.model.as_deref().unwrap_or_default());
        let imported = formats::import(&path, &formats::ImportOptions::default());
        let graph = imported.map_err(|e| crate::model::refused(&path, &e))?.graph;
        Ok(features::row(runtime, &graph))
    };
    let columns = features::columns(runtime).into_iter().map(Column::additive).collect();
    Some(samples.rows.iter().map(row).collect::<Result<_, _>>().map(|rows| (columns, rows)))
}

/// How the networks that were measured and not fitted are predicted.
fn held_out(args: &Calibrate, rest: &Samples, table: &Path, console: &Console) -> Result<(), Failure> {
    let device = calibrate::device(&args.output)?;
    let Some(found) = work(rest, table) else { return Ok(()) };
    let (_, rows) = found?;
    let mut answers = Vec::with_capacity(rows.len());
    for row in &rows {
        answers.push(device.latency.predictor.predict(row).map_err(|e| Failure::about("a network", &e))?);
    }
    let predicted: Vec<f64> = answers.iter().map(|a| a.value).collect();
    let intervals: Vec<[f64; 2]> = answers.iter().map(|a| a.interval).collect();
    let measured: Vec<f64> = rest.rows.iter().map(|s| s.latency_ms).collect();
    let figures = Figures::of(&predicted, &measured, &intervals);
    let percent = |share: f64| format!("{:.1} %", 100.0 * share);
    let mut shown = Table::new([
        ("networks not fitted", Align::Right),
        ("mean error", Align::Right),
        ("within 10 %", Align::Right),
        ("Kendall tau", Align::Right),
        ("in interval", Align::Right),
    ]);
    shown.row([
        figures.samples.to_string(),
        percent(figures.mean_error),
        percent(figures.within_10_percent),
        format!("{:.3}", figures.kendall_tau),
        percent(figures.coverage),
    ]);
    // Beside the result, which is the device: with --json there is one value.
    console.side_table(&shown)
}

/// What the measurement was worth.
fn quiet(repeats: &[Repeats], console: &Console) {
    let mut spread: Vec<f64> =
        repeats.iter().filter_map(Repeats::summary).map(|s| s.quiet_ns / s.least_ns - 1.0).collect();
    spread.sort_by(f64::total_cmp);
    let at =
        |share: f64| spread.get((share * (spread.len().max(1) - 1) as f64) as usize).copied().unwrap_or(0.0);
    let stolen = repeats.iter().map(Repeats::stolen).sum::<f64>() / repeats.len().max(1) as f64;
    console.note(format!(
        "measured by the CPU clock; the quieter half of the visits lies {:.1} % above the shortest (median network), {:.1} % \
         (one in ten is worse); other programs had the core for {:.0} % of the time",
        100.0 * at(0.5),
        100.0 * at(0.9),
        100.0 * stolen
    ));
    let limit = Duration::as_secs_f64(&Schedule::default().time_out);
    if at(0.9) > 3.0 * Schedule::default().tolerance {
        console.note(format!(
            "this machine was busy: measure again when it is not (rounds are tried for {limit:.0} s at most)"
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_model_of_the_processor_is_read_where_there_is_one() {
        assert_eq!(cpu_model("processor\t: 0\nmodel name\t: ACME 9000 @ 1GHz\n"), "ACME 9000 @ 1GHz");
        assert_eq!(cpu_model("processor\t: 0\n"), "this machine's CPU");
    }

    #[test]
    fn files_lie_beside_the_device_file() {
        assert_eq!(beside(Path::new("a/h.toml"), "samples.csv"), Path::new("a/h.samples.csv"));
    }
}
