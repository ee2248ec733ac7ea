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
    assert!(
        page == nasc(&["reference"]).out,
        "write it again: cargo run -p nasc-cli -- reference > docs/reference.md"
    );
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
