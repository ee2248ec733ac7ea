//! What a measurement found.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What was found out about an artifact by running it. The keys of its JSON are stable.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    /// What ran it: `QEMU mps2-an386`.
    pub board: String,
    /// The compiler and the flags that matter: `arm-none-eabi-gcc -O2 -mcpu=cortex-m4 ...`.
    pub build: String,
    /// Bytes of the arena, as the header says (`PREFIX_ARENA_BYTES`).
    pub arena_bytes: u64,
    /// Bytes of writable static data besides the arena.
    pub static_bytes: u64,
    /// High-water mark of the stack in one inference, bytes.
    pub stack_bytes: Option<u64>,
    /// Bytes of linked functions, the harness excluded; library functions that only the artifact uses are included.
    pub code_bytes: u64,
    /// Bytes of linked constants, the harness and the carried inputs excluded.
    pub const_bytes: u64,
    /// Executed instructions of one inference, marks included.
    pub instructions: Option<u64>,
    /// The same by the board's clock, in another run without marks: a cross-check.
    pub clock_instructions: Option<u64>,
    /// Clock cycles of one inference, where a clock of the silicon was read.
    pub cycles: Option<u64>,
    /// Runs executed, the repeat of the first not counted.
    pub runs: u64,
    /// Output elements compared with expected ones.
    pub compared: u64,
    /// Output elements that differ from the expected ones; between a run and its repeat too.
    pub mismatches: u64,
    /// Largest absolute difference; `f64::MAX` where it is not a number.
    pub max_difference: f64,
    /// The first output element that differs.
    pub first_mismatch: Option<Mismatch>,
    /// One per op, in order of execution.
    pub layers: Vec<Layer>,
    /// Executed instructions by function, largest first.
    pub functions: Vec<Function>,
    /// What the compiler warned about in the artifact's files, under `-Wall -Wextra -Wconversion`.
    pub warnings: Vec<String>,
    /// How each figure was obtained; begins with `measured`.
    pub origin: BTreeMap<String, String>,
    /// What could not be checked here, and why.
    pub unchecked: Vec<String>,
    /// Outputs of every run, one byte string per output port.
    #[serde(skip)]
    pub outputs: Vec<Vec<Vec<u8>>>,
}

impl Measured {
    /// Whether every compared output is right. `None` where nothing was compared.
    pub fn exact(&self) -> Option<bool> {
        (self.compared > 0).then_some(self.mismatches == 0)
    }
}

/// One op's share.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Layer {
    /// The op's name.
    pub name: String,
    /// Executed instructions from the mark before to its own mark.
    pub instructions: Option<u64>,
}

/// One function's share.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Function {
    /// Its symbol.
    pub name: String,
    /// Executed instructions in one inference, callees not included.
    pub instructions: u64,
}

/// One output element that is not what was expected.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Mismatch {
    /// Which run; the number after the last is the repeat of run 0.
    pub run: u64,
    /// The output's C name.
    pub output: String,
    /// Index of the element.
    pub index: u64,
    /// What the artifact gave.
    pub found: f64,
    /// What it should have given.
    pub expected: f64,
}
