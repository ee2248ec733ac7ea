//! What `manifest.json` holds: everything known about one compiled artifact.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The number of this layout of keys; it grows when a key changes its meaning, not when one is added.
pub const FORMAT: u32 = 1;

/// One compiled artifact. Keys are stable; a figure nobody obtained is `null`, never 0.
///
/// `origin` says of each figure whether it was `measured`, `modelled` or `predicted`; `method` by what.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Manifest {
    /// Layout of the keys; see [`FORMAT`].
    pub format: u32,
    /// Program and version that wrote it.
    pub generator: String,
    /// The network's name.
    pub model: String,
    /// SHA-256 of the model file, hexadecimal; empty where the model was no file.
    pub model_sha256: String,
    /// The target's name.
    pub target: String,
    /// What every C name begins with.
    pub prefix: String,
    /// The pass pipeline that was applied, as text.
    pub passes: String,
    /// Rounding profile of the integer ops.
    pub rounding: String,
    /// Files of the artifact, relative to its folder.
    pub files: Vec<String>,
    /// Interface, in order.
    pub inputs: Vec<Port>,
    /// Interface, in order.
    pub outputs: Vec<Port>,
    /// Multiply-accumulates of one inference.
    pub macs: u64,
    /// Elements of all constants.
    pub params: u64,
    /// Bytes of the arena: every activation and all scratch.
    pub arena_bytes: Option<u64>,
    /// Bytes of writable static data besides the arena.
    pub static_bytes: Option<u64>,
    /// High-water mark of the stack.
    pub stack_bytes: Option<u64>,
    /// Bytes of machine code.
    pub code_bytes: Option<u64>,
    /// Bytes of read-only data.
    pub const_bytes: Option<u64>,
    /// Executed instructions of one inference.
    pub instructions: Option<u64>,
    /// Clock cycles of one inference.
    pub cycles: Option<u64>,
    /// Output elements that were compared with the reference.
    pub compared: Option<u64>,
    /// Of those, how many differ.
    pub mismatches: Option<u64>,
    /// The first output element that differs.
    pub first_mismatch: Option<Mismatch>,
    /// How each figure was obtained, by its key: `measured`, `modelled` or `predicted`.
    pub origin: BTreeMap<String, String>,
    /// By what means, by the same keys where there is more to say: `QEMU plugin`.
    pub method: BTreeMap<String, String>,
    /// Lower and upper end of figures that are not exact, by key.
    pub interval: BTreeMap<String, [f64; 2]>,
    /// What executed it: `QEMU mps2-an386`.
    pub board: String,
    /// The compiler and the flags that matter.
    pub build: String,
    /// One per op, in order of execution.
    pub layers: Vec<Layer>,
    /// Where everything lies in the arena.
    pub memory: Memory,
    /// Limits that were asked for.
    pub limits: Vec<Limit>,
    /// Decisions of the import the user should know.
    pub notices: Vec<String>,
    /// What could not be checked on this machine, and why.
    pub unchecked: Vec<String>,
}

/// One input or output.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Port {
    /// Its name in the model.
    pub name: String,
    /// Its C name, a pointer to `c_type`.
    pub symbol: String,
    /// The element's C type.
    pub c_type: String,
    /// The element, as `.nasc` writes it.
    pub element: String,
    /// Extents in the order they lie in memory.
    pub shape: Vec<usize>,
    /// Meaning of the axes in memory: `NHWC`.
    pub layout: String,
    /// `real = scale * (stored - zero_point)`, where quantized.
    pub scale: Option<f64>,
    /// See `scale`.
    pub zero_point: Option<i64>,
    /// Size.
    pub bytes: u64,
}

