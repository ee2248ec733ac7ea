//! Every op of the op table as tract's ops, or why not.

mod elementwise;
mod linear;
mod normalize;
mod pool;
mod quantize;
mod shape;

use crate::lower::Site;
use tract_core::internal::{OutletId, TractResult};

type Wire = fn(&mut Site<'_>) -> TractResult<OutletId>;

/// How an op is said in tract.
#[derive(Clone, Copy)]
pub(crate) enum Expression {
    /// By these ops.
    Wire(Wire),
    /// Not at all, and why.
    Absent(&'static str),
}

use Expression::{Absent, Wire as W};

/// By name, in the order of the op table.
const TABLE: &[(&str, Expression)] = &[
    ("conv2d", W(linear::conv)),
    ("conv1d", W(linear::conv)),
    ("dense", W(linear::dense)),
    ("matmul", W(linear::matmul)),
    ("attention", W(linear::attention)),
    ("add", W(elementwise::binary)),
    ("sub", W(elementwise::binary)),
    ("mul", W(elementwise::binary)),
    ("div", W(elementwise::binary)),
    ("maximum", W(elementwise::binary)),
    ("minimum", W(elementwise::binary)),
    ("pow", W(elementwise::binary)),
    ("prelu", W(elementwise::binary)),
    ("relu", W(elementwise::unary)),
    ("relu6", W(elementwise::unary)),
    ("leaky_relu", W(elementwise::unary)),
    ("elu", W(elementwise::unary)),
    ("clip", W(elementwise::unary)),
    ("sigmoid", W(elementwise::unary)),
    ("tanh", W(elementwise::unary)),
    ("silu", W(elementwise::unary)),
    ("hard_sigmoid", W(elementwise::unary)),
    ("hard_swish", W(elementwise::unary)),
    ("gelu", W(elementwise::unary)),
    ("erf", W(elementwise::unary)),
    ("exp", W(elementwise::unary)),
    ("log", W(elementwise::unary)),
    ("sqrt", W(elementwise::unary)),
    ("reciprocal", W(elementwise::unary)),
    ("neg", W(elementwise::unary)),
    ("abs", W(elementwise::unary)),
    ("batch_norm", W(normalize::batch_norm)),
    ("layer_norm", W(normalize::layer_norm)),
    ("softmax", W(normalize::softmax)),
    ("max_pool2d", W(pool::max_pool2d)),
    ("avg_pool2d", W(pool::avg_pool2d)),
    ("mean", W(pool::reduce)),
    ("sum", W(pool::reduce)),
    ("reduce_max", W(pool::reduce)),
    ("reshape", W(shape::reshape)),
    ("transpose", W(shape::transpose)),
    ("concat", W(shape::concat)),
    ("slice", W(shape::slice)),
    ("pad", W(shape::pad)),
    ("expand", W(shape::expand)),
    ("gather", W(shape::gather)),
    ("resize2d", W(shape::resize2d)),
    ("custom", Absent("a custom op is defined by the user's C function")),
    ("quantize", W(quantize::quantize)),
    ("dequantize", W(quantize::dequantize)),
    ("requantize", Absent("it is integer arithmetic, which tract does not do in a runtime's way")),
    ("cast", W(quantize::cast)),
];

/// How the op called `name` is said in tract.
pub(crate) fn expression(name: &str) -> Expression {
    let found = TABLE.iter().find(|(op, _)| *op == name).map(|(_, expression)| *expression);
    found.unwrap_or(Absent("the op is not in the oracle's table"))
}

/// Why the op called `name` has no expression in tract; `None` where it has one.
#[must_use]
pub fn absence(name: &str) -> Option<&'static str> {
    match expression(name) {
        W(_) => None,
        Absent(reason) => Some(reason),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_op_of_the_op_table_has_an_expression_or_a_stated_absence() {
        let ops: Vec<&str> = ir::op::all().map(|op| op.name).collect();
        assert_eq!(TABLE.iter().map(|(name, _)| *name).collect::<Vec<_>>(), ops);
    }
}
