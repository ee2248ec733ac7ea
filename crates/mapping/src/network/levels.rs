//! What a mapping keeps in each memory.

use super::Mapped;
use cost::nest::Model;
use hw::machine::{DIMS, Fetch, Machine, PerDim, Tensor, Tier};

/// A memory and a mapping's tiles in it.
#[derive(Debug, Clone, PartialEq)]
pub struct LevelUse {
    /// Index among [`Machine::memories`].
    pub memory: usize,
    /// By tensor it holds.
    pub tiles: Vec<TileUse>,
    /// Energy spent in it.
    pub energy_pj: f64,
}

/// A tensor's tile in a memory.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TileUse {
    /// Which tensor.
    pub tensor: Tensor,
    /// Words of the tile; the whole tensor in the backing store.
    pub words: u64,
    /// Reads and writes over the whole layer, for each different word of the tensor.
    pub accesses_per_word: f64,
}

/// The memories a mapping uses, the backing store first; one it passes by is left out.
pub fn levels(machine: &Machine, mapped: &Mapped) -> Vec<LevelUse> {
    let (layer, mapping) = (&mapped.nest, &mapped.point.mapping);
    let model = Model::new(machine, layer, mapping.bypass);
    let counted = model.breakdown(mapping);
    let mut levels = Vec::new();
    for (at, memory) in machine.memories.iter().enumerate() {
        let extent = |tensor: Tensor| -> PerDim {
            let cut: PerDim = match memory.tier {
                Tier::Backing => layer.size,
                Tier::Buffer => mapping.buffer,
                Tier::Element => {
                    let mut tile = mapping.pe;
                    for slice in mapping.slice.iter().filter(|s| s.tensor == tensor) {
                        tile[slice.dim as usize] = 1;
                    }
                    tile
                }
            };
            std::array::from_fn::<u64, DIMS, _>(|d| cut[d].min(layer.size[d]))
        };
        let passes = |t: usize| memory.tier == Tier::Buffer && mapping.bypass[t];
        let mut tiles = Vec::new();
        for tensor in Tensor::ALL {
            let t = tensor as usize;
            if !memory.holds[t] || passes(t) {
                continue;
            }
            let access = counted.access[memory.tier as usize][t];
            let different = model.tile_words(tensor, &layer.size, Fetch::Touched);
            let fetch = if memory.tier == Tier::Buffer { machine.input_fetch } else { Fetch::Touched };
            tiles.push(TileUse {
                tensor,
                words: model.tile_words(tensor, &extent(tensor), fetch),
                accesses_per_word: (access.reads + access.writes) / different as f64,
            });
        }
        if !tiles.is_empty() {
            let energy_pj = mapped.energy_breakdown.get(&memory.name).copied().unwrap_or_default();
            levels.push(LevelUse { memory: at, tiles, energy_pj });
        }
    }
    levels
}
