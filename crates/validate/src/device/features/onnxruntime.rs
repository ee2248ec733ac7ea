//! onnxruntime on x86-64: MLAS kernels behind its graph rewrites.
//!
//! Float convolutions run on blocks of 16 channels, those with fewer than 16 input channels from plain images; a depthwise
//! convolution whose channels are no multiple of 16 falls back to a plain kernel, and images are reordered between the two.
//! An 8-bit convolution or sum becomes an integer kernel only where its operands and its result have one reader each, so that
//! they can be made unsigned; every other one runs in float between conversions. Source: onnxruntime,
//! `core/optimizer/nchwc_transformer.cc`, `core/optimizer/qdq_transformer/qdq_s8_to_u8.cc`, `core/mlas/lib/snchwc.cpp`,
//! `core/mlas/lib/qdwconv.cpp`; which networks take which kernel was seen in its profiles.

use super::layer::{Kind, Layer, Layers};
use super::{Work, count, weigh};
use crate::device::sample::Precision;

/// The kinds of work of float networks, few: with one weight inside a term for kernels whose ratio is the machine's.
pub(super) const FLOAT: &[&str] = &[
    "block_macs",
    "block_overhead",
    "block_edges",
    "block_rows",
    "depthwise_macs",
    "plain_depthwise_macs",
    "plain_depthwise_channels",
    "elements",
    "nodes",
];

pub(super) const INTEGER: &[&str] = &[
    "block_macs",
    "pointwise_macs",
    "image_macs",
    "strided_block_macs",
    "strided_image_macs",
    "block_broadcasts",
    "block_sums",
    "block_edges",
    "block_rows",
    "block_results",
    "reordered",
    "added",
    "pooled",
    "averaged",
    "converted",
    "integer_macs",
    "integer_gathered",
    "integer_pixels",
    "integer_taps",
    "integer_results",
    "integer_depthwise_macs",
    "integer_depthwise_rest",
    "integer_depthwise_taps",
    "nodes",
];

/// Channels of a block, and of the four blocks a kernel goes over at once.
const BLOCK: usize = 16;
const BLOCKS: usize = 64;

pub(super) fn work(layers: &Layers) -> Work {
    let mut work = Work::new();
    let integer: Vec<bool> = layers.list.iter().map(|layer| in_integers(layers, layer)).collect();
    for (at, layer) in layers.list.iter().enumerate() {
        count(&mut work, "nodes", 1);
        if layer.kind == Kind::Reshape {
            continue;
        }
        match (layers.precision, integer[at]) {
            (Precision::F32, _) => {}
            (Precision::I8, false) => conversions(&mut work, layer),
            (Precision::I8, true) => changes_of_layout(&mut work, layers, layer, &integer),
        }
        match layer.kind {
            Kind::Conv | Kind::Depthwise if integer[at] => integer_convolution(&mut work, layer),
            Kind::Conv => blocks(&mut work, layers, layer),
            Kind::Depthwise => depthwise(&mut work, layers, layer),
            _ if integer[at] => count(&mut work, "integer_results", layer.out_elements),
            _ => elementwise(&mut work, layers.precision, layer),
        }
    }
    work
}

/// Whether a value can be made unsigned: made by a layer, read by one other that looks at its numbers.
fn unsigned(layers: &Layers, layer: &Layer) -> bool {
    let kind =
        matches!(layer.kind, Kind::Conv | Kind::Depthwise | Kind::Binary | Kind::Dense | Kind::MaxPool);
    kind && layer.readers.len() == 1 && layers.list[layer.readers[0]].kind != Kind::Reshape
}

fn in_integers(layers: &Layers, layer: &Layer) -> bool {
    let kind = matches!(layer.kind, Kind::Conv | Kind::Depthwise | Kind::Binary | Kind::Dense);
    let operand = |v: &ir::Value| layers.producer(*v).is_some_and(|p| unsigned(layers, p));
    layers.precision == Precision::I8 && kind && unsigned(layers, layer) && layer.inputs.iter().all(operand)
}

/// A layer of an 8-bit network that runs in float: operands, weights and bias are dequantized, the result quantized.
fn conversions(work: &mut Work, layer: &Layer) {
    count(work, "converted", layer.in_elements + layer.out_elements + layer.weights);
    count(work, "nodes", 1 + layer.inputs.len() + if layer.weights > 0 { 2 } else { 0 });
}

/// Integer kernels want channels last: images are turned where a stretch of them begins and ends.
fn changes_of_layout(work: &mut Work, layers: &Layers, layer: &Layer, integer: &[bool]) {
    let before = layer.inputs.iter().filter_map(|v| layers.position(*v)).filter(|p| !integer[*p]).count();
    let behind = layer.readers.iter().filter(|reader| !integer[**reader]).count();
    count(work, "nodes", before + behind);
}

fn integer_convolution(work: &mut Work, layer: &Layer) {
    let (pixels, taps) = (layer.pixels, layer.taps());
    if layer.kind == Kind::Depthwise {
        // Eight channels at a time, the rest one by one.
        let rest = layer.c_out % 8;
        count(work, "integer_depthwise_macs", pixels * taps * (layer.c_out - rest));
        count(work, "integer_depthwise_rest", pixels * taps * rest);
        count(work, "integer_depthwise_taps", pixels * taps);
        return;
    }
    let chain = (layer.c_in * taps).next_multiple_of(4);
    count(work, "integer_macs", pixels.next_multiple_of(6) * layer.c_out.next_multiple_of(BLOCK) * chain);
    count(work, "integer_pixels", pixels);
    count(work, "integer_results", layer.out_elements);
    if taps > 1 {
        count(work, "integer_taps", pixels * taps);
        count(work, "integer_gathered", pixels * taps * layer.c_in);
    }
}

