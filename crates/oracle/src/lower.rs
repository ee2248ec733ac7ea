//! Lowering a graph to tract, node by node, and running it.

use crate::OracleError;
use crate::convert::{datum, from_tract, scalar, to_tract};
use crate::ops::{Expression, expression};
use ir::{Attrs, Element, Graph, Kind, Layout, Tensor, Type, Value};
use std::collections::HashMap;
use tract_core::internal::*;
use tract_core::ops::change_axes::wire_with_rank_broadcast;
use tract_core::ops::math;

/// Runs the graph in tract: inputs and outputs in the interface's layout, in the graph's order.
///
/// # Errors
/// Where a node has no expression in tract, a weight has no data, inputs do not fit, or tract fails.
pub fn run(graph: &Graph, inputs: &[Tensor]) -> Result<Vec<Tensor>, OracleError> {
    let mut lowering = Lowering { graph, model: TypedModel::default(), wires: HashMap::new() };
    let given = lowering.inputs(inputs)?;
    for value in graph.topological() {
        lowering.value(value)?;
    }
    let outputs = lowering.outputs()?;
    let failed = |error: TractError| fault("the graph", &error);
    let mut model = lowering.model;
    model.select_output_outlets(&outputs).map_err(failed)?;
    let plan = model.into_optimized().and_then(IntoRunnable::into_runnable).map_err(failed)?;
    let results = plan.run(given).map_err(failed)?;
    let element = |value: &Value| graph.ty(*value).element;
    let taken = results
        .iter()
        .zip(graph.outputs())
        .map(|(data, value)| from_tract(data, element(value)).map_err(failed));
    taken.collect()
}

fn fault(place: &str, error: &TractError) -> OracleError {
    OracleError::Tract { place: place.to_owned(), message: format!("{error:#}") }
}

struct Lowering<'g> {
    graph: &'g Graph,
    model: TypedModel,
    wires: HashMap<Value, OutletId>,
}

impl Lowering<'_> {
    /// Declares the inputs in the interface's layout and brings them to logical axes.
    fn inputs(&mut self, given: &[Tensor]) -> Result<TVec<TValue>, OracleError> {
        let expected = self.graph.inputs().len();
        if given.len() != expected {
            let (found, expected) = (format!("the last of {}", given.len()), format!("{expected} inputs"));
            return Err(OracleError::Input { index: given.len(), found, expected });
        }
        let mut values = TVec::new();
        for (index, (value, data)) in self.graph.inputs().iter().zip(given).enumerate() {
            let ty = self.graph.ty(*value);
            let image = self.graph.layout == Layout::Nhwc && ty.rank() == 4;
            let order: &[usize] = if image { &[0, 2, 3, 1] } else { &[] };
            let shape =
                if image { order.iter().map(|axis| ty.shape[*axis]).collect() } else { ty.shape.clone() };
            if data.element() != ty.element || data.shape() != shape {
                let (found, expected) = (format!("{data:?}"), format!("{}{shape:?}", ty.element));
                return Err(OracleError::Input { index, found, expected });
            }
            let data = self.foreign(*value, data)?;
            let wired = self.model.add_source(format!("input.{index}"), data.datum_type().fact(data.shape()));
            let wired = wired.and_then(|wire| if image { self.moved(wire, 3, 1) } else { Ok(wire) });
            self.wires.insert(*value, wired.map_err(|e| fault(&self.graph.label(*value), &e))?);
            values.push(data.into_tvalue());
        }
        Ok(values)
    }

    fn moved(&mut self, wire: OutletId, from: usize, to: usize) -> TractResult<OutletId> {
        let name = self.model.unique_name("layout");
        Ok(self.model.wire_node(name, AxisOp::Move(from, to), &[wire])?[0])
    }

    /// The outputs, in the interface's layout.
    fn outputs(&mut self) -> Result<Vec<OutletId>, OracleError> {
        let mut outputs = Vec::new();
        for value in self.graph.outputs() {
            let wire = self.wires[value];
            let image = self.graph.layout == Layout::Nhwc && self.graph.ty(*value).rank() == 4;
            let wired = if image { self.moved(wire, 1, 3) } else { Ok(wire) };
            outputs.push(wired.map_err(|e| fault(&self.graph.label(*value), &e))?);
        }
        Ok(outputs)
    }

    fn foreign(&self, value: Value, data: &Tensor) -> Result<tract_core::internal::Tensor, OracleError> {
        let label = || self.graph.label(value);
        let made = to_tract(data)
            .ok_or_else(|| OracleError::Element { value: label(), element: data.element().to_string() })?;
        made.map_err(|e| fault(&label(), &e))
    }

    fn value(&mut self, value: Value) -> Result<(), OracleError> {
        let node = self.graph.node(value);
        let wire = match node.kind() {
            Kind::Input => return Ok(()),
            Kind::Const(constant) => {
                let name = || constant.name.clone().unwrap_or_else(|| self.graph.label(value));
                let data = constant.data.as_ref().ok_or_else(|| OracleError::Weight(name()))?;
                let data = self.foreign(value, data)?;
                let name = self.model.unique_name("const");
                self.model.add_const(name, data).map_err(|e| fault(&self.graph.label(value), &e))?
            }
            Kind::Op { op, attrs } => {
                let label = self.graph.label(value);
                let unsupported =
                    |reason: String| OracleError::Unsupported { node: label.clone(), op: op.name, reason };
                let express = match expression(op.name) {
                    Expression::Wire(express) => express,
                    Expression::Absent(reason) => return Err(unsupported(reason.to_owned())),
                };
                let operands: Vec<Option<(OutletId, &Type)>> =
                    node.operands().iter().map(|o| o.map(|v| (self.wires[&v], self.graph.ty(v)))).collect();
                let integer = operands.iter().flatten().any(|(_, ty)| ty.is_quantized());
                if integer && op.name != "dequantize" {
                    return Err(unsupported("quantized operands are computed in integers".to_owned()));
                }
                if datum(node.ty().element).is_none() {
                    return Err(OracleError::Element {
                        value: label,
                        element: node.ty().element.to_string(),
                    });
                }
                let mut site =
                    Site { model: &mut self.model, op: *op, attrs, operands: &operands, result: node.ty() };
                let wired = express(&mut site).and_then(|wire| site.settled(wire));
                wired.map_err(|e| fault(&format!("node `{label}` ({})", op.name), &e))?
            }
        };
        self.wires.insert(value, wire);
        Ok(())
    }
}

