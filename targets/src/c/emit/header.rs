//! `PREFIX.h`: the interface.

use super::{ARENA_ALIGN, Model, comment};
use crate::c::kernels::unit::{float, with_prefix};
use crate::c::program::Work;
use crate::target::Port;
use std::collections::BTreeMap;
use std::fmt::Write as _;

pub(super) fn text(model: &Model<'_>) -> String {
    let mut h = String::new();
    let inputs = ports(&model.program.inputs, "in");
    let outputs = ports(&model.program.outputs, "out");
    opening(&mut h, model, &inputs, &outputs);
    let guard = format!("{}_H", model.options.prefix.to_uppercase());
    let _ = write!(
        h,
        "#ifndef {guard}\n#define {guard}\n\n#include <stdint.h>\n\n#ifdef __cplusplus\nextern \"C\" {{\n#endif\n\n"
    );
    let _ = write!(
        h,
        "/* Bytes of the arena, and what its address is a multiple of. */\n#define @ARENA_BYTES {}u\n#define @ARENA_ALIGN {ARENA_ALIGN}u\n",
        model.arena_bytes.max(1)
    );
    let loud = model.options.prefix.to_uppercase();
    if loud != model.options.prefix {
        let _ =
            write!(h, "#define {loud}_ARENA_BYTES @ARENA_BYTES\n#define {loud}_ARENA_ALIGN @ARENA_ALIGN\n");
    }
    h.push_str("\n/* Elements of each input and output. */\n");
    for (name, port) in inputs.iter().chain(&outputs) {
        let _ = writeln!(h, "#define @{name}_COUNT {}u", port.ty.elements());
    }
    let _ = write!(h, "\n#ifndef @NO_ARENA\n/* Inputs and outputs in the static arena. */\n");
    for (name, port) in inputs.iter().chain(&outputs) {
        let _ = writeln!(h, "extern {} *const @{name};", port.c_type());
    }
    h.push_str("/* One inference in the static arena. Returns 0. */\nint @invoke(void);\n#endif\n\n");
    h.push_str(
        "/* One inference in the caller's memory: @ARENA_BYTES bytes at a multiple of @ARENA_ALIGN. Re-entrant: callers with\n   \
         arenas of their own do not meet. Returns 0; 1 where the address is null or not aligned, and then nothing is done. */\n\
         int @invoke_with(void *arena);\n\n/* Inputs and outputs in the caller's memory. */\n",
    );
    for (name, port) in inputs.iter().chain(&outputs) {
        let (c_type, offset) = (port.c_type(), model.offsets[port.value]);
        let _ = write!(
            h,
            "static inline {c_type} *@{name}_at(void *arena)\n{{\n    return ({c_type} *)(void *)((uint8_t *)arena + {offset});\n}}\n"
        );
    }
    conversions(&mut h, &inputs, &outputs);
    users_functions(&mut h, model);
    let _ = write!(h, "\n#ifdef __cplusplus\n}}\n#endif\n\n#endif\n");
    with_prefix(&h, &model.options.prefix)
}

/// `in`, or `in_NAME` where there are several.
pub(crate) fn ports<'a>(ports: &'a [Port], kind: &str) -> Vec<(String, &'a Port)> {
    let named = |port: &'a Port| {
        let name = if ports.len() == 1 { kind.to_owned() } else { format!("{kind}_{}", port.identifier) };
        (name, port)
    };
    ports.iter().map(named).collect()
}

fn opening(h: &mut String, model: &Model<'_>, inputs: &[(String, &Port)], outputs: &[(String, &Port)]) {
    let _ = write!(
        h,
        "/* {} for {}.\n *\n * {}\n *\n",
        comment(&model.options.prefix),
        comment(model.target.1),
        comment(&model.options.origin)
    );
    for (title, ports) in [("Inputs", inputs), ("Outputs", outputs)] {
        let _ = writeln!(h, " * {title}:");
        for (name, port) in ports {
            let shape: Vec<_> = port.physical().iter().map(usize::to_string).collect();
            let shape = shape.join(", ");
            let _ = writeln!(
                h,
                " *   @{name}: {}[{}], {} [{shape}], \"{}\"",
                port.c_type(),
                port.ty.elements(),
                port.layout(),
                comment(&port.name)
            );
            if let Some((scale, zero)) = port.ty.per_tensor() {
                let _ = writeln!(h, " *     real = {scale:?} * (stored - ({zero}))");
            }
        }
    }
    let _ = write!(
        h,
        " *\n * The arena holds inputs, outputs and everything between: {} bytes. An inference may overwrite its inputs;\n\
         \x20* outputs stay until the next inference. There is no other writable memory.\n */\n",
        model.arena_bytes
    );
}

/// Helpers between reals and the interface's integers.
fn conversions(h: &mut String, inputs: &[(String, &Port)], outputs: &[(String, &Port)]) {
    for (name, port) in inputs {
        let (Some((scale, zero)), Some((low, high))) = (port.ty.per_tensor(), port.ty.element.range()) else {
            continue;
        };
        let c_type = port.c_type();
        let scale = float(scale);
        let _ = write!(
            h,
            "\n/* The stored number nearest to a real one, halves away from zero; the ends of the range beyond it. */\n\
             static inline {c_type} @{name}_quantize(float real)\n{{\n    float steps = real / {scale};\n    \
             if (!(steps > {low_steps})) {{\n        return {low_value};\n    }}\n    if (steps >= {high_steps}) {{\n        return {high};\n    }}\n    \
             return ({c_type})((int32_t)(steps < 0.0f ? steps - 0.5f : steps + 0.5f) + ({zero}));\n}}\n",
            low_steps = float((low - i64::from(zero)) as f32),
            high_steps = float((high - i64::from(zero)) as f32),
            low_value = low,
        );
    }
    for (name, port) in outputs {
        let Some((scale, zero)) = port.ty.per_tensor() else { continue };
        let c_type = port.c_type();
        let _ = write!(
            h,
            "\n/* The real number a stored one stands for. */\n\
             static inline float @{name}_dequantize({c_type} stored)\n{{\n    return (float)((int32_t)stored - ({zero})) * {};\n}}\n",
            float(scale)
        );
    }
}

fn users_functions(h: &mut String, model: &Model<'_>) {
    let mut functions: BTreeMap<&str, (String, Vec<String>)> = BTreeMap::new();
    for &step in model.order {
        let Work::Custom(custom) = &model.program.steps[step].work else { continue };
        let (result, operands) = custom.types.split_last().expect("a result is always there");
        let operands = operands.iter().enumerate().map(|(i, t)| format!("const {t} *x{i}, "));
        let prototype =
            format!("void {}({}{result} *y, void *scratch);", custom.symbol, operands.collect::<String>());
        let use_of = format!("{}: {}", model.program.steps[step].name, custom.notes.join("; "));
        functions.entry(&custom.symbol).or_insert((prototype, Vec::new())).1.push(use_of);
    }
    for (prototype, uses) in functions.values() {
        h.push_str(
            "\n/* To be defined by you. `y` does not overlap any operand; `scratch` is aligned to 8 bytes.\n",
        );
        for use_of in uses {
            let _ = writeln!(h, " *   {}", comment(use_of));
        }
        let _ = write!(h, " */\n{prototype}\n");
    }
}
