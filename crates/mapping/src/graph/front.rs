//! Labels none of which beats another.

use crate::nest::Objective;
use cost::nest::Cost;

/// Something with a cost, kept while nothing else beats it: the best alone, or a Pareto set by rising latency.
#[derive(Debug, Clone)]
pub(super) struct Front<T> {
    pub(super) objective: Objective,
    pub(super) items: Vec<(Cost, T)>,
    /// Whether items were left out because there were too many.
    pub(super) thinned: bool,
}

impl<T> Front<T> {
    pub(super) fn new(objective: Objective) -> Self {
        Self { objective, items: Vec::new(), thinned: false }
    }

    /// Whether something here is at least as good.
    pub(super) fn beats(&self, cost: Cost) -> bool {
        match self.objective {
            Objective::Energy | Objective::Latency => self
                .items
                .first()
                .is_some_and(|(best, _)| key(self.objective, *best) <= key(self.objective, cost)),
            Objective::Edp | Objective::Pareto => {
                let after = self.items.partition_point(|(c, _)| c.cycles <= cost.cycles);
                after > 0 && self.items[after - 1].0.energy_pj <= cost.energy_pj
            }
        }
    }

    /// Takes an item in unless something is at least as good.
    pub(super) fn offer(&mut self, cost: Cost, item: impl FnOnce() -> T) {
        if self.beats(cost) {
            return;
        }
        if matches!(self.objective, Objective::Energy | Objective::Latency) {
            self.items.clear();
            self.items.push((cost, item()));
            return;
        }
        let from = self.items.partition_point(|(c, _)| c.cycles < cost.cycles);
        let worse = self.items[from..].iter().take_while(|(c, _)| c.energy_pj >= cost.energy_pj).count();
        self.items.splice(from..from + worse, [(cost, item())]);
    }

    /// Leaves at most `limit` items, both ends among them.
    pub(super) fn thin(&mut self, limit: usize) {
        let many = self.items.len();
        if many <= limit.max(2) {
            return;
        }
        self.thinned = true;
        let limit = limit.max(2);
        let mut at = 0;
        let mut kept = 0;
        self.items.retain(|_| {
            let keep = at == kept * (many - 1) / (limit - 1);
            kept += usize::from(keep);
            at += 1;
            keep
        });
    }
}

/// What a single objective orders by.
fn key(objective: Objective, cost: Cost) -> (f64, f64) {
    match objective {
        Objective::Latency => (cost.cycles, cost.energy_pj),
        _ => (cost.energy_pj, cost.cycles),
    }
}

/// The sum of two costs in a row.
pub(super) fn plus(a: Cost, b: Cost, times: u64) -> Cost {
    let times = times as f64;
    Cost { energy_pj: a.energy_pj + b.energy_pj * times, cycles: a.cycles + b.cycles * times }
}
