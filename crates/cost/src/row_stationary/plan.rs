//! One layer's row-stationary mapping and what it reads and writes.

use super::{Array, Energy, Pass};
use crate::zeros::RunLength;
use hw::machine::{DIMS, Dim, Layer, Mapping};

/// The seven numbers of the dataflow, named as in JSSC 2017, table III.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parameters {
    /// Filters of a group whose sums are in the buffer at once.
    pub m: u64,
    /// Images of a pass.
    pub n: u64,
    /// Output rows of a set.
    pub e: u64,
    /// Filters interleaved in an element.
    pub p: u64,
    /// Channels interleaved in an element.
    pub q: u64,
    /// Sets side by side with different channels.
    pub r: u64,
    /// Sets side by side with different filters.
    pub t: u64,
}

/// Words moved and work done by a whole layer; whole numbers, exact below 2^53.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Counts {
    /// Multiply-accumulates.
    pub macs: f64,
    /// Words of the elements' input memories read.
    pub input_spad: f64,
    /// Words of the elements' filter memories read.
    pub filter_spad: f64,
    /// Words of the elements' sum memories read or written.
    pub sum_spad: f64,
    /// Words arriving at an element: inputs and filters delivered, and sums passed up its column.
    pub network: f64,
    /// Words between buffer and array: inputs read, sums read and written in every pass, the first read of an empty sum included.
    ///
    /// What JSSC 2017, table V counts as global buffer accesses.
    pub array_words: f64,
    /// Words written into the buffer from outside: inputs, and filters on their way through.
    pub buffer_fills: f64,
    /// Filter words the array reads from the buffer's prefetch part.
    pub filter_words: f64,
    /// Input words read from outside.
    pub backing_input: f64,
    /// Filter words read from outside.
    pub backing_filter: f64,
    /// Output words written outside.
    pub backing_output: f64,
}

impl Counts {
    /// Words read from the buffer or written to it.
    pub fn buffer(&self) -> f64 {
        self.array_words + self.buffer_fills + self.filter_words
    }

    /// Words read from outside or written there, uncompressed.
    pub fn backing(&self) -> f64 {
        self.backing_input + self.backing_filter + self.backing_output
    }

    /// Words outside when inputs and outputs travel run-length coded and padding is not stored: `stored` is the share of the input
    /// that is no padding, `zeros` the shares of zeros in stored inputs and in outputs. Filters are not coded.
    pub fn backing_coded(&self, stored: f64, zeros: [f64; 2], code: &RunLength, word_bits: u32) -> f64 {
        let input = code.expected_words(self.backing_input * stored, zeros[0], word_bits);
        self.backing_filter + input + code.expected_words(self.backing_output, zeros[1], word_bits)
    }

    /// Energy of every access and multiply-accumulate, in the unit of `each`.
    pub fn energy(&self, each: &Energy) -> f64 {
        self.macs * each.mac
            + (self.input_spad + self.filter_spad + self.sum_spad) * each.element
            + self.network * each.network
            + self.buffer() * each.buffer
            + self.backing() * each.backing
    }
}

/// A layer under a mapping on an array. Counts and cycles are those of a mapping that [fits](Plan::fits).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Plan {
    /// The array.
    pub array: Array,
    /// The layer; its padding is part of the input.
    pub layer: Layer,
    /// The mapping.
    pub parameters: Parameters,
}

impl Plan {
    pub(super) fn size(&self, dim: Dim) -> u64 {
        self.layer.size[dim as usize]
    }

    /// Input columns.
    pub fn width(&self) -> u64 {
        (self.size(Dim::Q) - 1) * self.layer.stride + self.size(Dim::S)
    }

    /// Input rows of a strip of `e` output rows.
    pub fn strip_rows(&self, e: u64) -> u64 {
        (e - 1) * self.layer.stride + self.size(Dim::R)
    }

    /// Passes over the filters of a group.
    pub(super) fn filter_blocks(&self) -> u64 {
        self.size(Dim::K).div_ceil(self.parameters.p * self.parameters.t)
    }

    /// Passes over the channels of a group.
    pub(super) fn channel_blocks(&self) -> u64 {
        self.size(Dim::C).div_ceil(self.parameters.q * self.parameters.r)
    }

    /// Elements at work in a full pass.
    pub fn active(&self) -> u64 {
        let Parameters { e, r, t, .. } = self.parameters;
        self.size(Dim::R) * e * r * t
    }

    /// Whether the storage of elements and buffer and the array suffice, and the filters divide.
    pub fn fits(&self) -> bool {
        let Parameters { m, n, e, p, q, r, t } = self.parameters;
        let (array, s) = (&self.array, self.size(Dim::S));
        let at_most = [
            (1, [m, n, e, p, q, r, t].into_iter().min().unwrap_or(0)),
            (p, array.sum_words),
            (q.saturating_mul(s), array.input_words),
            (p.saturating_mul(q).saturating_mul(s), array.filter_words),
            (r.saturating_mul(t), array.sets(self.size(Dim::R), e)),
            (e, self.size(Dim::P)),
            (n, self.size(Dim::N)),
        ];
        if at_most.iter().any(|(found, limit)| found > limit) {
            return false;
        }
        let divides = self.size(Dim::K).is_multiple_of(m) && m.is_multiple_of(p * t);
        divides && array.bank_words > 0 && self.banks() <= array.banks
    }

