//! Fully connected layers, matrix products and softmax.

use ir::{Attr, Value};

use super::super::schema::{FullyConnectedOptions, Options};
use super::activation::fused;
use super::tensors::TO_NHWC;
use super::{Form, Importer, Use};
use crate::build::{ints, keeps_order};
use crate::error::Fault;

impl Importer<'_> {
    /// `x[.., c_in]` flattened to `[n, c_in]`, `w[c_out, c_in]`, `bias[c_out]`.
    pub(super) fn fully_connected(&mut self, used: Use<'_>) -> Result<(), Fault> {
        let defaults = FullyConnectedOptions::default();
        let options = match &used.operator.options {
            Options::FullyConnected(options) => options,
            _ => &defaults,
        };
        if options.weights_format != 0 {
            return Err(Fault::unsupported("shuffled weights", "weights in their default format"));
        }
        let (x, out) = (used.input(0)?, used.output()?);
        let w = self.value(used.input(1)?, Form::AsIs)?;
        let given = self.file_type(x)?;
        let Some(c_in) = self.build.shape(w).get(1).copied().filter(|c| *c > 0 && given.elements() % c == 0)
        else {
            let found = format!("weights {:?} for an operand {:?}", self.build.shape(w), given.shape);
            return Err(Fault::wrong(
                found,
                "weights [c_out, c_in] with c_in a divisor of the operand's elements",
            ));
        };
        let rows = if options.keep_num_dims && given.shape.last() == Some(&c_in) {
            given.shape[..given.rank() - 1].to_vec()
        } else {
            vec![given.elements() / c_in]
        };
        let x = self.reshaped(x, &[&rows[..], &[c_in]].concat())?;
        let w = self.weights_for(x, w)?;
        let bias = self.bias(used.optional(2), x)?;
        let declared = self.file_type(out)?.with_shape([&rows[..], &self.build.shape(w)[..1]].concat());
        let value = self.build.add(
            "dense",
            &[Some(x), Some(w), bias],
            &[fused(options.activation)?],
            Some(declared),
        )?;
        let shape = self.file_type(out)?.shape;
        let value = self.build.reshape(value, &shape)?;
        self.define(out, Form::AsIs, value)
    }

    /// a[.., m, k] b[.., k, n].
    pub(super) fn batch_matmul(&mut self, used: Use<'_>) -> Result<(), Fault> {
        let (adj_x, adj_y) = match &used.operator.options {
            Options::BatchMatMul(options) => (options.adj_x, options.adj_y),
            _ => (false, false),
        };
        let a = self.value(used.input(0)?, Form::AsIs)?;
        let b = self.value(used.input(1)?, Form::AsIs)?;
        let b = self.weights_for(a, b)?;
        let rank = self.build.graph.ty(a).rank();
        let a = if adj_x && rank >= 2 {
            let mut perm: Vec<usize> = (0..rank).collect();
            perm.swap(rank - 2, rank - 1);
            self.build.transpose(a, &perm)?
        } else {
            a
        };
        let attrs = [("transpose_b", Attr::Int(adj_y.into()))];
        self.emit(used.output()?, Form::AsIs, "matmul", &[Some(a), Some(b)], &attrs)
    }

    /// Along the last axis.
    pub(super) fn softmax(&mut self, used: Use<'_>) -> Result<(), Fault> {
        let beta = match &used.operator.options {
            Options::Softmax(options) => f64::from(options.beta),
            _ => 1.0,
        };
        let x = used.input(0)?;
        let form = self.common_form(&[x]);
        let value = self.value(x, form)?;
        let channels = if form == Form::Nchw && self.build.graph.ty(value).rank() == 4 { 1 } else { -1 };
        let attrs = [("axis", Attr::Int(channels)), ("beta", Attr::Float(beta))];
        self.emit(used.output()?, form, "softmax", &[Some(value)], &attrs)
    }

    /// A tensor's elements in the file's order under another shape: one reshape where the order in memory is the same.
    pub(super) fn reshaped(&mut self, index: i32, shape: &[usize]) -> Result<Value, Fault> {
        let slot = &self.slots[self.tensor(index)?.0];
        if let (Some(nchw), None) = (slot.nchw, slot.as_is)
            && keeps_order(self.build.shape(nchw), &TO_NHWC)
        {
            return self.flat(nchw, shape);
        }
        let value = self.value(index, Form::AsIs)?;
        self.flat(value, shape)
    }

    fn flat(&mut self, value: Value, shape: &[usize]) -> Result<Value, Fault> {
        if self.build.shape(value) == shape {
            return Ok(value);
        }
        self.build.op("reshape", &[value], &[("shape", ints(shape))])
    }
}
