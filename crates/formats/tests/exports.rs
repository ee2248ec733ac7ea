//! Exported models give what the interpreter gives: ONNX in onnxruntime, TFLite in LiteRT.
//!
//! Needs a Python with onnx, onnxruntime and ai-edge-litert: the one `NASC_PYTHON` names, or `.venv` under the project's root, which
//! `cargo xtask setup` makes.

use std::path::PathBuf;
use std::process::Command;

use ir::{Element, Graph, Tensor};
use nasc_formats::{Format, ImportOptions, export, import, npy};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn python() -> PathBuf {
    std::env::var_os("NASC_PYTHON").map_or_else(|| root().join(".venv/bin/python"), PathBuf::from)
}

/// Numbers of some variety, from a position.
fn number(i: usize, seed: usize) -> f64 {
    (((i + seed) * 7919 % 2003) as f64 - 1001.0) / 400.0
}

/// An input of the graph, in the interface's layout.
fn input(graph: &Graph, at: usize) -> Tensor {
    let ty = graph.ty(graph.inputs()[at]);
    let shape = interp::layout::interface_shape(ty, graph.layout);
    let count: usize = shape.iter().product();
    match ty.element.range() {
        None => Tensor::from_reals(ty.element, shape, (0..count).map(|i| number(i, at))),
        // Token numbers stay small.
        Some((low, high)) if ty.element != Element::I64 => {
            let span = high - low + 1;
            let list: Vec<i64> = (0..count).map(|i| low + (i as i64 * 7919 + at as i64) % span).collect();
            Tensor::from_ints(ty.element, shape, &list)
        }
        Some(_) => {
            Tensor::from_ints(ty.element, shape, &(0..count).map(|i| i as i64 % 5).collect::<Vec<_>>())
        }
    }
}

/// Exports each graph, runs all of them in the format's own runtime, and gives for each the outputs of both.
fn both(graphs: &[(String, Graph)], format: Format) -> Vec<(Vec<Tensor>, Vec<Tensor>)> {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let place = |i: usize, what: &str| dir.path().join(format!("{i}.{what}"));
    let mut command = Command::new(python());
    command.arg(root().join(format!("tests/models/run_{}.py", format.name())));
    let mut ours = Vec::new();
    for (i, (name, graph)) in graphs.iter().enumerate() {
        export(graph, place(i, format.name()), format).unwrap_or_else(|e| panic!("{name}: {e}"));
        let inputs: Vec<Tensor> = (0..graph.inputs().len()).map(|at| input(graph, at)).collect();
        let labels: Vec<String> = graph.inputs().iter().map(|v| graph.label(*v)).collect();
        let arrays = labels.iter().map(String::as_str).zip(&inputs);
        npy::write_npz(place(i, "in.npz"), arrays).expect("written");
        ours.push(interp::run(graph, &inputs).unwrap_or_else(|e| panic!("{name}: {e}")));
        command.args([place(i, format.name()), place(i, "in.npz"), place(i, "out.npz")]);
    }
    let run = command.output();
    let run = run.unwrap_or_else(|e| {
        panic!("{}: {e}; `cargo xtask setup` makes it, NASC_PYTHON names another", python().display())
    });
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    let theirs =
        (0..graphs.len()).map(|i| npy::read_npz(place(i, "out.npz")).expect("the runtime's outputs"));
    let theirs = theirs.map(|arrays| arrays.into_iter().map(|(_, tensor)| tensor).collect());
    ours.into_iter().zip(theirs).collect()
}

fn models(names: &[&str]) -> Vec<(String, Graph)> {
    let options = ImportOptions { dims: [("seq".to_owned(), 7)].into(), ..Default::default() };
    let model = |name: &&str| {
        let graph = import(root().join("tests/models").join(name), &options)
            .unwrap_or_else(|e| panic!("{name}: {e}"));
        ((*name).to_owned(), graph.graph)
    };
    names.iter().map(model).collect()
}

