//! `nasc run`: the reference interpreter on given inputs.

use crate::args::Run;
use crate::arrays::{self, Arrays};
use crate::console::Console;
use crate::exact;
use crate::failure::Failure;
use crate::{model, staging};
use formats::npy;
use ir::{Graph, Tensor};
use report::{Align, Table};
use serde_json::{Value, json};
use std::path::Path;

/// Values shown of an output.
const SHOWN: usize = 16;

pub(super) fn run(args: &Run, console: &Console) -> Result<(), Failure> {
    let loaded = model::load(&args.model, console)?;
    let graph = &loaded.graph;
    let samples = arrays::samples(graph, &arrays::read(&args.input)?, console)?;
    let progress = console.counter("run", samples.len());
    let mut rows = Vec::with_capacity(samples.len());
    for sample in &samples {
        rows.push(compute(graph, sample, args.oracle)?);
        progress.step();
    }
    drop(progress);
    let outputs = arrays::stacked(graph, &rows);
    if let Some(path) = &args.output {
        write(path, &outputs)?;
    }
    let value = json!({
        "model": graph.name,
        "samples": samples.len(),
        "by": if args.oracle { "oracle" } else { "interpreter" },
        "outputs": outputs.iter().map(describe).collect::<Vec<_>>(),
        "written": args.output,
    });
    console.result(&value, || show(&outputs, console))
}

#[cfg(feature = "oracle")]
fn compute(graph: &Graph, inputs: &[Tensor], oracle: bool) -> Result<Vec<Tensor>, Failure> {
    if !oracle {
        return exact::evaluate(graph, inputs);
    }
    oracle::run(graph, inputs).map_err(|e| Failure::input(format!("oracle: {}", crate::failure::chain(&e))))
}

#[cfg(not(feature = "oracle"))]
fn compute(graph: &Graph, inputs: &[Tensor], oracle: bool) -> Result<Vec<Tensor>, Failure> {
    if oracle {
        let message = "this nasc was built without its second opinion";
        return Err(Failure::input(message).help("build it with `cargo build -p nasc-cli --features oracle`"));
    }
    exact::evaluate(graph, inputs)
}

fn write(path: &Path, outputs: &Arrays) -> Result<(), Failure> {
    let fail = |e: npy::NpyError| Failure::about(path.display(), &e);
    match path.extension().and_then(|e| e.to_str()) {
        Some("npz") => {
            let named = outputs.iter().map(|(name, tensor)| (name.as_str(), tensor));
            staging::write_with(path, |place| npy::write_npz(place, named).map_err(fail))
        }
        Some("npy") if outputs.len() == 1 => {
            staging::write_file(path, &npy::to_bytes(&outputs[0].1).map_err(fail)?)
        }
        Some("npy") => {
            let message =
                format!("{}: the model has {} outputs, an .npz expected", path.display(), outputs.len());
            Err(Failure::input(message))
        }
        _ => Err(Failure::input(format!("{}: a name that ends in .npy or .npz expected", path.display()))),
    }
}

fn describe((name, tensor): &(String, Tensor)) -> Value {
    let values = if tensor.element().is_float() { json!(tensor.to_reals()) } else { json!(tensor.to_ints()) };
    json!({
        "name": name, "element": tensor.element().to_string(), "shape": tensor.shape(), "values": values,
    })
}

fn show(outputs: &Arrays, console: &Console) -> Result<(), Failure> {
    let columns = [
        ("output", Align::Left),
        ("type", Align::Left),
        ("largest at", Align::Right),
        ("values", Align::Left),
    ];
    let mut table = Table::new(columns);
    for (name, tensor) in outputs {
        let values = tensor.to_reals();
        let largest = (0..values.len()).max_by(|a, b| values[*a].total_cmp(&values[*b]));
        let shown: Vec<String> = values.iter().take(SHOWN).map(|v| format!("{v}")).collect();
        let more = if values.len() > SHOWN { ", ..." } else { "" };
        table.row([
            name.clone(),
            format!("{}{:?}", tensor.element(), tensor.shape()),
            largest.map_or("-".to_owned(), |at| at.to_string()),
            shown.join(", ") + more,
        ]);
    }
    console.table(&table)
}
