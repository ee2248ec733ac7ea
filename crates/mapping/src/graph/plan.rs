//! The best schedule, placed in the buffer.

use super::net::{Checked, NetError};
use super::path::{Bans, Label, Search, State};
use super::report::{Report, report};
use super::segment::{Job, Step, slice, weight_words};
use super::table::Table;
use super::tiles::{Overlap, Tiled};
use super::traffic::plane;
use crate::memory::{self, place};
use crate::nest::{Objective, SearchError, Space};
use hw::machine::{Machine, Mapping};
use hw::memory::{Buffer, Plan as Offsets, Problem};
use hw::schedule::{Action, Net, Place, Schedule, Task};
use std::rc::Rc;
use std::time::{Duration, Instant};

/// What a search is asked.
#[derive(Debug, Clone)]
pub struct Options {
    /// What to minimise over the whole network.
    pub objective: Objective,
    /// Whether whole results may stay in the buffer.
    pub residency: bool,
    /// Most layers run depth first together; 1: none.
    pub longest_run: usize,
    /// Time for one nest's search; `None`: until proven.
    pub nest_time: Option<Duration>,
    /// Most labels of a cut, and ways of a run; beyond, some are left out and nothing is proven.
    pub labels: usize,
}

impl Options {
    /// Residency, runs of up to four layers, every nest proven.
    pub fn new(objective: Objective) -> Self {
        Self { objective, residency: true, longest_run: 4, nest_time: None, labels: 4096 }
    }

    /// Each layer for itself, from the backing store and back to it.
    pub fn layer_by_layer(objective: Objective) -> Self {
        Self { residency: false, longest_run: 1, ..Self::new(objective) }
    }
}

/// A network that cannot be planned.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum GraphError {
    /// The network is none.
    #[error(transparent)]
    Net(#[from] NetError),
    /// A layer that does not run on the machine.
    #[error("`{layer}`: {error}")]
    Layer {
        /// Which layer.
        layer: String,
        /// Why.
        error: SearchError,
    },
    /// A layer nothing was found for.
    #[error("`{layer}`: no way to run it was found")]
    NoWay {
        /// Which layer.
        layer: String,
    },
    /// A layer no engine of a platform runs.
    #[error("`{layer}` runs on no engine")]
    NoEngine {
        /// Which layer.
        layer: String,
    },
    /// A platform that is none.
    #[error("{what} is {found}, {expected} expected")]
    Platform {
        /// What is wrong.
        what: &'static str,
        /// As given.
        found: String,
        /// What would do.
        expected: &'static str,
    },
}

/// One way to run a network.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Totals, and tables by run and by layer.
    pub report: Report,
    /// What happens in which order, for a checker.
    pub schedule: Schedule,
    /// What stands in the buffer, in words: whole results, line buffers, weights, tiles; one moment a run.
    pub buffers: Problem,
    /// Where it stands.
    pub offsets: Offsets,
    /// Whether nothing in the space is better.
    pub proven_optimal: bool,
    /// The most that a nest could be better than counted, as a part.
    pub gap: f64,
    /// Nests searched, and edges of the path costed.
    pub searches: u64,
    /// Edges costed.
    pub edges: u64,
    /// Steps taken out because their place was in pieces.
    pub refused: usize,
    /// Wall time of the search.
    pub seconds: f64,
}

/// The best schedule of a network on a machine, or the Pareto set by rising latency.
///
/// # Errors
/// A network that is none, a layer that does not run on the machine.
pub fn plan(machine: &Machine, net: &Net, options: &Options) -> Result<Vec<Plan>, GraphError> {
    let start = Instant::now();
    let checked = Checked::new(net)?;
    for layer in &net.layers {
        if let Task::Nest(nest) = &layer.task {
            let runs = Space::all(machine, nest, &crate::nest::Fix::default());
            runs.map_err(|error| GraphError::Layer { layer: layer.name.clone(), error })?;
        }
    }
    let mut table = Table::new(machine, options.objective, options.nest_time);
    let mut bans = Bans::new();
    loop {
        let paths = Search::new(&checked, &mut table, options, &bans).run()?;
        let mut ends: Vec<usize> = (0..paths.done.items.len()).collect();
        if options.objective == Objective::Edp {
            let edp = |&at: &usize| paths.done.items[at].0.edp();
            ends = ends.into_iter().min_by(|a, b| edp(a).total_cmp(&edp(b))).into_iter().collect();
        }
        let mut plans = Vec::new();
        let refused = bans.len();
        for at in ends {
            let steps = steps_of(&paths.labels, paths.done.items[at].1);
            match placed(&checked, machine, &steps) {
                Ok((buffers, offsets)) => plans.push(Plan {
                    report: report(machine, &checked, &steps),
                    schedule: schedule(&checked, &steps),
                    buffers,
                    offsets,
                    proven_optimal: paths.gap == 0.0 && !paths.thinned && refused == 0,
                    gap: paths.gap,
                    searches: table.searches,
                    edges: paths.edges,
                    refused,
                    seconds: start.elapsed().as_secs_f64(),
                }),
                Err(step) => {
                    bans.insert(ban(&checked, &steps, step));
                }
            }
        }
        // A step is taken out each time, and there are finitely many: layers from the backing store and back have a place.
        if bans.len() == refused {
            return Ok(plans);
        }
    }
}

fn steps_of(labels: &[Label], end: usize) -> Vec<Rc<Step>> {
    let mut steps = Vec::new();
    let mut at = end;
    while let Some((step, before)) = &labels[at].step {
        steps.push(Rc::clone(step));
        at = *before;
    }
    steps.reverse();
    steps
}

