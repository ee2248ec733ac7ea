//! Graph to ONNX, operator set 21.
//!
//! A quantized value is an integer tensor; where an op computes with it, it is dequantized, and a quantized result is quantized
//! again: the QDQ form, which every runtime reads. Ops that only move elements work on the integers themselves. The rounding
//! profile of an integer op has no counterpart: a runtime rounds once, halves to even, so its integers may be one step away from
//! the interpreter's. The interface keeps its layout: channels-last inputs and outputs are transposed inside.

mod nodes;
mod ops;

use std::collections::{HashMap, HashSet};
use std::path::Path;

use ir::{Element, Graph, Layout, Tensor, Type, Value};
use prost::Message;

use super::proto::{
    self, GraphProto, ModelProto, NodeProto, OperatorSetIdProto, TensorProto, TensorShapeProto, TypeProto,
    ValueInfoProto, tensor_shape_proto::Dimension, tensor_shape_proto::dimension,
};
use super::tensor::data_type;
use crate::error::ExportError;

const OPSET: i64 = 21;
/// The version of the file format that came with the operator set.
const IR_VERSION: i64 = 10;
/// What a protobuf message may take.
const MOST_BYTES: usize = i32::MAX as usize;

/// Writes a graph as an ONNX model.
///
/// # Errors
/// [`ExportError::Unsupported`] with every node that has no counterpart, [`ExportError::Untrained`] where a weight has no data.
pub fn export(graph: &Graph, path: &Path) -> Result<(), ExportError> {
    let model = model(graph)?;
    if model.encoded_len() > MOST_BYTES {
        return Err(ExportError::Weights(format!(
            "{} bytes, at most {MOST_BYTES} in one file",
            model.encoded_len()
        )));
    }
    crate::file::replace(path, &model.encode_to_vec())
}

fn model(graph: &Graph) -> Result<ModelProto, ExportError> {
    let mut exporter = Exporter {
        graph,
        nodes: Vec::new(),
        weights: Vec::new(),
        names: HashMap::new(),
        floats: HashMap::new(),
        taken: HashSet::new(),
    };
    let mut unsupported = Vec::new();
    let inputs = exporter.inputs();
    exporter.reserve_outputs();
    for value in graph.topological() {
        match exporter.value(value) {
            Ok(()) => {}
            Err(Fault::Untrained(name)) => return Err(ExportError::Untrained { name }),
            Err(Fault::Unsupported(what)) => {
                let op = graph.node(value).op().map_or("constant", |op| op.name);
                unsupported.push(format!("{op} `{}`: {what}", graph.label(value)));
                // What uses it is looked at all the same, so that everything is reported.
                exporter.names.insert(value, String::new());
            }
        }
    }
    if !unsupported.is_empty() {
        return Err(ExportError::Unsupported(unsupported));
    }
    let outputs = exporter.outputs();
    let graph = GraphProto {
        name: Some(graph.name.clone()),
        node: exporter.nodes,
        initializer: exporter.weights,
        input: inputs,
        output: outputs,
        ..Default::default()
    };
    Ok(ModelProto {
        ir_version: Some(IR_VERSION),
        producer_name: Some("nasc".into()),
        producer_version: Some(env!("CARGO_PKG_VERSION").into()),
        opset_import: vec![OperatorSetIdProto { domain: Some(String::new()), version: Some(OPSET) }],
        graph: Some(graph),
        ..Default::default()
    })
}

/// Why a node was not exported.
enum Fault {
    Unsupported(String),
    Untrained(String),
}

struct Exporter<'g> {
    graph: &'g Graph,
    nodes: Vec<NodeProto>,
    weights: Vec<TensorProto>,
    /// The tensor of a value, integers where it is quantized.
    names: HashMap<Value, String>,
    /// The dequantized form of a quantized value.
    floats: HashMap<Value, String>,
    taken: HashSet<String>,
}

