//! Elementwise operators.

use ir::Attr;

use super::super::fold;
use super::attrs::Node;
use super::{Held, Importer};
use crate::build::word;
use crate::error::Fault;

impl Importer {
    pub(super) fn unary(&mut self, node: &Node<'_>, op: &str, attrs: &[(&str, Attr)]) -> Result<(), Fault> {
        let x = self.value(node.input(0)?)?;
        self.emit(node, op, &[x], attrs)
    }

    pub(super) fn binary(&mut self, node: &Node<'_>, op: &str) -> Result<(), Fault> {
        let (a, b) = (self.value(node.input(0)?)?, self.value(node.input(1)?)?);
        self.emit(node, op, &[a, b], &[])
    }

    /// Any number of operands, one after the other.
    pub(super) fn chain(&mut self, node: &Node<'_>, op: &str) -> Result<(), Fault> {
        let mut so_far = self.value(node.input(0)?)?;
        for name in node.inputs().skip(1) {
            let next = self.value(name)?;
            so_far = self.build.op(op, &[so_far, next], &[])?;
        }
        self.give(node, so_far)
    }

    /// The exponent may be of another element than the base.
    pub(super) fn pow(&mut self, node: &Node<'_>) -> Result<(), Fault> {
        let a = self.value(node.input(0)?)?;
        let element = self.build.graph.ty(a).element;
        let exponent = node.input(1)?;
        let b = match self.constant(exponent).cloned() {
            Some(data) if data.element() != element => {
                let data = fold::tensor(element, data.shape(), fold::numbers(&data))?;
                let ty = ir::Type::new(element, data.shape());
                self.build.constant(exponent, ty, data)?
            }
            _ => self.value(exponent)?,
        };
        self.emit(node, "pow", &[a, b], &[])
    }

    pub(super) fn identity(&mut self, node: &Node<'_>) -> Result<(), Fault> {
        let held = self.held_or_absent(node.input(0)?)?;
        let held = held.ok_or_else(|| Fault::wrong("an operand left out", "a value"))?;
        self.define(node.output(0)?, held)
    }

    /// Training's dropout does nothing at inference; the mask is not computed.
    pub(super) fn dropout(&mut self, node: &Node<'_>) -> Result<(), Fault> {
        let training = node.optional(2).and_then(|name| self.constant(name));
        if training.is_some_and(|mode| mode.to_reals().first() == Some(&1.0)) {
            return Err(Fault::unsupported("training_mode", "a model exported for inference"));
        }
        let x = self.value(node.input(0)?)?;
        self.give(node, x)
    }

    pub(super) fn cast(&mut self, node: &Node<'_>) -> Result<(), Fault> {
        let x = self.value(node.input(0)?)?;
        let to = super::tensor::element(i32::try_from(node.int("to", 0)?).unwrap_or(0))?;
        if self.build.graph.ty(x).element == to {
            return self.define(node.output(0)?, Held::Value(x));
        }
        self.emit(node, "cast", &[x], &[("to", Attr::Text(to.to_string()))])
    }

    /// `relu` and `relu6` where the ends are theirs.
    pub(super) fn clip(&mut self, node: &Node<'_>) -> Result<(), Fault> {
        let x = self.value(node.input(0)?)?;
        let (min, max) = (self.end(node, 1)?, self.end(node, 2)?);
        match (min, max) {
            (None, None) => self.define(node.output(0)?, Held::Value(x)),
            (Some(0.0), None) => self.emit(node, "relu", &[x], &[]),
            (Some(0.0), Some(6.0)) => self.emit(node, "relu6", &[x], &[]),
            (min, max) => {
                // The upper end wins where the two are the wrong way round.
                let min = min.map(|min| max.map_or(min, |max| min.min(max)));
                let (min, max) = (min.unwrap_or(f32::MIN.into()), max.unwrap_or(f32::MAX.into()));
                self.emit(node, "clip", &[x], &[("min", Attr::Float(min)), ("max", Attr::Float(max))])
            }
        }
    }

    /// One end of a clip; `None` where there is none.
    fn end(&self, node: &Node<'_>, i: usize) -> Result<Option<f64>, Fault> {
        let Some(name) = node.optional(i) else { return Ok(None) };
        let Some(data) = self.constant(name) else {
            return Err(Fault::unsupported(format!("`{name}`, an end that is computed"), "constant ends"));
        };
        match data.to_reals()[..] {
            [end] if end.is_nan() => Err(Fault::wrong(format!("`{name}` of NaN"), "a number")),
            [end] if end.is_infinite() => Ok(None),
            [end] => Ok(Some(end)),
            _ => Err(Fault::wrong(format!("`{name}` of {} elements", data.len()), "1")),
        }
    }

    pub(super) fn leaky_relu(&mut self, node: &Node<'_>) -> Result<(), Fault> {
        let alpha = node.float("alpha", 0.01)?;
        self.unary(node, "leaky_relu", &[("alpha", Attr::Float(alpha))])
    }

    pub(super) fn elu(&mut self, node: &Node<'_>) -> Result<(), Fault> {
        let alpha = node.float("alpha", 1.0)?;
        self.unary(node, "elu", &[("alpha", Attr::Float(alpha))])
    }

    pub(super) fn hard_sigmoid(&mut self, node: &Node<'_>) -> Result<(), Fault> {
        let attrs = [
            ("alpha", Attr::Float(node.float("alpha", 0.2)?)),
            ("beta", Attr::Float(node.float("beta", 0.5)?)),
        ];
        self.unary(node, "hard_sigmoid", &attrs)
    }

    pub(super) fn gelu(&mut self, node: &Node<'_>) -> Result<(), Fault> {
        let form = match node.text("approximate", "none")? {
            form @ ("none" | "tanh") => form,
            other => return Err(Fault::wrong(format!("`approximate` of {other}"), "none or tanh")),
        };
        self.unary(node, "gelu", &[("approximate", word(form))])
    }

    /// The slope of a channel has the channel's axis in front of the spatial ones.
    pub(super) fn prelu(&mut self, node: &Node<'_>) -> Result<(), Fault> {
        self.binary(node, "prelu")
    }

    /// The smallest of elements, as the negative of the largest negative.
    pub(super) fn reduce_min(&mut self, node: &Node<'_>) -> Result<(), Fault> {
        let x = self.value(node.input(0)?)?;
        let element = self.build.graph.ty(x).element;
        if !element.is_float() {
            return Err(Fault::unsupported(format!("an operand of {element}"), "a float operand"));
        }
        let turned = self.build.op("neg", &[x], &[])?;
        let largest = self.reduce_of(node, turned, "reduce_max")?;
        self.emit(node, "neg", &[largest], &[])
    }

    /// `x * x` summed.
    pub(super) fn reduce_sum_square(&mut self, node: &Node<'_>) -> Result<(), Fault> {
        let x = self.value(node.input(0)?)?;
        let square = self.build.op("mul", &[x, x], &[])?;
        let sum = self.reduce_of(node, square, "sum")?;
        self.give(node, sum)
    }

    /// The root of the sum of squares.
    pub(super) fn reduce_l2(&mut self, node: &Node<'_>) -> Result<(), Fault> {
        let x = self.value(node.input(0)?)?;
        let square = self.build.op("mul", &[x, x], &[])?;
        let sum = self.reduce_of(node, square, "sum")?;
        self.emit(node, "sqrt", &[sum], &[])
    }
}
