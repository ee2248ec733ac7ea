//! Mappings judged by walking the nest: legality, every access counted word by word, and bounds no mapping can beat.
//!
//! The walk knows no formula: it keeps sets of words, moves from block to block in the mapping's order, and counts what enters and
//! leaves. It is for small layers; [`legality`] and [`bounds`] are for all.

use hw::machine::{DIMS, Dim, Fetch, Layer, Machine, Mapping, PerDim, Tensor, Tier};
use std::collections::HashSet;
use std::ops::Range;

/// Why a mapping cannot run, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Illegal {
    /// A tile without iterations.
    #[error("the {tile} tile of {dim} is 0, at least 1 expected")]
    Zero {
        /// `element`, `spatial`, `axis` or `buffer`.
        tile: &'static str,
        /// Which loop.
        dim: Dim,
    },
    /// A buffer tile that is not made of whole blocks.
    #[error("the buffer tile of {dim} is {found}, a multiple of {block} expected")]
    Broken {
        /// Which loop.
        dim: Dim,
        /// The tile.
        found: u64,
        /// A block of the array.
        block: u64,
    },
    /// An order that is not each loop once.
    #[error("order {level} is not each loop once")]
    Order {
        /// 0 for blocks, 1 for buffer tiles.
        level: usize,
    },
    /// More elements than the axes give.
    #[error("{dim} is spread over {found} elements, {expected} at most on its axes")]
    Spread {
        /// Which loop.
        dim: Dim,
        /// Elements asked for.
        found: u64,
        /// What the mapping's axes give it.
        expected: u64,
    },
    /// An axis with more than fits, or a loop it does not take.
    #[error("axis `{axis}` is given {found}, at most {size} expected, of loops it takes")]
    Axis {
        /// Which axis.
        axis: String,
        /// Product of its loops.
        found: u64,
        /// Its length.
        size: u64,
    },
    /// A memory that overflows.
    #[error("`{memory}` is given {found} words, {by} more than it holds; {tensor} takes {words} of them")]
    Capacity {
        /// Which memory.
        memory: String,
        /// Words of all its tiles.
        found: u64,
        /// How many too many.
        by: u64,
        /// Its largest tenant.
        tensor: &'static str,
        /// That tenant's words.
        words: u64,
    },
    /// A slice of a loop that cannot be sliced, or of a tensor that does not depend on it.
    #[error("a slice of {tensor} by {dim}: by K of weight or output, or by C of weight or input expected")]
    Slice {
        /// Which tensor.
        tensor: &'static str,
        /// Which loop.
        dim: Dim,
    },
    /// A tensor that passes by a buffer it may not pass by.
    #[error("{tensor} may not pass by `{memory}`")]
    Bypass {
        /// Which tensor.
        tensor: &'static str,
        /// Which memory.
        memory: String,
    },
    /// A layer too large to walk.
    #[error("{macs} multiply-accumulates, at most {limit} expected for a walk")]
    TooLarge {
        /// Of the layer.
        macs: u64,
        /// Of the walk.
        limit: u64,
    },
}

/// Words read and written, and the steps of the array, as walked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Walked {
    /// `[reads, writes]` by tier (backing, buffer, element) and [`Tensor`].
    pub access: [[[u64; 2]; 3]; 3],
    /// Steps.
    pub steps: u64,
}

/// Latency and energy no mapping of the layer can be below.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bounds {
    /// Compute at full use, or the backing store's ports with every word moved once.
    pub cycles: u64,
    /// Arithmetic, element accesses, and every word through each memory it must pass once.
    pub energy_pj: f64,
}

/// Largest layer [`walk`] takes.
const WALK_MACS: u64 = 1 << 22;

/// Words of each tensor that some multiply-accumulate uses.
fn used_words(layer: &Layer) -> [u64; 3] {
    let [n, g, k, c, p, q, r, s] = layer.size;
    let side = |out: u64, kernel: u64| {
        if kernel >= layer.stride { (out - 1) * layer.stride + kernel } else { out * kernel }
    };
    [g * k * c * r * s, n * g * c * side(p, r) * side(q, s), n * g * k * p * q]
}

