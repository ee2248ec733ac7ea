//! Where a given mapping, or what is settled of one, cannot run.

use super::Fix;
use super::space::words_in;
use hw::machine::{DIMS, Dim, Layer, Machine, Mapping, PerDim, Slice, Tensor, Tier};

/// One reason a mapping cannot run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Conflict {
    /// More elements than there are.
    #[error(
        "{dim} is spread over {found} elements, at most {most} expected: what the axes that take it have"
    )]
    Spread {
        /// Which loop.
        dim: Dim,
        /// As given.
        found: u64,
        /// On its axes.
        most: u64,
    },
    /// The spread loops together.
    #[error("the loops are spread over {found} elements in all, which do not fit on an array of {}", sides.iter().map(u64::to_string).collect::<Vec<_>>().join("x"))]
    Array {
        /// Product over the loops.
        found: u64,
        /// The array's axes.
        sides: Vec<u64>,
    },
    /// An axis that is full, or takes no such loop.
    #[error("axis `{axis}` is given {found}, at most {size} expected, of loops it takes")]
    Axis {
        /// Which.
        axis: String,
        /// Product over the loops.
        found: u64,
        /// What it has.
        size: u64,
    },
    /// Tiles that do not nest.
    #[error(
        "the buffer tile of {dim} is {found}, a multiple of its block of {block} (element tile times spread) expected"
    )]
    Broken {
        /// Which loop.
        dim: Dim,
        /// As given.
        found: u64,
        /// Below it.
        block: u64,
    },
    /// A tile too large.
    #[error("`{memory}` is given {found} words, {by} more than it holds; {tensor} takes {words} of them")]
    Capacity {
        /// Which memory.
        memory: String,
        /// All tensors.
        found: u64,
        /// Above its capacity.
        by: u64,
        /// The largest.
        tensor: &'static str,
        /// Its part.
        words: u64,
    },
    /// A slice of a memory that is not there.
    #[error("a slice of {tensor}, which no element memory holds")]
    Slice {
        /// Which tensor.
        tensor: &'static str,
    },
    /// A residency the machine does not allow.
    #[error("{tensor} may not pass by `{memory}`")]
    Bypass {
        /// Which tensor.
        tensor: &'static str,
        /// Which memory.
        memory: String,
    },
}

/// Everything wrong with a mapping; empty where it can run.
pub fn conflicts(machine: &Machine, layer: &Layer, mapping: &Mapping) -> Vec<Conflict> {
    conflicts_of(machine, layer, &Fix::of(mapping))
}

/// Everything wrong with what is settled, whatever the rest is.
pub(super) fn conflicts_of(machine: &Machine, layer: &Layer, fix: &Fix) -> Vec<Conflict> {
    let mut found = Vec::new();
    array(machine, layer, fix, &mut found);
    let at_least = |given: &[Option<u64>; DIMS]| -> PerDim {
        std::array::from_fn(|d| given[d].unwrap_or(1).min(layer.size[d]))
    };
    let block = |d: usize| {
        let spread = fix.spatial[d].unwrap_or(1).min(layer.size[d]);
        fix.pe[d].unwrap_or(1).min(layer.size[d]).saturating_mul(spread)
    };
    for dim in Dim::ALL {
        let d = dim as usize;
        if let Some(tile) =
            fix.buffer[d].filter(|&tile| tile < layer.size[d] && !tile.is_multiple_of(block(d)))
        {
            found.push(Conflict::Broken { dim, found: tile, block: block(d) });
        }
    }
    let bypass = fix.bypass_of(machine).unwrap_or_default();
    for memory in machine.memories.iter().filter(|m| m.tier != Tier::Backing) {
        let here = |t: &Tensor| {
            let may_pass = fix.bypass.is_none() && memory.may_bypass[*t as usize];
            memory.holds[*t as usize] && !(memory.tier == Tier::Buffer && (bypass[*t as usize] || may_pass))
        };
        let words = |t: Tensor| {
            let mut tile = if memory.tier == Tier::Element {
                at_least(&fix.pe)
            } else {
                let below: PerDim = std::array::from_fn(|d| block(d).min(layer.size[d]));
                std::array::from_fn(|d| at_least(&fix.buffer)[d].max(below[d]))
            };
            // A slice not settled may be of this tensor.
            let slice = |s: Slice| fix.slice.is_none_or(|fixed| fixed == Some(s));
            for dim in [Dim::K, Dim::C].into_iter().filter(|&dim| t.uses(dim) && memory.tier == Tier::Element)
            {
                if slice(Slice { dim, tensor: t }) {
                    tile[dim as usize] = 1;
                }
            }
            words_in(layer, machine, memory.tier, t, &tile)
        };
        let tenants: Vec<(u64, Tensor)> =
            Tensor::ALL.into_iter().filter(here).map(|t| (words(t), t)).collect();
        let all = tenants.iter().fold(0u64, |sum, t| sum.saturating_add(t.0));
        if let (Some(capacity), Some(&(words, tensor))) = (memory.capacity_words, tenants.iter().max())
            && all > capacity
        {
            let (memory, by) = (memory.name.clone(), all - capacity);
            found.push(Conflict::Capacity { memory, found: all, by, tensor: tensor.name(), words });
        }
    }
    if let Some(Some(slice)) = fix.slice
        && machine.holder(Tier::Element, slice.tensor).is_none()
    {
        found.push(Conflict::Slice { tensor: slice.tensor.name() });
    }
    for tensor in Tensor::ALL.into_iter().filter(|&t| bypass[t as usize]) {
        let held = machine.holder(Tier::Buffer, tensor).map(|m| &machine.memories[m]);
        if let Some(memory) = held.filter(|m| !m.may_bypass[tensor as usize]) {
            found.push(Conflict::Bypass { tensor: tensor.name(), memory: memory.name.clone() });
        }
    }
    found
}

/// What does not fit on the array.
fn array(machine: &Machine, layer: &Layer, fix: &Fix, found: &mut Vec<Conflict>) {
    let mut all = 1u64;
    for dim in Dim::ALL {
        let d = dim as usize;
        let given = fix.spatial[d].unwrap_or(1).min(layer.size[d]);
        let takes = machine.axes.iter().enumerate().filter(|(_, a)| a.dims[d]);
        let most = takes.map(|(at, a)| fix.axes[at][d].unwrap_or(a.size)).product();
        if given > most {
            found.push(Conflict::Spread { dim, found: given, most });
        }
        all = all.saturating_mul(given);
    }
    for (at, given) in fix.axes.iter().enumerate() {
        let product = given.iter().flatten().fold(1u64, |all, &x| all.saturating_mul(x));
        let (axis, size) =
            machine.axes.get(at).map_or((format!("axis{at}"), 1), |a| (a.name.clone(), a.size));
        let taken =
            (0..DIMS).all(|d| given[d].unwrap_or(1) == 1 || machine.axes.get(at).is_some_and(|a| a.dims[d]));
        if product > size || !taken {
            found.push(Conflict::Axis { axis, found: product, size });
        }
    }
    if all > machine.elements() && found.is_empty() {
        found.push(Conflict::Array { found: all, sides: machine.axes.iter().map(|a| a.size).collect() });
    }
}
