//! Before and after, for authors of passes.
//!
//! One call from the text of a graph to what a pass makes of it, ready for a snapshot. Values keep their names and nodes
//! their order, so a difference in the snapshot is a difference in the graph.
//!
//! ```
//! use nasc_testkit::rewrite::{rewrite, unchanged};
//! use passes::passes::FuseActivation;
//!
//! let after = rewrite::<FuseActivation>(
//!     "graph @t(%x: f32[1, 4], %w: f32[2, 4]) {
//!        %1 = dense %x, %w
//!        %y = relu %1
//!        return %y
//!      }",
//! );
//! assert!(after.contains("%y = dense %x, %w {act = relu} : f32[1, 2]"), "{after}");
//!
//! unchanged::<FuseActivation>("graph @t(%x: f32[4]) { %y = exp %x\n return %y }");
//! ```

pub use passes::{rewrite, rewrite_text, unchanged};
