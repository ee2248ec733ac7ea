//! Operators that move elements.

use ir::{Attr, Element, Tensor, Type, Value};

use super::attrs::Node;
use super::{Held, Importer};
use crate::build::{axis, ints, word};
use crate::error::Fault;

/// Extents from a list of integers.
pub(super) fn sizes(list: &[i64]) -> Result<Vec<usize>, Fault> {
    let sizes: Option<Vec<usize>> =
        list.iter().map(|v| usize::try_from(*v).ok().filter(|v| *v < 1 << 31)).collect();
    sizes.ok_or_else(|| Fault::wrong(format!("shape {list:?}"), "extents from 0 up"))
}

/// The shape `Reshape` asks for: 0 keeps an extent, one -1 takes what is left.
pub(super) fn reshaped(shape: &[usize], target: &[i64], allow_zero: bool) -> Result<Vec<usize>, Fault> {
    let wrong = || Fault::wrong(format!("shape {target:?} for {shape:?}"), "a shape of as many elements");
    let mut extents = Vec::with_capacity(target.len());
    let mut free = None;
    for (i, extent) in target.iter().enumerate() {
        extents.push(match *extent {
            0 if !allow_zero => *shape.get(i).ok_or_else(wrong)?,
            -1 if free.is_none() => {
                free = Some(i);
                1
            }
            extent => usize::try_from(extent).ok().filter(|d| *d < 1 << 31).ok_or_else(wrong)?,
        });
    }
    let product = |list: &[usize]| list.iter().try_fold(1usize, |n, d| n.checked_mul(*d));
    let (have, given) = (product(shape).ok_or_else(wrong)?, product(&extents).ok_or_else(wrong)?);
    if let Some(i) = free {
        extents[i] = have.checked_div(given).filter(|d| d * given == have).ok_or_else(wrong)?;
    } else if have != given {
        return Err(wrong());
    }
    Ok(extents)
}

/// The matrix `Flatten` makes.
pub(super) fn flattened(shape: &[usize], at: i64) -> Result<Vec<usize>, Fault> {
    // The axis may be the rank itself.
    let at = axis(at, shape.len() + usize::from(at >= 0))?;
    Ok(vec![shape[..at].iter().product(), shape[at..].iter().product()])
}

/// The shape without `axes`, or without all of extent 1.
pub(super) fn squeezed(shape: &[usize], axes: Option<&[i64]>) -> Result<Vec<usize>, Fault> {
    let axes: Vec<usize> = match axes {
        Some(axes) => axes.iter().map(|a| axis(*a, shape.len())).collect::<Result<_, _>>()?,
        None => (0..shape.len()).filter(|i| shape[*i] == 1).collect(),
    };
    if let Some(wide) = axes.iter().find(|a| shape[**a] != 1) {
        return Err(Fault::wrong(format!("extent {} on axis {wide}", shape[*wide]), "1"));
    }
    Ok(shape.iter().enumerate().filter(|(i, _)| !axes.contains(i)).map(|(_, d)| *d).collect())
}

/// The shape with axes of extent 1 at `axes` of the result.
pub(super) fn unsqueezed(shape: &[usize], axes: &[i64]) -> Result<Vec<usize>, Fault> {
    let rank = shape.len() + axes.len();
    let axes: Vec<usize> = axes.iter().map(|a| axis(*a, rank)).collect::<Result<_, _>>()?;
    let mut rest = shape.iter();
    let extents = (0..rank).map(|i| if axes.contains(&i) { Some(1) } else { rest.next().copied() });
    let extents: Option<Vec<usize>> = extents.collect();
    extents.ok_or_else(|| Fault::wrong(format!("axes {axes:?}"), "distinct axes"))
}

/// The permutation of a `Transpose`; the axes in reverse where none is given.
pub(super) fn permutation(node: &Node<'_>, rank: usize) -> Result<Vec<usize>, Fault> {
    match node.ints("perm")? {
        None => Ok((0..rank).rev().collect()),
        Some(perm) => {
            let perm: Vec<usize> = perm.iter().map(|a| axis(*a, rank)).collect::<Result<_, _>>()?;
            let mut sorted = perm.clone();
            sorted.sort_unstable();
            if sorted.into_iter().eq(0..rank) {
                return Ok(perm);
            }
            Err(Fault::wrong(format!("permutation {perm:?}"), format!("one of {rank} axes")))
        }
    }
}

