//! Layers on several engines: which runs where.
//!
//! **Space.** Layers run in the order given, each on one engine that supports it, from that engine's backing store and back, with its
//! best mapping there. What the caller gives stands in every engine's store. A result is moved over the one link to an engine that
//! reads it and has it not, once. **Latency** is the sum of layers and moves. **Period** of a pipeline over a batch is the largest load,
//! of an engine or of the link: each works on another image. **Search:** labels over `(layers done, where each result still needed
//! stands)`; for the period a label has every load, and a beaten one is beaten in all of them. Exact.

use super::net::Checked;
use super::plan::GraphError;
use super::table::Table;
use super::traffic::of_stream;
use crate::nest::Objective;
use cost::nest::Cost;
use hw::machine::Machine;
use hw::schedule::{Net, NetLayer, Place, Source, Task};
use serde::Serialize;
use std::collections::BTreeMap;
use std::time::Duration;

/// A machine among others.
#[derive(Debug, Clone)]
pub struct Engine {
    /// Name in reports.
    pub name: String,
    /// What it is.
    pub machine: Machine,
    /// Its clock.
    pub clock_mhz: f64,
    /// Which layers it runs.
    pub supports: fn(&NetLayer) -> bool,
}

/// The way between engines.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Link {
    /// Width.
    pub bits_per_second: f64,
    /// Energy of a bit.
    pub energy_pj_per_bit: f64,
    /// Time of a move whatever its size.
    pub setup_seconds: f64,
}

/// Engines and the link between them.
#[derive(Debug, Clone)]
pub struct Platform {
    /// One to eight.
    pub engines: Vec<Engine>,
    /// Between any two.
    pub link: Link,
}

/// What to minimise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Goal {
    /// Energy; latency among equals.
    Energy,
    /// Latency of one image; energy among equals.
    Latency,
    /// Time between images of a batch; energy among equals.
    Period,
}

/// Where everything runs. All figures are modelled.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Assigned {
    /// Engine of each layer.
    pub engine: Vec<usize>,
    /// Moves: `(layer whose result, from, to)`, in order.
    pub moves: Vec<(usize, usize, usize)>,
    /// Energy, moves among it.
    pub energy_pj: f64,
    /// Sum of layers and moves.
    pub latency_seconds: f64,
    /// Largest load.
    pub period_seconds: f64,
    /// Time each engine works for one image, and the link last.
    pub loads_seconds: Vec<f64>,
}

#[derive(Debug, Clone)]
struct Label {
    energy_pj: f64,
    latency: f64,
    loads: Vec<f64>,
    engine: usize,
    moves: Vec<(usize, usize, usize)>,
    before: Option<usize>,
}

/// Which engines have a result, as bits, by layer still needed.
type State = Vec<(usize, u8)>;

/// Most engines.
const MAX_ENGINES: usize = 8;

/// The best engine for every layer.
///
/// # Errors
/// A network or a platform that is none, a layer no engine runs.
pub fn assign(
    platform: &Platform,
    net: &Net,
    goal: Goal,
    nest_time: Option<Duration>,
) -> Result<Assigned, GraphError> {
    check(platform)?;
    let net = Checked::new(net)?;
    let costs = costs(platform, &net, goal, nest_time)?;
    let many = platform.engines.len();
    let origin = Label {
        energy_pj: 0.0,
        latency: 0.0,
        loads: vec![0.0; many + 1],
        engine: 0,
        moves: Vec::new(),
        before: None,
    };
    let mut labels = vec![origin];
    let mut cut: BTreeMap<State, Vec<usize>> = BTreeMap::from([(State::new(), vec![0])]);
    for (layer, costs) in costs.iter().enumerate() {
        let mut next: BTreeMap<State, Vec<usize>> = BTreeMap::new();
        for (state, from) in &cut {
            for (engine, cost) in costs.iter().enumerate() {
                let &Some((energy_pj, seconds)) = cost else { continue };
                let (moves, after) = arrive(&net, state, layer, engine);
                for &before in from {
                    let mut label = Label { engine, before: Some(before), ..labels[before].clone() };
                    label.energy_pj += energy_pj;
                    label.latency += seconds;
                    label.loads[engine] += seconds;
                    for &(what, from, _) in &moves {
                        let word_bits = platform.engines[from].machine.word_bits;
                        let bits = (net.words(what) * word_bits) as f64;
                        let time = platform.link.setup_seconds + bits / platform.link.bits_per_second;
                        label.energy_pj += bits * platform.link.energy_pj_per_bit;
                        label.latency += time;
                        label.loads[many] += time;
                    }
                    label.moves.clone_from(&moves);
                    keep(goal, label, next.entry(after.clone()).or_default(), &mut labels);
                }
            }
        }
        cut = next;
    }
    let ends = cut.into_values().flatten();
    let best = ends.min_by(|&a, &b| {
        let (a, b) = (rank(goal, &labels[a]), rank(goal, &labels[b]));
        a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1))
    });
    best.map(|best| assigned(&labels, best)).ok_or_else(|| GraphError::NoEngine {
        layer: net.net.layers.last().map(|l| l.name.clone()).unwrap_or_default(),
    })
}

