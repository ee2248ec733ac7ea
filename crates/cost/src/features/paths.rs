//! Features of the graph as a whole: totals, paths, what is alive at once.

use super::{Canonical, Item, Kind, Operand, WHOLE, macs, mega};
use ir::{Graph, Value};
use std::collections::HashSet;

/// The features of the graph as a whole, in the order of their declaration.
pub(super) fn whole(graph: &Graph, canonical: &Canonical) -> Vec<f64> {
    let readers = readers(canonical);
    let work = |item: &Item| if item.input { 0.0 } else { macs(graph, item.value) };
    let one = |item: &Item| if item.input { 0.0 } else { 1.0 };
    let product = |item: &Item| if !item.input && item.kind(graph).multiplies() { 1.0 } else { 0.0 };
    let ops: f64 = canonical.items.iter().map(one).sum();
    // Whole numbers are subtracted: what rounding leaves would pass for work.
    let left: u64 = canonical.ops().map(|item| graph.macs(item.value).0).sum();
    let mmac = mega(left);
    let (read, written, constants) = traffic(graph, canonical);
    let path = longest(canonical, one);
    let [channels_in, channels_out, positions] = means(graph, canonical, mmac);
    let large = |low: usize, high: usize| {
        count(canonical.ops().filter(|item| (low..high).contains(&places(graph, item.value))))
    };
    let bytes = read + written + constants;
    let row = vec![
        mmac,
        read,
        written,
        constants,
        unfused(graph, canonical, &readers),
        mega(graph.total_macs().0.saturating_sub(left)),
        ops,
        large(1024, usize::MAX),
        large(0, 256),
        count(readers.iter().filter(|r| **r > 1)),
        readers.iter().copied().max().map_or(0.0, f64::from),
        count(
            canonical.ops().filter(|item| item.operands.len() == 2 && item.operands[0] == item.operands[1]),
        ),
        path,
        longest(canonical, work),
        longest(canonical, product),
        shortest(canonical),
        if path > 0.0 { ops / path } else { 0.0 },
        peak(graph, canonical),
        channels_in,
        channels_out,
        positions,
        if bytes > 0.0 { mmac / bytes } else { 0.0 },
    ];
    debug_assert_eq!(row.len(), WHOLE.len(), "one number per declared feature");
    row
}

#[allow(clippy::cast_precision_loss, reason = "counts far below 2^53")]
fn count(items: impl Iterator) -> f64 {
    items.count() as f64
}

/// Readers of each item; an output counts as one.
fn readers(canonical: &Canonical) -> Vec<u32> {
    let mut readers = vec![0; canonical.items.len()];
    for item in &canonical.items {
        let distinct: HashSet<usize> = item.sources().collect();
        for source in distinct {
            readers[source] += 1;
        }
    }
    for output in &canonical.outputs {
        readers[*output] += 1;
    }
    readers
}

/// Million bytes of activations read and written, and of constants read; whole bytes are summed, so that order does not round.
fn traffic(graph: &Graph, canonical: &Canonical) -> (f64, f64, f64) {
    let bytes = |value: Value| graph.ty(value).bytes() as u64;
    let (mut read, mut written, mut constants) = (0_u64, 0_u64, 0_u64);
    for item in canonical.ops() {
        written = written.saturating_add(bytes(item.value));
        for operand in &item.operands {
            match operand {
                Operand::Item(i) => read = read.saturating_add(bytes(canonical.items[*i].value)),
                Operand::Constant(value) => constants = constants.saturating_add(bytes(*value)),
            }
        }
    }
    (mega(read), mega(written), mega(constants))
}

/// The largest sum of weights on a path that ends in an output.
fn longest(canonical: &Canonical, weight: impl Fn(&Item) -> f64) -> f64 {
    let mut sum: Vec<f64> = Vec::with_capacity(canonical.items.len());
    for item in &canonical.items {
        let before = item.sources().map(|i| sum[i]).fold(0.0, f64::max);
        sum.push(before + weight(item));
    }
    canonical.outputs.iter().map(|o| sum[*o]).fold(0.0, f64::max)
}

/// Fewest operations between an input and an output.
fn shortest(canonical: &Canonical) -> f64 {
    let mut steps: Vec<f64> = Vec::with_capacity(canonical.items.len());
    for item in &canonical.items {
        let before = item.sources().map(|i| steps[i]).fold(f64::INFINITY, f64::min);
        steps.push(if item.input { 0.0 } else { before + 1.0 });
    }
    let least = canonical.outputs.iter().map(|o| steps[*o]).fold(f64::INFINITY, f64::min);
    if least.is_finite() { least } else { 0.0 }
}

/// Activations that cannot be fused into the op before them, because its result has other readers or it computes none.
fn unfused(graph: &Graph, canonical: &Canonical, readers: &[u32]) -> f64 {
    let alone = |item: &Item| {
        let Some(source) = item.sources().next() else { return false };
        item.kind(graph) == Kind::Activation && (readers[source] > 1 || canonical.items[source].input)
    };
    count(canonical.ops().filter(|item| alone(item)))
}

/// Most million bytes alive at once where every operation runs as soon as its operands are there: a value lives from its own step to
/// the last one that reads it. The order the graph was written in does not enter.
fn peak(graph: &Graph, canonical: &Canonical) -> f64 {
    let mut step: Vec<usize> = Vec::with_capacity(canonical.items.len());
    for item in &canonical.items {
        step.push(item.sources().map(|i| step[i] + 1).max().unwrap_or(0));
    }
    let end = step.iter().copied().max().unwrap_or(0);
    let mut last = step.clone();
    for (i, item) in canonical.items.iter().enumerate() {
        for source in item.sources() {
            last[source] = last[source].max(step[i]);
        }
    }
    for output in &canonical.outputs {
        last[*output] = end;
    }
    let (mut born, mut gone) = (vec![0_u64; end + 2], vec![0_u64; end + 2]);
    for (i, item) in canonical.items.iter().enumerate() {
        let bytes = graph.ty(item.value).bytes() as u64;
        born[step[i]] = born[step[i]].saturating_add(bytes);
        gone[last[i] + 1] = gone[last[i] + 1].saturating_add(bytes);
    }
    let (mut alive, mut most) = (0_u64, 0);
    for (new, old) in born.iter().zip(&gone) {
        alive = alive.saturating_add(*new).saturating_sub(*old);
        most = most.max(alive);
    }
    mega(most)
}

/// Positions of a result: the product of the axes behind batch and channels.
fn places(graph: &Graph, value: Value) -> usize {
    graph.ty(value).shape.iter().skip(2).product()
}

/// Binary logarithms of input channels, output channels and positions, mean by multiply-accumulates.
fn means(graph: &Graph, canonical: &Canonical, total: f64) -> [f64; 3] {
    let mut sums = [0.0; 3];
    if total <= 0.0 {
        return sums;
    }
    #[allow(clippy::cast_precision_loss, reason = "extents far below 2^53")]
    let log = |extent: usize| (extent.max(1) as f64).log2();
    for item in canonical.ops() {
        let share = macs(graph, item.value) / total;
        let channels = |value: Value| {
            let shape = &graph.ty(value).shape;
            shape.get(1).copied().unwrap_or(1)
        };
        let source = item.sources().next().map_or(1, |i| channels(canonical.items[i].value));
        let own = [log(source), log(channels(item.value)), log(places(graph, item.value))];
        for (sum, own) in sums.iter_mut().zip(own) {
            *sum += share * own;
        }
    }
    sums
}