impl Importer {
    pub(super) fn reshape(&mut self, node: &Node<'_>) -> Result<(), Fault> {
        let x = self.value(node.input(0)?)?;
        let target = self.list(node.input(1)?)?;
        let shape = reshaped(self.build.shape(x), &target, node.int("allowzero", 0)? != 0)?;
        self.view(node, x, &shape)
    }

    pub(super) fn flatten(&mut self, node: &Node<'_>) -> Result<(), Fault> {
        let x = self.value(node.input(0)?)?;
        let shape = flattened(self.build.shape(x), node.int("axis", 1)?)?;
        self.view(node, x, &shape)
    }

    pub(super) fn squeeze(&mut self, node: &Node<'_>) -> Result<(), Fault> {
        let x = self.value(node.input(0)?)?;
        let axes = self.axes_of(node, 1)?;
        let shape = squeezed(self.build.shape(x), axes.as_deref())?;
        self.view(node, x, &shape)
    }

    pub(super) fn unsqueeze(&mut self, node: &Node<'_>) -> Result<(), Fault> {
        let x = self.value(node.input(0)?)?;
        let axes = self.axes_of(node, 1)?.unwrap_or_default();
        let shape = unsqueezed(self.build.shape(x), &axes)?;
        self.view(node, x, &shape)
    }

    fn view(&mut self, node: &Node<'_>, x: Value, shape: &[usize]) -> Result<(), Fault> {
        let value = self.build.reshape(x, shape)?;
        self.give(node, value)
    }

    pub(super) fn transpose(&mut self, node: &Node<'_>) -> Result<(), Fault> {
        let x = self.value(node.input(0)?)?;
        let perm = permutation(node, self.build.shape(x).len())?;
        let value = self.build.transpose(x, &perm)?;
        self.give(node, value)
    }

    /// Quantized operands keep their scale, which must be one.
    pub(super) fn concat(&mut self, node: &Node<'_>) -> Result<(), Fault> {
        let mut operands = Vec::new();
        for name in node.inputs() {
            operands.push(self.value(name)?);
        }
        let first = operands.first().map(|v| self.build.graph.ty(*v).clone());
        let first = first.ok_or_else(|| Fault::wrong("no operand", "at least one"))?;
        let at = axis(node.int("axis", 0)?, first.rank())?;
        let declared = if first.is_quantized() {
            if operands.iter().any(|v| self.build.graph.ty(*v).quant != first.quant) {
                return Err(Fault::unsupported("integers of different scales", "floats, or one scale"));
            }
            let along = operands.iter().filter_map(|v| self.build.shape(*v).get(at)).sum();
            let mut shape = first.shape.clone();
            shape[at] = along;
            Some(first.with_shape(shape))
        } else {
            None
        };
        let operands: Vec<_> = operands.into_iter().map(Some).collect();
        let value = self.build.add("concat", &operands, &[("axis", Attr::Int(at as i64))], declared)?;
        self.give(node, value)
    }

    pub(super) fn slice(&mut self, node: &Node<'_>) -> Result<(), Fault> {
        let x = self.value(node.input(0)?)?;
        let shape = self.build.shape(x).to_vec();
        let ranges = self.ranges(node, &shape)?;
        if let Some(back) = ranges.iter().find(|r| r.step < 1 && r.size > 1) {
            return Err(Fault::unsupported(format!("step {}", back.step), "steps from 1 up"));
        }
        let start: Vec<usize> = ranges.iter().map(|r| r.start).collect();
        let size: Vec<usize> = ranges.iter().map(|r| r.size).collect();
        let step: Vec<usize> = ranges.iter().map(|r| r.step.max(1) as usize).collect();
        let value = self.build.slice(x, &start, &size, &step)?;
        self.give(node, value)
    }

