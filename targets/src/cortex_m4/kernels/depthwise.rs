//! Depthwise convolution: a channel's plane in halves, two neighbouring outputs from the same words.
//!
//! A row of three taps needs two words of the plane and two words of weights, (w0, w1) and (w1, w2). The left output takes
//! `smlad` with the first pair and the top half of the second; the right one the bottom half of the first and `smlad` with the second.
//! Weights carry a factor 256, so the accumulator comes out shifted as the requantization wants it.

use super::dot::{FILL, SIMD};
use crate::c::kernels::Helper;
use crate::c::kernels::code::Code;
use crate::c::kernels::fit::FittedLayer;
use crate::c::kernels::helpers::{CLAMP, helper};
use crate::c::kernels::plane::{Plane, PlaneCore};
use crate::c::kernels::spec::{Conv2dSpec, Element, Linear};

helper!(
    /// Products of halves.
    HALVES, 37, include_str!("../templates/depthwise.c")
);

/// The Cortex-M4 depthwise kernel.
pub(crate) struct Depthwise;

impl PlaneCore for Depthwise {
    fn element(&self) -> Element {
        Element::I16
    }

    fn columns(&self, s: &Conv2dSpec) -> usize {
        // Whole words, and a word past the last window for the pair loads.
        let windows = (s.output.w.next_multiple_of(2) - 1) * s.window.stride[1];
        (windows + s.window.kernel[1] + 1).next_multiple_of(2)
    }

    fn supports(&self, s: &Conv2dSpec) -> bool {
        s.window.kernel[1] == 3 && matches!(s.window.stride[1], 1 | 2) && s.window.kernel[0] <= 5
    }

    fn taps(&self, c: &mut Code, s: &Conv2dSpec, fit: &FittedLayer) {
        let kh = s.window.kernel[0];
        for ky in 0..kh {
            let taps = [0, 1, 2].map(|kx| format!("w[{}]", ky * 3 + kx));
            c.line(format!("int32_t left{ky} = @tap_pair({}, {});", taps[0], taps[1]));
            c.line(format!("int32_t right{ky} = @tap_pair({}, {});", taps[1], taps[2]));
        }
        c.line("int32_t start = p[0], factor = p[1], offset = p[2];");
        if fit.is_signed() {
            c.line("int32_t negative = p[3];");
        }
    }

    fn outputs(&self, c: &mut Code, s: &Conv2dSpec, plane: &Plane, fit: &FittedLayer) {
        c.line("const int16_t *v = scratch;");
        c.count("oy", plane.band);
        let (pairs, single) = (s.output.w / 2, s.output.w % 2);
        let (stride, channels) = (s.window.stride[1], s.output.c);
        if pairs > 0 {
            if pairs > 1 {
                c.open(format!("for (int32_t i = 0; i < {pairs}; i++)"));
            } else {
                c.open("");
            }
            pair(c, s, plane, fit);
            c.line(format!("v += {};", 2 * stride)).line(format!("at += {};", 2 * channels)).close();
        }
        if single > 0 {
            c.open("");
            one(c, s, plane, fit);
            c.line(format!("at += {channels};")).close();
        }
        let walked = 2 * pairs * stride;
        c.line(format!("v += {};", s.window.stride[0] * plane.row - walked));
        c.close();
    }

    fn start(&self, bias: i32, _fit: &FittedLayer) -> i32 {
        bias.wrapping_shl(8)
    }

    fn fill(&self, c: &mut Code, to: &str, zero_point: i32, count: usize) {
        c.line(format!("@fill_halves({to}, {zero_point}, {count});"));
    }

    fn copy(&self, c: &mut Code, to: &str, from: &str, count: usize) {
        c.line(format!("memcpy({to}, {from}, {});", 2 * count));
    }

    fn pre_shifts(&self) -> &'static [u32] {
        &[8, 10, 12, 14]
    }

    fn helpers(&self) -> &'static [Helper] {
        const { &[CLAMP, SIMD, FILL, HALVES] }
    }
}

/// Two neighbouring outputs.
fn pair(c: &mut Code, s: &Conv2dSpec, plane: &Plane, fit: &FittedLayer) {
    c.line("int32_t a = start, b = start;").line("@pair d;");
    for ky in 0..s.window.kernel[0] {
        c.line(format!("d = @load_pair(v + {});", ky * plane.row));
        if s.window.stride[1] == 1 {
            c.line(format!("a = @dual_mac(d.low, left{ky}, a);\nb = @mac_tb(d.low, left{ky}, b);"));
            c.line(format!("a = @mac_bt(d.high, right{ky}, a);\nb = @dual_mac(d.high, right{ky}, b);"));
        } else {
            c.line(format!("a = @dual_mac(d.low, left{ky}, a);\na = @mac_bt(d.high, right{ky}, a);"));
            c.line(format!("b = @dual_mac(d.high, left{ky}, b);"));
            c.line(format!("d.low = @load_word(v + {});", ky * plane.row + 4));
            c.line(format!("b = @mac_bt(d.low, right{ky}, b);"));
        }
    }
    c.line(store(s, fit, "a", 0)).line(store(s, fit, "b", s.output.c));
}

/// The last output of a row of odd length.
fn one(c: &mut Code, s: &Conv2dSpec, plane: &Plane, fit: &FittedLayer) {
    c.line("int32_t a = start;").line("@pair d;");
    for ky in 0..s.window.kernel[0] {
        c.line(format!("d = @load_pair(v + {});", ky * plane.row));
        c.line(format!("a = @dual_mac(d.low, left{ky}, a);\na = @mac_bt(d.high, right{ky}, a);"));
    }
    c.line(store(s, fit, "a", 0));
}

fn store(s: &Conv2dSpec, fit: &FittedLayer, acc: &str, at: usize) -> String {
    let [low, high] = match &s.linear {
        Linear::Integer(l) => l.requantize.clamp,
        Linear::Float(_) => [-128, 127],
    };
    let shifted = match fit.pre_shift {
        8 => acc.to_string(),
        more => format!("@wrapping_shift({acc}, {})", more - 8),
    };
    let offset =
        if fit.is_signed() { format!("offset + (negative & ({acc} >> 31))") } else { "offset".to_string() };
    let scaled = format!("@high_mac({shifted}, factor, {offset}) >> {}", fit.shift);
    let byte = if [low, high] == [-128, 127] {
        format!("@saturate8({scaled})")
    } else {
        format!("@clamp({scaled}, {low}, {high})")
    };
    format!("at[{at}] = (int8_t){byte};")
}
