//! Layers of convolutional networks as graph ops, in float and in 8-bit integers.

use ir::{Attr, Element, Graph, Layout, Quant, Type, Value};

use super::sample::Precision;

/// Scale of 8-bit activations: the span of -6.4 to 6.35.
const SCALE: f32 = 0.05;
/// Scale behind `relu6`, whose results lie in 0 to 6.
const SCALE_6: f32 = 6.0 / 255.0;

/// A network under construction. Weights are named and untrained.
pub(super) struct Builder {
    graph: Graph,
    precision: Precision,
    /// Activation behind the layers that have one: `relu` or `relu6`.
    act: &'static str,
    weights: usize,
}

impl Builder {
    /// A network with one image as its input: [1, `channels`, `side`, `side`].
    pub(super) fn new(
        name: &str,
        precision: Precision,
        act: &'static str,
        channels: usize,
        side: usize,
    ) -> (Self, Value) {
        let mut graph = Graph::new(name);
        graph.layout = Layout::Nhwc;
        let input = graph.add_input("image", activation(precision, &[1, channels, side, side], (SCALE, 0)));
        (Self { graph, precision, act, weights: 0 }, input)
    }

    /// The finished network.
    pub(super) fn finish(mut self, output: Value) -> Graph {
        self.graph.set_outputs([output]);
        self.graph
    }

    pub(super) fn channels(&self, x: Value) -> usize {
        self.graph.ty(x).shape[1]
    }

    pub(super) fn side(&self, x: Value) -> usize {
        self.graph.ty(x).shape[2]
    }

    /// Convolution with a bias, `same` padding as TensorFlow counts it, and an activation where `act` says so.
    pub(super) fn conv(&mut self, x: Value, c_out: usize, kernel: usize, stride: usize, act: bool) -> Value {
        self.convolve(x, c_out, kernel, stride, 1, act)
    }

    /// One filter for each channel.
    pub(super) fn depthwise(&mut self, x: Value, kernel: usize, stride: usize) -> Value {
        let channels = self.channels(x);
        self.convolve(x, channels, kernel, stride, channels, true)
    }

    fn convolve(
        &mut self,
        x: Value,
        c_out: usize,
        kernel: usize,
        stride: usize,
        groups: usize,
        act: bool,
    ) -> Value {
        let (side, c_in) = (self.side(x), self.channels(x) / groups);
        let (w, b) = self.weights(x, &[c_out, c_in, kernel, kernel], true);
        let out = side.div_ceil(stride);
        let total = ((out - 1) * stride + kernel).saturating_sub(side);
        let (before, after) = (total / 2, total - total / 2);
        let attrs = [
            ("stride", ints(&[stride, stride])),
            ("pad", ints(&[before, before, after, after])),
            ("groups", int(groups)),
            ("act", Attr::Word(if act { self.act } else { "none" }.into())),
        ];
        let ty = activation(self.precision, &[1, c_out, out, out], self.range(act));
        self.op("conv2d", &[x, w, b], attrs, ty)
    }

    /// The sum of two values of the same shape, with the activation.
    pub(super) fn add(&mut self, a: Value, b: Value) -> Value {
        let ty = activation(self.precision, &self.graph.ty(a).shape, self.range(true));
        self.op("add", &[a, b], [("act", Attr::Word(self.act.into()))], ty)
    }

    /// Largest of each 2 x 2 window.
    pub(super) fn max_pool(&mut self, x: Value) -> Value {
        let shape = &self.graph.ty(x).shape;
        let ty = self.graph.ty(x).with_shape([1, shape[1], shape[2] / 2, shape[3] / 2]);
        self.op("max_pool2d", &[x], [("kernel", ints(&[2, 2])), ("stride", ints(&[2, 2]))], ty)
    }

    /// Mean over the image: [1, c].
    pub(super) fn global_pool(&mut self, x: Value) -> Value {
        let (side, channels) = (self.side(x), self.channels(x));
        let ty = self.graph.ty(x).with_shape([1, channels, 1, 1]);
        let window = ints(&[side, side]);
        let mean = self.op("avg_pool2d", &[x], [("kernel", window.clone()), ("stride", window)], ty);
        let ty = self.graph.ty(mean).with_shape([1, channels]);
        self.op("reshape", &[mean], [("shape", ints(&[1, channels]))], ty)
    }

