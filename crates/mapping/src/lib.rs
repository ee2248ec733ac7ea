//! Memory planning and mapping search: in which order a program's steps run, and where in one arena every buffer lies.
//!
//! - [`exchange`]: workloads of Timeloop and ZigZag in, mappings in Timeloop's form out.
//! - [`graph`]: which results of a network stay on chip, which layers run depth first, which engine runs what.
//! - [`memory`]: offsets of buffers with lifetimes and permitted overlaps, to the proven optimum or a stated gap.
//! - [`nest`]: how one layer's loops are tiled, ordered and placed on an array, to the proven optimum.
//! - [`network`]: many layers at once, and the layers a graph consists of.
//! - [`order`]: the order of steps that lets the arena be smallest, then the offsets.
//! - [`sweep`]: settings of a machine template that no other beats in latency, energy and area.
//!
//! Works on the plain numbers of [`hw::memory`]; it knows no graph, no op and no target. `nasc-check` replays its
//! plans and shares no code with it.

pub mod exchange;
pub mod graph;
pub mod memory;
pub mod nest;
pub mod network;
pub mod order;
pub mod sweep;
