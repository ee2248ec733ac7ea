//! `nasc opt`: passes applied, the text printed.

use crate::args::Opt;
use crate::commands::import;
use crate::console::Console;
use crate::failure::Failure;
use crate::model;
use serde_json::json;

pub(super) fn run(args: &Opt, console: &Console) -> Result<(), Failure> {
    let loaded = model::load(&args.model, console)?;
    let text = loaded.graph.to_text();
    if args.output.as_os_str() != "-" {
        import::save(&loaded.graph, &args.output)?;
        return console.result(&json!({ "written": args.output, "graph": text }), || Ok(()));
    }
    console.result(&json!({ "graph": text }), || console.text(&text))
}
