//! Reading the model a command is given.

use crate::args::{Model, Reading};
use crate::console::Console;
use crate::failure::{Failure, Finding, chain};
use formats::{ImportError, ImportOptions};
use ir::Graph;
use sha2::{Digest, Sha256};
use std::path::Path;

/// A model, and what its import decided.
pub(crate) struct Loaded {
    pub(crate) graph: Graph,
    pub(crate) notices: Vec<String>,
    /// Of the file, hexadecimal.
    pub(crate) sha256: String,
    /// The profile that was chosen; empty where the file says how its ops round.
    pub(crate) rounding: String,
}

/// Reads the model of a command; what the import decided is said on standard error.
pub(crate) fn load(args: &Model, console: &Console) -> Result<Loaded, Failure> {
    let options = options(&args.reading)?;
    let imported = formats::import(&args.model, &options).map_err(|e| refused(&args.model, &e))?;
    let notices: Vec<String> = imported.notices.iter().map(ToString::to_string).collect();
    for notice in &notices {
        console.note(notice);
    }
    let bytes = std::fs::read(&args.model).map_err(|e| Failure::file(&args.model, &e))?;
    let sha256 = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    let own = args.model.extension().is_some_and(|e| e == "nasc");
    let rounding = if own { String::new() } else { options.rounding.name().to_owned() };
    let mut graph = imported.graph;
    // Exporters call every network `main` or `torch_jit`; the file is what its owner named.
    if let Some(stem) = args.model.file_stem().filter(|_| !own) {
        graph.name = stem.to_string_lossy().into_owned();
    }
    Ok(Loaded { graph, notices, sha256, rounding })
}

/// The import options of a command line.
pub(crate) fn options(args: &Reading) -> Result<ImportOptions, Failure> {
    let mut options = ImportOptions::default();
    if let Some(name) = &args.rounding {
        options.rounding = name.parse().map_err(Failure::input)?;
    }
    for dim in &args.dims {
        let pair = dim.split_once('=').and_then(|(name, extent)| Some((name, extent.parse().ok()?)));
        let Some((name, extent)) = pair.filter(|(name, extent)| !name.is_empty() && *extent > 0) else {
            return Err(Failure::input(format!(
                "--dim `{dim}`: NAME=N with a whole number above 0 expected"
            )));
        };
        options.dims.insert(name.to_owned(), extent);
    }
    Ok(options)
}

/// Why a model was not read, with the file's name and the lines at fault.
pub(crate) fn refused(path: &Path, error: &ImportError) -> Failure {
    let file = path.display().to_string();
    match error {
        ImportError::Text { path, findings } => {
            let place = |f: &ir::Diagnostic| Finding::new(&path.display().to_string(), f.clone());
            let mut failure = Failure::input(format!("{file} is not well-formed"));
            failure.findings = findings.iter().map(place).collect();
            failure
        }
        ImportError::Unsupported(_) => Failure::input(format!("{file}: {error}"))
            .help("`nasc ops` lists what is supported; rewrite these operators in the training script, or give them C of your own"),
        other => {
            let text = chain(other);
            Failure::input(if text.starts_with(&file) { text } else { format!("{file}: {text}") })
        }
    }
}
