//! The protocol between the timer and a runtime's child, with children that are no runtime; needs a `python3`.

use std::path::{Path, PathBuf};

use nasc_validate::device::{Error, Job, Package, Python, Schedule, Visit, collect};

/// Answers every visit with as many blocks as it asked for: 1000 ns, or 2000 ns for a name with an `s` in it.
const CHILD: &str = r#"
import json, sys
head = json.loads(sys.stdin.readline())
assert head == {"runtime": "onnxruntime", "threads": 1}, head
print(json.dumps({"runtime": "onnxruntime", "version": "9.9"}))
for line in sys.stdin:
    job = json.loads(line)
    time = 2000.0 if "s" in job["id"] else 1000.0
    print(json.dumps({"id": job["id"], "wall_ns": [time] * job["blocks"], "cpu_ns": [time] * job["blocks"]}))
"#;

fn python(script: &str) -> Python {
    Python::with_script(Package::OnnxRuntime, "python3", script)
}

fn jobs() -> Vec<Job> {
    ["fast", "slow", "quick"]
        .map(|name| Job { name: name.to_owned(), path: PathBuf::from(format!("{name}.onnx")) })
        .to_vec()
}

fn collected(script: &str) -> Result<Vec<f64>, Error> {
    let schedule = Schedule {
        visit: Visit { blocks: 2, ..Visit::default() },
        least_rounds: 3,
        most_rounds: 3,
        ..Schedule::default()
    };
    let all = collect(&mut python(script), &jobs(), &schedule, &mut |_| ())?;
    Ok(all.iter().map(|repeats| repeats.summary().map_or(0.0, |s| s.quiet_ns)).collect())
}

fn refused(script: &str) -> String {
    collected(script).expect_err("the child misbehaves").to_string()
}

#[test]
fn times_come_back_to_the_networks_they_belong_to_in_whatever_order_they_were_visited() {
    assert_eq!(collected(CHILD).expect("a child that keeps to the protocol"), [2000.0, 2000.0, 1000.0]);
}

#[test]
fn the_version_is_asked_without_a_network() {
    assert_eq!(python(CHILD).version().expect("a child that keeps to the protocol"), "9.9");
}

#[test]
fn a_missing_interpreter_is_named() {
    let nowhere = Path::new("/nowhere/bin/python");
    let error = Python::new(Package::LiteRt, nowhere).version().expect_err("no interpreter").to_string();
    assert!(error.starts_with("python `/nowhere/bin/python`: "), "{error}");
}

#[test]
fn a_missing_package_is_named_with_what_the_import_said() {
    let script = r#"print('{"missing": "onnxruntime", "why": "No module named onnxruntime"}')"#;
    assert_eq!(refused(script), "python `python3` has no package `onnxruntime`: No module named onnxruntime");
}

#[test]
fn a_network_that_does_not_run_is_named_with_the_reason() {
    let script = CHILD.replace(
        "time = 2000.0 if",
        "print(json.dumps({'id': job['id'], 'error': 'Boom: no'})); continue\n    time = 2000.0 if",
    );
    let said = refused(&script);
    assert!(said.ends_with("` does not run: Boom: no"), "{said}");
}

#[test]
fn a_child_that_dies_says_why() {
    let said = refused("raise SystemExit('out of luck')");
    assert!(said.starts_with("python `python3`: ") && said.contains("out of luck"), "{said}");
}

#[test]
fn answers_outside_the_protocol_are_quoted_with_what_was_expected() {
    let said = refused("print('hello')");
    assert_eq!(said, "onnxruntime: answered `hello`, {\"runtime\", \"version\"} expected");
    let said = refused(&CHILD.replace("\"id\": job[\"id\"], \"wall_ns\"", "\"id\": \"other\", \"wall_ns\""));
    assert!(said.ends_with("the id of a visit expected"), "{said}");
    let said = refused(&CHILD.replace("\"cpu_ns\": [time] * job[\"blocks\"]", "\"cpu_ns\": []"));
    assert!(said.ends_with("as many numbers of both clocks expected"), "{said}");
    let said = refused(&CHILD.replace("for line in sys.stdin:", "for line in []:"));
    assert!(said.ends_with("the child said nothing of it"), "{said}");
}
