//! A machine as mapping sees it: an array of multipliers and the memories around it.
//!
//! Memories stand in three tiers: one *backing* store that holds everything, *buffers* shared by the array, and memories inside
//! each processing *element*. A tensor lives in at most one memory of a tier; where a tier holds nothing of it, it passes by.
//! A file may describe a deeper tree: [`Machine::tree`] has all of it, [`Machine::memories`] the three tiers mapping sees.
//! Energies are per word of `word_bits`; a machine whose energies are in units of one multiply-accumulate states `mac_energy_pj = 1`.

mod describe;
mod error;
mod hierarchy;
mod nest;
mod read;
mod schema;
mod shipped;
mod table;
mod tree;
mod view;

pub use describe::{
    Compression, Compute, Fact, Kind, Level, Network, Ports, Precision, Published, Scheme, StructuredSparsity,
};
pub use error::{MachineError, Problem};
pub use nest::{DIMS, Dim, Layer, LayerError, Mapping, PerDim, Slice, Tensor};
pub use shipped::{SHIPPED, shipped, text as shipped_text};
pub use view::{BufferError, View, ViewError};

use std::sync::Arc;

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
    /// Whether half of the file's capacity is kept for the next tiles.
    pub double_buffered: bool,
    /// What it is made of, where the file says.
    pub kind: Option<Kind>,
    /// Bits of one of *its* words: the machine's unless given. Capacity, energy and bandwidth count these words; a memory of 32-bit
    /// sums in an 8-bit machine has one a sum.
    pub word_bits: u64,
    /// Words moved by one access at least.
    pub block_words: u64,
    /// Its ports, where the file says. The nest model takes reads and writes as separate ports: where only `read_write` ports
    /// exist its time can be short by half.
    pub ports: Option<Ports>,
    /// How words are packed in it; the nest model does not know.
    pub compression: Option<Compression>,
    /// Leakage, part of [`Machine::static_mw`] where both are given.
    pub leakage_mw: Option<f64>,
    /// Silicon area.
    pub area_mm2: Option<f64>,
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
    /// Supply voltage, where it is known.
    pub voltage_v: Option<f64>,
    /// What an input fetch reads between strides.
    pub input_fetch: Fetch,
    /// What the array does beside its multiplications.
    pub compute: Compute,
    /// Operand widths with their rates; empty where the array only multiplies pairs of `word_bits`, one a cycle and element.
    pub precisions: Vec<Precision>,
    /// One or two sides of the array.
    pub axes: Vec<Axis>,
    /// The way from buffers to elements, where the file says.
    pub network: Option<Network>,
    /// The memories mapping places tiles in, the backing store first.
    ///
    /// A memory of the file without `tier` is not among them: words cross it on their way and nothing is reused in it. Its read and
    /// write energy is added to every access of the mapped memory it lies inside; of its lesser bandwidth three quarters limit that
    /// memory's reads and a quarter its writes. The real machine can be run so: what a mapping costs here it can be had for there.
    pub memories: Vec<Memory>,
    /// Every memory of the file, the mapped ones in the order of `memories`, then those only crossed.
    pub tree: Vec<Level>,
    /// Power drawn whatever runs, leakage of all memories included.
    pub static_mw: Option<f64>,
    /// What was published of the machine as built.
    pub published: Option<Published>,
    /// The template's numbers as they stand.
    pub parameters: Vec<Parameter>,
    /// `(thing, where its numbers are from)`, as in the file.
    pub sources: Vec<(String, String)>,
    /// Every number of the file and what it rests on, table by table.
    pub facts: Vec<Fact>,
    template: Template,
}

/// A file with all it inherits, from which a machine is made again with other parameters.
#[derive(Debug, Clone, PartialEq)]
struct Template(Arc<tree::Item>);

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
        let mut seen = Vec::new();
        let root = read::whole(tree::parse(text, file)?, find, &mut seen)?;
        read::machine(&Template(Arc::new(root)), set)
    }

    /// The machine of the same file with parameters set; the others stay as they are.
    ///
    /// It is read anew: changes made to public fields are not in it.
    pub fn with(&self, set: &[(&str, u64)]) -> Result<Self, MachineError> {
        let kept = self.parameters.iter().filter(|p| set.iter().all(|(name, _)| *name != p.name));
        let all: Vec<(&str, u64)> =
            kept.map(|p| (p.name.as_str(), p.value)).chain(set.iter().copied()).collect();
        read::machine(&self.template, &all)
    }
}
