//! Limits as users write them: `flash=256KiB`, `latency=10ms`, or a named profile of the field's usual budgets.

use std::fmt;

/// What a limit bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Quantity {
    /// The arena and other writable static data; the stack apart.
    Sram,
    /// Code and constants.
    Flash,
    /// Time of one inference on a board with a clock.
    Latency,
    /// Clock cycles of one inference.
    Cycles,
    /// Executed instructions of one inference.
    Instructions,
    /// Energy of one inference.
    Energy,
    /// Power while it runs.
    Power,
    /// Silicon.
    Area,
    /// External memory.
    Dram,
    /// Elements of all constants.
    Params,
    /// Multiply-accumulates of one inference.
    Macs,
}

/// The unit a quantity is kept and printed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Bytes,
    Seconds,
    Joules,
    Watts,
    SquareMillimetres,
    Count,
}

const QUANTITIES: &[(Quantity, &str, Kind)] = &[
    (Quantity::Sram, "sram", Kind::Bytes),
    (Quantity::Flash, "flash", Kind::Bytes),
    (Quantity::Latency, "latency", Kind::Seconds),
    (Quantity::Cycles, "cycles", Kind::Count),
    (Quantity::Instructions, "instructions", Kind::Count),
    (Quantity::Energy, "energy", Kind::Joules),
    (Quantity::Power, "power", Kind::Watts),
    (Quantity::Area, "area", Kind::SquareMillimetres),
    (Quantity::Dram, "dram", Kind::Bytes),
    (Quantity::Params, "params", Kind::Count),
    (Quantity::Macs, "macs", Kind::Count),
];

/// Units by kind, with their worth in the unit the kind is kept in; a bare number is in that unit.
const UNITS: &[(Kind, &[(&str, f64)])] = &[
    (Kind::Bytes, &[("B", 1.0), ("KB", 1e3), ("KiB", 1024.0), ("MB", 1e6), ("MiB", 1_048_576.0)]),
    (Kind::Seconds, &[("us", 1e-6), ("ms", 1e-3), ("s", 1.0)]),
    (Kind::Joules, &[("uJ", 1e-6), ("mJ", 1e-3)]),
    (Kind::Watts, &[("uW", 1e-6), ("mW", 1e-3), ("W", 1.0)]),
    (Kind::SquareMillimetres, &[("mm2", 1.0)]),
    (Kind::Count, &[("k", 1e3), ("M", 1e6), ("G", 1e9)]),
];

impl Quantity {
    /// Every quantity, in the order they are listed.
    pub fn all() -> impl Iterator<Item = Self> {
        QUANTITIES.iter().map(|(quantity, _, _)| *quantity)
    }

    /// As users write it.
    pub fn name(self) -> &'static str {
        self.row().1
    }

    /// The unit figures of it are kept in: `B`, `s`, `J`, `W`, `mm2`, or nothing for counts.
    pub fn unit(self) -> &'static str {
        match self.row().2 {
            Kind::Bytes => "B",
            Kind::Seconds => "s",
            Kind::Joules => "J",
            Kind::Watts => "W",
            Kind::SquareMillimetres => "mm2",
            Kind::Count => "",
        }
    }

    /// Units a limit on it may be written in; a count may stand alone, too.
    pub fn units(self) -> impl Iterator<Item = &'static str> {
        units(self.row().2).iter().map(|(unit, _)| *unit)
    }

    /// A figure of it for people: `49152 B`, `166 ms`.
    pub fn display(self, value: f64) -> String {
        let (factor, unit) = match self.row().2 {
            Kind::Bytes => (1.0, "B"),
            Kind::Seconds => (1e3, "ms"),
            Kind::Joules => (1e3, "mJ"),
            Kind::Watts => (1e3, "mW"),
            Kind::SquareMillimetres => (1.0, "mm2"),
            Kind::Count => (1.0, ""),
        };
        let scaled = value * factor;
        let digits = if scaled >= 1000.0 || scaled.fract() == 0.0 {
            format!("{scaled:.0}")
        } else {
            format!("{scaled:.3}")
        };
        if unit.is_empty() { digits } else { format!("{digits} {unit}") }
    }

    fn row(self) -> &'static (Quantity, &'static str, Kind) {
        QUANTITIES.iter().find(|(quantity, _, _)| *quantity == self).expect("every quantity is listed")
    }
}

fn units(kind: Kind) -> &'static [(&'static str, f64)] {
    UNITS.iter().find(|(k, _)| *k == kind).expect("every kind has units").1
}

/// At most this much.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limit {
    /// Of what.
    pub quantity: Quantity,
    /// In [`Quantity::unit`].
    pub at_most: f64,
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at most {}", self.quantity.name(), self.quantity.display(self.at_most))
    }
}

/// Text that is no limit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LimitError {
    /// No `=`.
    #[error("limit `{0}` has no value, for example `flash=256KiB` expected")]
    NoValue(String),
    /// An unknown quantity.
    #[error("limit on `{found}`, one of {expected} expected")]
    Quantity {
        /// As written.
        found: String,
        /// Names there are.
        expected: String,
    },
    /// A value that is no number with a fitting unit.
    #[error("limit {quantity}={found}: a positive number in {expected} expected")]
    Value {
        /// The quantity.
        quantity: &'static str,
        /// As written.
        found: String,
        /// Units that fit.
        expected: String,
    },
    /// An unknown profile.
    #[error("profile `{found}`, one of {expected} expected")]
    Profile {
        /// As written.
        found: String,
        /// Names there are.
        expected: String,
    },
}

