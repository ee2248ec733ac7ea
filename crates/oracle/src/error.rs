//! Why tract has no opinion on a graph.

/// Why a graph was not run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OracleError {
    /// A node tract cannot express.
    #[error("node `{node}` ({op}) has no expression in tract: {reason}")]
    Unsupported {
        /// The node.
        node: String,
        /// Its op.
        op: &'static str,
        /// Why.
        reason: String,
    },
    /// An element type tract has no counterpart of.
    #[error("value `{value}` is {element}, which tract does not compute with")]
    Element {
        /// The value.
        value: String,
        /// Its element.
        element: String,
    },
    /// Too few or too many inputs, or one of another type.
    #[error("input {index} is {found}, {expected} expected")]
    Input {
        /// Position among the inputs.
        index: usize,
        /// What was given.
        found: String,
        /// What the graph declares.
        expected: String,
    },
    /// A weight without data.
    #[error("weight `{0}` has no data")]
    Weight(String),
    /// tract refused a node or failed while it ran.
    #[error("{place}: tract: {message}")]
    Tract {
        /// The node, or the stage.
        place: String,
        /// What tract said.
        message: String,
    },
}
