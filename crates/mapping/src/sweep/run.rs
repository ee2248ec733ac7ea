//! The search over settings.

use super::bound::{LayerBound, layer_bound, tightened};
use super::grid::{Range, RangeError, settings};
use crate::nest::{LayerRow, Options, search};
use crate::network::Progress;
use hw::machine::{Layer, Machine, View};
use rayon::prelude::*;
use serde::Serialize;
use std::collections::HashMap;

/// Settings taken up at once, each against what was known before: a constant, so that results do not depend on threads.
const BATCH: usize = 8;

/// A sweep that cannot start.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SweepError {
    /// A range.
    #[error(transparent)]
    Range(#[from] RangeError),
    /// No setting makes a machine that runs every layer.
    #[error("none of {settings} settings can run every layer; the first: {first}")]
    None {
        /// How many there are.
        settings: usize,
        /// Why the first cannot.
        first: String,
    },
}

/// One network on a setting.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct NetworkFigures {
    /// Network.
    pub net: String,
    /// Cycles of all its layers one after another.
    pub latency_cycles: f64,
    /// Energy of all its layers.
    pub energy_pj: f64,
}

/// A setting and what the networks cost on it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Candidate {
    /// Parameters and values, as swept.
    pub parameters: Vec<(String, u64)>,
    /// Elements of the array.
    pub elements: u64,
    /// Words of all buffers.
    pub buffer_words: u64,
    /// Area.
    pub area_mm2: f64,
    /// Cycles of all networks, each layer as often as its network has it.
    pub latency_cycles: f64,
    /// The same in milliseconds, where the machine has a clock.
    pub latency_ms: Option<f64>,
    /// Energy of the same.
    pub energy_pj: f64,
    /// By network, in the order given.
    pub networks: Vec<NetworkFigures>,
    /// Whether every mapping is proven to be the best of its map space.
    pub proven_optimal: bool,
}

impl Candidate {
    /// Time, energy, area.
    fn figures(&self) -> [f64; 3] {
        [self.latency_ms.unwrap_or(self.latency_cycles), self.energy_pj, self.area_mm2]
    }
}

/// What a sweep found, and how much of the grid it had to search.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Sweep {
    /// Settings no other beats in latency, energy and area together, by rising latency; of equals the first by bound.
    pub front: Vec<Candidate>,
    /// Settings of the grid.
    pub settings: usize,
    /// Those that make no machine, or one that cannot run some layer.
    pub refused: usize,
    /// Those given up by a bound, wholly or part way.
    pub pruned: usize,
    /// Layers mapped to the end.
    pub layers_mapped: usize,
    /// Layers of all settings: what a search of the whole grid would map.
    pub layers_in_grid: usize,
}

/// A setting before its layers are mapped.
struct Open {
    /// As mapping sees it.
    machine: Machine,
    clock_cycles_per_step: f64,
    setting: Vec<(String, u64)>,
    area_mm2: f64,
    bounds: Vec<LayerBound>,
    /// Time and energy.
    least: [f64; 2],
}

/// The shapes of all networks.
struct Shapes {
    layers: Vec<Layer>,
    /// How often all networks have it.
    counts: Vec<f64>,
    networks: Vec<String>,
    /// `(network, shape, count)` of every row.
    rows: Vec<(usize, usize, f64)>,
}

/// How the attempt at one setting ended.
enum Tried {
    Refused(String),
    Pruned(usize),
    Found(Box<Candidate>, usize),
}

