//! Every layer's search, side by side, and what binds in its result.

use crate::nest::{Cache, Fix, LayerRow, MapError, Options, Outcome, Point, fetched_input, nest_text};
use cost::nest::Model;
use hw::machine::{Layer, Machine, Tier, View};
use rayon::prelude::*;
use serde::Serialize;
use std::collections::{BTreeMap, HashMap};
use std::time::Instant;

/// Told of every layer shape that is settled; called from several threads.
pub type Progress<'a> = &'a (dyn Fn() + Sync);

/// How long one resource of the machine is busy with a layer.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Busy {
    /// `compute`, or a memory and its direction: `dram read`.
    pub resource: String,
    /// Words through a port, steps of the array.
    pub amount: f64,
    /// Cycles that takes at full width.
    pub cycles: f64,
}

/// One mapped layer; a Pareto set gives one for each of its points.
#[derive(Debug, Clone, Serialize)]
pub struct Mapped {
    /// Network.
    pub net: String,
    /// Layer.
    pub layer: String,
    /// How often the network has it; figures are of one.
    pub count: u64,
    /// Energy, in units of one multiply-accumulate where the machine says so.
    pub energy_pj: f64,
    /// Latency.
    pub latency_cycles: u64,
    /// Their product.
    pub edp_pj_cycles: f64,
    /// Multiply-accumulates over latency.
    pub macs_per_cycle: f64,
    /// The same over elements.
    pub utilisation: f64,
    /// The nest as a person reads it.
    pub mapping: String,
    /// Whether the map space holds nothing better.
    pub proven_optimal: bool,
    /// How far below the optimum could lie, as a part.
    pub gap: f64,
    /// Wall time of the search; 0 for a layer of a shape already searched.
    pub seconds: f64,
    /// Nests costed.
    pub mappings_evaluated: u64,
    /// Energy by memory, and of arithmetic.
    pub energy_breakdown: BTreeMap<String, f64>,
    /// Multiply-accumulates.
    pub macs: u64,
    /// The mapping as a text that settles all of it: [`Fix::parse`] reads it.
    pub fix: String,
    /// Input words read from the backing store if only those some multiplier uses are, and
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input_words_touched: Option<u64>,
    /// if the dense box is; both only where they differ.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input_words_box: Option<u64>,
    /// The resource that is busy longest: `compute` or a memory's port.
    pub binds: String,
    /// Every resource that can bind.
    pub busy: Vec<Busy>,
    /// The layer as searched.
    #[serde(skip)]
    pub nest: Layer,
    /// The mapping and its cost.
    #[serde(skip)]
    pub point: Point,
}

/// Maps every row on a machine, shapes side by side on the threads of the pool this is called in. What the cache knows is not
/// searched; what is found it knows.
///
/// # Errors
/// The first row, in the order given, that cannot be mapped.
pub fn map_network(
    machine: &Machine,
    rows: &[LayerRow],
    options: &Options,
    cache: &Cache,
    progress: Progress<'_>,
) -> Result<Vec<Mapped>, MapError> {
    let shapes = shapes(rows);
    let view = &machine.own_view();
    let found: Vec<_> = shapes
        .firsts
        .par_iter()
        .map(|&row| {
            let start = Instant::now();
            let outcome = cache.search(&view.machine, &rows[row].nest, options);
            progress();
            (outcome, start.elapsed().as_secs_f64())
        })
        .collect();
    let mut results = Vec::new();
    for (at, row) in rows.iter().enumerate() {
        let shape = shapes.of[at];
        let (outcome, seconds) = &found[shape];
        let outcome = outcome.as_ref().map_err(|error| MapError {
            net: row.net.clone(),
            layer: row.layer.clone(),
            error: error.clone(),
        })?;
        let seconds = if shapes.firsts[shape] == at { *seconds } else { 0.0 };
        results.extend(outcome.points.iter().map(|point| mapped(view, row, outcome, point, seconds)));
    }
    Ok(results)
}

/// How many different shapes there are: as often is [`map_network`]'s progress told of one.
pub fn shape_count(rows: &[LayerRow]) -> usize {
    shapes(rows).firsts.len()
}

struct Shapes {
    /// The first row of each shape.
    firsts: Vec<usize>,
    /// Each row's shape, by index in `firsts`.
    of: Vec<usize>,
}

fn shapes(rows: &[LayerRow]) -> Shapes {
    let mut known = HashMap::new();
    let mut shapes = Shapes { firsts: Vec::new(), of: Vec::new() };
    for (at, row) in rows.iter().enumerate() {
        let next = shapes.firsts.len();
        let shape = *known.entry(row.nest).or_insert(next);
        if shape == next {
            shapes.firsts.push(at);
        }
        shapes.of.push(shape);
    }
    shapes
}

fn mapped(view: &View, row: &LayerRow, outcome: &Outcome, point: &Point, seconds: f64) -> Mapped {
    let machine = &view.machine;
    let model = Model::new(machine, &row.nest, point.mapping.bypass);
    let counted = model.breakdown(&point.mapping);
    let busy = busy(view, point, &counted);
    let [touched, dense] = fetched_input(machine, &row.nest, &point.mapping);
    let differ = touched != dense;
    let macs = row.nest.macs();
    let cycles = (point.cost.cycles * view.clock_cycles_per_step).ceil();
    // The array where it is as busy as the busiest port: that no memory however wide would help.
    let longest = busy.iter().fold(&busy[0], |most, b| if b.cycles > most.cycles { b } else { most });
    Mapped {
        net: row.net.clone(),
        layer: row.layer.clone(),
        count: row.count,
        energy_pj: point.cost.energy_pj,
        latency_cycles: cycles as u64,
        edp_pj_cycles: point.cost.energy_pj * cycles,
        macs_per_cycle: macs as f64 / cycles,
        // A cycle of the view is a multiply-accumulate of every element.
        utilisation: macs as f64 / point.cost.cycles / machine.elements() as f64,
        mapping: nest_text(machine, &row.nest, &point.mapping),
        proven_optimal: outcome.proven_optimal,
        gap: outcome.gap,
        seconds,
        mappings_evaluated: outcome.mappings_evaluated,
        energy_breakdown: model.energy_by_component(machine, &counted).into_iter().collect(),
        macs,
        fix: Fix::of(&point.mapping).to_string(),
        input_words_touched: differ.then_some(touched as u64),
        input_words_box: differ.then_some(dense as u64),
        binds: longest.resource.clone(),
        busy,
        nest: row.nest,
        point: *point,
    }
}

/// Compute first, then every port that has a width, in the machine's order.
fn busy(view: &View, point: &Point, counted: &cost::nest::Breakdown) -> Vec<Busy> {
    let (steps, clock) = (counted.steps, view.clock_cycles_per_step);
    let mut busy = vec![Busy { resource: "compute".to_owned(), amount: steps, cycles: steps * clock }];
    for memory in view.machine.memories.iter().filter(|m| m.tier != Tier::Element) {
        let held = |t: usize| memory.holds[t] && !(memory.tier == Tier::Buffer && point.mapping.bypass[t]);
        let access = (0..3).filter(|&t| held(t)).map(|t| counted.access[memory.tier as usize][t]);
        let (reads, writes) = access.fold((0.0, 0.0), |(r, w), a| (r + a.reads, w + a.writes));
        let ports =
            [("read", reads, memory.read_words_per_cycle), ("write", writes, memory.write_words_per_cycle)];
        for (direction, words, width) in ports {
            if let Some(width) = width {
                let resource = format!("{} {direction}", memory.name);
                busy.push(Busy { resource, amount: words, cycles: words / width * clock });
            }
        }
    }
    busy
}
