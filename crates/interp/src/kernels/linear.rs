//! Fully connected layers and matrix products.
//!
//! Quantized dense: `acc = sum (x - zero_x)(w - zero_w) + bias`, scaled under the profile. Quantized matmul: the same with
//! two activations and no bias.

use super::conv::Accumulation;
use super::scale::{Output, element_range};
use super::window::Number;
use crate::call::{Call, Domain, Operand, advance};
use crate::{KernelError, Rounding};
use ir::{Element, Granularity, Tensor};
use rayon::prelude::*;

/// Quantized weights with the output channel as their first axis: one scale for all or one per channel.
pub(crate) struct Weights {
    /// Stored values less their zero points.
    pub(crate) centred: Vec<i32>,
    /// One, or one per output channel.
    pub(crate) scales: Vec<f32>,
    /// Largest magnitude a centred value of this element may have.
    pub(crate) span: i64,
}

impl Weights {
    pub(crate) fn new(w: &Operand<'_>, channels: usize) -> Result<Self, KernelError> {
        let quant = w.ty.quant.as_ref().ok_or(KernelError::Granularity { what: "w" })?;
        if !matches!(quant.granularity, Granularity::PerTensor | Granularity::PerAxis(0)) {
            return Err(KernelError::Granularity { what: "w" });
        }
        let mut centred = w.ints();
        let row = (centred.len() / channels.max(1)).max(1);
        for (channel, row) in centred.chunks_mut(row).enumerate() {
            let zero = quant.zero[if quant.zero.len() == 1 { 0 } else { channel }];
            row.iter_mut().for_each(|v| *v -= zero);
        }
        let [low, high] = element_range(w.ty.element);
        let far = |zero: &i32| (i64::from(high) - i64::from(*zero)).max(i64::from(*zero) - i64::from(low));
        let span = quant.zero.iter().map(far).max().unwrap_or(0);
        Ok(Self { centred, scales: quant.scale.clone(), span })
    }
}

/// `dense`.
pub(crate) fn dense(call: &Call<'_>) -> Result<Tensor, KernelError> {
    let (x, w) = (call.operand("x"), call.operand("w"));
    let [c_out, c_in] = [w.ty.shape[0], w.ty.shape[1]];
    match call.domain() {
        Domain::Float => {
            let bias = call.optional("bias").map(|b| b.floats());
            let y = float_dense(call, &x.floats(), &w.floats(), bias, [c_out, c_in]);
            Ok(call.floats(&y))
        }
        Domain::Quantized => match Weights::new(&w, c_out) {
            Ok(weights) => quantized_dense(call, &weights, [c_out, c_in]),
            Err(_) if call.optional("bias").is_none_or(|b| b.ty.is_quantized()) => {
                // Weights quantized per group: the layer of the reals, quantized, halves away from zero.
                let bias = call.optional("bias").map(|b| b.reals());
                let y = float_dense(call, &x.reals(), &w.reals(), bias, [c_out, c_in]);
                super::quantize::stored(call.result, &y).map(|y| call.ints(&y))
            }
            Err(error) => Err(error),
        },
        Domain::Integer => Err(call.undefined()),
    }
}

fn float_dense(
    call: &Call<'_>,
    x: &[f32],
    w: &[f32],
    bias: Option<Vec<f32>>,
    [c_out, c_in]: [usize; 2],
) -> Vec<f32> {
    let [low, high] = super::unary::act_range(call.attrs.word("act"));
    let start = |c: usize| bias.as_ref().map_or(0.0, |b| b[c]);
    rows(x, w, [c_out, c_in], call.result.elements(), start, |_, acc| super::unary::clamp(acc, low, high))
}

fn quantized_dense(call: &Call<'_>, weights: &Weights, size: [usize; 2]) -> Result<Tensor, KernelError> {
    let x = call.operand("x");
    let (input, out) = (x.affine("x")?, call.result_affine()?);
    let (unsigned, per_channel) = (x.ty.element == Element::U8, weights.scales.len() > 1);
    let bias = call.optional("bias");
    let sums = Accumulation::of(&x, weights, bias, size[1]);
    // TFLite's built-in kernels leave 64-bit sums to the reference.
    let rounding = match (call.rounding(), sums) {
        (Rounding::TfliteBuiltin, Accumulation::Wide) => Rounding::TfliteRef,
        (rounding, _) => rounding,
    };
    let scaler = |sw: &f32| rounding.dense([input.scale, *sw, out.scale], unsigned, per_channel);
    let scalers = weights.scales.iter().map(scaler).collect();
    let output = Output::new(scalers, call.result.element, out, call.attrs.word("act"));
    let y = if sums == Accumulation::Narrow {
        let x: Vec<i32> = x.ints().into_iter().map(|v| v - input.zero).collect();
        let bias = bias.map(|b| b.ints());
        let start = |c: usize| bias.as_ref().map_or(0, |b| b[c]);
        let elements = call.result.elements();
        rows(&x, &weights.centred, size, elements, start, |c, acc| output.narrow(acc, c))
    } else {
        let x: Vec<i64> = x.ints().into_iter().map(|v| i64::from(v) - i64::from(input.zero)).collect();
        let w: Vec<i64> = weights.centred.iter().map(|v| i64::from(*v)).collect();
        let bias = bias.map(|b| b.longs());
        let start = |c: usize| bias.as_ref().map_or(0, |b| b[c]);
        rows(&x, &w, size, call.result.elements(), start, |c, acc| sums.place(acc, c, &output))
    };
    Ok(call.ints(&y))
}

