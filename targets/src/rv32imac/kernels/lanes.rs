//! Two pixels in one word: half the multiplications.
//!
//! A window number holds two pixels, `a + 65536 * b`; times a weight it is both products at once. Sums of a few products stay apart as long
//! as the lower one fits 16 bits: with |x| <= 128 that is so while the weights' magnitudes sum to at most 255. Four taps are
//! summed so and then taken apart: the upper sum goes to its own accumulator, the whole word to another, and at the end of the dot product
//! the lower sum is the whole less the upper one shifted up. What a group of four has beyond 255 is taken off its
//! largest weights and made up for at the end, tap by tap, from a list of (position, weight): a few per cent of the groups.
//!
//! Per group of four taps, two words by two channels (sixteen products a channel): 8 loads of inputs, and 4 loads of weights, 8 multiplications, 6
//! additions and 8 instructions of taking apart per channel, against 2.5 instructions a product without lanes.

use super::dot::{self, COPY_BYTES, WORD};
use crate::c::kernels::blocked::{Core, Job, Layout, Source};
use crate::c::kernels::code::Code;
use crate::c::kernels::fit::FittedLayer;
use crate::c::kernels::helpers::{CLAMP, helper};
use crate::c::kernels::portable::plus;
use crate::c::kernels::{Data, Helper};

helper!(
    /// Rows of pairs.
    PAIR, 41, include_str!("../templates/lanes.c")
);
helper!(
    /// Pairs of a block of pixels.
    PAIR_APART, 42, include_str!("../templates/lanes_apart.c")
);
helper!(
    /// Words of one value.
    FILL_WORDS, 43, include_str!("../templates/lane_fill.c")
);
helper!(
    /// Taking sums apart.
    HIGH_LANE, 44, include_str!("../templates/high_lane.c")
);

helper!(
    /// Copies of window rows.
    COPY_WORDS, 46, include_str!("../templates/copy_words.c")
);

/// Taps summed before the lanes are taken apart.
const GROUP: usize = 4;
/// Channels of a block.
const CHANNELS: usize = 2;
/// Most that the magnitudes of a group's weights may sum to: 128 * 255 < 2^15.
const MOST: i32 = 255;
/// Groups written out in a loop body.
const UNROLL: usize = 4;
/// Groups written out where a dot product has no more.
const WRITTEN_OUT: usize = 12;
/// Largest offset of a load, in bytes.
const REACH: usize = 2040;

/// The RV32IMAC block with two pixels a word.
pub(crate) struct Lanes;

impl Lanes {
    /// Whether a job is worth pairing: rows of at least four outputs, or at least four pixels.
    pub(crate) fn suits(job: &Job<'_>) -> bool {
        let pointwise =
            job.window.kernel == [1, 1] && job.window.stride == [1, 1] && job.window.pad == [0, 0];
        let run = if pointwise { job.output.h * job.output.w * job.output.n } else { job.output.w };
        run >= 4 && job.output.c >= CHANNELS && job.input.c * job.window.kernel[1] >= GROUP
    }

    fn first_line_column(job: &Job<'_>) -> (usize, usize) {
        let w = &job.window;
        let reach = (w.kernel[1] - 1) * w.dilation[1] + 1;
        let columns = (job.output.w - 1) * w.stride[1] + reach;
        (w.pad[1].min(columns), columns)
    }
}

