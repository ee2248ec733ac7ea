//! What a target owes: legality, cost, kernels, memory behaviour, an artifact and the recipe that proves it.

use crate::hardware::Hardware;
use hw::memory::{Plan, Problem};
use hw::recipe::Recipe;
use hw::{Capabilities, Estimate, Macs};
use ir::{Element, Graph};
use std::fmt;

/// One machine that networks are compiled for. Adding one is adding a folder and a line in [`crate::all`].
pub trait Target: Send + Sync {
    /// As users write it: `cortex-m4`.
    fn name(&self) -> &'static str;

    /// One line: what the machine is.
    fn summary(&self) -> &'static str;

    /// Its description, each number with its source.
    fn hardware(&self) -> &Hardware;

    /// What passes may exploit.
    fn capabilities(&self) -> Capabilities {
        self.hardware().capabilities.clone()
    }

    /// The pass pipeline that is applied where the user names none.
    fn pipeline(&self) -> &str;

    /// Everything in the graph that cannot run here, with reasons; empty where all of it can.
    fn illegal(&self, graph: &Graph) -> Vec<Illegal>;

    /// Chooses a kernel for every op.
    ///
    /// # Errors
    /// Everything that cannot run here, as [`Target::illegal`].
    fn lower(&self, graph: &Graph) -> Result<Box<dyn Lowered>, Vec<Illegal>>;

    /// How the artifact is built, run and counted.
    fn recipe(&self) -> Recipe;
}

/// A graph as a sequence of kernels: what it costs, what memory it needs, and how it becomes files.
pub trait Lowered: Send + Sync {
    /// One entry per kernel, in an order in which operands come before users.
    fn steps(&self) -> &[Step];

    /// Blocks of memory that are not scratch, by the index [`Step`] uses.
    fn values(&self) -> &[StoredValue];

    /// The memory problem when steps run in `order` (a permutation of their indexes that respects operands).
    ///
    /// Its first buffers are [`Lowered::values`]; the scratch of steps follows in the order of [`Lowered::steps`]. Step `k` of
    /// the problem is step `order[k]`.
    fn problem(&self, order: &[usize]) -> Problem;

    /// Pairs of steps that may run as one, row by row, so that the value between them never exists as a whole.
    fn fusions(&self) -> Vec<[usize; 2]> {
        Vec::new()
    }

    /// The same program with such a pair as one step; `None` where there is no kernel for it.
    fn fused(&self, pair: [usize; 2]) -> Option<Box<dyn Lowered>> {
        let _ = pair;
        None
    }

    /// The interface: inputs.
    fn inputs(&self) -> &[Port];

    /// The interface: outputs.
    fn outputs(&self) -> &[Port];

    /// Names of weights whose data is missing; such a network has a cost but no artifact.
    fn untrained(&self) -> &[String];

    /// Constant data in the artifact, exact.
    fn const_bytes(&self) -> u64;

    /// Code that belongs to no step: entry points and the like.
    fn shared_code_bytes(&self) -> Estimate;

    /// The artifact's files.
    ///
    /// # Errors
    /// Weights are missing, or a name in `options` is unusable.
    fn emit(&self, order: &[usize], plan: &Plan, options: &EmitOptions) -> Result<Vec<File>, EmitError>;
}

/// One kernel call.
#[derive(Debug, Clone)]
pub struct Step {
    /// Unique in the artifact, a C identifier: `conv2d_3`.
    pub name: String,
    /// Label of the graph's node it computes, or helps to compute.
    pub node: String,
    /// The node's op; `layout` where elements only change places.
    pub op: &'static str,
    /// The C function or whatever stands for it.
    pub kernel: String,
    /// The kind of kernel that the cost model tells apart: `pointwise`.
    pub kind: &'static str,
    /// What is special about it, for people: `3x3, stride 2`.
    pub detail: String,
    /// Memory blocks it reads; constants apart.
    pub inputs: Vec<usize>,
    /// The memory block it writes.
    pub output: usize,
    /// Logical extents of its result.
    pub shape: Vec<usize>,
    /// Logical axes of the result from the outermost in memory to the innermost.
    pub order: Vec<usize>,
    /// Element of the result.
    pub element: Element,
    /// Whether the result is that of the node, and not something on the way to it.
    pub last: bool,
    /// Bytes of scratch memory while it runs.
    pub scratch_bytes: u64,
    /// What it costs.
    pub cost: StepCost,
}

