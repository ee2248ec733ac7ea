//! The text form: what `nasc opt` prints, what snapshots hold, what a person writes.
//!
//! ```text
//! graph @name(%x: i8[1, 3, 8, 8] {scale = 0.5, zero = -1}, layout = nhwc) {
//!   const %w = @"weights/name" : i8[4, 3, 1, 1] {scale = [0.1, 0.2, 0.1, 0.3], zero = 0, axis = 0}
//!   const %c = [1, 2] : i32[2]
//!   %1 = conv2d %x, %w, _, %r {stride = [2, 2], act = relu} : i8[1, 4, 4, 4] {scale = 0.1, zero = -128}
//!   return %1
//! }
//! ```
//!
//! `//` starts a comment, `_` stands for an operand left out, attributes at their default are not printed, and
//! `parse(print(g)) == g` for every graph.

mod lexer;
mod parser;
mod printer;

pub use parser::{Source, parse, parse_with_lines};
pub use printer::print;
pub(crate) use printer::{attr, type_text};

use std::fmt;

/// Something wrong with a text, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// What was found and what was expected.
    pub message: String,
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.line, self.column, self.message)
    }
}

impl std::error::Error for Diagnostic {}
