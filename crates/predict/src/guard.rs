//! Where a fitted model may be used: the range its samples cover, and by how much a query leaves it.

use crate::Table;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Share of a column's range that a query may lie beyond either end before it counts as outside.
const MARGIN: f64 = 0.1;

/// The range of every column and of the figure over the samples a model was fitted to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Guard {
    /// Smallest value by column.
    pub low: Vec<f64>,
    /// Largest value by column.
    pub high: Vec<f64>,
    /// Smallest and largest figure.
    pub figure: [f64; 2],
}

/// A column's name, the value asked for, and the range measured.
pub type Beyond = (String, f64, [f64; 2]);

/// A query outside the measured range.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Outside {
    /// Column, value asked for, and the range measured; the farthest first.
    pub columns: Vec<Beyond>,
    /// How far outside the farthest lies, in widths of its range.
    pub distance: f64,
}

impl fmt::Display for Outside {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, (name, value, [low, high])) in self.columns.iter().take(4).enumerate() {
            let comma = if i == 0 { "" } else { "; " };
            let (value, low, high) = (short(*value), short(*low), short(*high));
            write!(f, "{comma}{name} is {value}, {low} to {high} was measured")?;
        }
        match self.columns.len().saturating_sub(4) {
            0 => Ok(()),
            more => write!(f, "; and {more} more"),
        }
    }
}

/// Four significant digits, without trailing zeros.
fn short(value: f64) -> String {
    if value == 0.0 || !value.is_finite() {
        return value.to_string();
    }
    #[allow(clippy::cast_possible_truncation, reason = "the exponent of a finite number is small")]
    let exponent = value.abs().log10().floor() as i32;
    let scale = 10_f64.powi(3 - exponent);
    if scale.is_finite() && scale > 0.0 {
        ((value * scale).round() / scale).to_string()
    } else {
        value.to_string()
    }
}

impl Guard {
    /// The ranges of a table.
    pub fn new(table: &Table) -> Self {
        let width = table.columns().len();
        let (mut low, mut high) = (vec![f64::INFINITY; width], vec![f64::NEG_INFINITY; width]);
        for row in table.rows() {
            for (c, v) in row.iter().enumerate() {
                low[c] = low[c].min(*v);
                high[c] = high[c].max(*v);
            }
        }
        let ends = |f: fn(f64, f64) -> f64, from| table.target().iter().copied().fold(from, f);
        Self { low, high, figure: [ends(f64::min, f64::INFINITY), ends(f64::max, f64::NEG_INFINITY)] }
    }

    /// What of a query, and of the figure predicted for it, lies outside; `None` where nothing does. The figure itself may be a
    /// third below the smallest or above the largest that was measured. `names` are the columns'.
    pub fn outside<'a>(
        &self,
        names: impl Iterator<Item = &'a str>,
        row: &[f64],
        figure: f64,
    ) -> Option<Outside> {
        let mut found: Vec<(f64, Beyond)> = Vec::new();
        for (((name, value), low), high) in names.zip(row).zip(&self.low).zip(&self.high) {
            let beyond = (low - value).max(value - high);
            // A column that never changed has no range: its own size stands in.
            let range = if high > low { high - low } else { high.abs().max(1.0) };
            if beyond > MARGIN * range || (high <= low && beyond > 1e-9 * range) {
                found.push((beyond / range, (name.to_owned(), *value, [*low, *high])));
            }
        }
        let beyond = (self.figure[0] / figure).max(figure / self.figure[1]);
        if beyond > 4.0 / 3.0 {
            found.push((beyond - 1.0, ("the figure itself".to_owned(), figure, self.figure)));
        }
        found.sort_by(|a, b| b.0.total_cmp(&a.0));
        let distance = found.first()?.0;
        Some(Outside { columns: found.into_iter().map(|f| f.1).collect(), distance })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Column;

    fn guard() -> Guard {
        let rows = vec![vec![0.0, 5.0], vec![10.0, 5.0]];
        let columns = vec![Column::additive("convolutions"), Column::additive("stages")];
        Guard::new(&Table::new(columns, rows, vec![2.0, 8.0], None).unwrap())
    }

    #[test]
    fn a_little_beyond_the_range_is_inside() {
        let names = || ["convolutions", "stages"].into_iter();
        assert_eq!(guard().outside(names(), &[10.9, 5.0], 8.0), None);
        let outside = guard().outside(names(), &[15.0, 5.0], 8.0).unwrap();
        assert_eq!(outside.to_string(), "convolutions is 15, 0 to 10 was measured");
        assert_eq!(outside.distance, 0.5);
    }

    #[test]
    fn a_column_that_never_changed_vouches_for_that_value_alone() {
        let outside = guard().outside(["convolutions", "stages"].into_iter(), &[1.0, 6.0], 3.0).unwrap();
        assert_eq!(outside.columns[0].0, "stages");
    }

    #[test]
    fn a_figure_far_from_all_measured_is_outside() {
        let names = || ["convolutions", "stages"].into_iter();
        assert!(guard().outside(names(), &[1.0, 5.0], 12.0).is_some());
        assert!(guard().outside(names(), &[1.0, 5.0], 1.0).is_some());
    }
}
