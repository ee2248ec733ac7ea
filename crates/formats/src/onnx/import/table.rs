//! The operators that are imported, and what each becomes. The coverage table derives from these rows.

use super::Importer;
use super::absent::ABSENT;
use super::attrs::Node;
use super::folding::{self as f, Fold};
use crate::Coverage;
use crate::error::Fault;

type Import = fn(&mut Importer, &Node<'_>) -> Result<(), Fault>;

/// One operator.
pub(super) struct Row {
    /// As the specification names it.
    pub(super) name: &'static str,
    /// How it is computed where all its operands are constants.
    pub(super) fold: Option<Fold>,
    /// How it is imported otherwise; `None` where it is not.
    pub(super) import: Option<Import>,
    /// Ops it becomes.
    pub(super) to: &'static [&'static str],
    /// Its restrictions, or the nearest supported form.
    pub(super) note: &'static str,
}

type Ops = &'static [&'static str];

const fn import(name: &'static str, import: Import, to: Ops, note: &'static str) -> Row {
    Row { name, fold: None, import: Some(import), to, note }
}

const fn both(name: &'static str, fold: Fold, import: Import, to: Ops, note: &'static str) -> Row {
    Row { name, fold: Some(fold), import: Some(import), to, note }
}

const fn folded(name: &'static str, fold: Fold) -> Row {
    Row { name, fold: Some(fold), import: None, to: &[], note: "constant operands" }
}

pub(super) const fn absent(name: &'static str, nearest: &'static str) -> Row {
    Row { name, fold: None, import: None, to: &[], note: nearest }
}