impl Exporter<'_> {
    fn inputs(&mut self) -> Vec<ValueInfoProto> {
        let mut infos = Vec::new();
        for value in self.graph.inputs() {
            let ty = self.graph.ty(*value);
            let name = self.unique(&self.graph.label(*value));
            infos.push(info(&name, ty, self.graph.layout));
            let inner = if is_image(ty, self.graph.layout) {
                self.node("Transpose", &[&name], &[("perm", nodes::Attr::Ints(&[0, 3, 1, 2]))])
            } else {
                name
            };
            self.names.insert(*value, inner);
        }
        infos
    }

    /// Outputs keep their names, whatever is called the same inside.
    fn reserve_outputs(&mut self) {
        for value in self.graph.outputs() {
            self.taken.insert(self.graph.label(*value));
        }
    }

    fn outputs(&mut self) -> Vec<ValueInfoProto> {
        let mut infos: Vec<ValueInfoProto> = Vec::new();
        let inputs: HashSet<String> = self.graph.inputs().iter().map(|v| self.graph.label(*v)).collect();
        for value in self.graph.outputs() {
            let ty = self.graph.ty(*value);
            let mut name = self.graph.label(*value);
            let clash = |infos: &[ValueInfoProto], name: &str| infos.iter().any(|o| o.name() == name);
            if inputs.contains(&name) || clash(&infos, &name) {
                name = self.unique(&format!("{name}.out"));
            }
            let inner = self.names[value].clone();
            let (op, attrs): (_, &[_]) = match is_image(ty, self.graph.layout) {
                true => ("Transpose", &[("perm", nodes::Attr::Ints(&[0, 2, 3, 1]))]),
                false => ("Identity", &[]),
            };
            self.named(op, &[&inner], attrs, &name);
            infos.push(info(&name, ty, self.graph.layout));
        }
        infos
    }

    /// Adds what defines a value.
    fn value(&mut self, value: Value) -> Result<(), Fault> {
        let node = self.graph.node(value);
        let name = match node.kind() {
            ir::Kind::Input => return Ok(()),
            ir::Kind::Const(_)
                if self.graph.users(value).is_empty() && !self.graph.outputs().contains(&value) =>
            {
                return Ok(());
            }
            ir::Kind::Const(constant) => {
                let label = self.graph.label(value);
                let name = constant.name.clone().unwrap_or(label);
                let data = constant.data.as_ref().ok_or_else(|| Fault::Untrained(name.clone()))?;
                self.weight(&name, data)?
            }
            ir::Kind::Op { .. } => self.op(value)?,
        };
        self.names.insert(value, name);
        Ok(())
    }

    /// Constant data as an initializer; elements the format has not are widened.
    fn weight(&mut self, name: &str, data: &Tensor) -> Result<String, Fault> {
        let name = self.unique(name);
        let element = stored(data.element())
            .ok_or_else(|| Fault::Unsupported(format!("weights of {}", data.element())))?;
        let bytes = match element.bits() {
            4 => data.bytes().chunks(2).map(|pair| pair[0] & 0xf | pair.get(1).unwrap_or(&0) << 4).collect(),
            _ => data.bytes().to_vec(),
        };
        self.weights.push(TensorProto {
            name: Some(name.clone()),
            dims: data.shape().iter().map(|d| *d as i64).collect(),
            data_type: data_type(element).map(|kind| kind as i32),
            raw_data: Some(bytes.into()),
            ..Default::default()
        });
        Ok(name)
    }

    /// A name no other tensor has.
    fn unique(&mut self, name: &str) -> String {
        let candidates = std::iter::once(name.to_owned()).chain((1..).map(|n| format!("{name}.{n}")));
        let found = candidates.into_iter().find(|name| !name.is_empty() && !self.taken.contains(name));
        let found = found.expect("invariant: numbers do not run out");
        self.taken.insert(found.clone());
        found
    }
}

/// The element a tensor has in a file: widths the format has not are kept in the next wider integer, as in memory.
fn stored(element: Element) -> Option<Element> {
    match element {
        Element::Int { bits, signed } if data_type(element).is_none() => {
            Element::int(if bits < 8 { 8 } else { 16 }, signed)
        }
        element => Some(element),
    }
}

fn is_image(ty: &Type, layout: Layout) -> bool {
    layout == Layout::Nhwc && ty.rank() == 4
}

/// The declaration of an input or output.
fn info(name: &str, ty: &Type, layout: Layout) -> ValueInfoProto {
    let shape = match (is_image(ty, layout), &ty.shape[..]) {
        (true, [n, c, h, w]) => vec![*n, *h, *w, *c],
        (_, shape) => shape.to_vec(),
    };
    let dim =
        shape.iter().map(|d| Dimension { value: Some(dimension::Value::DimValue(*d as i64)) }).collect();
    let elem_type = stored(ty.element).and_then(data_type).map(|kind| kind as i32);
    let tensor_type = proto::type_proto::Tensor { elem_type, shape: Some(TensorShapeProto { dim }) };
    ValueInfoProto { name: Some(name.to_owned()), r#type: Some(TypeProto { tensor_type: Some(tensor_type) }) }
}
