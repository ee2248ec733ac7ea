//! Whole networks: what is left of them, and that nothing is computed twice.

use nasc_passes::{Context, Registry, Report, Run};
use testkit::networks::{efficientnet_b0, mobilenet_v2};

fn run(pipeline: &str, graph: &mut ir::Graph) -> Report {
    let pipeline = Registry::standard().pipeline(pipeline).expect("known passes");
    pipeline.run(graph, &Context::default(), &mut Run { verify: true, after: None }).expect("sound passes")
}

fn count(graph: &ir::Graph, op: &str) -> usize {
    graph.values().filter(|v| graph.node(*v).is(op)).count()
}

/// How often each op is used, by name.
fn census(graph: &ir::Graph) -> String {
    let ops = ir::op::all().map(|op| (op.name, count(graph, op.name)));
    ops.filter(|(_, n)| *n > 0).map(|(name, n)| format!("{name} {n}\n")).collect()
}

#[test]
fn mobilenet_v2_keeps_its_52_convolutions_and_loses_everything_around_them() {
    let mut graph = mobilenet_v2();
    assert_eq!(count(&graph, "conv2d"), 52);
    let report = run("default", &mut graph);
    insta::assert_snapshot!(census(&graph), @r"
    conv2d 52
    dense 1
    mean 1
    ");
    assert!(report.stats.iter().all(|s| !s.outcome.cut && s.outcome.refused.is_empty()), "{report:#?}");
}

#[test]
fn efficientnet_b0_keeps_its_81_convolutions() {
    let mut graph = efficientnet_b0();
    assert_eq!(count(&graph, "conv2d"), 81);
    let report = run("default", &mut graph);
    insta::assert_snapshot!(census(&graph), @r"
    conv2d 81
    dense 1
    mul 16
    sigmoid 16
    silu 49
    mean 17
    ");
    assert!(report.stats.iter().all(|s| !s.outcome.cut && s.outcome.refused.is_empty()), "{report:#?}");
}

#[test]
fn a_second_run_changes_nothing() {
    for mut graph in [mobilenet_v2(), efficientnet_b0()] {
        run("default", &mut graph);
        let once = graph.to_text();
        run("default", &mut graph);
        assert!(graph.to_text() == once, "{}", graph.name);
    }
}

#[test]
fn the_same_graph_gives_the_same_text_every_time() {
    let text = || {
        let mut graph = mobilenet_v2();
        run("default", &mut graph);
        graph.to_text()
    };
    assert!(text() == text());
}
