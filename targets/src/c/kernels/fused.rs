//! Two convolutions row by row: a 1x1 one into a few rows, and a windowed one (depthwise, as a rule) out of them.
//!
//! Built from a core's own kernels: the first computes one row of pixels, the second one row of outputs from an image as high
//! as its window. Between rows the window moves by the stride. The tensor between the two shrinks to that window.

use hw::memory::{Access, Affine, Need, Tiles, Walk};

use super::code::Code;
use super::portable::{Builder, expect, mismatch, plus, unsupported};
use super::spec::{Conv2dSpec, Element, FusedSpec, Image, Linear, OpSpec};
use super::{Argument, Function, Kernel, KernelError, KernelSet};

/// The kernel of two convolutions on a core.
pub(crate) fn kernel(set: &dyn KernelSet, s: &FusedSpec) -> Result<Kernel, KernelError> {
    let zero_point = check(s)?;
    let parts = [
        set.kernel(&OpSpec::Conv2d(one_row(&s.first)), None)?,
        set.kernel(&OpSpec::Conv2d(one_window(&s.second)), None)?,
    ];
    let row = s.second.input.w * s.second.input.c;
    let window_bytes = (window_rows(&s.second) * row).next_multiple_of(8);
    let mut b = Builder::new();
    b.input(0, Element::I8, "x").output(Element::I8);
    b.scratch("int8_t", window_bytes + parts[0].scratch_bytes.max(parts[1].scratch_bytes));
    let mut callees: Vec<Function> = Vec::new();
    let mut calls = Vec::new();
    for (i, part) in parts.iter().enumerate() {
        let before = callees.len();
        callees.extend(part.callees.iter().map(|f| moved(f, part.callees.len(), before)));
        callees.push(moved(&part.function, part.callees.len(), before));
        for constant in &part.constants {
            let role = role(constant.role, i).ok_or_else(|| unsupported("fused", constant.role))?;
            b.constant(role, constant.data.clone());
        }
        for &helper in &part.helpers {
            b.helper(helper);
        }
        calls.push(callees.len() - 1);
    }
    let call = |i: usize, from: &str, to: &str| {
        let arguments = parts[i].arguments.iter().map(|&(argument, c_type)| match argument {
            Argument::Input(_) => from.to_owned(),
            Argument::Output => to.to_owned(),
            Argument::Scratch => format!("({c_type} *)(void *)(scratch + {window_bytes})"),
            Argument::Constant(n) => {
                role(parts[i].constants[n].role, i).unwrap_or(parts[i].constants[n].role).to_owned()
            }
        });
        format!("@@{}({});", calls[i], arguments.collect::<Vec<_>>().join(", "))
    };
    let first = call(0, &format!("x + iy * {}", s.first.input.w * s.first.input.c), "to");
    let out = s.second.output.w * s.second.output.c;
    let second = call(1, "scratch", &format!("y + oy * {out}"));
    let body = rows(s, row, zero_point, &first, &second);
    b.walks = walks(s);
    let stem = format!("fused_{}", parts[1].function.stem);
    let summary = format!("Row by row: {} {}", parts[0].function.summary, parts[1].function.summary);
    let mut kernel = b.finish(stem, summary, body, s.first.macs() + s.second.macs());
    kernel.callees = callees;
    Ok(kernel)
}

/// Refuses pairs that do not fit together; the zero point of the tensor between.
fn check(s: &FusedSpec) -> Result<i32, KernelError> {
    let (first, second) = (&s.first, &s.second);
    let plain = first.window.kernel == [1, 1] && first.window.stride == [1, 1] && first.window.pad == [0, 0];
    if !plain || first.residual.is_some() || second.residual.is_some() {
        return Err(unsupported("fused", "a first convolution that is not 1x1, or a residual"));
    }
    if first.output != second.input {
        let [a, b] = [first.output, second.input].map(|i| format!("{}x{}x{}", i.h, i.w, i.c));
        return Err(mismatch("tensor between fused convolutions", a, b));
    }
    expect("images of fused convolutions", first.input.n, 1)?;
    let (Linear::Integer(a), Linear::Integer(b)) = (&first.linear, &second.linear) else {
        return Err(unsupported("fused", "float"));
    };
    let bytes = [a.x, a.y, b.x, b.y].iter().all(|&element| element == Element::I8);
    if !bytes || a.requantize.zero_point != b.x_zero_point {
        return Err(unsupported("fused", "anything but signed bytes of one quantization"));
    }
    Ok(b.x_zero_point)
}

