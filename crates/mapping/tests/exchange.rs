//! Workloads of Timeloop and ZigZag read, and mappings written for Timeloop read back by code of this file alone.

use hw::machine::{Dim, Layer, Machine, Mapping, Slice, Tensor, Tier, shipped};
use nasc_mapping::exchange::{Unwritable, include, parse_workload, timeloop};
use nasc_mapping::nest::{Fix, Objective, Options, search};
use proptest::prelude::*;
use std::path::Path;

fn read(text: &str) -> Result<Layer, String> {
    let workload = parse_workload(text, Path::new("nets/3.yaml")).map_err(|e| e.to_string())?;
    assert_eq!(workload.rows.len(), 1);
    Ok(workload.rows[0].nest)
}

fn layer(size: [u64; 8], stride: u64) -> Layer {
    Layer::new(size, stride).unwrap()
}

/// `N G K C P Q R S` of AlexNet's second layer, ungrouped.
fn alexnet2() -> Layer {
    layer([1, 1, 256, 96, 27, 27, 5, 5], 1)
}

const SHAPE: &str = "  shape:
    name: CNN_Layer
    dimensions: [C, M, R, S, N, P, Q]
    coefficients:
    - {name: Wstride, default: 1}
    - {name: Hstride, default: 1}
    - {name: Wdilation, default: 1}
    - {name: Hdilation, default: 1}
    data_spaces:
    - name: Weights
      projection: [[[C]], [[M]], [[R]], [[S]]]
    - name: Inputs
      projection:
      - - - N
      - - - C
      - - - R
          - Wdilation
        - - P
          - Wstride
      - - - S
          - Hdilation
        - - Q
          - Hstride
    - name: Outputs
      projection: [[[N]], [[M]], [[Q]], [[P]]]
      read_write: true
";

#[test]
fn a_timeloop_problem_is_read_in_every_form() {
    let named = "problem:\n  shape: cnn-layer\n  instance: {C: 96, K: 256, N: 1, P: 27, Q: 27, R: 5, S: 5}\n";
    let flat = "problem: {C: 96, K: 256, N: 1, P: 27, Q: 27, R: 5, S: 5, Wstride: 1, Hstride: 1}\n";
    let full = format!(
        "problem:\n  version: 0.4\n  instance: {{C: 96, M: 256, N: 1, P: 27, Q: 27, R: 5, S: 5, H: 31, Hpad: 2}}\n{SHAPE}"
    );
    let bare =
        "# no `problem`\nshape: cnn_layer\ninstance: {C: 96, M: 256, N: 1, P: 27, Q: 27, R: 5, S: 5, G: 1}\n";
    let hyphens = full.replace("data_spaces", "data-spaces").replace("read_write: true", "read-write: True");
    for text in [named, flat, &full, bare, &hyphens] {
        assert_eq!(read(text), Ok(alexnet2()), "{text}");
    }
    let workload = parse_workload(named, Path::new("alexnet/2.yaml")).unwrap();
    assert_eq!((workload.rows[0].net.as_str(), workload.rows[0].layer.as_str()), ("alexnet", "2"));
}

#[test]
fn strides_groups_and_products_are_read() {
    let strided = "problem: {shape: cnn-layer, instance: {C: 3, K: 96, N: 4, P: 55, Q: 55, R: 11, S: 11, Wstride: 4, Hstride: 4}}";
    assert_eq!(read(strided), Ok(layer([4, 1, 96, 3, 55, 55, 11, 11], 4)));
    let grouped = "problem: {shape: cnn-layer, instance: {C: 1, K: 1, G: 32, N: 1, P: 7, Q: 7, R: 3, S: 3}}";
    assert_eq!(read(grouped), Ok(layer([1, 32, 1, 1, 7, 7, 3, 3], 1)));
    // Z[M, N] = A[M, K] B[N, K]: rows of A are the batch.
    let product = "problem: {shape: gemm_ABZ, instance: {M: 5, N: 6, K: 7}}";
    assert_eq!(read(product), Ok(layer([5, 1, 6, 7, 1, 1, 1, 1], 1)));
    // A stride along an axis with one output moves nothing.
    let row = "problem: {C: 1, K: 1, N: 1, P: 8, Q: 1, R: 3, S: 3, Wstride: 2, Hstride: 1}";
    assert_eq!(read(row), Ok(layer([1, 1, 1, 1, 8, 1, 3, 3], 2)));
}

