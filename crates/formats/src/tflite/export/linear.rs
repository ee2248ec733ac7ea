//! Matrix products, normalizations and reductions.

use ir::{Element, Type};

use super::super::schema::{
    AddOptions, BatchMatMulOptions, FullyConnectedOptions, MulOptions, Options, ReducerOptions,
    SoftmaxOptions,
};
use super::forms::{Form, TO_LAST};
use super::{Exporter, Fault, Use, unsupported};

const ADD: i32 = 0;
const FULLY_CONNECTED: i32 = 9;
const MUL: i32 = 18;
const SOFTMAX: i32 = 25;
const MEAN: i32 = 40;
const RSQRT: i32 = 76;
const SQUARED_DIFFERENCE: i32 = 99;
const SUB: i32 = 41;
const BATCH_MATMUL: i32 = 126;

pub(super) fn dense(e: &mut Exporter<'_>, u: &Use<'_>) -> Result<(), Fault> {
    let rank = u.ty.rank();
    let x = e.get(u.x(0), Form::Logical)?;
    let w = e.get(u.x(1), Form::Logical)?;
    let bias = e.bias(u, u.ty.shape[rank - 1])?;
    let keep_num_dims = rank != 2;
    let options = FullyConnectedOptions { activation: u.act()?, keep_num_dims, ..Default::default() };
    e.emit(FULLY_CONNECTED, &[x, w, bias], u, Form::Logical, Options::FullyConnected(options))
}

pub(super) fn matmul(e: &mut Exporter<'_>, u: &Use<'_>) -> Result<(), Fault> {
    let (a, b) = (e.get(u.x(0), Form::Logical)?, e.get(u.x(1), Form::Logical)?);
    let adj_y = u.attrs.int("transpose_b") != 0;
    let options = Options::BatchMatMul(BatchMatMulOptions { adj_y, ..Default::default() });
    e.emit(BATCH_MATMUL, &[a, b], u, Form::Logical, options)
}

pub(super) fn attention(e: &mut Exporter<'_>, u: &Use<'_>) -> Result<(), Fault> {
    let operands = [u.x(0), u.x(1), u.x(2)];
    let (q_ty, k_ty) = (e.graph.ty(operands[0]).clone(), e.graph.ty(operands[1]).clone());
    if q_ty.element != Element::F32 {
        return unsupported(format!("attention on {}", q_ty.element));
    }
    let (rows, columns) = (q_ty.shape[2], k_ty.shape[2]);
    let ty = Type::new(Element::F32, [q_ty.shape[0], q_ty.shape[1], rows, columns]);
    let (q, k, v) = (
        e.get(operands[0], Form::Logical)?,
        e.get(operands[1], Form::Logical)?,
        e.get(operands[2], Form::Logical)?,
    );
    let options = BatchMatMulOptions { adj_y: true, ..Default::default() };
    let scores = e.step(BATCH_MATMUL, &[q, k], &ty, Options::BatchMatMul(options))?;
    let scale = e.floats(&[u.attrs.float("scale") as f32], &[])?;
    let mut scores = e.step(MUL, &[scores, scale], &ty, Options::Mul(MulOptions::default()))?;
    let add = || Options::Add(AddOptions { pot_scale_int16: false, ..Default::default() });
    if let Some(mask) = u.operand(3) {
        let mask = e.get(mask, Form::Logical)?;
        scores = e.step(ADD, &[scores, mask], &ty, add())?;
    }
    if u.attrs.int("causal") != 0 {
        let hidden = |i: usize| if i % columns > i / columns { f32::MIN } else { 0.0 };
        let mask: Vec<f32> = (0..rows * columns).map(hidden).collect();
        let mask = e.floats(&mask, &[rows, columns])?;
        scores = e.step(ADD, &[scores, mask], &ty, add())?;
    }
    let weights = e.step(SOFTMAX, &[scores], &ty, Options::Softmax(SoftmaxOptions { beta: 1.0 }))?;
    let options = Options::BatchMatMul(BatchMatMulOptions::default());
    e.emit(BATCH_MATMUL, &[weights, v], u, Form::Logical, options)
}

/// Along the last axis of a form; other axes are brought there.
pub(super) fn softmax(e: &mut Exporter<'_>, u: &Use<'_>) -> Result<(), Fault> {
    let rank = u.ty.rank();
    let axis = resolved(u.attrs.int("axis"), rank);
    let options = || Options::Softmax(SoftmaxOptions { beta: u.attrs.float("beta") as f32 });
    let form = if rank == 4 && axis == 1 { Form::ChannelsLast } else { Form::Logical };
    let x = e.get(u.x(0), form)?;
    if form.axis(axis, rank) + 1 == rank {
        return e.emit(SOFTMAX, &[x], u, form, options());
    }
    let mut perm: Vec<usize> = (0..rank).collect();
    perm.swap(axis, rank - 1);
    let x = e.transposed(x, &e.graph.ty(u.x(0)).clone(), &perm)?;
    let turned = crate::build::permuted_type(u.ty, &perm);
    let out = e.step(SOFTMAX, &[x], &turned, options())?;
    // An exchange is its own inverse.
    let out = e.transposed(out, &turned, &perm)?;
    e.hold(u.value, Form::Logical, out);
    Ok(())
}

