//! A device as a network sees it: random networks, and how long this machine takes for each.
//!
//! [`networks`] draws untrained networks from a seed, [`fill()`] gives them weights. A [`Timer`] is a runtime on this machine:
//! [`Python`] for onnxruntime and LiteRT, [`Host`] for C artifacts built by [`build()`]. [`collect`] visits all networks in
//! rounds until the repeats of each agree, and [`samples`] is the table of what came out. Everything is measured with one
//! thread; exporting and compiling networks is the caller's.

mod build;
mod error;
pub mod features;
mod fill;
mod host;
mod python;
mod random;
mod repeats;
mod sample;
pub mod samples;
mod visit;

pub use error::Error;
pub use features::Runtime;
pub use fill::fill;
pub use host::{Host, build, compiler_version};
pub use python::{Package, Python};
pub use repeats::{Repeats, Summary};
pub use sample::{MACS, PARAMETERS, Precision, Sampling, networks};
pub use samples::Sample;
pub use visit::{Job, Progress, Push, Schedule, Timer, Visit, collect};
