//! What a target pays for an op while passes choose between equal forms: its own coefficients, op by op.

use passes::{OpCost, Use};
use targets::Hardware;

/// Milli-instructions of a use by the target's fitted coefficients; bytes moved stand for what the fit does not tell.
pub(crate) struct TargetCost<'a>(pub(crate) &'a Hardware);

impl TargetCost<'_> {
    /// Instructions of one multiply-accumulate.
    fn per_mac(&self, site: &Use<'_>) -> f64 {
        let ops = &self.0.model.ops;
        let model = ops.get(kind(site)).or_else(|| ops.get("other"));
        model.map_or(1.0, |model| model.instructions_per_mac)
    }
}

impl OpCost for TargetCost<'_> {
    fn cost(&self, site: &Use<'_>) -> u64 {
        let constant = site.operands.first().copied().flatten().is_some_and(|x| x.constant);
        // A change of order or shape of something in memory is, at most, a change of addresses.
        if matches!(site.op.name, "reshape" | "transpose") && !constant {
            return if site.op.name == "reshape" { 1 } else { 1 + site.bytes() };
        }
        #[allow(clippy::cast_precision_loss, reason = "counts of real networks are far below 2^53")]
        let macs = site.macs() as f64 * self.per_mac(site) * 1000.0;
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "`as` saturates, and costs are positive"
        )]
        let macs = macs as u64;
        macs.saturating_add(site.bytes().saturating_mul(1000)).saturating_add(1)
    }
}

/// The kind of kernel the op becomes, by its types alone.
fn kind(site: &Use<'_>) -> &'static str {
    let float = site.result.element.is_float();
    match (site.op.name, float) {
        ("conv2d" | "conv1d", true) => "conv2d_f32",
        ("dense" | "matmul" | "attention", true) => "matmul_f32",
        ("dense", false) => "dense",
        ("conv2d" | "conv1d", false) => {
            let shape = |i: usize| site.operands.get(i).copied().flatten().map(|operand| &operand.ty.shape);
            let groups = usize::try_from(site.attrs.int("groups")).unwrap_or(1);
            let (x, w) = (shape(0), shape(1));
            if groups > 1 && x.is_some_and(|x| x.get(1) == Some(&groups)) {
                "depthwise"
            } else if w.is_some_and(|w| w[2..].iter().all(|k| *k == 1)) {
                "pointwise"
            } else {
                "conv2d"
            }
        }
        _ => "other",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ir::{Attr, Attrs, Element, Op, Type};
    use passes::OperandUse;

    #[test]
    fn a_float_multiplication_is_dearer_on_a_core_without_floats() {
        let op = Op::named("dense").expect("an op of the table");
        let attrs = Attrs::complete(op.attrs, std::iter::empty::<(String, Attr)>()).expect("defaults");
        let [x, w] = [[1, 64], [32, 64]].map(|shape| Type::new(Element::F32, shape));
        let result = Type::new(Element::F32, [1, 32]);
        let operands =
            [Some(OperandUse { ty: &x, constant: false }), Some(OperandUse { ty: &w, constant: true })];
        let site = Use { op, attrs: &attrs, operands: &operands, result: &result };
        let cost =
            |target: &str| TargetCost(targets::named(target).expect("a target").hardware()).cost(&site);
        // 160 instructions a product in software against 5.2.
        assert!(cost("rv32imac") > 10 * cost("cortex-m4"));
    }
}
