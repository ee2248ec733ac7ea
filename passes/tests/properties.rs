//! Every pass on random graphs over the whole op table: the same outputs before and after, integers bit for bit, floats
//! within rounding; a sound graph behind every pass; nothing left to do the second time.

use ir::{Graph, Tensor};
use nasc_passes::random::{Arithmetic, Config, graph, inputs};
use nasc_passes::{Context, Pipeline, Registry, Run};
use std::collections::BTreeSet;

const SEEDS: u64 = 150;

fn pipeline(text: &str) -> Pipeline {
    Registry::standard().pipeline(text).expect("known passes")
}

fn run(pipeline: &Pipeline, graph: &mut Graph) {
    pipeline.run(graph, &Context::default(), &mut Run { verify: true, after: None }).expect("sound passes");
}

/// Integers are equal; floats differ by at most 1e-4 of the largest of them: folded constants are rounded elsewhere, sums
/// are taken in another order, and a dozen ops pass that on.
fn difference(before: &Tensor, after: &Tensor) -> Option<String> {
    if before.element() != after.element() || before.shape() != after.shape() {
        return Some(format!("{before:?} became {after:?}"));
    }
    let (a, b) = (before.to_reals(), after.to_reals());
    let float = before.element().is_float();
    let largest = a.iter().filter(|v| v.is_finite()).fold(1.0f64, |m, v| m.max(v.abs()));
    let allowed = if float { 1e-4 * largest } else { 0.0 };
    let same = |a: f64, b: f64| a == b || (a.is_nan() && b.is_nan()) || (a - b).abs() <= allowed;
    let at = a.iter().zip(&b).position(|(a, b)| !same(*a, *b))?;
    Some(format!("element {at} was {} and is {}", a[at], b[at]))
}

fn check(text: &str, arithmetic: Arithmetic) {
    let pipeline = pipeline(text);
    for seed in 0..SEEDS {
        let before = graph(&Config { arithmetic, ops: 8, seed });
        let mut after = before.clone();
        run(&pipeline, &mut after);
        let inputs = inputs(&before, seed);
        let expected = interp::run(&before, &inputs).unwrap_or_else(|e| panic!("{e}\n{before:?}"));
        let found = interp::run(&after, &inputs).unwrap_or_else(|e| panic!("{e}\n{after:?}"));
        for (index, (a, b)) in expected.iter().zip(&found).enumerate() {
            if let Some(difference) = difference(a, b) {
                panic!(
                    "`{text}`, seed {seed}, output {index}: {difference}\nbefore {before:?}\nafter {after:?}"
                );
            }
        }
    }
}

#[test]
fn every_pass_computes_the_same_in_float() {
    for pass in Registry::standard().passes() {
        check(pass.name, Arithmetic::Float);
    }
}

#[test]
fn every_pass_computes_the_same_in_integers() {
    for pass in Registry::standard().passes() {
        check(pass.name, Arithmetic::Integer);
    }
}

#[test]
fn the_pipelines_compute_the_same() {
    for pipeline in ["default", "float", "canonicalize, recognize, move-layout, fold-affine, fuse, fold-qdq"]
    {
        check(pipeline, Arithmetic::Float);
        check(pipeline, Arithmetic::Integer);
    }
}

#[test]
fn canonicalize_has_nothing_to_do_the_second_time() {
    let canonicalize = pipeline("canonicalize");
    for (seed, arithmetic) in (0..SEEDS).flat_map(|s| [(s, Arithmetic::Float), (s, Arithmetic::Integer)]) {
        let before = graph(&Config { arithmetic, ops: 8, seed });
        let mut once = before.clone();
        run(&canonicalize, &mut once);
        let mut twice = once.clone();
        run(&canonicalize, &mut twice);
        assert!(once == twice, "seed {seed}: {before:?}{once:?}{twice:?}");
    }
}

#[test]
fn random_graphs_are_sound_and_use_the_whole_table() {
    let mut used = BTreeSet::new();
    for (seed, arithmetic) in (0..SEEDS).flat_map(|s| [(s, Arithmetic::Float), (s, Arithmetic::Integer)]) {
        let graph = graph(&Config { arithmetic, ops: 8, seed });
        assert_eq!(ir::verify(&graph), [], "seed {seed}: {graph:?}");
        used.extend(graph.values().filter_map(|v| graph.node(v).op()).map(|op| op.name));
    }
    let left_out: Vec<&str> = ir::op::all().map(|op| op.name).filter(|name| !used.contains(name)).collect();
    assert_eq!(left_out, ["erf", "custom", "quantize", "dequantize", "requantize", "cast"]);
}
