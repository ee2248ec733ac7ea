//! What each op becomes. One row for each op of the table; a test holds the two together.

use super::{Exporter, Fault, Use, unsupported};
use super::{conv, elementwise as ew, linear, moving};

type Make = fn(&mut Exporter<'_>, &Use<'_>) -> Result<(), Fault>;

const RULES: &[(&str, Make)] = &[
    ("conv2d", conv::conv2d),
    ("conv1d", conv::conv1d),
    ("dense", linear::dense),
    ("matmul", linear::matmul),
    ("attention", linear::attention),
    ("add", |e, u| ew::binary(e, u, 0)),
    ("sub", |e, u| ew::binary(e, u, 41)),
    ("mul", |e, u| ew::binary(e, u, 18)),
    ("div", |e, u| ew::binary(e, u, 42)),
    ("maximum", |e, u| ew::binary(e, u, 55)),
    ("minimum", |e, u| ew::binary(e, u, 57)),
    ("pow", |e, u| ew::binary(e, u, 78)),
    ("prelu", |e, u| ew::binary(e, u, 54)),
    ("relu", |e, u| ew::unary(e, u, 19)),
    ("relu6", |e, u| ew::unary(e, u, 21)),
    ("leaky_relu", ew::leaky_relu),
    ("elu", ew::elu),
    ("clip", ew::clip),
    ("sigmoid", |e, u| ew::unary(e, u, 14)),
    ("tanh", |e, u| ew::unary(e, u, 28)),
    ("silu", ew::silu),
    ("hard_sigmoid", ew::hard_sigmoid),
    ("hard_swish", |e, u| ew::unary(e, u, 117)),
    ("gelu", ew::gelu),
    ("erf", |_, _| unsupported("an error function alone; GELU as one op is there")),
    ("exp", |e, u| ew::unary(e, u, 47)),
    ("log", |e, u| ew::unary(e, u, 73)),
    ("sqrt", |e, u| ew::unary(e, u, 75)),
    ("reciprocal", ew::reciprocal),
    ("neg", |e, u| ew::unary(e, u, 59)),
    ("abs", |e, u| ew::unary(e, u, 101)),
    ("batch_norm", linear::batch_norm),
    ("layer_norm", linear::layer_norm),
    ("softmax", linear::softmax),
    ("max_pool2d", conv::max_pool2d),
    ("avg_pool2d", conv::avg_pool2d),
    ("mean", |e, u| linear::reduce(e, u, 40)),
    ("sum", |e, u| linear::reduce(e, u, 74)),
    ("reduce_max", |e, u| linear::reduce(e, u, 82)),
    ("reshape", moving::reshape),
    ("transpose", moving::transpose),
    ("concat", moving::concat),
    ("slice", moving::slice),
    ("pad", moving::pad),
    ("expand", moving::expand),
    ("gather", moving::gather),
    ("resize2d", conv::resize2d),
    ("custom", |_, _| unsupported("a function of your own has no place in the format")),
    ("quantize", |e, u| ew::unary(e, u, 114)),
    ("dequantize", ew::dequantize),
    ("requantize", |e, u| ew::unary(e, u, 114)),
    ("cast", |e, u| ew::unary(e, u, 53)),
];

/// Exports a use of the op called `name`.
pub(super) fn apply(e: &mut Exporter<'_>, name: &str, u: &Use<'_>) -> Result<(), Fault> {
    match RULES.iter().find(|(op, _)| *op == name) {
        Some((_, make)) => make(e, u),
        None => unsupported("an op without a rule"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_op_of_the_table_has_a_rule_and_no_other() {
        let mut ops: Vec<&str> = ir::op::all().map(|op| op.name).collect();
        let mut rules: Vec<&str> = RULES.iter().map(|(name, _)| *name).collect();
        ops.sort_unstable();
        rules.sort_unstable();
        assert_eq!(ops, rules);
    }
}
