//! The choices of each loop, tabulated, and what fits where.

use super::above::Above;
use super::fix::Fix;
use super::legal::{Conflict, conflicts_of};
use cost::nest::{Cost, Factors, Lanes, Model, input_words};
use hw::machine::{DIMS, Dim, Fetch, Layer, Machine, PerDim, Slice, Tensor, Tier};

/// A layer that cannot run on a machine.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SearchError {
    /// A memory too small for a single word of each tensor it holds.
    #[error(
        "`{memory}` holds {capacity} words, {least} more than that expected: one of each of its tensors ({tensors})"
    )]
    Capacity {
        /// Which memory.
        memory: String,
        /// What it holds.
        capacity: u64,
        /// How many are missing.
        least: u64,
        /// Its tensors.
        tensors: String,
    },
    /// What was settled cannot run.
    #[error("{}", conflicts.iter().map(Conflict::to_string).collect::<Vec<_>>().join("; "))]
    Fixed {
        /// Why: all of it.
        conflicts: Vec<Conflict>,
    },
    /// What was settled leaves nothing that fits, though no part of it alone is at fault.
    #[error("no mapping fits that meets all of `{fix}`")]
    Unmet {
        /// What was settled.
        fix: String,
    },
    /// The time ran out before any mapping was found.
    #[error("no mapping was found in the time given")]
    Time,
}

/// One way to tile a loop over the array and inside an element.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tile {
    pub(super) spatial: u64,
    pub(super) pe: u64,
    pub(super) factors: Factors,
}

/// A loop's choices: by elements it is spread over, then by tile inside an element.
#[derive(Debug, Clone)]
pub(super) struct Choices {
    /// What the loop can be at best.
    pub(super) open: Factors,
    /// `(elements, what the loop can be at best on them, its tiles)`.
    pub(super) spread: Vec<(u64, Factors, Vec<Tile>)>,
}

/// A memory's share of a tile.
#[derive(Debug, Clone)]
pub(super) struct Room {
    pub(super) words: u64,
    pub(super) tensors: Vec<Tensor>,
}

/// One residency: which tensors pass by the buffers, and what an element slices.
#[derive(Debug, Clone)]
pub struct Space {
    pub(super) model: Model,
    pub(super) bypass: [bool; 3],
    pub(super) slice: Option<Slice>,
    pub(super) choices: [Choices; DIMS],
    pub(super) axes: Vec<hw::machine::Axis>,
    pub(super) elements: Vec<Room>,
    pub(super) buffers: Vec<Room>,
    /// Whether rows and columns are alike.
    pub(super) symmetric: bool,
    pub(super) fix: Fix,
    pub(super) lanes: Lanes,
    /// Whether a fetch reads words between strides that smaller tiles would not.
    pub(super) gaps: bool,
    pub(super) above: Above,
}

/// Loops longer than this are cut in halves of halves only: there would be too many cuts to list.
const LONGEST: u64 = 1 << 26;

/// `ceil(size / q)` for every `q`, each once, largest first.
pub(super) fn ceilings(size: u64) -> Vec<u64> {
    if size > LONGEST {
        return (0..64).map(|halved| size.div_ceil(1 << halved)).take_while(|&x| x > 1).chain([1]).collect();
    }
    let mut values = Vec::new();
    let mut parts = 1;
    loop {
        let value = size.div_ceil(parts);
        values.push(value);
        if value == 1 {
            return values;
        }
        // The fewest parts that give a smaller value.
        parts = size.div_ceil(value - 1);
    }
}

/// The divisors of a number, largest first.
fn divisors(number: u64) -> Vec<u64> {
    let low: Vec<u64> = (1..=number.isqrt()).filter(|&x| number.is_multiple_of(x)).collect();
    let mut all: Vec<u64> = low.iter().map(|x| number / x).collect();
    all.extend(low.iter().rev().filter(|&&x| x * x != number));
    all
}

/// Words of a tile in a memory of a tier, loops cut off at their ends; the largest number where it is more than that.
pub(super) fn words_in(layer: &Layer, machine: &Machine, tier: Tier, tensor: Tensor, tile: &PerDim) -> u64 {
    let tile: PerDim = std::array::from_fn(|d| tile[d].min(layer.size[d]));
    let fetch = if tier == Tier::Buffer { machine.input_fetch } else { Fetch::Touched };
    match tensor {
        Tensor::Input => input_words(&tile, layer.stride, fetch),
        _ => Dim::ALL.iter().filter(|&&d| tensor.uses(d)).map(|&d| tile[d as usize]).product(),
    }
}

