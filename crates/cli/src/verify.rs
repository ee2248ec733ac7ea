//! Proving an artifact: built, run, compared with the reference, counted.

use crate::console::Console;
use crate::failure::{Failure, chain};
use hw::recipe::Recipe;
use report::Manifest;
use std::path::Path;
use validate::{Artifact, Element, Measured, Options, Port, Run};

/// How the manifest of an artifact that was not built ends its reservations.
const NOT_YET: &str = "not built and run yet";

/// The artifact a manifest describes.
pub(crate) fn artifact(dir: &Path, manifest: &Manifest) -> Result<Artifact, Failure> {
    let ports = |ports: &[report::Port]| ports.iter().map(port).collect::<Result<Vec<_>, _>>();
    let ops = manifest.layers.iter().map(|layer| layer.name.clone()).collect();
    Ok(Artifact::new(dir, &manifest.prefix, ports(&manifest.inputs)?, ports(&manifest.outputs)?, ops))
}

fn port(port: &report::Port) -> Result<Port, Failure> {
    let element = element(&port.element).ok_or_else(|| {
        Failure::input(format!("`{}`: element `{}` has no C type", port.name, port.element))
    })?;
    Ok(Port::new(&port.symbol, element, port.shape.iter().product()))
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
