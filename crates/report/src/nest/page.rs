//! The page.

use super::{Nest, Nests, picture, roofline};
use crate::format;
use crate::html::markup::Html;

/// The page of mapped layers, complete from doctype to `</html>`. The same layers give the same bytes.
pub fn page(nests: &Nests) -> String {
    let mut html = Html::default();
    html.raw("<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
    html.raw("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n");
    html.raw("<meta name=\"color-scheme\" content=\"light dark\">\n");
    html.element("title", "", &format!("mapped to {}", nests.hardware));
    html.raw("<style>\n").raw(include_str!("../html/style.css")).raw(include_str!("style.css"));
    html.raw("</style>\n</head>\n<body>\n<header>\n<div class=\"head\">\n");
    html.element("h1", "", &nests.hardware).element("p", "sub", &nests.summary);
    html.raw("</div>\n</header>\n<main>\n");
    table(&mut html, nests);
    roofline::write(&mut html, nests);
    for nest in &nests.layers {
        layer(&mut html, nest, nests);
    }
    html.raw("</main>\n<footer>Figures are modelled in closed form; those of <code>mapping.json</code> beside this page.");
    html.raw("</footer>\n</body>\n</html>\n");
    html.finish()
}

fn table(html: &mut Html, nests: &Nests) {
    let lead = format!(
        "Each layer as its mapping with the least {} runs it. Energy in {}; cycles without fill and drain.",
        nests.objective, nests.energy_unit
    );
    html.section("layers", "Layers", &lead);
    html.raw("<div class=\"scroll\"><table>\n<thead><tr><th>Layer</th><th class=\"n\">Count</th>");
    html.raw("<th class=\"n\">MACs</th><th class=\"n\">Cycles</th><th class=\"n\">Energy</th>");
    html.raw("<th class=\"n\">Utilisation</th><th>Binds</th><th>Optimum</th></tr></thead>\n<tbody>\n");
    for (at, nest) in nests.layers.iter().enumerate() {
        html.raw(&format!("<tr><td><a href=\"#layer{at}\">")).text(&nest.name).raw("</a></td>");
        html.element("td", "n", &format::grouped(nest.count));
        html.element("td", "n", &format::grouped(nest.macs));
        html.element("td", "n", &format::grouped(nest.cycles));
        html.element("td", "n", &format!("{:.4e}", nest.energy));
        html.element("td", "n", &format!("{:.1} %", nest.utilisation * 100.0));
        html.element("td", "", &nest.binds).element("td", "", &nest.optimum).raw("</tr>\n");
    }
    html.raw("</tbody>\n</table></div>\n").close_section();
}

fn layer(html: &mut Html, nest: &Nest, nests: &Nests) {
    let at = nests.layers.iter().position(|other| std::ptr::eq(other, nest)).unwrap_or_default();
    let lead = format!(
        "{} cycles, {:.4e} {}; {} binds; {}. From the backing store at the top to the multipliers at the bottom: \
         what each memory keeps, how full it is, and how often each word is touched there.",
        format::grouped(nest.cycles),
        nest.energy,
        nests.energy_unit,
        nest.binds,
        nest.optimum
    );
    html.section(&format!("layer{at}"), &nest.name, &lead);
    picture::write(html, nest, &nests.energy_unit);
    html.close_section();
}
