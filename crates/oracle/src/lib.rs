//! A second opinion in float: a graph lowered to tract-core and run there.
//!
//! The interpreter says what an op means; this says the same with code that shares nothing with it. Where both agree on
//! every op and every imported network, a mistake would have to be made twice. Nothing but tests and `nasc run --oracle`
//! depends on this crate: tract takes minutes to build.
//!
//! - [`run`]: a graph on tensors, in the interface's layout.
//! - [`absence`]: why an op has no expression in tract.
//!
//! Float ops compute in `f32`, `f16` results are rounded once per op. `quantize` and `dequantize` are expressed as the
//! float arithmetic they are; ops on quantized operands are not: their integers are the interpreter's alone.
//!
//! ```
//! let text = "graph @t(%x: f32[2], %y: f32[2]) { %z = add %x, %y {act = relu}\n return %z }";
//! let graph = ir::parse(text, &ir::NoWeights).expect("well-formed text");
//! let [x, y] = [[1.0, -3.0], [2.0, 1.0]].map(|v| ir::Tensor::from_f32([2], &v));
//! assert_eq!(nasc_oracle::run(&graph, &[x, y]).expect("float ops")[0].to_f32(), [3.0, 0.0]);
//! ```

mod convert;
mod error;
mod lower;
mod ops;

pub use error::OracleError;
pub use lower::run;
pub use ops::absence;
