//! One self-contained page about mapped layers: a table, a roofline, and each layer's nest as a picture.

mod page;
mod picture;
mod roofline;

pub use page::page;

/// Layers mapped to a machine.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Nests {
    /// Name of the machine.
    pub hardware: String,
    /// What it is, a line.
    pub summary: String,
    /// What was minimised.
    pub objective: String,
    /// Unit of all energies.
    pub energy_unit: String,
    /// Multiply-accumulates a cycle at most.
    pub peak: f64,
    /// Name of the backing store, and words a cycle through all its ports; `None` where they never bind.
    pub backing: (String, Option<f64>),
    /// In the order of the input.
    pub layers: Vec<Nest>,
}

/// One mapped layer.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Nest {
    /// Network and layer.
    pub name: String,
    /// How often the network has it.
    pub count: u64,
    /// Multiply-accumulates of one.
    pub macs: u64,
    /// Cycles of one.
    pub cycles: u64,
    /// Energy of one.
    pub energy: f64,
    /// Part of the array's multiply-accumulates that are used.
    pub utilisation: f64,
    /// The resource that is busy longest.
    pub binds: String,
    /// `proven`, or the gap.
    pub optimum: String,
    /// Words through the backing store.
    pub backing_words: f64,
    /// The nest, a line a loop or memory, outermost first, indented by two blanks a level.
    pub text: String,
    /// The memories by the names the text has them under.
    pub memories: Vec<NestMemory>,
}

/// A memory and what a mapping keeps in it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct NestMemory {
    /// Name.
    pub name: String,
    /// Words it can hold, where it has a limit.
    pub capacity: Option<u64>,
    /// Energy spent in it.
    pub energy: f64,
    /// What it holds.
    pub tiles: Vec<NestTile>,
}

/// A tensor's tile in a memory.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct NestTile {
    /// `weight`, `input` or `output`.
    pub tensor: String,
    /// Words of the tile.
    pub words: u64,
    /// Reads and writes of it over the whole layer, for each different word of the tensor.
    pub accesses_per_word: f64,
}

#[cfg(test)]
mod tests;
