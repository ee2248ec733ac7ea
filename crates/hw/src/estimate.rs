//! A number that says how it was obtained.

use serde::{Deserialize, Serialize};

/// How a figure was obtained; every report prints it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Origin {
    /// Counted or timed on the target or its emulator.
    Measured,
    /// Computed in closed form; exact where the interval is a point.
    Modelled,
    /// Given by a fitted model.
    Predicted,
}

/// A value with its unit, origin and the interval the truth is expected in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// Central value, in `unit`.
    pub value: f64,
    /// Unit as printed, e.g. `B`, `instructions`.
    pub unit: String,
    /// How it was obtained.
    pub origin: Origin,
    /// Lower and upper end; equal to `value` where the figure is exact.
    pub interval: [f64; 2],
}

impl Estimate {
    /// A figure without error: the interval is a point.
    pub fn exact(value: f64, unit: &str, origin: Origin) -> Self {
        Self { value, unit: unit.to_owned(), origin, interval: [value, value] }
    }

    /// A modelled figure that is known to within `low..=high`.
    pub fn within(value: f64, unit: &str, origin: Origin, low: f64, high: f64) -> Self {
        Self { value, unit: unit.to_owned(), origin, interval: [low, high] }
    }

    /// The end of the interval a limit "at most" is judged by.
    pub fn safe_upper(&self) -> f64 {
        self.interval[1]
    }

    /// Whether the interval is a point.
    pub fn is_exact(&self) -> bool {
        self.interval[0] == self.interval[1]
    }
}
