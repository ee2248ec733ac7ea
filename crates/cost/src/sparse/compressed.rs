//! Elements that hold both operands compressed and multiply only what is not zero.

use super::normal::expected_largest;
use super::{MaskSize, Masks, Product};

/// An array of elements with compressed-column operands (Chen et al., "Eyeriss v2", JETCAS 2019, section IV).
///
/// An *item* is one block of `filters` rows with one column of the input. Items run block by block, `elements` at once; the next
/// ones start when the slowest is done. In an item every nonzero input looks up its column of the block and is multiplied with the
/// column's nonzero weights, `lanes` a cycle and never less than `lookup_cycles`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Compressed {
    /// Elements.
    pub elements: usize,
    /// Rows of a block; at most `2^count_bits`, so that a run of zeros always fits its count.
    pub filters: usize,
    /// Multiply-accumulates an element does in a cycle, of one input.
    pub lanes: usize,
    /// Least cycles of a nonzero input.
    pub lookup_cycles: u64,
    /// Bits of a value.
    pub value_bits: u32,
    /// Bits of the count of zeros before a value.
    pub count_bits: u32,
    /// Bits of the address where a column starts.
    pub address_bits: u32,
}

/// What a product takes on a [`Compressed`] array; whole numbers where counted.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct CompressedCounts {
    /// Bits of the compressed weights: values, counts, and an address a column of a block and one at its end.
    pub weight_bits: f64,
    /// Bits of the compressed input: values, counts, and an address a column and one at the end.
    pub input_bits: f64,
    /// Input values the elements read; each looks up one column.
    pub input_reads: f64,
    /// Weight values the elements read, one a multiply-accumulate.
    pub weight_reads: f64,
    /// Sums read or written.
    pub sum_accesses: f64,
    /// Multiply-accumulates, of two nonzero operands each.
    pub macs: f64,
    /// Cycles; the slowest element of each round.
    pub cycles: f64,
}

/// An array that cannot be, or masks of another product.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CompressedError {
    /// Something there is none of.
    #[error("the array has 0 {what}, at least 1 expected")]
    Zero {
        /// `elements`, `filters` or `lanes`.
        what: &'static str,
    },
    /// Runs that do not fit their count.
    #[error(
        "a block of {filters} filters has runs of zeros that {bits} bits cannot count, {limit} at most expected"
    )]
    Run {
        /// Rows of a block.
        filters: usize,
        /// Bits of a count.
        bits: u32,
        /// Rows such counts suffice for.
        limit: usize,
    },
    /// Masks of another product.
    #[error(transparent)]
    Mask(#[from] MaskSize),
}

impl Compressed {
    /// Eyeriss v2: 192 elements with two lanes, blocks of up to 16 filters, 8-bit values with 4-bit counts and 7-bit addresses.
    pub const EYERISS_V2: Self = Self {
        elements: 192,
        filters: 16,
        lanes: 2,
        lookup_cycles: 1,
        value_bits: 8,
        count_bits: 4,
        address_bits: 7,
    };

    fn check(&self) -> Result<(), CompressedError> {
        let needed = [("elements", self.elements), ("filters", self.filters), ("lanes", self.lanes)];
        if let Some((what, _)) = needed.iter().find(|(_, n)| *n == 0) {
            return Err(CompressedError::Zero { what });
        }
        // Bounded, so that a distribution over a block is a short table.
        let bits = self.count_bits.min(16);
        let limit = 1 << bits;
        if self.filters > limit {
            return Err(CompressedError::Run { filters: self.filters, bits, limit });
        }
        Ok(())
    }

    /// Cycles of a nonzero input that meets so many nonzero weights.
    fn time(&self, weights: u64) -> u64 {
        weights.div_ceil(self.lanes as u64).max(self.lookup_cycles)
    }

    /// Counts but cycles, from nonzero weights and inputs and the pairs of them that meet.
    fn accesses(&self, product: &Product, weights: f64, inputs: f64, macs: f64) -> CompressedCounts {
        let blocks = product.rows.div_ceil(self.filters) as f64;
        let each = f64::from(self.value_bits) + f64::from(self.count_bits);
        let address = f64::from(self.address_bits);
        CompressedCounts {
            weight_bits: weights * each + blocks * (product.inner as f64 + 1.0) * address,
            input_bits: inputs * each + (product.columns as f64 + 1.0) * address,
            input_reads: blocks * inputs,
            weight_reads: macs,
            sum_accesses: 2.0 * macs,
            macs,
            cycles: 0.0,
        }
    }

