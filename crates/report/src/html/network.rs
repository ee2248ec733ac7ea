//! The network as a list, with a rail at its side that shows which op reads which.

use super::markup::Html;
use crate::{Manifest, format};
use std::collections::HashMap;

/// Height of a row, in CSS pixels; the rail is drawn to it.
const ROW: usize = 34;
/// Distance of lanes on the rail.
const LANE: usize = 14;

/// Which row reads which: an edge of the rail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Edge {
    from: usize,
    to: usize,
    lane: usize,
}

pub(super) fn write(html: &mut Html, manifest: &Manifest) {
    if manifest.layers.is_empty() {
        return;
    }
    html.section("network", "The network as compiled", "");
    let edges = edges(manifest);
    let rows = manifest.inputs.len() + manifest.layers.len();
    html.raw("<div class=\"scroll\"><div class=\"net\">");
    rail(html, &edges, rows, manifest.inputs.len());
    html.raw("<ol>\n");
    for port in &manifest.inputs {
        item(html, "input", &port.name, "", &port.shape, "", true);
    }
    for layer in &manifest.layers {
        item(html, &layer.op, &layer.name, &layer.detail, &layer.shape, &layer.kernel, false);
    }
    html.raw("</ol></div></div>\n").close_section();
}

fn item(html: &mut Html, op: &str, name: &str, detail: &str, shape: &[usize], kernel: &str, input: bool) {
    html.raw(&format!("<li style=\"height:{ROW}px\">"));
    html.element("b", if input { "pill in" } else { "pill" }, op);
    html.element("span", "shape", &format::shape(shape)).element("span", "dim", detail);
    let beside = if kernel.is_empty() { name.to_owned() } else { format!("{kernel}()") };
    html.raw("<code title=\"").text(name).raw("\">").text(&beside).raw("</code></li>\n");
}

/// Edges between rows; one that skips rows gets a lane where nothing else passes.
fn edges(manifest: &Manifest) -> Vec<Edge> {
    let names = manifest.inputs.iter().map(|port| &port.name).chain(manifest.layers.iter().map(|l| &l.name));
    let row_of: HashMap<&String, usize> = names.enumerate().map(|(row, name)| (name, row)).collect();
    let mut edges = Vec::new();
    for (index, layer) in manifest.layers.iter().enumerate() {
        let to = manifest.inputs.len() + index;
        let sources = layer.inputs.iter().filter_map(|name| row_of.get(name)).filter(|row| **row < to);
        edges.extend(sources.map(|row| Edge { from: *row, to, lane: 0 }));
    }
    // Short detours take the inner lanes, so that long ones run around them.
    edges.sort_by_key(|edge| (edge.to - edge.from, edge.from));
    edges.dedup();
    for index in 0..edges.len() {
        let edge = edges[index];
        if edge.to - edge.from > 1 {
            let meets = |other: &&Edge| other.lane > 0 && other.from < edge.to && edge.from < other.to;
            let taken: Vec<usize> = edges[..index].iter().filter(meets).map(|other| other.lane).collect();
            edges[index].lane = (1..).find(|lane| !taken.contains(lane)).expect("lanes are not bounded");
        }
    }
    edges
}

fn rail(html: &mut Html, edges: &[Edge], rows: usize, inputs: usize) {
    let lanes = edges.iter().map(|edge| edge.lane).max().unwrap_or(0);
    let (width, height) = (LANE * lanes + 20, ROW * rows);
    let spine = width - 10;
    let y = |row: usize| row * ROW + ROW / 2;
    html.raw(&format!(
        "<svg width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" aria-hidden=\"true\">"
    ));
    for edge in edges {
        let (from, to) = (y(edge.from), y(edge.to));
        let path = if edge.lane == 0 {
            format!("M{spine} {from}V{to}")
        } else {
            let x = spine - LANE * edge.lane;
            format!(
                "M{spine} {from}C{x} {from} {x} {} {x} {}V{}C{x} {} {x} {to} {spine} {to}",
                from + 8,
                from + 20,
                to - 20,
                to - 8
            )
        };
        html.raw(&format!(
            "<path class=\"{}\" d=\"{path}\"/>",
            if edge.lane == 0 { "wire" } else { "wire skip" }
        ));
    }
    for row in 0..rows {
        let class = if row < inputs { "knot in" } else { "knot" };
        html.raw(&format!("<circle class=\"{class}\" cx=\"{spine}\" cy=\"{}\" r=\"4\"/>", y(row)));
    }
    html.raw("</svg>");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Layer, Port};

    #[test]
    fn edges_that_skip_rows_do_not_share_a_lane_while_they_run_together() {
        let layer = |name: &str, inputs: &[&str]| Layer {
            name: name.to_owned(),
            inputs: inputs.iter().map(|s| (*s).to_owned()).collect(),
            ..Layer::default()
        };
        let manifest = Manifest {
            inputs: vec![Port { name: "x".to_owned(), ..Port::default() }],
            layers: vec![
                layer("a", &["x"]),
                layer("b", &["a"]),
                layer("c", &["b", "a"]),
                layer("d", &["c", "x"]),
            ],
            ..Manifest::default()
        };
        let found = edges(&manifest);
        let lanes: Vec<_> = found.iter().filter(|e| e.lane > 0).map(|e| (e.from, e.to, e.lane)).collect();
        assert_eq!(lanes, [(1, 3, 1), (0, 4, 2)]);
    }
}
