//! Convolution of any kernel, stride, dilation, padding and number of groups.

use super::{Builder, expect, mismatch, plus, unsupported};
use crate::c::kernels::code::Code;
use crate::c::kernels::spec::{Conv2dSpec, Element, Image, IntegerLinear, Linear, Window};
use crate::c::kernels::{Data, Kernel, KernelError};

pub(crate) fn kernel(s: &Conv2dSpec) -> Result<Kernel, KernelError> {
    check(s)?;
    let mut b = Builder::new();
    let stem = format!(
        "conv2d_{}x{}_{}x{}x{}",
        s.window.kernel[0], s.window.kernel[1], s.output.h, s.output.w, s.output.c
    );
    let body = match &s.linear {
        Linear::Integer(linear) => integer(s, linear, &mut b)?,
        Linear::Float(linear) => {
            b.input(0, Element::F32, "x").output(Element::F32);
            b.constant("weights", Data::F32(linear.weights.clone()));
            b.constant("bias", Data::F32(linear.bias.clone()));
            let store = b.clamp_f32("acc", linear.clamp);
            loops(s, "float acc = bias[o];", "acc += x[xi + c] * w[c];", &format!("*y = {store};"), "float")
        }
    };
    Ok(b.finish(stem, summary(s), body, s.macs()))
}

/// `conv 3x3/2, 96x96x3 -> 48x48x8, 497664 MACs`.
pub(crate) fn summary(s: &Conv2dSpec) -> String {
    let kind = match s.groups {
        1 => "Convolution",
        g if g == s.input.c => "Depthwise convolution",
        _ => "Grouped convolution",
    };
    format!(
        "{kind} {}x{}, stride {}x{}: {}x{}x{} -> {}x{}x{}, {} MACs.",
        s.window.kernel[0],
        s.window.kernel[1],
        s.window.stride[0],
        s.window.stride[1],
        s.input.h,
        s.input.w,
        s.input.c,
        s.output.h,
        s.output.w,
        s.output.c,
        s.macs()
    )
}

/// Refuses specs whose numbers contradict each other.
pub(crate) fn check(s: &Conv2dSpec) -> Result<(), KernelError> {
    let [kh, kw] = s.window.kernel;
    expect("images of the output", s.output.n, s.input.n)?;
    if s.groups == 0 || !s.input.c.is_multiple_of(s.groups) || !s.output.c.is_multiple_of(s.groups) {
        let channels = format!("{} to {}", s.input.c, s.output.c);
        return Err(mismatch("groups", s.groups, format!("a divisor of the channels {channels}")));
    }
    for (axis, extent) in [("rows", s.input.h), ("columns", s.input.w)].into_iter().enumerate() {
        let (name, extent) = extent;
        let out = [s.output.h, s.output.w][axis];
        // Padding behind the image is implied, but a window that sees nothing of the image is a mistake.
        let last = (out.max(1) - 1) * s.window.stride[axis];
        if out == 0 || last >= extent + s.window.pad[axis] || s.window.stride[axis] == 0 {
            return Err(mismatch(name, format!("{out} outputs"), format!("windows inside {extent} inputs")));
        }
    }
    let weights = s.output.c * kh * kw * (s.input.c / s.groups);
    match &s.linear {
        Linear::Integer(l) => check_integer(l, weights, s.output.c),
        Linear::Float(l) => {
            expect("weights", l.weights.len(), weights)?;
            expect("biases", l.bias.len(), s.output.c)
        }
    }
}

/// Refuses integer arithmetic whose lists do not fit the shape or whose values do not fit their types.
pub(crate) fn check_integer(l: &IntegerLinear, weights: usize, c_out: usize) -> Result<(), KernelError> {
    expect("weights", l.weights.len(), weights)?;
    expect("biases", l.bias.len(), c_out)?;
    for (what, found) in
        [("scales", l.requantize.scales.len()), ("weight zero points", l.w_zero_points.len())]
    {
        if found != 1 {
            expect(what, found, c_out)?;
        }
    }
    let Some([low, high]) = (if l.w == Element::I16 { None } else { l.w.range() }) else {
        return Err(unsupported("conv2d", format!("weights of type {}", l.w.c_type())));
    };
    if let Some(w) = l.weights.iter().find(|&&w| i32::from(w) < low || i32::from(w) > high) {
        return Err(mismatch("weight", w, format!("{low} to {high}")));
    }
    if l.x != Element::I16
        && let Some(bias) = l.bias.iter().find(|&&v| i32::try_from(v).is_err())
    {
        return Err(mismatch("bias", bias, "32 bits"));
    }
    for scale in &l.requantize.scales {
        check_scale(*scale)?;
    }
    Ok(())
}

pub(crate) fn check_scale(scale: crate::c::kernels::spec::Scale) -> Result<(), KernelError> {
    if scale.multiplier < 0 || !(-31..=30).contains(&scale.shift) {
        let found = format!("{} * 2^{}", scale.multiplier, scale.shift);
        return Err(mismatch("scale", found, "a multiplier of at least 0, a shift in -31..=30"));
    }
    Ok(())
}

