//! The portfolio for one capacity: short searches, restarted with orders that learn from their failures.
//!
//! A tight problem is solved quickly under a lucky order and not at all under others, so no single search gets the
//! whole budget. Every round runs each arm with a node limit; then the buffers of the sections that ended its
//! branches move up, and chance shuffles a little. Limits grow, so that a proof is reached in the end. Every number
//! here comes from fixed streams: the same problem gives the same plan.

use super::Budget;
use super::focus::Focus;
use super::model::Model;
use super::rank::{Orders, ranks};
use super::search::{Blame, Outcome, Search};

/// Which search an arm runs.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Engine {
    /// Always the lowest buffer next.
    Lowest,
    /// The tightest section next.
    Tightest,
}

/// One member of the portfolio.
struct Arm {
    engine: Engine,
    order: Orders,
    /// How far full blame moves a buffer up, in lengths of the order.
    learning: f64,
    /// How far chance does.
    noise: f64,
    /// Nodes per search in the first rounds.
    limit: u64,
}

const fn lowest(order: Orders, learning: f64, noise: f64, limit: u64) -> Arm {
    Arm { engine: Engine::Lowest, order, learning, noise, limit }
}

const fn tightest(order: Orders, noise: f64, limit: u64) -> Arm {
    Arm { engine: Engine::Tightest, order, learning: 0.0, noise, limit }
}

/// Chosen by measurement on the eleven published problems (see RATIONALE.md).
const ARMS: [Arm; 5] = [
    lowest(Orders::TotalWidthArea, 0.0, 0.02, 2_000),
    lowest(Orders::TotalAreaWidth, 1.0, 0.02, 2_000),
    tightest(Orders::WidthAreaTotal, 0.1, 500),
    lowest(Orders::WidthAreaTotal, 5.0, 0.02, 2_000),
    lowest(Orders::TotalWidthArea, 5.0, 0.02, 2_000),
];

/// Rounds after which the limits double.
const ROUNDS_PER_LIMIT: u32 = 40;
/// What blame is worth after another search.
const MEMORY: f64 = 0.8;

/// Searches for a placement within `capacity` until it is found, refuted, or the budget is spent.
pub(super) fn fit(model: &Model, capacity: u64, budget: &mut Budget) -> Outcome {
    let mut states: Vec<State<'_>> = ARMS.iter().map(|arm| State::new(model, arm)).collect();
    for round in 0u32.. {
        let growth = (round / ROUNDS_PER_LIMIT).min(40);
        for state in &mut states {
            let limit = (state.arm.limit << growth).min(budget.nodes_left);
            let Some((outcome, nodes)) = state.run(capacity, limit, budget.deadline) else { continue };
            let spent = budget.spend(nodes);
            if outcome != Outcome::Spent || spent {
                return outcome;
            }
            state.reorder();
        }
    }
    Outcome::Spent
}

/// An arm's order, and what its searches have failed on.
struct State<'m> {
    arm: &'m Arm,
    model: &'m Model,
    base: Vec<usize>,
    rank: Vec<usize>,
    /// What the last search of `Engine::Lowest` was ended by, faded into what earlier ones were.
    sections: Vec<f64>,
    buffers: Vec<f64>,
    /// Failures of each section in all searches of `Engine::Tightest`.
    weight: Vec<u64>,
    random: Random,
}

impl<'m> State<'m> {
    fn new(model: &'m Model, arm: &'m Arm) -> Self {
        let base = ranks(model, arm.order);
        let sections = model.sections.len();
        State {
            arm,
            model,
            rank: base.clone(),
            base,
            sections: vec![0.0; sections],
            buffers: vec![0.0; model.len()],
            weight: vec![0; sections],
            random: Random(SEED),
        }
    }

    /// One search; `None` if the arm's engine cannot treat this problem.
    fn run(
        &mut self,
        capacity: u64,
        limit: u64,
        deadline: Option<std::time::Instant>,
    ) -> Option<(Outcome, u64)> {
        if self.arm.engine == Engine::Tightest {
            let weight = std::mem::take(&mut self.weight);
            let mut focus = Focus::new(self.model, capacity, &self.rank, weight, limit, deadline)?;
            let outcome = focus.run();
            self.weight = std::mem::take(&mut focus.weight);
            return Some((outcome, focus.nodes));
        }
        let mut search = Search::new(self.model, capacity, &self.rank, limit, deadline);
        let (outcome, nodes) = (search.run(), search.nodes);
        let blame = search.blame;
        self.learn(&blame);
        Some((outcome, nodes))
    }

    fn learn(&mut self, blame: &Blame) {
        let total = blame.sections.iter().chain(&blame.buffers).sum::<u64>() as f64 + 1.0;
        let fade = |old: &mut Vec<f64>, new: &[u64]| {
            old.iter_mut().zip(new).for_each(|(o, &n)| *o = *o * MEMORY + n as f64 / total);
        };
        fade(&mut self.sections, &blame.sections);
        fade(&mut self.buffers, &blame.buffers);
    }

    fn reorder(&mut self) {
        let mut random = self.random;
        let length = self.base.len() as f64;
        let keys = self.base.iter().enumerate().map(|(b, &position)| {
            let (first, end) = self.model.span[b];
            let section = self.sections[first..end].iter().copied().fold(0.0, f64::max);
            // In sixteenths, so that buffers blamed alike keep their static order.
            let blamed = ((section + self.buffers[b]) * 16.0).round() / 16.0;
            position as f64 / length - blamed * self.arm.learning + random.fraction() * self.arm.noise
        });
        self.rank = positions(&keys.collect::<Vec<f64>>());
        self.random = random;
    }
}

/// The position of each element when sorted by key, ties by index.
fn positions(keys: &[f64]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..keys.len()).collect();
    order.sort_by(|&a, &b| keys[a].total_cmp(&keys[b]).then(a.cmp(&b)));
    let mut rank = vec![0; order.len()];
    for (position, b) in order.into_iter().enumerate() {
        rank[b] = position;
    }
    rank
}

/// The seed of every arm's stream: the one its inventor prints.
const SEED: u64 = 88_172_645_463_325_252;

/// Marsaglia, "Xorshift RNGs", 2003: 64 bits, shifts 13, 7, 17.
#[derive(Clone, Copy)]
struct Random(u64);

impl Random {
    /// In `[0, 1)`.
    fn fraction(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as f64 / (1u64 << 53) as f64
    }
}
