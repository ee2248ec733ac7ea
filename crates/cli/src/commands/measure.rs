//! `nasc measure`: an artifact built, run, compared and counted.

use crate::args::Measure;
use crate::arrays;
use crate::console::Console;
use crate::exact;
use crate::failure::Failure;
use crate::{layers, pipeline, verify};
use ir::{Graph, Tensor};
use report::format::{grouped, percent, ratio};
use report::{Align, Manifest, Table};
use serde_json::json;
use std::path::Path;
use validate::{Measured, Run};

/// Name of the graph that was compiled, in the artifact's folder.
pub(crate) const REFERENCE: &str = "reference.nasc";

pub(super) fn run(args: &Measure, console: &Console) -> Result<(), Failure> {
    let mut manifest = manifest(&args.dir)?;
    let graph = reference(&args.dir)?;
    let artifact = verify::artifact(&args.dir, &manifest)?;
    let mut recipe = pipeline::target(&manifest.target)?.recipe();
    if let Some(command) = &args.runner {
        recipe = recipe.with_runner(command);
    }
    let runs = runs(args, &graph, console)?;
    let measured = verify::measure(&recipe, &artifact, &runs, console)?;
    let comparison = match args.layers {
        true => Some(layers::compare(&recipe, &artifact, &manifest, &graph, &runs[0], console)?),
        false => None,
    };
    verify::merge(&mut manifest, &measured);
    let mut value = serde_json::to_value(&measured).expect("plain data becomes JSON");
    // With what the manifest knows of each op beside what was counted.
    value["layers"] = json!(manifest.layers);
    if let Some(comparison) = &comparison {
        value["comparison"] = json!(comparison);
    }
    if measured.exact() == Some(false) {
        let mut failure = Failure::no(mismatch(&measured)).with("measured", &value);
        if let Some(place) = comparison.as_ref().and_then(layers::first) {
            failure = failure.help(place);
        } else {
            failure = failure.help("--layers names the first op whose output differs");
        }
        return Err(failure);
    }
    console.result(&value, || {
        show(&manifest, Some(&measured), console)?;
        comparison.as_ref().map_or(Ok(()), |c| console.table(&layers::table(c)))
    })
}

/// The manifest of an artifact's folder.
fn manifest(dir: &Path) -> Result<Manifest, Failure> {
    let path = dir.join("manifest.json");
    let text = std::fs::read_to_string(&path).map_err(|e| {
        Failure::file(&path, &e).help("the folder that `nasc compile ... -o DIR` wrote is expected")
    })?;
    serde_json::from_str(&text).map_err(|e| Failure::input(format!("{}: {e}", path.display())))
}

/// The graph an artifact was compiled from.
fn reference(dir: &Path) -> Result<Graph, Failure> {
    let path = dir.join(REFERENCE);
    formats::nasc::load(&path).map_err(|e| crate::model::refused(&path, &e))
}

/// What to run: the user's samples and golden vectors, random inputs where there are none.
fn runs(args: &Measure, graph: &Graph, console: &Console) -> Result<Vec<Run>, Failure> {
    let mut runs = Vec::new();
    let custom = graph.values().any(|value| graph.node(value).is("custom"));
    if let Some(path) = &args.golden {
        runs.extend(golden(path, graph, console)?);
    }
    if let Some(path) = &args.input {
        for sample in arrays::samples(graph, &arrays::read(path)?, console)? {
            runs.push(if custom { unjudged(&sample) } else { judged(graph, &sample)? });
        }
    }
    let random = args.runs.unwrap_or(if runs.is_empty() { 3 } else { 0 });
    for seed in 0..random {
        let sample = exact::random_inputs(graph, seed as u64);
        runs.push(if custom { unjudged(&sample) } else { judged(graph, &sample)? });
    }
    if runs.is_empty() {
        return Err(Failure::input("nothing to run: --runs 0 and neither --input nor --golden"));
    }
    Ok(runs)
}

/// A run whose outputs nobody knows.
pub(crate) fn unjudged(sample: &[Tensor]) -> Run {
    Run { inputs: sample.iter().map(|t| t.bytes().to_vec()).collect(), expected: None }
}

/// A run with what the interpreter gives for it.
pub(crate) fn judged(graph: &Graph, sample: &[Tensor]) -> Result<Run, Failure> {
    let bytes = |tensors: &[Tensor]| tensors.iter().map(|t| t.bytes().to_vec()).collect::<Vec<_>>();
    Ok(Run { inputs: bytes(sample), expected: Some(bytes(&exact::evaluate(graph, sample)?)) })
}

