//! File tests and before/after helpers for pass and target authors.

pub mod filetest;
pub mod graphs;
pub mod networks;
pub mod ops;
pub mod rewrite;
