//! Hardware descriptions: `hardware.toml` beside each target, units in the key names, a source next to each number.

use hw::Capabilities;
use serde::Deserialize;

/// A machine as far as cost and limits need it.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hardware {
    /// As printed: `Arm Cortex-M4F`.
    pub name: String,
    /// What it is a description of, and from where.
    pub source: String,
    /// Clock of the board that times are given for; none where no board is meant.
    pub clock: Option<Clock>,
    /// Memory sizes of that board.
    pub memory: Option<Memory>,
    /// What code generation exploits.
    pub capabilities: Capabilities,
    /// Coefficients of the instruction, cycle and code-size model.
    pub model: Model,
}

/// The clock behind times.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Clock {
    /// Cycles in a second.
    pub frequency_hz: f64,
    /// Energy of a cycle of the running core and its memories; none where nothing is known.
    pub energy_per_cycle_pj: Option<Ratio>,
    /// Where the number is from.
    pub source: String,
}

/// Memory of the board.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Memory {
    /// Writable memory.
    pub sram_bytes: u64,
    /// Memory for code and constants.
    pub flash_bytes: u64,
    /// Where the numbers are from.
    pub source: String,
}

/// Coefficients of the cost model.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Model {
    /// Where the coefficients are from.
    pub source: String,
    /// Instructions an op takes, by kind of kernel.
    pub ops: std::collections::BTreeMap<String, OpModel>,
    /// Cycles an instruction takes; none where nothing is known.
    pub cycles_per_instruction: Option<Ratio>,
    /// Bytes of machine code per character of C in a function's body.
    pub code_bytes_per_character: Ratio,
    /// Bytes of machine code of the entry points.
    pub shared_code_bytes: f64,
    /// Bytes of machine code of one kernel's call.
    pub code_bytes_per_call: f64,
    /// Bytes of library code that float ops bring, where they bring any.
    pub float_library_bytes: Option<Ratio>,
    /// Bytes of a pointer constant.
    pub pointer_bytes: u64,
}

/// Instructions of one kind of kernel: the sum of its counts, each times its coefficient.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OpModel {
    /// Per multiply-accumulate.
    pub instructions_per_mac: f64,
    /// Per byte of the operands that are in memory.
    pub instructions_per_input_byte: f64,
    /// Per element of the result.
    pub instructions_per_output: f64,
    /// Per call.
    pub instructions_per_call: f64,
    /// Largest relative error seen where the coefficients were fitted.
    pub relative_error: f64,
}

/// A factor with the interval it was seen in.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ratio {
    /// Central value.
    pub value: f64,
    /// Lower and upper end.
    pub interval: [f64; 2],
}

impl Hardware {
    /// Reads a description.
    ///
    /// # Errors
    /// Where a key is missing, unknown or of the wrong type, with its line.
    pub fn parse(text: &str) -> Result<Self, toml::de::Error> {
        toml::from_str(text)
    }
}
