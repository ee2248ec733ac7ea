//! What a network is made of, as a row of numbers a predictor can use: counts and sizes of its canonical graph.
//!
//! A compiler drops what does not reach an output, computes equal values once and folds what depends on constants alone; so does
//! [`canonical()`], and the features are counted on what is left. On measured boards that alone carries a predictor further than ten
//! times the samples. What was dropped is counted too, apart: some compilers leave it in. Every network has the same columns, in the
//! order of [`columns`]; names and values do not depend on how values are called or in which order they were written.
//!
//! Pass the graph as the device will run it: fused activations are part of their op, not operations of their own.

mod canonical;
mod kind;
mod paths;

pub use canonical::{Canonical, Item, Operand, canonical};
pub use kind::Kind;

use ir::{Graph, Value};
use std::collections::HashMap;

/// One feature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Feature {
    /// Its name, such as `conv_kxk.mmac`.
    pub name: String,
    /// Whether work of this kind adds up: such columns may stand in a linear model.
    pub additive: bool,
    /// What it counts, with its unit.
    pub meaning: &'static str,
}

/// Features that are not per kind of op: name, additive, meaning.
const WHOLE: &[(&str, bool, &str)] = &[
    ("total.mmac", true, "million multiply-accumulates"),
    ("total.read_mb", true, "million bytes of activations read, once per operand"),
    ("total.written_mb", true, "million bytes of activations written"),
    ("total.parameter_mb", true, "million bytes of constants read"),
    (
        "activation.after_shared",
        true,
        "activations of a value that others read too: they cannot be fused into its producer",
    ),
    ("removed.mmac", true, "million multiply-accumulates that reach no output or fold to constants"),
    ("ops", false, "operations left"),
    ("ops.large_maps", false, "operations whose result has 1024 positions or more"),
    ("ops.small_maps", false, "operations whose result has fewer than 256 positions"),
    ("values.shared", false, "values with several readers"),
    ("values.most_readers", false, "readers of the most read value"),
    ("add.of_equal", false, "additions of a value to itself"),
    ("path.ops", false, "operations on the longest path"),
    ("path.mmac", false, "million multiply-accumulates on the heaviest path"),
    ("path.convolutions", false, "convolutions and matrix products on the path with most of them"),
    ("path.shortest_ops", false, "operations on the shortest path from an input to an output"),
    ("parallelism", false, "operations over operations on the longest path"),
    ("live.peak_mb", false, "million bytes alive at once, each operation as early as it can"),
    ("channels.in_log2", false, "binary logarithm of input channels, mean by multiply-accumulates"),
    ("channels.out_log2", false, "binary logarithm of output channels, mean by multiply-accumulates"),
    ("positions_log2", false, "binary logarithm of positions of a result, mean by multiply-accumulates"),
    ("mac_per_byte", false, "multiply-accumulates per byte of activations and constants"),
];

/// The features every network has, in the order of [`extract`].
pub fn columns() -> Vec<Feature> {
    let mut all = Vec::new();
    for kind in Kind::ALL {
        let name = kind.name();
        let mut push = |suffix: &str, meaning| {
            all.push(Feature { name: format!("{name}.{suffix}"), additive: true, meaning });
        };
        push("count", "operations");
        if kind.multiplies() {
            push("mmac", "million multiply-accumulates");
        } else {
            push("melements", "million elements of results");
        }
        push("removed", "operations that reach no output, repeat another or fold to constants");
    }
    all.extend(WHOLE.iter().map(|(n, additive, meaning)| Feature {
        name: (*n).to_owned(),
        additive: *additive,
        meaning,
    }));
    all
}

/// The features of a network: one finite number per entry of [`columns`]. A network whose outputs do not depend on its inputs has
/// nothing left to run: its counts are 0.
pub fn extract(graph: &Graph) -> Vec<f64> {
    let canonical = canonical(graph);
    let mut sums: HashMap<Kind, [f64; 3]> = HashMap::new();
    for value in graph.values() {
        if let Some(kind) = Kind::of(graph, value, 2) {
            // Before canonical form nobody has asked which operands are constants: those of the op's own text count.
            sums.entry(given(graph, value, kind)).or_default()[2] += 1.0;
        }
    }
    for item in canonical.ops() {
        let kind = item.kind(graph);
        let entry = sums.entry(kind).or_default();
        entry[0] += 1.0;
        entry[1] += if kind.multiplies() { macs(graph, item.value) } else { elements(graph, item.value) };
        entry[2] -= 1.0;
    }
    let mut row = Vec::new();
    for kind in Kind::ALL {
        let [count, size, removed] = sums.get(&kind).copied().unwrap_or_default();
        row.extend([count, size, removed.max(0.0)]);
    }
    row.extend(paths::whole(graph, &canonical));
    row
}

/// The kind of an op as written, where a fold elsewhere may since have made an operand constant.
fn given(graph: &Graph, value: Value, kind: Kind) -> Kind {
    let constant = |v: &Value| graph.node(*v).constant().is_some();
    let moving = graph.node(value).operands().iter().flatten().filter(|v| !constant(v)).count();
    Kind::of(graph, value, moving).unwrap_or(kind)
}

#[allow(clippy::cast_precision_loss, reason = "counts far below 2^53")]
pub(crate) fn mega(n: u64) -> f64 {
    n as f64 / 1e6
}

fn macs(graph: &Graph, value: Value) -> f64 {
    mega(graph.macs(value).0)
}

fn elements(graph: &Graph, value: Value) -> f64 {
    mega(graph.ty(value).elements() as u64)
}

#[cfg(test)]
mod tests;
