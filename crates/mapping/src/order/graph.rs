//! Steps as a partial order, with what each needs in memory.

use hw::memory::Problem;

use crate::memory::{Discount, savings};

/// A program without an order.
pub(super) struct Graph {
    pub(super) nodes: Vec<Node>,
    pub(super) buffers: Vec<Life>,
    /// The most that rounding sizes up to the shared alignment adds to a buffer.
    padding: u64,
    /// The given order respects what each step reads.
    ordered: bool,
}

/// One step.
#[derive(Default)]
pub(super) struct Node {
    /// Buffers read, each once.
    pub(super) inputs: Vec<usize>,
    /// Buffers stored.
    pub(super) outputs: Vec<usize>,
    /// Bytes that live in this step only.
    pub(super) scratch: u64,
    /// Steps that must run before, each once.
    pub(super) before: Vec<usize>,
    /// What its outputs may share with inputs that die in it.
    pub(super) discounts: Vec<Discount>,
}

/// When a buffer lives, whatever the order.
pub(super) struct Life {
    pub(super) bytes: u64,
    /// Steps that read it.
    pub(super) readers: Vec<usize>,
    pub(super) producer: Option<usize>,
    scratch: bool,
    /// It lives to the end.
    pub(super) kept: bool,
}

impl Graph {
    /// Takes a problem without findings apart.
    pub(super) fn new(problem: &Problem) -> Graph {
        let unit = problem.buffers.iter().map(|b| b.align).min().unwrap_or(1);
        let rounded = |b: usize| problem.buffers[b].bytes.next_multiple_of(unit);
        let life = |b: usize| Life {
            bytes: rounded(b),
            readers: Vec::new(),
            producer: None,
            scratch: false,
            kept: false,
        };
        let mut buffers: Vec<Life> = (0..problem.buffers.len()).map(life).collect();
        let mut last: Vec<usize> = problem.buffers.iter().map(|b| b.lower + 1).collect();
        let mut nodes: Vec<Node> = Vec::with_capacity(problem.steps.len());
        let mut ordered = true;
        for (at, step) in problem.steps.iter().enumerate() {
            let mut node = Node { outputs: step.outputs.clone(), ..Node::default() };
            node.inputs = step.inputs.clone();
            node.inputs.sort_unstable();
            node.inputs.dedup();
            for &b in &node.inputs {
                buffers[b].readers.push(at);
                last[b] = last[b].max(at + 1);
                node.before.extend(buffers[b].producer);
            }
            node.before.sort_unstable();
            node.before.dedup();
            for &b in &step.scratch {
                node.scratch += rounded(b);
                buffers[b].scratch = true;
            }
            for &b in &step.outputs {
                ordered &= buffers[b].producer.is_none() && buffers[b].readers.is_empty();
                buffers[b].producer = Some(at);
            }
            for (i, &input) in step.inputs.iter().enumerate() {
                if step.inputs.iter().filter(|&&other| other == input).count() > 1 {
                    continue;
                }
                for (o, &output) in step.outputs.iter().enumerate() {
                    let clearance = step.clearance(&problem.buffers, i, o);
                    let sizes = (rounded(input), rounded(output));
                    node.discounts.push(Discount::new(input, output, clearance, sizes, unit));
                }
            }
            node.discounts.sort_by_key(|d| (d.output, d.input));
            nodes.push(node);
        }
        for (b, life) in buffers.iter_mut().enumerate() {
            life.kept = problem.buffers[b].upper > last[b]
                || (life.producer.is_none() && life.readers.is_empty() && !life.scratch);
        }
        let padding = (0..buffers.len()).map(|b| rounded(b) - problem.buffers[b].bytes).max().unwrap_or(0);
        Graph { nodes, buffers, padding, ordered }
    }

    /// Whether only one order is possible.
    pub(super) fn is_chain(&self) -> bool {
        (1..self.nodes.len()).all(|at| self.nodes[at].before.contains(&(at - 1)))
    }

    /// Whether the given order is one of the graph's: every buffer is stored once, before it is read.
    pub(super) fn is_ordered(&self) -> bool {
        self.ordered
    }

    /// The least that step `at` covers while `live` bytes of finished buffers are held and `dies` tells which of its
    /// inputs end with it.
    pub(super) fn peak(&self, at: usize, live: u64, dies: impl Fn(usize) -> bool) -> u64 {
        let node = &self.nodes[at];
        let stored: u64 = node.outputs.iter().map(|&b| self.buffers[b].bytes).sum();
        let saved = savings(&node.discounts, |b| node.outputs.contains(&b) || dies(b));
        (live + stored + node.scratch - saved).saturating_sub(self.padding)
    }

    /// Bytes held before the first step.
    pub(super) fn held_at_start(&self) -> u64 {
        self.buffers.iter().filter(|b| b.producer.is_none() && !b.scratch).map(|b| b.bytes).sum()
    }

    /// The same problem with its steps in another order.
    pub(super) fn reorder(&self, problem: &Problem, order: &[usize]) -> Problem {
        let mut position = vec![0; order.len()];
        order.iter().enumerate().for_each(|(at, &step)| position[step] = at);
        let mut buffers = problem.buffers.clone();
        for (b, life) in self.buffers.iter().enumerate() {
            buffers[b].lower = life.producer.map_or(0, |p| position[p]);
            // What outlives the last step goes on doing so: nothing may be stored over it by the step that comes last now.
            let end = order.len().max(problem.buffers[b].upper);
            buffers[b].upper = if life.kept { end } else { buffers[b].lower + 1 };
        }
        for (step, node) in self.nodes.iter().enumerate() {
            for &b in &node.inputs {
                buffers[b].upper = buffers[b].upper.max(position[step] + 1);
            }
            for &b in &problem.steps[step].scratch {
                (buffers[b].lower, buffers[b].upper) = (position[step], position[step] + 1);
            }
        }
        let steps = order.iter().map(|&step| problem.steps[step].clone()).collect();
        Problem { buffers, steps, capacity: problem.capacity }
    }
}
