//! Depthwise convolution: a channel's plane in bytes, nine taps in registers, columns kept while the window slides.

use super::dot::{COPY_BYTES, WORD};
use crate::c::kernels::Helper;
use crate::c::kernels::code::Code;
use crate::c::kernels::fit::FittedLayer;
use crate::c::kernels::helpers::CLAMP;
use crate::c::kernels::plane::{Plane, PlaneCore};
use crate::c::kernels::spec::{Conv2dSpec, Element, Linear};

/// Most taps that stay in registers.
const IN_REGISTERS: usize = 9;

/// The RV32IMAC depthwise kernel.
pub(crate) struct Depthwise;

impl PlaneCore for Depthwise {
    fn element(&self) -> Element {
        Element::I8
    }

    fn columns(&self, s: &Conv2dSpec) -> usize {
        (s.output.w - 1) * s.window.stride[1] + s.window.kernel[1]
    }

    fn supports(&self, s: &Conv2dSpec) -> bool {
        s.window.kernel[0] * s.window.kernel[1] <= 25
    }

    fn taps(&self, c: &mut Code, s: &Conv2dSpec, fit: &FittedLayer) {
        let taps = s.window.kernel[0] * s.window.kernel[1];
        if taps <= IN_REGISTERS {
            let names: Vec<_> = (0..taps).map(|i| format!("w{i} = w[{i}]")).collect();
            c.line(format!("int32_t {};", names.join(", ")));
        }
        c.line("int32_t start = p[0], factor = p[1], offset = p[2];");
        if fit.is_signed() {
            c.line("int32_t negative = p[3];");
        }
    }

    fn outputs(&self, c: &mut Code, s: &Conv2dSpec, plane: &Plane, fit: &FittedLayer) {
        let [kh, kw] = s.window.kernel;
        let in_registers = kh * kw <= IN_REGISTERS;
        c.line("const int8_t *v = scratch;");
        c.count("oy", plane.band);
        // Three outputs reuse the columns they share; what is left of a row comes one by one.
        let run = if s.window.stride[1] < kw && in_registers { 3.min(s.output.w) } else { 1 };
        let (runs, rest) = (s.output.w / run, s.output.w % run);
        let step = s.window.stride[1];
        if runs > 1 {
            c.count("i", runs);
        } else {
            c.open("");
        }
        neighbours(c, s, plane, fit, run);
        c.line(format!("v += {};", run * step)).line(format!("at += {};", run * s.output.c)).close();
        if rest > 0 {
            c.open("");
            neighbours(c, s, plane, fit, rest);
            c.line(format!("v += {};", rest * step)).line(format!("at += {};", rest * s.output.c)).close();
        }
        let walked = (s.output.w * step) as i64;
        c.line(format!("v += {};", (s.window.stride[0] * plane.row) as i64 - walked)).close();
    }

    fn start(&self, bias: i32, _fit: &FittedLayer) -> i32 {
        bias
    }

    fn fill(&self, c: &mut Code, to: &str, zero_point: i32, count: usize) {
        c.line(format!("memset({to}, {zero_point}, {count});"));
    }

    fn copy(&self, c: &mut Code, to: &str, from: &str, count: usize) {
        c.line(format!("@copy_bytes({to}, {from}, {count});"));
    }

    fn pre_shifts(&self) -> &'static [u32] {
        &[8, 10, 12, 14, 6]
    }

    fn helpers(&self) -> &'static [Helper] {
        const { &[CLAMP, WORD, COPY_BYTES] }
    }
}

/// `count` neighbouring outputs: every plane column is loaded once and used by all of them.
fn neighbours(c: &mut Code, s: &Conv2dSpec, plane: &Plane, fit: &FittedLayer, count: usize) {
    let ([kh, kw], step) = (s.window.kernel, s.window.stride[1]);
    let names: Vec<_> = (0..count).map(|i| format!("a{i} = start")).collect();
    c.line(format!("int32_t {};", names.join(", ")));
    for ky in 0..kh {
        for column in 0..(count - 1) * step + kw {
            let users: Vec<_> = (0..count)
                .filter_map(|i| Some((i, column.checked_sub(i * step).filter(|&kx| kx < kw)?)))
                .collect();
            if users.is_empty() {
                continue;
            }
            c.open("").line(format!("int32_t x = v[{}];", ky * plane.row + column));
            for (i, kx) in users {
                let tap = ky * kw + kx;
                let weight = if kh * kw <= IN_REGISTERS { format!("w{tap}") } else { format!("w[{tap}]") };
                c.line(format!("a{i} += x * {weight};"));
            }
            c.close();
        }
    }
    let [low, high] = match &s.linear {
        Linear::Integer(l) => l.requantize.clamp,
        Linear::Float(_) => [-128, 127],
    };
    for i in 0..count {
        let sign = if fit.is_signed() { format!(" + (negative & (a{i} >> 31))") } else { String::new() };
        let shifted = format!("@wrapping_shift(a{i}, {})", fit.pre_shift);
        let scaled = format!("(@high_mul({shifted}, factor) + offset{sign}) >> {}", fit.shift);
        c.line(format!("at[{}] = (int8_t)@clamp({scaled}, {low}, {high});", i * s.output.c));
    }
}
