//! Running a graph, value by value.

use crate::call::{Call, Operand};
use crate::table::{Meaning, meaning};
use crate::{KernelError, RunError, layout};
use ir::{Attrs, Graph, Kind, Op, Tensor, Type, Value};
use std::collections::{BTreeMap, HashMap};

/// What a run may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of values alive at once, and of what kernels copy of them while they compute.
    pub memory_bytes: usize,
}

impl Default for Limits {
    /// 4 GiB.
    fn default() -> Self {
        Self { memory_bytes: 1 << 32 }
    }
}

/// Runs the graph: inputs and outputs in the interface's layout (see [`layout::interface_shape`]), in the graph's order.
///
/// # Errors
/// Where inputs do not fit, a weight has no data, or a node cannot be computed.
pub fn run(graph: &Graph, inputs: &[Tensor]) -> Result<Vec<Tensor>, RunError> {
    run_within(graph, inputs, Limits::default())
}

/// As [`run`], within given limits.
///
/// # Errors
/// As [`run`], and where the limits are exceeded.
pub fn run_within(graph: &Graph, inputs: &[Tensor], limits: Limits) -> Result<Vec<Tensor>, RunError> {
    let mut run = Run::new(graph, inputs, limits)?;
    run.compute(false)?;
    let outputs = graph.outputs().iter().map(|output| {
        let data = run.value(*output, *output)?;
        Ok(layout::to_interface(&data, graph.layout))
    });
    outputs.collect()
}

/// Runs the graph and gives every input and every result of an op that an output depends on, on logical axes.
///
/// # Errors
/// As [`run`].
pub fn trace(graph: &Graph, inputs: &[Tensor]) -> Result<BTreeMap<Value, Tensor>, RunError> {
    let mut run = Run::new(graph, inputs, Limits::default())?;
    run.compute(true)?;
    Ok(run.values.into_iter().collect())
}

/// Computes one use of an op, e.g. to fold it.
///
/// # Errors
/// Where operands do not fit the op or their types, or the op has no kernel.
pub fn eval(
    op: Op,
    attrs: &Attrs,
    operands: &[Option<(&Type, &Tensor)>],
    result: &Type,
) -> Result<Tensor, KernelError> {
    let operands: Vec<_> = operands.iter().map(|o| o.map(|(ty, data)| Operand { ty, data })).collect();
    let types: Vec<_> = operands.iter().map(|o| o.map(|o| o.ty)).collect();
    let result = &op.infer(&types, attrs, Some(result))?;
    for (index, operand) in operands.iter().enumerate() {
        let Some(Operand { ty, data }) = operand else { continue };
        if let Some(fault) = ty.fault() {
            return Err(KernelError::Data { index, found: fault, expected: "a sound type".to_owned() });
        }
        if data.element() != ty.element || data.shape() != ty.shape {
            let expected = described(ty.element, &ty.shape);
            return Err(KernelError::Data {
                index,
                found: described(data.element(), data.shape()),
                expected,
            });
        }
    }
    let call = Call { op, attrs, operands: &operands, result };
    match meaning(op.name) {
        Some(Meaning::Kernel(kernel)) => {
            call.refuse_wide()?;
            kernel(&call)
        }
        Some(Meaning::Absent(reason)) => Err(KernelError::Absent(reason)),
        None => panic!("the kernel table has a line for every op of the op table"),
    }
}

fn described(element: ir::Element, shape: &[usize]) -> String {
    format!("{element}{shape:?}")
}

struct Run<'g> {
    graph: &'g Graph,
    limits: Limits,
    values: HashMap<Value, Tensor>,
}

impl<'g> Run<'g> {
    fn new(graph: &'g Graph, inputs: &[Tensor], limits: Limits) -> Result<Self, RunError> {
        let expected = graph.inputs().len();
        if inputs.len() != expected {
            return Err(RunError::Inputs { found: inputs.len(), expected });
        }
        let mut values = HashMap::new();
        for (value, data) in graph.inputs().iter().zip(inputs) {
            let ty = graph.ty(*value);
            let shape = layout::interface_shape(ty, graph.layout);
            if data.element() != ty.element || data.shape() != shape {
                return Err(RunError::Input {
                    name: graph.label(*value),
                    found: described(data.element(), data.shape()),
                    expected: described(ty.element, &shape),
                });
            }
            values.insert(*value, layout::to_logical(data, graph.layout));
        }
        Ok(Self { graph, limits, values })
    }

