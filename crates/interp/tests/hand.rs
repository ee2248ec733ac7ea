//! Cases small enough to compute by hand, with the arithmetic.

use ir::{Element, Graph, Tensor};
use nasc_interp::run;

fn graph(inputs: &str, node: &str) -> Graph {
    let text = format!("graph @t({inputs}) {{\n  %out = {node}\n  return %out\n}}");
    ir::parse(&text, &ir::NoWeights).unwrap_or_else(|faults| panic!("{faults:?}\n{text}"))
}

fn i8s(shape: &[usize], values: &[i64]) -> Tensor {
    Tensor::from_ints(Element::I8, shape, values)
}

fn ints(graph: &Graph, inputs: &[Tensor]) -> Vec<i64> {
    run(graph, inputs).unwrap_or_else(|e| panic!("{e}"))[0].to_ints()
}

#[test]
fn a_quantized_convolution() {
    let graph = graph(
        "%x: i8[1, 1, 1, 3] {scale = 0.5, zero = 1}, %w: i8[1, 1, 1, 2] {scale = 0.25, zero = 0}, %b: i32[1]",
        "conv2d %x, %w, %b {pad = [0, 1, 0, 0]} : i8[1, 1, 1, 3] {scale = 0.5, zero = -2}",
    );
    // x - 1 = [4, -6, 9], a padded place in front is 0. Sums with w = [2, 3] and bias 5:
    // 0*2 + 4*3 + 5 = 17, 4*2 - 6*3 + 5 = -5, -6*2 + 9*3 + 5 = 20.
    // Factor 0.5 * 0.25 / 0.5 = 1/4, in two steps of 1/2: 8.5 -> 9 and 4.5 -> 5 (4.25 in one step would be 4),
    // -2.5 -> -2 and -1, 10 and 5; plus -2.
    let inputs = [
        i8s(&[1, 1, 1, 3], &[5, -5, 10]),
        i8s(&[1, 1, 1, 2], &[2, 3]),
        Tensor::from_ints(Element::I32, [1], &[5]),
    ];
    assert_eq!(ints(&graph, &inputs), [3, -3, 3]);
}

#[test]
fn halves_in_a_convolution_differ_from_profile_to_profile() {
    // Factor 1/16, sums 24 and -24 are 1.5 and -1.5, 8 and -8 are 0.5 and -0.5.
    // Double: 24 * 2^30 / 2^31 = 12, 12 / 8 = 1.5 -> 2; -12 / 8 -> -2; 4 / 8 -> 1; -4 / 8 -> -1.
    // DoubleUp: halves up in the second step: 2, -1, 1, 0. Float: to even: 2, -2, 0, 0.
    for (round, expected) in [
        ("tflite-ref", [2, -2, 1, -1]),
        ("tflite-builtin", [2, -1, 1, 0]),
        ("xnnpack", [2, -2, 0, 0]),
        ("cmsis-nn", [2, -2, 1, -1]),
    ] {
        let graph = graph(
            "%x: i8[1, 1, 1, 4] {scale = 0.25, zero = 0}, %w: i8[1, 1, 1, 1] {scale = 0.25, zero = 0}",
            &format!("conv2d %x, %w {{round = {round}}} : i8[1, 1, 1, 4] {{scale = 1.0, zero = 0}}"),
        );
        let found = ints(&graph, &[i8s(&[1, 1, 1, 4], &[24, -24, 8, -8]), i8s(&[1, 1, 1, 1], &[1])]);
        assert_eq!(found, expected, "{round}");
    }
}

#[test]
fn a_residual_is_added_behind_the_middle_quantization_and_before_the_activation() {
    let graph = graph(
        "%x: i8[1, 1, 1, 2] {scale = 0.5, zero = 0}, %w: i8[1, 1, 1, 1] {scale = 0.5, zero = 0}, %r: i8[1, 1, 1, 2] {scale = 0.5, zero = 1}",
        "conv2d %x, %w, _, %r {act = relu, mid = i8 {scale = 0.5, zero = 0}} : i8[1, 1, 1, 2] {scale = 0.5, zero = -10}",
    );
    // Convolution: 9 * 3 * 0.5 = 13.5 -> 14 steps of mid; -20 * 3 * 0.5 = -30.
    // Residual: 11 - 1 = 10 and 5 - 1 = 4 steps. Sums 24 and -26 steps; relu cuts the second to 0; minus 10.
    let inputs = [i8s(&[1, 1, 1, 2], &[9, -20]), i8s(&[1, 1, 1, 1], &[3]), i8s(&[1, 1, 1, 2], &[11, 5])];
    assert_eq!(ints(&graph, &inputs), [14, -10]);
}

