//! Which kernel computes an op: blocks of bytes, sixteen accumulators in registers.

use crate::Illegal;
use crate::c::kernels::KernelSet;
use crate::c::lower;
use crate::c::program::Program;
use ir::Graph;

/// Passes that are applied where the user names none.
pub(super) const PIPELINE: &str = "default";

/// The kernels.
pub(super) static SET: &(dyn KernelSet + Send + Sync) = &super::kernels::Rv32Imac;

/// The graph as kernel calls.
pub(super) fn program(graph: &Graph) -> Result<Program, Vec<Illegal>> {
    lower::lower(graph, SET)
}
