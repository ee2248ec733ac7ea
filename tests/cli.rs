//! How the command behaves: exit codes, what it says, what it leaves behind.

use std::path::{Path, PathBuf};
use std::time::Duration;

struct Ran {
    exit: process::Exit,
    out: String,
    err: String,
}

fn nasc_in(dir: &Path, args: &[&str]) -> Ran {
    let command = process::Command::new(env!("CARGO_BIN_EXE_nasc-under-test")).args(args).dir(dir);
    let output = command.time_out(Duration::from_secs(60)).run().expect("nasc starts and ends in time");
    Ran { exit: output.exit, out: output.stdout_text(), err: output.stderr_text() }
}

fn nasc(args: &[&str]) -> Ran {
    nasc_in(Path::new(env!("CARGO_MANIFEST_DIR")), args)
}

fn json(ran: &Ran) -> serde_json::Value {
    serde_json::from_str(&ran.out).unwrap_or_else(|e| panic!("{e}: {}", ran.out))
}

fn model(name: &str) -> String {
    let path: PathBuf = [env!("CARGO_MANIFEST_DIR"), "models", name].iter().collect();
    path.to_string_lossy().into_owned()
}

fn names(dir: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(dir).expect("a folder");
    let mut names: Vec<_> =
        entries.map(|e| e.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a folder for a test")
}

#[test]
fn a_wrong_command_line_is_wrong_input_and_help_is_not() {
    assert_eq!(nasc(&["frobnicate"]).exit, process::Exit::Code(2));
    assert_eq!(nasc(&["import"]).exit, process::Exit::Code(2));
    let help = nasc(&["--help"]);
    assert!(help.exit.success() && help.out.contains("Exit codes"), "{}", help.out);
}

#[test]
fn a_missing_file_is_named() {
    let ran = nasc(&["opt", "no-such.nasc"]);
    assert_eq!(ran.exit, process::Exit::Code(2));
    assert!(ran.err.contains("no-such.nasc") && ran.out.is_empty(), "{}", ran.err);
}

#[test]
fn an_unknown_op_is_explained_with_its_neighbours() {
    let ran = nasc(&["ops", "conv"]);
    assert_eq!(ran.exit, process::Exit::Code(2));
    assert!(ran.err.contains("conv2d"), "{}", ran.err);
}

#[test]
fn failures_are_json_too() {
    let dir = folder();
    std::fs::write(dir.path().join("t.nasc"), "graph @t(%x: f32[2]) {\n  %y = nothing %x\n  return %y\n}\n")
        .expect("written");
    let ran = nasc_in(dir.path(), &["opt", "t.nasc", "--json"]);
    assert_eq!(ran.exit, process::Exit::Code(2));
    let error = &json(&ran)["error"];
    assert_eq!(error["kind"], "input");
    assert_eq!(error["findings"][0]["line"], 2);
    assert_eq!(error["findings"][0]["file"], "t.nasc");
}

#[test]
fn every_op_of_the_table_is_listed() {
    let listed = json(&nasc(&["ops", "--json"]));
    let listed = listed["ops"].as_array().expect("a list");
    assert!(listed.len() > 20 && listed.iter().any(|op| op["name"] == "conv2d"));
    let keys = ["name", "summary", "source", "operands", "attributes", "imported_from"];
    assert!(listed.iter().all(|op| keys.iter().all(|key| !op[key].is_null())));
    // One line per op and one of headings.
    assert_eq!(nasc(&["ops"]).out.lines().count(), listed.len() + 1);
    assert_eq!(nasc(&["ops", "--quiet"]).out, "");
}

#[test]
fn a_pipe_gets_neither_colour_nor_rules() {
    let out = nasc(&["ops"]).out;
    assert!(!out.contains('\u{1b}') && !out.contains('─'));
}

#[test]
fn completions_know_the_commands() {
    for shell in ["bash", "zsh", "fish"] {
        let ran = nasc(&["completions", shell]);
        assert!(ran.exit.success() && ran.out.contains("import"), "{shell}: {}", ran.err);
    }
}

#[test]
fn the_reference_page_is_current() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/reference.md");
    let page = std::fs::read_to_string(page).expect("docs/reference.md is there");
    let difference = report::diff::lines(&page, &nasc(&["reference"]).out, 0);
    let again = "write it again: cargo run -p nasc-cli -- reference > docs/reference.md";
    assert!(difference.is_empty(), "{again}\n{difference}");
}

