//! What a pass is.

use crate::egraph::{Limits, OpCost, Outcome, Rules, Traffic, saturate};
use hw::Capabilities;
use ir::{AttrDef, Attrs, Graph};
use std::fmt;

/// What a pass promises about its result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Relation {
    /// The same function: integers bit for bit, floats within rounding.
    Exact,
    /// A function that may stand in its place; accuracy is judged later.
    Admissible,
}

impl fmt::Display for Relation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Exact => "exact",
            Self::Admissible => "admissible",
        })
    }
}

/// What passes may ask about where the graph will run.
pub struct Context<'a> {
    /// What the target can exploit.
    pub target: Capabilities,
    /// What it pays for each op.
    pub cost: &'a dyn OpCost,
    /// Where saturation stops.
    pub limits: Limits,
}

impl Default for Context<'_> {
    /// No target: 8-bit integers and floats, every op paid by its traffic.
    fn default() -> Self {
        let target = Capabilities {
            weight_bits: vec![8],
            activation_bits: vec![8],
            float: true,
            channel_multiple: 1,
            sparsity: Vec::new(),
        };
        Self { target, cost: &Traffic, limits: Limits::default() }
    }
}

/// A rewrite of the graph, declared in one place. It gives [`Pass::rules`] or overrides [`Pass::run`].
pub trait Pass: Sized + 'static {
    /// As pipelines call it, kebab-case.
    const NAME: &'static str;
    /// What it does, one line.
    const SUMMARY: &'static str;
    /// What it promises.
    const RELATION: Relation;
    /// Options, with their defaults.
    const OPTIONS: &'static [AttrDef] = &[];

    /// The pass with these options, all of which are there and of the declared kind.
    ///
    /// # Errors
    /// Where values make no sense: what was found and what was expected.
    fn from_options(options: &Attrs) -> Result<Self, String>;

    /// The rules of a pass that has nothing else. Exact ones of neighbours in a pipeline saturate together.
    fn rules(&self, target: &Capabilities) -> Rules {
        let _ = target;
        Rules::none()
    }

    /// Rewrites the graph, where rules are not the way. Returns what was done, by name.
    ///
    /// # Errors
    /// Where the graph cannot be rewritten and must be; "does not apply" is no error.
    fn run(&self, graph: &mut Graph, context: &Context<'_>) -> Result<Outcome, PassError> {
        Ok(saturate(graph, &self.rules(&context.target), context.cost, context.limits))
    }
}

/// A pass whose type is forgotten.
pub(crate) trait AnyPass {
    fn rules(&self, target: &Capabilities) -> Rules;
    fn run(&self, graph: &mut Graph, context: &Context<'_>) -> Result<Outcome, PassError>;
    fn relation(&self) -> Relation;
}

impl<P: Pass> AnyPass for P {
    fn rules(&self, target: &Capabilities) -> Rules {
        Pass::rules(self, target)
    }

    fn run(&self, graph: &mut Graph, context: &Context<'_>) -> Result<Outcome, PassError> {
        Pass::run(self, graph, context)
    }

    fn relation(&self) -> Relation {
        P::RELATION
    }
}

/// Why a pipeline did not come to its end.
#[derive(Debug, Clone, thiserror::Error, PartialEq)]
pub enum PassError {
    /// A pass gave up.
    #[error("{pass}: {reason}")]
    Failed {
        /// The pass.
        pass: String,
        /// What was found and what was expected.
        reason: String,
    },
    /// The graph behind a pass is unsound: a defect of the pass.
    #[error("the graph behind `{pass}` is unsound:\n{}", findings.join("\n"))]
    Unsound {
        /// The pass.
        pass: String,
        /// What the verifier found, each with the value it is about.
        findings: Vec<String>,
    },
    /// The graph has other inputs or outputs than before: a defect of the pass.
    #[error("`{pass}` changed the interface: {before} before, {after} after")]
    Interface {
        /// The pass.
        pass: String,
        /// Types of inputs and outputs before.
        before: String,
        /// And after.
        after: String,
    },
}
