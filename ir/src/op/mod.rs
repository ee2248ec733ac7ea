//! The op table: every op declared once.
//!
//! Parser, printer, verifier, e-graph language, importers' coverage, reference pages and the loops of tests read these
//! declarations. What an op computes is its kernel in `interp`.

mod arithmetic;
mod conv;
mod infer;
mod linear;
mod normalize;
mod pool;
mod quantize;
mod shape;

pub use infer::{InferError, OpContext};

use crate::attr::AttrDef;
use crate::{Attrs, Type};
use std::fmt;
use std::hash::{Hash, Hasher};

/// How an operand may be given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arity {
    /// Always there.
    One,
    /// May be left out, written `_` where others follow.
    Optional,
    /// Any number, at least one; the last operand.
    Many,
}

/// The declaration of one operand.
#[derive(Debug, Clone, Copy)]
pub struct OperandDef {
    /// As the documentation and errors name it.
    pub name: &'static str,
    /// Axes expected, or `None` for any.
    pub rank: Option<usize>,
    /// How it may be given.
    pub arity: Arity,
}

/// The declaration of an op.
#[derive(Debug)]
pub struct OpDef {
    /// As written in text.
    pub name: &'static str,
    /// What it computes, with shapes, one line.
    pub summary: &'static str,
    /// The specification it follows.
    pub source: &'static str,
    /// In order.
    pub operands: &'static [OperandDef],
    /// In the order they are printed.
    pub attrs: &'static [AttrDef],
    /// The type of the result.
    pub infer: fn(&OpContext<'_>) -> Result<Type, InferError>,
    /// Multiply-accumulates for a result of this type.
    pub macs: fn(&OpContext<'_>, &Type) -> u64,
    /// Structural facts that passes and planners may use.
    pub traits: Traits,
}

/// Structural facts of an op.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Traits {
    /// Every result element depends on the operand elements at the same (broadcast) index alone.
    pub elementwise: bool,
    /// The first two operands may be exchanged.
    pub commutative: bool,
    /// Moves elements without computing: the result's element and quantization are the operand's.
    pub movement: bool,
    /// Operands by position in which the op has a gradient where they are float.
    pub differentiable: &'static [usize],
}

/// One op of the table; cheap to copy and compare.
#[derive(Clone, Copy)]
pub struct Op(&'static OpDef);

impl Op {
    /// The op of this name.
    pub fn named(name: &str) -> Option<Self> {
        all().find(|op| op.name == name)
    }
}

/// Every op, by family.
pub fn all() -> impl Iterator<Item = Op> {
    [conv::OPS, linear::OPS, arithmetic::OPS, normalize::OPS, pool::OPS, shape::OPS, quantize::OPS]
        .into_iter()
        .flatten()
        .copied()
        .map(Op)
}

impl std::ops::Deref for Op {
    type Target = OpDef;
    fn deref(&self) -> &OpDef {
        self.0
    }
}

impl PartialEq for Op {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}
impl Eq for Op {}
impl Hash for Op {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}
impl PartialOrd for Op {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Op {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.name.cmp(other.name)
    }
}
impl fmt::Debug for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

impl Op {
    /// Checks the number of operands, then infers the result's type.
    ///
    /// `declared` is what the text or an importer says the result is: it supplies the quantization of integer results,
    /// and must agree with everything else that is inferred.
    ///
    /// # Errors
    /// Where operands, attributes and declared type do not fit the declaration.
    pub fn infer(
        self,
        operands: &[Option<&Type>],
        attrs: &Attrs,
        declared: Option<&Type>,
    ) -> Result<Type, InferError> {
        let context = OpContext::new(self.0, operands, attrs, declared)?;
        let found = (self.infer)(&context)?;
        if let Some(fault) = found.fault() {
            return Err(InferError::Result(fault));
        }
        match declared {
            Some(declared) if !infer::agrees(declared, &found) => Err(InferError::Declared {
                declared: crate::text::type_text(declared),
                inferred: crate::text::type_text(&found),
            }),
            Some(declared) => Ok(declared.clone()),
            None => Ok(found),
        }
    }

    /// Multiply-accumulates of one use.
    pub fn count_macs(self, operands: &[Option<&Type>], attrs: &Attrs, result: &Type) -> hw::Macs {
        let context =
            OpContext::new(self.0, operands, attrs, None).expect("a node of the graph was inferred");
        hw::Macs((self.macs)(&context, result))
    }

    /// Position of the operand called `name`.
    ///
    /// # Panics
    /// Where the op declares no such operand.
    pub fn operand_index(self, name: &str) -> usize {
        let found = self.operands.iter().position(|def| def.name == name);
        found.unwrap_or_else(|| panic!("op `{}` declares operand `{name}`", self.name))
    }
}

/// Shorthands the table is written with.
pub(crate) mod declare {
    use super::{Arity, OpContext, OperandDef, Traits};
    use crate::Type;

    pub(crate) const fn tensor(name: &'static str, rank: usize) -> OperandDef {
        OperandDef { name, rank: Some(rank), arity: Arity::One }
    }
    pub(crate) const fn any(name: &'static str) -> OperandDef {
        OperandDef { name, rank: None, arity: Arity::One }
    }
    pub(crate) const fn optional(name: &'static str, rank: usize) -> OperandDef {
        OperandDef { name, rank: Some(rank), arity: Arity::Optional }
    }
    pub(crate) const fn optional_any(name: &'static str) -> OperandDef {
        OperandDef { name, rank: None, arity: Arity::Optional }
    }
    pub(crate) const fn many(name: &'static str) -> OperandDef {
        OperandDef { name, rank: None, arity: Arity::Many }
    }
    pub(crate) fn no_macs(_: &OpContext<'_>, _: &Type) -> u64 {
        0
    }
    pub(crate) const COMPUTE: Traits =
        Traits { elementwise: false, commutative: false, movement: false, differentiable: &[] };
    pub(crate) const fn gradient(differentiable: &'static [usize]) -> Traits {
        Traits { differentiable, ..COMPUTE }
    }
    pub(crate) const MOVEMENT: Traits = Traits { movement: true, differentiable: &[0], ..COMPUTE };
    pub(crate) const UNARY: Traits = Traits { elementwise: true, differentiable: &[0], ..COMPUTE };
    pub(crate) const BINARY: Traits = Traits { elementwise: true, differentiable: &[0, 1], ..COMPUTE };
    pub(crate) const COMMUTATIVE: Traits = Traits { commutative: true, ..BINARY };
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn names_are_unique_and_every_op_says_what_it_is_and_where_it_is_defined() {
        let mut names = HashSet::new();
        for op in all() {
            assert!(names.insert(op.name), "{} is declared twice", op.name);
            assert!(!op.summary.is_empty() && !op.source.is_empty(), "{}", op.name);
        }
    }

    #[test]
    fn required_operands_come_before_optional_ones_and_only_the_last_is_variadic() {
        for op in all() {
            let rank = |arity: Arity| arity as usize;
            assert!(op.operands.is_sorted_by_key(|def| rank(def.arity)), "{}", op.name);
            let many = op.operands.iter().filter(|def| def.arity == Arity::Many).count();
            assert!(many <= 1, "{}", op.name);
        }
    }

    #[test]
    fn gradients_name_operands_that_exist() {
        for op in all() {
            for index in op.traits.differentiable {
                let many = op.operands.last().is_some_and(|def| def.arity == Arity::Many);
                assert!(many || *index < op.operands.len(), "{}", op.name);
            }
        }
    }
}
