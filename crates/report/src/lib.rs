//! Results for people: tables for the terminal and one self-contained HTML page for an artifact.
//!
//! The input is the [`Manifest`], plain data as `manifest.json` has it. The crate knows no graph, no target and no compiler, and
//! gives text back: it prints nothing and writes no file.

pub mod diff;
pub mod format;
mod html;
mod manifest;
pub mod nest;
mod table;

pub use html::page;
pub use manifest::{Buffer, FORMAT, Layer, Limit, Manifest, Memory, Mismatch, Port};
pub use table::{Align, Look, Table, terminal_width};
