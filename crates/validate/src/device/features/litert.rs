//! LiteRT: XNNPACK's micro-kernels on a core with 512-bit vectors.
//!
//! A convolution is an (indirect) matrix product in tiles of 7 pixels by 16 channels, each tile a chain over taps and input
//! channels, 8-bit ones in groups of 8; a depthwise convolution goes over groups of 16 channels. A ragged tile costs a whole one.
//! Source: XNNPACK, `src/f32-igemm/gen/f32-igemm-7x16-minmax-avx512f-broadcast.c`, `src/configs/gemm-config.c`,
//! `src/configs/dwconv-config.c`.

use super::layer::{Kind, Layers};
use super::{Work, count};
use crate::device::sample::Precision;

pub(super) const TERMS: &[&str] = &[
    "tile_steps",
    "tile_taps",
    "tiles",
    "padded_macs",
    "packed_weights",
    "convolutions",
    "depthwise_macs",
    "depthwise_groups",
    "depthwise_pixels",
    "depthwise_layers",
    "added",
    "pooled",
    "averaged",
    "dense_macs",
    "other_layers",
];

/// Pixels and channels of a tile.
const TILE: [usize; 2] = [7, 16];

pub(super) fn work(layers: &Layers) -> Work {
    let mut work = Work::new();
    let group = if layers.precision == Precision::I8 { 8 } else { 1 };
    let mut add = |term, amount| count(&mut work, term, amount);
    for layer in &layers.list {
        let channels = layer.c_out.div_ceil(TILE[1]);
        match layer.kind {
            Kind::Conv => {
                let chain = layer.c_in.next_multiple_of(group) * layer.taps();
                let tiles = layer.pixels.div_ceil(TILE[0]) * channels;
                add("tile_steps", tiles * chain);
                add("tile_taps", tiles * layer.taps());
                add("tiles", tiles);
                add("padded_macs", layer.pixels * channels * TILE[1] * chain);
                add("packed_weights", channels * TILE[1] * chain);
                add("convolutions", 1);
            }
            Kind::Depthwise => {
                add("depthwise_macs", layer.pixels * channels * TILE[1] * layer.taps());
                add("depthwise_groups", layer.pixels * channels);
                add("depthwise_pixels", layer.pixels);
                add("depthwise_layers", 1);
            }
            Kind::Dense => {
                add("dense_macs", layer.weights * layer.pixels);
                add("other_layers", 1);
            }
            Kind::MaxPool => {
                add("pooled", layer.out_elements);
                add("other_layers", 1);
            }
            Kind::Mean => {
                add("averaged", layer.in_elements);
                add("other_layers", 1);
            }
            Kind::Binary | Kind::Other | Kind::Softmax => {
                add("added", layer.out_elements);
                add("other_layers", 1);
            }
            Kind::Reshape => add("other_layers", 1),
        }
    }
    work
}
