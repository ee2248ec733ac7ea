//! The trap that extraction over the DAG avoids, shown on egg's own extractor.

use super::build;
use super::cost::Traffic;
use super::language::{ENode, Family};
use super::rule::Rules;
use super::saturate::{Limits, Outcome, grow};
use egg::{CostFunction, Extractor, Id, Language, RecExpr};
use ir::op::Op;

/// Exact, but without the question whether the convolution has another use.
const CARELESS: &str = "
    batch-norm: (batch_norm (conv2d ?x ?w ?b {?a, act = none}) ?g ?s ?m ?v {epsilon = ?e})
             => (conv2d ?x (scale-rows ?w (bn-scale ?g ?v ?e))
                        (add-bias (scale-bias ?b (bn-scale ?g ?v ?e)) (bn-shift ?s ?m ?g ?v ?e) ?w) {?a})
    relu6: (relu6 (conv2d ?x ?w ?b {?a, act = none})) => (conv2d ?x ?w ?b {?a, act = relu6})
    residual: (add (conv2d ?x ?w ?b {?a, act = none}) ?r {act = none}) => (conv2d ?x ?w ?b ?r {?a}) if not const(?r)
";

/// Every node costs one, and what is used twice is paid twice.
struct TreeSize;

impl CostFunction<ENode> for TreeSize {
    type Cost = u64;
    fn cost<C: FnMut(Id) -> u64>(&mut self, enode: &ENode, mut costs: C) -> u64 {
        enode.fold(1, |sum: u64, id| sum.saturating_add(costs(id)))
    }
}

fn convolutions<'a>(nodes: impl IntoIterator<Item = &'a ENode>) -> usize {
    let conv2d = Family::Op(Op::named("conv2d").expect("an op of the table"));
    nodes.into_iter().filter(|node| node.discriminant() == conv2d).count()
}

#[test]
fn the_tree_extractor_returns_more_convolutions_than_it_was_given_and_ours_does_not() {
    let graph = testkit::networks::mobilenet_v2();
    let mut built = build::terms(&graph);
    let superseded = grow(&mut built.terms, &Rules::of(CARELESS), Limits::default(), &mut Outcome::default());

    let output = built.class_of(graph.outputs()[0]);
    let (_, tree): (u64, RecExpr<ENode>) = Extractor::new(&built.terms, TreeSize).find_best(output);
    let by_tree = convolutions(tree.as_ref());
    assert!(by_tree > 52, "{by_tree} convolutions");

    let ours = built.extract(&graph, &Traffic, &superseded);
    let by_dag = ours.values().filter(|v| ours.node(*v).is("conv2d")).count();
    assert_eq!(by_dag, 52);
    assert!(build::cost(&ours, &Traffic) < build::cost(&graph, &Traffic));
}