#[test]
fn a_fully_connected_layer_rounds_halves_away_from_zero_in_the_reference() {
    let graph = graph(
        "%x: i8[2, 2] {scale = 0.5, zero = 1}, %w: i8[1, 2] {scale = 0.5, zero = 0}, %b: i32[1]",
        "dense %x, %w, %b : i8[2, 1] {scale = 0.5, zero = 3}",
    );
    // x - 1 = [1, 2], [-3, 0]; w = [3, 1], bias 2: 3 + 2 + 2 = 7, -9 + 0 + 2 = -7. Factor 1/2: 3.5 -> 4, -3.5 -> -4; plus 3.
    let inputs =
        [i8s(&[2, 2], &[2, 3, -2, 1]), i8s(&[1, 2], &[3, 1]), Tensor::from_ints(Element::I32, [1], &[2])];
    assert_eq!(ints(&graph, &inputs), [7, -1]);
}

#[test]
fn weights_quantized_per_group_have_a_scale_for_each_run() {
    let graph = graph(
        "%x: i8[1, 4] {scale = 1.0, zero = 0}, %w: i4[1, 4] {scale = [0.5, 2.0], zero = 0, axis = 1, group = 2}",
        "dense %x, %w : i8[1, 1] {scale = 1.0, zero = 0}",
    );
    // 0.5 * (1*3 + 2*4) + 2 * (3*1 + 4*-2) = 5.5 - 10 = -4.5 -> -5.
    let w = Tensor::from_ints(Element::int(4, true).expect("i4"), [1, 4], &[3, 4, 1, -2]);
    assert_eq!(ints(&graph, &[i8s(&[1, 4], &[1, 2, 3, 4]), w]), [-5]);
}

#[test]
fn an_average_rounds_halves_away_from_zero_and_may_count_padding() {
    let inputs = "%x: i8[1, 1, 1, 4] {scale = 0.5, zero = 2}";
    let x = [i8s(&[1, 1, 1, 4], &[1, 2, -4, -3])];
    let pairs = graph(
        inputs,
        "avg_pool2d %x {kernel = [1, 2], stride = [1, 2]} : i8[1, 1, 1, 2] {scale = 0.5, zero = 2}",
    );
    // 3 / 2 = 1.5 -> 2, -7 / 2 = -3.5 -> -4.
    assert_eq!(ints(&pairs, &x), [2, -4]);
    let padded = "avg_pool2d %x {kernel = [1, 3], stride = [1, 4], pad = [0, 1, 0, 0], count_pad = 1} : i8[1, 1, 1, 1] {scale = 0.5, zero = 2}";
    // The padded place is real 0, stored 2: (2 + 1 + 2) / 3 = 1.67 -> 2.
    assert_eq!(ints(&graph(inputs, padded), &x), [2]);
}

#[test]
fn padding_is_the_real_constant_and_never_wins_a_maximum() {
    let pad = graph("%x: i8[2] {scale = 0.5, zero = 3}", "pad %x {before = [1], after = [1], value = 1.0}");
    // 1.0 / 0.5 + 3 = 5.
    assert_eq!(ints(&pad, &[i8s(&[2], &[-1, -2])]), [5, -1, -2, 5]);
    let most = graph(
        "%x: i8[1, 1, 1, 2] {scale = 0.5, zero = 3}",
        "max_pool2d %x {kernel = [1, 2], pad = [0, 1, 0, 1]}",
    );
    assert_eq!(ints(&most, &[i8s(&[1, 1, 1, 2], &[-9, -7])]), [-9, -7, -7]);
}

#[test]
fn quantize_decides_halves_by_its_attribute_and_saturates() {
    let x = Tensor::from_f32([5], &[0.25, 0.75, -0.25, 1e9, f32::NAN]);
    let by = |ties: &str| {
        graph("%x: f32[5]", &format!("quantize %x {{ties = {ties}}} : i8[5] {{scale = 0.5, zero = 10}}"))
    };
    // 0.5, 1.5, -0.5 steps; NaN has no step: the zero point.
    assert_eq!(ints(&by("even"), std::slice::from_ref(&x)), [10, 12, 10, 127, 10]);
    assert_eq!(ints(&by("away"), &[x]), [11, 12, 9, 127, 10]);
}