fn check(platform: &Platform) -> Result<(), GraphError> {
    let wrong = |what, found: String, expected| Err(GraphError::Platform { what, found, expected });
    let many = platform.engines.len();
    if many == 0 || many > MAX_ENGINES {
        return wrong("the number of engines", many.to_string(), "1 to 8");
    }
    let positive = |x: f64| x.is_finite() && x > 0.0;
    for engine in &platform.engines {
        if !positive(engine.clock_mhz) {
            return wrong("an engine's clock in MHz", engine.clock_mhz.to_string(), "more than 0");
        }
    }
    let link = &platform.link;
    if !positive(link.bits_per_second) {
        return wrong("the link's bits a second", link.bits_per_second.to_string(), "more than 0");
    }
    for (what, x) in
        [("the link's energy", link.energy_pj_per_bit), ("the link's set-up", link.setup_seconds)]
    {
        if !(x.is_finite() && x >= 0.0) {
            return wrong(what, x.to_string(), "0 or more");
        }
    }
    Ok(())
}

/// A layer's `(energy, seconds)` by engine; `None` where it does not run there.
type OnEngines = Vec<Option<(f64, f64)>>;

/// Every layer on every engine.
fn costs(
    platform: &Platform,
    net: &Checked<'_>,
    goal: Goal,
    time: Option<Duration>,
) -> Result<Vec<OnEngines>, GraphError> {
    let objective = if goal == Goal::Energy { Objective::Energy } else { Objective::Latency };
    let mut tables: Vec<Table<'_>> =
        platform.engines.iter().map(|e| Table::new(&e.machine, objective, time)).collect();
    let mut all = Vec::new();
    for layer in &net.net.layers {
        let on = |(engine, table): (&Engine, &mut Table<'_>)| {
            let cost = (engine.supports)(layer).then(|| alone(net, layer, table)).flatten()?;
            Some((cost.energy_pj, cost.cycles / (engine.clock_mhz * 1e6)))
        };
        let costs: Vec<_> = platform.engines.iter().zip(&mut tables).map(on).collect();
        if costs.iter().all(Option::is_none) {
            return Err(GraphError::NoEngine { layer: layer.name.clone() });
        }
        all.push(costs);
    }
    Ok(all)
}

/// A layer from the backing store and back.
fn alone(net: &Checked<'_>, layer: &NetLayer, table: &mut Table<'_>) -> Option<Cost> {
    match &layer.task {
        Task::Nest(nest) => {
            let room = super::traffic::plane(table.machine)
                .and_then(|p| table.machine.memories[p].capacity_words)
                .unwrap_or(u64::MAX);
            table.ways(nest, [false; 3], room).choices.first().map(|c| c.cost)
        }
        Task::Stream { operations_per_row } => {
            let reads: Vec<(u64, Place)> = layer
                .operands
                .iter()
                .map(|operand| {
                    let (height, words) = super::net::shape(net.net, operand.source);
                    let need = super::net::needed(operand.window, &(0..layer.rows), height);
                    ((need.end - need.start) * words, Place::Backing)
                })
                .collect();
            let operations = (operations_per_row * layer.rows) as f64;
            let write = (layer.rows * layer.row_words, Place::Backing);
            Some(of_stream(table.machine, operations, &reads, write).price(table.machine).0)
        }
    }
}

/// Moves before a layer can run on an engine, and where results stand after it.
fn arrive(
    net: &Checked<'_>,
    state: &State,
    layer: usize,
    engine: usize,
) -> (Vec<(usize, usize, usize)>, State) {
    let mut after = state.clone();
    let mut moves = Vec::new();
    for operand in &net.net.layers[layer].operands {
        let Source::Layer(from) = operand.source else { continue };
        if let Some((_, at)) = after.iter_mut().find(|(l, _)| *l == from)
            && *at & 1 << engine == 0
        {
            moves.push((from, at.trailing_zeros() as usize, engine));
            *at |= 1 << engine;
        }
    }
    after.push((layer, 1 << engine));
    after.retain(|&(l, _)| net.dies(l) > layer + 1);
    (moves, after)
}

/// What labels are compared by in the end.
fn rank(goal: Goal, label: &Label) -> (f64, f64) {
    match goal {
        Goal::Energy => (label.energy_pj, label.latency),
        Goal::Latency => (label.latency, label.energy_pj),
        Goal::Period => (label.loads.iter().copied().fold(0.0, f64::max), label.energy_pj),
    }
}

/// Keeps a label unless another is at least as good, and drops those it beats.
fn keep(goal: Goal, label: Label, here: &mut Vec<usize>, labels: &mut Vec<Label>) {
    let beats = |a: &Label, b: &Label| match goal {
        Goal::Energy | Goal::Latency => rank(goal, a) <= rank(goal, b),
        Goal::Period => a.energy_pj <= b.energy_pj && a.loads.iter().zip(&b.loads).all(|(a, b)| a <= b),
    };
    if here.iter().any(|&other| beats(&labels[other], &label)) {
        return;
    }
    here.retain(|&other| !beats(&label, &labels[other]));
    labels.push(label);
    here.push(labels.len() - 1);
}

fn assigned(labels: &[Label], best: usize) -> Assigned {
    let end = &labels[best];
    let mut found = Assigned {
        engine: Vec::new(),
        moves: Vec::new(),
        energy_pj: end.energy_pj,
        latency_seconds: end.latency,
        period_seconds: end.loads.iter().copied().fold(0.0, f64::max),
        loads_seconds: end.loads.clone(),
    };
    let mut at = best;
    while let Some(before) = labels[at].before {
        found.engine.push(labels[at].engine);
        found.moves.extend(labels[at].moves.iter().rev());
        at = before;
    }
    found.engine.reverse();
    found.moves.reverse();
    found
}
