//! A run of layers depth first: which rows each makes for each tile of the last one's result.

use super::net::{Checked, needed};
use hw::schedule::Source;
use serde::Serialize;
use std::collections::BTreeMap;
use std::ops::Range;

/// What becomes of rows that two tiles need (the terms are those of Mei et al., "DeFiNES", HPCA 2023, section III).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Overlap {
    /// They are made again.
    Recompute,
    /// They stay in a line buffer; every row is made once.
    Cached,
}

/// Rows of every layer of a run for every tile.
#[derive(Debug)]
pub(super) struct Tiled {
    /// By tile, then by layer of the run.
    pub(super) rows: Vec<Vec<Range<u64>>>,
    /// First row still needed of each layer's result after a tile, by tile and layer.
    pub(super) kept: Vec<Vec<u64>>,
    /// Rows of the buffer for each layer's result but the last.
    pub(super) lines: Vec<u64>,
    /// How often each layer makes how many rows at once.
    pub(super) counts: Vec<BTreeMap<u64, u64>>,
}

/// Whether a run of layers can be tiled: every result but the last one's is read in the run and nowhere else.
pub(super) fn closed(net: &Checked<'_>, run: &Range<usize>) -> bool {
    (run.start..run.end - 1).all(|layer| net.may_stay(layer) && net.dies(layer) <= run.end)
}

impl Tiled {
    pub(super) fn new(net: &Checked<'_>, run: &Range<usize>, height: u64, overlap: Overlap) -> Self {
        let last = run.end - 1;
        let total = net.net.layers[last].rows;
        let many = run.len();
        let mut made = vec![0u64; many];
        let mut tiled = Tiled {
            rows: Vec::new(),
            kept: Vec::new(),
            lines: vec![0; many],
            counts: vec![BTreeMap::new(); many],
        };
        let mut start = 0;
        while start < total {
            let tile = start..(start + height).min(total);
            start = tile.end;
            let mut rows = vec![0..0; many];
            // What stands in the line buffer from the first row a reader needs on.
            let mut low = vec![u64::MAX; many];
            rows[many - 1] = tile;
            for at in (0..many).rev() {
                if overlap == Overlap::Cached && at + 1 < many {
                    // Rows already made are not made again; rows nobody reads in between are made in passing.
                    rows[at] = made[at].min(rows[at].end)..rows[at].end;
                    rows[at].end = rows[at].end.max(rows[at].start);
                }
                let layer = &net.net.layers[run.start + at];
                for operand in &layer.operands {
                    let Source::Layer(from) = operand.source else { continue };
                    let Some(producer) = from.checked_sub(run.start) else { continue };
                    let need = needed(operand.window, &rows[at], net.net.layers[from].rows);
                    if need.is_empty() {
                        continue;
                    }
                    let all = &mut rows[producer];
                    *all = if all.is_empty() {
                        need.clone()
                    } else {
                        all.start.min(need.start)..all.end.max(need.end)
                    };
                    low[producer] = low[producer].min(need.start);
                }
            }
            tiled.take(net, run, &rows, &low, &mut made, overlap);
        }
        tiled
    }

    /// Notes one tile.
    fn take(
        &mut self,
        net: &Checked<'_>,
        run: &Range<usize>,
        rows: &[Range<u64>],
        low: &[u64],
        made: &mut [u64],
        overlap: Overlap,
    ) {
        let many = rows.len();
        for at in 0..many {
            if !rows[at].is_empty() {
                *self.counts[at].entry(rows[at].end - rows[at].start).or_default() += 1;
                made[at] = rows[at].end;
            }
        }
        let mut kept = made.to_vec();
        for at in 0..many - 1 {
            let oldest = match overlap {
                Overlap::Recompute => rows[at].start,
                Overlap::Cached => {
                    // What the readers' next rows need.
                    kept[at] = self.next_needed(net, run, at, made).min(made[at]);
                    let before = self.kept.last().map_or(0, |k| k[at]);
                    before.min(low[at])
                }
            };
            self.lines[at] = self.lines[at].max(made[at].saturating_sub(oldest));
        }
        self.kept.push(kept);
        self.rows.push(rows.to_vec());
    }

    fn next_needed(&self, net: &Checked<'_>, run: &Range<usize>, at: usize, made: &[u64]) -> u64 {
        let layer = run.start + at;
        let mut first = u64::MAX;
        for &reader in &net.readers[layer] {
            let next = made[reader - run.start];
            for operand in &net.net.layers[reader].operands {
                if operand.source == Source::Layer(layer) && next < net.net.layers[reader].rows {
                    let need = needed(operand.window, &(next..next + 1), net.net.layers[layer].rows);
                    first = first.min(need.start);
                }
            }
        }
        first
    }
}
