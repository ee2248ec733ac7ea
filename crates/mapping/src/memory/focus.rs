//! Branch and bound that works on the tightest place first.
//!
//! Like `search`, it places each buffer as low as what is placed lets it, but only the order among buffers that are
//! live together counts: a placed buffer is below all unplaced ones it meets. The next buffer may therefore be
//! chosen anywhere. A section has one lowest unplaced buffer; the section with the fewest that can be it is branched
//! on. A buffer whose turn was refuted sleeps: it cannot come next until something it meets is placed below it, so
//! every arrangement is tried in one order only (sleep sets: Godefroid, 1996).

use std::cmp::Reverse;
use std::time::Instant;

use super::model::{Link, Model};
use super::search::Outcome;

#[derive(PartialEq, Eq, Clone, Copy)]
enum Step {
    Done,
    Failed,
    Spent,
}

/// Makes counts divided by weights whole numbers that still differ.
const SCALE: u64 = 1_000_000;
/// Nodes between looks at the clock.
const CLOCK_INTERVAL: u64 = 256;

pub(super) struct Focus<'m> {
    model: &'m Model,
    capacity: u64,
    rank: &'m [usize],
    limit: u64,
    deadline: Option<Instant>,
    pub(super) nodes: u64,
    exceeded: u64,
    offset: Vec<u64>,
    placed: Vec<bool>,
    asleep: Vec<bool>,
    low: Vec<u64>,
    /// `low`, raised for sleepers by what must come below them.
    raised: Vec<u64>,
    /// Per section: bytes of the unplaced members.
    total: Vec<u64>,
    /// Per section: unplaced buffers live in it and the next.
    crossing: Vec<u32>,
    /// Per section: how often its unplaced members did not fit, in this search and those before.
    pub(super) weight: Vec<u64>,
    trail: Vec<Change>,
}

/// One change to take back.
enum Change {
    Low(usize, u64),
    Placed(usize),
    Woke(usize),
    Slept(usize),
}

/// What a look at a part of the problem says.
enum View {
    Fails,
    Place(usize),
    Branch(Vec<usize>),
}

impl<'m> Focus<'m> {
    /// `None` for problems with pins or equal offsets, which this search does not know.
    pub(super) fn new(
        model: &'m Model,
        capacity: u64,
        rank: &'m [usize],
        weight: Vec<u64>,
        limit: u64,
        deadline: Option<Instant>,
    ) -> Option<Self> {
        if model.special.contains(&true) {
            return None;
        }
        let (n, sections) = (model.len(), model.sections.len());
        let mut focus = Focus {
            model,
            capacity,
            rank,
            limit,
            deadline,
            nodes: 0,
            exceeded: u64::MAX,
            offset: vec![0; n],
            placed: vec![false; n],
            asleep: vec![false; n],
            low: vec![0; n],
            raised: vec![0; n],
            total: vec![0; sections],
            crossing: vec![0; sections],
            weight,
            trail: Vec::new(),
        };
        for b in 0..n {
            let (first, end) = model.span[b];
            for s in first..end {
                focus.total[s] += model.rounded[b];
                focus.crossing[s] += u32::from(s + 1 < end);
            }
        }
        Some(focus)
    }

    pub(super) fn run(&mut self) -> Outcome {
        let members: Vec<usize> = (0..self.model.len()).collect();
        match self.split(&members) {
            Step::Done => Outcome::Placed(self.offset.clone()),
            Step::Failed => Outcome::Refuted { next: self.exceeded.max(self.capacity + 1) },
            Step::Spent => Outcome::Spent,
        }
    }

