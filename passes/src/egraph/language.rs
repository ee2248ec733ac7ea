//! The e-graph's language: one node type for every op of the table.

use super::args::Compute;
use egg::{Analysis, DidMerge, EGraph, Id, Language};
use ir::op::Op;
use ir::{Attrs, INLINE_ELEMENTS, Tensor, Type};
use std::cell::OnceCell;
use std::collections::HashMap;
use std::sync::Arc;

pub(super) type Terms = EGraph<ENode, Table>;

/// What a node is, without its children.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Head {
    /// An operand left out.
    Missing,
    /// An input of the graph, by position.
    Input(u32),
    /// A constant, by position in [`Table`].
    Const(u32),
    /// A use of an op; attributes and type by position in [`Table`].
    Op(Op, u32),
}

/// What nodes are looked up by: the op, without attributes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Family {
    Leaf,
    Op(Op),
}

/// A node. Ops of fixed arity have a child for every declared operand, [`Head::Missing`] where it is left out.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct ENode {
    pub(super) head: Head,
    pub(super) children: Box<[Id]>,
}

impl ENode {
    pub(super) fn leaf(head: Head) -> Self {
        Self { head, children: Box::new([]) }
    }
}

impl Language for ENode {
    type Discriminant = Family;

    fn discriminant(&self) -> Family {
        match self.head {
            Head::Op(op, _) => Family::Op(op),
            _ => Family::Leaf,
        }
    }

    fn matches(&self, other: &Self) -> bool {
        self.head == other.head && self.children.len() == other.children.len()
    }

    fn children(&self) -> &[Id] {
        &self.children
    }

    fn children_mut(&mut self) -> &mut [Id] {
        &mut self.children
    }
}

/// Attributes and type of a node.
#[derive(Debug)]
pub(super) struct Signature {
    pub(super) op: Op,
    pub(super) attrs: Attrs,
    pub(super) ty: Arc<Type>,
}

/// A constant: data, or how to compute it once it is needed.
pub(super) struct Constant {
    pub(super) ty: Arc<Type>,
    pub(super) name: Option<String>,
    source: Source,
}

enum Source {
    Given(Option<Tensor>),
    Computed { from: Vec<u32>, compute: Compute, result: OnceCell<Option<Tensor>> },
}

/// What the nodes refer to: attributes, types and constants, each stored once. The e-graph's analysis.
#[derive(Default)]
pub(super) struct Table {
    signatures: Vec<Signature>,
    signature_index: HashMap<String, u32>,
    pub(super) inputs: Vec<Arc<Type>>,
    constants: Vec<Constant>,
    constant_index: HashMap<String, u32>,
}

impl Table {
    pub(super) fn signature(&self, index: u32) -> &Signature {
        &self.signatures[index as usize]
    }

    pub(super) fn constant(&self, index: u32) -> &Constant {
        &self.constants[index as usize]
    }

    pub(super) fn sign(&mut self, op: Op, attrs: Attrs, ty: Type) -> u32 {
        // The text of floats reads back to the same bits, so equal keys are equal signatures.
        let key = format!("{} {attrs:?} {ty:?}", op.name);
        if let Some(index) = self.signature_index.get(&key) {
            return *index;
        }
        let index = position(self.signatures.len());
        self.signatures.push(Signature { op, attrs, ty: Arc::new(ty) });
        self.signature_index.insert(key, index);
        index
    }

    /// A constant of the graph. Named ones are equal by name and place in memory, small unnamed ones by value: no
    /// weight is read for this.
    pub(super) fn add_constant(&mut self, ty: &Type, name: Option<&str>, data: Option<Tensor>) -> u32 {
        let place = data.as_ref().map(|d| (d.bytes().as_ptr() as usize, d.len()));
        let key = match (name, &data) {
            (None, Some(data)) if data.len() <= INLINE_ELEMENTS => format!("value {ty:?} {:?}", data.bytes()),
            _ => format!("weight {name:?} {place:?} {ty:?}"),
        };
        let name = name.map(str::to_owned);
        let constant = Constant { ty: Arc::new(ty.clone()), name, source: Source::Given(data) };
        self.intern(key, constant)
    }

    /// A constant computed from others, when it is first read; `key` names the function and its arguments.
    pub(super) fn add_computed(
        &mut self,
        key: String,
        ty: Type,
        name: Option<String>,
        from: Vec<u32>,
        compute: Compute,
    ) -> u32 {
        let source = Source::Computed { from, compute, result: OnceCell::new() };
        self.intern(key, Constant { ty: Arc::new(ty), name, source })
    }

    fn intern(&mut self, key: String, constant: Constant) -> u32 {
        if let Some(index) = self.constant_index.get(&key) {
            return *index;
        }
        let index = position(self.constants.len());
        self.constants.push(constant);
        self.constant_index.insert(key, index);
        index
    }

    /// The data of a constant; `None` where it, or what it is computed from, is an untrained weight.
    pub(super) fn data(&self, index: u32) -> Option<Tensor> {
        match &self.constant(index).source {
            Source::Given(data) => data.clone(),
            Source::Computed { from, compute, result } => result
                .get_or_init(|| {
                    let inputs: Option<Vec<Tensor>> = from.iter().map(|i| self.data(*i)).collect();
                    inputs.map(|inputs| compute(&inputs))
                })
                .clone(),
        }
    }
}

fn position(len: usize) -> u32 {
    u32::try_from(len).expect("a graph has fewer than 2^32 nodes")
}

/// What is known of a class.
#[derive(Debug, Clone)]
pub(super) struct Facts {
    /// `None` for an operand left out.
    pub(super) ty: Option<Arc<Type>>,
    /// Position of the constant in [`Table`], where the class is one.
    pub(super) constant: Option<u32>,
    /// Uses in the graph the e-graph was built from. Classes that merge add theirs up, so it may be too large, never
    /// too small.
    pub(super) uses: usize,
}

impl Analysis<ENode> for Table {
    type Data = Facts;

    fn make(egraph: &mut Terms, enode: &ENode, _id: Id) -> Facts {
        let table = &egraph.analysis;
        let (ty, constant) = match enode.head {
            Head::Missing => (None, None),
            Head::Input(index) => (Some(table.inputs[index as usize].clone()), None),
            Head::Const(index) => (Some(table.constant(index).ty.clone()), Some(index)),
            Head::Op(_, signature) => (Some(table.signature(signature).ty.clone()), None),
        };
        Facts { ty, constant, uses: 0 }
    }

    fn merge(&mut self, a: &mut Facts, b: Facts) -> DidMerge {
        let constant = a.constant.or(b.constant);
        let uses = a.uses + b.uses;
        let changed = DidMerge(
            constant != a.constant || uses != a.uses,
            constant != b.constant || uses != b.uses || !same_type(a.ty.as_deref(), b.ty.as_deref()),
        );
        a.constant = constant;
        a.uses = uses;
        changed
    }
}

/// Whether two values may stand for each other: element, shape and quantization agree. Sparsity is knowledge, not type.
pub(super) fn same_type(a: Option<&Type>, b: Option<&Type>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => a.element == b.element && a.shape == b.shape && a.quant == b.quant,
        (None, None) => true,
        _ => false,
    }
}
