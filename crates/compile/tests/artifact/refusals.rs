//! What is not compiled, and what is said of it.

use crate::shop::{import, options, parse};
use nasc_compile::limits::Limit;
use nasc_compile::{CompileError, Options};

fn refused(graph: &ir::Graph, target: &str, options: &Options) -> CompileError {
    let target = targets::named(target).expect("a target");
    nasc_compile::compile(graph, target, options).err().expect("refused")
}

fn limited(limits: &[&str]) -> Options {
    let limits = limits.iter().map(|text| Limit::parse(text).expect("a limit")).collect();
    Options { limits, ..options("model") }
}

#[test]
fn a_limit_on_memory_is_answered_with_what_is_needed_and_what_binds() {
    let graph = import("kws_dscnn_int8.tflite");
    let CompileError::Infeasible(misses) =
        refused(&graph, "cortex-m4", &limited(&["sram=1KiB", "flash=4KiB"]))
    else {
        panic!("infeasible");
    };
    assert_eq!(misses.len(), 2, "every miss is reported");
    let sram = &misses[0];
    assert!(sram.figure.total.is_exact());
    assert!(
        sram.figure.per_op.len() >= 12 && sram.figure.binds.contains("binds, where these are live"),
        "{sram}"
    );
    // The nearest feasible limit is feasible.
    let nearest: Vec<String> =
        misses.iter().map(|m| format!("{}={}B", m.limit.quantity.name(), m.nearest())).collect();
    let nearest: Vec<&str> = nearest.iter().map(String::as_str).collect();
    let target = targets::named("cortex-m4").expect("a target");
    assert!(nasc_compile::compile(&graph, target, &limited(&nearest)).is_ok());
}

#[test]
fn a_limit_the_target_cannot_be_judged_by_is_an_error() {
    let graph = import("kws_dscnn_int8.tflite");
    for (target, limit, part) in [
        ("host-c", "latency=10ms", "`instructions` can be judged"),
        ("rv32imac", "latency=10ms", "`cycles` and `instructions` can be judged"),
        ("cortex-m4", "area=10mm2", "no silicon of its own"),
        ("cortex-m4", "dram=1MB", "no external memory"),
    ] {
        let error = refused(&graph, target, &limited(&[limit]));
        assert!(matches!(error, CompileError::Unjudged(_)), "{target} {limit}");
        assert!(error.to_string().contains(part), "{target} {limit}: {error}");
    }
    let target = targets::named("cortex-m4").expect("a target");
    let judged = limited(&["latency=10s", "energy=100mJ", "power=1W", "macs=3M", "params=30k", "cycles=20M"]);
    assert!(nasc_compile::compile(&graph, target, &judged).is_ok());
}

#[test]
fn every_op_that_cannot_run_is_listed_with_its_reason() {
    let text = "graph @t(%x: f16[1, 4], %z: i8[1, 4] {scale = 0.5, zero = 0}) {
  %a = exp %x
  %b = div %z, %z : i8[1, 4] {scale = 0.5, zero = 0}
  %c = neg %a
  return %b, %c
}";
    let CompileError::Illegal { target, nodes } = refused(&parse(text), "host-c", &options("model")) else {
        panic!("illegal");
    };
    assert_eq!(target, "host-c");
    let listed: Vec<String> = nodes.iter().map(ToString::to_string).collect();
    assert!(listed.iter().any(|line| line.starts_with("exp") && line.contains("f16")), "{listed:?}");
    assert!(
        listed.iter().any(|line| line.starts_with("div") && line.contains("two integer tensors")),
        "{listed:?}"
    );
    assert!(listed.iter().any(|line| line.starts_with("neg")), "{listed:?}");
}

#[test]
fn a_prefix_that_is_no_c_name_is_refused() {
    let graph = parse("graph @t(%x: f32[4]) {\n  %y = exp %x\n  return %y\n}");
    for prefix in ["", "2nd", "_x", "a-b", "a__b", "é"] {
        let error = refused(&graph, "host-c", &options(prefix));
        assert!(error.to_string().contains("C identifier"), "{prefix}: {error}");
    }
}

#[test]
fn a_network_without_weights_has_a_cost_but_no_artifact() {
    let text = "graph @t(%x: f32[1, 8]) {\n  const %w = @w : f32[4, 8]\n  %y = dense %x, %w\n  return %y\n}";
    let Ok(graph) = ir::parse(text, &ir::NoWeights) else { return untrained_by_api() };
    check_untrained(&graph);
}

fn untrained_by_api() {
    let mut graph = ir::Graph::new("t");
    let x = graph.add_input("x", ir::Type::new(ir::Element::F32, [1, 8]));
    let w = graph.add_untrained("w", ir::Type::new(ir::Element::F32, [4, 8]));
    let y = graph.op("dense", &[x, w], [], None).expect("sound");
    graph.set_outputs(vec![y]);
    check_untrained(&graph);
}

fn check_untrained(graph: &ir::Graph) {
    let target = targets::named("host-c").expect("a target");
    let planned = nasc_compile::plan(graph, target, &options("model")).expect("it has a cost");
    // 32 weights and 4 biases of 4 bytes, two pointers of 8.
    assert_eq!(planned.lowered.const_bytes(), 36 * 4 + 16);
    let error = refused(graph, "host-c", &options("model"));
    assert!(error.to_string().contains("weights without data: w"), "{error}");
}

#[test]
fn a_pipeline_with_an_unknown_pass_is_refused() {
    let graph = parse("graph @t(%x: f32[4]) {\n  %y = exp %x\n  return %y\n}");
    let error =
        refused(&graph, "host-c", &Options { passes: Some("canonicalise".into()), ..options("model") });
    assert!(error.to_string().contains("unknown pass `canonicalise`"), "{error}");
}
