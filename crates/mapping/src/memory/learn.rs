//! The portfolio for one capacity: short searches whose orders learn from their failures, and squeaky-wheel repair.
//!
//! A tight problem is solved quickly under a lucky order and not at all under others, so no single search gets all
//! the budget. Every round runs each order's search with a node limit, then ranks the buffers of the sections where
//! it failed higher. Between them, first-fit placements are repaired by moving up whoever ended above the capacity
//! (Joslin and Clements, "Squeaky Wheel Optimization", 1999). Limits grow, so that a proof is reached in the end.

use super::Budget;
use super::model::Model;
use super::rank::first_fit;
use super::search::{Blame, Outcome, Search};

/// Nodes of the first searches.
const FIRST_LIMIT: u64 = 2_000;
/// Rounds after which the limit doubles.
const ROUNDS_PER_LIMIT: u32 = 12;
/// First-fit placements per order and round.
const REPAIRS: u32 = 100;
/// What blame is worth after another round.
const MEMORY: f64 = 0.8;
/// How far full blame moves a buffer up, in lengths of the order; and how far chance does.
const LEARNING: f64 = 4.8;
const NOISE: f64 = 0.02;
/// How far a buffer above the capacity moves up at most, in lengths of the order.
const REPAIR_REACH: f64 = 0.065;

/// Searches for a placement within `capacity` until it is found, refuted, or the budget is spent.
pub(super) fn fit(model: &Model, capacity: u64, ranks: &[Vec<usize>], budget: &mut Budget) -> Outcome {
    let mut learners: Vec<Learner<'_>> = ranks.iter().map(|r| Learner::new(model, r)).collect();
    let mut squeaky: Vec<Squeaky> = ranks.iter().map(|r| Squeaky::new(r)).collect();
    let mut random = Random(0x9E37_79B9_7F4A_7C15);
    for round in 0u32.. {
        let limit = FIRST_LIMIT << (round / ROUNDS_PER_LIMIT).min(40);
        for learner in &mut learners {
            let mut search =
                Search::new(model, capacity, &learner.rank, limit.min(budget.nodes_left), budget.deadline);
            let outcome = search.run();
            let finished = budget.spend(search.nodes);
            if outcome != Outcome::Spent || finished {
                return outcome;
            }
            learner.learn(&search.blame, &mut random);
        }
        for wheel in &mut squeaky {
            for _ in 0..REPAIRS {
                if let Some(offsets) = wheel.turn(model, capacity, &mut random) {
                    return Outcome::Placed(offsets);
                }
            }
            if budget.spend(u64::from(REPAIRS) * (1 + model.len() as u64 / 8)) {
                return Outcome::Spent;
            }
        }
    }
    Outcome::Spent
}

/// A static order, and what its searches have failed on.
struct Learner<'r> {
    model: &'r Model,
    base: &'r [usize],
    rank: Vec<usize>,
    sections: Vec<f64>,
    buffers: Vec<f64>,
}

impl<'r> Learner<'r> {
    fn new(model: &'r Model, base: &'r [usize]) -> Self {
        let (sections, buffers) = (vec![0.0; model.sections.len()], vec![0.0; model.len()]);
        Learner { model, base, rank: base.to_vec(), sections, buffers }
    }

    fn learn(&mut self, blame: &Blame, random: &mut Random) {
        let total = blame.sections.iter().chain(&blame.buffers).sum::<u64>() as f64 + 1.0;
        let fade = |old: &mut Vec<f64>, new: &[u64]| {
            old.iter_mut().zip(new).for_each(|(o, &n)| *o = *o * MEMORY + n as f64 / total);
        };
        fade(&mut self.sections, &blame.sections);
        fade(&mut self.buffers, &blame.buffers);
        let length = self.base.len() as f64;
        let keys = self.base.iter().enumerate().map(|(b, &position)| {
            let (first, end) = self.model.span[b];
            let section = self.sections[first..end].iter().copied().fold(0.0, f64::max);
            // In sixteenths, so that buffers blamed alike keep their static order.
            let blamed = ((section + self.buffers[b]) * 16.0).round() / 16.0;
            position as f64 / length - blamed * LEARNING + random.fraction() * NOISE
        });
        self.rank = positions(keys.collect());
    }
}

/// An order that is repaired after each first-fit placement.
struct Squeaky {
    key: Vec<f64>,
}

impl Squeaky {
    fn new(rank: &[usize]) -> Self {
        Squeaky { key: rank.iter().map(|&r| r as f64).collect() }
    }

    /// One placement; the offsets if they are within the capacity.
    fn turn(&mut self, model: &Model, capacity: u64, random: &mut Random) -> Option<Vec<u64>> {
        let rank = positions(std::mem::take(&mut self.key));
        let mut order = vec![0; rank.len()];
        rank.iter().enumerate().for_each(|(b, &position)| order[position] = b);
        let offsets = first_fit(model, &order);
        let above = |b: usize| offsets[b] + model.bytes[b] > capacity;
        if !(0..model.len()).any(above) {
            return Some(offsets);
        }
        let reach = REPAIR_REACH * model.len() as f64;
        let moved =
            |(b, &r): (usize, &usize)| r as f64 - if above(b) { random.fraction() * reach } else { 0.0 };
        self.key = rank.iter().enumerate().map(moved).collect();
        None
    }
}

/// The position of each element when sorted by key, ties by index.
fn positions(keys: Vec<f64>) -> Vec<usize> {
    let mut order: Vec<usize> = (0..keys.len()).collect();
    order.sort_by(|&a, &b| keys[a].total_cmp(&keys[b]).then(a.cmp(&b)));
    let mut rank = vec![0; order.len()];
    for (position, b) in order.into_iter().enumerate() {
        rank[b] = position;
    }
    rank
}

/// xorshift64: a fixed stream, so that the same problem gives the same plan.
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