impl Space {
    /// Every residency of a layer on a machine.
    pub fn all(machine: &Machine, layer: &Layer, fix: &Fix) -> Result<Vec<Space>, SearchError> {
        for memory in &machine.memories {
            let tensors: Vec<&str> =
                Tensor::ALL.iter().filter(|&&t| memory.holds[t as usize]).map(|t| t.name()).collect();
            let capacity = memory.capacity_words.unwrap_or(u64::MAX);
            if capacity < tensors.len() as u64 {
                let least = tensors.len() as u64 - capacity;
                let (memory, tensors) = (memory.name.clone(), tensors.join(", "));
                return Err(SearchError::Capacity { memory, capacity, least, tensors });
            }
        }
        let conflicts = conflicts_of(machine, layer, fix);
        if !fix.is_free() && !conflicts.is_empty() {
            return Err(SearchError::Fixed { conflicts });
        }
        let settled = fix.bypass_of(machine);
        let held = |tier, t: Tensor| machine.holder(tier, t);
        let mut spaces = Vec::new();
        for bits in 0..8u8 {
            let passes = |t: Tensor| bits >> t as u8 & 1 == 1;
            let may =
                |t: Tensor| held(Tier::Buffer, t).is_none_or(|m| machine.memories[m].may_bypass[t as usize]);
            let must = |t: Tensor| held(Tier::Buffer, t).is_none();
            let wanted = |t: Tensor| settled.is_none_or(|bypass| bypass[t as usize] == passes(t));
            if !Tensor::ALL.iter().all(|&t| wanted(t) && if passes(t) { may(t) } else { !must(t) }) {
                continue;
            }
            let mut slices = vec![None];
            for (dim, tensors) in
                [(Dim::K, [Tensor::Weight, Tensor::Output]), (Dim::C, [Tensor::Weight, Tensor::Input])]
            {
                let useful = tensors.into_iter().filter(|&t| held(Tier::Element, t).is_some());
                slices.extend(useful.map(|tensor| Some(Slice { dim, tensor })));
            }
            // A slice of a loop of one iteration is none.
            if let Some(slice) = fix.slice {
                slices = vec![slice.filter(|s| layer.size[s.dim as usize] > 1)];
            }
            let bypass = [0, 1, 2].map(|t| bits >> t & 1 == 1);
            let first = spaces.len();
            let of = |slice| Self::new(machine, layer, fix, bypass, slice);
            spaces.extend(slices.into_iter().filter_map(of));
            // What passes by the buffers settles it; a slice does not.
            let above = spaces.get(first).map_or(Above::UNKNOWN, Above::new);
            spaces.iter_mut().skip(first).for_each(|space| space.above = above);
        }
        if spaces.iter().all(Space::is_empty) {
            return Err(SearchError::Unmet { fix: fix.to_string() });
        }
        Ok(spaces)
    }

    /// Whether some loop has no choice left.
    fn is_empty(&self) -> bool {
        self.choices.iter().any(|c| c.spread.is_empty())
    }

    /// One residency; `None` for a slice of a loop that is no loop.
    fn new(
        machine: &Machine,
        layer: &Layer,
        fix: &Fix,
        bypass: [bool; 3],
        slice: Option<Slice>,
    ) -> Option<Self> {
        if slice.is_some_and(|slice| layer.size[slice.dim as usize] == 1) {
            return None;
        }
        let rooms = |tier: Tier| -> Vec<Room> {
            let bounded = machine
                .memories
                .iter()
                .filter(|m| m.tier == tier)
                .filter_map(|m| Some((m, m.capacity_words?)));
            let held = |m: &hw::machine::Memory| {
                let here =
                    |t: &Tensor| m.holds[*t as usize] && !(tier == Tier::Buffer && bypass[*t as usize]);
                Tensor::ALL.into_iter().filter(here).collect::<Vec<_>>()
            };
            bounded.map(|(m, words)| Room { words, tensors: held(m) }).collect()
        };
        let at = |d: Dim| layer.size[d as usize];
        let alike = |d: [Dim; 2]| machine.axes.iter().all(|a| a.dims[d[0] as usize] == a.dims[d[1] as usize]);
        let model = Model::new(machine, layer, bypass);
        let mut space = Self {
            lanes: Lanes::new(&model),
            gaps: machine.input_fetch == Fetch::Box && layer.stride > 1,
            above: Above::UNKNOWN,
            model,
            bypass,
            slice,
            choices: std::array::from_fn(|_| Choices { open: Factors::default(), spread: Vec::new() }),
            axes: machine.axes.clone(),
            elements: rooms(Tier::Element),
            buffers: rooms(Tier::Buffer),
            fix: fix.clone(),
            symmetric: fix.is_free()
                && at(Dim::P) == at(Dim::Q)
                && at(Dim::R) == at(Dim::S)
                && alike([Dim::P, Dim::Q])
                && alike([Dim::R, Dim::S]),
        };
        for dim in Dim::ALL {
            space.choices[dim as usize] = space.tabulate(dim, machine);
        }
        Some(space)
    }

