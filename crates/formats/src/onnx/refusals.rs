//! Models that are refused, and what is said about them.

use bytes::Bytes;
use prost::Message;

use super::proto::tensor_proto::DataType;
use super::proto::{
    self, AttributeProto, GraphProto, ModelProto, NodeProto, OperatorSetIdProto, TensorProto,
    TensorShapeProto, TypeProto, ValueInfoProto, attribute_proto::AttributeType,
    tensor_shape_proto::Dimension, tensor_shape_proto::dimension,
};
use crate::{ImportError, ImportOptions};

fn info(name: &str, kind: DataType, shape: &[i64]) -> ValueInfoProto {
    let dim = shape.iter().map(|d| Dimension { value: Some(dimension::Value::DimValue(*d)) }).collect();
    let tensor =
        proto::type_proto::Tensor { elem_type: Some(kind as i32), shape: Some(TensorShapeProto { dim }) };
    ValueInfoProto { name: Some(name.into()), r#type: Some(TypeProto { tensor_type: Some(tensor) }) }
}

fn node(op: &str, inputs: &[&str], outputs: &[&str]) -> NodeProto {
    NodeProto {
        op_type: Some(op.into()),
        name: Some(format!("n_{op}")),
        input: inputs.iter().map(|s| (*s).into()).collect(),
        output: outputs.iter().map(|s| (*s).into()).collect(),
        ..Default::default()
    }
}

fn ints(name: &str, list: &[i64]) -> AttributeProto {
    let kind = Some(AttributeType::Ints as i32);
    AttributeProto { name: Some(name.into()), ints: list.to_vec(), r#type: kind, ..Default::default() }
}

fn floats(name: &str, shape: &[i64], list: &[f32]) -> TensorProto {
    TensorProto {
        name: Some(name.into()),
        dims: shape.to_vec(),
        data_type: Some(DataType::Float as i32),
        float_data: list.to_vec(),
        ..Default::default()
    }
}

/// x[1, 2, 4, 4] through `nodes` to y.
fn graph(nodes: Vec<NodeProto>) -> GraphProto {
    GraphProto {
        node: nodes,
        input: vec![info("x", DataType::Float, &[1, 2, 4, 4])],
        output: vec![info("y", DataType::Float, &[])],
        ..Default::default()
    }
}

fn model(graph: GraphProto) -> ModelProto {
    let opset = OperatorSetIdProto { domain: None, version: Some(17) };
    ModelProto { ir_version: Some(8), graph: Some(graph), opset_import: vec![opset], ..Default::default() }
}

fn refused(model: &ModelProto) -> String {
    let file = Bytes::from(model.encode_to_vec());
    super::import(&file, None, &ImportOptions::default())
        .expect_err("a model that must be refused")
        .to_string()
}

#[test]
fn a_cycle_is_refused_with_the_value_it_goes_through() {
    let nodes =
        vec![node("Add", &["x", "b"], &["a"]), node("Relu", &["a"], &["b"]), node("Relu", &["b"], &["y"])];
    assert_eq!(
        refused(&model(graph(nodes))),
        "Add (node 0, `n_Add`): value `b`, which no node before computes, nodes in topological order expected"
    );
}

#[test]
fn a_missing_weight_and_a_value_computed_twice_are_refused() {
    let missing = refused(&model(graph(vec![node("Conv", &["x", "w"], &["y"])])));
    assert!(missing.contains("value `w`, which no node before computes"), "{missing}");
    let twice = refused(&model(graph(vec![node("Relu", &["x"], &["y"]), node("Relu", &["x"], &["y"])])));
    assert!(twice.contains("value `y` a second time, each value computed once expected"), "{twice}");
}

#[test]
fn an_empty_graph_is_refused() {
    assert_eq!(
        refused(&model(graph(vec![]))),
        "model.graph: 0 nodes and 1 outputs, at least one of each expected"
    );
    let no_graph = ModelProto { graph: None, ..model(graph(vec![])) };
    assert_eq!(refused(&no_graph), "model.graph: no graph, one expected");
    assert!(super::import(&Bytes::new(), None, &ImportOptions::default()).is_err());
}

#[test]
fn operator_sets_beyond_those_read_are_refused_with_the_way_out() {
    for version in [10, 22] {
        let mut old = model(graph(vec![node("Relu", &["x"], &["y"])]));
        old.opset_import[0].version = Some(version);
        let message = refused(&old);
        assert!(message.contains(&format!("operator set {version}, 11 to 21")), "{message}");
    }
}

#[test]
fn huge_extents_are_refused_before_anything_is_allocated() {
    let mut wide = graph(vec![node("Relu", &["x"], &["y"])]);
    wide.input = vec![info("x", DataType::Float, &[1 << 40, 1 << 40])];
    assert!(refused(&model(wide)).starts_with("input 0, `x`: more than"));
    let mut filled = graph(vec![node("ConstantOfShape", &["s"], &["y"])]);
    let shape =
        TensorProto { data_type: Some(DataType::Int64 as i32), float_data: vec![], ..floats("s", &[2], &[]) };
    filled.initializer = vec![TensorProto { int64_data: vec![1 << 20, 1 << 20], ..shape }];
    let message = refused(&model(filled));
    assert!(message.contains("for a file of this size"), "{message}");
}

#[test]
fn a_wrong_element_is_refused_where_it_is_used() {
    let mut mixed = graph(vec![node("Add", &["x", "i"], &["y"])]);
    mixed.initializer = vec![TensorProto {
        name: Some("i".into()),
        data_type: Some(DataType::Int32 as i32),
        int32_data: vec![1],
        dims: vec![1],
        ..Default::default()
    }];
    let message = refused(&model(mixed));
    assert!(
        message.starts_with("Add (node 0, `n_Add`): add: operand `b` is i32, as f32 expected"),
        "{message}"
    );
}

#[test]
fn scales_of_zero_nan_and_infinity_are_refused() {
    for scale in [0.0, f32::NAN, f32::INFINITY, -1.0] {
        let mut quantized = graph(vec![node("QuantizeLinear", &["x", "s"], &["y"])]);
        quantized.initializer = vec![floats("s", &[], &[scale])];
        let message = refused(&model(quantized));
        assert!(message.contains("is not positive and finite"), "{scale}: {message}");
    }
}

#[test]
fn attributes_of_a_wrong_kind_or_value_are_refused() {
    let weights = || vec![floats("w", &[1, 2, 1, 1], &[1.0, 1.0])];
    for (attr, expected) in [
        (ints("strides", &[0, 1]), "`strides` of [0, 1], 2 entries from 1 up expected"),
        (ints("pads", &[1, 1]), "`pads` of [1, 1], 4 entries from 0 up expected"),
        (ints("kernel_shape", &[3, 3]), "`kernel_shape` of [3, 3], [1, 1] as the weights have expected"),
        (ints("group", &[1]), "attribute `group` of kind INTS, INT expected"),
    ] {
        let conv = NodeProto { attribute: vec![attr], ..node("Conv", &["x", "w"], &["y"]) };
        let message = refused(&model(GraphProto { initializer: weights(), ..graph(vec![conv]) }));
        assert!(message.contains(expected), "{message}");
    }
}

#[test]
fn everything_unsupported_is_listed_once_with_the_nearest_form() {
    let nodes = vec![
        node("Det", &["x"], &["a"]),
        node("Relu", &["a"], &["b"]),
        NodeProto { domain: Some("com.example".into()), ..node("Mine", &["x"], &["c"]) },
        node("Where", &["x", "x", "x"], &["d"]),
        node("LSTM", &["b"], &["y"]),
    ];
    let file = Bytes::from(model(graph(nodes)).encode_to_vec());
    let error = super::import(&file, None, &ImportOptions::default()).expect_err("four operators");
    let ImportError::Unsupported(found) = &error else { panic!("{error}") };
    let ops: Vec<&str> = found.0.iter().map(|op| op.op.as_str()).collect();
    // What depends on the first is not looked at, since its operands have no type.
    assert_eq!(ops, ["Det", "com.example::Mine", "Where"]);
    let message = error.to_string();
    assert!(
        message.starts_with("3 operators are not supported:\n  Det (node 0, `n_Det`); nearest: "),
        "{message}"
    );
    assert!(
        message.contains("Where (node 3, `n_Where`): operands that are computed; nearest: constant operands"),
        "{message}"
    );
}

#[test]
fn external_data_outside_the_folder_are_refused() {
    let entry = |key: &str, value: &str| proto::StringStringEntryProto {
        key: Some(key.into()),
        value: Some(value.into()),
    };
    let mut outside = graph(vec![node("Add", &["x", "w"], &["y"])]);
    outside.initializer = vec![TensorProto {
        external_data: vec![entry("location", "../../etc/passwd")],
        data_location: Some(proto::tensor_proto::DataLocation::External as i32),
        ..floats("w", &[1], &[])
    }];
    assert_eq!(
        refused(&model(outside)),
        "initializer 0, `w`: external data in `../../etc/passwd`, a file in the model's folder expected"
    );
}

#[test]
fn a_second_result_may_be_named_but_not_used() {
    let pool = || NodeProto {
        attribute: vec![ints("kernel_shape", &[2, 2])],
        ..node("MaxPool", &["x"], &["y", "places"])
    };
    let named = Bytes::from(model(graph(vec![pool()])).encode_to_vec());
    assert!(super::import(&named, None, &ImportOptions::default()).is_ok());
    let used = refused(&model(graph(vec![pool(), node("Relu", &["places"], &["z"])])));
    assert!(
        used.contains("Relu (node 1, `n_Relu`): `places`, a second result of MaxPool; nearest: "),
        "{used}"
    );
}

#[test]
fn a_model_that_still_trains_is_refused() {
    let mut training = graph(vec![node("Dropout", &["x", "", "t"], &["y"])]);
    training.initializer = vec![TensorProto {
        name: Some("t".into()),
        data_type: Some(DataType::Bool as i32),
        int32_data: vec![1],
        ..Default::default()
    }];
    let message = refused(&model(training));
    assert!(message.contains("training_mode; nearest: a model exported for inference"), "{message}");
}
