//! Schedules of whole networks replayed: every row made and needed, what the buffer holds at each moment, every word moved.
//!
//! Rows are followed as sets, one by one. Nests are counted by [`crate::nest::walk`], so that [`replay`] is for small networks;
//! [`follow`], which counts no words, and [`physical`] are for all.

use crate::nest::{Illegal, legality, walk};
use hw::machine::{Dim, Layer, Machine, Mapping, Tensor, Tier};
use hw::schedule::{Action, Net, Place, Schedule, Source, Task};
use std::collections::BTreeSet;
use std::ops::Range;

/// Why a schedule cannot run, or what it cannot have cost.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Fault {
    /// An action on a layer there is not, or a place list of another length.
    #[error("action {action} names layer {found}, fewer than {expected} expected")]
    Layer {
        /// Which action.
        action: usize,
        /// The layer.
        found: usize,
        /// Layers there are.
        expected: usize,
    },
    /// Rows beyond the result, or none.
    #[error("action {action} makes rows {found:?} of `{layer}`, which has {rows}")]
    Rows {
        /// Which action.
        action: usize,
        /// Which layer.
        layer: String,
        /// The rows.
        found: Range<u64>,
        /// Rows there are.
        rows: u64,
    },
    /// A row that is needed and not there.
    #[error("action {action}: `{layer}` needs row {row} of `{operand}`, which is not there")]
    Missing {
        /// Which action.
        action: usize,
        /// The reader.
        layer: String,
        /// Whose row.
        operand: String,
        /// Which.
        row: u64,
    },
    /// A row made although it is there.
    #[error("action {action} makes row {row} of `{layer}`, which is there")]
    Twice {
        /// Which action.
        action: usize,
        /// Which layer.
        layer: String,
        /// Which row.
        row: u64,
    },
    /// More in the buffer than it holds.
    #[error("action {action}: the buffer is given {found} words, {capacity} at most expected")]
    Full {
        /// Which action.
        action: usize,
        /// Words.
        found: u64,
        /// What it holds.
        capacity: u64,
    },
    /// A nest that cannot run with the room left.
    #[error("action {action}: `{layer}`: {illegal}")]
    Nest {
        /// Which action.
        action: usize,
        /// Which layer.
        layer: String,
        /// Why.
        illegal: Illegal,
    },
    /// A nest without mapping, or a mapping without nest.
    #[error("action {action}: `{layer}` has a mapping where none belongs, or none where one does")]
    Mapping {
        /// Which action.
        action: usize,
        /// Which layer.
        layer: String,
    },
    /// A result kept where the machine has no buffer for it, or one the caller wants that ends there.
    #[error("`{layer}` ends in the buffer, the backing store expected")]
    Home {
        /// Which layer.
        layer: String,
    },
    /// Weights copied twice, or freed without being there, or where none can be.
    #[error("action {action}: the weights of `{layer}` are copied or freed out of turn")]
    Weights {
        /// Which action.
        action: usize,
        /// Which layer.
        layer: String,
    },
    /// A row of a result that must end in the backing store and does not.
    #[error("row {row} of `{layer}` is never made")]
    Unmade {
        /// Which layer.
        layer: String,
        /// Which row.
        row: u64,
    },
    /// Totals no machine can have.
    #[error("{what} is {found}, at least {least} expected")]
    Below {
        /// `energy` or `latency`.
        what: &'static str,
        /// As stated.
        found: f64,
        /// The bound.
        least: f64,
    },
}

/// What a replay saw.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Replayed {
    /// `[read, written]` words by the machine's memories; of [`follow`] none.
    pub words: Vec<[u64; 2]>,
    /// Sum of each action's latency; operations and ports included.
    pub cycles: f64,
    /// Rows of each layer made, those made again among them.
    pub made: Vec<u64>,
    /// Most words of results and weights the buffer held.
    pub peak_words: u64,
}

/// Follows a schedule and counts every word; nests must be small.
///
/// # Errors
/// The first fault. `operations_per_cycle` is the rate of what does elementwise work.
pub fn replay(
    machine: &Machine,
    net: &Net,
    schedule: &Schedule,
    operations_per_cycle: f64,
) -> Result<Replayed, Fault> {
    Replay::new(machine, net, schedule, Some(operations_per_cycle)).run()
}

/// Follows a schedule: order, rows, room.
///
/// # Errors
/// The first fault.
pub fn follow(machine: &Machine, net: &Net, schedule: &Schedule) -> Result<Replayed, Fault> {
    Replay::new(machine, net, schedule, None).run()
}

