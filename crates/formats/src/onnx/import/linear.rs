//! Matrix products. A product with constant weights is a `dense`, whose weights are [c_out, c_in].

use ir::{Attr, Tensor, Value};

use super::super::fold;
use super::attrs::Node;
use super::{Held, Importer};
use crate::build::{ints, short};
use crate::error::Fault;

impl Importer {
    pub(super) fn matmul(&mut self, node: &Node<'_>) -> Result<(), Fault> {
        let a = self.value(node.input(0)?)?;
        let left = self.build.shape(a).len();
        if let (2.., Some(w)) = (left, self.weight(node.input(1)?)?) {
            return self.emit(node, "dense", &[a, w], &[]);
        }
        let b = self.value(node.input(1)?)?;
        let right = self.build.shape(b).len();
        if left < 2 || right < 2 {
            return self.vector_product(node, a, b);
        }
        if right == 2 && self.is_weight(b) {
            let w = self.transposed(b)?;
            return self.emit(node, "dense", &[a, w], &[]);
        }
        self.emit(node, "matmul", &[a, b], &[])
    }

    /// A vector is a row on the left and a column on the right; its axis goes again behind the product.
    fn vector_product(&mut self, node: &Node<'_>, a: Value, b: Value) -> Result<(), Fault> {
        let (left, right) = (self.build.shape(a).to_vec(), self.build.shape(b).to_vec());
        let (row, column) = (left.len() == 1, right.len() == 1);
        let a = if row { self.build.reshape(a, &[1, left[0]])? } else { a };
        let b = if column { self.build.reshape(b, &[right[0], 1])? } else { b };
        let value = self.build.op("matmul", &[a, b], &[])?;
        let mut shape = self.build.shape(value).to_vec();
        let rank = shape.len();
        if column {
            shape.remove(rank - 1);
        }
        if row {
            shape.remove(rank - 2);
        }
        let value = self.build.reshape(value, &shape)?;
        self.give(node, value)
    }

    /// `alpha * a b + beta * c`, a and b transposed where asked.
    pub(super) fn gemm(&mut self, node: &Node<'_>) -> Result<(), Fault> {
        let (alpha, beta) = (node.float("alpha", 1.0)?, node.float("beta", 1.0)?);
        for name in [node.input(0)?, node.input(1)?] {
            let rank = self.extents(name)?.len();
            if rank != 2 {
                return Err(Fault::wrong(format!("an operand `{name}` of rank {rank}"), "rank 2"));
            }
        }
        let mut a = self.value(node.input(0)?)?;
        if node.int("transA", 0)? != 0 {
            a = self.build.transpose(a, &[1, 0])?;
        }
        let turned = if node.int("transB", 0)? == 0 { self.weight(node.input(1)?)? } else { None };
        let b = match turned {
            Some(b) => b,
            None if node.int("transB", 0)? == 0 => {
                let b = self.value(node.input(1)?)?;
                self.transposed(b)?
            }
            None => self.value(node.input(1)?)?,
        };
        let c = match node.optional(2) {
            Some(name) if beta != 0.0 => Some(self.value(name)?),
            _ => None,
        };
        let units = self.build.shape(b)[0];
        let plain = alpha == 1.0 && beta == 1.0;
        let bias = match c {
            None => None,
            Some(c) if plain && self.bias_like(c, units) => Some(self.build.reshape_constant(c, &[units])?),
            Some(_) => None,
        };
        let mut value = self.build.add("dense", &[Some(a), Some(b), bias], &[], None)?;
        if alpha != 1.0 {
            let factor = self.build.scalar(value, alpha)?;
            value = self.build.op("mul", &[value, factor], &[])?;
        }
        if let (Some(mut c), None) = (c, bias) {
            if beta != 1.0 {
                let factor = self.build.scalar(c, beta)?;
                c = self.build.op("mul", &[c, factor], &[])?;
            }
            value = self.build.op("add", &[value, c], &[])?;
        }
        self.give(node, value)
    }

