//! Constants computed at import: what shapes, slices and masks of a model are made of.
//!
//! Integers are computed as `i64`, floats as `f64` and rounded to their element: for a sum, a product, a quotient or a root of two
//! `f32` that is the correctly rounded result.

use ir::{Element, Tensor};

use crate::build::{Build, axis, permuted};
use crate::error::Fault;

/// Numbers of a constant.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Numbers {
    Ints(Vec<i64>),
    Reals(Vec<f64>),
}

pub(super) fn numbers(tensor: &Tensor) -> Numbers {
    if tensor.element().is_float() {
        Numbers::Reals(tensor.to_reals())
    } else {
        Numbers::Ints(tensor.to_ints())
    }
}

/// A tensor of `element` from numbers; a float is truncated where an integer is wanted.
pub(super) fn tensor(element: Element, shape: &[usize], numbers: Numbers) -> Result<Tensor, Fault> {
    let count: usize = shape.iter().product();
    let len = match &numbers {
        Numbers::Ints(list) => list.len(),
        Numbers::Reals(list) => list.len(),
    };
    if len != count {
        return Err(Fault::wrong(format!("{len} numbers"), format!("{count} for {shape:?}")));
    }
    match (numbers, element) {
        (Numbers::Ints(list), Element::F32 | Element::F16 | Element::BF16) => {
            Ok(Tensor::from_reals(element, shape, list.into_iter().map(|v| v as f64)))
        }
        (Numbers::Reals(list), Element::F32 | Element::F16 | Element::BF16) => {
            Ok(Tensor::from_reals(element, shape, list))
        }
        (Numbers::Ints(list), Element::Bool) => {
            let truth: Vec<i64> = list.iter().map(|v| i64::from(*v != 0)).collect();
            Ok(Tensor::from_ints(element, shape, &truth))
        }
        (Numbers::Reals(list), Element::Bool) => {
            let truth: Vec<i64> = list.iter().map(|v| i64::from(*v != 0.0)).collect();
            Ok(Tensor::from_ints(element, shape, &truth))
        }
        (Numbers::Ints(list), element) if element.is_int() => Ok(Tensor::from_ints(element, shape, &list)),
        (Numbers::Reals(list), element) if element.is_int() => {
            let whole: Vec<i64> = list.iter().map(|v| *v as i64).collect();
            Ok(Tensor::from_ints(element, shape, &whole))
        }
        (_, element) => {
            Err(Fault::unsupported(format!("arithmetic on constants of {element}"), "f32 constants"))
        }
    }
}

/// Accounts for a result of `shape` before it is computed: broadcasting makes much of little.
pub(super) fn room(build: &mut Build, shape: &[usize]) -> Result<(), Fault> {
    let count = shape.iter().try_fold(1usize, |n, d| n.checked_mul(*d)).unwrap_or(usize::MAX);
    // Up to 8 bytes an element, as a number and as data.
    build.charge(count.saturating_mul(16))
}

/// Shape of two operands broadcast together.
pub(super) fn broadcast(left: &[usize], right: &[usize]) -> Result<Vec<usize>, Fault> {
    let rank = left.len().max(right.len());
    let extent = |shape: &[usize], i: usize| (i + shape.len()).checked_sub(rank).map_or(1, |at| shape[at]);
    let one = |i| match (extent(left, i), extent(right, i)) {
        (a, b) if a == b => Ok(a),
        (1, b) => Ok(b),
        (a, 1) => Ok(a),
        _ => Err(Fault::wrong(format!("shapes {left:?} and {right:?}"), "shapes that broadcast")),
    };
    (0..rank).map(one).collect()
}

/// For every element of `shape`, in row-major order, the position of the element of `from` that is broadcast there.
fn sources<'a>(from: &'a [usize], shape: &'a [usize]) -> impl Iterator<Item = usize> + 'a {
    let lead = shape.len() - from.len();
    let count: usize = shape.iter().product();
    (0..count).map(move |mut flat| {
        let (mut at, mut stride) = (0, 1);
        for i in (0..shape.len()).rev() {
            let index = flat % shape[i];
            flat /= shape[i];
            if i >= lead {
                let extent = from[i - lead];
                at += if extent == 1 { 0 } else { index * stride };
                stride *= extent;
            }
        }
        at
    })
}

/// `x` repeated to `shape`.
pub(super) fn expand(build: &mut Build, x: &Tensor, shape: &[usize]) -> Result<Tensor, Fault> {
    if broadcast(x.shape(), shape)? != shape {
        return Err(Fault::wrong(format!("shape {:?}", x.shape()), format!("one that expands to {shape:?}")));
    }
    room(build, shape)?;
    let width = x.element().bytes();
    let bytes: Vec<u8> = sources(x.shape(), shape)
        .flat_map(|at| x.bytes()[at * width..(at + 1) * width].iter().copied())
        .collect();
    made(x.element(), shape, bytes)
}

