//! Kinds of operations whose cost a device tells apart.

use ir::{Graph, Value};

/// A kind of operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// A convolution over single positions.
    ConvPointwise,
    /// A dense or grouped convolution over several positions.
    ConvSpatial,
    /// A convolution of each channel by itself.
    ConvDepthwise,
    /// A fully connected layer, or a product with constant weights.
    Dense,
    /// A product of two activations, or attention.
    Matmul,
    /// A window maximum or average.
    Pool,
    /// A window over the whole map.
    GlobalPool,
    /// Element by element, on two activations.
    Binary,
    /// Element by element, with a constant.
    BinaryConstant,
    /// Element by element, on one activation.
    Activation,
    /// A normalisation or softmax.
    Normalise,
    /// Elements moved, not computed.
    Move,
    /// Another element type or scale.
    Convert,
    /// Anything else.
    Other,
}

impl Kind {
    /// Every kind, in the order of the features.
    pub const ALL: [Self; 14] = [
        Self::ConvPointwise,
        Self::ConvSpatial,
        Self::ConvDepthwise,
        Self::Dense,
        Self::Matmul,
        Self::Pool,
        Self::GlobalPool,
        Self::Binary,
        Self::BinaryConstant,
        Self::Activation,
        Self::Normalise,
        Self::Move,
        Self::Convert,
        Self::Other,
    ];

    /// As in the names of features.
    pub fn name(self) -> &'static str {
        match self {
            Self::ConvPointwise => "conv_1x1",
            Self::ConvSpatial => "conv_kxk",
            Self::ConvDepthwise => "conv_depthwise",
            Self::Dense => "dense",
            Self::Matmul => "matmul",
            Self::Pool => "pool",
            Self::GlobalPool => "global_pool",
            Self::Binary => "binary",
            Self::BinaryConstant => "binary_constant",
            Self::Activation => "activation",
            Self::Normalise => "normalise",
            Self::Move => "move",
            Self::Convert => "convert",
            Self::Other => "other",
        }
    }

    /// Whether its size is in multiply-accumulates.
    pub fn multiplies(self) -> bool {
        matches!(
            self,
            Self::ConvPointwise | Self::ConvSpatial | Self::ConvDepthwise | Self::Dense | Self::Matmul
        )
    }

    /// The kind of an op with this many operands that are not constants; `None` for inputs and constants.
    pub fn of(graph: &Graph, value: Value, moving: usize) -> Option<Self> {
        let node = graph.node(value);
        let op = node.op()?;
        let (name, traits) = (op.name, &op.traits);
        let shape = |name: &str| node.operand(name).map(|v| graph.ty(v).shape.as_slice());
        Some(match name {
            "conv2d" | "conv1d" => {
                let weights = shape("w").unwrap_or_default();
                let groups = usize::try_from(node.attrs().int("groups")).unwrap_or(1);
                // Weights are c_out, c_in per group, then the window.
                if groups > 1 && weights.get(1) == Some(&1) {
                    Self::ConvDepthwise
                } else if weights.iter().skip(2).all(|k| *k == 1) {
                    Self::ConvPointwise
                } else {
                    Self::ConvSpatial
                }
            }
            "dense" => Self::Dense,
            "matmul" if moving < 2 => Self::Dense,
            "matmul" | "attention" => Self::Matmul,
            "max_pool2d" | "avg_pool2d" => {
                let positions = graph.ty(value).shape.iter().skip(2).product::<usize>();
                if positions == 1 { Self::GlobalPool } else { Self::Pool }
            }
            "batch_norm" | "layer_norm" | "softmax" => Self::Normalise,
            "quantize" | "dequantize" | "requantize" | "cast" => Self::Convert,
            _ if traits.movement || name == "concat" => Self::Move,
            _ if traits.elementwise && node.operands().iter().flatten().count() < 2 => Self::Activation,
            _ if traits.elementwise && moving < 2 => Self::BinaryConstant,
            _ if traits.elementwise => Self::Binary,
            _ => Self::Other,
        })
    }
}
