//! Element-wise ops, pooling, reductions, quantization.

use crate::build::{Build, Case, ints, word};
use ir::{Attr, Element, Quant, Tensor, Type};

const UNARY: [&str; 17] = [
    "relu",
    "relu6",
    "leaky_relu",
    "elu",
    "clip",
    "sigmoid",
    "tanh",
    "silu",
    "hard_sigmoid",
    "hard_swish",
    "gelu",
    "erf",
    "exp",
    "log",
    "sqrt",
    "reciprocal",
    "neg",
];
const BINARY: [&str; 8] = ["add", "sub", "mul", "div", "maximum", "minimum", "pow", "prelu"];

pub(crate) fn cases(cases: &mut Vec<Case>, seed: u64) {
    for (i, op) in UNARY.into_iter().chain(["abs"]).enumerate() {
        let seed = seed * 1000 + i as u64;
        cases.push(unary(seed, op, Element::F32));
        cases.push(unary(seed + 50, op, if seed.is_multiple_of(2) { Element::I8 } else { Element::U8 }));
    }
    for (i, op) in BINARY.into_iter().enumerate() {
        let seed = seed * 1000 + 100 + i as u64;
        cases.push(binary(seed, op, Element::F32, false));
        cases.push(binary(seed + 10, op, Element::F32, true));
        cases.push(binary(seed + 20, op, Element::I8, true));
        if !matches!(op, "div" | "pow" | "prelu") {
            cases.push(binary(seed + 30, op, Element::I8, false));
        }
        if matches!(op, "add" | "sub" | "mul") {
            cases.push(binary(seed + 40, op, Element::I16, false));
        }
        if !matches!(op, "div" | "pow") {
            cases.push(binary(seed + 50, op, Element::I32, false));
        }
    }
    for (i, element) in [Element::F32, Element::I8, Element::U8].into_iter().enumerate() {
        let seed = seed * 1000 + 300 + i as u64;
        cases.push(pool(seed, "max_pool2d", element));
        cases.push(pool(seed + 10, "avg_pool2d", element));
        for (j, op) in ["mean", "sum", "reduce_max"].into_iter().enumerate() {
            cases.push(reduce(seed + 20 + 10 * j as u64, op, element));
        }
    }
    cases.push(global_average(seed * 1000 + 400));
    conversions(cases, seed * 1000 + 500);
}

fn operand(b: &mut Build, element: Element, shape: &[usize]) -> Type {
    match element {
        Element::F32 | Element::I32 => Type::new(element, shape),
        _ => b.random.quantized(element, shape),
    }
}

fn unary(seed: u64, op: &str, element: Element) -> Case {
    let mut b = Build::new(seed);
    let shape = [2, b.random.among(1, 7), 3];
    let ty = operand(&mut b, element, &shape);
    let data = b.random.tensor(&ty);
    // A logarithm or a root of a negative number is no number.
    let positive = matches!(op, "log" | "sqrt" | "reciprocal") && element == Element::F32;
    let data = if positive {
        Tensor::from_reals(element, shape, data.to_reals().iter().map(|v| v.abs() + 0.1).collect::<Vec<_>>())
    } else {
        data
    };
    let x = b.input_of(ty, data);
    let declared = (element != Element::F32).then(|| b.random.quantized(element, &shape));
    let y = if op == "clip" {
        b.op(op, &[x], [("min", Attr::Float(-0.5)), ("max", Attr::Float(1.25))], declared)
    } else if op == "gelu" {
        b.op(
            op,
            &[x],
            [("approximate", word(if seed.is_multiple_of(2) { "none" } else { "tanh" }))],
            declared,
        )
    } else {
        b.op(op, &[x], [], declared)
    };
    b.finish(format!("{op} {element} {seed}"), y)
}

fn binary(seed: u64, op: &str, element: Element, constant: bool) -> Case {
    let mut b = Build::new(seed);
    let full = vec![2, b.random.among(2, 4), 3, b.random.among(1, 3)];
    let one = element != Element::F32 && matches!(op, "div" | "pow" | "prelu") && element != Element::I32;
    let other = match (one, b.random.among(0, 3)) {
        (true, _) => vec![1],
        (_, 0) => full.clone(),
        (_, 1) => vec![full[1], 1, 1],
        (_, 2) => vec![full[3]],
        _ => vec![1, full[1], 1, full[3]],
    };
    if b.random.among(0, 1) == 0 {
        b.graph.layout = ir::Layout::Nhwc;
    }
    let (a_ty, b_ty) = (operand(&mut b, element, &full), operand(&mut b, element, &other));
    let mut data = b.random.tensor(&a_ty);
    if op == "pow" && element == Element::F32 {
        data = Tensor::from_reals(
            element,
            full.clone(),
            data.to_reals().iter().map(|v| v.abs() + 0.1).collect::<Vec<_>>(),
        );
    }
    let x = b.input_of(a_ty, data);
    let z = if constant { b.constant(b_ty) } else { b.input(b_ty) };
    let declared = matches!(element, Element::I8 | Element::I16).then(|| {
        let mut ty = b.random.quantized(element, &full);
        if op == "mul" && element == Element::I16 {
            ty.quant = Some(Quant::per_tensor(3.0, 0));
        }
        ty
    });
    let act = if matches!(op, "pow" | "div") { "none" } else { b.random.pick(&["none", "relu", "relu6"]) };
    // A constant in front is exchanged where the op commutes.
    let swapped = constant && matches!(op, "add" | "mul" | "sub") && b.random.among(0, 1) == 0;
    let operands = if swapped { [z, x] } else { [x, z] };
    let y = b.op(op, &operands, [("act", word(act))], declared);
    b.finish(format!("{op} {element} {seed}"), y)
}

