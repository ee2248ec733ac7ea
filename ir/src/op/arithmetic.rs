//! Elementwise arithmetic and activations.

use super::declare::{BINARY, COMMUTATIVE, UNARY, any, no_macs};
use super::infer::broadcast;
use super::{InferError, OpContext, OpDef, OperandDef};
use crate::Type;
use crate::attr::AttrDef;
use crate::attr::declare::{ACT, ROUND, needed_real, real, word};

pub(super) const OPS: &[&OpDef] = &[
    &ADD,
    &SUB,
    &MUL,
    &DIV,
    &MAXIMUM,
    &MINIMUM,
    &POW,
    &PRELU,
    &RELU,
    &RELU6,
    &LEAKY_RELU,
    &ELU,
    &CLIP,
    &SIGMOID,
    &TANH,
    &SILU,
    &HARD_SIGMOID,
    &HARD_SWISH,
    &GELU,
    &ERF,
    &EXP,
    &LOG,
    &SQRT,
    &RECIPROCAL,
    &NEG,
    &ABS,
];

const A_B: &[OperandDef] = &[any("a"), any("b")];
const X: &[OperandDef] = &[any("x")];
const ACT_ROUND: &[AttrDef] = &[ACT, ROUND];

const fn binary(name: &'static str, summary: &'static str, source: &'static str, commutes: bool) -> OpDef {
    OpDef {
        name,
        summary,
        source,
        operands: A_B,
        attrs: ACT_ROUND,
        infer: infer_binary,
        macs: no_macs,
        traits: if commutes { COMMUTATIVE } else { BINARY },
    }
}

const fn unary(
    name: &'static str,
    summary: &'static str,
    source: &'static str,
    attrs: &'static [AttrDef],
) -> OpDef {
    OpDef {
        name,
        summary,
        source,
        operands: X,
        attrs,
        infer: |op| {
            let x = op.operand("x");
            op.computed(x, x.shape.clone())
        },
        macs: no_macs,
        traits: UNARY,
    }
}

const ADD: OpDef = binary("add", "a + b, broadcast", "ONNX Add, opset 14; TFLite ADD", true);
const SUB: OpDef = binary("sub", "a - b, broadcast", "ONNX Sub, opset 14; TFLite SUB", false);
const MUL: OpDef = binary("mul", "a * b, broadcast", "ONNX Mul, opset 14; TFLite MUL", true);
const DIV: OpDef = binary("div", "a / b, broadcast", "ONNX Div, opset 14", false);
const MAXIMUM: OpDef = binary("maximum", "the larger of a and b, broadcast", "ONNX Max, opset 13", true);
const MINIMUM: OpDef = binary("minimum", "the smaller of a and b, broadcast", "ONNX Min, opset 13", true);
const POW: OpDef = binary("pow", "a to the power of b, broadcast", "ONNX Pow, opset 15", false);
const PRELU: OpDef =
    binary("prelu", "a where positive, else a * b, broadcast", "ONNX PRelu, opset 16", false);

const ONLY_ROUND: &[AttrDef] = &[ROUND];
const RELU: OpDef = unary("relu", "max(x, 0)", "ONNX Relu, opset 14", ONLY_ROUND);
const RELU6: OpDef = unary("relu6", "min(max(x, 0), 6)", "TFLite RELU6", ONLY_ROUND);
const LEAKY_RELU: OpDef = unary(
    "leaky_relu",
    "x where positive, else alpha * x",
    "ONNX LeakyRelu, opset 16",
    &[real("alpha", 0.01, "slope below zero"), ROUND],
);
const ELU: OpDef = unary(
    "elu",
    "x where positive, else alpha * (exp(x) - 1)",
    "ONNX Elu, opset 6",
    &[real("alpha", 1.0, "limit below zero"), ROUND],
);
const CLIP: OpDef = unary(
    "clip",
    "min(max(x, min), max)",
    "ONNX Clip, opset 13",
    &[needed_real("min", "lower end"), needed_real("max", "upper end"), ROUND],
);
const SIGMOID: OpDef =
    unary("sigmoid", "1 / (1 + exp(-x))", "ONNX Sigmoid, opset 13; TFLite LOGISTIC", ONLY_ROUND);
const TANH: OpDef = unary("tanh", "hyperbolic tangent", "ONNX Tanh, opset 13", ONLY_ROUND);
const SILU: OpDef = unary("silu", "x * sigmoid(x)", "Elfwing et al., 2017; EfficientNet's swish", ONLY_ROUND);
const HARD_SIGMOID: OpDef = unary(
    "hard_sigmoid",
    "min(max(alpha * x + beta, 0), 1)",
    "ONNX HardSigmoid, opset 6",
    &[real("alpha", 0.2, "slope"), real("beta", 0.5, "value at zero"), ROUND],
);
const HARD_SWISH: OpDef = unary(
    "hard_swish",
    "x * min(max(x + 3, 0), 6) / 6",
    "ONNX HardSwish, opset 14; Howard et al., 2019",
    ONLY_ROUND,
);
const GELU: OpDef = unary(
    "gelu",
    "x * normal_cdf(x)",
    "ONNX Gelu, opset 20; Hendrycks and Gimpel, 2016",
    &[word("approximate", &["none", "tanh"], "exact by erf, or the tanh form"), ROUND],
);
const ERF: OpDef = unary("erf", "error function", "ONNX Erf, opset 13", ONLY_ROUND);
const EXP: OpDef = unary("exp", "e to the power of x", "ONNX Exp, opset 13", ONLY_ROUND);
const LOG: OpDef = unary("log", "natural logarithm", "ONNX Log, opset 13", ONLY_ROUND);
const SQRT: OpDef = unary("sqrt", "square root", "ONNX Sqrt, opset 13", ONLY_ROUND);
const RECIPROCAL: OpDef = unary("reciprocal", "1 / x", "ONNX Reciprocal, opset 13", ONLY_ROUND);
const NEG: OpDef = unary("neg", "-x", "ONNX Neg, opset 13", ONLY_ROUND);
const ABS: OpDef = unary("abs", "|x|", "ONNX Abs, opset 13", ONLY_ROUND);

fn infer_binary(op: &OpContext<'_>) -> Result<Type, InferError> {
    let (a, b) = (op.operand("a"), op.operand("b"));
    op.same_kind(a, "b")?;
    op.computed(a, broadcast(&a.shape, &b.shape)?)
}