/// Bounds from compulsory traffic and the width of the machine.
pub fn bounds(machine: &Machine, layer: &Layer) -> Bounds {
    let words = used_words(layer);
    let macs = layer.macs();
    let mut bounds =
        Bounds { cycles: macs.div_ceil(machine.elements()), energy_pj: macs as f64 * machine.mac_energy_pj };
    for memory in &machine.memories {
        let held = |t: usize| memory.holds[t] && !memory.may_bypass[t];
        let (mut reads, mut writes) = (0, 0);
        for t in (0..3).filter(|&t| held(t)) {
            let (r, w) = match (memory.tier, t == Tensor::Output as usize) {
                (Tier::Backing, false) => (words[t], 0),
                (Tier::Backing, true) => (0, words[t]),
                (Tier::Buffer, _) => (words[t], words[t]),
                (Tier::Element, false) => (macs, 0),
                (Tier::Element, true) => (macs, macs),
            };
            reads += r;
            writes += w;
        }
        bounds.energy_pj += reads as f64 * memory.read_energy_pj + writes as f64 * memory.write_energy_pj;
        if memory.tier != Tier::Element {
            for (count, width) in
                [(reads, memory.read_words_per_cycle), (writes, memory.write_words_per_cycle)]
            {
                let cycles = width.map_or(0, |width| (count as f64 / width).ceil() as u64);
                bounds.cycles = bounds.cycles.max(cycles);
            }
        }
    }
    bounds
}

/// Everything that must hold of a mapping before it can run.
pub fn legality(machine: &Machine, layer: &Layer, mapping: &Mapping) -> Result<(), Illegal> {
    shape(machine, layer, mapping)?;
    for memory in machine.memories.iter().filter(|m| m.tier != Tier::Backing) {
        let Some(capacity) = memory.capacity_words else { continue };
        let mut tenants = Vec::new();
        for tensor in Tensor::ALL.into_iter().filter(|&t| memory.holds[t as usize]) {
            let mut tile = if memory.tier == Tier::Buffer { mapping.buffer } else { mapping.pe };
            if memory.tier == Tier::Buffer && mapping.bypass[tensor as usize] {
                continue;
            }
            if let (Tier::Element, Some(slice)) = (memory.tier, mapping.slice)
                && slice.tensor == tensor
            {
                tile[slice.dim as usize] = 1;
            }
            let tile = std::array::from_fn(|d| 0..tile[d].min(layer.size[d]));
            let fetch = if memory.tier == Tier::Buffer { machine.input_fetch } else { Fetch::Touched };
            tenants.push((footprint(layer, fetch, tensor, &tile), tensor));
        }
        let found: u64 = tenants.iter().map(|(words, _)| words).sum();
        if let (true, Some(&(words, tensor))) = (found > capacity, tenants.iter().max()) {
            let (memory, by) = (memory.name.clone(), found - capacity);
            return Err(Illegal::Capacity { memory, found, by, tensor: tensor.name(), words });
        }
    }
    Ok(())
}

fn shape(machine: &Machine, layer: &Layer, mapping: &Mapping) -> Result<(), Illegal> {
    for dim in Dim::ALL {
        let d = dim as usize;
        let axes = mapping.axes[0][d].min(mapping.axes[1][d]);
        let tiles = [
            ("element", mapping.pe[d]),
            ("spatial", mapping.spatial[d]),
            ("axis", axes),
            ("buffer", mapping.buffer[d]),
        ];
        if let Some(&(tile, _)) = tiles.iter().find(|(_, size)| *size == 0) {
            return Err(Illegal::Zero { tile, dim });
        }
        let block = mapping.pe[d].saturating_mul(mapping.spatial[d]);
        if mapping.buffer[d] < layer.size[d] && !mapping.buffer[d].is_multiple_of(block) {
            return Err(Illegal::Broken { dim, found: mapping.buffer[d], block });
        }
        let expected = mapping.axes[0][d].saturating_mul(mapping.axes[1][d]);
        if mapping.spatial[d] > expected {
            return Err(Illegal::Spread { dim, found: mapping.spatial[d], expected });
        }
    }
    for (level, order) in mapping.order.iter().enumerate() {
        if Dim::ALL.iter().any(|dim| !order.contains(dim)) {
            return Err(Illegal::Order { level });
        }
    }
    for (at, loops) in mapping.axes.iter().enumerate() {
        let found = loops.iter().fold(1u64, |a, &b| a.saturating_mul(b));
        let (axis, size) = machine.axes.get(at).map_or((String::new(), 1), |a| (a.name.clone(), a.size));
        let taken = machine.axes.get(at).is_none_or(|a| (0..DIMS).all(|d| a.dims[d] || loops[d] == 1));
        if found > size || !taken {
            return Err(Illegal::Axis { axis, found, size });
        }
    }
    if let Some(slice) = mapping.slice
        && (!matches!(slice.dim, Dim::K | Dim::C) || !slice.tensor.uses(slice.dim))
    {
        return Err(Illegal::Slice { tensor: slice.tensor.name(), dim: slice.dim });
    }
    for tensor in Tensor::ALL.into_iter().filter(|&t| mapping.bypass[t as usize]) {
        let held = machine.memories.iter().find(|m| m.tier == Tier::Buffer && m.holds[tensor as usize]);
        if let Some(memory) = held.filter(|m| !m.may_bypass[tensor as usize]) {
            return Err(Illegal::Bypass { tensor: tensor.name(), memory: memory.name.clone() });
        }
    }
    Ok(())
}

