//! Sparse machines: accesses and cycles where zeros are not stored or not multiplied.
//!
//! The work is a matrix product `w[rows, inner] * x[inner, columns]`; a convolution is one with `inner = C R S`. [`Structured`] is a
//! core that takes at most `kept` weights of each `of` neighbours along `inner` (2:4 tensor cores); [`Compressed`] is an array whose
//! elements hold both operands compressed and multiply only what is not zero (Eyeriss v2). Each counts a given pair of masks exactly,
//! from numbers of nonzeros by row and column, and expects counts from densities alone. `check::sparse` walks the masks.

mod compressed;
mod normal;
mod structured;

pub use compressed::{Compressed, CompressedCounts, CompressedError};
pub use structured::{Structured, StructuredCounts, StructuredError};

/// A matrix product: `w[rows, inner] * x[inner, columns]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Product {
    /// Rows of the weights: output channels.
    pub rows: usize,
    /// Weights of an output: input channels times kernel.
    pub inner: usize,
    /// Columns of the input: positions and images.
    pub columns: usize,
}

/// Which operands are not zero, row by row.
#[derive(Debug, Clone, Copy)]
pub struct Masks<'a> {
    /// `w[rows, inner]`.
    pub weight: &'a [bool],
    /// `x[inner, columns]`.
    pub input: &'a [bool],
}

/// Masks that are not those of the product.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the {operand} mask has {found} entries, {expected} expected")]
pub struct MaskSize {
    /// `weight` or `input`.
    pub operand: &'static str,
    /// Entries given.
    pub found: usize,
    /// Entries of the product's operand.
    pub expected: usize,
}

impl Product {
    /// Refuses masks of other sizes.
    pub fn check(&self, masks: &Masks<'_>) -> Result<(), MaskSize> {
        let sizes = [
            ("weight", masks.weight.len(), self.rows.saturating_mul(self.inner)),
            ("input", masks.input.len(), self.inner.saturating_mul(self.columns)),
        ];
        match sizes.into_iter().find(|(_, found, expected)| found != expected) {
            Some((operand, found, expected)) => Err(MaskSize { operand, found, expected }),
            None => Ok(()),
        }
    }

    /// Multiply-accumulates of the dense product.
    pub fn dense_macs(&self) -> f64 {
        self.rows as f64 * self.inner as f64 * self.columns as f64
    }

    /// Nonzero inputs by place along `inner`.
    fn inputs(&self, masks: &Masks<'_>) -> Vec<u64> {
        let rows = masks.input.chunks_exact(self.columns.max(1));
        rows.map(|row| row.iter().filter(|&&x| x).count() as u64).collect()
    }
}
