//! At least one small use of every op, in float and quantized, with random inputs: what "every op, every path" loops over.
//!
//! ```
//! use nasc_testkit::ops;
//! let uses = ops::float("conv2d");
//! assert!(uses.iter().all(|case| case.inputs(1) == case.inputs(1)));
//! ```

use ir::{Element, Graph, Tensor, Type};

/// One use of an op: a graph of one node whose operands are all inputs.
#[derive(Debug, Clone)]
pub struct OpCase {
    /// The graph, in the interface layout N, C, H, W.
    pub graph: Graph,
}

impl OpCase {
    fn new(op: &str, line: &str) -> Self {
        let (inputs, node) =
            line.split_once(" | ").unwrap_or_else(|| panic!("`{line}` has inputs and a node"));
        let text = format!("graph @{op}({inputs}) {{\n  %result = {op} {node}\n  return %result\n}}");
        let graph = ir::parse(&text, &ir::NoWeights).unwrap_or_else(|faults| panic!("{faults:?}\n{text}"));
        Self { graph }
    }

    /// Random inputs; the same for the same seed. An input named `positive..` is above 0.1, one named `away..` is at least
    /// 0.5 away from 0, one named `index..` is 0, 1 or 2; others lie within -3 .. 3, stored integers anywhere.
    #[must_use]
    pub fn inputs(&self, seed: u64) -> Vec<Tensor> {
        let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        let input = |value: &ir::Value| {
            let name = self.graph.node(*value).name().expect("inputs have names");
            random.tensor(name, self.graph.ty(*value))
        };
        self.graph.inputs().iter().map(input).collect()
    }
}

/// A small generator (xorshift64*): the same numbers everywhere.
struct Random(u64);

impl Random {
    /// Uniform in 0 .. 1.
    fn real(&mut self) -> f64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let bits = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 11;
        #[allow(clippy::cast_precision_loss, reason = "53 bits are exact")]
        let real = bits as f64 / (1u64 << 53) as f64;
        real
    }

    fn tensor(&mut self, name: &str, ty: &Type) -> Tensor {
        let elements = ty.elements();
        if ty.element.is_float() {
            let value = |random: &mut Self| match name {
                _ if name.starts_with("positive") => 0.1 + 2.9 * random.real(),
                _ if name.starts_with("away") => {
                    let magnitude = 0.5 + 2.5 * random.real();
                    if random.real() < 0.5 { -magnitude } else { magnitude }
                }
                _ => 6.0 * random.real() - 3.0,
            };
            let values: Vec<f64> = (0..elements).map(|_| value(self)).collect();
            return Tensor::from_reals(ty.element, ty.shape.clone(), values);
        }
        let (low, high) = match ty.element {
            _ if name.starts_with("index") => (0, 2),
            // Accumulators and plain integers stay far from overflow.
            Element::Int { bits: 32 | 64, .. } => (-4000, 4000),
            element => element.range().expect("not a float"),
        };
        #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "small ranges")]
        let value = |random: &mut Self| low + (random.real() * (high - low + 1) as f64) as i64;
        let values: Vec<i64> = (0..elements).map(|_| value(self)).collect();
        Tensor::from_ints(ty.element, ty.shape.clone(), &values)
    }
}

/// Uses of the op called `op` in float. Empty where it has none: requantize is integer arithmetic, custom is the user's.
#[must_use]
pub fn float(op: &str) -> Vec<OpCase> {
    cases(FLOAT, op)
}

/// Uses of the op called `op` on quantized operands. Empty where it has none.
#[must_use]
pub fn quantized(op: &str) -> Vec<OpCase> {
    cases(QUANTIZED, op)
}

fn cases(table: &[(&str, &[&str])], op: &str) -> Vec<OpCase> {
    let lines =
        table.iter().filter(|(ops, _)| ops.split(' ').any(|name| name == op)).flat_map(|(_, lines)| *lines);
    lines.map(|line| OpCase::new(op, line)).collect()
}

