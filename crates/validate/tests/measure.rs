//! A well-behaved artifact on every executable recipe.

mod common;

use common::{N, folder, host, m4, recipes, runs, rv32};
use hw::recipe::{Clock, Counting, Tick};
use nasc_validate::{Measured, Options, Run, measure, random_inputs};

#[test]
fn a_right_artifact_is_exact_everywhere_and_fully_measured() {
    let folder = folder("");
    for recipe in recipes() {
        let measured =
            measure(&recipe, &folder.artifact, &runs(&folder.artifact, 3), &Options::default()).unwrap();
        let board = &recipe.board.name;
        assert_eq!(measured.exact(), Some(true), "{board}");
        assert_eq!((measured.runs, measured.compared), (3, 3 * N as u64), "{board}");
        assert_eq!((measured.arena_bytes, measured.static_bytes), (1024, 0), "{board}");
        assert!(measured.const_bytes >= N as u64, "{board}: the weights are there: {}", measured.const_bytes);
        assert!(measured.code_bytes > 0 && measured.code_bytes < 2000, "{board}: {}", measured.code_bytes);
        assert!(
            measured.stack_bytes.is_some_and(|bytes| bytes < 1024),
            "{board}: {:?}",
            measured.stack_bytes
        );
        assert_eq!(measured.warnings, [""; 0], "{board}");
        assert!(measured.instructions.is_some(), "{board}: {:?}", measured.unchecked);
        let layers: u64 = measured.layers.iter().map(|layer| layer.instructions.unwrap()).sum();
        let total = measured.instructions.unwrap();
        assert!(layers <= total && total < layers + 100, "{board}: {layers} of {total}");
        // At least one instruction an element.
        assert!(measured.layers.iter().all(|layer| layer.instructions.unwrap() > N as u64 / 8), "{board}");
    }
}

#[test]
fn counting_twice_gives_the_same_number() {
    let folder = folder("");
    let count = || measure(&m4(), &folder.artifact, &runs(&folder.artifact, 1), &Options::default()).unwrap();
    assert_eq!(count().instructions, count().instructions);
}

#[test]
fn the_clock_confirms_the_plugin_on_a_long_inference() {
    // Enough work that the clock's grain of 40 instructions is nothing.
    let folder = folder(
        "for (int i = 0; i < 20; i++) { model_halve(model_out, model_in); model_add(model_out, model_out); }",
    );
    for recipe in [m4(), rv32()] {
        let measured =
            measure(&recipe, &folder.artifact, &runs(&folder.artifact, 1), &Options::default()).unwrap();
        let (counted, clocked) = (measured.instructions.unwrap(), measured.clock_instructions.unwrap());
        assert!(counted.abs_diff(clocked) * 1000 <= counted, "{counted} counted, {clocked} by the clock");
        assert!(
            measured.unchecked.iter().all(|what| !what.starts_with("instructions")),
            "{:?}",
            measured.unchecked
        );
    }
}

#[test]
fn the_clock_alone_counts_within_its_grain() {
    let folder = folder("");
    for recipe in [m4(), rv32()] {
        let runs = runs(&folder.artifact, 1);
        let exact = measure(&recipe, &folder.artifact, &runs, &Options::default()).unwrap();
        let by_clock = hw::recipe::Recipe { counting: Counting::Clock, ..recipe };
        let clocked = measure(&by_clock, &folder.artifact, &runs, &Options::default()).unwrap();
        for (counted, clocked) in exact.layers.iter().zip(&clocked.layers) {
            let (counted, clocked) = (counted.instructions.unwrap(), clocked.instructions.unwrap());
            assert!(counted.abs_diff(clocked) <= 120, "{counted} counted, {clocked} by the clock");
        }
    }
}

