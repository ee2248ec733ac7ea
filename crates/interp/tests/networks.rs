//! The MLPerf Tiny networks give LiteRT's bits.

use formats::ImportOptions;
use ir::Tensor;
use std::path::PathBuf;

fn model(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/models").join(name)
}

fn golden(network: &str) {
    let imported = formats::import(model(&format!("{network}.tflite")), &ImportOptions::default());
    let graph = imported.unwrap_or_else(|e| panic!("{network}: {e}")).graph;
    let pairs = formats::npy::read_npz(model(&format!("golden_{network}.npz"))).expect("golden vectors");
    let array = |name: &str| &pairs.iter().find(|(n, _)| n == name).expect("x and y").1;
    let (x, y) = (array("x"), array("y"));
    let shape = nasc_interp::layout::interface_shape(graph.ty(graph.inputs()[0]), graph.layout);
    let row = |t: &Tensor, i: usize| {
        let n = t.len() / t.shape()[0];
        t.to_ints()[i * n..(i + 1) * n].to_vec()
    };
    for i in 0..x.shape()[0] {
        let input = Tensor::from_ints(x.element(), shape.clone(), &row(x, i));
        let found = nasc_interp::run(&graph, &[input]).unwrap_or_else(|e| panic!("{network}: {e}"));
        assert_eq!(found[0].to_ints(), row(y, i), "{network}, vector {i}");
    }
}

#[test]
fn image_classification_gives_the_bits_of_the_reference_kernels() {
    golden("ic_resnet8_int8");
}

#[test]
fn keyword_spotting_gives_the_bits_of_the_reference_kernels() {
    golden("kws_dscnn_int8");
}

#[test]
fn visual_wake_words_give_the_bits_of_the_reference_kernels() {
    golden("vww_mobilenetv1_025_int8");
}
