//! Everything above the elements: orders and buffer tiles for a settled block.

use super::front::{Front, Point};
use super::space::{Space, Tile};
use cost::nest::{Cost, Factors, LANES, Part, Upper};
use hw::machine::{DIMS, Dim, Mapping, PerDim, Tensor};

/// The order of a lane, innermost loop first.
pub(super) fn order((stays, slide): (Tensor, Dim)) -> [Dim; DIMS] {
    let mut order = Dim::ALL;
    order.sort_by_key(|&d| (stays.uses(d), d != slide, d == Dim::G));
    order
}

/// The lanes that keep a tensor in place.
pub(super) fn lanes_of(tensor: Tensor) -> std::ops::Range<usize> {
    match tensor {
        Tensor::Weight => 0..2,
        Tensor::Output => 2..4,
        Tensor::Input => 4..8,
    }
}

/// One way to cut a loop into buffer tiles.
pub(super) struct Cut {
    pub(super) extent: u64,
    factors: Factors,
}

/// The order loops are cut in: `G` is a loop of every tensor, so that cutting it costs nothing and is done first.
const CUTS: [Dim; DIMS - 1] = [Dim::K, Dim::P, Dim::Q, Dim::N, Dim::R, Dim::S, Dim::C];

/// A settled block and what is tried above it.
pub(super) struct Leaf<'a> {
    pub(super) space: &'a Space,
    pub(super) front: &'a mut Front,
    pub(super) pe: PerDim,
    spatial: PerDim,
    axes: [PerDim; 2],
    step_words: [f64; 2],
    sliced: [bool; 3],
    steps: f64,
    pub(super) cuts: [Vec<Cut>; DIMS],
    /// Lanes of blocks that cannot be part of anything better, as infinite energies.
    dead: [f64; 8],
    pub(super) evaluated: u64,
}

/// The state of one descent through buffer tiles.
pub(super) struct Descent {
    factors: [Factors; DIMS],
    pub(super) extent: PerDim,
    /// The tensor whose run goes on among the buffer tiles.
    through: Option<Tensor>,
}

impl<'a> Leaf<'a> {
    /// `step_words` as the model gives them for the tiles.
    pub(super) fn new(
        space: &'a Space,
        front: &'a mut Front,
        tiles: &[Tile; DIMS],
        axes: [PerDim; 2],
        step_words: [f64; 2],
    ) -> Self {
        let layer = &space.model.layer;
        let cut = |d: usize| {
            let (size, tile) = (layer.size[d], &tiles[d]);
            let block = tile.pe * tile.spatial;
            let cut = |extent: u64| {
                let factors = Factors::new(size, tile.pe, tile.spatial, extent, layer, space.model.fetch);
                Cut { extent, factors }
            };
            space.buffer_tiles(d, block).into_iter().map(cut).collect()
        };
        let (pe, spatial) = (tiles.map(|t| t.pe), tiles.map(|t| t.spatial));
        let (cuts, sliced) = (std::array::from_fn(cut), space.sliced(&pe));
        let steps = tiles.iter().map(|t| t.factors.steps).product();
        Self {
            space,
            front,
            pe,
            spatial,
            axes,
            step_words,
            sliced,
            steps,
            cuts,
            dead: [0.0; 8],
            evaluated: 0,
        }
    }

    /// Offers the best of everything above the block.
    pub(super) fn run(&mut self) {
        if self.space.fix.order.iter().any(|order| !order.is_empty()) {
            return self.run_ordered();
        }
        let mut descent = self.descent(None);
        self.bury(&descent);
        if self.alive(&descent) {
            self.descend(&mut descent, 0);
        }
        self.dead = [0.0; 8];
        for stays in Tensor::ALL {
            // A run goes on among the buffer tiles only where the loops its tensor depends on are one block there.
            let uses = || Dim::ALL.into_iter().filter(|&d| stays.uses(d));
            if self.sliced[stays as usize] || uses().any(|d| self.finest(d).factors.loops[0]) {
                continue;
            }
            let mut descent = self.descent(Some(stays));
            for dim in uses() {
                self.set(&mut descent, dim, self.cuts[dim as usize].len() - 1);
            }
            if self.alive(&descent) {
                self.descend(&mut descent, 0);
            }
        }
    }

    pub(super) fn descent(&self, through: Option<Tensor>) -> Descent {
        let mut descent = Descent {
            factors: std::array::from_fn(|d| self.cuts[d][0].factors),
            extent: std::array::from_fn(|d| self.cuts[d][0].extent),
            through,
        };
        self.set(&mut descent, Dim::G, self.cuts[Dim::G as usize].len() - 1);
        descent
    }

    pub(super) fn set(&self, descent: &mut Descent, dim: Dim, cut: usize) {
        let cut = &self.cuts[dim as usize][cut];
        descent.factors[dim as usize] = cut.factors;
        descent.extent[dim as usize] = cut.extent;
    }

    fn finest(&self, dim: Dim) -> &Cut {
        let cuts = &self.cuts[dim as usize];
        &cuts[cuts.len() - 1]
    }

    pub(super) fn clamped(&self, extent: &PerDim) -> PerDim {
        std::array::from_fn(|d| extent[d].min(self.space.model.layer.size[d]))
    }

    /// Marks the lanes that are no better even with the least the buffers' capacity allows above them.
    fn bury(&mut self, descent: &Descent) {
        let inner = self.inner(descent);
        let rows = self.space.above.rows;
        for (lane, (stays, _)) in LANES.into_iter().enumerate() {
            let above = self.space.above.energy_pj(stays, self.sliced);
            let energy_pj = inner.energy_pj[lane] + above;
            let cycles = self.cycles(|r| inner.rows[r][lane] + rows[r]);
            if self.front.prunes(self.space.cost(energy_pj, cycles)) {
                self.dead[lane] = f64::INFINITY;
            }
        }
    }

