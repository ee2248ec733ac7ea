//! `eliminate-channels`: channels that always hold the same, and channels nothing reads, go.
//!
//! Interval analysis proves what each channel of a quantized network can hold. What a constant channel gives to the sums behind it
//! goes into their bias: everywhere the same, it must be real 0 where windows reach into padding. A channel is also gone where all
//! weights that read it are 0. Channels that elementwise ops, pools and concatenations tie together go together.
//!
//! Where the target's lanes hold several channels, as many are kept as fill them if that is cheaper for the target.

use crate::channels::{Coupling, Interval, Role, Terms, channels, intervals, role, shrink};
use crate::egraph::{OpCost, OperandUse, Use};
use crate::{Context, Outcome, Pass, PassError, Relation};
use ir::{Attrs, Graph, Kind, Value};
use std::collections::{BTreeMap, BTreeSet};

/// The pass.
pub struct EliminateChannels;

impl Pass for EliminateChannels {
    const NAME: &'static str = "eliminate-channels";
    const SUMMARY: &'static str =
        "remove channels that are constant or that nothing reads; constants go into the next bias";
    const RELATION: Relation = Relation::Exact;

    fn from_options(_options: &Attrs) -> Result<Self, String> {
        Ok(Self)
    }

    fn run(&self, graph: &mut Graph, context: &Context<'_>) -> Result<Outcome, PassError> {
        let mut removed = 0;
        // Each round can leave weights that read nothing any more; every round removes a channel.
        while let Some(plan) = Plan::of(graph) {
            let mut best = plan.applied(graph);
            if context.target.channel_multiple > 1 {
                let padded = plan.filled(graph, context.target.channel_multiple);
                let padded = padded.applied(graph);
                if cost(&padded.0, context.cost) < cost(&best.0, context.cost) {
                    best = padded;
                }
            }
            if best.1 == 0 {
                break;
            }
            removed += best.1;
            *graph = best.0;
        }
        Ok(Outcome::of_counts([("channels", removed)]))
    }
}

/// What can go.
struct Plan {
    coupling: Coupling,
    gone: BTreeSet<usize>,
    known: BTreeMap<Value, Vec<Interval>>,
}

impl Plan {
    fn of(graph: &Graph) -> Option<Self> {
        let (coupling, known) = (Coupling::of(graph), intervals(graph));
        let mut kept = BTreeSet::new();
        let mut classes = BTreeSet::new();
        for value in graph.values() {
            let Some(count) = channels(graph, value) else { continue };
            let readers = readers(graph, value, &known);
            for channel in 0..count {
                let Some(class) = coupling.class((value, channel)) else { continue };
                classes.insert(class);
                if coupling.is_fixed(class) || !readers.iter().all(|absorbs| absorbs[channel]) {
                    kept.insert(class);
                }
            }
        }
        let gone: BTreeSet<usize> = classes.difference(&kept).copied().collect();
        let mut plan = Self { coupling, gone, known };
        plan.keep_one(graph);
        (!plan.gone.is_empty()).then_some(plan)
    }

    /// A value keeps a channel.
    fn keep_one(&mut self, graph: &Graph) {
        for value in graph.values() {
            let Some(count) = channels(graph, value) else { continue };
            if (0..count).all(|c| self.is_gone(value, c))
                && let Some(class) = self.coupling.class((value, 0))
            {
                self.gone.remove(&class);
            }
        }
    }

    fn is_gone(&self, value: Value, channel: usize) -> bool {
        self.coupling.class((value, channel)).is_some_and(|class| self.gone.contains(&class))
    }

    /// Keeps channels until every value has a multiple of so many, where it had enough.
    fn filled(&self, graph: &Graph, multiple: usize) -> Self {
        let mut gone = self.gone.clone();
        for value in graph.topological() {
            let Some(count) = channels(graph, value) else { continue };
            let class = |c: usize| self.coupling.class((value, c));
            let lost: Vec<usize> = (0..count).filter_map(class).filter(|c| gone.contains(c)).collect();
            let left = count - lost.len();
            let wanted = left.next_multiple_of(multiple).min(count) - left;
            for class in lost.into_iter().take(wanted) {
                gone.remove(&class);
            }
        }
        Self { coupling: Coupling::of(graph), gone, known: self.known.clone() }
    }

