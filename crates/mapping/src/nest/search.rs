//! Best-first branch and bound over the loops' tiles.

use super::fix::Fix;
use super::front::{Front, Objective, Point};
use super::leaf::{Leaf, lanes_of};
use super::space::{SearchError, Space, Tile, whole};
use cost::nest::{Factors, LANES, Upper};
use hw::machine::{DIMS, Dim, Layer, Machine, PerDim, Tensor};
use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::time::{Duration, Instant};

/// What a search is asked.
#[derive(Debug, Clone)]
pub struct Options {
    /// What to minimise.
    pub objective: Objective,
    /// When to stop without proof; `None`: never.
    pub time: Option<Duration>,
    /// What is settled; by default nothing.
    pub fix: Fix,
}

impl Options {
    /// Everything free, no limit of time.
    pub fn new(objective: Objective) -> Self {
        Self { objective, time: None, fix: Fix::default() }
    }
}

/// What a search found.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The best point, or the Pareto set by rising latency; never empty.
    pub points: Vec<Point>,
    /// Whether nothing in the map space is better.
    pub proven_optimal: bool,
    /// How far below the best the optimum could lie, as a part of it; 0 where proven. Of energy-delay product for a Pareto set.
    pub gap: f64,
    /// Nests costed.
    pub mappings_evaluated: u64,
}

/// The order loops are decided in.
const ORDER: [Dim; DIMS] = [Dim::K, Dim::C, Dim::P, Dim::Q, Dim::R, Dim::S, Dim::N, Dim::G];

/// A partial choice: the first `depth` loops of [`ORDER`] are spread, then the first `depth - 8` tiled.
#[derive(Debug, Clone, Copy)]
struct Node {
    bound: f64,
    depth: u8,
    space: u8,
    /// Elements left.
    left: u32,
    /// Version of the front the bound was held against.
    seen: u32,
    spread: [u16; DIMS],
    tile: [u16; DIMS],
}

impl PartialEq for Node {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Node {}

impl PartialOrd for Node {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Node {
    /// The lower bound first, the deeper among equals.
    fn cmp(&self, other: &Self) -> Ordering {
        other.bound.total_cmp(&self.bound).then(self.depth.cmp(&other.depth))
    }
}

/// The best mapping of a layer, or the whole energy-latency front.
pub fn search(machine: &Machine, layer: &Layer, options: &Options) -> Result<Outcome, SearchError> {
    let spaces = Space::all(machine, layer, &options.fix)?;
    let mut search = Search {
        spaces: &spaces,
        front: Front::new(options.objective),
        heap: BinaryHeap::new(),
        evaluated: 0,
    };
    let elements = u32::try_from(machine.elements().min(1 << 31)).unwrap_or(u32::MAX);
    for space in 0..spaces.len() {
        let root = Node {
            bound: 0.0,
            depth: 0,
            space: space as u8,
            left: elements,
            seen: u32::MAX,
            spread: [0; DIMS],
            tile: [0; DIMS],
        };
        search.dive(root);
        search.heap.push(root);
    }
    let deadline = options.time.map(|time| Instant::now() + time);
    let proven = search.run(deadline);
    let mut points = search.front.points;
    points.sort_by(|a, b| a.cost.cycles.total_cmp(&b.cost.cycles));
    let best = points.iter().map(|p| options.objective.score(p.cost).0).fold(f64::INFINITY, f64::min);
    if points.is_empty() {
        let unmet = SearchError::Unmet { fix: options.fix.to_string() };
        return Err(if proven { unmet } else { SearchError::Time });
    }
    let open = search.heap.peek().map_or(best, |n| n.bound.min(best));
    let gap = if proven { 0.0 } else { 1.0 - open / best };
    Ok(Outcome { points, proven_optimal: proven, gap, mappings_evaluated: search.evaluated })
}

struct Search<'a> {
    spaces: &'a [Space],
    front: Front,
    heap: BinaryHeap<Node>,
    evaluated: u64,
}

impl Search<'_> {
    /// Expands until nothing is left that could be better, or the time is up.
    fn run(&mut self, deadline: Option<Instant>) -> bool {
        let mut children = Vec::new();
        let mut turns = 0u32;
        while let Some(node) = self.heap.peek().copied() {
            turns += 1;
            if turns.is_multiple_of(64) && deadline.is_some_and(|d| Instant::now() >= d) {
                return false;
            }
            self.heap.pop();
            if self.front.closes(node.bound) {
                self.heap.clear();
                return true;
            }
            if node.seen != self.front.version && self.bound(&node).is_none() {
                continue;
            }
            if node.depth as usize == 2 * DIMS {
                self.open(&node);
                continue;
            }
            self.children(&node, &mut children);
            self.heap.extend(children.drain(..));
        }
        true
    }

