//! TFLite: the file format, import into the graph and export from it.

mod export;
mod file;
mod import;
#[cfg(test)]
mod mutations;
#[cfg(test)]
mod refusals;
pub mod schema;
mod table;
mod wire;
mod writer;

pub use export::export;
pub use file::{looks_like, read, write};
pub use import::{coverage, import};
pub use table::Tables;
pub use wire::{MEMORY_FACTOR, MEMORY_SLACK, Problem, WireError};
