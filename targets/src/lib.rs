//! Targets: what is legal on a machine, what it costs, and the code that runs there.
//!
//! A target is a folder with the same files as every other: `mod.rs` (its declaration), `hardware.toml` (its description),
//! `legality.rs`, `cost.rs`, `mapping.rs` (which kernel computes an op), `emit.rs`, `recipe.rs`, `templates/`. Everything
//! that two C targets share is in [`c`]. How to add one is told in `docs/write-a-target.md`.
//!
//! The crate knows no files and runs nothing: an artifact is text, and a [`hw::recipe::Recipe`] is data.

pub mod c;
pub mod cortex_m4;
mod hardware;
mod host_c;
pub mod rv32imac;
mod target;

pub use hardware::{Clock, Hardware, Memory, Model, OpModel, Ratio};
pub use target::{
    EmitError, EmitOptions, File, Illegal, Lowered, Port, Role, Step, StepCost, StoredValue, Target,
};

/// Every target, in the order they are listed.
pub fn all() -> &'static [&'static dyn Target] {
    &[&host_c::HostC, &cortex_m4::CortexM4, &rv32imac::Rv32Imac]
}

/// The target of this name.
pub fn named(name: &str) -> Option<&'static dyn Target> {
    all().iter().copied().find(|target| target.name() == name)
}
