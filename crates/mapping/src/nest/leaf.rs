//! Everything above the elements: orders and buffer tiles for a settled block.

use super::front::{Front, Point};
use super::space::{Space, Tile};
use cost::nest::{Cost, Factors, Runs};
use hw::machine::{DIMS, Dim, Mapping, PerDim, Tensor};

/// An order class: the tensor that stays in place, and the loop the input slides along.
#[derive(Debug, Clone, Copy)]
pub(super) struct Class {
    pub(super) stays: Tensor,
    pub(super) slide: Dim,
}

/// The eight classes of a level.
pub(super) const CLASSES: [Class; 8] = [
    Class { stays: Tensor::Weight, slide: Dim::P },
    Class { stays: Tensor::Weight, slide: Dim::Q },
    Class { stays: Tensor::Output, slide: Dim::R },
    Class { stays: Tensor::Output, slide: Dim::S },
    Class { stays: Tensor::Input, slide: Dim::P },
    Class { stays: Tensor::Input, slide: Dim::Q },
    Class { stays: Tensor::Input, slide: Dim::R },
    Class { stays: Tensor::Input, slide: Dim::S },
];

impl Class {
    /// The loops the tensor that stays does not depend on, as bits.
    fn bits(self) -> u8 {
        Dim::ALL.iter().filter(|&&d| !self.stays.uses(d)).fold(0, |bits, &d| bits | 1 << d as u8)
    }

    /// The order, innermost first.
    pub(super) fn order(self) -> [Dim; DIMS] {
        let mut order = Dim::ALL;
        order.sort_by_key(|&d| (self.stays.uses(d), d != self.slide, d == Dim::G));
        order
    }
}

/// The classes that differ: a slide that does nothing costs what none costs, and one that does something costs no more.
fn useful(slides: impl Fn(Dim) -> bool) -> Vec<Class> {
    let of = |stays: Tensor| {
        let classes = CLASSES.into_iter().filter(move |c| c.stays == stays);
        let moving: Vec<Class> = classes.clone().filter(|c| slides(c.slide)).collect();
        if moving.is_empty() { classes.take(1).collect() } else { moving }
    };
    [Tensor::Weight, Tensor::Output, Tensor::Input].into_iter().flat_map(of).collect()
}

/// The runs of two classes; `through` where the block's run goes on among the buffer tiles.
pub(super) fn runs(space: &Space, pe: &PerDim, inner: Class, outer: Class, through: bool) -> Runs {
    let sliced = |t: Tensor| space.slice.is_some_and(|s| s.tensor == t && pe[s.dim as usize] > 1);
    let mut runs = Runs { slide_buffer: Some(outer.slide), ..Runs::default() };
    runs.of[outer.stays as usize].buffer = outer.bits();
    if !sliced(inner.stays) {
        let run = &mut runs.of[inner.stays as usize];
        run.inner = inner.bits();
        run.outer = if through { inner.bits() } else { 0 };
    }
    if !sliced(Tensor::Input) {
        runs.slide = Some(inner.slide);
    }
    runs
}

/// One way to cut a loop into buffer tiles.
pub(super) struct Cut {
    pub(super) extent: u64,
    factors: Factors,
}

/// A settled block and what is tried above it.
pub(super) struct Leaf<'a> {
    pub(super) space: &'a Space,
    pub(super) front: &'a mut Front,
    pub(super) pe: PerDim,
    spatial: PerDim,
    axes: [PerDim; 2],
    step_words: [f64; 2],
    pub(super) cuts: [Vec<Cut>; DIMS],
    order: [Dim; DIMS],
    pub(super) evaluated: u64,
}

