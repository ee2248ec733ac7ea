use super::*;

fn features(text: &str) -> HashMap<String, f64> {
    let graph = ir::parse(text, &ir::NoWeights).expect("well-formed text");
    let row = extract(&graph);
    assert!(row.iter().all(|v| v.is_finite()), "{row:?}");
    columns().into_iter().map(|c| c.name).zip(row).collect()
}

const PLAIN: &str = "graph @t(%x: f32[1, 4, 8, 8], %w: f32[4, 4, 3, 3]) {
  %a = conv2d %x, %w {pad = [1, 1, 1, 1]}
  %r = relu %x
  %y = add %a, %r
  return %y
}";

#[test]
fn counts_and_sizes_of_a_small_network() {
    // `%w` is an input here: the convolution reads two activations.
    let f = features(PLAIN);
    assert_eq!(f["conv_kxk.count"], 1.0);
    // 8 * 8 positions * 4 outputs * 4 inputs * 9 taps = 9216.
    assert!((f["conv_kxk.mmac"] - 0.009_216).abs() < 1e-12);
    assert_eq!((f["activation.count"], f["binary.count"], f["ops"]), (1.0, 1.0, 3.0));
    assert_eq!((f["path.ops"], f["path.shortest_ops"]), (2.0, 2.0));
    // The input has two readers: its activation cannot be fused.
    assert_eq!((f["values.shared"], f["activation.after_shared"]), (1.0, 1.0));
    // conv writes 4*8*8 f32 = 1024 bytes, so do relu and add.
    assert!((f["total.written_mb"] - 3072e-6).abs() < 1e-12);
}

#[test]
fn names_order_dead_code_and_repeats_do_not_count() {
    let other = features(
        "graph @other(%in: f32[1, 4, 8, 8], %k: f32[4, 4, 3, 3]) {
          %z = relu %in
          %dead = max_pool2d %in {kernel = [2, 2], stride = [2, 2]}
          %c = conv2d %in, %k {pad = [1, 1, 1, 1]}
          %zz = relu %in
          %y = add %zz, %c
          return %y
        }",
    );
    let mut plain = features(PLAIN);
    for name in ["pool.removed", "activation.removed"] {
        assert_eq!(other[name], 1.0, "{name}");
        plain.insert(name.to_owned(), 1.0);
    }
    for (name, value) in &other {
        assert!((value - plain[name]).abs() < 1e-9, "{name}: {value}, {} expected", plain[name]);
    }
}

#[test]
fn what_constants_decide_is_folded_and_its_use_remains() {
    let graph_text = "graph @t(%x: f32[1, 4, 8, 8], %w: f32[4, 4, 3, 3]) {
      %y = add %x, %x
      return %y
    }";
    assert_eq!(features(graph_text)["add.of_equal"], 1.0);
    let mut graph = ir::Graph::new("t");
    let ty = ir::Type::new(ir::Element::F32, [1, 4, 8, 8]);
    let x = graph.add_input("x", ty.clone());
    let zero = graph.add_untrained("zero", ty);
    let w = graph.add_untrained("w", ir::Type::new(ir::Element::F32, [4, 4, 1, 1]));
    let folded = graph.op("conv2d", &[zero, w], [], None).unwrap();
    let y = graph.op("add", &[x, folded], [], None).unwrap();
    graph.set_outputs([y]);
    let row: HashMap<String, f64> = columns().into_iter().map(|c| c.name).zip(extract(&graph)).collect();
    assert_eq!((row["conv_1x1.count"], row["conv_1x1.removed"]), (0.0, 1.0));
    assert_eq!((row["binary_constant.count"], row["binary.count"]), (1.0, 0.0));
    graph.set_outputs([folded]);
    let row = extract(&graph);
    let ops = columns().iter().position(|c| c.name == "ops").unwrap();
    assert_eq!(row[ops], 0.0);
}

#[test]
fn two_convolutions_of_different_weights_are_two() {
    let f = features(
        "graph @t(%x: f32[1, 4, 8, 8], %v: f32[4, 4, 1, 1], %w: f32[4, 4, 1, 1]) {
          %a = conv2d %x, %v
          %b = conv2d %x, %w
          %y = add %a, %b
          return %y
        }",
    );
    assert_eq!((f["conv_1x1.count"], f["conv_1x1.removed"]), (2.0, 0.0));
}

#[test]
fn every_column_has_a_name_of_its_own() {
    let names: Vec<String> = columns().into_iter().map(|c| c.name).collect();
    let distinct: std::collections::HashSet<&String> = names.iter().collect();
    assert_eq!(distinct.len(), names.len());
}
