//! Channels: what is known of each, which must be there together, and a graph without some of them.
//!
//! A channel is an index of axis 1 of a value that is computed: images are `[n, c, h, w]`, sequences `[n, c, l]`, rows `[n, c]`.

mod coupling;
mod interval;
mod shrink;

pub(crate) use coupling::{Coupling, Role, role};
pub(crate) use interval::{Interval, Terms, intervals};
pub(crate) use shrink::shrink;

use ir::{Granularity, Graph, Kind, Tensor, Type, Value};

/// Channels of a value; `None` for constants, scalars and vectors, and what is quantized by anything but its whole.
pub(crate) fn channels(graph: &Graph, value: Value) -> Option<usize> {
    let ty = graph.ty(value);
    let whole = ty.quant.as_ref().is_none_or(|q| q.granularity == Granularity::PerTensor);
    let computed = !matches!(graph.node(value).kind(), Kind::Const(_));
    (computed && whole && ty.rank() >= 2).then(|| ty.shape[1])
}

/// The indices `keep` of an axis, and nothing else.
pub(crate) fn take(data: &Tensor, axis: usize, keep: &[usize]) -> Tensor {
    let mut shape = data.shape().to_vec();
    let width = data.element().bytes();
    let inner: usize = shape[axis + 1..].iter().product::<usize>() * width;
    let outer: usize = shape[..axis].iter().product();
    let stride = shape[axis] * inner;
    let mut bytes = Vec::with_capacity(outer * keep.len() * inner);
    for row in 0..outer {
        for &index in keep {
            let at = row * stride + index * inner;
            bytes.extend_from_slice(&data.bytes()[at..at + inner]);
        }
    }
    shape[axis] = keep.len();
    Tensor::from_bytes(data.element(), shape, bytes).expect("invariant: as many bytes as the shape says")
}

/// As [`take`], of a type: scales along the axis go with their indices; a known sparsity does not survive.
pub(crate) fn take_type(ty: &Type, axis: usize, keep: &[usize]) -> Type {
    let mut ty = Type { sparsity: None, ..ty.clone() };
    ty.shape[axis] = keep.len();
    if let Some(quant) = ty.quant.as_mut().filter(|q| q.granularity == Granularity::PerAxis(axis)) {
        quant.scale = keep.iter().map(|&i| quant.scale[i]).collect();
        quant.zero = keep.iter().map(|&i| quant.zero[i]).collect();
    }
    ty
}
