//! A mapping in the form Timeloop's model reads, with the problem and the architecture it is for.
//!
//! **Levels.** Timeloop has one chain of memories. Ours are put in a row, outermost first: the backing store, the buffers, the
//! memories of an element; each keeps its tensors and is bypassed by the others, so that their order within a tier does not matter
//! but for one thing. An element that holds a tensor a slice at a time has that tensor's memory innermost and the sliced loop one
//! level up: below that loop is then one slice of this tensor and the whole tile of the others.
//!
//! **Directives** as Timeloop's parser takes them (`ParseAndConstruct` in `src/mapping/parser.cpp` of github.com/NVlabs/timeloop,
//! 4cf6d4c). `temporal` of a level are the loops that run over tiles of the level below it, `spatial` those spread over its children.
//! In a `permutation` the *leftmost loop is the innermost*: levels are filled from inside out, letters from left to right. Of a
//! spatial one the letters before `split` lie along X, the others along Y. Where tiles do not divide, `P=3,2` is a loop of 3 that in
//! the last iteration of all loops of `P` around it is one of 2; the factors cover a loop when
//! `((last2 - 1) * f1 + last1 - 1) * f0 + last0` is its size, which is checked there and holds here by construction.

use crate::nest::{Conflict, conflicts};
use cost::nest::input_words;
use hw::machine::{DIMS, Dim, Fetch, Layer, Machine, Mapping, Memory, PerDim, Slice, Tensor, Tier};
use std::fmt::Write;

/// A file for Timeloop's model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// YAML with `problem`, `arch` and `mapping`.
    pub text: String,
    /// What is said in another way than here, and what the reader has to know; also in the text, as comments.
    pub notes: Vec<String>,
}

/// A mapping Timeloop cannot say, or none at all.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unwritable {
    /// It cannot run.
    #[error("{}", conflicts.iter().map(Conflict::to_string).collect::<Vec<_>>().join("; "))]
    Illegal {
        /// Why: all of it.
        conflicts: Vec<Conflict>,
    },
    /// No tile at all.
    #[error("a tile of {dim} is 0, at least 1 expected")]
    Zero {
        /// Which loop.
        dim: Dim,
    },
    /// Uneven residency in a memory of several tensors.
    #[error(
        "an element holds {tensor} a slice of {dim} at a time in `{memory}`, which other tensors share: \
         Timeloop has one tile a memory, `slice=none` expected"
    )]
    Slice {
        /// The tensor.
        tensor: &'static str,
        /// Its loop.
        dim: Dim,
        /// Where.
        memory: String,
    },
}

/// Timeloop's names of the tensors, by [`Tensor`].
const SPACES: [&str; 3] = ["Weights", "Inputs", "Outputs"];

/// Iterations of a loop, and of its last run.
type Trip = (u64, u64);

/// One memory of the chain.
struct Level<'a> {
    name: String,
    /// `None`: only there to carry loops.
    memory: Option<&'a Memory>,
    keep: [bool; 3],
    inside_element: bool,
    trips: [Trip; DIMS],
    /// Innermost first.
    order: [Dim; DIMS],
    /// Words it has; `None`: no limit.
    entries: Option<u64>,
}

/// What becomes of a mapping.
struct Chain<'a> {
    /// Outermost first.
    levels: Vec<Level<'a>>,
    /// Index of the level whose children are the elements.
    above: usize,
    spread: [Trip; DIMS],
    /// Elements along X and Y.
    mesh: [u64; 2],
    /// Loops along X, then those along Y; how many are along X.
    split: ([Dim; DIMS], usize),
    notes: Vec<String>,
}

/// Writes a mapping of a layer on a machine as one file for `timeloop-model`.
///
/// Loops keep our letters `N G K C P Q R S`, tensors are `Weights`, `Inputs` and `Outputs`, levels have the machine's names.
///
/// # Errors
/// A mapping that is not one of this machine and layer; uneven residency within one memory.
pub fn timeloop(machine: &Machine, layer: &Layer, mapping: &Mapping) -> Result<Written, Unwritable> {
    let tiles = |d: usize| [mapping.pe[d], mapping.spatial[d], mapping.buffer[d]];
    if let Some(dim) = Dim::ALL.into_iter().find(|&d| tiles(d as usize).contains(&0)) {
        return Err(Unwritable::Zero { dim });
    }
    let conflicts = conflicts(machine, layer, mapping);
    if !conflicts.is_empty() {
        return Err(Unwritable::Illegal { conflicts });
    }
    let chain = chain(machine, layer, mapping)?;
    let mut text = format!("# A layer on `{}`, for Timeloop's model (keys as of v0.4).\n", machine.name);
    for note in &chain.notes {
        let _ = writeln!(text, "# {note}");
    }
    problem(&mut text, layer);
    architecture(&mut text, machine, &chain);
    directives(&mut text, &chain);
    Ok(Written { text, notes: chain.notes })
}

