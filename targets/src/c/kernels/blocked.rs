//! Convolutions and fully connected layers as register-blocked dot products.
//!
//! Every core shares the shape of the work; a core ([`Core`]) owns the innermost block. The output is walked in blocks of
//! `pixels` neighbours of a row by all channels. What a block reads lies in scratch memory, in the element type and order
//! the core wants, so that no tap is ever tested against the image's border:
//! - *rows*: a window of as many image rows as the kernel sees, padding filled with the input's zero point. Going down a row
//!   moves the window by the stride; every input row is widened once, not once per kernel row.
//! - *pixels* (1x1, stride 1): a block's own pixels, nothing else.
//!
//! Because a block's inputs are in scratch before its first output is stored, the output may follow the input in the same memory.

mod drive;
mod layout;

pub(crate) use drive::kernel;
pub(crate) use layout::{Layout, Order, Source};

use super::code::Code;
use super::fit::FittedLayer;
use super::portable::plus;
use super::spec::{Conv2dSpec, DenseSpec, Image, IntegerLinear, Linear, Window};
use super::{Data, Helper};

/// A convolution or fully connected layer, whichever it came from.
pub(crate) struct Job<'a> {
    pub(crate) stem: String,
    pub(crate) summary: String,
    pub(crate) input: Image,
    pub(crate) output: Image,
    pub(crate) window: Window,
    pub(crate) linear: &'a IntegerLinear,
    pub(crate) macs: u64,
}

impl Job<'_> {
    pub(crate) fn taps(&self) -> usize {
        self.window.kernel[0] * self.window.kernel[1] * self.input.c
    }

    /// Weight of output channel `o`; zero outside the kernel, where a layout pads.
    pub(crate) fn weight(&self, o: usize, ky: usize, kx: usize, channel: usize) -> i16 {
        let [kh, kw] = self.window.kernel;
        if o >= self.output.c || ky >= kh || kx >= kw || channel >= self.input.c {
            return 0;
        }
        self.linear.weights[((o * kh + ky) * kw + kx) * self.input.c + channel]
    }

    /// What a channel's accumulator starts from: the bias with the input's zero point and the fit's base folded in.
    pub(crate) fn start(&self, o: usize, fit: &FittedLayer) -> i32 {
        let taps = self.taps();
        let Some(&bias) = self.linear.bias.get(o) else { return 0 };
        let sum: i64 = self.linear.weights[o * taps..(o + 1) * taps].iter().map(|&w| i64::from(w)).sum();
        // Wraps like the accumulator does; dead channels may have any bias.
        (bias - sum * i64::from(self.linear.x_zero_point) - i64::from(fit.channels[o].base)) as i32
    }
}

/// A dense convolution as a job; `None` for groups, residuals and float.
pub(crate) fn conv2d_job(s: &Conv2dSpec) -> Option<Job<'_>> {
    let Linear::Integer(linear) = &s.linear else { return None };
    if s.groups != 1 || s.residual.is_some() {
        return None;
    }
    let (k, y) = (s.window.kernel, s.output);
    Some(Job {
        stem: format!("conv2d_{}x{}_{}x{}x{}", k[0], k[1], y.h, y.w, y.c),
        summary: super::portable::conv2d::summary(s),
        input: s.input,
        output: s.output,
        window: s.window,
        linear,
        macs: s.macs(),
    })
}

/// A fully connected layer as a 1x1 convolution over its rows; `None` for float.
pub(crate) fn dense_job(s: &DenseSpec) -> Option<Job<'_>> {
    let Linear::Integer(linear) = &s.linear else { return None };
    let image = |c| Image { n: 1, h: 1, w: s.rows, c };
    Some(Job {
        stem: format!("dense_{}_{}", s.c_in, s.c_out),
        summary: super::portable::dense::summary(s),
        input: image(s.c_in),
        output: image(s.c_out),
        window: Window { kernel: [1, 1], stride: [1, 1], dilation: [1, 1], pad: [0, 0] },
        linear,
        macs: (s.rows * s.c_in * s.c_out) as u64,
    })
}

