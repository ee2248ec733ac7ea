//! `nasc compile`: a model to an artifact, its manifest and its report, proven where the toolchain is here.

use crate::args::Compile;
use crate::commands::measure::{self, REFERENCE};
use crate::commands::targets::missing;
use crate::console::Console;
use crate::failure::{Failure, Finding, chain};
use crate::model::{self, Loaded};
use crate::staging::Folder;
use crate::{exact, pipeline, verify};
use ::compile::limits::{Limit, Profile, Quantity};
use ::compile::{CompileError, Compiled, Miss, Options};
use ir::Graph;
use report::Manifest;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::path::Path;
use targets::Target;
use validate::Measured;

/// Random inputs an artifact is proven on.
const PROOF_RUNS: u64 = 3;

pub(super) fn run(args: &Compile, console: &Console) -> Result<(), Failure> {
    let target = pipeline::target(&args.target)?;
    let limits = limits(&args.limit, args.limits.as_deref())?;
    let loaded = model::load(&args.model, console)?;
    let folder = Folder::beside(&args.output)?;
    let compiled = match chosen(args, &loaded, target, &limits) {
        Err(CompileError::Infeasible(misses)) => {
            folder.remove()?;
            return Err(infeasible(target, &misses));
        }
        other => other.map_err(|e| refused(&e))?,
    };
    let mut manifest = compiled.manifest.clone();
    for file in &compiled.files {
        folder.write(&file.name, file.text.as_bytes())?;
    }
    for path in &args.sources {
        manifest.files.push(carry(path, &folder, &manifest)?);
    }
    let reference = reference(&compiled.planned.graph, &mut manifest);
    formats::nasc::save(&reference, folder.path().join(REFERENCE))
        .map_err(|e| Failure::about(REFERENCE, &e))?;
    manifest.files.extend(reference_files(&folder));
    let measured = prove(args, &loaded.graph, target, &folder, &mut manifest, console)?;
    let figures = compiled.planned.figures.clone().with_measured(&manifest);
    let misses = figures.judge(&limits).map_err(|e| Failure::input(e.to_string()))?;
    if !misses.is_empty() {
        folder.remove()?;
        return Err(infeasible(target, &misses));
    }
    manifest.limits = ::compile::verdicts(&figures, &limits);
    manifest.files.extend(["manifest.json".to_owned(), "report.html".to_owned()]);
    write_facts(&folder, &manifest)?;
    folder.finish()?;
    console.result(&manifest, || {
        measure::show(&manifest, measured.as_ref(), console)?;
        console.line(format!("written  {}: {}", args.output.display(), manifest.files.join(" ")))
    })
}

/// The limits of a command line.
fn limits(given: &[String], profile: Option<&str>) -> Result<Vec<Limit>, Failure> {
    let wrong = |e: ::compile::limits::LimitError| Failure::input(e.to_string());
    let mut limits = Vec::new();
    if let Some(name) = profile {
        limits.extend(Profile::named(name).map_err(wrong)?.limits());
    }
    for text in given {
        let limit = Limit::parse(text).map_err(wrong)?;
        // A limit of one's own stands above the profile's.
        limits.retain(|other: &Limit| other.quantity != limit.quantity);
        limits.push(limit);
    }
    Ok(limits)
}

