//! Static orders in which the search prefers buffers, and the greedy placements they give.

use super::model::Model;

/// A static order: its keys in turn, larger first, ties by index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Orders {
    WidthAreaTotal,
    TotalAreaWidth,
    TotalWidthArea,
    TotalSizeWidth,
    SizeWidthTotal,
}

impl Orders {
    pub(super) const ALL: [Orders; 5] = [
        Orders::WidthAreaTotal,
        Orders::TotalAreaWidth,
        Orders::TotalWidthArea,
        Orders::TotalSizeWidth,
        Orders::SizeWidthTotal,
    ];

    fn keys(self) -> [Key; 3] {
        match self {
            Orders::WidthAreaTotal => [Width, Area, Total],
            Orders::TotalAreaWidth => [Total, Area, Width],
            Orders::TotalWidthArea => [Total, Width, Area],
            Orders::TotalSizeWidth => [Total, Size, Width],
            Orders::SizeWidthTotal => [Size, Width, Total],
        }
    }
}

/// What a buffer is ranked by.
#[derive(Debug, Clone, Copy)]
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

/// The position of every buffer in an order.
pub(super) fn ranks(model: &Model, order: Orders) -> Vec<usize> {
    let mut rank = vec![0; model.len()];
    for (position, b) in sorted(model, order).into_iter().enumerate() {
        rank[b] = position;
    }
    rank
}

/// The buffers in an order.
pub(super) fn sorted(model: &Model, order: Orders) -> Vec<usize> {
    let totals: Vec<u64> =
        model.sections.iter().map(|s| s.members.iter().map(|&b| model.rounded[b]).sum()).collect();
    let total = |b: usize| totals[model.span[b].0..model.span[b].1].iter().copied().max().unwrap_or(0);
    let value = |key: Key, b: usize| match key {
        Width => model.steps[b],
        Area => model.steps[b].saturating_mul(model.bytes[b]),
        Total => total(b),
        Size => model.bytes[b],
    };
    let mut buffers: Vec<usize> = (0..model.len()).collect();
    buffers.sort_by_cached_key(|&b| (order.keys().map(|k| std::cmp::Reverse(value(k, b))), b));
    buffers
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
