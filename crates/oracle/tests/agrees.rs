//! The interpreter and tract agree on every op and every carried float network.

use formats::ImportOptions;
use ir::Tensor;
use std::path::PathBuf;
use testkit::ops;

/// How far two float results may be apart: relative to the larger magnitudes of the result, since sums cancel.
///
/// Sums of at most 200 products of values up to 9 differ by their order: 200 roundings of 2^-24 relative to partial sums
/// of up to 200 * 9, against results of that size, is 1.2e-5. tract's exponentials, sigmoid, tanh and erf are rational
/// approximations with errors up to 2e-7 (erf: 1.5e-7 absolute), which a subtraction may leave standing alone: 1e-5 covers
/// both beside results of magnitude 1.
const TOLERANCE: f32 = 2e-5;

fn distance(found: &[f32], expected: &[f32]) -> f32 {
    let most = expected.iter().filter(|v| v.is_finite()).fold(1f32, |m, v| m.max(v.abs()));
    let apart = |(a, b): (&f32, &f32)| if a == b || (a.is_nan() && b.is_nan()) { 0.0 } else { (a - b).abs() };
    found
        .iter()
        .zip(expected)
        .map(apart)
        .fold(0.0, |m: f32, d| if d.is_nan() { f32::INFINITY } else { m.max(d) })
        / most
}

#[test]
fn every_op_means_the_same_to_both() {
    let mut faults = Vec::new();
    for op in ir::op::all() {
        for (i, case) in ops::float(op.name).into_iter().enumerate() {
            for seed in 0..3 {
                let inputs = case.inputs(seed);
                let here = nasc_oracle::run(&case.graph, &inputs);
                let there = interp::run(&case.graph, &inputs);
                let (Ok(here), Ok(there)) = (&here, &there) else {
                    faults.push(format!("{} {i}: {:?} {:?}", op.name, here.err(), there.err()));
                    break;
                };
                let apart = distance(&there[0].to_f32(), &here[0].to_f32());
                if here[0].shape() != there[0].shape() || apart > TOLERANCE {
                    faults.push(format!("{} {i}, seed {seed}: {apart:e} apart", op.name));
                }
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// One rounding to 11 bits in each: results next to a tie go different ways, one unit in the last place apart.
#[test]
fn half_precision_is_one_rounding_away_from_single() {
    for op in ir::op::all().filter(|op| !["quantize", "cast"].contains(&op.name)) {
        for case in ops::float(op.name) {
            let inputs: Vec<Tensor> = case.inputs(1).iter().map(half).collect();
            let text = case.graph.to_text().replace("f32", "f16");
            let graph =
                ir::parse(&text, &ir::NoWeights).unwrap_or_else(|faults| panic!("{faults:?}\n{text}"));
            let here = nasc_oracle::run(&graph, &inputs).unwrap_or_else(|e| panic!("{e}\n{text}"));
            let there = interp::run(&graph, &inputs).unwrap_or_else(|e| panic!("{e}\n{text}"));
            let apart = distance(&there[0].to_f32(), &here[0].to_f32());
            assert!(
                here[0].element() == ir::Element::F16 && apart <= 2f32.powi(-10),
                "{apart:e} apart\n{text}"
            );
        }
    }
}

fn half(data: &Tensor) -> Tensor {
    if !data.element().is_float() {
        return data.clone();
    }
    Tensor::from_reals(ir::Element::F16, data.shape(), data.to_reals())
}

#[test]
fn dequantization_is_the_same_to_both() {
    // tract has no quantization per group.
    let case = &ops::quantized("dequantize")[0];
    let inputs = case.inputs(1);
    let (here, there) = (nasc_oracle::run(&case.graph, &inputs), interp::run(&case.graph, &inputs));
    assert_eq!(here.expect("expressed"), there.expect("a kernel"));
}

fn network(file: &str, tolerance: f32) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/models").join(file);
    let imported = formats::import(path, &ImportOptions::default());
    let graph = imported.unwrap_or_else(|e| panic!("{file}: {e}")).graph;
    let mut state = 7u32;
    let mut random = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        f32::from(u8::try_from(state >> 24).expect("8 bits")) / 128.0 - 1.0
    };
    let inputs: Vec<Tensor> = graph
        .inputs()
        .iter()
        .map(|value| {
            let shape = interp::layout::interface_shape(graph.ty(*value), graph.layout);
            let values: Vec<f32> = (0..graph.ty(*value).elements()).map(|_| random()).collect();
            Tensor::from_f32(shape, &values)
        })
        .collect();
    let here = nasc_oracle::run(&graph, &inputs).unwrap_or_else(|e| panic!("{file}: {e}"));
    let there = interp::run(&graph, &inputs).unwrap_or_else(|e| panic!("{file}: {e}"));
    let apart = distance(&there[0].to_f32(), &here[0].to_f32());
    assert!(apart <= tolerance, "{file}: {apart:e} apart");
}

/// A network's error is that of its layers, each up to [`TOLERANCE`], through at most 30 of them.
#[test]
fn image_classification_means_the_same_to_both() {
    network("ic_resnet8_f32.onnx", 30.0 * TOLERANCE);
    network("ic_resnet8_f32.tflite", 30.0 * TOLERANCE);
}

#[test]
fn keyword_spotting_means_the_same_to_both() {
    network("kws_dscnn_f32.onnx", 30.0 * TOLERANCE);
}

#[test]
fn quantized_arithmetic_is_refused_by_name() {
    let case = &ops::quantized("add")[0];
    let refused = nasc_oracle::run(&case.graph, &case.inputs(0)).expect_err("integers are the interpreter's");
    assert_eq!(
        refused.to_string(),
        "node `result` (add) has no expression in tract: quantized operands are computed in integers"
    );
}

#[test]
fn inputs_that_do_not_fit_and_missing_weights_are_refused() {
    let graph = &ops::float("relu")[0].graph;
    let refused = nasc_oracle::run(graph, &[]).expect_err("no input").to_string();
    assert_eq!(refused, "input 0 is the last of 0, 1 inputs expected");
    let refused = nasc_oracle::run(graph, &[Tensor::from_f32([2], &[1.0, 2.0])]).expect_err("another shape");
    assert_eq!(refused.to_string(), "input 0 is Tensor(f32[2], 8 bytes), f32[2, 3, 5] expected");
    let text = "graph @t(%x: f32[2]) { const %w = @w : f32[2]\n %y = add %x, %w\n return %y }";
    let untrained = ir::parse(text, &ir::NoWeights).expect("well-formed");
    let refused = nasc_oracle::run(&untrained, &[Tensor::from_f32([2], &[1.0, 2.0])]).expect_err("untrained");
    assert_eq!(refused.to_string(), "weight `w` has no data");
}
