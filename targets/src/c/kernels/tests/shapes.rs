//! Random specs: small shapes, all the corners a kernel's loops can have.

use crate::c::kernels::spec::*;

/// A seeded stream of numbers (xorshift).
pub(super) struct Random(u64);

impl Random {
    pub(super) fn new(seed: u64) -> Random {
        Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    /// In `low ..= high`.
    pub(super) fn range(&mut self, low: i64, high: i64) -> i64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        low + ((self.0 >> 11) % (high - low + 1) as u64) as i64
    }

    fn size(&mut self, low: usize, high: usize) -> usize {
        self.range(low as i64, high as i64) as usize
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.size(0, from.len() - 1)]
    }
}

/// `count` specs, convolutions for the most part; the first is a convolution.
pub(super) fn all(seed: u64, count: usize) -> Vec<OpSpec> {
    let mut r = Random::new(seed);
    (0..count)
        .map(|i| match i % 9 {
            0..=2 => conv(&mut r, i),
            3 | 4 => depthwise(&mut r),
            5 => pointwise(&mut r),
            6 => dense(&mut r),
            7 => fused(&mut r),
            _ => add(&mut r),
        })
        .collect()
}

fn window(r: &mut Random, kernel: [usize; 2], dilation: usize) -> Window {
    Window {
        kernel,
        stride: [r.pick(&[1, 1, 2, 3]), r.pick(&[1, 1, 2, 3])],
        dilation: [dilation; 2],
        pad: [r.size(0, kernel[0] - 1), r.size(0, kernel[1] - 1)],
    }
}

/// Output extent for some padding behind the image, from none to as much as before it and one more.
fn extent(r: &mut Random, input: usize, w: &Window, axis: usize) -> usize {
    let reach = (w.kernel[axis] - 1) * w.dilation[axis] + 1;
    let behind = r.size(0, w.pad[axis] + 1);
    let padded = (input + w.pad[axis] + behind).max(reach);
    ((padded - reach) / w.stride[axis] + 1).min((input + w.pad[axis]).div_ceil(w.stride[axis]).max(1))
}

fn conv(r: &mut Random, i: usize) -> OpSpec {
    let kernel = r.pick(&[[3, 3], [1, 1], [2, 3], [5, 1], [1, 4], [3, 5]]);
    let dilation = r.pick(&[1, 1, 1, 2]);
    let w = window(r, kernel, dilation);
    let input =
        Image { n: r.pick(&[1, 1, 2]), h: r.size(1, 7), w: r.size(1, 9), c: r.pick(&[1, 2, 3, 4, 5, 8, 12]) };
    let c_out = r.pick(&[1, 2, 3, 5, 8, 10]);
    let groups =
        if i % 5 == 4 && input.c.is_multiple_of(2) && usize::is_multiple_of(c_out, 2) { 2 } else { 1 };
    conv_of(r, input, c_out, w, groups)
}

fn depthwise(r: &mut Random) -> OpSpec {
    let kernel = r.pick(&[[3, 3], [3, 3], [1, 3], [5, 5], [2, 2]]);
    let w = window(r, kernel, 1);
    // Now and then tall enough to be cut into bands.
    let tall = r.range(0, 4) == 0;
    let h = if tall { r.pick(&[24, 30, 36]) } else { r.size(1, 8) };
    let input = Image { n: 1, h, w: if tall { r.size(30, 66) } else { r.size(1, 13) }, c: r.size(2, 9) };
    conv_of(r, input, input.c, w, input.c)
}

fn pointwise(r: &mut Random) -> OpSpec {
    let w = Window { kernel: [1, 1], stride: [1, 1], dilation: [1, 1], pad: [0, 0] };
    let input =
        Image { n: r.pick(&[1, 1, 2]), h: r.size(1, 5), w: r.size(1, 5), c: r.pick(&[3, 4, 8, 16, 22, 64]) };
    let c_out = r.pick(&[1, 4, 7, 16, 40]);
    conv_of(r, input, c_out, w, 1)
}

fn conv_of(r: &mut Random, input: Image, c_out: usize, window: Window, groups: usize) -> OpSpec {
    let output =
        Image { n: input.n, h: extent(r, input.h, &window, 0), w: extent(r, input.w, &window, 1), c: c_out };
    let taps = window.kernel[0] * window.kernel[1] * (input.c / groups);
    let linear = Linear::Integer(linear(r, taps, c_out));
    OpSpec::Conv2d(Conv2dSpec { input, output, window, groups, linear, residual: None })
}

