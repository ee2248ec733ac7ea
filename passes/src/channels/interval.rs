//! What each channel of a quantized graph can hold, whatever the inputs are.
//!
//! Sums are bounded term by term from the weights; what an op then makes of a sum, rounding profile and activation included, is the
//! reference interpreter's answer for both ends: every scaling of every profile is monotone.

use super::channels;
use interp::eval;
use ir::op::Op;
use ir::{Attr, Element, Graph, Kind, Node, Quant, Tensor, Type, Value};
use std::collections::BTreeMap;

/// Least and largest stored integer.
pub(crate) type Interval = (i64, i64);

/// The intervals of every quantized value's channels; values that are not quantized are left out.
pub(crate) fn intervals(graph: &Graph) -> BTreeMap<Value, Vec<Interval>> {
    let mut known = BTreeMap::new();
    for value in graph.topological() {
        let Some(count) = channels(graph, value).filter(|_| graph.ty(value).is_quantized()) else { continue };
        let Some(range) = graph.ty(value).element.range() else { continue };
        let found = Transfer { graph, known: &known, value }.run().filter(|list| list.len() == count);
        known.insert(value, found.unwrap_or_else(|| vec![range; count]));
    }
    known
}

/// One end of an interval.
type End = fn(&Interval) -> i64;

/// One op's intervals from those of its operands.
struct Transfer<'a> {
    graph: &'a Graph,
    known: &'a BTreeMap<Value, Vec<Interval>>,
    value: Value,
}

