//! What nests cost, each searched once.

use super::traffic::{Homes, Traffic, of_nest, plane, view, working};
use crate::nest::{Objective, Options, search};
use cost::nest::{Cost, Model, input_words};
use hw::machine::{Fetch, Layer, Machine, Mapping, Tensor, Tier};
use std::collections::HashMap;
use std::rc::Rc;
use std::time::Duration;

/// One way to run a nest.
#[derive(Debug, Clone)]
pub(super) struct Choice {
    pub(super) mapping: Mapping,
    pub(super) cost: Cost,
    /// Words of the buffer its tiles take.
    pub(super) working: u64,
}

/// The ways to run a nest that none beats, by rising latency; empty where it does not fit.
#[derive(Debug)]
pub(super) struct Ways {
    pub(super) choices: Vec<Choice>,
    /// The most that some way could be better than the best of `choices`, as a part.
    pub(super) gap: f64,
}

/// The ways found with some room, and the least room they all fit in.
struct Found {
    room: u64,
    need: u64,
    ways: Rc<Ways>,
}

/// All nests asked for so far.
pub(super) struct Table<'a> {
    pub(super) machine: &'a Machine,
    objective: Objective,
    time: Option<Duration>,
    found: HashMap<(Layer, Homes), Vec<Found>>,
    pub(super) searches: u64,
}

impl<'a> Table<'a> {
    pub(super) fn new(machine: &'a Machine, objective: Objective, time: Option<Duration>) -> Self {
        // Energies and latencies of layers add up, so that their optima do; products do not.
        let objective = if objective == Objective::Edp { Objective::Pareto } else { objective };
        Self { machine, objective, time, found: HashMap::new(), searches: 0 }
    }

    /// What labels are kept by: one best, or a Pareto set.
    pub(super) fn objective(&self) -> Objective {
        self.objective
    }

    /// The ways to run a nest with `room` words of the buffer for its tiles.
    ///
    /// A search with more room whose ways fit in less found the ways for less, too.
    pub(super) fn ways(&mut self, layer: &Layer, homes: Homes, room: u64) -> Rc<Ways> {
        let tiled = |m: &hw::machine::Memory| (0..3).any(|t| m.holds[t] && !homes[t]);
        let bounded = plane(self.machine).is_some_and(|p| tiled(&self.machine.memories[p]));
        let room = if bounded { room } else { u64::MAX };
        let known = self.found.entry((*layer, homes)).or_default();
        if let Some(found) = known.iter().find(|f| f.need <= room && room <= f.room) {
            return Rc::clone(&found.ways);
        }
        self.searches += 1;
        let ways = Rc::new(find(self.machine, layer, homes, room, self.objective, self.time));
        let need = ways.choices.iter().map(|c| c.working).max().unwrap_or(0);
        known.push(Found { room, need, ways: Rc::clone(&ways) });
        ways
    }
}

fn find(
    machine: &Machine,
    layer: &Layer,
    homes: Homes,
    room: u64,
    objective: Objective,
    time: Option<Duration>,
) -> Ways {
    let seen = view(machine, homes, room);
    let Ok(outcome) = search(&seen, layer, &Options { time, ..Options::new(objective) }) else {
        return Ways { choices: Vec::new(), gap: 0.0 };
    };
    let mut gap = outcome.gap;
    let mut choices: Vec<Choice> = Vec::new();
    for point in &outcome.points {
        let model = Model::new(&seen, layer, point.mapping.bypass);
        let traffic = of_nest(machine, layer, homes, &model.breakdown(&point.mapping));
        let (cost, _) = traffic.price(machine);
        if objective != Objective::Energy {
            // The search took the buffer's port for two, one for what is at home there and one for tiles.
            gap = gap.max(1.0 - point.cost.cycles / cost.cycles);
        }
        let working = working(machine, layer, homes, &point.mapping);
        choices.push(Choice { mapping: point.mapping, cost, working });
    }
    choices.sort_by(|a, b| {
        a.cost.cycles.total_cmp(&b.cost.cycles).then(a.cost.energy_pj.total_cmp(&b.cost.energy_pj))
    });
    let mut least = f64::INFINITY;
    choices.retain(|c| {
        let better = c.cost.energy_pj < least;
        least = least.min(c.cost.energy_pj);
        better
    });
    Ways { choices, gap }
}

/// Words through the memories for one way.
pub(super) fn traffic_of(machine: &Machine, layer: &Layer, homes: Homes, mapping: &Mapping) -> Traffic {
    let seen = view(machine, homes, u64::MAX);
    let model = Model::new(&seen, layer, mapping.bypass);
    of_nest(machine, layer, homes, &model.breakdown(mapping))
}

/// What no way to run a nest is below: arithmetic, element accesses, every word once from or to its home.
pub(super) fn floor(machine: &Machine, layer: &Layer, homes: Homes) -> Cost {
    let mut traffic = Traffic::new(machine);
    traffic.macs = layer.macs() as f64;
    traffic.steps = layer.macs().div_ceil(machine.elements()) as f64;
    let words = |t: Tensor| match t {
        Tensor::Input => input_words(&layer.size, layer.stride, Fetch::Touched),
        Tensor::Weight => layer.size[1] * layer.size[2] * layer.size[3] * layer.size[6] * layer.size[7],
        Tensor::Output => layer.size[0] * layer.size[1] * layer.size[2] * layer.size[4] * layer.size[5],
    };
    for tensor in Tensor::ALL {
        let (t, out) = (tensor as usize, tensor == Tensor::Output);
        let all = words(tensor) as f64;
        let element = machine.holder(Tier::Element, tensor);
        if let Some(element) = element {
            traffic.words[element][0] += traffic.macs;
            traffic.words[element][1] += if out { traffic.macs } else { all };
        }
        let home = if homes[t] { plane(machine) } else { machine.holder(Tier::Backing, tensor) };
        if let Some(home) = home {
            traffic.words[home][usize::from(out)] += all;
        }
    }
    traffic.price(machine).0
}