#[test]
fn a_problem_that_merges_an_included_base_is_read() {
    let base = format!(
        "base: &base\n  version: 0.4\n  instance: {{N: 1, C: 1, M: 1, P: 1, Q: 1, R: 1, S: 1}}\n{SHAPE}"
    );
    let file = "{{include_text('../base.yaml')}}\nproblem:\n  <<<: *base\n  instance: {C: 96, M: 256, P: 27, Q: 27, R: 5, S: 5}\n";
    let find =
        |name: &str| if name == "../base.yaml" { Ok(base.clone()) } else { Err("not there".to_owned()) };
    let whole = include(file, &find).unwrap();
    assert_eq!(read(&whole.text), Ok(alexnet2()));
    let lines = base.lines().count();
    assert_eq!(whole.origin(3), (Some("../base.yaml"), 3));
    assert_eq!(whole.origin(lines + 1), (None, 2));
    // `<<` takes whole keys, so that the instance above is all there is.
    let shallow = include(&file.replace("<<<", "<<"), &find).unwrap();
    assert!(read(&shallow.text).unwrap_err().ends_with("no `N`"));
    let absent = include("\n{{include_text('a.yaml')}}\n", &find).unwrap_err().to_string();
    assert_eq!(absent, "line 2: `a.yaml` is included: not there");
    let other = include("x: {{ add(1, 2) }}\n", &find).unwrap_err().to_string();
    assert!(other.starts_with("line 1: a template, plain YAML"), "{other}");
    let endless = |_: &str| Ok("{{include_text('a')}}\n{{include_text('a')}}\n".to_owned());
    let error = include("{{include_text('a')}}", &endless).unwrap_err().to_string();
    assert!(error.contains("at most 8 expected"), "{error}");
}

#[test]
fn what_is_no_nest_of_ours_is_refused_with_line_key_and_what_is_expected() {
    let conv = |more: &str| {
        format!(
            "problem:\n  shape: cnn-layer\n  instance: {{C: 2, K: 2, N: 1, P: 4, Q: 4, R: 3, S: 3{more}}}\n"
        )
    };
    let full = |from: &str, to: &str| {
        format!("problem:\n  instance: {{C: 2, M: 2, N: 1, P: 4, Q: 4, R: 3, S: 3}}\n{SHAPE}")
            .replace(from, to)
    };
    let cases = [
        (conv(", Wdilation: 2"), "line 3: `R+P`: a dilation of 2 along `R`; 1 expected"),
        (
            conv(", Wstride: 2"),
            "line 3: `Q`: a stride of 1, and 2 along the other axis; the same along both expected",
        ),
        (
            conv(", densities: {Weights: 0.5}"),
            "line 3: `Weights` has a density of 0.5, 1 expected: sparse operands are not read",
        ),
        (
            conv(", densities: {Inputs: {distribution: fixed_structured, density: 0.25}}"),
            "line 3: `Inputs` has a density of 0.25",
        ),
        (conv(", commonDensity: 0.5"), "line 3: `every operand` has a density of 0.5"),
        (conv("").replace("K: 2, ", ""), "line 3: no `K`"),
        (conv("").replace("P: 4", "P: 0"), "line 3: `P` is `0`, a whole number from 1 expected"),
        (conv("").replace("P: 4", "P: [4]"), "line 3: `P` is `a list`, a text expected"),
        (conv("").replace("P: 4", "P: 4000000000000000"), "line 3: the layer has more than 2^50"),
        (
            conv("").replace("cnn-layer", "pool"),
            "line 2: `shape` is `pool`, cnn-layer, gemm or gemm_ABZ, or a map",
        ),
        (conv(", N: 2"), "line 3: `N` is given twice"),
        (
            full("      read_write: true\n", ""),
            "line 4: `data_spaces`: 3 read and 0 with `read_write: true`; two and one expected",
        ),
        (
            full("[[C]], [[M]]", "[[X]], [[M]]"),
            "line 4: `X`: unknown, in `Weights`; one of `dimensions` expected",
        ),
        (
            full("          - Wdilation", "          - Wd"),
            "line 4: `Wd`: unknown, in `Inputs`; one of `coefficients` expected",
        ),
        (
            full("[[N]], [[M]], [[Q]], [[P]]", "[[N]], [[Q]], [[P]]"),
            "line 2: `M`: a loop in one operand alone",
        ),
        (
            full("    data_spaces", "    flatten: []\n    data_spaces"),
            "`flatten`: loops merged into one; loops as in `dimensions` expected",
        ),
        ("problem: {a: 1\n".to_owned(), "no YAML"),
        ("problem: 3\n".to_owned(), "line 1: `problem` is `3`, a map expected"),
        ("a: 1\n".to_owned(), "line 1: no workload: a map with `problem` (Timeloop) or a list of layers"),
        (String::new(), "line 1: an empty file"),
        ("problem: {}\n---\nproblem: {}\n".to_owned(), "a second document, one expected"),
    ];
    for (text, expected) in cases {
        let error = read(&text).unwrap_err();
        assert!(error.contains(expected), "{error}\n{expected}\n{text}");
    }
}

