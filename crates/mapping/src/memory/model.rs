//! A problem compiled for the search: who must keep how far from whom, and which buffers are live together.

use std::collections::BTreeMap;

use hw::memory::{Clearance, Problem};

/// A buffer that is live together with this one.
#[derive(Debug, Clone, Copy)]
pub(super) struct Link {
    pub(super) other: usize,
    /// `other` may lie at `offset + above` or higher.
    pub(super) above: u64,
    /// `other` may lie at `offset - below` or lower.
    pub(super) below: u64,
    /// `other` may lie at the same offset.
    pub(super) same: bool,
}

impl Link {
    /// Whether this buffer at `offset` is safe beside `other` at `there`.
    pub(super) fn fits(&self, offset: u64, there: u64) -> bool {
        offset >= there + self.below || offset + self.above <= there || (self.same && offset == there)
    }

    /// The lowest offset from `offset` up, a multiple of `align`, that is safe beside `other` at `there`.
    pub(super) fn lift(&self, offset: u64, there: u64, align: u64) -> u64 {
        if self.fits(offset, there) {
            offset
        } else if self.same && offset < there && there.is_multiple_of(align) {
            there
        } else {
            (there + self.below).next_multiple_of(align)
        }
    }
}

/// Two buffers of a section that may share bytes, and how many at most (in rounded sizes).
#[derive(Debug, Clone, Copy)]
pub(crate) struct Discount {
    pub(crate) input: usize,
    pub(crate) output: usize,
    saving: u64,
    /// The most the output can share with all inputs together if this is the closest.
    cap: u64,
}

impl Discount {
    /// For buffers of these sizes (input, output), multiples of `unit` as all offsets are.
    pub(crate) fn new(input: usize, output: usize, c: Clearance, (i, o): (u64, u64), unit: u64) -> Discount {
        let above = |d: u64| (o.max(d.next_multiple_of(unit) + i), o.saturating_sub(d));
        let below = |d: u64| (i.max(d.next_multiple_of(unit) + o), o);
        let ways =
            [c.input_above.map(above), c.output_above.map(below), c.same_offset.then_some((i.max(o), o))];
        let mut best = Discount { input, output, saving: 0, cap: 0 };
        for (extent, cap) in ways.into_iter().flatten() {
            best.saving = best.saving.max((i + o).saturating_sub(extent));
            best.cap = best.cap.max(cap);
        }
        best
    }
}

/// An upper bound on the bytes that buffers for which `counts` holds can share. The discounts are sorted by output.
pub(crate) fn savings(discounts: &[Discount], counts: impl Fn(usize) -> bool) -> u64 {
    let mut saved = 0;
    for group in discounts.chunk_by(|a, b| a.output == b.output) {
        if !counts(group[0].output) {
            continue;
        }
        let inputs = || group.iter().filter(|d| counts(d.input));
        let cap = inputs().map(|d| d.cap).max().unwrap_or(0);
        saved += inputs().map(|d| d.saving).sum::<u64>().min(cap);
    }
    saved
}

/// A maximal set of buffers that are live at one time.
#[derive(Debug, Clone)]
pub(super) struct Section {
    pub(super) members: Vec<usize>,
    pub(super) discounts: Vec<Discount>,
    /// The most that rounding adds to a member: what the highest one need not have.
    pub(super) padding: u64,
}

/// The compiled problem. Sections are in order of time; every two buffers that are live together share one.
#[derive(Debug)]
pub(super) struct Model {
    pub(super) bytes: Vec<u64>,
    pub(super) align: Vec<u64>,
    pub(super) pinned: Vec<Option<u64>>,
    /// Steps in which the buffer is live.
    pub(super) steps: Vec<u64>,
    /// Size rounded up to the alignment that all buffers share, as all offsets are.
    pub(super) rounded: Vec<u64>,
    /// The buffers each one is live with, the smaller distance to clear first.
    pub(super) links: Vec<Vec<Link>>,
    /// The offsets that others leave to this buffer are not simply all above a line: it may lie exactly where
    /// another lies, or below a pinned one.
    pub(super) special: Vec<bool>,
    pub(super) sections: Vec<Section>,
    /// Sections `[first, end)` in which each buffer is live.
    pub(super) span: Vec<(usize, usize)>,
}

impl Model {
    /// Compiles a problem without findings.
    pub(super) fn new(problem: &Problem) -> Model {
        let buffers = &problem.buffers;
        let unit = buffers.iter().map(|b| b.align).min().unwrap_or(1);
        let overlaps = problem.overlaps();
        let (sections, span) = sections(problem);
        let mut model = Model {
            bytes: buffers.iter().map(|b| b.bytes).collect(),
            align: buffers.iter().map(|b| b.align).collect(),
            pinned: buffers.iter().map(|b| b.pinned).collect(),
            steps: buffers.iter().map(|b| (b.upper - b.lower) as u64).collect(),
            rounded: buffers.iter().map(|b| b.bytes.next_multiple_of(unit)).collect(),
            links: links(problem, &overlaps),
            special: Vec::new(),
            sections,
            span,
        };
        for links in &mut model.links {
            links.sort_by_key(|l| (l.below, l.other));
        }
        let special = |l: &Link| l.same || model.pinned[l.other].is_some();
        model.special = model.links.iter().map(|links| links.iter().any(special)).collect();
        for &(input, output, clearance) in &overlaps {
            let sizes = (model.rounded[input], model.rounded[output]);
            let discount = Discount::new(input, output, clearance, sizes, unit);
            let shared =
                model.span[input].0.max(model.span[output].0)..model.span[input].1.min(model.span[output].1);
            for section in &mut model.sections[shared] {
                section.discounts.push(discount);
            }
        }
        for section in &mut model.sections {
            section.discounts.sort_by_key(|d| (d.output, d.input));
            let padding = |&b: &usize| model.rounded[b] - model.bytes[b];
            section.padding = section.members.iter().map(padding).max().unwrap_or(0);
        }
        model
    }

    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// An upper bound on the bytes that the section's buffers for which `counts` holds can share.
    pub(super) fn savings(&self, section: usize, counts: impl Fn(usize) -> bool) -> u64 {
        savings(&self.sections[section].discounts, counts)
    }

