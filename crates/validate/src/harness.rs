//! The harness around an artifact: generated header, carried inputs, board support.

use std::fmt::Write;

use hw::recipe::Recipe;

use crate::artifact::{Artifact, Port};

/// The harness, and the board under it when the artifact is a program of an operating system.
pub(crate) const HARNESS: &str = include_str!("../c/harness.c");
/// Name of the harness file in the scratch folder; no artifact has it.
pub(crate) const HARNESS_NAME: &str = "nasc_harness.c";
const HOST: &str = include_str!("../c/host.c");

/// The function whose address the counters watch.
pub(crate) const MARK: &str = "nasc_roi_mark";

/// What a build of the harness is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Purpose {
    /// Inputs carried.
    pub(crate) runs: usize,
    /// Repeat run 0 at the end with clock and painted stack.
    pub(crate) timed: bool,
    /// Take marks by reading the clock, not by the address of [`MARK`].
    pub(crate) clock_marks: bool,
}

/// The board's C sources: the recipe's, or ours for an operating system.
pub(crate) fn board_sources(recipe: &Recipe) -> Vec<(String, String)> {
    if recipe.is_hosted() {
        return vec![("nasc_host.c".to_owned(), HOST.to_owned())];
    }
    recipe.board.sources.iter().map(|source| (source.name.clone(), source.text.clone())).collect()
}

/// `harness.h`: the artifact as the harness sees it.
pub(crate) fn header(artifact: &Artifact, purpose: Purpose, stack_paint: u32) -> String {
    let prefix = &artifact.prefix;
    let mut text = String::new();
    let mut line = |arguments: std::fmt::Arguments<'_>| {
        text.write_fmt(arguments).expect("writing to a string does not fail");
        text.push('\n');
    };
    line(format_args!("#include <stdint.h>\n#ifdef __cplusplus\n#error \"C expected\"\n#endif"));
    line(format_args!("#include \"{prefix}.h\""));
    line(format_args!("#define NASC_RUNS {}u", purpose.runs));
    line(format_args!("#define NASC_RUN_BYTES {}u", artifact.run_bytes()));
    line(format_args!("#define NASC_STACK_PAINT {stack_paint}u"));
    // One before, one after, and one per op.
    line(format_args!("#define NASC_MARKS {}u", artifact.ops.len() + 2));
    line(format_args!("#ifdef {0}_ARENA_BYTES\n#define NASC_ARENA {0}_ARENA_BYTES", shout(prefix)));
    line(format_args!("#elif defined {prefix}_ARENA_BYTES\n#define NASC_ARENA {prefix}_ARENA_BYTES"));
    line(format_args!("#else\n#define NASC_ARENA 0\n#endif"));
    if purpose.timed {
        line(format_args!("#define NASC_TIMED_RUN 1"));
    }
    if purpose.clock_marks {
        line(format_args!("#define NASC_CLOCK_MARKS 1"));
    }
    line(format_args!("static inline int nasc_invoke(void) {{ return {prefix}_invoke(); }}"));
    line(format_args!("void nasc_trace(int op, const void *data, unsigned bytes);"));
    line(format_args!("void {prefix}_trace(int op, const void *data, unsigned bytes);"));
    line(format_args!(
        "void {prefix}_trace(int op, const void *data, unsigned bytes) {{ nasc_trace(op, data, bytes); }}"
    ));
    text.push_str(&ports("INPUTS", "input", &artifact.inputs));
    text.push_str(&ports("OUTPUTS", "output", &artifact.outputs));
    text
}

/// The macro form of a prefix: `model` becomes `MODEL`.
fn shout(prefix: &str) -> String {
    prefix.to_uppercase()
}

fn ports(plural: &str, name: &str, ports: &[Port]) -> String {
    let mut text =
        format!("#define NASC_{plural} {}u\nstatic void *nasc_{name}(unsigned port) {{\n", ports.len());
    text.push_str("    switch (port) {\n");
    for (index, port) in ports.iter().enumerate() {
        let _ = writeln!(text, "    case {index}: return (void *)(uintptr_t){};", port.symbol);
    }
    text.push_str("    default: return (void *)0;\n    }\n}\n");
    let sizes: Vec<String> = ports.iter().map(|port| format!("{}u", port.bytes())).collect();
    let _ = writeln!(text, "static const unsigned nasc_{name}_bytes[] = {{{}}};", sizes.join(", "));
    text
}

/// Assembler that carries the file `inputs.bin` under the name the harness knows.
pub(crate) fn inputs_assembler(inputs_path: &str) -> String {
    format!(
        "    .section .rodata.nasc_inputs, \"a\"\n    .balign 16\n    .global nasc_inputs\n    .type nasc_inputs, %object\n\
         nasc_inputs:\n    .incbin \"{inputs_path}\"\n    .byte 0\n    .size nasc_inputs, . - nasc_inputs\n\
         \n    .section .note.GNU-stack, \"\", %progbits\n"
    )
}