#[test]
fn an_imported_network_reads_back_as_it_was_written() {
    let dir = folder();
    let ran = nasc_in(dir.path(), &["import", &model("kws_dscnn_int8.tflite"), "-o", "kws.nasc"]);
    assert!(ran.exit.success(), "{}", ran.err);
    assert_eq!(names(dir.path()), ["kws.nasc", "kws.safetensors"]);
    let text = std::fs::read_to_string(dir.path().join("kws.nasc")).expect("written");
    let again = nasc_in(dir.path(), &["import", "kws.nasc", "-o", "-"]);
    assert!(again.out == text, "{}", again.err);
}

#[test]
fn nothing_is_written_for_broken_models() {
    let whole = std::fs::read(model("kws_dscnn_int8.tflite")).expect("the model is there");
    let mut flipped = whole.clone();
    for byte in flipped[4..400].iter_mut().step_by(7) {
        *byte ^= 0x5a;
    }
    let cases: [(&str, &[u8]); 5] = [
        ("empty.tflite", b""),
        ("short.tflite", &whole[..whole.len() / 2]),
        ("flipped.tflite", &flipped),
        ("text.onnx", b"not a model at all"),
        ("empty.nasc", b""),
    ];
    for (name, bytes) in cases {
        let dir = folder();
        std::fs::write(dir.path().join(name), bytes).expect("written");
        let ran = nasc_in(dir.path(), &["import", name, "-o", "out.nasc"]);
        assert_eq!(ran.exit, process::Exit::Code(2), "{name}: {}", ran.err);
        assert!(ran.err.contains(name) || ran.err.contains("broken"), "{name}: {}", ran.err);
        assert_eq!(names(dir.path()), [name], "{name}");
    }
}

#[test]
fn every_command_has_json_and_quiet() {
    let help = nasc(&["--help"]).out;
    for command in
        ["compile", "measure", "run", "cost", "opt", "import", "export", "targets", "passes", "ops", "test"]
    {
        assert!(help.contains(&format!("  {command} ")), "{command}");
        let help = nasc(&[command, "--help"]).out;
        assert!(help.contains("--json") && help.contains("--quiet"), "{command}");
    }
}

#[test]
fn targets_passes_and_limits_are_listed_with_stable_keys() {
    let targets = json(&nasc(&["targets", "--json"]));
    let names: Vec<_> =
        targets["targets"].as_array().expect("a list").iter().map(|t| t["name"].clone()).collect();
    assert_eq!(names, ["host-c", "cortex-m4", "rv32imac"]);
    let keys =
        ["summary", "machine", "source", "capabilities", "pipeline", "board", "compiler", "flags", "missing"];
    assert!(keys.iter().all(|key| !targets["targets"][1][key].is_null()));
    let limits = json(&nasc(&["targets", "--limits", "--json"]));
    let profiles: Vec<_> =
        limits["profiles"].as_array().expect("a list").iter().map(|p| p["name"].clone()).collect();
    assert_eq!(profiles, ["real-time", "interactive", "iot", "mobile", "edge", "mcu"]);
    let passes = json(&nasc(&["passes", "--json"]));
    let known = |name: &str| passes["passes"].as_array().expect("a list").iter().any(|p| p["name"] == name);
    assert!(known("canonicalize") && known("fold-qdq") && known("dead-code"));
}

#[test]
fn the_interpreter_gives_the_golden_outputs() {
    let dir = folder();
    let golden = model("golden_kws_dscnn_int8.npz");
    let ran = nasc_in(
        dir.path(),
        &["run", &model("kws_dscnn_int8.tflite"), "--input", &golden, "-o", "y.npy", "--json"],
    );
    assert!(ran.exit.success(), "{}", ran.err);
    let outputs = &json(&ran)["outputs"];
    assert_eq!(outputs[0]["shape"], serde_json::json!([3, 1, 12]));
    let written = formats::npy::read(dir.path().join("y.npy")).expect("an array");
    let arrays = formats::npy::read_npz(&golden).expect("arrays");
    let expected = &arrays.iter().find(|(name, _)| name == "y").expect("outputs").1;
    assert_eq!(written.bytes(), expected.bytes());
}

