//! Exact rules saturate together here; the result is the cheapest graph under the target's cost.
//!
//! One generic language over the op table: a node is an op with its complete attributes and its type, and its children.
//! Nothing in this module names an op.

mod args;
mod build;
mod cost;
pub mod extract;
mod functions;
mod instance;
mod language;
mod library;
mod matching;
mod parse;
mod rule;
mod saturate;
#[cfg(test)]
mod trap;
mod verify;

pub use args::{Arg, Args, Compute, Made};
pub use cost::{OpCost, OperandUse, Traffic, Use};
pub use library::{Condition, Function, Library};
pub use rule::{Rule, Rules};
pub use saturate::{Limits, Outcome, saturate};
pub use verify::{Counterexample, Verification, verify_exact};
