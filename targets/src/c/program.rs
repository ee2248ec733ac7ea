//! A graph lowered to C kernels, before addresses are given.

use super::kernels::spec::OpSpec;
use super::kernels::{Constant, Kernel};
use crate::target::{Port, StoredValue};
use ir::Element;

/// Kernels in an order in which operands come before users, and the memory between them.
#[derive(Debug, Clone, Default)]
pub struct Program {
    /// Memory blocks; scratch apart.
    pub values: Vec<StoredValue>,
    /// Alignment of each block in bytes.
    pub aligns: Vec<u64>,
    /// Kernel calls.
    pub steps: Vec<Task>,
    /// Interface.
    pub inputs: Vec<Port>,
    /// Interface.
    pub outputs: Vec<Port>,
    /// Weights without data.
    pub untrained: Vec<String>,
}

/// One kernel call.
#[derive(Debug, Clone)]
pub struct Task {
    /// Unique C identifier without prefix.
    pub name: String,
    /// Label of the node.
    pub node: String,
    /// The node's op, or `layout`.
    pub op: &'static str,
    /// What is called.
    pub work: Work,
    /// The kernel before planning: scratch, constants and walks do not depend on the plan.
    pub kernel: Kernel,
    /// What each of the kernel's inputs is.
    pub inputs: Vec<Operand>,
    /// Memory block written.
    pub output: usize,
    /// Logical extents of the result.
    pub shape: Vec<usize>,
    /// Physical order of the result's axes.
    pub order: Vec<usize>,
    /// Element of the result.
    pub element: Element,
    /// Whether the result is the node's.
    pub last: bool,
}

/// What a task calls.
#[derive(Debug, Clone)]
pub enum Work {
    /// A kernel of the core's set.
    Spec(Box<OpSpec>),
    /// A kernel that is the same on every core.
    Own,
    /// A user's function; the kernel states its arguments.
    Custom(Custom),
}

/// A user's own C function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Custom {
    /// Its C name.
    pub symbol: String,
    /// C types of the operands, then of the result.
    pub types: Vec<&'static str>,
    /// What it is given, for the header's comment: one line per pointer.
    pub notes: Vec<String>,
}

/// What a kernel's input is.
#[derive(Debug, Clone, PartialEq)]
pub enum Operand {
    /// A memory block.
    Block(usize),
    /// Constant data.
    Constant(Constant),
}

impl Task {
    /// Memory blocks read, one per input that is no constant, in the order of inputs.
    pub fn blocks(&self) -> impl Iterator<Item = usize> + '_ {
        self.inputs.iter().filter_map(|operand| match operand {
            Operand::Block(block) => Some(*block),
            Operand::Constant(_) => None,
        })
    }

    /// Position among [`Task::blocks`] of input `index`; `None` for a constant.
    pub fn block_position(&self, index: usize) -> Option<usize> {
        matches!(self.inputs.get(index)?, Operand::Block(_)).then(|| {
            self.inputs[..index].iter().filter(|operand| matches!(operand, Operand::Block(_))).count()
        })
    }

    /// All constants of the task: the kernel's and those among its operands.
    pub fn constants(&self) -> impl Iterator<Item = &Constant> {
        self.kernel.constants.iter().chain(self.inputs.iter().filter_map(|operand| match operand {
            Operand::Constant(constant) => Some(constant),
            Operand::Block(_) => None,
        }))
    }
}
