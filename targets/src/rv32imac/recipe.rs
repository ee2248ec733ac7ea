//! How an RV32IMAC artifact is proved: gcc, and QEMU's virt machine.

use hw::recipe::{Board, Clock, Counting, Recipe, Runner, Source, Tick, Toolchain, words};

/// Build with Debian's bare-metal gcc and picolibc, run under QEMU with semihosting.
pub(super) fn recipe() -> Recipe {
    Recipe {
        toolchain: Toolchain {
            compiler: "riscv64-unknown-elf-gcc".into(),
            // Naming zicsr here would select a library built for something else.
            machine_flags: words("-march=rv32imac -mabi=ilp32 -mcmodel=medany --specs=picolibc.specs"),
            optimisation: "-O2".into(),
            link_flags: words("-nostartfiles"),
            libraries: words("-lm"),
        },
        board: Board {
            name: "QEMU virt".into(),
            sources: vec![Source::new("startup.c", include_str!("board/startup.c"))],
            linker_script: Some(Source::new("link.ld", include_str!("board/link.ld"))),
            runner: Runner::Qemu { program: "qemu-system-riscv32".into(), args: words("-M virt -bios none") },
            // minstret
            clock: Some(Clock { instructions_per_tick: 1, on_silicon: Tick::Instruction }),
            stack_paint_bytes: 24 << 10,
        },
        counting: Counting::Emulator,
    }
}
