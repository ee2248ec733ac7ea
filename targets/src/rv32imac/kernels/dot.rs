//! The innermost block: up to four pixels by four channels, sixteen accumulators in registers.
//!
//! A tap costs eight byte loads for sixteen products. Weights lie tap by tap, the block's channels side by side, so that both pointers
//! only walk forwards.

use crate::c::kernels::blocked::{Core, Job, Layout, Source};
use crate::c::kernels::code::Code;
use crate::c::kernels::fit::FittedLayer;
use crate::c::kernels::helpers::{CLAMP, helper};
use crate::c::kernels::{Data, Helper};

helper!(
    /// High multiply, wrapping shift.
    WORD, 40, include_str!("../templates/word.c")
);

helper!(
    /// Copies of bytes.
    COPY_BYTES, 45, include_str!("../templates/copy_bytes.c")
);

/// Shifts before the high multiply: any costs one instruction.
pub(super) const PRE_SHIFTS: &[u32] = &[8, 10, 12, 14, 6];
/// Channels of a block.
const CHANNELS: usize = 4;
/// Taps written out in a loop body.
const UNROLL: usize = 12;

/// The RV32IMAC block.
pub(crate) struct Dot;

impl Core for Dot {
    fn element(&self) -> &'static str {
        "int8_t"
    }

    fn element_bytes(&self) -> usize {
        1
    }

    fn step(&self) -> usize {
        1
    }

    fn may_start(&self, _distance: usize) -> bool {
        true
    }

    fn most_pixels(&self) -> usize {
        4
    }

    fn block_cost(&self, steps: usize, pixels: usize, c_out: usize) -> usize {
        let tap = pixels + CHANNELS + 2 * pixels * CHANNELS;
        c_out.div_ceil(CHANNELS) * (steps * tap + 40 + 11 * pixels * CHANNELS)
    }

    fn copy(&self, c: &mut Code, to: &str, from: &str, count: usize) {
        c.line(format!("@copy_bytes({to}, {from}, {count});"));
    }

    fn widen_row(&self, c: &mut Code, layout: &Layout, to: &str, from: &str, pixels: usize) {
        self.copy(c, to, from, pixels * layout.channels);
    }

    fn fill(&self, c: &mut Code, to: &str, zero_point: i32, count: usize) {
        c.line(format!("memset({to}, {zero_point}, {count});"));
    }

    fn gather(&self, c: &mut Code, _layout: &Layout, from: &str, channels: usize, pixels: usize) {
        self.copy(c, "scratch", from, pixels * channels);
    }

    fn block(&self, job: &Job<'_>, layout: &Layout, fit: &FittedLayer) -> String {
        let (p, c_out) = (layout.pixels, job.output.c);
        let step = if layout.source == Source::Pixels { layout.segment } else { layout.pixel_step };
        let mut c = Code::new();
        c.open(format!("for (int32_t o = 0; o < {c_out}; o += {CHANNELS})"));
        for i in 0..CHANNELS {
            let names: Vec<_> = (0..p).map(|p| format!("a{p}{i} = params[{i}]")).collect();
            c.line(format!("int32_t {};", names.join(", ")));
        }
        if layout.segments > 1 {
            c.count("s", layout.segments).line(format!("const int8_t *v = x + s * {};", layout.segment_step));
        } else {
            c.line("const int8_t *v = x;");
        }
        let unroll = (1..=UNROLL).rev().find(|u| layout.segment.is_multiple_of(*u)).unwrap_or(1);
        let loops = layout.segment / unroll;
        if loops > 1 {
            c.line(format!("const int8_t *end = v + {};", layout.segment)).open("do");
        } else {
            c.open("");
        }
        for k in 0..unroll {
            tap(&mut c, k, p, step);
        }
        c.line(format!("v += {unroll};")).line(format!("weights += {};", unroll * CHANNELS)).close();
        if loops > 1 {
            c.line("while (v != end);");
        }
        if layout.segments > 1 {
            c.close();
        }
        outputs(&mut c, job, p, fit);
        c.close();
        c.finish()
    }

    fn weights(&self, job: &Job<'_>, layout: &Layout) -> Option<Data> {
        let mut bytes = Vec::new();
        for o in (0..job.output.c).step_by(CHANNELS) {
            for segment in 0..layout.segments {
                for k in 0..layout.segment {
                    let (ky, kx, channel) = layout.tap(job, segment, k);
                    bytes.extend((o..o + CHANNELS).map(|o| job.weight(o, ky, kx, channel) as i8));
                }
            }
        }
        Some(Data::I8(bytes))
    }

    fn params(&self, job: &Job<'_>, fit: &FittedLayer) -> Data {
        params(job, fit, CHANNELS)
    }

    fn pre_shifts(&self) -> &'static [u32] {
        PRE_SHIFTS
    }

    fn helpers(&self) -> &'static [Helper] {
        const { &[CLAMP, WORD, COPY_BYTES] }
    }
}

