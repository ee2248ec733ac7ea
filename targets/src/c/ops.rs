//! Portable kernels of ops that no kernel set specialises: plain loops, correct for every shape.
//!
//! They use the same [`Kernel`] data as the sets; what they compute is stated beside each.

mod attention;
mod moving;

pub(crate) use attention::{Attention, attention};
pub(crate) use moving::{Gather, cast, expand, gather, mirrored_pad};

use super::kernels::code::Code;
use super::kernels::unit::float;
use super::kernels::{Argument, Function, Kernel};
use hw::memory::{Access, PairAccess, Tiles, Walk};

/// The C type that holds one stored element; `None` for 8- and 16-bit floats.
pub(crate) fn c_type(element: ir::Element) -> Option<&'static str> {
    if element == ir::Element::F32 {
        return Some("float");
    }
    if element == ir::Element::Bool {
        return Some("uint8_t");
    }
    integer_type(element)
}

/// The C type of an integer element.
pub(crate) fn integer_type(element: ir::Element) -> Option<&'static str> {
    let ir::Element::Int { signed, .. } = element else { return None };
    Some(match (element.bytes(), signed) {
        (1, true) => "int8_t",
        (1, false) => "uint8_t",
        (2, true) => "int16_t",
        (2, false) => "uint16_t",
        (4, true) => "int32_t",
        (4, false) => "uint32_t",
        (_, true) => "int64_t",
        (_, false) => "uint64_t",
    })
}

/// One pointer parameter of a kernel.
pub(crate) struct Parameter {
    argument: Argument,
    c_type: &'static str,
    name: &'static str,
}

pub(crate) fn input(index: usize, c_type: &'static str, name: &'static str) -> Parameter {
    Parameter { argument: Argument::Input(index), c_type, name }
}

pub(crate) fn output(c_type: &'static str) -> Parameter {
    Parameter { argument: Argument::Output, c_type, name: "y" }
}

/// A kernel without constants.
pub(crate) fn kernel(
    stem: String,
    summary: String,
    parameters: &[Parameter],
    body: Code,
    macs: u64,
) -> Kernel {
    let declared = |p: &Parameter| match p.argument {
        Argument::Input(_) | Argument::Constant(_) => format!("const {} *{}", p.c_type, p.name),
        Argument::Output | Argument::Scratch => format!("{} *{}", p.c_type, p.name),
    };
    let parameters_text = parameters.iter().map(declared).collect::<Vec<_>>().join(", ");
    Kernel {
        function: Function { stem, parameters: parameters_text, summary, apart: false, body: body.finish() },
        arguments: parameters.iter().map(|p| (p.argument, p.c_type)).collect(),
        callees: Vec::new(),
        helpers: Vec::new(),
        constants: Vec::new(),
        scratch_bytes: 0,
        walks: Vec::new(),
        macs,
    }
}

/// The result may lie over the first operand: each element is read before it is written.
fn in_place(elements: usize, x_bytes: usize, y_bytes: usize) -> Walk {
    let tiles = Tiles::pointwise(elements as u64, x_bytes as u64, y_bytes as u64, true);
    Walk { pairs: vec![PairAccess { input: 0, output: 0, access: Access::Tiled(tiles) }] }
}

/// `x >= 0 ? x : alpha * (exp(x) - 1)`.
pub(crate) fn elu(elements: usize, alpha: f32) -> Kernel {
    let mut c = Code::new();
    c.count("i", elements);
    c.line(format!("y[i] = x[i] >= 0.0f ? x[i] : {} * expm1f(x[i]);", float(alpha))).close();
    let parameters = [input(0, "float", "x"), output("float")];
    let summary = format!("Element-wise elu of {elements} numbers.");
    let mut kernel = kernel(format!("elu_{elements}"), summary, &parameters, c, 0);
    kernel.walks.push(in_place(elements, 4, 4));
    kernel
}

