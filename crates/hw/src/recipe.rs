//! Recipes: how a C artifact is built with its target's real toolchain, run and counted. Data only.
//!
//! A target hands a [`Recipe`] over; the crate that validates executes it. A recipe that is not for the host carries its own
//! board support: start-up code and a linker script, as text. The board's C sources are compiled with the artifact and own
//! five things:
//!
//! ```c
//! // entry point: sets up memory, then nasc_board_exit(main())
//! int main(void);                             // provided by the validator
//! void nasc_board_print(const char *text);    // to the standard output of the runner, at once
//! void nasc_board_exit(int status);           // does not return; ends the run with this status
//! void nasc_board_clock_start(void);          // called once, first
//! uint64_t nasc_board_clock(void);            // ticks since then; see `Clock`
//! ```
//!
//! A fault handler prints one line that starts with `fault ` and ends the run with a status other than 0.
//! A recipe without board sources is [hosted](Recipe::is_hosted): the artifact becomes a program of an operating system, for
//! which the validator brings what is needed.

use serde::{Deserialize, Serialize};

/// How an artifact is built, run and counted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recipe {
    /// The compiler and its flags.
    pub toolchain: Toolchain,
    /// What carries the artifact.
    pub board: Board,
    /// How executed instructions are counted.
    pub counting: Counting,
}

/// A C compiler that also links, and its flags.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Toolchain {
    /// Program, looked up on `PATH`: `arm-none-eabi-gcc`.
    pub compiler: String,
    /// What the core is; given when compiling and when linking.
    pub machine_flags: Vec<String>,
    /// The level the figures are for: `-O2`.
    pub optimisation: String,
    /// Given when linking only, the linker script apart.
    pub link_flags: Vec<String>,
    /// Libraries the artifact may use, after everything else: `-lm`.
    pub libraries: Vec<String>,
}

/// What carries the artifact: memory, start-up, output, a clock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Board {
    /// As printed: `QEMU mps2-an386`.
    pub name: String,
    /// C sources compiled beside the artifact; none where an operating system carries it.
    pub sources: Vec<Source>,
    /// Given to the linker with `-T`.
    pub linker_script: Option<Source>,
    /// How the linked file is executed.
    pub runner: Runner,
    /// What a tick of `nasc_board_clock` means.
    pub clock: Option<Clock>,
    /// Bytes painted under the stack pointer to find the stack's high-water mark; a use beyond it is reported as such.
    pub stack_paint_bytes: u32,
}

/// A file carried as text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// File name without directory.
    pub name: String,
    /// Its text.
    pub text: String,
}

/// How a linked file is executed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Runner {
    /// As a program on this machine.
    Host,
    /// By an emulator; the file follows `-kernel`, the counting plugin `-plugin`.
    Qemu {
        /// `qemu-system-arm`.
        program: String,
        /// Machine and the rest, without semihosting and clock options, which are always the same.
        args: Vec<String>,
    },
    /// By a command of the user's, as typed in a shell; it gets the file's path as its last argument and copies to its
    /// standard output what `nasc_board_print` printed.
    Command(String),
}

/// What one tick of `nasc_board_clock` is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Clock {
    /// Under emulation with one instruction per virtual nanosecond.
    pub instructions_per_tick: u32,
    /// On the silicon, where the user's command runs the file.
    pub on_silicon: Tick,
}

/// What a clock counts on silicon.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Tick {
    /// One clock cycle of the core.
    Cycle,
    /// One executed instruction.
    Instruction,
    /// Nothing to rely on.
    Unknown,
}

/// How executed instructions are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Counting {
    /// Exactly, by a plugin in the emulator; by the board's clock where the plugin cannot be had.
    Emulator,
    /// Exactly, by callgrind.
    Callgrind,
    /// By the board's clock, where one tick is one instruction.
    Clock,
    /// Not at all: reported as unchecked.
    Not,
}

impl Source {
    /// A carried file.
    pub fn new(name: &str, text: &str) -> Self {
        Self { name: name.to_owned(), text: text.to_owned() }
    }
}

impl Recipe {
    /// The same recipe, run by a command of the user's: the emulator's counting falls back to the board's clock.
    #[must_use]
    pub fn with_runner(mut self, command: &str) -> Self {
        self.board.runner = Runner::Command(command.to_owned());
        self.board.name = format!("`{command}`");
        self.counting = match self.board.clock {
            Some(Clock { on_silicon: Tick::Instruction, .. }) => Counting::Clock,
            _ => Counting::Not,
        };
        self
    }

    /// Whether the artifact becomes a program of an operating system, here or where the user's command takes it.
    pub fn is_hosted(&self) -> bool {
        self.board.sources.is_empty()
    }

    /// The programs that must be there to build and run, in the order they are needed.
    pub fn programs(&self) -> Vec<&str> {
        let mut programs = vec![self.toolchain.compiler.as_str()];
        if let Runner::Qemu { program, .. } = &self.board.runner {
            programs.push(program);
        }
        programs
    }
}

/// Splits a line of flags at blanks: recipes read better so than as lists.
pub fn words(line: &str) -> Vec<String> {
    line.split_whitespace().map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recipe(on_silicon: Tick) -> Recipe {
        Recipe {
            toolchain: Toolchain {
                compiler: "arm-none-eabi-gcc".into(),
                machine_flags: words("-mcpu=cortex-m4  -mthumb"),
                optimisation: "-O2".into(),
                link_flags: Vec::new(),
                libraries: Vec::new(),
            },
            board: Board {
                name: "QEMU mps2-an386".into(),
                sources: Vec::new(),
                linker_script: None,
                runner: Runner::Qemu { program: "qemu-system-arm".into(), args: words("-M mps2-an386") },
                clock: Some(Clock { instructions_per_tick: 40, on_silicon }),
                stack_paint_bytes: 4096,
            },
            counting: Counting::Emulator,
        }
    }

    #[test]
    fn a_users_command_counts_instructions_only_where_the_silicon_does() {
        assert_eq!(recipe(Tick::Instruction).with_runner("ssh board").counting, Counting::Clock);
        assert_eq!(recipe(Tick::Cycle).with_runner("ssh board").counting, Counting::Not);
    }

    #[test]
    fn a_recipe_names_the_programs_it_needs() {
        assert_eq!(recipe(Tick::Cycle).programs(), ["arm-none-eabi-gcc", "qemu-system-arm"]);
        assert_eq!(recipe(Tick::Cycle).with_runner("ssh board").programs(), ["arm-none-eabi-gcc"]);
    }

    #[test]
    fn without_board_support_a_recipe_is_hosted() {
        let mut recipe = recipe(Tick::Cycle);
        assert!(recipe.is_hosted());
        recipe.board.sources.push(Source::new("startup.c", ""));
        assert!(!recipe.is_hosted());
    }
}
