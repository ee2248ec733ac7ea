//! Depthwise convolution, one channel at a time, through a padded plane of that channel in scratch memory.
//!
//! The plane holds a channel before its first output is stored, so the output may lie exactly where the input lies: channel by
//! channel it overwrites what has been read. A large plane is walked in bands of rows, each keeping the rows that the next one
//! sees too; the outputs of a band then lie on rows that have been read.

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
    /// Rows in memory: all, or those of a band.
    pub(crate) rows: usize,
    /// Image rows and columns that the windows see.
    pub(crate) seen: [usize; 2],
    /// Parts in which the rows are walked.
    pub(crate) bands: usize,
    /// Output rows of a band.
    pub(crate) band: usize,
}

/// A plane of at most this many bytes is not cut into bands.
const WHOLE: usize = 1536;
/// Fewest output rows of a band: what it keeps for the next one must stay small beside it.
const SHORTEST: usize = 6;

/// What a core does its own way.
pub(crate) trait PlaneCore {
    /// C type of a number in the plane.
    fn element(&self) -> Element;
    /// Plane columns the core reads for `output` outputs of a row, beyond the plain need; a multiple to round to.
    fn columns(&self, s: &Conv2dSpec) -> usize;
    /// Whether the core has a kernel for this shape.
    fn supports(&self, s: &Conv2dSpec) -> bool;
    /// A channel's taps from `w` and parameters from `p`.
    fn taps(&self, c: &mut Code, s: &Conv2dSpec, fit: &FittedLayer);
    /// The plane's outputs, a band of rows: reads `scratch`, stores through `at` and moves it.
    fn outputs(&self, c: &mut Code, s: &Conv2dSpec, plane: &Plane, fit: &FittedLayer);
    /// What the accumulator starts from, given the folded bias.
    fn start(&self, bias: i32, fit: &FittedLayer) -> i32;
    /// Fills `count` numbers at `to`.
    fn fill(&self, c: &mut Code, to: &str, zero_point: i32, count: usize);
    /// Copies `count` numbers; the two do not overlap.
    fn copy(&self, c: &mut Code, to: &str, from: &str, count: usize);
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
        let (stride, kernel) = (s.window.stride, s.window.kernel);
        let rows = |outputs: usize| (outputs - 1) * stride[0] + kernel[0];
        let columns = (s.output.w - 1) * stride[1] + kernel[1];
        let seen = |extent: usize, pad: usize, needed: usize| extent.min(needed.saturating_sub(pad));
        let mut plane = Plane {
            row: core.columns(s),
            rows: rows(s.output.h),
            seen: [
                seen(s.input.h, s.window.pad[0], rows(s.output.h)),
                seen(s.input.w, s.window.pad[1], columns),
            ],
            bands: 1,
            band: s.output.h,
        };
        if plane.rows * plane.row * core.element().bytes() > WHOLE {
            let cut = |band: &usize| s.output.h.is_multiple_of(*band) && may_cut(s, *band, rows(*band));
            if let Some(band) = (SHORTEST..s.output.h).find(cut) {
                plane = Plane { rows: rows(band), bands: s.output.h / band, band, ..plane };
            }
        }
        plane
    }

    /// The plane's first number inside the image.
    fn first(&self, s: &Conv2dSpec) -> usize {
        s.window.pad[0] * self.row + s.window.pad[1]
    }
}

/// Whether bands of so many output rows keep to rows that have been read, and their kept rows move without overlap.
fn may_cut(s: &Conv2dSpec, band: usize, rows: usize) -> bool {
    let moved = band * s.window.stride[0];
    let kept = s.window.kernel[0].saturating_sub(s.window.stride[0]);
    (0..s.output.h / band).all(|i| {
        let stored = (i + 1) * band * s.output.w;
        let read = (i * moved + rows).saturating_sub(s.window.pad[0]).min(s.input.h);
        read == s.input.h || stored <= read * s.input.w
    }) && kept <= moved
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
    core.fill(&mut c, "scratch", zero_point, plane.rows * plane.row);
    c.line("const int8_t *w = weights;\nconst int32_t *p = params;");
    c.open(format!("for (int32_t c = 0; c < {channels}; c++, w += {taps}, p += {words})"));
    core.taps(&mut c, s, fit);
    c.line("int8_t *at = y + c;");
    if plane.bands == 1 {
        c.line("const int8_t *from = x + c;");
        c.line(format!("{t} *to = scratch + {};", plane.first(s)));
        c.count("r", plane.seen[0]);
        gather_row(&mut c, s, plane);
        c.line(format!("to += {};\nfrom += {};", plane.row, s.input.w * channels)).close();
    } else {
        band_rows(&mut c, s, core, plane, zero_point);
    }
    core.outputs(&mut c, s, plane, fit);
    if plane.bands > 1 {
        c.close();
    }
    c.close();
    c.finish()
}

/// Opens the loop over bands and fills the plane's rows: kept ones from the band before, the rest from the image.
fn band_rows(c: &mut Code, s: &Conv2dSpec, core: &dyn PlaneCore, plane: &Plane, zero_point: i32) {
    let (moved, row) = (plane.band * s.window.stride[0], plane.row);
    let kept = s.window.kernel[0].saturating_sub(s.window.stride[0]);
    c.count("band", plane.bands);
    if kept > 0 {
        c.open("if (band > 0)");
        core.copy(c, "scratch", &format!("scratch + {}", moved * row), kept * row);
        c.close();
        c.open(format!("for (int32_t r = band > 0 ? {kept} : 0; r < {}; r++)", plane.rows));
    } else {
        c.count("r", plane.rows);
    }
    c.line(format!(
        "int32_t iy = {};",
        super::portable::plus(&format!("band * {moved} + r"), -(s.window.pad[0] as i32))
    ));
    let place = super::portable::plus(&format!("scratch + r * {row}"), s.window.pad[1] as i32);
    c.line(format!("{} *to = {place};", core.element().c_type()));
    c.open(format!("if (iy >= 0 && iy < {})", s.input.h));
    c.line(format!("const int8_t *from = x + iy * {} + c;", s.input.w * s.input.c));
    gather_row(c, s, plane);
    c.close().open("else");
    core.fill(c, "to", zero_point, plane.seen[1]);
    c.close().close();
}

/// A row of the channel's bytes into the plane, some columns at a time.
fn gather_row(c: &mut Code, s: &Conv2dSpec, plane: &Plane) {
    let (channels, columns) = (s.input.c, plane.seen[1]);
    let run = if columns <= 12 { columns } else { (4..=8).rev().find(|r| columns % r == 0).unwrap_or(8) };
    let (runs, rest) = (columns / run.max(1), columns % run.max(1));
    if runs > 1 {
        c.open(format!("for (int32_t i = 0; i < {runs}; i++)"));
        for i in 0..run {
            let step = format!("to[i * {run} + {i}] = from[i * {} + {}];", run * channels, i * channels);
            c.line(step);
        }
        c.close();
    }
    for i in if runs > 1 { columns - rest } else { 0 }..columns {
        c.line(format!("to[{i}] = from[{}];", i * channels));
    }
}
