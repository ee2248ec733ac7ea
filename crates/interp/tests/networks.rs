//! The MLPerf Tiny networks give LiteRT's bits.

use formats::{ImportOptions, Rounding};
use ir::Tensor;
use std::path::PathBuf;

fn model(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/models").join(name)
}

/// What the network gives for each of its golden inputs under a profile, and what its golden outputs are.
fn golden(network: &str, rounding: Rounding) -> Vec<(Vec<i64>, Vec<i64>)> {
    let options = ImportOptions { rounding, ..ImportOptions::default() };
    let imported = formats::import(model(&format!("{network}.tflite")), &options);
    let graph = imported.unwrap_or_else(|e| panic!("{network}: {e}")).graph;
    let pairs = formats::npy::read_npz(model(&format!("golden_{network}.npz"))).expect("golden vectors");
    let array = |name: &str| &pairs.iter().find(|(n, _)| n == name).expect("x and y").1;
    let (x, y) = (array("x"), array("y"));
    let shape = nasc_interp::layout::interface_shape(graph.ty(graph.inputs()[0]), graph.layout);
    let row = |t: &Tensor, i: usize| {
        let n = t.len() / t.shape()[0];
        t.to_ints()[i * n..(i + 1) * n].to_vec()
    };
    let run = |i: usize| {
        let input = Tensor::from_ints(x.element(), shape.clone(), &row(x, i));
        let found = nasc_interp::run(&graph, &[input]).unwrap_or_else(|e| panic!("{network}: {e}"));
        (found[0].to_ints(), row(y, i))
    };
    (0..x.shape()[0]).map(run).collect()
}

fn gives_its_golden_outputs(network: &str) {
    for (found, expected) in golden(network, Rounding::TfliteRef) {
        assert_eq!(found, expected, "{network}");
    }
}

/// `networks.txt`: network, profile and outputs in hexadecimal, one line for each golden input in order.
#[test]
fn the_other_resolvers_bits_come_out_under_their_profiles() {
    let text = include_str!("litert/networks.txt");
    for network in ["ic_resnet8_int8", "kws_dscnn_int8", "vww_mobilenetv1_025_int8"] {
        for rounding in [Rounding::TfliteBuiltin, Rounding::Xnnpack] {
            let prefix = format!("{network} {} ", rounding.name());
            let lines: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix(&prefix)).collect();
            assert_eq!(lines.len(), 3);
            for ((found, _), line) in golden(network, rounding).into_iter().zip(lines) {
                assert_eq!(found, stored(line), "{prefix}");
            }
        }
    }
}

/// `cmsis-nn` has no runtime here: it is the reference but for the fully connected layer, which differs by at most 1 from
/// the reference before softmax. The networks of this size show no larger distance behind it.
#[test]
fn cmsis_nn_stays_within_a_step_of_the_reference() {
    for network in ["ic_resnet8_int8", "kws_dscnn_int8", "vww_mobilenetv1_025_int8"] {
        for (found, reference) in golden(network, Rounding::CmsisNn) {
            assert!(found.iter().zip(&reference).all(|(a, b)| a.abs_diff(*b) <= 1), "{network}: {found:?}");
        }
    }
}

fn stored(hex: &str) -> Vec<i64> {
    let byte = |i: usize| u8::from_str_radix(&hex[2 * i..2 * i + 2], 16).expect("hexadecimal digits");
    (0..hex.len() / 2).map(|i| i64::from(byte(i).cast_signed())).collect()
}

#[test]
fn image_classification_gives_the_bits_of_the_reference_kernels() {
    gives_its_golden_outputs("ic_resnet8_int8");
}

#[test]
fn keyword_spotting_gives_the_bits_of_the_reference_kernels() {
    gives_its_golden_outputs("kws_dscnn_int8");
}

#[test]
fn visual_wake_words_give_the_bits_of_the_reference_kernels() {
    gives_its_golden_outputs("vww_mobilenetv1_025_int8");
}
