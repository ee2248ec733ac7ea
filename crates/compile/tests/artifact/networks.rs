//! Whole networks on this machine, against LiteRT's outputs.

use crate::shop::{Shop, WARNINGS, compile, import, model};

const NETWORKS: [&str; 3] = ["ic_resnet8", "kws_dscnn", "vww_mobilenetv1_025"];

/// Runs the golden inputs and returns how many outputs differ.
fn mismatches(network: &str) -> usize {
    let shop = Shop::new();
    let compiled = compile(&import(&format!("{network}_int8.tflite")), "host-c", "model");
    shop.put(&compiled);
    let golden =
        formats::npy::read_npz(model(&format!("golden_{network}_int8.npz"))).expect("golden vectors");
    let array = |name: &str| &golden.iter().find(|(key, _)| key == name).expect("x and y").1;
    let (x, y) = (array("x"), array("y"));
    let runs = x.shape()[0];
    shop.write("x", x.bytes());
    shop.write(
        "main.c",
        format!(
            "#include <stdio.h>\n#include \"model.h\"\nint main(void) {{\n    FILE *x = fopen(\"x\", \"rb\");\n    FILE *y = fopen(\"y\", \"wb\");\n    \
             for (int i = 0; i < {runs}; i++) {{\n        if (fread(model_in, 1, model_in_COUNT, x) != model_in_COUNT) return 1;\n        \
             if (model_invoke() != 0) return 2;\n        fwrite(model_out, 1, model_out_COUNT, y);\n    }}\n    return fclose(y);\n}}\n"
        ),
    );
    shop.run(&format!("cc -std=c11 -O2 {WARNINGS} main.c model.c model_weights.c -o main -lm"));
    shop.run("./main");
    let found = std::fs::read(shop.dir().join("y")).expect("outputs");
    assert_eq!(found.len(), y.bytes().len());
    found.iter().zip(y.bytes()).filter(|(found, expected)| found != expected).count()
}

#[test]
fn the_integer_networks_give_litert_s_outputs_bit_for_bit() {
    for network in NETWORKS {
        assert_eq!(mismatches(network), 0, "{network}");
    }
}

#[test]
fn every_integer_network_compiles_for_every_target() {
    for network in NETWORKS {
        let graph = import(&format!("{network}_int8.tflite"));
        for target in targets::all() {
            let compiled = compile(&graph, target.name(), "model");
            assert!(
                compiled.manifest.arena_bytes.is_some_and(|bytes| bytes > 0),
                "{network} {}",
                target.name()
            );
        }
    }
}