    /// Searches the parts of `members` that share no time one after the other, the one that failed most first.
    fn split(&mut self, members: &[usize]) -> Step {
        let Some(first) = members.iter().map(|&b| self.model.span[b].0).min() else { return Step::Done };
        let end = members.iter().map(|&b| self.model.span[b].1).max().unwrap_or(first);
        let cuts: Vec<usize> = (first + 1..end).filter(|&s| self.crossing[s - 1] == 0).chain([end]).collect();
        if cuts.len() == 1 {
            return self.part(members, (first, end));
        }
        let mut start = first;
        let mut parts = Vec::new();
        for cut in cuts {
            let inside = |b: &usize| (start..cut).contains(&self.model.span[*b].0);
            let part: Vec<usize> = members.iter().copied().filter(inside).collect();
            if !part.is_empty() {
                parts.push((Reverse(self.weight[start..cut].iter().max().copied()), (start, cut), part));
            }
            start = cut;
        }
        parts.sort_unstable();
        for (_, sections, part) in parts {
            let step = self.part(&part, sections);
            if step != Step::Done {
                return step;
            }
        }
        Step::Done
    }

    /// Branches on a connected part until it is placed or refuted.
    fn part(&mut self, members: &[usize], sections: (usize, usize)) -> Step {
        let start = self.trail.len();
        loop {
            self.nodes += 1;
            let late = self.nodes.is_multiple_of(CLOCK_INTERVAL)
                && self.deadline.is_some_and(|d| Instant::now() >= d);
            if self.nodes > self.limit || late {
                return Step::Spent;
            }
            let (candidates, alone) = match self.view(members, sections) {
                View::Fails => {
                    self.undo(start);
                    return Step::Failed;
                }
                View::Place(b) => (vec![b], true),
                View::Branch(candidates) => (candidates, false),
            };
            for b in candidates {
                let mark = self.trail.len();
                self.place(b);
                let rest: Vec<usize> = members.iter().copied().filter(|&m| m != b).collect();
                match self.split(&rest) {
                    Step::Failed => self.undo(if alone { start } else { mark }),
                    step => return step,
                }
                if alone {
                    return Step::Failed;
                }
                self.asleep[b] = true;
                self.trail.push(Change::Slept(b));
            }
        }
    }

    /// What to do with a part: give up, place a buffer that disturbs no one, or branch on a section.
    fn view(&mut self, members: &[usize], sections: (usize, usize)) -> View {
        if !self.raise_sleepers(members) || !self.sections_fit(sections) {
            return View::Fails;
        }
        let can_come = |b: &usize| !self.asleep[*b] && self.can_be_lowest(*b);
        let mut viable: Vec<usize> = members.iter().copied().filter(can_come).collect();
        if viable.is_empty() {
            return View::Fails;
        }
        // Placing it changes nothing for anyone, so if there is a completion there is one with it here.
        if let Some(&free) = members.iter().find(|&&b| !self.disturbs(b)) {
            return if self.asleep[free] { View::Fails } else { View::Place(free) };
        }
        let section = self.tightest(&viable, sections);
        viable.retain(|&b| (self.model.span[b].0..self.model.span[b].1).contains(&section));
        viable.sort_unstable_by_key(|&b| (self.low[b], self.rank[b]));
        View::Branch(viable)
    }

    /// Raises each sleeper above the lowest unplaced buffer it meets; whether all still end under the capacity.
    fn raise_sleepers(&mut self, members: &[usize]) -> bool {
        for &b in members {
            self.raised[b] = self.low[b];
        }
        // A sleeper raised may raise the next; two rounds catch most of it.
        for _ in 0..2 {
            for &b in members {
                if self.asleep[b] {
                    let unplaced = self.model.links[b].iter().filter(|l| !self.placed[l.other]);
                    let pushed = |l: &Link| self.raised[l.other] + l.below;
                    let Some(raised) = unplaced.map(pushed).min() else { return false };
                    self.raised[b] = self.raised[b].max(raised);
                }
                let top = self.raised[b] + self.model.bytes[b];
                if top > self.capacity {
                    self.exceeded = self.exceeded.min(top);
                    return false;
                }
            }
        }
        true
    }

    /// The lowest that any unplaced buffer of the section may lie.
    fn base(&self, section: usize) -> u64 {
        let unplaced = self.model.sections[section].members.iter().filter(|&&b| !self.placed[b]);
        unplaced.map(|&b| self.raised[b]).min().unwrap_or(0)
    }