    /// Parts along an axis: of the sizes given, or as equal as possible.
    pub(super) fn split(&mut self, node: &Node<'_>) -> Result<(), Fault> {
        let x = self.value(node.input(0)?)?;
        let shape = self.build.shape(x).to_vec();
        let at = axis(node.int("axis", 0)?, shape.len())?;
        let parts = node.proto.output.len().max(1);
        let given = match (node.ints("split")?, node.optional(1)) {
            (Some(list), _) => Some(sizes(list)?),
            (None, Some(name)) => Some(sizes(&self.list(name)?)?),
            (None, None) => None,
        };
        let given = given.unwrap_or_else(|| {
            let each = shape[at].div_ceil(parts);
            (0..parts).map(|i| each.min(shape[at].saturating_sub(i * each))).collect()
        });
        if given.len() != node.proto.output.len() || given.iter().sum::<usize>() != shape[at] {
            let found = format!("{} results of {given:?} elements", node.proto.output.len());
            return Err(Fault::wrong(found, format!("{} in all", shape[at])));
        }
        let mut from = 0;
        for (name, size) in node.proto.output.iter().zip(given) {
            let (mut start, mut extents) = (vec![0; shape.len()], shape.clone());
            (start[at], extents[at]) = (from, size);
            from += size;
            let part = self.build.slice(x, &start, &extents, &vec![1; shape.len()])?;
            self.define(name, Held::Value(part))?;
        }
        Ok(())
    }

    /// One constant index is a slice; several are a `gather` with indices from 0 up.
    pub(super) fn gather(&mut self, node: &Node<'_>) -> Result<(), Fault> {
        let (x, indices) = (node.input(0)?, node.input(1)?);
        let x = self.value(x)?;
        let shape = self.build.shape(x).to_vec();
        let at = axis(node.int("axis", 0)?, shape.len())?;
        let attrs = [("axis", Attr::Int(at as i64))];
        let Some(data) = self.constant(indices).cloned() else {
            let indices = self.value(indices)?;
            return self.emit(node, "gather", &[x, indices], &attrs);
        };
        let outside = |_| {
            Fault::wrong(format!("an index of `{indices}` outside"), format!("indices into {}", shape[at]))
        };
        let picks = super::folding::whole(&data)?
            .iter()
            .map(|i| axis(*i, shape[at]))
            .collect::<Result<Vec<usize>, _>>();
        let picks = picks.map_err(outside)?;
        if let ([pick], []) = (&picks[..], data.shape()) {
            let (mut start, mut extents) = (vec![0; shape.len()], shape.clone());
            (start[at], extents[at]) = (*pick, 1);
            let part = self.build.slice(x, &start, &extents, &vec![1; shape.len()])?;
            extents.remove(at);
            return self.view(node, part, &extents);
        }
        let picks: Vec<i64> = picks.iter().map(|i| *i as i64).collect();
        let data = Tensor::from_ints(Element::I64, data.shape(), &picks);
        let indices = self.build.constant(indices, Type::new(Element::I64, data.shape()), data)?;
        self.emit(node, "gather", &[x, indices], &attrs)
    }

    pub(super) fn expand(&mut self, node: &Node<'_>) -> Result<(), Fault> {
        let x = self.value(node.input(0)?)?;
        let target = sizes(&self.list(node.input(1)?)?)?;
        let shape = super::super::fold::broadcast(self.build.shape(x), &target)?;
        if self.build.shape(x) == shape {
            return self.give(node, x);
        }
        self.emit(node, "expand", &[x], &[("shape", ints(&shape))])
    }