    /// Fully connected: [1, c] -> [1, `c_out`].
    pub(super) fn dense(&mut self, x: Value, c_out: usize, act: bool) -> Value {
        let c_in = self.channels(x);
        let (w, b) = self.weights(x, &[c_out, c_in], false);
        let ty = activation(self.precision, &[1, c_out], self.range(act));
        let word = if act { self.act } else { "none" };
        self.op("dense", &[x, w, b], [("act", Attr::Word(word.into()))], ty)
    }

    pub(super) fn softmax(&mut self, x: Value) -> Value {
        let mut ty = self.graph.ty(x).clone();
        if ty.quant.is_some() {
            // The scale and zero point TFLite demands of an 8-bit softmax.
            ty = ty.with_quant(Quant::per_tensor(1.0 / 256.0, -128));
        }
        self.op("softmax", &[x], [], ty)
    }

    /// Scale and zero point: where no activation reaches below zero, all of the range is for what is above.
    fn range(&self, act: bool) -> (f32, i32) {
        match (act, self.act) {
            (false, _) => (SCALE, 0),
            (true, "relu6") => (SCALE_6, -128),
            (true, _) => (SCALE, -128),
        }
    }

    /// Filters and bias. One scale for each filter of a convolution (`per_axis`), one in all for a dense layer.
    fn weights(&mut self, x: Value, shape: &[usize], per_axis: bool) -> (Value, Value) {
        self.weights += 1;
        let (w, b) = (format!("w{}", self.weights), format!("b{}", self.weights));
        let c_out = shape[0];
        if self.precision == Precision::F32 {
            let float = |shape: &[usize]| Type::new(Element::F32, shape);
            return (self.graph.add_untrained(w, float(shape)), self.graph.add_untrained(b, float(&[c_out])));
        }
        // Random 8-bit factors have a deviation of 74: sums over the fan-in keep to about that with this scale. Rounded, so
        // that the text stays short.
        let fan_in: usize = shape[1..].iter().product();
        let scale = (0.01 / (fan_in as f32).sqrt() * 1e5).round().max(1.0) / 1e5;
        let x_scale = self.graph.ty(x).per_tensor().map_or(SCALE, |(scale, _)| scale);
        let quant = |scale: f32| match per_axis {
            true => Quant::per_axis(vec![scale; c_out], 0),
            false => Quant::per_tensor(scale, 0),
        };
        let w = Type::new(i8_element(), shape).with_quant(quant(scale));
        let bias = Element::int(32, true).expect("32 bits are a width");
        let b_type = Type::new(bias, [c_out]).with_quant(quant(x_scale * scale));
        let name = format!("w{}", self.weights);
        (self.graph.add_untrained(name, w), self.graph.add_untrained(b, b_type))
    }

    fn op<const N: usize>(
        &mut self,
        name: &str,
        operands: &[Value],
        attrs: [(&str, Attr); N],
        ty: Type,
    ) -> Value {
        let declared = (self.precision == Precision::I8).then_some(ty);
        self.graph.op(name, operands, attrs, declared).expect("the layers of a sampled network fit")
    }
}

fn i8_element() -> Element {
    Element::int(8, true).expect("8 bits are a width")
}

fn activation(precision: Precision, shape: &[usize], (scale, zero): (f32, i32)) -> Type {
    match precision {
        Precision::F32 => Type::new(Element::F32, shape),
        Precision::I8 => Type::new(i8_element(), shape).with_quant(Quant::per_tensor(scale, zero)),
    }
}

fn int(value: usize) -> Attr {
    Attr::Int(i64::try_from(value).expect("an extent of a sampled network"))
}

fn ints(values: &[usize]) -> Attr {
    Attr::Ints(values.iter().map(|v| i64::try_from(*v).expect("an extent of a sampled network")).collect())
}