/// Every row of `x[.., c_in]` times every row of `w[c_out, c_in]`, summed from `start` in order.
fn rows<T: Number, R: Send + Default + Clone>(
    x: &[T],
    w: &[T],
    [c_out, c_in]: [usize; 2],
    elements: usize,
    start: impl Fn(usize) -> T + Sync,
    finish: impl Fn(usize, T) -> R + Sync,
) -> Vec<R> {
    let mut y = vec![R::default(); elements];
    if elements > 0 {
        y.par_chunks_mut(c_out).enumerate().for_each(|(row, y)| {
            let x = &x[row * c_in..(row + 1) * c_in];
            for (c, y) in y.iter_mut().enumerate() {
                *y = finish(c, dot(start(c), x, &w[c * c_in..(c + 1) * c_in]));
            }
        });
    }
    y
}

fn dot<T: Number>(start: T, a: &[T], b: &[T]) -> T {
    let mut acc = start;
    for (a, b) in a.iter().zip(b) {
        acc = acc.plus(*a, *b);
    }
    acc
}

/// `matmul`.
pub(crate) fn matmul(call: &Call<'_>) -> Result<Tensor, KernelError> {
    let (a, b) = (call.operand("a"), call.operand("b"));
    let product = Product::new(call);
    match call.domain() {
        Domain::Float => {
            let (a, b) = (a.floats(), b.floats());
            Ok(call.floats(&product.run(&a, &b, |acc| acc)))
        }
        Domain::Quantized => {
            let (qa, qb, out) = (a.affine("a")?, b.affine("b")?, call.result_affine()?);
            let scaler = call.rounding().matmul([qa.scale, qb.scale, out.scale]);
            let output = Output::new(vec![scaler], call.result.element, out, "none");
            let centred =
                |x: &Operand<'_>, zero: i32| -> Vec<i32> { x.ints().into_iter().map(|v| v - zero).collect() };
            let (a_values, b_values) = (centred(&a, qa.zero), centred(&b, qb.zero));
            // 255 * 255 * k stays below 2^31 for k up to 2^15; wider operands and longer sums take 64 bits.
            if a.ty.element.bits().max(b.ty.element.bits()) <= 8 && product.k <= 1 << 15 {
                return Ok(call.ints(&product.run(&a_values, &b_values, |acc| output.narrow(acc, 0))));
            }
            let long = |v: Vec<i32>| -> Vec<i64> { v.into_iter().map(i64::from).collect() };
            let sums = if a.ty.element.bits() > 8 { Accumulation::Wide } else { Accumulation::Saturated };
            let place = |acc: i64| sums.place(acc, 0, &output);
            Ok(call.ints(&product.run(&long(a_values), &long(b_values), place)))
        }
        Domain::Integer => Err(call.undefined()),
    }
}

/// Extents of a matrix product with broadcast outer axes.
struct Product {
    m: usize,
    k: usize,
    n: usize,
    transposed: bool,
    /// For each matrix of the result: which of `a` and of `b` it is the product of.
    pairs: Vec<[usize; 2]>,
}

impl Product {
    fn new(call: &Call<'_>) -> Self {
        let (a, b) = (&call.operand("a").ty.shape, &call.operand("b").ty.shape);
        let shape = &call.result.shape;
        let outer = &shape[..shape.len() - 2];
        let mut index = vec![0; outer.len()];
        let pairs = (0..outer.iter().product()).map(|_| {
            let pair = [a, b].map(|of| place(&of[..of.len() - 2], &index));
            advance(&mut index, outer);
            pair
        });
        let (m, k, n) = (shape[shape.len() - 2], a[a.len() - 1], shape[shape.len() - 1]);
        Self { m, k, n, transposed: call.attrs.int("transpose_b") != 0, pairs: pairs.collect() }
    }

    fn run<T: Number, R: Send + Default + Clone>(
        &self,
        a: &[T],
        b: &[T],
        finish: impl Fn(T) -> R + Sync,
    ) -> Vec<R> {
        let (m, k, n) = (self.m, self.k, self.n);
        let mut y = vec![R::default(); self.pairs.len() * m * n];
        if y.is_empty() {
            return y;
        }
        y.par_chunks_mut(n).enumerate().for_each(|(at, y)| {
            let ([pa, pb], row) = (self.pairs[at / m], at % m);
            let a = &a[(pa * m + row) * k..(pa * m + row + 1) * k];
            let b = &b[pb * k * n..(pb + 1) * k * n];
            let mut acc = vec![T::default(); n];
            if self.transposed {
                acc.iter_mut()
                    .enumerate()
                    .for_each(|(j, acc)| *acc = dot(T::default(), a, &b[j * k..(j + 1) * k]));
            } else {
                for (a, b) in a.iter().zip(b.chunks_exact(n)) {
                    acc.iter_mut().zip(b).for_each(|(acc, b)| *acc = acc.plus(*a, *b));
                }
            }
            y.iter_mut().zip(acc).for_each(|(y, acc)| *y = finish(acc));
        });
        y
    }
}

/// Row-major position in a tensor of `shape` of the element that `index` of a broadcast result reads.
fn place(shape: &[usize], index: &[usize]) -> usize {
    let missing = index.len() - shape.len();
    shape
        .iter()
        .zip(&index[missing..])
        .fold(0, |at, (extent, i)| at * extent + if *extent == 1 { 0 } else { *i })
}
