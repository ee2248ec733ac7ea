//! A cell of NAS-Bench-201 as the network it stands for.
//!
//! Source: Dong and Yang, "NAS-Bench-201", 2020, section 2: a stem of 16 channels, three stages of five cells at 16, 32 and 64
//! channels joined by residual blocks of stride 2, then global pooling and a classifier. A convolution of a cell is
//! activation, convolution, normalisation; the normalisation is folded into the convolution's bias.

use ir::{Attr, Element, Graph, Type, Value};

/// Edges in the order of the digits: from node, to node.
const EDGES: [(usize, usize); 6] = [(0, 1), (0, 2), (1, 2), (0, 3), (1, 3), (2, 3)];

/// Builds the network of six digits: 0 none, 1 skip, 2 convolution 1x1, 3 convolution 3x3, 4 average pooling 3x3.
pub(crate) fn network(ops: &str) -> Option<Graph> {
    let digits: Vec<u32> = ops.chars().map(|c| c.to_digit(5)).collect::<Option<_>>()?;
    if digits.len() != EDGES.len() {
        return None;
    }
    let mut builder = Builder { graph: Graph::new("cell"), weights: 0 };
    let ty = Type::new(Element::F32, [1, 3, 32, 32]);
    let mut x = builder.graph.add_input("x", ty);
    x = builder.conv(x, 16, 3, 1)?;
    for (stage, channels) in [16, 32, 64].into_iter().enumerate() {
        if stage > 0 {
            x = builder.residual(x, channels)?;
        }
        for _ in 0..5 {
            x = builder.cell(x, &digits)?;
        }
    }
    x = builder.unary("relu", x)?;
    let side = [8, 8];
    x = builder.pool(x, side, [1, 1], [0, 0, 0, 0])?;
    x = builder.graph.op("reshape", &[x], [("shape", Attr::Ints(vec![1, 64]))], None).ok()?;
    let w = builder.weight([10, 64]);
    let b = builder.weight([10]);
    x = builder.graph.op("dense", &[x, w, b], [], None).ok()?;
    builder.graph.set_outputs([x]);
    Some(builder.graph)
}

struct Builder {
    graph: Graph,
    weights: usize,
}

impl Builder {
    fn weight<const N: usize>(&mut self, shape: [usize; N]) -> Value {
        self.weights += 1;
        self.graph.add_untrained(format!("w{}", self.weights), Type::new(Element::F32, shape))
    }

    fn unary(&mut self, name: &str, x: Value) -> Option<Value> {
        self.graph.op(name, &[x], [], None).ok()
    }

    fn conv(&mut self, x: Value, channels: usize, kernel: usize, stride: i64) -> Option<Value> {
        let from = self.graph.ty(x).shape[1];
        let w = self.weight([channels, from, kernel, kernel]);
        let b = self.weight([channels]);
        let pad = i64::from(kernel > 1);
        let attrs = [("stride", Attr::Ints(vec![stride; 2])), ("pad", Attr::Ints(vec![pad; 4]))];
        self.graph.op("conv2d", &[x, w, b], attrs, None).ok()
    }

    fn pool(&mut self, x: Value, kernel: [i64; 2], stride: [i64; 2], pad: [i64; 4]) -> Option<Value> {
        let ints = |list: &[i64]| Attr::Ints(list.to_vec());
        let attrs = [("kernel", ints(&kernel)), ("stride", ints(&stride)), ("pad", ints(&pad))];
        self.graph.op("avg_pool2d", &[x], attrs, None).ok()
    }

    /// Two convolutions, the first of stride 2, beside a pooled and projected shortcut.
    fn residual(&mut self, x: Value, channels: usize) -> Option<Value> {
        let a = self.unary("relu", x)?;
        let a = self.conv(a, channels, 3, 2)?;
        let a = self.unary("relu", a)?;
        let a = self.conv(a, channels, 3, 1)?;
        let short = self.pool(x, [2, 2], [2, 2], [0; 4])?;
        let short = self.conv(short, channels, 1, 1)?;
        self.graph.op("add", &[a, short], [], None).ok()
    }

    /// A node without incoming work is a tensor of zeros, and an edge from it computes on zeros; edges of no operation are left out.
    fn cell(&mut self, x: Value, digits: &[u32]) -> Option<Value> {
        let ty = self.graph.ty(x).clone();
        let channels = ty.shape[1];
        let mut nodes = vec![x];
        for node in 1..4 {
            let mut sum: Option<Value> = None;
            for ((from, _), op) in EDGES.iter().zip(digits).filter(|(edge, op)| edge.1 == node && **op > 0) {
                let source = nodes[*from];
                let term = match op {
                    1 => source,
                    4 => self.pool(source, [3, 3], [1, 1], [1; 4])?,
                    _ => {
                        let active = self.unary("relu", source)?;
                        self.conv(active, channels, if *op == 3 { 3 } else { 1 }, 1)?
                    }
                };
                sum = Some(match sum {
                    Some(sum) => self.graph.op("add", &[sum, term], [], None).ok()?,
                    None => term,
                });
            }
            let zero = || format!("zero{}", channels);
            let value = match sum {
                Some(sum) => sum,
                None => self.graph.add_untrained(zero(), ty.clone()),
            };
            nodes.push(value);
        }
        nodes.last().copied()
    }
}
