//! Cycles of one layer in a given block.
//!
//! Source of the traversal, its delays and the bounds: Vela 5.2, `npu_performance.py`.

use super::block::{Block, Extent, KERNEL_LIMIT};
use super::config::Config;
use super::layer::{Kind, Layer};

/// What a layer takes of each resource, one image.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Parts {
    /// The engine itself.
    pub engine: f64,
    /// The SRAM's port, weights apart.
    pub sram: f64,
    /// Blocks of places: how often weights are read.
    pub passes: u64,
}

/// Zeros that are coded with the weights: channels in and out and places of the kernel are filled up to whole steps.
pub fn filled(config: &Config, layer: &Layer, block: &Block) -> u64 {
    let Some(weights) = layer.weights else { return 0 };
    let places = layer.kernel[0] * layer.kernel[1];
    let taken =
        if block.part_kernel || layer.kind == Kind::Depthwise { places.next_multiple_of(4) } else { places };
    let channels = if layer.kind == Kind::Depthwise { 1 } else { layer.input.depth.next_multiple_of(8) };
    let outputs = layer.output.depth.next_multiple_of(config.unit.depth);
    taken.saturating_mul(channels).saturating_mul(outputs).saturating_sub(weights.count)
}

/// Channels that lie together in SRAM.
const BRICK: u64 = 16;
/// Bytes of a channel's bias, multiplier and shift.
pub(super) const SCALE_BYTES: f64 = 10.0;
/// Blocks the engine has in flight: a command's own time is shared by them.
const IN_FLIGHT: f64 = 4.0;

/// Convolutions, products and windows, by blocks; the last one along an axis is as small as what is left.
pub fn blocked(config: &Config, layer: &Layer, block: &Block) -> Parts {
    let output = layer.output.min(&block.output);
    let input = layer.input.min(&block.input);
    let waste = burst_waste(config, layer, block);
    let fetch = transfer(config, input.elements() as f64 * waste);
    let drain = transfer(config, output.elements() as f64);

    let mut engine = 0.0;
    let mut largest = (0.0f64, 0.0f64);
    for (height, rows) in pieces(layer.output.height, output.height) {
        for (width, columns) in pieces(layer.output.width, output.width) {
            for (depth, slices) in pieces(layer.output.depth, output.depth) {
                let piece = Extent { height, width, depth };
                let multiply = multiply(config, layer, block, piece, input);
                let write = write(config, layer, piece);
                let command =
                    (fetch + transfer(config, piece.elements() as f64) + write + multiply) / IN_FLIGHT;
                engine += multiply.max(write).max(command) * (rows * columns * slices) as f64;
                largest = (largest.0.max(multiply), largest.1.max(write));
            }
        }
    }
    // Fetch, multiply and write overlap between blocks: the slowest never waits, the others' first or last stands alone.
    engine += largest.0.min(largest.1) + fetch + drain;

    let blocks = |whole: u64, part: u64| whole.div_ceil(part);
    let passes = blocks(layer.output.height, output.height) * blocks(layer.output.width, output.width);
    let repeats = layer.kernel.map(|k| k.div_ceil(KERNEL_LIMIT)).iter().product::<u64>();
    let rounded = |depth: u64| if layer.plain_input { depth } else { depth.next_multiple_of(BRICK) };
    let sweeps = match layer.kind {
        Kind::Convolution | Kind::Product => passes * blocks(layer.output.depth, output.depth),
        _ => passes,
    };
    let read = (input.places() * rounded(layer.input.depth) * repeats * sweeps) as f64 * waste;
    let written = (layer.output.places() * layer.output.depth.next_multiple_of(BRICK)) as f64;
    Parts { engine, sram: (read + written) / config.sram_bytes_per_cycle, passes }
}

/// The pieces an axis is cut into, `(extent, how many)`: whole ones, and what is left.
fn pieces(whole: u64, part: u64) -> impl Iterator<Item = (u64, u64)> {
    [(part, whole / part), (whole % part, 1)].into_iter().filter(|(extent, count)| *extent > 0 && *count > 0)
}

/// Cycles of the output path for a block.
fn write(config: &Config, layer: &Layer, output: Extent) -> f64 {
    let per_output = match layer.kind {
        Kind::Maximum => config.max_cycles,
        _ => config.output_cycles,
    };
    let per_output = if layer.activation { per_output.max(config.activation_cycles) } else { per_output };
    let write = (per_output * output.elements() as f64).ceil();
    // Scales are read 256 bits ahead, a latency each.
    let scales = SCALE_BYTES * output.depth as f64 * config.flash_latency / 256.0;
    if layer.weights.is_some() { write.max(scales) } else { write }
}

