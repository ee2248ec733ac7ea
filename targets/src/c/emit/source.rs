//! `PREFIX.c` and `PREFIX_weights.c`.

use super::header::ports;
use super::{Model, PlannedCall, comment};
use crate::c::kernels::Argument;
use crate::c::kernels::unit::{CallArgument, with_prefix};
use std::fmt::Write as _;

pub(super) fn text(model: &Model<'_>) -> String {
    let functions = model.unit.functions_text(&model.options.prefix);
    let mut c = String::new();
    let _ = write!(c, "/* {} */\n#include \"@.h\"\n", comment(&model.options.origin));
    let c = c.replace("@.h", &format!("{}.h", model.options.prefix));
    let mut c = c;
    if ["memcpy", "memset", "memmove"].iter().any(|name| functions.contains(name)) {
        c.push_str("#include <string.h>\n");
    }
    if needs_libm(&functions) {
        c.push_str("#include <math.h>\n");
    }
    c.push('\n');
    hooks(&mut c);
    let declarations = model.unit.declarations_text(&model.options.prefix);
    if !declarations.is_empty() {
        let _ = write!(
            c,
            "#ifdef __cplusplus\nextern \"C\" {{\n#endif\n{declarations}#ifdef __cplusplus\n}}\n#endif\n\n"
        );
    }
    let mut c = with_prefix(&c, &model.options.prefix);
    c.push_str(&functions);
    c.push_str(&with_prefix(&entry_points(model), &model.options.prefix));
    c
}

/// Whether any function of libm, or a constant of its header, is named.
fn needs_libm(functions: &str) -> bool {
    const NAMES: &[&str] = &[
        "expf",
        "expm1f",
        "logf",
        "sqrtf",
        "powf",
        "erff",
        "tanhf",
        "fabsf",
        "fminf",
        "fmaxf",
        "roundf",
        "rintf",
        "nearbyintf",
        "floorf",
        "INFINITY",
        "NAN",
        "lrintf",
    ];
    NAMES.iter().any(|name| functions.contains(name))
}

/// What a build may define: `MARKS` to be told after each op, `NASC_TRACE` to be given its result.
fn hooks(c: &mut String) {
    c.push_str(
        "#ifdef __cplusplus\nextern \"C\" {\n#endif\n\
         #ifdef MARKS\nvoid layer_mark(void);\n#define @MARK() layer_mark()\n#else\n#define @MARK() ((void)0)\n#endif\n\
         #ifdef NASC_TRACE\nvoid @trace(int op, const void *data, unsigned bytes);\n\
         #define @TRACE(op, data, bytes) @trace(op, data, bytes)\n#else\n#define @TRACE(op, data, bytes) ((void)0)\n#endif\n\
         #ifdef __cplusplus\n}\n#endif\n\n\
         /* Memory of the arena. */\n#define @AT(type, offset) ((type *)(void *)(base + (offset)))\n\n",
    );
}

fn entry_points(model: &Model<'_>) -> String {
    let mut c =
        String::from("int @invoke_with(void *arena)\n{\n    uint8_t *const base = (uint8_t *)arena;\n");
    c.push_str("    if (base == (uint8_t *)0 || ((uintptr_t)base % @ARENA_ALIGN) != 0u) {\n        return 1;\n    }\n");
    for (k, (planned, &step)) in model.calls.iter().zip(model.order).enumerate() {
        let task = &model.program.steps[step];
        let _ = writeln!(c, "    /* {} \"{}\" */", task.name, comment(&task.node));
        let _ = writeln!(c, "    {}({});", planned.call.function, arguments(planned));
        let _ = writeln!(c, "    @MARK();");
        let _ = writeln!(c, "    @TRACE({k}, base + {}, {}u);", planned.output, planned.output_bytes);
    }
    c.push_str("    return 0;\n}\n\n#ifndef @NO_ARENA\n");
    c.push_str(
        "#ifdef __cplusplus\nalignas(@ARENA_ALIGN) static uint8_t @arena[@ARENA_BYTES];\n#else\n\
         static _Alignas(@ARENA_ALIGN) uint8_t @arena[@ARENA_BYTES];\n#endif\n\n",
    );
    for (kind, list) in [("in", &model.program.inputs), ("out", &model.program.outputs)] {
        for (name, port) in ports(list, kind) {
            let (t, offset) = (port.c_type(), model.offsets[port.value]);
            let _ = writeln!(c, "{t} *const @{name} = ({t} *)(void *)(@arena + {offset});");
        }
    }
    c.push_str("\nint @invoke(void)\n{\n    return @invoke_with(@arena);\n}\n#endif\n");
    c
}

fn arguments(planned: &PlannedCall) -> String {
    let one = |argument: &CallArgument| match argument {
        CallArgument::Constant(name) => name.clone(),
        CallArgument::Memory(Argument::Input(i), t) => {
            let offset = planned.inputs[*i].expect("a constant operand was made a constant argument");
            format!("@AT(const {t}, {offset})")
        }
        CallArgument::Memory(Argument::Output, t) => format!("@AT({t}, {})", planned.output),
        CallArgument::Memory(Argument::Scratch, t) => match planned.scratch {
            Some(offset) => format!("@AT({t}, {offset})"),
            None => format!("({t} *)0"),
        },
        CallArgument::Memory(Argument::Constant(_), _) => panic!("constants are passed by name"),
    };
    planned.call.arguments.iter().map(one).collect::<Vec<_>>().join(", ")
}

pub(super) fn weights(model: &Model<'_>) -> String {
    let prefix = &model.options.prefix;
    let mut c =
        format!("/* Constants of {prefix}. {} */\n#include <stdint.h>\n", comment(&model.options.origin));
    let values = model.unit.constants_text(prefix);
    if ["INFINITY", "NAN"].iter().any(|name| values.contains(name)) {
        c.push_str("#include <math.h>\n");
    }
    let declarations = model.unit.declarations_text(prefix);
    let _ = write!(c, "\n#ifdef __cplusplus\nextern \"C\" {{\n#endif\n{declarations}\n{values}");
    if model.unit.constants().is_empty() {
        // A translation unit is not empty in ISO C.
        let _ = write!(c, "typedef int {prefix}_has_no_constants;\n\n");
    }
    c.push_str("#ifdef __cplusplus\n}\n#endif\n");
    c
}
