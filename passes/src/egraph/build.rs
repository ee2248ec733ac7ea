//! Between graphs and e-graphs.

use super::cost::{OpCost, OperandUse, Use};
use super::extract::{Candidate, Problem, Selection};
use super::language::{ENode, Head, Table, Terms};
use egg::{Id, Language};
use ir::op::{Arity, Op};
use ir::{Attrs, Graph, Kind, Type, Value};
use std::collections::{BTreeSet, HashMap, HashSet};

/// An e-graph and where the values of the graph are in it.
pub(super) struct Built {
    pub(super) terms: Terms,
    /// Live values, operands before users, with the class and the node each one is.
    values: Vec<(Value, Id, ENode)>,
}

/// Values an output depends on, operands before users, and all inputs.
fn live(graph: &Graph) -> Vec<Value> {
    let mut live: HashSet<Value> = graph.inputs().iter().copied().collect();
    let mut stack = graph.outputs().to_vec();
    while let Some(value) = stack.pop() {
        if live.insert(value) {
            stack.extend(graph.node(value).operands().iter().flatten());
        }
    }
    graph.topological().into_iter().filter(|v| live.contains(v)).collect()
}

/// The e-graph of a graph: one class for each distinct value.
pub(super) fn terms(graph: &Graph) -> Built {
    let mut terms = Terms::new(Table::default());
    terms.analysis.inputs = graph.inputs().iter().map(|v| graph.ty(*v).clone().into()).collect();
    let missing = terms.add(ENode::leaf(Head::Missing));
    let mut classes: HashMap<Value, Id> = HashMap::new();
    let mut values = Vec::new();
    for value in live(graph) {
        let node = graph.node(value);
        let enode = match node.kind() {
            Kind::Input => {
                let position = graph.inputs().iter().position(|v| *v == value);
                let position = position.expect("an input is among the graph's inputs");
                ENode::leaf(Head::Input(u32::try_from(position).expect("fewer than 2^32 inputs")))
            }
            Kind::Const(constant) => {
                let (name, data) = (constant.name.as_deref(), constant.data.clone());
                ENode::leaf(Head::Const(terms.analysis.add_constant(node.ty(), name, data)))
            }
            Kind::Op { op, attrs } => {
                let class = |operand: &Option<Value>| operand.map_or(missing, |v| classes[&v]);
                let mut children: Vec<Id> = node.operands().iter().map(class).collect();
                if !is_variadic(*op) {
                    children.resize(op.operands.len(), missing);
                }
                let signature = terms.analysis.sign(*op, attrs.clone(), node.ty().clone());
                ENode { head: Head::Op(*op, signature), children: children.into() }
            }
        };
        let class = terms.add(enode.clone());
        classes.insert(value, class);
        values.push((value, class, enode));
    }
    let operands = values.iter().flat_map(|(value, ..)| graph.node(*value).operands().iter().flatten());
    for used in operands.chain(graph.outputs()) {
        terms[classes[used]].data.uses += 1;
    }
    // egg answers for classes by op only once it has rebuilt its indexes.
    terms.rebuild();
    Built { terms, values }
}

fn is_variadic(op: Op) -> bool {
    op.operands.last().is_some_and(|def| def.arity == Arity::Many)
}

/// The cost of the live part of a graph.
pub(super) fn cost(graph: &Graph, cost: &dyn OpCost) -> u64 {
    let of = |value: &Value| {
        let node = graph.node(*value);
        let Kind::Op { op, attrs } = node.kind() else { return 0 };
        let operand = |v: Value| OperandUse { ty: graph.ty(v), constant: graph.node(v).constant().is_some() };
        let operands: Vec<_> = node.operands().iter().map(|o| o.map(operand)).collect();
        cost.cost(&Use { op: *op, attrs, operands: &operands, result: node.ty() })
    };
    live(graph).iter().map(of).fold(0, u64::saturating_add)
}

impl Built {
    /// The class a live value is in.
    #[cfg(test)]
    pub(super) fn class_of(&self, value: Value) -> Id {
        let found = self.values.iter().find(|(v, ..)| *v == value);
        self.terms.find(found.expect("the value is live").1)
    }