#[test]
fn aliases_and_depth_are_bounded() {
    let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for at in 1..12 {
        let aliases = vec![format!("*a{}", at - 1); 10].join(", ");
        bomb += &format!("a{at}: &a{at} [{aliases}]\n");
    }
    assert!(read(&bomb).unwrap_err().contains("values, at most 262144 expected"));
    let deep = format!("problem: {}{}", "[".repeat(100), "]".repeat(100));
    assert!(read(&deep).unwrap_err().contains("33 levels, at most 32 expected"));
    assert!(read("problem: &a {x: *a}\n").unwrap_err().contains("an alias of what it stands in"));
}

const ZIGZAG: &str = "- id: 0 # stride 2
  operator_type: Conv
  equation: O[b][g][k][oy][ox]+=W[g][k][c][fy][fx]*I[b][g][c][iy][ix]
  dimension_relations: [ix=2*ox+1*fx, iy=2*oy+1*fy]
  loop_dims: [B, K, G, C, OY, OX, FY, FX]
  loop_sizes: [1, 64, 2, 3, 112, 56, 7, 5]
  operand_precision: {W: 8, I: 8, O: 16, O_final: 8}
  operand_source: {I: 0, W: 0}
  pr_loop_dims: [IX, IY]
  pr_loop_sizes: [224, 224]
  padding: [[3, 3], [3, 3]]
- id: 1
  name: pool
  operator_type: Pooling
  equation: O[b][g][oy][ox]+=W[fx][fy]*I[b][g][iy][ix]
  loop_dims: [B, G, OY, OX, FX, FY]
  loop_sizes: [1, 64, 56, 56, 3, 3]
- id: 2
  name: heads
  operator_type: Gemm
  equation: O[b][h][m][n] += I[b][h][m][k] * W[b][h][k][n]
  dimension_relations: []
  loop_dims: [B, H, M, N, K]
  loop_sizes: [2, 4, 16, 32, 8]
";

#[test]
fn a_zigzag_workload_is_read_and_poolings_are_left_out() {
    let workload = parse_workload(ZIGZAG, Path::new("nets/resnet18.yaml")).unwrap();
    let rows: Vec<_> =
        workload.rows.iter().map(|r| (r.net.as_str(), r.layer.as_str(), r.count, r.nest)).collect();
    let expected = [
        ("resnet18", "Layer0", 1, layer([1, 2, 64, 3, 112, 56, 7, 5], 2)),
        ("resnet18", "heads", 1, layer([16, 8, 32, 8, 1, 1, 1, 1], 1)),
    ];
    assert_eq!(rows, expected);
    let left: Vec<_> =
        workload.left_out.iter().map(|l| (l.line, l.layer.as_str(), l.operator.as_str())).collect();
    assert_eq!(left, [(12, "pool", "Pooling")]);
}

