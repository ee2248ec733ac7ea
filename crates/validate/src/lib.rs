//! Recipes run: a C artifact is built with its target's toolchain, executed, compared and counted.
//!
//! [`measure()`] takes a [`Recipe`](hw::recipe::Recipe), an [`Artifact`] and the inputs with the outputs expected of them, and
//! returns [`Measured`]: differences, executed instructions, stack, code, constants and static data, each with its origin, and
//! what could not be checked. [`compare_layers`] names the first op whose output differs.
//!
//! [`device`] times random networks on this machine in onnxruntime, LiteRT and built artifacts, and knows what each of them does
//! for a layer.
//!
//! What is expected is data: [`device`] apart the crate knows no graph, and it knows no interpreter and no target. Nothing is written into the artifact's
//! folder; a harness of ours is built beside it in a scratch folder.

mod artifact;
mod build;
mod compare;
mod count;
pub mod device;
mod elf;
mod error;
mod harness;
mod layers;
mod measure;
mod measured;
mod protocol;
mod run;
mod session;

pub use artifact::{Artifact, Element, Port, Run, random_inputs};
pub use compare::{Difference, Tolerance, compare};
pub use error::{Error, Stage};
pub use layers::{ExpectedLayer, LayerComparison, LayerResult, compare_layers};
pub use measure::{Options, measure};
pub use measured::{Function, Layer, Measured, Mismatch};
