//! Totals and tables of a schedule.

use super::net::Checked;
use super::plan::{nest_of, state_before};
use super::segment::{Around, Step, stream, weight_words};
use super::table::{Table, traffic_of};
use super::tiles::{Overlap, Tiled};
use super::traffic::{Traffic, of_load};
use crate::nest::Objective;
use cost::nest::Cost;
use hw::machine::{Machine, Tier};
use hw::schedule::{Place, Task};
use serde::Serialize;
use std::collections::BTreeMap;
use std::rc::Rc;

/// One layer of a schedule. All figures are modelled.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LayerLine {
    /// Layer.
    pub layer: String,
    /// The run it is in, an index of [`Report::runs`].
    pub run: usize,
    /// Where its result is at home: `backing` or `buffer`.
    pub place: &'static str,
    /// Energy, in units of one multiply-accumulate where the machine says so.
    pub energy_pj: f64,
    /// Cycles, weight copies among them.
    pub latency_cycles: u64,
    /// Multiply-accumulates, those of rows made again among them.
    pub macs: u64,
    /// Multiply-accumulates over cycles and elements.
    pub utilisation: f64,
    /// The resource busy longest, by cycles over the layer's nests.
    pub binds: String,
    /// Times it is run.
    pub times: u64,
    /// Rows made beyond one each.
    pub rows_again: u64,
    /// Words to and from the backing store.
    pub backing_words: u64,
}

/// One run of layers.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RunLine {
    /// First layer and the one after the last.
    pub layers: [usize; 2],
    /// Rows of the last result in a tile; all of them for one layer whole.
    pub tile_rows: u64,
    /// Tiles.
    pub tiles: u64,
    /// What becomes of overlaps; `None` for one layer whole.
    pub overlap: Option<Overlap>,
    /// Whether its weights stand in the buffer.
    pub weights_resident: bool,
    /// Words of line buffers.
    pub line_words: u64,
}

/// A whole network. All figures are modelled.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// Energy.
    pub energy_pj: f64,
    /// Latency: the layers' in a row.
    pub latency_cycles: u64,
    /// Their product.
    pub edp_pj_cycles: f64,
    /// Multiply-accumulates done.
    pub macs: u64,
    /// Over cycles and elements.
    pub utilisation: f64,
    /// `[read, written]` words by memory.
    pub words: BTreeMap<String, [f64; 2]>,
    /// Layer by layer.
    pub layers: Vec<LayerLine>,
    /// Run by run.
    pub runs: Vec<RunLine>,
}

/// One layer's sums.
struct Sum {
    traffic: Traffic,
    cost: Cost,
    binds: BTreeMap<String, f64>,
    times: u64,
}

impl Sum {
    fn add(&mut self, machine: &Machine, traffic: &Traffic, times: u64) {
        let (cost, binds) = traffic.price(machine);
        self.cost = super::front::plus(self.cost, cost, times);
        self.traffic.add(traffic, times as f64);
        *self.binds.entry(binds).or_default() += cost.cycles * times as f64;
    }
}

pub(super) fn report(machine: &Machine, net: &Checked<'_>, steps: &[Rc<Step>]) -> Report {
    let table = Table::new(machine, Objective::Energy, None);
    let mut all = Traffic::new(machine);
    let mut total = Cost { energy_pj: 0.0, cycles: 0.0 };
    let (mut layers, mut runs) = (Vec::new(), Vec::new());
    for (at, step) in steps.iter().enumerate() {
        let resident = state_before(net, steps, at);
        let around = Around { resident: &resident, place: step.place, weights: step.weights, room: 0 };
        let tiled = step.tiles.map(|(height, overlap)| Tiled::new(net, &step.run, height, overlap));
        runs.push(run_line(net, step, tiled.as_ref()));
        for layer in step.run.clone() {
            let what = &net.net.layers[layer];
            let zero = Cost { energy_pj: 0.0, cycles: 0.0 };
            let mut sum =
                Sum { traffic: Traffic::new(machine), cost: zero, binds: BTreeMap::new(), times: 0 };
            let made: Vec<_> = match &tiled {
                Some(tiled) => tiled.rows.iter().map(|t| t[layer - step.run.start].clone()).collect(),
                None => std::iter::once(0..what.rows).collect(),
            };
            let made: Vec<_> = made.into_iter().filter(|r| !r.is_empty()).collect();
            sum.times = made.len() as u64;
            match &what.task {
                Task::Stream { .. } => {
                    for rows in &made {
                        sum.add(machine, &stream(&table, net, layer, rows, &step.run, &around), 1);
                    }
                }
                Task::Nest(nest) => {
                    if step.weights {
                        sum.add(machine, &of_load(machine, weight_words(nest)), 1);
                    }
                    for job in step.jobs.iter().filter(|j| j.layer == layer) {
                        let Some(part) = nest_of(net, job) else { continue };
                        let times = made.iter().filter(|r| r.end - r.start == job.rows).count() as u64;
                        sum.add(machine, &traffic_of(machine, &part, job.homes, &job.mapping), times);
                    }
                }
            }
            let rows: u64 = made.iter().map(|r| r.end - r.start).sum();
            let place = if layer + 1 < step.run.end { Place::Buffer } else { step.place };
            layers.push(layer_line(machine, &what.name, at, place, &sum, rows.saturating_sub(what.rows)));
            all.add(&sum.traffic, 1.0);
            total = super::front::plus(total, sum.cost, 1);
        }
    }
    Report {
        energy_pj: total.energy_pj,
        latency_cycles: total.cycles as u64,
        edp_pj_cycles: total.edp(),
        macs: all.macs as u64,
        utilisation: all.macs / total.cycles.max(1.0) / machine.elements() as f64,
        words: machine.memories.iter().map(|m| m.name.clone()).zip(all.words.iter().copied()).collect(),
        layers,
        runs,
    }
}

fn run_line(net: &Checked<'_>, step: &Step, tiled: Option<&Tiled>) -> RunLine {
    let rows = net.net.layers[step.run.end - 1].rows;
    let line_words = tiled.map_or(0, |tiled| {
        step.run.clone().zip(&tiled.lines).map(|(l, &rows)| rows * net.net.layers[l].row_words).sum()
    });
    RunLine {
        layers: [step.run.start, step.run.end],
        tile_rows: step.tiles.map_or(rows, |t| t.0),
        tiles: tiled.map_or(1, |t| t.rows.len() as u64),
        overlap: step.tiles.map(|t| t.1),
        weights_resident: step.weights,
        line_words,
    }
}

fn layer_line(machine: &Machine, name: &str, run: usize, place: Place, sum: &Sum, again: u64) -> LayerLine {
    let binds = sum.binds.iter().max_by(|a, b| a.1.total_cmp(b.1));
    let backing = machine.memories.iter().zip(&sum.traffic.words).filter(|(m, _)| m.tier == Tier::Backing);
    LayerLine {
        layer: name.to_owned(),
        run,
        place: match place {
            Place::Backing => "backing",
            Place::Buffer => "buffer",
        },
        energy_pj: sum.cost.energy_pj,
        latency_cycles: sum.cost.cycles as u64,
        macs: sum.traffic.macs as u64,
        utilisation: sum.traffic.macs / sum.cost.cycles.max(1.0) / machine.elements() as f64,
        binds: binds.map(|b| b.0.clone()).unwrap_or_default(),
        times: sum.times,
        rows_again: again,
        backing_words: backing.map(|(_, w)| w[0] + w[1]).sum::<f64>() as u64,
    }
}
