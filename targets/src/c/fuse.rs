//! Two convolutions as one step, row by row: less memory for a few more instructions.

use super::kernels::KernelSet;
use super::kernels::spec::{Conv2dSpec, FusedSpec, OpSpec};
use super::program::{Operand, Program, Task, Work};
use crate::target::Role;

/// Steps `[first, second]` where a 1x1 convolution is read by one windowed convolution alone.
pub(super) fn pairs(program: &Program) -> Vec<[usize; 2]> {
    let pair = |first: usize| {
        let between = program.steps[first].output;
        let mut readers =
            (0..program.steps.len()).filter(|&k| program.steps[k].blocks().any(|b| b == between));
        let second = readers.next()?;
        let alone = readers.next().is_none() && program.values[between].role == Role::Activation;
        (alone && spec(program, [first, second]).is_some()).then_some([first, second])
    };
    (0..program.steps.len()).filter_map(pair).collect()
}

fn spec(program: &Program, [first, second]: [usize; 2]) -> Option<FusedSpec> {
    let convolution = |task: &Task| match &task.work {
        Work::Spec(spec) => match &**spec {
            OpSpec::Conv2d(s) if s.residual.is_none() => Some(s.clone()),
            _ => None,
        },
        Work::Own | Work::Custom(_) => None,
    };
    let windowed = |s: &Conv2dSpec| s.window.kernel != [1, 1];
    let pair = FusedSpec {
        first: convolution(&program.steps[first])?,
        second: convolution(&program.steps[second])?,
    };
    let pointwise = pair.first.window.kernel == [1, 1] && pair.first.window.stride == [1, 1];
    (pointwise && windowed(&pair.second) && pair.first.output == pair.second.input).then_some(pair)
}

/// The program with the pair as one step and without the memory between; `None` where the set has no kernel for it.
pub(super) fn fused(program: &Program, [first, second]: [usize; 2], set: &dyn KernelSet) -> Option<Program> {
    let spec = OpSpec::Fused(Box::new(spec(program, [first, second])?));
    let kernel = set.kernel(&spec, None).ok()?;
    let mut program = program.clone();
    let between = program.steps[first].output;
    let inputs = program.steps[first].inputs.clone();
    let task = &mut program.steps[second];
    task.name = format!("{}_fused", task.name);
    task.work = Work::Spec(Box::new(spec));
    task.kernel = kernel;
    task.inputs = inputs;
    program.steps.remove(first);
    remove_block(&mut program, between);
    Some(program)
}

/// Removes a memory block that nothing uses; blocks behind it move up.
fn remove_block(program: &mut Program, gone: usize) {
    program.values.remove(gone);
    program.aligns.remove(gone);
    let moved = |block: &mut usize| *block -= usize::from(*block > gone);
    for task in &mut program.steps {
        moved(&mut task.output);
        for operand in &mut task.inputs {
            if let Operand::Block(block) = operand {
                moved(block);
            }
        }
    }
    for port in program.inputs.iter_mut().chain(&mut program.outputs) {
        moved(&mut port.value);
    }
}