#[test]
fn a_zigzag_layer_that_is_no_nest_is_refused() {
    let cases = [
        ("ix=2*ox+1*fx", "ix=2*ox+2*fx", "line 3: `ix`: a dilation of 2 along `fx`; 1 expected"),
        ("ix=2*ox+1*fx", "ix=1*ox+1*fx", "a stride of 1, and 2 along the other axis"),
        (
            "ix=2*ox+1*fx",
            "ix=2*ox-fx",
            "line 4: `dimension_relations` is `ix=2*ox-fx`, a sum such as ix=2*ox+1*fx expected",
        ),
        ("ix=2*ox+1*fx, ", "", "line 3: `I[ix]`: an index that is no loop and no relation"),
        ("W[g][k][c][fy][fx]*I[b][g][c][iy][ix]", "W[g][k]", "line 3: `equation` is"),
        (
            "W[g][k][c]",
            "W[g][c]",
            "line 3: `k`: a loop in one operand alone; one in two operands at least expected",
        ),
        ("1, 64, 2, 3,", "64, 2, 3,", "line 6: `loop_sizes` has 7 numbers, 8 expected"),
        ("1, 64, 2, 3,", "1, -64, 2, 3,", "line 6: `loop_sizes` is `-64`, a whole number from 1 expected"),
        ("[B, K, G,", "[B, K, B,", "line 5: `B` is given twice"),
        ("  loop_dims: [B, K, G, C, OY, OX, FY, FX]\n", "", "line 1: no `loop_dims`"),
    ];
    for (from, to, expected) in cases {
        let text = ZIGZAG.replacen(from, to, 1);
        assert_ne!(text, ZIGZAG);
        let error = parse_workload(&text, Path::new("a.yaml")).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}\n{expected}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn mutated_workloads_never_panic(at in 0..1200usize, to in "[\\[\\]{}:*&,<>|'\"\\- a-z0-9\n=+]{0,4}", zigzag: bool) {
        let full = format!("problem:\n  instance: {{C: 2, M: 2, N: 1, P: 4, Q: 4, R: 3, S: 3}}\n{SHAPE}");
        let text = if zigzag { ZIGZAG } else { full.as_str() };
        let at = at % text.len();
        let mutated = format!("{}{to}{}", &text[..at], &text[(at + 1).min(text.len())..]);
        let _ = parse_workload(&mutated, Path::new("a.yaml"));
    }
}

// Reading back what is written for Timeloop: by the rules of its parser, with nothing of ours.

/// A directive's factors as `(loop, factor, last)` and its permutation, leftmost first.
#[derive(Debug, Clone, Default)]
struct Directive {
    target: String,
    kind: String,
    factors: Vec<(char, u64, u64)>,
    permutation: Vec<char>,
    split: usize,
    keep: Vec<String>,
}

fn words(text: &str) -> Vec<String> {
    text.trim_matches(['[', ']']).split(',').map(|w| w.trim().to_owned()).filter(|w| !w.is_empty()).collect()
}

fn directives(text: &str) -> Vec<Directive> {
    let mut all: Vec<Directive> = Vec::new();
    for line in text.lines().skip_while(|l| *l != "mapping:").skip(1) {
        if let Some(inside) = line.strip_prefix("- {target: ") {
            let (target, rest) = inside.split_once(", type: bypass, keep: ").unwrap();
            let (keep, _) = rest.split_once(", bypass: ").unwrap();
            all.push(Directive {
                target: target.into(),
                kind: "bypass".into(),
                keep: words(keep),
                ..Directive::default()
            });
        } else if let Some(target) = line.strip_prefix("- target: ") {
            all.push(Directive { target: target.into(), ..Directive::default() });
        } else {
            let (key, value) = line.trim().split_once(": ").unwrap();
            let last = all.last_mut().unwrap();
            match key {
                "type" => last.kind = value.into(),
                "permutation" => last.permutation = value.chars().collect(),
                "split" => last.split = value.parse().unwrap(),
                "factors" => last.factors = value.split(' ').map(factor).collect(),
                _ => panic!("{line}"),
            }
        }
    }
    all
}

