//! One self-contained page about an artifact: no script, nothing loaded from elsewhere, light and dark, readable on a phone.

mod cards;
mod facts;
mod layers;
pub(crate) mod markup;
mod memory;
mod network;

use crate::Manifest;
use markup::Html;

/// The page of an artifact, complete from doctype to `</html>`. The same manifest gives the same bytes.
pub fn page(manifest: &Manifest) -> String {
    let mut html = Html::default();
    let title = if manifest.model.is_empty() { "artifact" } else { &manifest.model };
    html.raw("<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
    html.raw("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n");
    html.raw("<meta name=\"color-scheme\" content=\"light dark\">\n");
    html.element("title", "", &format!("{title} on {}", manifest.target));
    html.raw("<style>\n").raw(include_str!("style.css")).raw("</style>\n</head>\n<body>\n");
    header(&mut html, manifest, title);
    html.raw("<main>\n");
    cards::write(&mut html, manifest);
    facts::mismatch(&mut html, manifest);
    facts::limits(&mut html, manifest);
    layers::write(&mut html, manifest);
    memory::write(&mut html, manifest);
    network::write(&mut html, manifest);
    facts::interface(&mut html, manifest);
    facts::unchecked(&mut html, manifest);
    facts::origins(&mut html, manifest);
    html.raw("</main>\n");
    footer(&mut html, manifest);
    html.raw("</body>\n</html>\n");
    html.finish()
}

fn header(html: &mut Html, manifest: &Manifest, title: &str) {
    html.raw("<header>\n<div class=\"head\">\n");
    html.element("h1", "", title);
    html.raw("<p class=\"sub\">compiled for <b>").text(&manifest.target).raw("</b>");
    for part in [&manifest.board, &manifest.build].into_iter().filter(|part| !part.is_empty()) {
        html.raw(" <span class=\"dot\">·</span> ").text(part);
    }
    html.raw("</p>\n</div>\n");
    let (class, verdict, detail) = verdict(manifest);
    html.raw(&format!("<div class=\"verdict {class}\">"));
    html.element("b", "", verdict).element("span", "", &detail).raw("</div>\n</header>\n");
}

fn verdict(manifest: &Manifest) -> (&'static str, &'static str, String) {
    let compared = crate::format::grouped(manifest.compared.unwrap_or(0));
    match manifest.exact() {
        Some(true) => ("good", "Bit-exact", format!("{compared} outputs compared, none differs")),
        Some(false) => {
            let wrong = crate::format::grouped(manifest.mismatches.unwrap_or(0));
            ("bad", "Not exact", format!("{wrong} of {compared} outputs differ"))
        }
        None => ("open", "Not verified", "no output was compared on this machine".to_owned()),
    }
}

fn footer(html: &mut Html, manifest: &Manifest) {
    html.raw("<footer>");
    if !manifest.generator.is_empty() {
        html.raw("Written by ").text(&manifest.generator).raw(". ");
    }
    html.raw("The figures are those of <code>manifest.json</code> beside this page.");
    if !manifest.model_sha256.is_empty() {
        html.raw("<br>Model SHA-256 <code>").text(&manifest.model_sha256).raw("</code>");
    }
    html.raw("</footer>\n");
}

#[cfg(test)]
mod tests;