/// Ops and their uses: inputs, then operands, attributes and declared type.
const FLOAT: &[(&str, &[&str])] = &[
    (
        "conv2d",
        &[
            "%x: f32[1, 3, 9, 8], %w: f32[5, 3, 3, 3], %b: f32[5] | %x, %w, %b {pad = [1, 1, 1, 1], act = relu}",
            "%x: f32[2, 4, 7, 7], %w: f32[6, 2, 3, 2] | %x, %w {stride = [2, 3], groups = 2, pad = [0, 1, 2, 0]}",
            "%x: f32[1, 6, 8, 9], %w: f32[6, 1, 3, 3], %b: f32[6] | %x, %w, %b {groups = 6, dilation = [2, 1], act = relu6}",
            "%x: f32[1, 4, 5, 5], %w: f32[7, 4, 1, 1], %r: f32[1, 7, 5, 5] | %x, %w, _, %r {act = relu1}",
            "%x: f32[1, 2, 1, 40], %w: f32[3, 2, 1, 5] | %x, %w {pad = [0, 4, 0, 0], dilation = [1, 2]}",
        ],
    ),
    (
        "conv1d",
        &[
            "%x: f32[2, 3, 20], %w: f32[4, 3, 5], %b: f32[4] | %x, %w, %b {pad = [2, 2], act = relu}",
            "%x: f32[1, 4, 30], %w: f32[4, 1, 3] | %x, %w {groups = 4, dilation = [4], pad = [8, 0]}",
            "%x: f32[1, 2, 17], %w: f32[6, 2, 4] | %x, %w {stride = [3]}",
        ],
    ),
    (
        "dense",
        &[
            "%x: f32[3, 17], %w: f32[5, 17], %b: f32[5] | %x, %w, %b {act = relu}",
            "%x: f32[2, 4, 6], %w: f32[9, 6] | %x, %w",
            "%x: f32[8], %w: f32[3, 8], %b: f32[3] | %x, %w, %b",
        ],
    ),
    (
        "matmul",
        &[
            "%a: f32[4, 7], %b: f32[7, 5] | %a, %b",
            "%a: f32[2, 3, 4, 5], %b: f32[3, 6, 5] | %a, %b {transpose_b = 1}",
            "%a: f32[1, 4, 3], %b: f32[5, 3, 2] | %a, %b",
        ],
    ),
    (
        "attention",
        &[
            "%q: f32[1, 2, 5, 4], %k: f32[1, 2, 7, 4], %v: f32[1, 2, 7, 3] | %q, %k, %v {scale = 0.5}",
            "%q: f32[2, 1, 6, 4], %k: f32[2, 1, 6, 4], %v: f32[2, 1, 6, 4] | %q, %k, %v {scale = 0.5, causal = 1}",
            "%q: f32[1, 2, 3, 4], %k: f32[1, 2, 3, 4], %v: f32[1, 2, 3, 4], %m: f32[3, 3] | %q, %k, %v, %m {scale = 0.3}",
        ],
    ),
    (
        "add sub mul maximum minimum prelu",
        &[
            "%x: f32[2, 3, 4], %y: f32[2, 3, 4] | %x, %y {act = relu}",
            "%x: f32[1, 5, 3, 3], %y: f32[5, 1, 1] | %x, %y",
            "%x: f32[4, 1], %y: f32[1, 6] | %x, %y {act = relu6}",
            "%x: f32[7], %y: f32[] | %x, %y",
        ],
    ),
    (
        "div",
        &[
            "%x: f32[2, 3, 4], %away: f32[3, 1] | %x, %away",
            "%x: f32[5], %away: f32[5] | %x, %away {act = relu1}",
        ],
    ),
    (
        "pow",
        &[
            "%positive: f32[2, 3], %y: f32[2, 3] | %positive, %y",
            "%positive: f32[2, 3], %y: f32[] | %positive, %y",
        ],
    ),
    (
        "relu relu6 sigmoid tanh silu hard_swish gelu erf exp neg abs leaky_relu elu hard_sigmoid",
        &["%x: f32[2, 3, 5] | %x", "%x: f32[64] | %x"],
    ),
    ("leaky_relu", &["%x: f32[64] | %x {alpha = 0.3}"]),
    ("elu", &["%x: f32[64] | %x {alpha = 0.7}"]),
    ("hard_sigmoid", &["%x: f32[64] | %x {alpha = 0.3, beta = 0.4}"]),
    ("gelu", &["%x: f32[64] | %x {approximate = tanh}"]),
    ("clip", &["%x: f32[64] | %x {min = -1.5, max = 0.75}"]),
    ("log sqrt", &["%positive: f32[4, 6] | %positive"]),
    ("reciprocal", &["%away: f32[4, 6] | %away"]),
    (
        "batch_norm",
        &[
            "%x: f32[2, 4, 3, 3], %g: f32[4], %b: f32[4], %m: f32[4], %positive: f32[4] | %x, %g, %b, %m, %positive",
            "%x: f32[3, 5], %g: f32[5], %b: f32[5], %m: f32[5], %positive: f32[5] | %x, %g, %b, %m, %positive {epsilon = 0.01}",
        ],
    ),
    (
        "layer_norm",
        &[
            "%x: f32[2, 5, 8], %g: f32[8], %b: f32[8] | %x, %g, %b",
            "%x: f32[2, 3, 4] | %x {axis = 1, epsilon = 0.001}",
            "%x: f32[2, 3, 4], %g: f32[3, 4] | %x, %g {axis = -2}",
        ],
    ),
    (
        "softmax",
        &["%x: f32[3, 9] | %x", "%x: f32[2, 5, 4] | %x {axis = 1}", "%x: f32[2, 6] | %x {beta = 0.4}"],
    ),
    (
        "max_pool2d",
        &[
            "%x: f32[1, 3, 7, 8] | %x {kernel = [2, 3], stride = [2, 1]}",
            "%x: f32[2, 2, 6, 6] | %x {kernel = [3, 3], stride = [2, 2], pad = [1, 1, 1, 1], act = relu}",
        ],
    ),
    (
        "avg_pool2d",
        &[
            "%x: f32[1, 3, 7, 8] | %x {kernel = [2, 3], stride = [2, 1]}",
            "%x: f32[2, 2, 6, 6] | %x {kernel = [3, 3], stride = [2, 2], pad = [1, 0, 1, 2]}",
            "%x: f32[1, 2, 5, 5] | %x {kernel = [3, 3], pad = [1, 1, 1, 1], count_pad = 1, act = relu}",
            "%x: f32[1, 4, 5, 6] | %x {kernel = [5, 6]}",
        ],
    ),
    (
        "mean sum reduce_max",
        &[
            "%x: f32[2, 3, 4, 5] | %x {axes = [2, 3]}",
            "%x: f32[2, 3, 4, 5] | %x {axes = [-1], keep = 0}",
            "%x: f32[4, 6] | %x {axes = [1, 0], keep = 0}",
        ],
    ),
    ("reshape", &["%x: f32[2, 6] | %x {shape = [3, 4]}", "%x: f32[2, 3, 4] | %x {shape = [24]}"]),
    (
        "transpose",
        &["%x: f32[2, 3, 4, 5] | %x {perm = [0, 2, 3, 1]}", "%x: f32[2, 3, 4] | %x {perm = [2, 0, 1]}"],
    ),
    (
        "concat",
        &[
            "%x: f32[2, 3], %y: f32[2, 4] | %x, %y {axis = 1}",
            "%x: f32[1, 2, 3], %y: f32[4, 2, 3], %z: f32[2, 2, 3] | %x, %y, %z {axis = 0}",
        ],
    ),
    (
        "slice",
        &[
            "%x: f32[6, 7] | %x {start = [1, 0], size = [3, 7], step = [1, 1]}",
            "%x: f32[9, 8] | %x {start = [0, 1], size = [3, 4], step = [4, 2]}",
        ],
    ),
    (
        "pad",
        &[
            "%x: f32[2, 3] | %x {before = [1, 0], after = [0, 2], value = 0.5}",
            "%x: f32[3, 4] | %x {before = [2, 1], after = [0, 3], mode = reflect}",
            "%x: f32[3, 4] | %x {before = [0, 2], after = [1, 3], mode = edge}",
        ],
    ),
    ("expand", &["%x: f32[3, 1] | %x {shape = [2, 3, 4]}", "%x: f32[] | %x {shape = [5]}"]),
    (
        "gather",
        &[
            "%x: f32[4, 3], %index: i64[5] | %x, %index",
            "%x: f32[2, 3, 4], %index: i64[2, 2] | %x, %index {axis = 1}",
        ],
    ),
    ("resize2d", &["%x: f32[1, 2, 3, 4] | %x {scale = 2}", "%x: f32[2, 1, 2, 2] | %x {scale = 3}"]),
    (
        "quantize",
        &[
            "%x: f32[4, 30] | %x : i8[4, 30] {scale = 0.02, zero = 3}",
            "%x: f32[4, 30] | %x {ties = away} : u8[4, 30] {scale = 0.25, zero = 128}",
            "%x: f32[3, 8] | %x : i8[3, 8] {scale = [0.1, 0.02, 0.03], zero = 0, axis = 0}",
            "%x: f32[3, 8] | %x : i16[3, 8] {scale = 0.0001, zero = 0}",
        ],
    ),
    ("cast", &["%x: f32[20] | %x {to = \"i32\"}", "%x: f32[20] | %x {to = \"f16\"}"]),
];

