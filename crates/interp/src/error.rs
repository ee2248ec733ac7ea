//! What can go wrong: with one use of an op, and with a graph as a whole.

use ir::op::InferError;

/// Why one use of an op has no result.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum KernelError {
    /// Operands, attributes and result do not fit the op's declaration.
    #[error(transparent)]
    Infer(#[from] InferError),
    /// An operand's data is not of the type it is said to have.
    #[error("operand {index} is {found}, {expected} expected")]
    Data {
        /// Position among the operands.
        index: usize,
        /// What was given.
        found: String,
        /// Its declared type.
        expected: String,
    },
    /// The op is not defined by a kernel here.
    #[error("{0}")]
    Absent(&'static str),
    /// The op has no meaning for these elements.
    #[error("`{op}` is not defined for {element}")]
    Element {
        /// The op.
        op: &'static str,
        /// The element of its first operand.
        element: String,
    },
    /// Quantized integers too wide to compute with: only bias, `requantize`, `quantize`, `dequantize` and ops that move
    /// elements take more than 16 bits.
    #[error("`{op}` is not defined for quantized {element}: at most 16 bits are")]
    Wide {
        /// The op.
        op: &'static str,
        /// The element.
        element: String,
    },
    /// An operand or the result is quantized per axis or group where one scale is needed.
    #[error("`{what}` has several scales, one for the whole tensor expected")]
    Granularity {
        /// The operand, or `result`.
        what: &'static str,
    },
    /// An integer was divided by zero.
    #[error("division of an integer by zero")]
    DivisionByZero,
    /// An index is outside the axis it picks from.
    #[error("index {found} is outside an axis of extent {extent}")]
    Index {
        /// The index.
        found: i64,
        /// Extent of the axis.
        extent: usize,
    },
}

/// Why a graph did not run.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum RunError {
    /// Too few or too many inputs.
    #[error("{found} inputs given, {expected} expected")]
    Inputs {
        /// Tensors given.
        found: usize,
        /// Inputs of the graph.
        expected: usize,
    },
    /// An input of the wrong element or shape.
    #[error("input `{name}` is {found}, {expected} expected")]
    Input {
        /// The input.
        name: String,
        /// What was given.
        found: String,
        /// Element and shape in the interface's layout.
        expected: String,
    },
    /// A weight without data: the network is untrained, or the file with its weights is missing.
    #[error("weight `{name}` has no data, needed by `{node}`")]
    Weight {
        /// The weight.
        name: String,
        /// A node that uses it.
        node: String,
    },
    /// A node failed.
    #[error("node `{node}` ({op}): {error}")]
    Node {
        /// The node.
        node: String,
        /// Its op.
        op: &'static str,
        /// What is wrong.
        error: KernelError,
    },
    /// A node depends on itself, or on a node that was removed.
    #[error("node `{node}` cannot be reached: it is on a cycle or uses a value that was removed")]
    Unreachable {
        /// The node.
        node: String,
    },
    /// The values alive at a node need more memory than is allowed.
    #[error("node `{node}` needs {needed} bytes of live values, {limit} allowed")]
    Memory {
        /// The node.
        node: String,
        /// Bytes needed.
        needed: usize,
        /// Bytes allowed.
        limit: usize,
    },
}
