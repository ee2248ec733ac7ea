//! Plans that are safe, and the ways in which plans are not.

use hw::memory::{Access, Buffer, Peak, Plan, Problem, Step, Tiles, Walk};
use nasc_check::memory::{Damage, replay};

/// x (8 bytes, one a pixel) -> y (16 bytes, two a pixel), stored pixel by pixel.
fn expand(walks: Vec<Walk>) -> Problem {
    let buffers = vec![Buffer::new("x", 8, 0, 1), Buffer::new("y", 16, 0, 1)];
    let step = Step { name: "pointwise".into(), inputs: vec![0], outputs: vec![1], scratch: vec![], walks };
    Problem { buffers, steps: vec![step], capacity: None }
}

fn plan(offsets: &[u64], walks: &[Option<usize>], arena_bytes: u64) -> Plan {
    Plan {
        offsets: offsets.to_vec(),
        walks: walks.to_vec(),
        arena_bytes,
        lower_bound: 0,
        proven: false,
        peak: Peak::default(),
        nodes: 0,
    }
}

fn pointwise(buffered: bool) -> Vec<Walk> {
    vec![Walk::single(0, 0, Access::Tiled(Tiles::pointwise(8, 1, 2, buffered)))]
}

fn kinds(problem: &Problem, plan: &Plan) -> Vec<Damage> {
    replay(problem, plan).into_iter().map(|violation| violation.kind).collect()
}

#[test]
fn an_input_at_the_tail_of_its_growing_output_is_safe_with_one_pixel_of_slack() {
    // Pixel 7 stores bytes 14..16 while it still needs the input's byte 7: at offset 9 that is byte 16.
    assert_eq!(kinds(&expand(pointwise(false)), &plan(&[9, 0], &[Some(0)], 17)), []);
    // With the pixel's input in a register first, nothing is needed any more: offset 8 will do.
    assert_eq!(kinds(&expand(pointwise(true)), &plan(&[8, 0], &[Some(0)], 16)), []);
}

#[test]
fn a_store_onto_a_byte_still_needed_is_found_with_its_tile() {
    let found = replay(&expand(pointwise(false)), &plan(&[8, 0], &[Some(0)], 16));
    assert_eq!(found.len(), 1);
    assert_eq!(
        found[0].to_string(),
        "step 0: `y` bytes 15..16: tile 0, 7 overwrites `x`, which is still needed"
    );
}

#[test]
fn sharing_without_a_walk_is_found() {
    let found = kinds(&expand(pointwise(false)), &plan(&[9, 0], &[None], 17));
    assert_eq!(found[0], Damage::Shared { with: "y".into() });
}

#[test]
fn a_kernel_that_runs_in_place_runs_nowhere_else() {
    let mut problem = expand(vec![Walk::single(0, 0, Access::SameOffset)]);
    problem.buffers[1].bytes = 8;
    assert_eq!(kinds(&problem, &plan(&[0, 0], &[Some(0)], 8)), []);
    let found = kinds(&problem, &plan(&[4, 0], &[Some(0)], 12));
    assert_eq!(found, [Damage::Overwrites { victim: "x".into(), tile: [0, 0] }]);
}

#[test]
fn an_input_that_a_later_step_reads_may_not_be_overlapped() {
    let mut problem = expand(pointwise(true));
    problem.buffers[0].upper = 2;
    problem.buffers.push(Buffer::new("z", 8, 1, 2));
    problem.steps.push(Step {
        name: "again".into(),
        inputs: vec![0],
        outputs: vec![2],
        scratch: vec![],
        walks: vec![],
    });
    let found = kinds(&problem, &plan(&[8, 0, 16], &[Some(0), None], 24));
    assert!(found.contains(&Damage::Shared { with: "y".into() }), "{found:?}");
    assert!(found.contains(&Damage::Lost), "{found:?}");
}

#[test]
fn scratch_that_meets_a_live_buffer_is_found() {
    let mut problem = expand(vec![]);
    problem.buffers.push(Buffer::new("scratch", 4, 0, 1));
    problem.steps[0].scratch.push(2);
    assert_eq!(kinds(&problem, &plan(&[0, 8, 24], &[None], 28)), []);
    let found = kinds(&problem, &plan(&[0, 8, 6], &[None], 24));
    assert!(found.contains(&Damage::Shared { with: "scratch".into() }), "{found:?}");
}

#[test]
fn a_residual_runs_in_place_while_the_convolution_input_stays_apart() {
    let buffers = vec![Buffer::new("x", 8, 0, 1), Buffer::new("r", 8, 0, 1), Buffer::new("y", 8, 0, 1)];
    let over_residual = Walk::single(1, 0, Access::Tiled(Tiles::pointwise(8, 1, 1, true)));
    let step = Step {
        name: "conv".into(),
        inputs: vec![0, 1],
        outputs: vec![2],
        scratch: vec![],
        walks: vec![over_residual],
    };
    let problem = Problem { buffers, steps: vec![step], capacity: None };
    assert_eq!(kinds(&problem, &plan(&[0, 8, 8], &[Some(0)], 16)), []);
    let found = kinds(&problem, &plan(&[0, 8, 0], &[Some(0)], 16));
    assert!(found.contains(&Damage::Shared { with: "y".into() }), "{found:?}");
}

#[test]
fn walks_that_do_not_store_everything_or_need_bytes_again_are_found() {
    let mut tiles = Tiles::pointwise(7, 1, 2, true);
    let short = expand(vec![Walk::single(0, 0, Access::Tiled(tiles))]);
    assert_eq!(kinds(&short, &plan(&[8, 0], &[Some(0)], 16)), [Damage::NotStored]);
    tiles = Tiles::pointwise(8, 1, 2, true);
    if let hw::memory::Need::From(first) = &mut tiles.need {
        (first.base, first.inner) = (8, -1);
    }
    let again = expand(vec![Walk::single(0, 0, Access::Tiled(tiles))]);
    assert_eq!(kinds(&again, &plan(&[16, 0], &[Some(0)], 24)), [Damage::NeededAgain]);
}

#[test]
fn bounds_alignment_pins_and_sizes_are_checked() {
    let mut problem = expand(vec![]);
    problem.buffers[0].align = 4;
    problem.buffers[1].pinned = Some(8);
    assert_eq!(kinds(&problem, &plan(&[0, 8], &[None], 24)), []);
    assert_eq!(kinds(&problem, &plan(&[1, 9], &[None], 25)), [Damage::Misaligned, Damage::Unpinned]);
    assert_eq!(kinds(&problem, &plan(&[0, 8], &[None], 20)), [Damage::OutOfArena]);
    assert_eq!(kinds(&problem, &plan(&[0, 8], &[None], 32)), [Damage::ArenaSize]);
    assert_eq!(kinds(&problem, &plan(&[0], &[None], 24)), [Damage::Incomplete]);
    assert_eq!(kinds(&problem, &plan(&[0, 8], &[Some(3)], 24)), [Damage::NoSuchWalk]);
}
