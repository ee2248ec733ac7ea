//! The graph: SSA values, each defined by one node, over a private petgraph.

use crate::op::{InferError, Op};
use crate::{Attr, AttrError, Attrs, Layout, Tensor, Type};
use hw::Macs;
use petgraph::Direction;
use petgraph::stable_graph::{NodeIndex, StableDiGraph};
use petgraph::visit::EdgeRef;
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, HashSet};
use std::fmt;

/// A value, and the node that defines it. Valid in the graph that gave it, until the node is removed.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Value(NodeIndex);

impl Value {
    /// A number unique within the graph; grows with insertion.
    pub fn index(self) -> usize {
        self.0.index()
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "%{}", self.0.index())
    }
}

/// What defines a value.
#[derive(Debug, Clone, PartialEq)]
pub enum Kind {
    /// An input of the graph.
    Input,
    /// A constant; see [`Constant`].
    Const(Constant),
    /// A use of an op.
    Op {
        /// Which one.
        op: Op,
        /// Complete attributes.
        attrs: Attrs,
    },
}

/// A constant tensor: named data beside the text, or a few elements within it.
#[derive(Debug, Clone, PartialEq)]
pub struct Constant {
    /// Its name in the weight store; `None` where the elements are written in the text.
    pub name: Option<String>,
    /// The data; `None` for a named weight that is not there (an untrained network).
    pub data: Option<Tensor>,
}

/// A node: what defines a value, of what type, from which operands.
#[derive(Debug, Clone)]
pub struct Node {
    kind: Kind,
    ty: Type,
    name: Option<String>,
    operands: Vec<Option<Value>>,
}

impl Node {
    /// What defines the value.
    pub fn kind(&self) -> &Kind {
        &self.kind
    }

    /// The value's type.
    pub fn ty(&self) -> &Type {
        &self.ty
    }

    /// The value's name, where it has one.
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// Operands in the order of the declaration; trailing optional ones may be missing.
    pub fn operands(&self) -> &[Option<Value>] {
        &self.operands
    }

    /// The op, where the node is the use of one.
    pub fn op(&self) -> Option<Op> {
        match &self.kind {
            Kind::Op { op, .. } => Some(*op),
            _ => None,
        }
    }

    /// Whether the node is a use of the op called `name`.
    pub fn is(&self, name: &str) -> bool {
        self.op().is_some_and(|op| op.name == name)
    }

    /// The attributes of a use of an op.
    ///
    /// # Panics
    /// Where the node is an input or a constant.
    pub fn attrs(&self) -> &Attrs {
        match &self.kind {
            Kind::Op { attrs, .. } => attrs,
            _ => panic!("inputs and constants have no attributes"),
        }
    }

    /// The operand the op declares as `name`; `None` where it is optional and left out.
    ///
    /// # Panics
    /// Where the node is no op or the op declares no such operand.
    pub fn operand(&self, name: &str) -> Option<Value> {
        let op = self.op().expect("inputs and constants have no operands");
        self.operands.get(op.operand_index(name)).copied().flatten()
    }

    /// The constant, where the node is one.
    pub fn constant(&self) -> Option<&Constant> {
        match &self.kind {
            Kind::Const(constant) => Some(constant),
            _ => None,
        }
    }
}

/// Why a node was not added.
#[derive(Debug, Clone, thiserror::Error, PartialEq)]
pub enum AddError {
    /// The op table has no op of this name.
    #[error("unknown op `{0}`")]
    UnknownOp(String),
    /// An attribute does not fit its declaration.
    #[error("{op}: {error}")]
    Attr {
        /// The op.
        op: &'static str,
        /// What is wrong.
        error: String,
    },
    /// The types do not fit.
    #[error("{op}: {error}")]
    Infer {
        /// The op.
        op: &'static str,
        /// What is wrong.
        error: InferError,
    },
}

impl AddError {
    fn attr(op: Op, error: &AttrError) -> Self {
        Self::Attr { op: op.name, error: error.to_string() }
    }
}

/// A network: inputs, constants and uses of ops, and the values it gives out.
#[derive(Clone)]
pub struct Graph {
    /// As written behind `@`.
    pub name: String,
    /// Physical order of rank-4 inputs and outputs; logical axes are N, C, H, W all the same.
    pub layout: Layout,
    nodes: StableDiGraph<Node, ()>,
    inputs: Vec<Value>,
    outputs: Vec<Value>,
}

/// Constants of at most this many elements may be written in the text.
pub const INLINE_ELEMENTS: usize = 16;