fn factor(text: &str) -> (char, u64, u64) {
    let (dim, numbers) = text.split_once('=').unwrap();
    let (whole, last) = numbers.split_once(',').unwrap_or((numbers, numbers));
    (dim.chars().next().unwrap(), whole.parse().unwrap(), last.parse().unwrap())
}

/// Every iteration of a loop as its numbers at each level, outermost first: a level's count is its last where all around are last.
fn iterations(trips: &[(u64, u64)]) -> Vec<Vec<u64>> {
    fn go(trips: &[(u64, u64)], last: bool, so_far: &mut Vec<u64>, all: &mut Vec<Vec<u64>>) {
        let Some(&(factor, residue)) = trips.first() else { return all.push(so_far.clone()) };
        let end = if last { residue } else { factor };
        for at in 0..end {
            so_far.push(at);
            go(&trips[1..], last && at == end - 1, so_far, all);
            so_far.pop();
        }
    }
    let mut all = Vec::new();
    go(trips, true, &mut Vec::new(), &mut all);
    all
}

/// Checks a written mapping against the one it was written from.
fn agrees(machine: &Machine, layer: &Layer, mapping: &Mapping, text: &str) {
    let all = directives(text);
    let mut loops: Vec<&Directive> = all.iter().filter(|d| d.kind != "bypass").collect();
    // A machine of one element has no spatial directive: then one of nothing stands where elements begin.
    let inside = |name: &str| machine.memories.iter().any(|m| m.name == name && m.tier == Tier::Element);
    let first = loops.iter().position(|d| d.target == "element" || inside(&d.target)).unwrap();
    let factors = Dim::ALL.map(|d| (d.letter(), 1, 1)).to_vec();
    let nothing = Directive {
        target: loops[first - 1].target.clone(),
        kind: "spatial".into(),
        factors,
        ..Directive::default()
    };
    let found = loops.iter().position(|d| d.kind == "spatial");
    assert_eq!(found, (machine.elements() > 1).then(|| first - 1));
    if found.is_none() {
        loops.insert(first, &nothing);
    }
    let spatial = found.unwrap_or(first);
    let temporal: Vec<&Directive> = loops.iter().copied().filter(|d| d.kind == "temporal").collect();
    // Within a level, temporal loops are around its spatial ones: the nest is in the order of the file.
    for dim in Dim::ALL {
        let d = dim as usize;
        let trips: Vec<(u64, u64)> = loops
            .iter()
            .map(|l| l.factors.iter().find(|f| f.0 == dim.letter()).map(|f| (f.1, f.2)).unwrap())
            .collect();
        let cover = trips.iter().fold(0, |all, &(factor, last)| all * factor + last - 1) + 1;
        assert_eq!(cover, layer.size[d], "{dim} by the parser's own check\n{text}");
        let block = mapping.pe[d] * mapping.spatial[d];
        let tile = if mapping.buffer[d] >= layer.size[d] { u64::MAX } else { mapping.buffer[d] };
        let runs = iterations(&trips);
        assert_eq!(runs.len() as u64, layer.size[d]);
        for (i, numbers) in (0..).zip(runs) {
            let inside: u64 = numbers[spatial + 1..]
                .iter()
                .zip(&trips[spatial + 1..])
                .fold(0, |n, (at, trip)| n * trip.0 + at);
            let ours = [i / tile, i % tile / block, i % tile % block / mapping.pe[d], i % mapping.pe[d]];
            assert_eq!(
                [numbers[0], numbers[spatial - 1], numbers[spatial], inside],
                ours,
                "{dim} {i}\n{text}"
            );
        }
        if mapping.spatial[d] == 1 {
            continue;
        }
        let on = if mapping.axes[1][d] > 1 && mapping.axes[0][d] == 1 { 1 } else { 0 };
        let place = loops[spatial].permutation.iter().position(|&c| c == dim.letter()).unwrap();
        if !text.contains("across both axes") {
            assert_eq!(usize::from(place >= loops[spatial].split), on, "{dim}\n{text}");
        }
    }
    let letters = |order: &[Dim; 8]| order.iter().map(|d| d.letter()).collect::<Vec<_>>();
    assert_eq!(loops[0].permutation, letters(&mapping.order[1]));
    assert_eq!(loops[spatial - 1].permutation, letters(&mapping.order[0]));
    assert_eq!(loops[spatial].target, loops[spatial - 1].target);
    for directive in all.iter().filter(|d| d.kind == "bypass") {
        let memory = machine.memories.iter().find(|m| m.name == directive.target);
        for (tensor, name) in Tensor::ALL.into_iter().zip(["Weights", "Inputs", "Outputs"]) {
            let buffer = memory.is_some_and(|m| m.tier == Tier::Buffer);
            let kept = memory
                .is_some_and(|m| m.holds[tensor as usize] && !(buffer && mapping.bypass[tensor as usize]));
            assert_eq!(directive.keep.iter().any(|k| k == name), kept, "{} {name}", directive.target);
        }
    }
    if let Some(slice) = mapping.slice {
        // Below the sliced loop stands the tensor's memory alone.
        let (last, above) = (temporal.last().unwrap(), temporal[temporal.len() - 2]);
        let of = |d: &Directive| d.factors.iter().find(|f| f.0 == slice.dim.letter()).unwrap().1;
        assert_eq!(of(last), 1);
        assert_eq!(of(above), mapping.pe[slice.dim as usize].min(layer.size[slice.dim as usize]));
        let holder = machine.memories.iter().find(|m| m.name == last.target).unwrap();
        assert!(holder.holds[slice.tensor as usize]);
    }
    assert_eq!(read(text), Ok(*layer), "the problem beside it is the layer");
}

