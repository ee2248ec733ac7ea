//! Replays a memory plan byte by byte.
//!
//! Every byte of the arena has an owner: the buffer that was last put there. Steps run in order; each stores its output
//! tile by tile as its kernel promises, and a store onto a byte whose owner is still wanted is a violation, as is a read of
//! a byte that has another owner by then. A plan without violations is safe whatever the planner believed.

use hw::memory::{Access, Affine, Buffer, Need, Plan, Problem, Tiles};
use std::fmt;

/// The largest arena that is replayed: ownership takes four bytes for each of its bytes.
pub const MAX_ARENA_BYTES: u64 = 1 << 28;

/// Something a plan does that would damage data, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The step in which it happens; `None` where it is about the plan as a whole.
    pub step: Option<usize>,
    /// The buffer at fault.
    pub buffer: String,
    /// First byte of the arena concerned, and the first behind.
    pub bytes: [u64; 2],
    /// What happens there.
    pub kind: Damage,
}

/// What a violation damages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Damage {
    /// The plan does not speak of the problem's buffers and steps, one offset and one walk for each.
    Incomplete,
    /// The buffer reaches beyond the arena.
    OutOfArena,
    /// The arena's stated size is not where its highest buffer ends.
    ArenaSize,
    /// The offset is no multiple of the alignment.
    Misaligned,
    /// The offset is not the one it was pinned to.
    Unpinned,
    /// Two buffers that live at the same time share bytes and no kernel permits it.
    Shared {
        /// The other buffer.
        with: String,
    },
    /// A store destroys bytes that are still needed.
    Overwrites {
        /// Whose bytes they are.
        victim: String,
        /// The tile that stores, outer and inner index.
        tile: [u64; 2],
    },
    /// A read finds bytes that were overwritten before.
    Lost,
    /// The step runs with a walk it does not have.
    NoSuchWalk,
    /// The walk's tiles do not store every byte of the output.
    NotStored,
    /// A tile needs input bytes that an earlier tile was already done with.
    NeededAgain,
    /// The arena is larger than can be replayed.
    TooLarge,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(step) = self.step {
            write!(f, "step {step}: ")?;
        }
        let [start, end] = self.bytes;
        write!(f, "`{}` bytes {start}..{end}: ", self.buffer)?;
        match &self.kind {
            Damage::Incomplete => f.write_str("the plan does not match the problem"),
            Damage::OutOfArena => f.write_str("beyond the arena"),
            Damage::ArenaSize => f.write_str("the stated size is not where the highest buffer ends"),
            Damage::Misaligned => f.write_str("not aligned"),
            Damage::Unpinned => f.write_str("not where it was pinned"),
            Damage::Shared { with } => write!(f, "shared with `{with}`, which lives at the same time"),
            Damage::Overwrites { victim, tile: [i, j] } => {
                write!(f, "tile {i}, {j} overwrites `{victim}`, which is still needed")
            }
            Damage::Lost => f.write_str("read after having been overwritten"),
            Damage::NoSuchWalk => f.write_str("a walk the step does not have"),
            Damage::NotStored => f.write_str("not stored by the walk"),
            Damage::NeededAgain => f.write_str("needed again after a tile was done with it"),
            Damage::TooLarge => f.write_str("larger than can be replayed"),
        }
    }
}

/// Everything that goes wrong when the plan is run; empty where it is safe.
pub fn replay(problem: &Problem, plan: &Plan) -> Vec<Violation> {
    let mut replay = Replay { problem, plan, owner: Vec::new(), found: Vec::new() };
    if replay.placement() {
        replay.sharing();
        replay.run();
    }
    replay.found
}

const NOBODY: u32 = u32::MAX;

struct Replay<'a> {
    problem: &'a Problem,
    plan: &'a Plan,
    owner: Vec<u32>,
    found: Vec<Violation>,
}

