//! A node of the file: operands, results and attributes by name.

use super::super::proto::{AttributeProto, NodeProto, TensorProto, attribute_proto::AttributeType};
use crate::error::Fault;

#[derive(Clone, Copy)]
pub(super) struct Node<'m> {
    pub(super) proto: &'m NodeProto,
}

impl<'m> Node<'m> {
    /// Operator with its domain where that is not ONNX's own.
    pub(super) fn operator(&self) -> String {
        match self.proto.domain() {
            "" | "ai.onnx" => self.proto.op_type().to_owned(),
            domain => format!("{domain}::{}", self.proto.op_type()),
        }
    }

    pub(super) fn inputs(&self) -> impl Iterator<Item = &'m str> {
        self.proto.input.iter().map(String::as_str)
    }

    /// Name of a required operand.
    pub(super) fn input(&self, i: usize) -> Result<&'m str, Fault> {
        self.optional(i).ok_or_else(|| {
            let count = self.proto.input.len();
            Fault::wrong(format!("{count} operands"), format!("operand {i} of {}", self.proto.op_type()))
        })
    }

    /// Name of an operand that may be left out.
    pub(super) fn optional(&self, i: usize) -> Option<&'m str> {
        self.proto.input.get(i).map(String::as_str).filter(|name| !name.is_empty())
    }

    pub(super) fn output(&self, i: usize) -> Result<&'m str, Fault> {
        let name = self.proto.output.get(i).map(String::as_str).filter(|name| !name.is_empty());
        name.ok_or_else(|| {
            Fault::wrong(format!("{} results", self.proto.output.len()), format!("result {i}"))
        })
    }

    fn attr(&self, name: &str, kind: AttributeType) -> Result<Option<&'m AttributeProto>, Fault> {
        let Some(attr) = self.proto.attribute.iter().find(|attr| attr.name() == name) else {
            return Ok(None);
        };
        if attr.ref_attr_name.is_some() {
            return Err(Fault::wrong(format!("attribute `{name}` of a function"), "a value"));
        }
        // Writers of old leave the kind out.
        if attr.r#type() != kind && attr.r#type() != AttributeType::Undefined {
            let (found, expected) = (attr.r#type().as_str_name(), kind.as_str_name());
            return Err(Fault::wrong(format!("attribute `{name}` of kind {found}"), expected));
        }
        Ok(Some(attr))
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.proto.attribute.iter().any(|attr| attr.name() == name)
    }

    pub(super) fn int(&self, name: &str, default: i64) -> Result<i64, Fault> {
        Ok(self.attr(name, AttributeType::Int)?.map_or(default, |attr| attr.i()))
    }

    pub(super) fn float(&self, name: &str, default: f32) -> Result<f64, Fault> {
        let value = self.attr(name, AttributeType::Float)?.map_or(default, |attr| attr.f());
        if value.is_finite() {
            return Ok(value.into());
        }
        Err(Fault::wrong(format!("attribute `{name}` of {value}"), "a finite number"))
    }

    pub(super) fn ints(&self, name: &str) -> Result<Option<&'m [i64]>, Fault> {
        Ok(self.attr(name, AttributeType::Ints)?.map(|attr| &attr.ints[..]))
    }

    pub(super) fn floats(&self, name: &str) -> Result<Option<&'m [f32]>, Fault> {
        Ok(self.attr(name, AttributeType::Floats)?.map(|attr| &attr.floats[..]))
    }

    pub(super) fn text(&self, name: &str, default: &'static str) -> Result<&'m str, Fault> {
        let Some(attr) = self.attr(name, AttributeType::String)? else { return Ok(default) };
        std::str::from_utf8(attr.s()).map_err(|_| Fault::wrong(format!("attribute `{name}`"), "UTF-8 text"))
    }

    pub(super) fn tensor(&self, name: &str) -> Result<Option<&'m TensorProto>, Fault> {
        Ok(self.attr(name, AttributeType::Tensor)?.and_then(|attr| attr.t.as_deref()))
    }
}
