//! Convolutions.
//!
//! Quantized: `acc = sum (x - zero_x)(w - zero_w) + bias`, scaled per output channel by `scale_x * scale_w / scale_y`
//! under the rounding profile; a padded place is real 0. With a residual the scaled accumulator goes to the quantization
//! `mid`, and is then added as `add` would. Weights quantized per group have no single factor per channel: they are
//! dequantized, the convolution computed in `f32` and the result quantized, halves away from zero.

use super::scale::{Output, Sum, element_range};
use super::window::Window;
use crate::KernelError;
use crate::call::{Affine, Call, Domain, Operand};
use crate::rounding::ConvForm;
use ir::{Element, Granularity, Tensor};

/// `conv2d`.
pub(crate) fn conv2d(call: &Call<'_>) -> Result<Tensor, KernelError> {
    let (x, w) = (call.operand("x").ty, call.operand("w").ty);
    let (stride, pad, dilation) = (call.sizes("stride"), call.sizes("pad"), call.sizes("dilation"));
    let groups = call.size("groups");
    run(
        call,
        &Window {
            batch: x.shape[0],
            groups,
            c_in: w.shape[1],
            c_out: w.shape[0] / groups,
            input: [x.shape[2], x.shape[3]],
            output: [call.result.shape[2], call.result.shape[3]],
            kernel: [w.shape[2], w.shape[3]],
            stride: [stride[0], stride[1]],
            pad: [pad[0], pad[1]],
            dilation: [dilation[0], dilation[1]],
        },
    )
}

/// `conv1d`: an image of one row.
pub(crate) fn conv1d(call: &Call<'_>) -> Result<Tensor, KernelError> {
    let (x, w) = (call.operand("x").ty, call.operand("w").ty);
    let groups = call.size("groups");
    run(
        call,
        &Window {
            batch: x.shape[0],
            groups,
            c_in: w.shape[1],
            c_out: w.shape[0] / groups,
            input: [1, x.shape[2]],
            output: [1, call.result.shape[2]],
            kernel: [1, w.shape[2]],
            stride: [1, call.sizes("stride")[0]],
            pad: [0, call.sizes("pad")[0]],
            dilation: [1, call.sizes("dilation")[0]],
        },
    )
}

fn run(call: &Call<'_>, window: &Window) -> Result<Tensor, KernelError> {
    match call.domain() {
        Domain::Float => {
            let bias = call.optional("bias").map(|b| b.floats());
            let residual = residual(call).map(|r| r.floats());
            let (x, w) = (call.operand("x").floats(), call.operand("w").floats());
            Ok(call.floats(&float(call, window, &x, &w, bias, residual)))
        }
        Domain::Quantized if grouped(call) => by_reals(call, window),
        Domain::Quantized => quantized(call, window),
        Domain::Integer => Err(call.undefined()),
    }
}

fn residual<'a>(call: &Call<'a>) -> Option<Operand<'a>> {
    (call.op.name == "conv2d").then(|| call.optional("residual")).flatten()
}

fn grouped(call: &Call<'_>) -> bool {
    let quant = call.operand("w").ty.quant.as_ref();
    quant.is_some_and(|q| !matches!(q.granularity, Granularity::PerTensor | Granularity::PerAxis(0)))
}

fn float(
    call: &Call<'_>,
    window: &Window,
    x: &[f32],
    w: &[f32],
    bias: Option<Vec<f32>>,
    residual: Option<Vec<f32>>,
) -> Vec<f32> {
    let [low, high] = super::unary::act_range(call.attrs.word("act"));
    let start = |c: usize| bias.as_ref().map_or(0.0, |b| b[c]);
    let mut y = window.convolve(x, w, start, |_, acc: &[f32], out: &mut [f32]| out.copy_from_slice(acc));
    if let Some(residual) = residual {
        for (y, r) in y.iter_mut().zip(residual) {
            *y += r;
        }
    }
    for y in &mut y {
        *y = super::unary::clamp(*y, low, high);
    }
    y
}