    fn tabulate(&self, dim: Dim, machine: &Machine) -> Choices {
        let d = dim as usize;
        // Bounds are of the words touched: no other fetch reads fewer.
        let (layer, fetch) = (&self.model.layer, Fetch::Touched);
        let size = layer.size[d];
        let widest: u64 = machine.axes.iter().filter(|a| a.dims[d]).map(|a| a.size).product();
        let mut spread = Vec::new();
        for spatial in self.spreads(d, machine).into_iter().filter(|&s| s <= widest) {
            let mut tiles = Vec::new();
            for pe in self.tiles(d, spatial) {
                let mut alone = [1; DIMS];
                alone[d] = pe;
                if self.fits_elements(&alone) {
                    tiles.push(Tile {
                        spatial,
                        pe,
                        factors: Factors::new(size, pe, spatial, size, layer, fetch),
                    });
                }
            }
            let best = tiles.iter().map(|t| t.factors).reduce(best_of);
            spread.extend(best.map(|best| (spatial, best, tiles)));
        }
        let mut open = spread.iter().map(|s| s.1).reduce(best_of).unwrap_or_default();
        open.spatial = 1.0;
        Choices { open, spread }
    }

    /// Over how many elements a loop may be spread.
    fn spreads(&self, d: usize, machine: &Machine) -> Vec<u64> {
        let size = self.model.layer.size[d];
        if let Some(given) = self.fix.spatial[d] {
            return vec![given.min(size)];
        }
        let on = |axis: usize| self.fix.axes[axis][d];
        if on(0).is_some() || on(1).is_some() {
            let ways = |axis: usize| {
                let free = machine.axes.get(axis).filter(|a| a.dims[d]).map_or(1, |a| a.size);
                on(axis).map_or(1..=free, |given| given..=given)
            };
            let mut all: Vec<u64> =
                ways(0).flat_map(|x| ways(1).map(move |y| x.saturating_mul(y).min(size))).collect();
            all.sort_unstable_by(|a, b| b.cmp(a));
            all.dedup();
            return all;
        }
        match self.fix.buffer[d] {
            Some(tile) if tile < size => divisors(tile),
            _ => ceilings(size),
        }
    }

    /// The tiles of a loop inside an element that its spread allows.
    fn tiles(&self, d: usize, spatial: u64) -> Vec<u64> {
        let size = self.model.layer.size[d];
        let buffer = self.fix.buffer[d].filter(|&tile| tile < size);
        let nests = |pe: &u64| buffer.is_none_or(|tile| tile.is_multiple_of(pe.saturating_mul(spatial)));
        let all = match (self.fix.pe[d], buffer) {
            (Some(given), _) => vec![given.min(size)],
            (None, Some(tile)) => divisors(tile),
            (None, None) => ceilings(size.div_ceil(spatial)),
        };
        all.into_iter().filter(nests).collect()
    }

    /// Extents of the buffers' tile of a loop: blocks in numbers that differ in how many buffer tiles they give, largest first.
    pub(super) fn buffer_tiles(&self, d: usize, block: u64) -> Vec<u64> {
        let size = self.model.layer.size[d];
        match self.fix.buffer[d] {
            Some(tile) if tile < size => vec![tile],
            Some(_) => vec![size.div_ceil(block) * block],
            None => ceilings(size.div_ceil(block)).into_iter().map(|j| j * block).collect(),
        }
    }

    /// Words an element has for a tensor at most; `None`: no limit.
    pub(super) fn room(&self, tensor: Tensor) -> Option<u64> {
        self.elements.iter().find(|room| room.tensors.contains(&tensor)).map(|room| room.words)
    }

