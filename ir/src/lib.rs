//! The graph, its types, the op table, the verifier and the text form.
//!
//! `ir` knows no target, no file system and no randomness. An op is declared once ([`op`]); everything that loops over
//! ops derives from that table. What an op computes is a kernel in `interp`.
//!
//! ```
//! let text = "graph @t(%x: f32[1, 3, 8, 8], %w: f32[4, 3, 3, 3]) {
//!   %y = conv2d %x, %w {pad = [1, 1, 1, 1]}
//!   return %y
//! }";
//! let graph = nasc_ir::parse(text, &nasc_ir::NoWeights).expect("well-formed text");
//! assert_eq!(graph.total_macs(), 8 * 8 * 4 * 27);
//! assert_eq!(nasc_ir::parse(&graph.to_text(), &nasc_ir::NoWeights).as_ref(), Ok(&graph));
//! ```

mod attr;
mod element;
mod graph;
pub mod op;
mod tensor;
pub mod text;
mod types;
mod verify;

pub use attr::{Attr, AttrDef, AttrError, AttrKind, Attrs};
pub use element::Element;
pub use graph::{AddError, Constant, Graph, INLINE_ELEMENTS, Kind, Node, Value};
pub use op::{InferError, Op};
pub use tensor::{Backing, NoWeights, Tensor, WeightStore, WrongSize};
pub use text::{Diagnostic, Source, parse};
pub use types::{Granularity, Layout, MAX_ELEMENTS, MAX_RANK, Quant, Shape, Sparsity, Type};
pub use verify::{Finding, verify};
