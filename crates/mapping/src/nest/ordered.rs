//! Above a settled block where orders are settled too.
//!
//! A given order can make a finer cut cheaper (a loop that was in the way is one no more), so that the search above a block does
//! not stop at the first tiles that fit; the classes still bound every order from below.

use super::leaf::{Descent, Leaf, order};
use cost::nest::LANES;
use hw::machine::{DIMS, Dim, Mapping};

/// The orders, innermost first, that have the given loops (outermost first) inside: the rest stands outside as the classes have it.
///
/// Whatever run or slide passes the given loops goes on as in one of the classes, so that no other order is better.
fn completions(given: &[Dim]) -> Vec<[Dim; DIMS]> {
    let mut orders: Vec<[Dim; DIMS]> = Vec::new();
    for lane in LANES {
        let rest = order(lane).into_iter().filter(|d| !given.contains(d));
        let order: Vec<Dim> = given.iter().rev().copied().chain(rest).collect();
        let order = std::array::from_fn(|at| order[at]);
        if !orders.contains(&order) {
            orders.push(order);
        }
    }
    orders
}

impl Leaf<'_> {
    /// Offers the best of everything above the block in the orders given.
    pub(super) fn run_ordered(&mut self) {
        let orders = [0, 1].map(|level| completions(&self.space.fix.order[level]));
        let mut descent = self.descent(None);
        self.cut_from(&mut descent, 0, &orders);
    }

    fn cut_from(&mut self, descent: &mut Descent, d: usize, orders: &[Vec<[Dim; DIMS]>; 2]) {
        if !self.improves(descent) {
            return;
        }
        if d == DIMS {
            self.offer_orders(descent, orders);
            return;
        }
        for cut in 0..self.cuts[d].len() {
            self.set(descent, Dim::ALL[d], cut);
            if self.could_fit_all(descent, d + 1) {
                self.cut_from(descent, d + 1, orders);
            }
        }
        self.set(descent, Dim::ALL[d], 0);
    }

    fn could_fit_all(&self, descent: &Descent, from: usize) -> bool {
        let mut extent = descent.extent;
        for (extent, cuts) in extent.iter_mut().zip(&self.cuts).skip(from) {
            *extent = cuts[cuts.len() - 1].extent;
        }
        self.space.fits_buffers(&self.clamped(&extent))
    }

    fn offer_orders(&mut self, descent: &Descent, orders: &[Vec<[Dim; DIMS]>; 2]) {
        for inner in &orders[0] {
            for outer in &orders[1] {
                let mapping = Mapping { order: [*inner, *outer], ..self.mapping(descent) };
                self.offer(mapping);
            }
        }
    }
}
