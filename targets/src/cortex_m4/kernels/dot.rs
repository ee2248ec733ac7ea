//! The innermost block: up to three pixels by two channels at a time.
//!
//! Two output channels a and b share one 16-bit weight, `256 * a + b`. One accumulator gathers `256 * A + B`, the other `B`; A is
//! their difference, shifted. So a word of four weight bytes is split once (`sxtb16`), not twice, and the accumulator of a comes out
//! already shifted left by 8, as the fitted requantization wants it. Sums wrap; A itself stays below 2^23 in magnitude,
//! which the fit has proved from the weights.

use crate::c::kernels::blocked::{Core, Job, Layout, Order, Source};
use crate::c::kernels::code::Code;
use crate::c::kernels::fit::{Fitted, FittedLayer};
use crate::c::kernels::helpers::{CLAMP, helper};
use crate::c::kernels::{Data, Helper};

helper!(
    /// Instructions and their plain C.
    SIMD, 30, include_str!("../templates/simd.c")
);
helper!(
    /// Four taps of a block.
    TAPS, 31, include_str!("../templates/dot.c")
);
helper!(
    /// A group of four bytes to halves.
    WIDEN4, 32, include_str!("../templates/widen4.c")
);
helper!(
    /// Groups that lie together.
    WIDEN, 33, include_str!("../templates/widen.c")
);
helper!(
    /// Groups that go apart.
    WIDEN_APART, 34, include_str!("../templates/widen_apart.c")
);
helper!(
    /// Bytes to halves in their order.
    WIDEN_PLAIN, 35, include_str!("../templates/widen_plain.c")
);
helper!(
    /// Halves of one value.
    FILL, 36, include_str!("../templates/fill.c")
);

/// Taps handled by one step: two words of weights, two words of input per pixel.
const STEP: usize = 4;
/// Steps written out in a loop body.
const UNROLL: usize = 12;
/// Largest offset of a two-word load, in bytes.
const REACH: usize = 1020;

/// The Cortex-M4 block.
pub(crate) struct Dot;

impl Core for Dot {
    fn element(&self) -> &'static str {
        "int16_t"
    }

    fn element_bytes(&self) -> usize {
        2
    }

    fn step(&self) -> usize {
        STEP
    }

    fn may_start(&self, distance: usize) -> bool {
        // Two-word loads want words.
        distance.is_multiple_of(2)
    }

    fn most_pixels(&self) -> usize {
        3
    }

    fn block_cost(&self, steps: usize, pixels: usize, c_out: usize) -> usize {
        // A step: one load and two splits of weights, one load and four multiply-accumulates a pixel, and what three
        // pixels spill; a channel pair: loop, parameters, and four instructions an output.
        c_out.div_ceil(2)
            * (steps * (30 + 50 * pixels + if pixels == 3 { 6 } else { 0 }) + 120 + 100 * pixels)
    }

    fn widen_row(&self, c: &mut Code, layout: &Layout, to: &str, from: &str, pixels: usize) {
        let channels = layout.channels;
        if layout.order == Order::Natural && layout.pixel == channels {
            c.line(format!("@widen_plain({to}, {from}, {});", pixels * channels));
        } else if layout.order == Order::Split && layout.pixel == channels {
            c.line(format!("@widen({to}, {from}, {});", pixels * channels / STEP));
        } else {
            c.line(format!("const int8_t *from = {from};"));
            c.open(format!(
                "for (int32_t i = 0; i < {pixels}; i++, {to} += {}, from += {channels})",
                layout.pixel
            ));
            match layout.order {
                Order::Natural => {
                    c.line(format!("@widen_plain({to}, from, {channels});"));
                }
                Order::Split => {
                    let groups = channels / STEP;
                    if groups > 0 {
                        c.line(format!("@widen({to}, from, {groups});"));
                    }
                    rest(c, to, groups * STEP, "from", groups * STEP, channels % STEP);
                }
            }
            c.close();
        }
    }

    fn fill(&self, c: &mut Code, to: &str, zero_point: i32, count: usize) {
        c.line(format!("@fill_halves({to}, {zero_point}, {count});"));
    }

    fn gather(&self, c: &mut Code, layout: &Layout, from: &str, channels: usize, pixels: usize) {
        let (groups, step) = (channels / STEP, layout.pixels * STEP);
        for p in 0..pixels {
            let (to, at) = (p * STEP, p * channels);
            if groups > 0 {
                c.line(format!("@widen_apart(scratch + {to}, {step}, {from} + {at}, {groups});"));
            }
            rest(c, "scratch", groups * step + to, from, at + groups * STEP, channels % STEP);
        }
    }

    fn block(&self, job: &Job<'_>, layout: &Layout, fit: &FittedLayer) -> String {
        let (p, c_out) = (layout.pixels, job.output.c);
        let per_step = if layout.source == Source::Pixels { STEP * p } else { STEP };
        let mut c = Code::new();
        c.open(format!("for (int32_t o = 0; o < {c_out}; o += 2)"));
        let starts = vec!["params[0], params[1]"; p].join(", ");
        c.line(format!("int32_t acc[{}] = {{{starts}}};", 2 * p));
        taps(&mut c, layout, per_step);
        outputs(&mut c, job, layout, fit);
        c.close();
        c.finish()
    }

    fn weights(&self, job: &Job<'_>, layout: &Layout) -> Option<Data> {
        let mut bytes = Vec::new();
        for o in (0..job.output.c).step_by(2) {
            for segment in 0..layout.segments {
                for k in (0..layout.segment).step_by(STEP) {
                    let order = if layout.order == Order::Split { [0, 2, 1, 3] } else { [0, 1, 2, 3] };
                    for k in order.map(|i| k + i) {
                        let (ky, kx, channel) = layout.tap(job, segment, k);
                        let a = i32::from(job.weight(o, ky, kx, channel));
                        let b = i32::from(job.weight(o + 1, ky, kx, channel));
                        let half = i16::try_from(256 * a + b).ok()?;
                        bytes.extend(half.to_le_bytes().map(|byte| byte as i8));
                    }
                }
            }
        }
        Some(Data::I8(bytes))
    }

    fn params(&self, job: &Job<'_>, fit: &FittedLayer) -> Data {
        let dead = Fitted { multiplier: 0, offset: 0, base: 0, negative: 0 };
        let channel = |o: usize| fit.channels.get(o).copied().unwrap_or(dead);
        let mut words = Vec::new();
        for o in (0..job.output.c).step_by(2) {
            let (a, b) = (job.start(o, fit), job.start(o + 1, fit));
            words.extend([a.wrapping_shl(8).wrapping_add(b), b]);
            words.extend([channel(o).multiplier, channel(o + 1).multiplier]);
            words.extend([channel(o).offset, channel(o + 1).offset]);
            if fit.is_signed() {
                words.extend([channel(o).negative, channel(o + 1).negative]);
            }
        }
        Data::I32(words)
    }

    fn pre_shifts(&self) -> &'static [u32] {
        // The accumulators come out shifted by 8; more costs an instruction for every second channel.
        &[8, 10, 12, 14]
    }

    fn helpers(&self) -> &'static [Helper] {
        const { &[CLAMP, SIMD, TAPS, WIDEN4, WIDEN, WIDEN_APART, WIDEN_PLAIN, FILL] }
    }
}

