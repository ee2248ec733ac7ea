//! The block of outputs that is computed at once.
//!
//! Input and sums of a block lie in the shared buffer, both twice so that the next block is fetched while one is computed. Of the
//! blocks that fit, the one is taken that fetches the fewest words for an output: input with its halo for every block, weights for
//! every block of places. Source of the criterion and of the layout: Vela 5.2, `architecture_allocator.py`.

use super::config::Config;
use super::layer::{Kind, Layer};

/// Rows, columns and channels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extent {
    /// Rows.
    pub height: u64,
    /// Columns.
    pub width: u64,
    /// Channels.
    pub depth: u64,
}

impl Extent {
    /// Rows times columns.
    pub fn places(&self) -> u64 {
        self.height.saturating_mul(self.width)
    }

    /// Values in it.
    pub fn elements(&self) -> u64 {
        self.places().saturating_mul(self.depth)
    }

    /// The smaller of both along each axis.
    pub fn min(&self, other: &Self) -> Self {
        Self {
            height: self.height.min(other.height),
            width: self.width.min(other.width),
            depth: self.depth.min(other.depth),
        }
    }
}

/// A block as the engine is set to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Block {
    /// Outputs of it.
    pub output: Extent,
    /// Inputs that are in the buffer for it.
    pub input: Extent,
    /// Whether four places of the kernel are taken at once, of 8 channels, instead of one place of 32.
    pub part_kernel: bool,
}

/// Largest block.
const LARGEST: Extent = Extent { height: 32, width: 64, depth: 128 };
/// Channels a block is split at.
const SPLIT_DEPTH: u64 = 16;
/// Rows and columns of a kernel that are done in one go.
pub(super) const KERNEL_LIMIT: u64 = 8;
/// Bytes of a bank.
const BANK_BYTES: u64 = 1024;
/// Banks that outputs leave through.
const OUTPUT_BANKS: u64 = 2;

/// The block a layer runs in; `None` where none fits the shared buffer.
pub fn choose(config: &Config, layer: &Layer) -> Option<Block> {
    let part_kernel = part_kernel(layer);
    let unit = config.unit;
    let most = Extent {
        height: layer.output.height.min(LARGEST.height).next_multiple_of(unit.height),
        width: layer.output.width.min(LARGEST.width).next_multiple_of(unit.width),
        depth: layer.output.depth.min(LARGEST.depth).next_multiple_of(unit.depth),
    };
    let mut best: Option<(f64, f64, Block)> = None;
    let mut depth = split(unit.depth.max(most.depth.min(SPLIT_DEPTH)), layer.output.depth);
    while depth <= most.depth {
        for height in (unit.height..=most.height).step_by(unit.height as usize) {
            for width in (unit.width..=most.width).step_by(unit.width as usize) {
                let output = Extent { height, width, depth };
                let block =
                    Block { output, input: input_of(config, layer, output, part_kernel), part_kernel };
                if !fits(config, &block) {
                    continue;
                }
                let cost = fetched(layer, &block);
                let uncovered = uncovered(layer, &block);
                let better = match &best {
                    None => true,
                    // Among equals only small blocks compete, by how much of the input one holds.
                    Some((least, places, _)) if cost == *least => {
                        uncovered <= *places && height <= 4 && width <= 4
                    }
                    Some((least, ..)) => cost < *least,
                };
                if better {
                    let tie = best.as_ref().is_some_and(|(least, ..)| *least == cost);
                    best = Some((cost, if tie { uncovered } else { f64::INFINITY }, block));
                }
            }
        }
        depth = split(depth + unit.depth, layer.output.depth);
    }
    best.map(|(.., block)| block)
}

/// Depths below the layer's own are multiples of [`SPLIT_DEPTH`].
fn split(depth: u64, whole: u64) -> u64 {
    if depth < whole { depth.next_multiple_of(SPLIT_DEPTH) } else { depth }
}

/// Whether taking four places of the kernel at once wastes less than taking 32 channels.
fn part_kernel(layer: &Layer) -> bool {
    if !matches!(layer.kind, Kind::Convolution | Kind::Depthwise) {
        return false;
    }
    let channels = layer.input.depth;
    let places = layer.kernel[0] * layer.kernel[1];
    let by_depth = channels as f64 / channels.next_multiple_of(32) as f64;
    let by_part =
        (channels * places) as f64 / (channels.next_multiple_of(8) * places.next_multiple_of(4)) as f64;
    channels <= 8 || by_part > by_depth
}

/// What of the input a block needs, one pass over a kernel of at most eight by eight.
fn input_of(config: &Config, layer: &Layer, output: Extent, part_kernel: bool) -> Extent {
    let side = |out: u64, stride: u64, kernel: u64, unit: u64| {
        ((out - 1) * stride + kernel.min(KERNEL_LIMIT)).next_multiple_of(unit)
    };
    let depth = match layer.kind {
        Kind::Convolution | Kind::Product => {
            layer.input.depth.min(if part_kernel { 16 } else { 32 }).next_multiple_of(8)
        }
        _ => output.depth,
    };
    Extent {
        height: side(output.height, layer.stride[0], layer.kernel[0], config.unit.height),
        width: side(output.width, layer.stride[1], layer.kernel[1], config.unit.width),
        depth,
    }
}

fn fits(config: &Config, block: &Block) -> bool {
    let banks = |bytes: u64, granule: u64| (bytes.div_ceil(BANK_BYTES) * 2).next_multiple_of(granule);
    let input = block.input.places() * block.input.depth.next_multiple_of(8);
    let sums = block.output.places() * block.output.depth.next_multiple_of(8) * 4;
    let needed = OUTPUT_BANKS + banks(input, config.input_granule) + banks(sums, config.sum_granule);
    needed <= config.banks - config.end_banks
}

/// Words fetched for an output.
fn fetched(layer: &Layer, block: &Block) -> f64 {
    let ratio = |whole: u64, part: u64| whole as f64 / part as f64;
    let (out, by) = (layer.output, block.output);
    let whole_blocks = (out.height.div_ceil(by.height) * out.width.div_ceil(by.width)) as f64;
    let blocks = ratio(out.height, by.height) * ratio(out.width, by.width);
    let places = (layer.kernel[0] * layer.kernel[1]) as f64;
    let channels = layer.input.depth as f64;
    let weights = match layer.kind {
        Kind::Convolution => places * channels * whole_blocks * by.depth as f64 * ratio(out.depth, by.depth),
        Kind::Depthwise => places * channels * whole_blocks,
        _ => 0.0,
    };
    let passes = layer.kernel.map(|k| k.div_ceil(KERNEL_LIMIT)).iter().product::<u64>() as f64;
    let mut inputs = block.input.places() as f64 * channels * passes * blocks;
    if matches!(layer.kind, Kind::Convolution | Kind::Product) {
        inputs *= out.depth.div_ceil(by.depth) as f64;
    }
    let each = (inputs + weights) / out.elements() as f64;
    // Both halves of the buffer together hold the whole input: it is fetched once.
    if layer.input.elements() < block.input.elements() * 2 { each / 2.0 } else { each }
}

/// Blocks of places that the input consists of.
fn uncovered(layer: &Layer, block: &Block) -> f64 {
    layer.input.places() as f64 / layer.input.min(&block.input).places() as f64
}
