//! Memory placement as plain data: buffers with lifetimes, the steps that use them, and a plan.
//!
//! The planner (`nasc-mapping`) and the checker (`nasc-check`) share these types and nothing else. Lifetimes are
//! half-open intervals `[lower, upper)` of step indexes; sizes, offsets and distances are bytes.

mod walk;

pub use walk::{Access, Affine, Clearance, Need, PairAccess, Tiles, Walk, Window};

/// A block of memory that lives for some steps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Buffer {
    /// Name in messages.
    pub name: String,
    /// Size, at least 1.
    pub bytes: u64,
    /// Its offset is a multiple of this power of two.
    pub align: u64,
    /// First step in which it is live.
    pub lower: usize,
    /// First step in which it is no longer live.
    pub upper: usize,
    /// The offset it must have, if it is not the planner's to choose.
    pub pinned: Option<u64>,
}

impl Buffer {
    /// A buffer without alignment or pin.
    pub fn new(name: impl Into<String>, bytes: u64, lower: usize, upper: usize) -> Buffer {
        Buffer { name: name.into(), bytes, align: 1, lower, upper, pinned: None }
    }

    /// Whether both are live in some step.
    pub fn meets(&self, other: &Buffer) -> bool {
        self.lower < other.upper && other.lower < self.upper
    }
}

/// One step of the program: the buffers its kernel touches, by index, and how they may share bytes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Step {
    /// Name in messages.
    pub name: String,
    /// Buffers read.
    pub inputs: Vec<usize>,
    /// Buffers written; they begin to live here.
    pub outputs: Vec<usize>,
    /// Buffers that live in this step only and hold nothing before or after.
    pub scratch: Vec<usize>,
    /// The ways the kernel can be run, the preferred one first; empty: nothing may overlap.
    pub walks: Vec<Walk>,
}

impl Step {
    /// Where input `input` may lie relative to output `output` (positions in this step's lists).
    ///
    /// With several walks a pair may use any of them if it is the only pair any walk speaks of; otherwise it may
    /// use only what all walks allow, so that one walk always serves all pairs at once.
    pub fn clearance(&self, buffers: &[Buffer], input: usize, output: usize) -> Clearance {
        let bytes = |id: usize| buffers[id].bytes;
        let (input_bytes, output_bytes) = (bytes(self.inputs[input]), bytes(self.outputs[output]));
        let others = |w: &Walk| w.pairs.iter().any(|p| (p.input, p.output) != (input, output));
        let lone = !self.walks.iter().any(others);
        let each = self.walks.iter().map(|w| w.clearance(input, output, input_bytes, output_bytes));
        let merged = if lone { each.reduce(Clearance::either) } else { each.reduce(Clearance::both) };
        merged.unwrap_or(Clearance::NONE)
    }

    /// The first walk that is safe at these offsets, `None` if every pair of input and output is disjoint or no
    /// walk is safe.
    pub fn walk_for(&self, buffers: &[Buffer], offsets: &[u64]) -> Option<usize> {
        let place = |id: usize| (offsets[id], buffers[id].bytes);
        let pairs = || (0..self.inputs.len()).flat_map(|i| (0..self.outputs.len()).map(move |o| (i, o)));
        let safe = |clearance: &dyn Fn(usize, usize, u64, u64) -> Clearance| {
            pairs().all(|(i, o)| {
                let (input, output) = (place(self.inputs[i]), place(self.outputs[o]));
                clearance(i, o, input.1, output.1).allows(input, output)
            })
        };
        if safe(&|_, _, _, _| Clearance::NONE) {
            return None;
        }
        self.walks.iter().position(|w| safe(&|i, o, ib, ob| w.clearance(i, o, ib, ob)))
    }
}

impl Walk {
    /// A walk that speaks of one pair.
    pub fn single(input: usize, output: usize, access: Access) -> Walk {
        Walk { pairs: vec![PairAccess { input, output, access }] }
    }

