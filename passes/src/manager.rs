//! Running a pipeline: groups of exact rules, the verifier in between, statistics.

use crate::egraph::{Outcome, Rules, saturate};
use crate::pass::{Context, PassError, Relation};
use crate::pipeline::{Pipeline, Step};
use hw::Macs;
use ir::{Graph, Kind};
use std::time::{Duration, Instant};

/// Sees the names of the passes that ran together and the graph behind them.
pub type After<'a> = &'a mut dyn FnMut(&str, &Graph);

/// How a pipeline is run.
pub struct Run<'a> {
    /// Whether the verifier checks the graph behind every group; on in debug builds.
    pub verify: bool,
    /// Called with the names of the passes and the graph behind every group, for `--print-after-all`.
    pub after: Option<After<'a>>,
}

impl Default for Run<'_> {
    fn default() -> Self {
        Self { verify: cfg!(debug_assertions), after: None }
    }
}

/// What passes that ran together did.
#[derive(Debug, Clone, PartialEq)]
pub struct Stats {
    /// Names of the passes, joined by ` + `.
    pub passes: String,
    /// Uses of ops before and after.
    pub nodes: (usize, usize),
    /// Multiply-accumulates before and after.
    pub macs: (Macs, Macs),
    /// Rules applied, rules refused, and whether a limit was met.
    pub outcome: Outcome,
    /// Time taken; the only part that differs from run to run.
    pub time: Duration,
}

/// What a pipeline did.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Report {
    /// In the order they ran.
    pub stats: Vec<Stats>,
}

impl Pipeline {
    /// Rewrites the graph. Neighbouring exact passes that are rules alone saturate together.
    ///
    /// # Errors
    /// Where a pass fails, or leaves behind an unsound graph or another interface.
    pub fn run(
        &self,
        graph: &mut Graph,
        context: &Context<'_>,
        run: &mut Run<'_>,
    ) -> Result<Report, PassError> {
        let mut report = Report::default();
        let mut at = 0;
        while at < self.steps.len() {
            let group = self.group(at, context);
            let steps = &self.steps[at..at + group.len];
            let passes = steps.iter().map(|step| step.name.as_str()).collect::<Vec<_>>().join(" + ");
            let before = (nodes(graph), graph.total_macs(), interface(graph));
            let start = Instant::now();
            let outcome = group.run(steps, graph, context)?;
            let time = start.elapsed();
            check(graph, &passes, &before.2, run.verify)?;
            if let Some(after) = &mut run.after {
                after(&passes, graph);
            }
            let (nodes, macs) = ((before.0, nodes(graph)), (before.1, graph.total_macs()));
            report.stats.push(Stats { passes, nodes, macs, outcome, time });
            at += group.len;
        }
        Ok(report)
    }

    /// The passes from `at` on that run together.
    fn group(&self, at: usize, context: &Context<'_>) -> Group {
        let mut group = Group { len: 0, rules: Rules::none() };
        for step in &self.steps[at..] {
            let rules = step.rules(&context.target);
            if rules.is_empty() || step.pass.relation() != Relation::Exact {
                break;
            }
            group.rules = group.rules.and(rules);
            group.len += 1;
        }
        if group.len == 0 { Group { len: 1, rules: Rules::none() } } else { group }
    }
}

struct Group {
    len: usize,
    /// Empty where the group is one pass that is a function.
    rules: Rules,
}

impl Group {
    fn run(&self, steps: &[Step], graph: &mut Graph, context: &Context<'_>) -> Result<Outcome, PassError> {
        if self.rules.is_empty() {
            return steps[0].pass.run(graph, context);
        }
        Ok(saturate(graph, &self.rules, context.cost, context.limits))
    }
}

fn nodes(graph: &Graph) -> usize {
    graph.values().filter(|v| matches!(graph.node(*v).kind(), Kind::Op { .. })).count()
}

fn interface(graph: &Graph) -> String {
    let types =
        |values: &[ir::Value]| values.iter().map(|v| graph.ty(*v).to_string()).collect::<Vec<_>>().join(", ");
    format!("({}) -> ({})", types(graph.inputs()), types(graph.outputs()))
}

fn check(graph: &Graph, passes: &str, before: &str, verify: bool) -> Result<(), PassError> {
    if verify {
        let findings: Vec<String> = ir::verify(graph)
            .into_iter()
            .map(|f| match f.value {
                Some(value) => format!("{}: {}", graph.label(value), f.message),
                None => f.message,
            })
            .collect();
        if !findings.is_empty() {
            return Err(PassError::Unsound { pass: passes.to_owned(), findings });
        }
    }
    let after = interface(graph);
    if after != before {
        return Err(PassError::Interface { pass: passes.to_owned(), before: before.to_owned(), after });
    }
    Ok(())
}
