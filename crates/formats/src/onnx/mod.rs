//! ONNX: the file format, import into the graph and export from it.

mod export;
mod fold;
mod import;
#[cfg(test)]
mod mutations;
#[allow(unreachable_pub, missing_docs, clippy::all, reason = "generated")]
mod proto;
#[cfg(test)]
mod refusals;
mod tensor;
mod wire;

pub use export::export;
pub use import::{OPSETS, coverage, import, looks_like};
pub use wire::{MEMORY_FACTOR, MEMORY_SLACK, Problem, WireError};
