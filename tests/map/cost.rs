//! A model's cost on a described machine.

use crate::command::{folder, model, nasc, nasc_in};

#[test]
fn every_op_has_a_cost_and_the_totals_are_their_sum() {
    let found = nasc(&["cost", &model("kws_dscnn_f32.onnx"), "--hardware", "e168", "--json"]).json();
    let layers = found["layers"].as_array().expect("a list");
    let sum = |key: &str| layers.iter().map(|l| l[key]["value"].as_f64().expect("a figure")).sum::<f64>();
    let total = |key: &str| found["totals"][key]["value"].as_f64().expect("a figure");
    assert_eq!(sum("cycles"), total("cycles"));
    assert!((sum("energy_pj") - total("energy_pj")).abs() < 1e-9 * total("energy_pj"));
    let ops: Vec<_> = layers.iter().map(|l| l["op"].as_str().expect("a name")).collect();
    assert!(ops.contains(&"conv2d") && ops.contains(&"avg_pool2d") && ops.contains(&"softmax"), "{ops:?}");
    assert!(layers.iter().all(|l| l["cycles"]["origin"] == "modelled" && !l["binds"].is_null()));
    assert!(found["totals"]["latency_ms"].is_null(), "this machine has no clock");
}

#[test]
fn a_clock_turns_cycles_into_time() {
    let dir = folder(&[("h.toml", "inherits = \"e168\"\nname = \"h\"\nclock_mhz = 200\n")]);
    let kws = model("kws_dscnn_f32.onnx");
    let found = nasc_in(dir.path(), &["cost", &kws, "--hardware", "h.toml", "--json"]).json();
    let totals = &found["totals"];
    let cycles = totals["cycles"]["value"].as_f64().expect("a figure");
    assert_eq!(totals["latency_ms"]["value"].as_f64(), Some(cycles / 200.0 / 1e3));
}

#[test]
fn a_target_or_a_machine_is_asked_for_and_not_both() {
    let kws = model("kws_dscnn_f32.onnx");
    nasc(&["cost", &kws]).refused_with(&["--hardware", "--target"]);
    nasc(&["cost", &kws, "--hardware", "e168", "--target", "host-c"]).refused_with(&["--target"]);
    nasc(&["cost", &kws, "--target", "host-c", "--set", "rows=3"]).refused_with(&["--set"]);
    nasc(&["cost", "no-such.onnx", "--hardware", "e168"]).refused_with(&["no-such.onnx"]);
}
