//! `nasc cost`: what a model needs on a target, op by op, before anything is built. Weights may be missing. A machine that is only
//! described is next door.

use crate::args::Cost;
use crate::commands::compile::refused;
use crate::commands::cost_hardware;
use crate::console::Console;
use crate::failure::Failure;
use crate::{model, pipeline};
use compile::limits::Quantity;
use compile::{Figure, Options, Planned};
use report::format::{grouped, percent, ratio};
use report::{Align, Table};
use serde_json::{Value, json};
use targets::Step;

pub(super) fn run(args: &Cost, console: &Console) -> Result<(), Failure> {
    if let Some(hardware) = &args.hardware {
        return cost_hardware::run(args, hardware, console);
    }
    let Some(target) = &args.target else {
        let message =
            "no machine is named: --target for one that code is generated for, or --hardware expected";
        return Err(Failure::input(message).help("`nasc targets` and `nasc hardware` list them"));
    };
    let target = pipeline::target(target)?;
    let loaded = model::load(&args.model, console)?;
    let options = Options { passes: args.passes.clone(), ..Options::default() };
    let planned = compile::plan(&loaded.graph, target, &options).map_err(|e| refused(&e))?;
    let known: Vec<(Quantity, &Figure)> =
        Quantity::all().filter_map(|q| Some((q, planned.figures.get(q)?))).collect();
    let totals: serde_json::Map<String, Value> =
        known.iter().map(|(q, f)| (q.name().to_owned(), total(f))).collect();
    let value = json!({
        "model": planned.graph.name,
        "target": target.name(),
        "passes": planned.passes,
        "layers": layers(&planned).map(|(step, live)| layer(step, live)).collect::<Vec<_>>(),
        "totals": totals,
        "arena_proven": planned.plan.proven,
        "arena_lower_bound": planned.plan.lower_bound,
    });
    console.result(&value, || {
        console.table(&table(&planned))?;
        for (quantity, figure) in &known {
            console.line(sentence(*quantity, figure))?;
        }
        Ok(())
    })
}

/// Steps in the order they run, each with the bytes of the arena that are in use.
fn layers(planned: &Planned) -> impl Iterator<Item = (&Step, f64)> {
    let live = planned.figures.get(Quantity::Sram).map(|f| f.per_op.as_slice()).unwrap_or_default();
    let steps = planned.order.iter().map(|index| &planned.lowered.steps()[*index]);
    steps.enumerate().map(|(k, step)| (step, live.get(k).map_or(0.0, |(_, bytes)| *bytes)))
}

fn layer(step: &Step, live: f64) -> Value {
    json!({
        "name": step.name, "op": step.op, "detail": step.detail, "node": step.node, "shape": step.shape,
        "kernel": step.kernel, "macs": step.cost.macs, "instructions": step.cost.instructions,
        "cycles": step.cost.cycles, "const_bytes": step.cost.const_bytes, "code_bytes": step.cost.code_bytes,
        "live_bytes": live, "scratch_bytes": step.scratch_bytes,
    })
}

fn total(figure: &Figure) -> Value {
    json!({
        "value": figure.total.value, "unit": figure.total.unit, "origin": figure.total.origin,
        "interval": figure.total.interval, "binds": figure.binds,
    })
}

fn table(planned: &Planned) -> Table {
    let columns = [
        ("op", Align::Left),
        ("name", Align::Left),
        ("MACs", Align::Right),
        ("instructions", Align::Right),
        ("share", Align::Right),
        ("instr/MAC", Align::Right),
        ("const B", Align::Right),
        ("live B", Align::Right),
    ];
    let mut table = Table::new(columns);
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "figures are positive")]
    let whole = |value: f64| value.round() as u64;
    let all: u64 = layers(planned).map(|(step, _)| whole(step.cost.instructions.value)).sum();
    for (step, live) in layers(planned) {
        let instructions = whole(step.cost.instructions.value);
        table.row([
            if step.detail.is_empty() { step.op.to_owned() } else { format!("{} {}", step.op, step.detail) },
            step.name.clone(),
            grouped(step.cost.macs.0),
            grouped(instructions),
            percent(instructions, all),
            ratio(instructions, step.cost.macs.0),
            grouped(step.cost.const_bytes),
            grouped(whole(live)),
        ]);
    }
    let macs: u64 = layers(planned).map(|(step, _)| step.cost.macs.0).sum();
    table.total([
        "total".to_owned(),
        String::new(),
        grouped(macs),
        grouped(all),
        String::new(),
        ratio(all, macs),
        grouped(planned.lowered.const_bytes()),
        grouped(planned.plan.arena_bytes),
    ]);
    table
}

/// `flash 40320 B (39000 B to 42000 B, predicted): ...`.
fn sentence(quantity: Quantity, figure: &Figure) -> String {
    let total = &figure.total;
    let origin = serde_json::to_value(total.origin).expect("plain data becomes JSON");
    let origin = origin.as_str().unwrap_or_default().to_owned();
    let [low, high] = total.interval.map(|end| quantity.display(end));
    let range = if total.is_exact() { "exact".to_owned() } else { format!("{low} to {high}") };
    format!("{:12} {} ({range}, {origin}): {}", quantity.name(), quantity.display(total.value), figure.binds)
}