    /// A plain constant matrix, transposed; it alone becomes a node of the graph, under the constant's name.
    fn weight(&mut self, name: &str) -> Result<Option<Value>, Fault> {
        let Some(Held::Constant { data, quant: None, node: None }) = self.held.get(name) else {
            return Ok(None);
        };
        if data.shape().len() != 2 {
            return Ok(None);
        }
        let data = data.clone();
        let moved = fold::transpose(&mut self.build, &data, &[1, 0])?;
        let ty = ir::Type::new(moved.element(), moved.shape());
        self.build.constant(short(name), ty, moved).map(Some)
    }

    /// Whether `c` is one number for each of `units` columns.
    fn bias_like(&self, c: Value, units: usize) -> bool {
        let shape = self.build.shape(c);
        shape == [units] || (shape == [1, units] && self.build.graph.const_data(c).is_some())
    }

    /// A constant, or the dequantized form of one.
    fn is_weight(&self, value: Value) -> bool {
        let node = self.build.graph.node(value);
        node.constant().is_some()
            || (node.is("dequantize") && node.operands().iter().flatten().all(|x| self.is_weight(*x)))
    }

    /// A matrix transposed: at import where it is a weight.
    fn transposed(&mut self, value: Value) -> Result<Value, Fault> {
        let node = self.build.graph.node(value);
        if let (true, Some(source)) = (node.is("dequantize"), node.operands().first().copied().flatten())
            && self.is_weight(source)
        {
            let source = self.transposed(source)?;
            return self.build.op("dequantize", &[source], &[]);
        }
        let Some(data) = self.build.graph.const_data(value).cloned() else {
            return self.build.transpose(value, &[1, 0]);
        };
        let mut ty = self.build.graph.ty(value).clone();
        ty.shape.reverse();
        if let Some(ir::Granularity::PerAxis(axis) | ir::Granularity::PerGroup { axis, .. }) =
            ty.quant.as_mut().map(|quant| &mut quant.granularity)
        {
            *axis = 1 - (*axis).min(1);
        }
        self.reorder_group_scales(&mut ty);
        let name = self.build.graph.node(value).name().unwrap_or_default().to_owned();
        let moved: Tensor = fold::transpose(&mut self.build, &data, &[1, 0])?;
        self.build.constant(&name, ty, moved)
    }

    /// Scales of groups are in row-major order, so they are transposed with their matrix. `ty` is the transposed type.
    fn reorder_group_scales(&self, ty: &mut ir::Type) {
        let Some(quant) = &mut ty.quant else { return };
        let ir::Granularity::PerGroup { axis, size } = quant.granularity else { return };
        let mut extents = ty.shape.clone();
        extents[axis] = extents[axis].div_ceil(size);
        let [rows, columns] = extents[..] else { return };
        let place = |at: usize| (at % columns) * rows + at / columns;
        quant.scale = (0..rows * columns).map(|at| quant.scale[place(at)]).collect();
        quant.zero = (0..rows * columns).map(|at| quant.zero[place(at)]).collect();
    }

    /// Softmax along one axis; before operator set 13 over all axes from `axis` on.
    pub(super) fn softmax(&mut self, node: &Node<'_>) -> Result<(), Fault> {
        let value = self.softmaxed(node)?;
        self.give(node, value)
    }

    pub(super) fn log_softmax(&mut self, node: &Node<'_>) -> Result<(), Fault> {
        let value = self.softmaxed(node)?;
        self.emit(node, "log", &[value], &[])
    }

    fn softmaxed(&mut self, node: &Node<'_>) -> Result<Value, Fault> {
        let x = self.value(node.input(0)?)?;
        let shape = self.build.shape(x).to_vec();
        let given = node.int("axis", if self.opset < 13 { 1 } else { -1 })?;
        let at = crate::build::axis(given, shape.len())?;
        let along = |axis: usize| [("axis", Attr::Int(axis as i64))];
        if self.opset >= 13 || at + 1 == shape.len() {
            return self.build.op("softmax", &[x], &along(at));
        }
        let flat = [shape[..at].iter().product(), shape[at..].iter().product()];
        let flat = self.build.op("reshape", &[x], &[("shape", ints::<usize>(&flat))])?;
        let value = self.build.op("softmax", &[flat], &along(1))?;
        self.build.reshape(value, &shape)
    }
}
