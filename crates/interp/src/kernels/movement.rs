//! Ops that move elements. Values stay as they are stored, but for concat of operands on different scales.

use super::binary::{offsets, walk};
use super::scale::element_range;
use crate::KernelError;
use crate::call::{Call, Operand, encode_ints};
use ir::Tensor;

/// The result whose elements are those of `x` at `from`, in order.
fn picked(call: &Call<'_>, x: &Operand<'_>, from: impl Iterator<Item = usize>) -> Tensor {
    let width = x.ty.element.bytes();
    let bytes = x.data.bytes();
    let mut result = Vec::with_capacity(call.result.bytes());
    for at in from {
        result.extend_from_slice(&bytes[at * width..(at + 1) * width]);
    }
    made(call, result)
}

fn made(call: &Call<'_>, bytes: Vec<u8>) -> Tensor {
    let result = call.result;
    Tensor::from_bytes(result.element, result.shape.clone(), bytes).expect("a kernel fills its result")
}

/// Distances between neighbours along each axis, row-major.
pub(crate) fn strides(shape: &[usize]) -> Vec<usize> {
    let mut strides = vec![1; shape.len()];
    for axis in (1..shape.len()).rev() {
        strides[axis - 1] = strides[axis] * shape[axis];
    }
    strides
}

/// `reshape`.
pub(crate) fn reshape(call: &Call<'_>) -> Result<Tensor, KernelError> {
    let data = call.operand("x").data;
    Ok(data.reshaped(call.result.shape.clone()).expect("inference has compared the elements"))
}

/// `transpose`.
pub(crate) fn transpose(call: &Call<'_>) -> Result<Tensor, KernelError> {
    let x = call.operand("x");
    let along = strides(&x.ty.shape);
    let strides: Vec<usize> = call.sizes("perm").into_iter().map(|axis| along[axis]).collect();
    Ok(picked(call, &x, walk(&call.result.shape, &strides, 0)))
}

/// `expand`.
pub(crate) fn expand(call: &Call<'_>) -> Result<Tensor, KernelError> {
    let x = call.operand("x");
    Ok(picked(call, &x, offsets(&x.ty.shape, &call.result.shape)))
}

/// `slice`.
pub(crate) fn slice(call: &Call<'_>) -> Result<Tensor, KernelError> {
    let x = call.operand("x");
    let along = strides(&x.ty.shape);
    let start = call.sizes("start").iter().zip(&along).map(|(i, stride)| i * stride).sum();
    let steps: Vec<usize> = call.sizes("step").iter().zip(&along).map(|(i, stride)| i * stride).collect();
    Ok(picked(call, &x, walk(&call.result.shape, &steps, start)))
}

/// `resize2d`.
pub(crate) fn resize2d(call: &Call<'_>) -> Result<Tensor, KernelError> {
    let (x, scale) = (call.operand("x"), call.size("scale"));
    let [h, w] = [x.ty.shape[2], x.ty.shape[3]];
    let planes = x.ty.shape[0] * x.ty.shape[1];
    let row = move |at: usize| (0..w * scale).map(move |column| at * w + column / scale);
    let from =
        (0..planes).flat_map(|plane| (0..h * scale).flat_map(move |line| row(plane * h + line / scale)));
    Ok(picked(call, &x, from))
}

/// `gather`. A negative index counts from the end, as in ONNX.
pub(crate) fn gather(call: &Call<'_>) -> Result<Tensor, KernelError> {
    let (x, indices) = (call.operand("x"), call.operand("indices"));
    let axis = call.axis("axis", x.ty.rank());
    let (extent, inner) = (x.ty.shape[axis], x.ty.shape[axis + 1..].iter().product::<usize>());
    let resolve = |found: i64| {
        let signed = i64::try_from(extent).expect("an extent fits");
        let index = usize::try_from(if found < 0 { found + signed } else { found }).ok();
        index.filter(|i| *i < extent).ok_or(KernelError::Index { found, extent })
    };
    let picks = indices.longs().into_iter().map(resolve).collect::<Result<Vec<_>, _>>()?;
    let outer: usize = x.ty.shape[..axis].iter().product();
    let rows = (0..outer).flat_map(|o| picks.iter().map(move |i| (o * extent + i) * inner));
    Ok(picked(call, &x, rows.flat_map(|at| at..at + inner)))
}

