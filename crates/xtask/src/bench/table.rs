//! Markdown tables and numbers in them.

/// A table: one row of heads, then rows of as many cells.
pub(crate) struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(crate) fn new<S: AsRef<str>>(heads: impl IntoIterator<Item = S>) -> Self {
        Self { rows: vec![cells(heads)] }
    }

    /// Adds a row, which must have a cell for each head.
    pub(crate) fn row<S: AsRef<str>>(&mut self, row: impl IntoIterator<Item = S>) {
        let row = cells(row);
        assert_eq!(row.len(), self.rows[0].len(), "a row has a cell for each head");
        self.rows.push(row);
    }

    pub(crate) fn markdown(&self) -> String {
        let mut text = String::new();
        for (index, row) in self.rows.iter().enumerate() {
            text.push_str(&format!("| {} |\n", row.join(" | ")));
            if index == 0 {
                text.push_str(&format!("|{}\n", " --- |".repeat(row.len())));
            }
        }
        text
    }
}

fn cells<S: AsRef<str>>(row: impl IntoIterator<Item = S>) -> Vec<String> {
    row.into_iter().map(|cell| cell.as_ref().to_owned()).collect()
}

/// `29,868,954`
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A figure that may not be there.
pub(crate) fn grouped_or_dash(number: Option<u64>) -> String {
    number.map_or_else(|| "-".to_owned(), grouped)
}

/// `0.84x`, against a peer's figure.
pub(crate) fn ratio(ours: Option<u64>, peer: u64) -> String {
    ours.map_or_else(|| "-".to_owned(), |ours| format!("{:.2}x", ours as f64 / peer as f64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_by_thousands() {
        assert_eq!([0, 12, 123, 1234, 29_868_954].map(grouped), ["0", "12", "123", "1,234", "29,868,954"]);
        assert_eq!(ratio(Some(80), 100), "0.80x");
    }

    #[test]
    fn a_table_is_markdown() {
        let mut table = Table::new(["a", "b"]);
        table.row(["1", "2"]);
        assert_eq!(table.markdown(), "| a | b |\n| --- | --- |\n| 1 | 2 |\n");
    }
}
