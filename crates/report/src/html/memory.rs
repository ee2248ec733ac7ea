//! The picture of the arena: which buffer lies where, step by step.

use super::markup::Html;
use crate::{Buffer, Manifest, format};

/// Height of the picture's plot area, in its own units.
const HEIGHT: f64 = 300.0;
const LEFT: f64 = 62.0;
const TOP: f64 = 14.0;
const BOTTOM: f64 = 34.0;

pub(super) fn write(html: &mut Html, manifest: &Manifest) {
    let memory = &manifest.memory;
    let Some(arena) = manifest.arena_bytes.filter(|n| *n > 0 && !memory.buffers.is_empty()) else { return };
    html.section("memory", "Where everything lies", &lead(manifest, arena));
    let last = memory.buffers.iter().map(|b| b.to).max().unwrap_or(1).max(1);
    // Outputs outlive the last op: the caller reads them.
    let last = if manifest.layers.is_empty() { last } else { last.min(manifest.layers.len()) };
    let picture = Picture::new(arena, last);
    html.raw("<div class=\"scroll\">").raw(&picture.open());
    picture.axes(html);
    if let Some(peak) = memory.peak_layer {
        picture.peak(html, peak);
    }
    // What lies over something larger is drawn over it.
    let mut buffers: Vec<&Buffer> = memory.buffers.iter().collect();
    buffers.sort_by_key(|b| std::cmp::Reverse(b.bytes));
    for buffer in &buffers {
        picture.block(html, buffer, manifest);
    }
    for buffer in &buffers {
        picture.label(html, buffer, manifest);
    }
    html.raw("</svg></div>\n<p class=\"legend\">");
    for (kind, words) in [
        ("input", "input"),
        ("activation", "activation"),
        ("output", "output"),
        ("scratch", "scratch of a kernel"),
    ] {
        if memory.buffers.iter().any(|b| b.kind == kind) {
            html.raw(&format!("<span><i class=\"k-{kind}\"></i>{words}</span>"));
        }
    }
    html.raw("</p>\n");
    peak_list(html, manifest);
    html.close_section();
}

fn lead(manifest: &Manifest, arena: u64) -> String {
    let memory = &manifest.memory;
    let quality = if memory.proven {
        "proven: no smaller placement of these buffers exists".to_owned()
    } else {
        let gap = arena.saturating_sub(memory.lower_bound);
        format!("not proven smallest; at most {} bytes could still be saved", format::grouped(gap))
    };
    let together = |a: &Buffer, b: &Buffer| a.from < b.to && b.from < a.to && shares_bytes(a, b);
    let buffers = &memory.buffers;
    let in_place = buffers.iter().enumerate().any(|(i, a)| buffers[i + 1..].iter().any(|b| together(a, b)));
    let over = if in_place {
        " Blocks that overlap share bytes: the kernel writes where it has read before."
    } else {
        ""
    };
    format!(
        "The arena over time: each block is a buffer, from the op that writes it to the last that reads it. {} bytes; {quality}.{over}",
        format::grouped(arena)
    )
}

/// Scales of the drawing.
struct Picture {
    arena: u64,
    steps: usize,
    step: f64,
    width: f64,
}

#[allow(clippy::cast_precision_loss, reason = "places on a screen")]
impl Picture {
    fn new(arena: u64, steps: usize) -> Self {
        let step = (900.0 / steps as f64).clamp(16.0, 90.0);
        Self { arena, steps, step, width: LEFT + step * steps as f64 + 8.0 }
    }

    fn open(&self) -> String {
        let (w, h) = (self.width, TOP + HEIGHT + BOTTOM);
        // Narrow screens scroll the picture sideways rather than shrink its words.
        let least = w.min(620.0);
        format!(
            "<svg class=\"memory\" viewBox=\"0 0 {w:.0} {h:.0}\" style=\"min-width:{least:.0}px;max-width:{:.0}px\" role=\"img\" aria-label=\"arena over time\">\n",
            w * 1.15
        )
    }

    fn x(&self, step: usize) -> f64 {
        LEFT + self.step * step as f64
    }

    /// Address 0 is at the bottom.
    fn y(&self, byte: u64) -> f64 {
        TOP + HEIGHT * (1.0 - byte as f64 / self.arena as f64)
    }

    fn axes(&self, html: &mut Html) {
        for tick in ticks(self.arena) {
            let y = self.y(tick);
            let (x2, label) = (
                self.width - 8.0,
                if tick == self.arena { format::grouped(tick) } else { format::bytes_text(tick) },
            );
            html.raw(&format!(
                "<line class=\"grid\" x1=\"{LEFT}\" x2=\"{x2:.1}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>"
            ));
            html.raw(&format!(
                "<text class=\"tick\" x=\"{:.0}\" y=\"{:.1}\" text-anchor=\"end\">{label}</text>\n",
                LEFT - 8.0,
                y + 3.5
            ));
        }
        let every = (30.0 / self.step).ceil().max(1.0) as usize;
        for step in (0..self.steps).step_by(every) {
            let x = self.x(step) + self.step / 2.0;
            let y = TOP + HEIGHT + 16.0;
            html.raw(&format!(
                "<text class=\"tick\" x=\"{x:.1}\" y=\"{y:.0}\" text-anchor=\"middle\">{}</text>",
                step + 1
            ));
        }
        let (x, y) = (self.width - 8.0, TOP + HEIGHT + 30.0);
        html.raw(&format!("<text class=\"tick\" x=\"{x:.0}\" y=\"{y:.0}\" text-anchor=\"end\">op, in order of execution</text>\n"));
    }

    fn peak(&self, html: &mut Html, step: usize) {
        let (x, w, y, h) = (self.x(step), self.step, TOP - 6.0, HEIGHT + 6.0);
        html.raw(&format!(
            "<rect class=\"peak\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{w:.1}\" height=\"{h:.1}\"/>\n"
        ));
    }

