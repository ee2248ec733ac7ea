//! One regression tree, grown best split first on binned columns.

use serde::{Deserialize, Serialize};

/// Bins per column; columns of fewer distinct values are split exactly.
const BINS: usize = 64;

/// Columns cut into bins: `code[column][row]`, and the cut above each bin.
pub(crate) struct Binned {
    code: Vec<Vec<u8>>,
    cuts: Vec<Vec<f64>>,
}

impl Binned {
    /// Cuts lie midway between neighbouring distinct values, at quantiles where there are more than 64 of them.
    pub(crate) fn new(rows: &[Vec<f64>], columns: usize) -> Self {
        let (mut code, mut cuts) = (Vec::with_capacity(columns), Vec::with_capacity(columns));
        for c in 0..columns {
            let mut values: Vec<f64> = rows.iter().map(|row| row[c]).collect();
            values.sort_by(f64::total_cmp);
            let all = values.len();
            let mut own: Vec<f64> = Vec::new();
            let mut distinct = values.clone();
            distinct.dedup();
            if distinct.len() <= BINS {
                own.extend(distinct.windows(2).map(|w| 0.5 * (w[0] + w[1])));
            } else {
                for b in 1..BINS {
                    let at = b * all / BINS;
                    let (low, high) = (values[at - 1], values[at]);
                    if low < high {
                        own.push(0.5 * (low + high));
                    }
                }
                own.dedup();
            }
            let place = |v: f64| u8::try_from(own.partition_point(|cut| *cut < v)).unwrap_or(u8::MAX);
            code.push(rows.iter().map(|row| place(row[c])).collect());
            cuts.push(own);
        }
        Self { code, cuts }
    }
}

/// A tree: nodes in order of growth, the root first. A leaf has no column.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tree {
    /// Column asked at each node; -1 at a leaf.
    pub column: Vec<i32>,
    /// The answer is the left child where the column's value is at most this.
    pub threshold: Vec<f64>,
    /// Index of the left child; the right one follows it.
    pub left: Vec<u32>,
    /// What a leaf adds.
    pub value: Vec<f64>,
}

/// How one tree is grown.
pub(crate) struct Growth<'a> {
    /// Leaves at most.
    pub(crate) leaves: usize,
    /// Samples a leaf holds at least.
    pub(crate) min_leaf: usize,
    /// Pull of a leaf towards zero, in samples.
    pub(crate) pull: f64,
    /// Columns that may be asked.
    pub(crate) columns: &'a [usize],
}

struct Split {
    gain: f64,
    column: usize,
    bin: u8,
}

struct Leaf {
    node: usize,
    rows: Vec<u32>,
    split: Option<Split>,
}

impl Tree {
    /// Fits `gradient` on the rows given; returns the tree with empty leaf values, and each leaf's node and rows.
    pub(crate) fn grow(
        binned: &Binned,
        gradient: &[f64],
        rows: Vec<u32>,
        growth: &Growth<'_>,
    ) -> (Self, Vec<(usize, Vec<u32>)>) {
        let mut tree = Self { column: vec![-1], threshold: vec![0.0], left: vec![0], value: vec![0.0] };
        let split = best(binned, gradient, &rows, growth);
        let mut leaves = vec![Leaf { node: 0, rows, split }];
        while leaves.len() < growth.leaves {
            let gains = leaves.iter().enumerate().filter_map(|(i, l)| Some((i, l.split.as_ref()?.gain)));
            let Some((at, _)) = gains.max_by(|a, b| a.1.total_cmp(&b.1).then(b.0.cmp(&a.0))) else { break };
            let leaf = leaves.swap_remove(at);
            let Some(split) = leaf.split else { break };
            let code = &binned.code[split.column];
            let (low, high): (Vec<u32>, Vec<u32>) =
                leaf.rows.iter().partition(|row| code[**row as usize] <= split.bin);
            let left = tree.column.len();
            tree.column[leaf.node] = i32::try_from(split.column).unwrap_or(i32::MAX);
            tree.threshold[leaf.node] = binned.cuts[split.column][usize::from(split.bin)];
            tree.left[leaf.node] = u32::try_from(left).unwrap_or(u32::MAX);
            for (k, rows) in [low, high].into_iter().enumerate() {
                tree.column.push(-1);
                tree.threshold.push(0.0);
                tree.left.push(0);
                tree.value.push(0.0);
                let split = best(binned, gradient, &rows, growth);
                leaves.push(Leaf { node: left + k, rows, split });
            }
        }
        (tree, leaves.into_iter().map(|l| (l.node, l.rows)).collect())
    }

    /// What the tree adds for a row.
    pub(crate) fn answer(&self, row: &[f64]) -> f64 {
        let mut node = 0;
        // A file may hold anything: a walk that leaves the tree, or goes on for longer than it has nodes, adds nothing.
        for _ in 0..self.column.len() {
            let (Some(column), Some(threshold), Some(left)) =
                (self.column.get(node), self.threshold.get(node), self.left.get(node))
            else {
                return 0.0;
            };
            let Ok(column) = usize::try_from(*column) else {
                return self.value.get(node).copied().unwrap_or(0.0);
            };
            let Some(value) = row.get(column) else { return 0.0 };
            node = *left as usize + usize::from(*value > *threshold);
        }
        0.0
    }
}

/// The split that lowers the squared error most; `None` where none lowers it.
fn best(binned: &Binned, gradient: &[f64], rows: &[u32], growth: &Growth<'_>) -> Option<Split> {
    if rows.len() < 2 * growth.min_leaf.max(1) {
        return None;
    }
    let total: f64 = rows.iter().map(|r| gradient[*r as usize]).sum();
    let score = |sum: f64, n: f64| sum * sum / (n + growth.pull);
    #[allow(clippy::cast_precision_loss, reason = "row counts are below 2^20")]
    let n = rows.len() as f64;
    let base = score(total, n);
    let mut found: Option<Split> = None;
    for &column in growth.columns {
        let cuts = binned.cuts[column].len();
        if cuts == 0 {
            continue;
        }
        let (mut sums, mut counts) = ([0.0; BINS + 1], [0.0_f64; BINS + 1]);
        let code = &binned.code[column];
        for r in rows {
            let bin = usize::from(code[*r as usize]);
            sums[bin] += gradient[*r as usize];
            counts[bin] += 1.0;
        }
        let (mut sum, mut count) = (0.0, 0.0);
        #[allow(clippy::cast_precision_loss, reason = "a leaf holds few samples")]
        let least = growth.min_leaf.max(1) as f64;
        for bin in 0..cuts {
            sum += sums[bin];
            count += counts[bin];
            if count < least || n - count < least || counts[bin] == 0.0 {
                continue;
            }
            let gain = score(sum, count) + score(total - sum, n - count) - base;
            if gain > 1e-12 && found.as_ref().is_none_or(|f| gain > f.gain) {
                found = Some(Split { gain, column, bin: u8::try_from(bin).unwrap_or(u8::MAX) });
            }
        }
    }
    found
}