#[test]
fn plain_integers_wrap_and_divide_towards_zero() {
    let two = "%x: i8[3], %y: i8[3]";
    let inputs = [i8s(&[3], &[100, -7, -128]), i8s(&[3], &[100, 2, -1])];
    assert_eq!(ints(&graph(two, "add %x, %y"), &inputs), [-56, -5, 127]);
    assert_eq!(ints(&graph(two, "div %x, %y"), &inputs), [1, -3, -128]);
    assert_eq!(ints(&graph(two, "maximum %x, %y {act = relu6}"), &inputs), [6, 2, 0]);
    let cast = graph("%x: f32[4]", "cast %x {to = \"u4\"}");
    // Truncated to 2, -1, 17, 0; the low four bits.
    assert_eq!(ints(&cast, &[Tensor::from_f32([4], &[2.9, -1.5, 17.0, f32::NAN])]), [2, 15, 1, 0]);
}

#[test]
fn nan_survives_activations_and_wins_maxima() {
    let x = Tensor::from_f32([3], &[f32::NAN, -1.0, 2.0]);
    let relu = run(&graph("%x: f32[3]", "relu %x"), std::slice::from_ref(&x)).expect("runs")[0].to_f32();
    assert!(relu[0].is_nan() && relu[1..] == [0.0, 2.0]);
    let y = Tensor::from_f32([3], &[1.0, f32::NAN, 1.0]);
    let most = run(&graph("%x: f32[3], %y: f32[3]", "maximum %x, %y"), &[x, y]).expect("runs")[0].to_f32();
    assert!(most[0].is_nan() && most[1].is_nan() && most[2] == 2.0);
}

#[test]
fn functions_far_out_stay_at_their_limits() {
    let x = Tensor::from_f32([4], &[-1e4, 1e4, f32::NEG_INFINITY, f32::INFINITY]);
    for (op, expected) in [
        ("sigmoid", [0.0, 1.0, 0.0, 1.0]),
        ("tanh", [-1.0, 1.0, -1.0, 1.0]),
        ("silu", [0.0, 1e4, 0.0, f32::INFINITY]),
        ("gelu", [0.0, 1e4, 0.0, f32::INFINITY]),
        ("hard_swish", [0.0, 1e4, 0.0, f32::INFINITY]),
        ("elu", [-1.0, 1e4, -1.0, f32::INFINITY]),
    ] {
        let found = run(&graph("%x: f32[4]", &format!("{op} %x")), std::slice::from_ref(&x)).expect("runs");
        assert_eq!(found[0].to_f32(), expected, "{op}");
    }
}

#[test]
fn attention_that_hides_every_position_gives_zero() {
    let graph = graph(
        "%q: f32[1, 1, 1, 1], %k: f32[1, 1, 2, 1], %v: f32[1, 1, 2, 1], %m: bool[2]",
        "attention %q, %k, %v, %m",
    );
    let real = |shape: &[usize], values: &[f32]| Tensor::from_f32(shape, values);
    let (q, k, v) =
        (real(&[1, 1, 1, 1], &[1.0]), real(&[1, 1, 2, 1], &[0.0, 0.0]), real(&[1, 1, 2, 1], &[3.0, 5.0]));
    let with = |mask: [i64; 2]| {
        let mask = Tensor::from_ints(Element::Bool, [2], &mask);
        run(&graph, &[q.clone(), k.clone(), v.clone(), mask]).expect("runs")[0].to_f32()
    };
    // Equal scores: the mean of what is seen.
    assert_eq!([with([1, 1]), with([0, 1]), with([0, 0])], [[4.0], [5.0], [0.0]]);
}

#[test]
fn tensors_without_elements_run() {
    for node in [
        "relu %x",
        "mul %x, %x",
        "softmax %x",
        "transpose %x {perm = [1, 0]}",
        "concat %x, %x {axis = 1}",
        "layer_norm %x",
    ] {
        let graph = graph("%x: f32[0, 3]", node);
        assert!(run(&graph, &[Tensor::from_f32([0, 3], &[])]).expect(node)[0].is_empty(), "{node}");
    }
    let empty = graph("%x: f32[2, 0], %w: f32[3, 0]", "dense %x, %w");
    let inputs = [Tensor::from_f32([2, 0], &[]), Tensor::from_f32([3, 0], &[])];
    assert_eq!(run(&empty, &inputs).expect("runs")[0].to_f32(), [0.0; 6]);
}
