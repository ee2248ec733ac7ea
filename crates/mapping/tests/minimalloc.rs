//! The eleven published problems, each solved within its capacity and replayed by the checker.

use std::collections::BTreeSet;
use std::path::Path;

use hw::memory::Problem;
use nasc_mapping::memory::{Options, minimalloc, place};

fn solve(letter: &str) {
    let name = format!("{letter}.1048576.csv");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/data/minimalloc").join(&name);
    let text = std::fs::read_to_string(path).expect("the problem is part of the project");
    let capacity = minimalloc::capacity_of(&name);
    let problem = minimalloc::parse_csv(&text, capacity).expect("the file is well formed");
    let plan = place(&problem, Options { nodes: 5_000_000, deadline: None }).expect("the capacity suffices");
    assert!(plan.proven);
    assert!(plan.arena_bytes <= 1_048_576);
    assert_eq!(check::memory::replay(&in_events(problem), &plan), []);
}

/// The same problem with time counted in events, of which there are hundreds, not a million.
fn in_events(mut problem: Problem) -> Problem {
    let times: BTreeSet<usize> = problem.buffers.iter().flat_map(|b| [b.lower, b.upper]).collect();
    let times: Vec<usize> = times.into_iter().collect();
    let event = |time: usize| times.binary_search(&time).expect("every time is an event");
    for buffer in &mut problem.buffers {
        (buffer.lower, buffer.upper) = (event(buffer.lower), event(buffer.upper));
    }
    problem
}

macro_rules! problems {
    ($($name:ident $letter:literal)*) => {
        $(#[test]
        fn $name() {
            solve($letter);
        })*
    };
}

problems! {
    a_is_solved "A"
    b_is_solved "B"
    c_is_solved "C"
    d_is_solved "D"
    e_is_solved "E"
    f_is_solved "F"
    g_is_solved "G"
    h_is_solved "H"
    i_is_solved "I"
    j_is_solved "J"
    k_is_solved "K"
}
