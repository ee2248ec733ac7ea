//! Whole networks on this machine, against LiteRT's outputs.

use crate::shop::{Shop, WARNINGS, compile, import, model};

const NETWORKS: [&str; 3] = ["ic_resnet8", "kws_dscnn", "vww_mobilenetv1_025"];

/// Runs the golden inputs and returns how many outputs differ.
fn mismatches(network: &str, target: &str) -> usize {
    let shop = Shop::new();
    let compiled = compile(&import(&format!("{network}_int8.tflite")), target, "model");
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
        // C for a core runs here, too: what stands beside its instructions computes the same.
        for target in targets::all() {
            assert_eq!(mismatches(network, target.name()), 0, "{network} for {}", target.name());
        }
    }
}

#[test]
fn arenas_do_not_grow() {
    // Bytes for ic, kws and vww. The current values: lower them when they fall.
    for (target, most) in [
        ("host-c", [49_152, 16_000, 46_080]),
        ("cortex-m4", [36_032, 8_576, 29_976]),
        ("rv32imac", [36_768, 8_768, 29_731]),
    ] {
        for (network, most) in NETWORKS.iter().zip(most) {
            let compiled = compile(&import(&format!("{network}_int8.tflite")), target, "model");
            let found = compiled.planned.plan.arena_bytes;
            assert!(found <= most, "{network} for {target}: {found} bytes, at most {most} expected");
        }
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
