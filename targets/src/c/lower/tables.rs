//! Functions of one 8-bit number as tables of their 256 values, filled by the reference interpreter.

use super::{Refused, refused};
use ir::{Attr, Attrs, Element, Node, Op, Tensor, Type};

/// A function of stored numbers of an 8-bit type: its value for every one of them, the lowest first. Numbers that the
/// element cannot hold have the value 0.
pub(super) type Table = Vec<i32>;

/// The values of a use of an op of one operand.
pub(super) fn of_unary(node: &Node, x: &Type) -> Result<Table, Refused> {
    let op = node.op().expect("a rule is applied to the use of an op");
    fill(op, node.attrs(), x, None, node.ty())
}

/// The values of a use of an op of two operands, the second being one constant.
pub(super) fn of_binary(node: &Node, a: &Type, b: (&Type, i64)) -> Result<Table, Refused> {
    let op = node.op().expect("a rule is applied to the use of an op");
    fill(op, node.attrs(), a, Some(b), node.ty())
}

/// The values of a requantization by the node's profile, cut to `clamp`.
pub(super) fn of_requantize(node: &Node, x: &Type, y: &Type, clamp: [i32; 2]) -> Result<Table, Refused> {
    let op = Op::named("requantize").expect("an op of the table");
    let round = ("round".to_owned(), Attr::Word(node.attrs().word("round").to_owned()));
    let attrs = Attrs::complete(op.attrs, [round]).expect("a profile is a profile");
    let table = fill(op, &attrs, x, None, y)?;
    Ok(table.into_iter().map(|v| v.clamp(clamp[0], clamp[1])).collect())
}

fn fill(op: Op, attrs: &Attrs, x: &Type, second: Option<(&Type, i64)>, y: &Type) -> Result<Table, Refused> {
    let byte = |ty: &Type| matches!(ty.element, Element::Int { bits: ..=8, .. });
    if !byte(x) || !byte(y) {
        return refused(format!("{} of {} to {} has no C kernel", op.name, x.element, y.element));
    }
    let signed = matches!(x.element, Element::Int { signed: true, .. });
    let lowest = if signed { -128 } else { 0 };
    let (low, high) = x.element.range().expect("an integer has a range");
    let stored: Vec<i64> = (low..=high).collect();
    let x = x.with_shape([stored.len()]);
    let y = y.with_shape([stored.len()]);
    let operand = Tensor::from_ints(x.element, [stored.len()], &stored);
    let constant =
        second.map(|(ty, value)| (ty.with_shape([1]), Tensor::from_ints(ty.element, [1], &[value])));
    let mut operands = vec![Some((&x, &operand))];
    operands.extend(constant.as_ref().map(|(ty, data)| Some((ty, data))));
    let values = interp::eval(op, attrs, &operands, &y).map_err(|error| Refused(error.to_string()))?;
    let mut table = vec![0; 256];
    for (x, y) in stored.iter().zip(values.to_ints()) {
        let at = usize::try_from(x - lowest).expect("the lowest stored number is the first");
        table[at] = i32::try_from(y).expect("an 8-bit result");
    }
    Ok(table)
}
