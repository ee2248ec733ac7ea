//! Order and placement.

use crate::CompileError;
use hw::memory::{Peak, Plan, Problem};
use targets::Lowered;

/// The order of steps, its memory problem, and where everything lies.
pub(crate) fn plan(lowered: &dyn Lowered) -> Result<(Vec<usize>, Problem, Plan), CompileError> {
    let order: Vec<usize> = (0..lowered.steps().len()).collect();
    let problem = lowered.problem(&order);
    let plan = greedy(&problem);
    Ok((order, problem, plan))
}

fn greedy(problem: &Problem) -> Plan {
    let n = problem.buffers.len();
    let mut offsets = vec![0u64; n];
    let mut by_size: Vec<usize> = (0..n).collect();
    by_size.sort_by_key(|&i| std::cmp::Reverse(problem.buffers[i].bytes));
    let mut placed: Vec<usize> = Vec::new();
    for &i in &by_size {
        let b = &problem.buffers[i];
        let mut taken: Vec<(u64, u64)> = placed
            .iter()
            .filter(|&&j| problem.buffers[j].meets(b))
            .map(|&j| (offsets[j], offsets[j] + problem.buffers[j].bytes))
            .collect();
        taken.sort_unstable();
        let mut at = 0u64;
        for (low, high) in taken {
            if at + b.bytes <= low {
                break;
            }
            at = at.max(high).next_multiple_of(b.align);
        }
        offsets[i] = at;
        placed.push(i);
    }
    let arena_bytes = (0..n).map(|i| offsets[i] + problem.buffers[i].bytes).max().unwrap_or(0);
    Plan {
        offsets,
        walks: vec![None; problem.steps.len()],
        arena_bytes,
        lower_bound: 0,
        proven: false,
        peak: Peak::default(),
        nodes: 0,
    }
}
