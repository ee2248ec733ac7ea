//! Element-wise ops of one and two operands.

use super::conv2d::{check_scale, minus};
use super::{Builder, elementwise_walk, expect, mismatch, plus, unsupported};
use crate::c::kernels::code::Code;
use crate::c::kernels::helpers::{CLAMP, SCALE_DOUBLE, SCALE_SINGLE};
use crate::c::kernels::spec::{
    AddOperand, BinaryOp, BinarySpec, Constants, Element, IntegerAdd, Rounding, UnaryF32, UnaryOp, UnarySpec,
};
use crate::c::kernels::unit::float;
use crate::c::kernels::{Data, Kernel, KernelError};

pub(crate) fn binary(s: &BinarySpec) -> Result<Kernel, KernelError> {
    check_broadcast(s)?;
    let mut b = Builder::new();
    b.input(0, s.element, "a");
    match &s.constant_b {
        None => {
            b.input(1, s.element, "b");
        }
        Some(values) => {
            b.constant("operand", constant_data(values, s)?);
        }
    }
    b.output(s.element);
    let second = if s.constant_b.is_some() { "operand[J]" } else { "b[J]" };
    let (kind, value) = expression(s, &mut b, "a[I]", second)?;
    let elements: usize = s.y.iter().product();
    let mut c = Code::new();
    if s.a == s.y && s.b == s.y {
        let inputs = if s.constant_b.is_some() { 1 } else { 2 };
        b.walks.push(elementwise_walk(inputs, elements, s.element, s.element));
        c.count("i", elements).line(format!(
            "y[i] = ({})({});",
            s.element.c_type(),
            value.replace("[I]", "[i]").replace("[J]", "[i]")
        ));
        c.close();
    } else {
        let index = |shape: &[usize]| {
            let mut stride = 1;
            let mut terms = Vec::new();
            for (axis, &extent) in shape.iter().enumerate().rev() {
                match (extent, stride) {
                    (1, _) => {}
                    (_, 1) => terms.push(format!("i{axis}")),
                    _ => terms.push(format!("i{axis} * {stride}")),
                }
                stride *= extent;
            }
            terms.reverse();
            if terms.is_empty() { "[0]".into() } else { format!("[{}]", terms.join(" + ")) }
        };
        for (axis, &extent) in s.y.iter().enumerate() {
            c.count(&format!("i{axis}"), extent);
        }
        let value = value.replace("[I]", &index(&s.a)).replace("[J]", &index(&s.b));
        c.line(format!("*y++ = ({})({value});", s.element.c_type())).close_all(s.y.len());
    }
    let summary = format!("Element-wise {kind} of {elements} numbers.");
    Ok(b.finish(format!("{kind}_{elements}"), summary, c.finish(), 0))
}

fn check_broadcast(s: &BinarySpec) -> Result<(), KernelError> {
    expect("axes of the first operand", s.a.len(), s.y.len())?;
    expect("axes of the second operand", s.b.len(), s.y.len())?;
    for ((&a, &b), &y) in s.a.iter().zip(&s.b).zip(&s.y) {
        if (a != y && a != 1) || (b != y && b != 1) {
            return Err(mismatch("extents", format!("{a} and {b}"), format!("{y} or 1")));
        }
    }
    Ok(())
}

fn constant_data(values: &Constants, s: &BinarySpec) -> Result<Data, KernelError> {
    let count = s.b.iter().product();
    Ok(match (values, s.element) {
        (Constants::Float(v), Element::F32) => {
            expect("values of the constant operand", v.len(), count)?;
            Data::F32(v.clone())
        }
        (Constants::Integer(v), element) if element != Element::F32 => {
            expect("values of the constant operand", v.len(), count)?;
            match element {
                Element::I8 => Data::I8(v.iter().map(|&x| x as i8).collect()),
                Element::U8 => Data::U8(v.iter().map(|&x| x as u8).collect()),
                Element::I16 => Data::I16(v.iter().map(|&x| x as i16).collect()),
                _ => Data::I32(v.clone()),
            }
        }
        _ => return Err(unsupported("element-wise op", "a constant of another type than its operands")),
    })
}