    fn clearance(&self, input: usize, output: usize, input_bytes: u64, output_bytes: u64) -> Clearance {
        let pair = self.pairs.iter().find(|p| (p.input, p.output) == (input, output));
        pair.map_or(Clearance::NONE, |p| p.access.clearance(input_bytes, output_bytes))
    }
}

/// Buffers to be placed in one arena.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Problem {
    /// The buffers.
    pub buffers: Vec<Buffer>,
    /// The steps, in program order; may be empty, then no two live buffers may overlap.
    pub steps: Vec<Step>,
    /// If given, any arena of at most this many bytes will do; if not, the smallest is wanted.
    pub capacity: Option<u64>,
}

/// Where everything lies, and how good that is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// Offset of each buffer.
    pub offsets: Vec<u64>,
    /// The walk each step must run with; `None`: its inputs and outputs are disjoint and any will do.
    pub walks: Vec<Option<usize>>,
    /// The end of the highest buffer.
    pub arena_bytes: u64,
    /// No plan of this problem has a smaller arena than this.
    pub lower_bound: u64,
    /// The search ended with a proof: the arena is the smallest possible, or the capacity is met.
    pub proven: bool,
    /// What sets the arena.
    pub peak: Peak,
    /// Search nodes spent.
    pub nodes: u64,
}

impl Plan {
    /// Bytes between the plan and what is known to be impossible.
    pub fn gap(&self) -> u64 {
        self.arena_bytes.saturating_sub(self.lower_bound)
    }
}

/// The step that sets the arena's size, and the buffers live in it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Peak {
    /// Step index.
    pub step: usize,
    /// Buffers live in that step, from the lowest offset up.
    pub members: Vec<usize>,
}

/// What is wrong with a [`Problem`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProblemError {
    /// A size of nothing.
    #[error("buffer `{0}` has no bytes, at least 1 expected")]
    Empty(String),
    /// Alignment that is not a power of two.
    #[error("buffer `{name}` has alignment {found}, a power of two up to 2^32 expected")]
    Align {
        /// Buffer.
        name: String,
        /// Its alignment.
        found: u64,
    },
    /// A lifetime of no steps.
    #[error("buffer `{name}` lives in steps [{lower}, {upper}), at least one step expected")]
    Lifetime {
        /// Buffer.
        name: String,
        /// First step.
        lower: usize,
        /// First step after.
        upper: usize,
    },
    /// A pinned offset against the buffer's own alignment.
    #[error("buffer `{name}` is pinned to {found}, a multiple of {align} expected")]
    Pinned {
        /// Buffer.
        name: String,
        /// The pin.
        found: u64,
        /// Its alignment.
        align: u64,
    },
    /// Sizes whose sum is beyond any address space.
    #[error("the buffers need more than {limit} bytes together")]
    TooLarge {
        /// The most that is accepted.
        limit: u64,
    },
    /// A step that names a buffer there is not.
    #[error("step `{step}` names buffer {found}, but there are {buffers}")]
    Unknown {
        /// Step.
        step: String,
        /// The index it names.
        found: usize,
        /// How many buffers there are.
        buffers: usize,
    },
    /// A step that touches a buffer outside its lifetime.
    #[error(
        "step {index} `{step}` uses buffer `{buffer}` as {role}, but it lives in steps [{lower}, {upper})"
    )]
    NotLive {
        /// Step index.
        index: usize,
        /// Step.
        step: String,
        /// Buffer.
        buffer: String,
        /// `input`, `output` or `scratch`.
        role: &'static str,
        /// First step of its life.
        lower: usize,
        /// First step after.
        upper: usize,
    },
    /// A walk that names a pair its step does not have, or whose tiles go backwards or out of all bounds.
    #[error("walk {walk} of step `{step}` is malformed: {reason}")]
    Walk {
        /// Step.
        step: String,
        /// Position in the step's walks.
        walk: usize,
        /// What is wrong.
        reason: &'static str,
    },
}

