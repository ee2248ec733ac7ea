//! What a hardware file says beyond the three tiers that mapping searches: precisions, options, network, power, the memory tree,
//! and where every number is from.

use super::Memory;

/// What an array does beside multiplying and adding one pair of words a cycle.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Compute {
    /// Cycles every op costs before its first step: configuration, a call, a kernel launch.
    pub op_overhead_cycles: f64,
    /// Elementwise operations a cycle of the vector unit; `None`: there is none.
    pub vector_ops_per_cycle: Option<f64>,
    /// Energy of one of them.
    pub vector_op_energy_pj: Option<f64>,
    /// Operations a cycle of the scalar unit; `None`: there is none.
    pub scalar_ops_per_cycle: Option<f64>,
    /// Energy of one of them.
    pub scalar_op_energy_pj: Option<f64>,
    /// Whether a zero operand saves the energy of its multiplication (no time).
    pub zero_gating: bool,
    /// Whether a zero operand takes no cycle.
    pub zero_skipping: bool,
    /// Patterns of structured sparsity the array runs faster.
    pub structured_sparsity: Vec<StructuredSparsity>,
    /// Bits of a partial sum; `None`: the machine's `word_bits`.
    pub partial_sum_bits: Option<u64>,
}

/// At most `nonzero` of each `group` neighbouring weights are not zero.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StructuredSparsity {
    /// Nonzero weights of a group at most.
    pub nonzero: u64,
    /// Neighbours along the input channels.
    pub group: u64,
    /// How many times faster the array runs.
    pub speedup: f64,
}

/// A pair of operand widths the array multiplies.
#[derive(Debug, Clone, PartialEq)]
pub struct Precision {
    /// Name in the file, such as `8x8`: input by weight.
    pub name: String,
    /// Bits of an input.
    pub input_bits: u64,
    /// Bits of a weight.
    pub weight_bits: u64,
    /// Whether the operands are floating-point numbers.
    pub float: bool,
    /// Multiply-accumulates a cycle of *one element* of the array.
    pub macs_per_cycle: f64,
    /// Energy of one; `None`: the machine's `mac_energy_pj`.
    pub mac_energy_pj: Option<f64>,
    /// Bits of a partial sum; `None`: [`Compute::partial_sum_bits`].
    pub partial_sum_bits: Option<u64>,
}

/// The network between the buffers and the elements.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Network {
    /// Whether a word read once reaches all elements that use it.
    pub multicast: bool,
    /// Whether partial sums of several elements are added on their way, for one write.
    pub reduction: bool,
    /// Energy of a word's way from one element to the next.
    pub hop_energy_pj_per_word: f64,
}

/// What a memory is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Flip-flops or latches.
    Register,
    /// Static memory addressed by software.
    Sram,
    /// Static memory filled by tag.
    Cache,
    /// Dynamic memory, on another die.
    Dram,
    /// Non-volatile memory, read only while running.
    Flash,
}

/// Ways into a memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ports {
    /// Ports that only read.
    pub read: u64,
    /// Ports that only write.
    pub write: u64,
    /// Ports that do either, one a cycle: reads and writes share their bandwidth.
    pub read_write: u64,
}

/// How words are packed in a memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Compression {
    /// The scheme.
    pub scheme: Scheme,
    /// Which tensors are packed, by [`super::Tensor`].
    pub tensors: [bool; 3],
    /// Bits of a run length; 0 for [`Scheme::Bitmask`] and [`Scheme::Entropy`].
    pub run_bits: u64,
}

/// A compression scheme.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// Runs of zeros, each with the value that ends it.
    RunLength,
    /// A bit a word, and the words that are not zero.
    Bitmask,
    /// An entropy code; its ratio depends on the values.
    Entropy,
}

/// A memory of the tree.
#[derive(Debug, Clone, PartialEq)]
pub struct Level {
    /// The memory as the file has it.
    pub memory: Memory,
    /// The memory outside it, by index; `None` for the root.
    pub parent: Option<usize>,
    /// Whether mapping places tiles in it. Where not, words only cross it: see [`super::Machine::memories`].
    pub mapped: bool,
}

/// What was published of the machine as built; checks of a model, never its input.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Published {
    /// Silicon area.
    pub area_mm2: Option<f64>,
    /// Node of that area where it is not the machine's.
    pub node_nm: Option<f64>,
    /// Operations a second at most, two a multiply-accumulate, in units of 1e12.
    pub peak_tops: Option<f64>,
    /// Power at work.
    pub power_mw: Option<f64>,
}

/// A number (or yes and no) of the file and what it rests on.
#[derive(Debug, Clone, PartialEq)]
pub struct Fact {
    /// The table: `machine`, `compute`, or the name of an axis, memory, precision or parameter.
    pub item: String,
    /// The key.
    pub key: String,
    /// Its value as text, parameters put in.
    pub value: String,
    /// The source stated in the file that states the value; `None` where that file states none.
    pub source: Option<String>,
    /// Whether the value is assumed: its table's `assumed` names the key, or its source begins with `assumed`.
    pub assumed: bool,
}
