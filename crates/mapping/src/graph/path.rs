//! The shortest path over cuts of the layers' order.

use super::front::{Front, plus};
use super::net::Checked;
use super::segment::{Around, Step, tiled, tiled_floor, weight_words, weights_may_stay, whole};
use super::table::Table;
use super::tiles::{Overlap, Tiled, closed};
use super::traffic::plane;
use super::{GraphError, Options};
use cost::nest::Cost;
use hw::schedule::{Place, Task};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::Range;
use std::rc::Rc;

/// A way to a cut: its last step and the label before.
#[derive(Debug, Clone)]
pub(super) struct Label {
    pub(super) step: Option<(Rc<Step>, usize)>,
}

/// Results at home in the buffer at a cut, ascending.
pub(super) type State = Vec<usize>;

/// Steps that were found not to fit where they stand: a run, the results around it, and where its result goes.
pub(super) type Bans = HashSet<(Range<usize>, State, Place, bool, Option<(u64, Overlap)>)>;

/// What a search over cuts came to.
pub(super) struct Paths {
    pub(super) labels: Vec<Label>,
    /// Ways through the whole network.
    pub(super) done: Front<usize>,
    pub(super) gap: f64,
    pub(super) thinned: bool,
    pub(super) edges: u64,
}

type Shape = (Range<usize>, u64, Overlap);

pub(super) struct Search<'a, 'm> {
    pub(super) net: &'a Checked<'a>,
    pub(super) table: &'a mut Table<'m>,
    pub(super) options: &'a Options,
    pub(super) bans: &'a Bans,
    capacity: u64,
    shapes: HashMap<Shape, Rc<Tiled>>,
    gap: f64,
    edges: u64,
}

impl<'a, 'm> Search<'a, 'm> {
    pub(super) fn new(
        net: &'a Checked<'a>,
        table: &'a mut Table<'m>,
        options: &'a Options,
        bans: &'a Bans,
    ) -> Self {
        let held = plane(table.machine).map(|p| &table.machine.memories[p]);
        let capacity = held.map_or(0, |m| m.capacity_words.unwrap_or(u64::MAX >> 1));
        Self { net, table, options, bans, capacity, shapes: HashMap::new(), gap: 0.0, edges: 0 }
    }

    /// Every way through the network that none beats.
    pub(super) fn run(mut self) -> Result<Paths, GraphError> {
        let count = self.net.net.layers.len();
        let mut labels = vec![Label { step: None }];
        let mut cuts: Vec<BTreeMap<State, Front<usize>>> = vec![BTreeMap::new(); count + 1];
        let mut first = Front::new(self.table.objective());
        first.offer(Cost { energy_pj: 0.0, cycles: 0.0 }, || 0);
        cuts[0].insert(State::new(), first);
        let mut thinned = false;
        for end in 1..=count {
            // One layer whole first: what tiles lead to is held against it before their nests are searched.
            let longest =
                if plane(self.table.machine).is_some() { self.options.longest_run.max(1) } else { 1 };
            for long in 1..=longest.min(end) {
                let run = end - long..end;
                let (before, after) = cuts.split_at_mut(end);
                for (state, front) in &before[run.start] {
                    self.edges_of(&run, state, front, &mut after[0], &mut labels);
                }
            }
            if cuts[end].values().all(|front| front.items.is_empty()) {
                let layer = self.net.net.layers[end - 1].name.clone();
                return Err(GraphError::NoWay { layer });
            }
            for front in cuts[end].values_mut() {
                front.thin(self.options.labels);
                thinned |= front.thinned;
            }
        }
        let done = cuts[count].remove(&State::new()).unwrap_or_else(|| Front::new(self.table.objective()));
        Ok(Paths { labels, done, gap: self.gap, thinned, edges: self.edges })
    }

    /// Words of a state.
    fn words(&self, state: &[usize]) -> u64 {
        state.iter().map(|&layer| self.net.words(layer)).sum()
    }

