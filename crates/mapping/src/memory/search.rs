//! Branch and bound over offsets for a given capacity.
//!
//! Buffers are placed from the lowest offset up, each as low as what is already placed lets it: every arrangement
//! can be pushed down into one of this form without growing. What prunes:
//! - a section whose unplaced buffers, stacked from the lowest offset any of them can have, exceed the capacity;
//! - a choice under which another unplaced buffer would still fit: that buffer could have been placed first;
//! - a buffer below the floor that nothing yet to be placed can push above it;
//! - two independent buffers at one offset in both orders;
//! - unplaced buffers that fall apart in time are searched apart, and one failing part fails the whole.
//!
//! Follows the ideas of Moffitt, "MiniMalloc: A Lightweight Memory Allocator for Hardware-Accelerated Machine
//! Learning", ASPLOS 2023, extended by overlaps: distances smaller than a buffer's size, and equal offsets.

use std::time::Instant;

use super::model::Model;

/// How a search for one capacity ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Offsets within the capacity.
    Placed(Vec<u64>),
    /// There are none; `next` is the smallest capacity that this search has not ruled out.
    Refuted { next: u64 },
    /// The node limit or the deadline came first.
    Spent,
}

/// What ended branches of a search, counted.
#[derive(Debug, Clone, Default)]
pub(super) struct Blame {
    pub(super) sections: Vec<u64>,
    pub(super) buffers: Vec<u64>,
}

#[derive(PartialEq, Eq, Clone, Copy)]
enum Step {
    Done,
    Failed,
    Spent,
}

/// Nodes between looks at the clock.
const CLOCK_INTERVAL: u64 = 1024;

pub(super) struct Search<'m> {
    model: &'m Model,
    capacity: u64,
    /// Position of each buffer in the static order.
    rank: &'m [usize],
    limit: u64,
    deadline: Option<Instant>,
    pub(super) nodes: u64,
    /// How often each section's bound, and each buffer's own top, ended a branch: what the next order learns from.
    pub(super) blame: Blame,
    /// The smallest bound above the capacity that pruned anything.
    exceeded: u64,
    offset: Vec<u64>,
    placed: Vec<bool>,
    /// Lowest offset the placed buffers leave to each unplaced one.
    low: Vec<u64>,
    /// Per section: bytes of the unplaced members, and the lowest offset of any of them.
    total: Vec<u64>,
    floor: Vec<u64>,
    /// Per section: unplaced buffers live in it and the next.
    crossing: Vec<u32>,
    low_trail: Vec<(usize, u64)>,
    floor_trail: Vec<(usize, u64)>,
    placed_trail: Vec<usize>,
    dirty: Vec<usize>,
    is_dirty: Vec<bool>,
}

/// Lengths of the trails at some moment.
#[derive(Clone, Copy)]
struct Mark {
    low: usize,
    floor: usize,
    placed: usize,
}

impl<'m> Search<'m> {
    pub(super) fn new(
        model: &'m Model,
        capacity: u64,
        rank: &'m [usize],
        limit: u64,
        deadline: Option<Instant>,
    ) -> Self {
        let (n, sections) = (model.len(), model.sections.len());
        let mut search = Search {
            model,
            capacity,
            rank,
            limit,
            deadline,
            nodes: 0,
            blame: Blame { sections: vec![0; sections], buffers: vec![0; n] },
            exceeded: u64::MAX,
            offset: vec![0; n],
            placed: vec![false; n],
            low: vec![0; n],
            total: vec![0; sections],
            floor: vec![0; sections],
            crossing: vec![0; sections],
            low_trail: Vec::new(),
            floor_trail: Vec::new(),
            placed_trail: Vec::new(),
            dirty: Vec::new(),
            is_dirty: vec![false; sections],
        };
        for b in 0..n {
            search.placed[b] = model.pinned[b].is_some();
            search.offset[b] = model.pinned[b].unwrap_or(0);
        }
        for b in (0..n).filter(|&b| !search.placed[b]) {
            let (first, end) = model.span[b];
            for s in first..end {
                search.total[s] += model.rounded[b];
                search.crossing[s] += u32::from(s + 1 < end);
            }
        }
        for b in (0..n).filter(|&b| model.pinned[b].is_none()) {
            search.low[b] = search.settle(b, 0);
        }
        for s in 0..sections {
            search.floor[s] = search.section_floor(s);
        }
        search
    }

    pub(super) fn run(&mut self) -> Outcome {
        let mut members: Vec<usize> = (0..self.model.len()).filter(|&b| !self.placed[b]).collect();
        members.sort_by_key(|&b| self.rank[b]);
        match self.split(&members, 0, None) {
            Step::Done => Outcome::Placed(self.offset.clone()),
            Step::Failed => Outcome::Refuted { next: self.exceeded.max(self.capacity + 1) },
            Step::Spent => Outcome::Spent,
        }
    }