    /// Computes what the outputs depend on, operands first. Values no later node uses are dropped unless all are kept.
    fn compute(&mut self, keep: bool) -> Result<(), RunError> {
        let needed = self.needed()?;
        let mut uses: HashMap<Value, usize> = HashMap::new();
        let operands = |value: Value| self.graph.node(value).operands().iter().flatten().copied();
        for value in needed.iter().flat_map(|v| operands(*v)).chain(self.graph.outputs().iter().copied()) {
            *uses.entry(value).or_default() += 1;
        }
        for value in needed {
            self.check_memory(value)?;
            let data = self.node(value)?;
            self.values.insert(value, data);
            if keep {
                continue;
            }
            for operand in self.graph.node(value).operands().iter().flatten() {
                let left = uses.get_mut(operand).expect("every operand was counted");
                *left -= 1;
                if *left == 0 {
                    self.values.remove(operand);
                }
            }
        }
        Ok(())
    }

    /// The uses of ops that outputs depend on, operands first.
    fn needed(&self) -> Result<Vec<Value>, RunError> {
        let unreachable = |value: Value| RunError::Unreachable {
            node: if self.graph.contains(value) { self.graph.label(value) } else { format!("{value:?}") },
        };
        let mut live = std::collections::HashSet::new();
        let mut stack: Vec<Value> = self.graph.outputs().to_vec();
        while let Some(value) = stack.pop() {
            if !self.graph.contains(value) {
                return Err(unreachable(value));
            }
            if live.insert(value) {
                stack.extend(self.graph.node(value).operands().iter().flatten());
            }
        }
        let order = self.graph.topological();
        let mut on_cycles = live.clone();
        for value in &order {
            on_cycles.remove(value);
        }
        if let Some(value) = on_cycles.into_iter().min() {
            return Err(unreachable(value));
        }
        let is_op = |v: &Value| live.contains(v) && self.graph.node(*v).op().is_some();
        Ok(order.into_iter().filter(is_op).collect())
    }

    /// The data of a value `user` needs: computed before, or a constant.
    fn value(&self, value: Value, user: Value) -> Result<Tensor, RunError> {
        if let Some(data) = self.values.get(&value).or_else(|| self.graph.const_data(value)) {
            return Ok(data.clone());
        }
        let name = self.graph.node(value).constant().and_then(|c| c.name.clone());
        let name = name.unwrap_or_else(|| self.graph.label(value));
        Err(RunError::Weight { name, node: self.graph.label(user) })
    }

    fn node(&self, value: Value) -> Result<Tensor, RunError> {
        let node = self.graph.node(value);
        let Kind::Op { op, attrs } = node.kind() else { unreachable!("only uses of ops are computed") };
        let data: Vec<Option<Tensor>> = node
            .operands()
            .iter()
            .map(|operand| operand.map(|o| self.value(o, value)).transpose())
            .collect::<Result<_, _>>()?;
        let operands: Vec<_> = node
            .operands()
            .iter()
            .zip(&data)
            .map(|(operand, data)| operand.zip(data.as_ref()).map(|(o, data)| (self.graph.ty(o), data)))
            .collect();
        eval(*op, attrs, &operands, node.ty()).map_err(|error| RunError::Node {
            node: self.graph.label(value),
            op: op.name,
            error,
        })
    }

    /// Kernels hold operands and result as numbers of up to 8 bytes while they compute.
    fn check_memory(&self, value: Value) -> Result<(), RunError> {
        let node = self.graph.node(value);
        let operands: usize = node.operands().iter().flatten().map(|o| self.graph.ty(*o).elements()).sum();
        let alive: usize = self.values.values().map(|data| data.bytes().len()).sum();
        let working = operands.saturating_add(node.ty().elements().saturating_mul(2)).saturating_mul(8);
        let needed = alive.saturating_add(working);
        let limit = self.limits.memory_bytes;
        if needed > limit {
            return Err(RunError::Memory { node: self.graph.label(value), needed, limit });
        }
        Ok(())
    }
}
