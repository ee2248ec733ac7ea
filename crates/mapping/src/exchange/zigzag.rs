//! ZigZag's workload: a list of layers, each with an equation.
//!
//! Forms after ZigZag's own reader, `zigzag/parser/workload_validator.py` and `workload_factory.py` of zigzag-dse 3.9.1. What a
//! layer computes is read from `equation` and `dimension_relations`; of `operator_type` only poolings and additions matter,
//! which are no product and left out. Known and not used: `operand_precision` (the machine has its own), `operand_source`,
//! `pr_loop_dims`, `pr_loop_sizes` and `padding` (our input contains its padding, as ZigZag's `iy` and `ix` do).

use super::einsum::{Index, Loop, Operand, Term, nest};
use super::workload::{LeftOut, Problem, Workload, WorkloadError};
use super::yaml::Node;
use crate::nest::LayerRow;

/// Operators that multiply nothing by weights.
const NO_PRODUCT: [&str; 7] =
    ["Max", "Pooling", "Add", "Pool", "MaxPool", "AveragePool", "GlobalAveragePool"];

/// Every layer of a list.
pub(super) fn read(layers: &[Node], net: &str) -> Result<Workload, WorkloadError> {
    let mut workload = Workload { rows: Vec::new(), left_out: Vec::new() };
    for node in layers {
        node.map("layer")?;
        let id = node.get("id").map(|id| id.text("id")).transpose()?;
        let name = node.get("name").map(|name| name.text("name")).transpose()?;
        // As ZigZag calls a layer without a name.
        let layer = name.map_or_else(|| format!("Layer{}", id.unwrap_or("")), str::to_owned);
        let operator = node.need("operator_type")?.text("operator_type")?;
        if NO_PRODUCT.contains(&operator) {
            workload.left_out.push(LeftOut { line: node.line, layer, operator: operator.to_owned() });
            continue;
        }
        let loops = loops(node)?;
        let equation = node.need("equation")?;
        let text = equation.text("equation")?;
        let relations = relations(node)?;
        let operands = operands(text).ok_or_else(|| {
            let (key, found) = ("equation".to_owned(), equation.shown());
            equation.at(Problem::Value { key, found, expected: "O[..]+=W[..]*I[..]" })
        })?;
        let [output, first, second] = operands.map(|operand| resolve(operand, &loops, &relations));
        let at = |problem| equation.at(problem);
        let (output, first, second) = (output.map_err(at)?, first.map_err(at)?, second.map_err(at)?);
        let nest = nest(&loops, &output, [&first, &second]).map_err(at)?;
        workload.rows.push(LayerRow { net: net.to_owned(), layer, count: 1, nest });
    }
    Ok(workload)
}

/// The loops, in lower case as equations name them.
fn loops(node: &Node) -> Result<Vec<Loop>, WorkloadError> {
    let (dims, sizes) = (node.need("loop_dims")?, node.need("loop_sizes")?);
    let (names, numbers) = (dims.list("loop_dims")?, sizes.list("loop_sizes")?);
    if names.len() != numbers.len() {
        return Err(sizes.at(Problem::Sizes { found: numbers.len(), expected: names.len() }));
    }
    let mut loops: Vec<Loop> = Vec::new();
    for (name, size) in names.iter().zip(numbers) {
        let text = name.text("loop_dims")?.to_lowercase();
        if loops.iter().any(|l| l.name == text) {
            return Err(name.at(Problem::Twice { key: name.shown() }));
        }
        loops.push(Loop { name: text, size: size.count("loop_sizes")? });
    }
    Ok(loops)
}

/// An index of the input as a sum of loops.
struct Relation {
    index: String,
    terms: [(u64, String); 2],
}

fn relations(node: &Node) -> Result<Vec<Relation>, WorkloadError> {
    let mut all: Vec<Relation> = Vec::new();
    let Some(list) = node.get("dimension_relations") else { return Ok(all) };
    for item in list.list("dimension_relations")? {
        let text = item.text("dimension_relations")?;
        let found = relation(text).ok_or_else(|| {
            let (key, found) = ("dimension_relations".to_owned(), item.shown());
            item.at(Problem::Value { key, found, expected: "a sum such as ix=2*ox+1*fx" })
        })?;
        if all.iter().any(|known| known.index == found.index) {
            return Err(item.at(Problem::Twice { key: found.index }));
        }
        all.push(found);
    }
    Ok(all)
}

/// `ix=2*ox+1*fx`; a factor of 1 may be missing.
fn relation(text: &str) -> Option<Relation> {
    let (index, sum) = text.split_once('=')?;
    let (a, b) = sum.split_once('+')?;
    let term = |text: &str| {
        let (by, name) = text.split_once('*').unwrap_or(("1", text));
        Some((by.trim().parse().ok().filter(|&by: &u64| by > 0)?, word(name)?))
    };
    Some(Relation { index: word(index)?, terms: [term(a)?, term(b)?] })
}

/// A name in lower case.
fn word(text: &str) -> Option<String> {
    let text = text.trim();
    let good = !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    good.then(|| text.to_lowercase())
}

/// An operand's name and the names of its indices.
type Named = (String, Vec<String>);

/// Output and the two factors of `O[..]+=A[..]*B[..]`.
fn operands(equation: &str) -> Option<[Named; 3]> {
    let (output, product) = equation.split_once('=')?;
    let output = output.trim_end().trim_end_matches('+');
    let (first, second) = product.split_once('*')?;
    Some([operand(output)?, operand(first)?, operand(second)?])
}

/// `W[k][c][fy][fx]`; `W[]` has no index.
fn operand(text: &str) -> Option<Named> {
    let (name, rest) = text.trim().split_once('[')?;
    let inside = rest.strip_suffix(']')?;
    let indices = inside.split("][").filter(|index| !index.trim().is_empty());
    Some((name.trim().to_owned(), indices.map(word).collect::<Option<_>>()?))
}

fn resolve((name, indices): Named, loops: &[Loop], relations: &[Relation]) -> Result<Operand, Problem> {
    let find = |loop_name: &str| {
        let of = loops.iter().position(|l| l.name == *loop_name);
        of.ok_or_else(|| Problem::Nest {
            what: format!("{name}[{loop_name}]"),
            found: "an index that is no loop and no relation".to_owned(),
            expected: "one of `loop_dims`, or of `dimension_relations`,",
        })
    };
    let mut resolved = Vec::new();
    for index in indices {
        let terms = match relations.iter().find(|r| r.index == index) {
            Some(relation) => relation
                .terms
                .iter()
                .map(|(by, of)| Ok(Term { of: find(of)?, coefficient: *by }))
                .collect::<Result<_, Problem>>()?,
            None => vec![Term { of: find(&index)?, coefficient: 1 }],
        };
        resolved.push(Index { name: index, terms });
    }
    Ok(Operand { name: name.clone(), indices: resolved })
}
