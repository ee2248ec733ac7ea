//! Every op on quantized operands against a simulation in float, under every profile; determinism; what is refused.

use ir::{Element, Graph, Kind, Quant, Tensor, Type};
use nasc_interp::{KernelError, Limits, Rounding, RunError, eval, run, run_within, trace};
use testkit::ops;

/// The reals an operand stands for, as a type and tensor of `f32`.
fn real(ty: &Type, data: &Tensor, scale: f64) -> (Type, Tensor) {
    let single = Type::new(Element::F32, ty.shape.clone());
    let stored = data.to_reals();
    let mut index = vec![0; ty.rank()];
    let values = stored.into_iter().map(|v| {
        let value = match &ty.quant {
            Some(quant) => {
                let slot = quant.slot(&ty.shape, &index);
                f64::from(quant.scale[slot]) * (v - f64::from(quant.zero[slot]))
            }
            None => v * scale,
        };
        for axis in (0..ty.rank()).rev() {
            index[axis] += 1;
            if index[axis] < ty.shape[axis] {
                break;
            }
            index[axis] = 0;
        }
        value
    });
    let tensor = Tensor::from_reals(Element::F32, ty.shape.clone(), values);
    (single, tensor)
}

/// What the node computes on the reals behind its operands, in steps of the result's scale, before it is cut to range.
fn simulated(graph: &Graph, inputs: &[Tensor]) -> Vec<f64> {
    let value = graph.outputs()[0];
    let node = graph.node(value);
    let Kind::Op { op, attrs } = node.kind() else { panic!("a use of an op") };
    let types: Vec<&Type> = graph.inputs().iter().map(|v| graph.ty(*v)).collect();
    // A bias is on the scale of the accumulator; the cases have one scale there, or one per channel.
    let bias_scale = |c: usize| {
        let scale =
            |ty: &Type| ty.quant.as_ref().map_or(1.0, |q| f64::from(q.scale[c.min(q.scale.len() - 1)]));
        scale(types[0]) * types.get(1).map_or(1.0, |w| scale(w))
    };
    let mut operands: Vec<Option<(Type, Tensor)>> = Vec::new();
    for operand in node.operands() {
        let Some(operand) = operand else {
            operands.push(None);
            continue;
        };
        let at = graph.inputs().iter().position(|v| v == operand).expect("operands are inputs");
        let (ty, data) = (types[at], &inputs[at]);
        let bias = !ty.is_quantized()
            && ty.rank() == 1
            && ty.element.is_int()
            && ["conv1d", "conv2d", "dense"].contains(&op.name);
        if bias {
            let values = data.to_reals().into_iter().enumerate().map(|(c, v)| v * bias_scale(c));
            let single = Type::new(Element::F32, ty.shape.clone());
            operands.push(Some((single, Tensor::from_reals(Element::F32, ty.shape.clone(), values))));
        } else if ty.is_quantized() {
            operands.push(Some(real(ty, data, 1.0)));
        } else {
            operands.push(Some((ty.clone(), data.clone())));
        }
    }
    let attrs = if attrs.has("mid") { attrs.with("mid", ir::Attr::Absent) } else { attrs.clone() };
    let operands: Vec<_> = operands.iter().map(|o| o.as_ref().map(|(ty, data)| (ty, data))).collect();
    let result = Type::new(Element::F32, node.ty().shape.clone());
    let op = if ["requantize", "dequantize"].contains(&op.name) {
        return steps(node.ty(), &operands[0].expect("x").1.to_reals());
    } else {
        *op
    };
    let y = eval(op, &attrs, &operands, &result).unwrap_or_else(|e| panic!("{}: {e}", graph.to_text()));
    steps(node.ty(), &y.to_reals())
}

fn steps(ty: &Type, values: &[f64]) -> Vec<f64> {
    let Some((scale, zero)) = ty.per_tensor() else { return values.to_vec() };
    let (low, high) = ty.element.range().expect("an integer");
    #[allow(clippy::cast_precision_loss, reason = "ends of up to 16 bits")]
    let cut = |v: &f64| (v / f64::from(scale) + f64::from(zero)).clamp(low as f64, high as f64);
    values.iter().map(cut).collect()
}

/// Steps a stored result may be from the simulation: half a step of rounding, what rounding twice adds, and what the
/// operand's own roundings cost where an op brings operands to another scale first.
fn allowed(op: &str, graph: &Graph, rounding: Rounding) -> f64 {
    let residual = graph.inputs().len() == 4;
    let sixteen = graph.ty(graph.inputs()[0]).element.bits() == 16;
    match op {
        // The convolution is rounded to `mid` (0.15 / 0.2 of a step) before the addition.
        "conv2d" if residual => 1.2,
        // The 15-bit mantissa: 2^-16 of up to 2^15 steps.
        "conv2d" | "dense" if sixteen => 1.5,
        // Truncated: up to a whole step.
        "sqrt" => 1.01,
        // TFLite's fixed point of 16 bits, truncated once.
        "hard_swish" => 1.6,
        // A factor rounded to a multiple of 1/256: half a 256th of up to 255 steps.
        "requantize" | "leaky_relu" | "concat" | "maximum" | "minimum" | "reduce_max"
            if rounding == Rounding::Xnnpack =>
        {
            1.01
        }
        _ => 0.76,
    }
}

