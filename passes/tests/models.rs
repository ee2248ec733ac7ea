//! Models from files: the same outputs behind the default pipeline, and what is left of each network.

use formats::{ImportOptions, import};
use ir::{Graph, Kind, Tensor};
use nasc_passes::random::inputs;
use nasc_passes::{Context, Registry, Run};
use std::path::PathBuf;

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
        lines.push(format!("{name}\n  {}\n  {}", census(&before), census(&after)));
    }
    insta::assert_snapshot!(lines.join("\n"), @r"
    ic_resnet8_f32.onnx
      add 3, avg_pool2d 1, conv2d 9, dense 1, relu 7, reshape 2, softmax 1
      avg_pool2d 1, conv2d 9, dense 1, reshape 1, softmax 1
    ic_resnet8_f32.tflite
      add 3, avg_pool2d 1, conv2d 9, dense 1, reshape 1, softmax 1
      avg_pool2d 1, conv2d 9, dense 1, reshape 1, softmax 1
    ic_resnet8_int8.tflite
      add 3, avg_pool2d 1, conv2d 9, dense 1, reshape 1, softmax 1
      avg_pool2d 1, conv2d 9, dense 1, reshape 1, softmax 1
    kws_dscnn_f32.onnx
      avg_pool2d 1, conv2d 9, dense 1, relu 9, reshape 2, softmax 1
      avg_pool2d 1, conv2d 9, dense 1, reshape 1, softmax 1
    kws_dscnn_f32.tflite
      avg_pool2d 1, conv2d 9, dense 1, dequantize 5, reshape 1, softmax 1
      avg_pool2d 1, conv2d 9, dense 1, reshape 1, softmax 1
    kws_dscnn_int8.tflite
      avg_pool2d 1, conv2d 9, dense 1, reshape 1, softmax 1
      avg_pool2d 1, conv2d 9, dense 1, reshape 1, softmax 1
    autoencoder.onnx
      batch_norm 3, dense 4, relu 3
      dense 4
    efficientnet_mbconv.onnx
      batch_norm 3, conv2d 5, mean 1, mul 4, sigmoid 4
      conv2d 5, mean 1, mul 1, sigmoid 1, silu 3
    embedding.onnx
      add 1, gather 1, matmul 2, softmax 1, sum 1, transpose 1
      add 1, gather 1, matmul 2, softmax 1, sum 1, transpose 1
    mobilenet_v3_block.onnx
      add 2, batch_norm 3, conv2d 5, div 1, hard_sigmoid 1, hard_swish 1, mean 1, mul 2, relu 1, relu6 1
      conv2d 5, hard_sigmoid 1, hard_swish 2, mean 1, mul 1
    modern_ops.onnx
      clip 1, concat 2, expand 1, gelu 2, log 1, maximum 2, mean 1, neg 3, prelu 1, reduce_max 1, reshape 7, resize2d 1, slice 3, softmax 1, tanh 1, transpose 2
      clip 1, concat 2, expand 1, gelu 2, log 1, maximum 2, mean 1, neg 3, prelu 1, reduce_max 1, reshape 5, resize2d 1, slice 3, softmax 1, tanh 1, transpose 2
    nasbench201_cell.onnx
      add 3, avg_pool2d 1, batch_norm 4, conv2d 3, dense 1, mean 1, mul 1, relu 4, reshape 1
      add 1, avg_pool2d 1, batch_norm 1, conv2d 3, dense 1, mean 1, mul 1, relu 3, reshape 1
    qdq_int16.onnx
      add 1, conv2d 3, dense 1, dequantize 16, mean 1, quantize 8, reshape 1
      conv2d 3, dense 1, dequantize 1, mean 1, quantize 1, reshape 1
    qdq_int4_blocks.onnx
      dense 2, dequantize 4, quantize 1
      dense 2, dequantize 2, quantize 1
    qdq_per_channel.onnx
      add 1, conv2d 3, dense 1, dequantize 16, mean 1, quantize 8, reshape 1
      conv2d 3, dense 1, dequantize 1, mean 1, quantize 1, reshape 1
    qdq_per_tensor.onnx
      add 1, conv2d 3, dense 1, dequantize 16, mean 1, quantize 8, reshape 1
      conv2d 3, dense 1, dequantize 1, mean 1, quantize 1, reshape 1
    qdq_uint8_weights.onnx
      add 1, conv2d 3, dense 1, dequantize 16, mean 1, quantize 8, reshape 1
      conv2d 3, dense 1, dequantize 1, mean 1, quantize 1, reshape 1
    resnet_block.onnx
      add 1, avg_pool2d 1, conv2d 4, leaky_relu 1, max_pool2d 1, relu 2, reshape 3, softmax 1
      avg_pool2d 1, conv2d 4, leaky_relu 1, max_pool2d 1, reshape 2, softmax 1
    tcn.onnx
      add 3, conv1d 3, dense 1, elu 2, max_pool2d 1, mul 2, pad 2, reshape 3, slice 1
      add 2, conv1d 3, dense 1, elu 2, max_pool2d 1, reshape 3, slice 1
    tfl_flatten_int8.tflite
      conv2d 1, dense 1, reshape 1, transpose 1
      conv2d 1, dense 1, reshape 1, transpose 1
    tfl_int16.tflite
      conv2d 2, dense 1, reshape 1, transpose 1
      conv2d 2, dense 1, reshape 1, transpose 1
    tfl_mobilenet_v3_int8.tflite
      add 1, conv2d 5, hard_swish 1, mean 1, mul 1, sigmoid 1
      conv2d 5, hard_swish 1, mean 1, mul 1, sigmoid 1
    tfl_ops_float.tflite
      add 1, concat 1, conv2d 1, gelu 1, matmul 1, maximum 1, mul 2, pad 1, prelu 1, reciprocal 1, reduce_max 1, reshape 3, resize2d 1, slice 3, softmax 1, sqrt 1, sub 1, transpose 4
      add 1, concat 1, conv2d 1, div 1, gelu 1, matmul 1, maximum 1, mul 1, pad 1, prelu 1, reduce_max 1, reshape 2, resize2d 1, slice 3, softmax 1, sqrt 1, sub 1, transpose 4
    tfl_ops_int8.tflite
      avg_pool2d 1, concat 1, dequantize 1, leaky_relu 1, max_pool2d 1, mean 1, pad 1, quantize 1, requantize 1, softmax 1, sub 1, tanh 1
      avg_pool2d 1, concat 1, dequantize 1, leaky_relu 1, max_pool2d 1, mean 1, pad 1, quantize 1, requantize 1, softmax 1, sub 1, tanh 1
    tfl_uint8.tflite
      conv2d 2
      conv2d 2
    vit_block.onnx
      add 10, concat 1, conv2d 1, dense 5, div 2, erf 1, layer_norm 2, matmul 2, mean 2, mul 4, pow 1, reshape 7, slice 4, softmax 1, sqrt 1, sub 1, transpose 4
      add 3, attention 1, concat 1, conv2d 1, dense 5, gelu 1, layer_norm 3, reshape 7, slice 4, transpose 3
    vww_mobilenetv1_025_int8.tflite
      avg_pool2d 1, conv2d 27, dense 1, reshape 1, softmax 1
      avg_pool2d 1, conv2d 27, dense 1, reshape 1, softmax 1
    ");
}
