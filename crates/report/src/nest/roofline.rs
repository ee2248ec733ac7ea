//! The roofline: how much a layer does with a word of the backing store, and how fast.
//!
//! Williams, Waterman and Patterson, "Roofline: an insightful visual performance model", CACM 2009.

use super::picture::label;
use super::{Nest, Nests};
use crate::html::markup::Html;

const WIDTH: f64 = 860.0;
const HEIGHT: f64 = 380.0;
const LEFT: f64 = 70.0;
const RIGHT: f64 = 20.0;
const TOP: f64 = 16.0;
const BOTTOM: f64 = 46.0;

pub(super) fn write(html: &mut Html, nests: &Nests) {
    let points: Vec<(f64, f64, &Nest)> = nests.layers.iter().filter_map(point).collect();
    if points.is_empty() || nests.peak <= 0.0 {
        return;
    }
    let lead = format!(
        "Each dot is a layer: multiply-accumulates for each word through `{}`, and multiply-accumulates a cycle. \
         Under the slope the backing store binds, under the flat roof the array does; what lies well below both waits for something else.",
        nests.backing.0
    );
    html.section("roofline", "Roofline", &lead);
    let scale = Scale::of(nests, &points);
    html.raw("<div class=\"scroll\">");
    html.raw(&format!("<svg class=\"roof\" viewBox=\"0 0 {WIDTH:.0} {HEIGHT:.0}\" style=\"min-width:560px\" role=\"img\" aria-label=\"roofline\">\n"));
    scale.grid(html);
    scale.ceilings(html, nests);
    for (x, y, nest) in points {
        html.raw(&format!(
            "<circle class=\"point\" cx=\"{:.1}\" cy=\"{:.1}\" r=\"5\"><title>",
            scale.x(x),
            scale.y(y)
        ));
        html.text(&format!("{}: {x:.3} MACs a word, {y:.3} MACs a cycle", nest.name))
            .raw("</title></circle>\n");
    }
    html.raw("</svg></div>\n").close_section();
}

fn point(nest: &Nest) -> Option<(f64, f64, &Nest)> {
    let (macs, cycles) = (nest.macs as f64, nest.cycles as f64);
    (nest.backing_words > 0.0 && cycles > 0.0 && macs > 0.0)
        .then(|| (macs / nest.backing_words, macs / cycles, nest))
}

/// Both axes by powers of ten.
struct Scale {
    x: [f64; 2],
    y: [f64; 2],
}

impl Scale {
    fn of(nests: &Nests, points: &[(f64, f64, &Nest)]) -> Self {
        // The roof's corner is in the picture.
        let corner = nests.backing.1.map(|words| nests.peak / words);
        let xs = points.iter().map(|p| p.0).chain(corner);
        let ys = points.iter().map(|p| p.1).chain([nests.peak]);
        Self { x: decades(xs), y: decades(ys) }
    }

    fn x(&self, value: f64) -> f64 {
        LEFT + (value.log10() - self.x[0]) / (self.x[1] - self.x[0]) * (WIDTH - LEFT - RIGHT)
    }

    fn y(&self, value: f64) -> f64 {
        HEIGHT - BOTTOM - (value.log10() - self.y[0]) / (self.y[1] - self.y[0]) * (HEIGHT - TOP - BOTTOM)
    }

    fn grid(&self, html: &mut Html) {
        let (left, right) = (LEFT, WIDTH - RIGHT);
        let (top, bottom) = (TOP, HEIGHT - BOTTOM);
        let mut power = self.x[0];
        while power <= self.x[1] {
            let x = self.x(10f64.powf(power));
            html.raw(&format!(
                "<line class=\"grid\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{top}\" y2=\"{bottom}\"/>"
            ));
            label(html, "small", x - 10.0, bottom + 16.0, &decade(power));
            power += 1.0;
        }
        let mut power = self.y[0];
        while power <= self.y[1] {
            let y = self.y(10f64.powf(power));
            html.raw(&format!(
                "<line class=\"grid\" x1=\"{left}\" x2=\"{right}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>"
            ));
            label(html, "small", 8.0, y + 4.0, &decade(power));
            power += 1.0;
        }
        label(
            html,
            "small",
            left,
            HEIGHT - 8.0,
            "MACs for each word of backing store; upwards: MACs a cycle",
        );
    }

    fn ceilings(&self, html: &mut Html, nests: &Nests) {
        let most = 10f64.powf(self.x[1]);
        let roof = self.y(nests.peak);
        let corner = nests.backing.1.map_or(10f64.powf(self.x[0]), |words| nests.peak / words);
        let mut path = format!("M{:.1} {roof:.1} L{:.1} {roof:.1}", self.x(most), self.x(corner));
        if let Some(words) = nests.backing.1 {
            // Down the slope to whichever side of the picture comes first.
            let low = 10f64.powf(self.x[0]).max(10f64.powf(self.y[0]) / words);
            path += &format!(" L{:.1} {:.1}", self.x(low), self.y(low * words));
            let name = format!("{}: {words} words a cycle", nests.backing.0);
            label(html, "small", self.x(low) + 12.0, self.y(low * words) - 4.0, &name);
        }
        html.raw(&format!("<path class=\"ceiling\" d=\"{path}\"/>"));
        let name = format!("array: {} MACs a cycle", nests.peak);
        label(html, "small", self.x(most) - 150.0, roof - 6.0, &name);
    }
}

fn decades(values: impl Iterator<Item = f64>) -> [f64; 2] {
    let (low, high) = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(v), h.max(v)));
    let (low, high) = (low.log10().floor(), high.log10().ceil());
    [low, if high > low { high } else { low + 1.0 }]
}

fn decade(power: f64) -> String {
    if (-3.0..=5.0).contains(&power) { format!("{}", 10f64.powf(power)) } else { format!("1e{power}") }
}
