//! Interchange with the field's tools: workloads of Timeloop and ZigZag in, mappings in Timeloop's form out.
//!
//! **In.** [`parse_workload`] reads a Timeloop problem (v0.2 to v0.4: `shape` by name or in full, `instance` below it or beside it)
//! or a ZigZag 3 workload (a list of layers) and tells them apart by content. Both say for each operand which loops its indices are
//! made of; one classification makes our nest of that, whatever the loops are called. What cannot be such a nest (dilation, a third
//! operand, strides that differ along rows and columns, sparse operands) is refused with its line. Keys that do not change the nest
//! (precisions, sources, paddings, which our input sizes contain) are known and left alone.
//!
//! **Out.** [`timeloop`] writes a mapping with the problem and the architecture it is for, the three things Timeloop's model reads.
//! What Timeloop cannot say is refused, and where the file says it in another way a comment tells.

mod einsum;
mod include;
mod timeloop_in;
mod timeloop_out;
mod workload;
mod yaml;
mod zigzag;

pub use include::{Included, include};
pub use timeloop_out::{Unwritable, Written, timeloop};
pub use workload::{LeftOut, Problem, Workload, WorkloadError, parse_workload};
