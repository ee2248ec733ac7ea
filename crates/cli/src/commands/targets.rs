//! `nasc targets`: the machines, and the named profiles of limits.

use crate::console::Console;
use crate::failure::Failure;
use report::{Align, Table};
use serde_json::{Value, json};
use targets::Target;

pub(super) fn run(console: &Console) -> Result<(), Failure> {
    let value = json!({ "targets": targets::all().iter().map(|t| describe(*t)).collect::<Vec<_>>() });
    console.result(&value, || {
        let columns = [
            ("target", Align::Left),
            ("machine", Align::Left),
            ("is", Align::Left),
            ("checked on", Align::Left),
            ("missing here", Align::Left),
        ];
        let mut table = Table::new(columns);
        for target in targets::all() {
            let missing = missing(*target).join(", ");
            let missing = if missing.is_empty() { "-".to_owned() } else { missing };
            table.row([
                target.name().to_owned(),
                target.hardware().name.clone(),
                target.summary().to_owned(),
                target.recipe().board.name,
                missing,
            ]);
        }
        console.table(&table)
    })
}

/// Programs the target's recipe needs that are not on this machine, with the package that has them.
pub(crate) fn missing(target: &dyn Target) -> Vec<String> {
    let recipe = target.recipe();
    let absent = recipe.programs().into_iter().filter(|program| process::find(program).is_none());
    absent
        .map(|program| match process::package_of(program) {
            Some(package) => format!("{program} (package {package})"),
            None => program.to_owned(),
        })
        .collect()
}

fn describe(target: &dyn Target) -> Value {
    let (hardware, recipe) = (target.hardware(), target.recipe());
    json!({
        "name": target.name(),
        "summary": target.summary(),
        "machine": hardware.name,
        "source": hardware.source,
        "capabilities": target.capabilities(),
        "pipeline": target.pipeline(),
        "board": recipe.board.name,
        "compiler": recipe.toolchain.compiler,
        "flags": recipe.toolchain.machine_flags,
        "optimisation": recipe.toolchain.optimisation,
        "missing": missing(target),
    })
}
