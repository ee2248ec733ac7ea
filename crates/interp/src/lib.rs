//! What every op means: one plain kernel each, exact integers.

pub mod fixed;
pub mod rounding;

pub use rounding::Rounding;