/// Refuses totals below what the network takes on the machine however it is run: every row that is needed made once with its element
/// accesses, weights and results the caller wants moved from and to the backing store once.
///
/// # Errors
/// The bound that is broken.
pub fn physical(machine: &Machine, net: &Net, energy_pj: f64, cycles: f64) -> Result<(), Fault> {
    let (mut macs, mut read, mut written) = (0u64, 0u64, 0u64);
    for (at, (layer, needed)) in net.layers.iter().zip(needed_rows(net)).enumerate() {
        if let Task::Nest(nest) = &layer.task
            && !needed.is_empty()
        {
            macs += nest.macs() / layer.rows * needed.len() as u64;
            read += weight_words(nest);
        }
        if is_wanted(net, at) {
            written += layer.rows * layer.row_words;
        }
    }
    let mut least = (macs as f64 * machine.mac_energy_pj, macs as f64 / machine.elements() as f64);
    for memory in &machine.memories {
        let (reads, writes) = match memory.tier {
            Tier::Element => {
                let reads = memory.holds.iter().filter(|h| **h).count() as u64 * macs;
                (reads, if memory.holds[Tensor::Output as usize] { macs } else { 0 })
            }
            Tier::Buffer => continue,
            Tier::Backing => (
                if memory.holds[Tensor::Weight as usize] { read } else { 0 },
                if memory.holds[Tensor::Output as usize] { written } else { 0 },
            ),
        };
        least.0 += reads as f64 * memory.read_energy_pj + writes as f64 * memory.write_energy_pj;
        if memory.tier == Tier::Backing {
            let cycles = |words: u64, width: Option<f64>| width.map_or(0.0, |width| words as f64 / width);
            least.1 = least.1.max(cycles(reads, memory.read_words_per_cycle));
            least.1 = least.1.max(cycles(writes, memory.write_words_per_cycle));
        }
    }
    // Sums are added in another order than the caller's.
    if energy_pj < least.0 * (1.0 - 1e-12) {
        return Err(Fault::Below { what: "energy", found: energy_pj, least: least.0 });
    }
    if cycles < least.1 {
        return Err(Fault::Below { what: "latency", found: cycles, least: least.1 });
    }
    Ok(())
}

fn weight_words(nest: &Layer) -> u64 {
    let [_, g, k, c, _, _, r, s] = nest.size;
    g * k * c * r * s
}

/// Rows of each result that something the caller wants depends on; a stride can step over some.
fn needed_rows(net: &Net) -> Vec<BTreeSet<u64>> {
    let mut needed = vec![BTreeSet::new(); net.layers.len()];
    for (at, layer) in net.layers.iter().enumerate().rev() {
        if is_wanted(net, at) {
            needed[at] = (0..layer.rows).collect();
        }
        let rows = std::mem::take(&mut needed[at]);
        for operand in &layer.operands {
            let Source::Layer(from) = operand.source else { continue };
            let (height, window) = (net.layers[from].rows, operand.window);
            for row in &rows {
                let taps = 0..window.kernel.min(height.saturating_add(window.pad));
                let places = taps.filter_map(|tap| (row * window.stride + tap).checked_sub(window.pad));
                needed[from].extend(places.filter(|&place| place < height));
            }
        }
        needed[at] = rows;
    }
    needed
}

/// Whether a result must end in the backing store.
fn is_wanted(net: &Net, layer: usize) -> bool {
    let read = |l: &hw::schedule::NetLayer| l.operands.iter().any(|o| o.source == Source::Layer(layer));
    net.layers[layer].output || !net.layers.iter().any(read)
}

struct Replay<'a> {
    machine: &'a Machine,
    net: &'a Net,
    schedule: &'a Schedule,
    rate: Option<f64>,
    buffer: Option<usize>,
    /// Rows of each result that are there.
    there: Vec<BTreeSet<u64>>,
    weights: BTreeSet<usize>,
    seen: Replayed,
}

impl<'a> Replay<'a> {
    fn new(machine: &'a Machine, net: &'a Net, schedule: &'a Schedule, rate: Option<f64>) -> Self {
        let shared = |m: &hw::machine::Memory| {
            m.tier == Tier::Buffer && m.holds[Tensor::Input as usize] && m.holds[Tensor::Output as usize]
        };
        let many = net.layers.len();
        Self {
            machine,
            net,
            schedule,
            rate,
            buffer: machine.memories.iter().position(shared),
            there: vec![BTreeSet::new(); many],
            weights: BTreeSet::new(),
            seen: Replayed {
                words: vec![[0; 2]; machine.memories.len()],
                made: vec![0; many],
                ..Replayed::default()
            },
        }
    }

