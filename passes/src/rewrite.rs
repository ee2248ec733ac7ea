//! Before and after, for tests of passes.

use crate::manager::Run;
use crate::pass::{Context, Pass};
use crate::registry::Registry;
use ir::{Attr, Attrs, NoWeights};

/// The text of the graph behind a pass with default options, verified; for snapshots.
///
/// # Panics
/// Where the text or the options are faulty, or the pass leaves an unsound graph: this is for tests.
pub fn rewrite<P: Pass>(before: &str) -> String {
    let options = Attrs::complete(P::OPTIONS, Vec::<(String, Attr)>::new());
    options.unwrap_or_else(|error| panic!("`{}` wants an option: {error}", P::NAME));
    rewrite_text(&Registry::default().with::<P>(), P::NAME, before)
}

/// As [`rewrite`], with any pipeline of a registry.
///
/// # Panics
/// As [`rewrite`].
pub fn rewrite_text(registry: &Registry, pipeline: &str, before: &str) -> String {
    let lines =
        |faults: &[ir::Diagnostic]| faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
    let pipeline = registry
        .pipeline(pipeline)
        .unwrap_or_else(|faults| panic!("the pipeline is well-formed, but:\n{}", lines(&faults)));
    let mut graph = ir::parse(before, &NoWeights)
        .unwrap_or_else(|faults| panic!("the graph is well-formed, but:\n{}", lines(&faults)));
    let mut run = Run { verify: true, after: None };
    let report = pipeline
        .run(&mut graph, &Context::default(), &mut run)
        .unwrap_or_else(|error| panic!("the pass is sound, but: {error}"));
    for stats in &report.stats {
        if let Some((rule, reason)) = stats.outcome.refused.iter().next() {
            panic!("rule `{rule}` was refused: {reason}");
        }
    }
    graph.to_text()
}

/// Checks that a pass with default options leaves a graph as it is.
///
/// # Panics
/// As [`rewrite`], and where the graph changes.
pub fn unchanged<P: Pass>(before: &str) {
    let graph = ir::parse(before, &NoWeights)
        .unwrap_or_else(|faults| panic!("the graph is well-formed, but: {faults:?}"));
    let (before, after) = (graph.to_text(), rewrite::<P>(before));
    assert!(before == after, "`{}` leaves this alone:\n{before}but made of it:\n{after}", P::NAME);
}