    /// Follows the best bound down to a mapping.
    fn dive(&mut self, mut node: Node) {
        let mut children = Vec::new();
        while (node.depth as usize) < 2 * DIMS {
            self.children(&node, &mut children);
            let Some(best) = children.drain(..).max() else { return };
            node = best;
        }
        self.open(&node);
    }

    /// The next loop's choices that could still be better than the best.
    fn children(&mut self, node: &Node, children: &mut Vec<Node>) {
        let spaces = self.spaces;
        let space = &spaces[node.space as usize];
        let mut node = *node;
        loop {
            let depth = node.depth as usize;
            let d = ORDER[depth % DIMS] as usize;
            let spread = &space.choices[d].spread;
            let many = if depth < DIMS { spread.len() } else { spread[node.spread[d] as usize].2.len() };
            let last = depth + 1 == 2 * DIMS || depth + 1 == DIMS;
            node.depth += 1;
            if many == 1 && !last {
                if depth < DIMS {
                    node.left = (u64::from(node.left) / spread[0].0) as u32;
                }
                continue;
            }
            for choice in 0..many {
                let mut child = node;
                if depth < DIMS {
                    child.spread[d] = choice as u16;
                    let wide = spread.get(choice).map_or(1, |s| s.0);
                    child.left = (u64::from(node.left) / wide) as u32;
                } else {
                    child.tile[d] = choice as u16;
                }
                if child.left > 0
                    && self.admits(space, &child)
                    && let Some(bound) = self.bound(&child)
                {
                    children.push(Node { bound, seen: self.front.version, ..child });
                }
            }
            return;
        }
    }

    /// Whether the axes and the elements' memories take what has been chosen, and its mirror image has not been.
    fn admits(&self, space: &Space, node: &Node) -> bool {
        let depth = node.depth as usize;
        let q = 4;
        if depth == DIMS && space.lay(&self.spatial(space, node)).is_none() {
            return false;
        }
        if depth > DIMS {
            let mut pe = [1; DIMS];
            for dim in &ORDER[..depth - DIMS] {
                let d = *dim as usize;
                pe[d] = tile(space, node, d).pe;
            }
            if !space.fits_elements(&pe) {
                return false;
            }
        }
        if !space.symmetric {
            return true;
        }
        let (p, along) = (Dim::P as usize, Dim::Q as usize);
        let wider = node.spread[along].cmp(&node.spread[p]);
        // Choices come largest first: the rows' is at least the columns'.
        if depth == q {
            return wider != Ordering::Less;
        }
        depth != DIMS + q || wider == Ordering::Greater || node.tile[along] >= node.tile[p]
    }

    fn spatial(&self, space: &Space, node: &Node) -> PerDim {
        std::array::from_fn(|d| space.choices[d].spread[node.spread[d] as usize].0)
    }

    /// The least score of anything a node leads to; `None` where that is no better than the best.
    fn bound(&mut self, node: &Node) -> Option<f64> {
        let space = &self.spaces[node.space as usize];
        let depth = node.depth as usize;
        let mut factors: [Factors; DIMS] = std::array::from_fn(|d| space.choices[d].open);
        let mut pe = [1; DIMS];
        let mut steps = 1.0 / f64::from(node.left.max(1));
        let mut settled = true;
        for (at, dim) in ORDER.iter().enumerate() {
            let d = *dim as usize;
            let spread = &space.choices[d].spread[node.spread[d] as usize];
            if at + DIMS < depth {
                let tile = &spread.2[node.tile[d] as usize];
                (factors[d], pe[d]) = (tile.factors, tile.pe);
            } else if at < depth {
                factors[d] = spread.1;
            } else {
                settled = false;
            }
            steps *= if at < depth { factors[d].steps } else { factors[d].size };
        }
        if (DIMS..2 * DIMS).contains(&depth) {
            jointly(space, &ORDER[depth - DIMS..], &pe, &mut factors);
        }
        let words = if depth == 2 * DIMS && !space.model.resident[0][Tensor::Input as usize] {
            space.model.step_words(&pe, &self.spatial(space, node))
        } else {
            least_step_words(&factors, depth, node.left)
        };
        let least_steps = if settled { steps } else { steps.floor() };
        let steps = factors.iter().map(|f| f.steps).product::<f64>().max(least_steps);
        self.least(space, &factors, space.sliced(&pe), words, steps)
    }

