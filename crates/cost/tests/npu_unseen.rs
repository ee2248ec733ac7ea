//! Cycles of four networks that no coefficient of the Ethos-U55 model was fitted to, against Vela's.
//!
//! Common shapes with normally distributed 8-bit weights (deviation 35), built the same for both; Vela 5.2.0 as in `npu.rs`. The draws
//! differ, their distribution does not, and only that enters the size of coded weights.

#![allow(clippy::print_stdout, reason = "the tables these tests print are read by people")]

use std::fmt::Write as _;

use ir::{Element, Graph, Tensor, WeightStore};
use nasc_cost::npu::{self, Config};

/// Gives any name that ends in a shape (`w.8x3x3x3`) weights of that shape.
struct Normal;

impl WeightStore for Normal {
    fn tensor(&self, name: &str) -> Option<Tensor> {
        let shape: Vec<usize> =
            name.rsplit('.').next()?.split('x').map(|n| n.parse().ok()).collect::<Option<_>>()?;
        let mut state = 0x9e37_79b9_7f4a_7c15u64 ^ name.len() as u64;
        let mut uniform = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 40) as f64 / f64::from(1u32 << 24)
        };
        // Twelve uniform draws have variance 1.
        let mut draw = || (0..12).map(|_| uniform()).sum::<f64>() - 6.0;
        let bytes =
            (0..shape.iter().product()).map(|_| (35.0 * draw()).round().clamp(-127.0, 127.0) as i8 as u8);
        Tensor::from_bytes(Element::I8, shape.clone(), bytes.collect()).ok()
    }
}

const QUANT: &str = "{scale = 1.0, zero = 0}";

/// A graph being written; a value is its number and shape.
struct Net {
    text: String,
    count: usize,
}

type Value = (usize, [usize; 4]);

impl Net {
    fn new(shape: [usize; 4]) -> (Self, Value) {
        (Self { text: format!("graph @t(%v0: i8{shape:?} {QUANT}) {{\n"), count: 0 }, (0, shape))
    }

    fn line(&mut self, op: &str, shape: [usize; 4]) -> Value {
        self.count += 1;
        writeln!(self.text, "  %v{} = {op} : i8{shape:?} {QUANT}", self.count).expect("a string takes it");
        (self.count, shape)
    }

    fn weights(&mut self, shape: &[usize]) -> String {
        let name = shape.iter().map(ToString::to_string).collect::<Vec<_>>().join("x");
        self.count += 1;
        let at = self.count;
        writeln!(self.text, "  const %v{at} = @w{at}.{name} : i8{shape:?} {QUANT}")
            .expect("a string takes it");
        format!("%v{at}")
    }

    /// A convolution padded so that its output is the input over the stride; `groups` of 1 or all channels.
    fn conv(&mut self, x: Value, c_out: usize, k: usize, stride: usize, depthwise: bool) -> Value {
        let [_, c, h, w] = x.1;
        let side = |n: usize| {
            let out = n.div_ceil(stride);
            let pad = ((out - 1) * stride + k).saturating_sub(n);
            (out, pad / 2, pad - pad / 2)
        };
        let ((height, top, bottom), (width, left, right)) = (side(h), side(w));
        let weights = self.weights(&[c_out, if depthwise { 1 } else { c }, k, k]);
        let groups = if depthwise { c } else { 1 };
        let op = format!(
            "conv2d %v{}, {weights} {{stride = [{stride}, {stride}], pad = [{top}, {left}, {bottom}, {right}], groups = {groups}}}",
            x.0
        );
        self.line(&op, [1, c_out, height, width])
    }

    fn add(&mut self, a: Value, b: Value) -> Value {
        self.line(&format!("add %v{}, %v{}", a.0, b.0), a.1)
    }

    fn done(mut self, y: Value) -> Graph {
        writeln!(self.text, "  return %v{}\n}}", y.0).expect("a string takes it");
        ir::parse(&self.text, &Normal).unwrap_or_else(|e| panic!("{e:?}\n{}", self.text))
    }
}