/// Elementwise on two operands, broadcast. `ints` gives `None` where the result does not exist.
pub(super) fn binary(
    build: &mut Build,
    a: &Tensor,
    b: &Tensor,
    ints: fn(i64, i64) -> Option<i64>,
    reals: fn(f64, f64) -> f64,
    result: Option<Element>,
) -> Result<Tensor, Fault> {
    let shape = broadcast(a.shape(), b.shape())?;
    room(build, &shape)?;
    let pairs = || sources(a.shape(), &shape).zip(sources(b.shape(), &shape));
    let element = result.unwrap_or(a.element());
    let found = match (numbers(a), numbers(b)) {
        (Numbers::Ints(x), Numbers::Ints(y)) => {
            let list: Option<Vec<i64>> = pairs().map(|(i, j)| ints(x[i], y[j])).collect();
            Numbers::Ints(
                list.ok_or_else(|| Fault::wrong("a division by zero or an overflow", "whole numbers"))?,
            )
        }
        (x, y) => {
            let (x, y) = (reals_of(x), reals_of(y));
            Numbers::Reals(pairs().map(|(i, j)| reals(x[i], y[j])).collect())
        }
    };
    tensor(element, &shape, found)
}

fn reals_of(numbers: Numbers) -> Vec<f64> {
    match numbers {
        Numbers::Ints(list) => list.into_iter().map(|v| v as f64).collect(),
        Numbers::Reals(list) => list,
    }
}

/// Elementwise on one operand.
pub(super) fn unary(x: &Tensor, ints: fn(i64) -> i64, reals: fn(f64) -> f64) -> Result<Tensor, Fault> {
    let found = match numbers(x) {
        Numbers::Ints(list) => Numbers::Ints(list.into_iter().map(ints).collect()),
        Numbers::Reals(list) => Numbers::Reals(list.into_iter().map(reals).collect()),
    };
    tensor(x.element(), x.shape(), found)
}

/// `a` where the condition holds, else `b`.
pub(super) fn select(build: &mut Build, condition: &Tensor, a: &Tensor, b: &Tensor) -> Result<Tensor, Fault> {
    let shape = broadcast(&broadcast(condition.shape(), a.shape())?, b.shape())?;
    if a.element() != b.element() || condition.element().is_float() {
        return Err(Fault::wrong(format!("{} and {}", a.element(), b.element()), "operands of one element"));
    }
    room(build, &shape)?;
    let holds = condition.to_ints();
    let width = a.element().bytes();
    let places =
        sources(condition.shape(), &shape).zip(sources(a.shape(), &shape)).zip(sources(b.shape(), &shape));
    let bytes = places.flat_map(|((c, i), j)| {
        let (from, at) = if holds[c] != 0 { (a, i) } else { (b, j) };
        from.bytes()[at * width..(at + 1) * width].iter().copied()
    });
    made(a.element(), &shape, bytes.collect())
}

pub(super) fn transpose(build: &mut Build, x: &Tensor, perm: &[usize]) -> Result<Tensor, Fault> {
    let mut sorted = perm.to_vec();
    sorted.sort_unstable();
    if !sorted.into_iter().eq(0..x.shape().len()) {
        return Err(Fault::wrong(
            format!("permutation {perm:?}"),
            format!("one of {} axes", x.shape().len()),
        ));
    }
    let shape: Vec<usize> = perm.iter().map(|a| x.shape()[*a]).collect();
    room(build, &shape)?;
    made(x.element(), &shape, permuted(x.bytes(), x.shape(), perm, x.element().bytes()))
}

pub(super) fn concat(build: &mut Build, xs: &[Tensor], along: i64) -> Result<Tensor, Fault> {
    let first = xs.first().ok_or_else(|| Fault::wrong("no operand", "at least one"))?;
    let at = axis(along, first.shape().len())?;
    let fits = |x: &Tensor| {
        x.element() == first.element()
            && x.shape().len() == first.shape().len()
            && x.shape().iter().zip(first.shape()).enumerate().all(|(i, (a, b))| i == at || a == b)
    };
    if let Some(other) = xs.iter().find(|x| !fits(x)) {
        let found = format!("{}{:?}", other.element(), other.shape());
        return Err(Fault::wrong(found, format!("{}{:?} but for axis {at}", first.element(), first.shape())));
    }
    let mut shape = first.shape().to_vec();
    shape[at] = xs.iter().map(|x| x.shape()[at]).sum();
    room(build, &shape)?;
    let outer: usize = shape[..at].iter().product();
    let mut bytes = Vec::new();
    for i in 0..outer {
        for x in xs {
            let run = x.shape()[at..].iter().product::<usize>() * x.element().bytes();
            bytes.extend_from_slice(&x.bytes()[i * run..(i + 1) * run]);
        }
    }
    made(first.element(), &shape, bytes)
}

