//! The operators that are imported, and what each becomes. The coverage table derives from these rows.

use super::super::schema::Operator;
use super::absent::ABSENT;
use super::{Importer, Use};
use crate::Coverage;
use crate::error::Fault;

type Import = for<'a, 'm> fn(&'a mut Importer<'m>, Use<'m>) -> Result<(), Fault>;

/// One operator.
pub(super) struct Row {
    /// Number in the schema.
    pub(super) code: i32,
    /// As the schema names it.
    pub(super) name: &'static str,
    /// How it is imported; `None` where it is not.
    pub(super) import: Option<Import>,
    /// Ops it becomes.
    pub(super) to: &'static [&'static str],
    /// Its restrictions, or the nearest supported form.
    pub(super) note: &'static str,
}

const fn row(
    code: i32,
    name: &'static str,
    import: Import,
    to: &'static [&'static str],
    note: &'static str,
) -> Row {
    Row { code, name, import: Some(import), to, note }
}

pub(super) const fn absent(code: i32, name: &'static str, nearest: &'static str) -> Row {
    Row { code, name, import: None, to: &[], note: nearest }
}

const ROWS: &[Row] = &[
    row(0, "ADD", |i, u| i.add(u), &["add"], ""),
    row(1, "AVERAGE_POOL_2D", |i, u| i.average_pool_2d(u), &["avg_pool2d"], ""),
    row(2, "CONCATENATION", |i, u| i.concatenation(u), &["concat"], "no fused activation"),
    row(3, "CONV_2D", |i, u| i.conv_2d(u), &["conv2d"], "groups by the weights' input channels"),
    row(4, "DEPTHWISE_CONV_2D", |i, u| i.depthwise_conv_2d(u), &["conv2d"], "constant weights"),
    row(5, "DEPTH_TO_SPACE", |i, u| i.depth_to_space(u), &["reshape", "transpose"], ""),
    row(6, "DEQUANTIZE", |i, u| i.dequantize(u), &["dequantize", "cast"], "float16 constants are widened"),
    row(9, "FULLY_CONNECTED", |i, u| i.fully_connected(u), &["dense"], "weights in their default format"),
    row(14, "LOGISTIC", |i, u| i.logistic(u), &["sigmoid"], ""),
    row(17, "MAX_POOL_2D", |i, u| i.max_pool_2d(u), &["max_pool2d"], ""),
    row(18, "MUL", |i, u| i.mul(u), &["mul"], ""),
    row(19, "RELU", |i, u| i.relu(u), &["relu"], ""),
    row(20, "RELU_N1_TO_1", |i, u| i.relu_n1_to_1(u), &["clip"], ""),
    row(21, "RELU6", |i, u| i.relu6(u), &["relu6"], ""),
    row(22, "RESHAPE", |i, u| i.reshape(u), &["reshape"], ""),
    row(25, "SOFTMAX", |i, u| i.softmax(u), &["softmax"], ""),
    row(26, "SPACE_TO_DEPTH", |i, u| i.space_to_depth(u), &["reshape", "transpose"], ""),
    row(28, "TANH", |i, u| i.tanh(u), &["tanh"], ""),
    row(34, "PAD", |i, u| i.pad(u), &["pad"], "constant paddings"),
    row(36, "GATHER", |i, u| i.gather(u), &["gather"], "batch_dims = 0"),
    row(
        37,
        "BATCH_TO_SPACE_ND",
        |i, u| i.batch_to_space(u),
        &["reshape", "transpose", "slice"],
        "constant blocks and crops",
    ),
    row(
        38,
        "SPACE_TO_BATCH_ND",
        |i, u| i.space_to_batch(u),
        &["pad", "reshape", "transpose"],
        "constant blocks and pads",
    ),
    row(39, "TRANSPOSE", |i, u| i.transpose(u), &["transpose"], "constant permutation"),
    row(40, "MEAN", |i, u| i.mean(u), &["mean"], "constant axes"),
    row(41, "SUB", |i, u| i.sub(u), &["sub"], ""),
    row(42, "DIV", |i, u| i.div(u), &["div"], ""),
    row(43, "SQUEEZE", |i, u| i.reshape(u), &["reshape"], ""),
    row(
        45,
        "STRIDED_SLICE",
        |i, u| i.strided_slice(u),
        &["slice"],
        "constant ends, strides from 1 up, no new axes",
    ),
    row(47, "EXP", |i, u| i.exp(u), &["exp"], ""),
    row(49, "SPLIT", |i, u| i.split(u), &["slice"], ""),
    row(53, "CAST", |i, u| i.cast(u), &["cast"], ""),
    row(54, "PRELU", |i, u| i.prelu(u), &["prelu"], ""),
    row(55, "MAXIMUM", |i, u| i.maximum(u), &["maximum"], ""),
    row(57, "MINIMUM", |i, u| i.minimum(u), &["minimum"], ""),
    row(59, "NEG", |i, u| i.neg(u), &["neg"], ""),
    row(60, "PADV2", |i, u| i.pad(u), &["pad"], "constant paddings and value"),
    row(65, "SLICE", |i, u| i.slice(u), &["slice"], "constant begin and size"),
    row(70, "EXPAND_DIMS", |i, u| i.reshape(u), &["reshape"], ""),
    row(73, "LOG", |i, u| i.log(u), &["log"], ""),
    row(74, "SUM", |i, u| i.sum(u), &["sum"], "constant axes"),
    row(75, "SQRT", |i, u| i.sqrt(u), &["sqrt"], ""),
    row(76, "RSQRT", |i, u| i.rsqrt(u), &["sqrt", "reciprocal"], "float"),
    row(77, "SHAPE", |i, u| i.shape(u), &[], "a constant: shapes are fixed"),
    row(78, "POW", |i, u| i.pow(u), &["pow"], ""),
    row(82, "REDUCE_MAX", |i, u| i.reduce_max(u), &["reduce_max"], "constant axes"),
    row(83, "PACK", |i, u| i.pack(u), &["reshape", "concat"], ""),
    row(88, "UNPACK", |i, u| i.unpack(u), &["slice", "reshape"], ""),
    row(92, "SQUARE", |i, u| i.square(u), &["mul"], ""),
    row(
        97,
        "RESIZE_NEAREST_NEIGHBOR",
        |i, u| i.resize_nearest(u),
        &["resize2d"],
        "one whole factor, no align_corners",
    ),
    row(98, "LEAKY_RELU", |i, u| i.leaky_relu(u), &["leaky_relu"], ""),
    row(99, "SQUARED_DIFFERENCE", |i, u| i.squared_difference(u), &["sub", "mul"], "float"),
    row(100, "MIRROR_PAD", |i, u| i.mirror_pad(u), &["pad"], "mode REFLECT, constant paddings"),
    row(101, "ABS", |i, u| i.abs(u), &["abs"], ""),
    row(102, "SPLIT_V", |i, u| i.split_v(u), &["slice"], ""),
    row(111, "ELU", |i, u| i.elu(u), &["elu"], ""),
    row(114, "QUANTIZE", |i, u| i.quantize(u), &["quantize", "requantize"], ""),
    row(117, "HARD_SWISH", |i, u| i.hard_swish(u), &["hard_swish"], ""),
    row(126, "BATCH_MATMUL", |i, u| i.batch_matmul(u), &["matmul"], ""),
    row(130, "BROADCAST_TO", |i, u| i.broadcast_to(u), &["expand"], ""),
    row(150, "GELU", |i, u| i.gelu(u), &["gelu"], ""),
    row(152, "RELU_0_TO_1", |i, u| i.relu_0_to_1(u), &["clip"], ""),
];

