//! Eight orders of a level costed at once.
//!
//! At most one tensor stays in place above a level and at most one loop lets the input slide, which is the eight classes of
//! [`LANES`]. Energy and the words of a port are linear in eight flows, five of which the order of blocks decides and three that of
//! buffer tiles, so that a nest costs the sum of a lane of [`Lanes::inner`] and one of [`Lanes::outer`]: sixty-four nests a pair.

use super::factors::Factors;
use super::model::{Linear, Model, ROWS};
use hw::machine::{DIMS, Dim, Tensor};

/// The tensor that stays in place and the loop the input slides along, by lane.
pub const LANES: [(Tensor, Dim); 8] = [
    (Tensor::Weight, Dim::P),
    (Tensor::Weight, Dim::Q),
    (Tensor::Output, Dim::R),
    (Tensor::Output, Dim::S),
    (Tensor::Input, Dim::P),
    (Tensor::Input, Dim::Q),
    (Tensor::Input, Dim::R),
    (Tensor::Input, Dim::S),
];

/// One number a lane.
pub type Eight = [f64; 8];

/// Energy and each port's cycles by lane; a part of a nest's, to be added to another.
#[derive(Debug, Clone, Copy)]
pub struct Part {
    /// Energy.
    pub energy_pj: Eight,
    /// Cycles of each port, not rounded up.
    pub rows: [Eight; ROWS],
}

impl Part {
    /// The least of the lanes `from..to`, number by number, of the first `used` ports.
    #[inline]
    pub fn least(&self, from: usize, to: usize, used: usize) -> (f64, [f64; ROWS]) {
        let least = |lane: &Eight| {
            lane[from..to].iter().fold(f64::INFINITY, |least, &x| if x < least { x } else { least })
        };
        let mut rows = [0.0; ROWS];
        for (least_row, row) in rows.iter_mut().zip(&self.rows).take(used) {
            *least_row = least(row);
        }
        (least(&self.energy_pj), rows)
    }

    /// Cycles of the busiest port by lane, with more on each port and what `linear` has fixed.
    #[inline]
    pub fn longest(&self, linear: &Linear, more: &[f64; ROWS]) -> Eight {
        let mut longest = [0.0; 8];
        for ((row, (_, fixed)), more) in self.rows.iter().zip(&linear.rows).zip(more).take(linear.used) {
            for (longest, row) in longest.iter_mut().zip(row) {
                let cycles = fixed + more + row;
                *longest = if cycles > *longest { cycles } else { *longest };
            }
        }
        longest
    }
}

/// What the flows above a buffer tile depend on; a bound may put other numbers in than a loop's factors.
#[derive(Debug, Clone, Copy)]
pub struct Upper {
    /// Buffer tiles of each loop.
    pub buffers: [f64; DIMS],
    /// For `R` and `S`: words a shift of the window adds, over buffer tiles and whole.
    pub shift: [[f64; 2]; 2],
    /// For `R` and `S`: whether a window of a buffer tile has no gaps.
    pub gapless: [bool; 2],
    /// For `R` and `S`: what a ragged window saves each time a fetch starts anew.
    pub gap: [f64; 2],
}

impl Upper {
    /// As the factors have it.
    pub fn of(f: &[Factors; DIMS]) -> Self {
        let kernel = [&f[Dim::R as usize], &f[Dim::S as usize]];
        Self {
            buffers: std::array::from_fn(|d| f[d].buffers),
            shift: kernel.map(|r| [r.shift[3], r.shift[4]]),
            gapless: kernel.map(|r| r.gapless[1]),
            gap: kernel.map(|r| r.gap),
        }
    }
}

/// A model ready to cost lanes.
#[derive(Debug, Clone, Copy)]
pub struct Lanes {
    /// Energy and port words by flow.
    pub linear: Linear,
    resident: [bool; 3],
    plain: [f64; 2],
    sums: f64,
    size: [f64; DIMS],
}

impl Lanes {
    /// Settles what no mapping changes.
    pub fn new(model: &Model) -> Self {
        let size = model.layer.size.map(|d| d as f64);
        let product = |dims: &[Dim]| dims.iter().map(|&d| size[d as usize]).product::<f64>();
        Self {
            linear: model.linear(),
            resident: model.resident[0],
            plain: [product(&[Dim::G, Dim::K, Dim::C, Dim::R, Dim::S]), product(&[Dim::N, Dim::G, Dim::C])],
            sums: product(&[Dim::N, Dim::G, Dim::K, Dim::P, Dim::Q]),
            size,
        }
    }

