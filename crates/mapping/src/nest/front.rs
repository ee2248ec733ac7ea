//! What has been found: one best point, or the Pareto set.

use cost::nest::Cost;
use hw::machine::Mapping;

/// What to minimise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Objective {
    /// Energy; latency among equals.
    Energy,
    /// Latency; energy among equals.
    Latency,
    /// Energy times latency.
    Edp,
    /// Every point no other beats in both energy and latency.
    Pareto,
}

impl Objective {
    /// What the queue is ordered by, and the lesser of two points by.
    pub(super) fn score(self, cost: Cost) -> (f64, f64) {
        match self {
            Objective::Energy => (cost.energy_pj, cost.cycles),
            Objective::Latency => (cost.cycles, cost.energy_pj),
            Objective::Edp | Objective::Pareto => (cost.edp(), cost.cycles),
        }
    }
}

/// A mapping and its cost.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// How to run it.
    pub mapping: Mapping,
    /// What that costs.
    pub cost: Cost,
}

/// The best so far.
pub(super) struct Front {
    pub(super) objective: Objective,
    pub(super) points: Vec<Point>,
    /// How often it was improved.
    pub(super) version: u32,
}

impl Front {
    pub(super) fn new(objective: Objective) -> Self {
        Self { objective, points: Vec::new(), version: 0 }
    }

    /// Whether nothing at least as costly as `bound` can improve on what there is.
    pub(super) fn prunes(&self, bound: Cost) -> bool {
        match self.objective {
            Objective::Pareto => self
                .points
                .iter()
                .any(|p| p.cost.energy_pj <= bound.energy_pj * ROUNDING && p.cost.cycles <= bound.cycles),
            objective => self.points.first().is_some_and(|p| {
                let (best, at_best) = (objective.score(p.cost), objective.score(bound));
                (best.0, best.1) <= (at_best.0 * ROUNDING, at_best.1 * ROUNDING)
            }),
        }
    }

    /// Whether no score from `bound` on can improve on what there is; a Pareto set is never closed by one number.
    pub(super) fn closes(&self, bound: f64) -> bool {
        let best = self.points.first().map(|p| self.objective.score(p.cost).0);
        self.objective != Objective::Pareto && best.is_some_and(|best| best < bound)
    }

    /// Takes a point in if it improves on what there is.
    pub(super) fn offer(&mut self, point: Point) {
        if self.prunes(point.cost) {
            return;
        }
        match self.objective {
            Objective::Pareto => self
                .points
                .retain(|p| p.cost.energy_pj < point.cost.energy_pj || p.cost.cycles < point.cost.cycles),
            _ => self.points.clear(),
        }
        self.points.push(point);
        self.version += 1;
    }
}

/// Two energies that differ by less are the same sum added in another order.
const ROUNDING: f64 = 1.0 + 1e-13;
