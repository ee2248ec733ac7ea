//! All cases as one C program.

use crate::build::Case;
use ir::Tensor;
use nasc_compile::Options;
use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

/// The outputs of every case.
pub(crate) fn run(cases: &[Case], target: &str) -> Vec<Vec<Tensor>> {
    let folder = tempfile::tempdir().expect("a folder");
    let dir = folder.path();
    let target = targets::named(target).expect("a target");
    let mut main = String::from("#include <stdio.h>\n");
    let mut body = String::new();
    for (i, case) in cases.iter().enumerate() {
        let options = Options { prefix: format!("c{i}"), passes: Some(String::new()), ..Options::default() };
        let compiled = nasc_compile::compile(&case.graph, target, &options)
            .unwrap_or_else(|error| panic!("{}: {error}\n{}", case.name, case.graph.to_text()));
        for file in &compiled.files {
            std::fs::write(dir.join(&file.name), &file.text).expect("a file");
        }
        let _ = writeln!(main, "#include \"c{i}_weights.c\"\n#include \"c{i}.c\"");
        for port in &compiled.manifest.inputs {
            let _ =
                writeln!(body, "    if (fread({0}, 1, {1}, in) != {1}) return 2;", port.symbol, port.bytes);
        }
        let _ = writeln!(body, "    if (c{i}_invoke() != 0) return 3;");
        for port in &compiled.manifest.outputs {
            let _ =
                writeln!(body, "    if (fwrite({0}, 1, {1}, out) != {1}) return 4;", port.symbol, port.bytes);
        }
    }
    let _ = write!(
        main,
        "int main(int argc, char **argv) {{\n    if (argc != 3) return 1;\n    FILE *in = fopen(argv[1], \"rb\");\n    \
         FILE *out = fopen(argv[2], \"wb\");\n    if (!in || !out) return 1;\n{body}    return fclose(out);\n}}\n"
    );
    std::fs::write(dir.join("main.c"), main).expect("a file");
    let inputs: Vec<u8> = cases.iter().flat_map(|c| &c.inputs).flat_map(|t| t.bytes().to_vec()).collect();
    std::fs::write(dir.join("in"), inputs).expect("a file");
    let flags = "-std=c11 -O0 -Wall -Wextra -Wconversion -Werror -fsanitize=undefined -fno-sanitize-recover=all main.c -o main -lm";
    succeed(Command::new("cc").args(flags.split(' ')), dir);
    succeed(Command::new("./main").args(["in", "out"]), dir);
    let flags = "-std=c++17 -x c++ -fsyntax-only -Wall -Wextra -Wconversion -Werror main.c";
    succeed(Command::new("c++").args(flags.split(' ')), dir);
    let bytes = std::fs::read(dir.join("out")).expect("the program wrote it");
    let mut at = 0;
    let mut take = |expected: &Tensor| {
        let part = bytes[at..at + expected.bytes().len()].to_vec();
        at += part.len();
        Tensor::from_bytes(expected.element(), expected.shape(), part).expect("as many bytes")
    };
    let found = cases.iter().map(|case| case.expected.iter().map(&mut take).collect()).collect();
    assert_eq!(at, bytes.len(), "the program wrote as much as was expected");
    found
}

fn succeed(command: &mut Command, dir: &Path) {
    let output = command.current_dir(dir).output().expect("the program starts");
    let text = String::from_utf8_lossy(&output.stderr);
    let start: String = text.chars().take(6000).collect();
    assert!(output.status.success(), "{command:?}: {}\n{start}", output.status);
}
