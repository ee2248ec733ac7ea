//! How a kernel walks through its output, and how far below or above its output an input may therefore lie.
//!
//! An input that dies in a step may share bytes with the step's output as long as no byte is overwritten before its
//! last read. That depends only on the order in which the kernel stores and reads, so it is stated here as data.
//! Source: Blacker et al., "Diagonal Memory Optimisation", 2020; both directions of the walk are covered.

/// `base + outer * i + inner * j`: a byte position in tile `(i, j)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Affine {
    /// Position in the first tile, bytes; may be negative (padding).
    pub base: i64,
    /// Bytes added per outer step.
    pub outer: i64,
    /// Bytes added per inner step.
    pub inner: i64,
}

impl Affine {
    /// The position in tile `(i, j)`.
    pub fn at(self, i: u64, j: u64) -> i64 {
        self.base + self.outer * i as i64 + self.inner * j as i64
    }
}

/// The input bytes still to be read while a tile is being stored, by this tile or a later one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// From this byte to the input's end: a walk from low to high addresses.
    From(Affine),
    /// From the input's start up to (not including) this byte: a walk from high to low addresses.
    UpTo(Affine),
}

/// The output in the order it is stored: `outer * inner` tiles, the inner index running fastest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tiles {
    /// Outer steps (rows of an image), at least 1.
    pub outer: u64,
    /// Inner steps (pixels of a row), at least 1.
    pub inner: u64,
    /// First output byte a tile stores.
    pub write: Affine,
    /// Output bytes a tile stores; what lies outside the output is cut off (a last, partial tile).
    pub write_bytes: u64,
    /// Input bytes still needed meanwhile.
    pub need: Need,
}

/// What a kernel promises about one (input, output) pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Output and input advance together, tile by tile.
    Tiled(Tiles),
    /// The kernel can run with output and input at the same offset, by means of its own scratch
    /// (a depthwise convolution channel by channel), and at no other overlapping offset.
    SameOffset,
}

/// One way to run a step's kernel: which of its inputs may be overlapped, and how.
///
/// Pairs without an entry must not overlap. `input` and `output` index the step's own lists.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Walk {
    /// The pairs that may overlap.
    pub pairs: Vec<PairAccess>,
}

/// An [`Access`] and the pair it speaks of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PairAccess {
    /// Position in the step's `inputs`.
    pub input: usize,
    /// Position in the step's `outputs`.
    pub output: usize,
    /// The promise.
    pub access: Access,
}

/// Where an input may lie relative to an output although both are live. Disjoint placement is always allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Clearance {
    /// `input.offset >= output.offset + d` is safe.
    pub input_above: Option<u64>,
    /// `output.offset >= input.offset + d` is safe.
    pub output_above: Option<u64>,
    /// `input.offset == output.offset` is safe.
    pub same_offset: bool,
}

impl Clearance {
    /// Nothing but disjoint placement.
    pub const NONE: Clearance = Clearance { input_above: None, output_above: None, same_offset: false };

    /// Whether input and output, at these offsets, are within this clearance or disjoint.
    pub fn allows(&self, input: (u64, u64), output: (u64, u64)) -> bool {
        let ((i, i_bytes), (o, o_bytes)) = (input, output);
        i + i_bytes <= o
            || o + o_bytes <= i
            || (self.same_offset && i == o)
            || self.input_above.is_some_and(|d| i >= o + d)
            || self.output_above.is_some_and(|d| o >= i + d)
    }

    /// Safe under both.
    pub fn both(self, other: Clearance) -> Clearance {
        let max = |a: Option<u64>, b: Option<u64>| Some(a?.max(b?));
        let same = |c: Clearance| c.same_offset || c.input_above == Some(0) || c.output_above == Some(0);
        Clearance {
            input_above: max(self.input_above, other.input_above),
            output_above: max(self.output_above, other.output_above),
            same_offset: same(self) && same(other),
        }
    }

    /// Safe under one of them.
    pub fn either(self, other: Clearance) -> Clearance {
        let min = |a: Option<u64>, b: Option<u64>| match (a, b) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        Clearance {
            input_above: min(self.input_above, other.input_above),
            output_above: min(self.output_above, other.output_above),
            same_offset: self.same_offset || other.same_offset,
        }
    }
}