impl Replay<'_> {
    fn buffer(&self, id: usize) -> &Buffer {
        &self.problem.buffers[id]
    }

    fn place(&self, id: usize) -> [u64; 2] {
        [self.plan.offsets[id], self.plan.offsets[id] + self.buffer(id).bytes]
    }

    fn report(&mut self, step: Option<usize>, id: usize, bytes: [u64; 2], kind: Damage) {
        let buffer = self.buffer(id).name.clone();
        self.found.push(Violation { step, buffer, bytes, kind });
    }

    fn report_arena(&mut self, bytes: u64, kind: Damage) {
        self.found.push(Violation { step: None, buffer: "arena".to_owned(), bytes: [0, bytes], kind });
    }

    /// Whether every buffer lies where it may, so that the rest can be replayed at all.
    fn placement(&mut self) -> bool {
        let (problem, plan) = (self.problem, self.plan);
        let complete = plan.offsets.len() == problem.buffers.len()
            && plan.walks.len() == problem.steps.len()
            && problem.steps.iter().all(|step| {
                [&step.inputs, &step.outputs, &step.scratch]
                    .iter()
                    .all(|ids| ids.iter().all(|id| *id < problem.buffers.len()))
            });
        if !complete {
            self.report_arena(plan.arena_bytes, Damage::Incomplete);
            return false;
        }
        if plan.arena_bytes > MAX_ARENA_BYTES {
            self.report_arena(plan.arena_bytes, Damage::TooLarge);
            return false;
        }
        let mut highest = 0;
        for id in 0..problem.buffers.len() {
            let buffer = self.buffer(id).clone();
            let start = plan.offsets[id];
            let Some(end) = start.checked_add(buffer.bytes).filter(|end| *end <= plan.arena_bytes) else {
                self.report(None, id, [start, start.saturating_add(buffer.bytes)], Damage::OutOfArena);
                continue;
            };
            highest = highest.max(end);
            if start % buffer.align != 0 {
                self.report(None, id, [start, end], Damage::Misaligned);
            }
            if buffer.pinned.is_some_and(|pin| pin != start) {
                self.report(None, id, [start, end], Damage::Unpinned);
            }
        }
        if self.found.is_empty() && highest != plan.arena_bytes {
            self.report_arena(highest, Damage::ArenaSize);
        }
        self.found.iter().all(|v| v.kind != Damage::OutOfArena)
    }

    /// Pairs that live at once and share bytes: only a dying input and an output of one step, under a chosen walk.
    fn sharing(&mut self) {
        for a in 0..self.problem.buffers.len() {
            for b in a + 1..self.problem.buffers.len() {
                let ([a0, a1], [b0, b1]) = (self.place(a), self.place(b));
                let common = [a0.max(b0), a1.min(b1)];
                let (x, y) = (self.buffer(a), self.buffer(b));
                let together = x.lower < y.upper && y.lower < x.upper;
                if together && common[0] < common[1] && !self.permitted(a, b) && !self.permitted(b, a) {
                    let with = y.name.clone();
                    let step = Some(x.lower.max(y.lower));
                    self.report(step, a, common, Damage::Shared { with });
                }
            }
        }
    }

    /// Whether `input` dies in the step that stores `output`, under a walk that speaks of the two.
    fn permitted(&self, input: usize, output: usize) -> bool {
        let index = self.buffer(output).lower;
        self.buffer(input).upper == index + 1 && self.access(index, input, output).is_some()
    }

    /// What the chosen walk of a step promises about a pair; `None` where it says nothing, or an input is listed twice.
    fn access(&self, index: usize, input: usize, output: usize) -> Option<Access> {
        let step = self.problem.steps.get(index)?;
        let walk = step.walks.get(self.plan.walks[index]?)?;
        let position = |ids: &[usize], id: usize| ids.iter().position(|other| *other == id);
        let (i, o) = (position(&step.inputs, input)?, position(&step.outputs, output)?);
        let twice = step.inputs.iter().filter(|other| **other == input).count() > 1;
        let pair = walk.pairs.iter().find(|pair| pair.input == i && pair.output == o)?;
        (!twice).then_some(pair.access)
    }

    fn run(&mut self) {
        self.owner = vec![NOBODY; usize::try_from(self.plan.arena_bytes).expect("bounded above")];
        let last = self.problem.buffers.iter().map(|b| b.upper).max().unwrap_or(0);
        for index in 0..last.max(self.problem.steps.len()) {
            let step = self.problem.steps.get(index).cloned().unwrap_or_default();
            if self.plan.walks.get(index).is_some_and(|w| w.is_some_and(|w| w >= step.walks.len())) {
                self.found.push(Violation {
                    step: Some(index),
                    buffer: step.name.clone(),
                    bytes: [0, 0],
                    kind: Damage::NoSuchWalk,
                });
            }
            for id in 0..self.problem.buffers.len() {
                if self.buffer(id).lower == index && !step.outputs.contains(&id) {
                    self.store(index, id, self.place(id), [0, 0], &|_, _| true);
                }
            }
            for &id in &step.inputs {
                self.read(index, id);
            }
            for &output in &step.outputs {
                self.produce(index, &step.inputs, output);
            }
            for id in 0..self.problem.buffers.len() {
                if self.buffer(id).upper == index + 1 && index + 1 == last {
                    self.read(index, id);
                }
            }
        }
    }

    /// Every byte must still be the buffer's own.
    fn read(&mut self, index: usize, id: usize) {
        let [start, end] = self.place(id);
        let dies_into_output = self.problem.steps.get(index).is_some_and(|step| {
            step.inputs.contains(&id)
                && step.outputs.iter().any(|output| self.access(index, id, *output).is_some())
        });
        let mine = u32::try_from(id).expect("buffers are counted in 32 bits");
        let owned = |byte: u64| self.owner[usize::try_from(byte).expect("inside the arena")] == mine;
        let stored_here = self.problem.steps.get(index).is_some_and(|step| step.outputs.contains(&id));
        let Some(lost) = (start..end).find(|byte| !owned(*byte)) else { return };
        if stored_here || !dies_into_output || self.owner_began_before(lost, index) {
            self.report(Some(index), id, [lost, end], Damage::Lost);
        }
    }

    /// Whether the byte's owner was put there before this step.
    fn owner_began_before(&self, byte: u64, index: usize) -> bool {
        let owner = self.owner[usize::try_from(byte).expect("inside the arena")];
        owner == NOBODY || self.buffer(owner as usize).lower < index
    }

    /// Stores an output as the chosen walk does, once for each input it may run over.
    fn produce(&mut self, index: usize, inputs: &[usize], output: usize) {
        let mut accesses: Vec<(usize, Access)> =
            inputs.iter().filter_map(|input| Some((*input, self.access(index, *input, output)?))).collect();
        accesses.dedup();
        let dying = |replay: &Self, input: usize| replay.buffer(input).upper == index + 1;
        for (input, access) in &accesses {
            if let Access::Tiled(tiles) = access
                && dying(self, *input)
            {
                self.tiles(index, *input, output, tiles);
            }
        }
        // What no walk speaks of must be untouched; what one does was judged tile by tile, or lies exactly beneath.
        let place = self.place(output);
        let spoken = |replay: &Self, victim: usize| {
            accesses.iter().any(|(input, access)| {
                *input == victim
                    && dying(replay, victim)
                    && (matches!(access, Access::Tiled(_)) || replay.place(victim)[0] == place[0])
            })
        };
        let wanted: Vec<bool> = (0..self.problem.buffers.len()).map(|victim| !spoken(self, victim)).collect();
        self.store(index, output, place, [0, 0], &|victim, _| wanted[victim]);
    }

    /// Walks the tiles of one pair: no stored byte may be an input byte this tile or a later one needs.
    fn tiles(&mut self, index: usize, input: usize, output: usize, tiles: &Tiles) {
        let ([in0, in1], [out0, out1]) = (self.place(input), self.place(output));
        let mut stored = vec![false; usize::try_from(out1 - out0).expect("bounded above")];
        let mut before: Option<[u64; 2]> = None;
        for (i, j) in (0..tiles.outer).flat_map(|i| (0..tiles.inner).map(move |j| (i, j))) {
            let need = needed(tiles.need, i, j, in1 - in0).map(|at| in0 + at);
            if need[0] < need[1] && before.is_some_and(|b| need[0] < b[0] || need[1] > b[1]) {
                self.report(Some(index), input, need, Damage::NeededAgain);
                return;
            }
            before = Some(need);
            let [from, to] = span(tiles.write, i, j, tiles.write_bytes, out1 - out0);
            for at in from..to {
                stored[usize::try_from(at).expect("inside the output")] = true;
            }
            let hit = [need[0].max(out0 + from), need[1].min(out0 + to)];
            if hit[0] < hit[1] {
                let victim = self.buffer(input).name.clone();
                self.report(Some(index), output, hit, Damage::Overwrites { victim, tile: [i, j] });
                return;
            }
        }
        if let Some(at) = stored.iter().position(|done| !done) {
            let at = out0 + at as u64;
            self.report(Some(index), output, [at, out1], Damage::NotStored);
        }
    }

    /// Puts a buffer's bytes into the arena. A live owner that `wanted` keeps is a victim, reported once.
    fn store(
        &mut self,
        index: usize,
        id: usize,
        [start, end]: [u64; 2],
        tile: [u64; 2],
        wanted: &dyn Fn(usize, u64) -> bool,
    ) {
        let mut hit: Option<(usize, [u64; 2])> = None;
        for byte in start..end {
            let at = usize::try_from(byte).expect("inside the arena");
            let owner = self.owner[at];
            if owner != NOBODY && owner as usize != id {
                let victim = owner as usize;
                let live = self.buffer(victim).lower <= index && index < self.buffer(victim).upper;
                if live && wanted(victim, byte) {
                    hit = Some(
                        hit.map_or((victim, [byte, byte + 1]), |(v, [first, _])| (v, [first, byte + 1])),
                    );
                }
            }
            self.owner[at] = u32::try_from(id).expect("buffers are counted in 32 bits");
        }
        if let Some((victim, bytes)) = hit {
            let victim = self.buffer(victim).name.clone();
            self.report(Some(index), id, bytes, Damage::Overwrites { victim, tile });
        }
    }
}

/// Input bytes a tile or a later one reads, cut to the input.
fn needed(need: Need, i: u64, j: u64, bytes: u64) -> [u64; 2] {
    match need {
        Need::From(first) => [cut(position(first, i, j), bytes), bytes],
        Need::UpTo(end) => [0, cut(position(end, i, j), bytes)],
    }
}

/// Output bytes a tile stores, cut to the output.
fn span(write: Affine, i: u64, j: u64, length: u64, bytes: u64) -> [u64; 2] {
    let start = position(write, i, j);
    [cut(start, bytes), cut(start + i128::from(length), bytes)]
}

fn position(affine: Affine, i: u64, j: u64) -> i128 {
    i128::from(affine.base)
        + i128::from(affine.outer) * i128::from(i)
        + i128::from(affine.inner) * i128::from(j)
}

fn cut(position: i128, bytes: u64) -> u64 {
    u64::try_from(position.max(0)).unwrap_or(u64::MAX).min(bytes)
}
