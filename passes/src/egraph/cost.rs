//! What extraction minimises: the target says what a use of an op costs.

use ir::op::Op;
use ir::{Attrs, Type};

/// An operand of a use whose cost is asked for.
#[derive(Debug, Clone, Copy)]
pub struct OperandUse<'a> {
    /// Its type.
    pub ty: &'a Type,
    /// Whether it is a constant.
    pub constant: bool,
}

/// One use of an op.
#[derive(Debug, Clone, Copy)]
pub struct Use<'a> {
    /// The op.
    pub op: Op,
    /// Complete attributes.
    pub attrs: &'a Attrs,
    /// In the order of the declaration; `None` where left out.
    pub operands: &'a [Option<OperandUse<'a>>],
    /// Type of the result.
    pub result: &'a Type,
}

impl Use<'_> {
    /// Multiply-accumulates of this use.
    pub fn macs(&self) -> u64 {
        let types: Vec<_> = self.operands.iter().map(|o| o.map(|o| o.ty)).collect();
        let given = types.iter().rposition(Option::is_some).map_or(0, |last| last + 1);
        self.op.count_macs(&types[..given], self.attrs, self.result).0
    }

    /// Bytes of all operands and the result.
    pub fn bytes(&self) -> u64 {
        let operands: usize = self.operands.iter().flatten().map(|o| o.ty.bytes()).sum();
        (operands + self.result.bytes()) as u64
    }
}

/// A target's cost of one use of an op, in a unit of its own; a whole number, so that sums do not depend on their order.
pub trait OpCost {
    /// The cost of this use; constants, inputs and operands left out are free by themselves.
    fn cost(&self, site: &Use<'_>) -> u64;
}

/// The cost where no target is named: multiply-accumulates plus bytes moved, plus one for being there. An op that only
/// renames its operand's bytes (a reshape) moves none.
#[derive(Debug, Clone, Copy, Default)]
pub struct Traffic;

impl OpCost for Traffic {
    fn cost(&self, site: &Use<'_>) -> u64 {
        let renames = site.op.traits.movement
            && site.op.name == "reshape"
            && site.operands.first().copied().flatten().is_some_and(|x| !x.constant);
        if renames { 1 } else { site.macs() + site.bytes() + 1 }
    }
}