/// One tap of all pixels and channels.
fn tap(c: &mut Code, k: usize, pixels: usize, step: usize) {
    c.open("");
    let inputs: Vec<_> = (0..pixels).map(|p| format!("x{p} = v[{}]", k + p * step)).collect();
    c.line(format!("int32_t {};", inputs.join(", ")));
    c.line("int32_t w;");
    for i in 0..CHANNELS {
        c.line("@IN_ORDER();").line(format!("w = weights[{}];", k * CHANNELS + i));
        for p in 0..pixels {
            c.line(format!("a{p}{i} += x{p} * w;"));
        }
    }
    c.close();
}

/// From accumulators to bytes; channels beyond the last are left out.
fn outputs(c: &mut Code, job: &Job<'_>, pixels: usize, fit: &FittedLayer) {
    let c_out = job.output.c;
    for i in 0..CHANNELS {
        if !c_out.is_multiple_of(CHANNELS) && i >= c_out % CHANNELS {
            c.open(format!("if (o + {i} < {c_out})"));
        } else {
            c.open("");
        }
        channel_params(c, fit, CHANNELS, i);
        for p in 0..pixels {
            store(c, job, fit, &format!("a{p}{i}"), p * c_out + i);
        }
        c.close();
    }
    let words = if fit.is_signed() { 4 } else { 3 };
    c.line(format!("params += {};", words * CHANNELS)).line(format!("y += {CHANNELS};"));
}

/// Starts, multipliers, offsets of `channels` channels side by side, block after block.
pub(super) fn params(job: &Job<'_>, fit: &FittedLayer, channels: usize) -> Data {
    let mut words = Vec::new();
    for o in (0..job.output.c).step_by(channels) {
        let mut each = |value: &dyn Fn(usize) -> i32| {
            words.extend((o..o + channels).map(|o| if o < job.output.c { value(o) } else { 0 }));
        };
        each(&|o| job.start(o, fit));
        each(&|o| fit.channels[o].multiplier);
        each(&|o| fit.channels[o].offset);
        if fit.is_signed() {
            each(&|o| fit.channels[o].negative);
        }
    }
    Data::I32(words)
}

/// The requantization of channel `i` of a block.
pub(super) fn channel_params(c: &mut Code, fit: &FittedLayer, channels: usize, i: usize) {
    c.line(format!("int32_t factor = params[{}], offset = params[{}];", channels + i, 2 * channels + i));
    if fit.is_signed() {
        c.line(format!("int32_t negative = params[{}];", 3 * channels + i));
    }
}

/// One output from its accumulator.
pub(super) fn store(c: &mut Code, job: &Job<'_>, fit: &FittedLayer, acc: &str, at: usize) {
    let [low, high] = job.linear.requantize.clamp;
    let sign = if fit.is_signed() { format!(" + (negative & ({acc} >> 31))") } else { String::new() };
    let shifted = format!("@wrapping_shift({acc}, {})", fit.pre_shift);
    let scaled = format!("(@high_mul({shifted}, factor) + offset{sign}) >> {}", fit.shift);
    c.line(format!("y[{at}] = (int8_t)@clamp({scaled}, {low}, {high});"));
}