/// Ops no carried model has, and paddings that are no format's own: float, in both layouts.
fn variety(layout: ir::Layout) -> (String, Graph) {
    let mut graph = Graph::new("variety");
    graph.layout = layout;
    let float = |shape: &[usize]| ir::Type::new(Element::F32, shape);
    let mut count = 0;
    let mut weight = |graph: &mut Graph, shape: &[usize]| {
        count += 1;
        let values: Vec<f32> =
            (0..shape.iter().product()).map(|i| number(i, 31 * count) as f32 / 4.0).collect();
        graph.add_const(Some(format!("w{count}")), float(shape), Tensor::from_f32(shape, &values))
    };
    let x = graph.add_input("x", float(&[1, 4, 7, 6]));
    let s = graph.add_input("s", float(&[1, 4, 9]));
    let q = graph.add_input("q", float(&[1, 2, 5, 4]));
    let ints = |list: &[i64]| ir::Attr::Ints(list.to_vec());
    let op = |graph: &mut Graph, name: &str, operands: &[ir::Value], attrs: &[(&str, ir::Attr)]| {
        let op = ir::Op::named(name).expect("an op of the table");
        let operands: Vec<_> = operands.iter().copied().map(Some).collect();
        let attrs = attrs.iter().map(|(name, attr)| ((*name).to_owned(), attr.clone()));
        graph.add(op, &operands, attrs, None).unwrap_or_else(|e| panic!("{e}"))
    };
    let g = &mut graph;
    let (w, b) = (weight(g, &[6, 2, 3, 2]), weight(g, &[6]));
    let uneven = [("pad", ints(&[2, 0, 1, 1])), ("groups", ir::Attr::Int(2)), ("dilation", ints(&[1, 2]))];
    let conv = op(g, "conv2d", &[x, w, b], &uneven);
    let silu = op(g, "silu", &[conv], &[]);
    let (w, r) = (weight(g, &[6, 1, 3, 3]), weight(g, &[6, 1, 1]));
    let act = ("act", ir::Attr::Word("relu6".into()));
    let depthwise = [("pad", ints(&[1, 1, 1, 1])), ("groups", ir::Attr::Int(6))];
    let depth = op(g, "conv2d", &[silu, w], &depthwise);
    let depth = op(g, "add", &[depth, r], &[act]);
    let (w, twice) = (weight(g, &[6, 6, 1, 1]), op(g, "hard_sigmoid", &[depth], &[]));
    let residual = ir::Op::named("conv2d").expect("an op of the table");
    let residual = g.add(residual, &[Some(depth), Some(w), None, Some(twice)], [], None).expect("sound");
    let window = [("kernel", ints(&[3, 3])), ("stride", ints(&[2, 1])), ("pad", ints(&[0, 1, 1, 0]))];
    let counted = [&window[..], &[("count_pad", ir::Attr::Int(1))]].concat();
    let pools = [op(g, "max_pool2d", &[residual], &window), op(g, "avg_pool2d", &[residual], &counted)];
    let pooled = op(g, "concat", &pools, &[("axis", ir::Attr::Int(1))]);
    let soft = op(g, "softmax", &[pooled], &[("axis", ir::Attr::Int(2)), ("beta", ir::Attr::Float(0.5))]);
    let params: Vec<_> = (0..3).map(|_| weight(g, &[4])).collect();
    let spread = g.add_const(None, float(&[4]), Tensor::from_f32([4], &[0.5, 1.0, 2.0, 0.25]));
    let norm = op(g, "batch_norm", &[s, params[0], params[1], params[2], spread], &[]);
    let (w, v) = (weight(g, &[6, 4, 3]), weight(g, &[6, 1, 2]));
    let line = op(g, "conv1d", &[norm, w], &[("pad", ints(&[4, 0])), ("dilation", ints(&[2]))]);
    let line = op(g, "conv1d", &[line, v], &[("groups", ir::Attr::Int(6)), ("stride", ints(&[2]))]);
    let (gamma, beta) = (weight(g, &[4]), weight(g, &[4]));
    let layer = op(g, "layer_norm", &[line], &[]);
    let rows = op(g, "transpose", &[layer], &[("perm", ints(&[0, 2, 1]))]);
    let k = op(g, "layer_norm", &[q, gamma, beta], &[("axis", ir::Attr::Int(-1))]);
    let mixed =
        op(g, "attention", &[q, k, k], &[("scale", ir::Attr::Float(0.5)), ("causal", ir::Attr::Int(1))]);
    let plain = op(g, "matmul", &[mixed, k], &[("transpose_b", ir::Attr::Int(1))]);
    let grown = op(g, "exp", &[plain], &[]);
    let squashed = op(g, "reciprocal", &[grown], &[]);
    graph.set_outputs([soft, rows, squashed]);
    assert!(ir::verify(&graph).is_empty(), "{:?}", ir::verify(&graph));
    (format!("variety, {layout}"), graph)
}

