//! Convolutions, fully connected layers, products, normalizations, attention.

use crate::build::{Build, Case, ints, word};
use ir::{Attr, Element, Quant, Type, Value};

const ACTS: [&str; 4] = ["none", "relu", "relu6", "relu1"];

pub(crate) fn cases(cases: &mut Vec<Case>, seed: u64) {
    for (i, element) in [Element::F32, Element::I8, Element::U8, Element::I16].into_iter().enumerate() {
        let seed = seed * 100 + i as u64;
        cases.push(conv2d(seed, element, false));
        cases.push(conv2d(seed + 1000, element, true));
        cases.push(conv1d(seed + 2000, element));
        cases.push(dense(seed + 3000, element));
        if element != Element::I16 {
            cases.push(matmul(seed + 4000, element));
            cases.push(softmax(seed + 7000, element));
        }
        if matches!(element, Element::F32 | Element::I8) {
            cases.push(residual(seed + 5000, element));
        }
    }
    cases.push(batch_norm(seed + 6000));
    cases.push(layer_norm(seed + 8000));
    cases.push(attention(seed + 9000));
}

/// Weights of `c_out` channels, per channel or as a whole where integers.
fn weights(b: &mut Build, element: Element, shape: &[usize]) -> Value {
    let element = match element {
        Element::F32 => return b.constant(Type::new(Element::F32, shape)),
        Element::U8 => Element::U8,
        _ => Element::I8,
    };
    let ty = if element == Element::I8 && b.random.among(0, 1) == 0 {
        let scales = (0..shape[0]).map(|_| b.random.scale()).collect();
        Type::new(element, shape).with_quant(Quant::per_axis(scales, 0))
    } else {
        b.random.quantized(element, shape)
    };
    b.constant(ty)
}

fn bias(b: &mut Build, element: Element, c_out: usize) -> Value {
    let (element, reach) = match element {
        Element::F32 => return b.constant(Type::new(Element::F32, [c_out])),
        Element::I16 => (Element::I64, 4_000_000),
        _ => (Element::I32, 20_000),
    };
    let values: Vec<i64> = (0..c_out).map(|_| (b.random.unit() * f64::from(reach)) as i64).collect();
    b.graph.add_const(None, Type::new(element, [c_out]), ir::Tensor::from_ints(element, [c_out], &values))
}

fn activation(b: &mut Build, element: Element, shape: &[usize]) -> Type {
    if element == Element::F32 { Type::new(Element::F32, shape) } else { b.random.quantized(element, shape) }
}

/// A result type whose scale lets most accumulators through.
fn result(b: &mut Build, element: Element, shape: &[usize]) -> Option<Type> {
    if element == Element::F32 {
        return None;
    }
    let mut ty = b.random.quantized(element, shape);
    let quant = ty.quant.as_mut().expect("quantized");
    quant.scale[0] *= if element == Element::I16 { 300.0 } else { 20.0 };
    Some(ty)
}