impl Transfer<'_> {
    fn run(&self) -> Option<Vec<Interval>> {
        let node = self.graph.node(self.value);
        let Kind::Op { op, .. } = node.kind() else { return None };
        match op.name {
            "conv2d" | "conv1d" | "dense" => self.sums(node),
            "max_pool2d" | "avg_pool2d" | "pad" => self.ends(node),
            "mean" => self.ends(node).filter(|_| super::role(self.graph, self.value) == super::Role::Each),
            "reshape" => match super::role(self.graph, self.value) {
                super::Role::Spread(many) => {
                    let each = self.known.get(&node.operands()[0]?)?.iter();
                    Some(each.flat_map(|&i| std::iter::repeat_n(i, many)).collect())
                }
                _ => None,
            },
            "concat" if super::role(self.graph, self.value) == super::Role::Concat => self.concat(node),
            "add" | "sub" | "mul" | "maximum" | "minimum" => self.corners(node),
            _ if op.traits.elementwise && op.operands.len() == 1 => self.table(node),
            _ => None,
        }
    }

    /// A convolution or dense layer: the sum of each output's terms, then its scaling.
    fn sums(&self, node: &Node) -> Option<Vec<Interval>> {
        let (x, w) = (node.operand("x")?, node.operand("w")?);
        let (input, weights) = (self.known.get(&x)?, self.graph.const_data(w)?);
        if self.graph.ty(x).rank() != (weights.shape().len()) {
            return None;
        }
        let terms = Terms::of(self.graph, node)?;
        let mut sums = Vec::new();
        for (out, row) in terms.rows.iter().enumerate() {
            let group = out / (terms.rows.len() / terms.groups);
            let first = group * row.len();
            let (mut low, mut high) = (terms.bias[out], terms.bias[out]);
            for (channel, taps) in row.iter().enumerate() {
                let (a, b) = input[first + channel];
                let (a, b) = (a - terms.zero, b - terms.zero);
                for &tap in taps {
                    let (one, other) = (tap.checked_mul(a)?, tap.checked_mul(b)?);
                    // A padded place adds nothing.
                    let (least, most) = (one.min(other), one.max(other));
                    low = low.checked_add(if terms.padded { least.min(0) } else { least })?;
                    high = high.checked_add(if terms.padded { most.max(0) } else { most })?;
                }
            }
            sums.push((low, high));
        }
        let within = |s: &Interval| i32::try_from(s.0).is_ok() && i32::try_from(s.1).is_ok();
        if !sums.iter().all(within) {
            return None;
        }
        let at = |end: End| self.scaled(node, &sums.iter().map(end).collect::<Vec<_>>(), end);
        Some(at(|s| s.0)?.into_iter().zip(at(|s| s.1)?).collect())
    }

    /// What the op gives where each output's sum is what is given and its residual is at that end too.
    fn scaled(&self, node: &Node, sums: &[i64], end: End) -> Option<Vec<i64>> {
        let Kind::Op { op, attrs } = node.kind() else { return None };
        let (x, w) = (node.operand("x")?, node.operand("w")?);
        let (xt, wt) = (self.graph.ty(x), self.graph.ty(w));
        let images = xt.rank() - 2;
        let alone = |ty: &Type| {
            let mut shape = vec![1; images + 2];
            shape[1] = ty.shape[1];
            ty.with_shape(shape)
        };
        // A kernel of one place over an image of one place that holds real zeros: the bias is the sum.
        let x_one = alone(xt);
        let zeros = Tensor::from_ints(xt.element, x_one.shape.clone(), &vec![zero(xt)?; xt.shape[1]]);
        let mut w_one = wt.clone();
        w_one.sparsity = None;
        w_one.shape[2..].fill(1);
        let weights = Tensor::from_ints(wt.element, w_one.shape.clone(), &vec![0; w_one.elements()]);
        let bias = node
            .operand("bias")
            .map_or(Type::new(Element::I32, vec![sums.len()]), |b| self.graph.ty(b).clone());
        let data = Tensor::from_ints(bias.element, bias.shape.clone(), sums);
        let residual = match node.op()?.operands.iter().any(|o| o.name == "residual") {
            true => node.operand("residual"),
            false => None,
        };
        let residual = match residual {
            Some(r) => {
                let (ty, ends) =
                    (alone(self.graph.ty(r)), self.known.get(&r)?.iter().map(end).collect::<Vec<_>>());
                let data = Tensor::from_ints(ty.element, ty.shape.clone(), &ends);
                Some((ty, data))
            }
            None => None,
        };
        let mut attrs = attrs.clone();
        for (name, value) in [("stride", 1), ("dilation", 1), ("pad", 0)] {
            if attrs.has(name) {
                let list = vec![value; attrs.ints(name).len()];
                attrs = attrs.with(name, Attr::Ints(list));
            }
        }
        let mut operands = vec![Some((&x_one, &zeros)), Some((&w_one, &weights)), Some((&bias, &data))];
        operands.extend(residual.as_ref().map(|(ty, data)| Some((ty, data))));
        let result = alone(node.ty());
        Some(eval(*op, &attrs, &operands, &result).ok()?.to_ints())
    }

    /// An op monotone in its one operand whose channels do not mix: the least and largest of what it makes of both ends.
    fn ends(&self, node: &Node) -> Option<Vec<Interval>> {
        let x = node.operands()[0]?;
        let (ty, input) = (self.graph.ty(x), self.known.get(&x)?);
        let run = |end: End| -> Option<Vec<i64>> {
            let inner: usize = ty.shape[2..].iter().product();
            let image = input.iter().flat_map(|i| std::iter::repeat_n(end(i), inner)).collect::<Vec<_>>();
            let data = Tensor::from_ints(ty.element, ty.shape.clone(), &image.repeat(ty.shape[0]));
            Some(evaluate(node, &[(ty, &data)], node.ty())?.to_ints())
        };
        let (low, high) = (run(|i| i.0)?, run(|i| i.1)?);
        Some(
            by_channel(&low, &node.ty().shape, i64::min)
                .into_iter()
                .zip(by_channel(&high, &node.ty().shape, i64::max))
                .collect(),
        )
    }

    /// An op of two operands, monotone in each where the other stands still: the four corners.
    fn corners(&self, node: &Node) -> Option<Vec<Interval>> {
        let count = node.ty().shape[1];
        let sides: Option<Vec<Vec<Interval>>> =
            node.operands().iter().map(|o| self.side((*o)?, count)).collect();
        let sides = sides?;
        let [a, b] = sides.as_slice() else { return None };
        let types: Vec<Type> = node
            .operands()
            .iter()
            .flatten()
            .map(|&v| self.graph.ty(v).with_shape(vec![1, count, 4]))
            .collect();
        let fill = |side: &[Interval], at: [End; 4]| {
            side.iter().flat_map(|i| at.map(|end| end(i))).collect::<Vec<_>>()
        };
        let (low, high): (End, End) = (|i| i.0, |i| i.1);
        let data = [fill(a, [low, low, high, high]), fill(b, [low, high, low, high])];
        let data: Vec<Tensor> = data
            .iter()
            .zip(&types)
            .map(|(d, ty)| Tensor::from_ints(ty.element, ty.shape.clone(), d))
            .collect();
        let operands: Vec<_> = types.iter().zip(&data).collect();
        let result = node.ty().with_shape(vec![1, count, 4]);
        let out = evaluate(node, &operands, &result)?.to_ints();
        Some(out.chunks(4).map(hull).collect())
    }

    /// An operand's intervals over `count` channels; a constant's are those of its elements.
    fn side(&self, value: Value, count: usize) -> Option<Vec<Interval>> {
        if let Some(known) = self.known.get(&value) {
            let same = self.graph.ty(value).rank() == self.graph.ty(self.value).rank();
            return (same && known.len() == count).then(|| known.clone());
        }
        let (ty, data) = (self.graph.ty(value), self.graph.const_data(value)?.to_ints());
        ty.per_tensor()?;
        let rank = self.graph.ty(self.value).rank();
        let axis = (ty.rank() + 1).checked_sub(rank).filter(|&a| a < ty.rank() && ty.shape[a] == count);
        match axis {
            Some(0) => Some(data.chunks(data.len() / count).map(hull).collect()),
            Some(1) if ty.shape[0] == 1 => Some(data.chunks(data.len() / count).map(hull).collect()),
            _ => Some(vec![hull(&data); count]),
        }
    }

    /// An op of one operand: what it makes of every integer there is.
    fn table(&self, node: &Node) -> Option<Vec<Interval>> {
        let x = node.operands()[0]?;
        let (ty, input) = (self.graph.ty(x), self.known.get(&x)?);
        let (least, most) = ty.element.range().filter(|(a, b)| b - a < 1 << 16)?;
        let all: Vec<i64> = (least..=most).collect();
        let shape = vec![1, all.len()];
        let data = Tensor::from_ints(ty.element, shape.clone(), &all);
        let out = evaluate(node, &[(&ty.with_shape(shape.clone()), &data)], &node.ty().with_shape(shape))?
            .to_ints();
        Some(input.iter().map(|&(a, b)| hull(&out[(a - least) as usize..=(b - least) as usize])).collect())
    }

    fn concat(&self, node: &Node) -> Option<Vec<Interval>> {
        let operands: Vec<Value> = node.operands().iter().flatten().copied().collect();
        let alone = |ty: &Type, count: usize| {
            let mut shape = vec![1; ty.rank()];
            shape[1] = count;
            ty.with_shape(shape)
        };
        let run = |end: End| {
            let parts: Option<Vec<(Type, Tensor)>> = operands
                .iter()
                .map(|&v| {
                    let count = self.graph.ty(v).shape[1];
                    let (ty, side) = (alone(self.graph.ty(v), count), self.side(v, count)?);
                    let data = Tensor::from_ints(
                        ty.element,
                        ty.shape.clone(),
                        &side.iter().map(end).collect::<Vec<_>>(),
                    );
                    Some((ty, data))
                })
                .collect();
            let parts = parts?;
            let operands: Vec<_> = parts.iter().map(|(ty, data)| (ty, data)).collect();
            Some(evaluate(node, &operands, &alone(node.ty(), node.ty().shape[1]))?.to_ints())
        };
        Some(run(|i| i.0)?.into_iter().zip(run(|i| i.1)?).collect())
    }
}

