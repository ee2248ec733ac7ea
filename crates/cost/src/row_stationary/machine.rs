//! A row-stationary array out of a hardware description.

use super::{Array, Energy, Network};
use hw::machine::{Machine, Tensor, Tier};

/// Part of a row-stationary array a machine lacks.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{machine}` has no {what}; row-stationary needs it")]
pub struct Lacks {
    /// The machine.
    pub machine: String,
    /// What is missing.
    pub what: &'static str,
}

impl Array {
    /// The array of a machine with two axes (`columns` before `rows`), element memories of limited size for each tensor, and one
    /// buffer for inputs and outputs, in banks of `bank_words`; a buffer that is no whole number of banks loses the rest.
    pub fn of(machine: &Machine, bank_words: u64, network: Network) -> Result<Self, Lacks> {
        let lacks = |what| Lacks { machine: machine.name.clone(), what };
        let [columns, rows] = machine.axes.as_slice() else { return Err(lacks("two axes")) };
        let words = |tier: Tier, tensor: Tensor| {
            machine.holder(tier, tensor).and_then(|at| machine.memories[at].capacity_words)
        };
        let element = |tensor: Tensor, what| words(Tier::Element, tensor).ok_or_else(|| lacks(what));
        let shared =
            machine.holder(Tier::Buffer, Tensor::Input) == machine.holder(Tier::Buffer, Tensor::Output);
        let buffer = words(Tier::Buffer, Tensor::Input).filter(|_| shared);
        let buffer = buffer.ok_or_else(|| lacks("buffer of limited size for inputs and outputs together"))?;
        Ok(Self {
            rows: rows.size,
            columns: columns.size,
            filter_words: element(Tensor::Weight, "element memory of limited size for weights")?,
            input_words: element(Tensor::Input, "element memory of limited size for inputs")?,
            sum_words: element(Tensor::Output, "element memory of limited size for outputs")?,
            banks: buffer.checked_div(bank_words).ok_or_else(|| lacks("bank of at least one word"))?,
            bank_words,
            network,
            clock_mhz: machine.clock_mhz.filter(|mhz| *mhz > 0.0).ok_or_else(|| lacks("clock"))?,
        })
    }
}

impl Energy {
    /// Energies of a machine with such an array: reads of its memories, and a hop of its network (0 where the file has none).
    pub fn of(machine: &Machine) -> Result<Self, Lacks> {
        let read = |tier: Tier, tensor: Tensor, what| {
            let lacks = || Lacks { machine: machine.name.clone(), what };
            machine.holder(tier, tensor).map(|at| machine.memories[at].read_energy_pj).ok_or_else(lacks)
        };
        Ok(Self {
            mac: machine.mac_energy_pj,
            element: read(Tier::Element, Tensor::Weight, "element memory for weights")?,
            network: machine.network.map_or(0.0, |n| n.hop_energy_pj_per_word),
            buffer: read(Tier::Buffer, Tensor::Input, "buffer for inputs")?,
            backing: read(Tier::Backing, Tensor::Input, "backing memory for inputs")?,
        })
    }
}
