//! What both importers build graphs with: unique names, bounded memory, movement ops that vanish where they can.

use std::collections::HashSet;

use ir::{Attr, Attrs, Graph, Op, Tensor, Type, Value};

use crate::error::Fault;
use crate::{Notice, Rounding};

/// Memory an import may take for constants it has to convert (reordered, widened, folded), as a multiple of the file's size,
/// plus [`CONSTANT_SLACK`]. Constants that are used as they are stay views of the file.
pub const CONSTANT_FACTOR: usize = 8;
/// See [`CONSTANT_FACTOR`], in bytes.
pub const CONSTANT_SLACK: usize = 16 << 20;

/// A graph being built.
pub(crate) struct Build {
    pub(crate) graph: Graph,
    pub(crate) notices: Vec<Notice>,
    rounding: Rounding,
    weights: HashSet<String>,
    limit: usize,
    spent: usize,
}

impl Build {
    pub(crate) fn new(name: &str, file_bytes: usize, rounding: Rounding) -> Build {
        let name = if name.is_empty() { "main".to_owned() } else { plain(name) };
        let limit = file_bytes.saturating_mul(CONSTANT_FACTOR).saturating_add(CONSTANT_SLACK);
        Build {
            graph: Graph::new(name),
            notices: Vec::new(),
            rounding,
            weights: HashSet::new(),
            limit,
            spent: 0,
        }
    }

    /// Accounts for a constant of `bytes` that is made, before it is made.
    pub(crate) fn charge(&mut self, bytes: usize) -> Result<(), Fault> {
        self.spent = self.spent.saturating_add(bytes);
        if self.spent > self.limit {
            let found = format!("constants of {} bytes", self.spent);
            return Err(Fault::wrong(found, format!("at most {} for a file of this size", self.limit)));
        }
        Ok(())
    }

    /// A notice, once.
    pub(crate) fn notice(&mut self, notice: Notice) {
        if !self.notices.contains(&notice) {
            self.notices.push(notice);
        }
    }

    /// A constant under its name; numbers behind it where the name is taken.
    pub(crate) fn constant(&mut self, name: &str, ty: Type, data: Tensor) -> Result<Value, Fault> {
        sound(&ty)?;
        if name.is_empty() || data.len() <= 1 {
            return Ok(self.graph.add_const(None, ty, data));
        }
        let name = plain(name);
        let mut unique = name.clone();
        let mut number = 1;
        while !self.weights.insert(unique.clone()) {
            unique = format!("{name}.{number}");
            number += 1;
        }
        let value = self.graph.add_const(Some(unique.clone()), ty, data);
        self.graph.set_name(value, Some(unique));
        Ok(value)
    }

    /// A constant scalar of the element of `like`, a float.
    pub(crate) fn scalar(&mut self, like: Value, value: f64) -> Result<Value, Fault> {
        let element = self.graph.ty(like).element;
        if !matches!(element, ir::Element::F32 | ir::Element::F16 | ir::Element::BF16) {
            return Err(Fault::unsupported(format!("a factor {value} on {element}"), "float operands"));
        }
        let data = Tensor::from_reals(element, [], [value]);
        Ok(self.graph.add_const(None, Type::new(element, []), data))
    }

    /// A value under another shape; a constant is viewed under it.
    pub(crate) fn reshape_constant(&mut self, value: Value, shape: &[usize]) -> Result<Value, Fault> {
        let ty = self.graph.ty(value).clone();
        match self.graph.const_data(value).cloned() {
            Some(data) if ty.shape != shape && ty.quant.is_none() => {
                let data = data
                    .reshaped(shape)
                    .map_err(|e| Fault::wrong(format!("shape {:?}", e.shape), "another"))?;
                let name = self.graph.node(value).name().unwrap_or_default().to_owned();
                self.constant(&name, ty.with_shape(shape), data)
            }
            _ => self.reshape(value, shape),
        }
    }

    /// Adds an input.
    pub(crate) fn input(&mut self, name: &str, ty: Type) -> Value {
        self.graph.add_input(plain(name), ty)
    }

