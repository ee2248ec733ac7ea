//! The parts of a graph, and many layers at once.

use hw::machine::{Layer, SHIPPED, shipped};
use nasc_mapping::nest::{Cache, LayerRow, Objective, Options};
use nasc_mapping::network::{Part, Words, Work, levels, map_network, parts, shape_count, stream};

fn of(body: &str) -> Vec<Part> {
    let graph = ir::parse(body, &ir::NoWeights).unwrap_or_else(|e| panic!("{e:?}"));
    parts(&graph).expect("small enough")
}

fn nest(part: &Part) -> Layer {
    match part.work {
        Work::Nest(layer) => layer,
        Work::Words(words) => panic!("{} is no nest: {words:?}", part.label),
    }
}

/// A nest of `[N, G, K, C, P, Q, R, S]`.
fn layer(size: [u64; 8], stride: u64) -> Layer {
    Layer::new(size, stride).expect("small enough")
}

#[test]
fn a_convolution_keeps_its_groups_and_its_stride() {
    let found = of("graph @t(%x: f32[2, 6, 9, 11], %w: f32[8, 3, 3, 5]) {
        %y = conv2d %x, %w {stride = [2, 2], pad = [1, 2, 1, 2], groups = 2}
        return %y
    }");
    assert_eq!((found[0].label.as_str(), found[0].op), ("y", "conv2d"));
    assert_eq!(nest(&found[0]), layer([2, 2, 4, 3, 5, 6, 3, 5], 2));
    assert_eq!(found[0].notes, [""; 0]);
}

#[test]
fn a_depthwise_convolution_is_one_channel_a_group() {
    let found = of("graph @t(%x: f32[1, 16, 8, 8], %w: f32[16, 1, 3, 3]) {
        %y = conv2d %x, %w {groups = 16}
        return %y
    }");
    assert_eq!(nest(&found[0]), layer([1, 16, 1, 1, 6, 6, 3, 3], 1));
}

#[test]
fn a_sequence_runs_along_columns() {
    let found = of("graph @t(%x: f32[1, 4, 50], %w: f32[8, 4, 5]) {
        %y = conv1d %x, %w {stride = [3]}
        return %y
    }");
    assert_eq!(nest(&found[0]), layer([1, 1, 8, 4, 1, 16, 1, 5], 3));
}

#[test]
fn a_stride_along_an_axis_without_neighbours_does_not_count() {
    // One kernel row: rows never share a word, whatever their stride.
    let found = of("graph @t(%x: f32[1, 1, 40, 40], %w: f32[4, 1, 1, 5]) {
        %y = conv2d %x, %w {stride = [2, 1]}
        return %y
    }");
    assert_eq!((nest(&found[0]).stride, found[0].notes.len()), (1, 0));
}

#[test]
fn unequal_strides_are_read_as_the_larger_and_said_to_be() {
    let found = of("graph @t(%x: f32[1, 1, 40, 40], %w: f32[4, 1, 3, 3]) {
        %y = conv2d %x, %w {stride = [1, 2]}
        return %y
    }");
    assert_eq!(nest(&found[0]).stride, 2);
    assert!(found[0].notes[0].contains("strides 1 and 2"), "{:?}", found[0].notes);
}

#[test]
fn a_dilated_convolution_is_interleaved_ones() {
    let graph = "graph @t(%x: f32[1, 2, 16, 17], %w: f32[4, 2, 3, 3]) {
        %y = conv2d %x, %w {dilation = [2, 2]}
        return %y
    }";
    let found = of(graph);
    // 12 x 13 outputs: 2 x 2 convolutions of 6 x 7, one column more than there is.
    assert_eq!(nest(&found[0]), layer([4, 1, 4, 2, 6, 7, 3, 3], 1));
    assert_eq!(found[0].notes.len(), 2);
    assert!(found[0].notes[1].contains("1 outputs of that axis more"), "{:?}", found[0].notes);
}

#[test]
fn a_stride_and_a_dilation_of_two_meet_every_second_place_only() {
    let found = of("graph @t(%x: f32[1, 2, 17, 17], %w: f32[4, 2, 3, 3]) {
        %y = conv2d %x, %w {stride = [2, 2], dilation = [2, 2]}
        return %y
    }");
    assert_eq!((nest(&found[0]), found[0].notes.len()), (layer([1, 1, 4, 2, 7, 7, 3, 3], 1), 0));
}

#[test]
fn a_dense_layer_has_a_row_for_every_vector() {
    let found = of("graph @t(%x: f32[2, 7, 64], %w: f32[10, 64]) {
        %y = dense %x, %w
        return %y
    }");
    assert_eq!(nest(&found[0]), layer([14, 1, 10, 64, 1, 1, 1, 1], 1));
}

