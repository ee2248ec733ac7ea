//! A graph as a list of layers with the numbers that kernels are chosen and priced by.

use std::collections::HashMap;

use ir::{Graph, Node, Value};

use crate::device::sample::Precision;

/// What a layer does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Convolution over all channels, or over groups of several.
    Conv,
    /// Convolution of each channel by itself.
    Depthwise,
    /// Fully connected.
    Dense,
    /// Sum or another op on two tensors.
    Binary,
    MaxPool,
    /// Mean over windows or axes.
    Mean,
    Softmax,
    /// Another shape, no work.
    Reshape,
    /// Anything else, element by element.
    Other,
}

/// One layer. Channels and pixels are those of rank 4; other shapes are one pixel with all elements as channels.
#[derive(Debug, Clone)]
pub(super) struct Layer {
    pub(super) kind: Kind,
    pub(super) value: Value,
    /// Operands that are not constants.
    pub(super) inputs: Vec<Value>,
    /// Layers that read the result.
    pub(super) readers: Vec<usize>,
    /// Elements of the operands that are not constants.
    pub(super) in_elements: usize,
    pub(super) out_elements: usize,
    pub(super) weights: usize,
    pub(super) out_rows: usize,
    /// Pixels of the result.
    pub(super) pixels: usize,
    pub(super) c_out: usize,
    /// Input channels of one filter.
    pub(super) c_in: usize,
    /// Rows and columns of the filter.
    pub(super) kernel: [usize; 2],
    pub(super) strided: bool,
    /// Taps of all pixels that lie inside the image.
    pub(super) inside: usize,
}

impl Layer {
    pub(super) fn taps(&self) -> usize {
        self.kernel[0] * self.kernel[1]
    }
}

/// The layers of a graph in the order in which they run.
pub(super) struct Layers {
    pub(super) list: Vec<Layer>,
    pub(super) precision: Precision,
    by_value: HashMap<Value, usize>,
}

impl Layers {
    pub(super) fn of(graph: &Graph) -> Self {
        let mut list: Vec<Layer> = Vec::new();
        for value in graph.topological() {
            if graph.node(value).op().is_some() {
                list.push(layer(graph, value));
            }
        }
        let by_value: HashMap<Value, usize> = list.iter().enumerate().map(|(i, l)| (l.value, i)).collect();
        for reader in 0..list.len() {
            for input in list[reader].inputs.clone() {
                if let Some(producer) = by_value.get(&input) {
                    list[*producer].readers.push(reader);
                }
            }
        }
        let integer = |v: Value| graph.ty(v).quant.is_some();
        let precision = if list.iter().any(|l| integer(l.value)) { Precision::I8 } else { Precision::F32 };
        Self { list, precision, by_value }
    }

    /// The layer that makes a value; `None` for an input of the graph.
    pub(super) fn producer(&self, value: Value) -> Option<&Layer> {
        self.by_value.get(&value).map(|i| &self.list[*i])
    }

    /// The position of that layer.
    pub(super) fn position(&self, value: Value) -> Option<usize> {
        self.by_value.get(&value).copied()
    }
}

fn layer(graph: &Graph, value: Value) -> Layer {
    let node = graph.node(value);
    let shape = &graph.ty(value).shape;
    let out_elements = graph.ty(value).elements();
    let inputs: Vec<Value> =
        node.operands().iter().flatten().copied().filter(|v| graph.node(*v).constant().is_none()).collect();
    let (out_rows, pixels, c_out) = match shape[..] {
        [_, c, h, w] => (h, h * w, c),
        _ => (1, 1, out_elements),
    };
    let mut layer = Layer {
        kind: Kind::Other,
        value,
        readers: Vec::new(),
        in_elements: inputs.iter().map(|v| graph.ty(*v).elements()).sum(),
        inputs,
        out_elements,
        weights: 0,
        out_rows,
        pixels,
        c_out,
        c_in: 1,
        kernel: [1, 1],
        strided: false,
        inside: pixels,
    };
    match node.op().map_or("", |op| op.name) {
        "conv2d" => convolution(graph, node, &mut layer),
        "dense" | "matmul" => product(graph, node, &mut layer),
        "add" | "sub" | "mul" | "div" | "maximum" | "minimum" => layer.kind = Kind::Binary,
        "max_pool2d" => layer.kind = Kind::MaxPool,
        "avg_pool2d" | "mean" | "sum" => layer.kind = Kind::Mean,
        "softmax" => layer.kind = Kind::Softmax,
        "reshape" => layer.kind = Kind::Reshape,
        _ => {}
    }
    layer
}

fn convolution(graph: &Graph, node: &Node, layer: &mut Layer) {
    let (Some(x), Some(w)) = (node.operand("x"), node.operand("w")) else { return };
    let (x, w) = (graph.ty(x), graph.ty(w));
    let size = |v: i64| usize::try_from(v).unwrap_or(1);
    let list = |name: &str| node.attrs().ints(name).iter().map(|v| size(*v)).collect::<Vec<_>>();
    let (stride, pad, dilation) = (list("stride"), list("pad"), list("dilation"));
    layer.kind = if w.shape[1] == 1 && w.shape[0] == x.shape[1] && w.shape[0] > 1 {
        Kind::Depthwise
    } else {
        Kind::Conv
    };
    layer.weights = w.elements();
    layer.c_in = w.shape[1];
    layer.kernel = [w.shape[2], w.shape[3]];
    layer.strided = stride.iter().any(|s| *s > 1);
    let out = &graph.ty(layer.value).shape;
    let along = |axis: usize| {
        let starts = (0..out[axis + 2]).map(|o| o * stride[axis]);
        let taps = |start: usize| {
            let at = (0..layer.kernel[axis]).map(|k| start + k * dilation[axis]);
            at.filter(|at| *at >= pad[axis] && at - pad[axis] < x.shape[axis + 2]).count()
        };
        starts.map(taps).sum::<usize>()
    };
    layer.inside = along(0) * along(1);
}

fn product(graph: &Graph, node: &Node, layer: &mut Layer) {
    let weights = node.operands().iter().flatten().find(|v| graph.node(**v).constant().is_some());
    let Some(weights) = weights.map(|v| graph.ty(*v)) else { return };
    layer.kind = Kind::Dense;
    layer.weights = weights.elements();
    layer.c_out = graph.ty(layer.value).shape.last().copied().unwrap_or(1).max(1);
    layer.pixels = layer.out_elements / layer.c_out;
    layer.inside = layer.pixels;
    layer.c_in = layer.weights / layer.c_out;
}
