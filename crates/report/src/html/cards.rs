//! The cards at the top: what one inference costs.

use super::markup::{Html, share};
use crate::{Manifest, format};

/// One card.
struct Card<'m> {
    label: &'static str,
    value: Option<(String, &'static str)>,
    detail: String,
    origin: &'m str,
    /// Parts of a bar with their names, largest whole first.
    parts: Vec<(&'static str, u64)>,
}

pub(super) fn write(html: &mut Html, manifest: &Manifest) {
    html.raw("<section class=\"cards\">\n");
    for card in cards(manifest) {
        html.raw("<article class=\"card\">");
        html.element("h3", "", card.label);
        let (number, unit) = card.value.unwrap_or_else(|| ("–".to_owned(), ""));
        html.raw("<p class=\"figure\">").text(&number).element("small", "", unit).raw("</p>");
        bar(html, &card.parts);
        html.element("p", "detail", &card.detail);
        html.element("p", &format!("origin {}", word(card.origin)), card.origin);
        html.raw("</article>\n");
    }
    html.raw("</section>\n");
}

fn cards(manifest: &Manifest) -> Vec<Card<'_>> {
    let m = manifest;
    let instructions = match (m.instructions, m.modelled_total()) {
        (Some(n), _) => Some((n, m.origin_of("instructions"))),
        (None, Some(n)) => Some((n, "modelled")),
        (None, None) => None,
    };
    let per_mac =
        instructions.map_or(String::new(), |(n, _)| format!("{} per MAC", format::ratio(n, m.macs)));
    let mut cards = vec![
        Card {
            label: "Instructions",
            value: instructions.map(|(n, _)| format::short(n)),
            detail: per_mac,
            origin: instructions.map_or("unknown", |(_, origin)| origin),
            parts: Vec::new(),
        },
        Card {
            label: "Work",
            value: Some(macs(m.macs)),
            detail: format!("{} ops, {} parameters", m.layers.len(), format::grouped(m.params)),
            origin: "modelled",
            parts: Vec::new(),
        },
        flash(m),
        sram(m),
    ];
    if let Some(stack) = m.stack_bytes {
        cards.push(Card {
            label: "Stack",
            value: Some(format::bytes(stack)),
            detail: "deepest use in one inference".to_owned(),
            origin: m.origin_of("stack_bytes"),
            parts: Vec::new(),
        });
    }
    if let Some(cycles) = m.cycles {
        cards.push(Card {
            label: "Cycles",
            value: Some(format::short(cycles)),
            detail: String::new(),
            origin: m.origin_of("cycles"),
            parts: Vec::new(),
        });
    }
    cards
}

fn macs(count: u64) -> (String, &'static str) {
    let (number, prefix) = format::short(count);
    let unit = match prefix {
        "G" => "GMAC",
        "M" => "MMAC",
        "k" => "kMAC",
        _ => "MAC",
    };
    (number, unit)
}

fn flash(m: &Manifest) -> Card<'_> {
    let parts: Vec<_> = [("code", m.code_bytes), ("constants", m.const_bytes)]
        .into_iter()
        .filter_map(|(name, bytes)| Some((name, bytes?)))
        .filter(|(_, bytes)| *bytes > 0)
        .collect();
    let origin = m.origin_of(if m.code_bytes.is_some() { "code_bytes" } else { "const_bytes" });
    let total = parts.iter().map(|(_, bytes)| bytes).sum();
    let value = (!parts.is_empty()).then(|| format::bytes(total));
    Card { label: "Flash", value, detail: listed(&parts), origin, parts }
}

fn sram(m: &Manifest) -> Card<'_> {
    let parts: Vec<_> = [("arena", m.arena_bytes), ("static", m.static_bytes)]
        .into_iter()
        .filter_map(|(name, bytes)| Some((name, bytes?)))
        .filter(|(_, bytes)| *bytes > 0)
        .collect();
    let value = m.sram_bytes().map(format::bytes);
    Card { label: "SRAM", value, detail: listed(&parts), origin: m.origin_of("arena_bytes"), parts }
}

fn listed(parts: &[(&str, u64)]) -> String {
    let part = |(name, bytes): &(&str, u64)| format!("{name} {}", format::grouped(*bytes));
    match parts {
        [] => String::new(),
        parts => parts.iter().map(part).collect::<Vec<_>>().join(" + ") + " B",
    }
}

fn bar(html: &mut Html, parts: &[(&str, u64)]) {
    let whole: u64 = parts.iter().map(|(_, n)| n).sum();
    if parts.len() < 2 || whole == 0 {
        html.raw("<div class=\"split none\"></div>");
        return;
    }
    html.raw("<div class=\"split\">");
    for (index, (name, bytes)) in parts.iter().enumerate() {
        let (width, title) = (share(*bytes, whole), format!("{name}: {bytes} B"));
        html.raw(&format!("<i class=\"c{index}\" style=\"width:{width}%\" title=\"{title}\"></i>"));
    }
    html.raw("</div>");
}

/// The first word of an origin, as a class: `measured`, `modelled`, `predicted`, or `unknown`.
pub(super) fn word(origin: &str) -> &'static str {
    let known = ["measured", "modelled", "predicted"];
    known.into_iter().find(|word| origin.starts_with(word)).unwrap_or("unknown")
}

impl Manifest {
    /// The sum of the modelled instructions, where every layer has some.
    fn modelled_total(&self) -> Option<u64> {
        let all = self.layers.iter().map(|layer| layer.modelled_instructions);
        let sum: Option<u64> = all.sum();
        sum.filter(|_| !self.layers.is_empty())
    }
}