#[test]
fn matrix_products_share_a_side_or_are_groups() {
    let product = |a: &str, b: &str| {
        of(&format!("graph @t(%a: f32[{a}], %b: f32[{b}]) {{\n  %y = matmul %a, %b\n  return %y\n}}"))
            .remove(0)
    };
    assert_eq!(nest(&product("3, 4, 5", "5, 6")), layer([12, 1, 6, 5, 1, 1, 1, 1], 1));
    assert_eq!(nest(&product("4, 5", "3, 5, 6")), layer([18, 1, 4, 5, 1, 1, 1, 1], 1));
    assert_eq!(nest(&product("3, 4, 5", "3, 5, 6")), layer([4, 3, 6, 5, 1, 1, 1, 1], 1));
    let partly = product("2, 1, 4, 5", "2, 3, 5, 6");
    assert_eq!((nest(&partly), partly.notes.len()), (layer([4, 6, 6, 5, 1, 1, 1, 1], 1), 1));
}

#[test]
fn attention_is_two_products_and_a_softmax() {
    let found = of("graph @t(%q: f32[1, 2, 10, 8], %k: f32[1, 2, 12, 8], %v: f32[1, 2, 12, 6]) {
        %y = attention %q, %k, %v
        return %y
    }");
    let labels: Vec<_> = found.iter().map(|p| p.label.as_str()).collect();
    assert_eq!(labels, ["y.scores", "y.softmax", "y.values"]);
    assert_eq!(nest(&found[0]), layer([10, 2, 12, 8, 1, 1, 1, 1], 1));
    assert_eq!(nest(&found[2]), layer([10, 2, 6, 12, 1, 1, 1, 1], 1));
    // 2 heads of 10 x 12 scores: scaled, then five operations of the softmax.
    assert_eq!(found[1].work, Work::Words(Words { operations: 1440, reads: 240, writes: 240 }));
}

#[test]
fn the_multiply_accumulates_of_a_graph_are_those_of_its_nests() {
    let text = "graph @t(%x: f32[1, 4, 12, 12], %w: f32[8, 4, 3, 3], %d: f32[8, 1, 3, 3], %f: f32[5, 8]) {
        %a = conv2d %x, %w {stride = [2, 2], act = relu}
        %b = conv2d %a, %d {groups = 8}
        %c = mean %b {axes = [2, 3], keep = 0}
        %y = dense %c, %f
        return %y
    }";
    let graph = ir::parse(text, &ir::NoWeights).unwrap_or_else(|e| panic!("{e:?}"));
    let found = parts(&graph).expect("small enough");
    let macs = found.iter().filter_map(|p| if let Work::Nest(l) = p.work { Some(l.macs()) } else { None });
    assert_eq!(macs.sum::<u64>(), graph.total_macs().0);
    assert_eq!(found.len(), 4);
}

#[test]
fn pools_and_moves_are_words_and_a_reshape_is_nothing() {
    let found = of("graph @t(%x: f32[1, 4, 8, 8]) {
        %p = max_pool2d %x {kernel = [2, 2], stride = [2, 2]}
        %t = transpose %p {perm = [0, 2, 3, 1]}
        %y = reshape %t {shape = [64]}
        return %y
    }");
    let works: Vec<_> = found.iter().map(|p| p.work).collect();
    let pool = Words { operations: 64 * 4, reads: 256, writes: 64 };
    let moved = Words { operations: 0, reads: 64, writes: 64 };
    assert_eq!(works, [Work::Words(pool), Work::Words(moved)]);
}

#[test]
fn streaming_is_as_slow_as_what_it_waits_for() {
    let machine = shipped("e168").expect("shipped").expect("reads");
    // 4 words a cycle into the machine, 16 through its buffer, 168 operations.
    let (cost, binds) = stream(&machine, &Words { operations: 1000, reads: 400, writes: 80 });
    assert_eq!((cost.cycles, binds.as_str()), (100.0, "dram read"));
    // Operations, 480 words of backing store, and each of them into the buffer and out of it.
    assert_eq!(cost.energy_pj, 1000.0 + 480.0 * 200.0 + 2.0 * 480.0 * 6.0);
    let (cost, binds) = stream(&machine, &Words { operations: 168_000, reads: 4, writes: 4 });
    assert_eq!((cost.cycles, binds.as_str()), (1000.0, "compute"));
}

