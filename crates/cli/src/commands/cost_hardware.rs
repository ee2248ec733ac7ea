//! `nasc cost --hardware`: what a model costs on a described machine, part by part, each mapped to the optimum.
//!
//! Parts run one after another, each from the backing store to the backing store: what stays on the chip between them is not
//! counted here.

use crate::args::Cost;
use crate::commands::map::{self, table};
use crate::console::Console;
use crate::failure::Failure;
use crate::{hardware, workload};
use hw::machine::Machine;
use hw::{Estimate, Origin};
use ir::Graph;
use mapping::nest::{Cache, LayerRow, Options};
use mapping::network::{Mapped, Part, Work, stream};
use report::format::{grouped, percent};
use report::{Align, Table};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::Path;

/// A part and what it costs.
struct Row<'a> {
    part: &'a Part,
    macs: u64,
    cycles: u64,
    energy_pj: f64,
    binds: String,
    mapped: Option<&'a Mapped>,
}

pub(super) fn run(args: &Cost, hardware: &Path, console: &Console) -> Result<(), Failure> {
    let machine = hardware::load(hardware, &args.set)?;
    let passes = args.passes.as_deref().unwrap_or("default");
    let graph = workload::optimised(&args.model.model, &args.model.reading, passes, console)?;
    let parts = workload::parts_of(&graph, &args.model.model, console)?;
    widths(&graph, &machine, console);
    let nests: Vec<LayerRow> = parts.iter().filter_map(|part| row(&graph, part)).collect();
    let options = Options::new(map::objective(args.objective));
    let mapped = map::search(&machine, &nests, &options, &Cache::in_memory(), None, console)?;
    let rows = costs(&machine, &parts, &mapped);
    let totals = Totals::of(&rows, &machine);
    let value = json!({
        "model": graph.name,
        "hardware": machine.name,
        "passes": passes,
        "layers": rows.iter().map(|row| row.describe(&machine)).collect::<Vec<_>>(),
        "totals": totals.describe(),
    });
    console.result(&value, || {
        console.table(&cells(&rows, &totals, &machine))?;
        console.line(totals.sentence(&machine))
    })
}

fn row(graph: &Graph, part: &Part) -> Option<LayerRow> {
    match part.work {
        Work::Nest(nest) => {
            Some(LayerRow { net: graph.name.clone(), layer: part.label.clone(), count: 1, nest })
        }
        Work::Words(_) => None,
    }
}

/// Says that elements of other widths are counted as words.
fn widths(graph: &Graph, machine: &Machine, console: &Console) {
    let elements: BTreeSet<String> =
        graph.inputs().iter().map(|&v| graph.ty(v).element.to_string()).collect();
    let named: Vec<String> = elements.into_iter().collect();
    console.note(format!(
        "every element ({} at the inputs) is counted as one word of {} bits",
        named.join(", "),
        machine.word_bits
    ));
}

/// Each part, with the cycles the machine says an op takes before its first step.
fn costs<'a>(machine: &Machine, parts: &'a [Part], mapped: &'a [Mapped]) -> Vec<Row<'a>> {
    let mut nests = mapped.iter();
    let row = |part: &'a Part| match &part.work {
        Work::Nest(nest) => {
            let found = nests.next().expect("a result for every nest, in order");
            Row {
                part,
                macs: nest.macs(),
                cycles: found.latency_cycles,
                energy_pj: found.energy_pj,
                binds: found.binds.clone(),
                mapped: Some(found),
            }
        }
        Work::Words(words) => {
            let (cost, binds) = stream(machine, words);
            Row { part, macs: 0, cycles: cost.cycles as u64, energy_pj: cost.energy_pj, binds, mapped: None }
        }
    };
    let mut rows: Vec<Row<'a>> = parts.iter().map(row).collect();
    let overhead = machine.compute.op_overhead_cycles.ceil() as u64;
    for row in &mut rows {
        if overhead > row.cycles {
            "overhead".clone_into(&mut row.binds);
        }
        row.cycles = row.cycles.saturating_add(overhead);
    }
    rows
}