impl Core for Lanes {
    fn element(&self) -> &'static str {
        "int32_t"
    }

    fn element_bytes(&self) -> usize {
        4
    }

    fn step(&self) -> usize {
        GROUP
    }

    fn lanes(&self) -> usize {
        2
    }

    fn interleave(&self) -> usize {
        1
    }

    fn widest_pixel(&self, channels: usize) -> usize {
        channels
    }

    fn may_start(&self, _distance: usize) -> bool {
        true
    }

    fn most_pixels(&self) -> usize {
        2
    }

    fn block_cost(&self, steps: usize, words: usize, c_out: usize) -> usize {
        let group = GROUP * words + CHANNELS * (GROUP + 11 * words) + 2;
        c_out.div_ceil(CHANNELS) * (steps * group + 24 + 24 * words * CHANNELS)
    }

    fn line_bytes(&self, job: &Job<'_>, layout: &Layout) -> usize {
        match layout.source {
            Source::Rows => Lanes::first_line_column(job).1 * job.input.c,
            Source::Pixels => 0,
        }
    }

    fn prepare(&self, c: &mut Code, job: &Job<'_>, layout: &Layout) {
        c.line("/* A row of the image with its padding, from which the window's rows are paired. */");
        c.line(format!("int8_t *line = (int8_t *)(scratch + {});", layout.numbers.next_multiple_of(2)));
        c.line(format!("memset(line, {}, {});", job.linear.x_zero_point, self.line_bytes(job, layout)));
    }

    fn row(&self, c: &mut Code, job: &Job<'_>, layout: &Layout) {
        let (channels, (left, columns)) = (job.input.c, Lanes::first_line_column(job));
        let seen = job.input.w.min(columns - left);
        let count = layout.columns * channels;
        c.line(format!("int32_t *to = scratch + r * {};", layout.row));
        c.open(format!("if (iy >= 0 && iy < {})", job.input.h));
        let place = plus("line", (left * channels) as i32);
        c.line(format!("@copy_bytes({place}, x + iy * {}, {});", job.input.w * channels, seen * channels));
        let second = plus("line", (layout.lane * job.window.stride[1] * channels) as i32);
        c.line(format!("@pair_lanes(to, line, {second}, {count});"));
        c.close().open("else");
        self.fill(c, "to", job.linear.x_zero_point, count);
        c.close();
    }

    fn copy(&self, c: &mut Code, to: &str, from: &str, count: usize) {
        c.line(format!("@copy_words({to}, {from}, {count});"));
    }

    fn widen_row(&self, _c: &mut Code, _layout: &Layout, _to: &str, _from: &str, _pixels: usize) {
        unreachable!("rows are paired from a line, see `row`");
    }

    fn fill(&self, c: &mut Code, to: &str, zero_point: i32, count: usize) {
        c.line(format!("@fill_words({to}, {}, {count});", zero_point * 65_537));
    }

    fn gather(&self, c: &mut Code, layout: &Layout, from: &str, channels: usize, pixels: usize) {
        let words = layout.pixels;
        for word in 0..words {
            // A pixel that is not there is computed from one that is.
            let [low, high] = [word, word + words].map(|p| p.min(pixels - 1) * channels);
            let (x, z) = (plus(from, low as i32), plus(from, high as i32));
            c.line(format!(
                "@pair_lanes_apart({}, {x}, {z}, {words}, {channels});",
                plus("scratch", word as i32)
            ));
        }
        for k in channels..layout.segment {
            for word in 0..words {
                c.line(format!("scratch[{}] = 0;", k * words + word));
            }
        }
    }

    fn block(&self, job: &Job<'_>, layout: &Layout, fit: &FittedLayer) -> String {
        let (words, c_out) = (layout.pixels, job.output.c);
        // (from tap to tap, from word to word)
        let steps = match layout.source {
            Source::Rows => (1, layout.pixel_step),
            Source::Pixels => (words, 1),
        };
        let mut c = Code::new();
        c.open(format!("for (int32_t o = 0; o < {c_out}; o += {CHANNELS})"));
        for i in 0..CHANNELS {
            for p in 0..words {
                c.line(format!("int32_t high{p}{i} = params[{i}];"));
                c.line(format!("uint32_t both{p}{i} = (uint32_t)high{p}{i} * 65537u;"));
            }
        }
        groups(&mut c, layout, steps);
        if self.extras(job, layout).is_some() {
            made_up(&mut c, words, steps);
        }
        outputs(&mut c, job, layout, fit);
        c.close();
        c.finish()
    }

    fn weights(&self, job: &Job<'_>, layout: &Layout) -> Option<Data> {
        // The list of what is made up names positions in 16 bits.
        i16::try_from(layout.numbers).ok()?;
        let mut bytes = Vec::new();
        let channels: Vec<_> =
            (0..job.output.c.next_multiple_of(CHANNELS)).map(|o| split(job, layout, o).0).collect();
        for pair in channels.chunks(CHANNELS) {
            for group in 0..layout.segments * layout.segment / GROUP {
                for channel in pair {
                    bytes.extend(channel[group * GROUP..][..GROUP].iter().map(|&w| w as i8));
                }
            }
        }
        Some(Data::I8(bytes))
    }

    fn extras(&self, job: &Job<'_>, layout: &Layout) -> Option<Data> {
        let tap = if layout.source == Source::Pixels { layout.pixels } else { 1 };
        let mut list = Vec::new();
        let mut any = false;
        for o in 0..job.output.c.next_multiple_of(CHANNELS) {
            let (_, beyond) = split(job, layout, o);
            any |= !beyond.is_empty();
            list.push(beyond.len() as i16);
            for (k, weight) in beyond {
                let at = k / layout.segment * layout.segment_step + k % layout.segment * tap;
                list.extend([at as i16, weight]);
            }
        }
        any.then_some(Data::I16(list))
    }

    fn params(&self, job: &Job<'_>, fit: &FittedLayer) -> Data {
        dot::params(job, fit, CHANNELS)
    }

    fn pre_shifts(&self) -> &'static [u32] {
        dot::PRE_SHIFTS
    }

    fn helpers(&self) -> &'static [Helper] {
        const { &[CLAMP, WORD, PAIR, PAIR_APART, FILL_WORDS, HIGH_LANE, COPY_BYTES, COPY_WORDS] }
    }
}

