//! ONNX to graph.
//!
//! Logical axes are ONNX's own, so nothing is reordered. A value is a [`Held`]: computed, or a constant that becomes a node of the
//! graph only where a node needs it. Where all operands of a node are constants and its row of the table has a `fold`, it is
//! computed here: so shapes, masks and reordered weights vanish.

mod absent;
mod arithmetic;
mod attrs;
mod conv;
mod folding;
mod linear;
mod moving;
mod normalize;
mod pool;
mod quant;
mod table;

use std::collections::HashMap;
use std::path::Path;

use bytes::Bytes;
use ir::{Attr, Quant, Tensor, Type, Value};
use prost::Message;

use super::proto::{ModelProto, NodeProto, ValueInfoProto, tensor_shape_proto::dimension};
use super::tensor::{self, Files};
use crate::build::{Build, short, sound};
use crate::error::{Fault, ModelError, Unsupported, UnsupportedOp};
use crate::{ImportError, ImportOptions, Imported, Notice};
use attrs::Node;

pub use table::coverage;

/// The operator sets that are read.
pub const OPSETS: std::ops::RangeInclusive<i64> = 11..=21;

/// What a name of the file stands for.
#[derive(Debug, Clone)]
enum Held {
    /// A value of the graph.
    Value(Value),
    /// Constant data, with the quantization they were given.
    Constant { data: Tensor, quant: Option<Quant>, node: Option<Value> },
    /// A result beside the first one, of the operator named: it is there so that its use can be refused.
    Beside(String),
    /// It depends on something unsupported.
    Poisoned,
}

struct Importer {
    build: Build,
    files: Files,
    opset: i64,
    held: HashMap<String, Held>,
}

/// Whether `file` begins like an ONNX model: `ir_version` comes first wherever a writer follows the field numbers.
pub fn looks_like(file: &[u8]) -> bool {
    file.first() == Some(&0x08)
}

/// Imports a model; `folder` is where its external data may lie.
///
/// # Errors
/// [`ImportError`] with the node or tensor at fault; all unsupported operators at once.
pub fn import(file: &Bytes, folder: Option<&Path>, options: &ImportOptions) -> Result<Imported, ImportError> {
    super::wire::check(file)?;
    let model = ModelProto::decode(file.clone())
        .map_err(|e| wrong("model", format!("bytes the decoder refuses ({e})"), "an ONNX model"))?;
    let opset = opset(&model)?;
    let Some(graph) = &model.graph else {
        return Err(wrong("model.graph", "no graph", "one").into());
    };
    if graph.node.is_empty() || graph.output.is_empty() {
        let found = format!("{} nodes and {} outputs", graph.node.len(), graph.output.len());
        return Err(wrong("model.graph", found, "at least one of each").into());
    }
    if !graph.sparse_initializer.is_empty() {
        return Err(wrong("model.graph.sparse_initializer", "sparse weights", "dense weights").into());
    }
    let mut importer = Importer {
        build: Build::new(graph.name(), file.len(), options.rounding),
        files: Files::beside(folder),
        opset,
        held: HashMap::new(),
    };
    for (i, weight) in graph.initializer.iter().enumerate() {
        let place = || format!("initializer {i}, `{}`", weight.name());
        importer.initializer(weight).map_err(|fault| model_error(place(), fault))?;
    }
    importer.constants(&graph.node);
    for (i, input) in graph.input.iter().enumerate() {
        let place = || format!("input {i}, `{}`", input.name());
        importer.input(input, &graph.node, options).map_err(|fault| model_error(place(), fault))?;
    }
    importer.nodes(&graph.node)?;
    let mut outputs = Vec::new();
    for (i, output) in graph.output.iter().enumerate() {
        let place = || format!("output {i}, `{}`", output.name());
        outputs.push(importer.value(output.name()).map_err(|fault| model_error(place(), fault))?);
    }
    let mut graph = importer.build.graph;
    graph.set_outputs(outputs);
    graph.remove_dead();
    Ok(Imported { graph, notices: importer.build.notices })
}

fn opset(model: &ModelProto) -> Result<i64, ImportError> {
    let own = |domain: &str| domain.is_empty() || domain == "ai.onnx";
    let found = model.opset_import.iter().find(|set| own(set.domain())).map(|set| set.version());
    match found {
        Some(version) if OPSETS.contains(&version) => Ok(version),
        found => {
            let found = found.map_or("no operator set".to_owned(), |v| format!("operator set {v}"));
            let expected =
                format!("{} to {} (onnx.version_converter converts)", OPSETS.start(), OPSETS.end());
            Err(wrong("model.opset_import", found, expected).into())
        }
    }
}