#[test]
fn a_compiled_folder_holds_the_contract_and_nothing_else() {
    let dir = folder();
    let kws = model("kws_dscnn_int8.tflite");
    let ran =
        nasc_in(dir.path(), &["compile", &kws, "--target", "host-c", "--no-verify", "-o", "out", "--json"]);
    assert!(ran.exit.success(), "{}", ran.err);
    let files = ["model.h", "model.c", "model_weights.c", "manifest.json", "report.html", "CMakeLists.txt"];
    let found = names(&dir.path().join("out"));
    assert!(files.iter().all(|file| found.iter().any(|f| f == file)), "{found:?}");
    assert_eq!(names(dir.path()), ["out"]);
    let manifest = json(&ran);
    for key in [
        "arena_bytes",
        "static_bytes",
        "code_bytes",
        "const_bytes",
        "instructions",
        "layers",
        "origin",
        "unchecked",
    ] {
        assert!(!manifest[key].is_null(), "{key}");
    }
    assert!(manifest["mismatches"].is_null(), "nothing was compared");
    let mut listed: Vec<_> = manifest["files"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|f| f.as_str().expect("a name").to_owned())
        .collect();
    listed.sort();
    assert_eq!(listed, found);
    let written = std::fs::read_to_string(dir.path().join("out/manifest.json")).expect("written");
    assert_eq!(written, ran.out);
}

#[test]
fn the_same_model_gives_the_same_bytes() {
    let dir = folder();
    let ic = model("ic_resnet8_int8.tflite");
    for (out, threads) in [("a", "1"), ("b", "2"), ("c", "7")] {
        let args = ["compile", &ic, "--target", "cortex-m4", "--no-verify", "--quiet", "-o", out];
        let command = process::Command::new(env!("CARGO_BIN_EXE_nasc-under-test")).args(args).dir(dir.path());
        command.env("RAYON_NUM_THREADS", threads).run_ok().expect("compiles");
    }
    let bytes = |out: &str, file: &str| std::fs::read(dir.path().join(out).join(file)).expect("written");
    for file in names(&dir.path().join("a")) {
        assert!(bytes("a", &file) == bytes("b", &file) && bytes("a", &file) == bytes("c", &file), "{file}");
    }
}

#[test]
fn a_missed_limit_removes_the_folder_and_says_what_is_needed() {
    let dir = folder();
    let kws = model("kws_dscnn_int8.tflite");
    let compile = |more: &[&str]| {
        let args = [&["compile", &kws, "--target", "cortex-m4", "--no-verify", "-o", "out"], more].concat();
        nasc_in(dir.path(), &args)
    };
    assert!(compile(&["--limit", "sram=64KiB"]).exit.success());
    let missed = compile(&["--limit", "sram=1KiB", "--json"]);
    assert_eq!(missed.exit, process::Exit::Code(1));
    assert_eq!(names(dir.path()), [""; 0]);
    let miss = &json(&missed)["error"]["misses"][0];
    assert_eq!((&miss["limit"], &miss["at_most"]), (&"sram".into(), &1024.0.into()));
    let nearest = miss["nearest"].as_f64().expect("a number");
    assert!(miss["ops"].as_array().is_some_and(|ops| ops.len() > 5), "{miss}");
    // What is said to be feasible is.
    assert!(compile(&["--limit", &format!("sram={nearest}B")]).exit.success());
    assert_eq!(compile(&["--limits", "mcu"]).exit, process::Exit::Code(0));
    assert_eq!(compile(&["--limits", "edge"]).exit, process::Exit::Code(2), "area cannot be judged");
}

#[test]
fn a_folder_of_the_users_is_never_replaced() {
    let dir = folder();
    std::fs::create_dir(dir.path().join("thesis")).expect("a folder");
    std::fs::write(dir.path().join("thesis/chapter1.tex"), "precious").expect("written");
    let args =
        ["compile", &model("kws_dscnn_int8.tflite"), "--target", "host-c", "--no-verify", "-o", "thesis"];
    let ran = nasc_in(dir.path(), &args);
    assert_eq!(ran.exit, process::Exit::Code(2));
    assert_eq!(names(&dir.path().join("thesis")), ["chapter1.tex"]);
    assert_eq!(names(dir.path()), ["thesis"]);
}

