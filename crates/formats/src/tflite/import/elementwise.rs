//! Elementwise operators: they take the form of their operands.

use ir::{Attr, Tensor, Type, Value};

use super::super::schema::Options;
use super::activation::fused;
use super::{Form, Importer, Use};
use crate::build::short;
use crate::error::Fault;

impl Importer<'_> {
    /// An operator of one operand with the op's default attributes.
    fn unary(&mut self, used: Use<'_>, op: &str, attrs: &[(&str, Attr)]) -> Result<(), Fault> {
        let x = used.input(0)?;
        let form = self.common_form(&[x]);
        let value = self.value(x, form)?;
        self.per_tensor(value)?;
        self.emit(used.output()?, form, op, &[Some(value)], attrs)
    }

    /// An operator of two operands, broadcast.
    fn binary(&mut self, used: Use<'_>, op: &str, activation: i8) -> Result<(), Fault> {
        let out = used.output()?;
        let ([a, b], form) = self.broadcast(used)?;
        self.emit(out, form, op, &[Some(a), Some(b)], &[fused(activation)?])
    }

    /// Both operands in a form in which they broadcast as in the file.
    fn broadcast(&mut self, used: Use<'_>) -> Result<([Value; 2], Form), Fault> {
        let (a, b, out) = (used.input(0)?, used.input(1)?, used.output()?);
        let rank = self.file_type(out)?.rank();
        let form = if rank == 4 { self.common_form(&[a, b]) } else { Form::AsIs };
        Ok(([self.operand(a, form)?, self.operand(b, form)?], form))
    }

    /// An operand of an operator whose result has rank 4 and `form`: lower ranks broadcast along the file's last axes, so they
    /// become rank 4 before their axes are reordered.
    fn operand(&mut self, index: i32, form: Form) -> Result<Value, Fault> {
        let ty = self.file_type(index)?;
        if form == Form::AsIs || ty.rank() == 4 || ty.elements() == 1 {
            let value = self.value(index, form)?;
            self.per_tensor(value)?;
            return Ok(value);
        }
        if ty.rank() > 4 {
            return Err(Fault::wrong(format!("an operand {:?}", ty.shape), "at most rank 4"));
        }
        let shape = [&[1, 1, 1, 1][ty.rank()..], &ty.shape[..]].concat();
        let at = self.tensor(index)?.0;
        if let (Some(data), None) = (self.constant(index)?, self.slots[at].dequantizes) {
            let data = data.reshaped(shape.clone()).expect("invariant: the same number of elements");
            let data = self.reordered(&data, &super::tensors::TO_NCHW)?;
            let name = short(&self.tensor(index)?.1.name).to_owned();
            let ty = Type { element: data.element(), ..super::tensors::to_nchw(&ty.with_shape(shape)) };
            return self.build.constant(&name, ty, data);
        }
        let value = self.value(index, Form::AsIs)?;
        let value = self.build.reshape(value, &shape)?;
        self.build.transpose(value, &super::tensors::TO_NCHW)
    }

    pub(super) fn add(&mut self, used: Use<'_>) -> Result<(), Fault> {
        let act = if let Options::Add(o) = &used.operator.options { o.activation } else { 0 };
        self.binary(used, "add", act)
    }

    pub(super) fn sub(&mut self, used: Use<'_>) -> Result<(), Fault> {
        let act = if let Options::Sub(o) = &used.operator.options { o.activation } else { 0 };
        self.binary(used, "sub", act)
    }

    pub(super) fn mul(&mut self, used: Use<'_>) -> Result<(), Fault> {
        let act = if let Options::Mul(o) = &used.operator.options { o.activation } else { 0 };
        self.binary(used, "mul", act)
    }

    pub(super) fn div(&mut self, used: Use<'_>) -> Result<(), Fault> {
        let act = if let Options::Div(o) = &used.operator.options { o.activation } else { 0 };
        self.binary(used, "div", act)
    }

    pub(super) fn maximum(&mut self, used: Use<'_>) -> Result<(), Fault> {
        self.binary(used, "maximum", 0)
    }

    pub(super) fn minimum(&mut self, used: Use<'_>) -> Result<(), Fault> {
        self.binary(used, "minimum", 0)
    }

    pub(super) fn pow(&mut self, used: Use<'_>) -> Result<(), Fault> {
        self.binary(used, "pow", 0)
    }

    pub(super) fn prelu(&mut self, used: Use<'_>) -> Result<(), Fault> {
        self.binary(used, "prelu", 0)
    }

    /// `(a - b)^2` as a difference and a product; floats alone, since the difference has no scale of its own.
    pub(super) fn squared_difference(&mut self, used: Use<'_>) -> Result<(), Fault> {
        let ([a, b], form) = self.broadcast(used)?;
        self.float(a)?;
        let difference = self.build.op("sub", &[a, b], &[])?;
        self.emit(used.output()?, form, "mul", &[Some(difference), Some(difference)], &[])
    }

    pub(super) fn square(&mut self, used: Use<'_>) -> Result<(), Fault> {
        let x = used.input(0)?;
        let form = self.common_form(&[x]);
        let value = self.value(x, form)?;
        self.emit(used.output()?, form, "mul", &[Some(value), Some(value)], &[])
    }

    pub(super) fn rsqrt(&mut self, used: Use<'_>) -> Result<(), Fault> {
        let x = used.input(0)?;
        let form = self.common_form(&[x]);
        let value = self.value(x, form)?;
        self.float(value)?;
        let root = self.build.op("sqrt", &[value], &[])?;
        self.emit(used.output()?, form, "reciprocal", &[Some(root)], &[])
    }

    fn float(&self, value: Value) -> Result<(), Fault> {
        if self.build.graph.ty(value).is_quantized() {
            return Err(Fault::unsupported("integer operands", "float operands"));
        }
        Ok(())
    }

    pub(super) fn relu(&mut self, used: Use<'_>) -> Result<(), Fault> {
        self.unary(used, "relu", &[])
    }

    pub(super) fn relu6(&mut self, used: Use<'_>) -> Result<(), Fault> {
        self.unary(used, "relu6", &[])
    }

    pub(super) fn relu_n1_to_1(&mut self, used: Use<'_>) -> Result<(), Fault> {
        self.unary(used, "clip", &[("min", Attr::Float(-1.0)), ("max", Attr::Float(1.0))])
    }

    pub(super) fn relu_0_to_1(&mut self, used: Use<'_>) -> Result<(), Fault> {
        self.unary(used, "clip", &[("min", Attr::Float(0.0)), ("max", Attr::Float(1.0))])
    }

    pub(super) fn leaky_relu(&mut self, used: Use<'_>) -> Result<(), Fault> {
        let alpha = if let Options::LeakyRelu(o) = &used.operator.options { o.alpha } else { 0.0 };
        self.unary(used, "leaky_relu", &[("alpha", Attr::Float(alpha.into()))])
    }

    pub(super) fn elu(&mut self, used: Use<'_>) -> Result<(), Fault> {
        self.unary(used, "elu", &[])
    }

    pub(super) fn logistic(&mut self, used: Use<'_>) -> Result<(), Fault> {
        self.unary(used, "sigmoid", &[])
    }

    pub(super) fn tanh(&mut self, used: Use<'_>) -> Result<(), Fault> {
        self.unary(used, "tanh", &[])
    }

    pub(super) fn hard_swish(&mut self, used: Use<'_>) -> Result<(), Fault> {
        self.unary(used, "hard_swish", &[])
    }

    pub(super) fn gelu(&mut self, used: Use<'_>) -> Result<(), Fault> {
        let tanh = matches!(&used.operator.options, Options::Gelu(o) if o.approximate);
        let form = if tanh { "tanh" } else { "none" };
        self.unary(used, "gelu", &[("approximate", crate::build::word(form))])
    }

    pub(super) fn exp(&mut self, used: Use<'_>) -> Result<(), Fault> {
        self.unary(used, "exp", &[])
    }

    pub(super) fn log(&mut self, used: Use<'_>) -> Result<(), Fault> {
        self.unary(used, "log", &[])
    }

    pub(super) fn sqrt(&mut self, used: Use<'_>) -> Result<(), Fault> {
        self.unary(used, "sqrt", &[])
    }

    pub(super) fn neg(&mut self, used: Use<'_>) -> Result<(), Fault> {
        self.unary(used, "neg", &[])
    }

    pub(super) fn abs(&mut self, used: Use<'_>) -> Result<(), Fault> {
        self.unary(used, "abs", &[])
    }

    pub(super) fn cast(&mut self, used: Use<'_>) -> Result<(), Fault> {
        let to = self.file_type(used.output()?)?.element.to_string();
        self.unary(used, "cast", &[("to", Attr::Text(to))])
    }

    /// From floats, halves away from zero, or from integers under another scale.
    pub(super) fn quantize(&mut self, used: Use<'_>) -> Result<(), Fault> {
        if self.file_type(used.input(0)?)?.is_quantized() {
            return self.unary(used, "requantize", &[]);
        }
        self.unary(used, "quantize", &[("ties", Attr::Word("away".to_owned()))])
    }

    /// To floats. Constants are dequantized where they are used, in the form they are used in; float16 is widened here.
    pub(super) fn dequantize(&mut self, used: Use<'_>) -> Result<(), Fault> {
        let (x, out) = (used.input(0)?, used.output()?);
        let (from, to) = (self.tensor(x)?.0, self.tensor(out)?.0);
        let (given, declared) = (self.file_type(x)?, self.file_type(out)?);
        if declared.element != ir::Element::F32 || declared.shape != given.shape {
            let found = format!("a result {}{:?}", declared.element, declared.shape);
            return Err(Fault::wrong(found, format!("f32{:?}", given.shape)));
        }
        let element = given.element;
        match self.constant(x)? {
            Some(data) if element.is_float() => {
                self.build.charge(4 * data.len())?;
                let wide = Tensor::from_reals(ir::Element::F32, data.shape(), data.to_reals());
                self.folded.insert(to, wide);
                self.slots[to].defined = true;
                Ok(())
            }
            Some(_) => {
                self.slots[to].dequantizes = Some(x);
                self.slots[to].defined = true;
                Ok(())
            }
            None if self.slots[from].poisoned => Err(Fault::Poisoned),
            None if element.is_float() => self.unary(used, "cast", &[("to", Attr::Text("f32".into()))]),
            None => self.unary(used, "dequantize", &[]),
        }
    }
}
