//! A C target's [`Lowered`]: the program with its costs, its memory problem and its files.

use super::cost;
use super::emit;
use super::kernels::{Kernel, KernelSet};
use super::program::{Program, Work};
use crate::hardware::Hardware;
use crate::target::{EmitError, EmitOptions, File, Lowered, Port, Step, StoredValue};
use hw::Estimate;
use hw::memory::{Buffer, PairAccess, Plan, Problem, Walk};

/// What differs between C targets once a program is there.
#[derive(Clone)]
pub struct Core {
    /// The target's name.
    pub name: &'static str,
    /// One line about it.
    pub summary: &'static str,
    /// Its description.
    pub hardware: &'static Hardware,
    /// Its kernels.
    pub set: &'static (dyn KernelSet + Send + Sync),
    /// Its `CMakeLists.txt`, `@PREFIX@` standing for the prefix.
    pub cmake: &'static str,
}

/// A program for a core.
pub struct LoweredC {
    core: Core,
    program: Program,
    steps: Vec<Step>,
}

impl LoweredC {
    /// Works out what every step costs.
    pub fn new(core: Core, program: Program) -> Self {
        let steps = cost::steps(&program, core.hardware);
        Self { core, program, steps }
    }

    /// The program.
    pub fn program(&self) -> &Program {
        &self.program
    }
}

impl Lowered for LoweredC {
    fn steps(&self) -> &[Step] {
        &self.steps
    }

    fn values(&self) -> &[StoredValue] {
        &self.program.values
    }

    fn problem(&self, order: &[usize]) -> Problem {
        problem(&self.program, order)
    }

    fn fusions(&self) -> Vec<[usize; 2]> {
        super::fuse::pairs(&self.program)
    }

    fn fused(&self, pair: [usize; 2]) -> Option<Box<dyn Lowered>> {
        let program = super::fuse::fused(&self.program, pair, self.core.set)?;
        Some(Box::new(Self::new(self.core.clone(), program)))
    }

    fn inputs(&self) -> &[Port] {
        &self.program.inputs
    }

    fn outputs(&self) -> &[Port] {
        &self.program.outputs
    }

    fn untrained(&self) -> &[String] {
        &self.program.untrained
    }

    fn const_bytes(&self) -> u64 {
        let pointers = (self.program.inputs.len() + self.program.outputs.len()) as u64;
        let arrays: u64 = self.steps.iter().map(|step| step.cost.const_bytes).sum();
        arrays + pointers * self.core.hardware.model.pointer_bytes
    }

    fn shared_code_bytes(&self) -> Estimate {
        cost::shared_code(&self.program, self.core.hardware)
    }

    fn emit(&self, order: &[usize], plan: &Plan, options: &EmitOptions) -> Result<Vec<File>, EmitError> {
        let target = (self.core.name, self.core.summary);
        let mut files = emit::files(&self.program, self.core.set, target, order, plan, options)?;
        let cmake = self.core.cmake.replace("@PREFIX@", &options.prefix);
        files.push(File { name: "CMakeLists.txt".into(), text: cmake });
        Ok(files)
    }
}

/// Buffers with lifetimes, steps with what may overlap: memory blocks first, then the scratch of each step that has any.
fn problem(program: &Program, order: &[usize]) -> Problem {
    // Outputs outlive the last step: nothing may be stored over one that the last step reads, too.
    let end = order.len() + 1;
    let mut buffers: Vec<Buffer> = Vec::with_capacity(program.values.len() + order.len());
    for (block, value) in program.values.iter().enumerate() {
        let mut buffer = Buffer::new(value.name.clone(), value.bytes, 0, 1);
        buffer.align = program.aligns[block];
        buffers.push(buffer);
    }
    for (k, &step) in order.iter().enumerate() {
        let task = &program.steps[step];
        buffers[task.output].lower = k;
        buffers[task.output].upper = k + 1;
    }
    for (k, &step) in order.iter().enumerate() {
        for block in program.steps[step].blocks() {
            buffers[block].upper = buffers[block].upper.max(k + 1);
        }
    }
    for port in &program.outputs {
        buffers[port.value].upper = end;
    }
    let mut position = vec![0; order.len()];
    for (k, &step) in order.iter().enumerate() {
        position[step] = k;
    }
    // Scratch in the order of the program, whatever the order of steps: emission finds it there.
    let mut scratch = vec![Vec::new(); order.len()];
    for (step, task) in program.steps.iter().enumerate().filter(|(_, task)| task.kernel.scratch_bytes > 0) {
        let (k, bytes) = (position[step], task.kernel.scratch_bytes as u64);
        let mut buffer = Buffer::new(format!("scratch of {}", task.name), bytes, k, k + 1);
        buffer.align = 8;
        scratch[k].push(buffers.len());
        buffers.push(buffer);
    }
    let described = |(&step, scratch): (&usize, Vec<usize>)| {
        let task = &program.steps[step];
        hw::memory::Step {
            name: task.name.clone(),
            inputs: task.blocks().collect(),
            outputs: vec![task.output],
            scratch,
            walks: walks(task, &task.kernel),
        }
    };
    let steps = order.iter().zip(scratch).map(described).collect();
    Problem { buffers, steps, capacity: None }
}

/// The kernel's walks in terms of the step's memory blocks: constants among its operands are not in the arena.
fn walks(task: &super::program::Task, kernel: &Kernel) -> Vec<Walk> {
    if matches!(task.work, Work::Custom(_)) {
        return Vec::new();
    }
    let renumbered =
        |pair: &PairAccess| task.block_position(pair.input).map(|input| PairAccess { input, ..*pair });
    kernel
        .walks
        .iter()
        .map(|walk| Walk { pairs: walk.pairs.iter().filter_map(renumbered).collect() })
        .collect()
}