fn chain<'a>(machine: &'a Machine, layer: &Layer, mapping: &Mapping) -> Result<Chain<'a>, Unwritable> {
    let mut notes = vec![
        "Tiles, orders and places are ours; counts and energies are Timeloop's own. It fills whole boxes of the input \
         and has one energy for reading and writing a level."
            .to_owned(),
    ];
    if whole_energy(machine).is_none() {
        notes.push(format!(
            "A multiply-accumulate is {} pJ, which Timeloop cannot read (whole numbers only): it takes its own figure.",
            machine.mac_energy_pj
        ));
    }
    let mut levels = Vec::new();
    for tier in [Tier::Backing, Tier::Buffer] {
        levels.extend(machine.memories.iter().filter(|m| m.tier == tier).map(|m| level(m, mapping)));
    }
    if levels.len() == 1 {
        notes.push(carrier(&mut levels, machine, "buffer", false));
    }
    let above = levels.len() - 1;
    let mut inner: Vec<&Memory> = machine.memories.iter().filter(|m| m.tier == Tier::Element).collect();
    if let Some(slice) = mapping.slice {
        // The sliced tensor's memory goes innermost.
        inner.sort_by_key(|m| m.holds[slice.tensor as usize]);
        unshared(&inner, slice)?;
    }
    let carried = if mapping.slice.is_some() { inner.len() < 2 } else { inner.is_empty() };
    if carried {
        notes.push(carrier(&mut levels, machine, "element", true));
    }
    levels.extend(inner.into_iter().map(|m| level(m, mapping)));
    let last = levels.len() - 1;
    let mut spread = [(1, 1); DIMS];
    for dim in Dim::ALL {
        let d = dim as usize;
        let [pe, slice, wide, blocks, buffers] = trips(layer, mapping, dim);
        levels[last].trips[d] = pe;
        if slice.0 > 1 {
            levels[last - 1].trips[d] = slice;
        }
        spread[d] = wide;
        levels[above].trips[d] = blocks;
        levels[0].trips[d] = buffers;
    }
    widen(&mut levels, above, &spread, layer, &mut notes);
    levels[above].order = mapping.order[0];
    levels[0].order = mapping.order[1];
    let sides = [0, 1].map(|axis| machine.axes.get(axis).map_or(1, |a| a.size));
    let across = |&d: &Dim| mapping.axes.iter().all(|axis| axis[d as usize] > 1);
    let both: Vec<String> = Dim::ALL.iter().filter(|d| across(d)).map(Dim::to_string).collect();
    let along_y = |d: &Dim| both.is_empty() && mapping.axes[1][*d as usize] > 1;
    let mesh = if both.is_empty() { sides } else { [sides[0] * sides[1], 1] };
    if !both.is_empty() {
        notes.push(format!(
            "{} across both axes of the array, which Timeloop has no word for: the {}x{} elements are \
             described as one row of {}.",
            match both.as_slice() {
                [one] => format!("Loop {one} lies"),
                more => format!("Loops {} lie", more.join(", ")),
            },
            sides[0],
            sides[1],
            mesh[0]
        ));
    }
    let mut axes = Dim::ALL;
    axes.sort_by_key(|d| along_y(d));
    let split = axes.iter().filter(|d| !along_y(d)).count();
    Ok(Chain { levels, above, spread, mesh, split: (axes, split), notes })
}

fn level<'a>(memory: &'a Memory, mapping: &Mapping) -> Level<'a> {
    let passes = |t: usize| memory.tier == Tier::Buffer && mapping.bypass[t];
    Level {
        name: memory.name.clone(),
        memory: Some(memory),
        keep: std::array::from_fn(|t| memory.holds[t] && !passes(t)),
        inside_element: memory.tier == Tier::Element,
        trips: [(1, 1); DIMS],
        order: innermost_first(),
        entries: memory.capacity_words,
    }
}

/// Loops in the order a nest prints them, from inside.
fn innermost_first() -> [Dim; DIMS] {
    let mut order = Dim::ALL;
    order.reverse();
    order
}