#[test]
fn a_folder_that_is_no_artifact_cannot_be_measured() {
    let dir = folder();
    let ran = nasc_in(dir.path(), &["measure", "."]);
    assert_eq!(ran.exit, process::Exit::Code(2));
    assert!(ran.err.contains("manifest.json") && ran.err.contains("nasc compile"), "{}", ran.err);
    std::fs::write(dir.path().join("manifest.json"), "{").expect("written");
    assert_eq!(nasc_in(dir.path(), &["measure", "."]).exit, process::Exit::Code(2));
}

#[test]
fn an_artifact_that_was_changed_is_found_wrong_and_the_op_is_named() {
    let dir = folder();
    let kws = model("kws_dscnn_int8.tflite");
    let compiled =
        nasc_in(dir.path(), &["compile", &kws, "--target", "host-c", "--no-verify", "-q", "-o", "out"]);
    assert!(compiled.exit.success(), "{}", compiled.err);
    let weights = dir.path().join("out/model_weights.c");
    let text = std::fs::read_to_string(&weights).expect("written");
    // The first number of the first array of the file.
    let brace = text.find("= {").expect("an array");
    let (head, tail) = text.split_at(brace + 3);
    let digit = tail.find(|c: char| c.is_ascii_digit()).expect("a number");
    let changed = format!("{head}{}1{}", &tail[..digit], &tail[digit..]);
    std::fs::write(&weights, changed).expect("written");
    let ran = nasc_in(dir.path(), &["measure", "out", "--layers", "--json"]);
    assert_eq!(ran.exit, process::Exit::Code(1), "{}", ran.err);
    assert!(ran.err.contains("the first op whose output differs is 1 `conv2d_0`"), "{}", ran.err);
    let measured = &json(&ran)["error"]["measured"];
    assert!(measured["mismatches"].as_u64() > Some(0));
    assert_eq!(measured["comparison"]["first_divergent"], 0);
}

#[test]
fn a_runner_of_the_users_executes_the_artifact() {
    let dir = folder();
    let kws = model("kws_dscnn_int8.tflite");
    let compiled =
        nasc_in(dir.path(), &["compile", &kws, "--target", "host-c", "--no-verify", "-q", "-o", "out"]);
    assert!(compiled.exit.success(), "{}", compiled.err);
    let ran = nasc_in(dir.path(), &["measure", "out", "--runner", "env VARIABLE=1", "--json"]);
    assert!(ran.exit.success(), "{}", ran.err);
    let measured = json(&ran);
    assert_eq!((&measured["mismatches"], &measured["board"]), (&0.into(), &"`env VARIABLE=1`".into()));
    let hung = nasc_in(dir.path(), &["measure", "out", "--runner", "false", "--json"]);
    assert_eq!(hung.exit, process::Exit::Code(1), "{}", hung.err);
}

#[test]
fn ctrl_c_leaves_nothing_half_written() {
    let dir = folder();
    let vww = model("vww_mobilenetv1_025_int8.tflite");
    // A shell that interrupts the command while it builds and runs the artifact.
    let script = "\"$0\" compile \"$1\" --target rv32imac -o out & sleep 0.7; kill -INT $!; wait $!";
    let command =
        process::Command::new("bash").args(["-mc", script, env!("CARGO_BIN_EXE_nasc-under-test"), &vww]);
    let output = command.dir(dir.path()).time_out(Duration::from_secs(60)).run().expect("bash runs");
    let left = names(dir.path());
    // On a fast machine the artifact may have been finished before; then it is whole.
    if output.exit == process::Exit::Code(0) {
        assert_eq!(left, ["out"]);
    } else {
        assert_eq!(output.exit, process::Exit::Code(130), "{}", output.stderr_text());
        assert_eq!(left, [""; 0]);
    }
}

/// Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014.
fn split_mix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// The importers are given thousands of these in their own crate; here what gets through goes all the way down.
#[test]
fn mutated_models_are_compiled_or_refused_and_never_crash() {
    let mut random = 7;
    for file in ["kws_dscnn_int8.tflite", "kws_dscnn_f32.onnx"] {
        let whole = std::fs::read(model(file)).expect("the model is there");
        for round in 0..40 {
            let mut bytes = whole.clone();
            for _ in 0..=split_mix(&mut random) % 4 {
                let at = split_mix(&mut random) as usize % bytes.len();
                bytes[at] = split_mix(&mut random) as u8;
            }
            if round % 8 == 0 {
                bytes.truncate(split_mix(&mut random) as usize % whole.len());
            }
            let dir = folder();
            std::fs::write(dir.path().join(file), &bytes).expect("written");
            let ran = nasc_in(
                dir.path(),
                &["compile", file, "--target", "host-c", "--no-verify", "-q", "-o", "out"],
            );
            let expected = match ran.exit {
                process::Exit::Code(0) => vec![file, "out"],
                process::Exit::Code(1 | 2) => vec![file],
                crashed => panic!("round {round} of {file}: {crashed}: {}", ran.err),
            };
            assert_eq!(names(dir.path()), expected, "round {round} of {file}: {}", ran.err);
        }
    }
}

#[test]
fn weights_that_are_missing_or_cut_are_named() {
    let dir = folder();
    let imported = nasc_in(dir.path(), &["import", &model("kws_dscnn_int8.tflite"), "-o", "kws.nasc", "-q"]);
    assert!(imported.exit.success(), "{}", imported.err);
    let weights = dir.path().join("kws.safetensors");
    let bytes = std::fs::read(&weights).expect("written");
    std::fs::write(&weights, &bytes[..bytes.len() / 2]).expect("written");
    let cut = nasc_in(dir.path(), &["compile", "kws.nasc", "--target", "host-c", "-o", "out"]);
    assert_eq!(cut.exit, process::Exit::Code(2));
    assert!(cut.err.contains("kws.safetensors"), "{}", cut.err);
    std::fs::remove_file(&weights).expect("there");
    let missing = nasc_in(dir.path(), &["compile", "kws.nasc", "--target", "host-c", "-o", "out"]);
    assert_eq!(missing.exit, process::Exit::Code(2));
    assert!(missing.err.contains("weights without data"), "{}", missing.err);
    assert_eq!(names(dir.path()), ["kws.nasc"]);
}

#[test]
fn a_folder_is_no_model_and_no_array() {
    let dir = folder();
    let wrong = |args: &[&str]| {
        let ran = nasc_in(dir.path(), args);
        assert_eq!(ran.exit, process::Exit::Code(2), "{}", ran.err);
        assert!(!ran.err.contains("internal error"), "{}", ran.err);
    };
    wrong(&["opt", "."]);
    wrong(&["compile", ".", "--target", "host-c", "-o", "out"]);
    wrong(&["run", &model("kws_dscnn_int8.tflite"), "--input", "."]);
    wrong(&["run", &model("kws_dscnn_int8.tflite"), "--input", &model("kws_dscnn_int8.tflite")]);
    wrong(&["test", "."]);
    wrong(&["import", &model("kws_dscnn_int8.tflite"), "-o", "no/such/folder/x.nasc"]);
    wrong(&["import", &model("kws_dscnn_int8.tflite"), "-o", "x.txt"]);
    assert_eq!(names(dir.path()), [""; 0]);
}

#[test]
fn an_exported_network_is_imported_again_with_the_same_outputs() {
    let dir = folder();
    let float = model("kws_dscnn_f32.onnx");
    let exported = nasc_in(dir.path(), &["export", &float, "--format", "onnx", "-o", "kws.onnx"]);
    assert!(exported.exit.success(), "{}", exported.err);
    let ramp: Vec<f32> = (0..490u16).map(|i| f32::from(i) / 245.0 - 1.0).collect();
    formats::npy::write(dir.path().join("x.npy"), &ir::Tensor::from_f32([490], &ramp)).expect("written");
    for (file, out) in [(float.as_str(), "a.npy"), ("kws.onnx", "b.npy")] {
        let ran = nasc_in(dir.path(), &["run", file, "--input", "x.npy", "-o", out, "-q"]);
        assert!(ran.exit.success(), "{}", ran.err);
    }
    let values = |file: &str| formats::npy::read(dir.path().join(file)).expect("an array").to_f32();
    let (a, b) = (values("a.npy"), values("b.npy"));
    assert_eq!(a.len(), b.len());
    assert!(a.iter().zip(&b).all(|(a, b)| (a - b).abs() <= 1e-6), "{a:?}\n{b:?}");
}
