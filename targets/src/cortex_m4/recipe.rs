//! How a Cortex-M4 artifact is proved: gcc, and QEMU's mps2-an386.

use hw::recipe::{Board, Clock, Counting, Recipe, Runner, Source, Tick, Toolchain, words};

/// Build with Debian's bare-metal gcc and newlib, run under QEMU with semihosting.
pub(super) fn recipe() -> Recipe {
    Recipe {
        toolchain: Toolchain {
            compiler: "arm-none-eabi-gcc".into(),
            machine_flags: words("-mcpu=cortex-m4 -mthumb -mfloat-abi=hard -mfpu=fpv4-sp-d16"),
            optimisation: "-O2".into(),
            link_flags: words("-nostartfiles --specs=nosys.specs"),
            libraries: words("-lm"),
        },
        board: Board {
            name: "QEMU mps2-an386".into(),
            sources: vec![Source::new("startup.c", include_str!("board/startup.c"))],
            linker_script: Some(Source::new("link.ld", include_str!("board/link.ld"))),
            runner: Runner::Qemu { program: "qemu-system-arm".into(), args: words("-M mps2-an386") },
            // The board's SysTick runs at 25 MHz of virtual time, 40 ns a tick; on silicon at the processor's clock.
            clock: Some(Clock { instructions_per_tick: 40, on_silicon: Tick::Cycle }),
            stack_paint_bytes: 24 << 10,
        },
        counting: Counting::Emulator,
    }
}
