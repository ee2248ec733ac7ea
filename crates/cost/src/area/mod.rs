//! What a machine takes in silicon, from its components.
//!
//! [`estimate()`] counts a machine's arithmetic cells, registers and memories and prices them at its node: cells by a synthesised array
//! ([`mod@array`]), memories by CACTI ([`sram`]), what stands around both by a published engine in seven sizes ([`engine`]), nodes by
//! one curve ([`node`]). Every fit tells how well it predicts rows it has not seen.

pub mod array;
pub mod engine;
mod estimate;
pub mod fit;
pub mod node;
pub mod sram;
mod table;

pub use estimate::{AreaReport, estimate};
