//! Nodes computed at import, from constant operands.

use ir::{Element, Tensor};

use super::super::fold::{self, Numbers, Range};
use super::super::tensor::element;
use super::attrs::Node;
use super::{Held, Importer};
use crate::build::axis;
use crate::error::Fault;

/// Operands of a node as constants, `None` where one is left out.
pub(super) type Constants = [Option<Tensor>];
/// Computes a node's result.
pub(super) type Fold = fn(&mut Importer, &Node<'_>, &Constants) -> Result<Tensor, Fault>;

fn given(constants: &Constants, i: usize) -> Result<&Tensor, Fault> {
    let found = constants.get(i).and_then(Option::as_ref);
    found.ok_or_else(|| Fault::wrong(format!("no operand {i}"), "one"))
}

fn list(constants: &Constants, i: usize) -> Result<Vec<i64>, Fault> {
    whole(given(constants, i)?)
}

/// The numbers of a list of integers.
pub(super) fn whole(tensor: &Tensor) -> Result<Vec<i64>, Fault> {
    if tensor.element().is_int() {
        return Ok(tensor.to_ints());
    }
    Err(Fault::wrong(format!("a list of {}", tensor.element()), "integers"))
}

impl Importer {
    /// The value of a `Constant` node.
    pub(super) fn constant_node(&mut self, node: &Node<'_>) -> Result<Tensor, Fault> {
        if let Some(tensor) = node.tensor("value")? {
            return super::tensor::read(tensor, &mut self.files, &mut self.build);
        }
        if let Some(list) = node.ints("value_ints")? {
            return Ok(Tensor::from_ints(Element::I64, [list.len()], list));
        }
        if let Some(list) = node.floats("value_floats")? {
            return Ok(Tensor::from_f32([list.len()], list));
        }
        if node.has("value_int") {
            return Ok(Tensor::from_ints(Element::I64, [], &[node.int("value_int", 0)?]));
        }
        if node.has("value_float") {
            return Ok(Tensor::from_reals(Element::F32, [], [node.float("value_float", 0.0)?]));
        }
        Err(Fault::unsupported("a sparse or text value", "a dense number or list"))
    }

    /// Shape of any operand, computed or not.
    pub(super) fn shape(&mut self, node: &Node<'_>) -> Result<(), Fault> {
        let shape = self.extents(node.input(0)?)?;
        let rank = shape.len() as i64;
        let bound = |at: i64| (if at < 0 { at.saturating_add(rank) } else { at }).clamp(0, rank) as usize;
        let (start, end) = (bound(node.int("start", 0)?), bound(node.int("end", i64::MAX)?));
        let part: Vec<i64> = shape[start..end.max(start)].iter().map(|d| *d as i64).collect();
        let data = Tensor::from_ints(Element::I64, [part.len()], &part);
        self.define(node.output(0)?, Held::Constant { data, quant: None, node: None })
    }

    /// Number of elements of any operand.
    pub(super) fn size(&mut self, node: &Node<'_>) -> Result<(), Fault> {
        let count: usize = self.extents(node.input(0)?)?.iter().product();
        let data = Tensor::from_ints(Element::I64, [], &[count as i64]);
        self.define(node.output(0)?, Held::Constant { data, quant: None, node: None })
    }

    /// The shape of a value or constant.
    pub(super) fn extents(&self, name: &str) -> Result<Vec<usize>, Fault> {
        match self.held_or_absent(name)? {
            Some(Held::Value(value)) => Ok(self.build.shape(value).to_vec()),
            Some(Held::Constant { data, .. }) => Ok(data.shape().to_vec()),
            Some(Held::Poisoned | Held::Beside(_)) => Err(Fault::Poisoned),
            None => Err(Fault::wrong("an operand left out", "a value")),
        }
    }
}

pub(super) fn identity(_: &mut Importer, _: &Node<'_>, xs: &Constants) -> Result<Tensor, Fault> {
    Ok(given(xs, 0)?.clone())
}

pub(super) fn cast(i: &mut Importer, node: &Node<'_>, xs: &Constants) -> Result<Tensor, Fault> {
    let x = given(xs, 0)?;
    let to = element(i32::try_from(node.int("to", 0)?).unwrap_or(0))?;
    fold::room(&mut i.build, x.shape())?;
    fold::tensor(to, x.shape(), fold::numbers(x))
}

pub(super) fn reshape(_: &mut Importer, node: &Node<'_>, xs: &Constants) -> Result<Tensor, Fault> {
    let x = given(xs, 0)?;
    let shape = super::moving::reshaped(x.shape(), &list(xs, 1)?, node.int("allowzero", 0)? != 0)?;
    reshaped(x, shape)
}

pub(super) fn flatten(_: &mut Importer, node: &Node<'_>, xs: &Constants) -> Result<Tensor, Fault> {
    let x = given(xs, 0)?;
    reshaped(x, super::moving::flattened(x.shape(), node.int("axis", 1)?)?)
}

pub(super) fn squeeze(i: &mut Importer, node: &Node<'_>, xs: &Constants) -> Result<Tensor, Fault> {
    let x = given(xs, 0)?;
    let axes = i.axes_of(node, 1)?;
    reshaped(x, super::moving::squeezed(x.shape(), axes.as_deref())?)
}

pub(super) fn unsqueeze(i: &mut Importer, node: &Node<'_>, xs: &Constants) -> Result<Tensor, Fault> {
    let x = given(xs, 0)?;
    let axes = i.axes_of(node, 1)?.unwrap_or_default();
    reshaped(x, super::moving::unsqueezed(x.shape(), &axes)?)
}

fn reshaped(x: &Tensor, shape: Vec<usize>) -> Result<Tensor, Fault> {
    x.reshaped(shape)
        .map_err(|wrong| Fault::wrong(format!("shape {:?}", wrong.shape), format!("{} elements", x.len())))
}

pub(super) fn transpose(i: &mut Importer, node: &Node<'_>, xs: &Constants) -> Result<Tensor, Fault> {
    let x = given(xs, 0)?;
    let perm = super::moving::permutation(node, x.shape().len())?;
    fold::transpose(&mut i.build, x, &perm)
}

pub(super) fn concat(i: &mut Importer, node: &Node<'_>, xs: &Constants) -> Result<Tensor, Fault> {
    let xs: Vec<Tensor> = xs.iter().flatten().cloned().collect();
    fold::concat(&mut i.build, &xs, node.int("axis", 0)?)
}

pub(super) fn gather(i: &mut Importer, node: &Node<'_>, xs: &Constants) -> Result<Tensor, Fault> {
    fold::gather(&mut i.build, given(xs, 0)?, given(xs, 1)?, node.int("axis", 0)?)
}

pub(super) fn slice(i: &mut Importer, node: &Node<'_>, xs: &Constants) -> Result<Tensor, Fault> {
    let x = given(xs, 0)?;
    let ranges = i.ranges(node, x.shape())?;
    fold::slice(&mut i.build, x, &ranges)
}

pub(super) fn expand(i: &mut Importer, _: &Node<'_>, xs: &Constants) -> Result<Tensor, Fault> {
    let x = given(xs, 0)?;
    let shape = super::moving::sizes(&list(xs, 1)?)?;
    let shape = fold::broadcast(x.shape(), &shape)?;
    fold::expand(&mut i.build, x, &shape)
}

pub(super) fn tile(i: &mut Importer, _: &Node<'_>, xs: &Constants) -> Result<Tensor, Fault> {
    let (mut x, repeats) = (given(xs, 0)?.clone(), super::moving::sizes(&list(xs, 1)?)?);
    if repeats.len() != x.shape().len() {
        return Err(Fault::wrong(format!("{} repeats", repeats.len()), x.shape().len().to_string()));
    }
    for (at, count) in repeats.iter().enumerate() {
        let longer = x.shape()[at].checked_mul(*count);
        let mut shape = x.shape().to_vec();
        shape[at] = longer.unwrap_or(usize::MAX);
        fold::room(&mut i.build, &shape)?;
        let copies = vec![x.clone(); *count];
        x = match copies.is_empty() {
            true => return Err(Fault::wrong("0 repeats", "1 or more")),
            false => fold::concat(&mut i.build, &copies, at as i64)?,
        };
    }
    Ok(x)
}

pub(super) fn constant_of_shape(i: &mut Importer, node: &Node<'_>, xs: &Constants) -> Result<Tensor, Fault> {
    let shape = super::moving::sizes(&list(xs, 0)?)?;
    let fill = match node.tensor("value")? {
        Some(tensor) => super::tensor::read(tensor, &mut i.files, &mut i.build)?,
        None => Tensor::from_f32([1], &[0.0]),
    };
    let one = vec![1; shape.len()];
    if fill.len() != 1 {
        return Err(Fault::wrong(format!("a fill value of {} elements", fill.len()), "1"));
    }
    let fill = reshaped(&fill, one)?;
    fold::expand(&mut i.build, &fill, &shape)
}

pub(super) fn range(i: &mut Importer, _: &Node<'_>, xs: &Constants) -> Result<Tensor, Fault> {
    let first = given(xs, 0)?;
    let one = |n: usize| -> Result<f64, Fault> {
        let numbers = given(xs, n)?.to_reals();
        numbers.first().copied().ok_or_else(|| Fault::wrong("no element", "a number"))
    };
    let (start, limit, delta) = (one(0)?, one(1)?, one(2)?);
    let count = ((limit - start) / delta).ceil();
    // NaN, from a step of zero, ends here too.
    if count.is_nan() || count >= 1e9 {
        return Err(Fault::wrong(format!("a range of {count} elements"), "a finite one"));
    }
    let count = count.max(0.0) as usize;
    fold::room(&mut i.build, &[count])?;
    let list = (0..count).map(|n| start + n as f64 * delta).collect();
    fold::tensor(first.element(), &[count], Numbers::Reals(list))
}

pub(super) fn select(i: &mut Importer, _: &Node<'_>, xs: &Constants) -> Result<Tensor, Fault> {
    fold::select(&mut i.build, given(xs, 0)?, given(xs, 1)?, given(xs, 2)?)
}

/// An elementwise operator on two operands.
macro_rules! binary {
    ($($name:ident: $ints:expr, $reals:expr, $result:expr;)*) => {$(
        pub(super) fn $name(i: &mut Importer, _: &Node<'_>, xs: &Constants) -> Result<Tensor, Fault> {
            let mut so_far = given(xs, 0)?.clone();
            // Min, Max and Sum take any number.
            for x in xs.iter().skip(1).flatten() {
                so_far = fold::binary(&mut i.build, &so_far, x, $ints, $reals, $result)?;
            }
            Ok(so_far)
        }
    )*};
}

binary! {
    add: i64::checked_add, |a, b| a + b, None;
    sub: i64::checked_sub, |a, b| a - b, None;
    mul: i64::checked_mul, |a, b| a * b, None;
    div: i64::checked_div, |a, b| a / b, None;
    remainder: i64::checked_rem_euclid, |a, b| a - b * (a / b).floor(), None;
    power: |a, b| a.checked_pow(u32::try_from(b).ok()?), f64::powf, None;
    minimum: |a, b| Some(a.min(b)), f64::min, None;
    maximum: |a, b| Some(a.max(b)), f64::max, None;
    equal: |a, b| Some((a == b).into()), |a, b| f64::from(a == b), Some(Element::Bool);
    greater: |a, b| Some((a > b).into()), |a, b| f64::from(a > b), Some(Element::Bool);
    less: |a, b| Some((a < b).into()), |a, b| f64::from(a < b), Some(Element::Bool);
    greater_or_equal: |a, b| Some((a >= b).into()), |a, b| f64::from(a >= b), Some(Element::Bool);
    less_or_equal: |a, b| Some((a <= b).into()), |a, b| f64::from(a <= b), Some(Element::Bool);
    and: |a, b| Some((a != 0 && b != 0).into()), |_, _| f64::NAN, Some(Element::Bool);
    or: |a, b| Some((a != 0 || b != 0).into()), |_, _| f64::NAN, Some(Element::Bool);
}

/// An elementwise operator on one operand.
macro_rules! unary {
    ($($name:ident: $ints:expr, $reals:expr;)*) => {$(
        pub(super) fn $name(i: &mut Importer, _: &Node<'_>, xs: &Constants) -> Result<Tensor, Fault> {
            let x = given(xs, 0)?;
            fold::room(&mut i.build, x.shape())?;
            fold::unary(x, $ints, $reals)
        }
    )*};
}

unary! {
    neg: i64::wrapping_neg, |x| -x;
    abs: i64::wrapping_abs, f64::abs;
    floor: |x| x, f64::floor;
    ceil: |x| x, f64::ceil;
    round: |x| x, f64::round_ties_even;
    sqrt: |x| x, f64::sqrt;
    reciprocal: |x| x, |x| 1.0 / x;
    not: |x| (x == 0).into(), |_| f64::NAN;
}

/// A reduction.
macro_rules! reduction {
    ($($name:ident: $ints:expr, $reals:expr;)*) => {$(
        pub(super) fn $name(i: &mut Importer, node: &Node<'_>, xs: &Constants) -> Result<Tensor, Fault> {
            let x = given(xs, 0)?;
            let rank = x.shape().len();
            let axes = match i.axes_of(node, 1)? {
                Some(axes) if !axes.is_empty() => axes.iter().map(|a| axis(*a, rank)).collect::<Result<_, _>>()?,
                _ => (0..rank).collect::<Vec<_>>(),
            };
            fold::room(&mut i.build, x.shape())?;
            fold::reduce(x, &axes, node.int("keepdims", 1)? != 0, $ints, $reals)
        }
    )*};
}

reduction! {
    reduce_prod: i64::wrapping_mul, |a, b| a * b;
    reduce_sum: i64::wrapping_add, |a, b| a + b;
    reduce_max: i64::max, f64::max;
    reduce_min: i64::min, f64::min;
}

impl Importer {
    /// The ranges a `Slice` takes, one for each axis of `shape`.
    pub(super) fn ranges(&mut self, node: &Node<'_>, shape: &[usize]) -> Result<Vec<Range>, Fault> {
        let of = |i: usize| -> Result<Option<Vec<i64>>, Fault> {
            let Some(name) = node.optional(i) else { return Ok(None) };
            self.list(name).map(Some)
        };
        let needed = |list: Option<Vec<i64>>| list.ok_or_else(|| Fault::wrong("no starts or ends", "both"));
        let (starts, ends) = (needed(of(1)?)?, needed(of(2)?)?);
        let axes = of(3)?.unwrap_or_else(|| (0..starts.len() as i64).collect());
        let steps = of(4)?.unwrap_or_else(|| vec![1; starts.len()]);
        if [ends.len(), axes.len(), steps.len()].iter().any(|n| *n != starts.len()) {
            return Err(Fault::wrong(
                format!("{} starts and another number of ends", starts.len()),
                "as many",
            ));
        }
        let mut ranges: Vec<Range> = shape.iter().map(|d| Range { start: 0, size: *d, step: 1 }).collect();
        for n in 0..starts.len() {
            let at = axis(axes[n], shape.len())?;
            ranges[at] = Range::resolve(starts[n], ends[n], steps[n], shape[at])?;
        }
        Ok(ranges)
    }

    /// The integers of a constant operand.
    pub(super) fn list(&self, name: &str) -> Result<Vec<i64>, Fault> {
        match self.constant(name) {
            Some(data) => whole(data),
            None => Err(Fault::unsupported(format!("operand `{name}` is computed"), "a constant there")),
        }
    }

    /// Axes as attribute (operator sets of old) or as operand `i`.
    pub(super) fn axes_of(&self, node: &Node<'_>, i: usize) -> Result<Option<Vec<i64>>, Fault> {
        if let Some(axes) = node.ints("axes")? {
            return Ok(Some(axes.to_vec()));
        }
        match node.optional(i) {
            Some(name) => self.list(name).map(Some),
            None => Ok(None),
        }
    }
}