/// The artifact of the pipeline that is asked for; with an objective, that of the pipeline which needs least of it.
fn chosen(
    args: &Compile,
    loaded: &Loaded,
    target: &dyn Target,
    limits: &[Limit],
) -> Result<Compiled, CompileError> {
    let mut options = Options {
        prefix: args.prefix.clone(),
        passes: args.passes.clone(),
        limits: limits.to_vec(),
        model_sha256: loaded.sha256.clone(),
        rounding: loaded.rounding.clone(),
        notices: loaded.notices.clone(),
        ..Options::default()
    };
    let first = ::compile::compile(&loaded.graph, target, &options);
    let Some(objective) = args.objective.as_deref().and_then(quantity).filter(|_| args.passes.is_none())
    else {
        return first;
    };
    let names: Vec<String> = options.registry.pipelines().map(|(name, _)| name.to_owned()).collect();
    let mut best = first;
    for name in names {
        options.passes = Some(name);
        let Ok(other) = ::compile::compile(&loaded.graph, target, &options) else { continue };
        let needs =
            |c: &Compiled| c.planned.figures.get(objective).map_or(f64::INFINITY, |f| f.total.safe_upper());
        if best.as_ref().map_or(true, |best| needs(&other) < needs(best)) {
            best = Ok(other);
        }
    }
    best
}

fn quantity(name: &str) -> Option<Quantity> {
    Quantity::all().find(|quantity| quantity.name() == name)
}

/// What is needed instead, op by op.
fn infeasible(target: &dyn Target, misses: &[Miss]) -> Failure {
    let mut lines = vec![format!("the limits are not met on {}", target.name())];
    for miss in misses {
        lines.push(format!("  {miss}"));
        let quantity = miss.limit.quantity;
        let mut ops: Vec<_> = miss.figure.per_op.iter().filter(|(_, value)| *value > 0.0).collect();
        ops.sort_by(|a, b| b.1.total_cmp(&a.1));
        let width = ops.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
        for (name, value) in ops {
            lines.push(format!("    {name:width$}  {}", quantity.display(*value)));
        }
    }
    let nearest: Vec<String> = misses.iter().map(nearest).collect();
    let data: Vec<Value> = misses.iter().map(miss_value).collect();
    Failure::no(lines.join("\n"))
        .help(format!("the nearest limits that are met: {}", nearest.join(" ")))
        .with("misses", data)
}

fn nearest(miss: &Miss) -> String {
    let quantity = miss.limit.quantity;
    format!("--limit {}={}", quantity.name(), quantity.display(miss.nearest()).replace(' ', ""))
}

fn miss_value(miss: &Miss) -> Value {
    let per_op = miss.figure.per_op.iter().map(|(name, value)| json!({ "name": name, "value": value }));
    json!({
        "limit": miss.limit.quantity.name(), "at_most": miss.limit.at_most, "unit": miss.limit.quantity.unit(),
        "needed": miss.figure.total, "nearest": miss.nearest(), "binds": miss.figure.binds,
        "ops": per_op.collect::<Vec<_>>(),
    })
}

/// Why nothing was compiled.
///
/// # Panics
/// Where the memory plan was refused by its checker or a pass broke the graph: those are bugs of ours.
pub(super) fn refused(error: &CompileError) -> Failure {
    match error {
        CompileError::Pipeline(faults) => {
            let mut failure = Failure::input("--passes is not well-formed");
            failure.findings = faults.iter().map(|f| Finding::new("--passes", f.clone())).collect();
            failure.help("`nasc passes` lists passes and their options")
        }
        CompileError::Pass(error) => pipeline::failed(error),
        CompileError::Illegal { nodes, .. } => {
            let nodes: Vec<String> = nodes.iter().map(ToString::to_string).collect();
            Failure::no(error.to_string()).with("illegal", nodes)
        }
        CompileError::Unjudged(_) => {
            Failure::input(error.to_string()).help("`nasc cost` prints the figures a target has")
        }
        CompileError::Plan(_) => panic!("a plan passes its checker, but {error}"),
        other => Failure::input(chain(other)),
    }
}

