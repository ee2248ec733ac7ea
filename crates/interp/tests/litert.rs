//! Single quantized ops give LiteRT's bits under each of its resolvers: `litert/*.case`, written by `litert/generate.py`.

use ir::{Graph, Tensor, Type, WeightStore};
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// A graph's text with `$ROUND` for the profile, and named bytes.
struct Case {
    text: String,
    weights: HashMap<String, Vec<u8>>,
    inputs: Vec<Vec<u8>>,
    outputs: Vec<(String, Vec<u8>)>,
}

fn read(path: &Path) -> Case {
    let file = std::fs::read_to_string(path).expect("a readable case");
    let mut case =
        Case { text: String::new(), weights: HashMap::new(), inputs: Vec::new(), outputs: Vec::new() };
    for line in file.lines() {
        let words: Vec<&str> = line.split(' ').collect();
        match words[..] {
            ["weight", name, hex] => drop(case.weights.insert(name.to_owned(), bytes(hex))),
            ["in", _, hex] => case.inputs.push(bytes(hex)),
            ["out", profile, hex] => case.outputs.push((profile.to_owned(), bytes(hex))),
            _ => case.text += &format!("{line}\n"),
        }
    }
    case
}

fn bytes(hex: &str) -> Vec<u8> {
    let byte = |i: usize| u8::from_str_radix(&hex[2 * i..2 * i + 2], 16).expect("hexadecimal digits");
    (0..hex.len() / 2).map(byte).collect()
}

/// Weights by name; the graph's text says what they are.
struct Store<'a>(&'a HashMap<String, Vec<u8>>, HashMap<String, Type>);

impl WeightStore for Store<'_> {
    fn tensor(&self, name: &str) -> Option<Tensor> {
        let ty = self.1.get(name)?;
        Tensor::from_bytes(ty.element, ty.shape.clone(), self.0.get(name)?.clone()).ok()
    }
}

fn graph(case: &Case, profile: &str) -> Graph {
    let text = case.text.replace("$ROUND", profile);
    let untrained = ir::parse(&text, &ir::NoWeights).unwrap_or_else(|faults| panic!("{faults:?}\n{text}"));
    let constants = untrained.values().filter_map(|v| {
        let name = untrained.node(v).constant()?.name.clone()?;
        Some((name, untrained.ty(v).clone()))
    });
    let store = Store(&case.weights, constants.collect());
    ir::parse(&text, &store).unwrap_or_else(|faults| panic!("{faults:?}\n{text}"))
}

fn outputs(case: &Case, profile: &str) -> Vec<u8> {
    let graph = graph(case, profile);
    let inputs = graph.inputs().iter().zip(&case.inputs).map(|(value, bytes)| {
        let ty = graph.ty(*value);
        let shape = nasc_interp::layout::interface_shape(ty, graph.layout);
        Tensor::from_bytes(ty.element, shape, bytes.clone()).expect("as many bytes as the type has")
    });
    let found = nasc_interp::run(&graph, &inputs.collect::<Vec<_>>())
        .unwrap_or_else(|e| panic!("{}: {e}", graph.name));
    found[0].bytes().to_vec()
}

fn cases() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/litert");
    let files = std::fs::read_dir(folder).expect("the cases are beside this file");
    let mut cases: Vec<_> = files.map(|f| f.expect("a file").path()).collect();
    cases.retain(|path| path.extension().is_some_and(|e| e == "case"));
    cases.sort();
    cases
}

#[test]
fn every_case_gives_the_bits_of_every_resolver() {
    let cases = cases();
    assert!(cases.len() > 60, "{} cases", cases.len());
    let mut faults = Vec::new();
    for path in &cases {
        let case = read(path);
        for (profile, expected) in &case.outputs {
            let found = outputs(&case, profile);
            let wrong = found.iter().zip(expected).filter(|(a, b)| a != b).count();
            if found.len() != expected.len() || wrong > 0 {
                let name = path.file_stem().expect("a name").display();
                faults.push(format!("{name} under {profile}: {wrong} of {} differ", expected.len()));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