    /// The least score over every order of what is settled; `None` where none is better than the best.
    fn least(
        &mut self,
        space: &Space,
        f: &[Factors; DIMS],
        sliced: [bool; 3],
        words: [f64; 2],
        steps: f64,
    ) -> Option<f64> {
        self.evaluated += 16;
        let mut least: Option<f64> = None;
        let mut consider = |energy_pj: f64, longest: f64| {
            let cost = space.cost(energy_pj, whole(steps, longest));
            if !self.front.prunes(cost) {
                let score = self.front.objective.score(cost).0;
                least = Some(least.map_or(score, |l| l.min(score)));
            }
        };
        let linear = &space.lanes.linear;
        let inner = space.lanes.inner(f, false, sliced, words);
        let longest = inner.longest(linear, &space.above.rows);
        for (lane, (stays, _)) in LANES.into_iter().enumerate() {
            consider(inner.energy_pj[lane] + space.above.energy_pj(stays, sliced), longest[lane]);
        }
        let inner = space.lanes.inner(f, true, sliced, words);
        for stays in Tensor::ALL.into_iter().filter(|&t| !sliced[t as usize]) {
            let lanes = lanes_of(stays);
            let outer = space.lanes.outer(&one_block(f, stays));
            let (above, rows) = outer.least(lanes.start, lanes.end, linear.used);
            let longest = inner.longest(linear, &rows);
            for lane in lanes {
                consider(inner.energy_pj[lane] + above, longest[lane]);
            }
        }
        least
    }

    /// Settles everything above a block.
    fn open(&mut self, node: &Node) {
        let spaces = self.spaces;
        let space = &spaces[node.space as usize];
        let tiles: [Tile; DIMS] = std::array::from_fn(|d| *tile(space, node, d));
        let spatial = tiles.map(|t| t.spatial);
        let Some(axes) = space.lay(&spatial) else { return };
        let words = space.model.step_words(&tiles.map(|t| t.pe), &spatial);
        let mut leaf = Leaf::new(space, &mut self.front, &tiles, axes, words);
        leaf.run();
        self.evaluated += leaf.evaluated;
    }
}

/// Above a tensor whose run goes on among the buffer tiles: the loops it depends on are one block each there.
fn one_block(f: &[Factors; DIMS], stays: Tensor) -> Upper {
    let mut upper = Upper::of(f);
    for dim in Dim::ALL.into_iter().filter(|&d| stays.uses(d)) {
        upper.buffers[dim as usize] = f[dim as usize].blocks.max(1.0);
    }
    if stays != Tensor::Output {
        upper.shift = [Dim::R, Dim::S].map(|d| [f[d as usize].shift[1], f[d as usize].shift[4]]);
    }
    upper
}

/// Raises how often weights and sums come back to what the elements' memories allow the loops of `open`, not tiled yet, together.
///
/// The raise is put on `N` and on `C`: their numbers of blocks enter nothing but these two products.
fn jointly(space: &Space, open: &[Dim], pe: &PerDim, factors: &mut [Factors; DIMS]) {
    let groups = [
        ([Dim::N, Dim::P, Dim::Q], [Tensor::Input, Tensor::Output]),
        ([Dim::C, Dim::R, Dim::S], [Tensor::Weight, Tensor::Input]),
    ];
    for (group, tensors) in groups {
        let mut room = f64::INFINITY;
        for tensor in tensors {
            let sliced = space.slice.filter(|s| s.tensor == tensor).map(|s| s.dim);
            let Some(words) = space.room(tensor).filter(|_| sliced.is_none_or(|d| !group.contains(&d)))
            else {
                continue;
            };
            // Along an axis an input tile is at least as long as either of its two extents: only this group's count.
            let taken = Dim::ALL.iter().filter(|&&d| {
                let plain = tensor != Tensor::Input || matches!(d, Dim::N | Dim::G | Dim::C);
                tensor.uses(d) && Some(d) != sliced && (plain || group.contains(&d))
            });
            room = room.min(words as f64 / taken.map(|&d| pe[d as usize] as f64).product::<f64>());
        }
        let (mut blocks, mut elements) = (1.0 / room, 1.0 / room);
        for dim in group.into_iter().filter(|d| open.contains(d)) {
            let f = &factors[dim as usize];
            blocks *= f.size / (f.spatial * f.blocks);
            elements *= f.size / f.elements;
        }
        let carrier = &mut factors[group[0] as usize];
        carrier.blocks *= blocks.max(1.0);
        carrier.elements *= elements.max(1.0);
    }
}

fn tile<'a>(space: &'a Space, node: &Node, d: usize) -> &'a Tile {
    &space.choices[d].spread[node.spread[d] as usize].2[node.tile[d] as usize]
}

/// Input words of all steps along rows and columns at the least: a word serves at most as many elements as lie along the shorter
/// of the two loops.
fn least_step_words(f: &[Factors; DIMS], depth: usize, left: u32) -> [f64; 2] {
    let wide = |dim: Dim| {
        let at = ORDER.iter().position(|&d| d == dim).unwrap_or(DIMS);
        let f = &f[dim as usize];
        if at < depth { f.spatial } else { f.size.min(f64::from(left)) }
    };
    [(Dim::P, Dim::R), (Dim::Q, Dim::S)].map(|(p, r)| {
        let (out, kernel) = (&f[p as usize], &f[r as usize]);
        let touched = (out.size - 1.0) * kernel.shift[2] + kernel.size;
        touched.max((out.size * kernel.size / wide(p).min(wide(r))).ceil())
    })
}
