//! The path of lowest peak through the sets of steps already run.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

use super::graph::Graph;

/// An order, and a peak that none falls below.
pub(super) struct Found {
    pub(super) order: Vec<usize>,
    pub(super) lower_bound: u64,
}

/// A set of steps.
type Done = Box<[u64]>;

/// A set of steps already run, by the best way found to it.
struct State {
    done: Done,
    /// The state before and the step between; none for the empty set.
    from: Option<(usize, usize)>,
    count: usize,
    peak: u64,
    live: u64,
    closed: bool,
}

/// Best first by peak, the set with more steps before others of the same peak.
///
/// A step that raises neither the peak nor what is held can run at once: whatever the best rest of the order is,
/// moving the step to its front holds no more at any moment. No other successor is needed then.
pub(super) fn search(graph: &Graph, limit: usize) -> Found {
    let words = graph.nodes.len().div_ceil(64);
    let start = vec![0u64; words].into_boxed_slice();
    let mut states = vec![State {
        done: start.clone(),
        from: None,
        count: 0,
        peak: 0,
        live: graph.held_at_start(),
        closed: false,
    }];
    let mut known: HashMap<Done, usize> = HashMap::from([(start, 0)]);
    let mut queue = BinaryHeap::from([(Reverse(0u64), 0usize, Reverse(0usize))]);
    let mut deepest = 0;
    while let Some((Reverse(peak), count, Reverse(at))) = queue.pop() {
        if states[at].closed || states[at].peak < peak {
            continue;
        }
        states[at].closed = true;
        if count == graph.nodes.len() {
            return Found { order: steps_to(&states, at), lower_bound: peak };
        }
        if (count, Reverse(peak)) > (states[deepest].count, Reverse(states[deepest].peak)) {
            deepest = at;
        }
        if states.len() >= limit {
            // Every order passes through this state or one still queued, and none of those is lower.
            return Found { order: finish(graph, &states, deepest), lower_bound: peak };
        }
        for next in successors(graph, &states[at], at) {
            match known.get(&next.done) {
                Some(&old) if states[old].closed || states[old].peak <= next.peak => {}
                Some(&old) => {
                    queue.push((Reverse(next.peak), next.count, Reverse(old)));
                    states[old] = next;
                }
                None => {
                    let new = states.len();
                    known.insert(next.done.clone(), new);
                    queue.push((Reverse(next.peak), next.count, Reverse(new)));
                    states.push(next);
                }
            }
        }
    }
    unreachable!("a graph whose given order is valid has a path to its end")
}

fn successors(graph: &Graph, state: &State, at: usize) -> Vec<State> {
    let mut found = Vec::new();
    for step in (0..graph.nodes.len()).filter(|&s| is_ready(graph, &state.done, s)) {
        let next = run(graph, state, at, step);
        if next.peak <= state.peak && next.live <= state.live {
            return vec![next];
        }
        found.push(next);
    }
    found
}

fn is_ready(graph: &Graph, done: &[u64], step: usize) -> bool {
    !has(done, step) && graph.nodes[step].before.iter().all(|&b| has(done, b))
}

fn has(done: &[u64], step: usize) -> bool {
    done[step / 64] >> (step % 64) & 1 == 1
}

/// The state after one more step.
fn run(graph: &Graph, state: &State, at: usize, step: usize) -> State {
    let node = &graph.nodes[step];
    let mut done = state.done.clone();
    done[step / 64] |= 1 << (step % 64);
    // An input ends here if it is not kept and everyone else who reads it has run.
    let dies = |b: usize| {
        let life = &graph.buffers[b];
        !life.kept && node.inputs.contains(&b) && life.readers.iter().all(|&s| has(&done, s))
    };
    let bytes = |b: &usize| graph.buffers[*b].bytes;
    let freed: u64 = node.inputs.iter().filter(|&&b| dies(b)).map(bytes).sum();
    let wanted = |b: &&usize| graph.buffers[**b].kept || !graph.buffers[**b].readers.is_empty();
    let stored: u64 = node.outputs.iter().filter(wanted).map(bytes).sum();
    let peak = graph.peak(step, state.live, dies).max(state.peak);
    let live = state.live + stored - freed;
    State { done, from: Some((at, step)), count: state.count + 1, peak, live, closed: false }
}

/// Completes an order greedily: the step that needs least, then the one that leaves least.
fn finish(graph: &Graph, states: &[State], at: usize) -> Vec<usize> {
    let mut order = steps_to(states, at);
    let from = &states[at];
    let mut state = State { done: from.done.clone(), from: None, ..*from };
    while order.len() < graph.nodes.len() {
        let ready = (0..graph.nodes.len()).filter(|&s| is_ready(graph, &state.done, s));
        let next = ready.map(|s| (run(graph, &state, at, s), s)).min_by_key(|(n, s)| (n.peak, n.live, *s));
        let (next, step) = next.expect("a graph whose given order is valid always has a step that is ready");
        order.push(step);
        state = next;
    }
    order
}

fn steps_to(states: &[State], mut at: usize) -> Vec<usize> {
    let mut order = Vec::new();
    while let Some((before, step)) = states[at].from {
        order.push(step);
        at = before;
    }
    order.reverse();
    order
}
