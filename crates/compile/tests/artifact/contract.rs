//! What callers rely on.

use crate::shop::{Shop, WARNINGS, compile, import, parse};

const SMALL: &str = "graph @small(%x: i8[1, 3, 6, 6] {scale = 0.5, zero = 3}, layout = nhwc) {
  const %w = [1, 0, -1, 2, 0, -2, 1, 0, -1] : i8[3, 1, 1, 3] {scale = 0.25, zero = 0}
  %y = conv2d %x, %w {groups = 3, pad = [0, 1, 0, 1]} : i8[1, 3, 6, 6] {scale = 0.5, zero = -1}
  %z = relu %y : i8[1, 3, 6, 6] {scale = 0.5, zero = -1}
  return %z
}";

const TWO: &str = "graph @two(%left: f32[1, 4], %right: f32[1, 4]) {
  %sum = add %left, %right
  %product = mul %left, %right
  return %sum, %product
}";

#[test]
fn several_inputs_and_outputs_have_names_and_memory_of_their_own() {
    let shop = Shop::new();
    shop.put(&compile(&parse(TWO), "host-c", "two"));
    shop.write(
        "main.c",
        "#include \"two.h\"\nint main(void) {\n    for (int i = 0; i < 4; i++) {\n        two_in_left[i] = (float)i;\n        two_in_right[i] = 3.0f;\n    }\n    \
         if (two_invoke() != 0) return 1;\n    for (int i = 0; i < 4; i++) {\n        if (two_out_sum[i] != (float)i + 3.0f) return 2;\n        \
         if (two_out_product[i] != (float)i * 3.0f) return 3;\n    }\n    return 0;\n}\n",
    );
    shop.run(&format!("cc -std=c11 {WARNINGS} main.c two.c two_weights.c -o main"));
    shop.run("./main");
}

#[test]
fn two_models_link_side_by_side_and_run_in_the_callers_memory() {
    let shop = Shop::new();
    shop.put(&compile(&import("kws_dscnn_int8.tflite"), "host-c", "kws"));
    shop.put(&compile(&parse(SMALL), "host-c", "small"));
    // Two instances of each, invoked in turns, give what one alone gives.
    shop.write(
        "main.c",
        "#include <string.h>\n#include <stdlib.h>\n#include \"kws.h\"\n#include \"small.h\"\n\
         static void fill(int8_t *x, unsigned n, int seed) { for (unsigned i = 0; i < n; i++) x[i] = (int8_t)(((int)i * 37 + seed * 11) % 251 - 125); }\n\
         int main(void) {\n    void *a = aligned_alloc(kws_ARENA_ALIGN, (kws_ARENA_BYTES + 63u) / 64u * 64u);\n    \
         void *b = aligned_alloc(kws_ARENA_ALIGN, (kws_ARENA_BYTES + 63u) / 64u * 64u);\n    \
         void *c = aligned_alloc(small_ARENA_ALIGN, (small_ARENA_BYTES + 63u) / 64u * 64u);\n    \
         fill(kws_in_at(a), kws_in_COUNT, 1);\n    fill(kws_in_at(b), kws_in_COUNT, 2);\n    fill(small_in_at(c), small_in_COUNT, 3);\n    \
         if (kws_invoke_with(a) || small_invoke_with(c) || kws_invoke_with(b)) return 1;\n    \
         fill(kws_in, kws_in_COUNT, 1);\n    if (kws_invoke()) return 2;\n    \
         if (memcmp(kws_out, kws_out_at(a), kws_out_COUNT) != 0) return 3;\n    \
         fill(kws_in, kws_in_COUNT, 2);\n    if (kws_invoke()) return 4;\n    \
         if (memcmp(kws_out, kws_out_at(b), kws_out_COUNT) != 0) return 5;\n    \
         fill(small_in, small_in_COUNT, 3);\n    if (small_invoke()) return 6;\n    \
         if (memcmp(small_out, small_out_at(c), small_out_COUNT) != 0) return 7;\n    \
         if (kws_invoke_with((void *)0) != 1 || kws_invoke_with((char *)a + 4) != 1) return 8;\n    \
         free(a); free(b); free(c);\n    return 0;\n}\n",
    );
    let flags = "-std=c11 -O1 -fsanitize=address,undefined -fno-sanitize-recover=all";
    shop.run(&format!("cc {flags} {WARNINGS} main.c kws.c kws_weights.c small.c small_weights.c -o main"));
    shop.run("./main");
}

#[test]
fn the_artifact_is_c_plus_plus_too() {
    let shop = Shop::new();
    shop.put(&compile(&import("ic_resnet8_int8.tflite"), "host-c", "model"));
    shop.put(&compile(&parse(TWO), "host-c", "two"));
    shop.write(
        "main.cpp",
        "#include \"model.h\"\n#include \"two.h\"\nint main() { return model_invoke() + two_invoke(); }\n",
    );
    for file in ["model", "model_weights", "two", "two_weights"] {
        shop.run(&format!("c++ -std=c++17 -x c++ {WARNINGS} -c {file}.c -o {file}.o"));
    }
    shop.run(&format!(
        "c++ -std=c++17 {WARNINGS} main.cpp model.o model_weights.o two.o two_weights.o -o main"
    ));
    shop.run("./main");
}