/// One op or fused group.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Layer {
    /// Its name, unique in the artifact.
    pub name: String,
    /// The op or ops: `conv2d`.
    pub op: String,
    /// What is special about it: `3x3, stride 2, relu`.
    pub detail: String,
    /// Names of the layers and inputs it reads.
    pub inputs: Vec<String>,
    /// Extents of its result.
    pub shape: Vec<usize>,
    /// Label of the graph's node it computes, or helps to compute; the graph is in `reference.nasc`.
    pub node: String,
    /// Whether its result is that of the node, and not something on the way to it.
    pub last: bool,
    /// Element of its result, as `.nasc` writes it.
    pub element: String,
    /// Logical axes of its result from the outermost in memory to the innermost.
    pub axes: Vec<usize>,
    /// The C function.
    pub kernel: String,
    /// Multiply-accumulates.
    pub macs: u64,
    /// Executed instructions.
    pub instructions: Option<u64>,
    /// The target's model of them.
    pub modelled_instructions: Option<u64>,
    /// Read-only bytes of its own.
    pub const_bytes: u64,
    /// Bytes of the arena in use while it runs.
    pub live_bytes: u64,
    /// Of those, its scratch.
    pub scratch_bytes: u64,
}

/// The arena over time.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Memory {
    /// No plan of this order is smaller than this.
    pub lower_bound: u64,
    /// Whether the plan is proven to be the smallest.
    pub proven: bool,
    /// Index of the layer that sets the size.
    pub peak_layer: Option<usize>,
    /// Everything placed.
    pub buffers: Vec<Buffer>,
}

/// One block of the arena.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Buffer {
    /// The value it holds, or whose scratch it is.
    pub name: String,
    /// `input`, `output`, `activation` or `scratch`.
    pub kind: String,
    /// First byte in the arena.
    pub offset: u64,
    /// Size.
    pub bytes: u64,
    /// First layer during which it is live.
    pub from: usize,
    /// First layer during which it is no longer live.
    pub to: usize,
}

/// A limit and what became of it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Limit {
    /// `sram`, `flash`, ...
    pub name: String,
    /// The most that is allowed.
    pub at_most: f64,
    /// What there is.
    pub found: Option<f64>,
    /// Unit of both.
    pub unit: String,
    /// Whether it holds; `None` where it could not be judged.
    pub met: Option<bool>,
}

/// One output element that is not what was expected.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Mismatch {
    /// Which run.
    pub run: u64,
    /// The output's C name.
    pub output: String,
    /// Index of the element.
    pub index: u64,
    /// What the artifact gave.
    pub found: f64,
    /// What it should have given.
    pub expected: f64,
}

impl Manifest {
    /// Code and constants.
    pub fn flash_bytes(&self) -> Option<u64> {
        Some(self.code_bytes? + self.const_bytes?)
    }

    /// The arena and other static data.
    pub fn sram_bytes(&self) -> Option<u64> {
        Some(self.arena_bytes? + self.static_bytes.unwrap_or(0))
    }

    /// Whether every compared output equals the reference; `None` where nothing was compared.
    pub fn exact(&self) -> Option<bool> {
        (self.compared? > 0).then(|| self.mismatches == Some(0))
    }

    /// How the figure with this key was obtained; `unknown` where nobody says.
    pub fn origin_of(&self, key: &str) -> &str {
        self.origin.get(key).map_or("unknown", String::as_str)
    }

    /// As [`Manifest::origin_of`], with the method where it is known: `measured: QEMU plugin`.
    pub fn provenance(&self, key: &str) -> String {
        match self.method.get(key) {
            Some(method) => format!("{}: {method}", self.origin_of(key)),
            None => self.origin_of(key).to_owned(),
        }
    }

    /// Instructions of a layer, measured before modelled, and whether they are measured.
    pub fn layer_instructions(layer: &Layer) -> Option<(u64, bool)> {
        layer.instructions.map(|n| (n, true)).or(layer.modelled_instructions.map(|n| (n, false)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manifest_with_fewer_keys_reads_and_the_missing_figures_are_unknown() {
        let manifest: Manifest =
            serde_json::from_str(r#"{"model": "m", "arena_bytes": 16000}"#).expect("every key is optional");
        assert_eq!((manifest.sram_bytes(), manifest.flash_bytes()), (Some(16000), None));
        assert_eq!((manifest.exact(), manifest.origin_of("arena_bytes")), (None, "unknown"));
    }

    #[test]
    fn nothing_compared_is_not_exact() {
        let manifest = Manifest { compared: Some(0), mismatches: Some(0), ..Manifest::default() };
        assert_eq!(manifest.exact(), None);
    }
}
