//! Graph to text.

use super::lexer::{NUMBER, is_bare};
use crate::{Attr, Granularity, Graph, Kind, Layout, Quant, Type, Value};
use std::collections::{HashMap, HashSet};
use std::fmt::Write;

/// The text of a graph, nodes in topological order, ending in a newline.
pub fn print(graph: &Graph) -> String {
    let order = graph.topological();
    let names = Names::of(graph, &order);
    let mut out = format!("graph @{}(", quoted(&graph.name));
    for (i, input) in graph.inputs().iter().enumerate() {
        let separator = if i == 0 { "" } else { ", " };
        let _ = write!(out, "{separator}{}: {}", names.get(*input), type_text(graph.ty(*input)));
    }
    if graph.layout != Layout::Nchw {
        let separator = if graph.inputs().is_empty() { "" } else { ", " };
        let _ = write!(out, "{separator}layout = {}", graph.layout);
    }
    out.push_str(") {\n");
    for value in order {
        statement(graph, value, &names, &mut out);
    }
    if !graph.outputs().is_empty() {
        let outputs: Vec<_> = graph.outputs().iter().map(|v| names.get(*v)).collect();
        let _ = writeln!(out, "  return {}", outputs.join(", "));
    }
    out.push_str("}\n");
    out
}

fn statement(graph: &Graph, value: Value, names: &Names, out: &mut String) {
    let node = graph.node(value);
    let (name, ty) = (names.get(value), type_text(node.ty()));
    match node.kind() {
        Kind::Input => {}
        Kind::Const(constant) => {
            let _ = match (&constant.name, &constant.data) {
                (Some(weight), _) => writeln!(out, "  const {name} = @{} : {ty}", quoted(weight)),
                (None, Some(data)) => writeln!(out, "  const {name} = {} : {ty}", elements(data)),
                (None, None) => unreachable!("a constant has a name or data"),
            };
        }
        Kind::Op { op, attrs } => {
            let _ = write!(out, "  {name} = {}", op.name);
            for (i, operand) in node.operands().iter().enumerate() {
                let operand = operand.map_or("_", |v| names.get(v));
                let _ = write!(out, "{}{operand}", if i == 0 { " " } else { ", " });
            }
            let explicit: Vec<_> =
                attrs.explicit(op.attrs).map(|(name, value)| format!("{name} = {}", attr(value))).collect();
            if !explicit.is_empty() {
                let _ = write!(out, " {{{}}}", explicit.join(", "));
            }
            let _ = writeln!(out, " : {ty}");
        }
    }
}

struct Names(HashMap<Value, String>);

impl Names {
    /// A distinct name for every value: its own, made unique by a suffix, or a number.
    fn of(graph: &Graph, order: &[Value]) -> Self {
        let mut taken: HashSet<String> = HashSet::new();
        let mut names = HashMap::new();
        let mut number = 0;
        let inputs = graph.inputs().iter().copied();
        let rest = order.iter().copied().filter(|v| !graph.inputs().contains(v));
        for value in inputs.chain(rest) {
            // A text has no way to write NUL: it marks numbers.
            let name = match graph.node(value).name().map(|own| own.replace(NUMBER, "")) {
                Some(own) => (0..)
                    .map(|n| if n == 0 { own.clone() } else { format!("{own}.{n}") })
                    .find(|candidate| !taken.contains(candidate))
                    .expect("numbers do not run out"),
                None => {
                    number += 1;
                    format!("{NUMBER}{}", number - 1)
                }
            };
            let text = match name.strip_prefix(NUMBER) {
                Some(digits) => format!("%{digits}"),
                None if name.bytes().all(|b| b.is_ascii_digit()) => format!("%{name:?}"),
                None => format!("%{}", quoted(&name)),
            };
            taken.insert(name);
            names.insert(value, text);
        }
        Self(names)
    }

    fn get(&self, value: Value) -> &str {
        self.0.get(&value).map_or("%?", String::as_str)
    }
}

/// A name as it is written behind `%` or `@`.
fn quoted(name: &str) -> String {
    if is_bare(name) {
        return name.to_owned();
    }
    let escaped = name.replace(NUMBER, "").replace('\\', "\\\\").replace('"', "\\\"");
    format!("\"{}\"", escaped.replace('\n', "\\n").replace('\r', "\\r").replace('\t', "\\t"))
}

fn list<T: std::fmt::Display>(items: impl IntoIterator<Item = T>) -> String {
    let items: Vec<String> = items.into_iter().map(|item| item.to_string()).collect();
    format!("[{}]", items.join(", "))
}

fn elements(data: &crate::Tensor) -> String {
    if data.element().is_float() {
        return list(data.to_reals().into_iter().map(real));
    }
    list(data.to_ints())
}

/// A real number that reads back to the same bits; non-finite ones by name.
fn real(value: f64) -> String {
    format!("{value:?}")
}

/// The text of a type, e.g. `i8[1, 4] {scale = 0.5, zero = 0}`.
pub(crate) fn type_text(ty: &Type) -> String {
    let mut parts = ty.quant.as_ref().map(quant_parts).unwrap_or_default();
    parts.extend(ty.sparsity.map(|sparsity| format!("sparse = \"{sparsity}\"")));
    let braces = if parts.is_empty() { String::new() } else { format!(" {{{}}}", parts.join(", ")) };
    format!("{}{}{braces}", ty.element, list(&ty.shape))
}

fn quant_parts(quant: &Quant) -> Vec<String> {
    let scales = || quant.scale.iter().map(|s| format!("{s:?}"));
    let same_zero = quant.zero.windows(2).all(|w| w[0] == w[1]);
    let zero = |zero: &[i32]| match zero.first() {
        Some(first) if same_zero => first.to_string(),
        _ => list(zero),
    };
    let mut parts = match quant.granularity {
        Granularity::PerTensor => vec![format!("scale = {}", scales().next().unwrap_or_default())],
        _ => vec![format!("scale = {}", list(scales()))],
    };
    parts.push(format!("zero = {}", zero(&quant.zero)));
    match quant.granularity {
        Granularity::PerTensor => {}
        Granularity::PerAxis(axis) => parts.push(format!("axis = {axis}")),
        Granularity::PerGroup { axis, size } => {
            parts.extend([format!("axis = {axis}"), format!("group = {size}")])
        }
    }
    parts
}

/// The text of an attribute's value.
pub(crate) fn attr(value: &Attr) -> String {
    match value {
        Attr::Int(v) => v.to_string(),
        Attr::Ints(v) => list(v),
        Attr::Float(v) => real(*v),
        Attr::Word(v) => v.clone(),
        Attr::Text(v) => format!("\"{}\"", v.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")),
        Attr::Quant(element, quant) => format!("{element} {{{}}}", quant_parts(quant).join(", ")),
        Attr::Absent => "absent".to_owned(),
    }
}
