//! Where a block's inputs lie in scratch memory.

use super::{Core, Job};

/// What scratch memory holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// A window of image rows.
    Rows,
    /// The pixels of one block, interleaved step by step.
    Pixels,
}

/// The order of four neighbouring numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    /// 0, 1, 2, 3.
    Natural,
    /// 0, 2, 1, 3: what splitting a word of four bytes into two words of two halves gives.
    Split,
}

/// Sizes and strides, in numbers unless stated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Layout {
    pub(crate) source: Source,
    pub(crate) order: Order,
    /// Numbers per pixel; at least the channels.
    pub(crate) pixel: usize,
    /// Channels of the image.
    pub(crate) channels: usize,
    /// Contiguous runs a dot product walks.
    pub(crate) segments: usize,
    /// Length of a run, padded to the core's step.
    pub(crate) segment: usize,
    /// From the start of a run to the start of the next.
    pub(crate) segment_step: usize,
    /// Length of a window row.
    pub(crate) row: usize,
    /// Rows of the window.
    pub(crate) rows: usize,
    /// Image columns the windows see.
    pub(crate) columns: usize,
    /// Window numbers side by side in a block: its pixels, or half of them with two lanes.
    pub(crate) pixels: usize,
    /// Pixels in a block.
    pub(crate) block: usize,
    /// Output columns that blocks are counted over: all, or half of them with two lanes.
    pub(crate) width: usize,
    /// Output pixels from the first lane to the second.
    pub(crate) lane: usize,
    /// From one pixel of a block to the next.
    pub(crate) pixel_step: usize,
    /// Scratch numbers in all.
    pub(crate) numbers: usize,
}

impl Layout {
    /// The cheapest layout of a job on a core; `None` where the dilation has no contiguous runs.
    pub(crate) fn choose(job: &Job<'_>, core: &dyn Core) -> Option<Layout> {
        let w = &job.window;
        let pointwise = w.kernel == [1, 1] && w.stride == [1, 1] && w.pad == [0, 0];
        if pointwise && job.input.h == job.output.h && job.input.w == job.output.w {
            return Some(Layout::pixels(job, core));
        }
        let dense_columns = w.dilation[1] == 1 || w.kernel[1] == 1;
        if !dense_columns && w.kernel[0] != 1 {
            return None;
        }
        let step = core.step();
        let candidates = job.input.c..=core.widest_pixel(job.input.c);
        let aligned = |pixel: &usize| core.may_start(pixel * w.stride[1]);
        let cost = |pixel: &usize| {
            let run = if dense_columns { w.kernel[1] * pixel } else { *pixel };
            // Ties go to whole steps per pixel, whose widening is cheaper.
            (run.next_multiple_of(step), usize::from(!pixel.is_multiple_of(step)))
        };
        let pixel = candidates.filter(aligned).min_by_key(cost)?;
        Some(Layout::rows(job, core, pixel, dense_columns))
    }

    fn rows(job: &Job<'_>, core: &dyn Core, pixel: usize, dense_columns: bool) -> Layout {
        let (w, step) = (&job.window, core.step());
        let rows = (w.kernel[0] - 1) * w.dilation[0] + 1;
        let width = job.output.w.div_ceil(core.lanes());
        let columns = (width - 1) * w.stride[1] + (w.kernel[1] - 1) * w.dilation[1] + 1;
        let row = (columns * pixel).next_multiple_of(step);
        let (segments, run, segment_step) = if dense_columns {
            (w.kernel[0], w.kernel[1] * pixel, w.dilation[0] * row)
        } else {
            (w.kernel[1], pixel, w.dilation[1] * pixel)
        };
        let segment = run.next_multiple_of(step);
        let steps = segments * segment / step;
        let cost = |&p: &usize| width.div_ceil(p) * core.block_cost(steps, p, job.output.c);
        let pixels = (1..=core.most_pixels().min(width)).min_by_key(cost).unwrap_or(1);
        Layout {
            source: Source::Rows,
            order: if pixel.is_multiple_of(step) { Order::Split } else { Order::Natural },
            pixel,
            channels: job.input.c,
            segments,
            segment,
            segment_step,
            row,
            rows,
            columns,
            pixels,
            block: pixels * core.lanes(),
            width,
            lane: job.output.w - width,
            pixel_step: w.stride[1] * pixel,
            // Padding of the last run may reach past the last row.
            numbers: rows * row + segment - run,
        }
    }

    fn pixels(job: &Job<'_>, core: &dyn Core) -> Layout {
        let step = core.step();
        let segment = job.input.c.next_multiple_of(step);
        let count = job.input.elements() / job.input.c;
        let lanes = core.lanes();
        let cost = |&p: &usize| count.div_ceil(p * lanes) * core.block_cost(segment / step, p, job.output.c);
        let pixels = (1..=core.most_pixels().min(count.div_ceil(lanes))).min_by_key(cost).unwrap_or(1);
        Layout {
            source: Source::Pixels,
            order: Order::Split,
            pixel: segment,
            channels: job.input.c,
            segments: 1,
            segment,
            segment_step: 0,
            row: 0,
            rows: 0,
            columns: 0,
            pixels,
            block: pixels * lanes,
            width: 0,
            lane: if lanes == 1 { 0 } else { pixels },
            pixel_step: if step == 1 { segment } else { core.interleave() },
            numbers: segment * pixels,
        }
    }

    /// Kernel row, kernel column and channel of number `k` of run `segment`.
    pub(crate) fn tap(&self, job: &Job<'_>, segment: usize, k: usize) -> (usize, usize, usize) {
        let (pixel, channel) = (k / self.pixel, k % self.pixel);
        let dense_columns = job.window.dilation[1] == 1 || job.window.kernel[1] == 1;
        if self.source == Source::Rows && !dense_columns {
            return (0, if pixel == 0 { segment } else { usize::MAX }, channel);
        }
        (segment, pixel, channel)
    }
}