    fn inner(&mut self, descent: &Descent) -> Part {
        self.evaluated += 8;
        let through = descent.through.is_some();
        self.space.lanes.inner(&descent.factors, through, self.sliced, self.step_words)
    }

    /// `under`: at the least, where a fetch reads between strides.
    fn outer(&mut self, descent: &Descent, under: bool) -> Part {
        self.evaluated += 8;
        let mut upper = Upper::of(&descent.factors);
        if under && self.space.gaps {
            upper.gap = [0.0; 2];
            for (at, dim) in [Dim::R, Dim::S].into_iter().enumerate() {
                let layer = &self.space.model.layer;
                let whole = layer.stride.min(layer.size[dim as usize]) as f64;
                upper.shift[at] = [descent.factors[dim as usize].shift[2], whole];
            }
        }
        self.space.lanes.outer(&upper)
    }

    fn cycles(&self, row: impl Fn(usize) -> f64) -> f64 {
        self.space.cycles(self.steps, row)
    }

    /// Whether what a descent has cut, with the rest whole, can still be part of something better: cutting only adds.
    fn alive(&mut self, descent: &Descent) -> bool {
        let (mut inner, outer) = (self.inner(descent), self.outer(descent, true));
        inner.energy_pj.iter_mut().zip(self.dead).for_each(|(energy, dead)| *energy += dead);
        let lanes = descent.through.map_or(0..8, lanes_of);
        let used = self.space.lanes.linear.used;
        let (below, rows) = inner.least(lanes.start, lanes.end, used);
        let (above, more) = outer.least(lanes.start, lanes.end, used);
        let cycles = self.cycles(|r| rows[r] + more[r]);
        !self.front.prunes(self.space.cost(below + above, cycles))
    }

    /// Whether any orders, with what is not cut whole, can be part of something better.
    pub(super) fn improves(&mut self, descent: &Descent) -> bool {
        // A run that goes on costs no more than one that does not.
        let (inner, outer) = (
            self.space.lanes.inner(&descent.factors, true, self.sliced, self.step_words),
            self.outer(descent, true),
        );
        let used = self.space.lanes.linear.used;
        let ((below, rows), (above, more)) = (inner.least(0, 8, used), outer.least(0, 8, used));
        let cycles = self.cycles(|r| rows[r] + more[r]);
        !self.front.prunes(self.space.cost(below + above, cycles))
    }

    /// Cuts the loops from `CUTS[at]` on; true where leaving them whole fits, so that a finer cut before them cannot help.
    fn descend(&mut self, descent: &mut Descent, at: usize) -> bool {
        // Where gaps are fetched a finer cut can help: every one is tried.
        if (!self.space.gaps || at == CUTS.len()) && self.space.fits_buffers(&self.clamped(&descent.extent)) {
            self.settle(descent);
            return !self.space.gaps;
        }
        let Some(&dim) = CUTS.get(at) else { return false };
        let fixed = descent.through.is_some_and(|stays| stays.uses(dim));
        if fixed || self.cuts[dim as usize].len() == 1 {
            return self.descend(descent, at + 1);
        }
        for cut in 0..self.cuts[dim as usize].len() {
            if !self.could_fit(descent, &CUTS[at..], cut) {
                continue;
            }
            self.set(descent, dim, cut);
            if !self.alive(descent) || self.descend(descent, at + 1) {
                break;
            }
        }
        self.set(descent, dim, 0);
        false
    }

    /// Whether a cut of the first of some loops fits with the finest of the others.
    fn could_fit(&self, descent: &Descent, dims: &[Dim], cut: usize) -> bool {
        let mut extent = descent.extent;
        for &dim in dims {
            extent[dim as usize] = self.finest(dim).extent;
        }
        extent[dims[0] as usize] = self.cuts[dims[0] as usize][cut].extent;
        self.space.fits_buffers(&self.clamped(&extent))
    }

    /// Offers every pair of orders over settled tiles that is better than what there is.
    fn settle(&mut self, descent: &Descent) {
        let (mut inner, outer) = (self.inner(descent), self.outer(descent, false));
        inner.energy_pj.iter_mut().zip(self.dead).for_each(|(energy, dead)| *energy += dead);
        let lanes = descent.through.map_or(0..8, lanes_of);
        for i in lanes.clone() {
            for o in lanes.clone() {
                let cycles = self.cycles(|r| inner.rows[r][i] + outer.rows[r][o]);
                let cost = self.space.cost(inner.energy_pj[i] + outer.energy_pj[o], cycles);
                if !self.front.prunes(cost) {
                    let mapping =
                        Mapping { order: [order(LANES[i]), order(LANES[o])], ..self.mapping(descent) };
                    self.offer(mapping);
                }
            }
        }
    }

    /// A mapping of a descent's tiles, in any order; groups stay together where they fit.
    pub(super) fn mapping(&self, descent: &Descent) -> Mapping {
        let mut buffer = descent.extent;
        for cut in &self.cuts[Dim::G as usize] {
            buffer[Dim::G as usize] = cut.extent;
            if self.space.fits_buffers(&self.clamped(&buffer)) {
                break;
            }
        }
        Mapping {
            pe: self.pe,
            spatial: self.spatial,
            axes: self.axes,
            buffer,
            order: [Dim::ALL; 2],
            slice: self.space.slice.filter(|s| self.pe[s.dim as usize] > 1),
            bypass: self.space.bypass,
        }
    }

    pub(super) fn offer(&mut self, mapping: Mapping) {
        self.evaluated += 1;
        let cost: Cost = self.space.model.cost(&mapping);
        self.front.offer(Point { mapping, cost });
    }
}
