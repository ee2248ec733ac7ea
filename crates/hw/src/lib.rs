//! Units, estimates and what a target is capable of.
//!
//! The bottom of the workspace: plain data that every layer speaks. It knows no graph, no search and no file.

mod capabilities;
mod estimate;
pub mod machine;
pub mod memory;
pub mod recipe;
pub mod schedule;
mod units;

pub use capabilities::Capabilities;
pub use estimate::{Estimate, Origin};
pub use units::{Bytes, Cycles, Instructions, Macs, Picojoules, Seconds};

#[cfg(doctest)]
#[doc = include_str!("../../../docs/describe-hardware.md")]
struct DescribeHardware;