fn expression(
    s: &BinarySpec,
    b: &mut Builder,
    x: &str,
    w: &str,
) -> Result<(&'static str, String), KernelError> {
    let float_only =
        |name| if s.element == Element::F32 { Ok(name) } else { Err(unsupported(name, s.element.c_type())) };
    let integer_only =
        |name| if s.element == Element::F32 { Err(unsupported(name, "float")) } else { Ok(name) };
    Ok(match &s.op {
        BinaryOp::Add(add) => (integer_only("add")?, sum(b, add, x, w, "+")?),
        BinaryOp::Sub(add) => (integer_only("sub")?, sum(b, add, x, w, "-")?),
        BinaryOp::Mul(mul) => {
            expect("scales", mul.output.scales.len(), 1)?;
            check_scale(mul.output.scales[0])?;
            let product = format!("{} * {}", minus(x, mul.zero_points[0]), minus(w, mul.zero_points[1]));
            (integer_only("mul")?, b.requantize(&mul.output, &product, "0", false))
        }
        BinaryOp::AddF32 { clamp } => (float_only("add")?, b.clamp_f32(&format!("{x} + {w}"), *clamp)),
        BinaryOp::SubF32 { clamp } => (float_only("sub")?, b.clamp_f32(&format!("{x} - {w}"), *clamp)),
        BinaryOp::MulF32 { clamp } => (float_only("mul")?, b.clamp_f32(&format!("{x} * {w}"), *clamp)),
        BinaryOp::DivF32 { clamp } => (float_only("div")?, b.clamp_f32(&format!("{x} / {w}"), *clamp)),
        BinaryOp::Max => ("max", format!("{x} > {w} ? {x} : {w}")),
        BinaryOp::Min => ("min", format!("{x} < {w} ? {x} : {w}")),
    })
}

fn sum(b: &mut Builder, add: &IntegerAdd, x: &str, w: &str, sign: &str) -> Result<String, KernelError> {
    expect("scales", add.output.scales.len(), 1)?;
    for scale in [add.first.scale, add.second.scale, add.output.scales[0]] {
        check_scale(scale)?;
    }
    let (helper, name) = match add.output.rounding {
        Rounding::Double => (SCALE_DOUBLE, "@scale_double"),
        Rounding::Single => (SCALE_SINGLE, "@scale_single"),
    };
    b.helper(helper);
    let operand = |value: &str, o: &AddOperand| {
        let shifted = format!("{} * {}", minus(value, o.zero_point), 1i64 << add.left_shift);
        format!("{name}({shifted}, {}, {})", o.scale.multiplier, o.scale.shift)
    };
    let total = format!("{} {sign} {}", operand(x, &add.first), operand(w, &add.second));
    Ok(b.requantize(&add.output, &total, "0", false))
}