fn modelled(value: f64, unit: &str) -> Estimate {
    Estimate::exact(value, unit, Origin::Modelled)
}

impl Row<'_> {
    fn utilisation(&self, machine: &Machine) -> f64 {
        self.macs as f64 / self.cycles.max(1) as f64 / machine.peak_macs_per_cycle()
    }

    fn describe(&self, machine: &Machine) -> Value {
        let words = match self.part.work {
            Work::Words(w) => json!({ "operations": w.operations, "reads": w.reads, "writes": w.writes }),
            Work::Nest(_) => Value::Null,
        };
        json!({
            "name": self.part.label, "op": self.part.op, "macs": self.macs,
            "cycles": modelled(self.cycles as f64, "cycles"),
            "energy_pj": modelled(self.energy_pj, "pJ"),
            "utilisation": self.utilisation(machine),
            "binds": self.binds,
            "words": words,
            "mapping": self.mapped.map(|m| &m.mapping),
            "proven_optimal": self.mapped.is_none_or(|m| m.proven_optimal),
            "energy_breakdown": self.mapped.map(|m| &m.energy_breakdown),
            "notes": self.part.notes,
        })
    }
}

/// Sums, parts run one after another.
struct Totals {
    macs: u64,
    cycles: u64,
    energy_pj: f64,
    milliseconds: Option<f64>,
    utilisation: f64,
}

impl Totals {
    fn of(rows: &[Row<'_>], machine: &Machine) -> Self {
        let macs = rows.iter().fold(0u64, |sum, row| sum.saturating_add(row.macs));
        let cycles = rows.iter().fold(0u64, |sum, row| sum.saturating_add(row.cycles));
        Self {
            macs,
            cycles,
            energy_pj: rows.iter().map(|row| row.energy_pj).sum(),
            milliseconds: machine.clock_mhz.map(|mhz| cycles as f64 / mhz / 1e3),
            utilisation: macs as f64 / cycles.max(1) as f64 / machine.peak_macs_per_cycle(),
        }
    }

    fn describe(&self) -> Value {
        json!({
            "macs": self.macs,
            "cycles": modelled(self.cycles as f64, "cycles"),
            "energy_pj": modelled(self.energy_pj, "pJ"),
            "latency_ms": self.milliseconds.map(|ms| modelled(ms, "ms")),
            "utilisation": self.utilisation,
        })
    }

    /// `2,513,840 cycles (12.569 ms at 200 MHz), 4.5871e10 pJ, modelled`.
    fn sentence(&self, machine: &Machine) -> String {
        let time = self.milliseconds.zip(machine.clock_mhz);
        let time = time.map_or(String::new(), |(ms, mhz)| format!(" ({ms:.3} ms at {mhz} MHz)"));
        let unit = map::energy_unit(machine);
        let energy = table::figure(self.energy_pj);
        format!("{} cycles{time}, {energy} {unit}; modelled", grouped(self.cycles))
    }
}

fn cells(rows: &[Row<'_>], totals: &Totals, machine: &Machine) -> Table {
    let columns = [
        ("op", Align::Left),
        ("name", Align::Left),
        ("MACs", Align::Right),
        ("cycles", Align::Right),
        ("share", Align::Right),
        ("energy", Align::Right),
        ("utilisation", Align::Right),
        ("binds", Align::Left),
    ];
    let mut table = Table::new(columns);
    for row in rows {
        let busy = if row.macs == 0 { "-".to_owned() } else { table::share(row.utilisation(machine)) };
        table.row([
            row.part.op.to_owned(),
            row.part.label.clone(),
            grouped(row.macs),
            grouped(row.cycles),
            percent(row.cycles, totals.cycles),
            table::figure(row.energy_pj),
            busy,
            row.binds.clone(),
        ]);
    }
    table.total([
        "total".to_owned(),
        String::new(),
        grouped(totals.macs),
        grouped(totals.cycles),
        String::new(),
        table::figure(totals.energy_pj),
        table::share(totals.utilisation),
        String::new(),
    ]);
    table
}
