//! `nasc opt`: passes applied, the text printed.

use crate::args::Opt;
use crate::commands::import;
use crate::console::Console;
use crate::failure::{Failure, Finding};
use crate::model::{self, Loaded};
use crate::{exact, pipeline};
use ir::Graph;
use passes::{Context, Report, Rules, Run, Stats};
use report::format::{grouped, percent};
use report::{Align, Table};
use serde_json::{Value, json};

/// Lines kept around a change.
const CONTEXT: usize = 3;

pub(super) fn run(args: &Opt, console: &Console) -> Result<(), Failure> {
    let Loaded { graph: before, .. } = model::load(&args.model, console)?;
    let mut graph = before.clone();
    let mut printed = String::new();
    let report = apply(args, &mut graph, &mut printed)?;
    if let Some(runs) = args.verify_exact {
        exact::same_function(&before, &graph, runs, console)?;
    }
    let text = graph.to_text();
    if args.diff {
        printed += &report::diff::lines(&before.to_text(), &text, CONTEXT);
    } else if args.output.as_os_str() == "-" && !args.print_after_all {
        printed += &text;
    }
    let written = args.output.as_os_str() != "-";
    if written {
        import::save(&graph, &args.output)?;
    }
    let value = json!({
        "graph": text,
        "diff": args.diff.then(|| report::diff::lines(&before.to_text(), &text, CONTEXT)),
        "stats": report.stats.iter().map(stats_value).collect::<Vec<_>>(),
        "verified_runs": args.verify_exact,
        "written": written.then_some(&args.output),
    });
    console.result(&value, || {
        console.text(&printed)?;
        if args.stats { console.side_table(&stats_table(&report)) } else { Ok(()) }
    })
}

/// Runs the pipeline the arguments ask for.
fn apply(args: &Opt, graph: &mut Graph, printed: &mut String) -> Result<Report, Failure> {
    let target = args.target.as_deref().map(pipeline::target).transpose()?;
    let text = args.passes.as_deref().or(target.map(targets::Target::pipeline)).unwrap_or("");
    let mut passes = pipeline::parse(text)?;
    if let Some(path) = &args.rules {
        let text = std::fs::read_to_string(path).map_err(|e| Failure::file(path, &e))?;
        let rules = Rules::parse(&text, &passes::Library::default()).map_err(|faults| {
            let file = path.display().to_string();
            let mut failure = Failure::input(format!("{file} is not well-formed"));
            failure.findings = faults.into_iter().map(|f| Finding::new(&file, f)).collect();
            failure
        })?;
        passes = passes.then_rules(path.display().to_string(), rules);
    }
    let mut context = Context::default();
    if let Some(target) = target {
        context.target = target.capabilities();
    }
    let mut after = |names: &str, graph: &Graph| {
        *printed += &format!("// after {names}\n{}\n", graph.to_text());
    };
    let mut run = Run { verify: true, after: None };
    if args.print_after_all {
        run.after = Some(&mut after);
    }
    passes.run(graph, &context, &mut run).map_err(|e| pipeline::failed(&e))
}

fn stats_value(stats: &Stats) -> Value {
    json!({
        "passes": stats.passes,
        "nodes_before": stats.nodes.0, "nodes_after": stats.nodes.1,
        "macs_before": stats.macs.0, "macs_after": stats.macs.1,
        "applied": stats.outcome.applied, "refused": stats.outcome.refused, "cut": stats.outcome.cut,
        "milliseconds": stats.time.as_secs_f64() * 1e3,
    })
}

fn stats_table(report: &Report) -> Table {
    let columns = [
        ("passes", Align::Left),
        ("ops", Align::Right),
        ("after", Align::Right),
        ("MACs", Align::Right),
        ("after", Align::Right),
        ("kept", Align::Right),
        ("applied", Align::Left),
        ("ms", Align::Right),
    ];
    let mut table = Table::new(columns);
    for stats in &report.stats {
        let applied = stats.outcome.applied.iter().map(|(rule, times)| format!("{rule} {times}"));
        let mut applied = applied.collect::<Vec<_>>().join(", ");
        if stats.outcome.cut {
            applied += " (stopped at a limit)";
        }
        table.row([
            stats.passes.clone(),
            stats.nodes.0.to_string(),
            stats.nodes.1.to_string(),
            grouped(stats.macs.0.0),
            grouped(stats.macs.1.0),
            percent(stats.macs.1.0, stats.macs.0.0),
            applied,
            format!("{:.1}", stats.time.as_secs_f64() * 1e3),
        ]);
    }
    table
}
