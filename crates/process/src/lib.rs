//! Child processes: time-outs, process groups, captured output.
//!
//! Everything that starts a program in this project goes through [`Command`], so that every child
//! - has a deadline, and is killed together with everything it started when the deadline passes;
//! - has its output captured up to a stated bound, so that a chatty or hanging child cannot fill memory;
//! - fails with an error that names the program, and the package that has it when it is not there.
//!
//! The crate knows nothing of what it starts. Unix only: process groups are what makes the killing reliable.

mod command;
mod error;
mod group;
mod packages;
mod run;

pub use command::Command;
pub use error::{Error, Exit, Output};
pub use group::kill_all;
pub use packages::{find, package_of};
