//! One loop's tiles as the numbers that counts are products of.

use hw::machine::{Fetch, Layer, PerDim};

/// One loop of `size` iterations in tiles of `pe` spread over `spatial` elements, in buffer tiles of `buffer`.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Factors {
    /// Iterations of the loop.
    pub size: f64,
    /// Elements it is spread over.
    pub spatial: f64,
    /// Steps of the array: in a ragged block the fullest element sets the pace.
    pub steps: f64,
    /// Element tiles.
    pub elements: f64,
    /// Blocks of the array.
    pub blocks: f64,
    /// Buffer tiles.
    pub buffers: f64,
    /// Elements that take part at least once, summed over buffer tiles, and in the whole loop.
    pub copies: [f64; 2],
    /// For a kernel loop: words that moving a window by a stride adds, summed over element tiles, blocks, buffer tiles; and
    /// with what a buffer's fetch reads between strides, over buffer tiles and for the whole loop.
    pub shift: [f64; 5],
    /// For a kernel loop: words a ragged last window shorter than a stride saves, as a negative number, each time a fetch that
    /// reads between strides starts anew.
    pub gap: f64,
    /// For a kernel loop: whether a window of an element, and of a buffer tile, is at least a stride long.
    pub gapless: [bool; 2],
    /// Whether the loop stands among the blocks of a buffer tile, and among the buffer tiles.
    pub loops: [bool; 2],
}

impl Factors {
    /// Tabulates one loop; tiles larger than the loop are the whole loop.
    pub fn new(size: u64, pe: u64, spatial: u64, buffer: u64, layer: &Layer, fetch: Fetch) -> Self {
        let block = pe.saturating_mul(spatial);
        let (tile, blocks) = (buffer.min(size), size.div_ceil(block));
        let (elements, buffers) = (size.div_ceil(pe), size.div_ceil(tile));
        let ragged = size % block;
        let (full, rest) = (size / tile, size % tile);
        let shift = |tile: u64, fetch: Fetch| {
            let tile = tile.min(size);
            match fetch {
                Fetch::Touched => (size / tile) * layer.stride.min(tile) + layer.stride.min(size % tile),
                Fetch::Box => size.div_ceil(tile) * layer.stride,
            }
        };
        let gap = if fetch == Fetch::Box && (1..layer.stride).contains(&rest) {
            rest as f64 - layer.stride as f64
        } else {
            0.0
        };
        Self {
            size: size as f64,
            spatial: spatial as f64,
            steps: (size / block * pe + pe.min(ragged)) as f64,
            elements: elements as f64,
            blocks: blocks as f64,
            buffers: buffers as f64,
            copies: [
                (full * spatial.min(tile.div_ceil(pe)) + spatial.min(rest.div_ceil(pe))) as f64,
                spatial.min(elements) as f64,
            ],
            shift: [
                shift(pe, Fetch::Touched) as f64,
                shift(block, Fetch::Touched) as f64,
                shift(tile, Fetch::Touched) as f64,
                shift(tile, fetch) as f64,
                shift(size, fetch) as f64,
            ],
            gap,
            gapless: [pe.min(size) >= layer.stride, tile >= layer.stride],
            loops: [tile.div_ceil(block) > 1, buffers > 1],
        }
    }
}

/// Words of an input tile of `n` images, `g` groups, `c` channels and the given output and kernel extents.
pub fn input_words(tile: &PerDim, stride: u64, fetch: Fetch) -> u64 {
    let side = |p: u64, r: u64| {
        let shift = if fetch == Fetch::Box { stride } else { stride.min(r) };
        (p - 1) * shift + r
    };
    let [n, g, _, c, p, q, r, s] = *tile;
    n * g * c * side(p, r) * side(q, s)
}

/// Sum over steps of the different words the active elements use along one axis of the input.
pub(super) fn step_words(out: (u64, u64, u64), kernel: (u64, u64, u64), stride: u64) -> f64 {
    let (a, b) = (stride * out.1, kernel.1);
    let common = gcd(a, b);
    let (a, b) = (a / common, b / common);
    let different = |p: u64, r: u64| p * r - p.saturating_sub(b) * r.saturating_sub(a);
    let mut total = 0;
    for (steps_p, active_p) in active(out) {
        for (steps_r, active_r) in active(kernel) {
            total += steps_p * steps_r * different(active_p, active_r);
        }
    }
    total as f64
}

/// `(steps, active elements)` of a loop of `(size, pe, spatial)`: whole blocks, then the two halves of the ragged one.
fn active((size, pe, spatial): (u64, u64, u64)) -> [(u64, u64); 3] {
    let block = pe * spatial;
    let ragged = size % block;
    let more = ragged % pe;
    let fewer = if ragged >= pe { pe - more } else { 0 };
    [(size / block * pe, spatial), (more, ragged / pe + 1), (fewer, ragged / pe)]
}

fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}