/// Weights as the constant their type asks for.
pub(crate) fn weight_data(l: &IntegerLinear) -> Data {
    match l.w {
        Element::U8 => Data::U8(l.weights.iter().map(|&w| w as u8).collect()),
        _ => Data::I8(l.weights.iter().map(|&w| w as i8).collect()),
    }
}

/// Bias in 32 bits, or 64 for 16-bit activations; with the C type of the accumulator.
pub(crate) fn bias_data(l: &IntegerLinear) -> (Data, &'static str, bool) {
    if l.x == Element::I16 {
        (Data::I64(l.bias.clone()), "int64_t", true)
    } else {
        (Data::I32(l.bias.iter().map(|&v| v as i32).collect()), "int32_t", false)
    }
}

fn integer(s: &Conv2dSpec, l: &IntegerLinear, b: &mut Builder) -> Result<String, KernelError> {
    if s.residual.is_some() {
        return Err(unsupported("conv2d", "a fused residual"));
    }
    let (bias, acc, wide) = bias_data(l);
    b.input(0, l.x, "x").output(l.y).constant("weights", weight_data(l)).constant("bias", bias);
    let zero = weight_zero(l, b);
    let store = b.requantize(&l.requantize, "acc", "o", wide);
    let mac = format!("acc += {} * {};", minus("x[xi + c]", l.x_zero_point), minus_text("w[c]", &zero));
    let store = format!("*y = ({}){store};", l.y.c_type());
    Ok(loops(
        s,
        &format!("{acc} acc = bias[o];"),
        &mac,
        &store,
        if l.w == Element::U8 { "uint8_t" } else { "int8_t" },
    ))
}

/// The C expression of the weights' zero point; a constant array where channels differ.
pub(crate) fn weight_zero(l: &IntegerLinear, b: &mut Builder) -> String {
    match l.w_zero_points.as_slice() {
        [zero] => zero.to_string(),
        many if many.iter().all(|z| *z == many[0]) => many[0].to_string(),
        many => {
            b.constant("weight_zero_points", Data::I32(many.to_vec()));
            "weight_zero_points[o]".into()
        }
    }
}

pub(crate) fn minus(value: &str, zero: i32) -> String {
    if zero == 0 { value.into() } else { format!("({})", plus(value, -zero)) }
}

pub(crate) fn minus_text(value: &str, zero: &str) -> String {
    match zero.parse::<i32>() {
        Ok(zero) => minus(value, zero),
        Err(_) => format!("({value} - {zero})"),
    }
}

/// Whether no window sees padding.
pub(crate) fn stays_inside(w: &Window, input: Image, output: Image) -> bool {
    let last = |axis: usize, out: usize| (out - 1) * w.stride[axis] + (w.kernel[axis] - 1) * w.dilation[axis];
    w.pad == [0, 0] && last(0, output.h) < input.h && last(1, output.w) < input.w
}

/// The loop nest; `xi` is the first input channel's position of a tap, `w` its weights.
fn loops(s: &Conv2dSpec, start: &str, mac: &str, store: &str, weight: &str) -> String {
    let ([kh, kw], [sh, sw]) = (s.window.kernel, s.window.stride);
    let ([dh, dw], [pt, pl]) = (s.window.dilation, s.window.pad);
    let (per_group, out_per_group) = (s.input.c / s.groups, s.output.c / s.groups);
    let mut c = Code::new();
    if s.input.n > 1 {
        c.count("n", s.input.n);
    }
    c.count("oy", s.output.h).count("ox", s.output.w).count("o", s.output.c);
    c.line(start);
    c.line(format!("const {weight} *w = weights + o * {};", kh * kw * per_group));
    c.open(format!("for (int32_t ky = 0; ky < {kh}; ky++)"));
    c.line(format!("int32_t iy = {};", plus(&format!("oy * {sh} + ky * {dh}"), -(pt as i32))));
    c.open(format!("for (int32_t kx = 0; kx < {kw}; kx++, w += {per_group})"));
    c.line(format!("int32_t ix = {};", plus(&format!("ox * {sw} + kx * {dw}"), -(pl as i32))));
    if !stays_inside(&s.window, s.input, s.output) {
        c.open(format!("if (iy < 0 || iy >= {} || ix < 0 || ix >= {})", s.input.h, s.input.w));
        c.line("continue;").close();
    }
    let group = match (s.groups, per_group, out_per_group) {
        (1, ..) => String::new(),
        (_, 1, 1) => " + o".into(),
        _ => format!(" + o / {out_per_group} * {per_group}"),
    };
    c.line(format!("int32_t xi = (iy * {} + ix) * {}{group};", s.input.w, s.input.c));
    c.count("c", per_group).line(mac).close();
    c.close().close();
    c.line(store).line("y++;");
    c.close_all(3);
    if s.input.n > 1 {
        c.line(format!("x += {};", s.input.h * s.input.w * s.input.c)).close();
    }
    c.finish()
}
