//! The published benchmark format of static allocation: one buffer a line, `id,lower,upper,size`.
//!
//! Source: google/minimalloc, "challenging" problems; the capacity is part of the file name.

use hw::memory::{Buffer, Problem};

/// What is wrong with a problem file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CsvError {
    /// The first line is not the expected header.
    #[error("the first line is `{found}`, `{HEADER}` expected")]
    Header {
        /// The first line.
        found: String,
    },
    /// A line that is not a name and three numbers.
    #[error("line {line} is `{found}`, a name and three whole numbers expected")]
    Line {
        /// Line number, from 1.
        line: usize,
        /// The line.
        found: String,
    },
}

const HEADER: &str = "id,lower,upper,size";

/// Reads a problem; buffers are named by their id and no two live ones may overlap.
pub fn parse_csv(text: &str, capacity: Option<u64>) -> Result<Problem, CsvError> {
    let mut lines = text.lines().enumerate();
    let header = lines.next().map_or("", |(_, l)| l.trim());
    if header != HEADER {
        return Err(CsvError::Header { found: header.to_string() });
    }
    let rows = lines.filter(|(_, l)| !l.trim().is_empty());
    let buffers = rows
        .map(|(at, l)| row(l).ok_or_else(|| CsvError::Line { line: at + 1, found: l.to_string() }))
        .collect::<Result<Vec<Buffer>, CsvError>>()?;
    Ok(Problem { buffers, steps: Vec::new(), capacity })
}

fn row(line: &str) -> Option<Buffer> {
    let fields: Vec<&str> = line.split(',').map(str::trim).collect();
    let [id, lower, upper, size] = fields[..] else { return None };
    Some(Buffer::new(id, size.parse().ok()?, lower.parse().ok()?, upper.parse().ok()?))
}

/// The capacity in a file name such as `A.1048576.csv`.
pub fn capacity_of(file_name: &str) -> Option<u64> {
    file_name.strip_suffix(".csv")?.rsplit('.').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_becomes_a_buffer() {
        let problem = parse_csv("id,lower,upper,size\nx,3,7,64\n", Some(128)).unwrap();
        assert_eq!(problem.buffers, [Buffer::new("x", 64, 3, 7)]);
        assert_eq!(problem.capacity, Some(128));
        assert_eq!(capacity_of("K.1048576.csv"), Some(1_048_576));
        assert_eq!(capacity_of("K.csv"), None);
    }

    #[test]
    fn other_columns_and_broken_lines_are_refused_by_line() {
        let header = parse_csv("id,size\n", None).unwrap_err();
        assert_eq!(header.to_string(), "the first line is `id,size`, `id,lower,upper,size` expected");
        let line = parse_csv("id,lower,upper,size\na,0,1,2\nb,0,-1,2\n", None).unwrap_err();
        assert_eq!(line.to_string(), "line 3 is `b,0,-1,2`, a name and three whole numbers expected");
    }
}
