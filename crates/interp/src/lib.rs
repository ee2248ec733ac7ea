//! What every op means: one plain kernel each, in float and in exact integers.
//!
//! This is the reference that targets, passes and importers are compared with. It is written to be read: no blocking, no
//! packing, no vector types. Integer results follow a named runtime bit for bit ([`Rounding`], the table in
//! [`rounding`]); floats are computed in `f32` or wider and rounded at the result.
//!
//! - [`run()`]: a graph on tensors, in the interface's layout; [`trace`]: every value on the way, on logical axes.
//! - [`eval`]: one use of an op, e.g. to fold constants.
//! - [`fixed`] and [`rounding`]: the arithmetic of scaling, for whoever generates code that must agree.
//!
//! It knows no file, no target and no pass.
//!
//! ```
//! let text = "graph @t(%x: i8[1, 2] {scale = 0.5, zero = 0}) {
//!   %y = relu %x : i8[1, 2] {scale = 0.25, zero = -128}
//!   return %y
//! }";
//! let graph = ir::parse(text, &ir::NoWeights).expect("well-formed text");
//! let x = ir::Tensor::from_ints(ir::Element::I8, [1, 2], &[-6, 10]);
//! // 10 * 0.5 / 0.25 - 128 = -108.
//! assert_eq!(nasc_interp::run(&graph, &[x]).expect("a sound graph")[0].to_ints(), [-128, -108]);
//! ```

mod call;
mod error;
pub mod fixed;
mod gemmlowp;
mod kernels;
pub mod layout;
pub mod rounding;
mod run;
mod table;

pub use error::{KernelError, RunError};
pub use rounding::Rounding;
pub use run::{Limits, eval, run, run_within, trace};
pub use table::absence;
