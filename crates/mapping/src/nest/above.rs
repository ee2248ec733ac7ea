//! The least that buffers of their size leave to be fetched, whatever is below them.
//!
//! A buffer tile is at least a word of each loop, and its cost above the elements' blocks depends on how many tiles each loop is
//! cut into alone. So the cheapest cut of the loops, taken as if blocks were single iterations, that fits bounds every mapping from
//! below: by the tensor that stays in the elements, whose words come back with the buffer tiles of the loops it does not depend on.

use super::space::{Space, ceilings};
use cost::nest::{ROWS, Upper};
use hw::machine::{DIMS, Dim, Fetch, PerDim, Tensor};

/// Energy above blocks at the least.
#[derive(Debug, Clone, Copy)]
pub(super) struct Above {
    /// By the tensor that stays below; last where none does.
    energy_pj: [f64; 4],
    /// Cycles of each port.
    pub(super) rows: [f64; ROWS],
}

impl Above {
    /// Before it is known: infinite, so that a bound that used it would fail its tests.
    pub(super) const UNKNOWN: Self = Self { energy_pj: [f64::INFINITY; 4], rows: [f64::INFINITY; ROWS] };

    /// By the tensor that stays, unless an element holds a slice of it.
    pub(super) fn energy_pj(&self, stays: Tensor, sliced: [bool; 3]) -> f64 {
        self.energy_pj[if sliced[stays as usize] { 3 } else { stays as usize }]
    }

    pub(super) fn new(space: &Space) -> Self {
        let mut cuts = Cuts::new(space);
        let (least, rows) = space.lanes.outer(&cuts.upper(&[0; DIMS])).least(0, 8, ROWS);
        let mut energy_pj = [least; 4];
        let mut extent = space.model.layer.size;
        extent[Dim::G as usize] = 1;
        if !space.fits_buffers(&extent) {
            for (which, energy_pj) in energy_pj.iter_mut().enumerate() {
                (cuts.best, cuts.open) = (f64::INFINITY, f64::INFINITY);
                cuts.left = TURNS;
                cuts.which = which;
                cuts.descend(&mut [0; DIMS], 0);
                *energy_pj = cuts.best.min(cuts.open);
            }
        }
        Self { energy_pj, rows }
    }
}

/// Cuts tried at most for one bound.
const TURNS: u64 = 100_000;

/// The order loops are cut in; last those that cost nothing where sums stay.
const CUTS: [Dim; 7] = [Dim::K, Dim::P, Dim::Q, Dim::N, Dim::R, Dim::S, Dim::C];

/// One number of tiles of a loop.
#[derive(Clone, Copy)]
struct Cut {
    /// The smallest tile that gives it.
    extent: u64,
    tiles: f64,
    /// For a kernel loop: words a shift adds over the tiles at the least.
    shift: f64,
}

struct Cuts<'a> {
    space: &'a Space,
    cuts: [Vec<Cut>; DIMS],
    whole_shift: [f64; 2],
    /// Energy each further buffer tile of the loops a tensor does not depend on costs, where it stays below.
    again_pj: [f64; 4],
    which: usize,
    best: f64,
    /// The least of what was left untried.
    open: f64,
    left: u64,
}

impl<'a> Cuts<'a> {
    fn new(space: &'a Space) -> Self {
        let layer = &space.model.layer;
        let cut = |d: usize, extent: u64| {
            let (size, tiles) = (layer.size[d], layer.size[d].div_ceil(extent));
            // Every tile but the last is at least as long as this one; the last has an iteration.
            let shift = match tiles {
                1 => layer.stride.min(size),
                _ => (tiles - 1) * layer.stride.min(extent) + 1,
            };
            Cut { extent, tiles: tiles as f64, shift: shift as f64 }
        };
        let size = |d: Dim| layer.size[d as usize] as f64;
        let product = |dims: &[Dim]| dims.iter().map(|&d| size(d)).product::<f64>();
        let input = space.model.tile_words(Tensor::Input, &layer.size, Fetch::Touched) as f64;
        let weight = product(&[Dim::G, Dim::K, Dim::C, Dim::R, Dim::S]);
        let sums = product(&[Dim::N, Dim::G, Dim::K, Dim::P, Dim::Q]);
        let each = &space.lanes.linear.energy_pj;
        let resident = |t: usize, energy: f64| if space.model.resident[0][t] { energy } else { 0.0 };
        let again_pj =
            [resident(0, each[1] * weight), resident(1, each[4] * input), resident(2, each[6] * sums), 0.0];
        let cuts = std::array::from_fn(|d| ceilings(layer.size[d]).into_iter().map(|x| cut(d, x)).collect());
        let whole_shift = [Dim::R, Dim::S].map(|d| layer.stride.min(layer.size[d as usize]) as f64);
        Self {
            space,
            cuts,
            whole_shift,
            again_pj,
            which: 3,
            best: f64::INFINITY,
            open: f64::INFINITY,
            left: 0,
        }
    }

    fn upper(&self, at: &[usize; DIMS]) -> Upper {
        let cut = |d: Dim| self.cuts[d as usize][at[d as usize]];
        Upper {
            buffers: std::array::from_fn(|d| self.cuts[d][at[d]].tiles),
            shift: [[cut(Dim::R).shift, self.whole_shift[0]], [cut(Dim::S).shift, self.whole_shift[1]]],
            // A tile of the same number of tiles may be long enough where the smallest is not.
            gapless: [true; 2],
            gap: [0.0; 2],
        }
    }

    fn energy_pj(&self, at: &[usize; DIMS]) -> f64 {
        let upper = self.upper(at);
        let [n, _, k, c, p, q, r, s] = upper.buffers;
        let again = [n * p * q, k, c * r * s, 1.0][self.which] - 1.0;
        self.space.lanes.outer(&upper).least(0, 8, 0).0 + again * self.again_pj[self.which]
    }

    fn fits(&self, at: &[usize; DIMS], finest: &[Dim]) -> bool {
        let mut extent: PerDim = std::array::from_fn(|d| self.cuts[d][at[d]].extent);
        extent[Dim::G as usize] = 1;
        finest.iter().for_each(|&d| extent[d as usize] = 1);
        self.space.fits_buffers(&extent)
    }

    /// Cuts the loops from `CUTS[depth]` on; true where leaving them whole fits.
    fn descend(&mut self, at: &mut [usize; DIMS], depth: usize) -> bool {
        if self.fits(at, &[]) {
            self.best = self.best.min(self.energy_pj(at));
            return true;
        }
        let Some(&dim) = CUTS.get(depth) else { return false };
        for cut in 0..self.cuts[dim as usize].len() {
            at[dim as usize] = cut;
            if !self.fits(at, &CUTS[depth + 1..]) {
                continue;
            }
            let energy_pj = self.energy_pj(at);
            if energy_pj >= self.best {
                break;
            }
            if self.left == 0 {
                self.open = self.open.min(energy_pj);
                break;
            }
            self.left -= 1;
            if self.descend(at, depth + 1) {
                break;
            }
        }
        at[dim as usize] = 0;
        false
    }
}
