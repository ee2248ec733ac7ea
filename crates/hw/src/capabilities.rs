//! What a target can exploit. Passes ask this and never a target's name.

use serde::{Deserialize, Serialize};

/// What the hardware and its code generator support, as data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Capabilities {
    /// Weight widths in bits with native kernels, e.g. `[8]`.
    pub weight_bits: Vec<u8>,
    /// Activation widths in bits with native kernels.
    pub activation_bits: Vec<u8>,
    /// Whether float arithmetic is done in hardware.
    pub float: bool,
    /// Channel counts that are a multiple of this fill the lanes.
    pub channel_multiple: usize,
    /// Structured sparsity `n:m` patterns with kernels that skip the zeros.
    pub sparsity: Vec<[usize; 2]>,
}