    /// Whether the elements' memories take their tiles.
    pub(super) fn fits_elements(&self, pe: &PerDim) -> bool {
        let words = |&tensor: &Tensor| {
            let mut tile = *pe;
            if let Some(slice) = self.slice.filter(|s| s.tensor == tensor) {
                tile[slice.dim as usize] = 1;
            }
            self.model.tile_words(tensor, &tile, Fetch::Touched)
        };
        self.elements.iter().all(|room| room.tensors.iter().map(words).sum::<u64>() <= room.words)
    }

    /// The tensors an element holds a slice at a time of.
    pub(super) fn sliced(&self, pe: &PerDim) -> [bool; 3] {
        Tensor::ALL.map(|t| self.slice.is_some_and(|s| s.tensor == t && pe[s.dim as usize] > 1))
    }

    /// Latency of steps and of the ports' cycles above what is fixed; rounding never makes it more than it is.
    #[inline]
    pub(super) fn cycles(&self, steps: f64, row: impl Fn(usize) -> f64) -> f64 {
        let rows = self.lanes.linear.rows[..self.lanes.linear.used].iter().enumerate();
        let longer = |longest: f64, cycles: f64| if cycles > longest { cycles } else { longest };
        whole(steps, rows.map(|(r, fixed)| fixed.1 + row(r)).fold(0.0, longer))
    }

    /// With the energy that is fixed.
    #[inline]
    pub(super) fn cost(&self, energy_pj: f64, cycles: f64) -> Cost {
        Cost { energy_pj: self.lanes.linear.fixed_pj + energy_pj, cycles }
    }

    /// Whether the buffers take their tiles.
    pub(super) fn fits_buffers(&self, tile: &PerDim) -> bool {
        let words = |&tensor: &Tensor| self.model.tile_words(tensor, tile, self.model.fetch);
        self.buffers.iter().all(|room| room.tensors.iter().map(words).sum::<u64>() <= room.words)
    }

    /// How loops lie on the axes; `None` where they do not fit.
    pub(super) fn lay(&self, spatial: &PerDim) -> Option<[PerDim; 2]> {
        let mut axes = [[1; DIMS]; 2];
        let room = [self.axes[0].size, self.axes.get(1).map_or(1, |a| a.size)];
        self.lay_from(spatial, 0, room, &mut axes).then_some(axes)
    }

    fn lay_from(&self, spatial: &PerDim, d: usize, room: [u64; 2], axes: &mut [PerDim; 2]) -> bool {
        let Some(&wide) = spatial.get(d) else { return true };
        let takes = |axis: usize| self.axes.get(axis).is_some_and(|a| a.dims[d]);
        let given = |axis: usize| self.fix.axes[axis][d];
        let firsts = given(0).map_or_else(|| ceilings(wide), |given| vec![given]);
        for first in firsts.into_iter().filter(|&x| x <= room[0] && (x == 1 || takes(0))) {
            let second = given(1).unwrap_or(wide.div_ceil(first));
            if second > room[1] || (second > 1 && !takes(1)) || first.saturating_mul(second) < wide {
                continue;
            }
            (axes[0][d], axes[1][d]) = (first, second);
            if self.lay_from(spatial, d + 1, [room[0] / first, room[1] / second], axes) {
                return true;
            }
        }
        false
    }
}

/// Latency of whole steps and of the busiest port's cycles; rounding never makes it more than it is.
#[inline]
pub(super) fn whole(steps: f64, longest: f64) -> f64 {
    let longest = longest * (1.0 - 1e-12);
    if longest <= steps { steps } else { longest.ceil() }
}

/// Number by number the lesser.
fn best_of(a: Factors, b: Factors) -> Factors {
    let pair = |a: [f64; 2], b: [f64; 2]| [a[0].min(b[0]), a[1].min(b[1])];
    Factors {
        size: a.size,
        spatial: a.spatial.min(b.spatial),
        steps: a.steps.min(b.steps),
        elements: a.elements.min(b.elements),
        blocks: a.blocks.min(b.blocks),
        buffers: a.buffers.min(b.buffers),
        copies: pair(a.copies, b.copies),
        gap: a.gap.min(b.gap),
        shift: std::array::from_fn(|i| a.shift[i].min(b.shift[i])),
        gapless: [a.gapless[0] || b.gapless[0], a.gapless[1] || b.gapless[1]],
        loops: [a.loops[0] || b.loops[0], a.loops[1] || b.loops[1]],
    }
}
