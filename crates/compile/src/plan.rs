//! Order and placement of everything in the arena.

use crate::CompileError;
use hw::memory::{Clearance, Peak, Plan, Problem};
use std::collections::HashMap;
use targets::Lowered;

/// The order of steps, its memory problem, and where everything lies; the plan was replayed by the checker.
pub(crate) fn plan(lowered: &dyn Lowered) -> Result<(Vec<usize>, Problem, Plan), CompileError> {
    let order: Vec<usize> = (0..lowered.steps().len()).collect();
    let problem = lowered.problem(&order);
    let plan = place(&problem);
    let violations = check::memory::replay(&problem, &plan);
    if !violations.is_empty() {
        return Err(CompileError::Plan(violations.iter().map(ToString::to_string).collect()));
    }
    Ok((order, problem, plan))
}

/// Lowest fit in several orders of the buffers, with the overlap that kernels allow.
fn place(problem: &Problem) -> Plan {
    let pairs: HashMap<(usize, usize), Clearance> = problem
        .overlaps()
        .into_iter()
        .map(|(input, output, clearance)| ((input, output), clearance))
        .collect();
    let n = problem.buffers.len();
    let none = HashMap::new();
    let key = |i: usize| {
        let b = &problem.buffers[i];
        (b.bytes, b.upper - b.lower)
    };
    let mut by_size: Vec<usize> = (0..n).collect();
    by_size.sort_by_key(|&i| std::cmp::Reverse(key(i)));
    let mut by_time: Vec<usize> = (0..n).collect();
    by_time.sort_by_key(|&i| (problem.buffers[i].lower, std::cmp::Reverse(problem.buffers[i].bytes)));
    let mut backwards = by_time.clone();
    backwards.reverse();
    let mut orders = vec![by_size.clone(), by_time, backwards];
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    for _ in 0..(2_000_000 / (n * n + 1)).min(400) {
        let mut shaken = by_size.clone();
        for i in (1..shaken.len()).rev() {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            if (state >> 60) < 6 {
                shaken.swap(i, i - 1);
            }
        }
        orders.push(shaken);
    }
    let mut best: Option<Plan> = None;
    for order in &orders {
        for pairs in [&pairs, &none] {
            let Some(plan) = fit(problem, order, pairs) else { continue };
            if best.as_ref().is_none_or(|b| plan.arena_bytes < b.arena_bytes) {
                best = Some(plan);
            }
        }
    }
    best.expect("without overlap every order has a placement")
}

fn fit(problem: &Problem, order: &[usize], pairs: &HashMap<(usize, usize), Clearance>) -> Option<Plan> {
    let buffers = &problem.buffers;
    let mut offsets = vec![0u64; buffers.len()];
    let mut placed: Vec<usize> = Vec::with_capacity(order.len());
    for &id in order {
        let b = &buffers[id];
        let rivals: Vec<usize> = placed.iter().copied().filter(|&j| buffers[j].meets(b)).collect();
        let mut candidates = vec![0u64];
        for &j in &rivals {
            let at = offsets[j];
            candidates.push(at + buffers[j].bytes);
            candidates.extend(at.checked_sub(b.bytes));
            for pair in [(id, j), (j, id)] {
                let Some(clearance) = pairs.get(&pair) else { continue };
                // As input above the output j, or as output above the input j; and the other way round.
                let (above, below) = if pair.0 == id {
                    (clearance.input_above, clearance.output_above)
                } else {
                    (clearance.output_above, clearance.input_above)
                };
                candidates.extend(above.map(|d| at + d));
                candidates.extend(below.and_then(|d| at.checked_sub(d)));
                if clearance.same_offset {
                    candidates.push(at);
                }
            }
        }
        let aligned = candidates.iter().flat_map(|c| [c / b.align * b.align, c.next_multiple_of(b.align)]);
        let mut aligned: Vec<u64> = aligned.collect();
        aligned.sort_unstable();
        aligned.dedup();
        let fits = |at: u64| {
            rivals.iter().all(|&j| {
                let (mine, theirs) = ((at, b.bytes), (offsets[j], buffers[j].bytes));
                let apart = at + b.bytes <= offsets[j] || offsets[j] + buffers[j].bytes <= at;
                apart
                    || pairs.get(&(id, j)).is_some_and(|c| c.allows(mine, theirs))
                    || pairs.get(&(j, id)).is_some_and(|c| c.allows(theirs, mine))
            })
        };
        offsets[id] = aligned.into_iter().find(|&at| fits(at))?;
        placed.push(id);
    }
    let walks: Vec<_> = problem.steps.iter().map(|step| step.walk_for(buffers, &offsets)).collect();
    let sound = problem.steps.iter().zip(&walks).all(|(step, walk)| {
        walk.is_some()
            || step.inputs.iter().all(|&i| {
                step.outputs.iter().all(|&o| {
                    offsets[i] + buffers[i].bytes <= offsets[o] || offsets[o] + buffers[o].bytes <= offsets[i]
                })
            })
    });
    let arena_bytes = (0..buffers.len()).map(|i| offsets[i] + buffers[i].bytes).max().unwrap_or(0);
    let peak = peak(problem, &offsets);
    sound.then_some(Plan { offsets, walks, arena_bytes, lower_bound: 0, proven: false, peak, nodes: 0 })
}

/// The step whose buffers reach highest, and what is live there.
fn peak(problem: &Problem, offsets: &[u64]) -> Peak {
    let live = |step: usize| {
        let ids = (0..offsets.len())
            .filter(move |&i| problem.buffers[i].lower <= step && step < problem.buffers[i].upper);
        let mut ids: Vec<usize> = ids.collect();
        ids.sort_by_key(|&i| offsets[i]);
        ids
    };
    let reach =
        |step: usize| live(step).iter().map(|&i| offsets[i] + problem.buffers[i].bytes).max().unwrap_or(0);
    let step = (0..problem.steps.len().max(1))
        .max_by_key(|&step| (reach(step), std::cmp::Reverse(step)))
        .unwrap_or(0);
    Peak { step, members: live(step) }
}
