//! The C artifact: header, source, weights.
//!
//! ```text
//! PREFIX.h          interface: what goes in and out, how large the arena is
//! PREFIX.c          kernels, and the calls in order
//! PREFIX_weights.c  constants
//! ```
//!
//! No heap, no mutable data besides the arena, nothing of libc but `memcpy` and `memset` (and libm where the network
//! computes in float). Every external name begins with the prefix, so that several models link side by side.

mod header;
mod source;

use super::kernels::unit::{Call, Unit};
use super::kernels::{Argument, Constant, Data, Kernel, KernelSet};
use super::program::{Operand, Program, Task, Work};
use crate::target::{EmitError, EmitOptions, File};
use hw::memory::Plan;

/// Alignment of the arena: enough for every buffer and for the widest loads of the cores there are.
pub const ARENA_ALIGN: u64 = 16;

/// What the files of one model are written from.
pub(crate) struct Model<'a> {
    pub(crate) program: &'a Program,
    pub(crate) order: &'a [usize],
    /// Offset of each memory block.
    pub(crate) offsets: &'a [u64],
    pub(crate) arena_bytes: u64,
    pub(crate) options: &'a EmitOptions,
    /// The target's name and one line about it.
    pub(crate) target: (&'static str, &'static str),
    pub(crate) unit: Unit,
    /// One per step, in `order`.
    pub(crate) calls: Vec<PlannedCall>,
}

/// A call with addresses.
pub(crate) struct PlannedCall {
    pub(crate) call: Call,
    /// Offset of each input of the kernel; `None` for a constant.
    pub(crate) inputs: Vec<Option<u64>>,
    pub(crate) output: u64,
    pub(crate) output_bytes: u64,
    pub(crate) scratch: Option<u64>,
}

/// Writes the model's C files.
///
/// # Errors
/// Missing weights, or a prefix that is no C identifier.
///
/// # Panics
/// Where the plan is not one of the program's memory problem, or the kernel set contradicts itself.
pub fn files(
    program: &Program,
    set: &dyn KernelSet,
    target: (&'static str, &'static str),
    order: &[usize],
    plan: &Plan,
    options: &EmitOptions,
) -> Result<Vec<File>, EmitError> {
    check_prefix(&options.prefix)?;
    if !program.untrained.is_empty() {
        return Err(EmitError::Untrained(program.untrained.clone()));
    }
    let blocks = program.values.len();
    let mut unit = Unit::default();
    // The problem's buffers behind the blocks are the scratch of steps, in the program's order.
    let mut offsets = plan.offsets[blocks..].iter().copied();
    let scratch: Vec<Option<u64>> = program
        .steps
        .iter()
        .map(|task| (task.kernel.scratch_bytes > 0).then(|| offsets.next()).flatten())
        .collect();
    let mut calls = Vec::with_capacity(order.len());
    for (k, &step) in order.iter().enumerate() {
        let task = &program.steps[step];
        let kernel = planned_kernel(task, set, plan.walks[k]);
        let offset = |operand: &Operand| match operand {
            Operand::Block(block) => Some(plan.offsets[*block]),
            Operand::Constant(_) => None,
        };
        if let Work::Custom(custom) = &task.work
            && custom.symbol.starts_with(&options.prefix)
        {
            return Err(EmitError::Symbol { symbol: custom.symbol.clone(), prefix: options.prefix.clone() });
        }
        let call = unit.add(&task.name, &kernel);
        calls.push(PlannedCall {
            call,
            inputs: task.inputs.iter().map(offset).collect(),
            output: plan.offsets[task.output],
            output_bytes: program.values[task.output].bytes,
            scratch: scratch[step],
        });
    }
    let model = Model {
        program,
        order,
        offsets: &plan.offsets[..blocks],
        arena_bytes: plan.arena_bytes,
        options,
        target,
        unit,
        calls,
    };
    let prefix = &options.prefix;
    Ok(vec![
        File { name: format!("{prefix}.h"), text: header::text(&model) },
        File { name: format!("{prefix}.c"), text: source::text(&model) },
        File { name: format!("{prefix}_weights.c"), text: source::weights(&model) },
    ])
}

fn check_prefix(prefix: &str) -> Result<(), EmitError> {
    let sound = prefix.starts_with(|c: char| c.is_ascii_alphabetic())
        && prefix.len() <= 64
        && !prefix.contains("__")
        && prefix.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if sound { Ok(()) } else { Err(EmitError::Prefix(prefix.to_owned())) }
}

/// The kernel for the walk that the plan chose, with operands that are constant among its constants.
fn planned_kernel(task: &Task, set: &dyn KernelSet, walk: Option<usize>) -> Kernel {
    let mut kernel = match (&task.work, walk) {
        (Work::Spec(spec), Some(_)) => {
            set.kernel(spec, walk).expect("a kernel that was found once is found again")
        }
        _ => task.kernel.clone(),
    };
    assert_eq!(kernel.scratch_bytes, task.kernel.scratch_bytes, "scratch does not depend on the walk");
    for (index, operand) in task.inputs.iter().enumerate() {
        let Operand::Constant(constant) = operand else { continue };
        let at = kernel.constants.len();
        let mut data = constant.data.clone();
        for (argument, c_type) in &mut kernel.arguments {
            if *argument == Argument::Input(index) {
                *argument = Argument::Constant(at);
                data = halved(data, c_type);
            }
        }
        let role = ROLES[index.min(ROLES.len() - 1)];
        kernel.constants.push(Constant { role, data });
    }
    kernel
}

/// Names of constant operands.
const ROLES: [&str; 8] = ["x0", "x1", "x2", "x3", "x4", "x5", "x6", "x7"];

/// 64-bit constants as the pairs of 32-bit ones that kernels which only move elements take them for.
fn halved(data: Data, c_type: &str) -> Data {
    match data {
        Data::I64(values) if c_type == "int32_t" =>
        {
            #[allow(clippy::cast_possible_truncation, reason = "the halves are taken apart")]
            Data::I32(values.iter().flat_map(|v| [*v as i32, (*v >> 32) as i32]).collect())
        }
        data => data,
    }
}

/// Text that may stand in a C comment and does not meet the prefix mark.
pub(crate) fn comment(text: &str) -> String {
    let plain: String =
        text.chars().map(|c| if c.is_ascii_graphic() || c == ' ' { c } else { '?' }).collect();
    plain.replace('@', "(at)").replace("*/", "* /").replace("/*", "/ *").replace("??", "? ?")
}
