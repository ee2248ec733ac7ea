//! Convolutions.

use ir::{Granularity, Type, Value};

use super::super::schema::{Conv2dOptions, DepthwiseConv2dOptions, Options};
use super::activation::{Window, fused, windows};
use super::{Form, Importer, Use};
use crate::build::{ints, permuted_type, short};
use crate::error::Fault;

impl Importer<'_> {
    /// `x[n, h, w, c], w[o, h, w, c / groups], bias[o]`.
    pub(super) fn conv_2d(&mut self, used: Use<'_>) -> Result<(), Fault> {
        let Options::Conv2d(options) = &used.operator.options else {
            return self.conv_with(used, &Conv2dOptions::default());
        };
        self.conv_with(used, options)
    }

    fn conv_with(&mut self, used: Use<'_>, options: &Conv2dOptions) -> Result<(), Fault> {
        let x = self.image(used.input(0)?)?;
        let w = self.image(used.input(1)?)?;
        let w = self.weights_for(x, w)?;
        let (c_in, per_group) = (self.build.shape(x)[1], self.build.shape(w)[1]);
        let groups = c_in.checked_div(per_group).unwrap_or(0);
        let conv = Conv {
            scheme: options.padding,
            stride: [options.stride_h, options.stride_w],
            dilation: [options.dilation_h, options.dilation_w],
            groups,
            activation: options.activation,
        };
        self.convolve(used, x, w, &conv)
    }

    /// x[n, h, w, c], w[1, h, w, c * multiplier], bias[c * multiplier].
    pub(super) fn depthwise_conv_2d(&mut self, used: Use<'_>) -> Result<(), Fault> {
        let defaults = DepthwiseConv2dOptions::default();
        let options = match &used.operator.options {
            Options::DepthwiseConv2d(options) => options,
            _ => &defaults,
        };
        let x = self.image(used.input(0)?)?;
        let w = self.depthwise_weights(used.input(1)?)?;
        let w = self.weights_for(x, w)?;
        let conv = Conv {
            scheme: options.padding,
            stride: [options.stride_h, options.stride_w],
            dilation: [options.dilation_h, options.dilation_w],
            groups: self.build.shape(x)[1],
            activation: options.activation,
        };
        self.convolve(used, x, w, &conv)
    }

    fn convolve(&mut self, used: Use<'_>, x: Value, w: Value, conv: &Conv) -> Result<(), Fault> {
        let bias = self.bias(used.optional(2), x)?;
        let (image, kernel) = (self.build.shape(x).to_vec(), self.build.shape(w).to_vec());
        let direction = |axis: usize| Window {
            input: image[axis],
            kernel: kernel[axis],
            stride: conv.stride[axis - 2],
            dilation: conv.dilation[axis - 2],
        };
        let mut attrs = windows(conv.scheme, &direction(2), &direction(3))?.to_vec();
        attrs.push(("groups", ints_one(conv.groups)));
        attrs.push(fused(conv.activation)?);
        self.emit(used.output()?, Form::Nchw, "conv2d", &[Some(x), Some(w), bias], &attrs)
    }

    /// An operand of rank 4, as an image.
    pub(super) fn image(&mut self, index: i32) -> Result<Value, Fault> {
        let value = self.value(index, Form::Nchw)?;
        match self.build.graph.ty(value).rank() {
            4 => Ok(value),
            rank => Err(Fault::wrong(format!("tensor {index} of rank {rank}"), "rank 4")),
        }
    }

    /// A bias, where there is one: float behind float, integer accumulators behind integers.
    pub(super) fn bias(&mut self, index: Option<i32>, x: Value) -> Result<Option<Value>, Fault> {
        let Some(index) = index else { return Ok(None) };
        let bias = self.value(index, Form::AsIs)?;
        let float = !self.build.graph.ty(x).is_quantized();
        let quantized = self.build.graph.ty(bias).is_quantized();
        Ok(Some(if float && quantized { self.build.op("dequantize", &[bias], &[])? } else { bias }))
    }

    /// Weights as `x` needs them: integer weights of a float layer are dequantized.
    pub(super) fn weights_for(&mut self, x: Value, w: Value) -> Result<Value, Fault> {
        let (x, weights) = (self.build.graph.ty(x), self.build.graph.ty(w));
        if x.is_quantized() || !weights.is_quantized() {
            return Ok(w);
        }
        self.dynamic_range += 1;
        self.build.op("dequantize", &[w], &[])
    }

    /// Weights [1, h, w, c] as [c, 1, h, w].
    fn depthwise_weights(&mut self, index: i32) -> Result<Value, Fault> {
        const PERM: [usize; 4] = [3, 0, 1, 2];
        let mut ty = self.file_type(index)?;
        if ty.rank() != 4 || ty.shape[0] != 1 {
            return Err(Fault::wrong(format!("weights {:?}", ty.shape), "shape [1, h, w, c]"));
        }
        let at = self.tensor(index)?.0;
        let source = self.slots[at].dequantizes;
        let Some(data) = self.constant(source.unwrap_or(index))? else {
            if self.slots[at].poisoned {
                return Err(Fault::Poisoned);
            }
            return Err(Fault::unsupported("weights that are computed", "constant weights"));
        };
        if let Some(source) = source {
            ty = self.file_type(source)?;
        }
        let ty = permuted_type(&Type { element: data.element(), ..ty }, &PERM);
        let moved = self.reordered(&data, &PERM)?;
        let name = short(&self.tensor(index)?.1.name).to_owned();
        let constant = self.build.constant(&name, ty, moved)?;
        if source.is_some() { self.build.op("dequantize", &[constant], &[]) } else { Ok(constant) }
    }

    /// Refuses per-axis quantization of an activation.
    pub(super) fn per_tensor(&self, value: Value) -> Result<(), Fault> {
        match &self.build.graph.ty(value).quant {
            Some(quant) if quant.granularity != Granularity::PerTensor => {
                Err(Fault::wrong("an activation quantized along an axis", "one scale"))
            }
            _ => Ok(()),
        }
    }
}

struct Conv {
    scheme: i8,
    stride: [i32; 2],
    dilation: [i32; 2],
    groups: usize,
    activation: i8,
}

pub(super) fn ints_one(value: usize) -> ir::Attr {
    match ints(&[value]) {
        ir::Attr::Ints(list) => ir::Attr::Int(list[0]),
        other => other,
    }
}