/// What one step costs.
#[derive(Debug, Clone)]
pub struct StepCost {
    /// Multiply-accumulates.
    pub macs: Macs,
    /// Executed instructions.
    pub instructions: Estimate,
    /// Clock cycles.
    pub cycles: Estimate,
    /// Constant data, exact.
    pub const_bytes: u64,
    /// Machine code; nothing where an earlier step has the same function.
    pub code_bytes: Estimate,
}

/// A block of memory that holds a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredValue {
    /// Label in messages.
    pub name: String,
    /// Size.
    pub bytes: u64,
    /// What part it plays.
    pub role: Role,
}

/// The part a block of memory plays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Filled by the caller.
    Input,
    /// Read by the caller.
    Output,
    /// Everything between.
    Activation,
}

/// One input or output of the artifact.
#[derive(Debug, Clone, PartialEq)]
pub struct Port {
    /// Name in the model.
    pub name: String,
    /// The name as part of a C identifier, unique among inputs or outputs.
    pub identifier: String,
    /// Its element and quantization; the shape is logical.
    pub ty: ir::Type,
    /// Logical axes from the outermost in memory to the innermost.
    pub order: Vec<usize>,
    /// The memory block.
    pub value: usize,
}

impl Port {
    /// Extents as they lie in memory.
    pub fn physical(&self) -> Vec<usize> {
        self.order.iter().map(|&axis| self.ty.shape[axis]).collect()
    }

    /// The C type of an element.
    ///
    /// # Panics
    /// Where the element has none: such an interface is not legal.
    pub fn c_type(&self) -> &'static str {
        crate::c::c_type(self.ty.element).expect("the interface was found legal")
    }

    /// `NHWC`, `NCHW`, `NLC`, or the axes by number.
    pub fn layout(&self) -> String {
        let names: Option<&[u8]> = match self.ty.rank() {
            4 => Some(b"NCHW"),
            3 => Some(b"NCL"),
            2 => Some(b"NC"),
            _ => None,
        };
        match names {
            Some(names) => self.order.iter().map(|&axis| char::from(names[axis])).collect(),
            None => self.order.iter().map(|axis| format!("{axis}")).collect(),
        }
    }
}

/// How files are named, and what they say of their origin.
#[derive(Debug, Clone)]
pub struct EmitOptions {
    /// What every C name and file begins with: a C identifier.
    pub prefix: String,
    /// Where it comes from, one line for the comment at the top: no paths, no dates.
    pub origin: String,
}

/// A file of the artifact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Without directory.
    pub name: String,
    /// Its contents.
    pub text: String,
}

/// A node that cannot run on a target, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Illegal {
    /// The node's label.
    pub node: String,
    /// Its op.
    pub op: &'static str,
    /// Why not.
    pub reason: String,
}

impl fmt::Display for Illegal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} `{}`: {}", self.op, self.node, self.reason)
    }
}

/// Why no artifact was made.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
pub enum EmitError {
    /// A prefix that would not be a C name.
    #[error(
        "prefix `{0}` found, a C identifier of letters, digits and `_` that does not begin with a digit or `_` expected"
    )]
    Prefix(String),
    /// A user's function whose name could be one of ours.
    #[error("custom op calls `{symbol}`, a name that does not begin with the prefix `{prefix}` expected")]
    Symbol {
        /// The function.
        symbol: String,
        /// What our names begin with.
        prefix: String,
    },
    /// A network without its weights.
    #[error("weights without data: {}", .0.join(", "))]
    Untrained(Vec<String>),
}