/// The terms of a convolution's or dense layer's sums.
pub(crate) struct Terms {
    /// Zero point of the operand.
    pub(crate) zero: i64,
    /// By output, by input channel of its group: the taps, less their zero point.
    pub(crate) rows: Vec<Vec<Vec<i64>>>,
    /// By output; 0 where there is none.
    pub(crate) bias: Vec<i64>,
    /// Groups of channels.
    pub(crate) groups: usize,
    /// Whether some sums miss terms.
    pub(crate) padded: bool,
}

impl Terms {
    /// Reads them off a quantized node whose weights are there.
    pub(crate) fn of(graph: &Graph, node: &Node) -> Option<Self> {
        let (x, w) = (node.operand("x")?, node.operand("w")?);
        let (ty, data) = (graph.ty(w), graph.const_data(w)?);
        let quant = ty.quant.as_ref().filter(|_| graph.ty(x).is_quantized())?;
        let (attrs, shape) = (node.attrs(), &ty.shape);
        let taps: usize = shape[2..].iter().product();
        let ints = data.to_ints();
        let row = |(out, row): (usize, &[i64])| -> Vec<Vec<i64>> {
            let channel = |(channel, taps): (usize, &[i64])| {
                let mut index = vec![0; shape.len()];
                (index[0], index[1]) = (out, channel);
                let zero = i64::from(quant.zero[quant.slot(shape, &index)]);
                taps.iter().map(|t| t - zero).collect()
            };
            row.chunks(taps).enumerate().map(channel).collect()
        };
        let bias = match node.operand("bias") {
            Some(bias) => graph.const_data(bias)?.to_ints(),
            None => vec![0; shape[0]],
        };
        Some(Self {
            zero: zero(graph.ty(x))?,
            rows: ints.chunks(shape[1] * taps).enumerate().map(row).collect(),
            bias,
            groups: if attrs.has("groups") { attrs.int("groups") as usize } else { 1 },
            padded: attrs.has("pad") && attrs.ints("pad").iter().any(|&p| p != 0),
        })
    }
}

fn zero(ty: &Type) -> Option<i64> {
    ty.quant.as_ref().map(|Quant { zero, .. }| i64::from(zero[0]))
}

fn evaluate(node: &Node, operands: &[(&Type, &Tensor)], result: &Type) -> Option<Tensor> {
    let Kind::Op { op, attrs } = node.kind() else { return None };
    let operands: Vec<_> = operands.iter().map(|o| Some(*o)).collect();
    eval(Op::clone(op), attrs, &operands, result).ok()
}

fn hull(values: &[i64]) -> Interval {
    values.iter().fold((i64::MAX, i64::MIN), |(low, high), &v| (low.min(v), high.max(v)))
}

/// The least or largest element of every channel.
fn by_channel(values: &[i64], shape: &[usize], better: fn(i64, i64) -> i64) -> Vec<i64> {
    let inner: usize = shape[2..].iter().product();
    let mut best: Vec<Option<i64>> = vec![None; shape[1]];
    for (at, run) in values.chunks(inner.max(1)).enumerate() {
        let slot = &mut best[at % shape[1]];
        *slot = run.iter().copied().chain(*slot).reduce(better);
    }
    best.into_iter().flatten().collect()
}