impl Importer {
    fn initializer(&mut self, weight: &super::proto::TensorProto) -> Result<(), Fault> {
        let data = tensor::read(weight, &mut self.files, &mut self.build)?;
        self.define(weight.name(), Held::Constant { data, quant: None, node: None })
    }

    /// Constant nodes come first: the types of quantized inputs may depend on them. What is wrong with one is reported when its
    /// turn comes.
    fn constants(&mut self, nodes: &[NodeProto]) {
        for node in nodes.iter().filter(|node| node.op_type() == "Constant" && node.output.len() == 1) {
            if let Ok(data) = self.constant_node(&Node { proto: node }) {
                self.held.entry(node.output[0].clone()).or_insert(Held::Constant {
                    data,
                    quant: None,
                    node: None,
                });
            }
        }
    }

    fn input(
        &mut self,
        input: &ValueInfoProto,
        nodes: &[NodeProto],
        options: &ImportOptions,
    ) -> Result<(), Fault> {
        if matches!(self.held.get(input.name()), Some(Held::Constant { .. })) {
            // Files of old list initializers among the inputs.
            return Ok(());
        }
        let ty = input.r#type.as_ref().and_then(|ty| ty.tensor_type.as_ref());
        let ty = ty.ok_or_else(|| Fault::wrong("no tensor type", "one"))?;
        let element = tensor::element(ty.elem_type())?;
        let shape = ty.shape.as_ref().ok_or_else(|| Fault::wrong("no shape", "one"))?;
        let mut extents = Vec::new();
        for (axis, dim) in shape.dim.iter().enumerate() {
            let name = match &dim.value {
                Some(dimension::Value::DimValue(extent)) if *extent > 0 => {
                    extents.push(
                        usize::try_from(*extent).map_err(|_| Fault::wrong("an extent too large", "less"))?,
                    );
                    continue;
                }
                Some(dimension::Value::DimParam(name)) if !name.is_empty() => Some(name.clone()),
                _ => None,
            };
            extents.push(self.fixed(input.name(), axis, name, options)?);
        }
        let mut ty = Type::new(element, extents);
        if element.is_int() {
            ty.quant = self.quant_of_input(input.name(), ty.rank(), nodes);
        }
        sound(&ty)?;
        let value = self.build.input(input.name(), ty);
        self.define(input.name(), Held::Value(value))
    }

    /// The extent of a dynamic axis.
    fn fixed(
        &mut self,
        input: &str,
        axis: usize,
        dim: Option<String>,
        options: &ImportOptions,
    ) -> Result<usize, Fault> {
        let place = format!("{input}.{axis}");
        let given = dim.as_ref().and_then(|dim| options.dims.get(dim)).or_else(|| options.dims.get(&place));
        let extent = match given {
            Some(given) => *given,
            // The batch.
            None if axis == 0 => 1,
            None => {
                let named = dim.as_ref().map_or(String::new(), |dim| format!(" (`{dim}`)"));
                let option = dim.unwrap_or(place);
                let expected = format!("a fixed extent, or one for `{option}` in the import options");
                return Err(Fault::wrong(format!("axis {axis}{named} is dynamic"), expected));
            }
        };
        self.build.notice(Notice::Fixed { input: input.to_owned(), axis, dim, extent });
        Ok(extent)
    }

    fn nodes(&mut self, nodes: &[NodeProto]) -> Result<(), ImportError> {
        let mut unsupported = Vec::new();
        for (i, proto) in nodes.iter().enumerate() {
            let node = Node { proto };
            let name =
                if proto.name().is_empty() { node.output(0).unwrap_or_default() } else { proto.name() };
            let place = format!("node {i}, `{name}`");
            match self.node(&node) {
                Ok(()) => continue,
                Err(Fault::Wrong { found, expected }) => {
                    let place = format!("{} ({place})", proto.op_type());
                    return Err(ModelError { place, found, expected }.into());
                }
                Err(Fault::Unsupported { reason, nearest }) => {
                    let reason = (!reason.is_empty()).then_some(reason);
                    unsupported.push(UnsupportedOp { op: node.operator(), node: place, reason, nearest });
                }
                Err(Fault::Poisoned) => {}
            }
            for output in proto.output.iter().filter(|o| !o.is_empty()) {
                self.held.insert(output.clone(), Held::Poisoned);
            }
        }
        match unsupported.is_empty() {
            true => Ok(()),
            false => Err(ImportError::Unsupported(Unsupported(unsupported))),
        }
    }