    /// The flows below a buffer tile. `through`: each lane's run goes on among the buffer tiles; `sliced` tensors have no run, and
    /// a sliced input no slide; `step_words` as [`Model::step_words`] gives them.
    #[inline]
    pub fn inner(&self, f: &[Factors; DIMS], through: bool, sliced: [bool; 3], step_words: [f64; 2]) -> Part {
        let [n, _, k, c, p, q, r, s] = f;
        let over = |all: [&Factors; 3], resident: bool| {
            let product = |of: fn(&Factors) -> f64| all.iter().map(|f| of(f)).product::<f64>();
            let supply = if resident { product(|f| f.blocks) } else { product(|f| f.steps) };
            let run = match (through, resident) {
                (_, false) => [1.0, supply],
                (true, _) => [product(|f| f.copies[1]), 1.0],
                (false, _) => [product(|f| f.copies[0]), product(|f| f.buffers)],
            };
            [[product(|f| f.elements), supply], run]
        };
        let weight = over([n, p, q], self.resident[0]);
        let sums = over([c, r, s], self.resident[2]);
        let one = Factors { elements: 1.0, blocks: 1.0, buffers: 1.0, steps: 1.0, copies: [1.0; 2], ..*k };
        let input = over([k, &one, &one], self.resident[1]);
        let run = |t: Tensor| usize::from(!sliced[t as usize]);
        let (w, o, i) = (run(Tensor::Weight), run(Tensor::Output), run(Tensor::Input));
        let stays = |all: [[f64; 2]; 2], at: [usize; 3], which: usize, scale: f64| -> Eight {
            // Lanes 0 and 1 keep weights, 2 and 3 sums, the others input.
            let of = at.map(|run| scale * all[run][which]);
            [of[0], of[0], of[1], of[1], of[2], of[2], of[2], of[2]]
        };
        let level = |level: usize| self.sides(f, level, sliced[Tensor::Input as usize]);
        let elements = level(0);
        let supply = if self.resident[1] { level(1) } else { [step_words[0] * step_words[1]; 8] };
        let times = |sides: Eight, which: usize| -> Eight {
            let often = stays(input, [0, 0, i], which, self.plain[1]);
            std::array::from_fn(|lane| sides[lane] * often[lane])
        };
        self.linear.part(
            &[0, 1, 3, 4, 6],
            [
                stays(weight, [w, 0, 0], 0, self.plain[0]),
                stays(weight, [w, 0, 0], 1, self.plain[0]),
                times(elements, 0),
                times(supply, 1),
                stays(sums, [0, o, 0], 1, self.sums),
            ],
        )
    }

    /// The flows above a buffer tile.
    #[inline]
    pub fn outer(&self, up: &Upper) -> Part {
        let [n, _, k, c, p, q, r, s] = up.buffers;
        let weight = self.plain[0] * n * p * q;
        let sums = self.sums * c * r * s;
        let side = |tiles: f64, at: usize, dims: [Dim; 2]| {
            let [size, kernel] = dims.map(|d| self.size[d as usize]);
            let words = |tiles: f64, shift: f64, gap: f64| (size - tiles) * shift + tiles * kernel + gap;
            let [tile, whole] = up.shift[at];
            let plain = words(tiles, tile, 0.0);
            if up.gapless[at] {
                [plain, words(1.0, tile, (tiles - 1.0) * up.gap[at]), words(tiles, whole, 0.0)]
            } else {
                [plain; 3]
            }
        };
        let rows = side(p, 0, [Dim::P, Dim::R]);
        let columns = side(q, 1, [Dim::Q, Dim::S]);
        let sides = sliding(rows, columns);
        let (whole, again) = (self.plain[1], self.plain[1] * k);
        let input = std::array::from_fn(|lane| sides[lane] * if lane < 4 { again } else { whole });
        let (w, o) = (self.plain[0], self.sums);
        self.linear.part(
            &[2, 5, 7],
            [
                [w, w, weight, weight, weight, weight, weight, weight],
                input,
                [sums, sums, o, o, sums, sums, sums, sums],
            ],
        )
    }

    /// Input words along rows times columns, summed over element tiles (`level` 0) or blocks (1), by lane.
    fn sides(&self, f: &[Factors; DIMS], level: usize, sliced: bool) -> Eight {
        let side = |p: &Factors, r: &Factors| {
            let tiles = if level == 0 { p.elements } else { p.blocks };
            let words = |tiles: f64, shift: f64| (p.size - tiles) * shift + tiles * r.size;
            let plain = words(tiles, r.shift[level]);
            if !sliced && p.spatial == 1.0 && r.spatial == 1.0 && r.gapless[0] {
                [plain, words(p.buffers, r.shift[level]), words(tiles, r.shift[2])]
            } else {
                [plain; 3]
            }
        };
        let at = |d: Dim| &f[d as usize];
        sliding(side(at(Dim::P), at(Dim::R)), side(at(Dim::Q), at(Dim::S)))
    }
}

/// By lane, from words along rows and along columns with no slide, along the outputs, along the kernel.
fn sliding(rows: [f64; 3], columns: [f64; 3]) -> Eight {
    let p = rows[1] * columns[0];
    let q = rows[0] * columns[1];
    let r = rows[2] * columns[0];
    let s = rows[0] * columns[2];
    [p, q, r, s, p, q, r, s]
}
