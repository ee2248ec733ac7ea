//! TFLite to graph.
//!
//! TFLite images are N, H, W, C and the graph's logical axes are N, C, H, W. A rank-4 tensor is held in either form ([`Form`])
//! and brought into the other only where an operator needs it: convolutions and pools want `Nchw`, reshapes and matrix products
//! want `AsIs`, elementwise operators take what their operands have. Constants are reordered at import, so a convolutional
//! network comes in without a transpose but for one before a flatten of more than one pixel.

mod absent;
mod activation;
mod blocks;
mod conv;
mod elementwise;
mod linear;
mod moving;
mod pool;
mod table;
mod tensors;

use std::collections::HashMap;

use bytes::Bytes;
use ir::{Attr, Layout, Tensor, Value};

use super::schema::{Model, Operator, SubGraph};
use crate::build::{Build, short};
use crate::error::{Fault, ModelError, Unsupported, UnsupportedOp};
use crate::{ImportError, ImportOptions, Imported, Notice};

pub use table::coverage;

/// In which order of axes a rank-4 tensor is held; others are always as they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// N, H, W, C as in the file.
    AsIs,
    /// N, C, H, W; weights O, H, W, I become O, I, H, W.
    Nchw,
}

/// What a tensor of the file has become so far.
#[derive(Debug, Clone, Default)]
struct Slot {
    as_is: Option<Value>,
    nchw: Option<Value>,
    /// An operator gives it, or it is an input: it may not be given again.
    defined: bool,
    /// It depends on something unsupported.
    poisoned: bool,
    /// It is the dequantized form of this constant.
    dequantizes: Option<i32>,
}

struct Importer<'m> {
    model: &'m Model,
    graph: &'m SubGraph,
    build: Build,
    slots: Vec<Slot>,
    /// Constants that are not in the file as they are used: widened floats, shapes.
    folded: HashMap<usize, Tensor>,
    /// Layers with integer weights and float activations.
    dynamic_range: usize,
}

/// A use of an operator.
#[derive(Clone, Copy)]
struct Use<'m> {
    operator: &'m Operator,
    /// As the schema names it.
    name: &'static str,
}

/// Imports a model.
///
/// # Errors
/// [`ImportError`] with the operator or tensor at fault; all unsupported operators at once.
pub fn import(file: &Bytes, options: &ImportOptions) -> Result<Imported, ImportError> {
    let model = super::read(file)?;
    let wrong = |place: &str, found: String, expected: &str| ModelError {
        place: place.to_owned(),
        found,
        expected: expected.to_owned(),
    };
    if model.version != 3 {
        return Err(wrong("model.version", model.version.to_string(), "3").into());
    }
    let Some(graph) = model.subgraphs.first() else {
        return Err(wrong("model.subgraphs", "no graph".into(), "at least one").into());
    };
    if graph.operators.is_empty() || graph.outputs.is_empty() {
        let (operators, outputs) = (graph.operators.len(), graph.outputs.len());
        let found = format!("{operators} operators and {outputs} outputs");
        return Err(wrong("model.subgraphs[0]", found, "at least one of each").into());
    }
    let mut importer = Importer {
        model: &model,
        graph,
        build: Build::new(&graph.name, file.len(), options.rounding),
        slots: vec![Slot::default(); graph.tensors.len()],
        folded: HashMap::new(),
        dynamic_range: 0,
    };
    importer.run(options)?;
    Ok(importer.finish())
}

impl<'m> Importer<'m> {
    fn run(&mut self, options: &ImportOptions) -> Result<(), ImportError> {
        for (i, index) in self.graph.inputs.iter().enumerate() {
            self.input(*index, options).map_err(|fault| model_error(format!("input {i}"), fault))?;
        }
        let mut unsupported = Vec::new();
        for (i, operator) in self.graph.operators.iter().enumerate() {
            let row = self.row(operator);
            let result =
                operator.outputs.first().and_then(|o| self.tensor(*o).ok()).map_or("", |(_, t)| &t.name);
            let node = format!("operator {i}, result `{result}`");
            let row = row.map_err(|fault| model_error(node.clone(), fault))?;
            let done = match row.import {
                Some(import) => self.operator(import, Use { operator, name: row.name }),
                None => Err(Fault::Unsupported { reason: String::new(), nearest: row.note.to_owned() }),
            };
            match done {
                Ok(()) => {}
                Err(Fault::Wrong { found, expected }) => {
                    let place = format!("{} ({node})", row.name);
                    return Err(ModelError { place, found, expected }.into());
                }
                Err(fault) => {
                    self.poison(operator);
                    let Fault::Unsupported { reason, nearest } = fault else { continue };
                    let op = self.operator_name(operator, row.name);
                    let reason = (!reason.is_empty()).then_some(reason);
                    unsupported.push(UnsupportedOp { op, node, reason, nearest });
                }
            }
        }
        if !unsupported.is_empty() {
            return Err(ImportError::Unsupported(Unsupported(unsupported)));
        }
        self.outputs()
    }

