//! `nasc targets`: the machines, and the named profiles of limits.

use crate::args::Targets;
use crate::console::Console;
use crate::failure::Failure;
use compile::limits::{PROFILES, Quantity};
use report::{Align, Table};
use serde_json::{Value, json};
use targets::Target;

pub(super) fn run(args: &Targets, console: &Console) -> Result<(), Failure> {
    if args.limits {
        return limits(console);
    }
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

/// The named sets of limits, and what may be limited.
fn limits(console: &Console) -> Result<(), Failure> {
    let profiles =
        PROFILES.iter().map(|p| json!({ "name": p.name, "summary": p.summary, "limits": p.limits }));
    let quantities =
        Quantity::all().map(|q| json!({ "name": q.name(), "units": q.units().collect::<Vec<_>>() }));
    let value = json!({
        "profiles": profiles.collect::<Vec<_>>(), "quantities": quantities.collect::<Vec<_>>(),
    });
    console.result(&value, || {
        let mut table = Table::new([("profile", Align::Left), ("limits", Align::Left), ("is", Align::Left)]);
        for profile in PROFILES {
            table.row([profile.name.to_owned(), profile.limits.join(", "), profile.summary.to_owned()]);
        }
        console.table(&table)?;
        let mut table = Table::new([("limit on", Align::Left), ("units", Align::Left)]);
        for quantity in Quantity::all() {
            table.row([quantity.name().to_owned(), quantity.units().collect::<Vec<_>>().join(" ")]);
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
