//! Proving an artifact: built, run, compared with the reference, counted.

use crate::console::Console;
use crate::failure::{Failure, chain};
use hw::recipe::Recipe;
use report::Manifest;
use std::path::{Path, PathBuf};
use validate::{Artifact, Element, Measured, Options, Port, Run};

/// How the manifest of an artifact that was not built ends its reservations.
const NOT_YET: &str = "not built and run yet";

/// The artifact a manifest describes.
pub(crate) fn artifact(dir: &Path, manifest: &Manifest) -> Result<Artifact, Failure> {
    let ports = |ports: &[report::Port]| ports.iter().map(port).collect::<Result<Vec<_>, _>>();
    // A manifest is a file: what it says is looked at before it becomes a path or a size.
    if !c_identifier(&manifest.prefix) {
        return Err(Failure::input(format!(
            "manifest.json: prefix `{}`, a C identifier expected",
            manifest.prefix
        )));
    }
    let ops = manifest.layers.iter().map(|layer| layer.name.clone()).collect();
    let mut artifact =
        Artifact::new(dir, &manifest.prefix, ports(&manifest.inputs)?, ports(&manifest.outputs)?, ops);
    let own = manifest.files.iter().filter(|name| name.ends_with(".c")).map(PathBuf::from);
    let more: Vec<PathBuf> = own.filter(|name| !artifact.sources.contains(name)).collect();
    if let Some(outside) = more.iter().find(|name| name.components().count() != 1) {
        return Err(Failure::input(format!(
            "manifest.json: file `{}`, a name without a folder expected",
            outside.display()
        )));
    }
    artifact.sources.extend(more);
    Ok(artifact)
}

fn port(port: &report::Port) -> Result<Port, Failure> {
    let element = element(&port.element).ok_or_else(|| {
        Failure::input(format!("`{}`: element `{}` has no C type", port.name, port.element))
    })?;
    let count = port.shape.iter().try_fold(1usize, |n, extent| n.checked_mul(*extent));
    let count = count.filter(|n| *n <= ir::MAX_ELEMENTS && c_identifier(&port.symbol));
    let count = count.ok_or_else(|| {
        let message = format!("manifest.json: `{}` of shape {:?}", port.symbol, port.shape);
        Failure::input(format!(
            "{message}, a C identifier and at most {} elements expected",
            ir::MAX_ELEMENTS
        ))
    })?;
    Ok(Port::new(&port.symbol, element, count))
}

fn c_identifier(name: &str) -> bool {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    !name.is_empty() && name.chars().all(word) && !name.starts_with(|c: char| c.is_ascii_digit())
}

/// The C element that carries an element of the IR.
pub(crate) fn element(name: &str) -> Option<Element> {
    let element = ir::Element::parse(name)?;
    let ir::Element::Int { signed, .. } = element else {
        return match element {
            ir::Element::F32 => Some(Element::F32),
            ir::Element::Bool => Some(Element::U8),
            _ => None,
        };
    };
    Some(match (element.bytes(), signed) {
        (1, true) => Element::I8,
        (1, false) => Element::U8,
        (2, true) => Element::I16,
        (2, false) => Element::U16,
        (4, true) => Element::I32,
        (4, false) => Element::U32,
        _ => Element::I64,
    })
}

/// Builds and runs an artifact, with progress.
pub(crate) fn measure(
    recipe: &Recipe,
    artifact: &Artifact,
    runs: &[Run],
    console: &Console,
) -> Result<Measured, Failure> {
    let _progress =
        console.progress(format!("build with {}, run on {}", recipe.toolchain.compiler, recipe.board.name));
    validate::measure(recipe, artifact, runs, &Options::default()).map_err(|e| Failure::no(chain(&e)))
}

/// Puts what was measured into the manifest, in place of what was modelled.
pub(crate) fn merge(manifest: &mut Manifest, measured: &Measured) {
    manifest.board.clone_from(&measured.board);
    manifest.build.clone_from(&measured.build);
    manifest.static_bytes = Some(measured.static_bytes);
    manifest.stack_bytes = measured.stack_bytes;
    manifest.code_bytes = Some(measured.code_bytes);
    manifest.const_bytes = Some(measured.const_bytes);
    manifest.instructions = measured.instructions;
    manifest.cycles = measured.cycles;
    manifest.compared = Some(measured.compared);
    manifest.mismatches = Some(measured.mismatches);
    manifest.first_mismatch = measured.first_mismatch.as_ref().map(|m| report::Mismatch {
        run: m.run,
        output: m.output.clone(),
        index: m.index,
        found: m.found,
        expected: m.expected,
    });
    for (layer, counted) in manifest.layers.iter_mut().zip(&measured.layers) {
        layer.instructions = counted.instructions;
    }
    for (key, origin) in &measured.origin {
        let (word, method) = origin.split_once(": ").unwrap_or((origin, ""));
        manifest.origin.insert(key.clone(), word.to_owned());
        if !method.is_empty() {
            manifest.method.insert(key.clone(), method.to_owned());
        }
        manifest.interval.remove(key);
    }
    manifest.unchecked.retain(|line| !line.ends_with(NOT_YET));
    for line in &measured.unchecked {
        if !manifest.unchecked.contains(line) {
            manifest.unchecked.push(line.clone());
        }
    }
}