    /// Each axis in turn: an axis of extent 1 in front of it, repeated, and joined with it.
    pub(super) fn tile(&mut self, node: &Node<'_>) -> Result<(), Fault> {
        let mut x = self.value(node.input(0)?)?;
        let repeats = sizes(&self.list(node.input(1)?)?)?;
        let rank = self.build.shape(x).len();
        if repeats.len() != rank {
            return Err(Fault::wrong(format!("{} repeats", repeats.len()), rank.to_string()));
        }
        for (at, count) in repeats.into_iter().enumerate().filter(|(_, count)| *count != 1) {
            let mut shape = self.build.shape(x).to_vec();
            let joined = shape[at].saturating_mul(count);
            shape.insert(at, 1);
            x = self.build.reshape(x, &shape)?;
            shape[at] = count;
            x = self.build.op("expand", &[x], &[("shape", ints(&shape))])?;
            shape.remove(at);
            shape[at] = joined;
            x = self.build.reshape(x, &shape)?;
        }
        self.give(node, x)
    }

    pub(super) fn pad(&mut self, node: &Node<'_>) -> Result<(), Fault> {
        let x = self.value(node.input(0)?)?;
        let rank = self.build.shape(x).len();
        let mode = match node.text("mode", "constant")? {
            mode @ ("constant" | "reflect" | "edge") => mode,
            other => return Err(Fault::unsupported(format!("mode {other}"), "constant, reflect or edge")),
        };
        let pads = self.list(node.input(1)?)?;
        let axes: Vec<i64> = match node.optional(3) {
            Some(name) => self.list(name)?,
            None => (0..rank as i64).collect(),
        };
        if pads.len() != 2 * axes.len() {
            return Err(Fault::wrong(format!("{} pads", pads.len()), (2 * axes.len()).to_string()));
        }
        if pads.iter().any(|p| *p < 0) {
            return Err(Fault::unsupported("a negative pad", "Slice"));
        }
        let (mut before, mut after) = (vec![0; rank], vec![0; rank]);
        for (n, a) in axes.iter().enumerate() {
            let at = axis(*a, rank)?;
            (before[at], after[at]) = (pads[n], pads[axes.len() + n]);
        }
        let fill = match node.optional(2).map(|name| (name, self.constant(name))) {
            None => 0.0,
            Some((_, Some(data))) if data.len() == 1 => data.to_reals()[0],
            Some((name, _)) => {
                return Err(Fault::unsupported(format!("fill value `{name}`"), "one constant"));
            }
        };
        if before.iter().chain(&after).all(|p| *p == 0) {
            return self.give(node, x);
        }
        let attrs = [
            ("before", ints(&before)),
            ("after", ints(&after)),
            ("value", Attr::Float(fill)),
            ("mode", word(mode)),
        ];
        self.emit(node, "pad", &[x], &attrs)
    }

    /// By one whole factor in rows and columns, each element repeated.
    pub(super) fn resize(&mut self, node: &Node<'_>) -> Result<(), Fault> {
        const NEAREST: &str = "mode nearest by one whole factor, each element repeated";
        let x = self.value(node.input(0)?)?;
        let shape = self.build.shape(x).to_vec();
        if node.has("axes") || shape.len() != 4 {
            return Err(Fault::unsupported(format!("`axes` or rank {}", shape.len()), NEAREST));
        }
        let factors = match (node.optional(2), node.optional(3)) {
            (_, Some(sizes)) => {
                let sizes = self.list(sizes)?;
                sizes.iter().zip(&shape).map(|(s, d)| *s as f64 / *d as f64).collect()
            }
            (Some(name), None) => match self.constant(name) {
                Some(data) => data.to_reals(),
                None => {
                    return Err(Fault::unsupported(format!("scales `{name}` that are computed"), NEAREST));
                }
            },
            (None, None) => return Err(Fault::wrong("neither scales nor sizes", "one of the two")),
        };
        let (mode, place, pick) = (
            node.text("mode", "nearest")?,
            node.text("coordinate_transformation_mode", "half_pixel")?,
            node.text("nearest_mode", "round_prefer_floor")?,
        );
        let [1.0, 1.0, rows, columns] = factors[..] else {
            return Err(Fault::unsupported(format!("factors {factors:?}"), NEAREST));
        };
        let repeats = match (place, pick) {
            ("asymmetric", "floor")
            | ("half_pixel" | "pytorch_half_pixel", "round_prefer_floor" | "round_prefer_ceil") => true,
            // Exactly between two elements at a factor of two, where the lower one is taken.
            ("asymmetric", "round_prefer_floor") => rows <= 2.0,
            _ => false,
        };
        let whole = rows == columns && rows >= 1.0 && rows.fract() == 0.0 && rows < 65536.0;
        if mode != "nearest" || !repeats || !whole {
            return Err(Fault::unsupported(
                format!("{mode}, {place}, {pick} by {rows} and {columns}"),
                NEAREST,
            ));
        }
        self.emit(node, "resize2d", &[x], &[("scale", Attr::Int(rows as i64))])
    }

