//! The networks of `models/`, from file to executed instructions: imported, interpreted, compiled for every target, built, run and
//! compared with golden vectors. What a target needs may not grow: `ratchet.toml` holds the most there was.
//!
//! `NASC_RATCHET=write` makes what is measured now the most.

use ir::Tensor;
use libtest_mimic::{Arguments, Failed, Trial};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Mutex;
use std::time::Duration;

/// Quantized networks with golden vectors of LiteRT's reference kernels.
const NETWORKS: [&str; 3] = ["ic_resnet8_int8", "kws_dscnn_int8", "vww_mobilenetv1_025_int8"];
/// Float networks, compared with the interpreter.
const FLOAT: [&str; 2] = ["ic_resnet8_f32", "kws_dscnn_f32"];

/// Exact figures of an artifact; what the host needs depends on its compiler and is not held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Figures {
    instructions: u64,
    arena_bytes: u64,
    static_bytes: u64,
    stack_bytes: u64,
    code_bytes: u64,
    const_bytes: u64,
}

/// By network, by target.
type Ratchet = BTreeMap<String, BTreeMap<String, Figures>>;

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    let write = std::env::var("NASC_RATCHET").is_ok_and(|v| v == "write");
    if write {
        // Results are collected in this process; one thread keeps the machine's compilers from starving each other.
        arguments.test_threads = Some(1);
    }
    let mut trials = Vec::new();
    for network in NETWORKS {
        trials.push(Trial::test(format!("{network} in the interpreter"), move || interpreted(network)));
        for target in targets::all() {
            let name = format!("{network} on {}", target.name());
            trials.push(Trial::test(name, move || executed(network, target.name(), write)));
        }
    }
    for network in FLOAT {
        let name = format!("{network} on host-c");
        trials.push(Trial::test(name, move || compiled(&format!("{network}.onnx"), "host-c").map(drop)));
    }
    let conclusion = libtest_mimic::run(&arguments, trials);
    if write {
        save().expect("ratchet.toml can be written");
    }
    conclusion.exit_code()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn model(name: &str) -> PathBuf {
    root().join("models").join(name)
}

/// `nasc` with these arguments; its JSON.
fn nasc(args: &[&str]) -> Result<Value, Failed> {
    let command =
        process::Command::new(env!("CARGO_BIN_EXE_nasc-under-test")).args(args).arg("--json").arg("--quiet");
    let output = command.time_out(Duration::from_secs(300)).run()?;
    if !output.exit.success() {
        return Err(format!("{}: {}\n{}", args.join(" "), output.exit, output.stderr_text()).into());
    }
    Ok(serde_json::from_slice(&output.stdout).map_err(|e| e.to_string())?)
}

fn interpreted(network: &str) -> Result<(), Failed> {
    let graph =
        formats::import(model(&format!("{network}.tflite")), &formats::ImportOptions::default())?.graph;
    let golden = formats::npy::read_npz(model(&format!("golden_{network}.npz")))?;
    let array = |name: &str| {
        golden.iter().find(|(n, _)| n == name).map(|(_, t)| t).ok_or(format!("no array `{name}`"))
    };
    let (x, y) = (array("x")?, array("y")?);
    let input = graph.ty(graph.inputs()[0]);
    let shape = interp::layout::interface_shape(input, graph.layout);
    let output = graph.ty(graph.outputs()[0]).bytes();
    for (sample, expected) in x.bytes().chunks_exact(input.bytes()).zip(y.bytes().chunks_exact(output)) {
        let sample = Tensor::from_bytes(input.element, shape.clone(), sample.to_vec())?;
        let found = interp::run(&graph, &[sample])?;
        if found[0].bytes() != expected {
            return Err(format!("{:?} found, {expected:?} expected", found[0].bytes()).into());
        }
    }
    Ok(())
}

