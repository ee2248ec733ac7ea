//! The accounting in which an array's folds are loops of their own, as used by nn_dataflow (Gao et al., "TETRIS", ASPLOS 2017).
//!
//! A filter and a channel need a set of `R x P` elements. A set too wide is cut into strips that first fill free rows of the array and
//! then count as further images; a set too high is cut and its parts follow each other; where sets are small, several stand side by
//! side with further filters and, along rows, further channels. What stands on the array at once is a *unit*. Around units lie three
//! loops (channels, filters, images) in two blockings, the buffer's and the elements'; their factors divide the loops exactly.
//!
//! Counts are those of an average unit, so that edges are fractions: a strip of `P / strips` rows, a last block of channels as full as
//! the others. Differences to [`Plan`](super::Plan): one memory per element for all three tensors, no pass overheads, input rows
//! between strips read again from outside, and no first-write elision beyond one read less than writes.

use super::Energy;
use hw::machine::{Dim, Layer};

/// An array with one memory per element and one buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FoldedArray {
    /// Elements along a column.
    pub rows: u64,
    /// Elements along a row.
    pub columns: u64,
    /// Words of an element's memory.
    pub element_words: u64,
    /// Words of the buffer.
    pub buffer_words: u64,
}

impl FoldedArray {
    /// 16 x 16 elements of 512 B and a buffer of 128 kB, 16-bit words (Eyeriss ISCA 2016, section VII, figure 10).
    pub const ISCA_2016: Self = Self { rows: 16, columns: 16, element_words: 256, buffer_words: 65_536 };
}

/// A layer no blocking of which fits.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unplaced {
    /// An array without elements.
    #[error("the array has {rows} x {columns} elements, at least 1 x 1 expected")]
    Empty {
        /// Rows.
        rows: u64,
        /// Columns.
        columns: u64,
    },
    /// Not even a unit fits.
    #[error("a unit takes {found} words of the {memory}, {limit} at most")]
    Unit {
        /// `element` or `buffer`.
        memory: &'static str,
        /// Words of a unit.
        found: u64,
        /// Words it has.
        limit: u64,
    },
}

/// Accesses of a layer.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct FoldedCounts {
    /// Multiply-accumulates.
    pub macs: f64,
    /// Words of the memory outside.
    pub backing: f64,
    /// Words of the buffer.
    pub buffer: f64,
    /// Words arriving at an element.
    pub network: f64,
    /// Words of the elements' memories: four a multiply-accumulate.
    pub element: f64,
}

impl FoldedCounts {
    /// Energy of all of it, in the unit of `each`.
    pub fn energy(&self, each: &Energy) -> f64 {
        self.macs * each.mac
            + self.backing * each.backing
            + self.buffer * each.buffer
            + self.network * each.network
            + self.element * each.element
    }
}

/// Filters, inputs, sums; loops are channels, filters, images, so that tensor `t` depends on the two loops of `USES[t]`.
const USES: [[usize; 2]; 3] = [[0, 1], [0, 2], [1, 2]];
/// The loop a tensor does not depend on.
const FREE: [usize; 3] = [2, 1, 0];

/// How a layer's sets lie on the array.
#[derive(Debug, Clone, Copy)]
struct Fold {
    /// Parts of a set that is too high.
    high: u64,
    /// Strips that follow each other.
    strips: u64,
    /// Sets above each other, after strips took their rows.
    above: u64,
    /// Sets beside each other.
    beside: u64,
}

impl Fold {
    fn of(array: &FoldedArray, layer: &Layer) -> Self {
        let [rows, wide] = [Dim::R, Dim::P].map(|d| layer.size[d as usize]);
        let (high, bands) = (rows.div_ceil(array.rows), (array.rows / rows).max(1));
        let (strips, beside) = (wide.div_ceil(array.columns), (array.columns / wide).max(1));
        let shared = bands.min(strips);
        Self { high, strips: strips.div_ceil(shared), above: bands / shared, beside }
    }
}

/// A unit: what is on the array at once, by tensor.
#[derive(Debug, Clone, Copy)]
struct Unit {
    loops: [u64; 3],
    element_words: [u64; 3],
    buffer_words: [u64; 3],
    /// Words of a whole layer's one visit: outside, between buffer and array, and over the network.
    whole: [[f64; 3]; 3],
}

impl Unit {
    fn of(layer: &Layer, fold: &Fold, channels: u64, filters: u64) -> Self {
        let size = |d: Dim| layer.size[d as usize];
        let [n, k, c, p, q, r, s] = [Dim::N, Dim::K, Dim::C, Dim::P, Dim::Q, Dim::R, Dim::S].map(size);
        let loops = [c.div_ceil(channels), k.div_ceil(filters), n * fold.strips];
        let width = (q - 1) * layer.stride + s;
        let strip = p.div_ceil(fold.strips);
        let high = fold.high as f64;
        let images = (n * fold.strips) as f64;
        let rows = (p as f64 / fold.strips as f64 - 1.0) * layer.stride as f64 + r as f64;
        // Pairs of a filter and a channel, images with a channel, images with a filter.
        let pairs = [(c * k) as f64, c as f64 * images, k as f64 * images];
        let outside = [(r * s) as f64, rows * width as f64, (p * q) as f64 / fold.strips as f64];
        let set = (r * p) as f64 * high;
        let network = [s, width, q].map(|row| row as f64 * set);
        Self {
            loops,
            element_words: [s, s, 1],
            buffer_words: [
                channels * filters * r * s,
                channels * ((strip - 1) * layer.stride + r) * width,
                filters * strip * q,
            ],
            whole: [
                std::array::from_fn(|t| pairs[t] * outside[t]),
                std::array::from_fn(|t| pairs[t] * outside[t] * if t == 0 { 1.0 } else { high }),
                std::array::from_fn(|t| pairs[t] * network[t]),
            ],
        }
    }
}

