//! Mapped layers as a table.

use mapping::network::Mapped;
use report::format::{grouped, percent};
use report::{Align, Table};

/// One row a layer, or a point of its Pareto set, and totals with every layer as often as its network has it.
pub(super) fn of(mapped: &[Mapped], pareto: bool) -> Table {
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
            figure(layer.energy_pj),
            figure(layer.edp_pj_cycles),
            share(layer.utilisation),
            layer.binds.clone(),
            proof(layer),
            milliseconds(layer.seconds),
        ]);
    }
    // Points of a Pareto set exclude each other: their sum means nothing.
    if !pareto {
        let totals = Totals::of(mapped);
        table.total([
            "total".to_owned(),
            grouped(totals.layers),
            grouped(totals.cycles),
            figure(totals.energy_pj),
            figure(totals.energy_pj * totals.cycles as f64),
            String::new(),
            String::new(),
            String::new(),
            milliseconds(totals.seconds),
        ]);
    }
    table
}

/// Sums over layers, each as often as its network has it.
pub(super) struct Totals {
    pub(super) layers: u64,
    pub(super) cycles: u64,
    pub(super) energy_pj: f64,
    pub(super) seconds: f64,
}

impl Totals {
    pub(super) fn of(mapped: &[Mapped]) -> Self {
        let mut totals = Self { layers: 0, cycles: 0, energy_pj: 0.0, seconds: 0.0 };
        for layer in mapped {
            totals.layers = totals.layers.saturating_add(layer.count);
            totals.cycles = totals.cycles.saturating_add(layer.latency_cycles.saturating_mul(layer.count));
            totals.energy_pj += layer.energy_pj * layer.count as f64;
            totals.seconds += layer.seconds;
        }
        totals
    }
}

/// Five digits: `4.5871e10`.
pub(crate) fn figure(value: f64) -> String {
    format!("{value:.4e}")
}

/// A part of one in percent.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a part of one")]
pub(crate) fn share(part: f64) -> String {
    percent((part * 1e6).round() as u64, 1_000_000)
}

pub(super) fn proof(layer: &Mapped) -> String {
    if layer.proven_optimal { "proven".to_owned() } else { format!("gap {:.2} %", layer.gap * 100.0) }
}

fn milliseconds(seconds: f64) -> String {
    format!("{:.1} ms", seconds * 1e3)
}