/// A float convolution on blocks of channels.
fn blocks(work: &mut Work, layers: &Layers, layer: &Layer) {
    let (pixels, taps) = (layer.pixels, layer.taps());
    let image = layer.c_in < BLOCK;
    // A value from outside the blocked part is padded to four channels, one from within is padded already.
    let align = if layers.precision == Precision::I8 { 4 } else { BLOCK };
    let c_in = if image { layer.c_in } else { layer.c_in.next_multiple_of(align) };
    let (padded, fours) = (layer.c_out.next_multiple_of(BLOCK), layer.c_out.div_ceil(BLOCKS));
    let macs = pixels * padded * c_in * taps;
    let passes = match (image, taps) {
        (true, _) => c_in,
        (false, 1) => c_in.div_ceil(128),
        (false, _) => c_in.div_ceil(BLOCK),
    };
    let rows = layer.out_rows * fours * if taps == 1 { 1 } else { c_in.div_ceil(BLOCK) * layer.kernel[0] };
    let (broadcasts, sums) = (pixels * fours * c_in * taps, pixels * padded * passes);
    if taps > 1 {
        count(work, "block_edges", layer.out_rows * fours * BLOCK * c_in * taps);
    }
    count(work, "block_rows", rows);
    let (term, weight) = match (image, taps > 1, layer.strided) {
        (true, _, false) => ("image_macs", 1.1),
        (true, _, true) => ("strided_image_macs", 1.4),
        (false, true, false) => ("block_macs", 1.0),
        (false, true, true) => ("strided_block_macs", 1.25),
        (false, false, false) => ("pointwise_macs", 0.7),
        (false, false, true) => ("pointwise_macs", 1.0),
    };
    if layers.precision == Precision::F32 {
        weigh(work, "block_macs", weight, macs);
        weigh(work, "block_overhead", 1.0, broadcasts);
        weigh(work, "block_overhead", 0.5, sums);
        weigh(work, "elements", 1.5, pixels * padded);
    } else {
        count(work, term, macs);
        count(work, "block_broadcasts", broadcasts);
        count(work, "block_sums", sums);
        count(work, "block_results", pixels * padded);
    }
    reorders(work, layers, layer, c_in);
}

/// Nodes that bring an image into blocks or out of them.
fn reorders(work: &mut Work, layers: &Layers, layer: &Layer, c_in: usize) {
    let ragged = !layer.c_out.is_multiple_of(BLOCK);
    let plain = |reader: &usize| {
        let reader = &layers.list[*reader];
        match reader.kind {
            Kind::Conv => layer.c_out < BLOCK,
            Kind::Binary | Kind::MaxPool => false,
            _ => true,
        }
    };
    let out = ragged && (layer.c_out < BLOCK || layer.readers.iter().any(plain));
    match layers.precision {
        Precision::F32 if out => {
            count(work, "elements", layer.out_elements);
            count(work, "nodes", 1);
        }
        Precision::F32 => {}
        Precision::I8 => {
            if ragged {
                count(work, "reordered", layer.out_elements);
                count(work, "nodes", 1);
            }
            if c_in >= BLOCK {
                count(work, "reordered", layer.in_elements);
                count(work, "nodes", 1);
            }
        }
    }
}

fn depthwise(work: &mut Work, layers: &Layers, layer: &Layer) {
    let macs = layer.out_elements * layer.taps();
    if layers.precision == Precision::I8 {
        // Rare: it would have to read or make a value that several read. A sum over its taps in blocks.
        count(work, "block_sums", macs);
        return;
    }
    if layer.c_out.is_multiple_of(BLOCK) {
        count(work, "depthwise_macs", macs);
        weigh(work, "block_rows", 2.5, layer.out_rows * layer.c_out / BLOCK * layer.kernel[0]);
    } else {
        weigh(work, "plain_depthwise_macs", if layer.strided { 1.3 } else { 1.0 }, macs);
        count(work, "plain_depthwise_channels", layer.c_out);
        if layer.c_out >= BLOCK {
            count(work, "elements", layer.out_elements);
            count(work, "nodes", 1);
        }
    }
    weigh(work, "elements", 1.5, layer.pixels * layer.c_out.next_multiple_of(BLOCK));
}

fn elementwise(work: &mut Work, precision: Precision, layer: &Layer) {
    let blocked = layer.c_out.is_multiple_of(BLOCK);
    if precision == Precision::F32 {
        // In tenths of a nanosecond an element took in profiles; a sum of blocks is fused into the convolution before it.
        let (weight, elements) = match layer.kind {
            Kind::Binary if blocked => return,
            Kind::MaxPool => (if blocked { 1.0 } else { 4.0 }, layer.out_elements),
            Kind::Mean => (if blocked { 0.2 } else { 10.0 }, layer.in_elements),
            Kind::Dense => (0.3, layer.weights),
            _ => (1.0, layer.out_elements),
        };
        weigh(work, "elements", weight, elements);
        return;
    }
    match layer.kind {
        Kind::MaxPool => count(work, "pooled", layer.out_elements),
        Kind::Mean if !blocked => count(work, "averaged", layer.in_elements),
        Kind::Mean | Kind::Dense | Kind::Softmax => {}
        _ => count(work, "added", layer.out_elements),
    }
}