/// The weights of a channel with every group at most [`MOST`], and what was taken off: (tap, weight).
fn split(job: &Job<'_>, layout: &Layout, o: usize) -> (Vec<i16>, Vec<(usize, i16)>) {
    let mut weights = Vec::with_capacity(layout.segments * layout.segment);
    for segment in 0..layout.segments {
        for k in 0..layout.segment {
            let (ky, kx, channel) = layout.tap(job, segment, k);
            weights.push(job.weight(o, ky, kx, channel));
        }
    }
    let mut beyond = Vec::new();
    for (g, group) in weights.chunks_mut(GROUP).enumerate() {
        loop {
            let sum: i32 = group.iter().map(|w| i32::from(w.abs())).sum();
            if sum <= MOST {
                break;
            }
            let largest = (0..group.len()).max_by_key(|&i| group[i].abs()).unwrap_or(0);
            let off = (sum - MOST).min(i32::from(group[largest].abs())) as i16 * group[largest].signum();
            group[largest] -= off;
            beyond.push((g * GROUP + largest, off));
        }
    }
    (weights, beyond)
}

/// The groups of all runs.
fn groups(c: &mut Code, layout: &Layout, (tap, word): (usize, usize)) {
    let count = layout.segment / GROUP;
    let last =
        (layout.segments - 1) * layout.segment_step + (layout.segment - 1) * tap + layout.pixels * word;
    if layout.segments * count <= WRITTEN_OUT && last * 4 <= REACH {
        c.line("const int32_t *v = x;");
        for g in 0..layout.segments * count {
            let first = g / count * layout.segment_step + g % count * GROUP * tap;
            group(c, layout.pixels, g, first, (tap, word));
        }
        c.line(format!("weights += {};", layout.segments * count * GROUP * CHANNELS));
        return;
    }
    if layout.segments > 1 {
        c.count("s", layout.segments).line(format!("const int32_t *v = x + s * {};", layout.segment_step));
    } else {
        c.line("const int32_t *v = x;");
    }
    let unroll = (1..=UNROLL).rev().find(|u| count.is_multiple_of(*u)).unwrap_or(1);
    let walked = layout.segment * tap;
    if count > unroll {
        c.line(format!("const int32_t *end = v + {walked};")).open("do");
    } else {
        c.open("");
    }
    for g in 0..unroll {
        group(c, layout.pixels, g, g * GROUP * tap, (tap, word));
    }
    c.line(format!("v += {};", unroll * GROUP * tap));
    c.line(format!("weights += {};", unroll * GROUP * CHANNELS)).close();
    if count > unroll {
        c.line("while (v != end);");
    }
    if layout.segments > 1 {
        c.close();
    }
}

/// Group `g`, whose inputs start at `first`: four taps of all words and channels.
fn group(c: &mut Code, words: usize, g: usize, first: usize, (tap, word): (usize, usize)) {
    c.open("").line("@IN_ORDER();");
    for k in 0..GROUP {
        let at = |p: usize| first + k * tap + p * word;
        let names: Vec<_> = (0..words).map(|p| format!("x{k}{p} = (uint32_t)v[{}]", at(p))).collect();
        c.line(format!("uint32_t {};", names.join(", ")));
    }
    for i in 0..CHANNELS {
        c.open("").line("@IN_ORDER();");
        let names: Vec<_> = (0..GROUP)
            .map(|k| format!("w{k} = (uint32_t)weights[{}]", (g * CHANNELS + i) * GROUP + k))
            .collect();
        c.line(format!("uint32_t {};", names.join(", ")));
        for p in 0..words {
            let sum: Vec<_> = (0..GROUP).map(|k| format!("x{k}{p} * w{k}")).collect();
            c.line(format!("uint32_t t{p} = {};", sum.join(" + ")));
            c.line(format!("high{p}{i} += @high_lane(t{p});\nboth{p}{i} += t{p};"));
            c.line(format!("@SETTLED(both{p}{i});"));
        }
        c.close();
    }
    c.close();
}

/// What groups had beyond their most, tap by tap.
fn made_up(c: &mut Code, words: usize, (_, word): (usize, usize)) {
    for i in 0..CHANNELS {
        c.open("for (int32_t n = *extras++; n > 0; n--)");
        c.line("const int32_t *v = x + *extras++;").line("uint32_t w = (uint32_t)*extras++;");
        for p in 0..words {
            c.line(format!("uint32_t t{p} = (uint32_t)v[{}] * w;", p * word));
            c.line(format!("high{p}{i} += @high_lane(t{p});\nboth{p}{i} += t{p};"));
        }
        c.close();
    }
}

/// From sums to bytes: the first lane is the whole less the second.
fn outputs(c: &mut Code, job: &Job<'_>, layout: &Layout, fit: &FittedLayer) {
    let c_out = job.output.c;
    for i in 0..CHANNELS {
        if !c_out.is_multiple_of(CHANNELS) && i == 1 {
            c.open(format!("if (o + 1 < {c_out})"));
        } else {
            c.open("");
        }
        dot::channel_params(c, fit, CHANNELS, i);
        for p in 0..layout.pixels {
            c.line(format!("int32_t low{p} = (int32_t)(both{p}{i} - ((uint32_t)high{p}{i} << 16));"));
            dot::store(c, job, fit, &format!("low{p}"), p * c_out + i);
            dot::store(c, job, fit, &format!("high{p}{i}"), (layout.lane + p) * c_out + i);
        }
        c.close();
    }
    let words = if fit.is_signed() { 4 } else { 3 };
    c.line(format!("params += {};", words * CHANNELS)).line(format!("y += {CHANNELS};"));
}
