//! The rest: limits, interface, what was not checked, where each figure comes from.

use super::cards::word;
use super::markup::Html;
use crate::{Limit, Manifest, Port, format};

pub(super) fn mismatch(html: &mut Html, manifest: &Manifest) {
    let Some(first) = &manifest.first_mismatch else { return };
    html.raw("<p class=\"alarm\">The first difference: run ").text(&first.run.to_string()).raw(", ");
    html.element("code", "", &format!("{}[{}]", first.output, first.index));
    html.text(&format!(" is {}, {} expected.", first.found, first.expected)).raw("</p>\n");
}

pub(super) fn limits(html: &mut Html, manifest: &Manifest) {
    if manifest.limits.is_empty() {
        return;
    }
    html.section("limits", "Limits asked for", "");
    html.raw("<ul class=\"limits\">\n");
    for limit in &manifest.limits {
        let (class, sign) = match limit.met {
            Some(true) => ("good", "✓"),
            Some(false) => ("bad", "✗"),
            None => ("open", "?"),
        };
        html.raw(&format!("<li class=\"{class}\"><i>{sign}</i>")).element("b", "", &limit.name);
        html.raw(" ")
            .text(&figure(limit, limit.found))
            .raw(" of at most ")
            .text(&figure(limit, Some(limit.at_most)));
        html.raw("</li>\n");
    }
    html.raw("</ul>\n").close_section();
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "whole and not negative: checked")]
fn figure(limit: &Limit, value: Option<f64>) -> String {
    match value {
        None => "unknown".to_owned(),
        Some(v) if v.fract() == 0.0 && (0.0..9e15).contains(&v) => {
            format!("{} {}", format::grouped(v as u64), limit.unit)
        }
        Some(v) => format!("{v:.3} {}", limit.unit),
    }
}

pub(super) fn interface(html: &mut Html, manifest: &Manifest) {
    if manifest.inputs.is_empty() && manifest.outputs.is_empty() {
        return;
    }
    html.section("interface", "How to call it", "");
    html.raw("<div class=\"scroll\"><table>\n<thead><tr><th></th><th>Name</th><th>C</th><th>Shape</th><th>Element</th>");
    html.raw("<th class=\"n\">Scale</th><th class=\"n\">Zero point</th><th class=\"n\">Bytes</th></tr></thead>\n<tbody>\n");
    for (direction, ports) in [("in", &manifest.inputs), ("out", &manifest.outputs)] {
        for port in ports {
            port_row(html, direction, port);
        }
    }
    html.raw("</tbody></table></div>\n").raw("<pre><code>");
    html.text(&snippet(manifest)).raw("</code></pre>\n").close_section();
}

fn port_row(html: &mut Html, direction: &str, port: &Port) {
    html.raw("<tr>").element("td", "dim", direction).element("td", "", &port.name);
    html.raw("<td>").element("code", "", &format!("{} {}", port.c_type, port.symbol)).raw("</td>");
    html.raw("<td>")
        .text(&format::shape(&port.shape))
        .raw(" ")
        .element("span", "dim", &port.layout)
        .raw("</td>");
    html.element("td", "", &port.element);
    html.element("td", "n", &port.scale.map_or("–".to_owned(), |v| format!("{v}")));
    html.element("td", "n", &port.zero_point.map_or("–".to_owned(), |v| v.to_string()));
    html.element("td", "n", &format::grouped(port.bytes)).raw("</tr>\n");
}

fn snippet(manifest: &Manifest) -> String {
    let prefix = &manifest.prefix;
    let mut text = format!("#include \"{prefix}.h\"\n\n");
    for port in &manifest.inputs {
        text += &format!("memcpy({}, samples, {});\n", port.symbol, port.bytes);
    }
    text += &format!("if ({prefix}_invoke() == 0) {{\n");
    for port in &manifest.outputs {
        let count: usize = port.shape.iter().product();
        text += &format!("    /* {} holds {count} values */\n", port.symbol);
    }
    text + "}\n"
}

pub(super) fn unchecked(html: &mut Html, manifest: &Manifest) {
    for (id, heading, lead, lines) in [
        ("notices", "Decided on import", "", &manifest.notices),
        ("unchecked", "Not checked here", "What this machine could not confirm.", &manifest.unchecked),
    ] {
        if !lines.is_empty() {
            html.section(id, heading, lead).raw("<ul>\n");
            for line in lines {
                html.element("li", "", line).raw("\n");
            }
            html.raw("</ul>\n").close_section();
        }
    }
}

pub(super) fn origins(html: &mut Html, manifest: &Manifest) {
    if manifest.origin.is_empty() {
        return;
    }
    html.section("origins", "Where each figure comes from", "");
    html.raw("<div class=\"scroll\"><table>\n<thead><tr><th>Figure</th><th class=\"n\">Value</th><th>Origin</th></tr></thead>\n<tbody>\n");
    for (key, origin) in &manifest.origin {
        html.raw("<tr><td>").element("code", "", key).raw("</td>");
        html.element("td", "n", &value(manifest, key));
        html.raw("<td>")
            .element("span", &format!("origin {}", word(origin)), &manifest.provenance(key))
            .raw("</td></tr>\n");
    }
    html.raw("</tbody></table></div>\n").close_section();
}

fn value(manifest: &Manifest, key: &str) -> String {
    let m = manifest;
    let exact = match key {
        "arena_bytes" => m.arena_bytes,
        "static_bytes" => m.static_bytes,
        "stack_bytes" => m.stack_bytes,
        "code_bytes" => m.code_bytes,
        "const_bytes" => m.const_bytes,
        "instructions" => m.instructions,
        "cycles" => m.cycles,
        "mismatches" => m.mismatches,
        "compared" => m.compared,
        "macs" => Some(m.macs),
        "params" => Some(m.params),
        _ => None,
    };
    let value = exact.map_or("–".to_owned(), format::grouped);
    match m.interval.get(key).filter(|[low, high]| low < high) {
        Some([low, high]) => format!("{value} ({low:.0} to {high:.0})"),
        None => value,
    }
}
