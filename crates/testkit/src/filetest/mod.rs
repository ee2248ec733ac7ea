//! Snapshot tests that are files: the command in the first line, the expectation beside it.
//!
//! ```text
//! // run: nasc opt %s --passes "fold"
//! graph @t(%x: f32[4]) {
//!   %y = con2d %x      // error: unknown op `con2d`
//!   return %y
//! }
//! // expect:
//! // what the command prints
//! ```
//!
//! - `// run:` (any number, first lines): a command line. It is split into words, single and double quotes keep blanks together;
//!   there is no shell. `%s` is the test's file, `%t` a folder that is empty at the start and removed at the end, `%m` the folder
//!   `models` nearest above the test. The command runs in the test's folder and may name no path outside these.
//! - `// exit: N`: the exit code expected of the last command; 0, or 2 where there are `// error:` lines.
//! - `// error: TEXT` at the end of a line: the command reports exactly one finding on this line that contains TEXT. Every finding
//!   needs such a comment.
//! - `// expect:`: what follows, without its `// `, is what the commands print. Without it the expectation is the file
//!   `NAME.expect` beside the test. Standard error stands behind `! `.
//!
//! [`Case::run`] with [`Mode::Bless`] writes what was printed as the expectation.

mod case;
mod error;
mod judge;
mod words;

pub use case::{Case, discover};
pub use error::FileTestError;
pub use judge::{Mode, Outcome, Program};
