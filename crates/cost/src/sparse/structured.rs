//! Cores for weights of which at most so many of each so many are kept.

use super::{MaskSize, Masks, Product};

/// A matrix core with structured weights: an instruction takes `kept / of` of the time of the dense one over the same `inner`.
///
/// Weights are stored `kept` to a group whatever the mask, each with its place in the group; the core picks the inputs they meet.
/// Source: Mishra et al., "Accelerating Sparse Deep Neural Networks", 2021, section 3 (2:4 on Ampere).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Structured {
    /// Weights kept of a group.
    pub kept: usize,
    /// Neighbouring weights of a group.
    pub of: usize,
    /// Rows, columns and kept weights along `inner` of an instruction.
    pub tile: [usize; 3],
    /// Cycles of an instruction.
    pub tile_cycles: u64,
}

/// What a product takes on a [`Structured`] core; whole numbers where counted.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct StructuredCounts {
    /// Weight words stored and read once.
    pub weights: f64,
    /// Bits that say where in its group a stored weight belongs.
    pub place_bits: f64,
    /// Multiplications of the stored weights, whether zero or not.
    pub multiplications: f64,
    /// Of them, those of two nonzero operands.
    pub useful: f64,
    /// Input words picked, one a multiplication.
    pub picked: f64,
    /// Cycles.
    pub cycles: f64,
}

/// Weights a structured core cannot take, or no core.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StructuredError {
    /// `kept` is not from 1 to `of`, or an instruction does nothing.
    #[error(
        "{kept} of {of} weights kept and a tile of {tile:?}, each at least 1 and no more kept than there are expected"
    )]
    Pattern {
        /// Kept.
        kept: usize,
        /// Of so many.
        of: usize,
        /// The instruction.
        tile: [usize; 3],
    },
    /// A group with too many nonzeros.
    #[error("row {row} has {found} weights that are not zero in group {group}, {limit} at most expected")]
    Group {
        /// Row of the weights.
        row: usize,
        /// Group along `inner`.
        group: usize,
        /// Nonzeros of it.
        found: usize,
        /// Kept.
        limit: usize,
    },
    /// Masks of another product.
    #[error(transparent)]
    Mask(#[from] MaskSize),
}

impl Structured {
    /// Counts that hold for every mask the core takes, `useful` left 0.
    fn fixed(&self, product: &Product) -> Result<StructuredCounts, StructuredError> {
        let Self { kept, of, tile, tile_cycles } = *self;
        if kept == 0 || kept > of || tile.contains(&0) {
            return Err(StructuredError::Pattern { kept, of, tile });
        }
        let (whole, rest) = (product.inner / of, product.inner % of);
        let stored = whole * kept + rest.min(kept);
        let weights = product.rows as f64 * stored as f64;
        let multiplications = weights * product.columns as f64;
        let steps = [(product.rows, tile[0]), (product.columns, tile[1]), (stored, tile[2])];
        let steps: f64 = steps.iter().map(|(size, tile)| size.div_ceil(*tile) as f64).product();
        Ok(StructuredCounts {
            weights,
            place_bits: weights * f64::from(usize::BITS - (of - 1).leading_zeros()),
            multiplications,
            useful: 0.0,
            picked: multiplications,
            cycles: steps * tile_cycles as f64,
        })
    }

    /// Counts of given masks; the first group with too many nonzeros is refused.
    pub fn count(&self, product: &Product, masks: &Masks<'_>) -> Result<StructuredCounts, StructuredError> {
        let fixed = self.fixed(product)?;
        product.check(masks)?;
        let inputs = product.inputs(masks);
        let mut useful = 0;
        for (row, weights) in masks.weight.chunks_exact(product.inner.max(1)).enumerate() {
            for (group, places) in weights.chunks(self.of).enumerate() {
                let found = places.iter().filter(|&&w| w).count();
                if found > self.kept {
                    return Err(StructuredError::Group { row, group, found, limit: self.kept });
                }
            }
            useful += weights.iter().zip(&inputs).filter(|(w, _)| **w).map(|(_, x)| x).sum::<u64>();
        }
        Ok(StructuredCounts { useful: useful as f64, ..fixed })
    }

    /// Expected counts when a share of the stored weights, and of the inputs, is not zero.
    pub fn expect(
        &self,
        product: &Product,
        stored: f64,
        inputs: f64,
    ) -> Result<StructuredCounts, StructuredError> {
        let fixed = self.fixed(product)?;
        Ok(StructuredCounts { useful: fixed.multiplications * stored * inputs, ..fixed })
    }
}
