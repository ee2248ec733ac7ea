//! Portable C11 kernels: plain loops, correct for every shape; what every core falls back on.

pub(crate) mod conv2d;
mod copy;
pub(crate) mod dense;
mod elementwise;
mod norm;
mod pool;
mod softmax;

use hw::memory::{Access, Tiles, Walk};

use super::helpers::{CLAMP, CLAMP_F32, SCALE_DOUBLE, SCALE_SINGLE, SCALE_WIDE};
use super::spec::{Element, OpSpec, Requantize, Rounding};
use super::{Argument, Constant, Data, Function, Helper, Kernel, KernelError, KernelSet};

/// The portable kernel set.
#[derive(Clone, Copy, Debug, Default)]
pub struct Portable;

impl KernelSet for Portable {
    fn name(&self) -> &'static str {
        "host-c"
    }

    fn kernel(&self, spec: &OpSpec, _walk: Option<usize>) -> Result<Kernel, KernelError> {
        match spec {
            OpSpec::Conv2d(s) => conv2d::kernel(s),
            OpSpec::Fused(s) => super::fused::kernel(self, s),
            OpSpec::Dense(s) => dense::dense(s),
            OpSpec::MatMul(s) => dense::matmul(s),
            OpSpec::Binary(s) => elementwise::binary(s),
            OpSpec::Unary(s) => elementwise::unary(s),
            OpSpec::Pool(s) => pool::pool(s),
            OpSpec::Reduce(s) => pool::reduce(s),
            OpSpec::Softmax(s) => softmax::kernel(s),
            OpSpec::LayerNorm(s) => norm::layer_norm(s),
            OpSpec::Concat(s) => copy::concat(s),
            OpSpec::CopyBox(s) => copy::copy_box(s),
            OpSpec::Transpose(s) => copy::transpose(s),
            OpSpec::ResizeNearest(s) => copy::resize_nearest(s),
        }
    }
}

/// A kernel under construction: parameters, arguments and constants stay in step.
pub(crate) struct Builder {
    parameters: Vec<String>,
    arguments: Vec<(Argument, &'static str)>,
    constants: Vec<Constant>,
    helpers: Vec<Helper>,
    pub(crate) scratch_bytes: usize,
    pub(crate) walks: Vec<Walk>,
}

impl Builder {
    pub(crate) fn new() -> Builder {
        Builder {
            parameters: Vec::new(),
            arguments: Vec::new(),
            constants: Vec::new(),
            helpers: Vec::new(),
            scratch_bytes: 0,
            walks: Vec::new(),
        }
    }

    /// `const T *name`, the op's input `index`.
    pub(crate) fn input(&mut self, index: usize, element: Element, name: &str) -> &mut Builder {
        self.parameters.push(format!("const {} *{name}", element.c_type()));
        self.arguments.push((Argument::Input(index), element.c_type()));
        self
    }

    /// `T *y`.
    pub(crate) fn output(&mut self, element: Element) -> &mut Builder {
        self.parameters.push(format!("{} *y", element.c_type()));
        self.arguments.push((Argument::Output, element.c_type()));
        self
    }

    /// `T *scratch` of so many bytes.
    pub(crate) fn scratch(&mut self, c_type: &'static str, bytes: usize) -> &mut Builder {
        self.parameters.push(format!("{c_type} *scratch"));
        self.arguments.push((Argument::Scratch, c_type));
        self.scratch_bytes = bytes;
        self
    }

    /// `const T *role`.
    pub(crate) fn constant(&mut self, role: &'static str, data: Data) -> &mut Builder {
        let c_type = match data {
            Data::I8(_) => "int8_t",
            Data::U8(_) => "uint8_t",
            Data::I16(_) => "int16_t",
            Data::I32(_) => "int32_t",
            Data::I64(_) => "int64_t",
            Data::F32(_) => "float",
        };
        self.parameters.push(format!("const {c_type} *{role}"));
        self.arguments.push((Argument::Constant(self.constants.len()), c_type));
        self.constants.push(Constant { role, data });
        self
    }

