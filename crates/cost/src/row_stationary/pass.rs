//! Processing passes: the kinds a layer has, and the time each takes.

use super::{Parameters, Plan};
use hw::machine::Dim;

/// One kind of pass; the last ones along a loop are smaller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pass {
    /// Images.
    pub images: u64,
    /// Output rows.
    pub e: u64,
    /// Channels.
    pub channels: u64,
    /// Sets the channels are spread over.
    pub sets: u64,
    /// Channels of the fullest element.
    pub depth: u64,
}

/// Where the cycles of a layer go; they add up.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Cycles {
    /// Elements multiply, one multiply-accumulate a cycle.
    pub compute: f64,
    /// Elements wait for a network that is slower than they are.
    pub stream: f64,
    /// Filters of a pass enter the array.
    pub filters: f64,
    /// First windows of a pass enter the array.
    pub windows: f64,
    /// Last sums of a pass leave the array.
    pub drain: f64,
}

impl Cycles {
    /// All of them.
    pub fn total(&self) -> f64 {
        self.compute + self.stream + self.filters + self.windows + self.drain
    }
}

/// Whole blocks and what remains: `(how many, how large)`.
fn blocks(size: u64, block: u64) -> [(u64, u64); 2] {
    [(size / block, block), (u64::from(!size.is_multiple_of(block)), size % block)]
}

impl Plan {
    /// Every kind of pass and how many there are of it, groups and filters included.
    pub fn passes(&self) -> impl Iterator<Item = (u64, Pass)> + use<> {
        let Parameters { n, e, q, r, .. } = self.parameters;
        let each = self.size(Dim::G) * self.filter_blocks();
        let channels = blocks(self.size(Dim::C), q * r);
        let strips = blocks(self.size(Dim::P), e);
        let batches = blocks(self.size(Dim::N), n);
        let kinds = batches.into_iter().flat_map(move |(nb, images)| {
            strips.into_iter().flat_map(move |(eb, e)| {
                channels.into_iter().map(move |(cb, channels)| {
                    let sets = channels.min(r);
                    let depth = if sets == 0 { 0 } else { channels.div_ceil(sets) };
                    (each * nb * eb * cb, Pass { images, e, channels, sets, depth })
                })
            })
        });
        kinds.filter(|(count, _)| *count > 0)
    }

    /// Cycles of the layer.
    ///
    /// Within a pass multiplication and the three networks run side by side. Between passes nothing overlaps: the filters of the
    /// pass enter (`p t q r R S` words), then the first window of every input row (`S` words), and at the end the last sums of all
    /// columns leave (`e p t` words after one addition a filter row). A layer whose filters all fit keeps them.
    pub fn cycles(&self) -> Cycles {
        let Parameters { p, t, .. } = self.parameters;
        let network = &self.array.network;
        let (rows, s, width) = (self.size(Dim::R), self.size(Dim::S), self.size(Dim::Q));
        let kept = self.keeps_filters();
        let mut all = Cycles::default();
        for (count, pass) in self.passes() {
            let times = count as f64;
            let compute = (pass.images * p * pass.depth * s * width) as f64;
            let sums = self.sum_words(&pass) as f64 / network.sum_words_per_cycle;
            let inputs = self.input_words(&pass) as f64 / network.input_words_per_cycle;
            all.compute += times * compute;
            all.stream += times * (sums.max(inputs) - compute).max(0.0);
            let filters = (p * t * pass.channels * rows * s) as f64 / network.filter_words_per_cycle;
            all.filters += if kept { 0.0 } else { times * filters.ceil() };
            let windows =
                (pass.channels * self.strip_rows(pass.e) * s) as f64 / network.input_words_per_cycle;
            all.windows += times * windows.ceil();
            let last = (pass.e * p * t) as f64 / network.sum_words_per_cycle;
            all.drain += times * (last.ceil() + rows as f64);
        }
        if kept {
            let whole: u64 = [Dim::G, Dim::K, Dim::C, Dim::R, Dim::S].map(|d| self.size(d)).iter().product();
            all.filters = (whole as f64 / network.filter_words_per_cycle).ceil();
        }
        all
    }

    /// Milliseconds of the layer at the array's clock.
    pub fn milliseconds(&self) -> f64 {
        self.cycles().total() / (self.array.clock_mhz * 1e3)
    }
}