fn best(machine: &Machine, layer: &Layer, fix: &str) -> Mapping {
    let options = Options { fix: Fix::parse(fix).unwrap(), ..Options::new(Objective::Edp) };
    search(machine, layer, &options).unwrap().points[0].mapping
}

#[test]
fn mappings_found_on_shipped_machines_read_back_as_they_are() {
    let layers = [alexnet2(), layer([1, 32, 1, 1, 14, 14, 3, 3], 2), layer([7, 1, 50, 33, 1, 1, 1, 1], 1)];
    let mut written = 0;
    for name in ["e168", "w1024", "gemmini-like", "nvdla-64", "cortex-m7", "rv32imac"] {
        let machine = shipped(name).unwrap().unwrap();
        for layer in &layers {
            let options =
                Options { time: Some(std::time::Duration::from_millis(300)), ..Options::new(Objective::Edp) };
            let mapping = search(&machine, layer, &options).unwrap().points[0].mapping;
            match timeloop(&machine, layer, &mapping) {
                Ok(file) => agrees(&machine, layer, &mapping, &file.text),
                Err(Unwritable::Slice { .. }) => continue,
                Err(error) => panic!("{name}: {error}"),
            }
            written += 1;
        }
    }
    assert!(written >= 6, "{written}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn ragged_mappings_read_back_as_they_are(
        n in 1..3u64, g in 1..3u64, k in 1..24u64, c in 1..20u64, p in 1..17u64, q in 1..17u64, r in 1..4u64, s in 1..4u64,
        stride in 1..3u64, wide in any::<bool>(),
    ) {
        let machine = shipped(if wide { "w1024" } else { "e168" }).unwrap().unwrap();
        let layer = layer([n, g, k, c, p, q, r, s], stride);
        let mapping = best(&machine, &layer, "");
        match timeloop(&machine, &layer, &mapping) {
            Ok(file) => agrees(&machine, &layer, &mapping, &file.text),
            Err(error) => prop_assert!(matches!(error, Unwritable::Slice { .. }), "{error}"),
        }
    }
}