/// One row for each operator of the schema, by number.
pub fn coverage() -> impl Iterator<Item = Coverage> {
    let mut rows: Vec<&Row> = ROWS.iter().chain(ABSENT).collect();
    rows.sort_by_key(|row| row.code);
    rows.into_iter().map(|row| Coverage {
        format: "tflite",
        op: row.name,
        to: row.to,
        supported: row.import.is_some(),
        note: row.note,
    })
}

impl Importer<'_> {
    /// The row of an operator.
    pub(super) fn row(&self, operator: &Operator) -> Result<&'static Row, Fault> {
        let codes = &self.model.operator_codes;
        let code = codes.get(operator.opcode_index as usize).map(super::super::schema::OperatorCode::code);
        let code = code.ok_or_else(|| {
            let found = format!("operator code number {}", operator.opcode_index);
            Fault::wrong(found, format!("a number below {}", codes.len()))
        })?;
        let row = ROWS.iter().chain(ABSENT).find(|row| row.code == code);
        row.ok_or_else(|| Fault::wrong(format!("operator {code}"), "an operator of the schema"))
    }

    /// The name of an operator; a custom one by its own name.
    pub(super) fn operator_name(&self, operator: &Operator, name: &str) -> String {
        let code = self.model.operator_codes.get(operator.opcode_index as usize);
        match code.map(|code| code.custom_code.as_str()) {
            Some(custom) if !custom.is_empty() => format!("{name} `{custom}`"),
            _ => name.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_there_once_and_names_ops_of_the_table() {
        let mut codes: Vec<i32> = ROWS.iter().chain(ABSENT).map(|row| row.code).collect();
        let count = codes.len();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), count);
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
