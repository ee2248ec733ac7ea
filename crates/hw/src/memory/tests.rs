//! Distances against a tile-by-tile search, and what a problem is refused for.

use super::*;

/// The smallest `d >= 0` such that no tile stores into bytes still needed, for every placement at or beyond `d`.
fn slow_distance(tiles: &Tiles, input_bytes: u64, output_bytes: u64, input_above: bool) -> u64 {
    let clash = |delta: i64| {
        (0..tiles.outer).flat_map(|i| (0..tiles.inner).map(move |j| (i, j))).any(|(i, j)| {
            let (w, n) = (tiles.written(i, j, output_bytes), tiles.needed(i, j, input_bytes));
            // Positions relative to the output's start.
            let n = (n.0 as i64 + delta, n.1 as i64 + delta);
            w.0 < w.1 && n.0 < n.1 && (w.0 as i64) < n.1 && n.0 < w.1 as i64
        })
    };
    let far = (input_bytes + output_bytes) as i64;
    let sign = if input_above { 1 } else { -1 };
    (0..=far).rev().take_while(|&d| !clash(sign * d)).last().expect("disjoint is safe") as u64
}

#[test]
fn expanding_1x1_needs_the_growth_of_all_pixels_but_one() {
    // 48x48 pixels, 8 -> 16 bytes each. Pixel k stores up to 16(k+1) and still needs its own 8 input bytes from 8k:
    // 16(k+1) - 8k is largest for k = 2303: 36,864 - 18,424 = 18,440.
    let (input, output) = (48 * 48 * 8, 48 * 48 * 16);
    let direct = Access::Tiled(Tiles::pointwise(48 * 48, 8, 16, false)).clearance(input, output);
    assert_eq!(direct.input_above, Some(18_440));
    // With the pixel in registers first, k = 2302 is the last that leaves something to read:
    // 16 * 2303 - 8 * 2303 = 18,424, and input + 18,424 ends before the output does.
    let buffered = Access::Tiled(Tiles::pointwise(48 * 48, 8, 16, true)).clearance(input, output);
    assert_eq!(buffered.input_above, Some(18_424));
}

#[test]
fn elementwise_runs_at_the_same_offset() {
    let relu = Access::Tiled(Tiles::pointwise(100, 1, 1, true)).clearance(100, 100);
    assert_eq!(relu.input_above, Some(0));
    assert_eq!(relu.output_above, None);
}

#[test]
fn a_3x3_window_trails_its_output_by_a_row_and_two_pixels() {
    // 8x8 image, 4 bytes a pixel, pad 1: pixel p stores up to 4(p+1) and needs from 4(p - 8 - 1): 4 * 10 = 40.
    let window = Window {
        input: [8, 8],
        output: [8, 8],
        input_pixel_bytes: 4,
        output_pixel_bytes: 4,
        stride: [1, 1],
        pad: [1, 1],
    };
    let by_pixel = Access::Tiled(window.by_pixel()).clearance(256, 256);
    assert_eq!(by_pixel.input_above, Some(40));
    // Row k stores up to 32(k+1) and needs from 32(k-1): two rows.
    let by_row = Access::Tiled(window.by_row()).clearance(256, 256);
    assert_eq!(by_row.input_above, Some(64));
}

#[test]
fn closed_form_distances_equal_a_tile_by_tile_search() {
    let mut cases = Vec::new();
    for (pixels, r, w) in [(1, 3, 5), (5, 3, 5), (5, 5, 3), (7, 4, 4), (6, 8, 1)] {
        for buffered in [false, true] {
            cases.push((Tiles::pointwise(pixels, r, w, buffered), pixels * r, pixels * w));
            cases.push((Tiles::pointwise_reversed(pixels, r, w, buffered), pixels * r, pixels * w));
            // A last, partial tile: one byte of input and output less.
            cases.push((Tiles::pointwise(pixels, r, w, buffered), pixels * r - 1, (pixels * w - 1).max(1)));
        }
    }
    for (size, stride, pad, k) in [(6, 1, 1, 3), (6, 2, 1, 3), (7, 2, 0, 3), (5, 1, 0, 2), (8, 3, 2, 5)] {
        let out = (size + 2 * pad - k) / stride + 1;
        for (a, b) in [(2, 3), (3, 2), (4, 4)] {
            let window = Window {
                input: [size, size],
                output: [out, out],
                input_pixel_bytes: a,
                output_pixel_bytes: b,
                stride: [stride, stride],
                pad: [pad, pad],
            };
            cases.push((window.by_pixel(), size * size * a, out * out * b));
            cases.push((window.by_row(), size * size * a, out * out * b));
        }
    }
    for (tiles, input, output) in cases {
        assert!(tiles.is_monotone(), "{tiles:?}");
        let found = Access::Tiled(tiles).clearance(input, output);
        let above = slow_distance(&tiles, input, output, true);
        let below = slow_distance(&tiles, input, output, false);
        let (fast, slow, whole) = match tiles.need {
            Need::From(_) => (found.input_above, above, output),
            Need::UpTo(_) => (found.output_above, below, input),
        };
        assert_eq!(fast.unwrap_or(whole), slow, "{tiles:?} {input} {output}");
    }
}