    fn operator(
        &mut self,
        import: fn(&mut Importer<'m>, Use<'m>) -> Result<(), Fault>,
        used: Use<'m>,
    ) -> Result<(), Fault> {
        for index in &used.operator.outputs {
            let (at, tensor) = self.tensor(*index)?;
            if self.slots[at].defined || !self.buffer(tensor)?.is_empty() {
                return Err(Fault::wrong(
                    format!("a result, tensor {index} `{}`, that has a value already", tensor.name),
                    "each tensor given once",
                ));
            }
        }
        import(self, used)?;
        let undefined = used.operator.outputs.iter().find(|o| !self.slots[**o as usize].defined);
        match undefined {
            Some(_) => Err(Fault::wrong(format!("{} results", used.operator.outputs.len()), "fewer")),
            None => Ok(()),
        }
    }

    fn poison(&mut self, operator: &Operator) {
        for index in &operator.outputs {
            if let Some(slot) = usize::try_from(*index).ok().and_then(|i| self.slots.get_mut(i)) {
                *slot = Slot { poisoned: true, defined: true, ..Slot::default() };
            }
        }
    }

    fn input(&mut self, index: i32, options: &ImportOptions) -> Result<(), Fault> {
        let (at, tensor) = self.tensor(index)?;
        if self.slots[at].defined {
            return Err(Fault::wrong(format!("tensor `{}` a second time", tensor.name), "each input once"));
        }
        let name = short(&tensor.name).to_owned();
        let mut ty = self.file_type(index)?;
        for (axis, extent) in tensor.shape_signature.iter().enumerate().filter(|(_, d)| **d < 0) {
            let given = options.dims.get(&format!("{name}.{axis}")).copied();
            if let (Some(given), Some(place)) = (given, ty.shape.get_mut(axis))
                && given != *place
            {
                let found = format!("{given} for axis {axis} of `{name}`");
                return Err(Fault::wrong(found, format!("{place}, as the file's other shapes have it")));
            }
            let Some(fixed) = ty.shape.get(axis).copied() else {
                return Err(Fault::wrong(
                    format!("extent {extent} on axis {axis}"),
                    format!("rank {}", ty.rank()),
                ));
            };
            self.build.notice(Notice::Fixed { input: name.clone(), axis, dim: None, extent: fixed });
        }
        let ty = if ty.rank() == 4 { tensors::to_nchw(&ty) } else { ty };
        let form = if ty.rank() == 4 { Form::Nchw } else { Form::AsIs };
        let value = self.build.input(&name, ty);
        self.define(index, form, value)
    }

    fn outputs(&mut self) -> Result<(), ImportError> {
        let mut outputs = Vec::new();
        for (i, index) in self.graph.outputs.iter().enumerate() {
            let place = || format!("output {i}");
            let (_, tensor) = self.tensor(*index).map_err(|fault| model_error(place(), fault))?;
            let form = if tensor.shape.len() == 4 { Form::Nchw } else { Form::AsIs };
            outputs.push(self.value(*index, form).map_err(|fault| model_error(place(), fault))?);
        }
        self.build.graph.set_outputs(outputs);
        Ok(())
    }

    fn finish(mut self) -> Imported {
        if self.dynamic_range > 0 {
            self.build.notice(Notice::DynamicRange { layers: self.dynamic_range });
        }
        if self.model.subgraphs.len() > 1 {
            let what = format!("{} further graphs of the file", self.model.subgraphs.len() - 1);
            self.build.notice(Notice::Ignored { what });
        }
        let mut graph = self.build.graph;
        let values: Vec<Value> = graph.inputs().iter().chain(graph.outputs()).copied().collect();
        if values.iter().any(|v| graph.ty(*v).rank() == 4) {
            graph.layout = Layout::Nhwc;
        }
        graph.remove_dead();
        Imported { graph, notices: self.build.notices }
    }

    /// Adds a use of `op` that gives tensor `out` in `form`, with the type the file declares for it.
    fn emit(
        &mut self,
        out: i32,
        form: Form,
        op: &str,
        operands: &[Option<Value>],
        attrs: &[(&str, Attr)],
    ) -> Result<(), Fault> {
        let declared = self.ty(out, form)?;
        let value = self.build.add(op, operands, attrs, Some(declared))?;
        self.define(out, form, value)
    }
}

impl Use<'_> {
    /// Tensor number of a required operand.
    fn input(&self, i: usize) -> Result<i32, Fault> {
        self.optional(i).ok_or_else(|| {
            let found = format!("{} operands", self.operator.inputs.len());
            Fault::wrong(found, format!("operand {i} of {}", self.name))
        })
    }

    /// Tensor number of an operand that may be left out.
    fn optional(&self, i: usize) -> Option<i32> {
        self.operator.inputs.get(i).copied().filter(|index| *index != -1)
    }

    /// Tensor number of the only result.
    fn output(&self) -> Result<i32, Fault> {
        match self.operator.outputs[..] {
            [one] => Ok(one),
            _ => Err(Fault::wrong(format!("{} results", self.operator.outputs.len()), "1")),
        }
    }
}

fn model_error(place: String, fault: Fault) -> ModelError {
    match fault {
        Fault::Wrong { found, expected } => ModelError { place, found, expected },
        Fault::Unsupported { reason, nearest } => ModelError { place, found: reason, expected: nearest },
        Fault::Poisoned => {
            ModelError { place, found: "no value".into(), expected: "one that is computed".into() }
        }
    }
}
