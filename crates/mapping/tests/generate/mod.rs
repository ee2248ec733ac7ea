//! Random problems: short programs over a few tensors, with every kind of overlap a kernel can promise.

use hw::memory::{Access, Buffer, Clearance, PairAccess, Problem, Step, Tiles, Walk};
use proptest::prelude::*;

/// What one random step does.
#[derive(Debug, Clone)]
pub(crate) struct Draw {
    /// Which live tensors it reads, as fractions of the list.
    pub(crate) reads: Vec<usize>,
    /// Bytes per pixel of its output.
    pub(crate) width: u64,
    /// Which promise its kernel makes.
    pub(crate) kind: u8,
    /// Bytes of scratch; 0: none.
    pub(crate) scratch: u64,
    /// Whether its output lives to the end.
    pub(crate) keep: bool,
}

pub(crate) fn draws(steps: std::ops::Range<usize>) -> impl Strategy<Value = Vec<Draw>> {
    let draw = (prop::collection::vec(0usize..8, 1..3), 1u64..4, 0u8..7, 0u64..3, prop::bool::weighted(0.15));
    let draw =
        draw.prop_map(|(reads, width, kind, scratch, keep)| Draw { reads, width, kind, scratch, keep });
    prop::collection::vec(draw, steps)
}

/// The program that the draws describe: every tensor has `pixels` pixels.
pub(crate) fn program(draws: &[Draw], pixels: u64, align: u64) -> Problem {
    let mut buffers = vec![tensor("input", 2, pixels, align, 0)];
    let mut widths = vec![2];
    let mut tensors = vec![0];
    let mut steps = Vec::new();
    for (at, draw) in draws.iter().enumerate() {
        let mut inputs: Vec<usize> = draw.reads.iter().map(|r| tensors[r % tensors.len()]).collect();
        inputs.dedup();
        for &i in &inputs {
            buffers[i].upper = buffers[i].upper.max(at + 1);
        }
        let output = buffers.len();
        buffers.push(tensor(&format!("t{at}"), draw.width, pixels, align, at));
        if draw.keep {
            buffers[output].upper = draws.len();
        }
        let read: Vec<u64> = inputs.iter().map(|&i| widths[i]).collect();
        widths.push(draw.width);
        tensors.push(output);
        let mut scratch = Vec::new();
        if draw.scratch > 0 {
            scratch.push(buffers.len());
            buffers.push(Buffer { align, ..Buffer::new(format!("s{at}"), draw.scratch, at, at + 1) });
            widths.push(0);
        }
        let walks = walks(draw, pixels, &read);
        steps.push(Step { name: format!("op{at}"), inputs, outputs: vec![output], scratch, walks });
    }
    Problem { buffers, steps, capacity: None }
}

fn tensor(name: &str, width: u64, pixels: u64, align: u64, at: usize) -> Buffer {
    Buffer { align, ..Buffer::new(name, width * pixels, at, at + 1) }
}

fn walks(draw: &Draw, pixels: u64, read: &[u64]) -> Vec<Walk> {
    let forward = |i: usize, buffered| Access::Tiled(Tiles::pointwise(pixels, read[i], draw.width, buffered));
    let backward =
        |i: usize, buffered| Access::Tiled(Tiles::pointwise_reversed(pixels, read[i], draw.width, buffered));
    let all = |access: &dyn Fn(usize) -> Access| Walk {
        pairs: (0..read.len()).map(|input| PairAccess { input, output: 0, access: access(input) }).collect(),
    };
    match draw.kind {
        0 => vec![],
        1 => vec![all(&|i| forward(i, true))],
        2 => vec![all(&|i| forward(i, false))],
        3 => vec![all(&|i| backward(i, true))],
        4 => vec![all(&|i| forward(i, true)), all(&|i| backward(i, false))],
        5 => vec![Walk::single(read.len() - 1, 0, Access::SameOffset)],
        _ => vec![Walk::single(0, 0, forward(0, false)), Walk::single(0, 0, backward(0, true))],
    }
}

/// The smallest arena, by trying every offset of every buffer.
pub(crate) fn exhaustive(problem: &Problem) -> u64 {
    let shared = problem.overlaps();
    // Whether buffers `a` and `b` may lie at these offsets.
    let compatible = |at: &[u64], a: usize, b: usize| {
        let place = |x: usize| (at[x], problem.buffers[x].bytes);
        let disjoint = at[a] + place(a).1 <= at[b] || at[b] + place(b).1 <= at[a];
        let permitted = |&(i, o, c): &(usize, usize, Clearance)| {
            ((i, o) == (a, b) || (i, o) == (b, a)) && c.allows(place(i), place(o))
        };
        !problem.buffers[a].meets(&problem.buffers[b]) || disjoint || shared.iter().any(permitted)
    };
    let fits = |arena: u64| fits(problem, &mut Vec::new(), arena, &compatible);
    (0..).find(|&arena| fits(arena)).expect("a large enough arena fits")
}

fn fits(problem: &Problem, at: &mut Vec<u64>, arena: u64, ok: &dyn Fn(&[u64], usize, usize) -> bool) -> bool {
    let next = at.len();
    let Some(buffer) = problem.buffers.get(next) else { return true };
    let mut offset = 0;
    while offset + buffer.bytes <= arena {
        at.push(offset);
        let pinned_elsewhere = buffer.pinned.is_some_and(|p| p != offset);
        if !pinned_elsewhere && (0..next).all(|other| ok(at, other, next)) && fits(problem, at, arena, ok) {
            return true;
        }
        at.pop();
        offset += buffer.align;
    }
    false
}
