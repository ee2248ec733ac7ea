//! The walk of a convolution, the same for every number it is computed in.

use rayon::prelude::*;

/// A number that products are summed in. Integer sums wrap: 32-bit ones are taken only where they provably fit, 64-bit ones
/// only leave their range for a bias that is nearly as large as it.
pub(crate) trait Number: Copy + Send + Sync + Default {
    /// `self + a * b`.
    fn plus(self, a: Self, b: Self) -> Self;
}

impl Number for f32 {
    #[inline]
    fn plus(self, a: Self, b: Self) -> Self {
        self + a * b
    }
}

impl Number for i32 {
    #[inline]
    fn plus(self, a: Self, b: Self) -> Self {
        self.wrapping_add(a.wrapping_mul(b))
    }
}

impl Number for i64 {
    #[inline]
    fn plus(self, a: Self, b: Self) -> Self {
        self.wrapping_add(a.wrapping_mul(b))
    }
}

/// Extents of a convolution of images `[n, c, h, w]`; pairs are rows, columns.
#[derive(Debug, Clone)]
pub(crate) struct Window {
    pub(crate) batch: usize,
    pub(crate) groups: usize,
    /// Input channels of a group.
    pub(crate) c_in: usize,
    /// Output channels of a group.
    pub(crate) c_out: usize,
    pub(crate) input: [usize; 2],
    pub(crate) output: [usize; 2],
    pub(crate) kernel: [usize; 2],
    pub(crate) stride: [usize; 2],
    /// In front only: what the window sees behind the image is padding, too.
    pub(crate) pad: [usize; 2],
    pub(crate) dilation: [usize; 2],
}

impl Window {
    /// Products summed for one output.
    pub(crate) fn taps(&self) -> usize {
        self.c_in * self.kernel[0] * self.kernel[1]
    }

    /// A pointwise convolution sees no neighbours: its image is one long row.
    fn flattened(&self) -> Self {
        let pointwise = self.kernel == [1, 1] && self.stride == [1, 1] && self.input == self.output;
        if !pointwise {
            return self.clone();
        }
        let row = [1, self.input[0] * self.input[1]];
        Self { input: row, output: row, ..self.clone() }
    }

    /// Convolves `x[n, c_in, h, w]` by `w[c_out, c_in/groups, k_h, k_w]`. Each output plane starts at `bias` of its
    /// channel, gathers the taps in the order c, k_h, k_w, and is turned into results by `finish`.
    pub(crate) fn convolve<T: Number, R: Send + Default + Clone>(
        &self,
        x: &[T],
        w: &[T],
        bias: impl Fn(usize) -> T + Sync,
        finish: impl Fn(usize, &[T], &mut [R]) + Sync,
    ) -> Vec<R> {
        let flat = self.flattened();
        let plane = self.output[0] * self.output[1];
        let channels = self.groups * self.c_out;
        let mut result = vec![R::default(); self.batch * channels * plane];
        if plane == 0 || channels == 0 {
            return result;
        }
        result.par_chunks_mut(plane).enumerate().for_each_init(Vec::new, |acc, (at, out)| {
            let (image, channel) = (at / channels, at % channels);
            acc.clear();
            acc.resize(plane, bias(channel));
            flat.gather(x, w, image, channel, acc);
            finish(channel, acc, out);
        });
        result
    }

    /// Adds all taps of one output channel to its plane.
    fn gather<T: Number>(&self, x: &[T], w: &[T], image: usize, channel: usize, acc: &mut [T]) {
        let plane = self.input[0] * self.input[1];
        let first = image * self.groups * self.c_in + channel / self.c_out * self.c_in;
        let weights = &w[channel * self.taps()..(channel + 1) * self.taps()];
        let taps = self.kernel[0] * self.kernel[1];
        for c in 0..self.c_in {
            let x = &x[(first + c) * plane..(first + c + 1) * plane];
            for ky in 0..self.kernel[0] {
                for kx in 0..self.kernel[1] {
                    self.add_tap(x, weights[c * taps + ky * self.kernel[1] + kx], [ky, kx], acc);
                }
            }
        }
    }

    /// Adds one tap of one input channel wherever it lies within the image.
    fn add_tap<T: Number>(&self, x: &[T], weight: T, tap: [usize; 2], acc: &mut [T]) {
        let [rows, columns] = [self.inside(0, tap[0]), self.inside(1, tap[1])];
        if columns.is_empty() {
            return;
        }
        for oy in rows {
            let iy = oy * self.stride[0] + tap[0] * self.dilation[0] - self.pad[0];
            let ix = columns.start * self.stride[1] + tap[1] * self.dilation[1] - self.pad[1];
            let from = &x[iy * self.input[1] + ix..(iy + 1) * self.input[1]];
            let to = &mut acc[oy * self.output[1]..][columns.clone()];
            if self.stride[1] == 1 {
                for (acc, x) in to.iter_mut().zip(from) {
                    *acc = acc.plus(*x, weight);
                }
            } else {
                for (acc, x) in to.iter_mut().zip(from.iter().step_by(self.stride[1])) {
                    *acc = acc.plus(*x, weight);
                }
            }
        }
    }

    /// The outputs along `axis` for which tap `k` lies within the image.
    fn inside(&self, axis: usize, k: usize) -> std::ops::Range<usize> {
        let (stride, offset, pad) = (self.stride[axis], k * self.dilation[axis], self.pad[axis]);
        let first = pad.saturating_sub(offset).div_ceil(stride);
        let end = (self.input[axis] + pad).saturating_sub(offset).div_ceil(stride);
        first..end.min(self.output[axis]).max(first)
    }
}
