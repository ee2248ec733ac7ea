//! Plans against an exhaustive search and against the checker.

mod generate;

use generate::{draws, exhaustive, program};
use hw::memory::{Buffer, Plan, Problem};
use nasc_mapping::memory::{Options, PlaceError, place};
use proptest::prelude::*;

fn plan(problem: &Problem) -> Plan {
    place(problem, Options { nodes: 200_000, deadline: None }).expect("the problem is well formed")
}

fn short(problem: &Problem) -> Plan {
    place(problem, Options { nodes: 5_000, deadline: None }).expect("the problem is well formed")
}

fn sound(problem: &Problem, plan: &Plan) {
    let found = check::memory::replay(problem, plan);
    assert!(found.is_empty(), "{found:#?}\n{problem:#?}\n{plan:#?}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, rng_seed: proptest::test_runner::RngSeed::Fixed(1), ..ProptestConfig::default() })]

    #[test]
    fn small_programs_are_placed_in_the_smallest_arena_there_is(d in draws(1..5), pixels in 1u64..4, align in 0u32..2) {
        let problem = program(&d, pixels, 1 << align);
        let plan = plan(&problem);
        sound(&problem, &plan);
        prop_assert!(plan.proven);
        prop_assert_eq!(plan.lower_bound, plan.arena_bytes);
        prop_assert_eq!(plan.arena_bytes, exhaustive(&problem), "{:#?}", problem);
    }

    #[test]
    fn pins_are_kept_and_still_the_smallest_arena_is_found(d in draws(1..4), which in 0usize..4, at in 0u64..6) {
        let mut problem = program(&d, 2, 1);
        let which = which % problem.buffers.len();
        problem.buffers[which].pinned = Some(at);
        let plan = plan(&problem);
        sound(&problem, &plan);
        prop_assert!(plan.proven);
        prop_assert_eq!(plan.arena_bytes, exhaustive(&problem), "{:#?}", problem);
    }

    #[test]
    fn longer_programs_are_placed_soundly_and_twice_the_same(d in draws(8..40), pixels in 1u64..20) {
        let problem = program(&d, pixels, 4);
        let plan = short(&problem);
        sound(&problem, &plan);
        prop_assert!(plan.lower_bound <= plan.arena_bytes);
        prop_assert_eq!(&plan, &short(&problem));
    }

    #[test]
    fn a_plan_moved_onto_live_bytes_is_caught(d in draws(4..12), which in 0usize..100) {
        let problem = program(&d, 5, 1);
        let mut moved = plan(&problem);
        let a = which % problem.buffers.len();
        // Onto the first buffer that lives at the same time and may not be touched at all.
        let shared = problem.overlaps();
        let alone = |b: &usize| {
            *b != a
                && problem.buffers[a].meets(&problem.buffers[*b])
                && !shared.iter().any(|&(i, o, _)| (i, o) == (a, *b) || (i, o) == (*b, a))
        };
        if let Some(b) = (0..problem.buffers.len()).find(alone) {
            moved.offsets[a] = moved.offsets[b];
            prop_assert!(!check::memory::replay(&problem, &moved).is_empty());
        }
    }

    #[test]
    fn an_input_pushed_one_byte_below_its_distance_is_caught(pixels in 2u64..9, r in 1u64..4, grow in 1u64..4, buffered: bool) {
        use hw::memory::{Access, Step, Tiles, Walk};
        let w = r + grow;
        let walks = vec![Walk::single(0, 0, Access::Tiled(Tiles::pointwise(pixels, r, w, buffered)))];
        let step = Step { name: "expand".into(), inputs: vec![0], outputs: vec![1], scratch: vec![], walks };
        let buffers = vec![Buffer::new("x", pixels * r, 0, 1), Buffer::new("y", pixels * w, 0, 1)];
        let problem = Problem { buffers, steps: vec![step], capacity: None };
        let mut plan = plan(&problem);
        sound(&problem, &plan);
        let distance = problem.overlaps()[0].2.input_above;
        let distance = distance.expect("a walk from low addresses");
        plan.offsets = vec![distance - 1, 0];
        plan.walks = vec![Some(0)];
        plan.arena_bytes = (pixels * w).max(distance - 1 + pixels * r);
        prop_assert!(!check::memory::replay(&problem, &plan).is_empty());
    }
}

#[test]
fn a_capacity_that_is_met_is_proven_and_one_that_is_not_says_what_is_needed() {
    let buffers = vec![Buffer::new("a", 6, 0, 2), Buffer::new("b", 5, 1, 3), Buffer::new("c", 4, 2, 4)];
    let mut problem = Problem { buffers, steps: vec![], capacity: Some(12) };
    let roomy = plan(&problem);
    assert!(roomy.proven && roomy.arena_bytes <= 12);
    problem.capacity = Some(10);
    let error = place(&problem, Options::default()).unwrap_err();
    assert_eq!(error.to_string(), "10 bytes were given, at least 11 are needed");
}

#[test]
fn contradictions_are_refused() {
    let pinned = |name: &str, at| Buffer { pinned: Some(at), ..Buffer::new(name, 4, 0, 1) };
    let problem = Problem { buffers: vec![pinned("a", 0), pinned("b", 3)], ..Problem::default() };
    let error = place(&problem, Options::default()).unwrap_err();
    assert_eq!(error, PlaceError::PinnedTogether("a".into(), "b".into()));
    let empty = Problem { buffers: vec![Buffer::new("a", 0, 0, 1)], ..Problem::default() };
    assert!(matches!(place(&empty, Options::default()), Err(PlaceError::Malformed(_))));
    let none = place(&Problem::default(), Options::default()).unwrap();
    assert_eq!((none.arena_bytes, none.proven), (0, true));
}