#[test]
fn an_op_too_large_to_be_counted_is_named() {
    let text = "graph @t(%x: f32[1, 1024, 1024, 1024], %w: f32[2048, 1024, 32, 32]) {
        %y = conv2d %x, %w {stride = [32, 32]}
        return %y
    }";
    let graph = ir::parse(text, &ir::NoWeights).unwrap_or_else(|e| panic!("{e:?}"));
    let error = parts(&graph).expect_err("2^41 multiply-accumulates, a stride of 2^5 squared");
    assert!(error.to_string().contains("`y` (conv2d)"), "{error}");
}

#[test]
fn results_come_in_order_at_any_number_of_threads() {
    let machine = shipped("w1024").expect("shipped").expect("reads");
    let row = |k: u64, c: u64| LayerRow {
        net: "n".into(),
        layer: format!("{k}x{c}"),
        count: 1,
        nest: layer([1, 1, k, c, 7, 7, 3, 3], 1),
    };
    let rows: Vec<_> = [(8, 16), (32, 8), (8, 16), (5, 7), (64, 64)].map(|(k, c)| row(k, c)).into();
    assert_eq!(shape_count(&rows), 4);
    let options = Options::new(Objective::Pareto);
    let run = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
        let mut found = pool
            .install(|| map_network(&machine, &rows, &options, &Cache::in_memory(), &|| ()))
            .expect("fits");
        found.iter_mut().for_each(|m| m.seconds = 0.0);
        format!("{found:?}")
    };
    assert_eq!(run(1), run(3));
}

#[test]
fn what_binds_explains_the_latency() {
    let machine = shipped("e168").expect("shipped").expect("reads");
    let dense = LayerRow {
        net: "n".into(),
        layer: "fc".into(),
        count: 1,
        nest: layer([1, 1, 1000, 512, 1, 1, 1, 1], 1),
    };
    let options = Options::new(Objective::Latency);
    let found = &map_network(&machine, &[dense], &options, &Cache::in_memory(), &|| ()).expect("fits")[0];
    // 512000 weights at four words a cycle.
    assert_eq!(found.binds, "dram read");
    let longest = found.busy.iter().map(|b| b.cycles).fold(0.0, f64::max);
    assert_eq!(longest.ceil() as u64, found.latency_cycles);
    let parts: f64 = found.energy_breakdown.values().sum();
    assert!((parts - found.energy_pj).abs() <= 1e-9 * found.energy_pj);
}

#[test]
fn tiles_fit_the_memories_and_the_backing_store_has_the_whole_layer() {
    let machine = shipped("e168").expect("shipped").expect("reads");
    let row = LayerRow {
        net: "n".into(),
        layer: "c".into(),
        count: 1,
        nest: layer([1, 1, 32, 16, 14, 14, 3, 3], 1),
    };
    let found = &map_network(&machine, &[row], &Options::new(Objective::Edp), &Cache::in_memory(), &|| ())
        .expect("fits")[0];
    let used = levels(&machine, found);
    let names: Vec<_> = used.iter().map(|level| machine.memories[level.memory].name.as_str()).collect();
    assert_eq!(names[..2], ["dram", "glb"]);
    // 32*16*9 weights, 16 channels of 16 x 16, 32 of 14 x 14.
    let whole: Vec<u64> = used[0].tiles.iter().map(|tile| tile.words).collect();
    assert_eq!(whole, [4608, 4096, 6272]);
    for level in &used[1..] {
        let words: u64 = level.tiles.iter().map(|tile| tile.words).sum();
        assert!(Some(words) <= machine.memories[level.memory].capacity_words, "{level:?}");
    }
    // Every word of weights leaves the backing store at least once, every result enters it.
    assert!(used[0].tiles.iter().all(|tile| tile.accesses_per_word >= 1.0), "{used:?}");
    let energy: f64 = used.iter().map(|level| level.energy_pj).sum();
    assert!((energy + found.macs as f64 - found.energy_pj).abs() <= 1e-9 * found.energy_pj);
}

#[test]
fn what_binds_explains_the_latency_on_every_machine_that_is_shipped() {
    let row =
        LayerRow { net: "n".into(), layer: "c".into(), count: 1, nest: layer([1, 1, 8, 8, 4, 4, 3, 3], 1) };
    for name in SHIPPED {
        let machine = shipped(name).expect("shipped").expect("reads");
        let options = Options::new(Objective::Edp);
        let found = map_network(&machine, std::slice::from_ref(&row), &options, &Cache::in_memory(), &|| ());
        let found = found.unwrap_or_else(|e| panic!("{name}: {e}"));
        let longest = found[0].busy.iter().map(|b| b.cycles).fold(0.0, f64::max);
        assert_eq!(longest.ceil() as u64, found[0].latency_cycles, "{name}");
    }
}
