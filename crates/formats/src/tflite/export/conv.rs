//! Convolutions, pools and resizing.

use ir::{Element, Quant, Type, Value};

use super::super::schema::{
    AddOptions, Conv2dOptions, DepthwiseConv2dOptions, Options, Pool2dOptions, activation, padding,
};
use super::forms::Form;
use super::{Exporter, Fault, Use, unsupported};

const ADD: i32 = 0;
const AVERAGE_POOL_2D: i32 = 1;
const CONV_2D: i32 = 3;
const DEPTHWISE_CONV_2D: i32 = 4;
const MAX_POOL_2D: i32 = 17;
const PAD: i32 = 34;
const PADV2: i32 = 60;
const RESIZE_NEAREST_NEIGHBOR: i32 = 97;

/// The sliding window of an op on rows and columns.
struct Window {
    image: [usize; 2],
    kernel: [usize; 2],
    stride: [i64; 2],
    dilation: [i64; 2],
    /// Top, left, bottom, right.
    pad: [i64; 4],
}

impl Window {
    /// The padding scheme that adds what the window wants; `None` where only an explicit padding does.
    fn scheme(&self) -> Option<i8> {
        if self.pad == [0; 4] {
            return Some(padding::VALID);
        }
        let same = (0..2).all(|i| {
            let (extent, stride) = (self.image[i] as i64, self.stride[i]);
            let reach = (self.kernel[i] as i64 - 1) * self.dilation[i] + 1;
            let total = ((extent + stride - 1) / stride - 1) * stride + reach - extent;
            let total = total.max(0);
            (self.pad[i], self.pad[i + 2]) == (total / 2, total - total / 2)
        });
        same.then_some(padding::SAME)
    }
}

fn two(list: &[i64]) -> [i64; 2] {
    [list[0], list[1]]
}

pub(super) fn conv2d(e: &mut Exporter<'_>, u: &Use<'_>) -> Result<(), Fault> {
    let (image, weights) = (e.graph.ty(u.x(0)).clone(), e.graph.ty(u.x(1)).clone());
    let pad = u.attrs.ints("pad");
    let conv = Conv {
        window: Window {
            image: [image.shape[2], image.shape[3]],
            kernel: [weights.shape[2], weights.shape[3]],
            stride: two(u.attrs.ints("stride")),
            dilation: two(u.attrs.ints("dilation")),
            pad: [pad[0], pad[1], pad[2], pad[3]],
        },
        groups: u.attrs.int("groups"),
        channels: image.shape[1],
        per_group: weights.shape[1],
    };
    let x = e.get(u.x(0), Form::ChannelsLast)?;
    let x_ty = Form::ChannelsLast.of(&image);
    let w = if conv.depthwise() { e.weights(u.x(1), &weights)? } else { e.get(u.x(1), Form::ChannelsLast)? };
    let bias = e.bias(u, weights.shape[0])?;
    let Some(residual) = u.operand(3) else {
        let (code, inputs, options) = e.convolution(&conv, [x, w, bias], &x_ty, u.act()?)?;
        return e.emit(code, &inputs, u, Form::ChannelsLast, options);
    };
    let (code, inputs, options) = e.convolution(&conv, [x, w, bias], &x_ty, activation::NONE)?;
    let mut mid = Form::ChannelsLast.of(u.ty);
    if let Some((element, quant)) = u.attrs.quant("mid") {
        (mid.element, mid.quant) = (element, Some(quant.clone()));
    }
    let between = e.step(code, &inputs, &mid, options)?;
    let residual = e.get(residual, Form::ChannelsLast)?;
    let options = Options::Add(AddOptions { activation: u.act()?, pot_scale_int16: false });
    e.emit(ADD, &[between, residual], u, Form::ChannelsLast, options)
}

