//! The text form: what it reads, what it prints, and what it says about mistakes.

use nasc_ir::{
    Attr, Element, Granularity, Graph, NoWeights, Quant, Sparsity, Tensor, Type, WeightStore, parse, verify,
};

fn read(text: &str) -> Graph {
    parse(text, &NoWeights).unwrap_or_else(|faults| panic!("{faults:?}\n{text}"))
}

fn faults(text: &str) -> Vec<String> {
    parse(text, &NoWeights).expect_err("the text is faulty").iter().map(ToString::to_string).collect()
}

#[test]
fn a_quantized_convolution_reads_back() {
    let graph = read(
        "graph @kws(%x: i8[1, 1, 49, 10] {scale = 0.58, zero = 83}, layout = nhwc) {
           const %w = @\"conv/w\" : i8[2, 1, 10, 4] {scale = [0.1, 0.25], zero = 0, axis = 0}
           const %b = [5, -7] : i32[2]
           // stride 2 on both axes
           %1 = conv2d %x, %w, %b {stride = [2, 2], pad = [4, 1, 5, 1], act = relu} : i8[1, 2, 25, 5] {scale = 0.12, zero = -128}
           return %1
         }",
    );
    insta::assert_snapshot!(graph.to_text(), @r#"
    graph @kws(%x: i8[1, 1, 49, 10] {scale = 0.58, zero = 83}, layout = nhwc) {
      const %w = @conv/w : i8[2, 1, 10, 4] {scale = [0.1, 0.25], zero = 0, axis = 0}
      const %b = [5, -7] : i32[2]
      %0 = conv2d %x, %w, %b {stride = [2, 2], pad = [4, 1, 5, 1], act = relu} : i8[1, 2, 25, 5] {scale = 0.12, zero = -128}
      return %0
    }
    "#);
    assert_eq!(read(&graph.to_text()), graph);
    assert_eq!(graph.total_macs(), 25 * 5 * 2 * 40);
}

#[test]
fn names_that_are_no_words_are_quoted_and_double_names_told_apart() {
    let mut graph = Graph::new("a \"b\"\n");
    let x = graph.add_input("in put:0", Type::new(Element::F32, [2]));
    let y = graph.op("relu", &[x], [], None).expect("relu");
    let z = graph.op("relu", &[y], [], None).expect("relu");
    graph.set_name(y, Some("17".into()));
    graph.set_name(z, Some("17\0".into()));
    graph.set_outputs([z]);
    let text = graph.to_text();
    assert!(text.contains("%\"17\" = relu %\"in put:0\""), "{text}");
    assert_eq!(read(&text).to_text(), text);
}

#[test]
fn every_kind_of_type_reads_back() {
    let grouped = Quant {
        scale: vec![0.5, 1.5e-9, 3.25, 1e20],
        zero: vec![1, -2, 3, 0],
        granularity: Granularity::PerGroup { axis: 1, size: 32 },
    };
    let mut sparse = Type::new(Element::int(4, true).expect("i4"), [2, 64]).with_quant(grouped);
    sparse.sparsity = Some(Sparsity::NofM { n: 2, m: 4 });
    let mut graph = Graph::new("types");
    let x = graph.add_input("x", sparse);
    let b = graph.add_input("b", Type::new(Element::Bool, Vec::<usize>::new()));
    graph.set_outputs([x, b]);
    assert_eq!(read(&graph.to_text()), graph);
}

#[test]
fn an_operand_left_out_is_an_underscore() {
    let graph = read(
        "graph @t(%x: f32[1, 2, 4, 4], %w: f32[2, 2, 1, 1]) {
           %y = conv2d %x, %w, _, %x {act = relu}
           return %y
         }",
    );
    let y = graph.node(graph.outputs()[0]);
    assert_eq!((y.operand("bias"), y.operand("residual")), (None, Some(graph.inputs()[0])));
    assert_eq!(read(&graph.to_text()), graph);
}

