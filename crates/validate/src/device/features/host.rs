//! Host code: the portable C kernels behind a compiler that vectorizes only what it is sure of.
//!
//! Each result is a chain of its own over taps and input channels. In float the order of a sum is fixed, so that a long chain
//! costs the adder's latency and short ones overlap within the core's window of instructions; 8-bit sums are vectorized where
//! the input channels of a tap are a multiple of 8 or 16. Taps outside the image cost a branch. Source: the target `host-c`.

use super::layer::{Kind, Layer, Layers};
use super::{Work, count};
use crate::device::sample::Precision;

pub(super) const FLOAT: &[&str] = &[
    "macs",
    "chained_macs",
    "taps",
    "left_loops",
    "single_taps",
    "depthwise_taps",
    "outside_taps",
    "kernel_rows",
    "results",
    "depthwise_results",
    "elements",
];

pub(super) const INTEGER: &[&str] = &[
    "macs_by_16",
    "macs_by_8",
    "macs_by_4",
    "macs",
    "taps_by_16",
    "taps_by_8",
    "taps_by_4",
    "single_taps",
    "depthwise_taps",
    "tried_taps",
    "kernel_rows",
    "results",
    "depthwise_results",
    "added",
    "pooled",
    "elements",
];

/// Multiply-adds the core looks ahead over: a fifth of 320 instructions at two each would overlap fully.
const WINDOW: f64 = 160.0;
/// Trips of a loop whose end the branch predictor still foresees.
const FORESEEN: usize = 32;

pub(super) fn work(layers: &Layers) -> Work {
    let mut work = Work::new();
    for layer in &layers.list {
        match layer.kind {
            Kind::Conv | Kind::Depthwise | Kind::Dense => product(&mut work, layer, layers.precision),
            Kind::Binary if layers.precision == Precision::I8 => {
                count(&mut work, "added", layer.out_elements)
            }
            Kind::MaxPool if layers.precision == Precision::I8 => {
                count(&mut work, "pooled", layer.out_elements)
            }
            Kind::Reshape => {}
            Kind::Mean => count(&mut work, "elements", layer.in_elements),
            _ => count(&mut work, "elements", layer.out_elements),
        }
    }
    work
}

fn product(work: &mut Work, layer: &Layer, precision: Precision) {
    let taps = layer.inside * layer.c_out;
    let tried = layer.out_elements * layer.taps();
    let depthwise = layer.kind == Kind::Depthwise;
    count(work, if depthwise { "depthwise_results" } else { "results" }, layer.out_elements);
    if layer.taps() > 1 {
        count(work, "tried_taps", tried);
        count(work, "outside_taps", tried - taps);
        count(work, "kernel_rows", layer.out_elements * layer.kernel[0]);
    }
    if layer.c_in == 1 {
        count(work, if depthwise { "depthwise_taps" } else { "single_taps" }, taps);
        return;
    }
    let macs = taps * layer.c_in;
    if precision == Precision::I8 {
        let terms = match layer.c_in {
            c if c % 16 == 0 => ["macs_by_16", "taps_by_16"],
            c if c % 8 == 0 => ["macs_by_8", "taps_by_8"],
            c if c % 4 == 0 => ["macs_by_4", "taps_by_4"],
            _ => ["macs", "taps"],
        };
        count(work, terms[0], macs);
        count(work, terms[1], taps);
        return;
    }
    count(work, "macs", macs);
    count(work, "taps", taps);
    let chain = (layer.c_in * layer.taps()) as f64;
    super::weigh(work, "chained_macs", chain / (chain + WINDOW), macs);
    if layer.c_in > FORESEEN {
        count(work, "left_loops", taps);
    }
}
