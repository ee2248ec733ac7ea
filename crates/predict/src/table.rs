//! Measured samples as rows of numbers, and what is wrong with them.

use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// Rows a table may hold; more than any board will be measured on.
pub const MAX_ROWS: usize = 1 << 20;
/// Columns a table may hold.
pub const MAX_COLUMNS: usize = 1 << 12;

/// Why a table, a fit or a prediction was refused.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum PredictError {
    /// A row of another length.
    #[error("row {row} has {found} features, {expected} expected")]
    Width {
        /// Index of the row, from 0.
        row: usize,
        /// Features it has.
        found: usize,
        /// Features the table has.
        expected: usize,
    },
    /// Lists that do not belong together.
    #[error("{what}: {found} for {expected} rows")]
    Length {
        /// Which list.
        what: &'static str,
        /// Its length.
        found: usize,
        /// Rows of the table.
        expected: usize,
    },
    /// A figure that is no positive number, or a feature that is not finite.
    #[error("row {row}, {column}: {found}, {expected} expected")]
    Value {
        /// Index of the row, from 0.
        row: usize,
        /// Name of the column.
        column: String,
        /// What it holds.
        found: f64,
        /// What it should.
        expected: &'static str,
    },
    /// Too few samples for what was asked.
    #[error("{found} samples, at least {expected} needed to {purpose}")]
    TooFew {
        /// Samples there are.
        found: usize,
        /// Samples needed.
        expected: usize,
        /// For what.
        purpose: &'static str,
    },
    /// A table beyond the bounds.
    #[error("{found} {what}, at most {limit} are read")]
    TooLarge {
        /// Rows or columns.
        what: &'static str,
        /// How many.
        found: usize,
        /// How many are allowed.
        limit: usize,
    },
    /// Columns of two tables differ.
    #[error("column {index} is `{found}`, `{expected}` expected")]
    Columns {
        /// Which column, from 0.
        index: usize,
        /// Its name.
        found: String,
        /// The name in the model.
        expected: String,
    },
    /// Two columns of one name.
    #[error("column `{0}` is given twice")]
    Twice(String),
    /// No column a linear model can use.
    #[error("no additive column: the linear baseline needs at least one")]
    NoAdditive,
    /// A setting out of range.
    #[error("{name} is {found}, {expected} expected")]
    Setting {
        /// Its name.
        name: &'static str,
        /// Its value.
        found: f64,
        /// What it may be.
        expected: &'static str,
    },
    /// A query outside what was measured, where the caller does not accept widening.
    #[error("outside the measured range: {0}")]
    Outside(String),
}

/// One feature.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Whether work of this kind adds to the figure (a count of operations, bytes moved), so that a linear model may use it. A
    /// depth, a share or a maximum does not: trees alone see it.
    pub additive: bool,
}

impl Column {
    /// A column the linear models use too.
    pub fn additive(name: impl Into<String>) -> Self {
        Self { name: name.into(), additive: true }
    }

    /// A column for trees alone.
    pub fn shape(name: impl Into<String>) -> Self {
        Self { name: name.into(), additive: false }
    }
}

/// Measured samples: features, a positive figure each, and which of them are the same network.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    columns: Vec<Column>,
    rows: Vec<Vec<f64>>,
    target: Vec<f64>,
    groups: Vec<u64>,
}

impl Table {
    /// Samples of `columns.len()` features and one figure each; rows of one `group` never stand on both sides of a fold (each row
    /// is its own where none are given).
    ///
    /// # Errors
    /// Where lengths differ, a name comes twice, a feature is not finite, a figure is not above 0, or the table is too large.
    pub fn new(
        columns: Vec<Column>,
        rows: Vec<Vec<f64>>,
        target: Vec<f64>,
        groups: Option<Vec<u64>>,
    ) -> Result<Self, PredictError> {
        let n = rows.len();
        for (what, found, limit) in [("rows", n, MAX_ROWS), ("columns", columns.len(), MAX_COLUMNS)] {
            if found > limit {
                return Err(PredictError::TooLarge { what, found, limit });
            }
        }
        let mut seen = HashMap::new();
        for column in &columns {
            if seen.insert(column.name.as_str(), ()).is_some() {
                return Err(PredictError::Twice(column.name.clone()));
            }
        }
        let groups = groups.unwrap_or_else(|| (0..n as u64).collect());
        for (what, found) in [("figures", target.len()), ("groups", groups.len())] {
            if found != n {
                return Err(PredictError::Length { what, found, expected: n });
            }
        }
        for (row, values) in rows.iter().enumerate() {
            check_row(&columns, row, values)?;
            if !(target[row] > 0.0 && target[row].is_finite()) {
                let (column, found) = ("figure".to_owned(), target[row]);
                return Err(PredictError::Value { row, column, found, expected: "a finite number above 0" });
            }
        }
        Ok(Self { columns, rows, target, groups })
    }

