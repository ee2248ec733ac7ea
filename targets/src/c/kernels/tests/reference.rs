//! What the kernels must compute, in loops nobody could make simpler.

use super::shapes::Random;
use crate::c::kernels::arith::{requantized, scaled};
use crate::c::kernels::spec::*;

/// Random bytes for every input.
pub(super) fn inputs(spec: &OpSpec, random: &mut Random) -> Vec<Vec<u8>> {
    let sizes = match spec {
        OpSpec::Conv2d(s) => vec![s.input.elements()],
        OpSpec::Fused(s) => vec![s.first.input.elements()],
        OpSpec::Dense(s) => vec![s.rows * s.c_in],
        OpSpec::Binary(s) => vec![s.a.iter().product(), s.b.iter().product()],
        other => panic!("no reference for {other:?}"),
    };
    sizes.into_iter().map(|size| (0..size).map(|_| random.range(0, 255) as u8).collect()).collect()
}

/// The output's bytes.
pub(super) fn output(spec: &OpSpec, inputs: &[Vec<u8>]) -> Vec<u8> {
    match spec {
        OpSpec::Conv2d(s) => {
            let Linear::Integer(l) = &s.linear else { panic!("no float reference") };
            conv2d(s, l, &inputs[0])
        }
        OpSpec::Fused(s) => {
            let middle = output(&OpSpec::Conv2d(s.first.clone()), inputs);
            output(&OpSpec::Conv2d(s.second.clone()), &[middle])
        }
        OpSpec::Dense(s) => {
            let Linear::Integer(l) = &s.linear else { panic!("no float reference") };
            dense(s, l, &inputs[0])
        }
        OpSpec::Binary(s) => binary(s, inputs),
        other => panic!("no reference for {other:?}"),
    }
}

fn value(element: Element, byte: u8) -> i32 {
    if element == Element::U8 { i32::from(byte) } else { i32::from(byte as i8) }
}

fn zero(l: &IntegerLinear, o: usize) -> i32 {
    l.w_zero_points[if l.w_zero_points.len() == 1 { 0 } else { o }]
}

fn conv2d(s: &Conv2dSpec, l: &IntegerLinear, x: &[u8]) -> Vec<u8> {
    let (w, [kh, kw]) = (&s.window, s.window.kernel);
    let (in_group, out_group) = (s.input.c / s.groups, s.output.c / s.groups);
    let mut y = Vec::new();
    for n in 0..s.output.n {
        for (oy, ox) in (0..s.output.h).flat_map(|oy| (0..s.output.w).map(move |ox| (oy, ox))) {
            for o in 0..s.output.c {
                let mut acc = l.bias[o];
                for (ky, kx, c) in
                    (0..kh).flat_map(|ky| (0..kw).flat_map(move |kx| (0..in_group).map(move |c| (ky, kx, c))))
                {
                    let iy = (oy * w.stride[0] + ky * w.dilation[0]).wrapping_sub(w.pad[0]);
                    let ix = (ox * w.stride[1] + kx * w.dilation[1]).wrapping_sub(w.pad[1]);
                    if iy >= s.input.h || ix >= s.input.w {
                        continue;
                    }
                    let channel = o / out_group * in_group + c;
                    let x = value(l.x, x[((n * s.input.h + iy) * s.input.w + ix) * s.input.c + channel]);
                    let weight = i32::from(l.weights[((o * kh + ky) * kw + kx) * in_group + c]);
                    acc += i64::from((x - l.x_zero_point) * (weight - zero(l, o)));
                }
                y.push(requantized(acc as i32, o, &l.requantize) as u8);
            }
        }
    }
    y
}

fn dense(s: &DenseSpec, l: &IntegerLinear, x: &[u8]) -> Vec<u8> {
    let mut y = Vec::new();
    for (row, o) in (0..s.rows).flat_map(|row| (0..s.c_out).map(move |o| (row, o))) {
        let sum: i64 = (0..s.c_in)
            .map(|c| {
                let x = value(l.x, x[row * s.c_in + c]) - l.x_zero_point;
                i64::from(x * (i32::from(l.weights[o * s.c_in + c]) - zero(l, o)))
            })
            .sum();
        y.push(requantized((l.bias[o] + sum) as i32, o, &l.requantize) as u8);
    }
    y
}

fn binary(s: &BinarySpec, inputs: &[Vec<u8>]) -> Vec<u8> {
    let (add, sign) = match &s.op {
        BinaryOp::Add(add) => (add, 1),
        BinaryOp::Sub(add) => (add, -1),
        other => panic!("no reference for {other:?}"),
    };
    let operand = |byte: u8, o: &AddOperand| {
        scaled((value(s.element, byte) - o.zero_point) << add.left_shift, o.scale, add.output.rounding)
    };
    let pair = |(&a, &b): (&u8, &u8)| {
        let sum = operand(a, &add.first) + sign * operand(b, &add.second);
        requantized(sum, 0, &add.output) as u8
    };
    inputs[0].iter().zip(&inputs[1]).map(pair).collect()
}