/// Slices of `x` along an axis, picked by indices that may count from the end.
pub(super) fn gather(build: &mut Build, x: &Tensor, indices: &Tensor, along: i64) -> Result<Tensor, Fault> {
    let at = axis(along, x.shape().len())?;
    if !indices.element().is_int() {
        return Err(Fault::wrong(format!("indices of {}", indices.element()), "integers"));
    }
    let picks: Result<Vec<usize>, Fault> =
        indices.to_ints().iter().map(|i| axis(*i, x.shape()[at])).collect();
    let picks =
        picks.map_err(|_| Fault::wrong("an index outside", format!("indices into {}", x.shape()[at])))?;
    let shape = [&x.shape()[..at], indices.shape(), &x.shape()[at + 1..]].concat();
    room(build, &shape)?;
    let run = x.shape()[at + 1..].iter().product::<usize>() * x.element().bytes();
    let outer: usize = x.shape()[..at].iter().product();
    let mut bytes = Vec::new();
    for i in 0..outer {
        for pick in &picks {
            let from = (i * x.shape()[at] + pick) * run;
            bytes.extend_from_slice(&x.bytes()[from..from + run]);
        }
    }
    made(x.element(), &shape, bytes)
}

/// One axis of a slice: where it starts, how many elements, and how far apart, which may be negative.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Range {
    pub(super) start: usize,
    pub(super) size: usize,
    pub(super) step: i64,
}

impl Range {
    /// The range `start:end:step` of an axis, ends negative or beyond it as in Python.
    pub(super) fn resolve(start: i64, end: i64, step: i64, extent: usize) -> Result<Range, Fault> {
        let n = extent as i64;
        let from_end = |v: i64| if v < 0 { v.saturating_add(n) } else { v };
        let (low, high) = if step > 0 { (0, n) } else { (-1, n - 1) };
        if step == 0 || step == i64::MIN {
            return Err(Fault::wrong(format!("step {step}"), "another"));
        }
        let start = from_end(start).clamp(low.max(0), high.max(0));
        let end = from_end(end).clamp(low, high);
        let reach = if step > 0 { end - start } else { start - end };
        let size = if n == 0 || reach <= 0 { 0 } else { (reach as u64).div_ceil(step.unsigned_abs()) };
        Ok(Range { start: start as usize, size: size as usize, step })
    }
}

pub(super) fn slice(build: &mut Build, x: &Tensor, ranges: &[Range]) -> Result<Tensor, Fault> {
    let shape: Vec<usize> = ranges.iter().map(|r| r.size).collect();
    room(build, &shape)?;
    let width = x.element().bytes();
    let count: usize = shape.iter().product();
    let mut bytes = Vec::with_capacity(count * width);
    for mut flat in 0..count {
        let (mut at, mut stride) = (0, 1);
        for i in (0..shape.len()).rev() {
            let index = flat % shape[i];
            flat /= shape[i];
            let place = ranges[i].start as i64 + index as i64 * ranges[i].step;
            at += place as usize * stride;
            stride *= x.shape()[i];
        }
        bytes.extend_from_slice(&x.bytes()[at * width..(at + 1) * width]);
    }
    made(x.element(), &shape, bytes)
}

/// All elements along `axes` combined, from `start` on.
pub(super) fn reduce(
    x: &Tensor,
    axes: &[usize],
    keep: bool,
    ints: fn(i64, i64) -> i64,
    reals: fn(f64, f64) -> f64,
) -> Result<Tensor, Fault> {
    let kept: Vec<usize> =
        x.shape().iter().enumerate().map(|(i, d)| if axes.contains(&i) { 1 } else { *d }).collect();
    let slots: Vec<usize> = sources(&kept, x.shape()).collect();
    let count: usize = kept.iter().product();
    if slots.is_empty() {
        return Err(Fault::wrong("no element to reduce", "at least one"));
    }
    let found = match numbers(x) {
        Numbers::Ints(list) => Numbers::Ints(combined(&list, &slots, count, ints)),
        Numbers::Reals(list) => Numbers::Reals(combined(&list, &slots, count, reals)),
    };
    let left = x.shape().iter().enumerate().filter(|(i, _)| !axes.contains(i)).map(|(_, d)| *d);
    let shape = if keep { kept } else { left.collect() };
    tensor(x.element(), &shape, found)
}