type Tile = [Range<u64>; DIMS];
type Words = HashSet<[u64; 5]>;

/// Words of a tile that starts at the origin.
fn footprint(layer: &Layer, fetch: Fetch, tensor: Tensor, tile: &Tile) -> u64 {
    let len = |d: Dim| tile[d as usize].end;
    match tensor {
        Tensor::Weight => len(Dim::G) * len(Dim::K) * len(Dim::C) * len(Dim::R) * len(Dim::S),
        Tensor::Output => len(Dim::N) * len(Dim::G) * len(Dim::K) * len(Dim::P) * len(Dim::Q),
        Tensor::Input => {
            let side = |out: u64, kernel: u64| {
                if fetch == Fetch::Box || kernel >= layer.stride {
                    (out - 1) * layer.stride + kernel
                } else {
                    out * kernel
                }
            };
            let sides = side(len(Dim::P), len(Dim::R)) * side(len(Dim::Q), len(Dim::S));
            len(Dim::N) * len(Dim::G) * len(Dim::C) * sides
        }
    }
}

/// Counts every access of a small layer by walking the nest.
pub fn walk(machine: &Machine, layer: &Layer, mapping: &Mapping) -> Result<Walked, Illegal> {
    legality(machine, layer, mapping)?;
    if layer.macs() > WALK_MACS {
        return Err(Illegal::TooLarge { macs: layer.macs(), limit: WALK_MACS });
    }
    let holds = |tier: Tier, t: usize| {
        machine.memories.iter().any(|m| m.tier == tier && m.holds[t])
            && !(tier == Tier::Buffer && mapping.bypass[t])
    };
    let mut walker = Walker {
        layer,
        mapping,
        fetch: machine.input_fetch,
        element: std::array::from_fn(|t| holds(Tier::Element, t)),
        buffer: std::array::from_fn(|t| holds(Tier::Buffer, t)),
        walked: Walked::default(),
        in_buffer: Words::new(),
        in_element: Vec::new(),
        sums: [Words::new(), Words::new()],
    };
    walker.run();
    Ok(walker.walked)
}

struct Walker<'a> {
    layer: &'a Layer,
    mapping: &'a Mapping,
    fetch: Fetch,
    element: [bool; 3],
    buffer: [bool; 3],
    walked: Walked,
    /// The input the buffer, and each element, holds.
    in_buffer: Words,
    in_element: Vec<Words>,
    /// Sums that have been written to the backing store, and to whatever is next above the elements.
    sums: [Words; 2],
}

/// A loop of the nest: its dimension, step, and whether a whole tile repeats it.
#[derive(Clone, Copy)]
struct Loop {
    dim: Dim,
    step: u64,
    outer: bool,
    stands: bool,
}