    /// The graph without what is gone, and how many channels those are.
    fn applied(&self, graph: &Graph) -> (Graph, usize) {
        let mut keep = BTreeMap::new();
        let mut removed = 0;
        for value in graph.values() {
            let Some(count) = channels(graph, value) else { continue };
            let left: Vec<usize> = (0..count).filter(|&c| !self.is_gone(value, c)).collect();
            if left.len() < count {
                removed += count - left.len();
                keep.insert(value, left);
            }
        }
        let mut added = BTreeMap::new();
        for value in graph.values() {
            if let Some(sums) = self.lost_sums(graph, value) {
                added.insert(value, sums);
            }
        }
        let mut graph = graph.clone();
        shrink(&mut graph, &keep, &added);
        (graph, removed)
    }

    /// What the operand's lost channels gave to each sum of a mixing node.
    fn lost_sums(&self, graph: &Graph, value: Value) -> Option<Vec<i64>> {
        let node = graph.node(value);
        if role(graph, value) != Role::Mix {
            return None;
        }
        let x = node.operand("x")?;
        let (terms, known) = (Terms::of(graph, node)?, self.known.get(&x)?);
        let lost: Vec<usize> = (0..known.len()).filter(|&c| self.is_gone(x, c)).collect();
        if lost.is_empty() {
            return None;
        }
        let sum = |row: &Vec<Vec<i64>>| lost.iter().map(|&c| given(&row[c], known[c].0 - terms.zero)).sum();
        Some(terms.rows.iter().map(sum).collect())
    }
}

fn given(taps: &[i64], level: i64) -> i64 {
    taps.iter().map(|t| t * level).sum()
}

/// For every node that mixes a value's channels: which of them it can do without.
fn readers(graph: &Graph, value: Value, known: &BTreeMap<Value, Vec<Interval>>) -> Vec<Vec<bool>> {
    let count = graph.ty(value).shape[1];
    let mixing =
        |user: &Value| role(graph, *user) == Role::Mix && graph.node(*user).operand("x") == Some(value);
    graph
        .users(value)
        .into_iter()
        .filter(mixing)
        .map(|user| absorbs(graph, user, known.get(&value), count))
        .collect()
}

fn absorbs(graph: &Graph, user: Value, known: Option<&Vec<Interval>>, count: usize) -> Vec<bool> {
    let node = graph.node(user);
    let Some((known, terms)) = known.zip(Terms::of(graph, node)) else {
        return unread(graph, user, count);
    };
    let wide = graph.ty(user).element.range().is_some_and(|(low, high)| high - low > 255);
    let bias_element = node.operand("bias").map(|b| graph.ty(b).element);
    // A new bias of 32 bits would have 16-bit activations scaled in another way.
    let may_add = bias_element.is_some() || !wide;
    let (low, high) = bias_element.and_then(|e| e.range()).unwrap_or((i32::MIN.into(), i32::MAX.into()));
    // Whatever is taken in, every bias stays in its range.
    let mut room: Vec<i64> =
        terms.bias.iter().map(|&b| high.saturating_sub(b).min(b.saturating_sub(low))).collect();
    let take = |channel: usize| {
        let (least, most) = known[channel];
        let level = least - terms.zero;
        if terms.rows.iter().all(|row| row[channel].iter().all(|&t| t == 0)) {
            return true;
        }
        if least != most || !may_add || (terms.padded && level != 0) {
            return false;
        }
        let sums: Vec<i64> = terms.rows.iter().map(|row| given(&row[channel], level).abs()).collect();
        let fits = sums.iter().zip(&room).all(|(s, r)| s <= r);
        if fits {
            room.iter_mut().zip(&sums).for_each(|(r, s)| *r -= s);
        }
        fits
    };
    (0..count).map(take).collect()
}

