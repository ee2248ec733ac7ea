//! What is to be mapped: layer tables, and the layers of models.

use crate::args::{self, Reading};
use crate::console::Console;
use crate::failure::{Failure, Finding};
use crate::{model, pipeline};
use ir::Graph;
use mapping::exchange::{WorkloadError, include, parse_workload};
use mapping::nest::{LayerRow, parse_layers};
use mapping::network::{Part, Work, parts};
use passes::{Context, Run};
use std::path::{Component, Path};

/// Largest text that is read.
const LARGEST: u64 = 64 << 20;

/// Layers to map, of one file.
pub(crate) struct Workload {
    /// Convolutions and products.
    pub(crate) rows: Vec<LayerRow>,
    /// Everything else a model does, which streams words; empty for a table.
    pub(crate) streamed: Vec<Part>,
}

/// Reads a layer table (`.csv`), a workload of another tool (`.yaml`) or the layers of a model behind `passes`.
pub(crate) fn read(
    path: &Path,
    reading: &Reading,
    passes: &str,
    console: &Console,
) -> Result<Workload, Failure> {
    let has = |extension: &str| path.extension().is_some_and(|e| e.eq_ignore_ascii_case(extension));
    if has("csv") {
        return Ok(Workload { rows: table(path)?, streamed: Vec::new() });
    }
    if has("yaml") || has("yml") {
        return Ok(Workload { rows: exchanged(path, console)?, streamed: Vec::new() });
    }
    let loaded = optimised(path, reading, passes, console)?;
    let (mut rows, mut streamed) = (Vec::new(), Vec::new());
    for part in parts_of(&loaded, path, console)? {
        match part.work {
            Work::Nest(nest) => {
                rows.push(LayerRow { net: loaded.name.clone(), layer: part.label, count: 1, nest });
            }
            Work::Words(_) => streamed.push(part),
        }
    }
    Ok(Workload { rows, streamed })
}

/// A model behind a pipeline.
pub(crate) fn optimised(
    path: &Path,
    reading: &Reading,
    passes: &str,
    console: &Console,
) -> Result<Graph, Failure> {
    let args = args::Model { model: path.to_owned(), reading: reading.clone() };
    let mut graph = model::load(&args, console)?.graph;
    let mut run = Run { verify: true, after: None };
    let pipeline = pipeline::parse(passes)?;
    pipeline.run(&mut graph, &Context::default(), &mut run).map_err(|e| pipeline::failed(&e))?;
    Ok(graph)
}

/// The parts of a graph; what was read as what is said on standard error.
pub(crate) fn parts_of(graph: &Graph, path: &Path, console: &Console) -> Result<Vec<Part>, Failure> {
    let parts = parts(graph).map_err(|e| Failure::about(path.display(), &e))?;
    for part in &parts {
        for note in &part.notes {
            console.note(format!("`{}` ({}): {note}", part.label, part.op));
        }
    }
    Ok(parts)
}

fn table(path: &Path) -> Result<Vec<LayerRow>, Failure> {
    parse_layers(&text(path)?).map_err(|error| at_line(path, &error.to_string()))
}

/// A workload of Timeloop or ZigZag; files it includes lie in its folder.
fn exchanged(path: &Path, console: &Console) -> Result<Vec<LayerRow>, Failure> {
    let folder = path.parent().unwrap_or(Path::new("")).to_owned();
    let find = |name: &str| {
        // Files from outside are not trusted with paths: a base in the folder above is to be copied beside the workload.
        if !Path::new(name).components().all(|c| matches!(c, Component::Normal(_) | Component::CurDir)) {
            return Err("a file in the folder of the workload expected".to_owned());
        }
        text(&folder.join(name)).map_err(|e| e.message)
    };
    let wrong = |error: &WorkloadError, place: (Option<&str>, usize)| {
        let file = place.0.map_or_else(|| path.to_owned(), |name| folder.join(name));
        at_line(&file, &format!("line {}: {}", place.1, error.problem))
    };
    let whole = include(&text(path)?, &find).map_err(|e| wrong(&e, (None, e.line)))?;
    let workload = parse_workload(&whole.text, path).map_err(|e| wrong(&e, whole.origin(e.line)))?;
    for left in &workload.left_out {
        console.note(format!("`{}` ({}) is no loop nest and left out", left.layer, left.operator));
    }
    Ok(workload.rows)
}

/// A text file of bounded size.
pub(crate) fn text(path: &Path) -> Result<String, Failure> {
    let size = std::fs::metadata(path).map_err(|e| Failure::file(path, &e))?.len();
    if size > LARGEST {
        let message = format!("{}: {size} bytes, at most {LARGEST} expected", path.display());
        return Err(Failure::input(message));
    }
    std::fs::read_to_string(path).map_err(|e| Failure::file(path, &e))
}

/// A message that begins `line N: `, on that line of the file.
pub(crate) fn at_line(path: &Path, message: &str) -> Failure {
    let file = path.display().to_string();
    let mut failure = Failure::input(format!("{file}: {message}"));
    let placed = message.strip_prefix("line ").and_then(|rest| rest.split_once(": "));
    if let Some((line, message)) = placed.and_then(|(n, m)| Some((n.parse().ok()?, m))) {
        failure.findings.push(Finding { file, line, column: 1, message: message.to_owned() });
    }
    failure
}
