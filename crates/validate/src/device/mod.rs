//! A device as a network sees it: random networks, and how long this machine takes for each.

mod build;
mod fill;
mod random;
mod sample;

pub use fill::fill;
pub use sample::{MACS, PARAMETERS, Precision, Sampling, networks};