/// Channels a float node has only zeros for.
fn unread(graph: &Graph, user: Value, count: usize) -> Vec<bool> {
    let weights = graph.node(user).operand("w").and_then(|w| graph.const_data(w));
    let Some(weights) = weights.filter(|w| w.element().is_float()) else { return vec![false; count] };
    let taps: usize = weights.shape()[2..].iter().product();
    let mut read = vec![false; count];
    for (at, weight) in weights.to_f32().into_iter().enumerate() {
        read[at / taps % count] |= weight != 0.0;
    }
    read.into_iter().map(|read| !read).collect()
}

/// What a target pays for a graph.
fn cost(graph: &Graph, by: &dyn OpCost) -> u64 {
    let paid = |value: Value| {
        let node = graph.node(value);
        let Kind::Op { op, attrs } = node.kind() else { return 0 };
        let operand = |v: Value| OperandUse { ty: graph.ty(v), constant: graph.node(v).constant().is_some() };
        let operands: Vec<_> = node.operands().iter().map(|o| o.map(operand)).collect();
        by.cost(&Use { op: *op, attrs, operands: &operands, result: node.ty() })
    };
    graph.values().map(paid).sum()
}

#[cfg(test)]
mod tests {
    use super::EliminateChannels;
    use crate::{rewrite, unchanged};
    use insta::assert_snapshot;

    #[test]
    fn a_channel_that_is_always_the_same_goes_into_the_next_bias() {
        // The second sum is 200 at least, however the input looks: the result is 100 everywhere, 100 more than its zero.
        let after = rewrite::<EliminateChannels>(
            "graph @t(%x: i8[1, 1, 2, 2] {scale = 1.0, zero = 0}) {
               const %w = [1, 0] : i8[2, 1, 1, 1] {scale = 1.0, zero = 0}
               const %b = [0, 200] : i32[2]
               %1 = conv2d %x, %w, %b : i8[1, 2, 2, 2] {scale = 2.0, zero = 0}
               const %v = [3, 4] : i8[1, 2, 1, 1] {scale = 1.0, zero = 0}
               %2 = conv2d %1, %v : i8[1, 1, 2, 2] {scale = 8.0, zero = 0}
               return %2
             }",
        );
        assert_snapshot!(after, @r"
        graph @t(%x: i8[1, 1, 2, 2] {scale = 1.0, zero = 0}) {
          const %0 = [1] : i8[1, 1, 1, 1] {scale = 1.0, zero = 0}
          const %1 = [0] : i32[1]
          %2 = conv2d %x, %0, %1 : i8[1, 1, 2, 2] {scale = 2.0, zero = 0}
          const %3 = [3] : i8[1, 1, 1, 1] {scale = 1.0, zero = 0}
          const %4 = [400] : i32[1]
          %5 = conv2d %2, %3, %4 : i8[1, 1, 2, 2] {scale = 8.0, zero = 0}
          return %5
        }
        ");
    }

    #[test]
    fn depthwise_pools_and_rows_behind_it_follow() {
        let after = rewrite::<EliminateChannels>(
            "graph @t(%x: i8[1, 1, 4, 4] {scale = 1.0, zero = 0}) {
               const %w = [1, 0] : i8[2, 1, 1, 1] {scale = 1.0, zero = 0}
               const %b = [0, -9] : i32[2]
               %1 = conv2d %x, %w, %b {act = relu} : i8[1, 2, 4, 4] {scale = 1.0, zero = 0}
               const %d = [1, 2, 3, 4, 5, 6, 7, 8] : i8[2, 1, 2, 2] {scale = 1.0, zero = 0}
               %2 = conv2d %1, %d {stride = [2, 2], pad = [0, 0, 1, 1], groups = 2} : i8[1, 2, 2, 2] {scale = 9.0, zero = 0}
               %3 = max_pool2d %2 {kernel = [1, 2], stride = [1, 2]} : i8[1, 2, 2, 1] {scale = 9.0, zero = 0}
               %4 = reshape %3 {shape = [1, 4]} : i8[1, 4] {scale = 9.0, zero = 0}
               const %v = [1, 2, 3, 4] : i8[1, 4] {scale = 1.0, zero = 0}
               %5 = dense %4, %v : i8[1, 1] {scale = 20.0, zero = 0}
               return %5
             }",
        );
        assert_snapshot!(after, @r"
        graph @t(%x: i8[1, 1, 4, 4] {scale = 1.0, zero = 0}) {
          const %0 = [1] : i8[1, 1, 1, 1] {scale = 1.0, zero = 0}
          const %1 = [0] : i32[1]
          %2 = conv2d %x, %0, %1 {act = relu} : i8[1, 1, 4, 4] {scale = 1.0, zero = 0}
          const %3 = [1, 2, 3, 4] : i8[1, 1, 2, 2] {scale = 1.0, zero = 0}
          %4 = conv2d %2, %3 {stride = [2, 2], pad = [0, 0, 1, 1]} : i8[1, 1, 2, 2] {scale = 9.0, zero = 0}
          %5 = max_pool2d %4 {kernel = [1, 2], stride = [1, 2]} : i8[1, 1, 2, 1] {scale = 9.0, zero = 0}
          %6 = reshape %5 {shape = [1, 2]} : i8[1, 2] {scale = 9.0, zero = 0}
          const %7 = [1, 2] : i8[1, 2] {scale = 1.0, zero = 0}
          %8 = dense %6, %7 : i8[1, 1] {scale = 20.0, zero = 0}
          return %8
        }
        ");
    }