const ROWS: &[Row] = &[
    both("Abs", f::abs, |i, n| i.unary(n, "abs", &[]), &["abs"], ""),
    both("Add", f::add, |i, n| i.binary(n, "add"), &["add"], ""),
    folded("And", f::and),
    import(
        "AveragePool",
        |i, n| i.average_pool(n),
        &["avg_pool2d"],
        "rank 3 or 4; not ceil_mode with count_include_pad",
    ),
    import("BatchNormalization", |i, n| i.batch_normalization(n), &["batch_norm"], "inference"),
    both("Cast", f::cast, |i, n| i.cast(n), &["cast"], ""),
    folded("Ceil", f::ceil),
    import("Clip", |i, n| i.clip(n), &["clip", "relu", "relu6"], "constant ends"),
    both("Concat", f::concat, |i, n| i.concat(n), &["concat"], "integers of one scale"),
    import("Constant", |_, _| Ok(()), &[], "dense numbers"),
    folded("ConstantOfShape", f::constant_of_shape),
    import("Conv", |i, n| i.conv(n), &["conv2d", "conv1d"], "one or two spatial axes"),
    import("DepthToSpace", |i, n| i.depth_to_space(n), &["reshape", "transpose"], ""),
    import(
        "DequantizeLinear",
        |i, n| i.dequantize_linear(n),
        &["dequantize"],
        "constant scales, that of its QuantizeLinear",
    ),
    both("Div", f::div, |i, n| i.binary(n, "div"), &["div"], ""),
    both("Dropout", f::identity, |i, n| i.dropout(n), &[], "nothing at inference"),
    import("Elu", |i, n| i.elu(n), &["elu"], ""),
    folded("Equal", f::equal),
    import("Erf", |i, n| i.unary(n, "erf", &[]), &["erf"], ""),
    import("Exp", |i, n| i.unary(n, "exp", &[]), &["exp"], ""),
    both("Expand", f::expand, |i, n| i.expand(n), &["expand"], "constant shape"),
    both("Flatten", f::flatten, |i, n| i.flatten(n), &["reshape"], ""),
    folded("Floor", f::floor),
    both("Gather", f::gather, |i, n| i.gather(n), &["gather", "slice"], ""),
    import("Gelu", |i, n| i.gelu(n), &["gelu"], ""),
    import("Gemm", |i, n| i.gemm(n), &["dense", "mul", "add"], ""),
    import("GlobalAveragePool", |i, n| i.global_average_pool(n), &["mean"], ""),
    import("GlobalMaxPool", |i, n| i.global_max_pool(n), &["reduce_max"], ""),
    folded("Greater", f::greater),
    folded("GreaterOrEqual", f::greater_or_equal),
    import("HardSigmoid", |i, n| i.hard_sigmoid(n), &["hard_sigmoid"], ""),
    import("HardSwish", |i, n| i.unary(n, "hard_swish", &[]), &["hard_swish"], ""),
    both("Identity", f::identity, |i, n| i.identity(n), &[], "nothing"),
    import("LayerNormalization", |i, n| i.layer_normalization(n), &["layer_norm"], ""),
    import("LeakyRelu", |i, n| i.leaky_relu(n), &["leaky_relu"], ""),
    folded("Less", f::less),
    folded("LessOrEqual", f::less_or_equal),
    import("Log", |i, n| i.unary(n, "log", &[]), &["log"], ""),
    import("LogSoftmax", |i, n| i.log_softmax(n), &["softmax", "log"], ""),
    import("MatMul", |i, n| i.matmul(n), &["matmul", "dense"], ""),
    both("Max", f::maximum, |i, n| i.chain(n, "maximum"), &["maximum"], ""),
    import("MaxPool", |i, n| i.max_pool(n), &["max_pool2d"], "rank 3 or 4, no dilation"),
    both("Min", f::minimum, |i, n| i.chain(n, "minimum"), &["minimum"], ""),
    folded("Mod", f::remainder),
    both("Mul", f::mul, |i, n| i.binary(n, "mul"), &["mul"], ""),
    both("Neg", f::neg, |i, n| i.unary(n, "neg", &[]), &["neg"], ""),
    folded("Not", f::not),
    folded("Or", f::or),
    import("PRelu", |i, n| i.prelu(n), &["prelu"], ""),
    import("Pad", |i, n| i.pad(n), &["pad"], "constant pads from 0 up; constant, reflect, edge"),
    both("Pow", f::power, |i, n| i.pow(n), &["pow"], ""),
    import(
        "QuantizeLinear",
        |i, n| i.quantize_linear(n),
        &["quantize"],
        "constant scales; integers of 4 to 16 bits",
    ),
    folded("Range", f::range),
    both("Reciprocal", f::reciprocal, |i, n| i.unary(n, "reciprocal", &[]), &["reciprocal"], ""),
    import("ReduceL2", |i, n| i.reduce_l2(n), &["mul", "sum", "sqrt"], "constant axes"),
    both("ReduceMax", f::reduce_max, |i, n| i.reduce_max(n), &["reduce_max"], "constant axes"),
    import("ReduceMean", |i, n| i.reduce_mean(n), &["mean"], "constant axes"),
    both("ReduceMin", f::reduce_min, |i, n| i.reduce_min(n), &["neg", "reduce_max"], "constant axes"),
    folded("ReduceProd", f::reduce_prod),
    both("ReduceSum", f::reduce_sum, |i, n| i.reduce_sum(n), &["sum"], "constant axes"),
    import("ReduceSumSquare", |i, n| i.reduce_sum_square(n), &["mul", "sum"], "constant axes"),
    import("Relu", |i, n| i.unary(n, "relu", &[]), &["relu"], ""),
    both("Reshape", f::reshape, |i, n| i.reshape(n), &["reshape"], "constant shape"),
    import("Resize", |i, n| i.resize(n), &["resize2d"], "nearest by one whole factor"),
    folded("Round", f::round),
    import("Shape", |i, n| i.shape(n), &[], "a constant: shapes are fixed"),
    import("Sigmoid", |i, n| i.unary(n, "sigmoid", &[]), &["sigmoid"], ""),
    import("Size", |i, n| i.size(n), &[], "a constant: shapes are fixed"),
    both("Slice", f::slice, |i, n| i.slice(n), &["slice"], "constant ends, steps from 1 up"),
    import("Softmax", |i, n| i.softmax(n), &["softmax"], ""),
    import("SpaceToDepth", |i, n| i.space_to_depth(n), &["reshape", "transpose"], ""),
    import("Split", |i, n| i.split(n), &["slice"], "constant sizes"),
    both("Sqrt", f::sqrt, |i, n| i.unary(n, "sqrt", &[]), &["sqrt"], ""),
    both("Squeeze", f::squeeze, |i, n| i.squeeze(n), &["reshape"], ""),
    both("Sub", f::sub, |i, n| i.binary(n, "sub"), &["sub"], ""),
    both("Sum", f::add, |i, n| i.chain(n, "add"), &["add"], ""),
    import("Tanh", |i, n| i.unary(n, "tanh", &[]), &["tanh"], ""),
    both("Tile", f::tile, |i, n| i.tile(n), &["reshape", "expand"], "constant repeats"),
    both("Transpose", f::transpose, |i, n| i.transpose(n), &["transpose"], ""),
    both("Unsqueeze", f::unsqueeze, |i, n| i.unsqueeze(n), &["reshape"], ""),
    folded("Where", f::select),
];

const FOREIGN: &str = "operators of ONNX's own set; integers as QuantizeLinear and DequantizeLinear; \
                       your own C function by the op `custom` of the `.nasc` form";

/// One row for each operator of the specification, by name.
pub fn coverage() -> impl Iterator<Item = Coverage> {
    let mut rows: Vec<&Row> = ROWS.iter().chain(ABSENT).collect();
    rows.sort_by_key(|row| row.name);
    rows.into_iter().map(|row| Coverage {
        format: "onnx",
        op: row.name,
        to: row.to,
        supported: row.import.is_some() || row.fold.is_some(),
        note: row.note,
    })
}

/// The row of a node's operator.
pub(super) fn row(node: &Node<'_>) -> Result<&'static Row, Fault> {
    if !matches!(node.proto.domain(), "" | "ai.onnx") {
        return Err(Fault::unsupported("an operator of another domain", FOREIGN));
    }
    let found = ROWS.iter().chain(ABSENT).find(|row| row.name == node.proto.op_type());
    found.ok_or_else(|| Fault::unsupported("an operator no operator set has", FOREIGN))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_there_once_and_names_ops_of_the_table() {
        let mut names: Vec<&str> = ROWS.iter().chain(ABSENT).map(|row| row.name).collect();
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
        for row in ROWS {
            for op in row.to {
                assert!(ir::Op::named(op).is_some(), "{}: {op}", row.name);
            }
        }
        for row in ABSENT {
            assert!(!row.note.is_empty(), "{} without the nearest supported form", row.name);
        }
    }
}