fn pool(seed: u64, op: &str, element: Element) -> Case {
    let mut b = Build::new(seed);
    b.graph.layout = ir::Layout::Nhwc;
    let ty = operand(&mut b, element, &[1, 3, 7, 6]);
    let x = b.input(ty.clone());
    let (kernel, stride) = ([b.random.among(2, 3), 2], [b.random.among(1, 2), 2]);
    let pad = [b.random.among(0, 1), 0, 0, 1];
    let shape = [(7 + pad[0] - kernel[0]) / stride[0] + 1, (6 + 1 - 2) / 2 + 1];
    let declared = (element != Element::F32).then(|| ty.with_shape([1, 3, shape[0], shape[1]]));
    let window = [("kernel", ints(&kernel)), ("stride", ints(&stride)), ("pad", ints(&pad))];
    let y = if op == "avg_pool2d" {
        let [k, s, p] = window;
        let count = b.random.among(0, usize::from(element == Element::F32)) as i64;
        b.op(op, &[x], [k, s, p, ("count_pad", Attr::Int(count)), ("act", word("relu"))], declared)
    } else {
        b.op(op, &[x], window, declared)
    };
    b.finish(format!("{op} {element} {seed}"), y)
}

/// As quantized ONNX has it: another scale behind the mean.
fn global_average(seed: u64) -> Case {
    let mut b = Build::new(seed);
    let ty = b.random.quantized(Element::U8, &[1, 5, 4, 7]);
    let x = b.input(ty);
    let ty = b.random.quantized(Element::U8, &[1, 5, 1, 1]);
    let y = b.op("avg_pool2d", &[x], [("kernel", ints(&[4, 7]))], Some(ty));
    b.finish(format!("avg_pool2d on another scale {seed}"), y)
}

fn reduce(seed: u64, op: &str, element: Element) -> Case {
    let mut b = Build::new(seed);
    let shape = [2, 3, b.random.among(1, 4), 5];
    let axes = b.random.pick(&[&[2, 3][..], &[1], &[-1], &[1, 3], &[0, 1, 2, 3]]);
    let keep = b.random.among(0, 1);
    let ty = operand(&mut b, element, &shape);
    let x = b.input(ty.clone());
    // Something on channels-last memory in between.
    let pooled =
        b.op("max_pool2d", &[x], [("kernel", ints(&[1, 1]))], (element != Element::F32).then(|| ty.clone()));
    let reduced: Vec<usize> = axes.iter().map(|a: &i64| a.rem_euclid(4) as usize).collect();
    let kept = (0..4).filter_map(|i| match (reduced.contains(&i), keep) {
        (false, _) => Some(shape[i]),
        (true, 1) => Some(1),
        _ => None,
    });
    let kept: Vec<usize> = kept.collect();
    let declared = (element != Element::F32).then(|| {
        let mut result = b.random.quantized(element, &kept);
        if op == "reduce_max" {
            result.quant = ty.quant.clone();
        }
        result
    });
    let attrs = [("axes", Attr::Ints(axes.to_vec())), ("keep", Attr::Int(keep as i64))];
    let y = b.op(op, &[pooled], attrs, declared);
    b.finish(format!("{op} {element} {seed}"), y)
}

fn conversions(cases: &mut Vec<Case>, seed: u64) {
    for (i, element) in [Element::I8, Element::U8, Element::I16].into_iter().enumerate() {
        let mut b = Build::new(seed + i as u64);
        let x = b.float(&[2, 9]);
        let (from, to) = (b.random.quantized(element, &[2, 9]), b.random.quantized(element, &[2, 9]));
        let ties = if b.random.among(0, 1) == 0 { "even" } else { "away" };
        let quantized = b.op("quantize", &[x], [("ties", word(ties))], Some(from));
        let moved = b.op("requantize", &[quantized], [], Some(to));
        let y = b.op("dequantize", &[moved], [], None);
        b.graph.set_outputs(vec![quantized, moved, y]);
        cases.push(b.done(format!("quantize {element} {seed}")));
    }
    for (i, (from, to)) in [
        (Element::F32, "i8"),
        (Element::F32, "u8"),
        (Element::F32, "i64"),
        (Element::F32, "bool"),
        (Element::I32, "f32"),
        (Element::I64, "i16"),
        (Element::Bool, "i32"),
    ]
    .into_iter()
    .enumerate()
    {
        let mut b = Build::new(seed + 20 + i as u64);
        let x = b.input(Type::new(from, [11]));
        let y = b.op("cast", &[x], [("to", Attr::Text(to.to_owned()))], None);
        cases.push(b.finish(format!("cast {from} {to}"), y));
    }
}
