//! What the engine is asked to do for an op of a graph.

use ir::{Graph, Value};

use super::block::Extent;
use super::weights::Weights;

/// How a layer runs on the engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A convolution over all input channels.
    Convolution,
    /// A matrix product with one row of inputs.
    Product,
    /// A convolution of each channel by itself.
    Depthwise,
    /// A sum or mean of windows.
    Average,
    /// The largest value of windows.
    Maximum,
    /// Sums and differences of two tensors.
    Add,
    /// Products of two tensors.
    Multiply,
    /// One value from one: requantisation, an activation by itself.
    Unary,
    /// Rows of exponentials over their sum.
    Softmax,
    /// Words moved, none computed.
    Move,
}

/// One layer.
#[derive(Debug, Clone, PartialEq)]
pub struct Layer {
    /// The value it computes.
    pub label: String,
    /// The op's name.
    pub op: &'static str,
    /// How it runs.
    pub kind: Kind,
    /// Input of one image.
    pub input: Extent,
    /// Output of one image.
    pub output: Extent,
    /// Images.
    pub batch: u64,
    /// Rows and columns of the window, dilation included.
    pub kernel: [u64; 2],
    /// Rows and columns between windows.
    pub stride: [u64; 2],
    /// Whether an activation is fused.
    pub activation: bool,
    /// Whether the input is an interface tensor, whose channels do not lie in bricks of 16.
    pub plain_input: bool,
    /// Its weights, where it has some.
    pub weights: Option<Weights>,
}

/// An op the engine does not run, or not in this form.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{label}` ({op}): {reason}")]
pub struct Unsupported {
    /// The value it computes.
    pub label: String,
    /// The op's name.
    pub op: &'static str,
    /// Why.
    pub reason: String,
}

impl Layer {
    /// Multiply-accumulates.
    pub fn macs(&self) -> u64 {
        let window = self.kernel[0].saturating_mul(self.kernel[1]);
        let each = match self.kind {
            Kind::Convolution | Kind::Product => window.saturating_mul(self.input.depth),
            Kind::Depthwise => window,
            _ => 0,
        };
        each.saturating_mul(self.output.elements()).saturating_mul(self.batch)
    }

    /// The layer of a value; `None` where nothing is to be done (inputs, constants, reshapes, empty tensors).
    pub(super) fn read(graph: &Graph, value: Value) -> Result<Option<Self>, Unsupported> {
        let node = graph.node(value);
        let Some(op) = node.op() else { return Ok(None) };
        if node.is("reshape") || node.ty().elements() == 0 {
            return Ok(None);
        }
        let refuse = |reason: &str| {
            Err(Unsupported { label: graph.label(value), op: op.name, reason: reason.to_owned() })
        };
        let Some(Some(x)) = node.operands().first().copied() else { return refuse("no input") };
        let (batch, output) = extent(&node.ty().shape);
        let (_, input) = extent(&graph.ty(x).shape);
        let attrs = node.attrs();
        let pair =
            |name: &str| [0, 1].map(|i| attrs.ints(name).get(i).map_or(1, |v| v.unsigned_abs().max(1)));
        let mut layer = Self {
            label: graph.label(value),
            op: op.name,
            kind: Kind::Unary,
            input,
            output,
            batch,
            kernel: [1, 1],
            stride: [1, 1],
            activation: attrs.has("act") && attrs.word("act") != "none",
            plain_input: graph.inputs().contains(&x),
            weights: None,
        };
        match op.name {
            "conv2d" => {
                let Some(w) = node.operand("w") else { return refuse("no weights") };
                let shape = &graph.ty(w).shape;
                let (groups, dilation) = (attrs.int("groups").unsigned_abs(), pair("dilation"));
                layer.kernel = [0, 1].map(|i| (shape[i + 2] as u64 - 1) * dilation[i] + 1);
                layer.stride = pair("stride");
                layer.kind = match groups {
                    1 => Kind::Convolution,
                    g if g == input.depth => Kind::Depthwise,
                    _ => return refuse("grouped, but not by channels"),
                };
                layer.take_weights(graph, w);
            }
            "dense" => {
                let Some(w) = node.operand("w") else { return refuse("no weights") };
                layer.kind = Kind::Product;
                layer.take_weights(graph, w);
            }
            "avg_pool2d" | "max_pool2d" => {
                layer.kind = if op.name == "max_pool2d" { Kind::Maximum } else { Kind::Average };
                (layer.kernel, layer.stride) = (pair("kernel"), pair("stride"));
            }
            "mean" | "sum" | "reduce_max" => {
                layer.kind = if op.name == "reduce_max" { Kind::Maximum } else { Kind::Average };
                layer.kernel = [input.height.div_ceil(output.height), input.width.div_ceil(output.width)];
                layer.stride = layer.kernel;
            }
            "add" | "sub" => layer.kind = Kind::Add,
            "mul" => layer.kind = Kind::Multiply,
            "softmax" => layer.kind = Kind::Softmax,
            "relu" | "relu6" | "clamp" | "sigmoid" | "tanh" | "quantize" | "requantize" => {}
            "concat" | "slice" | "pad" | "transpose" => layer.kind = Kind::Move,
            _ => return refuse("not an operator of the engine"),
        }
        Ok(Some(layer))
    }

    fn take_weights(&mut self, graph: &Graph, w: Value) {
        // Where they are not there, they are taken for as random as their width allows.
        self.weights = Some(match graph.const_data(w) {
            Some(data) => Weights::of(data.bytes()),
            None => Weights::untrained(graph.ty(w).elements() as u64),
        });
    }
}

/// Images, and rows, columns and channels of one of them: a matrix is its rows as images of one place.
fn extent(shape: &[usize]) -> (u64, Extent) {
    let at = |i: usize| shape.get(i).map_or(1, |&n| (n as u64).max(1));
    match shape.len() {
        4 => (at(0), Extent { height: at(2), width: at(3), depth: at(1) }),
        3 => (at(0), Extent { height: 1, width: at(2), depth: at(1) }),
        0 => (1, Extent { height: 1, width: 1, depth: 1 }),
        n => (
            shape[..n - 1].iter().map(|&d| d as u64).product(),
            Extent { height: 1, width: 1, depth: at(n - 1) },
        ),
    }
}
