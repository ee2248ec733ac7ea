//! Buffer offsets in one arena, to the proven optimum or a stated gap.
//!
//! [`place`] takes a [`Problem`] (buffers with lifetimes; steps that say which inputs an output may overlap, and how)
//! and returns a [`Plan`]. The bound it starts from and the search that closes the gap both know the overlaps, so
//! "proven" means: no arena is smaller, in-place execution included. Everything is counted in search nodes, never in
//! seconds, so the same problem gives the same bytes everywhere; a deadline is the caller's to add.

mod focus;
pub mod minimalloc;
mod model;
mod portfolio;
mod rank;
mod search;

use std::time::Instant;

use hw::memory::{Peak, Plan, Problem, ProblemError};

use model::Model;
pub(crate) use model::{Discount, savings};
use portfolio::fit;
use search::Outcome;

/// What a search may cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// Search nodes, roughly 2 to 10 microseconds each.
    pub nodes: u64,
    /// An end in time on top. A plan that was cut short by it depends on the machine.
    pub deadline: Option<Instant>,
}

impl Default for Options {
    fn default() -> Self {
        Options { nodes: 2_000_000, deadline: None }
    }
}

/// Why there is no plan.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlaceError {
    /// The problem contradicts itself.
    #[error("{}", list(.0))]
    Malformed(Vec<ProblemError>),
    /// More buffers than the search can treat.
    #[error("there are {found} buffers, at most {limit} expected")]
    TooMany {
        /// Buffers.
        found: usize,
        /// The most.
        limit: usize,
    },
    /// Two pinned buffers on the same bytes.
    #[error("buffers `{0}` and `{1}` are pinned to bytes they may not share")]
    PinnedTogether(String, String),
    /// It has been proven that the capacity does not suffice.
    #[error("{capacity} bytes were given, at least {needed} are needed")]
    Capacity {
        /// The problem's capacity.
        capacity: u64,
        /// A size below which it is known to be impossible.
        needed: u64,
    },
}

/// The most buffers: the search recurses once per buffer.
pub const MAX_BUFFERS: usize = 4096;

/// Places every buffer.
///
/// With a capacity, any plan within it is proven; if the budget ends first, the plan is the best found, with
/// `arena_bytes` above the capacity and `proven` false. Without one, the arena is minimised.
pub fn place(problem: &Problem, options: Options) -> Result<Plan, PlaceError> {
    let findings = problem.findings();
    if !findings.is_empty() {
        return Err(PlaceError::Malformed(findings));
    }
    if problem.buffers.len() > MAX_BUFFERS {
        return Err(PlaceError::TooMany { found: problem.buffers.len(), limit: MAX_BUFFERS });
    }
    let model = Model::new(problem);
    if let Some((a, b)) = model.pinned_together() {
        let name = |b: usize| problem.buffers[b].name.clone();
        return Err(PlaceError::PinnedTogether(name(a), name(b)));
    }
    let mut state = Bounds::new(&model);
    let mut budget = Budget { nodes_left: options.nodes, deadline: options.deadline };
    let proven = match problem.capacity {
        Some(capacity) => state.decide(&model, capacity, &mut budget)?,
        None => state.minimise(&model, &mut budget),
    };
    let arena_bytes = model.top(&state.offsets);
    Ok(Plan {
        walks: problem.steps.iter().map(|s| s.walk_for(&problem.buffers, &state.offsets)).collect(),
        arena_bytes,
        lower_bound: state.lower.min(arena_bytes),
        proven,
        peak: peak(problem, &model, &state.offsets, arena_bytes),
        nodes: options.nodes - budget.nodes_left,
        offsets: state.offsets,
    })
}

/// What no plan can beat: the fullest moment, with everything shared that may be.
///
/// `None` if the problem is malformed.
pub fn lower_bound(problem: &Problem) -> Option<u64> {
    problem.findings().is_empty().then(|| Model::new(problem).lower_bound())
}

