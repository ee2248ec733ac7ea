//! How a portable C artifact is proved: the machine's own C compiler, on this machine.

use hw::recipe::{Board, Counting, Recipe, Runner, Toolchain, words};

/// Build with `cc`, run here, count under callgrind.
pub(super) fn recipe() -> Recipe {
    Recipe {
        toolchain: Toolchain {
            compiler: "cc".into(),
            machine_flags: Vec::new(),
            optimisation: "-O2".into(),
            link_flags: Vec::new(),
            libraries: words("-lm"),
        },
        board: Board {
            name: "this machine".into(),
            sources: Vec::new(),
            linker_script: None,
            runner: Runner::Host,
            clock: None,
            stack_paint_bytes: 256 << 10,
        },
        counting: Counting::Callgrind,
    }
}
