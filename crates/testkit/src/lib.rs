//! File tests and before/after helpers for pass and target authors.

pub mod filetest;
pub mod networks;
pub mod ops;
