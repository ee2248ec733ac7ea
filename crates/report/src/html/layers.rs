//! The table of ops: where instructions, multiplications and bytes go.

use super::markup::{Html, share};
use crate::{Layer, Manifest, format};

pub(super) fn write(html: &mut Html, manifest: &Manifest) {
    if manifest.layers.is_empty() {
        return;
    }
    let counted = manifest.layers.iter().filter(|layer| layer.instructions.is_some()).count();
    let lead = if counted == manifest.layers.len() {
        "Executed instructions of one inference, counted op by op; the bars are shares of the largest."
    } else if counted > 0 {
        "Executed instructions where they were counted, modelled ones elsewhere; the bars are shares of the largest."
    } else {
        "Instructions as the target models them, not counted; the bars are shares of the largest."
    };
    html.section("ops", "Where the work goes", lead);
    html.raw("<div class=\"scroll\"><table class=\"ops\">\n<thead><tr><th>#</th><th>Op</th>");
    html.raw("<th class=\"n\">Instructions</th><th class=\"n\">MACs</th><th class=\"n\">Instr/MAC</th>");
    html.raw("<th class=\"n\">Constants</th><th class=\"n\">Arena in use</th></tr></thead>\n<tbody>\n");
    let most = Most::of(&manifest.layers);
    for (index, layer) in manifest.layers.iter().enumerate() {
        row(html, index, layer, &most, manifest.memory.peak_layer == Some(index));
    }
    html.raw("</tbody>\n");
    total(html, manifest);
    html.raw("</table></div>\n").close_section();
}

/// The largest figure of each column.
struct Most {
    instructions: u64,
    macs: u64,
    constants: u64,
    live: u64,
}

impl Most {
    fn of(layers: &[Layer]) -> Self {
        let most = |figure: fn(&Layer) -> u64| layers.iter().map(figure).max().unwrap_or(0);
        Self {
            instructions: most(instructions),
            macs: most(|layer| layer.macs),
            constants: most(|layer| layer.const_bytes),
            live: most(|layer| layer.live_bytes),
        }
    }
}

fn instructions(layer: &Layer) -> u64 {
    Manifest::layer_instructions(layer).map_or(0, |(n, _)| n)
}

fn row(html: &mut Html, index: usize, layer: &Layer, most: &Most, peak: bool) {
    html.raw(if peak { "<tr class=\"peak\">" } else { "<tr>" });
    html.element("td", "no", &(index + 1).to_string());
    html.raw("<td class=\"op\">").element("b", "", &layer.op);
    if !layer.detail.is_empty() {
        html.raw(" ").element("span", "dim", &layer.detail);
    }
    html.element("small", "", &layer.name).raw("</td>");
    let known = Manifest::layer_instructions(layer);
    let count = known.map_or("–".to_owned(), |(n, measured)| {
        format!("{}{}", if measured { "" } else { "≈ " }, format::grouped(n))
    });
    bar(html, &count, instructions(layer), most.instructions, "c0");
    bar(html, &zero_as_dash(layer.macs), layer.macs, most.macs, "c1");
    let ratio = known.filter(|_| layer.macs > 0).map(|(n, _)| format::ratio(n, layer.macs));
    html.element("td", "n", &ratio.unwrap_or_else(|| "–".to_owned()));
    bar(html, &zero_as_dash(layer.const_bytes), layer.const_bytes, most.constants, "c2");
    bar(html, &zero_as_dash(layer.live_bytes), layer.live_bytes, most.live, "c3");
    html.raw("</tr>\n");
}

fn zero_as_dash(value: u64) -> String {
    if value == 0 { "–".to_owned() } else { format::grouped(value) }
}

fn bar(html: &mut Html, figure: &str, value: u64, most: u64, class: &str) {
    html.raw("<td class=\"n bar\">").element("span", "", figure);
    if value > 0 {
        html.raw(&format!("<i class=\"{class}\" style=\"width:{}%\"></i>", share(value, most)));
    }
    html.raw("</td>");
}

fn total(html: &mut Html, manifest: &Manifest) {
    let sum = |figure: fn(&Layer) -> u64| manifest.layers.iter().map(figure).sum::<u64>();
    let (counted, macs) = (sum(instructions), sum(|layer| layer.macs));
    // Calls and set-up between the ops belong to the whole and to no op.
    let whole = manifest.instructions.unwrap_or(counted);
    html.raw("<tfoot><tr><td></td><td>total</td>");
    html.element("td", "n", &zero_as_dash(whole)).element("td", "n", &zero_as_dash(macs));
    html.element("td", "n", &if whole > 0 { format::ratio(whole, macs) } else { "–".to_owned() });
    html.element("td", "n", &zero_as_dash(sum(|layer| layer.const_bytes)));
    let peak = manifest.arena_bytes.map_or("–".to_owned(), format::grouped);
    html.raw("<td class=\"n\">").element("span", "dim", "peak ").text(&peak).raw("</td></tr></tfoot>\n");
}
