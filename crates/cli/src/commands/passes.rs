//! `nasc passes`: the passes and named pipelines.

use crate::commands::ops;
use crate::console::Console;
use crate::failure::Failure;
use passes::{Entry, Registry};
use report::{Align, Table};
use serde_json::{Value, json};

pub(super) fn run(console: &Console) -> Result<(), Failure> {
    let registry = Registry::standard();
    let pipelines = registry.pipelines().map(|(name, text)| json!({ "name": name, "passes": text }));
    let value = json!({
        "passes": registry.passes().map(describe).collect::<Vec<_>>(),
        "pipelines": pipelines.collect::<Vec<_>>(),
    });
    console.result(&value, || {
        let columns = [
            ("pass", Align::Left),
            ("relation", Align::Left),
            ("does", Align::Left),
            ("options", Align::Left),
        ];
        let mut table = Table::new(columns);
        for pass in registry.passes() {
            table.row([
                pass.name.to_owned(),
                pass.relation.to_string(),
                pass.summary.to_owned(),
                options(pass),
            ]);
        }
        for (name, text) in registry.pipelines() {
            table.row([name, "pipeline", text, ""]);
        }
        console.table(&table)
    })
}

/// Options with their defaults: `bits = 8, granularity = per-channel`.
pub(crate) fn options(pass: &Entry) -> String {
    let one = |option: &ir::AttrDef| match ops::default(option) {
        Some(default) => format!("{} = {default}", option.name),
        None => option.name.to_owned(),
    };
    pass.options.iter().map(one).collect::<Vec<_>>().join(", ")
}

fn describe(pass: &Entry) -> Value {
    let options = pass.options.iter().map(|option| {
        json!({
            "name": option.name, "summary": option.summary, "expected": option.expected(),
            "default": ops::default(option), "required": option.default().is_none(),
        })
    });
    json!({
        "name": pass.name, "summary": pass.summary, "relation": pass.relation.to_string(),
        "options": options.collect::<Vec<_>>(),
    })
}