    fn run(mut self) -> Result<Replayed, Fault> {
        let many = self.net.layers.len();
        if self.schedule.place.len() != many {
            return Err(Fault::Layer { action: 0, found: self.schedule.place.len(), expected: many });
        }
        for (at, layer) in self.net.layers.iter().enumerate() {
            let kept = self.schedule.place[at] == Place::Buffer;
            if kept && (is_wanted(self.net, at) || self.buffer.is_none()) {
                return Err(Fault::Home { layer: layer.name.clone() });
            }
        }
        for (action, what) in self.schedule.actions.iter().enumerate() {
            let (Action::Run { layer, .. }
            | Action::LoadWeights(layer)
            | Action::FreeWeights(layer)
            | Action::Free { layer, .. }) = what;
            if *layer >= many {
                return Err(Fault::Layer { action, found: *layer, expected: many });
            }
            match what {
                Action::Run { layer, rows, mapping } => {
                    self.make(action, *layer, rows, mapping.as_deref())?;
                }
                Action::LoadWeights(layer) => self.load(action, *layer)?,
                Action::FreeWeights(layer) => {
                    if !self.weights.remove(layer) {
                        return Err(self.out_of_turn(action, *layer));
                    }
                }
                Action::Free { layer, below } => {
                    if self.schedule.place[*layer] == Place::Buffer {
                        self.there[*layer].retain(|row| row >= below);
                    }
                }
            }
        }
        for (at, layer) in self.net.layers.iter().enumerate().filter(|(at, _)| is_wanted(self.net, *at)) {
            if let Some(row) = (0..layer.rows).find(|row| !self.there[at].contains(row)) {
                return Err(Fault::Unmade { layer: layer.name.clone(), row });
            }
        }
        Ok(self.seen)
    }

    fn out_of_turn(&self, action: usize, layer: usize) -> Fault {
        Fault::Weights { action, layer: self.net.layers[layer].name.clone() }
    }

    /// Words of results and weights in the buffer.
    fn held(&self) -> u64 {
        let results = self.there.iter().zip(&self.net.layers).zip(&self.schedule.place);
        let kept = results.filter(|(_, place)| **place == Place::Buffer);
        let rows: u64 = kept.map(|((rows, layer), _)| rows.len() as u64 * layer.row_words).sum();
        let weights = self.weights.iter().map(|&layer| match &self.net.layers[layer].task {
            Task::Nest(nest) => weight_words(nest),
            Task::Stream { .. } => 0,
        });
        rows + weights.sum::<u64>()
    }

    /// Notes what the buffer holds; what is left of it.
    fn room(&mut self, action: usize) -> Result<u64, Fault> {
        let found = self.held();
        self.seen.peak_words = self.seen.peak_words.max(found);
        let capacity = self.buffer.and_then(|b| self.machine.memories[b].capacity_words).unwrap_or(u64::MAX);
        capacity.checked_sub(found).ok_or(Fault::Full { action, found, capacity })
    }

    fn load(&mut self, action: usize, layer: usize) -> Result<(), Fault> {
        let Task::Nest(nest) = &self.net.layers[layer].task else {
            return Err(self.out_of_turn(action, layer));
        };
        let weight = Tensor::Weight as usize;
        let buffer = self.buffer.filter(|&b| self.machine.memories[b].holds[weight]);
        let from = self.machine.memories.iter().position(|m| m.tier == Tier::Backing && m.holds[weight]);
        let (Some(buffer), Some(from)) = (buffer, from) else { return Err(self.out_of_turn(action, layer)) };
        if !self.weights.insert(layer) {
            return Err(self.out_of_turn(action, layer));
        }
        self.room(action)?;
        let mut words = vec![[0; 2]; self.machine.memories.len()];
        words[from][0] += weight_words(nest);
        words[buffer][1] += weight_words(nest);
        self.count(&words, 0, 0);
        Ok(())
    }

    /// Adds words to the totals, and the time they take.
    fn count(&mut self, words: &[[u64; 2]], steps: u64, operations: u64) {
        let Some(rate) = self.rate else { return };
        let mut cycles = (steps as f64).max(operations as f64 / rate);
        for ((memory, moved), all) in self.machine.memories.iter().zip(words).zip(&mut self.seen.words) {
            (all[0], all[1]) = (all[0] + moved[0], all[1] + moved[1]);
            if memory.tier == Tier::Element {
                continue;
            }
            for (words, width) in
                moved.iter().zip([memory.read_words_per_cycle, memory.write_words_per_cycle])
            {
                cycles = cycles.max(width.map_or(0.0, |width| *words as f64 / width));
            }
        }
        self.seen.cycles += cycles.ceil();
    }