/// How often a tensor is fetched into a blocking: the loop it does not depend on brings it back unless that loop is innermost there.
///
/// Sums are written every time and read one time less.
fn fetches(outer: &[u64; 3], here: &[u64; 3], innermost: usize, above: Option<[f64; 3]>) -> [f64; 3] {
    std::array::from_fn(|t| {
        if USES[t].iter().all(|&l| here[l] == 1) {
            return above.map_or(1.0, |a| a[t]);
        }
        let free = FREE[t];
        let times = outer[free] * if innermost == free { 1 } else { here[free] };
        if t == 2 { 2.0 * times as f64 - 1.0 } else { times as f64 }
    })
}

/// The accesses of the blocking of least energy; every exact blocking of the three loops in every order is tried.
pub fn least_energy(array: &FoldedArray, layer: &Layer, energy: &Energy) -> Result<FoldedCounts, Unplaced> {
    if array.rows == 0 || array.columns == 0 {
        return Err(Unplaced::Empty { rows: array.rows, columns: array.columns });
    }
    let fold = Fold::of(array, layer);
    let mut best: Option<FoldedCounts> = None;
    let splits = (1..=fold.above).filter(|&c| fold.above.is_multiple_of(c));
    let units = splits.map(|c| Unit::of(layer, &fold, c, fold.above / c * fold.beside));
    let units: Vec<Unit> = units.collect();
    let shortest = units.iter().map(|u| u.loops.iter().product::<u64>()).min();
    for unit in units.iter().filter(|u| Some(u.loops.iter().product()) == shortest) {
        search(array, layer, energy, unit, &mut best);
    }
    best.ok_or_else(|| refusal(array, &units))
}

fn refusal(array: &FoldedArray, units: &[Unit]) -> Unplaced {
    let least = |words: fn(&Unit) -> u64| units.iter().map(words).min().unwrap_or(0);
    let element = least(|u| u.element_words.iter().sum());
    if element > array.element_words {
        return Unplaced::Unit { memory: "element", found: element, limit: array.element_words };
    }
    let buffer = least(|u| u.buffer_words.iter().sum());
    Unplaced::Unit { memory: "buffer", found: buffer, limit: array.buffer_words }
}

fn search(array: &FoldedArray, layer: &Layer, energy: &Energy, unit: &Unit, best: &mut Option<FoldedCounts>) {
    let blockings = unit.loops.map(thirds);
    let words = |each: &[u64; 3], tile: [u64; 3]| -> u64 {
        (0..3).map(|t| each[t] * tile[USES[t][0]] * tile[USES[t][1]]).sum()
    };
    for c in &blockings[0] {
        for k in &blockings[1] {
            for n in &blockings[2] {
                let [outer, middle, inner] = [0, 1, 2].map(|level| [c[level], k[level], n[level]]);
                let tile = std::array::from_fn(|l| middle[l] * inner[l]);
                let fits = words(&unit.element_words, inner) <= array.element_words
                    && words(&unit.buffer_words, tile) <= array.buffer_words;
                for orders in (0..9).filter(|_| fits) {
                    let buffer = fetches(&[1; 3], &outer, innermost(&outer, orders / 3), None);
                    let element = fetches(&outer, &middle, innermost(&middle, orders % 3), Some(buffer));
                    let counts = count(layer, unit, &buffer, &element);
                    if best.is_none_or(|b| counts.energy(energy) < b.energy(energy)) {
                        *best = Some(counts);
                    }
                }
            }
        }
    }
}

/// The innermost loop of a blocking; one that does not repeat is no loop.
fn innermost(blocking: &[u64; 3], wanted: usize) -> usize {
    if blocking[wanted] > 1 { wanted } else { (0..3).find(|&l| blocking[l] > 1).unwrap_or(wanted) }
}

fn count(layer: &Layer, unit: &Unit, buffer: &[f64; 3], element: &[f64; 3]) -> FoldedCounts {
    let groups = layer.size[Dim::G as usize] as f64;
    let times =
        |words: &[f64; 3], often: &[f64; 3]| groups * (0..3).map(|t| words[t] * often[t]).sum::<f64>();
    let macs = layer.macs() as f64;
    FoldedCounts {
        macs,
        backing: times(&unit.whole[0], buffer),
        buffer: times(&unit.whole[1], element),
        network: times(&unit.whole[2], element),
        element: 4.0 * macs,
    }
}

/// Every ordered triple of factors of a number.
fn thirds(whole: u64) -> Vec<[u64; 3]> {
    let divisors = |x: u64| (1..=x).take_while(move |d| d * d <= x).filter(move |d| x.is_multiple_of(*d));
    let all = |x: u64| divisors(x).flat_map(move |d| if d * d == x { vec![d] } else { vec![d, x / d] });
    all(whole).flat_map(|a| all(whole / a).map(move |b| [a, b, whole / a / b])).collect()
}
