//! Kernels: from what an op computes, in plain numbers ([`spec`]), to a C function, its constants and its memory behaviour.
//!
//! The layer knows nothing of graphs, files or planners. A [`KernelSet`] is a core's choice of kernels; every set falls back on
//! portable loops that are correct for every shape, so that a new core only adds what it does better.
//!
//! In all emitted text `@` stands for the model's prefix: `@dot4` becomes `model_dot4`.

pub(crate) mod add;
pub mod arith;
pub(crate) mod blocked;
pub mod code;
pub mod fit;
pub(crate) mod fused;
pub mod helpers;
pub(crate) mod plane;
pub mod portable;
mod softmax_table;
pub mod spec;
pub mod unit;

use hw::memory::Walk;
pub use unit::{Call, CallArgument, Unit};

use spec::OpSpec;

/// A C function; equal functions needed by several ops are written once.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Function {
    /// Preferred name without prefix; a number is added where different functions want the same one.
    pub stem: String,
    /// Parameter list without parentheses.
    pub parameters: String,
    /// What it computes, one line without comment marks.
    pub summary: String,
    /// Whether the compiler must keep it a function of its own: a block whose registers are all taken.
    pub apart: bool,
    /// Lines between the braces, each ending in a line feed.
    pub body: String,
}

/// An argument of a kernel's call, in the order of its parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Argument {
    /// The op's input of this index.
    Input(usize),
    /// The op's output.
    Output,
    /// The kernel's scratch memory, 8-byte aligned.
    Scratch,
    /// One of the kernel's constants.
    Constant(usize),
}

/// Numbers that live in read-only memory.
#[derive(Clone, Debug, PartialEq)]
pub enum Data {
    /// `int8_t`.
    I8(Vec<i8>),
    /// `uint8_t`.
    U8(Vec<u8>),
    /// `int16_t`.
    I16(Vec<i16>),
    /// `int32_t`.
    I32(Vec<i32>),
    /// `int64_t`.
    I64(Vec<i64>),
    /// `float`.
    F32(Vec<f32>),
}

/// A constant array of one op.
#[derive(Clone, Debug, PartialEq)]
pub struct Constant {
    /// What it is: `weights`, `params`, `table`.
    pub role: &'static str,
    /// Its values.
    pub data: Data,
}

/// Everything one op needs to run.
#[derive(Clone, Debug, PartialEq)]
pub struct Kernel {
    /// The function to call.
    pub function: Function,
    /// Its arguments, in order, with the C type each pointer is passed as.
    pub arguments: Vec<(Argument, &'static str)>,
    /// Kernel functions that `function` calls, as `@@0`, `@@1`, ..; a callee may call those before it.
    pub callees: Vec<Function>,
    /// Small functions that `function` and its callees call by fixed names.
    pub helpers: Vec<Helper>,
    /// Constants of this op.
    pub constants: Vec<Constant>,
    /// Bytes of scratch memory while it runs, 8-byte aligned; inside the arena.
    pub scratch_bytes: usize,
    /// How the output may share memory with inputs, the preferred way first; empty: not at all.
    pub walks: Vec<Walk>,
    /// Multiply-accumulates.
    pub macs: u64,
}

/// A static inline function (or type) shared by kernels, written once before all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Helper {
    /// Position among the helpers: lower comes first in the file.
    pub order: u32,
    /// Complete C text, comment included.
    pub text: &'static str,
}

/// An op this kernel set cannot compute, and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KernelError {
    /// Extents that contradict each other.
    #[error("{what}: {found} found, {expected} expected")]
    Shape {
        /// The quantity.
        what: &'static str,
        /// As the spec states it.
        found: String,
        /// As the rest of the spec demands it.
        expected: String,
    },
    /// Arithmetic no kernel has.
    #[error("{op} with {what} has no C kernel")]
    Unsupported {
        /// The op.
        op: &'static str,
        /// What is missing.
        what: String,
    },
}

/// A core's choice of kernels.
pub trait KernelSet {
    /// Name of the set, as targets are named: `cortex-m4`.
    fn name(&self) -> &'static str;

    /// The kernel for an op.
    ///
    /// `walk` is the index into [`Kernel::walks`] that the memory plan settled on; `None` before planning and where output and
    /// inputs are disjoint. Scratch size, walks and constants do not depend on it.
    ///
    /// # Errors
    /// The spec contradicts itself, or no kernel computes it.
    fn kernel(&self, spec: &OpSpec, walk: Option<usize>) -> Result<Kernel, KernelError>;
}

#[cfg(test)]
mod tests;
