//! The order of steps: the one whose arena is smallest.
//!
//! A program is a partial order; which of its linear orders is taken decides what is live together. States are sets of
//! steps already run; a state's cost is the fullest moment on the best way to it, counted as the offset planner's
//! lower bound counts (scratch inside, overlaps taken off), so the search is for the path with the lowest peak. It is
//! exact for networks of a few dozen branches and node-boxed with a stated bound beyond. Offsets follow, and the
//! program's own order stays where no other is better.

mod graph;
mod paths;

use hw::memory::{Plan, Problem};

use crate::memory::{Options as Placement, PlaceError, place};
use graph::Graph;

/// What a search may cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// Sets of steps looked at; a few hundred bytes and microseconds each.
    pub states: usize,
    /// For the offsets, of each order that is tried.
    pub placement: Placement,
}

impl Default for Options {
    fn default() -> Self {
        Options { states: 50_000, placement: Placement::default() }
    }
}

/// An order of steps and the plan for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ordered {
    /// For each position, the step of the given problem that runs there.
    pub order: Vec<usize>,
    /// The problem in that order: the same buffers, other lifetimes.
    pub problem: Problem,
    /// Its plan.
    pub plan: Plan,
    /// No order has a plan with a smaller arena than this.
    pub lower_bound: u64,
    /// The arena is the smallest over all orders.
    pub proven: bool,
}

impl Ordered {
    /// Bytes between the plan and what is known to be impossible in any order.
    pub fn gap(&self) -> u64 {
        self.plan.arena_bytes.saturating_sub(self.lower_bound)
    }
}

/// Finds an order of the problem's steps and the offsets for it.
///
/// The problem is given in any valid order. A buffer that no step stores is an input: it lives from the start. A
/// buffer that lives beyond its last reader is kept: it lives to the end in every order. The arena is minimised even
/// where a capacity is given; that only decides whether no order at all is an error.
pub fn plan(problem: &Problem, options: Options) -> Result<Ordered, PlaceError> {
    let mut found = smallest(&Problem { capacity: None, ..problem.clone() }, options)?;
    found.problem.capacity = problem.capacity;
    match problem.capacity {
        Some(capacity) if found.lower_bound > capacity => {
            Err(PlaceError::Capacity { capacity, needed: found.lower_bound })
        }
        _ => Ok(found),
    }
}

fn smallest(problem: &Problem, options: Options) -> Result<Ordered, PlaceError> {
    let given: Vec<usize> = (0..problem.steps.len()).collect();
    let first = place(problem, options.placement)?;
    let graph = Graph::new(problem);
    if graph.is_chain() || !graph.is_ordered() {
        // One order alone, or one that the lifetimes contradict: nothing to choose.
        let (lower_bound, proven) = (first.lower_bound, first.proven);
        return Ok(Ordered { order: given, problem: problem.clone(), plan: first, lower_bound, proven });
    }
    let found = paths::search(&graph, options.states);
    let lower_bound = found.lower_bound.min(first.arena_bytes);
    let mut best =
        Ordered { order: given, problem: problem.clone(), plan: first, lower_bound, proven: false };
    if best.gap() > 0 && found.order != best.order {
        let reordered = graph.reorder(problem, &found.order);
        let plan = place(&reordered, options.placement)?;
        if plan.arena_bytes < best.plan.arena_bytes {
            best = Ordered { order: found.order, problem: reordered, plan, ..best };
        }
    }
    best.proven = best.gap() == 0;
    Ok(best)
}
