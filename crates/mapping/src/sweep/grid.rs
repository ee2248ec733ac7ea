//! The settings to try, as a person writes them.

use hw::machine::Machine;

/// A parameter and its values: `rows=8..32`, `rows=8..32:4`, `rows=16`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Range {
    /// The parameter.
    pub name: String,
    /// First value.
    pub from: u64,
    /// No value above it.
    pub to: u64,
    /// From one value to the next, at least 1.
    pub step: u64,
}

/// A range that is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RangeError {
    /// Not of the form.
    #[error("`{found}`, a range such as rows=8..32 or rows=8..32:4 expected")]
    Form {
        /// As written.
        found: String,
    },
    /// A parameter the machine does not have.
    #[error("`{machine}` has no parameter `{name}`, {known} expected")]
    Unknown {
        /// The machine.
        machine: String,
        /// As written.
        name: String,
        /// Those it has.
        known: String,
    },
    /// Values outside what the machine allows.
    #[error("`{name}` runs from {from} to {to}, {low} to {high} expected")]
    Outside {
        /// The parameter.
        name: String,
        /// As written.
        from: u64,
        /// As written.
        to: u64,
        /// The machine's.
        low: u64,
        /// The machine's.
        high: u64,
    },
    /// A parameter twice.
    #[error("`{name}` is given twice")]
    Twice {
        /// Which.
        name: String,
    },
    /// More settings than can be tried.
    #[error("{found} settings, at most {LARGEST} expected")]
    TooMany {
        /// Product of the ranges, as far as it was counted.
        found: u64,
    },
}

/// Most settings of a sweep.
const LARGEST: u64 = 1 << 20;

impl Range {
    /// Reads `rows=8..32,cols=8..32:4`.
    pub fn parse_list(text: &str) -> Result<Vec<Self>, RangeError> {
        text.split(',').map(Self::parse).collect()
    }

    fn parse(text: &str) -> Result<Self, RangeError> {
        let wrong = || RangeError::Form { found: text.to_owned() };
        let (name, values) = text.split_once('=').ok_or_else(wrong)?;
        let (values, step) = values.split_once(':').unwrap_or((values, "1"));
        let (from, to) = values.split_once("..").unwrap_or((values, values));
        let number = |text: &str| text.trim().parse::<u64>().map_err(|_| wrong());
        let range =
            Self { name: name.trim().to_owned(), from: number(from)?, to: number(to)?, step: number(step)? };
        let sound = !range.name.is_empty() && range.from <= range.to && range.step > 0;
        if sound { Ok(range) } else { Err(wrong()) }
    }

    /// How many values there are.
    pub fn count(&self) -> u64 {
        (self.to - self.from) / self.step + 1
    }
}

/// Every setting, the last parameter running fastest.
pub(super) fn settings(machine: &Machine, ranges: &[Range]) -> Result<Vec<Vec<(String, u64)>>, RangeError> {
    let mut found = 1u64;
    for (at, range) in ranges.iter().enumerate() {
        let Some(known) = machine.parameters.iter().find(|p| p.name == range.name) else {
            let names: Vec<&str> = machine.parameters.iter().map(|p| p.name.as_str()).collect();
            let known = if names.is_empty() { "none at all".to_owned() } else { names.join(", ") };
            let (machine, name) = (machine.name.clone(), range.name.clone());
            return Err(RangeError::Unknown { machine, name, known });
        };
        let [low, high] = known.range;
        if range.from < low || range.to > high {
            let (name, from, to) = (range.name.clone(), range.from, range.to);
            return Err(RangeError::Outside { name, from, to, low, high });
        }
        if ranges[..at].iter().any(|other| other.name == range.name) {
            return Err(RangeError::Twice { name: range.name.clone() });
        }
        found = found.saturating_mul(range.count());
        if found > LARGEST {
            return Err(RangeError::TooMany { found });
        }
    }
    let mut all = vec![Vec::new()];
    for range in ranges {
        let values = (0..range.count()).map(|n| range.from + n * range.step);
        let with = |setting: &Vec<(String, u64)>, value: u64| {
            let mut setting = setting.clone();
            setting.push((range.name.clone(), value));
            setting
        };
        all = all.iter().flat_map(|s| values.clone().map(|v| with(s, v)).collect::<Vec<_>>()).collect();
    }
    Ok(all)
}