/// As a convolution of an image of one row.
pub(super) fn conv1d(e: &mut Exporter<'_>, u: &Use<'_>) -> Result<(), Fault> {
    let (line, weights) = (e.graph.ty(u.x(0)).clone(), e.graph.ty(u.x(1)).clone());
    let (n, c, l) = (line.shape[0], line.shape[1], line.shape[2]);
    let pad = u.attrs.ints("pad");
    let conv = Conv {
        window: Window {
            image: [1, l],
            kernel: [1, weights.shape[2]],
            stride: [1, u.attrs.ints("stride")[0]],
            dilation: [1, u.attrs.ints("dilation")[0]],
            pad: [0, pad[0], 0, pad[1]],
        },
        groups: u.attrs.int("groups"),
        channels: c,
        per_group: weights.shape[1],
    };
    if !e.is_weight(u.x(1)) {
        return unsupported("weights that are computed");
    }
    let x = e.get(u.x(0), Form::Logical)?;
    let x = e.transposed(x, &line, &[0, 2, 1])?;
    let x_ty = line.with_shape([n, 1, l, c]);
    let x = e.reshaped(x, &x_ty)?;
    // [o, i, k] to [o, k, i], or [1, k, o] for a depthwise one, with an axis for the row.
    let (perm, shape) = match conv.depthwise() {
        true => ([1, 2, 0], [1, 1, weights.shape[2], weights.shape[0]]),
        false => ([0, 2, 1], [weights.shape[0], 1, weights.shape[2], weights.shape[1]]),
    };
    let w = e.weight(u.x(1), &perm)?;
    let mut w_ty = crate::build::permuted_type(&weights, &perm).with_shape(shape);
    if let Some(ir::Granularity::PerAxis(axis)) = w_ty.quant.as_mut().map(|q| &mut q.granularity) {
        *axis = if conv.depthwise() { 3 } else { 0 };
    }
    let w = e.reshaped(w, &w_ty)?;
    let bias = e.bias(u, weights.shape[0])?;
    let (code, inputs, options) = e.convolution(&conv, [x, w, bias], &x_ty, u.act()?)?;
    let (o, steps) = (u.ty.shape[1], u.ty.shape[2]);
    let out = e.step(code, &inputs, &u.ty.with_shape([n, 1, steps, o]), options)?;
    let rows = u.ty.with_shape([n, steps, o]);
    let out = e.reshaped(out, &rows)?;
    let out = e.transposed(out, &rows, &[0, 2, 1])?;
    e.hold(u.value, Form::Logical, out);
    Ok(())
}

struct Conv {
    window: Window,
    groups: i64,
    channels: usize,
    per_group: usize,
}

impl Conv {
    fn depthwise(&self) -> bool {
        self.per_group == 1 && self.channels > 1 && self.groups == self.channels as i64
    }
}

impl Exporter<'_> {
    /// The operator of a convolution and its operands; padding that no scheme adds goes in front.
    fn convolution(
        &mut self,
        conv: &Conv,
        [x, w, bias]: [i32; 3],
        x_ty: &Type,
        activation: i8,
    ) -> Result<(i32, [i32; 3], Options), Fault> {
        let scheme = conv.window.scheme();
        let x = if scheme.is_none() { self.padded(x, x_ty, conv.window.pad, None)? } else { x };
        let padding = scheme.unwrap_or(padding::VALID);
        let [stride_h, stride_w] = conv.window.stride.map(|v| v as i32);
        let [dilation_h, dilation_w] = conv.window.dilation.map(|v| v as i32);
        let (code, options) = if conv.depthwise() {
            let c_out = self.tensors[w as usize].shape[3];
            let depth_multiplier = c_out / conv.channels.max(1) as i32;
            let options = DepthwiseConv2dOptions {
                padding,
                stride_w,
                stride_h,
                depth_multiplier,
                activation,
                dilation_w,
                dilation_h,
            };
            (DEPTHWISE_CONV_2D, Options::DepthwiseConv2d(options))
        } else {
            let options = Conv2dOptions { padding, stride_w, stride_h, activation, dilation_w, dilation_h };
            (CONV_2D, Options::Conv2d(options))
        };
        Ok((code, [x, w, bias], options))
    }

    /// Depthwise weights [o, 1, h, w] as [1, h, w, o].
    fn weights(&mut self, value: Value, ty: &Type) -> Result<i32, Fault> {
        const PERM: [usize; 4] = [1, 2, 3, 0];
        if self.is_weight(value) {
            return self.weight(value, &PERM);
        }
        let logical = self.get(value, Form::Logical)?;
        self.transposed(logical, ty, &PERM)
    }

    /// The bias of a layer: runtimes want one, with the scale of the products where these are integers.
    pub(super) fn bias(&mut self, u: &Use<'_>, c_out: usize) -> Result<i32, Fault> {
        let (x, w) = (self.graph.ty(u.x(0)), self.graph.ty(u.x(1)));
        let quant = x.quant.as_ref().zip(w.quant.as_ref()).map(|(x, w)| {
            let scale: Vec<f32> = w.scale.iter().map(|s| s * x.scale[0]).collect();
            if scale.len() == 1 { Quant::per_tensor(scale[0], 0) } else { Quant::per_axis(scale, 0) }
        });
        let wide = matches!(x.element, Element::Int { bits: 16, .. });
        match u.operand(2) {
            None => {
                let element = match (&quant, wide) {
                    (None, _) => Element::F32,
                    (Some(_), true) => Element::I64,
                    (Some(_), false) => Element::I32,
                };
                let ty = Type { quant, ..Type::new(element, [c_out]) };
                let name = format!("bias.{}", self.tensors.len());
                self.tensor(&ty, &name, Some(&vec![0; ty.bytes()]))
            }
            Some(bias) => match (self.graph.const_data(bias).cloned(), quant) {
                (Some(data), Some(quant)) if self.graph.ty(bias).quant.is_none() => {
                    let ty = Type::new(data.element(), [c_out]).with_quant(quant);
                    self.tensor(&ty, &self.graph.label(bias), Some(data.bytes()))
                }
                _ => self.get(bias, Form::Logical),
            },
        }
    }

    /// An image with rows and columns added: real zeros, or what never wins a maximum.
    fn padded(&mut self, x: i32, ty: &Type, pad: [i64; 4], least: Option<i64>) -> Result<i32, Fault> {
        let [top, left, bottom, right] = pad;
        let mut out = ty.clone();
        out.shape[1] += (top + bottom) as usize;
        out.shape[2] += (left + right) as usize;
        let pads = self.ints(&[0, 0, top, bottom, left, right, 0, 0], &[4, 2])?;
        let Some(least) = least else {
            return self.step(PAD, &[x, pads], &out, Options::Pad(Default::default()));
        };
        let fill = match ty.element {
            Element::F32 => self.floats(&[f32::MIN], &[])?,
            element => {
                let data = ir::Tensor::from_ints(element, [], &[least]);
                let ty = Type { quant: ty.quant.clone(), ..Type::new(element, []) };
                self.tensor(&ty, "least", Some(data.bytes()))?
            }
        };
        self.step(PADV2, &[x, pads, fill], &out, Options::None)
    }
}

