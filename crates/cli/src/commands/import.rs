//! `nasc import`: a model as .nasc text with its weights beside it.

use crate::args::Import;
use crate::console::Console;
use crate::failure::Failure;
use crate::model;
use ir::Graph;
use report::format::grouped;
use serde_json::{Value, json};
use std::path::Path;

pub(super) fn run(args: &Import, console: &Console) -> Result<(), Failure> {
    let loaded = model::load(&args.model, console)?;
    let graph = &loaded.graph;
    if args.output.as_os_str() == "-" {
        return console.result(&summary(graph, &loaded.notices, None), || console.text(&graph.to_text()));
    }
    save(graph, &args.output)?;
    console.result(&summary(graph, &loaded.notices, Some(&args.output)), || {
        let ops = graph.values().filter(|v| graph.node(*v).op().is_some()).count();
        console.line(format!(
            "{}: {ops} ops, {} parameters, {} MACs",
            args.output.display(),
            grouped(graph.parameters()),
            grouped(graph.total_macs().0)
        ))
    })
}

/// Writes the text, and the weights beside it.
pub(super) fn save(graph: &Graph, path: &Path) -> Result<(), Failure> {
    if path.extension().is_none_or(|e| e != "nasc") {
        let message = format!("{}: a name that ends in .nasc expected", path.display());
        return Err(Failure::input(message));
    }
    formats::nasc::save(graph, path).map_err(|e| Failure::about(path.display(), &e))
}

/// The keys of `--json`.
fn summary(graph: &Graph, notices: &[String], written: Option<&Path>) -> Value {
    let port = |v: &ir::Value| json!({ "name": graph.label(*v), "type": type_of(graph, *v) });
    json!({
        "model": graph.name,
        "inputs": graph.inputs().iter().map(port).collect::<Vec<_>>(),
        "outputs": graph.outputs().iter().map(port).collect::<Vec<_>>(),
        "ops": graph.values().filter(|v| graph.node(*v).op().is_some()).count(),
        "macs": graph.total_macs(),
        "params": graph.parameters(),
        "notices": notices,
        "written": written,
    })
}

/// Element, shape and quantization of a value.
pub(super) fn type_of(graph: &Graph, value: ir::Value) -> Value {
    let ty = graph.ty(value);
    let quant = ty.per_tensor();
    json!({
        "element": ty.element.to_string(), "shape": ty.shape,
        "scale": quant.map(|q| q.0), "zero_point": quant.map(|q| q.1),
    })
}
