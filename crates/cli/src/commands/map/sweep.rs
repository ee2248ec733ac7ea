//! `nasc map --sweep`: the settings of a template that no other beats.

use super::table::figure;
use crate::args::Map;
use crate::console::Console;
use crate::failure::Failure;
use crate::staging;
use hw::machine::Machine;
use mapping::nest::{LayerRow, Options};
use mapping::sweep::{Candidate, Range, Sweep, sweep};
use report::format::grouped;
use report::{Align, Table};
use serde_json::{Value, json};

pub(super) fn run(
    args: &Map,
    ranges: &str,
    machine: &Machine,
    rows: &[LayerRow],
    options: &Options,
    console: &Console,
) -> Result<(), Failure> {
    if !(0.0..=1.0).contains(&args.tolerance) {
        return Err(Failure::input(format!("--tolerance {}: a part from 0 to 1 expected", args.tolerance)));
    }
    if let Some(path) = args.output.as_ref().filter(|path| path.extension().is_none_or(|e| e != "json")) {
        return Err(Failure::input(format!("-o {}: a sweep writes one .json file", path.display())));
    }
    let wrong = |e: &dyn std::error::Error| Failure::about("--sweep", e);
    let ranges = Range::parse_list(ranges).map_err(|e| wrong(&e))?;
    let settings: u64 = ranges.iter().map(Range::count).fold(1, u64::saturating_mul);
    let progress = console.counter("sweep", usize::try_from(settings).unwrap_or(usize::MAX));
    let area = |machine: &Machine| cost::area::estimate(machine).total.value;
    let pool = super::pool(args.threads)?;
    let found =
        pool.install(|| sweep(machine, rows, &ranges, options, args.tolerance, &area, &|| progress.step()));
    let found = found.map_err(|e| wrong(&e))?;
    drop(progress);
    let value = describe(machine, &found);
    if let Some(path) = &args.output {
        let text = serde_json::to_string_pretty(&value).expect("plain data becomes JSON") + "\n";
        staging::write_file(path, text.as_bytes())?;
    }
    console.result(&value, || {
        console.table(&table(&found))?;
        console.line(format!(
            "{} of {} settings; {} given up by bounds, {} cannot run; {} of {} layers mapped; area modelled",
            found.front.len(),
            found.settings,
            found.pruned,
            found.refused,
            found.layers_mapped,
            found.layers_in_grid
        ))
    })
}

fn describe(machine: &Machine, found: &Sweep) -> Value {
    let front = found.front.iter().map(|candidate| {
        let mut value = serde_json::to_value(candidate).expect("plain data becomes JSON");
        value["parameters"] = candidate.parameters.iter().map(|(n, v)| (n.clone(), json!(v))).collect();
        value
    });
    json!({
        "hardware": machine.name,
        "front": front.collect::<Vec<_>>(),
        "settings": found.settings,
        "refused": found.refused,
        "pruned": found.pruned,
        "layers_mapped": found.layers_mapped,
        "layers_in_grid": found.layers_in_grid,
        "area_origin": "modelled",
    })
}

fn table(found: &Sweep) -> Table {
    let columns = [
        ("setting", Align::Left),
        ("elements", Align::Right),
        ("buffer words", Align::Right),
        ("mm2", Align::Right),
        ("cycles", Align::Right),
        ("ms", Align::Right),
        ("energy", Align::Right),
        ("optimum", Align::Left),
    ];
    let mut table = Table::new(columns);
    for candidate in &found.front {
        table.row([
            setting(candidate),
            candidate.elements.to_string(),
            grouped(candidate.buffer_words),
            format!("{:.4}", candidate.area_mm2),
            grouped(candidate.latency_cycles as u64),
            candidate.latency_ms.map_or("-".to_owned(), |ms| format!("{ms:.3}")),
            figure(candidate.energy_pj),
            if candidate.proven_optimal { "proven" } else { "open" }.to_owned(),
        ]);
    }
    table
}

fn setting(candidate: &Candidate) -> String {
    let pairs = candidate.parameters.iter().map(|(name, value)| format!("{name}={value}"));
    pairs.collect::<Vec<_>>().join(" ")
}
