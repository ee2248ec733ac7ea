//! Memory planning and mapping search.

pub mod memory;