impl Access {
    /// The distances at which this access is safe, for buffers of these sizes in bytes.
    ///
    /// With a walk from low addresses, tile `t` stores up to `w(t)` and still needs the input from `r(t)`:
    /// `input + r(t) >= output + w(t)` for every tile that needs anything gives `d = max (w(t) - r(t))`.
    /// A negative distance is stated as 0, unless nothing is ever needed, where any placement is safe.
    pub fn clearance(&self, input_bytes: u64, output_bytes: u64) -> Clearance {
        match self {
            Access::SameOffset => Clearance { same_offset: true, ..Clearance::NONE },
            Access::Tiled(tiles) => tiles.clearance(input_bytes, output_bytes),
        }
    }
}

impl Tiles {
    /// Output bytes `[start, end)` that tile `(i, j)` stores.
    pub fn written(&self, i: u64, j: u64, output_bytes: u64) -> (u64, u64) {
        let start = self.write.at(i, j);
        let end = start + self.write_bytes as i64;
        (clip(start, output_bytes), clip(end, output_bytes))
    }

    /// Input bytes `[start, end)` still needed while tile `(i, j)` is stored.
    pub fn needed(&self, i: u64, j: u64, input_bytes: u64) -> (u64, u64) {
        match self.need {
            Need::From(first) => (clip(first.at(i, j), input_bytes), input_bytes),
            Need::UpTo(end) => (0, clip(end.at(i, j), input_bytes)),
        }
    }

    fn clearance(&self, input_bytes: u64, output_bytes: u64) -> Clearance {
        let mut distance: Option<i64> = None;
        for i in 0..self.outer {
            for j in self.corners(i, input_bytes, output_bytes) {
                let (write, need) = (self.written(i, j, output_bytes), self.needed(i, j, input_bytes));
                if write.0 == write.1 || need.0 == need.1 {
                    continue;
                }
                let here = match self.need {
                    Need::From(_) => write.1 as i64 - need.0 as i64,
                    Need::UpTo(_) => need.1 as i64 - write.0 as i64,
                };
                distance = Some(distance.map_or(here, |d| d.max(here)));
            }
        }
        let Some(distance) = distance.map(|d| d.max(0) as u64) else {
            return Clearance { input_above: Some(0), output_above: Some(0), same_offset: true };
        };
        match self.need {
            Need::From(_) => {
                Clearance { input_above: (distance < output_bytes).then_some(distance), ..Clearance::NONE }
            }
            Need::UpTo(_) => {
                Clearance { output_above: (distance < input_bytes).then_some(distance), ..Clearance::NONE }
            }
        }
    }

    /// The inner indices where the distance of row `i` can be largest: it is piecewise linear in `j`, with kinks
    /// where a write or a need meets a buffer's edge.
    fn corners(&self, i: u64, input_bytes: u64, output_bytes: u64) -> impl Iterator<Item = u64> + use<> {
        let last = self.inner - 1;
        let need = match self.need {
            Need::From(a) | Need::UpTo(a) => a,
        };
        let crossing = |a: Affine, shift: i64, edge: i64| {
            let start = a.base + a.outer * i as i64 + shift;
            let j = if a.inner == 0 { 0 } else { (edge - start).div_euclid(a.inner) };
            [j.saturating_sub(1), j, j.saturating_add(1)]
        };
        let candidates = [
            [0, 0, last as i64],
            crossing(self.write, 0, 0),
            crossing(self.write, 0, output_bytes as i64),
            crossing(self.write, self.write_bytes as i64, 0),
            crossing(self.write, self.write_bytes as i64, output_bytes as i64),
            crossing(need, 0, 0),
            crossing(need, 0, input_bytes as i64),
        ];
        candidates.into_iter().flatten().filter(move |&j| j >= 0 && j <= last as i64).map(|j| j as u64)
    }

    /// Whether a tile never needs a byte that an earlier tile has declared done with, and no position overflows.
    pub(super) fn is_monotone(&self) -> bool {
        const LIMIT: i64 = 1 << 60;
        let in_range = |a: Affine| {
            let span = |step: i64, count: u64| step.checked_abs()?.checked_mul(i64::try_from(count).ok()?);
            let parts = [a.base.checked_abs(), span(a.outer, self.outer), span(a.inner, self.inner)];
            parts.into_iter().all(|p| p.is_some_and(|p| p < LIMIT))
        };
        let (need, sign) = match self.need {
            Need::From(a) => (a, 1),
            Need::UpTo(a) => (a, -1),
        };
        if self.outer == 0 || self.inner == 0 || self.write_bytes >= LIMIT as u64 {
            return false;
        }
        in_range(self.write)
            && in_range(need)
            && need.inner * sign >= 0
            && (self.outer == 1 || (need.outer - need.inner * (self.inner as i64 - 1)) * sign >= 0)
    }