fn conv2d(seed: u64, element: Element, depthwise: bool) -> Case {
    let mut b = Build::new(seed);
    if b.random.among(0, 1) == 0 {
        b.graph.layout = ir::Layout::Nhwc;
    }
    let r = &mut b.random;
    let (k_h, k_w) = (r.among(1, 3), r.among(1, 3));
    let (stride, dilation) = ([r.among(1, 2), r.among(1, 2)], [r.among(1, 2), 1]);
    let pad = [r.among(0, 1), r.among(0, 1), r.among(0, 2), r.among(0, 1)];
    let groups = if depthwise { r.among(2, 5) } else { r.pick(&[1, 1, 2]) };
    let per_group = if depthwise { 1 } else { r.among(1, 5) };
    let c_out = groups * if depthwise { r.pick(&[1, 1, 2]) } else { r.among(1, 6) };
    let (n, h, w) = (r.among(1, 2), r.among(5, 9), r.among(5, 9));
    let act = r.pick(&ACTS);
    let x_ty = activation(&mut b, element, &[n, groups * per_group, h, w]);
    let x = b.input(x_ty);
    let w = weights(&mut b, element, &[c_out, per_group, k_h, k_w]);
    let bias = bias(&mut b, element, c_out);
    let shape = {
        let extent = |x: usize, p: usize, k: usize, s: usize, d: usize| (x + p - (k - 1) * d - 1) / s + 1;
        let x = b.graph.ty(x);
        let (rows, columns) = (pad[0] + pad[2], pad[1] + pad[3]);
        [
            n,
            c_out,
            extent(x.shape[2], rows, k_h, stride[0], dilation[0]),
            extent(x.shape[3], columns, k_w, stride[1], dilation[1]),
        ]
    };
    let ty = result(&mut b, element, &shape);
    let attrs = [
        ("stride", ints(&stride)),
        ("pad", ints(&pad)),
        ("dilation", ints(&dilation)),
        ("groups", Attr::Int(groups as i64)),
        ("act", word(act)),
    ];
    let y = b.op("conv2d", &[x, w, bias], attrs, ty);
    b.finish(format!("conv2d {element} {seed}"), y)
}

fn residual(seed: u64, element: Element) -> Case {
    let mut b = Build::new(seed);
    b.graph.layout = ir::Layout::Nhwc;
    let c = b.random.among(2, 9);
    let shape = [1, c, 5, 6];
    let x_ty = activation(&mut b, element, &shape);
    let residual_ty = activation(&mut b, element, &shape);
    let (x, residual) = (b.input(x_ty), b.input(residual_ty));
    let w = weights(&mut b, element, &[c, c, 3, 3]);
    let bias = bias(&mut b, element, c);
    let mid = result(&mut b, element, &shape);
    let ty = activation(&mut b, element, &shape);
    let mid = mid.map_or(Attr::Absent, |ty| Attr::Quant(ty.element, ty.quant.expect("quantized")));
    let attrs = [("pad", ints(&[1, 1, 1, 1])), ("act", word("relu")), ("mid", mid)];
    let y = b.op("conv2d", &[x, w, bias, residual], attrs, Some(ty));
    b.finish(format!("conv2d with residual {element} {seed}"), y)
}

fn conv1d(seed: u64, element: Element) -> Case {
    let mut b = Build::new(seed);
    let (c_in, c_out, k, d) =
        (b.random.among(1, 4), b.random.among(1, 5), b.random.among(1, 3), b.random.among(1, 2));
    let x_ty = activation(&mut b, element, &[1, c_in, 12]);
    let x = b.input(x_ty);
    let w = weights(&mut b, element, &[c_out, c_in, k]);
    let bias = bias(&mut b, element, c_out);
    let pad = (k - 1) * d;
    let ty = result(&mut b, element, &[1, c_out, 12]);
    // Causal: all padding in front.
    let y = b.op("conv1d", &[x, w, bias], [("dilation", ints(&[d])), ("pad", ints(&[pad, 0]))], ty);
    b.finish(format!("conv1d {element} {seed}"), y)
}

fn dense(seed: u64, element: Element) -> Case {
    let mut b = Build::new(seed);
    let (rows, c_in, c_out) = (b.random.among(1, 3), b.random.among(1, 40), b.random.among(1, 12));
    let x_ty = activation(&mut b, element, &[rows, c_in]);
    let x = b.input(x_ty);
    let w = weights(&mut b, element, &[c_out, c_in]);
    let bias = bias(&mut b, element, c_out);
    let ty = result(&mut b, element, &[rows, c_out]);
    let act = b.random.pick(&ACTS);
    // The reference scales 16-bit layers in f64, for which there is no kernel.
    let round = if element == Element::I16 { "cmsis-nn" } else { b.random.pick(&["tflite-ref", "cmsis-nn"]) };
    let y = b.op("dense", &[x, w, bias], [("act", word(act)), ("round", word(round))], ty);
    b.finish(format!("dense {element} {seed}"), y)
}