fn window_rows(s: &Conv2dSpec) -> usize {
    (s.window.kernel[0] - 1) * s.window.dilation[0] + 1
}

/// The first convolution on one row of its image.
fn one_row(s: &Conv2dSpec) -> Conv2dSpec {
    let row = |image: Image| Image { h: 1, ..image };
    Conv2dSpec { input: row(s.input), output: row(s.output), ..s.clone() }
}

/// The second convolution on as many rows as its window is high.
fn one_window(s: &Conv2dSpec) -> Conv2dSpec {
    let mut one = s.clone();
    one.input.h = window_rows(s);
    one.output.h = 1;
    one.window.pad[0] = 0;
    one
}

/// A function whose callees come `by` places later.
fn moved(function: &Function, callees: usize, by: usize) -> Function {
    let mut function = function.clone();
    for i in (0..callees).rev() {
        function.body = function.body.replace(&format!("@@{i}("), &format!("@@{}(", i + by));
    }
    function
}

/// The constant's role in the fused kernel, where both parts may have one of the same.
fn role(role: &str, part: usize) -> Option<&'static str> {
    const ROLES: [(&str, [&str; 2]); 6] = [
        ("weights", ["weights", "second_weights"]),
        ("params", ["params", "second_params"]),
        ("extras", ["extras", "second_extras"]),
        ("bias", ["bias", "second_bias"]),
        ("scales", ["scales", "second_scales"]),
        ("weight_zero_points", ["weight_zero_points", "second_weight_zero_points"]),
    ];
    ROLES.iter().find(|(name, _)| *name == role).map(|(_, roles)| roles[part])
}

fn rows(s: &FusedSpec, row: usize, zero_point: i32, first: &str, second: &str) -> String {
    let (w, rows) = (&s.second.window, window_rows(&s.second));
    let (stride, kept) = (w.stride[0], rows.saturating_sub(w.stride[0]));
    let mut c = Code::new();
    c.count("oy", s.second.output.h);
    if kept > 0 {
        c.open(format!("for (int32_t r = 0; oy > 0 && r < {kept}; r++)"));
        c.line(format!("memcpy(scratch + r * {row}, scratch + (r + {stride}) * {row}, {row});")).close();
        c.open(format!("for (int32_t r = oy > 0 ? {kept} : 0; r < {rows}; r++)"));
    } else {
        c.count("r", rows);
    }
    c.line(format!("int32_t iy = {};", plus(&format!("oy * {stride} + r"), -(w.pad[0] as i32))));
    c.line(format!("int8_t *to = scratch + r * {row};"));
    c.open(format!("if (iy >= 0 && iy < {})", s.first.input.h)).line(first).close();
    c.open("else").line(format!("memset(to, {zero_point}, {row});")).close().close();
    c.line(second).close();
    c.finish()
}

/// An output row is stored after every input row of its windows has been read.
fn walks(s: &FusedSpec) -> Vec<Walk> {
    let w = &s.second.window;
    let row = (s.first.input.w * s.first.input.c) as i64;
    let out = (s.second.output.w * s.second.output.c) as i64;
    let tiles = Tiles {
        outer: s.second.output.h as u64,
        inner: 1,
        write: Affine { base: 0, outer: out, inner: 0 },
        write_bytes: out as u64,
        need: Need::From(Affine {
            base: (window_rows(&s.second) as i64 - w.pad[0] as i64) * row,
            outer: w.stride[0] as i64 * row,
            inner: 0,
        }),
    };
    vec![Walk::single(0, 0, Access::Tiled(tiles))]
}