    /// Searches the parts of `members` that share no time one after the other. `floor` is the highest offset placed
    /// among them so far, by `last`.
    fn split(&mut self, members: &[usize], floor: u64, last: Option<usize>) -> Step {
        let Some(first) = members.iter().map(|&b| self.model.span[b].0).min() else { return Step::Done };
        let end = members.iter().map(|&b| self.model.span[b].1).max().unwrap_or(first);
        if let &[only] = members {
            return self.place_last(only);
        }
        let cuts: Vec<usize> = (first + 1..end).filter(|&s| self.crossing[s - 1] == 0).chain([end]).collect();
        if cuts.len() == 1 {
            return self.branch(members, (first, end), floor, last);
        }
        let mut start = first;
        let mut parts = Vec::new();
        for cut in cuts {
            let inside = |b: &usize| (start..cut).contains(&self.model.span[*b].0);
            let part: Vec<usize> = members.iter().copied().filter(inside).collect();
            let blame = self.blame.sections[start..cut].iter().max().copied();
            parts.push((std::cmp::Reverse(blame), (start, cut), part));
            start = cut;
        }
        parts.sort_unstable();
        for (_, sections, part) in parts {
            let step = match part[..] {
                [] => Step::Done,
                [only] => self.place_last(only),
                _ => self.branch(&part, sections, floor, last),
            };
            if step != Step::Done {
                return step;
            }
        }
        Step::Done
    }

    /// A buffer that nothing unplaced can disturb goes where it is lowest, floor or not.
    fn place_last(&mut self, b: usize) -> Step {
        let top = self.low[b] + self.model.bytes[b];
        if top > self.capacity {
            self.blame_buffer(b, top);
            return Step::Failed;
        }
        self.place(b, self.low[b]);
        Step::Done
    }

    /// Tries each buffer of a connected part as the next one up.
    fn branch(
        &mut self,
        members: &[usize],
        sections: (usize, usize),
        floor: u64,
        last: Option<usize>,
    ) -> Step {
        self.nodes += 1;
        if self.nodes > self.limit || self.is_late() {
            return Step::Spent;
        }
        if !self.sections_fit(sections, floor) || !self.passed_over_fit(members, sections, floor) {
            return Step::Failed;
        }
        let Some(candidates) = self.candidates(members, floor, last) else { return Step::Failed };
        for (offset, _, b) in candidates {
            let mark = self.mark();
            self.place(b, offset);
            let rest: Vec<usize> = members.iter().copied().filter(|&m| m != b).collect();
            match self.split(&rest, offset, Some(b)) {
                Step::Failed => self.undo(mark),
                step => return step,
            }
        }
        Step::Failed
    }

    /// The buffers that may come next, with their offsets, best first; `None` if no completion fits or all are
    /// dominated.
    fn candidates(
        &mut self,
        members: &[usize],
        floor: u64,
        last: Option<usize>,
    ) -> Option<Vec<(u64, usize, usize)>> {
        let mut lowest_top = u64::MAX;
        for &b in members {
            let top = self.low[b] + self.model.bytes[b];
            if top > self.capacity {
                self.blame_buffer(b, top);
                return None;
            }
            lowest_top = lowest_top.min(top);
        }
        let mut found: Vec<(u64, usize, usize)> = Vec::new();
        for &b in members {
            let at = self.low[b];
            if at < floor || at >= lowest_top {
                continue;
            }
            let swapped =
                |l: usize| at == self.offset[l] && self.rank[b] < self.rank[l] && !self.are_tied(b, l);
            if last.is_some_and(swapped) {
                continue;
            }
            found.push((at, self.rank[b], b));
        }
        found.sort_unstable();
        Some(found)
    }

    /// Whether the order of two buffers at one offset matters.
    fn are_tied(&self, a: usize, b: usize) -> bool {
        self.model.links[a].iter().any(|l| l.other == b)
    }

    /// Whether every section's unplaced buffers can be stacked under the capacity.
    fn sections_fit(&mut self, (first, end): (usize, usize), floor: u64) -> bool {
        (first..end).all(|s| self.section_fits(s, self.floor[s].max(floor)))
    }

    /// What rounded sizes are compared with: the highest buffer's padding need not be there.
    fn limit_of(&self, section: usize) -> u64 {
        self.capacity + self.model.sections[section].padding
    }

    /// Whether the section's unplaced buffers fit when none can lie below `base`.
    fn section_fits(&mut self, section: usize, base: u64) -> bool {
        if self.total[section] == 0 || base + self.total[section] <= self.limit_of(section) {
            return true;
        }
        let needed = base + self.total[section] - self.model.savings(section, |b| !self.placed[b]);
        if needed <= self.limit_of(section) {
            return true;
        }
        self.exceeded = self.exceeded.min(needed - self.model.sections[section].padding);
        self.blame.sections[section] += 1;
        false
    }

