//! Ops that move elements.

use crate::build::{Build, Case, ints, word};
use ir::{Attr, Element, Quant, Tensor, Type, Value};

const ELEMENTS: [Element; 4] = [Element::F32, Element::I8, Element::I64, Element::Bool];

pub(crate) fn cases(cases: &mut Vec<Case>, seed: u64) {
    for (i, element) in ELEMENTS.into_iter().enumerate() {
        let seed = seed * 1000 + 700 + i as u64;
        cases.push(one(seed, element, "transpose", transpose));
        cases.push(one(seed + 10, element, "slice", slice));
        cases.push(one(seed + 20, element, "pad", pad));
        cases.push(one(seed + 30, element, "expand", expand));
        cases.push(one(seed + 40, element, "resize2d", resize));
        cases.push(one(seed + 50, element, "reshape", reshape));
        cases.push(gather(seed + 60, element));
        cases.push(concat(seed + 70, element));
    }
    cases.push(flattened(seed * 1000 + 790));
    cases.push(constant_output(seed * 1000 + 791));
    cases.push(requantized_concat(seed * 1000 + 792));
}

/// One op on an image that lies channels last.
fn one(seed: u64, element: Element, name: &str, op: fn(&mut Build, Value, [usize; 4]) -> Value) -> Case {
    let mut b = Build::new(seed);
    if b.random.among(0, 1) == 0 {
        b.graph.layout = ir::Layout::Nhwc;
    }
    let shape = [1, b.random.among(2, 4), b.random.among(2, 5), b.random.among(2, 5)];
    let ty =
        if element == Element::I8 { b.random.quantized(element, &shape) } else { Type::new(element, shape) };
    let x = b.input(ty);
    let y = op(&mut b, x, shape);
    b.finish(format!("{name} {element} {seed}"), y)
}

fn transpose(b: &mut Build, x: Value, _: [usize; 4]) -> Value {
    let perm = b.random.pick(&[[0, 2, 3, 1], [3, 1, 0, 2], [1, 0, 2, 3], [0, 1, 3, 2]]);
    b.op("transpose", &[x], [("perm", ints(&perm))], None)
}

fn slice(b: &mut Build, x: Value, shape: [usize; 4]) -> Value {
    let start = [0, b.random.among(0, 1), 1, 0];
    let step = [1, 1, 1, b.random.among(1, 2)];
    let size: Vec<usize> = (0..4).map(|i| (shape[i] - start[i]).div_ceil(step[i])).collect();
    b.op("slice", &[x], [("start", ints(&start)), ("size", ints(&size)), ("step", ints(&step))], None)
}

fn pad(b: &mut Build, x: Value, _: [usize; 4]) -> Value {
    let mode = b.random.pick(&["constant", "reflect", "edge"]);
    let channels = b.random.among(0, 1);
    let (before, after) = ([0, channels, 1, 0], [0, 0, 1, 1]);
    let attrs = [
        ("before", ints(&before)),
        ("after", ints(&after)),
        ("mode", word(mode)),
        ("value", Attr::Float(1.0)),
    ];
    b.op("pad", &[x], attrs, None)
}

fn expand(b: &mut Build, x: Value, shape: [usize; 4]) -> Value {
    let wide = [3, shape[1], shape[2], shape[3]];
    b.op("expand", &[x], [("shape", ints(&wide))], None)
}

fn resize(b: &mut Build, x: Value, _: [usize; 4]) -> Value {
    let scale = b.random.among(1, 3) as i64;
    b.op("resize2d", &[x], [("scale", Attr::Int(scale))], None)
}

fn reshape(b: &mut Build, x: Value, [n, c, h, w]: [usize; 4]) -> Value {
    let shape = match b.random.among(0, 3) {
        0 => vec![n, c, h * w],
        1 => vec![n, c * h * w],
        2 => vec![c * h, w, 1],
        _ => vec![n, 1, c, h, w],
    };
    b.op("reshape", &[x], [("shape", ints(&shape))], None)
}

fn gather(seed: u64, element: Element) -> Case {
    let mut b = Build::new(seed);
    let axis = b.random.among(0, 2);
    let x = b.input(Type::new(element, [3, 4, 2]));
    let index = if seed.is_multiple_of(2) { Element::I64 } else { Element::I32 };
    let extent = [3, 4, 2][axis];
    let picks: Vec<i64> = (0..5).map(|i| (i * 7 % (2 * extent)) - extent).collect();
    let ty = Type::new(index, [5]);
    let data = Tensor::from_ints(index, [5], &picks);
    let indices =
        if b.random.among(0, 1) == 0 { b.graph.add_const(None, ty, data) } else { b.input_of(ty, data) };
    let y = b.op("gather", &[x, indices], [("axis", Attr::Int(axis as i64))], None);
    b.finish(format!("gather {element} {seed}"), y)
}

fn concat(seed: u64, element: Element) -> Case {
    let mut b = Build::new(seed);
    let axis = b.random.among(0, 3);
    let quant = (element == Element::I8).then(|| Quant::per_tensor(0.25, 3));
    let ty = |extent: usize| {
        let mut shape = [2, 2, 2, 2];
        shape[axis] = extent;
        Type { quant: quant.clone(), ..Type::new(element, shape) }
    };
    let (x, z) = (b.input(ty(1)), b.input(ty(3)));
    let w = b.constant(ty(2));
    let y = b.op("concat", &[x, w, z, x], [("axis", Attr::Int(axis as i64))], Some(ty(7)));
    b.finish(format!("concat {element} {seed}"), y)
}

fn requantized_concat(seed: u64) -> Case {
    let mut b = Build::new(seed);
    let (x_ty, z_ty) = (b.random.quantized(Element::I8, &[2, 3]), b.random.quantized(Element::I8, &[2, 4]));
    let (x, z) = (b.input(x_ty), b.constant(z_ty));
    let ty = b.random.quantized(Element::I8, &[2, 7]);
    let y = b.op("concat", &[x, z], [("axis", Attr::Int(1))], Some(ty));
    b.finish(format!("concat on another scale {seed}"), y)
}

/// A value that two users want in different orders is converted once, and the result is right for both.
fn flattened(seed: u64) -> Case {
    let mut b = Build::new(seed);
    let x = b.float(&[1, 3, 4, 5]);
    let pooled = b.op("max_pool2d", &[x], [("kernel", ints(&[2, 2]))], None);
    let flat = b.op("reshape", &[pooled], [("shape", ints(&[1, 36]))], None);
    let rows = b.op("reshape", &[pooled], [("shape", ints(&[3, 12]))], None);
    let y = b.op("relu", &[rows], [], None);
    b.graph.set_outputs(vec![flat, y, pooled, x]);
    b.done(format!("two orders {seed}"))
}

fn constant_output(seed: u64) -> Case {
    let mut b = Build::new(seed);
    let x = b.float(&[4]);
    let c = b.constant(Type::new(Element::F32, [2, 3]));
    let y = b.op("exp", &[x], [], None);
    b.graph.set_outputs(vec![c, y, y]);
    b.done(format!("constant output {seed}"))
}