    /// The cheapest graph; `before` is the one the e-graph was built from.
    pub(super) fn extract(&self, before: &Graph, cost: &dyn OpCost, superseded: &BTreeSet<ENode>) -> Graph {
        let canonical = |node: &ENode| node.clone().map_children(|child| self.terms.find(child));
        let superseded: BTreeSet<ENode> = superseded.iter().map(canonical).collect();
        let class_of: HashMap<Value, Id> =
            self.values.iter().map(|(value, id, _)| (*value, self.terms.find(*id))).collect();
        let roots: Vec<Id> = before.outputs().iter().map(|v| class_of[v]).collect();
        let choices = Choices::new(&self.terms, &roots, cost, &superseded);
        let selection = choices.problem.extract(Some(choices.given(self, &canonical)));
        let selection = selection.expect("the graph that was given is one way to make its outputs");
        self.rebuild(before, &class_of, &choices, &selection)
    }

    fn rebuild(
        &self,
        before: &Graph,
        class_of: &HashMap<Value, Id>,
        choices: &Choices<'_>,
        selection: &Selection,
    ) -> Graph {
        let mut names = Names::new(before, class_of);
        let mut graph = Graph::new(before.name.clone());
        graph.layout = before.layout;
        let inputs: Vec<Value> = before
            .inputs()
            .iter()
            .map(|v| graph.add_input(before.node(*v).name().unwrap_or_default(), before.ty(*v).clone()))
            .collect();
        let mut made: HashMap<usize, Option<Value>> = HashMap::new();
        for class in choices.in_order(self, class_of, selection) {
            let enode = choices.enodes[class][selection[class].expect("the order passed this class")];
            let value = match enode.head {
                Head::Missing => None,
                Head::Input(position) => Some(inputs[position as usize]),
                Head::Const(index) => Some(add_constant(&mut graph, &self.terms, index, &mut names)),
                Head::Op(_, signature) => {
                    let signature = self.terms.analysis.signature(signature);
                    let operands: Vec<_> =
                        enode.children.iter().map(|child| made[&choices.index[child]]).collect();
                    let ty = Some((*signature.ty).clone());
                    let added = graph.add_with(signature.op, &operands, signature.attrs.clone(), ty);
                    Some(added.expect("types were inferred when the node was made"))
                }
            };
            if let Some(value) = value
                && !inputs.contains(&value)
                && let Some(name) = names.of.remove(&choices.ids[class])
            {
                graph.set_name(value, Some(name));
            }
            made.insert(class, value);
        }
        let outputs = before.outputs().iter().map(|v| made[&choices.index[&class_of[v]]]);
        let outputs: Option<Vec<Value>> = outputs.collect();
        graph.set_outputs(outputs.expect("an output is a value"));
        graph
    }
}

fn add_constant(graph: &mut Graph, terms: &Terms, index: u32, names: &mut Names) -> Value {
    let constant = terms.analysis.constant(index);
    let ty = (*constant.ty).clone();
    let data = terms.analysis.data(index);
    let name = constant.name.clone().or_else(|| data.is_none().then(|| "computed".to_owned()));
    let name = name.map(|name| names.weight(name));
    match data {
        Some(data) => graph.add_const(name, ty, data),
        None => graph.add_untrained(name.unwrap_or_default(), ty),
    }
}

/// Names of values by class, and names of weights already given.
struct Names {
    of: HashMap<Id, String>,
    weights: HashSet<String>,
}

impl Names {
    /// Where several values become one, an output's name wins, then the first.
    fn new(graph: &Graph, class_of: &HashMap<Value, Id>) -> Self {
        let mut of = HashMap::new();
        let order = graph.topological();
        for value in graph.outputs().iter().chain(&order) {
            if let (Some(name), Some(class)) = (graph.node(*value).name(), class_of.get(value)) {
                of.entry(*class).or_insert_with(|| name.to_owned());
            }
        }
        Self { of, weights: HashSet::new() }
    }

    /// A weight's name, with a number behind it where another weight has it.
    fn weight(&mut self, name: String) -> String {
        let mut candidates = std::iter::once(name.clone()).chain((1..).map(|n| format!("{name}.{n}")));
        let free = candidates.find(|name| !self.weights.contains(name)).expect("numbers do not end");
        self.weights.insert(free.clone());
        free
    }
}