impl Limit {
    /// Reads `quantity=value`, the value with a unit; counts may stand without one.
    ///
    /// # Errors
    /// Where quantity, number or unit are not known; see [`LimitError`].
    pub fn parse(text: &str) -> Result<Self, LimitError> {
        let (name, value) = text.split_once('=').ok_or_else(|| LimitError::NoValue(text.to_owned()))?;
        let row = QUANTITIES.iter().find(|(_, known, _)| *known == name.trim());
        let Some((quantity, name, kind)) = row else {
            let expected: Vec<_> = QUANTITIES.iter().map(|(_, name, _)| *name).collect();
            return Err(LimitError::Quantity {
                found: name.trim().to_owned(),
                expected: expected.join(", "),
            });
        };
        let wrong = || {
            let listed: Vec<_> = units(*kind).iter().map(|(unit, _)| *unit).collect();
            let alone = if *kind == Kind::Count { "a plain count or " } else { "" };
            let expected = format!("{alone}{}", listed.join(", "));
            LimitError::Value { quantity: name, found: value.trim().to_owned(), expected }
        };
        let value = value.trim();
        let end = value.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(value.len());
        let (digits, unit) = value.split_at(end);
        let number: f64 = digits.parse().map_err(|_| wrong())?;
        let worth = match unit.trim() {
            "" if *kind == Kind::Count => 1.0,
            unit => units(*kind).iter().find(|(known, _)| *known == unit).ok_or_else(wrong)?.1,
        };
        let at_most = number * worth;
        if !(at_most.is_finite() && at_most > 0.0) {
            return Err(wrong());
        }
        Ok(Self { quantity: *quantity, at_most })
    }
}

/// A named set of limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Profile {
    /// As users write it.
    pub name: &'static str,
    /// What it stands for.
    pub summary: &'static str,
    /// As limits are written.
    pub limits: &'static [&'static str],
}

/// The field's usual budgets.
pub const PROFILES: &[Profile] = &[
    Profile {
        name: "real-time",
        summary: "an answer within a video frame or a control step",
        limits: &["latency=10ms"],
    },
    Profile { name: "interactive", summary: "an answer that feels immediate", limits: &["latency=100ms"] },
    Profile { name: "iot", summary: "years on a coin cell", limits: &["energy=10mJ", "power=10mW"] },
    Profile { name: "mobile", summary: "an application on a phone", limits: &["energy=100mJ", "dram=100MB"] },
    Profile { name: "edge", summary: "an accelerator of its own beside a sensor", limits: &["area=10mm2"] },
    Profile { name: "mcu", summary: "a larger microcontroller", limits: &["sram=1MB", "flash=1MB"] },
];

impl Profile {
    /// The profile of this name.
    ///
    /// # Errors
    /// Where there is none.
    pub fn named(name: &str) -> Result<&'static Self, LimitError> {
        PROFILES.iter().find(|profile| profile.name == name).ok_or_else(|| {
            let expected: Vec<_> = PROFILES.iter().map(|profile| profile.name).collect();
            LimitError::Profile { found: name.to_owned(), expected: expected.join(", ") }
        })
    }

    /// Its limits.
    pub fn limits(&self) -> Vec<Limit> {
        self.limits
            .iter()
            .map(|text| Limit::parse(text).expect("profiles are written as limits are"))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_times_energies_and_counts_are_read_with_their_units() {
        let cases = [
            ("flash=256KiB", Quantity::Flash, 262_144.0),
            ("sram=64KB", Quantity::Sram, 64_000.0),
            ("latency=10ms", Quantity::Latency, 0.01),
            ("latency=2.5 s", Quantity::Latency, 2.5),
            ("energy=100uJ", Quantity::Energy, 1e-4),
            ("instructions=20M", Quantity::Instructions, 2e7),
            ("macs=1000", Quantity::Macs, 1000.0),
        ];
        for (text, quantity, at_most) in cases {
            let limit = Limit::parse(text).expect(text);
            assert_eq!(limit.quantity, quantity);
            assert!((limit.at_most - at_most).abs() < 1e-9 * at_most, "{text}: {}", limit.at_most);
        }
    }

    #[test]
    fn what_is_no_limit_is_refused_with_what_was_expected() {
        for (text, part) in [
            ("flash", "no value"),
            ("speed=3ms", "one of sram, flash"),
            ("flash=256", "B, KB, KiB"),
            ("flash=10ms", "B, KB, KiB"),
            ("flash=-1KiB", "positive number"),
            ("flash=0KiB", "positive number"),
            ("latency=fast", "us, ms, s"),
            ("flash=1e3KiB", "positive number"),
        ] {
            let error = Limit::parse(text).expect_err(text).to_string();
            assert!(error.contains(part), "{text}: {error}");
        }
    }

    #[test]
    fn every_profile_is_made_of_limits() {
        for profile in PROFILES {
            assert!(!profile.limits().is_empty(), "{}", profile.name);
        }
        assert!(Profile::named("huge").is_err());
    }
}
