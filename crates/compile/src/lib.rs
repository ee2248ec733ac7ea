//! The one way down: passes, legality, kernels, memory plan, costs, limits, artifact.
//!
//! ```
//! let text = "graph @t(%x: f32[1, 8]) {
//!   %y = relu %x
//!   return %y
//! }";
//! let graph = ir::parse(text, &ir::NoWeights).expect("well-formed text");
//! let target = targets::named("host-c").expect("a target");
//! let compiled = nasc_compile::compile(&graph, target, &nasc_compile::Options::default()).expect("legal");
//! // The result may lie over the operand: 8 floats.
//! assert_eq!(compiled.planned.plan.arena_bytes, 32);
//! assert!(compiled.files.iter().any(|file| file.name == "model.h"));
//! ```
//!
//! The crate writes no file and runs nothing: an artifact is text in memory until the caller puts it somewhere.

#[cfg(doctest)]
#[doc = include_str!("../../../docs/write-a-target.md")]
struct WriteATarget;

mod error;
mod figures;
mod judge;
pub mod limits;
mod manifest;
mod op_cost;
mod plan;

pub use error::CompileError;
pub use judge::{Figure, Figures, Miss, Unjudged};

use hw::memory::{Plan, Problem};
use ir::Graph;
use limits::Limit;
use passes::{Context, Registry, Run};
use report::Manifest;
use targets::{EmitOptions, File, Lowered, Target};

/// How a network is compiled.
pub struct Options {
    /// What every C name and file begins with.
    pub prefix: String,
    /// Pass pipeline; the target's own where none is given.
    pub passes: Option<String>,
    /// Passes there are.
    pub registry: Registry,
    /// Limits that must be met.
    pub limits: Vec<Limit>,
    /// What planning order and arena may cost; without a deadline the plan is the same on every machine.
    pub planning: mapping::order::Options,
    /// SHA-256 of the model file, hexadecimal; empty where it was no file.
    pub model_sha256: String,
    /// Rounding profile the import chose; for the manifest.
    pub rounding: String,
    /// Decisions of the import; for the manifest.
    pub notices: Vec<String>,
}

/// Search nodes for the arena: a few tenths of a second. Networks of a hundred ops are proven with a few thousand.
const PLANNING_NODES: u64 = 50_000;

impl Default for Options {
    fn default() -> Self {
        Self {
            prefix: "model".to_owned(),
            passes: None,
            registry: Registry::standard(),
            limits: Vec::new(),
            planning: mapping::order::Options {
                placement: mapping::memory::Options { nodes: PLANNING_NODES, deadline: None },
                ..mapping::order::Options::default()
            },
            model_sha256: String::new(),
            rounding: String::new(),
            notices: Vec::new(),
        }
    }
}

/// A network planned for a target: everything is known, nothing is written.
pub struct Planned {
    /// The graph behind the passes.
    pub graph: Graph,
    /// The pipeline that was applied.
    pub passes: String,
    /// Its kernels.
    pub lowered: Box<dyn Lowered>,
    /// The order in which steps run.
    pub order: Vec<usize>,
    /// The memory problem of that order.
    pub problem: Problem,
    /// Where everything lies.
    pub plan: Plan,
    /// What it needs.
    pub figures: Figures,
}

/// A compiled network: the plan, and its artifact in memory.
pub struct Compiled {
    /// What it was emitted from.
    pub planned: Planned,
    /// The artifact, `manifest.json` apart.
    pub files: Vec<File>,
    /// What `manifest.json` says.
    pub manifest: Manifest,
}

impl Compiled {
    /// `manifest.json`.
    pub fn manifest_text(&self) -> String {
        let text = serde_json::to_string_pretty(&self.manifest).expect("a manifest is plain data");
        text + "\n"
    }
}

/// Applies passes, chooses kernels, plans memory and works out costs. Limits are not judged: an untrained network may be
/// planned, too.
///
/// # Errors
/// Everything of [`CompileError`] but limits and emission.
pub fn plan(graph: &Graph, target: &dyn Target, options: &Options) -> Result<Planned, CompileError> {
    let sound = |graph: &Graph| {
        let findings: Vec<String> = ir::verify(graph)
            .into_iter()
            .map(|f| f.value.map_or(f.message.clone(), |v| format!("{}: {}", graph.label(v), f.message)))
            .collect();
        if findings.is_empty() { Ok(()) } else { Err(CompileError::Unsound(findings)) }
    };
    sound(graph)?;
    let passes = options.passes.clone().unwrap_or_else(|| target.pipeline().to_owned());
    let pipeline = options.registry.pipeline(&passes).map_err(CompileError::Pipeline)?;
    let mut graph = graph.clone();
    let cost = op_cost::TargetCost(target.hardware());
    let context = Context { target: target.capabilities(), cost: &cost, ..Context::default() };
    pipeline.run(&mut graph, &context, &mut Run::default())?;

    let lowered =
        target.lower(&graph).map_err(|nodes| CompileError::Illegal { target: target.name(), nodes })?;
    let plan::Placed { lowered, order, problem, plan } = plan::plan(lowered, options.planning)?;
    let figures = figures::figures(&graph, lowered.as_ref(), target.hardware(), &order, &problem, &plan);
    Ok(Planned { graph, passes, lowered, order, problem, plan, figures })
}

/// Compiles a network to an artifact in memory.
///
/// # Errors
/// See [`CompileError`]; where limits are missed, all of them with what is needed.
pub fn compile(graph: &Graph, target: &dyn Target, options: &Options) -> Result<Compiled, CompileError> {
    let planned = plan(graph, target, options)?;
    let misses = planned.figures.judge(&options.limits)?;
    if !misses.is_empty() {
        return Err(CompileError::Infeasible(misses));
    }
    let origin = format!(
        "Generated by nasc {} from \"{}\" for {}; profile {}. Do not edit.",
        env!("CARGO_PKG_VERSION"),
        planned.graph.name,
        target.name(),
        if options.rounding.is_empty() { "as imported" } else { &options.rounding },
    );
    let emit = EmitOptions { prefix: options.prefix.clone(), origin };
    let files = planned.lowered.emit(&planned.order, &planned.plan, &emit)?;
    let manifest = manifest::manifest(&planned, &files, target, options);
    Ok(Compiled { planned, files, manifest })
}

/// What became of each limit, as the manifest has it.
pub fn verdicts(figures: &Figures, limits: &[Limit]) -> Vec<report::Limit> {
    let verdict = |limit: &Limit| {
        let figure = figures.get(limit.quantity);
        report::Limit {
            name: limit.quantity.name().to_owned(),
            at_most: limit.at_most,
            found: figure.map(|figure| figure.total.safe_upper()),
            unit: limit.quantity.unit().to_owned(),
            met: figure.map(|figure| figure.total.safe_upper() <= limit.at_most),
        }
    };
    limits.iter().map(verdict).collect()
}