/// Up to three numbers behind the last whole group of a pixel, in split order.
fn rest(c: &mut Code, to: &str, to_offset: usize, from: &str, from_offset: usize, count: usize) {
    for (i, place) in [0, 2, 1].into_iter().take(count).enumerate() {
        c.line(format!("{to}[{}] = {from}[{}];", to_offset + place, from_offset + i));
    }
}

/// The dot products of all runs: written out where few and in reach, else in loops.
fn taps(c: &mut Code, layout: &Layout, per_step: usize) {
    let (p, step) = (layout.pixels, layout.pixel_step);
    let steps = layout.segment / STEP;
    let last = (layout.segments - 1) * layout.segment_step + (steps - 1) * per_step + (p - 1) * step;
    if layout.segments * steps <= 10 && last * 2 <= REACH {
        for i in 0..layout.segments * steps {
            let x = i / steps * layout.segment_step + i % steps * per_step;
            c.line(format!("@taps4_{p}(x + {x}, {step}, weights + {}, acc);", i * 2 * STEP));
        }
        c.line(format!("weights += {};", layout.segments * steps * 2 * STEP));
        return;
    }
    let unroll = (1..=UNROLL).rev().find(|u| steps.is_multiple_of(*u)).filter(|&u| u >= 4).unwrap_or(8);
    if layout.segments > 1 {
        c.count("s", layout.segments).line(format!("const int16_t *v = x + s * {};", layout.segment_step));
    } else {
        c.line("const int16_t *v = x;");
    }
    let group = |c: &mut Code, count: usize| {
        for i in 0..count {
            c.line(format!("@taps4_{p}(v + {}, {step}, weights + {}, acc);", i * per_step, i * 2 * STEP));
        }
        c.line(format!("v += {};", count * per_step)).line(format!("weights += {};", count * 2 * STEP));
    };
    if steps / unroll > 1 {
        c.count("k", steps / unroll);
        group(c, unroll);
        c.close();
    } else if steps >= unroll {
        group(c, unroll);
    }
    if !steps.is_multiple_of(unroll) {
        group(c, steps % unroll);
    }
    if layout.segments > 1 {
        c.close();
    }
}

/// From accumulators to bytes; the second channel is left out where there is none.
fn outputs(c: &mut Code, job: &Job<'_>, layout: &Layout, fit: &FittedLayer) {
    let c_out = job.output.c;
    let [low, high] = job.linear.requantize.clamp;
    c.line("int32_t factor_a = params[2], factor_b = params[3];");
    c.line("int32_t offset_a = params[4], offset_b = params[5];");
    if fit.is_signed() {
        c.line("int32_t negative_a = params[6], negative_b = params[7];").line("params += 8;");
    } else {
        c.line("params += 6;");
    }
    let store = |c: &mut Code, p: usize, channel: &str, value: String| {
        let at = p * c_out + usize::from(channel == "b");
        let offset = if fit.is_signed() {
            format!("offset_{channel} + (negative_{channel} & (v{p}{channel} >> 31))")
        } else {
            format!("offset_{channel}")
        };
        c.line(format!("int32_t v{p}{channel} = {value};"));
        let scaled = format!("@high_mac(v{p}{channel}, factor_{channel}, {offset}) >> {}", fit.shift);
        let byte = if [low, high] == [-128, 127] {
            format!("@saturate8({scaled})")
        } else {
            format!("@clamp({scaled}, {low}, {high})")
        };
        c.line(format!("y[{at}] = (int8_t){byte};"));
    };
    for p in 0..layout.pixels {
        let difference = format!("@wrapping_sub(acc[{}], acc[{}])", 2 * p, 2 * p + 1);
        let more = fit.pre_shift - 8;
        let value = if more == 0 { difference } else { format!("@wrapping_shift({difference}, {more})") };
        store(c, p, "a", value);
    }
    if !c_out.is_multiple_of(2) {
        c.open(format!("if (o + 1 < {c_out})"));
    }
    for p in 0..layout.pixels {
        store(c, p, "b", format!("@wrapping_shift(acc[{}], {})", 2 * p + 1, fit.pre_shift));
    }
    if !c_out.is_multiple_of(2) {
        c.close();
    }
    c.line("y += 2;");
}