    /// An elementwise or 1x1 kernel: pixel `k` of the output depends on pixel `k` of the input alone.
    ///
    /// `buffered`: the kernel has a pixel's input in registers or scratch before it stores the pixel's first byte.
    pub fn pointwise(pixels: u64, input_pixel_bytes: u64, output_pixel_bytes: u64, buffered: bool) -> Tiles {
        let (r, w) = (input_pixel_bytes as i64, output_pixel_bytes as i64);
        Tiles {
            outer: 1,
            inner: pixels.max(1),
            write: Affine { base: 0, outer: 0, inner: w },
            write_bytes: output_pixel_bytes,
            need: Need::From(Affine { base: if buffered { r } else { 0 }, outer: 0, inner: r }),
        }
    }

    /// [`Tiles::pointwise`], walked from the last pixel to the first.
    pub fn pointwise_reversed(
        pixels: u64,
        input_pixel_bytes: u64,
        output_pixel_bytes: u64,
        buffered: bool,
    ) -> Tiles {
        let (r, w) = (input_pixel_bytes as i64, output_pixel_bytes as i64);
        let last = pixels.max(1) as i64 - 1;
        Tiles {
            outer: 1,
            inner: pixels.max(1),
            write: Affine { base: last * w, outer: 0, inner: -w },
            write_bytes: output_pixel_bytes,
            need: Need::UpTo(Affine { base: (last + i64::from(!buffered)) * r, outer: 0, inner: -r }),
        }
    }
}

/// A convolution or pooling over an NHWC image, as far as memory traffic is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// Input rows and columns.
    pub input: [u64; 2],
    /// Output rows and columns.
    pub output: [u64; 2],
    /// Bytes of one input pixel (all channels).
    pub input_pixel_bytes: u64,
    /// Bytes of one output pixel (all channels).
    pub output_pixel_bytes: u64,
    /// Stride down and across.
    pub stride: [u64; 2],
    /// Padding above and to the left, pixels.
    pub pad: [u64; 2],
}

impl Window {
    /// Stored pixel by pixel, row by row; the pixel's whole window is read while it is stored.
    pub fn by_pixel(&self) -> Tiles {
        let (row, pixel) = (self.input_row_bytes(), self.input_pixel_bytes as i64);
        let out = self.output_pixel_bytes as i64;
        let [down, across] = self.stride.map(|s| s as i64);
        let [top, left] = self.pad.map(|p| p as i64);
        // The first byte any later pixel needs: never behind the start of the next row's first window.
        let width = self.output[1].max(1) as i64;
        let across = if down * row >= across * pixel * (width - 1) { across } else { 0 };
        Tiles {
            outer: self.output[0].max(1),
            inner: self.output[1].max(1),
            write: Affine { base: 0, outer: out * width, inner: out },
            write_bytes: self.output_pixel_bytes,
            need: Need::From(Affine {
                base: -top * row - left * pixel,
                outer: down * row,
                inner: across * pixel,
            }),
        }
    }

    /// Stored row by row, in any order within a row; the input rows of the row's windows are read meanwhile.
    pub fn by_row(&self) -> Tiles {
        let row = self.input_row_bytes();
        let out_row = self.output_pixel_bytes * self.output[1];
        Tiles {
            outer: self.output[0].max(1),
            inner: 1,
            write: Affine { base: 0, outer: out_row as i64, inner: 0 },
            write_bytes: out_row,
            need: Need::From(Affine {
                base: -(self.pad[0] as i64) * row,
                outer: self.stride[0] as i64 * row,
                inner: 0,
            }),
        }
    }

    fn input_row_bytes(&self) -> i64 {
        (self.input_pixel_bytes * self.input[1]) as i64
    }
}

fn clip(position: i64, bytes: u64) -> u64 {
    position.clamp(0, bytes as i64) as u64
}