/// The extraction problem of an e-graph, and which class and node each entry is.
struct Choices<'a> {
    problem: Problem,
    ids: Vec<Id>,
    index: HashMap<Id, usize>,
    enodes: Vec<Vec<&'a ENode>>,
}

impl<'a> Choices<'a> {
    fn new(terms: &'a Terms, roots: &[Id], cost: &dyn OpCost, superseded: &BTreeSet<ENode>) -> Self {
        let mut reached: BTreeSet<Id> = BTreeSet::new();
        let mut stack = roots.to_vec();
        while let Some(id) = stack.pop() {
            if reached.insert(id) {
                let children = terms[id].nodes.iter().flat_map(|n| n.children.iter());
                stack.extend(children.map(|child| terms.find(*child)));
            }
        }
        let ids: Vec<Id> = reached.into_iter().collect();
        let index: HashMap<Id, usize> = ids.iter().enumerate().map(|(i, id)| (*id, i)).collect();
        let mut enodes = Vec::with_capacity(ids.len());
        let mut classes = Vec::with_capacity(ids.len());
        for id in &ids {
            let mut nodes: Vec<&ENode> = terms[*id].nodes.iter().collect();
            nodes.sort_unstable();
            let candidate = |node: &&ENode| {
                let mut children: Vec<usize> =
                    node.children.iter().map(|child| index[&terms.find(*child)]).collect();
                children.sort_unstable();
                children.dedup();
                let penalty = u64::from(superseded.contains(*node));
                Candidate { cost: node_cost(terms, node, cost), penalty, children }
            };
            classes.push(nodes.iter().map(candidate).collect());
            enodes.push(nodes);
        }
        let roots = roots.iter().map(|root| index[root]).collect();
        Self { problem: Problem { classes, roots }, ids, index, enodes }
    }

    /// The selection that is the graph as it was given. Where values became one class, the first of them stands for it,
    /// so operands still come before users.
    fn given(&self, built: &Built, canonical: &impl Fn(&ENode) -> ENode) -> Selection {
        let mut selection: Selection = vec![None; self.ids.len()];
        let missing = (built.terms.find(Id::from(0)), ENode::leaf(Head::Missing));
        let values = built.values.iter().map(|(_, id, node)| (built.terms.find(*id), node.clone()));
        for (id, node) in std::iter::once(missing).chain(values) {
            let Some(class) = self.index.get(&id) else { continue };
            if selection[*class].is_none() {
                let node = canonical(&node);
                selection[*class] = self.enodes[*class].iter().position(|n| **n == node);
            }
        }
        selection
    }

    /// Classes that are selected, operands before users, as near to the order of the given graph as that allows.
    fn in_order(&self, built: &Built, class_of: &HashMap<Value, Id>, selection: &Selection) -> Vec<usize> {
        let needed = self.problem.order(selection).expect("an extracted selection has an order");
        let needed: HashSet<usize> = needed.into_iter().collect();
        let given = built.values.iter().filter_map(|(value, ..)| self.index.get(&class_of[value]).copied());
        let ordered = Problem {
            classes: self.problem.classes.clone(),
            roots: given.filter(|class| needed.contains(class)).chain(self.problem.roots.clone()).collect(),
        };
        ordered.order(selection).expect("the order exists for the roots, so it does for what they need")
    }
}

fn node_cost(terms: &Terms, node: &ENode, cost: &dyn OpCost) -> u64 {
    let Head::Op(_, signature) = node.head else { return 0 };
    let signature = terms.analysis.signature(signature);
    let operands: Vec<Option<OperandUse<'_>>> = node
        .children
        .iter()
        .map(|child| {
            let facts = &terms[*child].data;
            let ty: Option<&Type> = facts.ty.as_deref();
            ty.map(|ty| OperandUse { ty, constant: facts.constant.is_some() })
        })
        .collect();
    let attrs: &Attrs = &signature.attrs;
    cost.cost(&Use { op: signature.op, attrs, operands: &operands, result: &signature.ty })
}