/// Cycles of the multipliers for a block.
fn multiply(config: &Config, layer: &Layer, block: &Block, output: Extent, input: Extent) -> f64 {
    let unit = config.unit;
    let across = output.width.div_ceil(unit.width);
    let down = output.height.div_ceil(unit.height);
    let deep = output.depth.div_ceil(unit.depth);
    let places = across * down;
    // A step takes four cycles a unit, and no less than the weights of its channels take to decode.
    let step = (4 * places).max(4 * unit.depth);
    let groups = input.depth.div_ceil(8);
    let mut cycles = 0.0;
    for kernel in parts_of_kernel(layer.kernel) {
        let (steps, own) = match layer.kind {
            Kind::Average | Kind::Maximum => (1, (kernel * config.window_cycles).max(4) * places * deep),
            Kind::Depthwise => (kernel.div_ceil(4), step * kernel.div_ceil(4) * deep),
            _ if block.part_kernel => (kernel.div_ceil(4), step * kernel.div_ceil(4) * groups * deep),
            _ => (kernel, step * kernel * deep),
        };
        if places == 1 {
            let waits = match (deep, steps) {
                (1, steps) => steps,
                (deep, steps) => (steps - 1) * deep,
            };
            let repeats = if block.part_kernel && layer.kind == Kind::Convolution { groups } else { 1 };
            cycles += config.step_delay * (waits * repeats) as f64;
        }
        cycles += own as f64;
    }
    match layer.kind {
        Kind::Convolution | Kind::Product => cycles * layer.input.depth.div_ceil(input.depth) as f64,
        _ => cycles,
    }
}

/// Places of the parts a kernel is cut into, eight by eight at most.
fn parts_of_kernel([rows, columns]: [u64; 2]) -> impl Iterator<Item = u64> {
    let cut =
        |whole: u64| (0..whole).step_by(KERNEL_LIMIT as usize).map(move |at| (whole - at).min(KERNEL_LIMIT));
    cut(rows).flat_map(move |r| cut(columns).map(move |c| r * c))
}

/// Bytes moved for each byte wanted: short rows do not fill a burst.
fn burst_waste(config: &Config, layer: &Layer, block: &Block) -> f64 {
    let run = if layer.plain_input { block.input.depth } else { BRICK * block.input.width };
    config.sram_burst_bytes as f64 / run.clamp(1, config.sram_burst_bytes) as f64
}

fn transfer(config: &Config, bytes: f64) -> f64 {
    config.sram_latency + bytes / config.sram_bytes_per_cycle
}

/// Value by value: sums, products, requantisation. Channels are taken in whole bricks.
pub fn elementwise(config: &Config, layer: &Layer) -> Parts {
    let per_output = match layer.kind {
        Kind::Add => config.add_cycles,
        Kind::Multiply => config.multiply_cycles,
        _ => config.output_cycles,
    };
    let per_output = if layer.activation { per_output.max(config.activation_cycles) } else { per_output };
    let elements = (layer.output.places() * layer.output.depth.next_multiple_of(BRICK)) as f64;
    let tensors = if matches!(layer.kind, Kind::Add | Kind::Multiply) { 3.0 } else { 2.0 };
    Parts {
        engine: (per_output * elements).max(single(config)),
        sram: tensors * elements / config.sram_bytes_per_cycle,
        passes: 1,
    }
}

/// The least an elementwise command takes: in and out once, shared by the blocks in flight.
fn single(config: &Config) -> f64 {
    (2.0 * config.sram_latency + 2.0 * BRICK as f64 / config.sram_bytes_per_cycle) / IN_FLIGHT
}

/// Rows of `exp(x - max) / sum`, in 32-bit steps.
///
/// Three sweeps over the row (difference and table, shift, product), two reductions, and the reciprocal of the sum by Newton's
/// method: 25 steps on one value a row. Source: gemmlowp `fixedpoint.h`, as Vela 5.2 lowers it.
pub fn softmax(config: &Config, layer: &Layer) -> Parts {
    let rows = (layer.output.places() * BRICK) as f64;
    let step = (config.add_cycles * rows).max(single(config));
    let row = (layer.output.places() * layer.output.depth.next_multiple_of(BRICK)) as f64;
    let sweep = (config.add_cycles * row).max(single(config));
    let reduction = 4.0 * config.sram_latency;
    Parts {
        engine: 25.0 * step + 3.0 * sweep + 2.0 * reduction,
        sram: (3.0 * 5.0 * row + 25.0 * 12.0) / config.sram_bytes_per_cycle,
        passes: 1,
    }
}