fn quantized(call: &Call<'_>, window: &Window) -> Result<Tensor, KernelError> {
    let (x, w) = (call.operand("x"), call.operand("w"));
    let input = x.affine("x")?;
    let channels = window.groups * window.c_out;
    let weights = super::linear::Weights::new(&w, channels)?;
    let out = call.result_affine()?;
    let (element, between, act) = match call.attrs.has("mid").then(|| call.attrs.quant("mid")).flatten() {
        Some((element, quant)) => (element, Affine { scale: quant.scale[0], zero: quant.zero[0] }, "none"),
        None => (call.result.element, out, call.attrs.word("act")),
    };
    let form = ConvForm {
        unsigned: x.ty.element == Element::U8,
        groups: window.groups,
        c_in: window.groups * window.c_in,
        c_out: channels,
    };
    let scaler = |c: usize| {
        let sw = weights.scales[if weights.scales.len() == 1 { 0 } else { c }];
        call.rounding().conv([input.scale, sw, between.scale], form, c)
    };
    let output = Output::new((0..channels).map(scaler).collect(), element, between, act);
    let bias = call.optional("bias");
    let sums = Accumulation::of(&x, &weights, bias, window.taps());
    let mut y = sums.convolve(&x, input, &weights, bias, window, &output);
    if let Some(residual) = residual(call) {
        let sum = Sum::new(call, between, residual.affine("residual")?, call.result, 1)?;
        for (y, r) in y.iter_mut().zip(residual.ints()) {
            *y = sum.apply(*y, r);
        }
    }
    Ok(call.ints(&y))
}

/// How wide the sums of an integer product are, and by which rule they are scaled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Accumulation {
    /// Summed and scaled in 32 bits: what 8-bit kernels do.
    Narrow,
    /// Summed in 64 bits, saturated to 32 and scaled as those: sums that might exceed 32 bits.
    Saturated,
    /// Summed in 64 bits and scaled from them: 16-bit activations, unless their bias has 32 bits.
    Wide,
}

impl Accumulation {
    pub(crate) fn of(
        x: &Operand<'_>,
        weights: &super::linear::Weights,
        bias: Option<Operand<'_>>,
        taps: usize,
    ) -> Self {
        if x.ty.element.bits() > 8 && bias.is_none_or(|b| b.ty.element == Element::I64) {
            return Self::Wide;
        }
        let span = |[low, high]: [i32; 2]| i64::from(high) - i64::from(low);
        let product = span(element_range(x.ty.element)).saturating_mul(weights.span);
        let taps = i64::try_from(taps).unwrap_or(i64::MAX);
        let start = bias.map_or(0, |b| b.longs().into_iter().map(|v| v.saturating_abs()).max().unwrap_or(0));
        let most = product.saturating_mul(taps).saturating_add(start);
        if most <= i64::from(i32::MAX) { Self::Narrow } else { Self::Saturated }
    }

    fn convolve(
        self,
        x: &Operand<'_>,
        input: Affine,
        weights: &super::linear::Weights,
        bias: Option<Operand<'_>>,
        window: &Window,
        output: &Output,
    ) -> Vec<i32> {
        if self == Self::Narrow {
            let bias = bias.map(|b| b.ints());
            let x: Vec<i32> = x.ints().into_iter().map(|v| v - input.zero).collect();
            let start = |c: usize| bias.as_ref().map_or(0, |b| b[c]);
            return window.convolve(&x, &weights.centred, start, |c, acc: &[i32], y: &mut [i32]| {
                y.iter_mut().zip(acc).for_each(|(y, acc)| *y = output.narrow(*acc, c));
            });
        }
        let bias = bias.map(|b| b.longs());
        let x: Vec<i64> = x.ints().into_iter().map(|v| i64::from(v) - i64::from(input.zero)).collect();
        let w: Vec<i64> = weights.centred.iter().map(|v| i64::from(*v)).collect();
        let start = |c: usize| bias.as_ref().map_or(0, |b| b[c]);
        window.convolve(&x, &w, start, |c, acc: &[i64], y: &mut [i32]| {
            y.iter_mut().zip(acc).for_each(|(y, acc)| *y = self.place(*acc, c, output));
        })
    }

    /// The result of a 64-bit sum.
    pub(crate) fn place(self, acc: i64, channel: usize, output: &Output) -> i32 {
        match self {
            Self::Wide => output.wide(acc, channel),
            _ => output.narrow(crate::fixed::saturate(acc), channel),
        }
    }
}

/// The convolution of the reals behind quantized operands, for weights without one scale per channel.
fn by_reals(call: &Call<'_>, window: &Window) -> Result<Tensor, KernelError> {
    let (x, w) = (call.operand("x"), call.operand("w"));
    if call.optional("bias").is_some_and(|b| !b.ty.is_quantized()) {
        // The bias is on the scale of the accumulator, which groups do not share.
        return Err(KernelError::Granularity { what: "w" });
    }
    let bias = call.optional("bias").map(|b| b.reals());
    let residual = residual(call).map(|r| r.reals());
    let y = float(call, window, &x.reals(), &w.reals(), bias, residual);
    super::quantize::stored(call.result, &y).map(|y| call.ints(&y))
}