/// Nodes still to be spent.
struct Budget {
    nodes_left: u64,
    deadline: Option<Instant>,
}

impl Budget {
    /// A budget of at most `nodes` of these; the caller takes off what it uses.
    fn part(&self, nodes: u64) -> Budget {
        Budget { nodes_left: nodes.min(self.nodes_left), deadline: self.deadline }
    }

    /// Takes nodes off; whether nothing is left.
    fn spend(&mut self, nodes: u64) -> bool {
        self.nodes_left = self.nodes_left.saturating_sub(nodes);
        self.nodes_left == 0 || self.deadline.is_some_and(|d| Instant::now() >= d)
    }
}

/// The best placement so far, and what is known to be impossible.
struct Bounds {
    offsets: Vec<u64>,
    lower: u64,
}

impl Bounds {
    fn new(model: &Model) -> Self {
        let greedy = rank::Orders::ALL.iter().map(|&o| rank::first_fit(model, &rank::sorted(model, o)));
        let offsets = greedy.min_by_key(|o| model.top(o)).unwrap_or_default();
        Bounds { offsets, lower: model.lower_bound() }
    }

    fn decide(&mut self, model: &Model, capacity: u64, budget: &mut Budget) -> Result<bool, PlaceError> {
        if self.lower > capacity {
            return Err(PlaceError::Capacity { capacity, needed: self.lower });
        }
        if model.top(&self.offsets) <= capacity {
            return Ok(true);
        }
        match fit(model, capacity, budget) {
            Outcome::Placed(offsets) => self.offsets = offsets,
            Outcome::Refuted { next } => return Err(PlaceError::Capacity { capacity, needed: next }),
            Outcome::Spent => return Ok(false),
        }
        Ok(true)
    }

    /// Raises the lower bound until a placement meets it; if that takes too long, halves the gap from both sides.
    fn minimise(&mut self, model: &Model, budget: &mut Budget) -> bool {
        let half = budget.nodes_left / 2;
        let mut first = budget.part(half);
        while self.lower < model.top(&self.offsets) && self.attempt(model, self.lower, &mut first) {}
        budget.nodes_left = budget.nodes_left - half + first.nodes_left;
        let mut top = model.top(&self.offsets);
        while self.lower < top {
            let share = budget.nodes_left.div_ceil(4);
            let middle = (self.lower + (top - self.lower) / 2).min(top - 1);
            // Where the middle is too tight to tell, any smaller arena will do.
            let moved = [middle, top - 1].into_iter().any(|capacity| {
                let mut part = budget.part(share);
                let before = part.nodes_left;
                let moved = self.attempt(model, capacity, &mut part);
                budget.spend(before - part.nodes_left);
                moved
            });
            if !moved {
                return false;
            }
            top = model.top(&self.offsets);
        }
        true
    }

    /// One search for a capacity; whether it moved either bound.
    fn attempt(&mut self, model: &Model, capacity: u64, budget: &mut Budget) -> bool {
        match fit(model, capacity, budget) {
            Outcome::Placed(offsets) => self.offsets = offsets,
            Outcome::Refuted { next } => self.lower = next,
            Outcome::Spent => return false,
        }
        true
    }
}

/// Of the steps that reach the arena's end, the one with the most to hold.
fn peak(problem: &Problem, model: &Model, offsets: &[u64], arena_bytes: u64) -> Peak {
    let reaches = |b: &&usize| offsets[**b] + model.bytes[**b] == arena_bytes;
    let holds = |section: &&model::Section| section.members.iter().find(reaches).is_some();
    let Some(section) = model.sections.iter().filter(holds).max_by_key(|s| model.section_bound(s)) else {
        return Peak::default();
    };
    let mut members = section.members.clone();
    members.sort_by_key(|&b| (offsets[b], b));
    let step = members.iter().map(|&b| problem.buffers[b].lower).max().unwrap_or(0);
    Peak { step, members }
}

fn list(findings: &[ProblemError]) -> String {
    findings.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}
