//! Pooling over windows, reduction over an axis.

use super::conv2d::{check_scale, stays_inside};
use super::{Builder, expect, plus, unsupported};
use crate::c::kernels::code::Code;
use crate::c::kernels::spec::{Element, PoolOp, PoolSpec, ReduceOp, ReduceSpec};
use crate::c::kernels::unit::float;
use crate::c::kernels::{Kernel, KernelError};

pub(crate) fn pool(s: &PoolSpec) -> Result<Kernel, KernelError> {
    expect("images of the output", s.output.n, s.input.n)?;
    expect("channels of the output", s.output.c, s.input.c)?;
    let mut b = Builder::new();
    b.input(0, s.element, "x").output(s.element);
    let t = s.element.c_type();
    let is_float = s.element == Element::F32;
    let (kind, start, tap, store) = match s.op {
        PoolOp::Max { clamp } => {
            let start = match s.element.range() {
                Some([low, _]) => format!("int32_t acc = {low};"),
                None => "float acc = -INFINITY;".into(),
            };
            ("max", start, "acc = v > acc ? v : acc;", bounded(&mut b, s.element, "acc", clamp))
        }
        PoolOp::Average { include_pad, clamp } => {
            let count = s.window.kernel[0] * s.window.kernel[1];
            let include_pad = include_pad || stays_inside(&s.window, s.input, s.output);
            let divisor = if include_pad { count.to_string() } else { "count".into() };
            let start = if is_float { "float acc = 0.0f;" } else { "int32_t acc = 0;" };
            let start = if include_pad { start.into() } else { format!("{start}\nint32_t count = 0;") };
            let mean = if is_float {
                format!("(acc / (float){divisor})")
            } else {
                format!("((acc > 0 ? acc + {divisor} / 2 : acc - {divisor} / 2) / {divisor})")
            };
            let tap = if include_pad { "acc += v;" } else { "acc += v;\ncount++;" };
            ("average", start, tap, bounded(&mut b, s.element, &mean, clamp))
        }
    };
    let value = if is_float { "float" } else { "int32_t" };
    let body = windows(
        s,
        &start,
        &format!("{value} v = x[(iy * {} + ix) * {} + o];\n{tap}", s.input.w, s.input.c),
        &format!("*y++ = ({t})({store});"),
    );
    let [kh, kw] = s.window.kernel;
    let summary = format!(
        "{kind} pooling {kh}x{kw}: {}x{}x{} -> {}x{}.",
        s.input.h, s.input.w, s.input.c, s.output.h, s.output.w
    );
    Ok(b.finish(
        format!("{kind}_pool_{kh}x{kw}_{}x{}x{}", s.output.h, s.output.w, s.output.c),
        summary,
        body,
        0,
    ))
}

/// `value` clamped; integers drop bounds that their type already gives.
fn bounded(b: &mut Builder, element: Element, value: &str, clamp: [f32; 2]) -> String {
    let Some([low, high]) = element.range() else { return b.clamp_f32(value, clamp) };
    let [min, max] = clamp.map(|v| v.clamp(low as f32, high as f32) as i32);
    if [min, max] == [low, high] {
        return value.into();
    }
    b.helper(crate::c::kernels::helpers::CLAMP);
    format!("@clamp({value}, {min}, {max})")
}

fn windows(s: &PoolSpec, start: &str, tap: &str, store: &str) -> String {
    let ([kh, kw], [sh, sw]) = (s.window.kernel, s.window.stride);
    let ([dh, dw], [pt, pl]) = (s.window.dilation, s.window.pad);
    let mut c = Code::new();
    if s.input.n > 1 {
        c.count("n", s.input.n);
    }
    c.count("oy", s.output.h).count("ox", s.output.w).count("o", s.output.c).line(start);
    c.count("ky", kh)
        .line(format!("int32_t iy = {};", plus(&format!("oy * {sh} + ky * {dh}"), -(pt as i32))));
    c.count("kx", kw)
        .line(format!("int32_t ix = {};", plus(&format!("ox * {sw} + kx * {dw}"), -(pl as i32))));
    if !stays_inside(&s.window, s.input, s.output) {
        c.open(format!("if (iy < 0 || iy >= {} || ix < 0 || ix >= {})", s.input.h, s.input.w));
        c.line("continue;").close();
    }
    c.line(tap).close_all(2).line(store).close_all(3);
    if s.input.n > 1 {
        c.line(format!("x += {};", s.input.h * s.input.w * s.input.c)).close();
    }
    c.finish()
}

pub(crate) fn reduce(s: &ReduceSpec) -> Result<Kernel, KernelError> {
    let mut b = Builder::new();
    b.input(0, s.element, "x").output(s.element);
    let t = s.element.c_type();
    let is_float = s.element == Element::F32;
    let (kind, start, step, store) = match &s.op {
        ReduceOp::Integer { x_zero_point, requantize } => {
            if is_float {
                return Err(unsupported("reduce", "integer arithmetic on float elements"));
            }
            expect("scales", requantize.scales.len(), 1)?;
            check_scale(requantize.scales[0])?;
            let start = format!("int32_t acc = {};", -(s.reduced as i64) * i64::from(*x_zero_point));
            ("mean", start, "acc += V;", b.requantize(requantize, "acc", "0", false))
        }
        ReduceOp::MeanF32 => {
            let store = format!("acc / {}", float(s.reduced as f32));
            ("mean", "float acc = 0.0f;".into(), "acc += V;", store)
        }
        ReduceOp::SumF32 => ("sum", "float acc = 0.0f;".into(), "acc += V;", "acc".into()),
        ReduceOp::Max => {
            let acc = if is_float { "float" } else { "int32_t" };
            ("max", format!("{acc} acc = x[i];"), "acc = V > acc ? V : acc;", "acc".into())
        }
    };
    let mut c = Code::new();
    c.count("o", s.outer).count("i", s.inner).line(start);
    c.count("r", s.reduced).line(step.replace('V', &format!("x[r * {} + i]", s.inner))).close();
    c.line(format!("*y++ = ({t})({store});")).close();
    c.line(format!("x += {};", s.reduced * s.inner)).close();
    let summary = format!("{kind} over the middle axis of {}x{}x{}.", s.outer, s.reduced, s.inner);
    Ok(b.finish(format!("reduce_{kind}_{}x{}x{}", s.outer, s.reduced, s.inner), summary, c.finish(), 0))
}
