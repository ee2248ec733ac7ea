//! Networks in and out: ONNX, TFLite and `.nasc` with its weights, both ways; `.npy` and `.npz`.
//!
//! [`import()`] reads a model of any format into an [`ir::Graph`], with [`Notice`]s as data about what it decided;
//! [`export()`] writes one. What cannot be imported is a list of all operators at fault ([`ImportError::Unsupported`]); a
//! broken file is an error with the field and the byte. Memory is bounded by the file's size: see
//! [`tflite::MEMORY_FACTOR`], [`onnx::MEMORY_FACTOR`] and [`CONSTANT_FACTOR`]. [`coverage`] lists every foreign operator
//! with what it becomes; `COVERAGE.md` beside this crate is made from it.
//!
//! `formats` computes nothing a network computes: constants that shapes depend on are folded, everything else is left to
//! passes. It knows no target.

mod build;
mod error;
mod export;
mod file;
mod import;
pub mod nasc;
pub mod npy;
pub mod onnx;
#[cfg(test)]
mod random;
pub mod tflite;

pub use build::{CONSTANT_FACTOR, CONSTANT_SLACK};
pub use error::{ExportError, ImportError, ModelError, Unsupported, UnsupportedOp};
pub use export::{Format, export};
pub use import::{Coverage, ImportOptions, Imported, Notice, Rounding, coverage, import};
