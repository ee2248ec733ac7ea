//! Models from files: the same outputs behind the default pipeline, and what is left of each network.

use formats::{ImportOptions, import};
use ir::{Graph, Kind, Tensor};
use nasc_passes::random::inputs;
use nasc_passes::{Context, Registry, Run};
use std::path::PathBuf;

/// Models of which the test shows what is left.
const SHOWN: [&str; 9] = [
    "autoencoder.onnx",
    "efficientnet_mbconv.onnx",
    "ic_resnet8_f32.onnx",
    "kws_dscnn_f32.tflite",
    "mobilenet_v3_block.onnx",
    "qdq_per_channel.onnx",
    "tfl_mobilenet_v3_int8.tflite",
    "vit_block.onnx",
    "vww_mobilenetv1_025_int8.tflite",
];

/// Every model under `tests/models`, by path.
fn models() -> Vec<PathBuf> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../tests/models");
    let list = |folder: PathBuf| std::fs::read_dir(folder).expect("the project carries its test models");
    let entries = list(root.clone()).chain(list(root.join("made")));
    let mut models: Vec<PathBuf> = entries
        .map(|entry| entry.expect("a readable folder").path())
        .filter(|path| path.extension().is_some_and(|e| e == "onnx" || e == "tflite"))
        .collect();
    models.sort();
    models
}

fn optimised(graph: &Graph) -> Graph {
    let pipeline = Registry::standard().pipeline("default").expect("known passes");
    let mut after = graph.clone();
    let report = pipeline.run(&mut after, &Context::default(), &mut Run { verify: true, after: None });
    for stats in report.expect("sound passes").stats {
        assert!(!stats.outcome.cut && stats.outcome.refused.is_empty(), "{}: {stats:#?}", graph.name);
    }
    after
}

/// How often each op is used, by name.
fn census(graph: &Graph) -> String {
    let mut counts = std::collections::BTreeMap::new();
    for value in graph.values() {
        if let Kind::Op { op, .. } = graph.node(value).kind() {
            *counts.entry(op.name).or_insert(0) += 1;
        }
    }
    counts.iter().map(|(name, n)| format!("{name} {n}")).collect::<Vec<_>>().join(", ")
}

/// The largest difference, as a part of the largest value of a float output, or in steps of an integer one.
fn difference(before: &Tensor, after: &Tensor) -> f64 {
    assert_eq!((before.element(), before.shape()), (after.element(), after.shape()));
    let (a, b) = (before.to_reals(), after.to_reals());
    let largest = a.iter().fold(1e-6f64, |m, v| m.max(v.abs()));
    let unit = if before.element().is_float() { largest } else { 1.0 };
    a.iter().zip(&b).map(|(a, b)| (a - b).abs() / unit).fold(0.0, f64::max)
}

#[test]
fn every_model_gives_the_same_outputs_behind_the_default_pipeline() {
    let mut lines = Vec::new();
    for path in models() {
        let name = path.file_name().expect("a file").to_string_lossy().into_owned();
        let dims = [("seq".to_owned(), 4)].into();
        let options = ImportOptions { dims, ..ImportOptions::default() };
        let before = import(&path, &options).unwrap_or_else(|e| panic!("{name}: {e}")).graph;
        let after = optimised(&before);
        let inputs = inputs(&before, 1);
        let expected = interp::run(&before, &inputs).unwrap_or_else(|e| panic!("{name}: {e}"));
        let found = interp::run(&after, &inputs).unwrap_or_else(|e| panic!("{name}: {e}"));
        let difference = expected.iter().zip(&found).map(|(a, b)| difference(a, b)).fold(0.0, f64::max);
        // Folding quantization is exact up to a step, seen by a float output behind it; the rest is the order of sums.
        let qdq = before.values().any(|v| before.node(v).is("quantize"));
        let float = expected.iter().any(|t| t.element().is_float());
        let allowed = if qdq {
            0.01
        } else if float {
            1e-5
        } else {
            0.0
        };
        assert!(difference <= allowed, "{name}: {difference:e}");
        if SHOWN.contains(&name.as_str()) {
            lines.push(format!("{name}\n  {}\n  {}", census(&before), census(&after)));
        }
    }
    insta::assert_snapshot!(lines.join("\n"), @r"
    ic_resnet8_f32.onnx
      add 3, avg_pool2d 1, conv2d 9, dense 1, relu 7, reshape 2, softmax 1
      avg_pool2d 1, conv2d 9, dense 1, reshape 1, softmax 1
    kws_dscnn_f32.tflite
      avg_pool2d 1, conv2d 9, dense 1, dequantize 5, reshape 1, softmax 1
      avg_pool2d 1, conv2d 9, dense 1, reshape 1, softmax 1
    autoencoder.onnx
      batch_norm 3, dense 4, relu 3
      dense 4
    efficientnet_mbconv.onnx
      batch_norm 3, conv2d 5, mean 1, mul 4, sigmoid 4
      conv2d 5, mean 1, mul 1, sigmoid 1, silu 3
    mobilenet_v3_block.onnx
      add 2, batch_norm 3, conv2d 5, div 1, hard_sigmoid 1, hard_swish 1, mean 1, mul 2, relu 1, relu6 1
      conv2d 5, hard_sigmoid 1, hard_swish 2, mean 1, mul 1
    qdq_per_channel.onnx
      add 1, conv2d 3, dense 1, dequantize 16, mean 1, quantize 8, reshape 1
      conv2d 3, dense 1, dequantize 1, mean 1, quantize 1, reshape 1
    tfl_mobilenet_v3_int8.tflite
      add 1, conv2d 5, hard_swish 1, mean 1, mul 1, sigmoid 1
      conv2d 5, hard_swish 1, mean 1, mul 1, sigmoid 1
    vit_block.onnx
      add 10, concat 1, conv2d 1, dense 5, div 2, erf 1, layer_norm 2, matmul 2, mean 2, mul 4, pow 1, reshape 7, slice 4, softmax 1, sqrt 1, sub 1, transpose 4
      add 3, attention 1, concat 1, conv2d 1, dense 5, gelu 1, layer_norm 3, reshape 7, slice 4, transpose 3
    vww_mobilenetv1_025_int8.tflite
      avg_pool2d 1, conv2d 27, dense 1, reshape 1, softmax 1
      avg_pool2d 1, conv2d 27, dense 1, reshape 1, softmax 1
    ");
}