    fn node(&mut self, node: &Node<'_>) -> Result<(), Fault> {
        let row = table::row(node)?;
        if node.proto.op_type() == "Constant" {
            // Its value is there already, unless it could not be read.
            let output = node.output(0)?;
            if !self.held.contains_key(output) {
                let data = self.constant_node(node)?;
                return self.define(output, Held::Constant { data, quant: None, node: None });
            }
            return Ok(());
        }
        let known: Result<Vec<Option<Held>>, Fault> =
            node.inputs().map(|name| self.held_or_absent(name)).collect();
        let known = known?;
        if known.iter().flatten().any(|held| matches!(held, Held::Poisoned)) {
            return Err(Fault::Poisoned);
        }
        if let Some((name, Some(Held::Beside(op)))) =
            node.inputs().zip(&known).find(|(_, held)| matches!(held, Some(Held::Beside(_))))
        {
            return Err(beside(name, op));
        }
        if let Some(fold) = row.fold
            && let Some(constants) = constants(&known)
        {
            let size: usize = constants.iter().flatten().map(Tensor::len).sum();
            self.build.charge(size.saturating_mul(8))?;
            let data = fold(self, node, &constants)?;
            return self.define(node.output(0)?, Held::Constant { data, quant: None, node: None });
        }
        match row.import {
            Some(import) => import(self, node),
            None if row.fold.is_some() => Err(Fault::unsupported("operands that are computed", row.note)),
            None => Err(Fault::unsupported("", row.note)),
        }
    }

    fn held_or_absent(&self, name: &str) -> Result<Option<Held>, Fault> {
        if name.is_empty() {
            return Ok(None);
        }
        self.held.get(name).cloned().map(Some).ok_or_else(|| {
            Fault::wrong(
                format!("value `{name}`, which no node before computes"),
                "nodes in topological order",
            )
        })
    }

    fn define(&mut self, name: &str, held: Held) -> Result<(), Fault> {
        if name.is_empty() {
            return Ok(());
        }
        if let Held::Value(value) = held {
            self.build.name(value, name);
        }
        match self.held.insert(name.to_owned(), held) {
            None => Ok(()),
            Some(_) => Err(Fault::wrong(format!("value `{name}` a second time"), "each value computed once")),
        }
    }

    /// The value called `name`; a constant becomes a node of the graph.
    fn value(&mut self, name: &str) -> Result<Value, Fault> {
        match self.held_or_absent(name)? {
            None => Err(Fault::wrong("an operand left out", "a value")),
            Some(Held::Poisoned) => Err(Fault::Poisoned),
            Some(Held::Beside(op)) => Err(beside(name, &op)),
            Some(Held::Value(value) | Held::Constant { node: Some(value), .. }) => Ok(value),
            Some(Held::Constant { data, quant, node: None }) => {
                let mut ty = Type::new(data.element(), data.shape());
                ty.quant.clone_from(&quant);
                let value = self.build.constant(short(name), ty, data.clone())?;
                self.held.insert(name.to_owned(), Held::Constant { data, quant, node: Some(value) });
                Ok(value)
            }
        }
    }

    /// The data called `name`, where it is a constant.
    fn constant(&self, name: &str) -> Option<&Tensor> {
        match self.held.get(name) {
            Some(Held::Constant { data, .. }) => Some(data),
            _ => None,
        }
    }

    /// Adds a use of `op` on `operands` for output 0 of the node.
    fn emit(
        &mut self,
        node: &Node<'_>,
        op: &str,
        operands: &[Value],
        attrs: &[(&str, Attr)],
    ) -> Result<(), Fault> {
        let value = self.build.op(op, operands, attrs)?;
        self.give(node, value)
    }

    /// Makes `value` output 0 of the node. Results beside it may be named as long as nothing uses them.
    fn give(&mut self, node: &Node<'_>, value: Value) -> Result<(), Fault> {
        for name in node.proto.output.iter().skip(1) {
            self.define(name, Held::Beside(node.operator()))?;
        }
        self.define(node.output(0)?, Held::Value(value))
    }
}

/// The operands' data where all operands that are there are plain constants.
fn constants(known: &[Option<Held>]) -> Option<Vec<Option<Tensor>>> {
    let one = |held: &Option<Held>| match held {
        None => Some(None),
        Some(Held::Constant { data, quant: None, .. }) => Some(Some(data.clone())),
        Some(_) => None,
    };
    known.iter().map(one).collect()
}

fn beside(name: &str, op: &str) -> Fault {
    Fault::unsupported(format!("`{name}`, a second result of {op}"), format!("the first result of {op}"))
}

fn wrong(place: &str, found: impl Into<String>, expected: impl Into<String>) -> ModelError {
    ModelError { place: place.to_owned(), found: found.into(), expected: expected.into() }
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
