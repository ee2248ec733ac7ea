//! Elementwise ops: they keep the form of their operands.

use ir::{Element, Type, Value};

use super::super::schema::{
    AddOptions, DivOptions, GeluOptions, LeakyReluOptions, MulOptions, Options, SubOptions,
};
use super::forms::{Form, TO_LAST};
use super::{Exporter, Fault, Use, unsupported};

const LOGISTIC: i32 = 14;
const MUL: i32 = 18;
const RELU_N1_TO_1: i32 = 20;
const RELU6: i32 = 21;
const LEAKY_RELU: i32 = 98;
const DIV: i32 = 42;
const MAXIMUM: i32 = 55;
const MINIMUM: i32 = 57;
const ADD: i32 = 0;
const ELU: i32 = 111;
const GELU: i32 = 150;
const RELU_0_TO_1: i32 = 152;

pub(super) fn unary(e: &mut Exporter<'_>, u: &Use<'_>, code: i32) -> Result<(), Fault> {
    with(e, u, code, Options::None)
}

fn with(e: &mut Exporter<'_>, u: &Use<'_>, code: i32, options: Options) -> Result<(), Fault> {
    let form = e.common(&[u.x(0)]);
    let x = e.get(u.x(0), form)?;
    e.emit(code, &[x], u, form, options)
}

pub(super) fn binary(e: &mut Exporter<'_>, u: &Use<'_>, code: i32) -> Result<(), Fault> {
    let activation = u.act()?;
    let options = match code {
        0 => Options::Add(AddOptions { activation, pot_scale_int16: false }),
        41 => Options::Sub(SubOptions { activation, pot_scale_int16: false }),
        18 => Options::Mul(MulOptions { activation }),
        42 => Options::Div(DivOptions { activation }),
        _ if activation == 0 => Options::None,
        _ => return unsupported("a fused activation"),
    };
    let form = if u.ty.rank() == 4 { e.common(&[u.x(0), u.x(1)]) } else { Form::Logical };
    let (a, b) = (broadcast(e, u.x(0), form)?, broadcast(e, u.x(1), form)?);
    e.emit(code, &[a, b], u, form, options)
}

/// An operand of a result of rank 4 in `form`: lower ranks get axes in front before their order changes.
fn broadcast(e: &mut Exporter<'_>, value: Value, form: Form) -> Result<i32, Fault> {
    let ty = e.graph.ty(value).clone();
    if form == Form::Logical || ty.rank() == 4 || ty.elements() == 1 {
        return e.get(value, form);
    }
    let shape = [&[1, 1, 1, 1][ty.rank()..], &ty.shape[..]].concat();
    let wide = ty.with_shape(shape);
    if let (Some(data), None) = (e.graph.const_data(value).cloned(), &ty.quant) {
        let bytes = crate::build::permuted(data.bytes(), &wide.shape, &TO_LAST, data.element().bytes());
        return e.tensor(&form.of(&wide), &e.graph.label(value), Some(&bytes));
    }
    let index = e.get(value, Form::Logical)?;
    let index = e.reshaped(index, &wide)?;
    e.transposed(index, &wide, &TO_LAST)
}

pub(super) fn leaky_relu(e: &mut Exporter<'_>, u: &Use<'_>) -> Result<(), Fault> {
    let alpha = u.attrs.float("alpha") as f32;
    with(e, u, LEAKY_RELU, Options::LeakyRelu(LeakyReluOptions { alpha }))
}

pub(super) fn elu(e: &mut Exporter<'_>, u: &Use<'_>) -> Result<(), Fault> {
    match u.attrs.float("alpha") {
        1.0 => unary(e, u, ELU),
        alpha => unsupported(format!("alpha = {alpha}, 1 expected")),
    }
}

pub(super) fn gelu(e: &mut Exporter<'_>, u: &Use<'_>) -> Result<(), Fault> {
    let approximate = u.attrs.word("approximate") == "tanh";
    with(e, u, GELU, Options::Gelu(GeluOptions { approximate }))
}

pub(super) fn clip(e: &mut Exporter<'_>, u: &Use<'_>) -> Result<(), Fault> {
    let ends = [u.attrs.float("min"), u.attrs.float("max")];
    match ends {
        [-1.0, 1.0] => return unary(e, u, RELU_N1_TO_1),
        [0.0, 6.0] => return unary(e, u, RELU6),
        [0.0, 1.0] => return unary(e, u, RELU_0_TO_1),
        _ if u.ty.element != Element::F32 => {
            return unsupported(format!("ends {ends:?} on {}, floats expected", u.ty.element));
        }
        _ => {}
    }
    let form = e.common(&[u.x(0)]);
    let x = e.get(u.x(0), form)?;
    let (min, max) = (e.floats(&[ends[0] as f32], &[])?, e.floats(&[ends[1] as f32], &[])?);
    let raised = e.step(MAXIMUM, &[x, min], &form.of(u.ty), Options::None)?;
    e.emit(MINIMUM, &[raised, max], u, form, Options::None)
}

pub(super) fn silu(e: &mut Exporter<'_>, u: &Use<'_>) -> Result<(), Fault> {
    let (x, form, ty) = float(e, u)?;
    let gate = e.step(LOGISTIC, &[x], &ty, Options::None)?;
    e.emit(MUL, &[x, gate], u, form, Options::Mul(MulOptions::default()))
}

pub(super) fn hard_sigmoid(e: &mut Exporter<'_>, u: &Use<'_>) -> Result<(), Fault> {
    let (x, form, ty) = float(e, u)?;
    let (alpha, beta) = (u.attrs.float("alpha") as f32, u.attrs.float("beta") as f32);
    let (alpha, beta) = (e.floats(&[alpha], &[])?, e.floats(&[beta], &[])?);
    let scaled = e.step(MUL, &[x, alpha], &ty, Options::Mul(MulOptions::default()))?;
    let options = Options::Add(AddOptions { pot_scale_int16: false, ..Default::default() });
    let moved = e.step(ADD, &[scaled, beta], &ty, options)?;
    e.emit(RELU_0_TO_1, &[moved], u, form, Options::None)
}

pub(super) fn reciprocal(e: &mut Exporter<'_>, u: &Use<'_>) -> Result<(), Fault> {
    let (x, form, _) = float(e, u)?;
    let one = e.floats(&[1.0], &[])?;
    e.emit(DIV, &[one, x], u, form, Options::Div(DivOptions::default()))
}

/// The operand of an op that becomes several: there are no scales for what is between them.
fn float(e: &mut Exporter<'_>, u: &Use<'_>) -> Result<(i32, Form, Type), Fault> {
    if u.ty.element != Element::F32 {
        return unsupported(format!("a result of {}, f32 expected", u.ty.element));
    }
    let form = e.common(&[u.x(0)]);
    Ok((e.get(u.x(0), form)?, form, form.of(u.ty)))
}

/// Constants are dequantized where they are used.
pub(super) fn dequantize(e: &mut Exporter<'_>, u: &Use<'_>) -> Result<(), Fault> {
    const DEQUANTIZE: i32 = 6;
    if e.is_weight(u.value) { Ok(()) } else { unary(e, u, DEQUANTIZE) }
}
