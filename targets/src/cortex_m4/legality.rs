//! What cannot run: whatever cannot be lowered.

use crate::Illegal;
use ir::Graph;

/// Everything that has no kernel here.
pub(super) fn illegal(graph: &Graph) -> Vec<Illegal> {
    super::mapping::program(graph).err().unwrap_or_default()
}
