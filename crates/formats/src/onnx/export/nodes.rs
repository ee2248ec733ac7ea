//! Nodes, small constants, and the step between integers and floats.

use ir::{Element, Granularity, Quant, Tensor, Type, Value};

use super::super::proto::{AttributeProto, NodeProto, attribute_proto::AttributeType};
use super::{Exporter, Fault, stored};

/// The value of an attribute.
#[derive(Clone, Copy)]
pub(super) enum Attr<'a> {
    Int(i64),
    Ints(&'a [i64]),
    Float(f64),
    Text(&'a str),
}

/// The constants a quantization consists of, and over what they are shared.
struct Scales {
    scale: String,
    zero: Option<String>,
    attrs: Vec<(&'static str, Attr<'static>)>,
}

impl Exporter<'_> {
    /// Adds a node and gives its result a new name.
    pub(super) fn node(&mut self, op: &str, inputs: &[&str], attrs: &[(&str, Attr<'_>)]) -> String {
        let name = self.unique(&format!("{}.{}", op.to_lowercase(), self.nodes.len()));
        self.named(op, inputs, attrs, &name);
        name
    }

    /// Adds a node whose result is called `name`.
    pub(super) fn named(&mut self, op: &str, inputs: &[&str], attrs: &[(&str, Attr<'_>)], name: &str) {
        self.nodes.push(NodeProto {
            op_type: Some(op.to_owned()),
            name: Some(name.to_owned()),
            input: inputs.iter().map(|s| (*s).to_owned()).collect(),
            output: vec![name.to_owned()],
            attribute: attrs.iter().map(|(name, attr)| attribute(name, *attr)).collect(),
            ..Default::default()
        });
    }

    /// A constant list of integers.
    pub(super) fn ints(&mut self, list: &[i64]) -> Result<String, Fault> {
        self.weight("ints", &Tensor::from_ints(Element::I64, [list.len()], list))
    }

    /// A constant scalar of a float element.
    pub(super) fn real(&mut self, element: Element, value: f64) -> Result<String, Fault> {
        if !matches!(element, Element::F32 | Element::F16 | Element::BF16) {
            return Err(Fault::Unsupported(format!("a constant {value} of {element}")));
        }
        self.weight("real", &Tensor::from_reals(element, [], [value]))
    }

    /// The reals of a value: itself where it is a float, else dequantized.
    pub(super) fn float(&mut self, value: Value) -> Result<String, Fault> {
        let name = self.names[&value].clone();
        let ty = self.graph.ty(value).clone();
        let Some(quant) = &ty.quant else { return Ok(name) };
        if let Some(float) = self.floats.get(&value) {
            return Ok(float.clone());
        }
        let float = self.dequantized(&name, &ty, quant)?;
        self.floats.insert(value, float.clone());
        Ok(float)
    }

    /// The reals of integers called `name`.
    pub(super) fn dequantized(&mut self, name: &str, ty: &Type, quant: &Quant) -> Result<String, Fault> {
        let scales = self.scales(ty, quant)?;
        let mut inputs = vec![name, &scales.scale];
        inputs.extend(scales.zero.as_deref());
        Ok(self.node("DequantizeLinear", &inputs, &scales.attrs))
    }

    /// The integers of reals called `name`, under the quantization of `ty`.
    pub(super) fn quantized(&mut self, name: &str, ty: &Type) -> Result<String, Fault> {
        let Some(quant) = &ty.quant else { return Ok(name.to_owned()) };
        let exact = matches!(ty.element, Element::Int { bits: 8 | 16, .. } | Element::Int { bits: 4, .. });
        if !exact {
            return Err(Fault::Unsupported(format!("a result of {}, 4, 8 or 16 bits expected", ty.element)));
        }
        let scales = self.scales(ty, quant)?;
        let zero = scales.zero.ok_or_else(|| Fault::Unsupported(format!("a result of {}", ty.element)))?;
        Ok(self.node("QuantizeLinear", &[name, &scales.scale, &zero], &scales.attrs))
    }

    fn scales(&mut self, ty: &Type, quant: &Quant) -> Result<Scales, Fault> {
        let element =
            stored(ty.element).ok_or_else(|| Fault::Unsupported(format!("integers of {}", ty.element)))?;
        let (shape, attrs) = match quant.granularity {
            Granularity::PerTensor => (vec![], vec![]),
            Granularity::PerAxis(axis) => (vec![quant.scale.len()], vec![("axis", axis as i64)]),
            Granularity::PerGroup { axis, size } => {
                let mut shape = ty.shape.clone();
                shape[axis] = shape[axis].div_ceil(size);
                (shape, vec![("axis", axis as i64), ("block_size", size as i64)])
            }
        };
        let scale = self.weight("scale", &Tensor::from_f32(shape.clone(), &quant.scale))?;
        let zeros: Vec<i64> = quant.zero.iter().map(|z| i64::from(*z)).collect();
        let zero = match element.bits() {
            // 32-bit integers have no zero point.
            32 if zeros.iter().all(|z| *z == 0) => None,
            4 | 8 | 16 => Some(self.weight("zero", &Tensor::from_ints(element, shape, &zeros))?),
            _ => return Err(Fault::Unsupported(format!("quantized integers of {}", ty.element))),
        };
        let attrs = attrs.into_iter().map(|(name, value)| (name, Attr::Int(value))).collect();
        Ok(Scales { scale, zero, attrs })
    }

    /// What a fused activation does to `name`.
    pub(super) fn activated(&mut self, name: String, act: &str, element: Element) -> Result<String, Fault> {
        let ends = match act {
            "none" => return Ok(name),
            "relu" => return Ok(self.node("Relu", &[&name], &[])),
            "relu6" => [0.0, 6.0],
            "relu1" => [-1.0, 1.0],
            other => return Err(Fault::Unsupported(format!("activation `{other}`"))),
        };
        let (min, max) = (self.real(element, ends[0])?, self.real(element, ends[1])?);
        Ok(self.node("Clip", &[&name, &min, &max], &[]))
    }
}

fn attribute(name: &str, attr: Attr<'_>) -> AttributeProto {
    let mut out = AttributeProto { name: Some(name.to_owned()), ..Default::default() };
    let kind = match attr {
        Attr::Int(value) => {
            out.i = Some(value);
            AttributeType::Int
        }
        Attr::Ints(list) => {
            out.ints = list.to_vec();
            AttributeType::Ints
        }
        Attr::Float(value) => {
            out.f = Some(value as f32);
            AttributeType::Float
        }
        Attr::Text(text) => {
            out.s = Some(text.as_bytes().to_vec());
            AttributeType::String
        }
    };
    out.set_type(kind);
    out
}