/// The compiled graph, in which every value a layer computes has a name of its own that survives the text form; the layers refer
/// to it.
fn reference(graph: &Graph, manifest: &mut Manifest) -> Graph {
    let mut named = graph.clone();
    let computed = |v: &ir::Value| graph.node(*v).constant().is_none();
    let by_label: HashMap<String, ir::Value> =
        graph.values().filter(computed).map(|v| (graph.label(v), v)).collect();
    // In a TFLite file a bias is often called what its convolution is called; what is computed keeps the name.
    for constant in graph.values().filter(|v| !computed(v) && by_label.contains_key(&graph.label(*v))) {
        named.set_name(constant, None);
    }
    for layer in &mut manifest.layers {
        let Some(value) = by_label.get(&layer.node).copied() else { continue };
        if named.node(value).name().is_none() {
            let free = |name: &String| !by_label.contains_key(name);
            let mut names =
                std::iter::once(layer.name.clone()).chain((2..).map(|k| format!("{}.{k}", layer.name)));
            named.set_name(value, names.find(free));
        }
        layer.node = named.label(value);
    }
    named
}

/// The reference graph's files, as the folder has them.
fn reference_files(folder: &Folder) -> Vec<String> {
    let weights = formats::nasc::weights_path(REFERENCE.as_ref()).to_string_lossy().into_owned();
    [REFERENCE.to_owned(), weights].into_iter().filter(|name| folder.path().join(name).exists()).collect()
}

/// Copies a file of the user's into the artifact; its name.
fn carry(path: &Path, folder: &Folder, manifest: &Manifest) -> Result<String, Failure> {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    if path.extension().is_none_or(|e| e != "c") || manifest.files.contains(&name) {
        let message = format!(
            "--source {}: a .c file whose name is not one of the artifact's expected",
            path.display()
        );
        return Err(Failure::input(message));
    }
    let bytes = std::fs::read(path).map_err(|e| Failure::file(path, &e))?;
    folder.write(&name, &bytes)?;
    Ok(name)
}

/// Whether the model calls C of the user's, which the interpreter knows no meaning of.
fn calls_users_c(manifest: &Manifest) -> bool {
    manifest.layers.iter().any(|layer| layer.op == "custom")
}

/// Builds and runs the artifact against the imported graph, where that is wanted and possible.
fn prove(
    args: &Compile,
    imported: &Graph,
    target: &dyn Target,
    folder: &Folder,
    manifest: &mut Manifest,
    console: &Console,
) -> Result<Option<Measured>, Failure> {
    if args.no_verify {
        return Ok(None);
    }
    let missing = missing(target);
    if !missing.is_empty() {
        let message = format!("not verified: {} is not installed", missing.join(", "));
        if args.verify {
            return Err(Failure::no(message).help("install it, or leave --verify out"));
        }
        console.note(&message);
        manifest.unchecked.push(message);
        return Ok(None);
    }
    if calls_users_c(manifest) && args.sources.is_empty() {
        let message = "not verified: the model calls C of your own, and no --source FILE.c was given";
        if args.verify {
            return Err(Failure::input(message));
        }
        console.note(message);
        manifest.unchecked.push(message.to_owned());
        return Ok(None);
    }
    let inputs = (0..PROOF_RUNS).map(|seed| exact::random_inputs(imported, seed));
    let runs = if calls_users_c(manifest) {
        manifest.unchecked.push("outputs: the interpreter knows no meaning of your own C".to_owned());
        inputs.map(|sample| measure::unjudged(&sample)).collect()
    } else {
        inputs.map(|sample| measure::judged(imported, &sample)).collect::<Result<Vec<_>, _>>()?
    };
    let artifact = verify::artifact(folder.path(), manifest)?;
    let measured = verify::measure(&target.recipe(), &artifact, &runs, console)?;
    verify::merge(manifest, &measured);
    if measured.exact() == Some(false) {
        let message = format!("the artifact is wrong: {}", measure::mismatch(&measured));
        return Err(Failure::no(message).help("this is a bug in nasc: please report it with the model"));
    }
    Ok(Some(measured))
}

fn write_facts(folder: &Folder, manifest: &Manifest) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(manifest).expect("plain data becomes JSON");
    folder.write("manifest.json", (text + "\n").as_bytes())?;
    folder.write("report.html", report::page(manifest).as_bytes())
}
