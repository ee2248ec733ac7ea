//! The measurement: build, run, compare, count.

use std::path::{Path, PathBuf};
use std::time::Duration;

use hw::recipe::Recipe;
use tempfile::TempDir;

use crate::artifact::{Artifact, Run};
use crate::compare::Tolerance;
use crate::error::Error;
use crate::measured::Measured;
use crate::session::Session;

/// Inputs carried by one linked file, bytes: a quarter of the smallest board's code memory.
const CARRIED_BYTES: usize = 1 << 20;

/// How to measure.
#[derive(Debug, Clone)]
pub struct Options {
    /// How long one execution on the target may take.
    pub time_out: Duration,
    /// What counts as equal in float.
    pub tolerance: Tolerance,
    /// Build here and leave the files; by default in a folder that is removed.
    pub scratch: Option<PathBuf>,
}

impl Default for Options {
    fn default() -> Self {
        Self { time_out: Duration::from_secs(120), tolerance: Tolerance::default(), scratch: None }
    }
}

/// Builds the artifact with the recipe's toolchain, runs it on every input, compares, and counts one inference.
///
/// Executed instructions are those between the harness's call of `PREFIX_invoke` and its return on the first run, the
/// calls of `layer_mark` included.
///
/// # Errors
/// When there is no run or its inputs do not fit the interface, a tool is missing, the build fails, or the target hangs, faults or crashes.
/// Wrong outputs are reported in the result; what this machine cannot count is listed as unchecked.
pub fn measure(
    recipe: &Recipe,
    artifact: &Artifact,
    runs: &[Run],
    options: &Options,
) -> Result<Measured, Error> {
    check_interface(artifact, runs)?;
    let scratch = scratch(options)?;
    let mut session = Session::open(recipe, artifact, options, scratch.path())?;
    let mut batches = batches(artifact, runs).into_iter();
    let first = batches.next().unwrap_or_default();
    session.first(first)?;
    let mut done = first.len();
    for batch in batches {
        session.further(batch, done)?;
        done += batch.len();
    }
    Ok(session.finish())
}

/// Refuses inputs and expectations that do not fit the artifact.
pub(crate) fn check_interface(artifact: &Artifact, runs: &[Run]) -> Result<(), Error> {
    if runs.is_empty() {
        return Err(Error::Interface { run: 0, port: "the list of runs".to_owned(), found: 0, expected: 1 });
    }
    for (run, given) in runs.iter().enumerate() {
        let expected = given.expected.as_ref().map(|bytes| (bytes, &artifact.outputs, "outputs"));
        for (bytes, ports, list) in
            [Some((&given.inputs, &artifact.inputs, "inputs")), expected].into_iter().flatten()
        {
            let wrong = |port: &str, found, expected| Error::Interface {
                run,
                port: port.to_owned(),
                found,
                expected,
            };
            if bytes.len() != ports.len() {
                return Err(wrong(&format!("the list of {list}"), bytes.len(), ports.len()));
            }
            if let Some((bytes, port)) =
                bytes.iter().zip(ports).find(|(bytes, port)| bytes.len() != port.bytes())
            {
                return Err(wrong(&format!("`{}`", port.symbol), bytes.len(), port.bytes()));
            }
        }
    }
    Ok(())
}

/// The folder to build in.
pub(crate) enum Scratch {
    Kept(PathBuf),
    Removed(TempDir),
}

impl Scratch {
    pub(crate) fn path(&self) -> &Path {
        match self {
            Self::Kept(path) => path,
            Self::Removed(dir) => dir.path(),
        }
    }
}

pub(crate) fn scratch(options: &Options) -> Result<Scratch, Error> {
    match &options.scratch {
        None => tempfile::Builder::new()
            .prefix("nasc-")
            .tempdir()
            .map(Scratch::Removed)
            .map_err(Error::file(std::env::temp_dir())),
        Some(path) => {
            std::fs::create_dir_all(path).map_err(Error::file(path))?;
            // Tools are started inside it: their arguments must not depend on where we are.
            path.canonicalize().map(Scratch::Kept).map_err(Error::file(path))
        }
    }
}

/// Runs cut into pieces of which each fits a linked file.
fn batches<'r>(artifact: &Artifact, runs: &'r [Run]) -> Vec<&'r [Run]> {
    let each = (CARRIED_BYTES / artifact.run_bytes().max(1)).max(1);
    runs.chunks(each).collect()
}