    /// Names the result of an op that has no name yet.
    pub(crate) fn name(&mut self, value: Value, name: &str) {
        let node = self.graph.node(value);
        if node.name().is_none() && node.op().is_some() && !name.is_empty() {
            self.graph.set_name(value, Some(plain(short(name))));
        }
    }

    /// Adds a use of an op; integer ops get the rounding profile of the import.
    pub(crate) fn add(
        &mut self,
        op: &str,
        operands: &[Option<Value>],
        attrs: &[(&str, Attr)],
        declared: Option<Type>,
    ) -> Result<Value, Fault> {
        let op = Op::named(op).unwrap_or_else(|| panic!("invariant: the op table has `{op}`"));
        // What reads a dequantized value is an integer op once quantization is folded.
        let integer = |v: &Value| self.graph.ty(*v).is_quantized() || self.graph.node(*v).is("dequantize");
        let quantized = operands.iter().flatten().any(integer);
        let mut given: Vec<(String, Attr)> =
            attrs.iter().map(|(n, a)| ((*n).to_owned(), a.clone())).collect();
        if quantized && op.attrs.iter().any(|def| def.name == "round") {
            given.push(("round".to_owned(), Attr::Word(self.rounding.name().to_owned())));
        }
        let wrong = |e: ir::AttrError| Fault::wrong(format!("{}: {e}", op.name), "attributes that fit");
        let attrs = Attrs::complete(op.attrs, given).map_err(wrong)?;
        Ok(self.graph.add_with(op, operands, attrs, declared)?)
    }

    /// [`Build::add`] with all operands there and nothing declared.
    pub(crate) fn op(
        &mut self,
        op: &str,
        operands: &[Value],
        attrs: &[(&str, Attr)],
    ) -> Result<Value, Fault> {
        let operands: Vec<_> = operands.iter().copied().map(Some).collect();
        self.add(op, &operands, attrs, None)
    }

    pub(crate) fn shape(&self, value: Value) -> &[usize] {
        &self.graph.ty(value).shape
    }

    /// `value` under another shape; itself where it has that shape.
    pub(crate) fn reshape(&mut self, value: Value, shape: &[usize]) -> Result<Value, Fault> {
        if self.shape(value) == shape {
            return Ok(value);
        }
        self.op("reshape", &[value], &[("shape", ints(shape))])
    }

    /// `value` with axis i of the result its axis `perm[i]`. No element moves where only axes of extent 1 change place:
    /// that is a reshape, and nothing at all where the shape stays.
    pub(crate) fn transpose(&mut self, value: Value, perm: &[usize]) -> Result<Value, Fault> {
        let shape = self.shape(value).to_vec();
        if perm.iter().enumerate().all(|(i, axis)| i == *axis) {
            return Ok(value);
        }
        if keeps_order(&shape, perm) {
            let shape: Vec<usize> = perm.iter().map(|axis| shape[*axis]).collect();
            return self.reshape(value, &shape);
        }
        self.op("transpose", &[value], &[("perm", ints(perm))])
    }

    /// The part of `value` from `start`, `size` elements, each `step` apart, on every axis.
    pub(crate) fn slice(
        &mut self,
        value: Value,
        start: &[usize],
        size: &[usize],
        step: &[usize],
    ) -> Result<Value, Fault> {
        if self.shape(value) == size {
            return Ok(value);
        }
        self.op("slice", &[value], &[("start", ints(start)), ("size", ints(size)), ("step", ints(step))])
    }
}

/// Refuses a type that cannot be: too large, or with a scale of zero or NaN.
pub(crate) fn sound(ty: &Type) -> Result<(), Fault> {
    match ty.fault() {
        Some(fault) => Err(Fault::wrong(fault, "a sound type")),
        None => Ok(()),
    }
}

/// A name as a line of text can hold it: files may put anything into theirs.
pub(crate) fn plain(name: &str) -> String {
    name.replace(char::is_control, "_")
}

/// Converters join the names of what they fused: the first is what a reader knows.
pub(crate) fn short(name: &str) -> &str {
    name.split(';').next().unwrap_or(name)
}

