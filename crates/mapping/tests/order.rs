//! Orders of steps against all orders there are.

mod generate;

use generate::{draws, exhaustive, program};
use hw::memory::{Access, Buffer, Problem, Step, Tiles, Walk};
use nasc_mapping::memory;
use nasc_mapping::order::{Options, Ordered, plan};
use proptest::prelude::*;

fn ordered(problem: &Problem) -> Ordered {
    let placement = memory::Options { nodes: 100_000, deadline: None };
    let found = plan(problem, Options { states: 10_000, placement }).expect("the problem is well formed");
    let violations = check::memory::replay(&found.problem, &found.plan);
    assert!(violations.is_empty(), "{violations:#?}");
    found
}

/// Every order in which no step runs before what it reads is stored.
fn orders(problem: &Problem) -> Vec<Vec<usize>> {
    fn extend(problem: &Problem, order: &mut Vec<usize>, all: &mut Vec<Vec<usize>>) {
        if order.len() == problem.steps.len() {
            all.push(order.clone());
        }
        for step in (0..problem.steps.len()).filter(|s| !order.contains(s)).collect::<Vec<_>>() {
            let stored = |b: &usize| {
                problem
                    .steps
                    .iter()
                    .enumerate()
                    .all(|(s, other)| !other.outputs.contains(b) || order.contains(&s))
            };
            if problem.steps[step].inputs.iter().all(stored) {
                order.push(step);
                extend(problem, order, all);
                order.pop();
            }
        }
    }
    let mut all = Vec::new();
    extend(problem, &mut Vec::new(), &mut all);
    all
}

/// The problem with its steps in another order; what lives to the end still does.
fn reordered(problem: &Problem, order: &[usize]) -> Problem {
    let mut next = problem.clone();
    next.steps = order.iter().map(|&s| problem.steps[s].clone()).collect();
    let end = order.len();
    for (b, buffer) in next.buffers.iter_mut().enumerate() {
        let last =
            problem.steps.iter().rposition(|s| s.inputs.contains(&b)).map_or(problem.buffers[b].lower, |s| s);
        let kept = problem.buffers[b].upper > last + 1;
        let at = |touches: &dyn Fn(&Step) -> bool| next.steps.iter().position(touches);
        buffer.lower = at(&|s| s.outputs.contains(&b) || s.scratch.contains(&b)).unwrap_or(0);
        let last = next.steps.iter().rposition(|s| s.inputs.contains(&b)).unwrap_or(buffer.lower);
        let unused = problem
            .steps
            .iter()
            .all(|s| [&s.inputs, &s.outputs, &s.scratch].iter().all(|ids| !ids.contains(&b)));
        buffer.upper = if kept || unused { end } else { last + 1 };
    }
    next
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, rng_seed: proptest::test_runner::RngSeed::Fixed(2), ..ProptestConfig::default() })]

    #[test]
    fn no_order_of_a_small_program_has_a_smaller_arena_than_a_proven_one(d in draws(2..5), pixels in 1u64..3) {
        let problem = program(&d, pixels, 1);
        let found = ordered(&problem);
        let best = orders(&problem).iter().map(|o| exhaustive(&reordered(&problem, o))).min().unwrap();
        prop_assert!(found.lower_bound <= best);
        prop_assert!(found.plan.arena_bytes >= best);
        if found.proven {
            prop_assert_eq!(found.plan.arena_bytes, best, "{:#?}", problem);
        }
    }

    #[test]
    fn an_order_is_valid_and_keeps_what_is_to_be_kept(d in draws(5..20), pixels in 1u64..5) {
        let problem = program(&d, pixels, 1);
        let found = ordered(&problem);
        prop_assert!(found.problem.findings().is_empty());
        prop_assert_eq!(&found.problem, &reordered(&problem, &found.order));
        prop_assert_eq!(&found, &ordered(&problem));
    }
}

/// Steps by what they read and store; tensors are named by their index.
fn network(bytes: &[u64], steps: &[(&[usize], usize)], output: usize) -> Problem {
    let buffers = bytes.iter().enumerate().map(|(b, &bytes)| {
        let lower = steps.iter().position(|s| s.1 == b).unwrap_or(0);
        let last = steps.iter().rposition(|s| s.0.contains(&b)).unwrap_or(lower);
        Buffer::new(format!("t{b}"), bytes, lower, if b == output { steps.len() } else { last + 1 })
    });
    let steps = steps.iter().enumerate().map(|(at, (inputs, output))| Step {
        name: format!("op{at}"),
        inputs: inputs.to_vec(),
        outputs: vec![*output],
        ..Step::default()
    });
    Problem { buffers: buffers.collect(), steps: steps.collect(), capacity: None }
}

