//! Graph to TFLite.
//!
//! The mirror of the import: a rank-4 value is held on the graph's logical axes or channels last, whichever its op gives, and
//! brought into the other order only where an op needs it. Integer ops stay integer ops with the same scales; how they round is
//! the runtime's choice, so only a runtime that matches their profile gives the same bits.

mod conv;
mod elementwise;
mod forms;
mod linear;
mod moving;
mod rules;

use std::collections::HashMap;
use std::path::Path;

use ir::{Attrs, Graph, Layout, Type, Value};

use super::Tables;
use super::schema::{Buffer, Model, Operator, OperatorCode, Options, SubGraph, Tensor};
use crate::error::ExportError;
use forms::Form;

/// What 32-bit offsets reach.
const MOST_BYTES: usize = i32::MAX as usize;

/// Writes a graph as a TFLite model.
///
/// # Errors
/// [`ExportError::Unsupported`] with every node that has no counterpart, [`ExportError::Untrained`] where a weight has no data.
pub fn export(graph: &Graph, path: &Path) -> Result<(), ExportError> {
    let weights: usize =
        graph.values().filter_map(|v| graph.const_data(v)).map(|data| data.bytes().len()).sum();
    if weights > MOST_BYTES {
        return Err(ExportError::Weights(format!("{weights} bytes, at most {MOST_BYTES} in one file")));
    }
    crate::file::replace(path, &super::write(&model(graph)?))
}

fn model(graph: &Graph) -> Result<Model, ExportError> {
    let mut exporter = Exporter {
        graph,
        // Buffer 0 is empty by convention.
        buffers: vec![Buffer::default()],
        tensors: Vec::new(),
        operators: Vec::new(),
        codes: Vec::new(),
        held: HashMap::new(),
    };
    let mut unsupported = Vec::new();
    let mut inputs = Vec::new();
    let note = |value: Value, fault: Fault, unsupported: &mut Vec<String>| match fault {
        Fault::Untrained(name) => Err(ExportError::Untrained { name }),
        Fault::Poisoned => Ok(()),
        Fault::Unsupported(what) => {
            let op = graph.node(value).op().map_or("value", |op| op.name);
            unsupported.push(format!("{op} `{}`: {what}", graph.label(value)));
            Ok(())
        }
    };
    for value in graph.inputs() {
        match exporter.input(*value) {
            Ok(index) => inputs.push(index),
            Err(fault) => note(*value, fault, &mut unsupported)?,
        }
    }
    for value in graph.topological().into_iter().filter(|v| graph.node(*v).op().is_some()) {
        if let Err(fault) = exporter.op(value) {
            note(value, fault, &mut unsupported)?;
        }
    }
    let mut outputs = Vec::new();
    for value in graph.outputs() {
        let form = interface(graph.ty(*value), graph.layout);
        match exporter.get(*value, form) {
            Ok(index) => outputs.push(index),
            Err(fault) => note(*value, fault, &mut unsupported)?,
        }
    }
    if !unsupported.is_empty() {
        return Err(ExportError::Unsupported(unsupported));
    }
    let subgraph = SubGraph {
        tensors: Tables(exporter.tensors),
        inputs,
        outputs,
        operators: Tables(exporter.operators),
        name: graph.name.clone(),
    };
    // The first version: kernels go by the types of their operands, and every resolver has it (BROADCAST_TO began with 2).
    let version = |code: i32| if code == 130 { 2 } else { 1 };
    let codes = exporter.codes.into_iter().map(|code| OperatorCode::of(code, version(code)));
    Ok(Model {
        version: 3,
        operator_codes: Tables(codes.collect()),
        subgraphs: Tables(vec![subgraph]),
        description: "nasc".into(),
        buffers: Tables(exporter.buffers),
    })
}

/// Why a node was not exported.
enum Fault {
    Unsupported(String),
    Untrained(String),
    /// An operand was not exported; that has been reported.
    Poisoned,
}

fn unsupported<T>(what: impl Into<String>) -> Result<T, Fault> {
    Err(Fault::Unsupported(what.into()))
}

struct Exporter<'g> {
    graph: &'g Graph,
    tensors: Vec<Tensor>,
    buffers: Vec<Buffer>,
    operators: Vec<Operator>,
    /// Operators used; an operator refers to them by position.
    codes: Vec<i32>,
    held: HashMap<Value, forms::Slot>,
}

/// A use of an op.
struct Use<'g> {
    value: Value,
    operands: &'g [Option<Value>],
    attrs: &'g Attrs,
    ty: &'g Type,
}

impl Use<'_> {
    fn operand(&self, i: usize) -> Option<Value> {
        self.operands.get(i).copied().flatten()
    }

    /// An operand the op always has.
    fn x(&self, i: usize) -> Value {
        self.operand(i).expect("invariant: a node of the graph has the operands its op declares")
    }

    /// The activation fused behind the op, by its number in the schema.
    fn act(&self) -> Result<i8, Fault> {
        use super::schema::activation as a;
        match self.attrs.has("act").then(|| self.attrs.word("act")) {
            None | Some("none") => Ok(a::NONE),
            Some("relu") => Ok(a::RELU),
            Some("relu6") => Ok(a::RELU6),
            Some("relu1") => Ok(a::RELU_N1_TO_1),
            Some(other) => unsupported(format!("activation `{other}`")),
        }
    }
}

impl<'g> Exporter<'g> {
    fn op(&mut self, value: Value) -> Result<(), Fault> {
        let node = self.graph.node(value);
        let used = Use { value, operands: node.operands(), attrs: node.attrs(), ty: node.ty() };
        rules::apply(self, node.op().expect("invariant: the caller saw an op").name, &used)
    }

    fn input(&mut self, value: Value) -> Result<i32, Fault> {
        let form = interface(self.graph.ty(value), self.graph.layout);
        let ty = form.of(self.graph.ty(value));
        let index = self.tensor(&ty, &self.graph.label(value), None)?;
        self.hold(value, form, index);
        Ok(index)
    }

    /// Adds a use of an operator.
    fn operator(&mut self, code: i32, inputs: &[i32], output: i32, options: Options) {
        let found = self.codes.iter().position(|known| *known == code);
        let opcode_index = found.unwrap_or_else(|| {
            self.codes.push(code);
            self.codes.len() - 1
        }) as u32;
        self.operators.push(Operator {
            opcode_index,
            inputs: inputs.to_vec(),
            outputs: vec![output],
            options,
        });
    }

    /// Adds a use of an operator that gives the value of `u` in `form`.
    fn emit(
        &mut self,
        code: i32,
        inputs: &[i32],
        u: &Use<'_>,
        form: Form,
        options: Options,
    ) -> Result<(), Fault> {
        let ty = form.of(u.ty);
        let output = self.tensor(&ty, &self.graph.label(u.value), None)?;
        self.operator(code, inputs, output, options);
        self.hold(u.value, form, output);
        Ok(())
    }

    /// Adds a use of an operator that gives a value the graph has not.
    fn step(&mut self, code: i32, inputs: &[i32], ty: &Type, options: Options) -> Result<i32, Fault> {
        let name = format!("step.{}", self.tensors.len());
        let output = self.tensor(ty, &name, None)?;
        self.operator(code, inputs, output, options);
        Ok(output)
    }
}

/// The form of an input or output.
fn interface(ty: &Type, layout: Layout) -> Form {
    if layout == Layout::Nhwc && ty.rank() == 4 { Form::ChannelsLast } else { Form::Logical }
}