#[test]
fn constants_come_from_the_store_and_must_fit() {
    struct One;
    impl WeightStore for One {
        fn tensor(&self, name: &str) -> Option<Tensor> {
            (name == "w").then(|| Tensor::from_f32([2], &[1.0, 2.0]))
        }
    }
    let text = |ty: &str| format!("graph @t() {{ const %w = @w : {ty}\n return %w }}");
    let graph = parse(&text("f32[2]"), &One).expect("fits");
    assert_eq!(graph.const_data(graph.outputs()[0]).map(Tensor::to_f32), Some(vec![1.0, 2.0]));
    let faults = parse(&text("f32[3]"), &One).expect_err("does not fit");
    assert_eq!(faults[0].message, "weight `w` is f32[2], f32[3] expected");
}

#[test]
fn every_mistake_is_reported_on_its_line_and_only_once() {
    insta::assert_snapshot!(faults("graph @t(%x: f32[1, 3, 8, 8]) {
  %a = conv2d %x, %missing
  %b = relu %a
  %c = con2d %x, %x
  %d = relu %x {alpha = 1.0}
  %e = reshape %x {shape = [7]}
  %f = softmax %x {axis = 9}
  %f = relu %x
  %g = relu %x : f32[2]
  const %k = [1, 300] : i8[2]
  const %q = @q : i8[2] {scale = 0.0}
  return %b
}").join("\n"), @r"
    2:19: `%missing` is not defined above
    4:8: unknown op `con2d`, did you mean `conv2d`?
    5:8: relu: attribute `alpha` is unknown, expected one of: round
    6:8: reshape: attribute `shape` is [7], 192 elements as [1, 3, 8, 8] has expected
    7:8: softmax: attribute `axis` is 9, an axis of rank 4 expected
    8:3: `%f` is defined twice
    9:8: relu: declared f32[2], inferred f32[1, 3, 8, 8]
    10:14: 300 is outside i8
    11:9: scale 0.0 is not positive and finite
    ");
}

#[test]
fn a_quantized_result_without_a_declared_type_is_a_mistake() {
    let text = "graph @t(%x: i8[2] {scale = 0.5, zero = 0}) {\n  %y = tanh %x\n  return %y\n}";
    assert_eq!(
        faults(text),
        [
            "2:8: tanh: the operands are quantized: the result's type must be declared with its scale and zero point"
        ]
    );
}

#[test]
fn a_type_in_between_without_a_residual_is_a_mistake() {
    let text = "graph @t(%x: i8[1, 1, 1, 1] {scale = 0.5, zero = 0}) {
      %y = conv2d %x, %x {mid = i8 {scale = 0.5, zero = 0}} : i8[1, 1, 1, 1] {scale = 0.5, zero = 0}
      return %y
    }";
    assert_eq!(
        faults(text),
        ["2:12: conv2d: attribute `mid` is i8 {scale = 0.5, zero = 0}, absent without a residual expected"]
    );
}

#[test]
fn texts_that_end_early_or_hold_stray_characters_are_mistakes() {
    for text in [
        "",
        "graph",
        "graph @",
        "graph @t(",
        "graph @t() {",
        "graph @t() { %x = ",
        "graph @t() { \u{0} }",
        "graph @t() {} x",
    ] {
        assert!(parse(text, &NoWeights).is_err(), "{text:?}");
    }
}

#[test]
fn dead_nodes_are_removed_and_inputs_stay() {
    let mut graph = read("graph @t(%x: f32[2], %unused: f32[2]) { %y = relu %x\n %z = abs %x\n return %y }");
    assert_eq!(graph.remove_dead(), 1);
    assert_eq!((graph.inputs().len(), verify(&graph)), (2, vec![]));
}

#[test]
fn replacing_a_value_rewires_users_and_outputs() {
    let mut graph = read("graph @t(%x: f32[2]) { %y = relu %x\n %z = abs %y\n return %z, %y }");
    let [z, y] = [graph.outputs()[0], graph.outputs()[1]];
    let six =
        graph.op("clip", &[graph.inputs()[0]], [("min", Attr::Float(0.0)), ("max", Attr::Float(6.0))], None);
    let six = six.expect("clip");
    graph.replace(y, six);
    graph.remove_dead();
    assert_eq!(graph.node(z).operands(), [Some(six)]);
    assert_eq!(graph.outputs(), [z, six]);
}
