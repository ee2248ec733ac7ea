//! Imported networks compute what onnxruntime and LiteRT computed: the models of `tests/models` through the interpreter.

use std::path::PathBuf;

use ir::{Graph, Tensor};
use nasc_formats::{ImportOptions, Imported, Notice, Rounding, import, npy};

fn models() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/models")
}

/// Imports a model of `made/`, which must verify.
fn made(name: &str, options: &ImportOptions) -> Imported {
    let imported =
        import(models().join("made").join(name), options).unwrap_or_else(|e| panic!("{name}: {e}"));
    let findings = ir::verify(&imported.graph);
    assert!(findings.is_empty(), "{name}: {findings:?}");
    imported
}

/// Inputs and outputs of `NAME.npz` in the order of the graph.
fn vectors(name: &str, graph: &Graph) -> (Vec<Tensor>, Vec<Tensor>) {
    let stem = name.split('.').next().unwrap_or(name);
    let arrays = npy::read_npz(models().join("made").join(format!("{stem}.npz"))).expect("carried vectors");
    let (mut inputs, mut outputs) = (Vec::new(), Vec::new());
    for value in graph.inputs() {
        let wanted = format!("in.{}", graph.label(*value));
        let found = arrays.iter().find(|(array, _)| *array == wanted);
        inputs.push(found.unwrap_or_else(|| panic!("{name}: no `{wanted}`")).1.clone());
    }
    for (array, tensor) in arrays {
        if array.starts_with("out.") {
            outputs.push(tensor);
        }
    }
    (inputs, outputs)
}

/// The largest difference of any output.
fn difference(name: &str, options: &ImportOptions) -> f32 {
    let graph = made(name, options).graph;
    let (inputs, expected) = vectors(name, &graph);
    let found = interp::run(&graph, &inputs).unwrap_or_else(|e| panic!("{name}: {e}"));
    assert_eq!(found.len(), expected.len(), "{name}");
    let mut largest = 0f32;
    for (found, expected) in found.iter().zip(&expected) {
        assert_eq!(found.shape(), expected.shape(), "{name}");
        for (a, b) in found.to_f32().iter().zip(expected.to_f32()) {
            assert!(a.is_finite(), "{name}");
            largest = largest.max((a - b).abs());
        }
    }
    largest
}

#[test]
fn float_onnx_models_give_onnxruntimes_outputs() {
    let with =
        |dim: &str, extent| ImportOptions { dims: [(dim.to_owned(), extent)].into(), ..Default::default() };
    let cases = [
        ("nasbench201_cell.onnx", ImportOptions::default()),
        ("mobilenet_v3_block.onnx", ImportOptions::default()),
        ("efficientnet_mbconv.onnx", ImportOptions::default()),
        ("resnet_block.onnx", ImportOptions::default()),
        ("tcn.onnx", ImportOptions::default()),
        ("vit_block.onnx", ImportOptions::default()),
        ("modern_ops.onnx", ImportOptions::default()),
        ("autoencoder.onnx", ImportOptions::default()),
        ("embedding.onnx", with("seq", 7)),
    ];
    for (name, options) in cases {
        let difference = difference(name, &options);
        assert!(difference < 2e-5, "{name}: {difference}");
    }
}

#[test]
fn quantized_onnx_models_give_onnxruntimes_outputs() {
    let cases = ["per_tensor", "per_channel", "uint8_weights", "int16", "int4_blocks"];
    for name in cases {
        let difference = difference(&format!("qdq_{name}.onnx"), &ImportOptions::default());
        assert_eq!(difference, 0.0, "{name}");
    }
}

/// Outputs of `made/NAME.tflite` under a rounding profile, and the arrays `PREFIX.` of its vectors.
fn outputs(name: &str, rounding: Rounding, prefix: &str) -> (Vec<Tensor>, Vec<Tensor>) {
    let options = ImportOptions { rounding, ..ImportOptions::default() };
    let graph = made(&format!("{name}.tflite"), &options).graph;
    let (inputs, _) = vectors(name, &graph);
    let arrays = npy::read_npz(models().join("made").join(format!("{name}.npz"))).expect("carried vectors");
    let expected =
        arrays.into_iter().filter(|(array, _)| array.starts_with(prefix)).map(|(_, tensor)| tensor);
    (interp::run(&graph, &inputs).unwrap_or_else(|e| panic!("{name}: {e}")), expected.collect())
}

#[test]
fn integer_tflite_operators_give_litert_s_outputs_bit_for_bit() {
    for name in ["mobilenet_v3_int8", "ops_int8", "flatten_int8", "uint8", "int16", "blocks_int8"] {
        for (rounding, prefix) in [(Rounding::TfliteRef, "out."), (Rounding::TfliteBuiltin, "builtin.")] {
            let (found, expected) = outputs(&format!("tfl_{name}"), rounding, prefix);
            assert_eq!(found.len(), expected.len(), "{name}");
            // The optimized requantization kernel rounds its halves elsewhere, and the optimized dequantization multiplies
            // before it subtracts: there the profile `tflite-builtin` is one step, or one unit in the last place, away.
            let step = if (name, rounding) == ("ops_int8", Rounding::TfliteBuiltin) { 1.0 } else { 0.0 };
            for (i, (found, expected)) in found.iter().zip(&expected).enumerate() {
                let step = if found.element().is_float() { step * 1e-7 } else { step };
                let pairs = found.to_reals().into_iter().zip(expected.to_reals());
                let worst = pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
                assert!(worst <= step, "{name}, {}, output {i}: {worst}", rounding.name());
            }
        }
    }
}