/// The anomaly detector of MLPerf Tiny, an autoencoder of matrix products.
fn autoencoder() -> Graph {
    let mut text = format!("graph @t(%v0: i8[1, 640] {QUANT}) {{\n");
    let mut last = 640;
    let widths = [128, 128, 128, 128, 8, 128, 128, 128, 128, 640];
    for (at, width) in widths.into_iter().enumerate() {
        writeln!(text, "  const %w{at} = @w{at}.{width}x{last} : i8[{width}, {last}] {QUANT}")
            .expect("a string takes it");
        writeln!(text, "  %v{} = dense %v{at}, %w{at} : i8[1, {width}] {QUANT}", at + 1)
            .expect("a string takes it");
        last = width;
    }
    writeln!(text, "  return %v{}\n}}", widths.len()).expect("a string takes it");
    ir::parse(&text, &Normal).expect("well-formed")
}

/// MobileNet v1 at half width and 128 pixels, without its head.
fn mobilenet_v1() -> Graph {
    let (mut net, x) = Net::new([1, 3, 128, 128]);
    let mut x = net.conv(x, 16, 3, 2, false);
    let rows = [
        (32, 1),
        (64, 2),
        (64, 1),
        (128, 2),
        (128, 1),
        (256, 2),
        (256, 1),
        (256, 1),
        (256, 1),
        (256, 1),
        (256, 1),
    ];
    for (c_out, stride) in rows.into_iter().chain([(512, 2), (512, 1)]) {
        let channels = x.1[1];
        x = net.conv(x, channels, 3, stride, true);
        x = net.conv(x, c_out, 1, 1, false);
    }
    net.done(x)
}

/// MobileNet v2's blocks on 96 pixels, one with a 5x5 kernel.
fn mobilenet_v2() -> Graph {
    let (mut net, x) = Net::new([1, 3, 96, 96]);
    let mut x = net.conv(x, 16, 3, 2, false);
    let early =
        [(1, 8, 1), (6, 16, 2), (6, 16, 1), (6, 24, 2), (6, 24, 1), (6, 32, 2), (6, 32, 1), (6, 48, 1)];
    for (expand, c_out, stride) in early.into_iter().chain([(6, 80, 2), (6, 80, 1)]) {
        let mut y = if expand == 1 { x } else { net.conv(x, x.1[1] * expand, 1, 1, false) };
        y = net.conv(y, y.1[1], if c_out == 24 { 5 } else { 3 }, stride, true);
        y = net.conv(y, c_out, 1, 1, false);
        x = if x.1 == y.1 { net.add(x, y) } else { y };
    }
    net.done(x)
}

/// A residual network on 64 pixels with a 7x7 stem.
fn resnet() -> Graph {
    let (mut net, x) = Net::new([1, 3, 64, 64]);
    let stem = net.conv(x, 32, 7, 2, false);
    let pool = format!("max_pool2d %v{} {{kernel = [3, 3], stride = [2, 2], pad = [0, 0, 1, 1]}}", stem.0);
    let mut x = net.line(&pool, [1, 32, 16, 16]);
    for (c_out, stride) in [(32, 1), (64, 2), (96, 2)] {
        let y = net.conv(x, c_out, 3, stride, false);
        let y = net.conv(y, c_out, 3, 1, false);
        let short = if x.1 == y.1 { x } else { net.conv(x, c_out, 1, stride, false) };
        x = net.add(short, y);
    }
    net.done(x)
}

/// A name, what builds the network, Vela's cycles with 32, 64, 128 and 256 multipliers.
type Row = (&'static str, fn() -> Graph, [f64; 4]);

#[test]
fn networks_that_nothing_was_fitted_to_are_within_ten_percent() {
    let rows: [Row; 4] = [
        ("autoencoder", autoencoder, [258240.0; 4]),
        ("mobilenet_v1", mobilenet_v1, [3024261.0, 1702021.0, 1205395.0, 1017915.0]),
        ("mobilenet_v2", mobilenet_v2, [1746622.0, 939123.0, 565701.0, 419957.0]),
        ("resnet", resnet, [948310.0, 571855.0, 371303.0, 289137.0]),
    ];
    for (name, build, vela) in rows {
        let graph = build();
        for (macs, expected) in [32, 64, 128, 256].into_iter().zip(vela) {
            let config = Config::new(macs).expect("one of the four sizes");
            let found = npu::estimate(&graph, &config).expect("all on the engine").cycles;
            let error = found / expected - 1.0;
            println!("{name} {macs}: {found:.0} of {expected:.0} cycles, {:+.1} %", 100.0 * error);
            assert!(error.abs() <= 0.10, "{name} on {macs}: {found:.0} cycles, {expected:.0} expected");
        }
    }
}
