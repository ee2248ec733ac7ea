//! Why there is no artifact.

use crate::judge::{Miss, Unjudged};
use ir::Diagnostic;
use targets::{EmitError, Illegal};

/// Why a network was not compiled. [`CompileError::Illegal`] and [`CompileError::Infeasible`] are answers; the others say
/// that something given is wrong, and [`CompileError::Plan`] that we are.
#[derive(Debug, Clone, thiserror::Error)]
pub enum CompileError {
    /// The pass pipeline's text is wrong, each mistake at its place.
    #[error("passes: {}", lines(.0))]
    Pipeline(Vec<Diagnostic>),
    /// A pass failed.
    #[error(transparent)]
    Pass(#[from] passes::PassError),
    /// The graph is not sound.
    #[error("the graph is not sound: {}", lines(.0))]
    Unsound(Vec<String>),
    /// Ops that cannot run on the target, all of them.
    #[error("{} on {target}: {}", count(.nodes.len()), lines(.nodes))]
    Illegal {
        /// The target.
        target: &'static str,
        /// Which, and why.
        nodes: Vec<Illegal>,
    },
    /// The arena cannot be planned.
    #[error("memory: {0}")]
    Memory(#[from] mapping::memory::PlaceError),
    /// The plan of the arena was found wrong: a defect of ours.
    #[error("the memory plan was refused: {}", lines(.0))]
    Plan(Vec<String>),
    /// A limit that the target cannot be judged by.
    #[error(transparent)]
    Unjudged(#[from] Unjudged),
    /// Limits that are not met.
    #[error("not feasible: {}", lines(.0))]
    Infeasible(Vec<Miss>),
    /// The artifact could not be written as asked.
    #[error(transparent)]
    Emit(#[from] EmitError),
}

fn lines(items: &[impl ToString]) -> String {
    items.iter().map(|item| format!("\n  {}", item.to_string())).collect()
}

fn count(nodes: usize) -> String {
    if nodes == 1 { "1 op cannot run".to_owned() } else { format!("{nodes} ops cannot run") }
}
