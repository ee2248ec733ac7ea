//! Random graphs on every target: behind the passes, through the C compiler, on the machine, the same outputs as the graph as it
//! was. `NASC_RANDOM_GRAPHS=N` tries N of each kind instead of a few.

use compile::{CompileError, Options};
use ir::{Graph, Tensor};
use libtest_mimic::{Arguments, Failed, Trial};
use passes::random::{Arithmetic, Config};
use std::process::ExitCode;
use targets::Target;
use validate::{Artifact, Element, Port, Run};

/// Graphs of each arithmetic on each target.
const GRAPHS: u64 = 6;
/// Uses of ops in a graph, about.
const OPS: usize = 8;
/// Random inputs of a graph.
const RUNS: u64 = 2;

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let given = std::env::var("NASC_RANDOM_GRAPHS").ok();
    let graphs = given.map_or(GRAPHS, |n| n.parse().expect("NASC_RANDOM_GRAPHS is a number"));
    let mut trials = Vec::new();
    for target in targets::all() {
        for (arithmetic, word) in [(Arithmetic::Float, "float"), (Arithmetic::Integer, "integer")] {
            for seed in 0..graphs {
                let name = format!("{} {word} {seed}", target.name());
                let config = Config { arithmetic, ops: OPS, seed };
                trials.push(Trial::test(name, move || same(*target, &config)));
            }
        }
    }
    libtest_mimic::run(&arguments, trials).exit_code()
}

/// Compiles, builds and runs one graph, and compares with the interpreter.
fn same(target: &dyn Target, config: &Config) -> Result<(), Failed> {
    let graph = passes::random::graph(config);
    let compiled = match compile::compile(&graph, target, &Options::default()) {
        // An answer: the target says what it cannot run, and names each op.
        Err(CompileError::Illegal { nodes, .. }) if !nodes.is_empty() => return Ok(()),
        other => other.map_err(|e| format!("{e}\n{}", graph.to_text()))?,
    };
    let dir = tempfile::tempdir()?;
    for file in &compiled.files {
        std::fs::write(dir.path().join(&file.name), &file.text)?;
    }
    let ports = |ports: &[report::Port]| ports.iter().map(port).collect::<Result<Vec<_>, Failed>>();
    let ops = compiled.manifest.layers.iter().map(|layer| layer.name.clone()).collect();
    let (inputs, outputs) = (ports(&compiled.manifest.inputs)?, ports(&compiled.manifest.outputs)?);
    let artifact = Artifact::new(dir.path(), "model", inputs, outputs, ops);
    let runs = (0..RUNS).map(|k| judged(&graph, config.seed * RUNS + k)).collect::<Result<Vec<_>, _>>()?;
    let measured = validate::measure(&target.recipe(), &artifact, &runs, &validate::Options::default())
        .map_err(|e| format!("{e}\n{}", graph.to_text()))?;
    if measured.mismatches > 0 {
        return Err(format!("{:?}\n{}", measured.first_mismatch, graph.to_text()).into());
    }
    if !measured.warnings.is_empty() {
        return Err(measured.warnings.join("\n").into());
    }
    Ok(())
}

fn port(port: &report::Port) -> Result<Port, Failed> {
    let element = match port.element.as_str() {
        "i8" => Element::I8,
        "u8" | "bool" => Element::U8,
        "i16" => Element::I16,
        "i32" => Element::I32,
        "i64" => Element::I64,
        "f32" => Element::F32,
        other => return Err(format!("`{other}` at the interface of a random graph").into()),
    };
    Ok(Port::new(&port.symbol, element, port.shape.iter().product()))
}

/// A run with what the interpreter gives for the graph as it was.
fn judged(graph: &Graph, seed: u64) -> Result<Run, Failed> {
    let inputs = passes::random::inputs(graph, seed);
    let outputs = interp::run(graph, &inputs)?;
    let bytes = |tensors: &[Tensor]| tensors.iter().map(|t| t.bytes().to_vec()).collect();
    Ok(Run { inputs: bytes(&inputs), expected: Some(bytes(&outputs)) })
}
