//! A graph without some channels.

use super::coupling::{Role, role};
use super::{channels, take, take_type};
use ir::{Attr, Element, Graph, Kind, Tensor, Type, Value};
use std::collections::BTreeMap;

/// Takes channels out of a graph, with the weights that make them and those that read them.
///
/// `keep` has the channels that stay of every value that loses some, for whole classes of a coupling; `added` is what the lost
/// channels gave to the sums of a node, by output channel as it was.
pub(crate) fn shrink(
    graph: &mut Graph,
    keep: &BTreeMap<Value, Vec<usize>>,
    added: &BTreeMap<Value, Vec<i64>>,
) {
    let mut made: BTreeMap<Value, Value> = BTreeMap::new();
    for value in graph.topological() {
        let node = graph.node(value);
        let Kind::Op { op, attrs } = node.kind() else { continue };
        let (op, mut attrs, old) = (*op, attrs.clone(), node.operands().to_vec());
        let touched = old.iter().flatten().any(|o| made.contains_key(o));
        if !touched && !keep.contains_key(&value) && !added.contains_key(&value) {
            continue;
        }
        let site = Site { value, role: role(graph, value), keep };
        let mut operands: Vec<Option<Value>> =
            old.iter().map(|o| o.map(|v| *made.get(&v).unwrap_or(&v))).collect();
        site.cut_constants(graph, &mut operands);
        if let Some(sums) = added.get(&value) {
            site.add_to_bias(graph, &mut operands, sums);
        }
        let ty = site.result(graph);
        if attrs.has("groups") && attrs.int("groups") > 1 {
            attrs = attrs.with("groups", Attr::Int(ty.shape[1] as i64));
        }
        if op.name == "reshape" {
            attrs = attrs.with("shape", Attr::Ints(ty.shape.iter().map(|&d| d as i64).collect()));
        }
        let name = graph.node(value).name().map(str::to_owned);
        let new = graph.add_with(op, &operands, attrs, Some(ty));
        let new = new.expect("invariant: a node without some channels of a coupled class is well-typed");
        graph.set_name(value, None);
        graph.set_name(new, name);
        made.insert(value, new);
    }
    let outputs: Vec<Value> = graph.outputs().iter().map(|v| *made.get(v).unwrap_or(v)).collect();
    graph.set_outputs(outputs);
    graph.remove_dead();
}

/// A node that is made anew.
struct Site<'a> {
    value: Value,
    role: Role,
    keep: &'a BTreeMap<Value, Vec<usize>>,
}

impl Site<'_> {
    fn result(&self, graph: &Graph) -> Type {
        let ty = graph.ty(self.value);
        self.keep.get(&self.value).map_or_else(|| ty.clone(), |keep| take_type(ty, 1, keep))
    }

    /// Cuts weights and other constants down to what is left.
    fn cut_constants(&self, graph: &mut Graph, operands: &mut [Option<Value>]) {
        let node = graph.node(self.value);
        let (name, outs) = (node.op().map_or("", |op| op.name), self.keep.get(&self.value));
        let ins = node.operands().first().copied().flatten().and_then(|x| self.keep.get(&x));
        let weighted = matches!(name, "conv2d" | "conv1d" | "dense");
        let rank = graph.ty(self.value).rank();
        for (index, operand) in operands.iter_mut().enumerate() {
            let Some(constant) =
                operand.filter(|&v| channels(graph, v).is_none() && graph.node(v).constant().is_some())
            else {
                continue;
            };
            let mut cuts: Vec<(usize, &[usize])> = Vec::new();
            match (weighted, index) {
                (true, 1) => {
                    cuts.extend(outs.map(|keep| (0, keep.as_slice())));
                    cuts.extend(ins.filter(|_| self.role == Role::Mix).map(|keep| (1, keep.as_slice())));
                }
                (true, _) => cuts.extend(outs.map(|keep| (0, keep.as_slice()))),
                // Broadcast operands line up from the last axis.
                (false, _) => {
                    let ty = graph.ty(constant);
                    let axis =
                        (ty.rank() + 1).checked_sub(rank).filter(|&a| a < ty.rank() && ty.shape[a] > 1);
                    cuts.extend(axis.and_then(|a| outs.map(|keep| (a, keep.as_slice()))));
                }
            }
            for (axis, keep) in cuts {
                *operand = Some(cut(graph, operand.expect("invariant: a constant operand"), axis, keep));
            }
        }
    }

    /// Adds what lost channels gave to the bias, making one where there is none.
    fn add_to_bias(&self, graph: &mut Graph, operands: &mut Vec<Option<Value>>, sums: &[i64]) {
        let keep = self.keep.get(&self.value);
        let sums: Vec<i64> = match keep {
            Some(keep) => keep.iter().map(|&i| sums[i]).collect(),
            None => sums.to_vec(),
        };
        if sums.iter().all(|&s| s == 0) {
            return;
        }
        operands.resize(operands.len().max(3), None);
        let (ty, old) = match operands[2] {
            Some(bias) => {
                let data = graph.const_data(bias).expect("invariant: a mixing node's bias is there");
                (graph.ty(bias).clone(), data.to_ints())
            }
            None => (Type::new(Element::I32, vec![sums.len()]), vec![0; sums.len()]),
        };
        let new: Vec<i64> = old.iter().zip(&sums).map(|(a, b)| a + b).collect();
        let data = Tensor::from_ints(ty.element, ty.shape.clone(), &new);
        operands[2] = Some(graph.add_const(None, ty, data));
    }
}

fn cut(graph: &mut Graph, constant: Value, axis: usize, keep: &[usize]) -> Value {
    let data = graph.const_data(constant).expect("invariant: constants of coupled channels are there");
    let (ty, data) = (take_type(graph.ty(constant), axis, keep), take(data, axis, keep));
    graph.add_const(None, ty, data)
}