/// The most bytes a problem may ask for, pins included: offsets stay far from overflow.
pub const MAX_BYTES: u64 = 1 << 48;

impl Problem {
    /// Everything that is wrong with it; an empty list means that it can be planned and replayed.
    pub fn findings(&self) -> Vec<ProblemError> {
        let mut found = Vec::new();
        for buffer in &self.buffers {
            buffer_findings(buffer, &mut found);
        }
        let worst = |b: &Buffer| b.bytes.saturating_add(b.align).saturating_add(b.pinned.unwrap_or(0));
        if self.buffers.iter().map(worst).fold(0, u64::saturating_add) > MAX_BYTES {
            found.push(ProblemError::TooLarge { limit: MAX_BYTES });
        }
        for (index, step) in self.steps.iter().enumerate() {
            self.step_findings(index, step, &mut found);
        }
        found
    }

    fn step_findings(&self, index: usize, step: &Step, found: &mut Vec<ProblemError>) {
        let roles = [("input", &step.inputs), ("output", &step.outputs), ("scratch", &step.scratch)];
        for (role, ids) in roles {
            for &id in ids {
                let Some(b) = self.buffers.get(id) else {
                    let buffers = self.buffers.len();
                    found.push(ProblemError::Unknown { step: step.name.clone(), found: id, buffers });
                    continue;
                };
                let live = match role {
                    "input" => b.lower <= index && index < b.upper,
                    "output" => b.lower == index && index < b.upper,
                    _ => b.lower == index && index + 1 == b.upper,
                };
                if !live {
                    let (step, buffer) = (step.name.clone(), b.name.clone());
                    let (lower, upper) = (b.lower, b.upper);
                    found.push(ProblemError::NotLive { index, step, buffer, role, lower, upper });
                }
            }
        }
        for (walk, w) in step.walks.iter().enumerate() {
            for pair in &w.pairs {
                let monotone = match pair.access {
                    Access::Tiled(tiles) => tiles.is_monotone(),
                    Access::SameOffset => true,
                };
                let reason = if pair.input >= step.inputs.len() || pair.output >= step.outputs.len() {
                    "it names an input or output the step does not have"
                } else if !monotone {
                    "its tiles need bytes that earlier tiles had declared done with, or lie beyond 2^60 bytes"
                } else {
                    continue;
                };
                found.push(ProblemError::Walk { step: step.name.clone(), walk, reason });
            }
        }
    }

    /// The pairs of buffers that may share bytes while both are live: `(input, output, where)`.
    ///
    /// An input that is read by a later step, or listed twice, is never among them.
    pub fn overlaps(&self) -> Vec<(usize, usize, Clearance)> {
        let mut pairs = Vec::new();
        for (index, step) in self.steps.iter().enumerate() {
            for (i, &input) in step.inputs.iter().enumerate() {
                let once = step.inputs.iter().filter(|&&other| other == input).count() == 1;
                if self.buffers[input].upper != index + 1 || !once {
                    continue;
                }
                for (o, &output) in step.outputs.iter().enumerate() {
                    let clearance = step.clearance(&self.buffers, i, o);
                    if clearance != Clearance::NONE && input != output {
                        pairs.push((input, output, clearance));
                    }
                }
            }
        }
        pairs
    }
}

fn buffer_findings(b: &Buffer, found: &mut Vec<ProblemError>) {
    let name = || b.name.clone();
    if b.bytes == 0 {
        found.push(ProblemError::Empty(name()));
    }
    let aligned = b.align.is_power_of_two() && b.align <= 1 << 32;
    if !aligned {
        found.push(ProblemError::Align { name: name(), found: b.align });
    }
    if b.lower >= b.upper {
        found.push(ProblemError::Lifetime { name: name(), lower: b.lower, upper: b.upper });
    }
    if let Some(pin) = b.pinned
        && aligned
        && pin % b.align != 0
    {
        found.push(ProblemError::Pinned { name: name(), found: pin, align: b.align });
    }
}

#[cfg(test)]
mod tests;
