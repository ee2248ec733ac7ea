//! `nasc export`: a model in another format.

use crate::args::Export;
use crate::commands::import;
use crate::console::Console;
use crate::failure::{Failure, chain};
use crate::{model, staging};
use formats::Format;
use serde_json::json;

pub(super) fn run(args: &Export, console: &Console) -> Result<(), Failure> {
    let format: Format = args.format.parse().map_err(Failure::input)?;
    let loaded = model::load(&args.model, console)?;
    if format == Format::Nasc {
        import::save(&loaded.graph, &args.output)?;
    } else {
        let fail =
            |e: formats::ExportError| Failure::no(format!("{}: {}", args.model.model.display(), chain(&e)));
        staging::write_with(&args.output, |place| {
            formats::export(&loaded.graph, place, format).map_err(fail)
        })?;
    }
    let value = json!({ "model": loaded.graph.name, "format": format.name(), "written": args.output });
    console.result(&value, || console.line(format!("{}: {}", args.output.display(), format.name())))
}
