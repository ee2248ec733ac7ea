//! What a run of layers costs: one layer whole, or several in tiles.

use super::front::{Front, plus};
use super::net::{Checked, needed, shape};
use super::table::{Table, Ways, floor};
use super::tiles::{Overlap, Tiled};
use super::traffic::{Homes, Traffic, of_load, of_stream, plane};
use cost::nest::Cost;
use hw::machine::{Dim, Layer, Mapping, Tensor};
use hw::schedule::{Place, Source, Task};
use std::ops::Range;
use std::rc::Rc;

/// A nest of a step: how a layer makes so many rows at once.
#[derive(Debug, Clone)]
pub(super) struct Job {
    pub(super) layer: usize,
    pub(super) rows: u64,
    pub(super) homes: Homes,
    pub(super) mapping: Mapping,
    pub(super) working: u64,
}

/// One edge of the path: a run of layers and how it runs.
#[derive(Debug, Clone)]
pub(super) struct Step {
    pub(super) run: Range<usize>,
    /// Where the last result is at home.
    pub(super) place: Place,
    /// Rows of the last result a tile has, and what becomes of overlaps; `None` for one layer whole.
    pub(super) tiles: Option<(u64, Overlap)>,
    /// Whether the run's weights stand in the buffer.
    pub(super) weights: bool,
    pub(super) jobs: Vec<Job>,
}

/// What surrounds a run.
#[derive(Debug, Clone, Copy)]
pub(super) struct Around<'a> {
    /// Results at home in the buffer before it.
    pub(super) resident: &'a [usize],
    /// Where the last result goes.
    pub(super) place: Place,
    /// Whether the run's weights stand in the buffer.
    pub(super) weights: bool,
    /// Words of the buffer left for tiles.
    pub(super) room: u64,
}

/// The nest that makes `rows` rows.
pub(super) fn slice(nest: &Layer, rows: u64) -> Layer {
    let mut nest = *nest;
    nest.size[Dim::P as usize] = rows;
    nest
}

/// Words of a nest's weights.
pub(super) fn weight_words(nest: &Layer) -> u64 {
    Dim::ALL.iter().filter(|&&d| Tensor::Weight.uses(d)).map(|&d| nest.size[d as usize]).product()
}

/// Where a layer's operand is at home.
fn home(source: Source, run: &Range<usize>, around: &Around<'_>) -> Place {
    match source {
        Source::Layer(from) if from >= run.start || around.resident.contains(&from) => Place::Buffer,
        _ => Place::Backing,
    }
}

/// Which tensors of a nest of a run are at home in the buffer.
pub(super) fn homes(net: &Checked<'_>, layer: usize, run: &Range<usize>, around: &Around<'_>) -> Homes {
    let input = home(net.net.layers[layer].operands[0].source, run, around) == Place::Buffer;
    let output = layer + 1 < run.end || around.place == Place::Buffer;
    [around.weights, input, output]
}

/// A streaming layer's words for some of its rows.
pub(super) fn stream(
    table: &Table<'_>,
    net: &Checked<'_>,
    layer: usize,
    rows: &Range<u64>,
    run: &Range<usize>,
    around: &Around<'_>,
) -> Traffic {
    let what = &net.net.layers[layer];
    let operations = match what.task {
        Task::Stream { operations_per_row } => operations_per_row as f64,
        Task::Nest(_) => 0.0,
    };
    let count = rows.end - rows.start;
    let reads: Vec<(u64, Place)> = what
        .operands
        .iter()
        .map(|operand| {
            let (height, words) = shape(net.net, operand.source);
            let need = needed(operand.window, rows, height);
            ((need.end - need.start) * words, home(operand.source, run, around))
        })
        .collect();
    let place = if layer + 1 < run.end { Place::Buffer } else { around.place };
    of_stream(table.machine, operations * count as f64, &reads, (count * what.row_words, place))
}

