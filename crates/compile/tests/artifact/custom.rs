//! A user's own function among the ops.

use crate::shop::{Shop, WARNINGS, compile, options, parse};
use nasc_compile::CompileError;

const SWAP: &str = "graph @c(%x: f32[1, 2, 2, 3], %k: i32[2], layout = nhwc) {
  %a = relu %x
  %b = custom %a, %k {symbol = \"my_op\", scratch = 24} : f32[1, 2, 2, 3]
  %y = neg %b
  return %y
}";

#[test]
fn it_is_declared_called_with_typed_pointers_and_given_its_scratch() {
    let shop = Shop::new();
    let compiled = compile(&parse(SWAP), "host-c", "net");
    shop.put(&compiled);
    let header = &compiled.files.iter().find(|file| file.name == "net.h").expect("a header").text;
    assert!(
        header.contains("void my_op(const float *x0, const int32_t *x1, float *y, void *scratch);"),
        "{header}"
    );
    assert_eq!(compiled.manifest.layers.iter().map(|layer| layer.scratch_bytes).max(), Some(24));
    shop.write(
        "main.c",
        "#include <string.h>\n#include \"net.h\"\nvoid my_op(const float *x0, const int32_t *x1, float *y, void *scratch) {\n    \
         memset(scratch, 0xFF, 24);\n    for (int i = 0; i < 12; i++) y[i] = x0[11 - i] * (float)x1[0] + (float)x1[1];\n}\n\
         int main(void) {\n    for (int i = 0; i < 12; i++) net_in_x[i] = (float)(i - 2);\n    net_in_k[0] = 10;\n    net_in_k[1] = 1;\n    \
         if (net_invoke() != 0) return 1;\n    \
         for (int i = 0; i < 12; i++) {\n        int v = 11 - i - 2;\n        if (net_out[i] != -(float)((v > 0 ? v : 0) * 10 + 1)) return 2;\n    }\n    return 0;\n}\n",
    );
    shop.run(&format!(
        "cc -std=c11 {WARNINGS} -fsanitize=address,undefined main.c net.c net_weights.c -o main"
    ));
    shop.run("./main");
}

#[test]
fn one_function_with_two_kinds_of_operands_is_refused() {
    let text = "graph @c(%x: f32[4], %z: i8[4]) {
  %a = custom %x {symbol = \"my_op\"} : f32[4]
  %b = custom %z {symbol = \"my_op\"} : f32[4]
  return %a, %b
}";
    let target = targets::named("host-c").expect("a target");
    let Err(CompileError::Illegal { nodes, .. }) =
        nasc_compile::compile(&parse(text), target, &options("net"))
    else {
        panic!("refused");
    };
    assert!(nodes[0].reason.contains("int8_t, float, earlier with float, float"), "{}", nodes[0].reason);
}

#[test]
fn a_function_that_could_be_one_of_ours_is_refused() {
    let text = "graph @c(%x: f32[4]) {
  %a = custom %x {symbol = \"net_invoke\"} : f32[4]
  return %a
}";
    let target = targets::named("host-c").expect("a target");
    let error = nasc_compile::compile(&parse(text), target, &options("net")).err().expect("refused");
    assert!(error.to_string().contains("does not begin with the prefix `net`"), "{error}");
}
