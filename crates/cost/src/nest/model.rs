//! Accesses, energy and cycles from tabulated loops.

use super::factors::step_words;
use super::lanes::Part;
use super::{Factors, Run, Runs, input_words};
use hw::machine::{DIMS, Dim, Fetch, Layer, Machine, Mapping, PerDim, Tensor, Tier};

/// Words read from and written to one memory for one tensor.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Access {
    /// Words read.
    pub reads: f64,
    /// Words written.
    pub writes: f64,
}

/// Every access of a nest.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Breakdown {
    /// By tier (backing, buffer, element) and [`Tensor`]; whole numbers below 2^53.
    pub access: [[Access; 3]; 3],
    /// Steps of the array.
    pub steps: f64,
}

/// What a nest costs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cost {
    /// Energy; in units of one multiply-accumulate where the machine says so.
    pub energy_pj: f64,
    /// Latency, a whole number.
    pub cycles: f64,
}

impl Cost {
    /// Energy times latency.
    pub fn edp(&self) -> f64 {
        self.energy_pj * self.cycles
    }
}

#[derive(Debug, Clone, Copy, Default)]
struct Port {
    tier: usize,
    tensors: [bool; 3],
    /// Words a cycle, read and written; infinite where it never binds.
    width: [f64; 2],
}

/// A layer on a machine, with the tensors that pass by the buffers settled.
#[derive(Debug, Clone, Copy)]
pub struct Model {
    /// The layer.
    pub layer: Layer,
    /// What a fetch reads between strides.
    pub fetch: Fetch,
    /// Whether an element, and a buffer, holds a tensor.
    pub resident: [[bool; 3]; 2],
    macs: f64,
    mac_energy_pj: f64,
    energy_pj: [[[f64; 2]; 3]; 3],
    ports: [Port; 4],
}

/// Ports with a width there can be: read and written, of three buffers and the backing store.
pub const ROWS: usize = 8;

/// Prices by flow.
#[derive(Debug, Clone, Copy)]
pub struct Linear {
    /// Energy whatever the flows.
    pub fixed_pj: f64,
    /// Energy a word of each flow.
    pub energy_pj: [f64; 8],
    /// Cycles a word of each flow, and cycles whatever the flows, of every port.
    pub rows: [([f64; 8], f64); ROWS],
    /// How many of them there are.
    pub used: usize,
}

impl Linear {
    /// What some flows cost, by lane.
    #[inline]
    pub(super) fn part<const N: usize>(&self, flows: &[usize; N], words: [[f64; 8]; N]) -> Part {
        let mut part = Part { energy_pj: [0.0; 8], rows: [[0.0; 8]; ROWS] };
        let add = |to: &mut [f64; 8], each: f64, words: &[f64; 8]| {
            to.iter_mut().zip(words).for_each(|(to, words)| *to += each * words);
        };
        for (&flow, words) in flows.iter().zip(&words) {
            add(&mut part.energy_pj, self.energy_pj[flow], words);
        }
        for (row, (each, _)) in part.rows.iter_mut().zip(&self.rows).take(self.used) {
            for (&flow, words) in flows.iter().zip(&words) {
                add(row, each[flow], words);
            }
        }
        part
    }
}

const BUFFER: usize = Tier::Buffer as usize;
const ELEMENT: usize = Tier::Element as usize;

impl Model {
    /// Settles everything that does not depend on the mapping but `bypass`, by [`Tensor`].
    pub fn new(machine: &Machine, layer: &Layer, bypass: [bool; 3]) -> Self {
        let mut model = Self {
            layer: *layer,
            fetch: machine.input_fetch,
            resident: [[false; 3]; 2],
            macs: layer.macs() as f64,
            mac_energy_pj: machine.mac_energy_pj,
            energy_pj: [[[0.0; 2]; 3]; 3],
            ports: [Port { width: [f64::INFINITY; 2], ..Port::default() }; 4],
        };
        let mut port = 0;
        for memory in &machine.memories {
            let tier = memory.tier as usize;
            let tensors = std::array::from_fn(|t| memory.holds[t] && !(tier == BUFFER && bypass[t]));
            for t in (0..3).filter(|&t| tensors[t]) {
                model.energy_pj[tier][t] = [memory.read_energy_pj, memory.write_energy_pj];
                match memory.tier {
                    Tier::Element => model.resident[0][t] = true,
                    Tier::Buffer => model.resident[1][t] = true,
                    Tier::Backing => {}
                }
            }
            // A tensor is in one buffer at most, so that buffers that hold any are three at most, and one store backs them.
            if tier != ELEMENT && tensors != [false; 3] {
                let width = [memory.read_words_per_cycle, memory.write_words_per_cycle];
                model.ports[port] = Port { tier, tensors, width: width.map(|w| w.unwrap_or(f64::INFINITY)) };
                port += 1;
            }
        }
        model
    }

