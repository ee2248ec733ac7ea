//! A machine at one of its precisions, as mapping counts: one multiply-accumulate a step of an element.

use super::{Machine, Precision, hierarchy};

/// A machine whose cycle is one step of its array.
#[derive(Debug, Clone, PartialEq)]
pub struct View {
    /// The machine: energies and widths of the precision, bandwidths a step, the clock in steps.
    pub machine: Machine,
    /// Cycles of the real clock in one of its cycles: multiply latencies by it.
    pub clock_cycles_per_step: f64,
}

/// A precision that a machine does not have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{machine}` has no precision `{name}`, {known} expected")]
pub struct ViewError {
    /// The machine.
    pub machine: String,
    /// As asked.
    pub name: String,
    /// Those there are.
    pub known: String,
}

/// A memory that cannot be the buffer mapping fills.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{memory}` cannot be the buffer: {problem}")]
pub struct BufferError {
    /// As asked.
    pub memory: String,
    /// Why.
    pub problem: String,
}

impl Machine {
    /// The machine with another level of its tree as the buffer mapping fills; what was the buffer on its path is only crossed.
    ///
    /// Each choice is a way to run the real machine, so that the best over all choices is one, too. `memories` is made anew from
    /// `tree`: changes made to it are not kept.
    pub fn buffered_at(&self, memory: &str) -> Result<Self, BufferError> {
        let tree = hierarchy::rebuffer(&self.tree, memory)?;
        Ok(Self { memories: hierarchy::mapped(&tree), tree, ..self.clone() })
    }

    /// The levels [`Machine::buffered_at`] takes, by name; the mapped buffer, where there is one alone, among them.
    pub fn buffer_choices(&self) -> Vec<&str> {
        let takes = |name: &&str| self.buffered_at(name).is_ok();
        self.tree.iter().map(|level| level.memory.name.as_str()).filter(takes).collect()
    }

    /// The precision the rest of the file is written for: the first of operands of `word_bits`.
    pub fn own_precision(&self) -> Option<&Precision> {
        self.precisions.iter().find(|p| p.input_bits == self.word_bits && p.weight_bits == self.word_bits)
    }

    /// Multiply-accumulates of a clock cycle in which every element works, at [`Machine::own_precision`].
    pub fn peak_macs_per_cycle(&self) -> f64 {
        self.elements() as f64 * self.own_precision().map_or(1.0, |p| p.macs_per_cycle)
    }

    /// [`Machine::mapping_view`] at [`Machine::own_precision`].
    pub fn own_view(&self) -> View {
        self.mapping_view(None).expect("invariant: a machine's own precision is one of its precisions")
    }

    /// The machine as mapping sees it at a precision of the file; `None`: [`Machine::own_precision`].
    ///
    /// The nest model lets an element do one multiply-accumulate a cycle. Where it does `m` of them, a cycle of the view is one
    /// multiply-accumulate: words a cycle are divided by `m`, the clock is multiplied by it, and `clock_cycles_per_step` is `1 / m`.
    /// Times in seconds come out right; energy a word is left alone, so a precision of other widths than the machine's words is
    /// priced as if its operands filled them.
    pub fn mapping_view(&self, precision: Option<&str>) -> Result<View, ViewError> {
        let chosen = match precision {
            None => self.own_precision(),
            Some(name) => Some(self.precisions.iter().find(|p| p.name == name).ok_or_else(|| ViewError {
                machine: self.name.clone(),
                name: name.to_owned(),
                known: match self.precisions.as_slice() {
                    [] => "none".to_owned(),
                    all => all.iter().map(|p| format!("`{}`", p.name)).collect::<Vec<_>>().join(", "),
                },
            })?),
        };
        let mut machine = self.clone();
        let Some(precision) = chosen else { return Ok(View { machine, clock_cycles_per_step: 1.0 }) };
        let rate = precision.macs_per_cycle;
        machine.mac_energy_pj = precision.mac_energy_pj.unwrap_or(self.mac_energy_pj);
        machine.clock_mhz = self.clock_mhz.map(|mhz| mhz * rate);
        machine.compute.op_overhead_cycles *= rate;
        for memory in &mut machine.memories {
            for width in [&mut memory.read_words_per_cycle, &mut memory.write_words_per_cycle] {
                *width = width.map(|w| w / rate);
            }
        }
        Ok(View { machine, clock_cycles_per_step: 1.0 / rate })
    }
}
