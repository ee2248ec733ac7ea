//! Depthwise convolution, one channel at a time, through a padded plane of that channel in scratch memory.
//!
//! The plane holds the whole channel before its first output is stored, so the output may lie exactly where the input lies: channel by
//! channel it overwrites what has been read. Padding is filled once and stays.

use hw::memory::{Access, Walk};

use super::code::Code;
use super::fit::{FittedLayer, accumulator_ranges, fit_layer};
use super::portable::Builder;
use super::spec::{Conv2dSpec, Element, IntegerLinear, Linear};
use super::{Data, Helper, Kernel};

/// Extents of the plane, in numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Plane {
    /// From one row to the next.
    pub(crate) row: usize,
    /// Rows.
    pub(crate) rows: usize,
    /// Image rows and columns that the windows see.
    pub(crate) seen: [usize; 2],
}

/// What a core does its own way.
pub(crate) trait PlaneCore {
    /// C type of a number in the plane.
    fn element(&self) -> Element;
    /// Plane columns the core reads for `output` outputs of a row, beyond the plain need; a multiple to round to.
    fn columns(&self, s: &Conv2dSpec) -> usize;
    /// Whether the core has a kernel for this shape.
    fn supports(&self, s: &Conv2dSpec) -> bool;
    /// All outputs of channel `c`: reads `scratch`, `w` (the channel's taps) and `p` (its parameters), stores through `at`.
    fn channel(&self, c: &mut Code, s: &Conv2dSpec, plane: &Plane, fit: &FittedLayer);
    /// What the accumulator starts from, given the folded bias.
    fn start(&self, bias: i32, fit: &FittedLayer) -> i32;
    /// Fills `count` numbers.
    fn fill(&self, c: &mut Code, zero_point: i32, count: usize);
    /// Shifts before the high multiply that the core can do, the cheapest first.
    fn pre_shifts(&self) -> &'static [u32];
    /// Helpers that the emitted text may call.
    fn helpers(&self) -> &'static [Helper];
}

/// The kernel of a depthwise convolution on a core; `None` where only portable loops will do.
pub(crate) fn kernel(s: &Conv2dSpec, core: &dyn PlaneCore) -> Option<Kernel> {
    let Linear::Integer(l) = &s.linear else { return None };
    let bytes = l.x == Element::I8 && l.y == Element::I8 && l.w == Element::I8;
    let plain = s.is_depthwise() && s.output.c == s.input.c && s.input.n == 1 && s.residual.is_none();
    if !bytes || !plain || l.w_zero_points.iter().any(|&z| z != 0) || s.window.dilation != [1, 1] {
        return None;
    }
    if !core.supports(s) {
        return None;
    }
    let taps = s.window.kernel[0] * s.window.kernel[1];
    let fit = fit_layer(&l.requantize, &accumulator_ranges(l, taps), core.pre_shifts())?;
    let plane = Plane::of(s, core);
    let element = core.element();
    let mut b = Builder::new();
    b.input(0, Element::I8, "x").output(Element::I8);
    let scratch = (plane.rows * plane.row * element.bytes()).next_multiple_of(8);
    b.scratch(element.c_type(), scratch);
    b.constant("weights", Data::I8(l.weights.iter().map(|&w| w as i8).collect()));
    b.constant("params", Data::I32(params(l, taps, &fit, core)));
    for &helper in core.helpers() {
        b.helper(helper);
    }
    let body = body(s, core, &plane, &fit, l.x_zero_point);
    b.walks.push(Walk::single(0, 0, Access::SameOffset));
    let (k, y) = (s.window.kernel, s.output);
    let stem = format!("depthwise_{}x{}_{}x{}x{}", k[0], k[1], y.h, y.w, y.c);
    let mut kernel = b.finish(stem, super::portable::conv2d::summary(s), body, s.macs());
    kernel.function.apart = true;
    Some(kernel)
}

impl Plane {
    fn of(s: &Conv2dSpec, core: &dyn PlaneCore) -> Plane {
        let rows = (s.output.h - 1) * s.window.stride[0] + s.window.kernel[0];
        let columns = (s.output.w - 1) * s.window.stride[1] + s.window.kernel[1];
        let seen = |extent: usize, pad: usize, needed: usize| extent.min(needed.saturating_sub(pad));
        Plane {
            row: core.columns(s),
            rows,
            seen: [seen(s.input.h, s.window.pad[0], rows), seen(s.input.w, s.window.pad[1], columns)],
        }
    }

    /// The plane's first number inside the image.
    fn first(&self, s: &Conv2dSpec) -> usize {
        s.window.pad[0] * self.row + s.window.pad[1]
    }
}

fn params(l: &IntegerLinear, taps: usize, fit: &FittedLayer, core: &dyn PlaneCore) -> Vec<i32> {
    let mut words = Vec::new();
    for (o, channel) in fit.channels.iter().enumerate() {
        let sum: i64 = l.weights[o * taps..(o + 1) * taps].iter().map(|&w| i64::from(w)).sum();
        let bias = (l.bias[o] - sum * i64::from(l.x_zero_point) - i64::from(channel.base)) as i32;
        words.extend([core.start(bias, fit), channel.multiplier, channel.offset]);
        if fit.is_signed() {
            words.push(channel.negative);
        }
    }
    words
}

fn body(s: &Conv2dSpec, core: &dyn PlaneCore, plane: &Plane, fit: &FittedLayer, zero_point: i32) -> String {
    let (channels, taps) = (s.input.c, s.window.kernel[0] * s.window.kernel[1]);
    let words = if fit.is_signed() { 4 } else { 3 };
    let t = core.element().c_type();
    let mut c = Code::new();
    core.fill(&mut c, zero_point, plane.rows * plane.row);
    c.line("const int8_t *w = weights;\nconst int32_t *p = params;");
    c.open(format!("for (int32_t c = 0; c < {channels}; c++, w += {taps}, p += {words})"));
    c.line("const int8_t *from = x + c;");
    c.line(format!("{t} *to = scratch + {};", plane.first(s)));
    gather(&mut c, s, plane);
    c.line("int8_t *at = y + c;");
    core.channel(&mut c, s, plane, fit);
    c.close();
    c.finish()
}

/// The channel's bytes into the plane, some columns at a time.
fn gather(c: &mut Code, s: &Conv2dSpec, plane: &Plane) {
    let channels = s.input.c;
    let [rows, columns] = plane.seen;
    let run = if columns <= 12 { columns } else { (4..=8).rev().find(|r| columns % r == 0).unwrap_or(8) };
    let copy = |c: &mut Code, count: usize| {
        for i in 0..count {
            c.line(format!("to[{i}] = from[{}];", i * channels));
        }
    };
    c.count("r", rows);
    let (runs, rest) = (columns / run, columns % run);
    if runs > 1 {
        c.open(format!("for (int32_t i = 0; i < {runs}; i++, to += {run}, from += {})", run * channels));
        copy(c, run);
        c.close();
    } else {
        copy(c, run);
        c.line(format!("to += {run};")).line(format!("from += {};", run * channels));
    }
    copy(c, rest);
    c.line(format!("to += {};", plane.row - runs * run));
    c.line(format!("from += {};", (s.input.w - runs * run) * channels));
    c.close();
}