/// One use of an op while it is expressed.
pub(crate) struct Site<'a> {
    model: &'a mut TypedModel,
    op: ir::Op,
    pub(crate) attrs: &'a Attrs,
    operands: &'a [Option<(OutletId, &'a Type)>],
    pub(crate) result: &'a Type,
}

impl<'a> Site<'a> {
    /// Name of the op.
    pub(crate) fn name(&self) -> &'static str {
        self.op.name
    }

    /// An operand that may be left out.
    pub(crate) fn optional(&self, name: &str) -> Option<OutletId> {
        self.operands.get(self.op.operand_index(name)).copied().flatten().map(|(wire, _)| wire)
    }

    /// A required operand.
    pub(crate) fn operand(&self, name: &str) -> TractResult<OutletId> {
        self.optional(name).with_context(|| format!("operand `{name}` is missing"))
    }

    /// The type of a required operand.
    pub(crate) fn ty(&self, name: &str) -> TractResult<&'a Type> {
        let operand = self.operands.get(self.op.operand_index(name)).copied().flatten();
        operand.map(|(_, ty)| ty).with_context(|| format!("operand `{name}` is missing"))
    }

    /// All operands given.
    pub(crate) fn given(&self) -> Vec<OutletId> {
        self.operands.iter().flatten().map(|(wire, _)| *wire).collect()
    }

    /// A list attribute as sizes.
    pub(crate) fn sizes(&self, name: &str) -> TVec<usize> {
        self.attrs.ints(name).iter().map(|v| usize::try_from(*v).unwrap_or(0)).collect()
    }

    /// An axis counted from the front.
    pub(crate) fn axis(&self, axis: i64, rank: usize) -> TractResult<usize> {
        let rank = i64::try_from(rank)?;
        Ok(usize::try_from(if axis < 0 { axis + rank } else { axis })?)
    }

    /// Adds an op.
    pub(crate) fn wire(
        &mut self,
        op: impl Into<Box<dyn TypedOp>>,
        inputs: &[OutletId],
    ) -> TractResult<OutletId> {
        let name = self.model.unique_name(self.op.name);
        Ok(self.model.wire_node(name, op.into(), inputs)?[0])
    }

    /// Adds an op of two operands, broadcast as numpy does.
    pub(crate) fn both(
        &mut self,
        op: impl Into<Box<dyn TypedOp>>,
        a: OutletId,
        b: OutletId,
    ) -> TractResult<OutletId> {
        let name = self.model.unique_name(self.op.name);
        Ok(wire_with_rank_broadcast(name, self.model, op, &[a, b])?[0])
    }

    /// Adds an op of a value and a real constant.
    pub(crate) fn with(
        &mut self,
        op: impl Into<Box<dyn TypedOp>>,
        a: OutletId,
        b: f32,
    ) -> TractResult<OutletId> {
        let name = self.model.unique_name("scalar");
        let b = self.model.add_const(name, scalar(b))?;
        self.both(op, a, b)
    }

    /// A constant tensor.
    pub(crate) fn constant(&mut self, data: tract_core::internal::Tensor) -> TractResult<OutletId> {
        let name = self.model.unique_name("const");
        self.model.add_const(name, data)
    }

    /// `x` under another shape.
    pub(crate) fn reshaped(&mut self, x: OutletId, shape: &[usize]) -> TractResult<OutletId> {
        let from = self.model.outlet_fact(x)?.shape.to_tvec();
        let to = shape.iter().map(|d| d.to_dim()).collect();
        self.wire(AxisOp::Reshape(0, from, to), &[x])
    }

    /// `x` within `low ..= high`; infinite ends do not bound.
    pub(crate) fn clamped(&mut self, x: OutletId, low: f32, high: f32) -> TractResult<OutletId> {
        let x = if low.is_finite() { self.with(math::max(), x, low)? } else { x };
        if high.is_finite() { self.with(math::min(), x, high) } else { Ok(x) }
    }

    /// `x` behind the fused activation.
    pub(crate) fn activated(&mut self, x: OutletId) -> TractResult<OutletId> {
        match self.attrs.word("act") {
            "relu" => self.clamped(x, 0.0, f32::INFINITY),
            "relu6" => self.clamped(x, 0.0, 6.0),
            "relu1" => self.clamped(x, -1.0, 1.0),
            _ => Ok(x),
        }
    }

    /// `x` as another element.
    pub(crate) fn cast(&mut self, x: OutletId, to: DatumType) -> TractResult<OutletId> {
        if self.model.outlet_fact(x)?.datum_type == to {
            Ok(x)
        } else {
            self.wire(tract_core::ops::cast::cast(to), &[x])
        }
    }

    /// The result rounded to its element: 16-bit floats are computed in `f32`.
    fn settled(&mut self, x: OutletId) -> TractResult<OutletId> {
        if self.result.element != Element::F16 {
            return Ok(x);
        }
        let narrow = self.cast(x, f16::datum_type())?;
        self.cast(narrow, f32::datum_type())
    }
}
