//! Fully connected layers and products of activations.

use super::conv2d::{bias_data, check_integer, check_scale, minus, minus_text, weight_data, weight_zero};
use super::{Builder, expect, unsupported};
use crate::c::kernels::code::Code;
use crate::c::kernels::spec::{DenseSpec, Element, Linear, MatMulOp, MatMulSpec};
use crate::c::kernels::{Data, Kernel, KernelError};

pub(crate) fn check(s: &DenseSpec) -> Result<(), KernelError> {
    match &s.linear {
        Linear::Integer(l) => check_integer(l, s.c_in * s.c_out, s.c_out),
        Linear::Float(l) => {
            expect("weights", l.weights.len(), s.c_in * s.c_out)?;
            expect("biases", l.bias.len(), s.c_out)
        }
    }
}

pub(crate) fn summary(s: &DenseSpec) -> String {
    format!("Fully connected: {} x {} -> {}, {} MACs.", s.rows, s.c_in, s.c_out, s.rows * s.c_in * s.c_out)
}

pub(crate) fn dense(s: &DenseSpec) -> Result<Kernel, KernelError> {
    check(s)?;
    let mut b = Builder::new();
    let (start, mac, store, weight) = match &s.linear {
        Linear::Integer(l) => {
            let (bias, acc, wide) = bias_data(l);
            b.input(0, l.x, "x").output(l.y).constant("weights", weight_data(l)).constant("bias", bias);
            let zero = weight_zero(l, &mut b);
            let store = b.requantize(&l.requantize, "acc", "o", wide);
            (
                format!("{acc} acc = bias[o];"),
                format!("acc += {} * {};", minus("x[c]", l.x_zero_point), minus_text("w[c]", &zero)),
                format!("*y++ = ({}){store};", l.y.c_type()),
                l.w.c_type(),
            )
        }
        Linear::Float(l) => {
            b.input(0, Element::F32, "x").output(Element::F32);
            b.constant("weights", Data::F32(l.weights.clone())).constant("bias", Data::F32(l.bias.clone()));
            let store = b.clamp_f32("acc", l.clamp);
            ("float acc = bias[o];".into(), "acc += x[c] * w[c];".into(), format!("*y++ = {store};"), "float")
        }
    };
    let mut c = Code::new();
    c.count("r", s.rows);
    c.line(format!("const {weight} *w = weights;"));
    c.open(format!("for (int32_t o = 0; o < {}; o++, w += {})", s.c_out, s.c_in));
    c.line(start).count("c", s.c_in).line(mac).close().line(store).close();
    c.line(format!("x += {};", s.c_in)).close();
    let macs = (s.rows * s.c_in * s.c_out) as u64;
    Ok(b.finish(format!("dense_{}_{}", s.c_in, s.c_out), summary(s), c.finish(), macs))
}

pub(crate) fn matmul(s: &MatMulSpec) -> Result<Kernel, KernelError> {
    let mut b = Builder::new();
    let (element, start, value, store) = match &s.op {
        MatMulOp::Integer { element, zero_points, requantize } => {
            if !matches!(element, Element::I8 | Element::U8) {
                return Err(unsupported("matmul", format!("elements of type {}", element.c_type())));
            }
            expect("scales", requantize.scales.len(), 1)?;
            check_scale(requantize.scales[0])?;
            b.input(0, *element, "x").input(1, *element, "w").output(*element);
            let store = b.requantize(requantize, "acc", "0", false);
            let value = [minus("x[c]", zero_points[0]), minus("w[AT]", zero_points[1])];
            (*element, "int32_t acc = 0;", value, format!("*y++ = ({}){store};", element.c_type()))
        }
        MatMulOp::F32 => {
            b.input(0, Element::F32, "x").input(1, Element::F32, "w").output(Element::F32);
            (Element::F32, "float acc = 0.0f;", ["x[c]".into(), "w[AT]".into()], "*y++ = acc;".into())
        }
    };
    let at = if s.transposed { format!("j * {} + c", s.k) } else { format!("c * {} + j", s.n) };
    let mut c = Code::new();
    c.count("p", s.batch).count("i", s.m).count("j", s.n).line(start);
    c.count("c", s.k).line(format!("acc += {} * {};", value[0], value[1].replace("AT", &at))).close();
    c.line(store).close().line(format!("x += {};", s.k)).close();
    if !s.shared_b {
        c.line(format!("w += {};", s.k * s.n));
    }
    c.close();
    let macs = (s.batch * s.m * s.k * s.n) as u64;
    let summary =
        format!("Product of activations: {} times {}x{} by {}x{}, {macs} MACs.", s.batch, s.m, s.k, s.k, s.n);
    let stem = format!(
        "matmul_{}_{}x{}x{}_{}",
        s.batch,
        s.m,
        s.k,
        s.n,
        if element == Element::F32 { "f32" } else { "int" }
    );
    Ok(b.finish(stem, summary, c.finish(), macs))
}
