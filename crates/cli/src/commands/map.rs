//! `nasc map`: the best way to run layers on a described machine.

use crate::args::{self, Map};
use crate::console::Console;
use crate::failure::Failure;
use crate::hardware;
use hw::machine::Machine;
use mapping::nest::{LayerRow, Objective, Options, parse_layers};
use mapping::network::{Mapped, map_network, shape_count};
use report::format::{grouped, percent};
use report::{Align, Table};
use std::path::Path;
use std::time::Duration;

/// Largest layer table that is read.
const LARGEST: u64 = 64 << 20;

pub(super) fn run(args: &Map, console: &Console) -> Result<(), Failure> {
    let machine = hardware::load(&args.machine.hardware, &args.machine.set)?;
    let options = options(args)?;
    let mut rows = Vec::new();
    for input in &args.inputs {
        rows.extend(layers(input)?);
    }
    let mapped = search(&machine, &rows, &options, args.threads, console)?;
    console.result(&mapped, || {
        console.table(&table(&mapped, args.pareto))?;
        if args.nest {
            for layer in &mapped {
                console.line(format!("\n{} {}\n{}", layer.net, layer.layer, layer.mapping.trim_end()))?;
            }
        }
        Ok(())
    })
}

fn options(args: &Map) -> Result<Options, Failure> {
    let objective = match args.objective {
        _ if args.pareto => Objective::Pareto,
        args::Objective::Energy => Objective::Energy,
        args::Objective::Latency => Objective::Latency,
        args::Objective::Edp => Objective::Edp,
    };
    let time = args.time.as_deref().map(duration).transpose()?;
    Ok(Options { objective, time })
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
    let seconds = number.parse::<f64>().map_err(|_| wrong())? * scale;
    Duration::try_from_secs_f64(seconds).map_err(|_| wrong())
}

fn layers(path: &Path) -> Result<Vec<LayerRow>, Failure> {
    let size = std::fs::metadata(path).map_err(|e| Failure::file(path, &e))?.len();
    if size > LARGEST {
        let message =
            format!("{}: {size} bytes, at most {LARGEST} expected of a layer table", path.display());
        return Err(Failure::input(message));
    }
    let text = std::fs::read_to_string(path).map_err(|e| Failure::file(path, &e))?;
    parse_layers(&text).map_err(|e| Failure::input(format!("{}: {e}", path.display())))
}

fn search(
    machine: &Machine,
    rows: &[LayerRow],
    options: &Options,
    threads: Option<usize>,
    console: &Console,
) -> Result<Vec<Mapped>, Failure> {
    let progress = console.counter("map", shape_count(rows));
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads.unwrap_or(0)).build();
    let pool = pool.map_err(|e| Failure::input(format!("--threads: {e}")))?;
    let mapped = pool.install(|| map_network(machine, rows, options, &|| progress.step()));
    mapped.map_err(|e| Failure::input(format!("on `{}`: {e}", machine.name)))
}

fn table(mapped: &[Mapped], pareto: bool) -> Table {
    let columns = [
        ("layer", Align::Left),
        ("count", Align::Right),
        ("cycles", Align::Right),
        ("energy", Align::Right),
        ("EDP", Align::Right),
        ("utilisation", Align::Right),
        ("binds", Align::Left),
        ("optimum", Align::Left),
        ("time", Align::Right),
    ];
    let mut table = Table::new(columns);
    for layer in mapped {
        table.row([
            format!("{} {}", layer.net, layer.layer),
            layer.count.to_string(),
            grouped(layer.latency_cycles),
            format!("{:.4e}", layer.energy_pj),
            format!("{:.4e}", layer.edp_pj_cycles),
            percent((layer.utilisation * 1e6) as u64, 1_000_000),
            layer.binds.clone(),
            proof(layer),
            format!("{:.1} ms", layer.seconds * 1e3),
        ]);
    }
    if !pareto {
        let cycles: u64 = mapped.iter().map(|l| l.latency_cycles * l.count).sum();
        let energy: f64 = mapped.iter().map(|l| l.energy_pj * l.count as f64).sum();
        let seconds: f64 = mapped.iter().map(|l| l.seconds).sum();
        table.total([
            "total".to_owned(),
            mapped.iter().map(|l| l.count).sum::<u64>().to_string(),
            grouped(cycles),
            format!("{energy:.4e}"),
            format!("{:.4e}", energy * cycles as f64),
            String::new(),
            String::new(),
            String::new(),
            format!("{:.1} ms", seconds * 1e3),
        ]);
    }
    table
}

fn proof(layer: &Mapped) -> String {
    if layer.proven_optimal { "proven".to_owned() } else { format!("gap {:.2} %", layer.gap * 100.0) }
}
