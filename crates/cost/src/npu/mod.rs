//! Cycles of an int8 network on an Ethos-U55: a block-based engine with one shared buffer, weights from flash, activations in SRAM.
//!
//! The engine computes its output block by block. A block's time is the larger of what its multipliers, its output path and its
//! commands take; a layer's is that of its blocks or what a memory port takes ([`cycles`]). The block is the one that fits the shared
//! buffer and fetches least ([`block`]). Weights come entropy-coded; their size is told by their own entropy ([`weights`]). Structure
//! and constants are those of the vendor's open compiler, Vela 5.2 (Apache-2.0): what it estimates is what this is judged by, and both
//! are estimates.
//!
//! [`estimate`] times a graph as imported, before passes.

pub mod block;
mod config;
pub mod cycles;
mod layer;
mod network;
pub mod weights;

pub use config::{Config, ConfigError};
pub use layer::{Kind, Layer, Unsupported};
pub use network::{Binds, LayerCycles, NetworkCycles, NpuError, estimate};
