//! The engine in its four sizes and the memories beside it.

use hw::machine::{Machine, Tier};

use super::block::Extent;

/// An engine and its memories.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// Multipliers.
    pub macs: u64,
    /// Outputs computed at once, eight input channels of each.
    pub unit: Extent,
    /// Banks of the shared buffer, 1 KiB each.
    pub banks: u64,
    /// Banks at its end that are kept free.
    pub end_banks: u64,
    /// Banks the input's part is a multiple of.
    pub input_granule: u64,
    /// Banks the part of 32-bit sums is a multiple of.
    pub sum_granule: u64,
    /// Cycles an output takes on its way out.
    pub output_cycles: f64,
    /// The same for a largest value of a window.
    pub max_cycles: f64,
    /// The same for sums and differences of two tensors, rescaled both.
    pub add_cycles: f64,
    /// The same for products of two tensors.
    pub multiply_cycles: f64,
    /// Cycles an activation takes at least, an output.
    pub activation_cycles: f64,
    /// Cycles between dependent steps where a block is one unit wide and high.
    pub step_delay: f64,
    /// Cycles a place of a pooling window takes, eight channels (four in the smallest size).
    pub window_cycles: u64,
    /// Bytes the SRAM moves in a cycle.
    pub sram_bytes_per_cycle: f64,
    /// Cycles before its first byte.
    pub sram_latency: f64,
    /// Bytes of an efficient SRAM burst.
    pub sram_burst_bytes: u64,
    /// Bytes the flash reads in a cycle.
    pub flash_bytes_per_cycle: f64,
    /// Cycles before its first byte.
    pub flash_latency: f64,
    /// Coded bits of weights for each bit of their entropy; see [`super::weights`].
    pub code_factor: f64,
}

/// A machine that is none of the engine's sizes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{machine}` has {found} multipliers, 32, 64, 128 or 256 of an Ethos-U55 expected")]
pub struct ConfigError {
    /// The machine.
    pub machine: String,
    /// Its multipliers.
    pub found: u64,
}

impl Config {
    /// The engine with 32, 64, 128 or 256 multipliers; `None` for any other number.
    ///
    /// Source: Vela 5.2, `architecture_features.py` (units, banks, granules, cycles an element) and `npu_performance.py` (delays);
    /// memories as its `vela.ini` has `Ethos_U55_High_End_Embedded` with `Shared_Sram`: SRAM at 64 bits a cycle and latency 32, flash
    /// at an eighth of it and latency 64. The cycles of a pooling window's place are read off its estimates of average pooling: four,
    /// but one in the smallest size.
    pub fn new(macs: u64) -> Option<Self> {
        let unit = |height, width, depth| Extent { height, width, depth };
        // Unit; banks, kept free, granules of input and sums; cycles of output, max, add, multiply, activation; delay.
        let (unit, [banks, end_banks, input_granule, sum_granule], cycles, step_delay) = match macs {
            32 => (unit(1, 1, 4), [16, 0, 2, 4], [2.0, 1.0, 6.0, 3.0, 1.0], 3.0),
            64 => (unit(1, 1, 8), [16, 0, 2, 4], [1.0, 0.5, 3.0, 1.5, 1.0], 2.0),
            128 => (unit(1, 2, 8), [24, 2, 4, 8], [0.5, 0.25, 1.5, 0.75, 0.5], 2.0),
            256 => (unit(2, 2, 8), [48, 2, 8, 16], [0.25, 0.125, 0.75, 0.375, 0.25], 2.0),
            _ => return None,
        };
        let [output_cycles, max_cycles, add_cycles, multiply_cycles, activation_cycles] = cycles;
        Some(Self {
            macs,
            unit,
            banks,
            end_banks,
            input_granule,
            sum_granule,
            output_cycles,
            max_cycles,
            add_cycles,
            multiply_cycles,
            activation_cycles,
            step_delay,
            window_cycles: if macs == 32 { 1 } else { 4 },
            sram_bytes_per_cycle: 8.0,
            sram_latency: 32.0,
            sram_burst_bytes: 32,
            flash_bytes_per_cycle: 1.0,
            flash_latency: 64.0,
            code_factor: super::weights::CODE_FACTOR,
        })
    }

    /// The engine a hardware file describes: its number of multipliers picks the size, its backing store's bandwidth is that of the
    /// SRAM, and flash has an eighth of it.
    ///
    /// # Errors
    /// Where the machine has none of the four numbers of multipliers.
    pub fn of(machine: &Machine) -> Result<Self, ConfigError> {
        let found = machine.elements();
        let mut config =
            Self::new(found).ok_or_else(|| ConfigError { machine: machine.name.clone(), found })?;
        let backing = machine.memories.iter().find(|m| m.tier == Tier::Backing);
        if let Some((words, bits)) = backing.and_then(|m| Some((m.read_words_per_cycle?, m.word_bits))) {
            config.sram_bytes_per_cycle = words * bits as f64 / 8.0;
            config.flash_bytes_per_cycle = config.sram_bytes_per_cycle / 8.0;
        }
        Ok(config)
    }
}