fn combined<T: Copy>(list: &[T], slots: &[usize], count: usize, combine: fn(T, T) -> T) -> Vec<T> {
    let mut out: Vec<Option<T>> = vec![None; count];
    for (value, slot) in list.iter().zip(slots) {
        out[*slot] = Some(out[*slot].map_or(*value, |so_far| combine(so_far, *value)));
    }
    out.into_iter().flatten().collect()
}

fn made(element: Element, shape: &[usize], bytes: Vec<u8>) -> Result<Tensor, Fault> {
    let made = Tensor::from_bytes(element, shape, bytes);
    made.map_err(|wrong| Fault::wrong(format!("{} bytes", wrong.found), wrong.expected.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn build() -> Build {
        Build::new("g", 0, crate::Rounding::default())
    }

    fn ints(shape: &[usize], list: &[i64]) -> Tensor {
        Tensor::from_ints(Element::I64, shape, list)
    }

    #[test]
    fn operands_broadcast_as_in_numpy() {
        let sum = binary(
            &mut build(),
            &ints(&[2, 1], &[10, 20]),
            &ints(&[3], &[1, 2, 3]),
            i64::checked_add,
            |a, b| a + b,
            None,
        );
        assert_eq!(sum, Ok(ints(&[2, 3], &[11, 12, 13, 21, 22, 23])));
        let zero =
            binary(&mut build(), &ints(&[], &[1]), &ints(&[], &[0]), i64::checked_div, |a, b| a / b, None);
        assert!(zero.is_err());
        assert_eq!(expand(&mut build(), &ints(&[2, 1], &[1, 2]), &[2, 2]), Ok(ints(&[2, 2], &[1, 1, 2, 2])));
        assert!(expand(&mut build(), &ints(&[2], &[1, 2]), &[3]).is_err());
    }

    #[test]
    fn what_broadcasting_would_blow_up_is_refused_before_it_is_computed() {
        let (x, y) = (ints(&[4000, 1], &[0; 4000]), ints(&[4000], &[0; 4000]));
        assert!(binary(&mut build(), &x, &y, i64::checked_add, |a, b| a + b, None).is_err());
        assert!(expand(&mut build(), &ints(&[1], &[0]), &[usize::MAX, 2]).is_err());
    }

    #[test]
    fn slices_resolve_ends_as_python_does() {
        let x = ints(&[5], &[0, 1, 2, 3, 4]);
        let cut = |start, end, step| {
            slice(&mut build(), &x, &[Range::resolve(start, end, step, 5)?]).map(|t| t.to_ints())
        };
        assert_eq!(cut(1, -1, 2), Ok(vec![1, 3]));
        assert_eq!(cut(-1, i64::MIN, -1), Ok(vec![4, 3, 2, 1, 0]));
        assert_eq!(cut(0, i64::MAX, 1), Ok(vec![0, 1, 2, 3, 4]));
        assert_eq!(cut(3, 1, 1), Ok(vec![]));
        assert!(cut(0, 5, 0).is_err());
    }

    #[test]
    fn gather_counts_from_the_end_and_refuses_what_is_outside() {
        let x = ints(&[2, 3], &[1, 2, 3, 4, 5, 6]);
        assert_eq!(gather(&mut build(), &x, &ints(&[], &[-1]), 1), Ok(ints(&[2], &[3, 6])));
        assert!(gather(&mut build(), &x, &ints(&[], &[3]), 1).is_err());
    }

    #[test]
    fn concat_and_reduce_work_along_an_axis() {
        let (x, y) = (ints(&[2, 1], &[1, 2]), ints(&[2, 2], &[3, 4, 5, 6]));
        assert_eq!(concat(&mut build(), &[x, y.clone()], -1), Ok(ints(&[2, 3], &[1, 3, 4, 2, 5, 6])));
        assert_eq!(reduce(&y, &[1], false, |a, b| a * b, |a, b| a * b), Ok(ints(&[2], &[12, 30])));
        assert_eq!(reduce(&y, &[0], true, |a, b| a + b, |a, b| a + b), Ok(ints(&[1, 2], &[8, 10])));
    }

    #[test]
    fn select_takes_one_or_the_other() {
        let condition = Tensor::from_ints(Element::Bool, [2], &[1, 0]);
        assert_eq!(
            select(&mut build(), &condition, &ints(&[2], &[1, 2]), &ints(&[], &[9])),
            Ok(ints(&[2], &[1, 9]))
        );
    }
}