/// Compiles, which builds, runs and compares on random inputs; the folder.
fn compiled(file: &str, target: &str) -> Result<tempfile::TempDir, Failed> {
    let dir = tempfile::tempdir()?;
    let (model, out) = (model(file), dir.path().join("out"));
    let (model, out) = (model.to_string_lossy(), out.to_string_lossy());
    let manifest = nasc(&["compile", &model, "--target", target, "--verify", "-o", &out])?;
    let counts = |key: &str| manifest[key].as_u64();
    if counts("compared").unwrap_or(0) == 0 || counts("mismatches") != Some(0) {
        return Err(
            format!("not proven: {} of {} differ", manifest["mismatches"], manifest["compared"]).into()
        );
    }
    Ok(dir)
}

fn executed(network: &str, target: &str, write: bool) -> Result<(), Failed> {
    let dir = compiled(&format!("{network}.tflite"), target)?;
    let (out, golden) = (dir.path().join("out"), model(&format!("golden_{network}.npz")));
    let (out, golden) = (out.to_string_lossy(), golden.to_string_lossy());
    let measured = nasc(&["measure", &out, "--golden", &golden, "--layers"])?;
    if measured["mismatches"] != 0 || !measured["comparison"]["first_divergent"].is_null() {
        return Err(format!(
            "{} outputs differ, first in op {}",
            measured["mismatches"], measured["comparison"]["first_divergent"]
        )
        .into());
    }
    if target == "host-c" {
        return Ok(());
    }
    let found = figures(&measured)?;
    if write {
        let mut all = MEASURED.lock().map_err(|e| e.to_string())?;
        all.entry(network.to_owned()).or_default().insert(target.to_owned(), found);
        return Ok(());
    }
    let most = read()?.get(network).and_then(|targets| targets.get(target)).copied();
    let most = most.ok_or_else(|| format!("ratchet.toml has no line for {network} on {target}"))?;
    let grown = grown(&found, &most);
    if grown.is_empty() { Ok(()) } else { Err(grown.join("\n").into()) }
}

/// The figures among everything that was measured.
fn figures(measured: &Value) -> Result<Figures, String> {
    let figure = |key: &str| measured[key].as_u64().ok_or(format!("`{key}` was not measured"));
    Ok(Figures {
        instructions: figure("instructions")?,
        arena_bytes: figure("arena_bytes")?,
        static_bytes: figure("static_bytes")?,
        stack_bytes: figure("stack_bytes")?,
        code_bytes: figure("code_bytes")?,
        const_bytes: figure("const_bytes")?,
    })
}

fn grown(found: &Figures, most: &Figures) -> Vec<String> {
    let pairs = [
        ("instructions", found.instructions, most.instructions),
        ("arena_bytes", found.arena_bytes, most.arena_bytes),
        ("static_bytes", found.static_bytes, most.static_bytes),
        ("stack_bytes", found.stack_bytes, most.stack_bytes),
        ("code_bytes", found.code_bytes, most.code_bytes),
        ("const_bytes", found.const_bytes, most.const_bytes),
    ];
    let above = pairs.iter().filter(|(_, found, most)| found > most);
    above
        .map(|(key, found, most)| format!("{key}: {found}, at most {most} expected (ratchet.toml)"))
        .collect()
}

static MEASURED: Mutex<Ratchet> = Mutex::new(BTreeMap::new());

fn read() -> Result<Ratchet, String> {
    let path = root().join("ratchet.toml");
    let text = std::fs::read_to_string(&path).map_err(|e| format!("{}: {e}", path.display()))?;
    toml::from_str(&text).map_err(|e| format!("{}: {e}", path.display()))
}

/// What was measured in this run, over what was there.
fn save() -> Result<(), String> {
    let mut all = read().unwrap_or_default();
    for (network, targets) in MEASURED.lock().map_err(|e| e.to_string())?.iter() {
        all.entry(network.clone()).or_default().extend(targets.clone());
    }
    let head = "# The most each network may need on each target: exact figures at -O2, as `nasc measure` gives them.\n\
                # Written by `NASC_RATCHET=write cargo test -p nasc-tests --test networks`; a change upwards needs a reason.\n\n";
    let text = toml::to_string(&all).map_err(|e| e.to_string())?;
    std::fs::write(root().join("ratchet.toml"), format!("{head}{text}")).map_err(|e| e.to_string())
}