#[test]
fn float_tflite_operators_give_litert_s_outputs() {
    let (found, expected) = outputs("tfl_ops_float", Rounding::TfliteRef, "out.");
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(&expected) {
        assert_eq!(found.shape(), expected.shape());
        let pairs = found.to_f32().into_iter().zip(expected.to_f32());
        let worst = pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(worst < 1e-5, "{worst}");
    }
}

#[test]
fn integer_networks_give_litert_s_outputs_bit_for_bit() {
    for name in ["ic_resnet8_int8", "kws_dscnn_int8", "vww_mobilenetv1_025_int8"] {
        let graph =
            import(models().join(format!("{name}.tflite")), &ImportOptions::default()).expect(name).graph;
        assert!(ir::verify(&graph).is_empty(), "{name}");
        let golden = npy::read_npz(models().join(format!("golden_{name}.npz"))).expect("carried vectors");
        let array = |wanted: &str| &golden.iter().find(|(array, _)| array == wanted).expect("x and y").1;
        let (x, y) = (array("x"), array("y"));
        let runs = x.shape()[0];
        let (size, width) = (x.len() / runs, y.len() / runs);
        let input = interp::layout::interface_shape(graph.ty(graph.inputs()[0]), graph.layout);
        for run in 0..runs {
            let bytes = x.bytes()[run * size..(run + 1) * size].to_vec();
            let given = Tensor::from_bytes(ir::Element::I8, input.clone(), bytes).expect("one input");
            let found = interp::run(&graph, &[given]).expect(name);
            assert_eq!(found[0].bytes(), &y.bytes()[run * width..(run + 1) * width], "{name}, run {run}");
        }
    }
}

#[test]
fn the_same_float_network_from_both_formats_computes_the_same() {
    let options = ImportOptions::default();
    for name in ["ic_resnet8_f32", "kws_dscnn_f32"] {
        let one = import(models().join(format!("{name}.tflite")), &options).expect(name).graph;
        let two = import(models().join(format!("{name}.onnx")), &options).expect(name).graph;
        let shape = interp::layout::interface_shape(one.ty(one.inputs()[0]), one.layout);
        let count: usize = shape.iter().product();
        let values: Vec<f32> = (0..count).map(|i| ((i * 37 % 101) as f32 - 50.0) / 25.0).collect();
        let [_, h, w, c] = shape[..] else { panic!("an image") };
        let nchw: Vec<f32> = (0..count).map(|i| values[(i % (h * w)) * c + i / (h * w)]).collect();
        let a = interp::run(&one, &[Tensor::from_f32(shape.clone(), &values)]).expect(name)[0].to_f32();
        let b = interp::run(&two, &[Tensor::from_f32([1, c, h, w], &nchw)]).expect(name)[0].to_f32();
        let worst = a.iter().zip(&b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(worst < 1e-4, "{name}: {worst}");
    }
}

#[test]
fn decisions_of_the_import_are_reported_as_data() {
    let imported = made("vit_block.onnx", &ImportOptions::default());
    let batch = Notice::Fixed { input: "x".into(), axis: 0, dim: Some("batch".into()), extent: 1 };
    assert_eq!(imported.notices, [batch]);
    let hybrid = import(models().join("kws_dscnn_f32.tflite"), &ImportOptions::default()).expect("imported");
    assert!(hybrid.notices.contains(&Notice::DynamicRange { layers: 5 }), "{:?}", hybrid.notices);
}

#[test]
fn a_dynamic_axis_that_is_no_batch_must_be_given() {
    let refused = import(models().join("made/embedding.onnx"), &ImportOptions::default()).expect_err("`seq`");
    let expected = "input 0, `tokens`: axis 1 (`seq`) is dynamic, a fixed extent, or one for `seq` in the import options expected";
    assert_eq!(refused.to_string(), expected);
}

#[test]
fn shapes_masks_and_reordered_weights_are_computed_at_import() {
    let graph = made("vit_block.onnx", &ImportOptions::default()).graph;
    let used = |op: &str| graph.values().filter(|v| graph.node(*v).is(op)).count();
    assert_eq!((used("gather"), used("expand"), used("dense")), (0, 0, 5));
}

#[test]
fn a_convolutional_tflite_network_needs_no_transpose() {
    for name in ["ic_resnet8_int8", "kws_dscnn_int8", "vww_mobilenetv1_025_int8", "ic_resnet8_f32"] {
        let graph =
            import(models().join(format!("{name}.tflite")), &ImportOptions::default()).expect(name).graph;
        let transposes = graph.values().filter(|v| graph.node(*v).is("transpose")).count();
        assert_eq!(transposes, 0, "{name}");
    }
}

#[test]
fn imported_graphs_come_back_from_the_text_form() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    for name in ["kws_dscnn_int8.tflite", "made/vit_block.onnx", "made/qdq_int4_blocks.onnx"] {
        let graph = import(models().join(name), &ImportOptions::default()).expect(name).graph;
        let path = dir.path().join("m.nasc");
        nasc_formats::nasc::save(&graph, &path).expect("saved");
        assert_eq!(import(&path, &ImportOptions::default()).expect("loaded").graph, graph, "{name}");
    }
}
