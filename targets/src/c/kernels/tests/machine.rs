//! Compiles cases into one program and runs it: on the host, or bare-metal under QEMU.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use crate::Target;
use crate::c::kernels::{Argument, CallArgument, Kernel, Unit};
use hw::recipe::{Recipe, Runner};
use process::Command;

/// One call of one kernel.
pub(super) struct Case {
    kernel: Kernel,
    inputs: Vec<Vec<u8>>,
    expected: Vec<u8>,
    /// Where the first input and the output lie in shared memory; `None`: apart.
    overlap: Option<(usize, usize)>,
}

impl Case {
    pub(super) fn new(
        kernel: Kernel,
        inputs: Vec<Vec<u8>>,
        expected: Vec<u8>,
        overlap: Option<(usize, usize)>,
    ) -> Case {
        Case { kernel, inputs, expected, overlap }
    }
}

/// What runs the cases.
pub(super) enum Machine {
    Host { compiler: &'static str, flags: &'static [&'static str] },
    Board(Box<Recipe>),
}

const WARNINGS: [&str; 4] = ["-Wall", "-Wextra", "-Wconversion", "-Werror"];

const HOST_BOARD: &str = "\
#include <stdio.h>
static void nasc_board_print(const char *text) { fputs(text, stdout); }
";
const BOARD: &str = "void nasc_board_print(const char *text);\n";

impl Machine {
    pub(super) fn host(compiler: &'static str, flags: &'static [&'static str]) -> Machine {
        Machine::Host { compiler, flags }
    }

    pub(super) fn cortex_m4() -> Machine {
        Machine::Board(Box::new(crate::cortex_m4::CortexM4.recipe()))
    }

    pub(super) fn rv32imac() -> Machine {
        Machine::Board(Box::new(crate::rv32imac::Rv32Imac.recipe()))
    }

    /// Builds and runs all cases; panics with the case whose output differs.
    pub(super) fn run(&self, cases: &[Case]) {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let main = dir.path().join("cases.c");
        let board = matches!(self, Machine::Board(_));
        std::fs::write(&main, program(cases, if board { BOARD } else { HOST_BOARD })).expect("the program");
        let output = match self {
            Machine::Host { compiler, flags } => on_host(dir.path(), compiler, flags),
            Machine::Board(recipe) => on_board(dir.path(), recipe),
        };
        let lines: Vec<&str> = output.lines().filter(|line| !line.is_empty()).collect();
        for (i, case) in cases.iter().enumerate() {
            let expected: String = case.expected.iter().map(|byte| format!("{byte:02x}")).collect();
            let found = lines.get(i).copied().unwrap_or("nothing");
            let kernel = &case.kernel.function;
            let place = case.overlap;
            assert_eq!(found, expected, "case {i}, overlap {place:?}: {}\n{}", kernel.summary, kernel.body);
        }
    }
}

fn on_host(dir: &Path, compiler: &str, flags: &[&str]) -> String {
    let build = Command::new(compiler).args(flags).args(WARNINGS).args([
        "-fsanitize=undefined",
        "-fno-sanitize-recover=all",
        "cases.c",
        "-o",
        "cases",
        "-lm",
    ]);
    text(build.dir(dir).time_out(Duration::from_secs(300)));
    text(Command::new(dir.join("cases")).time_out(Duration::from_secs(120)))
}

fn on_board(dir: &Path, recipe: &Recipe) -> String {
    let (tools, board) = (&recipe.toolchain, &recipe.board);
    let script = board.linker_script.as_ref().expect("a board has a linker script");
    for source in board.sources.iter().chain([script]) {
        std::fs::write(dir.join(&source.name), &source.text).expect("board support");
    }
    let build = Command::new(&tools.compiler)
        .args(&tools.machine_flags)
        .arg(&tools.optimisation)
        .args(WARNINGS)
        .arg("cases.c")
        .args(board.sources.iter().map(|source| &source.name))
        .args(&tools.link_flags)
        .args(["-T", &script.name, "-o", "cases.elf"])
        .args(&tools.libraries);
    text(build.dir(dir).time_out(Duration::from_secs(300)));
    let Runner::Qemu { program, args } = &board.runner else { panic!("a board runs under QEMU") };
    let run = Command::new(program)
        .args(args)
        .args(["-nographic", "-monitor", "none", "-serial", "none"])
        .args(["-semihosting-config", "enable=on,target=native", "-kernel", "cases.elf"]);
    text(run.dir(dir).time_out(Duration::from_secs(120)))
}

fn text(command: Command) -> String {
    let output = command.run_ok().unwrap_or_else(|error| panic!("{error}"));
    // QEMU writes what a board prints to its standard error.
    String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
}

fn program(cases: &[Case], board: &str) -> String {
    let mut unit = Unit::default();
    let mut body = String::new();
    let mut data = String::new();
    let (mut most, mut scratch) = (8, 8);
    for (i, case) in cases.iter().enumerate() {
        let call = unit.add(&format!("case{i}"), &case.kernel);
        let (x, y) = place(case);
        let end = (x + case.inputs[0].len()).max(y + case.expected.len());
        most = most.max(end);
        scratch = scratch.max(case.kernel.scratch_bytes);
        for (n, bytes) in case.inputs.iter().enumerate() {
            let list: Vec<_> = bytes.iter().map(u8::to_string).collect();
            let _ = writeln!(data, "static const uint8_t input{i}_{n}[] = {{{}}};", list.join(","));
        }
        let arguments: Vec<String> = call
            .arguments
            .iter()
            .map(|argument| match argument {
                CallArgument::Constant(name) => name.replace('@', "test_"),
                CallArgument::Memory(Argument::Input(0), t) => format!("(const {t} *)(memory + {x})"),
                CallArgument::Memory(Argument::Input(n), t) => format!("(const {t} *)input{i}_{n}"),
                CallArgument::Memory(Argument::Output, t) => format!("({t} *)(memory + {y})"),
                CallArgument::Memory(_, t) => format!("({t} *)(void *)scratch"),
            })
            .collect();
        let _ = writeln!(body, "    memset(scratch, 0xA5, sizeof scratch);");
        let _ = writeln!(body, "    memcpy(memory + {x}, input{i}_0, {});", case.inputs[0].len());
        let _ = writeln!(body, "    {}({});", call.function.replace('@', "test_"), arguments.join(", "));
        let _ = writeln!(
            body,
            "    print(memory + {y}, {}, {});",
            case.expected.len(),
            case.kernel.scratch_bytes
        );
    }
    format!(
        "#include <math.h>\n#include <stdint.h>\n#include <string.h>\n{board}\n{}\n{data}\
         static uint8_t memory[{most}] __attribute__((aligned(8)));\n\
         static uint8_t scratch[{scratch} + 8] __attribute__((aligned(8)));\n{PRINT}\n{}\n\
         int main(void)\n{{\n{body}    return 0;\n}}\n",
        unit.constants_text("test")
            .replace("\nconst ", "\nstatic const ")
            .replace("test_ALIGN4 const", "test_ALIGN4 static const"),
        unit.functions_text("test"),
    )
}

/// Prints the output; a kernel that writes behind its scratch shows.
const PRINT: &str = "\
static void print(const uint8_t *bytes, int32_t count, int32_t scratch_bytes)
{
    static const char digits[] = \"0123456789abcdef\";
    char text[3] = {0, 0, 0};
    for (int32_t i = 0; i < count; i++) {
        text[0] = digits[bytes[i] >> 4];
        text[1] = digits[bytes[i] & 15];
        nasc_board_print(text);
    }
    for (int32_t i = 0; i < 8; i++) {
        if (scratch[scratch_bytes + i] != 0xA5) {
            nasc_board_print(\" wrote behind its scratch\");
        }
    }
    nasc_board_print(\"\\n\");
}
";

fn place(case: &Case) -> (usize, usize) {
    case.overlap.unwrap_or((0, case.inputs[0].len().next_multiple_of(8)))
}