    /// The loops of a mapping as tabulated numbers.
    pub fn factors(&self, mapping: &Mapping) -> [Factors; DIMS] {
        std::array::from_fn(|d| {
            let (pe, spatial) = (mapping.pe[d], mapping.spatial[d]);
            Factors::new(self.layer.size[d], pe, spatial, mapping.buffer[d], &self.layer, self.fetch)
        })
    }

    /// Words the array uses in its steps along rows and along columns of the input.
    pub fn step_words(&self, pe: &PerDim, spatial: &PerDim) -> [f64; 2] {
        let along = |d: Dim| (self.layer.size[d as usize], pe[d as usize], spatial[d as usize]);
        [(Dim::P, Dim::R), (Dim::Q, Dim::S)].map(|(p, r)| step_words(along(p), along(r), self.layer.stride))
    }

    /// Words of a tensor's tile of the given extents in a memory filled by `fetch`.
    pub fn tile_words(&self, tensor: Tensor, tile: &PerDim, fetch: Fetch) -> u64 {
        match tensor {
            Tensor::Input => input_words(tile, self.layer.stride, fetch),
            _ => Dim::ALL.iter().filter(|&&d| tensor.uses(d)).map(|&d| tile[d as usize]).product(),
        }
    }

    /// Energy and latency of a mapping.
    pub fn cost(&self, mapping: &Mapping) -> Cost {
        self.price(&self.breakdown(mapping))
    }

    /// Every access of a mapping.
    pub fn breakdown(&self, mapping: &Mapping) -> Breakdown {
        let factors = self.factors(mapping);
        let words = self.step_words(&mapping.pe, &mapping.spatial);
        self.count(&factors, &Runs::of(mapping, &factors), words)
    }

    /// Every access, from loops, runs and [`Model::step_words`].
    pub fn count(&self, f: &[Factors; DIMS], runs: &Runs, step_words: [f64; 2]) -> Breakdown {
        let [n, g, k, c, p, q, r, s] = f;
        let mut out = Breakdown { steps: f.iter().map(|f| f.steps).product(), ..Breakdown::default() };
        let plain = [g.size * k.size * c.size * r.size * s.size, n.size * g.size * c.size];
        let whole_output = n.size * g.size * k.size * p.size * q.size;

        let [weight, input, output] = runs.of;
        let over = Nest::of(f, &[Dim::N, Dim::P, Dim::Q], weight);
        let steps = n.steps * p.steps * q.steps;
        self.flow(Tensor::Weight, &mut out, |fill| plain[0] * over.get(fill, steps));

        let over = Nest::of(f, &[Dim::K], input);
        self.flow(Tensor::Input, &mut out, |fill| {
            let sides = match fill {
                Fill::Step => step_words[0] * step_words[1],
                Fill::Element => self.sides(f, 0, runs.slide),
                Fill::Block => self.sides(f, 1, runs.slide),
                Fill::Buffer => self.sides(f, 2, runs.slide_buffer),
            };
            plain[1] * sides * over.get(fill, k.steps)
        });

        let over = Nest::of(f, &[Dim::C, Dim::R, Dim::S], output);
        let steps = c.steps * r.steps * s.steps;
        self.drain(&mut out, whole_output, steps, &over);
        out
    }

