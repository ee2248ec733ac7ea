//! Rewrites of the graph: passes, pipelines of them, and the e-graph in which exact rules saturate together.
//!
//! A pass is declared in one file: a name, a summary, a relation, options, and rules or a function. It knows no target:
//! it asks [`hw::Capabilities`], and extraction asks the target's [`OpCost`].
//!
//! ```
//! use nasc_passes::{Context, Registry, Run};
//!
//! let text = "graph @t(%x: f32[1, 8], %w: f32[4, 8]) {
//!   %y = dense %x, %w
//!   %z = relu %y
//!   return %z
//! }";
//! let mut graph = ir::parse(text, &ir::NoWeights).expect("well-formed text");
//! let pipeline = Registry::standard().pipeline("canonicalize, fuse").expect("known passes");
//! pipeline.run(&mut graph, &Context::default(), &mut Run::default()).expect("sound passes");
//! assert!(graph.to_text().contains("dense %x, %w {act = relu}"));
//! ```

mod channels;
mod egraph;
mod manager;
mod pass;
pub mod passes;
mod pipeline;
pub mod random;
mod registry;
mod rewrite;
mod text;

pub use egraph::{
    Arg, Args, Compute, Condition, Counterexample, Function, Library, Limits, Made, OpCost, OperandUse,
    Outcome, Rule, Rules, Traffic, Use, Verification, extract, saturate, verify_exact,
};
pub use manager::{After, Report, Run, Stats};
pub use pass::{Context, Pass, PassError, Relation};
pub use pipeline::Pipeline;
pub use registry::{Entry, Registry};
pub use rewrite::{rewrite, rewrite_text, unchanged};

/// The known name that is at most two edits away.
fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    known.map(|k| (distance(name, k), k)).min().filter(|(distance, _)| *distance <= 2).map(|(_, k)| k)
}

/// Levenshtein distance.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for j in 0..b.len() {
            let substitute = diagonal + usize::from(ca != b[j]);
            diagonal = row[j + 1];
            row[j + 1] = substitute.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

/// The code of the page for authors of passes.
#[cfg(doctest)]
#[doc = include_str!("../../docs/write-a-pass.md")]
struct WriteAPass;
