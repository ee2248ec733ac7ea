//! Ops that are no nests: operations and words, and what they cost.

use super::parts::Piece;
use cost::nest::Cost;
use hw::machine::{Machine, Tensor, Tier};
use ir::{Graph, Value};

/// Work that streams through the machine: each operand read once, each result written once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Words {
    /// Arithmetic, comparisons and look-ups, each counted as one.
    pub operations: u64,
    /// Words read from the backing store.
    pub reads: u64,
    /// Words written to it.
    pub writes: u64,
}

/// Operations an element of a softmax takes: largest, subtract, exponential, sum, divide.
pub(super) const SOFTMAX: u64 = 5;

/// Any op but products and convolutions.
pub(super) fn read(graph: &Graph, value: Value) -> Piece {
    let node = graph.node(value);
    let op = node.op().expect("inputs and constants have no work");
    let elements = |v: Value| graph.ty(v).elements() as u64;
    let operands: u64 = node.operands().iter().flatten().map(|&v| elements(v)).sum();
    let result = elements(value);
    if op.traits.movement {
        return Piece::words(Words { operations: 0, reads: operands.min(result), writes: result });
    }
    let first = node.operands().iter().flatten().next().map_or(result, |&v| elements(v));
    let operations = match op.name {
        "max_pool2d" | "avg_pool2d" => {
            let kernel = node.attrs().ints("kernel").iter().map(|&k| k.unsigned_abs());
            kernel.fold(result, u64::saturating_mul)
        }
        "mean" | "sum" | "reduce_max" => first,
        // Mean, centre, square, its mean, root once a row, scale and shift.
        "layer_norm" => first * 7,
        "batch_norm" | "quantize" | "dequantize" | "requantize" => result * 2,
        "softmax" => result * SOFTMAX,
        "silu" | "sigmoid" | "tanh" | "gelu" | "hard_swish" | "hard_sigmoid" => result * 4,
        _ => result,
    };
    let piece = Piece::words(Words { operations, reads: operands, writes: result });
    if op.name == "custom" {
        return piece.noting("what it computes is unknown: one operation an element is counted");
    }
    piece
}

/// What streaming work costs: `(energy and cycles, what binds)`.
///
/// The vector unit does the operations, where there is none the scalar unit, and where that is not described either the array, one
/// an element and cycle at the energy of a multiply-accumulate. Words pass through the buffers that hold inputs and outputs, once in
/// and once out; latency is the longest of arithmetic and ports.
pub fn stream(machine: &Machine, words: &Words) -> (Cost, String) {
    let (unit, rate, each) = arithmetic(machine);
    let mut energy_pj = words.operations as f64 * each;
    let mut longest = (words.operations as f64 / rate, unit.to_owned());
    let mut port = |name: &str, direction: &str, amount: f64, width: Option<f64>| {
        let cycles = width.map_or(0.0, |width| amount / width);
        if cycles > longest.0 {
            longest = (cycles, format!("{name} {direction}"));
        }
    };
    for memory in machine.memories.iter().filter(|m| m.tier != Tier::Element) {
        let (mut reads, mut writes) = (0, 0);
        // Backing store: operands out, results in. A buffer on the way: each of them in and out again.
        for (tensor, amount) in [(Tensor::Input, words.reads), (Tensor::Output, words.writes)] {
            if !memory.holds[tensor as usize] {
                continue;
            }
            let (out, back) = match (memory.tier, tensor) {
                (Tier::Backing, Tensor::Input) => (amount, 0),
                (Tier::Backing, _) => (0, amount),
                _ => (amount, amount),
            };
            reads += out;
            writes += back;
        }
        energy_pj += reads as f64 * memory.read_energy_pj + writes as f64 * memory.write_energy_pj;
        port(&memory.name, "read", reads as f64, memory.read_words_per_cycle);
        port(&memory.name, "write", writes as f64, memory.write_words_per_cycle);
    }
    (Cost { energy_pj, cycles: longest.0.ceil().max(1.0) }, longest.1)
}

/// `(what does elementwise work, operations a cycle, energy of one)`.
pub(crate) fn arithmetic(machine: &Machine) -> (&'static str, f64, f64) {
    let compute = &machine.compute;
    let units = [
        ("vector unit", compute.vector_ops_per_cycle, compute.vector_op_energy_pj),
        ("scalar unit", compute.scalar_ops_per_cycle, compute.scalar_op_energy_pj),
    ];
    let described = units.into_iter().find_map(|(unit, rate, energy)| Some((unit, rate?, energy)));
    let (unit, rate, energy) = described.unwrap_or(("compute", machine.elements() as f64, None));
    (unit, rate, energy.unwrap_or(machine.mac_energy_pj))
}
