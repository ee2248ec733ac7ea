//! Models that are refused, and what is said about them.

use bytes::Bytes;

use super::Tables;
use super::schema::*;
use crate::{ImportError, ImportOptions};

fn tensor(name: &str, shape: &[i32], element: i8, buffer: u32) -> Tensor {
    Tensor { shape: shape.to_vec(), element, buffer, name: name.into(), ..Default::default() }
}

fn operator(code: u32, inputs: &[i32], output: i32) -> Operator {
    Operator { opcode_index: code, inputs: inputs.to_vec(), outputs: vec![output], options: Options::None }
}

/// x[1, 4] through two RELU, the second to y.
fn model() -> Model {
    let tensors = vec![
        tensor("x", &[1, 4], element::FLOAT32, 0),
        tensor("middle", &[1, 4], element::FLOAT32, 0),
        tensor("y", &[1, 4], element::FLOAT32, 0),
    ];
    let graph = SubGraph {
        tensors: Tables(tensors),
        inputs: vec![0],
        outputs: vec![2],
        operators: Tables(vec![operator(0, &[0], 1), operator(0, &[1], 2)]),
        name: "main".into(),
    };
    Model {
        version: 3,
        operator_codes: Tables(vec![OperatorCode::of(19, 1), OperatorCode::of(0, 1)]),
        subgraphs: Tables(vec![graph]),
        buffers: Tables(vec![Buffer::default()]),
        ..Default::default()
    }
}

fn import(model: &Model) -> Result<crate::Imported, ImportError> {
    super::import(&Bytes::from(super::write(model)), &ImportOptions::default())
}

fn refused(change: impl FnOnce(&mut Model)) -> String {
    let mut model = model();
    change(&mut model);
    import(&model).expect_err("a model that must be refused").to_string()
}

fn graph(model: &mut Model) -> &mut SubGraph {
    &mut model.subgraphs.0[0]
}

#[test]
fn the_model_the_cases_start_from_is_sound() {
    assert!(import(&model()).is_ok());
}

#[test]
fn operators_out_of_order_and_cycles_are_refused_with_the_tensor() {
    let message = refused(|m| graph(m).operators.0.swap(0, 1));
    let expected = "RELU (operator 0, result `y`): tensor 1 `middle`, which nothing before has computed, \
                    operators in execution order expected";
    assert_eq!(message, expected);
    let twice = refused(|m| graph(m).operators.0[1].outputs = vec![1]);
    assert!(twice.contains("a result, tensor 1 `middle`, that has a value already"), "{twice}");
}

#[test]
fn empty_graphs_and_other_versions_are_refused() {
    assert!(refused(|m| m.subgraphs.0.clear()).contains("no graph"));
    assert!(refused(|m| graph(m).operators.0.clear()).contains("0 operators and 1 outputs"));
    assert!(refused(|m| graph(m).outputs.clear()).contains("2 operators and 0 outputs"));
    assert_eq!(refused(|m| m.version = 4), "model.version: 4, 3 expected");
}

#[test]
fn numbers_that_name_nothing_are_refused() {
    assert!(
        refused(|m| graph(m).operators.0[0].inputs = vec![7]).contains("tensor number 7, a number below 3")
    );
    assert!(refused(|m| graph(m).operators.0[0].opcode_index = 9).contains("operator code number 9"));
    assert!(refused(|m| graph(m).tensors.0[1].buffer = 5).contains("tensor `middle` with buffer 5"));
    assert!(refused(|m| graph(m).operators.0[0].inputs.clear()).contains("0 operands, operand 0 of RELU"));
}

#[test]
fn negative_huge_and_unfitting_shapes_are_refused() {
    assert!(
        refused(|m| graph(m).tensors.0[0].shape = vec![-1, 4]).contains("shape [-1, 4], extents from 0 up")
    );
    let huge = refused(|m| graph(m).tensors.0[0].shape = vec![i32::MAX; 4]);
    assert!(huge.starts_with("input 0: tensor 0 `x`: more than"), "{huge}");
    let other = refused(|m| graph(m).tensors.0[2].shape = vec![1, 5]);
    assert!(other.contains("declared f32[1, 5], inferred f32[1, 4]"), "{other}");
}

#[test]
fn scales_of_zero_nan_and_infinity_are_refused() {
    for scale in [0.0, f32::NAN, f32::INFINITY, -0.5] {
        let message = refused(|m| {
            graph(m).tensors.0[0].element = element::INT8;
            graph(m).tensors.0[0].quantization =
                Some(Quantization { scale: vec![scale], ..Default::default() });
        });
        assert!(message.starts_with("input 0: tensor 0 `x`: scale"), "{message}");
        assert!(message.contains("is not positive and finite"), "{message}");
    }
}

#[test]
fn data_of_the_wrong_length_are_refused() {
    let message = refused(|m| {
        graph(m).tensors.0.push(tensor("w", &[4], element::FLOAT32, 1));
        m.buffers.0.push(Buffer { data: Bytes::from_static(&[0; 15]), ..Default::default() });
        graph(m).operators.0[1] = operator(1, &[1, 3], 2);
    });
    assert!(message.contains("tensor 3 `w` with a buffer of 15 bytes, 16 for f32[4] expected"), "{message}");
}

#[test]
fn everything_unsupported_is_listed_with_the_nearest_form() {
    let mut model = model();
    let custom = OperatorCode { custom_code: "Mine".into(), ..OperatorCode::of(32, 1) };
    model.operator_codes = Tables(vec![OperatorCode::of(56, 1), custom]);
    graph(&mut model).operators = Tables(vec![operator(0, &[0], 1), operator(1, &[0], 2)]);
    let message = import(&model).expect_err("two operators").to_string();
    let expected = "2 operators are not supported:\n  ARG_MAX (operator 0, result `middle`); nearest: end the model at the scores\n  \
                    CUSTOM `Mine` (operator 1, result `y`); nearest: a hook";
    assert!(message.starts_with(expected), "{message}");
}