    /// A tensor on its way down.
    fn flow(&self, tensor: Tensor, out: &mut Breakdown, words: impl Fn(Fill) -> f64) {
        let t = tensor as usize;
        let supply = if self.resident[0][t] {
            out.access[ELEMENT][t] = Access { reads: self.macs, writes: words(Fill::Element) };
            words(Fill::Block)
        } else {
            words(Fill::Step)
        };
        if self.resident[1][t] {
            let fill = words(Fill::Buffer);
            out.access[BUFFER][t] = Access { reads: supply, writes: fill };
            out.access[0][t].reads = fill;
        } else {
            out.access[0][t].reads = supply;
        }
    }

    /// Partial sums on their way up, and down again where they are not finished.
    fn drain(&self, out: &mut Breakdown, whole: f64, steps: f64, over: &Nest) {
        let t = Tensor::Output as usize;
        let times = if self.resident[0][t] { over.blocks } else { steps };
        let (up, down) = (whole * times, whole * (times - 1.0));
        if self.resident[0][t] {
            out.access[ELEMENT][t] = Access { reads: self.macs, writes: self.macs + down };
        }
        if self.resident[1][t] {
            let (out_up, out_down) = (whole * over.buffer, whole * (over.buffer - 1.0));
            out.access[BUFFER][t] = Access { reads: down + out_up, writes: up + out_down };
            out.access[0][t] = Access { reads: out_down, writes: out_up };
        } else {
            out.access[0][t] = Access { reads: down, writes: up };
        }
    }

    /// Input words along rows times columns, summed over the tiles of a level: element, block or buffer.
    fn sides(&self, f: &[Factors; DIMS], level: usize, slide: Option<Dim>) -> f64 {
        let side = |out: Dim, kernel: Dim| {
            let (p, r) = (&f[out as usize], &f[kernel as usize]);
            let buffer = level == 2;
            let alone = buffer || (p.spatial == 1.0 && r.spatial == 1.0);
            let slide = slide.filter(|_| alone && r.gapless[usize::from(buffer)]);
            let tiles = [p.elements, p.blocks, p.buffers];
            let (tile, up) = if buffer { (3, 4) } else { (level, 2) };
            let whole = if buffer { 1.0 } else { p.buffers };
            let tiles = if slide == Some(out) { whole } else { tiles[level] };
            let shift = r.shift[if slide == Some(kernel) { up } else { tile }];
            // Each window is as long as the kernel; each further output of a tile adds what it does not share.
            let gap = if buffer && slide == Some(out) { (p.buffers - 1.0) * r.gap } else { 0.0 };
            (p.size - tiles) * shift + tiles * r.size + gap
        };
        side(Dim::P, Dim::R) * side(Dim::Q, Dim::S)
    }

    /// Energy and latency of counted accesses.
    pub fn price(&self, counted: &Breakdown) -> Cost {
        let mut energy_pj = self.macs * self.mac_energy_pj;
        for (access, energy) in counted.access.iter().flatten().zip(self.energy_pj.iter().flatten()) {
            energy_pj += access.reads * energy[0] + access.writes * energy[1];
        }
        let mut cycles = counted.steps;
        for port in &self.ports {
            let (mut reads, mut writes) = (0.0, 0.0);
            for (access, used) in counted.access[port.tier].iter().zip(port.tensors) {
                if used {
                    reads += access.reads;
                    writes += access.writes;
                }
            }
            cycles = cycles.max(reads / port.width[0]).max(writes / port.width[1]);
        }
        Cost { energy_pj, cycles: cycles.ceil() }
    }

