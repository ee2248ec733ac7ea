//! A machine as mapping sees it: an array of multipliers and the memories around it.
//!
//! Memories stand in three tiers: one *backing* store that holds everything, *buffers* shared by the array, and memories inside
//! each processing *element*. A tensor lives in at most one memory of a tier; where a tier holds nothing of it, it passes by.
//! Energies are per word of `word_bits`; a machine whose energies are in units of one multiply-accumulate states `mac_energy_pj = 1`.

mod nest;
mod read;
mod shipped;
mod tree;

pub use nest::{DIMS, Dim, Layer, LayerError, Mapping, PerDim, Slice, Tensor};
pub use read::{MachineError, Problem};
pub use shipped::{SHIPPED, shipped, text as shipped_text};

/// Where a memory stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tier {
    /// Holds the whole layer; the outermost memory.
    Backing,
    /// Shared by all elements.
    Buffer,
    /// One in each processing element; its bandwidth is the element's own and never binds.
    Element,
}

/// One memory.
#[derive(Debug, Clone, PartialEq)]
pub struct Memory {
    /// Name in the file and in reports.
    pub name: String,
    /// Where it stands.
    pub tier: Tier,
    /// Which tensors it holds, by [`Tensor`].
    pub holds: [bool; 3],
    /// Which of them a mapping may send past it.
    pub may_bypass: [bool; 3],
    /// Words it can hold for a mapping: half of the file's figure where it is double buffered. `None`: no limit.
    pub capacity_words: Option<u64>,
    /// Energy of reading a word.
    pub read_energy_pj: f64,
    /// Energy of writing a word.
    pub write_energy_pj: f64,
    /// Words read in a cycle; `None`: never binds.
    pub read_words_per_cycle: Option<f64>,
    /// Words written in a cycle; `None`: never binds.
    pub write_words_per_cycle: Option<f64>,
}

/// One side of the array.
#[derive(Debug, Clone, PartialEq)]
pub struct Axis {
    /// Name in the file and in reports.
    pub name: String,
    /// Elements along it.
    pub size: u64,
    /// Which loops may be spread along it, by [`Dim`].
    pub dims: [bool; DIMS],
}

/// A number of a template and where it may lie.
#[derive(Debug, Clone, PartialEq)]
pub struct Parameter {
    /// Name; a key's value refers to it as `"$name"`.
    pub name: String,
    /// Value used here.
    pub value: u64,
    /// Smallest and largest value allowed.
    pub range: [u64; 2],
}

/// What filling a buffer with an input tile reads where a stride leaves gaps; elements take what they use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fetch {
    /// Only the words some multiplier uses.
    Touched,
    /// The dense bounding box.
    Box,
}

/// A machine.
#[derive(Debug, Clone, PartialEq)]
pub struct Machine {
    /// Kebab-case name.
    pub name: String,
    /// One line.
    pub summary: String,
    /// Bits of a word, the same for all tensors and partial sums.
    pub word_bits: u64,
    /// Energy of a multiply-accumulate.
    pub mac_energy_pj: f64,
    /// Clock, where it is known.
    pub clock_mhz: Option<f64>,
    /// Process node, where it is known.
    pub node_nm: Option<f64>,
    /// What an input fetch reads between strides.
    pub input_fetch: Fetch,
    /// One or two sides of the array.
    pub axes: Vec<Axis>,
    /// Every memory, the backing store first.
    pub memories: Vec<Memory>,
    /// The template's numbers as they stand.
    pub parameters: Vec<Parameter>,
    /// `(thing, where its numbers are from)`, as in the file.
    pub sources: Vec<(String, String)>,
}

impl Machine {
    /// Processing elements of the array.
    pub fn elements(&self) -> u64 {
        self.axes.iter().map(|a| a.size).product()
    }

    /// The memory of a tier that holds a tensor: its index among [`Machine::memories`].
    pub fn holder(&self, tier: Tier, tensor: Tensor) -> Option<usize> {
        self.memories.iter().position(|m| m.tier == tier && m.holds[tensor as usize])
    }

    /// Reads a hardware file; `file` names it in errors. `inherits` looks among the shipped machines.
    pub fn parse(text: &str, file: &str) -> Result<Self, MachineError> {
        Self::parse_with(text, file, &[], &|name| shipped::text(name).map(str::to_owned))
    }

    /// Reads a hardware file with template parameters set and a way to find the files it inherits from.
    pub fn parse_with(
        text: &str,
        file: &str,
        set: &[(&str, u64)],
        find: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self, MachineError> {
        read::machine(text, file, set, find)
    }
}