pub(crate) fn unary(s: &UnarySpec) -> Result<Kernel, KernelError> {
    let mut b = Builder::new();
    let (kind, x, y, value) = match &s.op {
        UnaryOp::Table { x, y, table } => {
            let lowest = match x {
                Element::I8 => -128,
                Element::U8 => 0,
                other => return Err(unsupported("table", format!("elements of type {}", other.c_type()))),
            };
            expect("entries of the table", table.len(), 256)?;
            b.input(0, *x, "x").output(*y);
            let data = match y {
                Element::I8 => Data::I8(table.iter().map(|&v| v as i8).collect()),
                Element::U8 => Data::U8(table.iter().map(|&v| v as u8).collect()),
                other => return Err(unsupported("table", format!("results of type {}", other.c_type()))),
            };
            b.constant("table", data);
            ("table", *x, *y, format!("table[{}]", plus("x[i]", -lowest)))
        }
        UnaryOp::Requantize { x, y, x_zero_point, requantize } => {
            expect("scales", requantize.scales.len(), 1)?;
            check_scale(requantize.scales[0])?;
            b.input(0, *x, "x").output(*y);
            let value = b.requantize(requantize, &plus("x[i]", -*x_zero_point), "0", false);
            ("requantize", *x, *y, format!("({}){value}", y.c_type()))
        }
        UnaryOp::Quantize { y, scale, zero_point, half_even } => {
            let Some([low, high]) = y.range() else { return Err(unsupported("quantize", "float")) };
            b.input(0, Element::F32, "x").output(*y).helper(CLAMP);
            let round = if *half_even { "nearbyintf" } else { "roundf" };
            // Bounded before the conversion: a float outside int32_t has no defined conversion.
            let bounded = format!("fminf(fmaxf({round}(x[i] / {}), -65536.0f), 65536.0f)", float(*scale));
            let value = plus(&format!("(int32_t){bounded}"), *zero_point);
            ("quantize", Element::F32, *y, format!("({})@clamp({value}, {low}, {high})", y.c_type()))
        }
        UnaryOp::Dequantize { x, scale, zero_point } => {
            b.input(0, *x, "x").output(Element::F32);
            let value = format!("(float){} * {}", minus("x[i]", *zero_point), float(*scale));
            ("dequantize", *x, Element::F32, value)
        }
        UnaryOp::Float(function) => {
            b.input(0, Element::F32, "x").output(Element::F32);
            let (kind, value) = float_function(*function);
            (kind, Element::F32, Element::F32, value)
        }
    };
    b.walks.push(elementwise_walk(1, s.elements, x, y));
    let mut c = Code::new();
    c.count("i", s.elements).line(format!("y[i] = {value};")).close();
    let summary = format!("Element-wise {kind} of {} numbers.", s.elements);
    Ok(b.finish(format!("{kind}_{}", s.elements), summary, c.finish(), 0))
}

fn float_function(function: UnaryF32) -> (&'static str, String) {
    match function {
        UnaryF32::Clip { low, high } => {
            let value = match (low.is_finite(), high.is_finite()) {
                (true, false) => format!("x[i] < {0} ? {0} : x[i]", float(low)),
                _ => format!("fminf(fmaxf(x[i], {}), {})", float(low), float(high)),
            };
            ("clip", value)
        }
        UnaryF32::LeakyRelu { alpha } => {
            ("leaky_relu", format!("x[i] < 0.0f ? x[i] * {} : x[i]", float(alpha)))
        }
        UnaryF32::Sigmoid => ("sigmoid", "1.0f / (1.0f + expf(-x[i]))".into()),
        UnaryF32::Tanh => ("tanh", "tanhf(x[i])".into()),
        UnaryF32::Silu => ("silu", "x[i] / (1.0f + expf(-x[i]))".into()),
        UnaryF32::HardSigmoid { alpha, beta } => {
            let inner = format!("x[i] * {} + {}", float(alpha), float(beta));
            ("hard_sigmoid", format!("fminf(fmaxf({inner}, 0.0f), 1.0f)"))
        }
        UnaryF32::HardSwish => ("hard_swish", "x[i] * fminf(fmaxf(x[i] + 3.0f, 0.0f), 6.0f) / 6.0f".into()),
        UnaryF32::GeluErf => ("gelu", "0.5f * x[i] * (1.0f + erff(x[i] * 0.70710678f))".into()),
        UnaryF32::GeluTanh => (
            "gelu_tanh",
            "0.5f * x[i] * (1.0f + tanhf(0.79788456f * (x[i] + 0.044715f * x[i] * x[i] * x[i])))".into(),
        ),
        UnaryF32::Exp => ("exp", "expf(x[i])".into()),
        UnaryF32::Log => ("log", "logf(x[i])".into()),
        UnaryF32::Sqrt => ("sqrt", "sqrtf(x[i])".into()),
        UnaryF32::Reciprocal => ("reciprocal", "1.0f / x[i]".into()),
        UnaryF32::Neg => ("neg", "-x[i]".into()),
        UnaryF32::Abs => ("abs", "fabsf(x[i])".into()),
        UnaryF32::Erf => ("erf", "erff(x[i])".into()),
        UnaryF32::Pow { exponent } => ("pow", format!("powf(x[i], {})", float(exponent))),
    }
}