    fn make(
        &mut self,
        action: usize,
        layer: usize,
        rows: &Range<u64>,
        mapping: Option<&Mapping>,
    ) -> Result<(), Fault> {
        let what = &self.net.layers[layer];
        let name = || what.name.clone();
        if rows.is_empty() || rows.end > what.rows {
            return Err(Fault::Rows { action, layer: name(), found: rows.clone(), rows: what.rows });
        }
        let mut fetched = Vec::new();
        for operand in &what.operands {
            let mut first_last: Option<(u64, u64)> = None;
            let window = operand.window;
            let (height, words) = match operand.source {
                Source::Outside { rows, row_words } => (rows, row_words),
                Source::Layer(from) => (self.net.layers[from].rows, self.net.layers[from].row_words),
            };
            for row in rows.clone() {
                for tap in 0..window.kernel.min(height.saturating_add(window.pad)) {
                    let at = row * window.stride + tap;
                    let Some(at) = at.checked_sub(window.pad).filter(|&at| at < height) else { continue };
                    if let Source::Layer(from) = operand.source
                        && !self.there[from].contains(&at)
                    {
                        let operand = self.net.layers[from].name.clone();
                        return Err(Fault::Missing { action, layer: name(), operand, row: at });
                    }
                    first_last = Some(first_last.map_or((at, at), |(a, b)| (a.min(at), b.max(at))));
                }
            }
            let count = first_last.map_or(0, |(first, last)| last - first + 1);
            let kept = match operand.source {
                Source::Outside { .. } => false,
                Source::Layer(from) => self.schedule.place[from] == Place::Buffer,
            };
            fetched.push((count * words, kept));
        }
        for row in rows.clone() {
            if !self.there[layer].insert(row) {
                return Err(Fault::Twice { action, layer: name(), row });
            }
        }
        self.seen.made[layer] += rows.end - rows.start;
        let room = self.room(action)?;
        let kept = self.schedule.place[layer] == Place::Buffer;
        match (&what.task, mapping) {
            (Task::Stream { operations_per_row }, None) => {
                let count = rows.end - rows.start;
                let words = self.streamed(&fetched, (count * what.row_words, kept));
                self.count(&words, 0, count * operations_per_row);
                Ok(())
            }
            (Task::Nest(nest), Some(mapping)) => {
                let mut nest = *nest;
                nest.size[Dim::P as usize] = rows.end - rows.start;
                let input = fetched.first().is_some_and(|f| f.1);
                let homes = [self.weights.contains(&layer), input, kept];
                self.nest(&nest, mapping, homes, room).map_err(|illegal| Fault::Nest {
                    action,
                    layer: name(),
                    illegal,
                })
            }
            _ => Err(Fault::Mapping { action, layer: name() }),
        }
    }

    /// Words of a streaming layer: in and out of the buffer on the way, where it holds that tensor.
    fn streamed(&self, fetched: &[(u64, bool)], written: (u64, bool)) -> Vec<[u64; 2]> {
        let mut words = vec![[0; 2]; self.machine.memories.len()];
        let operands = fetched.iter().map(|f| (f.0, f.1, Tensor::Input));
        for (count, kept, tensor) in operands.chain([(written.0, written.1, Tensor::Output)]) {
            let fetches = tensor == Tensor::Input;
            for (memory, words) in self.machine.memories.iter().zip(&mut words) {
                if !memory.holds[tensor as usize] {
                    continue;
                }
                if memory.tier == Tier::Backing && !kept {
                    words[usize::from(!fetches)] += count;
                }
                if memory.tier == Tier::Buffer {
                    let both = !kept;
                    words[0] += if fetches || both { count } else { 0 };
                    words[1] += if !fetches || both { count } else { 0 };
                }
            }
        }
        words
    }

    /// A nest whose tensors `homes` are at home in the buffer.
    fn nest(&mut self, nest: &Layer, mapping: &Mapping, homes: [bool; 3], room: u64) -> Result<(), Illegal> {
        let mut machine = self.machine.clone();
        if let Some(buffer) = self.buffer {
            let memory = &mut machine.memories[buffer];
            memory.capacity_words = memory.capacity_words.map(|_| room);
            for (t, home) in homes.into_iter().enumerate() {
                memory.holds[t] &= !home;
            }
        }
        machine.memories.retain(|m| m.holds != [false; 3]);
        if self.rate.is_none() {
            return legality(&machine, nest, mapping);
        }
        let walked = walk(&machine, nest, mapping)?;
        let mut words = vec![[0; 2]; self.machine.memories.len()];
        for (tier, by_tensor) in [Tier::Backing, Tier::Buffer, Tier::Element].into_iter().zip(walked.access) {
            for (t, access) in by_tensor.into_iter().enumerate() {
                let at = if tier == Tier::Backing && homes[t] {
                    self.buffer
                } else {
                    self.machine.memories.iter().position(|m| m.tier == tier && m.holds[t])
                };
                if let Some(at) = at {
                    words[at][0] += access[0];
                    words[at][1] += access[1];
                }
            }
        }
        self.count(&words, walked.steps, 0);
        Ok(())
    }
}