/// One layer whole.
pub(super) fn whole(
    table: &mut Table<'_>,
    net: &Checked<'_>,
    layer: usize,
    around: &Around<'_>,
    gap: &mut f64,
) -> Front<Step> {
    let mut front = Front::new(table.objective());
    let run = layer..layer + 1;
    let (place, what) = (around.place, &net.net.layers[layer]);
    let step = |jobs| Step { run: run.clone(), place, tiles: None, weights: false, jobs };
    match &what.task {
        Task::Stream { .. } => {
            let cost = stream(table, net, layer, &(0..what.rows), &run, around).price(table.machine).0;
            front.offer(cost, || step(Vec::new()));
        }
        Task::Nest(nest) => {
            let homes = homes(net, layer, &run, around);
            let ways = table.ways(nest, homes, around.room);
            *gap = gap.max(ways.gap);
            for choice in &ways.choices {
                let (mapping, working) = (choice.mapping, choice.working);
                front.offer(choice.cost, || {
                    step(vec![Job { layer, rows: what.rows, homes, mapping, working }])
                });
            }
        }
    }
    front
}

/// What tiles of a run cost at least, nests not searched.
pub(super) fn tiled_floor(
    table: &Table<'_>,
    net: &Checked<'_>,
    run: &Range<usize>,
    tiled: &Tiled,
    around: &Around<'_>,
) -> Cost {
    let mut least = fixed(table, net, run, tiled, around);
    for layer in run.clone() {
        let Task::Nest(nest) = &net.net.layers[layer].task else { continue };
        let homes = homes(net, layer, run, around);
        for (&rows, &times) in &tiled.counts[layer - run.start] {
            least = plus(least, floor(table.machine, &slice(nest, rows), homes), times);
        }
    }
    least
}

/// What of a tiled run is settled: streams, and weights copied into the buffer.
fn fixed(
    table: &Table<'_>,
    net: &Checked<'_>,
    run: &Range<usize>,
    tiled: &Tiled,
    around: &Around<'_>,
) -> Cost {
    let mut cost = Cost { energy_pj: 0.0, cycles: 0.0 };
    for layer in run.clone() {
        match &net.net.layers[layer].task {
            Task::Nest(nest) if around.weights => {
                cost = plus(cost, of_load(table.machine, weight_words(nest)).price(table.machine).0, 1);
            }
            Task::Nest(_) => {}
            Task::Stream { .. } => {
                for rows in tiled.rows.iter().map(|tile| &tile[layer - run.start]).filter(|r| !r.is_empty()) {
                    let traffic = stream(table, net, layer, rows, run, around);
                    cost = plus(cost, traffic.price(table.machine).0, 1);
                }
            }
        }
    }
    cost
}

/// A run in tiles; empty where something does not fit.
pub(super) fn tiled(
    table: &mut Table<'_>,
    net: &Checked<'_>,
    run: &Range<usize>,
    (tiled, height, overlap): (&Tiled, u64, Overlap),
    around: &Around<'_>,
    limit: usize,
    gap: &mut f64,
) -> Front<Step> {
    let mut front = Front::new(table.objective());
    front.offer(fixed(table, net, run, tiled, around), Vec::new);
    for layer in run.clone() {
        let Task::Nest(nest) = &net.net.layers[layer].task else { continue };
        let homes = homes(net, layer, run, around);
        for (&rows, &times) in &tiled.counts[layer - run.start] {
            let ways: Rc<Ways> = table.ways(&slice(nest, rows), homes, around.room);
            *gap = gap.max(ways.gap);
            let mut next = Front::new(table.objective());
            next.thinned = front.thinned;
            for (cost, jobs) in &front.items {
                for choice in &ways.choices {
                    next.offer(plus(*cost, choice.cost, times), || {
                        let (mapping, working) = (choice.mapping, choice.working);
                        let mut jobs: Vec<Job> = jobs.clone();
                        jobs.push(Job { layer, rows, homes, mapping, working });
                        jobs
                    });
                }
            }
            next.thin(limit);
            front = next;
        }
    }
    let step = |jobs| Step {
        run: run.clone(),
        place: around.place,
        tiles: Some((height, overlap)),
        weights: around.weights,
        jobs,
    };
    Front {
        objective: front.objective,
        thinned: front.thinned,
        items: front.items.into_iter().map(|(cost, jobs)| (cost, step(jobs))).collect(),
    }
}

/// Whether the buffer that results stay in may hold weights.
pub(super) fn weights_may_stay(table: &Table<'_>) -> bool {
    plane(table.machine).is_some_and(|p| table.machine.memories[p].holds[Tensor::Weight as usize])
}
