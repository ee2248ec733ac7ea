//! The dataflow's numbers for a layer, by exhaustion.

use super::{Array, Energy, Parameters, Plan};
use hw::machine::{Dim, Layer};

/// A layer the dataflow cannot place.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoMapping {
    /// Filter rows are spread along a column.
    #[error("{found} filter rows, {limit} at most on this array")]
    FilterRows {
        /// Of the layer.
        found: u64,
        /// Rows of the array.
        limit: u64,
    },
    /// A filter row is held whole.
    #[error("a filter row of {found} words, {limit} at most in an element's `{memory}` memory")]
    FilterRow {
        /// Of the layer.
        found: u64,
        /// Words of the memory.
        limit: u64,
        /// `filter`, `input` or `sum`.
        memory: &'static str,
    },
    /// One output row of one filter, with the input rows it needs, is more than the buffer holds.
    #[error("the smallest strip takes {found} banks of the buffer, {limit} at most")]
    Buffer {
        /// Banks.
        found: u64,
        /// Banks.
        limit: u64,
    },
}

/// The mapping that fits with the least product of two figures: cycles while the array streams, and energy of the memories outside
/// the array (`energy.buffer` and `energy.backing`); among equals the fastest.
///
/// Energy alone leaves half an array idle to save sums in the buffer, cycles alone make sets of single rows. What happens inside
/// the array is left out, as is the time between passes: so chosen, the seven numbers give the elements at work and the buffer
/// traffic that are published for the Eyeriss chip on every layer of AlexNet (see `tests/eyeriss.rs`).
///
/// Filters are shared out evenly (`p t` divides `m`, `m` divides the filters of a group); rows, channels and images may leave a
/// smaller last pass. Every combination is tried.
pub fn derive(array: &Array, layer: &Layer, energy: &Energy) -> Result<Plan, NoMapping> {
    let smallest = Parameters { m: 1, n: 1, e: 1, p: 1, q: 1, r: 1, t: 1 };
    let smallest = Plan { array: *array, layer: *layer, parameters: smallest };
    refuse(&smallest)?;
    let size = |d: Dim| layer.size[d as usize];
    let mut best = (f64::INFINITY, f64::INFINITY, smallest);
    for e in (1..=size(Dim::P).min(array.rows.saturating_mul(array.columns))).rev() {
        let sets = array.sets(size(Dim::R), e);
        let floor = floor(&Plan { parameters: Parameters { e, ..smallest.parameters }, ..smallest }, energy);
        for (r, t) in (1..=sets.min(size(Dim::C))).flat_map(|r| (1..=sets / r).map(move |t| (r, t))) {
            let active = size(Dim::R) * e * r * t;
            if !size(Dim::K).is_multiple_of(t) || floor * (layer.macs() as f64 / active as f64) > best.0 {
                continue;
            }
            for q in 1..=(array.input_words / size(Dim::S)).min(size(Dim::C).div_ceil(r)) {
                let p = (1..=array.sum_words.min(array.filter_words / (q * size(Dim::S))))
                    .take_while(|p| p * t <= size(Dim::K));
                for p in p.filter(|p| size(Dim::K).is_multiple_of(p * t)) {
                    for (m, n) in blocks(p * t, &smallest, e) {
                        let plan = Plan { parameters: Parameters { m, n, e, p, q, r, t }, ..smallest };
                        if plan.fits() {
                            better(&mut best, plan, energy);
                        }
                    }
                }
            }
        }
    }
    Ok(best.2)
}

/// Blocks of filters and images to try with sets of `filters`, the sums of which the buffer holds.
fn blocks(filters: u64, plan: &Plan, e: u64) -> impl Iterator<Item = (u64, u64)> {
    let [all, images, columns] = [Dim::K, Dim::N, Dim::Q].map(|d| plan.layer.size[d as usize]);
    let most = plan.array.banks.saturating_mul(plan.array.bank_words) / (e * columns).max(1);
    let m = (1..=all.min(most) / filters).map(move |x| x * filters).filter(move |&m| all.is_multiple_of(m));
    m.flat_map(move |m| (1..=images.min(most / m)).map(move |n| (m, n)))
}

/// Energy outside the array that no choice but the strips' height changes: every input once and the filters once a strip, unless
/// the array could keep them.
fn floor(strips: &Plan, energy: &Energy) -> f64 {
    let size = |d: Dim| strips.layer.size[d as usize];
    let once =
        Plan { parameters: Parameters { m: size(Dim::K), n: size(Dim::N), ..strips.parameters }, ..*strips }
            .outside();
    let sets = strips.array.sets(size(Dim::R), 1) as f64;
    let kept = (size(Dim::K) * size(Dim::C) * size(Dim::S)) as f64 <= strips.array.filter_words as f64 * sets;
    let filters = if kept { once.backing_filter / size(Dim::P) as f64 } else { once.backing_filter };
    (once.backing_input + once.backing_output + filters) * energy.backing + once.backing_input * energy.buffer
}

fn better(best: &mut (f64, f64, Plan), plan: Plan, energy: &Energy) {
    let counts = plan.outside();
    let outside = counts.backing() * energy.backing + counts.buffer() * energy.buffer;
    // No array does more than one multiply-accumulate a cycle and element.
    if outside * (plan.layer.macs() as f64 / plan.active() as f64) > best.0 {
        return;
    }
    let cycles = plan.cycles();
    let cost = outside * (cycles.compute + cycles.stream);
    if cost < best.0 || (cost == best.0 && cycles.total() < best.1) {
        *best = (cost, cycles.total(), plan);
    }
}

fn refuse(smallest: &Plan) -> Result<(), NoMapping> {
    let (array, size) = (&smallest.array, |d: Dim| smallest.layer.size[d as usize]);
    if array.sets(size(Dim::R), 1) == 0 {
        return Err(NoMapping::FilterRows { found: size(Dim::R), limit: array.rows });
    }
    let held = [
        ("filter", array.filter_words, size(Dim::S)),
        ("input", array.input_words, size(Dim::S)),
        ("sum", array.sum_words, 1),
    ];
    for (memory, limit, found) in held {
        if found > limit {
            return Err(NoMapping::FilterRow { found, limit, memory });
        }
    }
    if array.bank_words == 0 || smallest.banks() > array.banks {
        let found = if array.bank_words == 0 { 2 } else { smallest.banks() };
        return Err(NoMapping::Buffer { found, limit: if array.bank_words == 0 { 0 } else { array.banks } });
    }
    Ok(())
}
