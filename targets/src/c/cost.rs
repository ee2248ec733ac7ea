//! What a step costs: constants exactly, instructions and code by the core's fitted coefficients.

use super::kernels::spec::{Conv2dSpec, OpSpec};
use super::kernels::unit::bytes;
use super::kernels::{Function, Helper};
use super::program::{Program, Task, Work};
use crate::hardware::{Hardware, OpModel, Ratio};
use crate::target::{Step, StepCost};
use hw::{Estimate, Macs, Origin};
use std::collections::HashSet;

/// One entry per step; a function that an earlier step has already brought costs no code.
pub(super) fn steps(program: &Program, hardware: &Hardware) -> Vec<Step> {
    let mut seen = HashSet::new();
    let read = |task: &Task| task.blocks().map(|block| program.values[block].bytes).sum();
    program.steps.iter().map(|task| step(task, read(task), hardware, &mut seen)).collect()
}

fn step(task: &Task, read: u64, hardware: &Hardware, seen: &mut HashSet<Function>) -> Step {
    let elements: usize = task.shape.iter().product();
    let model = model_of(hardware, task);
    #[allow(clippy::cast_precision_loss, reason = "counts are far below 2^53")]
    let value = model.instructions_per_mac * task.kernel.macs as f64
        + model.instructions_per_input_byte * read as f64
        + model.instructions_per_output * elements as f64
        + model.instructions_per_call;
    let spread = model.relative_error;
    let instructions = Estimate::within(
        value.round(),
        "instructions",
        Origin::Modelled,
        value * (1.0 - spread),
        value * (1.0 + spread),
    );
    let cycles = match hardware.model.cycles_per_instruction {
        Some(ratio) => scaled(&instructions, ratio, "cycles"),
        None => Estimate::within(0.0, "cycles", Origin::Predicted, 0.0, f64::INFINITY),
    };
    let functions = std::iter::once(&task.kernel.function).chain(&task.kernel.callees);
    let characters: usize =
        functions.filter(|f| seen.insert((*f).clone())).map(|f| significant(&f.body)).sum();
    #[allow(clippy::cast_precision_loss, reason = "counts are far below 2^53")]
    let characters = Estimate::exact(characters as f64, "characters", Origin::Modelled);
    Step {
        name: task.name.clone(),
        node: task.node.clone(),
        op: task.op,
        kernel: task.kernel.function.stem.clone(),
        kind: kind(task),
        detail: detail(task),
        inputs: task.blocks().collect(),
        output: task.output,
        shape: task.shape.clone(),
        order: task.order.clone(),
        element: task.element,
        last: task.last,
        scratch_bytes: task.kernel.scratch_bytes as u64,
        cost: StepCost {
            macs: Macs(task.kernel.macs),
            instructions,
            cycles,
            const_bytes: task.constants().map(|constant| bytes(&constant.data) as u64).sum(),
            code_bytes: scaled(&characters, hardware.model.code_bytes_per_character, "B"),
        },
    }
}

fn scaled(figure: &Estimate, by: Ratio, unit: &str) -> Estimate {
    let [low, high] = figure.interval;
    Estimate::within(
        (figure.value * by.value).round(),
        unit,
        Origin::Predicted,
        low * by.interval[0],
        high * by.interval[1],
    )
}

/// Characters that are not blank: what the size of machine code goes with.
fn significant(body: &str) -> usize {
    body.chars().filter(|c| !c.is_whitespace()).count()
}

