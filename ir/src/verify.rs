//! The verifier: everything wrong with a graph at once.

use crate::{Graph, Kind, Value};
use std::collections::HashSet;

/// Something wrong with a graph, and at which value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The value at fault; `None` for the graph as a whole.
    pub value: Option<Value>,
    /// What was found and what was expected.
    pub message: String,
}

/// Checks every node against the op table and the graph as a whole. Empty where all is well.
///
/// A graph that was parsed is sound by construction; a pass that rewires one may break what this finds.
pub fn verify(graph: &Graph) -> Vec<Finding> {
    let mut findings = Vec::new();
    for value in graph.values() {
        let fault = node_fault(graph, value);
        findings.extend(fault.map(|message| Finding { value: Some(value), message }));
    }
    findings.extend(whole_graph(graph));
    findings
}

fn node_fault(graph: &Graph, value: Value) -> Option<String> {
    let node = graph.node(value);
    if let Some(fault) = node.ty().fault() {
        return Some(fault);
    }
    match node.kind() {
        Kind::Input => None,
        Kind::Const(constant) => {
            let data = constant.data.as_ref()?;
            let fits = data.element() == node.ty().element && data.shape() == node.ty().shape;
            (!fits).then(|| format!("the data is {data:?}, {} expected", crate::text::type_text(node.ty())))
        }
        Kind::Op { op, attrs } => {
            let missing = node.operands().iter().flatten().find(|v| !graph.contains(**v));
            if let Some(missing) = missing {
                return Some(format!("operand {missing:?} was removed"));
            }
            let types: Vec<_> = node.operands().iter().map(|o| o.map(|v| graph.ty(v))).collect();
            op.infer(&types, attrs, Some(node.ty())).err().map(|error| format!("{}: {error}", op.name))
        }
    }
}

fn whole_graph(graph: &Graph) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut whole = |message: &str| findings.push(Finding { value: None, message: message.to_owned() });
    if graph.outputs().is_empty() {
        whole("the graph has no output");
    }
    if graph.outputs().iter().any(|v| !graph.contains(*v)) {
        whole("an output was removed");
    }
    let ordered: HashSet<Value> = graph.topological().into_iter().collect();
    let cyclic = graph.values().filter(|v| !ordered.contains(v));
    findings.extend(cyclic.map(|v| Finding { value: Some(v), message: "depends on itself".to_owned() }));
    let mut names = HashSet::new();
    for input in graph.inputs() {
        if !graph.node(*input).name().is_some_and(|name| names.insert(name)) {
            findings.push(Finding {
                value: Some(*input),
                message: "an input needs a name of its own".to_owned(),
            });
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{NoWeights, parse};

    fn graph(body: &str) -> Graph {
        parse(&format!("graph @t(%x: f32[1, 4]) {{\n{body}\n}}"), &NoWeights).expect("well-formed")
    }

    #[test]
    fn a_parsed_graph_is_sound() {
        assert_eq!(verify(&graph("%y = relu %x\nreturn %y")), []);
    }

    #[test]
    fn a_graph_without_output_is_reported() {
        let findings = verify(&graph("%y = relu %x"));
        assert_eq!(findings.len(), 1);
        assert_eq!(findings[0].message, "the graph has no output");
    }

    #[test]
    fn a_cycle_made_by_rewiring_is_reported_at_every_node_on_it() {
        let mut graph = graph("%y = relu %x\n%z = relu %y\nreturn %z");
        let (y, z) = (graph.users(graph.inputs()[0])[0], graph.outputs()[0]);
        graph.set_operands(y, vec![Some(z)]);
        let findings = verify(&graph);
        assert_eq!(findings.iter().filter(|f| f.message == "depends on itself").count(), 2);
    }

    #[test]
    fn a_rewired_operand_of_another_shape_is_reported_where_it_is_used() {
        let mut graph = graph("%y = reshape %x {shape = [2, 2]}\n%z = relu %x\nreturn %y, %z");
        let [y, z] = [graph.outputs()[0], graph.outputs()[1]];
        graph.set_operands(z, vec![Some(y)]);
        let findings = verify(&graph);
        assert_eq!(findings[0].value, Some(z));
        assert_eq!(findings[0].message, "relu: declared f32[1, 4], inferred f32[2, 2]");
    }
}