    /// Energy and port words as linear in eight flows: of weights the words entering elements, supplied to the array, and entering
    /// the buffer, the same of the input, and of sums those leaving the array and leaving the buffer.
    pub(super) fn linear(&self) -> Linear {
        let size = |d: Dim| self.layer.size[d as usize] as f64;
        let whole = [Dim::N, Dim::G, Dim::K, Dim::P, Dim::Q].into_iter().map(size).product::<f64>();
        let mut linear = Linear {
            fixed_pj: self.macs * self.mac_energy_pj,
            energy_pj: [0.0; 8],
            rows: [([0.0; 8], 0.0); ROWS],
            used: 0,
        };
        // `(tier, tensor, written, flows, fixed words)` of every access.
        let mut all: Vec<(usize, usize, usize, &[usize], f64)> = Vec::new();
        for (t, [element, supply, fill]) in [(0, [&[0], &[1], &[2]]), (1, [&[3], &[4], &[5]])] {
            if self.resident[0][t] {
                all.extend([(ELEMENT, t, 0, &[][..], self.macs), (ELEMENT, t, 1, &element[..], 0.0)]);
            }
            if self.resident[1][t] {
                all.extend([(BUFFER, t, 0, &supply[..], 0.0), (BUFFER, t, 1, &fill[..], 0.0)]);
                all.push((0, t, 0, &fill[..], 0.0));
            } else {
                all.push((0, t, 0, &supply[..], 0.0));
            }
        }
        let t = Tensor::Output as usize;
        if self.resident[0][t] {
            all.extend([(ELEMENT, t, 0, &[][..], self.macs), (ELEMENT, t, 1, &[6], self.macs - whole)]);
        }
        if self.resident[1][t] {
            all.extend([(BUFFER, t, 0, &[6, 7][..], -whole), (BUFFER, t, 1, &[6, 7], -whole)]);
            all.extend([(0, t, 0, &[7][..], -whole), (0, t, 1, &[7], 0.0)]);
        } else {
            all.extend([(0, t, 0, &[6][..], -whole), (0, t, 1, &[6], 0.0)]);
        }
        for &(tier, t, way, flows, fixed) in &all {
            let each = self.energy_pj[tier][t][way];
            linear.fixed_pj += fixed * each;
            flows.iter().for_each(|&flow| linear.energy_pj[flow] += each);
        }
        for port in &self.ports {
            for (way, width) in port.width.into_iter().enumerate().filter(|(_, width)| width.is_finite()) {
                let row = &mut linear.rows[linear.used];
                for &(tier, t, written, flows, fixed) in &all {
                    if tier == port.tier && port.tensors[t] && written == way {
                        row.1 += fixed / width;
                        flows.iter().for_each(|&flow| row.0[flow] += 1.0 / width);
                    }
                }
                linear.used += 1;
            }
        }
        linear
    }

    /// Energy by component: `(memory or `mac`, energy)`, in the machine's order.
    pub fn energy_by_component(&self, machine: &Machine, counted: &Breakdown) -> Vec<(String, f64)> {
        let mut parts = vec![("mac".to_owned(), self.macs * self.mac_energy_pj)];
        for memory in &machine.memories {
            let tier = memory.tier as usize;
            let energy = (0..3).filter(|&t| memory.holds[t]).map(|t| {
                let (access, each) = (counted.access[tier][t], self.energy_pj[tier][t]);
                access.reads * each[0] + access.writes * each[1]
            });
            parts.push((memory.name.clone(), energy.sum()));
        }
        parts
    }
}

/// What is being filled.
#[derive(Clone, Copy)]
enum Fill {
    /// Operands of a step, where no element memory holds the tensor.
    Step,
    /// Element memories, each counted.
    Element,
    /// A block of elements, a shared word counted once.
    Block,
    /// The buffer.
    Buffer,
}

/// How often a tensor's words come back: products over the loops it does not depend on.
struct Nest {
    elements: f64,
    blocks: f64,
    buffer: f64,
}

impl Nest {
    fn of(f: &[Factors; DIMS], dims: &[Dim], run: Run) -> Self {
        let mut nest = Self { elements: 1.0, blocks: 1.0, buffer: 1.0 };
        for &dim in dims {
            let (elements, blocks, buffer) = times(&f[dim as usize], 1 << dim as u8, run);
            nest.elements *= elements;
            nest.blocks *= blocks;
            nest.buffer *= buffer;
        }
        nest
    }

    fn get(&self, fill: Fill, steps: f64) -> f64 {
        match fill {
            Fill::Step => steps,
            Fill::Element => self.elements,
            Fill::Block => self.blocks,
            Fill::Buffer => self.buffer,
        }
    }
}

fn times(f: &Factors, bit: u8, run: Run) -> (f64, f64, f64) {
    let (elements, blocks) = if run.outer & bit != 0 {
        (f.copies[1], 1.0)
    } else if run.inner & bit != 0 {
        (f.copies[0], f.buffers)
    } else {
        (f.elements, f.blocks)
    };
    (elements, blocks, if run.buffer & bit != 0 { 1.0 } else { f.buffers })
}