/// The state of one descent through buffer tiles.
pub(super) struct Descent {
    classes: [Class; 2],
    pub(super) runs: Runs,
    factors: [Factors; DIMS],
    pub(super) extent: PerDim,
    through: bool,
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
        let order = [Dim::K, Dim::C, Dim::N, Dim::P, Dim::Q, Dim::R, Dim::S, Dim::G];
        let (pe, spatial) = (tiles.map(|t| t.pe), tiles.map(|t| t.spatial));
        let cuts = std::array::from_fn(cut);
        Self { space, front, pe, spatial, axes, step_words, cuts, order, evaluated: 0 }
    }

    /// Offers the best of everything above the block.
    pub(super) fn run(&mut self) {
        if self.space.fix.order.iter().any(|order| !order.is_empty()) {
            return self.run_ordered();
        }
        let sliced =
            self.space.slice.is_some_and(|s| s.tensor == Tensor::Input && self.pe[s.dim as usize] > 1);
        let alone = |out: Dim, kernel: Dim| self.spatial[out as usize] * self.spatial[kernel as usize] == 1;
        let slides = |d: Dim| {
            let along =
                if matches!(d, Dim::P | Dim::R) { alone(Dim::P, Dim::R) } else { alone(Dim::Q, Dim::S) };
            self.cuts[d as usize][0].factors.blocks > 1.0 && along && !sliced
        };
        let cut = |d: Dim| self.finest(d).factors.buffers > 1.0;
        let (inners, outers) = (useful(slides), useful(cut));
        // A run goes on among the buffer tiles only where the loops its tensor depends on are one block there.
        let one_block = Tensor::ALL.map(|stays| {
            Dim::ALL.into_iter().filter(|&d| stays.uses(d)).all(|d| !self.finest(d).factors.loops[0])
        });
        for inner in inners {
            let whole = self.descent([inner, inner], false);
            let through = self.descent([inner, inner], true);
            let least = self.cost(&through);
            if self.front.prunes(least) {
                continue;
            }
            let uncut = whole.factors.iter().all(|f| f.buffers == 1.0);
            if uncut && self.space.fits_buffers(&self.clamped(&whole.extent)) {
                self.offer(&whole);
                continue;
            }
            for &outer in &outers {
                let mut descent = self.descent([inner, outer], false);
                self.descend(&mut descent, 0);
            }
            let mut through = self.descent([inner, inner], true);
            for dim in Dim::ALL.into_iter().filter(|&d| inner.stays.uses(d)) {
                self.set(&mut through, dim, self.cuts[dim as usize].len() - 1);
            }
            for &outer in outers.iter().filter(|o| o.stays == inner.stays && one_block[inner.stays as usize])
            {
                through.classes[1] = outer;
                through.runs.slide_buffer = Some(outer.slide);
                self.descend(&mut through, 0);
            }
        }
    }

    pub(super) fn descent(&self, classes: [Class; 2], through: bool) -> Descent {
        Descent {
            classes,
            runs: runs(self.space, &self.pe, classes[0], classes[1], through),
            factors: std::array::from_fn(|d| self.cuts[d][0].factors),
            extent: std::array::from_fn(|d| self.cuts[d][0].extent),
            through,
        }
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

    pub(super) fn cost(&mut self, descent: &Descent) -> Cost {
        self.evaluated += 1;
        self.space.model.price(&self.space.model.count(&descent.factors, &descent.runs, self.step_words))
    }

    /// Cuts the loops from `order[at]` on; true where leaving them whole fits, so that a finer cut before them cannot help.
    fn descend(&mut self, descent: &mut Descent, at: usize) -> bool {
        if self.space.fits_buffers(&self.clamped(&descent.extent)) {
            let cost = self.cost(descent);
            if !self.front.prunes(cost) {
                self.offer(descent);
            }
            return true;
        }
        let Some(&dim) = self.order.get(at) else { return false };
        let fixed = descent.through && descent.classes[0].stays.uses(dim);
        if fixed || self.cuts[dim as usize].len() == 1 {
            return self.descend(descent, at + 1);
        }
        for cut in 0..self.cuts[dim as usize].len() {
            self.set(descent, dim, cut);
            let cost = self.cost(descent);
            if self.front.prunes(cost) {
                break;
            }
            if self.could_fit(descent, at + 1) && self.descend(descent, at + 1) {
                break;
            }
        }
        self.set(descent, dim, 0);
        false
    }

    /// Whether the finest cut of the loops still to come fits.
    fn could_fit(&self, descent: &Descent, at: usize) -> bool {
        let mut extent = descent.extent;
        for &dim in &self.order[at..] {
            let cuts = &self.cuts[dim as usize];
            extent[dim as usize] = cuts[cuts.len() - 1].extent;
        }
        self.space.fits_buffers(&self.clamped(&extent))
    }

    pub(super) fn mapping(&self, descent: &Descent) -> Mapping {
        Mapping {
            pe: self.pe,
            spatial: self.spatial,
            axes: self.axes,
            buffer: descent.extent,
            order: descent.classes.map(Class::order),
            slice: self.space.slice.filter(|s| self.pe[s.dim as usize] > 1),
            bypass: self.space.bypass,
        }
    }

    fn offer(&mut self, descent: &Descent) {
        let mapping = self.mapping(descent);
        self.evaluated += 1;
        self.front.offer(Point { mapping, cost: self.space.model.cost(&mapping) });
    }
}