/// Ops of two operands that broadcast, `shapes` being a's, b's and the result's, of equal rank. Plain integers are
/// computed in 64 bits and wrap to their type; `None` where the op is not defined on the element.
pub(crate) fn broadcast_binary(
    op: &'static str,
    element: ir::Element,
    shapes: [&[usize]; 3],
    act: &str,
) -> Option<Kernel> {
    let [a, b, y] = shapes;
    let t = c_type(element)?;
    let is_float = element.is_float();
    let value = if is_float { float_expression(op)? } else { integer_expression(op, element)? };
    let mut c = Code::new();
    for (axis, extent) in y.iter().enumerate() {
        c.count(&format!("i{axis}"), *extent);
    }
    let wide = if is_float { "float" } else { "int64_t" };
    let read = |at: String, name: &str| {
        if is_float { format!("{name}[{at}]") } else { format!("(int64_t){name}[{at}]") }
    };
    c.line(format!("{wide} u = {};", read(index(a), "a")))
        .line(format!("{wide} v = {};", read(index(b), "b")));
    c.line(format!("{wide} r = {value};"));
    let [low, high] = match act {
        "relu" => [Some(0i8), None],
        "relu6" => [Some(0), Some(6)],
        "relu1" => [Some(-1), Some(1)],
        _ => [None, None],
    };
    let bound = |v: i8| if is_float { float(f32::from(v)) } else { v.to_string() };
    if let Some(low) = low.map(bound) {
        c.line(format!("r = r < {low} ? {low} : r;"));
    }
    if let Some(high) = high.map(bound) {
        c.line(format!("r = r > {high} ? {high} : r;"));
    }
    c.line(if is_float { "*y++ = r;".to_owned() } else { format!("*y++ = ({t})r;") }).close_all(y.len());
    let elements: usize = y.iter().product();
    let parameters = [input(0, t, "a"), input(1, t, "b"), output(t)];
    let summary = format!("Element-wise {op} of {elements} numbers.");
    let mut kernel = kernel(format!("{op}_{elements}"), summary, &parameters, c, 0);
    if a == y {
        kernel.walks.push(in_place(elements, element.bytes(), element.bytes()));
    }
    Some(kernel)
}

fn float_expression(op: &str) -> Option<&'static str> {
    Some(match op {
        "prelu" => "u < 0.0f ? u * v : u",
        "pow" => "powf(u, v)",
        "maximum" => "u > v || u != u ? u : v",
        "minimum" => "u < v || u != u ? u : v",
        _ => return None,
    })
}

/// Sums and products wrap: they are formed without sign.
fn integer_expression(op: &str, element: ir::Element) -> Option<&'static str> {
    // Elements narrower than their storage would have to wrap at their own width.
    if !element.is_int() || element.bits() as usize != 8 * element.bytes() {
        return None;
    }
    Some(match op {
        "add" => "(int64_t)((uint64_t)u + (uint64_t)v)",
        "sub" => "(int64_t)((uint64_t)u - (uint64_t)v)",
        "mul" => "(int64_t)((uint64_t)u * (uint64_t)v)",
        "div" => "v == 0 ? 0 : (v == -1 ? (int64_t)(0u - (uint64_t)u) : u / v)",
        "maximum" => "u > v ? u : v",
        "minimum" => "u < v ? u : v",
        "prelu" => "u > 0 ? u : (int64_t)((uint64_t)u * (uint64_t)v)",
        _ => return None,
    })
}

/// The C index of element `[i0, i1, ..]` of a tensor whose axes of extent 1 are broadcast.
pub(crate) fn index(shape: &[usize]) -> String {
    let mut stride = 1;
    let mut terms = Vec::new();
    for (axis, &extent) in shape.iter().enumerate().rev() {
        if extent != 1 {
            terms.push(if stride == 1 { format!("i{axis}") } else { format!("i{axis} * {stride}") });
        }
        stride *= extent;
    }
    terms.reverse();
    if terms.is_empty() { "0".to_owned() } else { terms.join(" + ") }
}