    /// Every way to run a run of layers from a state.
    fn edges_of(
        &mut self,
        run: &Range<usize>,
        state: &State,
        from: &Front<usize>,
        cut: &mut BTreeMap<State, Front<usize>>,
        labels: &mut Vec<Label>,
    ) {
        if run.len() > 1 && !closed(self.net, run) {
            return;
        }
        let last = run.end - 1;
        let plane = plane(self.table.machine).is_some();
        let may_stay = plane && self.options.residency && self.net.may_stay(last);
        let places = if may_stay { vec![Place::Buffer, Place::Backing] } else { vec![Place::Backing] };
        for place in places {
            let mut after: State = state.iter().copied().filter(|&l| self.net.dies(l) > run.end).collect();
            let mut held = self.words(state);
            if place == Place::Buffer {
                after.push(last);
                held += self.net.words(last);
            }
            if plane && held > self.capacity {
                continue;
            }
            let room = self.capacity - if plane { held } else { 0 };
            let front = cut.entry(after).or_insert_with(|| Front::new(self.table.objective()));
            if run.len() == 1 {
                let around = Around { resident: state, place, weights: false, room };
                if !self.banned(run, &around, None) {
                    self.edges += 1;
                    let edge = whole(self.table, self.net, last, &around, &mut self.gap);
                    join(from, &edge, front, labels);
                }
            } else {
                self.tiles_of(run, state, place, room, from, front, labels);
            }
        }
    }

    fn banned(&self, run: &Range<usize>, around: &Around<'_>, tiles: Option<(u64, Overlap)>) -> bool {
        let key = (run.clone(), around.resident.to_vec(), around.place, around.weights, tiles);
        self.bans.contains(&key)
    }

    #[expect(clippy::too_many_arguments, reason = "the two ends of an edge and what lies between")]
    fn tiles_of(
        &mut self,
        run: &Range<usize>,
        state: &State,
        place: Place,
        room: u64,
        from: &Front<usize>,
        front: &mut Front<usize>,
        labels: &mut Vec<Label>,
    ) {
        let nests = run.clone().filter_map(|layer| match &self.net.net.layers[layer].task {
            Task::Nest(nest) => Some(weight_words(nest)),
            Task::Stream { .. } => None,
        });
        let weights: u64 = nests.sum();
        let stay = weights > 0 && weights_may_stay(self.table);
        for height in heights(self.net.net.layers[run.end - 1].rows) {
            for overlap in [Overlap::Cached, Overlap::Recompute] {
                let key = (run.clone(), height, overlap);
                let net = self.net;
                let shape = Rc::clone(
                    self.shapes.entry(key).or_insert_with(|| Rc::new(Tiled::new(net, run, height, overlap))),
                );
                let lines: u64 = run
                    .clone()
                    .zip(&shape.lines)
                    .map(|(layer, &rows)| rows * self.net.net.layers[layer].row_words)
                    .sum();
                for weights in [Some(0), stay.then_some(weights)].into_iter().flatten() {
                    let Some(room) = room.checked_sub(lines.saturating_add(weights)) else { continue };
                    let around = Around { resident: state, place, weights: weights > 0, room };
                    if self.banned(run, &around, Some((height, overlap))) {
                        continue;
                    }
                    let least = tiled_floor(self.table, self.net, run, &shape, &around);
                    if from.items.iter().all(|(cost, _)| front.beats(plus(*cost, least, 1))) {
                        continue;
                    }
                    self.edges += 1;
                    let what = (&*shape, height, overlap);
                    let edge =
                        tiled(self.table, self.net, run, what, &around, self.options.labels, &mut self.gap);
                    front.thinned |= edge.thinned;
                    join(from, &edge, front, labels);
                }
            }
        }
    }
}

/// Every label of one cut followed by every way of an edge.
fn join(from: &Front<usize>, edge: &Front<Step>, to: &mut Front<usize>, labels: &mut Vec<Label>) {
    for (cost, step) in &edge.items {
        let mut shared = None;
        for (before, label) in &from.items {
            to.offer(plus(*before, *cost, 1), || {
                let step = shared.get_or_insert_with(|| Rc::new(step.clone()));
                labels.push(Label { step: Some((Rc::clone(step), *label)) });
                labels.len() - 1
            });
        }
    }
}

/// Rows of a tile: the fewest that give each number of tiles, 2 and more.
fn heights(rows: u64) -> Vec<u64> {
    let mut all = Vec::new();
    let mut parts = 2;
    while parts <= rows {
        let height = rows.div_ceil(parts);
        all.push(height);
        if height == 1 {
            break;
        }
        parts = rows.div_ceil(height - 1);
    }
    all
}
