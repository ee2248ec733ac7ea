//! `QuantizeLinear` and `DequantizeLinear`: per tensor, per axis and in blocks.

use ir::{Element, Granularity, Quant, Tensor, Type};

use super::super::proto::NodeProto;
use super::super::tensor::element;
use super::attrs::Node;
use super::{Held, Importer};
use crate::error::Fault;

impl Importer {
    pub(super) fn quantize_linear(&mut self, node: &Node<'_>) -> Result<(), Fault> {
        let (name, out) = (node.input(0)?, node.output(0)?);
        let shape = self.extents(name)?;
        let (quant, element) = self.scales(node, shape.len())?;
        let ty = Type::new(element, shape).with_quant(quant.clone());
        crate::build::sound(&ty)?;
        if let Some(data) = self.constant(name).cloned() {
            let data = self.quantized(&data, &ty)?;
            return self.define(out, Held::Constant { data, quant: Some(quant), node: None });
        }
        let x = self.value(name)?;
        let value = self.build.add("quantize", &[Some(x)], &[], Some(ty))?;
        self.give(node, value)
    }

    pub(super) fn dequantize_linear(&mut self, node: &Node<'_>) -> Result<(), Fault> {
        let name = node.input(0)?;
        let shape = self.extents(name)?;
        let (quant, _) = self.scales(node, shape.len())?;
        let held = self.held_or_absent(name)?;
        let x = match held {
            Some(Held::Constant { data, quant: None, .. }) => {
                let ty = Type::new(data.element(), shape).with_quant(quant);
                self.build.constant(name, ty, data)?
            }
            _ => {
                let x = self.value(name)?;
                if self.build.graph.ty(x).quant.as_ref() != Some(&quant) {
                    let reason =
                        format!("`{name}` with another scale or zero point than it was quantized with");
                    return Err(Fault::unsupported(
                        reason,
                        "the operand of a QuantizeLinear of the same scale",
                    ));
                }
                x
            }
        };
        self.emit(node, "dequantize", &[x], &[])
    }

    /// Scale and zero point, and the element they are for.
    fn scales(&self, node: &Node<'_>, rank: usize) -> Result<(Quant, Element), Fault> {
        let constant = |name: &str| {
            let found = self.constant(name);
            found.ok_or_else(|| Fault::unsupported(format!("`{name}`, which is computed"), "constant scales"))
        };
        let scale = constant(node.input(1)?)?;
        if !scale.element().is_float() {
            return Err(Fault::wrong(format!("scales of {}", scale.element()), "floats"));
        }
        let count = scale.len();
        let (zero, element) = match node.optional(2) {
            Some(name) => {
                let zero = constant(name)?;
                if zero.element().is_float() {
                    let reason = format!("zero points of {}", zero.element());
                    return Err(Fault::unsupported(reason, "integers of 4 to 16 bits"));
                }
                (zero.to_ints(), zero.element())
            }
            None => {
                let kind = i32::try_from(node.int("output_dtype", 0)?).unwrap_or(0);
                let element = if kind == 0 { Element::U8 } else { element(kind)? };
                (vec![0; count], element)
            }
        };
        let zero: Option<Vec<i32>> = zero.iter().map(|z| i32::try_from(*z).ok()).collect();
        let zero = zero.filter(|zero| zero.len() == count);
        let zero = zero.ok_or_else(|| Fault::wrong("zero points of another number", format!("{count}")))?;
        let block = node.int("block_size", 0)?;
        let along = || crate::build::axis(node.int("axis", 1)?, rank);
        let granularity = match (block, scale.shape().len()) {
            (0, 0) => Granularity::PerTensor,
            (0, 1) if count == 1 => Granularity::PerTensor,
            (0, 1) => Granularity::PerAxis(along()?),
            (1.., n) if n == rank => Granularity::PerGroup { axis: along()?, size: block as usize },
            _ => {
                let found = format!("scales {:?} with blocks of {block}", scale.shape());
                return Err(Fault::wrong(found, "one, one for each index of an axis, or blocks"));
            }
        };
        Ok((Quant { scale: scale.to_f32(), zero, granularity }, element))
    }

    /// Quantizes constant data as the op `quantize` does: to nearest, halves to even.
    fn quantized(&mut self, data: &Tensor, ty: &Type) -> Result<Tensor, Fault> {
        let quant = ty.quant.as_ref().expect("invariant: the caller made a quantized type");
        let (low, high) = ty.element.range().expect("invariant: a quantized type is of integers");
        self.build.charge(data.len().saturating_mul(24))?;
        let mut index = vec![0; ty.rank()];
        let mut stored = Vec::with_capacity(data.len());
        for value in data.to_f32() {
            let slot = quant.slot(&ty.shape, &index);
            let scaled = (value / quant.scale[slot]).round_ties_even() as i64;
            stored.push(scaled.saturating_add(quant.zero[slot].into()).clamp(low, high));
            for axis in (0..index.len()).rev() {
                index[axis] += 1;
                if index[axis] < ty.shape[axis] {
                    break;
                }
                index[axis] = 0;
            }
        }
        Ok(Tensor::from_ints(ty.element, ty.shape.clone(), &stored))
    }

    /// The quantization of an integer input: that of the `DequantizeLinear` it goes to, directly or through nodes that only move
    /// it; then it must be the same for the whole tensor.
    pub(super) fn quant_of_input(&self, name: &str, rank: usize, nodes: &[NodeProto]) -> Option<Quant> {
        let takes = |node: &NodeProto, name: &str| node.input.first().is_some_and(|input| input == name);
        let mut names = vec![name];
        // Nodes are in topological order: one pass meets every name after the node that gives it.
        for proto in nodes {
            let Some(from) = names.iter().find(|name| takes(proto, name)) else { continue };
            if MOVING.contains(&proto.op_type()) {
                names.extend(proto.output.first().map(String::as_str));
            } else if proto.op_type() == "DequantizeLinear" {
                // What is wrong with the scales is reported at the node.
                let (quant, _) = self.scales(&Node { proto }, rank).ok()?;
                return (*from == name || quant.granularity == Granularity::PerTensor).then_some(quant);
            }
        }
        None
    }
}

/// Operators that give the numbers of their first operand in another order or shape.
const MOVING: [&str; 6] = ["Flatten", "Identity", "Reshape", "Squeeze", "Transpose", "Unsqueeze"];