/// Adds a level without words, for loops that Timeloop can only put at a level; gives what to say of it.
fn carrier(levels: &mut Vec<Level<'_>>, machine: &Machine, base: &str, inside_element: bool) -> String {
    let mut name = base.to_owned();
    while machine.memories.iter().any(|m| m.name == name) {
        name.push_str("-loops");
    }
    let note = format!("`{name}` is no memory of the machine: it holds nothing and carries loops.");
    let (trips, order) = ([(1, 1); DIMS], innermost_first());
    let (keep, entries) = ([false; 3], Some(1));
    levels.push(Level { name, memory: None, keep, inside_element, trips, order, entries });
    note
}

/// Refuses a slice in a memory that other tensors share.
fn unshared(inner: &[&Memory], slice: Slice) -> Result<(), Unwritable> {
    let holder = inner.iter().find(|m| m.holds[slice.tensor as usize]);
    let shared = holder.filter(|m| m.holds.iter().filter(|&&h| h).count() > 1);
    shared.map_or(Ok(()), |memory| {
        let (tensor, dim, memory) = (slice.tensor.name(), slice.dim, memory.name.clone());
        Err(Unwritable::Slice { tensor, dim, memory })
    })
}

/// A loop from the inside out: in an element, the sliced loop of an element, over elements, blocks, buffer tiles.
fn trips(layer: &Layer, mapping: &Mapping, dim: Dim) -> [Trip; 5] {
    let d = dim as usize;
    let size = layer.size[d];
    let (pe, wide) = (mapping.pe[d].min(size), mapping.spatial[d].min(size));
    let block = pe.saturating_mul(wide);
    let (inside, sliced) = if mapping.slice.is_some_and(|s| s.dim == dim) { (1, pe) } else { (pe, 1) };
    let tile = mapping.buffer[d];
    let (blocks, buffers) =
        if tile >= size { (size.div_ceil(block), 1) } else { (tile / block, size.div_ceil(tile)) };
    // The last iteration's place at each level: the digits of the last index.
    let mut rest = size - 1;
    let mut trips = [inside, sliced, wide, blocks, buffers].map(|factor| {
        let digit = rest % factor;
        rest /= factor;
        (factor, digit + 1)
    });
    debug_assert_eq!(rest, 0, "the tiles of a legal mapping cover their loop");
    // A loop that nothing runs around is its last run alone.
    for trip in trips.iter_mut().rev() {
        trip.0 = trip.1;
        if trip.0 > 1 {
            break;
        }
    }
    trips
}