    /// Banks of the buffer taken: whole ones for the inputs of a pass and for the sums of a block.
    pub fn banks(&self) -> u64 {
        let Parameters { m, n, e, q, r, .. } = self.parameters;
        let inputs = n * q * r * self.strip_rows(e) * self.width();
        let sums = n * m * e * self.size(Dim::Q);
        inputs.div_ceil(self.array.bank_words) + sums.div_ceil(self.array.bank_words)
    }

    /// Everything the layer reads, writes and computes.
    pub fn counts(&self) -> Counts {
        let mut all = self.outside();
        all.macs = self.layer.macs() as f64;
        (all.input_spad, all.filter_spad, all.sum_spad) = (all.macs, all.macs, 2.0 * all.macs);
        let Parameters { p, t, .. } = self.parameters;
        for (count, pass) in self.passes() {
            let elements = self.size(Dim::R) * pass.e * t;
            let delivered =
                pass.images * self.width() * pass.channels + p * pass.channels * self.size(Dim::S);
            let sums = pass.images * p * self.size(Dim::Q);
            all.network += (count * elements * (delivered + sums * pass.sets)) as f64;
        }
        all
    }

    /// What buffer and backing memory see; the rest stays 0.
    pub(super) fn outside(&self) -> Counts {
        let Parameters { m, n, e, .. } = self.parameters;
        let of = |dims: &[Dim]| dims.iter().map(|&d| self.size(d)).product::<u64>();
        let strips = self.size(Dim::P).div_ceil(e);
        // Strips share the rows by which a filter is higher than the stride.
        let rows = (self.size(Dim::P) - strips) * self.layer.stride + strips * self.size(Dim::R);
        let input = of(&[Dim::N, Dim::G, Dim::C]) * rows * self.width();
        let output = of(&[Dim::N, Dim::G, Dim::K, Dim::P, Dim::Q]);
        let again = if self.keeps_filters() { 1 } else { self.size(Dim::N).div_ceil(n) * strips };
        let mut all = Counts {
            array_words: (input * self.filter_blocks() + 2 * output * self.channel_blocks()) as f64,
            backing_input: (input * (self.size(Dim::K) / m)) as f64,
            backing_filter: (of(&[Dim::G, Dim::K, Dim::C, Dim::R, Dim::S]) * again) as f64,
            backing_output: output as f64,
            ..Counts::default()
        };
        all.filter_words = all.backing_filter;
        all.buffer_fills = all.backing_input + all.backing_filter;
        all
    }

    /// Whether the filters of a group are one pass's, so that they stay in the elements.
    pub(super) fn keeps_filters(&self) -> bool {
        self.filter_blocks() * self.channel_blocks() == 1
    }

    /// Input words the array reads in a pass; every element that uses a word hears the same read.
    pub(super) fn input_words(&self, pass: &Pass) -> u64 {
        pass.images * pass.channels * self.strip_rows(pass.e) * self.width()
    }

    /// Sums leaving the array in a pass.
    pub(super) fn sum_words(&self, pass: &Pass) -> u64 {
        pass.images * self.parameters.p * self.parameters.t * pass.e * self.size(Dim::Q)
    }

    /// The same mapping as a loop nest: an element's tile is `p` filters by `q` channels by a filter row, sets are spread over the
    /// array, columns follow innermost among the blocks, and channels among the buffer's tiles.
    ///
    /// Sets that do not divide the places of a row are all put above each other, which may be more rows than the array has: the
    /// counts are the same, a check of legality may refuse it.
    pub fn nest(&self) -> Mapping {
        let Parameters { m, n, e, p, q, r, t } = self.parameters;
        let (mut pe, mut spatial, mut buffer) = ([1; DIMS], [1; DIMS], [1; DIMS]);
        let mut axes = [[1; DIMS]; 2];
        let at = |d: Dim| d as usize;
        (pe[at(Dim::K)], pe[at(Dim::C)], pe[at(Dim::S)]) = (p, q, self.size(Dim::S));
        // Axis 0 holds columns, axis 1 rows; a set wider than the array continues on further rows.
        let across = e.min(self.array.columns);
        axes[0][at(Dim::P)] = across;
        axes[1][at(Dim::P)] = e.div_ceil(across);
        axes[1][at(Dim::R)] = self.size(Dim::R);
        let mut room = (self.array.columns / across).max(1);
        for (dim, sets) in [(Dim::K, t), (Dim::C, r)] {
            let here = (1..=sets).rev().find(|&x| sets.is_multiple_of(x) && x <= room).unwrap_or(1);
            axes[0][at(dim)] = here;
            axes[1][at(dim)] = sets / here;
            room /= here;
        }
        for (dim, size) in [(Dim::P, e), (Dim::R, self.size(Dim::R)), (Dim::K, t), (Dim::C, r)] {
            spatial[at(dim)] = size;
        }
        let tile = [(Dim::N, n), (Dim::K, m), (Dim::C, q * r), (Dim::P, e), (Dim::Q, self.size(Dim::Q))];
        for (dim, size) in tile.into_iter().chain([(Dim::R, self.size(Dim::R)), (Dim::S, self.size(Dim::S))])
        {
            buffer[at(dim)] = size;
        }
        use Dim::{C, G, K, N, P, Q, R, S};
        let order = [[Q, N, K, C, P, R, S, G], [C, P, N, K, G, Q, R, S]];
        Mapping { pe, spatial, axes, buffer, order, slice: None, bypass: [true, false, false] }
    }
}
