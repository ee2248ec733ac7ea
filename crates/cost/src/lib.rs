//! What a loop nest costs on a machine, in closed form.
//!
//! [`nest`] counts the words every memory reads and writes when a layer runs under a mapping, and from them energy and cycles.
//! It allocates nothing, divides only to tabulate a loop's tiles, and knows no search: legality is for whoever proposes a mapping
//! (`check::nest` judges one). [`row_stationary`] derives the mapping of one published dataflow, and times and powers its passes;
//! [`sparse`] counts machines that skip zeros; [`zeros`] says what gating and run-length codes save. [`area`] is what a machine takes
//! in silicon, [`npu`] times graphs on a block-based engine.

pub mod area;
pub mod features;
pub mod nest;
pub mod npu;
pub mod row_stationary;
pub mod sparse;
pub mod zeros;