/// Sweeps parameters of a template for a set of networks.
///
/// `options` decides what each layer's mapping minimises; `area` gives a machine's area. With a `tolerance` above 0, such as 0.01,
/// a setting is also given up where one that is known could be worse by that part in any figure: whatever is left out has one in
/// the front that is no more than that worse. Results are the same at any number of
/// threads unless a time limit cuts mappings short. `progress` is told of every setting that is settled.
///
/// # Errors
/// Where a range does not fit the machine, or nothing in the grid can run the layers.
pub fn sweep(
    machine: &Machine,
    rows: &[LayerRow],
    ranges: &[Range],
    options: &Options,
    tolerance: f64,
    area: &(dyn Fn(&Machine) -> f64 + Sync),
    progress: Progress<'_>,
) -> Result<Sweep, SweepError> {
    let settings = settings(machine, ranges)?;
    let shapes = Shapes::of(rows);
    let (mut open, mut first) = (Vec::new(), None);
    for setting in &settings {
        let set: Vec<(&str, u64)> = setting.iter().map(|(name, value)| (name.as_str(), *value)).collect();
        match machine.with(&set) {
            Ok(machine) => open.push(Open::new(machine, setting.clone(), &shapes, area)),
            Err(error) => drop(first.get_or_insert(error.to_string())),
        }
    }
    let mut found = Sweep {
        front: Vec::new(),
        settings: settings.len(),
        refused: settings.len() - open.len(),
        pruned: 0,
        layers_mapped: 0,
        layers_in_grid: settings.len() * shapes.layers.len(),
    };
    // A stable sort: of equal bounds the first in the grid.
    open.sort_by(|a, b| a.promise().total_cmp(&b.promise()));
    for batch in open.chunks(BATCH) {
        let known = &found.front;
        let tried: Vec<Tried> = batch
            .par_iter()
            .map(|open| {
                let tried = open.attempt(&shapes, options, known, tolerance);
                progress();
                tried
            })
            .collect();
        for tried in tried {
            found.take(tried, tolerance, &mut first);
        }
    }
    if found.front.is_empty() {
        let first = first.unwrap_or_else(|| "there is no layer".to_owned());
        return Err(SweepError::None { settings: settings.len(), first });
    }
    found.front.sort_by(|a, b| {
        let (a, b) = (a.figures(), b.figures());
        a[0].total_cmp(&b[0]).then(a[1].total_cmp(&b[1])).then(a[2].total_cmp(&b[2]))
    });
    Ok(found)
}

impl Sweep {
    fn take(&mut self, tried: Tried, tolerance: f64, first: &mut Option<String>) {
        match tried {
            Tried::Refused(why) => {
                self.refused += 1;
                first.get_or_insert(why);
            }
            Tried::Pruned(mapped) => {
                self.pruned += 1;
                self.layers_mapped += mapped;
            }
            Tried::Found(candidate, mapped) => {
                self.layers_mapped += mapped;
                if !beaten(&self.front, candidate.figures(), tolerance) {
                    let own = candidate.figures();
                    self.front.retain(|other| !covers(own, other.figures()));
                    self.front.push(*candidate);
                }
            }
        }
    }
}

/// Whether `a` is at least as good as `b` in everything.
fn covers(a: [f64; 3], b: [f64; 3]) -> bool {
    a.iter().zip(b).all(|(a, b)| *a <= b)
}

fn beaten(front: &[Candidate], figures: [f64; 3], tolerance: f64) -> bool {
    let allowed = figures.map(|figure| figure * (1.0 + tolerance));
    front.iter().any(|known| covers(known.figures(), allowed))
}

impl Shapes {
    fn of(rows: &[LayerRow]) -> Self {
        let mut shapes =
            Self { layers: Vec::new(), counts: Vec::new(), networks: Vec::new(), rows: Vec::new() };
        let mut known = HashMap::new();
        for row in rows {
            let shape = *known.entry(row.nest).or_insert(shapes.layers.len());
            if shape == shapes.layers.len() {
                shapes.layers.push(row.nest);
                shapes.counts.push(0.0);
            }
            let network = shapes.networks.iter().position(|net| *net == row.net).unwrap_or_else(|| {
                shapes.networks.push(row.net.clone());
                shapes.networks.len() - 1
            });
            shapes.counts[shape] += row.count as f64;
            shapes.rows.push((network, shape, row.count as f64));
        }
        shapes
    }
}

impl Open {
    fn new(
        machine: Machine,
        setting: Vec<(String, u64)>,
        shapes: &Shapes,
        area: &(dyn Fn(&Machine) -> f64 + Sync),
    ) -> Self {
        let area_mm2 = area(&machine);
        let View { machine, clock_cycles_per_step } = machine.own_view();
        let bounds: Vec<LayerBound> =
            shapes.layers.iter().map(|layer| layer_bound(&machine, layer)).collect();
        let mut open = Self { machine, clock_cycles_per_step, setting, area_mm2, bounds, least: [0.0; 2] };
        for (bound, count) in open.bounds.iter().zip(&shapes.counts) {
            open.least[0] += open.time(bound.cycles * count);
            open.least[1] += bound.energy_pj * count;
        }
        open
    }