    pub(crate) fn helper(&mut self, helper: Helper) -> &mut Builder {
        if !self.helpers.contains(&helper) {
            self.helpers.push(helper);
        }
        self
    }

    pub(crate) fn finish(self, stem: String, summary: String, body: String, macs: u64) -> Kernel {
        let parameters = self.parameters.join(", ");
        Kernel {
            function: Function { stem, parameters, summary, apart: false, body },
            arguments: self.arguments,
            callees: Vec::new(),
            helpers: self.helpers,
            constants: self.constants,
            scratch_bytes: self.scratch_bytes,
            walks: self.walks,
            macs,
        }
    }

    /// The C expression for `clamp(zero_point + acc * scale)`; adds the constant `scales` where channels differ.
    ///
    /// `wide`: the accumulator has 64 bits. `channel` is the C expression of the output channel.
    pub(crate) fn requantize(&mut self, r: &Requantize, acc: &str, channel: &str, wide: bool) -> String {
        let (multiplier, shift) = match r.scales.as_slice() {
            [one] => (one.multiplier.to_string(), one.shift.to_string()),
            many => {
                let flat = many.iter().flat_map(|s| [s.multiplier, s.shift]).collect();
                self.constant("scales", Data::I32(flat));
                (format!("scales[2 * {channel}]"), format!("scales[2 * {channel} + 1]"))
            }
        };
        let (helper, name) = match (wide, r.rounding) {
            (true, _) => (SCALE_WIDE, "@scale_wide"),
            (false, Rounding::Single) => (SCALE_SINGLE, "@scale_single"),
            (false, Rounding::Double) => (SCALE_DOUBLE, "@scale_double"),
        };
        self.helper(helper).helper(CLAMP);
        let value = plus(&format!("{name}({acc}, {multiplier}, {shift})"), r.zero_point);
        format!("@clamp({value}, {}, {})", r.clamp[0], r.clamp[1])
    }

    /// The C expression of a clamped float; nothing is added where the bounds are infinite.
    pub(crate) fn clamp_f32(&mut self, value: &str, clamp: [f32; 2]) -> String {
        if clamp[0] == f32::NEG_INFINITY && clamp[1] == f32::INFINITY {
            return value.into();
        }
        self.helper(CLAMP_F32);
        let [low, high] = clamp.map(super::unit::float);
        format!("@clampf({value}, {low}, {high})")
    }
}

/// `value + constant` without a needless `+ 0` or `+ -3`.
pub(crate) fn plus(value: &str, constant: i32) -> String {
    match constant {
        0 => value.into(),
        c if c < 0 => format!("{value} - {}", -i64::from(c)),
        c => format!("{value} + {c}"),
    }
}

/// An element-wise kernel may write where it has just read.
pub(crate) fn elementwise_walk(inputs: usize, elements: usize, x: Element, y: Element) -> Walk {
    let mut walk = Walk::default();
    for input in 0..inputs {
        let tiles = Tiles::pointwise(elements as u64, x.bytes() as u64, y.bytes() as u64, true);
        walk.pairs.push(hw::memory::PairAccess { input, output: 0, access: Access::Tiled(tiles) });
    }
    walk
}

pub(crate) fn mismatch(what: &'static str, found: impl ToString, expected: impl ToString) -> KernelError {
    KernelError::Shape { what, found: found.to_string(), expected: expected.to_string() }
}

pub(crate) fn expect(what: &'static str, found: usize, expected: usize) -> Result<(), KernelError> {
    if found == expected { Ok(()) } else { Err(mismatch(what, found, expected)) }
}

pub(crate) fn unsupported(op: &'static str, what: impl Into<String>) -> KernelError {
    KernelError::Unsupported { op, what: what.into() }
}