impl Walker<'_> {
    /// The nest, outermost loop first.
    fn loops(&self) -> Vec<Loop> {
        let mut loops = Vec::new();
        for (outer, order) in [(true, &self.mapping.order[1]), (false, &self.mapping.order[0])] {
            for &dim in order.iter().rev() {
                let d = dim as usize;
                let tile = self.mapping.buffer[d].min(self.layer.size[d]);
                let block = self.mapping.pe[d] * self.mapping.spatial[d];
                let (step, reach) = if outer { (tile, self.layer.size[d]) } else { (block, tile) };
                loops.push(Loop { dim, step, outer, stands: reach > step });
            }
        }
        loops
    }

    fn run(&mut self) {
        let loops = self.loops();
        let mut whole: Tile = std::array::from_fn(|d| 0..self.layer.size[d]);
        self.descend(&loops, 0, &mut whole, 0);
    }

    /// Runs the loops from `depth` on within `tile`; `moved` is the outermost loop that has moved since the last block.
    fn descend(&mut self, loops: &[Loop], depth: usize, tile: &mut Tile, moved: usize) {
        if depth == DIMS {
            self.enter_buffer(loops, tile, moved);
        }
        let Some(&Loop { dim, step, .. }) = loops.get(depth) else {
            return self.block(loops, tile, moved);
        };
        let whole = tile[dim as usize].clone();
        let mut at = whole.start;
        while at < whole.end {
            tile[dim as usize] = at..(at + step).min(whole.end);
            let moved = if at == whole.start { moved } else { depth };
            self.descend(loops, depth + 1, tile, moved);
            at += step;
        }
        tile[dim as usize] = whole;
    }

    /// The loop a tensor's fill stands in: the innermost it depends on among the first `among`.
    fn fill_at(loops: &[Loop], among: usize, tensor: Tensor) -> Option<usize> {
        (0..among).rev().find(|&i| loops[i].stands && tensor.uses(loops[i].dim))
    }

    /// Whether the part of the window that stays in view is kept when loop `at` moves on.
    fn slides(&self, loops: &[Loop], at: usize, moved: usize, tile: &PerDim) -> bool {
        let kernel = match loops[at].dim {
            Dim::P | Dim::R => Dim::R,
            Dim::Q | Dim::S => Dim::S,
            _ => return false,
        };
        moved == at
            && loops[at].stands
            && tile[kernel as usize].min(self.layer.size[kernel as usize]) >= self.layer.stride
    }

    /// The same for an element: within a buffer tile, along an axis that no other element shares.
    fn slides_alone(&self, loops: &[Loop], at: usize, moved: usize) -> bool {
        let (out, kernel) = match loops[at].dim {
            Dim::P | Dim::R => (Dim::P, Dim::R),
            _ => (Dim::Q, Dim::S),
        };
        let spread = self.mapping.spatial[out as usize] * self.mapping.spatial[kernel as usize];
        spread == 1 && !loops[at].outer && self.slides(loops, at, moved, &self.mapping.pe)
    }

    fn enter_buffer(&mut self, loops: &[Loop], tile: &Tile, moved: usize) {
        for tensor in Tensor::ALL.into_iter().filter(|&t| self.buffer[t as usize]) {
            let t = tensor as usize;
            let at = Self::fill_at(loops, DIMS, tensor);
            let first = self.walked.steps == 0;
            if !first && at.is_none_or(|at| moved > at) {
                continue;
            }
            let words = self.words(tensor, tile, self.fetch);
            let [backing, buffer, _] = &mut self.walked.access;
            if tensor == Tensor::Output {
                let again = words.iter().filter(|w| self.sums[0].contains(*w)).count() as u64;
                backing[t][0] += again;
                buffer[t][1] += again;
                buffer[t][0] += words.len() as u64;
                backing[t][1] += words.len() as u64;
                self.sums[0].extend(words);
                continue;
            }
            let slides = |at| self.slides(loops, at, moved, &self.mapping.buffer);
            let kept = tensor == Tensor::Input && !first && at.is_some_and(slides);
            let new = if kept { words.difference(&self.in_buffer).count() } else { words.len() } as u64;
            self.walked.access[0][t][0] += new;
            self.walked.access[1][t][1] += new;
            if tensor == Tensor::Input {
                self.in_buffer = words;
            }
        }
    }

    /// One block: the elements' tiles are filled where their fills stand, then the steps run.
    fn block(&mut self, loops: &[Loop], tile: &Tile, moved: usize) {
        let elements = self.elements(tile);
        let first = self.walked.steps == 0;
        for tensor in Tensor::ALL {
            if !self.element[tensor as usize] {
                continue;
            }
            let slice = self.mapping.slice.filter(|s| {
                s.tensor == tensor && self.mapping.pe[s.dim as usize].min(self.layer.size[s.dim as usize]) > 1
            });
            let at = Self::fill_at(loops, loops.len(), tensor);
            if let Some(slice) = slice {
                let d = slice.dim as usize;
                for step in 0..tile[d].end - tile[d].start {
                    let cut = |element: &Tile| {
                        let mut cut = element.clone();
                        let start = element[d].start + step;
                        cut[d] = start..(start + 1).min(element[d].end);
                        cut
                    };
                    let tiles: Vec<Tile> =
                        elements.iter().map(cut).filter(|t| t[d].start < t[d].end).collect();
                    self.fill(tensor, &tiles, false);
                }
            } else if first || at.is_some_and(|at| moved <= at) {
                let slides = tensor == Tensor::Input
                    && !first
                    && at.is_some_and(|at| self.slides_alone(loops, at, moved));
                self.fill(tensor, &elements, slides);
            }
        }
        self.steps(tile, &elements);
    }

    /// Element tiles of a block, as far as there is work for them.
    fn elements(&self, tile: &Tile) -> Vec<Tile> {
        let mut elements = vec![tile.clone()];
        for (d, whole) in tile.iter().enumerate() {
            let pe = self.mapping.pe[d];
            let starts = (whole.start..whole.end).step_by(pe as usize);
            let split = |element: &Tile| {
                let element = element.clone();
                starts.clone().map(move |at| {
                    let mut part = element.clone();
                    part[d] = at..(at + pe).min(whole.end);
                    part
                })
            };
            elements = elements.iter().flat_map(split).collect();
        }
        elements
    }

    fn fill(&mut self, tensor: Tensor, tiles: &[Tile], slides: bool) {
        let t = tensor as usize;
        let above = usize::from(self.buffer[t]);
        if tensor == Tensor::Output {
            let words: Words =
                tiles.iter().flat_map(|tile| self.words(tensor, tile, Fetch::Touched)).collect();
            let again = words.iter().filter(|w| self.sums[1].contains(*w)).count() as u64;
            self.walked.access[above][t][0] += again;
            self.walked.access[2][t][1] += again;
            self.walked.access[above][t][1] += words.len() as u64;
            self.sums[1].extend(words);
            return;
        }
        let mut shared = Words::new();
        let mut held = Vec::with_capacity(tiles.len());
        for (i, tile) in tiles.iter().enumerate() {
            let words = self.words(tensor, tile, Fetch::Touched);
            let new: Words = match self.in_element.get(i).filter(|_| slides) {
                Some(old) => words.difference(old).copied().collect(),
                None => words.clone(),
            };
            self.walked.access[2][t][1] += new.len() as u64;
            shared.extend(new);
            held.push(words);
        }
        self.walked.access[above][t][0] += shared.len() as u64;
        if tensor == Tensor::Input {
            self.in_element = held;
        }
    }

    /// Every step of a block, and what it takes from element memories or past them.
    fn steps(&mut self, tile: &Tile, elements: &[Tile]) {
        let lead: PerDim = std::array::from_fn(|d| (tile[d].end - tile[d].start).min(self.mapping.pe[d]));
        let mut step: PerDim = [0; DIMS];
        loop {
            self.walked.steps += 1;
            let active: Vec<Tile> = elements
                .iter()
                .filter(|e| (0..DIMS).all(|d| e[d].start + step[d] < e[d].end))
                .map(|e| std::array::from_fn(|d| e[d].start + step[d]..e[d].start + step[d] + 1))
                .collect();
            for tensor in Tensor::ALL {
                self.operands(tensor, &active);
            }
            let Some(d) = (0..DIMS).find(|&d| step[d] + 1 < lead[d]) else { return };
            step[d] += 1;
            step[..d].fill(0);
        }
    }

    fn operands(&mut self, tensor: Tensor, active: &[Tile]) {
        let t = tensor as usize;
        if self.element[t] {
            self.walked.access[2][t][0] += active.len() as u64;
            self.walked.access[2][t][1] += if tensor == Tensor::Output { active.len() as u64 } else { 0 };
            return;
        }
        let words: Words = active.iter().flat_map(|tile| self.words(tensor, tile, Fetch::Touched)).collect();
        let above = &mut self.walked.access[usize::from(self.buffer[t])][t];
        if tensor == Tensor::Output {
            above[0] += words.iter().filter(|w| self.sums[1].contains(*w)).count() as u64;
            above[1] += words.len() as u64;
            self.sums[1].extend(words);
        } else {
            above[0] += words.len() as u64;
        }
    }

    /// The words of a tensor a tile uses, and those between strides where they are fetched too.
    fn words(&self, tensor: Tensor, tile: &Tile, fetch: Fetch) -> Words {
        let [n, g, k, c, p, q, r, s] = tile;
        let mut words = Words::new();
        let mut product = |lists: [&[u64]; 5]| {
            for &a in lists[0] {
                for &b in lists[1] {
                    for &c in lists[2] {
                        for &d in lists[3] {
                            words.extend(lists[4].iter().map(|&e| [a, b, c, d, e]));
                        }
                    }
                }
            }
        };
        let all = |range: &Range<u64>| range.clone().collect::<Vec<u64>>();
        match tensor {
            Tensor::Weight => product([&all(g), &all(k), &all(c), &all(r), &all(s)]),
            Tensor::Output => product([&all(n), &all(g), &all(k), &all(p), &all(q)]),
            Tensor::Input => {
                let side = |out: &Range<u64>, kernel: &Range<u64>| -> Vec<u64> {
                    let at = |p: u64, r: u64| p * self.layer.stride + r;
                    if fetch == Fetch::Box {
                        return (at(out.start, kernel.start)..at(out.end - 1, kernel.end)).collect();
                    }
                    out.clone().flat_map(|p| kernel.clone().map(move |r| at(p, r))).collect()
                };
                product([&all(n), &all(g), &all(c), &side(p, r), &side(q, s)]);
            }
        }
        words
    }
}