fn fused(r: &mut Random) -> OpSpec {
    loop {
        let w = Window { kernel: [1, 1], stride: [1, 1], dilation: [1, 1], pad: [0, 0] };
        let input = Image { n: 1, h: r.size(1, 8), w: r.size(1, 9), c: r.pick(&[2, 3, 4, 8]) };
        let c_mid = r.pick(&[2, 3, 4, 8]);
        let OpSpec::Conv2d(mut first) = conv_of(r, input, c_mid, w, 1) else { continue };
        first.output = Image { c: c_mid, ..input };
        let kernel = r.pick(&[[3, 3], [3, 3], [2, 3], [1, 3]]);
        let depthwise = r.range(0, 3) > 0;
        let (c_out, groups) = if depthwise { (c_mid, c_mid) } else { (5, 1) };
        let w = window(r, kernel, 1);
        let OpSpec::Conv2d(second) = conv_of(r, first.output, c_out, w, groups) else { continue };
        let mut pair = FusedSpec { first, second };
        let (Linear::Integer(a), Linear::Integer(b)) = (&mut pair.first.linear, &mut pair.second.linear)
        else {
            continue;
        };
        if a.x == Element::I8 && b.x == Element::I8 {
            b.x_zero_point = a.requantize.zero_point;
            return OpSpec::Fused(Box::new(pair));
        }
    }
}

fn dense(r: &mut Random) -> OpSpec {
    let (rows, c_in, c_out) = (r.pick(&[1, 1, 2, 5]), r.pick(&[1, 3, 16, 37, 64]), r.pick(&[1, 2, 3, 10]));
    OpSpec::Dense(DenseSpec { rows, c_in, c_out, linear: Linear::Integer(linear(r, c_in, c_out)) })
}

fn scale(real: f64) -> Scale {
    let shift = real.log2().floor() as i32 + 1;
    Scale {
        multiplier: ((real * f64::from(31 - shift).exp2()).round() as i64).min(i64::from(i32::MAX)) as i32,
        shift,
    }
}

/// Arithmetic whose outputs fill the range: scales follow from the number of taps. Now and then unsigned bytes, weights with
/// zero points, one scale for all channels, dead channels with absurd biases.
fn linear(r: &mut Random, taps: usize, c_out: usize) -> IntegerLinear {
    let element = r.pick(&[Element::I8, Element::I8, Element::I8, Element::U8]);
    let [low, high] = element.range().unwrap_or([0, 0]);
    let asymmetric = element == Element::U8 || r.range(0, 7) == 0;
    let weights = (0..taps * c_out)
        .map(|_| r.range(if asymmetric { i64::from(low) } else { -127 }, i64::from(high)) as i16)
        .collect();
    let spread = 90.0 * 74.0 * (taps as f64).sqrt();
    let scales = (0..r.pick(&[1, c_out, c_out]))
        .map(|_| scale(60.0 / spread * (0.3 + r.range(0, 100) as f64 / 80.0)))
        .collect();
    let bias = (0..c_out)
        .map(|_| if r.range(0, 15) == 0 { r.pick(&[1 << 29, -(1 << 29)]) } else { r.range(-3000, 3000) })
        .collect();
    let zero_point = r.range(i64::from(low), i64::from(high)) as i32;
    let clamp =
        r.pick(&[[low, high], [low, high], [zero_point, high], [zero_point, (zero_point + 90).min(high)]]);
    IntegerLinear {
        x: element,
        w: element,
        y: element,
        x_zero_point: r.range(i64::from(low), i64::from(high)) as i32,
        w_zero_points: vec![if asymmetric { r.range(i64::from(low), i64::from(high)) as i32 } else { 0 }],
        weights,
        bias,
        requantize: Requantize {
            scales,
            rounding: r.pick(&[Rounding::Double, Rounding::Double, Rounding::Single]),
            zero_point,
            clamp,
        },
    }
}

fn add(r: &mut Random) -> OpSpec {
    let shape = vec![1, r.size(1, 4), r.size(1, 5), r.size(1, 8)];
    let [a, b] = [0, 1].map(|_| 0.01 + r.range(0, 1000) as f64 / 20_000.0);
    let y = a.max(b) * (0.7 + r.range(0, 100) as f64 / 100.0);
    let twice = 2.0 * a.max(b);
    let zero_point = r.range(-128, 127) as i32;
    let output = Requantize {
        scales: vec![scale(twice / (1_048_576.0 * y))],
        rounding: r.pick(&[Rounding::Double, Rounding::Single]),
        zero_point,
        clamp: r.pick(&[[-128, 127], [zero_point, 127]]),
    };
    let mut operand = |s: f64| AddOperand { zero_point: r.range(-128, 127) as i32, scale: scale(s / twice) };
    let add = IntegerAdd { left_shift: 20, first: operand(a), second: operand(b), output };
    OpSpec::Binary(BinarySpec {
        element: Element::I8,
        a: shape.clone(),
        b: shape.clone(),
        y: shape,
        op: if r.range(0, 3) == 0 { BinaryOp::Sub(add) } else { BinaryOp::Add(add) },
        constant_b: None,
    })
}