#[test]
fn a_ragged_mapping_is_written_with_its_last_runs() {
    let machine = shipped("e168").unwrap().unwrap();
    let layer = layer([1, 1, 10, 4, 5, 7, 3, 3], 1);
    // K: 10 in elements' tiles of 2 on 3 of them, in blocks of 6. P: 5 in buffer tiles of 3.
    let fix = "spatial=K:3,*:1 pe=K:2,R:3,S:3,*:1 buffer=K:12,P:3,Q:7,C:4,R:3,S:3,*:1 slice=none";
    let mapping = best(&machine, &layer, fix);
    let file = timeloop(&machine, &layer, &mapping).unwrap();
    agrees(&machine, &layer, &mapping, &file.text);
    let all = directives(&file.text);
    let of = |kind: &str, target: &str, dim: char| {
        let found = all.iter().find(|d| d.kind == kind && d.target == target).unwrap();
        found.factors.iter().find(|f| f.0 == dim).map(|f| (f.1, f.2)).unwrap()
    };
    let names: Vec<&str> = machine.memories.iter().map(|m| m.name.as_str()).collect();
    // 9 is the last of K: in block 1, element 1 (of 3), iteration 1.
    assert_eq!(of("temporal", names[1], 'K'), (2, 2));
    assert_eq!(of("spatial", names[1], 'K'), (3, 2));
    assert_eq!(of("temporal", names[0], 'P'), (2, 2));
    assert_eq!(of("temporal", names[1], 'P'), (3, 2));
}

#[test]
fn a_slice_is_written_where_the_tensor_has_its_own_memory_and_refused_where_it_has_not() {
    let machine = shipped("e168").unwrap().unwrap();
    let layer = layer([1, 1, 12, 4, 5, 7, 3, 3], 1);
    let mut mapping = best(&machine, &layer, "pe=K:4,R:3,S:1,*:1 slice=K.weight");
    let file = timeloop(&machine, &layer, &mapping).unwrap();
    agrees(&machine, &layer, &mapping, &file.text);
    let mut shared = machine.clone();
    let element = |m: &&mut hw::machine::Memory| m.tier == Tier::Element;
    for (at, memory) in shared.memories.iter_mut().filter(element).enumerate() {
        memory.holds = [at == 0; 3];
        memory.capacity_words = Some(4096);
    }
    let error = timeloop(&shared, &layer, &mapping).unwrap_err();
    assert!(error.to_string().contains("`slice=none` expected"), "{error}");
    mapping.slice = None;
    assert!(timeloop(&shared, &layer, &mapping).is_ok());
    mapping.slice = Some(Slice { dim: Dim::K, tensor: Tensor::Weight });
    mapping.pe[Dim::K as usize] = 0;
    assert_eq!(timeloop(&machine, &layer, &mapping), Err(Unwritable::Zero { dim: Dim::K }));
    mapping.pe[Dim::K as usize] = 12;
    mapping.pe[Dim::C as usize] = 4;
    mapping.pe[Dim::Q as usize] = 7;
    mapping.slice = None;
    assert!(matches!(timeloop(&machine, &layer, &mapping), Err(Unwritable::Illegal { .. })));
}

#[test]
fn a_loop_across_both_axes_makes_the_array_one_row_and_says_so() {
    let machine = shipped("w1024").unwrap().unwrap();
    let across = |d: usize| machine.axes.len() == 2 && machine.axes.iter().all(|a| a.dims[d]);
    let machine = if Dim::ALL.iter().any(|&d| across(d as usize)) {
        machine
    } else {
        shipped("e168").unwrap().unwrap()
    };
    let dim = Dim::ALL.into_iter().find(|&d| machine.axes.iter().all(|a| a.dims[d as usize])).unwrap();
    let mut size = [1; 8];
    size[dim as usize] = 6;
    let layer = layer(size, 1);
    let fix = format!("spatial={dim}:6,*:1 axis0={dim}:2,*:1 axis1={dim}:3,*:1");
    let mapping = best(&machine, &layer, &fix);
    let file = timeloop(&machine, &layer, &mapping).unwrap();
    let sides: Vec<u64> = machine.axes.iter().map(|a| a.size).collect();
    let note = format!(
        "the {}x{} elements are described as one row of {}.",
        sides[0],
        sides[1],
        sides[0] * sides[1]
    );
    assert!(
        file.notes.iter().any(|n| n.contains("across both axes") && n.ends_with(&note)),
        "{:?}",
        file.notes
    );
    assert!(file.text.contains(&format!("meshX: {}, meshY: 1", sides[0] * sides[1])));
    agrees(&machine, &layer, &mapping, &file.text);
}
