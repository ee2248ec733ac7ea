//! Words through every memory of a machine, and what they cost.

use crate::network::arithmetic;
use cost::nest::{Breakdown, Cost, Model};
use hw::machine::{Layer, Machine, Mapping, Tensor, Tier};
use hw::schedule::Place;

/// What a piece of work does to a machine.
#[derive(Debug, Clone, PartialEq)]
pub struct Traffic {
    /// Words `[read, written]`, by the machine's memories.
    pub words: Vec<[f64; 2]>,
    /// Steps of the array.
    pub steps: f64,
    /// Multiply-accumulates.
    pub macs: f64,
    /// Operations beside them.
    pub operations: f64,
}

impl Traffic {
    /// None.
    pub fn new(machine: &Machine) -> Self {
        Self { words: vec![[0.0; 2]; machine.memories.len()], steps: 0.0, macs: 0.0, operations: 0.0 }
    }

    /// Adds other work, `times` over.
    pub fn add(&mut self, other: &Traffic, times: f64) {
        for (all, more) in self.words.iter_mut().zip(&other.words) {
            all[0] += more[0] * times;
            all[1] += more[1] * times;
        }
        self.steps += other.steps * times;
        self.macs += other.macs * times;
        self.operations += other.operations * times;
    }

    /// Energy, and latency as the largest of steps, operations and each port, rounded up; and the name of what is busy longest.
    pub fn price(&self, machine: &Machine) -> (Cost, String) {
        let (unit, rate, each) = arithmetic(machine);
        let mut energy_pj = self.macs * machine.mac_energy_pj + self.operations * each;
        let mut longest = ("compute".to_owned(), self.steps);
        let mut busy = |name: &dyn Fn() -> String, cycles: f64| {
            if cycles > longest.1 {
                longest = (name(), cycles);
            }
        };
        busy(&|| unit.to_owned(), self.operations / rate);
        for (memory, &[reads, writes]) in machine.memories.iter().zip(&self.words) {
            energy_pj += reads * memory.read_energy_pj + writes * memory.write_energy_pj;
            if memory.tier != Tier::Element {
                let cycles = |words: f64, width: Option<f64>| width.map_or(0.0, |width| words / width);
                busy(&|| format!("{} read", memory.name), cycles(reads, memory.read_words_per_cycle));
                busy(&|| format!("{} write", memory.name), cycles(writes, memory.write_words_per_cycle));
            }
        }
        (Cost { energy_pj, cycles: longest.1.ceil() }, longest.0)
    }
}

/// The memory in which one layer's result can stay until another reads it: the buffer of both inputs and outputs.
pub(super) fn plane(machine: &Machine) -> Option<usize> {
    let input = machine.holder(Tier::Buffer, Tensor::Input);
    input.filter(|_| input == machine.holder(Tier::Buffer, Tensor::Output))
}

/// Which of a nest's tensors are at home in the buffer, by [`Tensor`].
pub(super) type Homes = [bool; 3];

/// The machine a nest sees whose tensors `homes` are at home in the buffer: those have it for their backing store, the others have
/// `room` words of it left for their tiles.
pub(super) fn view(machine: &Machine, homes: Homes, room: u64) -> Machine {
    let mut seen = machine.clone();
    let Some(plane) = plane(machine) else { return seen };
    let mut home = machine.memories[plane].clone();
    (home.tier, home.holds, home.capacity_words, home.may_bypass) = (Tier::Backing, homes, None, [false; 3]);
    for (at, memory) in seen.memories.iter_mut().enumerate() {
        for (t, home) in homes.into_iter().enumerate() {
            let moved = home && (memory.tier == Tier::Backing || at == plane);
            memory.holds[t] &= !moved;
            memory.may_bypass[t] &= !moved;
        }
        if at == plane {
            memory.capacity_words = memory.capacity_words.map(|_| room);
        }
    }
    if homes != [false; 3] {
        seen.memories.push(home);
    }
    seen.memories.retain(|m| m.holds != [false; 3]);
    seen
}

/// A counted nest as words through the machine's own memories.
pub(super) fn of_nest(machine: &Machine, layer: &Layer, homes: Homes, counted: &Breakdown) -> Traffic {
    let mut traffic = Traffic::new(machine);
    (traffic.steps, traffic.macs) = (counted.steps, layer.macs() as f64);
    for tensor in Tensor::ALL {
        let t = tensor as usize;
        for tier in [Tier::Backing, Tier::Buffer, Tier::Element] {
            let access = counted.access[tier as usize][t];
            let memory = match tier {
                Tier::Backing if homes[t] => plane(machine),
                _ => machine.holder(tier, tensor),
            };
            if let Some(memory) = memory {
                traffic.words[memory][0] += access.reads;
                traffic.words[memory][1] += access.writes;
            }
        }
    }
    traffic
}

/// Words of the buffer a mapping's tiles take, tensors at home there aside.
pub(super) fn working(machine: &Machine, layer: &Layer, homes: Homes, mapping: &Mapping) -> u64 {
    let Some(plane) = plane(machine) else { return 0 };
    let model = Model::new(machine, layer, mapping.bypass);
    let tile = std::array::from_fn(|d| mapping.buffer[d].min(layer.size[d]));
    let here = |t: &Tensor| {
        let at = *t as usize;
        machine.memories[plane].holds[at] && !mapping.bypass[at] && !homes[at]
    };
    Tensor::ALL.into_iter().filter(here).map(|t| model.tile_words(t, &tile, machine.input_fetch)).sum()
}

/// Streamed words, each operand's as `(words, home)`: past the buffers where they have none of the tensor, in and out of them
/// otherwise, and only out, or only in, where the tensor is at home there.
pub(super) fn of_stream(
    machine: &Machine,
    operations: f64,
    reads: &[(u64, Place)],
    write: (u64, Place),
) -> Traffic {
    let mut traffic = Traffic { operations, ..Traffic::new(machine) };
    for (at, memory) in machine.memories.iter().enumerate() {
        let holds = |t: Tensor| memory.holds[t as usize];
        let mut add = |words: u64, [read, written]: [bool; 2]| {
            traffic.words[at][0] += words as f64 * f64::from(u8::from(read));
            traffic.words[at][1] += words as f64 * f64::from(u8::from(written));
        };
        for &(words, place) in reads.iter().filter(|_| holds(Tensor::Input)) {
            match (memory.tier, place) {
                (Tier::Backing, Place::Backing) | (Tier::Buffer, Place::Buffer) => add(words, [true, false]),
                (Tier::Buffer, Place::Backing) => add(words, [true, true]),
                _ => {}
            }
        }
        let (words, place) = write;
        match (memory.tier, place) {
            _ if !holds(Tensor::Output) => {}
            (Tier::Backing, Place::Backing) | (Tier::Buffer, Place::Buffer) => add(words, [false, true]),
            (Tier::Buffer, Place::Backing) => add(words, [true, true]),
            _ => {}
        }
    }
    traffic
}

/// Weights copied from the backing store into the buffer.
pub(super) fn of_load(machine: &Machine, words: u64) -> Traffic {
    let mut traffic = Traffic::new(machine);
    if let (Some(from), Some(to)) = (machine.holder(Tier::Backing, Tensor::Weight), plane(machine)) {
        traffic.words[from][0] += words as f64;
        traffic.words[to][1] += words as f64;
    }
    traffic
}