/// `concat`. A quantized operand on another scale than the result is requantized by the profile.
pub(crate) fn concat(call: &Call<'_>) -> Result<Tensor, KernelError> {
    let axis = call.axis("axis", call.result.rank());
    let inner = |shape: &[usize]| shape[axis..].iter().product::<usize>() * call.result.element.bytes();
    let parts = call.given().map(|x| Ok((onto_result(call, &x)?, inner(&x.ty.shape))));
    let parts = parts.collect::<Result<Vec<_>, KernelError>>()?;
    let outer: usize = call.result.shape[..axis].iter().product();
    let mut result = Vec::with_capacity(call.result.bytes());
    for row in 0..outer {
        for (data, width) in &parts {
            result.extend_from_slice(&data.bytes()[row * width..(row + 1) * width]);
        }
    }
    Ok(made(call, result))
}

/// An operand's elements as the result stores them.
fn onto_result(call: &Call<'_>, x: &Operand<'_>) -> Result<Tensor, KernelError> {
    let same = x.ty.element == call.result.element;
    if same && (!x.ty.is_quantized() || x.ty.quant == call.result.quant) {
        return Ok(x.data.clone());
    }
    let (input, out) = (x.affine("xs")?, call.result_affine()?);
    let bits = call.bits();
    let scaler = call.rounding().requantize(input.scale, out.scale, bits);
    let [low, high] = element_range(call.result.element);
    let place = |v: i32| scaler.apply(v - input.zero).saturating_add(out.zero).clamp(low, high);
    let values: Vec<i32> = x.ints().into_iter().map(place).collect();
    Ok(encode_ints(call.result.element, &x.ty.shape, &values))
}

/// `pad`.
pub(crate) fn pad(call: &Call<'_>) -> Result<Tensor, KernelError> {
    let (x, before) = (call.operand("x"), call.sizes("before"));
    let mode = call.attrs.word("mode");
    let fill = fill(call, &x)?;
    let width = x.ty.element.bytes();
    let along = strides(&x.ty.shape);
    // For each axis and index of the result: the part of the position in x, or `None` in the padding.
    let source = |axis: usize, at: usize| -> Option<usize> {
        let extent = x.ty.shape[axis];
        let index = match (at.checked_sub(before[axis]), mode) {
            (Some(i), _) if i < extent => i,
            (Some(_), "edge") => extent - 1,
            (None, "edge") => 0,
            (Some(i), "reflect") => 2 * (extent - 1) - i,
            (None, "reflect") => before[axis] - at,
            _ => return None,
        };
        Some(index * along[axis])
    };
    let sources: Vec<Vec<Option<usize>>> = (0..x.ty.rank())
        .map(|axis| (0..call.result.shape[axis]).map(|at| source(axis, at)).collect())
        .collect();
    let mut index = vec![0; x.ty.rank()];
    let mut result = Vec::with_capacity(call.result.bytes());
    for _ in 0..call.result.elements() {
        let at = index.iter().zip(&sources).try_fold(0, |sum, (i, source)| source[*i].map(|part| sum + part));
        match at {
            Some(at) => result.extend_from_slice(&x.data.bytes()[at * width..(at + 1) * width]),
            None => result.extend_from_slice(&fill),
        }
        crate::call::advance(&mut index, &call.result.shape);
    }
    Ok(made(call, result))
}

/// The bytes of the element that is added.
fn fill(call: &Call<'_>, x: &Operand<'_>) -> Result<Vec<u8>, KernelError> {
    let (value, element) = (call.attrs.float("value"), x.ty.element);
    #[allow(
        clippy::cast_possible_truncation,
        reason = "`as` saturates; a real constant in a float of 32 bits"
    )]
    let one = if x.ty.is_quantized() {
        let quant = x.affine("x")?;
        let [low, high] = element_range(element);
        let steps = (value as f32 / quant.scale).round() as i32;
        encode_ints(element, &[1], &[steps.saturating_add(quant.zero).clamp(low, high)])
    } else if element.is_float() {
        Tensor::from_reals(element, [1], [value])
    } else {
        Tensor::from_ints(element, [1], &[super::binary::wrap(value as i64, element)])
    };
    Ok(one.bytes().to_vec())
}
