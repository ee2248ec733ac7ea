//! `nasc ops`: the op table.

use crate::args::Ops;
use crate::console::Console;
use crate::failure::Failure;
use ir::op::{Arity, Op};
use report::{Align, Table};
use serde_json::{Value, json};

pub(super) fn run(args: &Ops, console: &Console) -> Result<(), Failure> {
    let Some(name) = &args.op else { return list(console) };
    let Some(op) = Op::named(name) else {
        return Err(Failure::input(format!("there is no op `{name}`")).help(nearest(name)));
    };
    console.result(&describe(op), || explain(op, console))
}

fn nearest(name: &str) -> String {
    let similar: Vec<&str> = ir::op::all()
        .map(|op| op.name)
        .filter(|known| known.contains(name) || name.contains(known))
        .collect();
    match &similar[..] {
        [] => "`nasc ops` lists all of them".to_owned(),
        similar => format!("did you mean `{}`?", similar.join("`, `")),
    }
}

fn list(console: &Console) -> Result<(), Failure> {
    let all: Vec<Value> = ir::op::all().map(describe).collect();
    console.result(&json!({ "ops": all }), || {
        let columns = [("op", Align::Left), ("operands", Align::Left), ("computes", Align::Left)];
        let mut table = Table::new(columns);
        for op in ir::op::all() {
            table.row([op.name.to_owned(), operands(op), op.summary.to_owned()]);
        }
        console.table(&table)
    })
}

/// Operands as a signature: `x, w, bias?`.
pub(crate) fn operands(op: Op) -> String {
    let one = |def: &ir::op::OperandDef| match def.arity {
        Arity::One => def.name.to_owned(),
        Arity::Optional => format!("{}?", def.name),
        Arity::Many => format!("{}...", def.name),
    };
    op.operands.iter().map(one).collect::<Vec<_>>().join(", ")
}

/// What becomes this op on import: `tflite CONV_2D`.
pub(crate) fn imported_from(op: Op) -> Vec<String> {
    let rows = formats::coverage().into_iter();
    rows.filter(|row| row.supported && row.to.contains(&op.name))
        .map(|row| format!("{} {}", row.format, row.op))
        .collect()
}

fn describe(op: Op) -> Value {
    let arity = |arity| match arity {
        Arity::One => "one",
        Arity::Optional => "optional",
        Arity::Many => "many",
    };
    let operands =
        op.operands.iter().map(|o| json!({ "name": o.name, "rank": o.rank, "arity": arity(o.arity) }));
    let attrs = op.attrs.iter().map(|a| {
        json!({
            "name": a.name, "summary": a.summary, "expected": a.expected(),
            "default": default(a), "required": a.default().is_none(),
        })
    });
    json!({
        "name": op.name, "summary": op.summary, "source": op.source,
        "operands": operands.collect::<Vec<_>>(), "attributes": attrs.collect::<Vec<_>>(),
        "imported_from": imported_from(op),
    })
}

/// The default as the text form writes it; `None` where there is none.
pub(crate) fn default(attr: &ir::AttrDef) -> Option<String> {
    use ir::Attr;
    let text = match attr.default()? {
        Attr::Int(v) => v.to_string(),
        Attr::Ints(list) => format!("{list:?}"),
        Attr::Float(v) => format!("{v}"),
        Attr::Word(word) => word,
        Attr::Text(text) => format!("\"{text}\""),
        Attr::Quant(..) | Attr::Absent => return None,
    };
    Some(text)
}

fn explain(op: Op, console: &Console) -> Result<(), Failure> {
    console.line(format!("{}({})", op.name, operands(op)))?;
    console.line(format!("  {}", op.summary))?;
    console.line(format!("  follows: {}", op.source))?;
    let from = imported_from(op);
    if !from.is_empty() {
        console.line(format!("  imported from: {}", from.join(", ")))?;
    }
    if op.attrs.is_empty() {
        return Ok(());
    }
    let columns = [
        ("attribute", Align::Left),
        ("default", Align::Left),
        ("takes", Align::Left),
        ("means", Align::Left),
    ];
    let mut table = Table::new(columns);
    for attr in op.attrs {
        let default = default(attr).unwrap_or_else(|| "-".to_owned());
        table.row([attr.name.to_owned(), default, attr.expected(), attr.summary.to_owned()]);
    }
    console.table(&table)
}