fn matmul(seed: u64, element: Element) -> Case {
    let mut b = Build::new(seed);
    let (m, k, n) = (b.random.among(1, 5), b.random.among(1, 9), b.random.among(1, 6));
    let heads = b.random.among(1, 3);
    let transposed = b.random.among(0, 1) == 1;
    let shared = b.random.among(0, 1) == 1;
    let right = if transposed { [n, k] } else { [k, n] };
    let right = if shared { right.to_vec() } else { vec![heads, right[0], right[1]] };
    let (a_ty, b_ty) = (activation(&mut b, element, &[heads, m, k]), activation(&mut b, element, &right));
    let (x, z) = (b.input(a_ty), b.input(b_ty));
    let ty = result(&mut b, element, &[heads, m, n]);
    let y = b.op("matmul", &[x, z], [("transpose_b", Attr::Int(i64::from(transposed)))], ty);
    b.finish(format!("matmul {element} {seed}"), y)
}

fn softmax(seed: u64, element: Element) -> Case {
    let mut b = Build::new(seed);
    let shape = [b.random.among(1, 3), b.random.among(2, 12), b.random.among(1, 3)];
    let axis = b.random.among(0, 2) as i64;
    let ty = activation(&mut b, element, &shape);
    let x = b.input(ty);
    let ty = (element != Element::F32).then(|| {
        let low = element.range().expect("an integer").0 as i32;
        Type::new(element, shape).with_quant(Quant::per_tensor(1.0 / 256.0, low))
    });
    let y = b.op("softmax", &[x], [("axis", Attr::Int(axis))], ty);
    b.finish(format!("softmax {element} {seed}"), y)
}

fn batch_norm(seed: u64) -> Case {
    let mut b = Build::new(seed);
    let c = b.random.among(1, 5);
    let x = b.float(&[2, c, 3, 4]);
    let parameters = ["gamma", "beta", "mean"].map(|_| b.constant(Type::new(Element::F32, [c])));
    let variance: Vec<f32> = (0..c).map(|_| (b.random.unit() + 1.5) as f32).collect();
    let var = b.graph.add_const(None, Type::new(Element::F32, [c]), ir::Tensor::from_f32([c], &variance));
    let y = b.op("batch_norm", &[x, parameters[0], parameters[1], parameters[2], var], [], None);
    b.finish(format!("batch_norm {seed}"), y)
}

fn layer_norm(seed: u64) -> Case {
    let mut b = Build::new(seed);
    let shape = [2, b.random.among(2, 4), b.random.among(3, 8)];
    let axis = b.random.among(1, 2);
    let x = b.float(&shape);
    let gamma = b.constant(Type::new(Element::F32, &shape[axis..]));
    let beta = b.constant(Type::new(Element::F32, [shape[2]]));
    let y = b.op("layer_norm", &[x, gamma, beta], [("axis", Attr::Int(axis as i64))], None);
    b.finish(format!("layer_norm {seed}"), y)
}

fn attention(seed: u64) -> Case {
    let mut b = Build::new(seed);
    let (n, h, t, s, d, e) = (b.random.among(1, 2), b.random.among(1, 3), b.random.among(1, 5), 4, 3, 2);
    let (q, k, v) = (b.float(&[n, h, t, d]), b.float(&[n, h, s, d]), b.float(&[n, h, s, e]));
    let mut operands = vec![q, k, v];
    match seed % 3 {
        0 => operands.push(b.float(&[t, s])),
        1 => operands.push(b.input(Type::new(Element::Bool, [n, 1, 1, s]))),
        _ => {}
    }
    let causal = b.random.among(0, 1) as i64;
    let y = b.op("attention", &operands, [("scale", Attr::Float(0.5)), ("causal", Attr::Int(causal))], None);
    b.finish(format!("attention {seed}"), y)
}