/// Results in the buffer before a step.
pub(super) fn state_before(net: &Checked<'_>, steps: &[Rc<Step>], step: usize) -> State {
    let run = &steps[step].run;
    let made = steps[..step].iter().filter(|s| s.place == Place::Buffer).map(|s| s.run.end - 1);
    made.filter(|&layer| net.dies(layer) > run.start).collect()
}

type Ban = (std::ops::Range<usize>, State, Place, bool, Option<(u64, Overlap)>);

fn ban(net: &Checked<'_>, steps: &[Rc<Step>], at: usize) -> Ban {
    let step = &steps[at];
    (step.run.clone(), state_before(net, steps, at), step.place, step.weights, step.tiles)
}

/// Everything placed in the buffer, or the first step for which no place is found.
fn placed(net: &Checked<'_>, machine: &Machine, steps: &[Rc<Step>]) -> Result<(Problem, Offsets), usize> {
    let capacity = plane(machine).and_then(|p| machine.memories[p].capacity_words);
    let mut problem = buffers(net, steps);
    problem.capacity = capacity;
    if let Some(offsets) = fits(&problem) {
        return Ok((problem, offsets));
    }
    // The first step whose buffers, with all before it, have no place.
    for at in 0..steps.len() {
        let mut part = buffers(net, &steps[..=at]);
        part.capacity = capacity;
        if fits(&part).is_none() {
            return Err(at);
        }
    }
    Err(steps.len() - 1)
}

fn fits(problem: &Problem) -> Option<Offsets> {
    let plan = place(problem, memory::Options { nodes: 200_000, deadline: None }).ok()?;
    problem.capacity.is_none_or(|capacity| plan.arena_bytes <= capacity).then_some(plan)
}

/// What stands in the buffer, a moment a step; sizes in words.
fn buffers(net: &Checked<'_>, steps: &[Rc<Step>]) -> Problem {
    let mut problem = Problem::default();
    let mut put = |name: String, words: u64, from: usize, to: usize| {
        if words > 0 {
            problem.buffers.push(Buffer::new(name, words, from, to));
        }
    };
    for (at, step) in steps.iter().enumerate() {
        let name = |layer: usize| &net.net.layers[layer].name;
        let last = step.run.end - 1;
        if step.place == Place::Buffer {
            let dies = net.dies(last);
            let until = steps.iter().position(|s| s.run.end >= dies).map_or(steps.len(), |s| s + 1);
            put(name(last).clone(), net.words(last), at, until);
        }
        if let Some((height, overlap)) = step.tiles {
            let tiled = Tiled::new(net, &step.run, height, overlap);
            for (layer, lines) in step.run.clone().zip(tiled.lines) {
                put(format!("{} lines", name(layer)), lines * net.net.layers[layer].row_words, at, at + 1);
            }
        }
        if step.weights {
            for layer in step.run.clone() {
                if let Task::Nest(nest) = &net.net.layers[layer].task {
                    put(format!("{} weights", name(layer)), weight_words(nest), at, at + 1);
                }
            }
        }
        let working = step.jobs.iter().map(|j| j.working).max().unwrap_or(0);
        put(format!("{} tiles", name(last)), working, at, at + 1);
    }
    problem
}

/// How a layer makes so many rows in a step.
pub(super) fn job(step: &Step, layer: usize, rows: u64) -> Option<&Job> {
    step.jobs.iter().find(|j| j.layer == layer && j.rows == rows)
}

/// The steps as actions.
fn schedule(net: &Checked<'_>, steps: &[Rc<Step>]) -> Schedule {
    let mut place = vec![Place::Backing; net.net.layers.len()];
    let mut actions = Vec::new();
    let mut alive: Vec<usize> = Vec::new();
    for step in steps {
        let last = step.run.end - 1;
        place[last] = step.place;
        let mapping = |layer: usize, rows: u64| -> Option<Box<Mapping>> {
            job(step, layer, rows).map(|j| Box::new(j.mapping))
        };
        match step.tiles {
            None => {
                let rows = net.net.layers[last].rows;
                actions.push(Action::Run { layer: last, rows: 0..rows, mapping: mapping(last, rows) });
            }
            Some((height, overlap)) => {
                place[step.run.start..last].fill(Place::Buffer);
                let tiled = Tiled::new(net, &step.run, height, overlap);
                let nests: Vec<usize> =
                    step.run.clone().filter(|&l| matches!(net.net.layers[l].task, Task::Nest(_))).collect();
                if step.weights {
                    actions.extend(nests.iter().map(|&l| Action::LoadWeights(l)));
                }
                for (tile, kept) in tiled.rows.iter().zip(&tiled.kept) {
                    for (layer, rows) in step.run.clone().zip(tile).filter(|(_, rows)| !rows.is_empty()) {
                        let mapping = mapping(layer, rows.end - rows.start);
                        actions.push(Action::Run { layer, rows: rows.clone(), mapping });
                    }
                    let frees = (step.run.start..last).zip(kept);
                    actions.extend(frees.map(|(layer, &below)| Action::Free { layer, below }));
                }
                if step.weights {
                    actions.extend(nests.iter().map(|&l| Action::FreeWeights(l)));
                }
            }
        }
        if step.place == Place::Buffer {
            alive.push(last);
        }
        alive.retain(|&layer| {
            let dead = net.dies(layer) <= step.run.end;
            if dead {
                actions.push(Action::Free { layer, below: net.net.layers[layer].rows });
            }
            !dead
        });
    }
    Schedule { place, actions }
}

/// The nest a job runs.
pub(super) fn nest_of(net: &Checked<'_>, job: &Job) -> Option<hw::machine::Layer> {
    match &net.net.layers[job.layer].task {
        Task::Nest(nest) => Some(slice(nest, job.rows)),
        Task::Stream { .. } => None,
    }
}