    #[test]
    fn a_channel_nothing_reads_goes_in_float_too() {
        let after = rewrite::<EliminateChannels>(
            "graph @t(%x: f32[1, 2]) {
               const %w = [1.0, 2.0, 3.0, 4.0] : f32[2, 2]
               %1 = dense %x, %w {act = relu}
               const %v = [0.0, 5.0] : f32[1, 2]
               %2 = dense %1, %v
               return %2
             }",
        );
        assert_snapshot!(after, @r"
        graph @t(%x: f32[1, 2]) {
          const %0 = [3.0, 4.0] : f32[1, 2]
          %1 = dense %x, %0 {act = relu} : f32[1, 1]
          const %2 = [5.0] : f32[1, 1]
          %3 = dense %1, %2 : f32[1, 1]
          return %3
        }
        ");
    }

    #[test]
    fn channels_of_a_sum_go_only_where_both_sides_are_constant() {
        unchanged::<EliminateChannels>(
            "graph @t(%x: i8[1, 2, 1, 1] {scale = 1.0, zero = 0}) {
               const %w = [1, 1, 0, 0] : i8[2, 2, 1, 1] {scale = 1.0, zero = 0}
               %1 = conv2d %x, %w : i8[1, 2, 1, 1] {scale = 2.0, zero = 0}
               %2 = add %1, %x : i8[1, 2, 1, 1] {scale = 2.0, zero = 0}
               const %v = [3, 4] : i8[1, 2, 1, 1] {scale = 1.0, zero = 0}
               %3 = conv2d %2, %v : i8[1, 1, 1, 1] {scale = 8.0, zero = 0}
               return %3
             }",
        );
    }

    #[test]
    fn a_constant_that_is_not_zero_stays_where_windows_reach_into_padding() {
        unchanged::<EliminateChannels>(
            "graph @t(%x: i8[1, 1, 2, 2] {scale = 1.0, zero = 0}) {
               const %w = [1, 0] : i8[2, 1, 1, 1] {scale = 1.0, zero = 0}
               const %b = [0, 200] : i32[2]
               %1 = conv2d %x, %w, %b : i8[1, 2, 2, 2] {scale = 2.0, zero = 0}
               const %v = [3, 4] : i8[1, 2, 1, 1] {scale = 1.0, zero = 0}
               %2 = conv2d %1, %v {pad = [1, 1, 1, 1]} : i8[1, 1, 4, 4] {scale = 8.0, zero = 0}
               return %2
             }",
        );
    }

    #[test]
    fn a_value_keeps_a_channel() {
        unchanged::<EliminateChannels>(
            "graph @t(%x: i8[1, 1, 2, 2] {scale = 1.0, zero = 0}) {
               const %w = [0] : i8[1, 1, 1, 1] {scale = 1.0, zero = 0}
               %1 = conv2d %x, %w : i8[1, 1, 2, 2] {scale = 2.0, zero = 0}
               %2 = conv2d %1, %w : i8[1, 1, 2, 2] {scale = 8.0, zero = 0}
               return %2
             }",
        );
    }
}