    /// Channels spread over blocks of pixels.
    pub(super) fn depth_to_space(&mut self, node: &Node<'_>) -> Result<(), Fault> {
        let (x, n, c, h, w, block) = self.blocks(node)?;
        let depth = c / (block * block).max(1);
        let (split, perm) = match node.text("mode", "DCR")? {
            "CRD" => ([n, depth, block, block, h, w], [0, 1, 4, 2, 5, 3]),
            _ => ([n, block, block, depth, h, w], [0, 3, 4, 1, 5, 2]),
        };
        let value = self.build.reshape(x, &split)?;
        let value = self.build.transpose(value, &perm)?;
        self.view(node, value, &[n, depth, h.saturating_mul(block), w.saturating_mul(block)])
    }

    /// Blocks of pixels gathered into channels.
    pub(super) fn space_to_depth(&mut self, node: &Node<'_>) -> Result<(), Fault> {
        if node.has("mode") && node.text("mode", "DCR")? != "DCR" {
            return Err(Fault::unsupported("another mode", "mode DCR"));
        }
        let (x, n, c, h, w, block) = self.blocks(node)?;
        let (rows, columns) = (h / block, w / block);
        let value = self.build.reshape(x, &[n, c, rows, block, columns, block])?;
        let value = self.build.transpose(value, &[0, 3, 5, 1, 2, 4])?;
        self.view(node, value, &[n, c.saturating_mul(block * block), rows, columns])
    }

    #[allow(clippy::type_complexity, reason = "an image's four extents and the block")]
    fn blocks(&mut self, node: &Node<'_>) -> Result<(Value, usize, usize, usize, usize, usize), Fault> {
        let x = self.value(node.input(0)?)?;
        let block = usize::try_from(node.int("blocksize", 0)?).ok().filter(|b| (1..1 << 15).contains(b));
        let block = block
            .ok_or_else(|| Fault::wrong("`blocksize` below 1 or too large", "a whole number from 1 up"))?;
        match *self.build.shape(x) {
            [n, c, h, w] => Ok((x, n, c, h, w, block)),
            ref shape => Err(Fault::wrong(format!("an operand {shape:?}"), "rank 4")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reshape_resolves_zero_and_minus_one() {
        assert_eq!(reshaped(&[2, 3, 4], &[0, -1], false), Ok(vec![2, 12]));
        assert_eq!(reshaped(&[2, 3], &[3, 2], false), Ok(vec![3, 2]));
        assert_eq!(reshaped(&[0, 3], &[3, 0], true), Ok(vec![3, 0]));
        for target in [&[-1, -1][..], &[5, -1], &[2, 2], &[0, 0, 0], &[-2, 3], &[i64::MAX, i64::MAX]] {
            assert!(reshaped(&[2, 3], target, false).is_err(), "{target:?}");
        }
    }

    #[test]
    fn axes_come_and_go() {
        assert_eq!(squeezed(&[1, 3, 1], None), Ok(vec![3]));
        assert_eq!(squeezed(&[1, 3, 1], Some(&[-1])), Ok(vec![1, 3]));
        assert!(squeezed(&[1, 3], Some(&[1])).is_err());
        assert_eq!(unsqueezed(&[3], &[0, -1]), Ok(vec![1, 3, 1]));
        assert!(unsqueezed(&[3], &[0, 0]).is_err());
        assert_eq!(flattened(&[2, 3, 4], 3), Ok(vec![24, 1]));
        assert_eq!(flattened(&[2, 3, 4], -1), Ok(vec![6, 4]));
    }
}
