//! What the C targets share: lowering to kernels, costs, the memory problem, the files.

mod cost;
pub mod emit;
mod fuse;
pub mod kernels;
pub mod lower;
mod lowered;
mod ops;
pub mod program;

pub use lowered::{Core, LoweredC};
pub(crate) use ops::c_type;
