//! What no mapping of a layer can do better than, in closed form.

use crate::nest::{Fix, Objective, Options, SearchError, search};
use hw::machine::{DIMS, Dim, Layer, Machine, Tensor, Tier};
use std::time::Duration;

/// A lower bound of a layer's cost on a machine.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LayerBound {
    /// No mapping is faster.
    pub cycles: f64,
    /// No mapping takes less energy.
    pub energy_pj: f64,
}

/// Sums of millions of terms are rounded differently by whoever adds them.
const ROUNDING: f64 = 1.0 - 1e-9;

/// Bounds a layer on a machine.
///
/// Each weight, each input word some multiplier uses and each result crosses the backing store's ports at least once, and every
/// buffer that holds it and cannot be passed by, in and out. An axis is no longer than the loops it takes together, so that steps are
/// at least the work over the elements that can take part. Every multiply-accumulate reads its operands from the elements' memories
/// that hold them, and reads and writes its sum.
pub fn layer_bound(machine: &Machine, layer: &Layer) -> LayerBound {
    let macs = layer.macs() as f64;
    let words = words(layer);
    let mut cycles = (macs / usable(machine, layer)).ceil();
    let mut energy_pj = macs * machine.mac_energy_pj;
    for memory in &machine.memories {
        let (mut reads, mut writes) = (0.0, 0.0);
        for tensor in Tensor::ALL {
            let t = tensor as usize;
            if !memory.holds[t] || memory.may_bypass[t] {
                continue;
            }
            let output = tensor == Tensor::Output;
            let (read, written) = match memory.tier {
                Tier::Backing if output => (0.0, words[t]),
                Tier::Backing => (words[t], 0.0),
                Tier::Buffer => (words[t], words[t]),
                Tier::Element if output => (macs, macs),
                Tier::Element => (macs, words[t]),
            };
            reads += read;
            writes += written;
        }
        energy_pj += reads * memory.read_energy_pj + writes * memory.write_energy_pj;
        if memory.tier != Tier::Element {
            cycles = cycles.max(reads / memory.read_words_per_cycle.unwrap_or(f64::INFINITY));
            cycles = cycles.max(writes / memory.write_words_per_cycle.unwrap_or(f64::INFINITY));
        }
    }
    LayerBound { cycles: (cycles * ROUNDING).ceil(), energy_pj: energy_pj * ROUNDING }
}

/// Raises a bound by what two short searches leave open, for latency and for energy; `None` where the layer cannot run.
///
/// A search that is given no time opens a few choices, the best first, and says how far below its result the optimum could lie.
pub(super) fn tightened(
    machine: &Machine,
    layer: &Layer,
    fix: &Fix,
    bound: LayerBound,
) -> Result<LayerBound, SearchError> {
    let least = |objective: Objective| {
        let options = Options { time: Some(Duration::ZERO), fix: fix.clone(), ..Options::new(objective) };
        match search(machine, layer, &options) {
            Ok(found) => Ok(Some((found.points[0].cost, 1.0 - found.gap))),
            // Nothing was found yet: nothing is known.
            Err(SearchError::Time) => Ok(None),
            Err(error) => Err(error),
        }
    };
    let cycles = least(Objective::Latency)?.map_or(0.0, |(cost, part)| cost.cycles * part);
    let energy_pj = least(Objective::Energy)?.map_or(0.0, |(cost, part)| cost.energy_pj * part);
    Ok(LayerBound {
        cycles: bound.cycles.max((cycles * ROUNDING).ceil()),
        energy_pj: bound.energy_pj.max(energy_pj * ROUNDING),
    })
}

/// Elements that can be at work in one step.
fn usable(machine: &Machine, layer: &Layer) -> f64 {
    let along = |axis: &hw::machine::Axis| {
        let loops = (0..DIMS).filter(|&d| axis.dims[d]).map(|d| layer.size[d] as f64);
        loops.product::<f64>().min(axis.size as f64)
    };
    machine.axes.iter().map(along).product()
}

/// Different words of each tensor, by [`Tensor`]; of the input those some multiplier uses.
fn words(layer: &Layer) -> [f64; 3] {
    let size = |d: Dim| layer.size[d as usize] as f64;
    let side = |out: Dim, kernel: Dim| {
        (size(out) - 1.0) * layer.stride.min(layer.size[kernel as usize]) as f64 + size(kernel)
    };
    let weight = [Dim::G, Dim::K, Dim::C, Dim::R, Dim::S].map(size).iter().product();
    let input = size(Dim::N) * size(Dim::G) * size(Dim::C) * side(Dim::P, Dim::R) * side(Dim::Q, Dim::S);
    let output = [Dim::N, Dim::G, Dim::K, Dim::P, Dim::Q].map(size).iter().product();
    [weight, input, output]
}