/// Whether a permutation of axes leaves the elements in their order in memory: only axes of extent 1 change place.
pub(crate) fn keeps_order(shape: &[usize], perm: &[usize]) -> bool {
    let moved: Vec<usize> = perm.iter().copied().filter(|axis| shape[*axis] != 1).collect();
    moved.is_sorted()
}

/// A list attribute.
pub(crate) fn ints<T: Copy + TryInto<i64>>(list: &[T]) -> Attr {
    // What does not fit is refused by the op's own check of its attribute.
    Attr::Ints(list.iter().map(|v| (*v).try_into().unwrap_or(i64::MAX)).collect())
}

/// A word attribute.
pub(crate) fn word(word: &str) -> Attr {
    Attr::Word(word.to_owned())
}

/// The elements of `data` with axis i of the result axis `perm[i]` of `shape`.
pub(crate) fn permuted(data: &[u8], shape: &[usize], perm: &[usize], width: usize) -> Vec<u8> {
    let mut strides = vec![width; shape.len()];
    for axis in (0..shape.len().saturating_sub(1)).rev() {
        strides[axis] = strides[axis + 1] * shape[axis + 1];
    }
    let extents: Vec<usize> = perm.iter().map(|axis| shape[*axis]).collect();
    let steps: Vec<usize> = perm.iter().map(|axis| strides[*axis]).collect();
    let mut out = Vec::with_capacity(data.len());
    let mut index = vec![0; shape.len()];
    let mut from = 0;
    while out.len() < data.len() {
        out.extend_from_slice(&data[from..from + width]);
        for axis in (0..extents.len()).rev() {
            index[axis] += 1;
            from += steps[axis];
            if index[axis] < extents[axis] {
                break;
            }
            from -= steps[axis] * extents[axis];
            index[axis] = 0;
        }
    }
    out
}

/// The type with a shape and, where it is quantized along an axis, that axis permuted.
pub(crate) fn permuted_type(ty: &Type, perm: &[usize]) -> Type {
    let mut out = ty.with_shape(perm.iter().map(|axis| ty.shape[*axis]).collect::<Vec<_>>());
    if let Some(quant) = &mut out.quant
        && let ir::Granularity::PerAxis(axis) = &mut quant.granularity
    {
        *axis = perm.iter().position(|from| from == axis).unwrap_or(*axis);
    }
    out
}

/// An axis of `rank`, negative counted from the end.
pub(crate) fn axis(axis: i64, rank: usize) -> Result<usize, Fault> {
    let signed = rank as i64;
    let resolved = if axis < 0 { axis.saturating_add(signed) } else { axis };
    match usize::try_from(resolved) {
        Ok(found) if found < rank => Ok(found),
        _ => Err(Fault::wrong(format!("axis {axis}"), format!("an axis of rank {rank}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_permutation_moves_bytes_as_the_strides_say() {
        // [2, 3] transposed.
        assert_eq!(permuted(&[1, 2, 3, 4, 5, 6], &[2, 3], &[1, 0], 1), [1, 4, 2, 5, 3, 6]);
        assert_eq!(permuted(&[1, 2, 3, 4, 5, 6, 7, 8], &[2, 2], &[1, 0], 2), [1, 2, 5, 6, 3, 4, 7, 8]);
        assert_eq!(permuted(&[9], &[], &[], 1), [9]);
        assert!(permuted(&[], &[0, 3], &[1, 0], 1).is_empty());
    }

    #[test]
    fn only_axes_of_extent_one_change_place_without_moving_elements() {
        assert!(keeps_order(&[1, 64, 1, 1], &[0, 2, 3, 1]));
        assert!(keeps_order(&[1, 49, 10, 1], &[0, 3, 1, 2]));
        assert!(!keeps_order(&[1, 3, 8, 8], &[0, 2, 3, 1]));
    }

    #[test]
    fn constants_beyond_the_budget_are_refused() {
        let mut build = Build::new("g", 10, Rounding::default());
        assert!(build.charge(CONSTANT_SLACK + 80).is_ok());
        assert!(build.charge(1).is_err());
    }
}