#[test]
fn marks_and_traces_are_called_once_behind_each_op() {
    let shop = Shop::new();
    let compiled = compile(&parse(SMALL), "host-c", "small");
    shop.put(&compiled);
    shop.write(
        "main.c",
        "#include <stdio.h>\n#include \"small.h\"\nvoid layer_mark(void);\nvoid small_trace(int op, const void *data, unsigned bytes);\n\
         void layer_mark(void) { printf(\"mark \"); }\n\
         void small_trace(int op, const void *data, unsigned bytes) { (void)data; printf(\"%d:%u \", op, bytes); }\n\
         int main(void) { return small_invoke(); }\n",
    );
    shop.run(&format!("cc -std=c11 -DMARKS -DNASC_TRACE {WARNINGS} main.c small.c small_weights.c -o main"));
    let steps = compiled.manifest.layers.len();
    let expected: String = (0..steps).map(|k| format!("mark {k}:108 ")).collect();
    assert_eq!(shop.run("./main"), expected);
}

#[test]
fn the_interface_converts_between_reals_and_stored_numbers() {
    let shop = Shop::new();
    shop.put(&compile(&parse(SMALL), "host-c", "small"));
    // scale 0.5, zero 3: 1.0 -> 5, 0.26 -> 4 (0.52 + 3 rounds up), huge -> 127, not a number -> the lowest.
    shop.write(
        "main.c",
        "#include <math.h>\n#include \"small.h\"\nint main(void) {\n    if (small_in_quantize(1.0f) != 5 || small_in_quantize(0.26f) != 4) return 1;\n    \
         if (small_in_quantize(-0.25f) != 2 || small_in_quantize(1e30f) != 127 || small_in_quantize(-1e30f) != -128) return 2;\n    \
         if (small_in_quantize(NAN) != -128) return 3;\n    return small_out_dequantize(-1) == 0.0f && small_out_dequantize(3) == 2.0f ? 0 : 4;\n}\n",
    );
    shop.run(&format!("cc -std=c11 {WARNINGS} main.c small.c small_weights.c -o main -lm"));
    shop.run("./main");
}

#[test]
fn the_same_network_gives_the_same_bytes() {
    let graph = import("vww_mobilenetv1_025_int8.tflite");
    for target in targets::all() {
        let first = compile(&graph, target.name(), "model");
        let second = compile(&graph, target.name(), "model");
        assert_eq!(first.files, second.files, "{}", target.name());
        assert_eq!(first.manifest_text(), second.manifest_text(), "{}", target.name());
    }
}

#[test]
fn names_from_the_model_cannot_leave_their_comment() {
    let mut graph = parse(SMALL);
    let output = graph.outputs()[0];
    graph.set_name(output, Some("*/ #error @evil ??/\n\u{e9}".into()));
    graph.name = "*/ int x; /*".into();
    let shop = Shop::new();
    shop.put(&compile(&graph, "host-c", "small"));
    shop.run(&format!("cc -std=c11 -trigraphs {WARNINGS} -c small.c small_weights.c"));
}

#[test]
fn the_arena_is_the_planners_number_and_the_only_writable_memory() {
    let shop = Shop::new();
    let compiled = compile(&import("kws_dscnn_int8.tflite"), "host-c", "kws");
    shop.put(&compiled);
    shop.run("cc -std=c11 -O2 -c kws.c kws_weights.c");
    let writable: u64 = ["kws.o", "kws_weights.o"]
        .iter()
        .flat_map(|object| {
            let listing = shop.run(&format!("nm -S --defined-only {object}"));
            let sizes: Vec<u64> = listing
                .lines()
                .filter_map(|line| {
                    let words: Vec<_> = line.split_whitespace().collect();
                    let writable = words.len() == 4
                        && "bBdD".contains(words[2])
                        && !words[3].ends_with("_in")
                        && !words[3].ends_with("_out");
                    writable.then(|| u64::from_str_radix(words[1], 16).expect("a size"))
                })
                .collect();
            sizes
        })
        .sum();
    assert_eq!(Some(writable), compiled.manifest.arena_bytes);
    assert_eq!(compiled.planned.plan.arena_bytes, writable);
}

#[test]
fn a_network_that_only_renames_axes_has_no_kernel_and_shares_its_memory() {
    let text = "graph @t(%x: f32[2, 3]) {
  %y = reshape %x {shape = [3, 2]}
  return %y
}";
    let shop = Shop::new();
    let compiled = compile(&parse(text), "host-c", "net");
    assert_eq!((compiled.manifest.layers.len(), compiled.manifest.arena_bytes), (0, Some(24)));
    shop.put(&compiled);
    shop.write(
        "main.c",
        "#include \"net.h\"\nint main(void) {\n    net_in[5] = 7.0f;\n    return net_invoke() != 0 || net_out[5] != 7.0f;\n}\n",
    );
    shop.run(&format!("cc -std=c11 {WARNINGS} main.c net.c net_weights.c -o main"));
    shop.run("./main");
}