/// Makes levels large enough for whole boxes of the input, which Timeloop holds where a stride leaves gaps and we do not.
fn widen(
    levels: &mut [Level<'_>],
    above: usize,
    spread: &[Trip; DIMS],
    layer: &Layer,
    notes: &mut Vec<String>,
) {
    let mut tile: PerDim = [1; DIMS];
    for at in (0..levels.len()).rev() {
        for d in 0..DIMS {
            let children = if at == above { spread[d].0 } else { 1 };
            tile[d] =
                tile[d].saturating_mul(levels[at].trips[d].0).saturating_mul(children).min(layer.size[d]);
        }
        let level = &mut levels[at];
        let words = |&tensor: &Tensor| match tensor {
            Tensor::Input => input_words(&tile, layer.stride, Fetch::Box),
            _ => Dim::ALL.iter().filter(|&&d| tensor.uses(d)).map(|&d| tile[d as usize]).product::<u64>(),
        };
        let needed = Tensor::ALL.iter().filter(|&&t| level.keep[t as usize]).map(words).sum();
        if let Some(capacity) = level.entries.filter(|&capacity| capacity < needed) {
            level.entries = Some(needed);
            notes.push(format!(
                "`{}` is given {needed} words instead of the {capacity} it has: with the stride of {}, Timeloop holds \
                 words between those that are used.",
                level.name, layer.stride
            ));
        }
    }
}

/// A name as YAML: quoted where it is more than a plain word.
fn quoted(name: &str) -> String {
    let plain = name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'));
    if plain { name.to_owned() } else { format!("'{}'", name.replace('\'', "''")) }
}

fn problem(text: &mut String, layer: &Layer) {
    let sizes: Vec<String> = Dim::ALL.iter().map(|&d| format!("{d}: {}", layer.size[d as usize])).collect();
    let stride = layer.stride;
    let _ = write!(
        text,
        "problem:
  version: 0.4
  instance: {{{}, Hstride: {stride}, Wstride: {stride}, Hdilation: 1, Wdilation: 1}}
  shape:
    name: grouped_cnn_layer
    dimensions: [N, G, K, C, P, Q, R, S]
    coefficients:
    - {{name: Wstride, default: 1}}
    - {{name: Hstride, default: 1}}
    - {{name: Wdilation, default: 1}}
    - {{name: Hdilation, default: 1}}
    data_spaces:
    - name: Weights
      projection: [[[G]], [[K]], [[C]], [[R]], [[S]]]
    - name: Inputs
      projection: [[[N]], [[G]], [[C]], [[R, Wdilation], [P, Wstride]], [[S, Hdilation], [Q, Hstride]]]
    - name: Outputs
      projection: [[[N]], [[G]], [[K]], [[P]], [[Q]]]
      read_write: true
",
        sizes.join(", ")
    );
}

/// The energy of a multiply-accumulate where Timeloop can read it: it takes a whole number there alone.
fn whole_energy(machine: &Machine) -> Option<u64> {
    let energy = machine.mac_energy_pj;
    (energy.fract() == 0.0 && (0.0..1e9).contains(&energy)).then_some(energy as u64)
}

/// The machine as Timeloop's plain `arch`: levels from the inside out.
fn architecture(text: &mut String, machine: &Machine, chain: &Chain<'_>) {
    let [x, y] = chain.mesh;
    let array = format!("instances: {}, meshX: {x}, meshY: {y}", x * y);
    let whole = whole_energy(machine);
    let energy = whole.map_or(String::new(), |energy| format!(", energy: {energy}"));
    let _ = writeln!(
        text,
        "arch:\n  arithmetic: {{name: MAC, {array}, word_bits: {}{energy}}}\n  storage:",
        machine.word_bits
    );
    for level in chain.levels.iter().rev() {
        let mesh = if level.inside_element { &array } else { "instances: 1, meshX: 1, meshY: 1" };
        let _ = write!(text, "  - {{name: {}, {mesh}, block_size: 1", quoted(&level.name));
        match level.memory {
            None => {
                let _ =
                    write!(text, ", entries: 1, word_bits: {}, vector_access_energy: 0", machine.word_bits);
            }
            Some(memory) => {
                if memory.tier == Tier::Backing {
                    text.push_str(", class: DRAM, technology: DRAM");
                }
                if let Some(words) = level.entries {
                    let _ = write!(text, ", entries: {words}");
                }
                let _ = write!(text, ", word_bits: {}", memory.word_bits);
                let _ = write!(text, ", vector_access_energy: {}", memory.read_energy_pj);
                let widths = [("read", memory.read_words_per_cycle), ("write", memory.write_words_per_cycle)];
                for (direction, width) in widths.into_iter().filter_map(|(d, w)| Some((d, w?))) {
                    let _ = write!(text, ", {direction}_bandwidth: {width}");
                }
            }
        }
        text.push_str("}\n");
    }
}

fn directives(text: &mut String, chain: &Chain<'_>) {
    text.push_str("mapping:\n");
    let factors = |trips: &[Trip; DIMS]| {
        let one = |d: &Dim| match trips[*d as usize] {
            (factor, last) if factor == last => format!("{d}={factor}"),
            (factor, last) => format!("{d}={factor},{last}"),
        };
        Dim::ALL.iter().map(one).collect::<Vec<_>>().join(" ")
    };
    let letters = |order: &[Dim; DIMS]| order.iter().map(|d| d.letter()).collect::<String>();
    let spaces = |keep: bool, level: &Level<'_>| {
        let chosen = Tensor::ALL.iter().filter(|&&t| level.keep[t as usize] == keep);
        chosen.map(|&t| SPACES[t as usize]).collect::<Vec<_>>().join(", ")
    };
    for (at, level) in chain.levels.iter().enumerate() {
        let target = quoted(&level.name);
        let _ = write!(
            text,
            "- {{target: {target}, type: bypass, keep: [{}], bypass: [{}]}}\n\
             - target: {target}\n  type: temporal\n  factors: {}\n  permutation: {}\n",
            spaces(true, level),
            spaces(false, level),
            factors(&level.trips),
            letters(&level.order)
        );
        // A level with one child has no spatial directive there.
        if at == chain.above && chain.mesh != [1, 1] {
            let (order, split) = &chain.split;
            let _ = write!(
                text,
                "- target: {target}\n  type: spatial\n  factors: {}\n  permutation: {}\n  split: {split}\n",
                factors(&chain.spread),
                letters(order)
            );
        }
    }
}
