//! The loops around a block: windows of rows, or pixels.

use hw::memory::{Access, Affine, Need, Tiles, Walk};

use super::{Core, Job, Layout, Source};
use crate::c::kernels::code::Code;
use crate::c::kernels::fit::{accumulator_ranges, fit_layer};
use crate::c::kernels::portable::{Builder, plus};
use crate::c::kernels::spec::Element;
use crate::c::kernels::{Argument, Function, Kernel};

/// The kernel of a job on a core; `None` where only portable loops will do.
pub(crate) fn kernel(job: &Job<'_>, core: &dyn Core, walk: Option<usize>) -> Option<Kernel> {
    let l = job.linear;
    let tunable = l.x == Element::I8 && l.y == Element::I8 && l.w == Element::I8;
    if !tunable || l.w_zero_points.iter().any(|&z| z != 0) || job.output.elements() == 0 {
        return None;
    }
    let layout = Layout::choose(job, core)?;
    let fit = fit_layer(&l.requantize, &accumulator_ranges(l, job.taps()), core.pre_shifts())?;
    let mut b = Builder::new();
    b.input(0, Element::I8, "x").output(Element::I8);
    let tail = tail_pixels(job, &layout);
    let window_bytes = (layout.numbers * core.element_bytes()).next_multiple_of(8);
    let more = if tail > 0 { layout.block * job.output.c } else { core.line_bytes(job, &layout) };
    b.scratch(core.element(), window_bytes + more);
    b.constant("weights", core.weights(job, &layout)?).constant("params", core.params(job, &fit));
    let extras = core.extras(job, &layout);
    let arguments = if extras.is_some() { "weights, params, extras" } else { "weights, params" };
    if let Some(extras) = extras {
        b.constant("extras", extras);
    }
    for &helper in core.helpers() {
        b.helper(helper);
    }
    let (body, walks) = match layout.source {
        Source::Rows => (rows(job, core, &layout, arguments), row_walks(job)),
        Source::Pixels => {
            let reversed = walk == Some(1);
            let body = pixels(job, core, &layout, reversed, window_bytes, arguments);
            (body, pixel_walks(job, &layout))
        }
    };
    b.walks = walks;
    let block = Function {
        stem: format!("dot_{}x{}x{}_{}", layout.segments, layout.segment, job.output.c, layout.block),
        parameters: format!(
            "const {} *x, int8_t *y, const int8_t *weights, const int32_t *params{}",
            core.element(),
            if arguments.ends_with("extras") { ", const int16_t *extras" } else { "" }
        ),
        summary: format!(
            "{} pixels, {} channels: dot products of {} runs of {}.",
            layout.block, job.output.c, layout.segments, layout.segment
        ),
        apart: true,
        body: core.block(job, &layout, &fit),
    };
    let mut kernel = b.finish(job.stem.clone(), job.summary.clone(), body, job.macs);
    kernel.callees.push(block);
    debug_assert_eq!(kernel.arguments[2].0, Argument::Scratch);
    Some(kernel)
}

/// Pixels left over when whole blocks are done; only single pixels are computed apart, rows overlap their last block instead.
fn tail_pixels(job: &Job<'_>, layout: &Layout) -> usize {
    match layout.source {
        Source::Rows => 0,
        Source::Pixels => (job.input.elements() / job.input.c) % layout.block,
    }
}

fn rows(job: &Job<'_>, core: &dyn Core, layout: &Layout, arguments: &str) -> String {
    let (w, row) = (&job.window, layout.row);
    let stride = w.stride[0];
    let pad = w.pad[0] as i32;
    let mut c = Code::new();
    if job.input.n > 1 {
        c.count("n", job.input.n);
    }
    core.prepare(&mut c, job, layout);
    c.count("oy", job.output.h);
    let kept = layout.rows.saturating_sub(stride);
    if kept > 0 {
        c.line(format!("int32_t first = oy == 0 ? 0 : {kept};"));
        c.open(format!("for (int32_t r = 0; oy > 0 && r < {kept}; r++)"));
        let (to, from) = (format!("scratch + r * {row}"), format!("scratch + (r + {stride}) * {row}"));
        core.copy(&mut c, &to, &from, row);
        c.close();
        c.open(format!("for (int32_t r = first; r < {}; r++)", layout.rows));
    } else {
        c.open(format!("for (int32_t r = 0; r < {}; r++)", layout.rows));
    }
    c.line(format!("int32_t iy = {};", plus(&format!("oy * {stride} + r"), -pad)));
    core.row(&mut c, job, layout);
    c.close();
    let (p, width) = (layout.pixels, layout.width);
    if width == p {
        c.line(format!("@@0(scratch, y, {arguments});"));
    } else {
        c.open(format!("for (int32_t ox = 0; ox < {width}; ox += {p})"));
        if width % p != 0 {
            c.line("/* The last block ends with the row and computes some pixels again. */");
            c.line(format!("int32_t at = ox < {0} ? ox : {0};", width - p));
        } else {
            c.line("int32_t at = ox;");
        }
        c.line(format!("@@0(scratch + at * {}, y + at * {}, {arguments});", layout.pixel_step, job.output.c));
        c.close();
    }
    c.line(format!("y += {};", job.output.w * job.output.c)).close();
    if job.input.n > 1 {
        c.line(format!("x += {};", job.input.h * job.input.w * job.input.c)).close();
    }
    c.finish()
}