#[test]
fn ops_and_paddings_of_every_kind_give_the_same_in_both_runtimes() {
    let graphs = [variety(ir::Layout::Nchw), variety(ir::Layout::Nhwc)];
    for format in [Format::Onnx, Format::Tflite] {
        for ((name, _), (ours, theirs)) in graphs.iter().zip(both(&graphs, format)) {
            let difference = difference(&ours, &theirs);
            assert!(difference < 1e-4, "{name}, {}: {difference}", format.name());
        }
    }
}

/// The largest difference between two lists of outputs.
fn difference(ours: &[Tensor], theirs: &[Tensor]) -> f64 {
    assert_eq!(ours.len(), theirs.len());
    let mut worst = 0f64;
    for (a, b) in ours.iter().zip(theirs) {
        assert_eq!((a.shape(), a.element()), (b.shape(), b.element()));
        let pairs = a.to_reals().into_iter().zip(b.to_reals());
        worst = pairs.map(|(a, b)| (a - b).abs()).fold(worst, f64::max);
    }
    worst
}

#[test]
fn float_graphs_give_the_same_in_onnxruntime() {
    let graphs = models(&[
        "made/nasbench201_cell.onnx",
        "made/mobilenet_v3_block.onnx",
        "made/efficientnet_mbconv.onnx",
        "made/resnet_block.onnx",
        "made/tcn.onnx",
        "made/vit_block.onnx",
        "made/modern_ops.onnx",
        "made/autoencoder.onnx",
        "made/embedding.onnx",
        "made/tfl_ops_float.tflite",
        "ic_resnet8_f32.tflite",
        "kws_dscnn_f32.tflite",
        "ic_resnet8_f32.onnx",
    ]);
    for ((name, _), (ours, theirs)) in graphs.iter().zip(both(&graphs, Format::Onnx)) {
        let difference = difference(&ours, &theirs);
        assert!(difference < 1e-4, "{name}: {difference}");
    }
}

#[test]
fn integers_between_quantizations_give_the_same_in_onnxruntime() {
    let graphs = models(&[
        "made/qdq_per_tensor.onnx",
        "made/qdq_per_channel.onnx",
        "made/qdq_uint8_weights.onnx",
        "made/qdq_int16.onnx",
        "made/qdq_int4_blocks.onnx",
    ]);
    for ((name, _), (ours, theirs)) in graphs.iter().zip(both(&graphs, Format::Onnx)) {
        assert_eq!(difference(&ours, &theirs), 0.0, "{name}");
    }
}

#[test]
fn integer_ops_give_the_same_in_onnxruntime_within_their_rounding() {
    // onnxruntime rounds once in float where a profile rounds twice in integers, layer after layer. Compared are scores: a
    // softmax behind them makes ten steps of one.
    let steps = [
        ("made/tfl_mobilenet_v3_int8.tflite", 1.0),
        ("made/tfl_flatten_int8.tflite", 0.0),
        ("made/tfl_uint8.tflite", 0.0),
        ("made/tfl_int16.tflite", 1.0),
        ("ic_resnet8_int8.tflite", 3.0),
        ("kws_dscnn_int8.tflite", 1.0),
        ("vww_mobilenetv1_025_int8.tflite", 0.0),
    ];
    let mut graphs = models(&steps.map(|(name, _)| name));
    for (_, graph) in &mut graphs {
        let last = graph.node(graph.outputs()[0]);
        if let (true, Some(Some(scores))) = (last.is("softmax"), last.operands().first().copied()) {
            graph.set_outputs([scores]);
        }
    }
    for ((name, most), (ours, theirs)) in steps.iter().zip(both(&graphs, Format::Onnx)) {
        let difference = difference(&ours, &theirs);
        assert!(difference <= *most, "{name}: {difference}");
    }
}

#[test]
fn float_graphs_give_the_same_in_litert() {
    let graphs = models(&[
        "made/nasbench201_cell.onnx",
        "made/mobilenet_v3_block.onnx",
        "made/efficientnet_mbconv.onnx",
        "made/resnet_block.onnx",
        "made/autoencoder.onnx",
        "made/embedding.onnx",
        "made/modern_ops.onnx",
        "made/tfl_ops_float.tflite",
        "ic_resnet8_f32.tflite",
        "ic_resnet8_f32.onnx",
    ]);
    for ((name, _), (ours, theirs)) in graphs.iter().zip(both(&graphs, Format::Tflite)) {
        let difference = difference(&ours, &theirs);
        assert!(difference < 1e-4, "{name}: {difference}");
    }
}