/// Helpers and entry points.
pub(super) fn shared_code(program: &Program, hardware: &Hardware) -> Estimate {
    let helpers: HashSet<Helper> =
        program.steps.iter().flat_map(|t| t.kernel.helpers.iter().copied()).collect();
    let characters: usize = helpers.iter().map(|h| significant(h.text)).sum();
    let calls = program.steps.len();
    #[allow(clippy::cast_precision_loss, reason = "counts are far below 2^53")]
    let base = hardware.model.shared_code_bytes + hardware.model.code_bytes_per_call * calls as f64;
    #[allow(clippy::cast_precision_loss, reason = "counts are far below 2^53")]
    let helpers = scaled(
        &Estimate::exact(characters as f64, "characters", Origin::Modelled),
        hardware.model.code_bytes_per_character,
        "B",
    );
    let float = program.steps.iter().any(|task| task.element.is_float() && kind(task) != "move");
    let library = hardware.model.float_library_bytes.filter(|_| float);
    let library = library.unwrap_or(Ratio { value: 0.0, interval: [0.0, 0.0] });
    Estimate::within(
        base + helpers.value + library.value,
        "B",
        Origin::Predicted,
        base + helpers.interval[0] + library.interval[0],
        base + helpers.interval[1] + library.interval[1],
    )
}

fn model_of<'h>(hardware: &'h Hardware, task: &Task) -> &'h OpModel {
    let ops = &hardware.model.ops;
    ops.get(kind(task)).or_else(|| ops.get("other")).expect("every description has a model for `other`")
}

/// The kind of kernel that the cost model tells apart.
pub(super) fn kind(task: &Task) -> &'static str {
    let Work::Spec(spec) = &task.work else { return "other" };
    let [integer, float] = match &**spec {
        OpSpec::Conv2d(s) if s.is_depthwise() => ["depthwise", "conv2d_f32"],
        OpSpec::Conv2d(s) if s.window.kernel == [1, 1] => ["pointwise", "conv2d_f32"],
        OpSpec::Conv2d(s) if s.input.c % 4 != 0 => ["conv2d_odd", "conv2d_f32"],
        OpSpec::Conv2d(_) => ["conv2d", "conv2d_f32"],
        OpSpec::Fused(s) if s.second.is_depthwise() => ["fused", "fused"],
        OpSpec::Fused(_) => ["conv2d", "conv2d_f32"],
        OpSpec::Dense(_) => ["dense", "matmul_f32"],
        OpSpec::MatMul(_) => ["matmul", "matmul_f32"],
        OpSpec::Binary(_) => ["binary", "binary_f32"],
        OpSpec::Unary(_) => ["unary", "unary_f32"],
        OpSpec::Pool(_) | OpSpec::Reduce(_) => ["pool", "pool_f32"],
        OpSpec::Softmax(_) | OpSpec::LayerNorm(_) => ["softmax", "softmax_f32"],
        OpSpec::Concat(_) | OpSpec::CopyBox(_) | OpSpec::Transpose(_) | OpSpec::ResizeNearest(_) => {
            ["move", "move"]
        }
    };
    if task.element.is_float() { float } else { integer }
}

/// What is special about a step, for people.
fn detail(task: &Task) -> String {
    let Work::Spec(spec) = &task.work else { return String::new() };
    match &**spec {
        OpSpec::Fused(s) => format!("1x1 row by row into {}", convolution(&s.second)),
        OpSpec::Conv2d(s) => convolution(s),
        OpSpec::Pool(s) => format!("{}x{}", s.window.kernel[0], s.window.kernel[1]),
        OpSpec::Dense(s) => format!("{} to {}", s.c_in, s.c_out),
        OpSpec::MatMul(s) => format!("{} x {}x{}x{}", s.batch, s.m, s.k, s.n),
        _ => String::new(),
    }
}

/// `3x3, stride 2x2, depthwise`.
fn convolution(s: &Conv2dSpec) -> String {
    let [h, w] = s.window.kernel;
    let mut text = format!("{h}x{w}");
    if s.window.stride != [1, 1] {
        text.push_str(&format!(", stride {}x{}", s.window.stride[0], s.window.stride[1]));
    }
    if s.window.dilation != [1, 1] {
        text.push_str(&format!(", dilation {}x{}", s.window.dilation[0], s.window.dilation[1]));
    }
    if s.is_depthwise() {
        text.push_str(", depthwise");
    } else if s.groups > 1 {
        text.push_str(&format!(", {} groups", s.groups));
    }
    if s.residual.is_some() {
        text.push_str(", plus residual");
    }
    text
}