    /// Steps as the front compares them: milliseconds, or clock cycles where no clock is known.
    fn time(&self, steps: f64) -> f64 {
        self.machine.clock_mhz.map_or(steps * self.clock_cycles_per_step, |mhz| steps / mhz / 1e3)
    }

    fn promise(&self) -> f64 {
        self.least[0] * self.least[1] * self.area_mm2.max(f64::MIN_POSITIVE)
    }

    /// Tightens the bounds of all layers, then maps one after another, until all are mapped or the setting is beaten.
    fn attempt(&self, shapes: &Shapes, options: &Options, known: &[Candidate], tolerance: f64) -> Tried {
        let mut order: Vec<usize> = (0..shapes.layers.len()).collect();
        order.sort_by(|&a, &b| self.weight(shapes, b).total_cmp(&self.weight(shapes, a)));
        let mut costs = self.bounds.clone();
        let (mut mapped, mut proven) = (0, true);
        for exact in [false, true] {
            for &shape in &order {
                if self.beaten(shapes, &costs, known, tolerance) {
                    return Tried::Pruned(mapped);
                }
                let layer = &shapes.layers[shape];
                let cost = if exact {
                    mapped += 1;
                    search(&self.machine, layer, options).map(|found| {
                        proven &= found.proven_optimal;
                        let cost = found.points[0].cost;
                        LayerBound { cycles: cost.cycles, energy_pj: cost.energy_pj }
                    })
                } else {
                    tightened(&self.machine, layer, &options.fix, costs[shape])
                };
                match cost {
                    Ok(cost) => costs[shape] = cost,
                    Err(error) => return Tried::Refused(error.to_string()),
                }
            }
        }
        Tried::Found(Box::new(self.candidate(shapes, &costs, proven)), mapped)
    }

    /// A layer's larger part of the bound on time and on energy.
    fn weight(&self, shapes: &Shapes, shape: usize) -> f64 {
        let (bound, count) = (&self.bounds[shape], shapes.counts[shape]);
        (self.time(bound.cycles * count) / self.least[0]).max(bound.energy_pj * count / self.least[1])
    }

    /// Whether something known is at least as good as these costs and bounds together could be.
    fn beaten(&self, shapes: &Shapes, costs: &[LayerBound], known: &[Candidate], tolerance: f64) -> bool {
        let mut least = [0.0, 0.0, self.area_mm2];
        for (cost, count) in costs.iter().zip(&shapes.counts) {
            least[0] += self.time(cost.cycles * count);
            least[1] += cost.energy_pj * count;
        }
        // The candidate's own sums are in another order.
        beaten(known, [least[0] * (1.0 - 1e-9), least[1] * (1.0 - 1e-9), least[2]], tolerance)
    }

    fn candidate(&self, shapes: &Shapes, costs: &[LayerBound], proven_optimal: bool) -> Candidate {
        let none = |net: &String| NetworkFigures { net: net.clone(), latency_cycles: 0.0, energy_pj: 0.0 };
        let mut networks: Vec<NetworkFigures> = shapes.networks.iter().map(none).collect();
        for &(network, shape, count) in &shapes.rows {
            networks[network].latency_cycles += costs[shape].cycles * self.clock_cycles_per_step * count;
            networks[network].energy_pj += costs[shape].energy_pj * count;
        }
        let latency_cycles: f64 = networks.iter().map(|n| n.latency_cycles).sum();
        let buffers = self.machine.memories.iter().filter(|m| m.tier == hw::machine::Tier::Buffer);
        Candidate {
            parameters: self.setting.clone(),
            elements: self.machine.elements(),
            buffer_words: buffers.filter_map(|m| m.capacity_words).sum(),
            area_mm2: self.area_mm2,
            latency_cycles,
            latency_ms: self
                .machine
                .clock_mhz
                .map(|_| self.time(latency_cycles / self.clock_cycles_per_step)),
            energy_pj: networks.iter().map(|n| n.energy_pj).sum(),
            networks,
            proven_optimal,
        }
    }
}