pub(super) fn max_pool2d(e: &mut Exporter<'_>, u: &Use<'_>) -> Result<(), Fault> {
    pool(e, u, MAX_POOL_2D)
}

pub(super) fn avg_pool2d(e: &mut Exporter<'_>, u: &Use<'_>) -> Result<(), Fault> {
    pool(e, u, AVERAGE_POOL_2D)
}

fn pool(e: &mut Exporter<'_>, u: &Use<'_>, code: i32) -> Result<(), Fault> {
    let image = e.graph.ty(u.x(0)).clone();
    let (kernel, pad) = (u.attrs.ints("kernel"), u.attrs.ints("pad"));
    let window = Window {
        image: [image.shape[2], image.shape[3]],
        kernel: [kernel[0] as usize, kernel[1] as usize],
        stride: two(u.attrs.ints("stride")),
        dilation: [1, 1],
        pad: [pad[0], pad[1], pad[2], pad[3]],
    };
    let counted = code == AVERAGE_POOL_2D && u.attrs.int("count_pad") != 0 && window.pad != [0; 4];
    // Schemes leave padding out of a mean.
    let scheme = if counted { None } else { window.scheme() };
    let mut x = e.get(u.x(0), Form::ChannelsLast)?;
    if scheme.is_none() {
        if code == AVERAGE_POOL_2D && !counted {
            return unsupported("padding that is left out of the mean and is not that of SAME");
        }
        let least = (code == MAX_POOL_2D).then(|| image.element.range().map_or(0, |(low, _)| low));
        x = e.padded(x, &Form::ChannelsLast.of(&image), window.pad, least)?;
    }
    let options = Pool2dOptions {
        padding: scheme.unwrap_or(padding::VALID),
        stride_w: window.stride[1] as i32,
        stride_h: window.stride[0] as i32,
        filter_w: kernel[1] as i32,
        filter_h: kernel[0] as i32,
        activation: u.act()?,
    };
    e.emit(code, &[x], u, Form::ChannelsLast, Options::Pool2d(options))
}

pub(super) fn resize2d(e: &mut Exporter<'_>, u: &Use<'_>) -> Result<(), Fault> {
    let x = e.get(u.x(0), Form::ChannelsLast)?;
    let size = e.ints(&u.ty.shape[2..], &[2])?;
    e.emit(
        RESIZE_NEAREST_NEIGHBOR,
        &[x, size],
        u,
        Form::ChannelsLast,
        Options::ResizeNearest(Default::default()),
    )
}
