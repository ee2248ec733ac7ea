//! tmp
mod learn;
pub mod minimalloc;
mod model;
mod rank;
mod search;

struct Budget {
    nodes_left: u64,
    deadline: Option<std::time::Instant>,
}
impl Budget {
    fn spend(&mut self, n: u64) -> bool {
        self.nodes_left = self.nodes_left.saturating_sub(n);
        self.nodes_left == 0
    }
}

/// tmp
pub fn experiment(p: &hw::memory::Problem, c: u64, limit: u64) -> (bool, u64) {
    let m = model::Model::new(p);
    let r = rank::ranks(&m);
    let mut b = Budget { nodes_left: limit, deadline: None };
    let o = learn::fit(&m, c, &r, &mut b);
    (matches!(o, search::Outcome::Placed(_)), limit - b.nodes_left)
}
