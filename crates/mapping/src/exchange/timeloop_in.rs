//! Timeloop's problem: a shape, by name or in full, and its instance.
//!
//! Forms after Timeloop's own reader, `src/workload/workload.cpp` and `src/workload/shape-models/problem-shape.cpp` of
//! github.com/NVlabs/timeloop (4cf6d4c): `shape` as a name or a map, none meaning `cnn_layer`; sizes below `instance` or beside
//! `shape`; keys with `_` (v0.4) or `-` (before). Timeloop has one-letter loops; longer names are read as well.

use super::einsum::{Index, Loop, Operand, Term, nest};
use super::workload::{Problem, WorkloadError};
use super::yaml::{Node, Value};
use hw::machine::Layer;

/// An operand of a shape: its name, whether it is the result, and its indices as sums of (loop, coefficient or empty).
type Space = (String, bool, Vec<Vec<(String, String)>>);

struct Shape {
    dims: Vec<String>,
    /// With their defaults.
    coefficients: Vec<(String, u64)>,
    spaces: Vec<Space>,
    /// A loop that may be missing, and then is 1; and what else it may be called.
    optional: Option<&'static str>,
    also: Option<[&'static str; 2]>,
}

/// The nest of a problem.
pub(super) fn read(problem: &Node) -> Result<Layer, WorkloadError> {
    problem.map("problem")?;
    let instance = problem.get("instance").unwrap_or(problem);
    instance.map("instance")?;
    dense(instance)?;
    let shape_node = problem.get("shape");
    let shape = match shape_node.map(|node| (node, &node.value)) {
        None => named(problem, "cnn_layer")?,
        Some((node, Value::Scalar(name, _))) => named(node, name)?,
        Some((node, _)) => explicit(node)?,
    };
    let mut loops = Vec::new();
    for dim in &shape.dims {
        let also = shape.also.filter(|[name, _]| name == dim).map(|[_, other]| other);
        let node = instance.get(dim).or_else(|| also.and_then(|other| instance.get(other)));
        let size = match node {
            Some(node) => node.count(dim)?,
            None if shape.optional == Some(dim) => 1,
            None => return Err(instance.at(Problem::Missing { key: dim.clone() })),
        };
        loops.push(Loop { name: dim.clone(), size });
    }
    let mut coefficients = Vec::new();
    for (name, default) in &shape.coefficients {
        let value = instance.get(name).map(|node| node.count(name)).transpose()?;
        coefficients.push((name.as_str(), value.unwrap_or(*default)));
    }
    let at = |problem| shape_node.unwrap_or(instance).at(problem);
    let operands: Vec<(bool, Operand)> = shape
        .spaces
        .iter()
        .map(|space| Ok((space.1, operand(space, &loops, &coefficients).map_err(at)?)))
        .collect::<Result<_, WorkloadError>>()?;
    let outputs: Vec<&Operand> = operands.iter().filter(|o| o.0).map(|o| &o.1).collect();
    let inputs: Vec<&Operand> = operands.iter().filter(|o| !o.0).map(|o| &o.1).collect();
    let ([output], [first, second]) = (outputs.as_slice(), inputs.as_slice()) else {
        return Err(at(Problem::Nest {
            what: "data_spaces".to_owned(),
            found: format!("{} read and {} with `read_write: true`", inputs.len(), outputs.len()),
            expected: "two and one",
        }));
    };
    nest(&loops, output, [first, second]).map_err(|problem| instance.at(problem))
}

/// Refuses operands that are not dense.
fn dense(instance: &Node) -> Result<(), WorkloadError> {
    let check = |operand: &str, node: &Node| {
        let density = node.get("density").unwrap_or(node);
        let one = matches!(&density.value, Value::Scalar(text, _) if text.parse() == Ok(1.0));
        let problem = || Problem::Sparse { operand: operand.to_owned(), found: density.shown() };
        if one { Ok(()) } else { Err(density.at(problem())) }
    };
    if let Some(node) = instance.any(&["commonDensity", "common_density"]) {
        check("every operand", node)?;
    }
    if let Some(node) = instance.get("densities") {
        for (operand, node) in node.map("densities")? {
            check(operand, node)?;
        }
    }
    Ok(())
}

/// A shape Timeloop ships, or what goes by such a name.
fn named(node: &Node, name: &str) -> Result<Shape, WorkloadError> {
    let plain = name.to_lowercase().replace('-', "_");
    let plain = plain.trim_end_matches(".yaml").trim_end_matches(".cfg");
    let one = |text: &str| -> Vec<Vec<(String, String)>> {
        let term = |t: &str| {
            let (dim, coefficient) = t.split_once('*').unwrap_or((t, ""));
            (dim.to_owned(), coefficient.to_owned())
        };
        text.split(' ').map(|index| index.split('+').map(term).collect()).collect()
    };
    let space = |name: &str, output: bool, text: &str| (name.to_owned(), output, one(text));
    let letters = |text: &str| text.chars().map(String::from).collect();
    match plain {
        // `problem-shapes/cnn_layer.yaml`; groups as the explicit shapes that have them write it.
        "cnn_layer" | "cnn" | "conv2d" => Ok(Shape {
            dims: letters("RSPQCKNG"),
            coefficients: ["Wstride", "Hstride", "Wdilation", "Hdilation"].map(|c| (c.to_owned(), 1)).into(),
            spaces: vec![
                space("Weights", false, "G C K R S"),
                space("Inputs", false, "G N C R*Wdilation+P*Wstride S*Hdilation+Q*Hstride"),
                space("Outputs", true, "G N K Q P"),
            ],
            optional: Some("G"),
            also: Some(["K", "M"]),
        }),
        // `problem-shapes/gemm_ABZ.yaml`.
        "gemm" | "gemm_abz" => Ok(Shape {
            dims: letters("MNK"),
            coefficients: Vec::new(),
            spaces: vec![space("A", false, "M K"), space("B", false, "N K"), space("Z", true, "M N")],
            optional: None,
            also: None,
        }),
        _ => Err(node.at(Problem::Value {
            key: "shape".to_owned(),
            found: name.chars().take(60).collect(),
            expected: "cnn-layer, gemm or gemm_ABZ, or a map with `dimensions` and `data_spaces`,",
        })),
    }
}

/// A shape in full.
fn explicit(node: &Node) -> Result<Shape, WorkloadError> {
    let texts = |node: &Node, key: &str| -> Result<Vec<String>, WorkloadError> {
        node.list(key)?.iter().map(|item| Ok(item.text(key)?.to_owned())).collect()
    };
    let dims = texts(node.need("dimensions")?, "dimensions")?;
    if let Some(twice) = dims.iter().enumerate().find(|(at, dim)| dims[..*at].contains(dim)) {
        return Err(node.at(Problem::Twice { key: twice.1.clone() }));
    }
    if let Some(flatten) = node.get("flatten") {
        return Err(flatten.at(Problem::Nest {
            what: "flatten".to_owned(),
            found: "loops merged into one".to_owned(),
            expected: "loops as in `dimensions`",
        }));
    }
    let mut coefficients = Vec::new();
    if let Some(list) = node.get("coefficients") {
        for item in list.list("coefficients")? {
            let default = item.get("default").map(|d| d.count("default")).transpose()?;
            coefficients.push((item.need("name")?.text("name")?.to_owned(), default.unwrap_or(1)));
        }
    }
    let spaces = node.any(&["data_spaces", "data-spaces", "dataspaces"]);
    let spaces = spaces.ok_or_else(|| node.at(Problem::Missing { key: "data_spaces".to_owned() }))?;
    let mut all = Vec::new();
    for space in spaces.list("data_spaces")? {
        let output = match space.any(&["read_write", "read-write"]) {
            None => false,
            Some(node) => match node.text("read_write")?.to_lowercase().as_str() {
                "true" => true,
                "false" => false,
                _ => {
                    let (key, found) = ("read_write".to_owned(), node.shown());
                    return Err(node.at(Problem::Value { key, found, expected: "true or false" }));
                }
            },
        };
        let projection = space.need("projection")?.list("projection")?;
        let indices = projection.iter().map(index).collect::<Result<_, _>>()?;
        all.push((space.need("name")?.text("name")?.to_owned(), output, indices));
    }
    Ok(Shape { dims, coefficients, spaces: all, optional: None, also: None })
}

/// `C`, or a list of terms each `[C]` or `[P, Wstride]`.
fn index(node: &Node) -> Result<Vec<(String, String)>, WorkloadError> {
    if let Value::Scalar(dim, _) = &node.value {
        return Ok(vec![(dim.clone(), String::new())]);
    }
    let term = |node: &Node| match node.list("projection")? {
        [dim] => Ok((dim.text("projection")?.to_owned(), String::new())),
        [dim, by] => Ok((dim.text("projection")?.to_owned(), by.text("projection")?.to_owned())),
        _ => {
            let (key, found) = ("projection".to_owned(), node.shown());
            Err(node.at(Problem::Value { key, found, expected: "a loop, or a loop and a coefficient," }))
        }
    };
    node.list("projection")?.iter().map(term).collect()
}

fn operand(space: &Space, loops: &[Loop], coefficients: &[(&str, u64)]) -> Result<Operand, Problem> {
    let mut indices = Vec::new();
    for index in &space.2 {
        let mut terms = Vec::new();
        for (dim, by) in index {
            let unknown = |what: &str, expected: &'static str| Problem::Nest {
                what: what.to_owned(),
                found: format!("unknown, in `{}`", space.0),
                expected,
            };
            let of = loops.iter().position(|l| l.name == *dim);
            let of = of.ok_or_else(|| unknown(dim, "one of `dimensions`"))?;
            let coefficient = match by.as_str() {
                "" => 1,
                by => {
                    let known = coefficients.iter().find(|(name, _)| *name == by).map(|(_, value)| *value);
                    known.ok_or_else(|| unknown(by, "one of `coefficients`"))?
                }
            };
            terms.push(Term { of, coefficient });
        }
        let name = index.iter().map(|(dim, _)| dim.as_str()).collect::<Vec<_>>().join("+");
        indices.push(Index { name, terms });
    }
    Ok(Operand { name: space.0.clone(), indices })
}
