//! Independent checkers of searched results.
//!
//! A search returns an answer and this crate replays it, with code of its own: it depends on the plain data of `hw` and
//! on nothing that searched.

pub mod memory;
pub mod nest;
pub mod schedule;
pub mod sparse;
