//! A nest as a picture: memories as bands with their tiles, loops between them.

use super::{Nest, NestMemory};
use crate::format;
use crate::html::markup::{Html, share};

const WIDTH: f64 = 900.0;
const LINE: f64 = 20.0;
const INDENT: f64 = 16.0;
/// Where the bars of tiles begin, and how long a full one is.
const BAR: (f64, f64) = (300.0, 240.0);

pub(super) fn write(html: &mut Html, nest: &Nest, energy_unit: &str) {
    let rows: Vec<Row<'_>> = nest.text.lines().map(|line| Row::of(line, nest)).collect();
    let height: f64 = rows.iter().map(Row::height).sum::<f64>() + 8.0;
    html.raw("<div class=\"scroll\">");
    html.raw(&format!("<svg class=\"nest\" viewBox=\"0 0 {WIDTH:.0} {height:.0}\" style=\"min-width:620px\" role=\"img\" aria-label=\"loop nest\">\n"));
    let mut y = 4.0;
    for row in &rows {
        row.draw(html, y, energy_unit);
        y += row.height();
    }
    html.raw("</svg></div>\n");
}

/// A line of the nest.
enum Row<'a> {
    Loop { depth: usize, text: &'a str },
    Memory { depth: usize, memory: &'a NestMemory },
}

impl<'a> Row<'a> {
    fn of(line: &'a str, nest: &'a Nest) -> Self {
        let text = line.trim_start();
        let depth = (line.len() - text.len()) / 2;
        let name = text.strip_prefix('[').and_then(|rest| rest.split_once(':')).map(|(name, _)| name);
        let memory = name.and_then(|name| nest.memories.iter().find(|m| m.name == name));
        memory.map_or(Row::Loop { depth, text }, |memory| Row::Memory { depth, memory })
    }

    fn height(&self) -> f64 {
        match self {
            Row::Loop { .. } => LINE,
            Row::Memory { memory, .. } => LINE * (memory.tiles.len() as f64 + 1.0) + 12.0,
        }
    }

    fn draw(&self, html: &mut Html, y: f64, energy_unit: &str) {
        match self {
            Row::Loop { depth, text } => {
                let x = 10.0 + INDENT * *depth as f64;
                for level in 0..*depth {
                    let x = 13.0 + INDENT * level as f64;
                    let bottom = y + LINE;
                    html.raw(&format!(
                        "<line class=\"indent\" x1=\"{x}\" x2=\"{x}\" y1=\"{y:.1}\" y2=\"{bottom:.1}\"/>"
                    ));
                }
                let class = if text.starts_with("spread") { "loop spread" } else { "loop" };
                label(html, class, x, y + 14.0, text);
            }
            Row::Memory { depth, memory } => draw_memory(html, *depth, memory, y + 2.0, energy_unit),
        }
    }
}

fn draw_memory(html: &mut Html, depth: usize, memory: &NestMemory, y: f64, energy_unit: &str) {
    let x = 4.0 + INDENT * depth as f64;
    let (w, h) = (WIDTH - x - 4.0, LINE * (memory.tiles.len() as f64 + 1.0) + 6.0);
    html.raw(&format!(
        "<rect class=\"memory\" x=\"{x}\" y=\"{y:.1}\" width=\"{w:.1}\" height=\"{h:.1}\" rx=\"7\"/>"
    ));
    label(html, "title", x + 10.0, y + 16.0, &memory.name);
    let used: u64 = memory.tiles.iter().map(|t| t.words).sum();
    let room = memory.capacity.map_or("no limit".to_owned(), |capacity| {
        format!("{} of {} words", format::grouped(used), format::grouped(capacity))
    });
    let note = format!("{room}; {:.3e} {energy_unit}", memory.energy);
    label(html, "small", BAR.0, y + 16.0, &note);
    let whole = memory.capacity.unwrap_or(used).max(1);
    for (at, tile) in memory.tiles.iter().enumerate() {
        let y = y + LINE * (at as f64 + 1.0);
        label(html, "", x + 22.0, y + 14.0, &format!("{} {}", tile.tensor, format::grouped(tile.words)));
        let full = (share(tile.words, whole) / 100.0).min(1.0) * BAR.1;
        html.raw(&format!(
            "<rect class=\"room\" x=\"{}\" y=\"{:.1}\" width=\"{}\" height=\"8\" rx=\"3\"/>",
            BAR.0,
            y + 5.0,
            BAR.1
        ));
        // Nothing that is there is invisible.
        html.raw("<rect class=\"").text(&tile.tensor);
        html.raw(&format!(
            "\" x=\"{}\" y=\"{:.1}\" width=\"{:.1}\" height=\"8\" rx=\"3\"/>",
            BAR.0,
            y + 5.0,
            full.max(2.0)
        ));
        let reuse = format!("{:.2} accesses a word", tile.accesses_per_word);
        label(html, "small", BAR.0 + BAR.1 + 14.0, y + 14.0, &reuse);
    }
    html.raw("\n");
}

pub(super) fn label(html: &mut Html, class: &str, x: f64, y: f64, text: &str) {
    html.raw(&format!("<text class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\">")).text(text).raw("</text>\n");
}
