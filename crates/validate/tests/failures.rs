//! Artifacts that are wrong, hang, fault, or do not build: each is said plainly.

mod common;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use hw::recipe::{Recipe, Runner};

use common::{HEADER, folder, folder_of, host, m4, recipes, runs, rv32, source};
use nasc_validate::{Error, Options, Run, Stage, measure};

fn quick() -> Options {
    Options { time_out: Duration::from_secs(3), ..Options::default() }
}

#[test]
fn a_wrong_output_is_found_with_its_place_and_size() {
    let folder = folder("model_out[7] = (int8_t)(model_out[7] + 3);");
    for recipe in recipes() {
        let measured =
            measure(&recipe, &folder.artifact, &runs(&folder.artifact, 2), &Options::default()).unwrap();
        // Twice, and once more in the repeat of the first run.
        assert_eq!((measured.mismatches, measured.max_difference), (3, 3.0), "{}", recipe.board.name);
        let first = measured.first_mismatch.unwrap();
        assert_eq!((first.run, first.output.as_str(), first.index), (0, "model_out", 7));
        assert_eq!(first.found, first.expected + 3.0);
    }
}

#[test]
fn an_inference_that_depends_on_the_one_before_is_found_by_its_repeat() {
    let folder = folder("static int8_t times; model_out[0] = (int8_t)(model_out[0] + times++);");
    let mut runs = runs(&folder.artifact, 1);
    runs[0].expected = None;
    let measured = measure(&rv32(), &folder.artifact, &runs, &Options::default()).unwrap();
    assert_eq!((measured.mismatches, measured.compared), (1, 0));
    assert_eq!(measured.first_mismatch.unwrap().run, 1);
}

#[test]
fn an_endless_loop_is_ended_and_the_run_named() {
    let folder = folder("static volatile int calls; if (++calls > 1) { for (;;) {} }");
    for recipe in recipes() {
        let error = measure(&recipe, &folder.artifact, &runs(&folder.artifact, 2), &quick()).unwrap_err();
        assert!(matches!(error, Error::Hung { stage: Stage::Run(1), .. }), "{}: {error}", recipe.board.name);
    }
}

#[test]
fn a_fault_names_the_function_it_happened_in() {
    let folder = folder("*(volatile int *)0xF0000000u = 1;");
    for recipe in [m4(), rv32()] {
        let error = measure(&recipe, &folder.artifact, &runs(&folder.artifact, 1), &quick()).unwrap_err();
        assert!(matches!(error, Error::Fault { stage: Stage::Run(0), .. }), "{error}");
        let text = error.to_string();
        assert!(text.contains("fault ") && text.contains("(in model_invoke + 0x"), "{text}");
    }
}

#[test]
fn a_crash_on_this_machine_names_the_signal() {
    let folder = folder("*(volatile int *)16 = 1;");
    let error = measure(&host(), &folder.artifact, &runs(&folder.artifact, 1), &quick()).unwrap_err();
    assert_eq!(error.to_string(), "this machine: signal 11 (segmentation fault) in run 0");
}

#[test]
fn a_status_other_than_0_is_an_error() {
    let folder = folder("if (model_in[0] > -129) { return -2; }");
    let error = measure(&m4(), &folder.artifact, &runs(&folder.artifact, 1), &quick()).unwrap_err();
    assert_eq!(error.to_string(), "QEMU mps2-an386: model_invoke returned -2 in run 0, 0 expected");
}

#[test]
fn a_file_that_does_not_compile_is_shown_with_the_compilers_words() {
    let folder = folder("return undeclared;");
    let error = measure(&m4(), &folder.artifact, &runs(&folder.artifact, 1), &quick()).unwrap_err();
    let text = error.to_string();
    assert!(text.starts_with("cannot build model.c") && text.contains("'undeclared' undeclared"), "{text}");
}

#[test]
fn a_missing_function_is_a_link_error() {
    let folder = folder_of(HEADER, "#include \"model.h\"\nint model_invoke(void) { return 0; }\n");
    let error = measure(&host(), &folder.artifact, &runs(&folder.artifact, 1), &quick()).unwrap_err();
    assert!(error.to_string().contains("model_out"), "{error}");
}

#[test]
fn a_missing_source_names_the_file() {
    let mut folder = folder("");
    folder.artifact.sources.push("model_more.c".into());
    let error = measure(&host(), &folder.artifact, &runs(&folder.artifact, 1), &quick()).unwrap_err();
    assert!(error.to_string().contains("model_more.c"), "{error}");
}

#[test]
fn compiler_warnings_in_the_artifact_are_reported() {
    let folder = folder_of(HEADER, &source("int unused; (void)0; model_out[0] = 3.7;"));
    let measured = measure(&m4(), &folder.artifact, &runs(&folder.artifact, 1), &quick()).unwrap();
    assert!(measured.warnings.iter().any(|warning| warning.contains("unused")), "{:?}", measured.warnings);
}