/// What a core does its own way.
pub(crate) trait Core {
    /// C type of a number in the window.
    fn element(&self) -> &'static str;
    /// Its size in bytes.
    fn element_bytes(&self) -> usize;
    /// Segments are padded to a multiple of this many numbers.
    fn step(&self) -> usize;
    /// Output pixels that share one window number; the second one lies half a row, or half a block, further.
    fn lanes(&self) -> usize {
        1
    }
    /// Most numbers a pixel of a row may take; at least its channels.
    fn widest_pixel(&self, channels: usize) -> usize {
        channels.next_multiple_of(self.step())
    }
    /// In a block of pixels: how many numbers of one pixel lie together.
    fn interleave(&self) -> usize {
        self.step()
    }
    /// Whether neighbouring blocks may start `distance` numbers apart.
    fn may_start(&self, distance: usize) -> bool;
    /// Most window numbers a block walks side by side: its pixels, or half of them with two lanes.
    fn most_pixels(&self) -> usize;
    /// Instructions of one block: `steps` core steps per channel group, `pixels` pixels; relative, for choosing.
    fn block_cost(&self, steps: usize, pixels: usize, c_out: usize) -> usize;
    /// Bytes behind the window that [`Core::row`] works in.
    fn line_bytes(&self, _job: &Job<'_>, _layout: &Layout) -> usize {
        0
    }
    /// Fills what no row writes: the whole window, unless the core writes rows from end to end.
    fn prepare(&self, c: &mut Code, job: &Job<'_>, layout: &Layout) {
        c.line("/* The window starts as padding; columns beside the image stay so. */");
        self.fill(c, "scratch", job.linear.x_zero_point, layout.numbers);
    }
    /// Writes window row `r` from image row `iy`, which may lie outside the image.
    fn row(&self, c: &mut Code, job: &Job<'_>, layout: &Layout) {
        let left = job.window.pad[1].min(layout.columns);
        let seen = job.input.w.min(layout.columns - left);
        let place = plus(&format!("scratch + r * {}", layout.row), (left * layout.pixel) as i32);
        c.line(format!("{} *to = {place};", self.element()));
        c.open(format!("if (iy >= 0 && iy < {})", job.input.h));
        let from = format!("x + iy * {}", job.input.w * job.input.c);
        self.widen_row(c, layout, "to", &from, seen);
        c.close().open("else");
        self.fill(c, "to", job.linear.x_zero_point, seen * layout.pixel);
        c.close();
    }
    /// Widens `pixels` image pixels at `x` into the window at `to`.
    fn widen_row(&self, c: &mut Code, layout: &Layout, to: &str, from: &str, pixels: usize);
    /// Copies `count` window numbers; the two do not overlap.
    fn copy(&self, c: &mut Code, to: &str, from: &str, count: usize) {
        c.line(format!("memcpy({to}, {from}, {});", count * self.element_bytes()));
    }
    /// Fills `count` window numbers at `to` with the zero point.
    fn fill(&self, c: &mut Code, to: &str, zero_point: i32, count: usize);
    /// Puts a block's pixels at `from` into scratch ([`Source::Pixels`]); `pixels` may be fewer than a block has.
    fn gather(&self, c: &mut Code, layout: &Layout, from: &str, channels: usize, pixels: usize);
    /// Body of the function `(const element *x, int8_t *y, const int8_t *weights, const int32_t *params)`.
    fn block(&self, job: &Job<'_>, layout: &Layout, fit: &FittedLayer) -> String;
    /// Weights in the order the block walks them; `None` where they cannot be packed.
    fn weights(&self, job: &Job<'_>, layout: &Layout) -> Option<Data>;
    /// A further constant of the block, passed last as `const int16_t *extras`.
    fn extras(&self, _job: &Job<'_>, _layout: &Layout) -> Option<Data> {
        None
    }
    /// Starts, multipliers and offsets in the order the block walks them.
    fn params(&self, job: &Job<'_>, fit: &FittedLayer) -> Data;
    /// Shifts before the high multiply that the core can do, the cheapest first.
    fn pre_shifts(&self) -> &'static [u32];
    /// Helpers that the emitted text may call.
    fn helpers(&self) -> &'static [Helper];
}
