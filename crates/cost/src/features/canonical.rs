//! The canonical form of a graph: equal values once, nothing dead, nothing that constants alone decide.

use super::Kind;
use ir::{Graph, Value};
use std::collections::HashMap;
use std::fmt::Write;

/// Where an operand comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Operand {
    /// A constant, or what constants alone decide.
    Constant(Value),
    /// An item of the canonical graph.
    Item(usize),
}

/// An input or an operation that is left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// The first value of the graph that computes it.
    pub value: Value,
    /// Its operands; left-out ones are not there.
    pub operands: Vec<Operand>,
    /// Whether it is an input.
    pub input: bool,
}

impl Item {
    /// The kind of an operation.
    pub fn kind(&self, graph: &Graph) -> Kind {
        Kind::of(graph, self.value, self.sources().count()).unwrap_or(Kind::Other)
    }

    /// The items it reads.
    pub fn sources(&self) -> impl Iterator<Item = usize> {
        self.operands.iter().filter_map(|o| match o {
            Operand::Item(i) => Some(*i),
            Operand::Constant(_) => None,
        })
    }
}

/// The canonical graph: items in an order in which operands come first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Canonical {
    /// What is left, inputs first used first.
    pub items: Vec<Item>,
    /// The outputs that are not constant.
    pub outputs: Vec<usize>,
}

impl Canonical {
    /// The operations.
    pub fn ops(&self) -> impl Iterator<Item = &Item> {
        self.items.iter().filter(|item| !item.input)
    }
}

/// Numbers every value by what it computes: op, attributes, type and operands, commutative ones in either order. Two weights are the
/// same where they have one name, or are one value.
pub fn canonical(graph: &Graph) -> Canonical {
    let mut number: HashMap<Value, Operand> = HashMap::new();
    let mut known: HashMap<(String, Vec<Operand>), usize> = HashMap::new();
    let mut named: HashMap<&str, Value> = HashMap::new();
    let mut items: Vec<Item> = Vec::new();
    for value in graph.topological() {
        let node = graph.node(value);
        let found = if let Some(constant) = node.constant() {
            let same = constant.name.as_deref().map_or(value, |name| *named.entry(name).or_insert(value));
            Operand::Constant(same)
        } else if let Some(op) = node.op() {
            let mut operands: Vec<Operand> = node.operands().iter().flatten().map(|v| number[v]).collect();
            if operands.iter().all(|o| matches!(o, Operand::Constant(_))) {
                Operand::Constant(value)
            } else {
                let key = key(graph, value);
                let mut order = operands.clone();
                if op.traits.commutative && order.len() >= 2 {
                    order[..2].sort_unstable();
                    operands.clone_from(&order);
                }
                let next = items.len();
                let at = *known.entry((key, order)).or_insert(next);
                if at == next {
                    items.push(Item { value, operands, input: false });
                }
                Operand::Item(at)
            }
        } else {
            items.push(Item { value, operands: Vec::new(), input: true });
            Operand::Item(items.len() - 1)
        };
        number.insert(value, found);
    }
    let outputs = graph.outputs().iter().filter_map(|v| match number.get(v)? {
        Operand::Item(i) => Some(*i),
        Operand::Constant(_) => None,
    });
    let mut outputs: Vec<usize> = outputs.collect();
    outputs.sort_unstable();
    outputs.dedup();
    live(items, outputs)
}

/// What tells two ops on the same operands apart; left-out operands keep their place.
fn key(graph: &Graph, value: Value) -> String {
    let node = graph.node(value);
    let mut text = node.op().map_or_else(String::new, |op| op.name.to_owned());
    for operand in node.operands() {
        text.push(if operand.is_some() { 'x' } else { '_' });
    }
    // Writing to a string does not fail.
    let _ = write!(text, "{:?}{:?}", node.attrs(), node.ty());
    text
}

/// Drops what no output reads.
fn live(items: Vec<Item>, outputs: Vec<usize>) -> Canonical {
    let mut wanted = vec![false; items.len()];
    for output in &outputs {
        wanted[*output] = true;
    }
    for i in (0..items.len()).rev() {
        if wanted[i] {
            for source in items[i].sources() {
                wanted[source] = true;
            }
        }
    }
    let mut place = vec![0; items.len()];
    let mut kept = Vec::new();
    for (i, item) in items.into_iter().enumerate().filter(|(i, _)| wanted[*i]) {
        place[i] = kept.len();
        kept.push(item);
    }
    for item in &mut kept {
        for operand in &mut item.operands {
            if let Operand::Item(i) = operand {
                *i = place[*i];
            }
        }
    }
    Canonical { items: kept, outputs: outputs.into_iter().map(|o| place[o]).collect() }
}