    /// Left, top, width and height of a block.
    fn place(&self, buffer: &Buffer) -> [f64; 4] {
        let (x, y) = (self.x(buffer.from) + 1.0, self.y(buffer.offset + buffer.bytes));
        let w = self.x(buffer.to.max(buffer.from + 1).min(self.steps)) - x - 1.0;
        [x, y, w, (self.y(buffer.offset) - y).max(1.5)]
    }

    fn block(&self, html: &mut Html, buffer: &Buffer, manifest: &Manifest) {
        let [x, y, w, h] = self.place(buffer);
        let live_at_peak = manifest.memory.peak_layer.is_some_and(|p| buffer.from <= p && p < buffer.to);
        let class = if live_at_peak { " at-peak" } else { "" };
        html.raw(&format!(
            "<g><rect class=\"block k-{}{class}\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{w:.1}\" height=\"{h:.1}\" rx=\"2.5\"/>",
            kind(buffer)
        ));
        html.raw("<title>").text(&title(buffer)).raw("</title></g>\n");
    }

    fn label(&self, html: &mut Html, buffer: &Buffer, manifest: &Manifest) {
        let [x, y, w, h] = self.place(buffer);
        // A buffer that takes over some of these bytes hides what is written behind its first step.
        let covers = |other: &&Buffer| other.from > buffer.from && shares_bytes(other, buffer);
        let hidden = manifest.memory.buffers.iter().filter(covers).map(|other| other.from).min();
        let free = hidden.map_or(w, |step| w.min(self.x(step) - x));
        // 5.6 units is the mean width of a character at this size.
        let fits = ((free - 8.0) / 5.6) as usize;
        if h < 12.0 || fits < 6 {
            return;
        }
        let writer = manifest.layers.get(buffer.from).map(|layer| layer.name.as_str());
        let name = match (kind(buffer), writer) {
            ("input", _) | (_, None) => buffer.name.as_str(),
            ("scratch", _) => "scratch",
            (_, Some(writer)) => writer,
        };
        let (tx, ty) = (x + free / 2.0, y + h / 2.0 + 3.2);
        html.raw(&format!("<text class=\"name\" x=\"{tx:.1}\" y=\"{ty:.1}\" text-anchor=\"middle\">"));
        html.text(&shortened(name, fits)).raw("</text>\n");
    }
}

/// Whether two buffers are over the same bytes, at whatever time.
fn shares_bytes(a: &Buffer, b: &Buffer) -> bool {
    a.offset < b.offset + b.bytes && b.offset < a.offset + a.bytes
}

fn kind(buffer: &Buffer) -> &'static str {
    let known = ["input", "output", "scratch"];
    known.into_iter().find(|kind| buffer.kind == *kind).unwrap_or("activation")
}

fn title(buffer: &Buffer) -> String {
    let end = buffer.offset + buffer.bytes;
    let (bytes, from, to) = (format::grouped(buffer.bytes), buffer.from + 1, buffer.to.max(buffer.from + 1));
    format!(
        "{} ({}): {bytes} bytes at {}..{end}, live in ops {from} to {to}",
        buffer.name,
        kind(buffer),
        buffer.offset
    )
}

/// The end of a name says more than its beginning: paths come first.
fn shortened(name: &str, fits: usize) -> String {
    let length = name.chars().count();
    if length <= fits {
        return name.to_owned();
    }
    std::iter::once('…').chain(name.chars().skip(length - (fits - 1))).collect()
}

/// About five round addresses, and the arena's end.
fn ticks(arena: u64) -> Vec<u64> {
    let mut step = 16u64;
    while arena / step > 6 {
        step *= 2;
    }
    let mut ticks: Vec<u64> = (0..arena).step_by(usize::try_from(step).unwrap_or(usize::MAX)).collect();
    // A round address close to the end would print over it.
    if ticks.last().is_some_and(|last| arena - last < step / 3) && ticks.len() > 1 {
        ticks.pop();
    }
    ticks.push(arena);
    ticks
}

fn peak_list(html: &mut Html, manifest: &Manifest) {
    let Some(peak) = manifest.memory.peak_layer else { return };
    let Some(layer) = manifest.layers.get(peak) else { return };
    let mut live: Vec<&Buffer> =
        manifest.memory.buffers.iter().filter(|b| b.from <= peak && peak < b.to.max(b.from + 1)).collect();
    live.sort_by_key(|b| (std::cmp::Reverse(b.bytes), b.offset));
    html.raw("<p class=\"sets\">The size is set by op ").text(&(peak + 1).to_string()).raw(", ");
    html.element("b", "", &layer.op).raw(" ").element("code", "", &layer.name).raw(", during which ");
    for (index, buffer) in live.iter().enumerate() {
        let joint = match index {
            0 => "",
            i if i + 1 == live.len() => " and ",
            _ => ", ",
        };
        html.raw(joint).element("code", "", &buffer.name);
        html.text(&format!(" ({} bytes)", format::grouped(buffer.bytes)));
    }
    html.raw(if live.len() == 1 { " is live.</p>\n" } else { " are live.</p>\n" });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_on_the_axis_are_round_and_end_with_the_arena() {
        assert_eq!(ticks(16_000), [0, 4096, 8192, 12_288, 16_000]);
        assert_eq!(ticks(8), [0, 8]);
        assert_eq!(ticks(1), [0, 1]);
        assert!(ticks(u64::from(u32::MAX)).len() < 10);
    }

    #[test]
    fn a_long_name_keeps_its_end() {
        assert_eq!(shortened("model/block_1/conv", 6), "…/conv");
        assert_eq!(shortened("conv", 6), "conv");
    }
}
