//! Row fusion: where a 1x1 convolution's result sets the peak of memory and only a windowed convolution reads it, the two become one
//! kernel and the tensor between them shrinks to a few rows.
//!
//! Fusion trades a little time (rows are handed over one by one) for memory, so it is done only where it lowers the peak. The
//! peak is estimated step by step, with what the kernels' walks allow, before any address is given.

use std::collections::HashMap;

use super::kernels::KernelSet;
use super::kernels::spec::{FusedSpec, OpSpec};
use super::program::{Operand, Program, Task, Work};
use hw::memory::Clearance;

/// The program with every pair fused that lowers its peak.
#[must_use]
pub fn rows(mut program: Program, set: &dyn KernelSet) -> Program {
    loop {
        let needs = needs(&program);
        let Some((peak, &most)) = needs.iter().enumerate().max_by_key(|(i, need)| (**need, usize::MAX - i))
        else {
            return program;
        };
        let pairs = (0..program.steps.len()).filter_map(|first| Some((first, reader(&program, first)?)));
        let better = pairs
            .filter(|&(first, second)| first == peak || second == peak)
            .filter_map(|(first, second)| fused(&program, first, second, set))
            .map(|candidate| (self::needs(&candidate).into_iter().max().unwrap_or(0), candidate))
            .filter(|(need, _)| *need < most)
            .min_by_key(|(need, _)| *need);
        match better {
            Some((_, candidate)) => program = candidate,
            None => return program,
        }
    }
}

/// The only step that reads the result of step `first`; `None` where there are several, or the caller reads it.
fn reader(program: &Program, first: usize) -> Option<usize> {
    let block = program.steps[first].output;
    if program.outputs.iter().any(|port| port.value == block) {
        return None;
    }
    let mut readers =
        (0..program.steps.len()).filter(|&step| program.steps[step].blocks().any(|b| b == block));
    let only = readers.next()?;
    (readers.next().is_none() && program.steps[only].inputs.len() == 1).then_some(only)
}

/// The program with two steps made one, if a kernel does it.
fn fused(program: &Program, first: usize, second: usize, set: &dyn KernelSet) -> Option<Program> {
    let [a, b] = [first, second].map(|step| &program.steps[step]);
    let (Work::Spec(x), Work::Spec(y)) = (&a.work, &b.work) else { return None };
    let (OpSpec::Conv2d(x), OpSpec::Conv2d(y)) = (&**x, &**y) else { return None };
    let spec = OpSpec::Fused(Box::new(FusedSpec { first: x.clone(), second: y.clone() }));
    let kernel = set.kernel(&spec, None).ok()?;
    let task = Task { work: Work::Spec(Box::new(spec)), kernel, inputs: a.inputs.clone(), ..b.clone() };
    let block = a.output;
    let mut program = program.clone();
    program.steps[second] = task;
    program.steps.remove(first);
    remove_block(&mut program, block);
    Some(program)
}

/// Takes a block nobody uses out; later ones move up.
fn remove_block(program: &mut Program, block: usize) {
    program.values.remove(block);
    program.aligns.remove(block);
    let moved = |index: &mut usize| *index -= usize::from(*index > block);
    for task in &mut program.steps {
        moved(&mut task.output);
        for operand in &mut task.inputs {
            if let Operand::Block(index) = operand {
                moved(index);
            }
        }
    }
    for port in program.inputs.iter_mut().chain(&mut program.outputs) {
        moved(&mut port.value);
    }
}

/// Bytes each step needs: what lives across it, its own inputs and output as tightly as a walk lays them, its scratch.
fn needs(program: &Program) -> Vec<u64> {
    let mut lives: HashMap<usize, [usize; 2]> = HashMap::new();
    for port in &program.inputs {
        lives.insert(port.value, [0, 0]);
    }
    for (k, task) in program.steps.iter().enumerate() {
        lives.entry(task.output).or_insert([k, k]);
        for block in task.blocks() {
            lives.entry(block).or_insert([0, k])[1] = k;
        }
    }
    for port in &program.outputs {
        if let Some(life) = lives.get_mut(&port.value) {
            life[1] = program.steps.len();
        }
    }
    let bytes = |block: usize| program.values[block].bytes;
    let step = |(k, task): (usize, &Task)| {
        let live = lives.iter().filter(|(_, life)| life[0] <= k && k <= life[1]);
        let all: u64 = live.map(|(&block, _)| bytes(block)).sum();
        // The best that one dying input saves by sharing memory with the output.
        let saved =
            task.blocks().enumerate().filter(|(_, block)| lives[block][1] == k).map(|(position, block)| {
                let apart = bytes(block) + bytes(task.output);
                apart - together(task, position, bytes(block), bytes(task.output)).min(apart)
            });
        all - saved.max().unwrap_or(0) + task.kernel.scratch_bytes as u64
    };
    program.steps.iter().enumerate().map(step).collect()
}

/// The smallest extent of an input and the output that some walk allows.
fn together(task: &Task, position: usize, input: u64, output: u64) -> u64 {
    let pairs = task.kernel.walks.iter().flat_map(|walk| &walk.pairs);
    pairs
        .filter(|pair| task.block_position(pair.input) == Some(position))
        .map(|pair| {
            let Clearance { input_above, output_above, same_offset } = pair.access.clearance(input, output);
            let above = input_above.map(|d| (d + input).max(output));
            let below = output_above.map(|d| (d + output).max(input));
            let same = same_offset.then_some(input.max(output));
            [above, below, same].into_iter().flatten().min().unwrap_or(u64::MAX)
        })
        .min()
        .unwrap_or(u64::MAX)
}