    fn sections_fit(&mut self, (first, end): (usize, usize)) -> bool {
        for s in (first..end).filter(|&s| self.total[s] > 0).collect::<Vec<_>>() {
            let base = self.base(s);
            if !self.section_fits(s, base) {
                self.weight[s] += 1;
                return false;
            }
        }
        true
    }

    /// Whether placing `b` now would raise any unplaced buffer.
    fn disturbs(&self, b: usize) -> bool {
        let raises = |l: &Link| !self.placed[l.other] && self.low[l.other] < self.low[b] + l.above;
        self.model.links[b].iter().any(raises)
    }

    /// The section with the fewest buffers that can be its lowest, for the failures it has caused; then the one with
    /// the least room.
    fn tightest(&self, viable: &[usize], (first, end): (usize, usize)) -> usize {
        let mut count = vec![0u64; end - first];
        for &b in viable {
            let (from, to) = self.model.span[b];
            count[from - first..to - first].iter_mut().for_each(|c| *c += 1);
        }
        let key = |&s: &usize| {
            let room = self.limit_of(s).saturating_sub(self.base(s) + self.total[s]);
            (count[s - first] * SCALE / (1 + self.weight[s]), room)
        };
        let live = (first..end).filter(|&s| count[s - first] > 0);
        live.min_by_key(key).expect("a viable buffer lives in some section")
    }

    /// Whether `b` can be the lowest unplaced buffer of all its sections, as the next one placed must be.
    fn can_be_lowest(&self, b: usize) -> bool {
        let (first, end) = self.model.span[b];
        (first..end).all(|s| {
            self.low[b] + self.total[s] <= self.limit_of(s)
                || self.low[b] + self.total[s] - self.model.savings(s, |b| !self.placed[b])
                    <= self.limit_of(s)
        })
    }

    /// What rounded sizes are compared with: the highest buffer's padding need not be there.
    fn limit_of(&self, section: usize) -> u64 {
        self.capacity + self.model.sections[section].padding
    }

    /// Whether the section's unplaced buffers fit when none can lie below `base`.
    fn section_fits(&mut self, section: usize, base: u64) -> bool {
        if base + self.total[section] <= self.limit_of(section) {
            return true;
        }
        let needed = base + self.total[section] - self.model.savings(section, |b| !self.placed[b]);
        if needed <= self.limit_of(section) {
            return true;
        }
        self.exceeded = self.exceeded.min(needed - self.model.sections[section].padding);
        false
    }

    fn place(&mut self, b: usize) {
        let model = self.model;
        let offset = self.low[b];
        self.placed[b] = true;
        self.offset[b] = offset;
        self.trail.push(Change::Placed(b));
        let (first, end) = model.span[b];
        for s in first..end {
            self.total[s] -= model.rounded[b];
            self.crossing[s] -= u32::from(s + 1 < end);
        }
        for link in &model.links[b] {
            let y = link.other;
            if self.placed[y] {
                continue;
            }
            if self.asleep[y] {
                self.asleep[y] = false;
                self.trail.push(Change::Woke(y));
            }
            let raised = (offset + link.above).next_multiple_of(model.align[y]);
            if raised > self.low[y] {
                self.trail.push(Change::Low(y, self.low[y]));
                self.low[y] = raised;
            }
        }
    }

    fn undo(&mut self, mark: usize) {
        while self.trail.len() > mark {
            match self.trail.pop().expect("the trail is longer than the mark") {
                Change::Low(b, low) => self.low[b] = low,
                Change::Woke(b) => self.asleep[b] = true,
                Change::Slept(b) => self.asleep[b] = false,
                Change::Placed(b) => {
                    self.placed[b] = false;
                    let (first, end) = self.model.span[b];
                    for s in first..end {
                        self.total[s] += self.model.rounded[b];
                        self.crossing[s] += u32::from(s + 1 < end);
                    }
                }
            }
        }
    }
}