/// Runs whose outputs are given: arrays named as inputs and outputs, or `x` and `y`.
fn golden(path: &Path, graph: &Graph, console: &Console) -> Result<Vec<Run>, Failure> {
    let all = arrays::read(path)?;
    let samples = arrays::samples(graph, &all, console)?;
    let mut runs: Vec<Run> = samples
        .iter()
        .map(|s| Run { inputs: s.iter().map(|t| t.bytes().to_vec()).collect(), expected: Some(Vec::new()) })
        .collect();
    for output in graph.outputs() {
        let (name, ty) = (graph.label(*output), graph.ty(*output));
        let alone = graph.outputs().len() == 1;
        let found =
            all.iter().find(|(n, _)| *n == name).or_else(|| all.iter().find(|(n, _)| alone && n == "y"));
        let Some((_, array)) = found else {
            let message = format!("{}: no array for output `{name}`", path.display());
            return Err(Failure::input(message)
                .help(format!("an array called `{name}`, or `y` for the only output, is expected")));
        };
        if array.element() != ty.element || array.len() != ty.elements() * runs.len() {
            let message = format!(
                "{}: output `{name}` is {}{:?}, {} elements of {} expected",
                path.display(),
                array.element(),
                array.shape(),
                ty.elements() * runs.len(),
                ty.element
            );
            return Err(Failure::input(message));
        }
        for (run, bytes) in runs.iter_mut().zip(array.bytes().chunks_exact(ty.bytes())) {
            run.expected.get_or_insert_default().push(bytes.to_vec());
        }
    }
    Ok(runs)
}

/// What differs, in words.
pub(crate) fn mismatch(measured: &Measured) -> String {
    let mut text =
        format!("{} of {} compared outputs differ", grouped(measured.mismatches), grouped(measured.compared));
    if let Some(first) = &measured.first_mismatch {
        text += &format!(
            "; the first: run {}, {}[{}] is {}, {} expected",
            first.run, first.output, first.index, first.found, first.expected
        );
    }
    text
}

/// The table of ops and the totals.
pub(crate) fn show(
    manifest: &Manifest,
    measured: Option<&Measured>,
    console: &Console,
) -> Result<(), Failure> {
    let columns = [
        ("op", Align::Left),
        ("name", Align::Left),
        ("instructions", Align::Right),
        ("share", Align::Right),
        ("MACs", Align::Right),
        ("instr/MAC", Align::Right),
        ("const B", Align::Right),
        ("live B", Align::Right),
    ];
    let mut table = Table::new(columns);
    let whole = manifest.instructions.unwrap_or(0);
    let dash = || "-".to_owned();
    for layer in &manifest.layers {
        let counted = Manifest::layer_instructions(layer).map(|(n, _)| n);
        table.row([
            if layer.detail.is_empty() { layer.op.clone() } else { format!("{} {}", layer.op, layer.detail) },
            layer.name.clone(),
            counted.map_or_else(dash, grouped),
            counted.map_or_else(dash, |n| percent(n, whole)),
            grouped(layer.macs),
            counted.map_or_else(dash, |n| ratio(n, layer.macs)),
            grouped(layer.const_bytes),
            grouped(layer.live_bytes),
        ]);
    }
    table.total([
        "total".to_owned(),
        String::new(),
        manifest.instructions.map_or_else(dash, grouped),
        String::new(),
        grouped(manifest.macs),
        manifest.instructions.map_or_else(dash, |n| ratio(n, manifest.macs)),
        manifest.const_bytes.map_or_else(dash, grouped),
        manifest.arena_bytes.map_or_else(dash, grouped),
    ]);
    console.table(&table)?;
    let bytes = |value: Option<u64>| value.map_or_else(dash, |n| format!("{} B", grouped(n)));
    console.line(format!(
        "flash    {} (code {}, constants {})",
        bytes(manifest.flash_bytes()),
        bytes(manifest.code_bytes),
        bytes(manifest.const_bytes)
    ))?;
    console.line(format!(
        "sram     {} (arena {}, other static {}), stack {}",
        bytes(manifest.sram_bytes()),
        bytes(manifest.arena_bytes),
        bytes(manifest.static_bytes),
        bytes(manifest.stack_bytes)
    ))?;
    for line in &manifest.unchecked {
        console.line(format!("not checked: {line}"))?;
    }
    let Some(measured) = measured else { return Ok(()) };
    console.line(format!("outputs  {}", compared(measured)))?;
    console.line(format!("on       {}, {}", measured.board, measured.build))
}

/// How the outputs compare, in words.
fn compared(measured: &Measured) -> String {
    let count = grouped(measured.compared);
    match measured.exact() {
        None => "not compared".to_owned(),
        Some(true) if measured.max_difference == 0.0 => format!("{count} compared, all equal"),
        Some(true) => {
            format!(
                "{count} compared, all within tolerance, largest difference {:e}",
                measured.max_difference
            )
        }
        Some(false) => mismatch(measured),
    }
}