fn resolved(axis: i64, rank: usize) -> usize {
    usize::try_from(if axis < 0 { axis + rank as i64 } else { axis }).unwrap_or(0)
}

/// `gamma * (x - mean) / sqrt(var + epsilon) + beta` with constants folded into one factor and one summand.
pub(super) fn batch_norm(e: &mut Exporter<'_>, u: &Use<'_>) -> Result<(), Fault> {
    let mut constants = Vec::new();
    for i in 1..5 {
        match e.graph.const_data(u.x(i)) {
            Some(data) => constants.push(data.to_reals()),
            None => return unsupported("parameters that are computed"),
        }
    }
    let epsilon = u.attrs.float("epsilon");
    let channels = 0..constants[0].len();
    let factor: Vec<f64> =
        channels.clone().map(|c| constants[0][c] / (constants[3][c] + epsilon).sqrt()).collect();
    let summand: Vec<f32> =
        channels.map(|c| (constants[1][c] - constants[2][c] * factor[c]) as f32).collect();
    let factor: Vec<f32> = factor.iter().map(|v| *v as f32).collect();
    let rank = u.ty.rank();
    let form = if rank == 4 { Form::ChannelsLast } else { Form::Logical };
    let mut shape = vec![1; rank];
    shape[form.axis(1, rank)] = factor.len();
    let x = e.get(u.x(0), form)?;
    let (factor, summand) = (e.floats(&factor, &shape)?, e.floats(&summand, &shape)?);
    let scaled = e.step(MUL, &[x, factor], &form.of(u.ty), Options::Mul(MulOptions::default()))?;
    let options = Options::Add(AddOptions { pot_scale_int16: false, ..Default::default() });
    e.emit(ADD, &[scaled, summand], u, form, options)
}

pub(super) fn layer_norm(e: &mut Exporter<'_>, u: &Use<'_>) -> Result<(), Fault> {
    let rank = u.ty.rank();
    let axis = resolved(u.attrs.int("axis"), rank);
    let x = e.get(u.x(0), Form::Logical)?;
    let mut small = u.ty.clone();
    small.shape[axis..].fill(1);
    let axes: Vec<usize> = (axis..rank).collect();
    let axes = e.ints(&axes, &[axes.len()])?;
    let reduced = || Options::Reducer(ReducerOptions { keep_dims: true });
    let add = || Options::Add(AddOptions { pot_scale_int16: false, ..Default::default() });
    let mean = e.step(MEAN, &[x, axes], &small, reduced())?;
    let squares = e.step(SQUARED_DIFFERENCE, &[x, mean], u.ty, Options::None)?;
    let var = e.step(MEAN, &[squares, axes], &small, reduced())?;
    let epsilon = e.floats(&[u.attrs.float("epsilon") as f32], &[])?;
    let var = e.step(ADD, &[var, epsilon], &small, add())?;
    let root = e.step(RSQRT, &[var], &small, Options::None)?;
    let centred = e.step(SUB, &[x, mean], u.ty, Options::Sub(Default::default()))?;
    let mut out = e.step(MUL, &[centred, root], u.ty, Options::Mul(MulOptions::default()))?;
    if let Some(gamma) = u.operand(1) {
        let gamma = e.get(gamma, Form::Logical)?;
        out = e.step(MUL, &[out, gamma], u.ty, Options::Mul(MulOptions::default()))?;
    }
    if let Some(beta) = u.operand(2) {
        let beta = e.get(beta, Form::Logical)?;
        out = e.step(ADD, &[out, beta], u.ty, add())?;
    }
    e.hold(u.value, Form::Logical, out);
    Ok(())
}

pub(super) fn reduce(e: &mut Exporter<'_>, u: &Use<'_>, code: i32) -> Result<(), Fault> {
    let rank = e.graph.ty(u.x(0)).rank();
    let axes: Vec<usize> = u.attrs.ints("axes").iter().map(|a| resolved(*a, rank)).collect();
    let keep_dims = u.attrs.int("keep") != 0;
    // Without the reduced axes the rest must come in logical order.
    let left: Vec<usize> = TO_LAST.iter().copied().filter(|a| !axes.contains(a)).collect();
    let held = e.form(u.x(0)) == Some(Form::ChannelsLast) && rank == 4;
    let form = if held && (keep_dims || left.is_sorted()) { Form::ChannelsLast } else { Form::Logical };
    let x = e.get(u.x(0), form)?;
    let axes: Vec<usize> = axes.iter().map(|a| form.axis(*a, rank)).collect();
    let axes = e.ints(&axes, &[axes.len()])?;
    let result = if keep_dims { form } else { Form::Logical };
    e.emit(code, &[x, axes], u, result, Options::Reducer(ReducerOptions { keep_dims }))
}