#[test]
fn inputs_that_do_not_fit_are_refused_before_anything_is_built() {
    let folder = folder("");
    let mut run = runs(&folder.artifact, 1).remove(0);
    run.inputs[0].pop();
    let text = |runs: &[Run]| measure(&m4(), &folder.artifact, runs, &quick()).unwrap_err().to_string();
    assert_eq!(text(&[run.clone()]), "run 0: `model_in` has 299 bytes, 300 expected");
    run.inputs.clear();
    assert_eq!(text(&[run]), "run 0: the list of inputs has 0 entries, 1 expected");
    assert_eq!(text(&[]), "run 0: the list of runs has 0 entries, 1 expected");
}

#[test]
fn a_missing_tool_is_named_with_its_package() {
    let folder = folder("");
    let mut recipe = m4();
    recipe.toolchain.compiler = "/nowhere/arm-none-eabi-gcc".into();
    let error = measure(&recipe, &folder.artifact, &runs(&folder.artifact, 1), &quick()).unwrap_err();
    assert!(error.to_string().contains("Debian package gcc-arm-none-eabi"), "{error}");
}

#[test]
fn a_runner_that_prints_nothing_has_crashed_at_the_start() {
    let folder = folder("");
    let recipe = m4().with_runner("true");
    let error = measure(&recipe, &folder.artifact, &runs(&folder.artifact, 1), &quick()).unwrap_err();
    assert!(matches!(error, Error::Crashed { stage: Stage::Start, .. }), "{error}");
    assert!(error.to_string().contains("having printed nothing"), "{error}");
}

/// An emulator that says `refusal` to its first `times` plugins and is QEMU's otherwise.
fn choosy_emulator(dir: &Path, refusal: &str, times: u32) -> Recipe {
    let script = format!(
        "#!/bin/sh\ncase \"$*\" in *-plugin*)\n  echo >> {0}/tries\n  if [ $(wc -l < {0}/tries) -le {times} ]; then\n    \
         echo \"{refusal}\" >&2; exit 1\n  fi;;\nesac\nexec qemu-system-riscv32 \"$@\"\n",
        dir.display()
    );
    let path = dir.join("emulator");
    fs::write(&path, script).unwrap();
    fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).unwrap();
    let mut recipe = rv32();
    if let Runner::Qemu { program, .. } = &mut recipe.board.runner {
        *program = path.display().to_string();
    }
    recipe
}

#[test]
fn an_emulator_without_plugins_is_counted_by_its_clock() {
    let (folder, dir) = (folder(""), tempfile::tempdir().unwrap());
    let recipe = choosy_emulator(dir.path(), "plugin interface not enabled in this build", 99);
    let measured = measure(&recipe, &folder.artifact, &runs(&folder.artifact, 1), &quick()).unwrap();
    let exact = measure(&rv32(), &folder.artifact, &runs(&folder.artifact, 1), &quick()).unwrap();
    let (clocked, counted) = (measured.instructions.unwrap(), exact.instructions.unwrap());
    // Reading the clock at each of the four marks costs instructions of its own.
    assert!(clocked.abs_diff(counted) < 100, "{clocked} by the clock, {counted} exactly");
    assert!(
        measured.unchecked.iter().any(|what| what.contains("plugin interface not enabled")),
        "{:?}",
        measured.unchecked
    );
    assert!(measured.origin["instructions"].contains("clock"));
}

#[test]
fn another_version_of_the_plugin_interface_is_tried_when_the_emulator_asks_for_it() {
    let (folder, dir) = (folder(""), tempfile::tempdir().unwrap());
    let refusal = "plugin requires API version 1, but this QEMU supports only a minimum version of 2";
    let recipe = choosy_emulator(dir.path(), refusal, 1);
    let measured = measure(&recipe, &folder.artifact, &runs(&folder.artifact, 1), &quick()).unwrap();
    assert!(measured.instructions.is_some(), "{:?}", measured.unchecked);
    assert_eq!(fs::read_to_string(dir.path().join("tries")).unwrap().lines().count(), 2);
}

#[test]
fn a_stack_deeper_than_the_paint_is_not_given_a_number() {
    let folder = folder("volatile char deep[6000]; for (int i = 0; i < 6000; i++) { deep[i] = 0; }");
    let mut recipe = m4();
    recipe.board.stack_paint_bytes = 2048;
    let measured = measure(&recipe, &folder.artifact, &runs(&folder.artifact, 1), &quick()).unwrap();
    assert_eq!(measured.stack_bytes, None);
    assert!(measured.unchecked.iter().any(|what| what.starts_with("stack_bytes")));
}
