//! Order and placement of everything in the arena.

use crate::CompileError;
use hw::memory::{Plan, Problem};
use mapping::order::{Options, plan as ordered};
use targets::Lowered;

/// A program with its memory: the order of steps, the problem of that order, and where everything lies.
pub(crate) struct Placed {
    pub(crate) lowered: Box<dyn Lowered>,
    pub(crate) order: Vec<usize>,
    pub(crate) problem: Problem,
    pub(crate) plan: Plan,
}

/// Fusions tried before the arena is left as it is.
const MAX_FUSIONS: usize = 16;

/// Plans the arena; where a value between two steps that may run as one is live at the peak, they do if that makes the arena
/// smaller. The plan that is returned was replayed by the checker.
pub(crate) fn plan(lowered: Box<dyn Lowered>, budget: Options) -> Result<Placed, CompileError> {
    let mut placed = placed(lowered, budget)?;
    let mut tried = 0;
    'peak: while tried < MAX_FUSIONS {
        for pair in placed.lowered.fusions() {
            let between = placed.lowered.steps()[pair[0]].output;
            if !placed.plan.peak.members.contains(&between) {
                continue;
            }
            let Some(fused) = placed.lowered.fused(pair) else { continue };
            tried += 1;
            let other = self::placed(fused, budget)?;
            if other.plan.arena_bytes < placed.plan.arena_bytes {
                placed = other;
                continue 'peak;
            }
        }
        break;
    }
    let violations = check::memory::replay(&placed.problem, &placed.plan);
    if !violations.is_empty() {
        return Err(CompileError::Plan(violations.iter().map(ToString::to_string).collect()));
    }
    Ok(placed)
}

fn placed(lowered: Box<dyn Lowered>, budget: Options) -> Result<Placed, CompileError> {
    let order: Vec<usize> = (0..lowered.steps().len()).collect();
    let found = ordered(&lowered.problem(&order), budget)?;
    Ok(Placed { lowered, order: found.order, problem: found.problem, plan: found.plan })
}