/// As [`FLOAT`], with quantized operands.
const QUANTIZED: &[(&str, &[&str])] = &[
    (
        "conv2d",
        &[
            "%x: i8[1, 3, 9, 8] {scale = 0.05, zero = 4}, %w: i8[5, 3, 3, 3] {scale = [0.01, 0.02, 0.015, 0.03, 0.005], zero = 0, axis = 0}, %b: i32[5] \
         | %x, %w, %b {pad = [1, 1, 1, 1], act = relu} : i8[1, 5, 9, 8] {scale = 0.2, zero = -20}",
            "%x: i8[1, 8, 7, 7] {scale = 0.05, zero = -128}, %w: i8[8, 1, 3, 3] {scale = 0.02, zero = 0}, %b: i32[8] \
         | %x, %w, %b {groups = 8, stride = [2, 2], act = relu6} : i8[1, 8, 3, 3] {scale = 0.1, zero = -128}",
            "%x: u8[1, 4, 6, 6] {scale = 0.04, zero = 120}, %w: u8[3, 4, 1, 1] {scale = 0.02, zero = 130}, %b: i32[3] \
         | %x, %w, %b : u8[1, 3, 6, 6] {scale = 0.1, zero = 100}",
            "%x: i8[1, 4, 5, 5] {scale = 0.05, zero = 4}, %w: i8[6, 4, 1, 1] {scale = 0.01, zero = 0}, %b: i32[6], %r: i8[1, 6, 5, 5] {scale = 0.11, zero = 7} \
         | %x, %w, %b, %r {act = relu, mid = i8 {scale = 0.15, zero = -3}} : i8[1, 6, 5, 5] {scale = 0.2, zero = -128}",
            "%x: i16[1, 3, 6, 6] {scale = 0.001, zero = 0}, %w: i8[4, 3, 3, 3] {scale = 0.01, zero = 0}, %b: i64[4] \
         | %x, %w, %b {pad = [1, 1, 1, 1]} : i16[1, 4, 6, 6] {scale = 0.004, zero = 0}",
            "%x: i8[1, 4, 5, 5] {scale = 0.05, zero = 0}, %w: i4[6, 4, 1, 1] {scale = 0.2, zero = 0}, %b: i32[6] \
         | %x, %w, %b : i8[1, 6, 5, 5] {scale = 0.13, zero = 9}",
        ],
    ),
    (
        "conv1d",
        &["%x: i8[1, 4, 30] {scale = 0.05, zero = 9}, %w: i8[6, 4, 3] {scale = 0.02, zero = 0}, %b: i32[6] \
         | %x, %w, %b {pad = [4, 0], dilation = [2], act = relu} : i8[1, 6, 30] {scale = 0.2, zero = -128}"],
    ),
    (
        "dense",
        &[
            "%x: i8[3, 40] {scale = 0.05, zero = -7}, %w: i8[9, 40] {scale = 0.01, zero = 0}, %b: i32[9] \
         | %x, %w, %b : i8[3, 9] {scale = 0.2, zero = 5}",
            "%x: i8[2, 16] {scale = 0.05, zero = 3}, %w: i8[3, 16] {scale = [0.01, 0.02, 0.015], zero = 0, axis = 0} \
         | %x, %w {act = relu} : i8[2, 3] {scale = 0.1, zero = -128}",
            "%x: i16[2, 16] {scale = 0.001, zero = 0}, %w: i8[3, 16] {scale = 0.01, zero = 0}, %b: i64[3] \
         | %x, %w, %b : i16[2, 3] {scale = 0.004, zero = 0}",
            "%x: i8[2, 16] {scale = 0.05, zero = 3}, %w: i4[3, 16] {scale = [0.1, 0.2, 0.15, 0.12, 0.2, 0.1], zero = 0, axis = 1, group = 8} \
         | %x, %w : i8[2, 3] {scale = 0.2, zero = 0}",
        ],
    ),
    (
        "matmul",
        &[
            "%a: i8[2, 4, 7] {scale = 0.05, zero = 3}, %b: i8[2, 7, 5] {scale = 0.04, zero = -4} | %a, %b : i8[2, 4, 5] {scale = 0.2, zero = 1}",
            "%a: i8[2, 3, 8] {scale = 0.05, zero = 3}, %b: i8[1, 6, 8] {scale = 0.04, zero = -4} \
         | %a, %b {transpose_b = 1} : i8[2, 3, 6] {scale = 0.2, zero = 1}",
        ],
    ),
    (
        "add sub mul maximum minimum",
        &[
            "%x: i8[2, 40] {scale = 0.05, zero = 4}, %y: i8[2, 40] {scale = 0.03, zero = -9} | %x, %y : i8[2, 40] {scale = 0.07, zero = 2}",
            "%x: i8[1, 6, 3, 3] {scale = 0.05, zero = 4}, %y: i8[1, 6, 1, 1] {scale = 0.1, zero = 0} \
         | %x, %y {act = relu} : i8[1, 6, 3, 3] {scale = 0.07, zero = -128}",
            "%x: u8[50] {scale = 0.05, zero = 140}, %y: u8[50] {scale = 0.05, zero = 128} | %x, %y {act = relu6} : u8[50] {scale = 0.05, zero = 10}",
        ],
    ),
    (
        "add",
        &[
            "%x: i16[60] {scale = 0.001, zero = 0}, %y: i16[60] {scale = 0.0005, zero = 0} | %x, %y : i16[60] {scale = 0.0012, zero = 0}",
        ],
    ),
    (
        "prelu",
        &[
            "%x: i8[2, 40] {scale = 0.05, zero = 4}, %y: i8[2, 40] {scale = 0.01, zero = 0} | %x, %y : i8[2, 40] {scale = 0.07, zero = 2}",
        ],
    ),
    (
        "pow",
        &[
            "%x: u8[2, 20] {scale = 0.01, zero = 0}, %y: i8[20] {scale = 0.02, zero = 0} | %x, %y : u8[2, 20] {scale = 0.05, zero = 0}",
        ],
    ),
    (
        "relu relu6 leaky_relu elu sigmoid tanh silu hard_sigmoid hard_swish gelu erf neg abs requantize",
        &[
            "%x: i8[256] {scale = 0.05, zero = 4} | %x : i8[256] {scale = 0.04, zero = -3}",
            "%x: u8[2, 64] {scale = 0.04, zero = 120} | %x : u8[2, 64] {scale = 0.06, zero = 100}",
            "%x: i16[90] {scale = 0.0002, zero = 0} | %x : i16[90] {scale = 0.0003, zero = 0}",
        ],
    ),
    ("sigmoid", &["%x: i8[256] {scale = 0.05, zero = 4} | %x : i8[256] {scale = 0.00390625, zero = -128}"]),
    ("tanh", &["%x: i8[256] {scale = 0.03, zero = 4} | %x : i8[256] {scale = 0.0078125, zero = 0}"]),
    (
        "requantize",
        &[
            "%x: i8[3, 30] {scale = [0.1, 0.2, 0.3], zero = 0, axis = 0} | %x : i8[3, 30] {scale = 0.25, zero = 7}",
        ],
    ),
    (
        "clip",
        &[
            "%x: i8[256] {scale = 0.05, zero = 4} | %x {min = -1.0, max = 2.5} : i8[256] {scale = 0.04, zero = -3}",
        ],
    ),
    ("exp", &["%x: i8[256] {scale = 0.02, zero = 4} | %x : i8[256] {scale = 0.06, zero = -128}"]),
    ("log", &["%x: u8[256] {scale = 0.02, zero = 0} | %x : i8[256] {scale = 0.05, zero = 60}"]),
    ("sqrt", &["%x: u8[256] {scale = 0.02, zero = 0} | %x : u8[256] {scale = 0.01, zero = 0}"]),
    (
        "softmax",
        &[
            "%x: i8[4, 12] {scale = 0.05, zero = 4} | %x : i8[4, 12] {scale = 0.00390625, zero = -128}",
            "%x: u8[2, 5, 3] {scale = 0.1, zero = 100} | %x {axis = 1} : u8[2, 5, 3] {scale = 0.00390625, zero = 0}",
        ],
    ),
    (
        "max_pool2d",
        &[
            "%x: i8[1, 3, 7, 7] {scale = 0.05, zero = 4} | %x {kernel = [3, 3], stride = [2, 2], pad = [1, 1, 1, 1]}",
        ],
    ),
    (
        "avg_pool2d",
        &[
            "%x: i8[1, 3, 7, 7] {scale = 0.05, zero = 4} | %x {kernel = [3, 3], stride = [2, 2], pad = [1, 1, 1, 1]} : i8[1, 3, 4, 4] {scale = 0.05, zero = 4}",
            "%x: u8[1, 3, 6, 6] {scale = 0.05, zero = 90} | %x {kernel = [6, 6]} : u8[1, 3, 1, 1] {scale = 0.03, zero = 80}",
        ],
    ),
    (
        "mean",
        &[
            "%x: i8[1, 20, 5, 5] {scale = 0.05, zero = 4} | %x {axes = [2, 3]} : i8[1, 20, 1, 1] {scale = 0.02, zero = -9}",
            "%x: i8[3, 8, 6] {scale = 0.05, zero = 4} | %x {axes = [1], keep = 0} : i8[3, 6] {scale = 0.03, zero = -9}",
        ],
    ),
    (
        "sum",
        &[
            "%x: i8[1, 20, 3, 3] {scale = 0.05, zero = 4} | %x {axes = [2, 3]} : i8[1, 20, 1, 1] {scale = 0.3, zero = -9}",
        ],
    ),
    (
        "reduce_max",
        &["%x: i8[3, 8] {scale = 0.05, zero = 4} | %x {axes = [1]} : i8[3, 1] {scale = 0.05, zero = 4}"],
    ),
    ("reshape", &["%x: i8[2, 6] {scale = 0.05, zero = 4} | %x {shape = [3, 4]}"]),
    ("transpose", &["%x: i8[2, 3, 4] {scale = 0.05, zero = 4} | %x {perm = [2, 0, 1]}"]),
    (
        "concat",
        &[
            "%x: i8[2, 30] {scale = 0.05, zero = 4}, %y: i8[2, 40] {scale = 0.03, zero = 0} | %x, %y {axis = 1} : i8[2, 70] {scale = 0.05, zero = 4}",
        ],
    ),
    ("slice", &["%x: i8[9, 8] {scale = 0.05, zero = 4} | %x {start = [0, 1], size = [3, 4], step = [4, 2]}"]),
    ("pad", &["%x: i8[2, 3] {scale = 0.05, zero = 4} | %x {before = [1, 0], after = [0, 2], value = 1.0}"]),
    ("expand", &["%x: i8[3, 1] {scale = 0.05, zero = 4} | %x {shape = [2, 3, 4]}"]),
    ("gather", &["%x: i8[4, 3] {scale = 0.05, zero = 4}, %index: i64[5] | %x, %index"]),
    ("resize2d", &["%x: i8[1, 2, 3, 4] {scale = 0.05, zero = 4} | %x {scale = 2}"]),
    (
        "dequantize",
        &[
            "%x: i8[4, 30] {scale = 0.02, zero = 3} | %x",
            "%x: i4[4, 8] {scale = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8], zero = 0, axis = 1, group = 4} | %x",
        ],
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    /// Ops without a quantized use, and why.
    const NOT_QUANTIZED: &[(&str, &str)] = &[
        ("attention", "float only"),
        ("batch_norm", "float only"),
        ("layer_norm", "float only"),
        ("div", "a quantized zero has no quotient"),
        ("reciprocal", "a quantized zero has no reciprocal"),
        ("quantize", "its operand is float"),
        ("cast", "its operand is not quantized"),
        ("custom", "the user's"),
    ];

    #[test]
    fn every_op_is_used_in_float_or_said_not_to_be() {
        for op in ir::op::all() {
            let expected = !["custom", "requantize", "dequantize"].contains(&op.name);
            assert_eq!(!float(op.name).is_empty(), expected, "{}", op.name);
        }
    }

    #[test]
    fn every_op_is_used_on_quantized_operands_or_said_not_to_be() {
        for op in ir::op::all() {
            let expected = NOT_QUANTIZED.iter().all(|(name, _)| *name != op.name);
            assert_eq!(!quantized(op.name).is_empty(), expected, "{}", op.name);
        }
    }

    #[test]
    fn inputs_follow_their_names_and_seeds() {
        let case = &float("gather")[0];
        assert!(case.inputs(3)[1].to_ints().iter().all(|i| (0..3).contains(i)));
        assert_ne!(case.inputs(3), case.inputs(4));
        let positive = &float("sqrt")[0].inputs(9)[0];
        assert!(positive.to_f32().iter().all(|v| *v > 0.0));
    }
}
