//! Every op of the op table with the kernel that says what it means.

use crate::KernelError;
use crate::call::Call;
use crate::kernels::{
    attention, binary, conv, linear, movement, normalize, pool, quantize, reduce, softmax, unary,
};
use ir::Tensor;

type Kernel = fn(&Call<'_>) -> Result<Tensor, KernelError>;

/// What defines an op.
#[derive(Clone, Copy)]
pub(crate) enum Meaning {
    /// A kernel.
    Kernel(Kernel),
    /// Nothing here, and why.
    Absent(&'static str),
}

use Meaning::{Absent, Kernel as K};

/// By name, in the order of the op table.
const TABLE: &[(&str, Meaning)] = &[
    ("conv2d", K(conv::conv2d)),
    ("conv1d", K(conv::conv1d)),
    ("dense", K(linear::dense)),
    ("matmul", K(linear::matmul)),
    ("attention", K(attention::attention)),
    ("add", K(binary::binary)),
    ("sub", K(binary::binary)),
    ("mul", K(binary::binary)),
    ("div", K(binary::binary)),
    ("maximum", K(binary::binary)),
    ("minimum", K(binary::binary)),
    ("pow", K(binary::binary)),
    ("prelu", K(binary::binary)),
    ("relu", K(unary::unary)),
    ("relu6", K(unary::unary)),
    ("leaky_relu", K(unary::unary)),
    ("elu", K(unary::unary)),
    ("clip", K(unary::unary)),
    ("sigmoid", K(unary::unary)),
    ("tanh", K(unary::unary)),
    ("silu", K(unary::unary)),
    ("hard_sigmoid", K(unary::unary)),
    ("hard_swish", K(unary::unary)),
    ("gelu", K(unary::unary)),
    ("erf", K(unary::unary)),
    ("exp", K(unary::unary)),
    ("log", K(unary::unary)),
    ("sqrt", K(unary::unary)),
    ("reciprocal", K(unary::unary)),
    ("neg", K(unary::unary)),
    ("abs", K(unary::unary)),
    ("batch_norm", K(normalize::batch_norm)),
    ("layer_norm", K(normalize::layer_norm)),
    ("softmax", K(softmax::softmax)),
    ("max_pool2d", K(pool::max_pool2d)),
    ("avg_pool2d", K(pool::avg_pool2d)),
    ("mean", K(reduce::reduce)),
    ("sum", K(reduce::reduce)),
    ("reduce_max", K(reduce::reduce)),
    ("reshape", K(movement::reshape)),
    ("transpose", K(movement::transpose)),
    ("concat", K(movement::concat)),
    ("slice", K(movement::slice)),
    ("pad", K(movement::pad)),
    ("expand", K(movement::expand)),
    ("gather", K(movement::gather)),
    ("resize2d", K(movement::resize2d)),
    ("custom", Absent("a custom op is defined by the user's C function, which runs on the target only")),
    ("quantize", K(quantize::quantize)),
    ("dequantize", K(quantize::dequantize)),
    ("requantize", K(quantize::requantize)),
    ("cast", K(quantize::cast)),
];

/// What defines the op called `name`; `None` where the table has no line for it.
pub(crate) fn meaning(name: &str) -> Option<Meaning> {
    TABLE.iter().find(|(op, _)| *op == name).map(|(_, meaning)| *meaning)
}

/// Why the op called `name` has no kernel; `None` where it has one.
#[must_use]
pub fn absence(name: &str) -> Option<&'static str> {
    match meaning(name) {
        Some(Meaning::Kernel(_)) => None,
        Some(Meaning::Absent(reason)) => Some(reason),
        None => Some("the op is not in the interpreter's table"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_op_of_the_op_table_has_a_kernel_or_a_stated_absence() {
        let ops: Vec<&str> = ir::op::all().map(|op| op.name).collect();
        let lines: Vec<&str> = TABLE.iter().map(|(name, _)| *name).collect();
        assert_eq!(lines, ops);
    }

    #[test]
    fn every_function_of_one_operand_is_in_the_table_of_functions() {
        let functions: Vec<&str> = unary::FUNCTIONS.iter().map(|(name, _)| *name).collect();
        let lines = TABLE
            .iter()
            .filter(|(_, m)| matches!(m, K(f) if std::ptr::fn_addr_eq(*f, unary::unary as Kernel)));
        assert_eq!(functions, lines.map(|(name, _)| *name).collect::<Vec<_>>());
    }
}