#[test]
fn a_branch_is_finished_before_the_next_begins() {
    // Two branches of 10 -> 50 -> 10, then a sum. Breadth first holds 10 + 50 + 50 and then 50 + 50 + 10 = 110;
    // depth first at most 10 (input) + 10 (first branch's end) + 50 + 10 while the second shrinks: 70.
    let breadth =
        network(&[10, 50, 50, 10, 10, 10], &[(&[0], 1), (&[0], 2), (&[1], 3), (&[2], 4), (&[3, 4], 5)], 5);
    let found = ordered(&breadth);
    assert_eq!(found.plan.arena_bytes, 70);
    assert!(found.proven);
    assert_eq!(found.order, [0, 2, 1, 3, 4]);
    // A capacity that only the other order meets is met; one that none meets is refused.
    let options = Options::default();
    assert!(plan(&Problem { capacity: Some(70), ..breadth.clone() }, options).is_ok());
    let error = plan(&Problem { capacity: Some(69), ..breadth }, options).unwrap_err();
    assert_eq!(error.to_string(), "69 bytes were given, at least 70 are needed");
}

#[test]
fn the_programs_own_order_stays_where_none_is_better() {
    let diamond = network(&[4, 4, 4, 4], &[(&[0], 1), (&[0], 2), (&[1, 2], 3)], 3);
    let found = ordered(&diamond);
    assert_eq!(found.order, [0, 1, 2]);
    assert!(found.proven);
}

#[test]
fn a_residual_block_runs_in_two_tensors() {
    // x -> conv a -> conv b -> add(x, b). 100 bytes each; a 3x3 cannot run in place, the sum can run over x or b:
    // x, a and b are live together in step 1: 300. With the sum fused over the residual, still 300 at step 1.
    let mut block = network(&[100; 4], &[(&[0], 1), (&[1], 2), (&[0, 2], 3)], 3);
    assert_eq!(ordered(&block).plan.arena_bytes, 300);
    // A depthwise step that runs exactly in place: x and a at step 0, a = b at step 1, the sum over one of them: 200.
    let elementwise = Access::Tiled(Tiles::pointwise(100, 1, 1, true));
    block.steps[1].walks = vec![Walk::single(0, 0, Access::SameOffset)];
    block.steps[2].walks = vec![Walk::single(0, 0, elementwise)];
    let found = ordered(&block);
    assert_eq!((found.plan.arena_bytes, found.proven), (200, true));
}

#[test]
fn an_expanding_1x1_convolution_needs_its_output_and_a_pixel() {
    // 48x48 pixels, 8 -> 16 bytes: apart 18,432 + 36,864 = 55,296. Overlapped, the input starts 18,440 above the
    // output (see the distances' own test) and ends at 36,872.
    let mut network = network(&[18_432, 36_864], &[(&[0], 1)], 1);
    assert_eq!(ordered(&network).plan.arena_bytes, 55_296);
    network.steps[0].walks = vec![Walk::single(0, 0, Access::Tiled(Tiles::pointwise(48 * 48, 8, 16, false)))];
    let found = ordered(&network);
    assert_eq!((found.plan.arena_bytes, found.proven), (36_872, true));
    // With the pixel's input in registers (or 8 bytes of scratch) nothing is added.
    network.steps[0].walks = vec![Walk::single(0, 0, Access::Tiled(Tiles::pointwise(48 * 48, 8, 16, true)))];
    assert_eq!(ordered(&network).plan.arena_bytes, 36_864);
}

#[test]
fn a_step_cut_short_still_gives_an_order_and_a_bound() {
    // Eight independent branches from one input, each 8 -> 24 -> 8: the state limit ends the search.
    let mut steps: Vec<(Vec<usize>, usize)> = Vec::new();
    let mut bytes = vec![8];
    for branch in 0..8 {
        steps.push((vec![0], 1 + 2 * branch));
        bytes.extend([24, 8 + branch as u64]);
    }
    for branch in 0..8 {
        steps.push((vec![1 + 2 * branch], 2 + 2 * branch));
    }
    steps.push(((0..8).map(|b| 2 + 2 * b).collect(), 17));
    bytes.push(8);
    let steps: Vec<(&[usize], usize)> = steps.iter().map(|(i, o)| (&i[..], *o)).collect();
    let problem = network(&bytes, &steps, 17);
    let full = ordered(&problem);
    let placement = memory::Options { nodes: 100_000, deadline: None };
    let cut = plan(&problem, Options { states: 3, placement }).unwrap();
    assert!(cut.lower_bound <= full.plan.arena_bytes && full.plan.arena_bytes <= cut.plan.arena_bytes);
    assert!(full.plan.arena_bytes < full.problem.buffers.iter().map(|b| b.bytes).sum());
}
