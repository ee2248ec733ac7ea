//! Networks of the literature, untrained, as exporters write them: batch norm and activations are ops of their own.

use ir::{Attr, Element, Graph, Type, Value};

/// MobileNetV2 of width 1.0 at 224 x 224: 52 convolutions and a dense layer.
///
/// Sandler et al., "MobileNetV2", 2018, table 2.
pub fn mobilenet_v2() -> Graph {
    let mut net = Network::new("mobilenet_v2", [1, 3, 224, 224]);
    let mut x = net.conv_unit(net.input, 32, 3, 2, 1, Some("relu6"));
    let stages = [
        (1, 16, 1, 1),
        (6, 24, 2, 2),
        (6, 32, 3, 2),
        (6, 64, 4, 2),
        (6, 96, 3, 1),
        (6, 160, 3, 2),
        (6, 320, 1, 1),
    ];
    for (expand, channels, repeats, stride) in stages {
        for repeat in 0..repeats {
            let stride = if repeat == 0 { stride } else { 1 };
            x = net.inverted_residual(
                x,
                &Block { expand, channels, kernel: 3, stride, act: "relu6", squeeze: 0 },
            );
        }
    }
    let x = net.conv_unit(x, 1280, 1, 1, 1, Some("relu6"));
    net.classifier(x, 1000)
}

/// EfficientNet-B0 at 224 x 224, with squeeze and excitation and SiLU as `x * sigmoid(x)`: 81 convolutions.
///
/// Tan and Le, "EfficientNet", 2019, table 1.
pub fn efficientnet_b0() -> Graph {
    let mut net = Network::new("efficientnet_b0", [1, 3, 224, 224]);
    let mut x = net.conv_unit(net.input, 32, 3, 2, 1, Some("silu"));
    let stages = [
        (1, 3, 1, 16, 1),
        (6, 3, 2, 24, 2),
        (6, 5, 2, 40, 2),
        (6, 3, 2, 80, 3),
        (6, 5, 1, 112, 3),
        (6, 5, 2, 192, 4),
        (6, 3, 1, 320, 1),
    ];
    for (expand, kernel, stride, channels, repeats) in stages {
        for repeat in 0..repeats {
            let stride = if repeat == 0 { stride } else { 1 };
            let squeeze = (net.channels(x) / 4).max(1);
            x = net.inverted_residual(x, &Block { expand, channels, kernel, stride, act: "silu", squeeze });
        }
    }
    let x = net.conv_unit(x, 1280, 1, 1, 1, Some("silu"));
    net.classifier(x, 1000)
}

struct Block {
    expand: usize,
    channels: usize,
    kernel: usize,
    stride: usize,
    act: &'static str,
    /// Channels of the squeezed layer; 0 for none.
    squeeze: usize,
}

struct Network {
    graph: Graph,
    input: Value,
    weights: usize,
}

impl Network {
    fn new(name: &str, shape: [usize; 4]) -> Self {
        let mut graph = Graph::new(name);
        let input = graph.add_input("input", Type::new(Element::F32, shape));
        Self { graph, input, weights: 0 }
    }

    fn channels(&self, x: Value) -> usize {
        self.graph.ty(x).shape[1]
    }

    fn weight(&mut self, what: &str, shape: &[usize]) -> Value {
        self.weights += 1;
        self.graph.add_untrained(format!("{what}.{}", self.weights), Type::new(Element::F32, shape))
    }

    fn op<const N: usize>(&mut self, name: &str, operands: &[Value], attrs: [(&str, Attr); N]) -> Value {
        self.graph.op(name, operands, attrs, None).expect("the network is well-formed")
    }

    fn conv(&mut self, x: Value, channels: usize, kernel: usize, stride: usize, groups: usize) -> Value {
        let w = self.weight("conv", &[channels, self.channels(x) / groups, kernel, kernel]);
        let signed = |v: usize| i64::try_from(v).expect("a small number");
        let pad = Attr::Ints(vec![signed(kernel / 2); 4]);
        let stride = Attr::Ints(vec![signed(stride); 2]);
        self.op("conv2d", &[x, w], [("pad", pad), ("stride", stride), ("groups", Attr::Int(signed(groups)))])
    }

    /// Convolution, batch norm, activation.
    fn conv_unit(
        &mut self,
        x: Value,
        channels: usize,
        kernel: usize,
        stride: usize,
        groups: usize,
        act: Option<&str>,
    ) -> Value {
        let y = self.conv(x, channels, kernel, stride, groups);
        let [gamma, beta, mean, var] =
            ["gamma", "beta", "mean", "var"].map(|name| self.weight(name, &[channels]));
        let y = self.op("batch_norm", &[y, gamma, beta, mean, var], []);
        match act {
            Some(act) => self.act(y, act),
            None => y,
        }
    }

    fn act(&mut self, x: Value, act: &str) -> Value {
        if act != "silu" {
            return self.op(act, &[x], []);
        }
        let gate = self.op("sigmoid", &[x], []);
        self.op("mul", &[x, gate], [])
    }

    fn inverted_residual(&mut self, x: Value, block: &Block) -> Value {
        let c_in = self.channels(x);
        let wide = c_in * block.expand;
        let mut y = x;
        if block.expand > 1 {
            y = self.conv_unit(y, wide, 1, 1, 1, Some(block.act));
        }
        y = self.conv_unit(y, wide, block.kernel, block.stride, wide, Some(block.act));
        if block.squeeze > 0 {
            y = self.excite(y, block.squeeze);
        }
        y = self.conv_unit(y, block.channels, 1, 1, 1, None);
        if block.stride == 1 && c_in == block.channels { self.op("add", &[x, y], []) } else { y }
    }

    fn excite(&mut self, x: Value, squeeze: usize) -> Value {
        let channels = self.channels(x);
        let mean = self.op("mean", &[x], [("axes", Attr::Ints(vec![2, 3]))]);
        let down = self.conv(mean, squeeze, 1, 1, 1);
        let down = self.act(down, "silu");
        let up = self.conv(down, channels, 1, 1, 1);
        let gate = self.op("sigmoid", &[up], []);
        self.op("mul", &[x, gate], [])
    }

    fn classifier(mut self, x: Value, classes: usize) -> Graph {
        let channels = self.channels(x);
        let mean = self.op("mean", &[x], [("axes", Attr::Ints(vec![2, 3])), ("keep", Attr::Int(0))]);
        let (w, b) = (self.weight("dense", &[channels, classes]), self.weight("bias", &[classes]));
        let y = self.op("matmul", &[mean, w], []);
        let y = self.op("add", &[y, b], []);
        self.graph.set_outputs([y]);
        self.graph
    }
}