    /// The same for buffers that could have gone below the floor: something yet to come must push each of them up.
    fn passed_over_fit(&mut self, members: &[usize], (first, end): (usize, usize), floor: u64) -> bool {
        for &b in members.iter().filter(|&&b| self.low[b] < floor) {
            let bytes = self.model.bytes[b];
            if self.is_pushed_to(b, floor, self.capacity - bytes) {
                continue;
            }
            if let Some(raised) = self.pushed(b, floor).min() {
                self.blame_buffer(b, raised + bytes);
            }
            return false;
        }
        (first..end).all(|s| {
            if self.total[s] == 0 || self.floor[s] >= floor {
                return true;
            }
            let room = self.limit_of(s).saturating_sub(self.total[s]);
            let unplaced = || self.model.sections[s].members.iter().filter(|&&b| !self.placed[b]);
            let can_start = |&&b: &&usize| {
                if self.low[b] < floor { self.is_pushed_to(b, floor, room) } else { self.low[b] <= room }
            };
            if unplaced().any(|b| can_start(&b)) {
                return true;
            }
            let lowest = |&b: &usize| {
                if self.low[b] < floor {
                    self.pushed(b, floor).min().unwrap_or(u64::MAX)
                } else {
                    self.low[b]
                }
            };
            let base = unplaced().map(lowest).min().unwrap_or(0);
            self.section_fits(s, base)
        })
    }

    /// Where each unplaced buffer that meets `b` would push it, at least.
    fn pushed(&self, b: usize, floor: u64) -> impl Iterator<Item = u64> {
        let unplaced = self.model.links[b].iter().filter(|l| !self.placed[l.other]);
        unplaced.map(move |l| self.low[l.other].max(floor) + if l.same { 0 } else { l.below })
    }

    /// Whether some unplaced buffer may push `b` up without raising it above `limit`.
    fn is_pushed_to(&self, b: usize, floor: u64, limit: u64) -> bool {
        self.pushed(b, floor).any(|at| at <= limit)
    }

    fn blame_buffer(&mut self, b: usize, top: u64) {
        self.exceeded = self.exceeded.min(top);
        self.blame.buffers[b] += 1;
    }

    fn is_late(&self) -> bool {
        self.nodes.is_multiple_of(CLOCK_INTERVAL) && self.deadline.is_some_and(|d| Instant::now() >= d)
    }

    /// The lowest offset from `from` up that the placed buffers with special links to `b`, and the pinned ones,
    /// leave to it.
    fn settle(&self, b: usize, from: u64) -> u64 {
        let align = self.model.align[b];
        let mut at = from.next_multiple_of(align);
        loop {
            let before = at;
            for link in &self.model.links[b] {
                let y = link.other;
                if self.placed[y] && (link.same || self.model.pinned[y].is_some()) {
                    at = link.lift(at, self.offset[y], align);
                }
            }
            if at == before {
                return at;
            }
        }
    }

    fn place(&mut self, b: usize, offset: u64) {
        let model = self.model;
        self.placed[b] = true;
        self.offset[b] = offset;
        self.placed_trail.push(b);
        let (first, end) = model.span[b];
        for s in first..end {
            self.total[s] -= model.rounded[b];
            self.crossing[s] -= u32::from(s + 1 < end);
            if self.floor[s] == self.low[b] {
                self.soil(s);
            }
        }
        for link in &model.links[b] {
            let y = link.other;
            if self.placed[y] {
                continue;
            }
            let old = self.low[y];
            let raised = if !model.special[y] {
                old.max((offset + link.above).next_multiple_of(model.align[y]))
            } else if link.same {
                self.settle(y, old)
            } else {
                self.settle(y, old.max(offset + link.above))
            };
            if raised > old {
                self.low_trail.push((y, old));
                self.low[y] = raised;
                let (first, end) = model.span[y];
                for s in first..end {
                    if self.floor[s] == old {
                        self.soil(s);
                    }
                }
            }
        }
        while let Some(s) = self.dirty.pop() {
            self.is_dirty[s] = false;
            let floor = self.section_floor(s);
            if floor != self.floor[s] {
                self.floor_trail.push((s, self.floor[s]));
                self.floor[s] = floor;
            }
        }
    }

    fn soil(&mut self, section: usize) {
        if !self.is_dirty[section] {
            self.is_dirty[section] = true;
            self.dirty.push(section);
        }
    }

    fn section_floor(&self, section: usize) -> u64 {
        let unplaced = self.model.sections[section].members.iter().filter(|&&b| !self.placed[b]);
        unplaced.map(|&b| self.low[b]).min().unwrap_or(0)
    }

    fn mark(&self) -> Mark {
        Mark { low: self.low_trail.len(), floor: self.floor_trail.len(), placed: self.placed_trail.len() }
    }

    fn undo(&mut self, mark: Mark) {
        for (b, low) in self.low_trail.drain(mark.low..).rev() {
            self.low[b] = low;
        }
        for (s, floor) in self.floor_trail.drain(mark.floor..).rev() {
            self.floor[s] = floor;
        }
        for b in self.placed_trail.drain(mark.placed..) {
            self.placed[b] = false;
            let (first, end) = self.model.span[b];
            for s in first..end {
                self.total[s] += self.model.rounded[b];
                self.crossing[s] += u32::from(s + 1 < end);
            }
        }
    }
}
