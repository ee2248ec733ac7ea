//! Layer by layer: the first op whose output differs.

use hw::recipe::Recipe;
use serde::{Deserialize, Serialize};

use crate::artifact::{Artifact, Element, Run};
use crate::build::Workshop;
use crate::compare::{Difference, compare};
use crate::error::Error;
use crate::harness::Purpose;
use crate::measure::{Options, check_interface, scratch};
use crate::run::{Bounds, command, execute};

/// What an op should give.
#[derive(Debug, Clone)]
pub struct ExpectedLayer {
    /// The op's name.
    pub name: String,
    /// What its output is made of.
    pub element: Element,
    /// Its output; `None` where it has none of its own to look at (fused away).
    pub bytes: Option<Vec<u8>>,
}

/// One op's output against the expected one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LayerResult {
    /// The op's name.
    pub name: String,
    /// `None` where there is nothing to compare: not expected, or not shown by the artifact.
    pub difference: Option<Difference>,
}

/// The ops of one run in order of execution.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LayerComparison {
    /// One per expected op.
    pub layers: Vec<LayerResult>,
    /// Index of the first op whose output differs.
    pub first_divergent: Option<usize>,
}

/// Builds the artifact with `NASC_TRACE` defined, runs it once on `run`'s inputs and compares what
/// `PREFIX_trace(op, data, bytes)` was called with. `expected[K]` belongs to op K.
///
/// # Errors
/// As [`measure`](crate::measure()).
pub fn compare_layers(
    recipe: &Recipe,
    artifact: &Artifact,
    run: &Run,
    expected: &[ExpectedLayer],
    options: &Options,
) -> Result<LayerComparison, Error> {
    check_interface(artifact, std::slice::from_ref(run))?;
    let scratch = scratch(options)?;
    let shop = Workshop::open(recipe, artifact, scratch.path(), "NASC_TRACE")?;
    let purpose = Purpose { runs: 1, timed: false, clock_marks: false };
    let linked = shop.link("trace", purpose, std::slice::from_ref(run))?;
    let bytes: usize = expected.iter().map(|layer| layer.bytes.as_ref().map_or(0, Vec::len)).sum();
    let bounds = Bounds { time_out: options.time_out, capture: (4 * bytes).max(64 << 20) };
    let transcript = execute(recipe, &command(recipe, &linked.elf, None), &linked.elf, bounds)?;

    let layers: Vec<LayerResult> = expected
        .iter()
        .enumerate()
        .map(|(op, layer)| {
            let both = layer.bytes.as_ref().zip(transcript.traces.get(&op));
            let difference = both.map(|(want, found)| compare(layer.element, found, want, options.tolerance));
            LayerResult { name: layer.name.clone(), difference }
        })
        .collect();
    let first_divergent =
        layers.iter().position(|layer| layer.difference.is_some_and(|difference| difference.mismatches > 0));
    Ok(LayerComparison { layers, first_divergent })
}
