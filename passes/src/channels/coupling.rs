//! Which channels of which values must be there together.

use super::channels;
use ir::{Granularity, Graph, Kind, Value};
use std::collections::BTreeMap;

/// What an op does with channels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// Every channel of the result depends on every channel of the first operand, by constant weights `[c_out, c_in, ..]`.
    Mix,
    /// A channel of the result depends on the same channel of the operands.
    Each,
    /// Channels one operand after another.
    Concat,
    /// A channel of the operand becomes this many neighbouring channels of the result.
    Spread(usize),
    /// Anything else: nothing may be removed around it.
    Fixed,
}

/// What the node that defines `value` does with channels.
pub(crate) fn role(graph: &Graph, value: Value) -> Role {
    let node = graph.node(value);
    let Kind::Op { op, attrs } = node.kind() else { return Role::Fixed };
    let shape = |v: Value| &graph.ty(v).shape;
    let first = node.operands().first().copied().flatten();
    let Some(x) = first.filter(|&x| channels(graph, x).is_some() && channels(graph, value).is_some()) else {
        return Role::Fixed;
    };
    // Where a kernel's result depends on where among others a channel stands, channels stay where they are.
    let placed = attrs.has("round") && attrs.word("round") == "tflite-builtin";
    let plain = |name: &str| {
        node.operand(name).is_none_or(|v| {
            let quant = graph.ty(v).quant.as_ref();
            graph.const_data(v).is_some()
                && quant.is_none_or(|q| !matches!(q.granularity, Granularity::PerGroup { .. }))
        })
    };
    match op.name {
        "conv2d" | "conv1d" if plain("w") && plain("bias") => {
            let (groups, c_in, c_out) = (attrs.int("groups") as usize, shape(x)[1], shape(value)[1]);
            match groups {
                1 => Role::Mix,
                g if g == c_in && g == c_out && !placed => Role::Each,
                _ => Role::Fixed,
            }
        }
        "dense" if plain("w") && plain("bias") && shape(x).len() == 2 => Role::Mix,
        "max_pool2d" | "avg_pool2d" => Role::Each,
        "mean" | "reduce_max" | "sum" if !placed => {
            let rank = shape(x).len() as i64;
            let spatial = attrs.ints("axes").iter().all(|&axis| axis.rem_euclid(rank) >= 2);
            if spatial { Role::Each } else { Role::Fixed }
        }
        "pad" => {
            let none = |name: &str| attrs.ints(name)[1] == 0;
            if none("before") && none("after") { Role::Each } else { Role::Fixed }
        }
        "resize2d" => Role::Each,
        "concat" if attrs.int("axis").rem_euclid(shape(value).len() as i64) == 1 => Role::Concat,
        "reshape" => {
            let (from, to) = (shape(x), shape(value));
            let whole = from[0] == to[0] && to.len() == 2;
            if whole { Role::Spread(from[2..].iter().product()) } else { Role::Fixed }
        }
        _ if op.traits.elementwise => Role::Each,
        _ => Role::Fixed,
    }
}

/// Operands whose channels are those of the result, for [`Role::Each`] and the residual of a convolution.
pub(crate) fn alike(graph: &Graph, value: Value, role: Role) -> Vec<Value> {
    let node = graph.node(value);
    let computed = |v: &Value| channels(graph, *v).is_some();
    match role {
        Role::Each if node.is("conv2d") || node.is("conv1d") => node
            .operands()
            .iter()
            .enumerate()
            .filter(|(i, _)| *i == 0 || *i == 3)
            .filter_map(|(_, o)| *o)
            .collect(),
        Role::Each => node.operands().iter().flatten().copied().filter(computed).collect(),
        Role::Mix if node.is("conv2d") => node.operand("residual").into_iter().collect(),
        _ => Vec::new(),
    }
}

/// Channels in classes that are there or gone together.
pub(crate) struct Coupling {
    first: BTreeMap<Value, usize>,
    parent: Vec<usize>,
    fixed: Vec<bool>,
}

impl Coupling {
    /// Couples the channels of a graph.
    pub(crate) fn of(graph: &Graph) -> Self {
        let mut coupling = Self { first: BTreeMap::new(), parent: Vec::new(), fixed: Vec::new() };
        let order = graph.topological();
        for &value in &order {
            if let Some(count) = channels(graph, value) {
                coupling.first.insert(value, coupling.parent.len());
                coupling.parent.extend(coupling.parent.len()..coupling.parent.len() + count);
            }
        }
        coupling.fixed = vec![false; coupling.parent.len()];
        for &value in graph.inputs().iter().chain(graph.outputs()) {
            coupling.fix(value);
        }
        for &value in &order {
            if matches!(graph.node(value).kind(), Kind::Op { .. }) {
                coupling.couple(graph, value);
            }
        }
        coupling
    }

    fn couple(&mut self, graph: &Graph, value: Value) {
        let role = role(graph, value);
        let operands: Vec<Value> = graph.node(value).operands().iter().flatten().copied().collect();
        match role {
            Role::Fixed => operands.into_iter().chain([value]).for_each(|v| self.fix(v)),
            Role::Mix | Role::Each => {
                let count = graph.ty(value).shape[1];
                for other in alike(graph, value, role) {
                    let elementwise = graph.node(value).op().is_some_and(|op| op.traits.elementwise);
                    if elementwise && graph.ty(other).rank() != graph.ty(value).rank() {
                        // Broadcasting lines axes up from the last one.
                        self.fix(other);
                        self.fix(value);
                    } else if graph.ty(other).shape[1] == count {
                        (0..count).for_each(|c| self.join((other, c), (value, c)));
                    } else {
                        // Broadcast along the channels.
                        self.fix(other);
                    }
                }
            }
            Role::Concat => {
                let mut at = 0;
                for operand in operands {
                    for channel in 0..graph.ty(operand).shape[1] {
                        match self.first.contains_key(&operand) {
                            true => self.join((operand, channel), (value, at)),
                            false => self.fix_one((value, at)),
                        }
                        at += 1;
                    }
                }
            }
            Role::Spread(many) => {
                for at in 0..graph.ty(value).shape[1] {
                    self.join((operands[0], at / many), (value, at));
                }
            }
        }
    }

    /// The class of a channel, by one of its members.
    pub(crate) fn class(&self, (value, channel): (Value, usize)) -> Option<usize> {
        self.first.get(&value).map(|first| self.root(first + channel))
    }

    /// Whether a class must stay.
    pub(crate) fn is_fixed(&self, class: usize) -> bool {
        self.fixed[class]
    }

    fn root(&self, mut at: usize) -> usize {
        while self.parent[at] != at {
            at = self.parent[at];
        }
        at
    }

    fn join(&mut self, a: (Value, usize), b: (Value, usize)) {
        if let (Some(a), Some(b)) = (self.class(a), self.class(b)) {
            let (low, high) = (a.min(b), a.max(b));
            self.parent[high] = low;
            self.fixed[low] |= self.fixed[high];
        }
    }

    fn fix(&mut self, value: Value) {
        let Some(&first) = self.first.get(&value) else { return };
        let next = self.first.values().copied().filter(|&f| f > first).min().unwrap_or(self.parent.len());
        for at in first..next {
            let root = self.root(at);
            self.fixed[root] = true;
        }
    }

    fn fix_one(&mut self, channel: (Value, usize)) {
        if let Some(class) = self.class(channel) {
            self.fixed[class] = true;
        }
    }
}