    /// Counts of given masks.
    pub fn count(&self, product: &Product, masks: &Masks<'_>) -> Result<CompressedCounts, CompressedError> {
        self.check()?;
        product.check(masks)?;
        let inputs = product.inputs(masks);
        let (mut stored, mut macs) = (0, 0);
        let mut items = Vec::with_capacity(product.rows.div_ceil(self.filters) * product.columns);
        for block in masks.weight.chunks(self.filters.saturating_mul(product.inner.max(1))) {
            let mut column = vec![0u64; product.inner];
            for row in block.chunks_exact(product.inner.max(1)) {
                row.iter().zip(&mut column).for_each(|(&w, n)| *n += u64::from(w));
            }
            stored += column.iter().sum::<u64>();
            macs += column.iter().zip(&inputs).map(|(w, x)| w * x).sum::<u64>();
            let first = items.len();
            items.resize(first + product.columns, 0);
            for (place, &weights) in column.iter().enumerate() {
                let row = &masks.input[place * product.columns..][..product.columns];
                let time = self.time(weights);
                row.iter().zip(&mut items[first..]).for_each(|(&x, item)| *item += if x { time } else { 0 });
            }
        }
        let rounds = items.chunks(self.elements).map(|round| round.iter().copied().max().unwrap_or(0));
        let cycles = rounds.sum::<u64>() as f64;
        let held = inputs.iter().sum::<u64>() as f64;
        Ok(CompressedCounts { cycles, ..self.accesses(product, stored as f64, held, macs as f64) })
    }

    /// Expected counts when each weight, and each input, is nonzero with a probability of its own and independently.
    ///
    /// Accesses are exact expectations. The slowest element of a round is taken as the largest of normal draws with the item's mean
    /// and variance, which is close where an item has tens of nonzero inputs.
    pub fn expect(
        &self,
        product: &Product,
        weight: f64,
        input: f64,
    ) -> Result<CompressedCounts, CompressedError> {
        self.check()?;
        let (weight, input) = (share(weight), share(input));
        let size = |density: f64, a: usize, b: usize| density * a as f64 * b as f64;
        let macs = product.dense_macs() * weight * input;
        let weights = size(weight, product.rows, product.inner);
        let accesses = self.accesses(product, weights, size(input, product.inner, product.columns), macs);
        let (full, rest) = (product.rows / self.filters, product.rows % self.filters);
        let mut cycles = 0.0;
        for (blocks, filters) in [(full, self.filters), (usize::from(rest > 0), rest)] {
            cycles += self.expected_cycles(product, blocks * product.columns, filters, weight, input);
        }
        Ok(CompressedCounts { cycles, ..accesses })
    }

    fn expected_cycles(
        &self,
        product: &Product,
        items: usize,
        filters: usize,
        weight: f64,
        input: f64,
    ) -> f64 {
        if items == 0 {
            return 0.0;
        }
        let (mut first, mut second) = (0.0, 0.0);
        for (nonzero, chance) in binomial(filters, weight).into_iter().enumerate() {
            let time = self.time(nonzero as u64) as f64;
            first += chance * time;
            second += chance * time * time;
        }
        let inner = product.inner as f64;
        // Items of a round share their block where there are columns enough; then only the inputs differ.
        let shared = if product.columns >= self.elements { input * second } else { input * first * first };
        let deviation = (inner * (input * second - input * shared)).max(0.0).sqrt();
        let slowest = |together: usize| inner * input * first + deviation * expected_largest(together as f64);
        let (rounds, rest) = (items / self.elements, items % self.elements);
        let last = if rest > 0 { slowest(rest) } else { 0.0 };
        if rounds > 0 { rounds as f64 * slowest(self.elements) + last } else { last }
    }
}

fn share(x: f64) -> f64 {
    if x.is_nan() { 0.0 } else { x.clamp(0.0, 1.0) }
}

/// Probabilities of 0 to `draws` successes, by logarithms so that none underflows on the way.
fn binomial(draws: usize, chance: f64) -> Vec<f64> {
    let (hit, miss) = (chance.ln(), (1.0 - chance).ln());
    let times = |count: usize, log: f64| if count == 0 { 0.0 } else { count as f64 * log };
    let mut ways = 0.0;
    let odds = (0..=draws).map(|k| {
        if k > 0 {
            ways += ((draws - k + 1) as f64 / k as f64).ln();
        }
        (ways + times(k, hit) + times(draws - k, miss)).exp()
    });
    odds.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn odds_are_those_of_coins() {
        let close =
            |a: &[f64], b: &[f64]| a.len() == b.len() && a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-12);
        assert!(close(&binomial(2, 0.5), &[0.25, 0.5, 0.25]));
        assert!(close(&binomial(2, 0.0), &[1.0, 0.0, 0.0]));
        assert!(close(&binomial(2, 1.0), &[0.0, 0.0, 1.0]));
        assert!((binomial(5000, 0.3).iter().sum::<f64>() - 1.0).abs() < 1e-9);
    }
}