fn pixels(
    job: &Job<'_>,
    core: &dyn Core,
    layout: &Layout,
    reversed: bool,
    window_bytes: usize,
    arguments: &str,
) -> String {
    let (c_in, c_out, p) = (job.input.c, job.output.c, layout.block);
    let count = job.input.elements() / c_in;
    let (blocks, tail) = (count / p, count % p);
    let mut c = Code::new();
    let single = blocks == 1 && tail == 0;
    if single {
        core.gather(&mut c, layout, "x", c_in, p);
        c.line(format!("@@0(scratch, y, {arguments});"));
        return c.finish();
    }
    if reversed {
        c.line("/* From the last pixel to the first: the output lies above the input. */");
        c.open(format!("for (int32_t i = {}; i >= {tail}; i -= {p})", count - p));
    } else {
        c.open(format!("for (int32_t i = 0; i < {}; i += {p})", blocks * p));
    }
    c.line(format!("const int8_t *from = x + i * {c_in};"));
    core.gather(&mut c, layout, "from", c_in, p);
    c.line(format!("@@0(scratch, y + i * {c_out}, {arguments});")).close();
    if tail > 0 {
        // Walking down, the blocks end above the first pixels; walking up, below the last ones.
        let first = if reversed { 0 } else { blocks * p };
        c.line("/* The remaining pixels: a whole block, of which only they are kept. */");
        c.line(format!("const int8_t *from = x + {};", first * c_in));
        c.line(format!("int8_t *rest = (int8_t *)scratch + {window_bytes};"));
        core.gather(&mut c, layout, "from", c_in, tail);
        c.line(format!("@@0(scratch, rest, {arguments});"));
        c.line(format!("memcpy(y + {}, rest, {});", first * c_out, tail * c_out));
    }
    c.finish()
}

/// A row of the output is stored after every input row of its windows is in scratch.
fn row_walks(job: &Job<'_>) -> Vec<Walk> {
    if job.input.n != 1 {
        return Vec::new();
    }
    let row = (job.input.w * job.input.c) as i64;
    let out = (job.output.w * job.output.c) as i64;
    let w = &job.window;
    let rows = ((w.kernel[0] - 1) * w.dilation[0] + 1) as i64;
    let tiles = Tiles {
        outer: job.output.h as u64,
        inner: 1,
        write: Affine { base: 0, outer: out, inner: 0 },
        write_bytes: out as u64,
        need: Need::From(Affine {
            // With a stride beyond the window the rows between are never read; they are still counted as needed.
            base: (rows.min(w.stride[0] as i64 + rows - 1) - w.pad[0] as i64) * row,
            outer: w.stride[0] as i64 * row,
            inner: 0,
        }),
    };
    vec![Walk::single(0, 0, Access::Tiled(tiles))]
}

/// A block of pixels is stored after it is in scratch; upwards, or downwards.
fn pixel_walks(job: &Job<'_>, layout: &Layout) -> Vec<Walk> {
    let (x, y, p) = (job.input.c as i64, job.output.c as i64, layout.block as i64);
    let count = (job.input.elements() / job.input.c) as i64;
    let up = Tiles {
        outer: 1,
        inner: (count + p - 1) as u64 / p as u64,
        write: Affine { base: 0, outer: 0, inner: p * y },
        write_bytes: (p * y) as u64,
        need: Need::From(Affine { base: p * x, outer: 0, inner: p * x }),
    };
    let down = Tiles {
        write: Affine { base: (count - p) * y, outer: 0, inner: -p * y },
        need: Need::UpTo(Affine { base: (count - p) * x, outer: 0, inner: -p * x }),
        ..up
    };
    vec![Walk::single(0, 0, Access::Tiled(up)), Walk::single(0, 0, Access::Tiled(down))]
}