#[test]
fn every_quantized_op_is_near_its_simulation_in_float_under_every_profile() {
    let mut faults = Vec::new();
    for op in ir::op::all() {
        for (i, case) in ops::quantized(op.name).into_iter().enumerate() {
            for rounding in Rounding::ALL {
                let text = with_round(&case.graph, op.name, rounding);
                let graph =
                    ir::parse(&text, &ir::NoWeights).unwrap_or_else(|faults| panic!("{faults:?}\n{text}"));
                let inputs = case.inputs(5);
                let found = run(&graph, &inputs).unwrap_or_else(|e| panic!("{e}\n{text}"));
                let expected = simulated(&graph, &inputs);
                let apart =
                    found[0].to_reals().iter().zip(&expected).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
                if apart > allowed(op.name, &graph, rounding) {
                    faults.push(format!("{} {i} under {rounding}: {apart} steps", op.name));
                }
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// The graph's text with the profile as attribute `round`, where the op has one.
fn with_round(graph: &Graph, op: &str, rounding: Rounding) -> String {
    let mut graph = graph.clone();
    let value = graph.outputs()[0];
    let node = graph.node(value).clone();
    if !node.attrs().has("round") {
        return graph.to_text();
    }
    let attrs = node.attrs().with("round", ir::Attr::Word(rounding.name().to_owned()));
    let op = ir::Op::named(op).expect("an op of the table");
    let new = graph.add_with(op, node.operands(), attrs, Some(node.ty().clone())).expect("the same node");
    graph.set_outputs([new]);
    graph.remove_dead();
    graph.to_text()
}

#[test]
fn results_do_not_depend_on_the_number_of_threads() {
    let case = &ops::quantized("conv2d")[0];
    let float = &ops::float("conv2d")[0];
    let both = || [run(&case.graph, &case.inputs(1)), run(&float.graph, &float.inputs(1))];
    let single = rayon::ThreadPoolBuilder::new().num_threads(1).build().expect("a pool");
    assert_eq!(single.install(both), both());
}

#[test]
fn a_trace_has_inputs_and_every_value_on_logical_axes() {
    let text = "graph @t(%x: f32[1, 2, 1, 3], layout = nhwc) {
      %a = relu %x
      %b = transpose %a {perm = [0, 2, 3, 1]}
      %dead = neg %x
      return %b
    }";
    let graph = ir::parse(text, &ir::NoWeights).expect("well-formed");
    let x = Tensor::from_f32([1, 1, 3, 2], &[-1.0, 2.0, 3.0, -4.0, 5.0, 6.0]);
    let values = trace(&graph, std::slice::from_ref(&x)).expect("runs");
    let named = |name: &str| values.iter().find(|(v, _)| graph.label(**v) == name).map(|(_, t)| t.to_f32());
    assert_eq!(named("x"), Some(vec![-1.0, 3.0, 5.0, 2.0, -4.0, 6.0]));
    assert_eq!(named("a"), Some(vec![0.0, 3.0, 5.0, 2.0, 0.0, 6.0]));
    assert_eq!((named("b"), named("dead")), (Some(vec![0.0, 2.0, 3.0, 0.0, 5.0, 6.0]), None));
}

#[test]
fn inputs_that_do_not_fit_are_named() {
    let graph =
        ir::parse("graph @t(%x: i8[1, 2, 3, 4], layout = nhwc) { %y = relu %x\n return %y }", &ir::NoWeights);
    let graph = graph.expect("well-formed");
    assert_eq!(run(&graph, &[]).expect_err("none given").to_string(), "0 inputs given, 1 expected");
    let logical = Tensor::from_ints(Element::I8, [1, 2, 3, 4], &[0; 24]);
    let refused = run(&graph, &[logical]).expect_err("logical axes").to_string();
    assert_eq!(refused, "input `x` is i8[1, 2, 3, 4], i8[1, 3, 4, 2] expected");
}

#[test]
fn a_weight_without_data_is_named_with_the_node_that_needs_it() {
    let text = "graph @t(%x: f32[2]) { const %w = @\"layer/w\" : f32[2]\n %sum = add %x, %w\n return %sum }";
    let graph = ir::parse(text, &ir::NoWeights).expect("well-formed");
    let refused = run(&graph, &[Tensor::from_f32([2], &[1.0, 2.0])]).expect_err("untrained");
    assert_eq!(refused.to_string(), "weight `layer/w` has no data, needed by `sum`");
}

#[test]
fn a_node_that_fails_is_named_with_its_op() {
    let text = "graph @t(%x: i32[2], %y: i32[2]) { %q = div %x, %y\n return %q }";
    let graph = ir::parse(text, &ir::NoWeights).expect("well-formed");
    let two = |v: [i64; 2]| Tensor::from_ints(Element::I32, [2], &v);
    let refused = run(&graph, &[two([1, 2]), two([3, 0])]).expect_err("divided by zero");
    assert_eq!(refused.to_string(), "node `q` (div): division of an integer by zero");

    let text = "graph @t(%x: f32[3], %i: i64[1]) { %g = gather %x, %i\n return %g }";
    let graph = ir::parse(text, &ir::NoWeights).expect("well-formed");
    let x = Tensor::from_f32([3], &[1.0, 2.0, 3.0]);
    let at = |i: i64| run(&graph, &[x.clone(), Tensor::from_ints(Element::I64, [1], &[i])]);
    assert_eq!(at(-1).expect("from the end")[0].to_f32(), [3.0]);
    assert_eq!(
        at(3).expect_err("behind").to_string(),
        "node `g` (gather): index 3 is outside an axis of extent 3"
    );
    assert!(at(i64::MIN).is_err());
}

#[test]
fn ops_without_meaning_for_an_element_are_refused() {
    for (text, expected) in [
        (
            "%x: i32[2] {scale = 0.5, zero = 0} | relu %x : i32[2] {scale = 0.5, zero = 0}",
            "`relu` is not defined for quantized i32: at most 16 bits are",
        ),
        ("%x: i32[2] | exp %x", "`exp` is not defined for i32"),
        (
            "%x: i8[2, 2] {scale = [0.1, 0.2], zero = 0, axis = 0} | tanh %x : i8[2, 2] {scale = 0.1, zero = 0}",
            "`x` has several scales, one for the whole tensor expected",
        ),
        (
            "%x: f32[2] | custom %x {symbol = \"mine\"} : f32[2]",
            "a custom op is defined by the user's C function, which runs on the target only",
        ),
    ] {
        let (input, node) = text.split_once(" | ").expect("input and node");
        let graph = ir::parse(&format!("graph @t({input}) {{ %y = {node}\n return %y }}"), &ir::NoWeights)
            .expect(text);
        let ty = graph.ty(graph.inputs()[0]);
        let x = if ty.element.is_float() {
            Tensor::from_f32(ty.shape.clone(), &vec![0.0; ty.elements()])
        } else {
            Tensor::from_ints(ty.element, ty.shape.clone(), &vec![0; ty.elements()])
        };
        let RunError::Node { error, .. } = run(&graph, &[x]).expect_err(text) else { panic!("{text}") };
        assert_eq!(error.to_string(), expected);
    }
}

#[test]
fn a_cycle_made_by_rewiring_is_refused() {
    let text = "graph @t(%x: f32[2]) { %y = relu %x\n %z = neg %y\n return %z }";
    let mut graph = ir::parse(text, &ir::NoWeights).expect("well-formed");
    let (y, z) = (graph.users(graph.inputs()[0])[0], graph.outputs()[0]);
    graph.set_operands(y, vec![Some(z)]);
    let refused = run(&graph, &[Tensor::from_f32([2], &[1.0, 2.0])]).expect_err("a cycle");
    assert!(matches!(refused, RunError::Unreachable { .. }), "{refused}");
}

#[test]
fn values_that_exceed_the_memory_limit_are_refused_before_they_are_made() {
    let text = "graph @t(%x: f32[1]) { %y = expand %x {shape = [65536, 16384]}\n return %y }";
    let graph = ir::parse(text, &ir::NoWeights).expect("well-formed");
    let refused = run(&graph, &[Tensor::from_f32([1], &[1.0])]).expect_err("16 GiB of working memory");
    assert!(matches!(refused, RunError::Memory { .. }), "{refused}");
    let small =
        ir::parse("graph @t(%x: f32[64]) { %y = neg %x\n return %y }", &ir::NoWeights).expect("well-formed");
    let refused = run_within(&small, &[Tensor::from_f32([64], &[0.0; 64])], Limits { memory_bytes: 1000 });
    assert!(matches!(refused, Err(RunError::Memory { limit: 1000, .. })));
}

#[test]
fn eval_refuses_data_that_is_not_of_its_type() {
    let op = ir::Op::named("neg").expect("an op of the table");
    let attrs = ir::Attrs::complete(op.attrs, []).expect("no required attribute");
    let (ty, data) = (Type::new(Element::F32, [3]), Tensor::from_f32([2], &[1.0, 2.0]));
    let refused = eval(op, &attrs, &[Some((&ty, &data))], &ty).expect_err("3 is not 2");
    assert_eq!(refused.to_string(), "operand 0 is f32[2], f32[3] expected");
    let bad = Type::new(Element::I8, [2]).with_quant(Quant::per_tensor(0.0, 0));
    let data = Tensor::from_ints(Element::I8, [2], &[1, 2]);
    assert!(matches!(
        eval(op, &attrs, &[Some((&bad, &data))], &bad),
        Err(KernelError::Data { .. } | KernelError::Infer(_))
    ));
}
