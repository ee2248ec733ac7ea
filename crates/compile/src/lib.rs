//! The one way down: legalise, plan, cost, emit.

mod plan;

use hw::memory::Plan;
use ir::Graph;
use targets::{EmitError, EmitOptions, File, Illegal, Target};

/// Why.
#[derive(Debug, thiserror::Error)]
pub enum CompileError {
    /// Not legal.
    #[error("{} ops cannot run on the target", .0.len())]
    Illegal(Vec<Illegal>),
    /// Emission.
    #[error(transparent)]
    Emit(#[from] EmitError),
}

/// A compiled network.
pub struct Compiled {
    /// Files.
    pub files: Vec<File>,
    /// Plan.
    pub plan: Plan,
}

/// Compiles.
pub fn compile(graph: &Graph, target: &dyn Target, options: &EmitOptions) -> Result<Compiled, CompileError> {
    let lowered = target.lower(graph).map_err(CompileError::Illegal)?;
    let order: Vec<usize> = (0..lowered.steps().len()).collect();
    let problem = lowered.problem(&order);
    let plan = plan::greedy(&problem);
    let files = lowered.emit(&order, &plan, options)?;
    Ok(Compiled { files, plan })
}
