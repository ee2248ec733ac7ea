//! What conditions and functions of rules see, and what functions make.

use super::language::{Head, Terms};
use egg::Id;
use ir::op::Op;
use ir::{Attr, Attrs, Tensor, Type};
use std::sync::Arc;

/// Computes a constant from others.
pub type Compute = Arc<dyn Fn(&[Tensor]) -> Tensor + Send + Sync>;

/// An argument: what a variable is bound to, or a literal.
#[derive(Debug, Clone)]
pub enum Arg {
    /// A value of the graph, or an operand left out.
    Value(ValueRef),
    /// The operands behind `?xs..`.
    Values(Vec<ValueRef>),
    /// One attribute.
    Attr(Attr),
    /// All attributes of a use of an op.
    Attrs(Op, Attrs),
    /// A type.
    Type(Type),
}

/// A value in the e-graph.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ValueRef(pub(super) Id);

/// Arguments of a condition or function. Accessors answer `None` where the argument is of another kind, so a rule whose
/// arguments make no sense does not apply.
pub struct Args<'a> {
    pub(super) terms: &'a Terms,
    pub(super) args: &'a [Arg],
}

impl<'a> Args<'a> {
    /// Number of arguments.
    pub fn len(&self) -> usize {
        self.args.len()
    }

    /// Whether there is no argument.
    pub fn is_empty(&self) -> bool {
        self.args.is_empty()
    }

    fn id(&self, index: usize) -> Option<Id> {
        match self.args.get(index)? {
            Arg::Value(value) => Some(value.0),
            _ => None,
        }
    }

    /// Whether the argument is an operand that is left out.
    pub fn is_missing(&self, index: usize) -> bool {
        self.id(index).is_some_and(|id| self.terms[id].data.ty.is_none())
    }

    /// The type of a value, or a type given as such; `None` also for an operand left out.
    pub fn ty(&self, index: usize) -> Option<&'a Type> {
        match self.args.get(index)? {
            Arg::Type(ty) => Some(ty),
            Arg::Value(value) => self.terms[value.0].data.ty.as_deref(),
            _ => None,
        }
    }

    /// Whether the value is a constant, trained or not.
    pub fn is_const(&self, index: usize) -> bool {
        self.constant(index).is_some()
    }

    pub(super) fn constant(&self, index: usize) -> Option<u32> {
        self.terms[self.id(index)?].data.constant
    }

    /// The data of a constant; `None` for anything else and for an untrained weight.
    pub fn data(&self, index: usize) -> Option<Tensor> {
        self.terms.analysis.data(self.constant(index)?)
    }

    /// How often the value is used in the graph the rules are applied to; may be too large, never too small.
    pub fn uses(&self, index: usize) -> Option<usize> {
        self.id(index).map(|id| self.terms[id].data.uses)
    }

    /// Ops that make the value, as far as is known, with their attributes.
    pub fn made_by(&self, index: usize) -> impl Iterator<Item = (Op, &'a Attrs)> {
        let nodes = self.id(index).map(|id| self.terms[id].nodes.iter());
        nodes.into_iter().flatten().filter_map(|node| match node.head {
            Head::Op(op, signature) => Some((op, &self.terms.analysis.signature(signature).attrs)),
            _ => None,
        })
    }

    /// Whether both arguments are the same value.
    pub fn same_value(&self, a: usize, b: usize) -> bool {
        match (self.id(a), self.id(b)) {
            (Some(a), Some(b)) => self.terms.find(a) == self.terms.find(b),
            _ => false,
        }
    }

    /// An attribute.
    pub fn attr(&self, index: usize) -> Option<&'a Attr> {
        match self.args.get(index)? {
            Arg::Attr(attr) => Some(attr),
            _ => None,
        }
    }

    /// All attributes of a use of an op.
    pub fn attrs(&self, index: usize) -> Option<&'a Attrs> {
        match self.args.get(index)? {
            Arg::Attrs(_, attrs) => Some(attrs),
            _ => None,
        }
    }

    /// An attribute that is a whole number.
    pub fn int(&self, index: usize) -> Option<i64> {
        match self.attr(index)? {
            Attr::Int(value) => Some(*value),
            _ => None,
        }
    }

    /// An attribute that is a list of whole numbers.
    pub fn ints(&self, index: usize) -> Option<&'a [i64]> {
        match self.attr(index)? {
            Attr::Ints(values) => Some(values),
            _ => None,
        }
    }

    /// An attribute that is a number.
    pub fn real(&self, index: usize) -> Option<f64> {
        match self.attr(index)? {
            Attr::Float(value) => Some(*value),
            #[allow(clippy::cast_precision_loss, reason = "a whole number where a real one is wanted")]
            Attr::Int(value) => Some(*value as f64),
            _ => None,
        }
    }

    /// An attribute that is a word or a text.
    pub fn word(&self, index: usize) -> Option<&'a str> {
        match self.attr(index)? {
            Attr::Word(word) | Attr::Text(word) => Some(word),
            _ => None,
        }
    }

    /// The one value all elements of a float constant have.
    pub fn splat(&self, index: usize) -> Option<f64> {
        splat(self.terms, self.id(index)?)
    }
}

/// The one value all elements of a float constant have.
pub(super) fn splat(terms: &Terms, id: Id) -> Option<f64> {
    let index = terms[id].data.constant?;
    if !terms.analysis.constant(index).ty.element.is_float() {
        return None;
    }
    let data = terms.analysis.data(index)?;
    let width = data.element().bytes();
    let mut elements = data.bytes().chunks_exact(width);
    let first = elements.next()?;
    if !elements.all(|element| element == first) {
        return None;
    }
    Tensor::from_bytes(data.element(), [1], first.to_vec()).ok().map(|one| one.to_reals()[0])
}

/// What a function of a rule makes.
pub enum Made {
    /// The operand is left out.
    Missing,
    /// One of the arguments as it is.
    Argument(usize),
    /// A constant computed from constant arguments, when it is first needed. Untrained arguments make it untrained.
    Const {
        /// Its type.
        ty: Type,
        /// Positions of the arguments it is computed from.
        from: Vec<usize>,
        /// Put behind the name of the first of them.
        suffix: &'static str,
        /// Given their data in that order, its data: of element and shape of `ty`.
        compute: Compute,
    },
    /// One attribute.
    Attr(Attr),
    /// Attributes by name.
    Attrs(Vec<(String, Attr)>),
    /// A type, for the result of an op inside the right side.
    Type(Type),
}

impl Made {
    /// A constant computed from the arguments at `from`.
    pub fn constant(
        ty: Type,
        from: impl Into<Vec<usize>>,
        suffix: &'static str,
        compute: impl Fn(&[Tensor]) -> Tensor + Send + Sync + 'static,
    ) -> Self {
        Self::Const { ty, from: from.into(), suffix, compute: Arc::new(compute) }
    }
}