impl Graph {
    /// A graph without nodes.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            layout: Layout::Nchw,
            nodes: StableDiGraph::new(),
            inputs: Vec::new(),
            outputs: Vec::new(),
        }
    }

    /// Adds an input behind the others.
    pub fn add_input(&mut self, name: impl Into<String>, ty: Type) -> Value {
        let value = self.insert(Kind::Input, ty, Vec::new());
        self.set_name(value, Some(name.into()));
        self.inputs.push(value);
        value
    }

    /// Adds a constant of the type its data has; `ty` adds quantization and sparsity. A larger constant without a name
    /// is named by its contents.
    ///
    /// # Panics
    /// Where element or shape of type and data differ.
    pub fn add_const(&mut self, name: Option<String>, ty: Type, data: Tensor) -> Value {
        assert!(
            ty.element == data.element() && ty.shape == data.shape(),
            "a constant's type is that of its data"
        );
        let name = name.or_else(|| (data.len() > INLINE_ELEMENTS).then(|| content_name(&data)));
        self.insert(Kind::Const(Constant { name, data: Some(data) }), ty, Vec::new())
    }

    /// Adds a named weight whose data is not there.
    pub fn add_untrained(&mut self, name: impl Into<String>, ty: Type) -> Value {
        self.insert(Kind::Const(Constant { name: Some(name.into()), data: None }), ty, Vec::new())
    }

    /// Adds a use of an op; the result's type is inferred, or `declared` where quantized (see [`Op::infer`]).
    ///
    /// # Errors
    /// Where attributes or types do not fit the declaration.
    pub fn add(
        &mut self,
        op: Op,
        operands: &[Option<Value>],
        attrs: impl IntoIterator<Item = (String, Attr)>,
        declared: Option<Type>,
    ) -> Result<Value, AddError> {
        let attrs = Attrs::complete(op.attrs, attrs).map_err(|e| AddError::attr(op, &e))?;
        self.add_with(op, operands, attrs, declared)
    }

    /// As [`Graph::add`], with attributes that are already complete.
    ///
    /// # Errors
    /// Where types do not fit the declaration.
    pub fn add_with(
        &mut self,
        op: Op,
        operands: &[Option<Value>],
        attrs: Attrs,
        declared: Option<Type>,
    ) -> Result<Value, AddError> {
        let trimmed = operands.iter().rposition(Option::is_some).map_or(0, |last| last + 1);
        let operands = &operands[..trimmed];
        let types: Vec<_> = operands.iter().map(|o| o.map(|v| self.ty(v))).collect();
        let ty = op
            .infer(&types, &attrs, declared.as_ref())
            .map_err(|error| AddError::Infer { op: op.name, error })?;
        Ok(self.insert(Kind::Op { op, attrs }, ty, operands.to_vec()))
    }

    /// As [`Graph::add`], with the op by name and all operands given.
    ///
    /// # Errors
    /// Where there is no such op, or attributes or types do not fit.
    pub fn op<const N: usize>(
        &mut self,
        name: &str,
        operands: &[Value],
        attrs: [(&str, Attr); N],
        declared: Option<Type>,
    ) -> Result<Value, AddError> {
        let op = Op::named(name).ok_or_else(|| AddError::UnknownOp(name.to_owned()))?;
        let operands: Vec<_> = operands.iter().copied().map(Some).collect();
        self.add(op, &operands, attrs.map(|(n, a)| (n.to_owned(), a)), declared)
    }

    fn insert(&mut self, kind: Kind, ty: Type, operands: Vec<Option<Value>>) -> Value {
        let index = self.nodes.add_node(Node { kind, ty, name: None, operands });
        self.link(Value(index));
        Value(index)
    }

    fn link(&mut self, value: Value) {
        let operands: Vec<Value> = self.nodes[value.0].operands.iter().flatten().copied().collect();
        for operand in operands {
            self.nodes.add_edge(operand.0, value.0, ());
        }
    }

    /// The node that defines `value`.
    pub fn node(&self, value: Value) -> &Node {
        &self.nodes[value.0]
    }

    /// The type of `value`.
    pub fn ty(&self, value: Value) -> &Type {
        &self.nodes[value.0].ty
    }

    /// Whether `value` is defined here: it may have been removed.
    pub fn contains(&self, value: Value) -> bool {
        self.nodes.contains_node(value.0)
    }

    /// The data of `value` where it is a constant that has some.
    pub fn const_data(&self, value: Value) -> Option<&Tensor> {
        self.node(value).constant().and_then(|c| c.data.as_ref())
    }

    /// Inputs in order.
    pub fn inputs(&self) -> &[Value] {
        &self.inputs
    }

    /// Outputs in order.
    pub fn outputs(&self) -> &[Value] {
        &self.outputs
    }

    /// Replaces the outputs.
    pub fn set_outputs(&mut self, outputs: impl Into<Vec<Value>>) {
        self.outputs = outputs.into();
    }

    /// Names or unnames a value.
    pub fn set_name(&mut self, value: Value, name: Option<String>) {
        self.nodes[value.0].name = name;
    }

    /// What a report calls the value: its name, or `%` and its number.
    pub fn label(&self, value: Value) -> String {
        self.node(value).name.clone().unwrap_or_else(|| format!("{value:?}"))
    }

    /// Number of nodes.
    pub fn len(&self) -> usize {
        self.nodes.node_count()
    }

    /// Whether there is no node.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All values in order of insertion.
    pub fn values(&self) -> impl Iterator<Item = Value> {
        self.nodes.node_indices().map(Value)
    }

    /// All values, operands before users; ties by order of insertion. Values on a cycle are left out.
    pub fn topological(&self) -> Vec<Value> {
        let mut waiting: HashMap<NodeIndex, usize> = HashMap::new();
        let mut ready = BinaryHeap::new();
        for index in self.nodes.node_indices() {
            match self.nodes.edges_directed(index, Direction::Incoming).count() {
                0 => ready.push(Reverse(index)),
                n => drop(waiting.insert(index, n)),
            }
        }
        let mut order = Vec::with_capacity(self.len());
        while let Some(Reverse(index)) = ready.pop() {
            order.push(Value(index));
            for edge in self.nodes.edges_directed(index, Direction::Outgoing) {
                let left = waiting.get_mut(&edge.target()).expect("a target waits for its operands");
                *left -= 1;
                if *left == 0 {
                    ready.push(Reverse(edge.target()));
                }
            }
        }
        order
    }

    /// Nodes that use `value`, each once, in order of insertion.
    pub fn users(&self, value: Value) -> Vec<Value> {
        let mut users: Vec<Value> =
            self.nodes.neighbors_directed(value.0, Direction::Outgoing).map(Value).collect();
        users.sort_unstable();
        users.dedup();
        users
    }

    /// How often `value` is used, by operands and outputs.
    pub fn use_count(&self, value: Value) -> usize {
        let by_nodes = self.nodes.edges_directed(value.0, Direction::Outgoing).count();
        by_nodes + self.outputs.iter().filter(|o| **o == value).count()
    }

    /// Makes every user of `old`, outputs included, use `new` instead. The name goes along where `new` has none.
    ///
    /// # Panics
    /// Where element or shape of the two differ.
    pub fn replace(&mut self, old: Value, new: Value) {
        let (a, b) = (self.ty(old), self.ty(new));
        assert!(a.element == b.element && a.shape == b.shape, "a value is replaced by one of its type");
        if old == new {
            return;
        }
        for user in self.users(old) {
            let operands: Vec<_> = self.nodes[user.0]
                .operands
                .iter()
                .map(|o| if *o == Some(old) { Some(new) } else { *o })
                .collect();
            self.set_operands(user, operands);
        }
        for output in &mut self.outputs {
            if *output == old {
                *output = new;
            }
        }
        if self.nodes[new.0].name.is_none() && !matches!(self.nodes[old.0].kind, Kind::Input) {
            let name = self.nodes[old.0].name.take();
            self.nodes[new.0].name = name;
        }
    }

    /// Replaces the operands of a node without inferring its type again: the verifier does that.
    pub fn set_operands(&mut self, value: Value, operands: Vec<Option<Value>>) {
        let incoming: Vec<_> =
            self.nodes.edges_directed(value.0, Direction::Incoming).map(|e| e.id()).collect();
        for edge in incoming {
            self.nodes.remove_edge(edge);
        }
        self.nodes[value.0].operands = operands;
        self.link(value);
    }

    /// Removes every node no output depends on; inputs stay. Returns how many went.
    pub fn remove_dead(&mut self) -> usize {
        let mut live: HashSet<Value> = self.inputs.iter().copied().collect();
        let mut stack = self.outputs.clone();
        while let Some(value) = stack.pop() {
            if live.insert(value) || self.inputs.contains(&value) {
                stack.extend(self.nodes[value.0].operands.iter().flatten().filter(|o| !live.contains(o)));
            }
        }
        let before = self.len();
        self.nodes.retain_nodes(|_, index| live.contains(&Value(index)));
        before - self.len()
    }

    /// Multiply-accumulates of one node; 0 for inputs and constants.
    pub fn macs(&self, value: Value) -> Macs {
        let node = self.node(value);
        let Kind::Op { op, attrs } = &node.kind else { return Macs(0) };
        let types: Vec<_> = node.operands.iter().map(|o| o.map(|v| self.ty(v))).collect();
        op.count_macs(&types, attrs, &node.ty)
    }

    /// Multiply-accumulates of the whole graph.
    pub fn total_macs(&self) -> Macs {
        self.values().map(|v| self.macs(v)).sum()
    }

    /// Elements of all constants: what the literature calls parameters.
    pub fn parameters(&self) -> u64 {
        self.values()
            .filter(|v| self.node(*v).constant().is_some())
            .map(|v| self.ty(v).elements() as u64)
            .sum()
    }

    /// The text form; see [`crate::text`].
    pub fn to_text(&self) -> String {
        crate::text::print(self)
    }
}

/// Two graphs are equal where their texts and the data of their constants are.
impl PartialEq for Graph {
    fn eq(&self, other: &Self) -> bool {
        let data = |g: &Self| -> Vec<Option<Tensor>> {
            let order = g.topological();
            order.iter().filter_map(|v| g.node(*v).constant()).map(|c| c.data.clone()).collect()
        };
        self.to_text() == other.to_text() && data(self) == data(other)
    }
}

impl fmt::Debug for Graph {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_text())
    }
}

/// A name made of the data's 64-bit FNV-1a hash: equal data, equal name, on every machine.
fn content_name(data: &Tensor) -> String {
    let header = format!("{}{:?}", data.element(), data.shape());
    let hash =
        header.bytes().chain(data.bytes().iter().copied()).fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        });
    format!("const.{hash:016x}")
}
