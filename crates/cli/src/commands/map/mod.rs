//! `nasc map`: the best way to run layers on a described machine.

mod sweep;
pub(super) mod table;
mod write;

use crate::args::{self, Map};
use crate::console::Console;
use crate::failure::Failure;
use crate::{hardware, workload};
use hw::machine::Machine;
use mapping::nest::{Cache, Fix, LayerRow, Objective, Options};
use mapping::network::{Mapped, map_network, shape_count};
use std::path::{Path, PathBuf};
use std::time::Duration;

pub(super) fn run(args: &Map, console: &Console) -> Result<(), Failure> {
    let machine = hardware::load(&args.machine.hardware, &args.machine.set)?;
    let options = options(args)?;
    let (mut rows, mut streamed) = (Vec::new(), 0);
    for input in &args.inputs {
        let workload = workload::read(input, &args.reading, &args.passes, console)?;
        rows.extend(workload.rows);
        streamed += workload.streamed.len();
    }
    if streamed > 0 {
        console.note(format!(
            "{streamed} ops are no loop nests (pools, additions, moves ...); `nasc cost --hardware` has them too"
        ));
    }
    if rows.is_empty() {
        return Err(Failure::input("nothing to map: no convolution and no matrix product"));
    }
    if let Some(ranges) = &args.sweep {
        return sweep::run(args, ranges, &machine, &rows, &options, console);
    }
    let folder = args.cache.clone().or_else(|| std::env::var_os("NASC_CACHE").map(PathBuf::from));
    let folder = folder.filter(|folder| !folder.as_os_str().is_empty());
    let cache = folder.as_deref().map_or_else(Cache::in_memory, Cache::open);
    let mapped = search(&machine, &rows, &options, &cache, args.threads, console)?;
    cache.save().map_err(|e| Failure::file(&folder.unwrap_or_default(), &e))?;
    if let Some(output) = &args.output {
        write::to(output, &machine, objective_name(args), &mapped, console)?;
    }
    console.result(&mapped, || {
        console.table(&table::of(&mapped, args.pareto))?;
        if args.nest {
            for layer in &mapped {
                console.line(format!("\n{} {}\n{}", layer.net, layer.layer, layer.mapping.trim_end()))?;
            }
        }
        Ok(())
    })
}

/// Maps rows with a bar that says how long it takes.
pub(super) fn search(
    machine: &Machine,
    rows: &[LayerRow],
    options: &Options,
    cache: &Cache,
    threads: Option<u16>,
    console: &Console,
) -> Result<Vec<Mapped>, Failure> {
    let progress = console.counter("map", shape_count(rows));
    let pool = pool(threads)?;
    let mapped = pool.install(|| map_network(machine, rows, options, cache, &|| progress.step()));
    mapped.map_err(|e| Failure::input(format!("on `{}`: {e}", machine.name)))
}

/// As many threads as asked for, by default one a processor.
fn pool(threads: Option<u16>) -> Result<rayon::ThreadPool, Failure> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads.map_or(0, usize::from)).build();
    pool.map_err(|e| Failure::input(format!("--threads: {e}")))
}

fn options(args: &Map) -> Result<Options, Failure> {
    let objective = if args.pareto { Objective::Pareto } else { objective(args.objective) };
    let time = args.time.as_deref().map(duration).transpose()?;
    Ok(Options { time, fix: fix(&args.fix)?, ..Options::new(objective) })
}

/// What `--fix` settles, all of them together.
fn fix(texts: &[String]) -> Result<Fix, Failure> {
    let mut all = String::new();
    for text in texts {
        match text.strip_prefix('@').map(Path::new) {
            Some(path) => all += &workload::text(path)?,
            None => all += text,
        }
        all.push('\n');
    }
    Fix::parse(&all).map_err(|e| Failure::about("--fix", &e))
}

pub(super) fn objective(named: args::Objective) -> Objective {
    match named {
        args::Objective::Energy => Objective::Energy,
        args::Objective::Latency => Objective::Latency,
        args::Objective::Edp => Objective::Edp,
    }
}

/// What was minimised, in words.
fn objective_name(args: &Map) -> &'static str {
    match args.objective {
        _ if args.pareto => "energy for its latency",
        args::Objective::Energy => "energy",
        args::Objective::Latency => "latency",
        args::Objective::Edp => "energy-delay product",
    }
}

/// The unit of a machine's energies: one that states 1 pJ a multiply-accumulate counts in multiples of that.
pub(super) fn energy_unit(machine: &Machine) -> &'static str {
    if machine.mac_energy_pj == 1.0 { "times the energy of a MAC" } else { "pJ" }
}

/// `5s`, `200ms`, `2m`.
fn duration(text: &str) -> Result<Duration, Failure> {
    let wrong = || Failure::input(format!("--time `{text}`: a time such as 5s, 200ms or 2m expected"));
    let at = text.find(|c: char| c.is_ascii_alphabetic()).ok_or_else(wrong)?;
    let (number, unit) = text.split_at(at);
    let scale = match unit {
        "ms" => 1e-3,
        "s" => 1.0,
        "m" | "min" => 60.0,
        _ => return Err(wrong()),
    };
    let seconds = number.trim().parse::<f64>().map_err(|_| wrong())? * scale;
    Duration::try_from_secs_f64(seconds).map_err(|_| wrong())
}
