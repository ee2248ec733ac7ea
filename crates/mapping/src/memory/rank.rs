//! Static orders in which the search prefers buffers, and the greedy placements they give.

use super::model::Model;

/// What a buffer is ranked by; larger comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Key {
    /// Steps it lives for.
    Width,
    /// Bytes times steps.
    Area,
    /// Bytes of the fullest section it is live in.
    Total,
    /// Bytes.
    Size,
}

use Key::{Area, Size, Total, Width};

/// The orders that are tried in turn.
const ORDERS: &[[Key; 3]] = &[
    [Width, Area, Total],
    [Total, Area, Width],
    [Total, Width, Area],
    [Area, Width, Total],
    [Total, Size, Width],
];

/// For each order, the position of every buffer in it.
pub(super) fn ranks(model: &Model) -> Vec<Vec<usize>> {
    let totals: Vec<u64> =
        model.sections.iter().map(|s| s.members.iter().map(|&b| model.rounded[b]).sum()).collect();
    let total = |b: usize| totals[model.span[b].0..model.span[b].1].iter().copied().max().unwrap_or(0);
    let value = |key: Key, b: usize| match key {
        Key::Width => model.steps[b],
        Key::Area => model.steps[b].saturating_mul(model.bytes[b]),
        Key::Total => total(b),
        Key::Size => model.bytes[b],
    };
    let rank = |keys: &[Key; 3]| {
        let mut order: Vec<usize> = (0..model.len()).collect();
        order.sort_by_key(|&b| (keys.map(|k| std::cmp::Reverse(value(k, b))), b));
        let mut rank = vec![0; order.len()];
        for (position, b) in order.into_iter().enumerate() {
            rank[b] = position;
        }
        rank
    };
    ORDERS.iter().map(rank).collect()
}

/// Places buffers one by one in an order, each at the lowest offset that is safe beside those already placed.
pub(super) fn first_fit(model: &Model, order: &[usize]) -> Vec<u64> {
    let mut offset: Vec<u64> = (0..model.len()).map(|b| model.pinned[b].unwrap_or(0)).collect();
    let mut placed: Vec<bool> = (0..model.len()).map(|b| model.pinned[b].is_some()).collect();
    for &b in order {
        if placed[b] {
            continue;
        }
        offset[b] = lowest_safe(model, b, &offset, &placed);
        placed[b] = true;
    }
    offset
}

fn lowest_safe(model: &Model, b: usize, offset: &[u64], placed: &[bool]) -> u64 {
    let mut at = 0;
    loop {
        let before = at;
        for link in model.links[b].iter().filter(|l| placed[l.other]) {
            at = link.lift(at, offset[link.other], model.align[b]);
        }
        if at == before {
            return at;
        }
    }
}