#[test]
fn integer_graphs_give_the_same_bits_in_litert() {
    let graphs = models(&[
        "made/tfl_mobilenet_v3_int8.tflite",
        "made/tfl_ops_int8.tflite",
        "made/tfl_flatten_int8.tflite",
        "made/tfl_uint8.tflite",
        "made/tfl_int16.tflite",
        "made/tfl_blocks_int8.tflite",
        "ic_resnet8_int8.tflite",
        "kws_dscnn_int8.tflite",
        "vww_mobilenetv1_025_int8.tflite",
    ]);
    for ((name, _), (ours, theirs)) in graphs.iter().zip(both(&graphs, Format::Tflite)) {
        assert_eq!(difference(&ours, &theirs), 0.0, "{name}");
    }
}

#[test]
fn an_exported_graph_imports_as_the_same_function() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    for (name, graph) in models(&["made/vit_block.onnx", "kws_dscnn_f32.tflite", "made/qdq_per_channel.onnx"])
    {
        let path = dir.path().join("m.onnx");
        export(&graph, &path, Format::Onnx).expect("exported");
        let back = import(&path, &ImportOptions::default()).unwrap_or_else(|e| panic!("{name}: {e}")).graph;
        let given = input(&graph, 0);
        let (ours, theirs) = (
            interp::run(&graph, std::slice::from_ref(&given)).expect("runs"),
            interp::run(&back, &[given]).expect("runs"),
        );
        assert!(difference(&ours, &theirs) < 1e-5, "{name}");
    }
}

#[test]
fn an_exported_integer_graph_imports_as_the_same_function_with_its_integer_input() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    for (name, mut graph) in models(&["kws_dscnn_int8.tflite", "vww_mobilenetv1_025_int8.tflite"]) {
        let scores = graph.node(graph.outputs()[0]).operands()[0].expect("a softmax has an operand");
        graph.set_outputs([scores]);
        let path = dir.path().join("m.onnx");
        export(&graph, &path, Format::Onnx).expect("exported");
        let back = import(&path, &ImportOptions::default()).unwrap_or_else(|e| panic!("{name}: {e}")).graph;
        assert_eq!(back.ty(back.inputs()[0]).quant, graph.ty(graph.inputs()[0]).quant, "{name}");
        let given = input(&graph, 0);
        let ours = interp::run(&graph, std::slice::from_ref(&given)).expect("runs");
        let theirs = interp::run(&back, &[given]).expect("runs");
        // Between quantizations the file computes in floats: one rounding a layer where the profile has two.
        assert!(difference(&ours, &theirs) <= 1.0, "{name}");
    }
}

#[test]
fn what_the_format_has_not_is_refused_all_at_once_and_nothing_is_written() {
    let text = "graph @g(%x: f32[2], %q: i5[2] {scale = 0.5, zero = 0}) {
  %a = custom %x {symbol = \"one\"} : f32[2]
  %b = custom %x {symbol = \"two\"} : f32[2]
  %c = relu %q : i5[2] {scale = 0.25, zero = 0}
  return %a, %b, %c
}";
    let graph = ir::parse(text, &ir::NoWeights).expect("well-formed text");
    let dir = tempfile::tempdir().expect("a temporary folder");
    let refused =
        export(&graph, dir.path().join("m.onnx"), Format::Onnx).expect_err("no counterpart").to_string();
    assert_eq!(refused.lines().count(), 3, "{refused}");
    assert_eq!(std::fs::read_dir(dir.path()).expect("the folder").count(), 0);
}

#[test]
fn an_untrained_weight_is_refused_by_name() {
    let text = "graph @g(%x: f32[1, 2]) {
  const %w = @\"fc/w\" : f32[3, 2]
  %y = dense %x, %w : f32[1, 3]
  return %y
}";
    let graph = ir::parse(text, &ir::NoWeights).expect("well-formed text");
    let dir = tempfile::tempdir().expect("a temporary folder");
    let refused = export(&graph, dir.path().join("m.onnx"), Format::Onnx).expect_err("untrained").to_string();
    assert_eq!(refused, "weight `fc/w` has no data, a trained network expected");
}