    /// Samples.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The features' names and kinds.
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// The features, one row per sample.
    pub fn rows(&self) -> &[Vec<f64>] {
        &self.rows
    }

    /// The figures, all above 0, in the unit they were given in.
    pub fn target(&self) -> &[f64] {
        &self.target
    }

    /// Which rows are the same network.
    pub fn groups(&self) -> &[u64] {
        &self.groups
    }

    /// The rows at these indices, in this order; an index may come more than once.
    ///
    /// # Panics
    /// Where an index is not below [`Table::len`].
    #[must_use]
    pub fn select(&self, indices: &[usize]) -> Self {
        Self {
            columns: self.columns.clone(),
            rows: indices.iter().map(|i| self.rows[*i].clone()).collect(),
            target: indices.iter().map(|i| self.target[*i]).collect(),
            groups: indices.iter().map(|i| self.groups[*i]).collect(),
        }
    }

    /// Indices of the additive columns.
    pub(crate) fn additive(&self) -> Vec<usize> {
        (0..self.columns.len()).filter(|i| self.columns[*i].additive).collect()
    }
}

/// Refuses a row of another width or with a feature that is not finite.
pub(crate) fn check_row(columns: &[Column], row: usize, values: &[f64]) -> Result<(), PredictError> {
    if values.len() != columns.len() {
        return Err(PredictError::Width { row, found: values.len(), expected: columns.len() });
    }
    match values.iter().position(|v| !v.is_finite()) {
        Some(i) => Err(PredictError::Value {
            row,
            column: columns[i].name.clone(),
            found: values[i],
            expected: "a finite number",
        }),
        None => Ok(()),
    }
}

/// Refuses columns other than the expected, by name and in order.
pub(crate) fn same_columns(found: &[Column], expected: &[Column]) -> Result<(), PredictError> {
    if found.len() != expected.len() {
        return Err(PredictError::Width { row: 0, found: found.len(), expected: expected.len() });
    }
    match found.iter().zip(expected).position(|(f, e)| f.name != e.name) {
        Some(index) => Err(PredictError::Columns {
            index,
            found: found[index].name.clone(),
            expected: expected[index].name.clone(),
        }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn columns() -> Vec<Column> {
        vec![Column::additive("a"), Column::shape("b")]
    }

    #[test]
    fn a_row_of_another_width_is_named() {
        let error = Table::new(columns(), vec![vec![1.0, 2.0], vec![1.0]], vec![1.0, 2.0], None);
        assert_eq!(error.unwrap_err().to_string(), "row 1 has 1 features, 2 expected");
    }

    #[test]
    fn figures_of_zero_and_features_without_value_are_refused() {
        let error = Table::new(columns(), vec![vec![1.0, 2.0]], vec![0.0], None).unwrap_err();
        assert_eq!(error.to_string(), "row 0, figure: 0, a finite number above 0 expected");
        let error = Table::new(columns(), vec![vec![1.0, f64::NAN]], vec![1.0], None).unwrap_err();
        assert_eq!(error.to_string(), "row 0, b: NaN, a finite number expected");
    }

    #[test]
    fn a_name_given_twice_is_refused() {
        let twice = vec![Column::additive("a"), Column::shape("a")];
        assert_eq!(Table::new(twice, vec![], vec![], None).unwrap_err(), PredictError::Twice("a".to_owned()));
    }
}
