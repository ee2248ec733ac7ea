//! ONNX: the file format, import into the graph and export from it.

#[allow(unreachable_pub, missing_docs, clippy::all, reason = "generated")]
mod proto;
mod wire;

pub use wire::{MEMORY_FACTOR, MEMORY_SLACK, Problem, WireError};
