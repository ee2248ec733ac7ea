//! Order and placement of everything in the arena.

use crate::CompileError;
use hw::memory::{Plan, Problem};
use mapping::memory::{Options, place};
use targets::Lowered;

/// The order of steps, its memory problem, and where everything lies; the plan was replayed by the checker.
pub(crate) fn plan(
    lowered: &dyn Lowered,
    budget: Options,
) -> Result<(Vec<usize>, Problem, Plan), CompileError> {
    let order: Vec<usize> = (0..lowered.steps().len()).collect();
    let problem = lowered.problem(&order);
    let plan = place(&problem, budget)?;
    let violations = check::memory::replay(&problem, &plan);
    if !violations.is_empty() {
        return Err(CompileError::Plan(violations.iter().map(ToString::to_string).collect()));
    }
    Ok((order, problem, plan))
}