#[test]
fn a_kernel_that_reads_everything_first_may_store_anywhere() {
    let pool = Tiles {
        outer: 1,
        inner: 1,
        write: Affine::default(),
        write_bytes: 16,
        need: Need::From(Affine { base: 1024, outer: 0, inner: 0 }),
    };
    let clearance = Access::Tiled(pool).clearance(1024, 16);
    assert!(clearance.allows((0, 1024), (512, 16)));
}

#[test]
fn two_walks_serve_a_lone_pair_in_both_directions() {
    let walks = [Tiles::pointwise(4, 2, 1, true), Tiles::pointwise_reversed(4, 2, 1, true)];
    let step = Step {
        name: "contract".into(),
        inputs: vec![0],
        outputs: vec![1],
        scratch: vec![],
        walks: walks.map(|t| Walk::single(0, 0, Access::Tiled(t))).into(),
    };
    let buffers = [Buffer::new("x", 8, 0, 1), Buffer::new("y", 4, 0, 1)];
    let clearance = step.clearance(&buffers, 0, 0);
    // Backwards, the pixel k = 1..3 of y at k stores while x is needed up to 2k: y must lie 3 bytes above x.
    assert_eq!(clearance, Clearance { input_above: Some(0), output_above: Some(3), same_offset: false });
    assert_eq!(step.walk_for(&buffers, &[0, 0]), Some(0));
    assert_eq!(step.walk_for(&buffers, &[0, 4]), Some(1));
    assert_eq!(step.walk_for(&buffers, &[0, 8]), None);
}

#[test]
fn a_tensor_read_twice_or_later_is_never_overlapped() {
    let add = Tiles::pointwise(8, 1, 1, true);
    let pair = |input| PairAccess { input, output: 0, access: Access::Tiled(add) };
    let step = |inputs: Vec<usize>| Step {
        name: "add".into(),
        inputs,
        outputs: vec![2],
        scratch: vec![],
        walks: vec![Walk { pairs: vec![pair(0), pair(1)] }],
    };
    let buffers = vec![Buffer::new("a", 8, 0, 1), Buffer::new("b", 8, 0, 2), Buffer::new("c", 8, 0, 2)];
    let mut problem = Problem { buffers, steps: vec![step(vec![0, 1])], capacity: None };
    let ids = |p: &Problem| p.overlaps().iter().map(|o| (o.0, o.1)).collect::<Vec<_>>();
    assert_eq!(ids(&problem), [(0, 2)]);
    problem.steps = vec![step(vec![0, 0])];
    assert_eq!(ids(&problem), []);
}

#[test]
fn every_finding_of_a_bad_problem_is_reported() {
    let mut bad = Buffer::new("a", 0, 3, 3);
    bad.align = 3;
    let mut pinned = Buffer::new("b", 4, 0, 1);
    (pinned.align, pinned.pinned) = (4, Some(6));
    let backwards = Tiles {
        need: Need::From(Affine { base: 0, outer: 0, inner: -1 }),
        ..Tiles::pointwise(4, 1, 1, true)
    };
    let step = Step {
        name: "s".into(),
        inputs: vec![1],
        outputs: vec![9],
        scratch: vec![0],
        walks: vec![Walk::single(0, 0, Access::Tiled(backwards)), Walk::single(5, 0, Access::SameOffset)],
    };
    let problem = Problem { buffers: vec![bad, pinned], steps: vec![step], capacity: None };
    let text: Vec<String> = problem.findings().iter().map(ToString::to_string).collect();
    assert_eq!(text.len(), 8, "{text:#?}");
    assert!(text.contains(&"buffer `b` is pinned to 6, a multiple of 4 expected".to_string()));
    let huge = Problem { buffers: vec![Buffer::new("h", u64::MAX, 0, 1)], ..Problem::default() };
    assert_eq!(huge.findings(), [ProblemError::TooLarge { limit: MAX_BYTES }]);
}