#[test]
fn the_largest_functions_are_named() {
    let folder = folder("");
    for recipe in recipes() {
        let measured =
            measure(&recipe, &folder.artifact, &runs(&folder.artifact, 1), &Options::default()).unwrap();
        let mut names: Vec<&str> = measured
            .functions
            .iter()
            .take(2)
            .map(|function| function.name.split('.').next().unwrap())
            .collect();
        names.sort_unstable();
        assert_eq!(names, ["model_add", "model_halve"], "{}", recipe.board.name);
    }
}

#[test]
fn more_inputs_than_one_file_can_carry_are_run_in_batches() {
    // 300 bytes a run: 3495 of them fill the first file's mebibyte.
    let folder = folder("");
    let measured =
        measure(&host(), &folder.artifact, &runs(&folder.artifact, 3600), &Options::default()).unwrap();
    assert_eq!((measured.runs, measured.exact()), (3600, Some(true)));
    assert_eq!(measured.outputs.len(), 3600);
}

#[test]
fn without_expectations_the_outputs_come_back_and_are_reported_unchecked() {
    let folder = folder("");
    let inputs = random_inputs(&folder.artifact.inputs, 1);
    let want = common::expected(&inputs[0]);
    let run = Run { inputs, expected: None };
    let measured = measure(&rv32(), &folder.artifact, &[run.clone(), run], &Options::default()).unwrap();
    assert_eq!(measured.outputs, [[want.clone()], [want]]);
    assert_eq!((measured.exact(), measured.mismatches), (None, 0));
    assert!(measured.unchecked.iter().any(|what| what.starts_with("outputs")), "{:?}", measured.unchecked);
}

#[test]
fn a_users_runner_gets_the_file_as_its_last_argument() {
    let folder = folder("");
    let recipe = host().with_runner("env LC_ALL=C");
    let measured =
        measure(&recipe, &folder.artifact, &runs(&folder.artifact, 2), &Options::default()).unwrap();
    assert_eq!((measured.exact(), measured.static_bytes), (Some(true), 0));
    assert_eq!((measured.instructions, measured.cycles), (None, None));
    assert!(measured.unchecked.iter().any(|what| what.starts_with("instructions")));
}

#[test]
fn a_users_runner_on_a_board_reads_the_silicons_clock() {
    // An emulator started by hand stands for the board; its clock is taken for one of the silicon.
    let folder = folder("");
    let line = "qemu-system-riscv32 -M virt -bios none -nographic -monitor none -serial none \
                -semihosting-config enable=on,target=native -icount shift=0 -kernel";
    let counted =
        measure(&rv32().with_runner(line), &folder.artifact, &runs(&folder.artifact, 1), &Options::default());
    assert!(counted.unwrap().instructions.is_some());
    let mut recipe = rv32();
    recipe.board.clock = Some(Clock { instructions_per_tick: 1, on_silicon: Tick::Cycle });
    let recipe = recipe.with_runner(line);
    let measured =
        measure(&recipe, &folder.artifact, &runs(&folder.artifact, 1), &Options::default()).unwrap();
    assert!(measured.cycles.is_some_and(|cycles| cycles > 300));
    assert_eq!(measured.instructions, None);
}

#[test]
fn the_json_keys_are_the_contracts() {
    let folder = folder("");
    let measured = measure(&m4(), &folder.artifact, &runs(&folder.artifact, 1), &Options::default()).unwrap();
    let json = serde_json::to_value(&measured).unwrap();
    for key in [
        "arena_bytes",
        "static_bytes",
        "stack_bytes",
        "code_bytes",
        "const_bytes",
        "instructions",
        "cycles",
        "mismatches",
        "layers",
        "origin",
        "unchecked",
    ] {
        assert!(json.get(key).is_some(), "{key} is missing");
    }
    assert!(json["origin"]["instructions"].as_str().unwrap().starts_with("measured"));
    let mut back: Measured = serde_json::from_value(json).unwrap();
    back.outputs.clone_from(&measured.outputs);
    assert_eq!(back, measured);
}
