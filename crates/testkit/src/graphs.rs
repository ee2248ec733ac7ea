//! Random graphs over the whole op table, and values for their inputs; the same for the same seed on every machine.
//!
//! ```
//! use nasc_testkit::graphs::{Arithmetic, Config, graph, inputs};
//!
//! let graph = graph(&Config { arithmetic: Arithmetic::Integer, ops: 6, seed: 1 });
//! assert!(ir::verify(&graph).is_empty());
//! let outputs = interp::run(&graph, &inputs(&graph, 1)).expect("a sound graph runs");
//! assert_eq!(outputs.len(), graph.outputs().len());
//! ```

pub use passes::random::{Arithmetic, Config, Rng, graph, inputs, tensor};
