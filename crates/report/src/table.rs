//! Tables: boxed and coloured on a terminal, tab-separated lines in a pipe.

use comfy_table::{Attribute, Cell, CellAlignment, Color, ContentArrangement, LineStyle, TableStyle};

/// Where text stands in its column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Align {
    /// Words.
    Left,
    /// Figures.
    Right,
}

/// How a table is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    /// One line per row, cells separated by tabs, headings first: for other programs.
    Plain,
    /// With rules between the columns, at most `width` characters wide.
    Terminal {
        /// Characters in a line; `None` for as wide as it comes.
        width: Option<u16>,
        /// Whether headings and totals are set off by colour.
        colour: bool,
    },
}

/// Characters in a line of the terminal that standard output is; `None` where it is none.
pub fn terminal_width() -> Option<u16> {
    comfy_table::Table::new().width()
}

/// Rows under headings.
#[derive(Debug, Clone, Default)]
pub struct Table {
    columns: Vec<(String, Align)>,
    rows: Vec<Vec<String>>,
    total: Option<Vec<String>>,
}

impl Table {
    /// A table with these columns.
    pub fn new<const N: usize>(columns: [(&str, Align); N]) -> Self {
        let columns = columns.into_iter().map(|(name, align)| (name.to_owned(), align)).collect();
        Self { columns, rows: Vec::new(), total: None }
    }

    /// Adds a row; missing cells are empty.
    pub fn row(&mut self, cells: impl IntoIterator<Item = impl Into<String>>) -> &mut Self {
        let mut cells: Vec<String> = cells.into_iter().map(Into::into).collect();
        cells.resize(self.columns.len(), String::new());
        self.rows.push(cells);
        self
    }

    /// Sets the row at the foot.
    pub fn total(&mut self, cells: impl IntoIterator<Item = impl Into<String>>) -> &mut Self {
        self.row(cells);
        self.total = self.rows.pop();
        self
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The table as text, each line ended by a line feed.
    pub fn render(&self, look: Look) -> String {
        match look {
            Look::Plain => self.plain(),
            Look::Terminal { width, colour } => self.boxed(width, colour),
        }
    }

    fn plain(&self) -> String {
        let headings = self.columns.iter().map(|(name, _)| name.clone()).collect();
        let lines = std::iter::once(&headings).chain(&self.rows).chain(&self.total);
        let one_line = |cell: &String| cell.replace(['\t', '\n', '\r'], " ");
        let line = |cells: &Vec<String>| cells.iter().map(one_line).collect::<Vec<_>>().join("\t") + "\n";
        lines.map(line).collect()
    }

    fn boxed(&self, width: Option<u16>, colour: bool) -> String {
        let mut table = comfy_table::Table::new();
        table.load_style(RULES);
        if let Some(width) = width {
            table.set_width(width).set_content_arrangement(ContentArrangement::Dynamic);
        }
        if colour {
            table.enforce_styling();
        } else {
            table.force_no_tty();
        }
        let strong = |text: &str| {
            let cell = Cell::new(text);
            if colour { cell.add_attribute(Attribute::Bold) } else { cell }
        };
        let heading = |text: &str| if colour { strong(text).fg(Color::DarkCyan) } else { strong(text) };
        let align = |index: usize| match self.columns[index].1 {
            Align::Right => CellAlignment::Right,
            Align::Left => CellAlignment::Left,
        };
        let place = |index: usize, cell: Cell| cell.set_alignment(align(index));
        let headings = self.columns.iter().enumerate();
        table.set_header(headings.map(|(i, (name, _))| place(i, heading(name))));
        for row in &self.rows {
            table.add_row(row.iter().enumerate().map(|(i, text)| place(i, Cell::new(text))));
        }
        if let Some(total) = &self.total {
            table.add_row(total.iter().enumerate().map(|(i, text)| place(i, strong(text))));
        }
        let mut lines: Vec<String> = table.lines().map(|line| line.trim_end().to_owned()).collect();
        if self.total.is_some() && !self.rows.is_empty() {
            // The last but one line is the total's; it is short and never wrapped over two.
            let rule = lines[0].clone();
            lines.insert(lines.len() - 2, rule);
        }
        lines.iter().map(|line| format!("{line}\n")).collect()
    }
}

/// Rules around the table and under the headings.
const RULES: TableStyle = TableStyle::new()
    .top_border(LineStyle::none().fill('─').junction('─'))
    .header_separator(LineStyle::none().fill('─').junction('─'))
    .bottom_border(LineStyle::none().fill('─').junction('─'));

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let mut table = Table::new([("op", Align::Left), ("MACs", Align::Right)]);
        table.row(["conv2d", "320,000"]).row(["dense", "768"]).total(["total", "320,768"]);
        table
    }

    #[test]
    fn a_pipe_gets_tabs_and_no_decoration() {
        assert_eq!(table().render(Look::Plain), "op\tMACs\nconv2d\t320,000\ndense\t768\ntotal\t320,768\n");
    }

    #[test]
    fn a_cell_cannot_break_its_line() {
        let mut table = Table::new([("a", Align::Left)]);
        table.row(["x\ny\tz"]);
        assert_eq!(table.render(Look::Plain), "a\nx y z\n");
    }

    #[test]
    fn a_terminal_gets_aligned_columns_with_rules_around_and_above_the_total() {
        let text = table().render(Look::Terminal { width: None, colour: false });
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 8, "{text}");
        assert!(lines[4].ends_with("768") && lines[3].contains("320,000"), "{text}");
        assert!(lines[0].starts_with('─') && lines[7].starts_with('─'), "{text}");
    }

    #[test]
    fn colour_is_given_only_where_asked_for() {
        let escape = '\u{1b}';
        assert!(!table().render(Look::Terminal { width: Some(40), colour: false }).contains(escape));
        assert!(table().render(Look::Terminal { width: Some(40), colour: true }).contains(escape));
    }
}
