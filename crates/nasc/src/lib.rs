//! Compile trained networks to C that fits a microcontroller or a CPU, from Rust.
//!
//! This crate is what programs should depend on: the members of the workspace behind it may be cut differently from one version
//! to the next, the names here stay.
//!
//! ```
//! use nasc::{Options, compile, targets};
//!
//! // A network as text; `nasc::import` reads .tflite, .onnx and .nasc files.
//! let text = "graph @tiny(%x: f32[1, 4]) {
//!   const %w = [1.0, 0.0, -1.0, 0.5, 2.0, 1.0, 0.0, -0.5] : f32[2, 4]
//!   %y = dense %x, %w {act = relu}
//!   return %y
//! }";
//! let graph = nasc::parse(text).expect("well-formed text");
//!
//! // C in memory: nothing is written until you write it.
//! let target = targets::named("cortex-m4").expect("a target");
//! let compiled = compile(&graph, target, &Options::default()).expect("the ops run there");
//! let names: Vec<&str> = compiled.files.iter().map(|file| file.name.as_str()).collect();
//! assert!(names.contains(&"model.h") && names.contains(&"model.c"));
//! // 16 bytes in, 8 bytes out: known before anything is built.
//! assert!(compiled.manifest.arena_bytes >= Some(16));
//!
//! // What the network means, bit for bit, is what the interpreter says.
//! let x = nasc::ir::Tensor::from_f32([1, 4], &[1.0, 2.0, 3.0, 4.0]);
//! assert_eq!(nasc::run(&graph, &[x]).expect("it fits")[0].to_f32(), [0.0, 2.0]);
//! ```
//!
//! - [`ir`]: graphs, types, the op table, the text form. [`formats`]: model files and arrays.
//! - [`interp`]: what every op means. [`passes`]: rewrites, your own among them.
//! - [`targets`]: machines. [`limits`]: what must be met. [`report`]: the manifest and its page.
//! - [`validate`]: an artifact built, run, compared and counted; [`hw`]: units, estimates and the recipes for it.

pub use compile::limits;
pub use compile::{CompileError, Compiled, Figure, Figures, Miss, Options, Planned, compile, plan, verdicts};
pub use formats::{ImportError, ImportOptions, Imported, Rounding, import};
pub use interp::{RunError, run};
pub use {formats, hw, interp, ir, passes, report, targets, validate};

/// A graph from its text. Weights that the text refers to by name have no data: the network is untrained.
///
/// # Errors
/// Everything wrong with the text, each finding on its line.
pub fn parse(text: &str) -> Result<ir::Graph, Vec<ir::Diagnostic>> {
    ir::parse(text, &ir::NoWeights)
}