    /// Bytes that the section's buffers cover at least, together.
    pub(super) fn section_bound(&self, section: &Section) -> u64 {
        let total: u64 = section.members.iter().map(|&b| self.rounded[b]).sum();
        (total - savings(&section.discounts, |_| true)).saturating_sub(section.padding)
    }

    /// No arena is smaller than this.
    pub(super) fn lower_bound(&self) -> u64 {
        let largest = (0..self.len()).map(|b| self.pinned[b].unwrap_or(0) + self.bytes[b]).max().unwrap_or(0);
        self.sections.iter().map(|s| self.section_bound(s)).max().unwrap_or(0).max(largest)
    }

    /// The end of the highest buffer.
    pub(super) fn top(&self, offsets: &[u64]) -> u64 {
        offsets.iter().zip(&self.bytes).map(|(o, b)| o + b).max().unwrap_or(0)
    }

    /// Two pinned buffers that exclude each other.
    pub(super) fn pinned_together(&self) -> Option<(usize, usize)> {
        (0..self.len()).find_map(|a| {
            let at = self.pinned[a]?;
            let bad = |l: &&Link| self.pinned[l.other].is_some_and(|there| !l.fits(at, there));
            self.links[a].iter().find(bad).map(|l| (a, l.other))
        })
    }
}

/// Maximal cliques: intervals of time at whose start a buffer begins and at whose end one ends.
fn sections(problem: &Problem) -> (Vec<Section>, Vec<(usize, usize)>) {
    let buffers = &problem.buffers;
    let mut starts: Vec<usize> = (0..buffers.len()).collect();
    let mut ends = starts.clone();
    starts.sort_by_key(|&b| (buffers[b].lower, b));
    ends.sort_by_key(|&b| (buffers[b].upper, b));
    let mut sections: Vec<Section> = Vec::new();
    let mut span = vec![(0, 0); buffers.len()];
    let mut live: Vec<usize> = Vec::new();
    let (mut next, mut grown) = (0, false);
    for &ending in &ends {
        while next < starts.len() && buffers[starts[next]].lower < buffers[ending].upper {
            span[starts[next]].0 = sections.len();
            live.push(starts[next]);
            (next, grown) = (next + 1, true);
        }
        if grown {
            sections.push(Section { members: live.clone(), discounts: Vec::new(), padding: 0 });
            grown = false;
        }
        span[ending].1 = sections.len();
        live.retain(|&b| b != ending);
    }
    (sections, span)
}

fn links(problem: &Problem, overlaps: &[(usize, usize, Clearance)]) -> Vec<Vec<Link>> {
    let buffers = &problem.buffers;
    let shared: BTreeMap<(usize, usize), (usize, Clearance)> =
        overlaps.iter().map(|&(i, o, c)| ((i.min(o), i.max(o)), (i, c))).collect();
    let mut by_start: Vec<usize> = (0..buffers.len()).collect();
    by_start.sort_by_key(|&b| (buffers[b].lower, b));
    let mut links = vec![Vec::new(); buffers.len()];
    for (position, &a) in by_start.iter().enumerate() {
        for &b in by_start[position + 1..].iter().take_while(|&&b| buffers[b].lower < buffers[a].upper) {
            if let Some((ab, ba)) = link_pair(problem, a, b, shared.get(&(a.min(b), a.max(b)))) {
                links[a].push(ab);
                links[b].push(ba);
            }
        }
    }
    links
}

/// The links `a -> b` and `b -> a` of two buffers that are live together; none if they cannot disturb each other.
fn link_pair(
    problem: &Problem,
    a: usize,
    b: usize,
    shared: Option<&(usize, Clearance)>,
) -> Option<(Link, Link)> {
    let bytes = |x: usize| problem.buffers[x].bytes;
    // Distances from the lower buffer's offset to the upper's: b over a, and a over b.
    let (mut b_over_a, mut a_over_b, mut same) = (bytes(a), bytes(b), false);
    if let Some(&(input, c)) = shared {
        let (b_above, a_above) =
            if input == b { (c.input_above, c.output_above) } else { (c.output_above, c.input_above) };
        b_over_a = b_over_a.min(b_above.unwrap_or(u64::MAX));
        a_over_b = a_over_b.min(a_above.unwrap_or(u64::MAX));
        same = c.same_offset || b_over_a == 0 || a_over_b == 0;
    }
    if b_over_a == 0 && a_over_b == 0 {
        return None;
    }
    let ab = Link { other: b, above: b_over_a, below: a_over_b, same };
    let ba = Link { other: a, above: a_over_b, below: b_over_a, same };
    Some((ab, ba))
}
