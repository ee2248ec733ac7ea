//! Reading a file test.

use super::{FileTestError, words};
use std::path::{Path, PathBuf};

/// What ends the part of a test that the command reads, in a test with its expectation inside.
const EXPECT: &str = "// expect:";

/// One file test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Case {
    /// The file.
    pub path: PathBuf,
    /// As a list of tests shows it: the path below the folder that was searched.
    pub name: String,
    /// Command lines as words, the program's name left out; never empty.
    pub(super) runs: Vec<Vec<String>>,
    /// Exit code expected of the last one.
    pub(super) exit: i32,
    /// Findings expected: line from 1, and a part of the message.
    pub(super) errors: Vec<(usize, String)>,
    /// The text up to and including the `// expect:` line, where there is one.
    pub(super) above_expectation: Option<String>,
    /// What the commands should print; `None` where nothing was blessed yet.
    pub(super) expected: Option<String>,
}

/// Every file test below `dir`, by name. A file is one where its first line begins with `// run:`; others are inputs of tests.
///
/// # Errors
/// Where a folder cannot be read, a test is malformed, or there is no test at all.
pub fn discover(dir: &Path) -> Result<Vec<Case>, FileTestError> {
    let mut cases = Vec::new();
    let mut waiting = vec![dir.to_path_buf()];
    while let Some(folder) = waiting.pop() {
        for entry in std::fs::read_dir(&folder).map_err(FileTestError::io(&folder))? {
            let path = entry.map_err(FileTestError::io(&folder))?.path();
            let known = path.extension().is_some_and(|e| e == "nasc" || e == "test");
            if path.is_dir() {
                waiting.push(path);
            } else if known && let Some(case) = Case::read(&path, dir)? {
                cases.push(case);
            }
        }
    }
    if cases.is_empty() {
        let message = "no file with `// run:` in its first line, at least one expected".to_owned();
        return Err(FileTestError::Failed { path: dir.to_owned(), message });
    }
    cases.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(cases)
}

impl Case {
    /// Reads one test, `None` where the file has no `// run:` in its first line. Its name is the path below `root`.
    ///
    /// # Errors
    /// Where it cannot be read or its header is malformed.
    pub fn read(path: &Path, root: &Path) -> Result<Option<Self>, FileTestError> {
        let text = std::fs::read_to_string(path).map_err(FileTestError::io(path))?;
        if !text.starts_with("// run:") {
            return Ok(None);
        }
        let below = path.strip_prefix(root).unwrap_or(path);
        let mut case = Self {
            path: path.to_owned(),
            name: below.with_extension("").to_string_lossy().into_owned(),
            runs: Vec::new(),
            exit: -1,
            errors: Vec::new(),
            above_expectation: None,
            expected: None,
        };
        for (index, line) in text.lines().enumerate() {
            if line.trim_end() == EXPECT {
                case.take_inline(&text, index);
                break;
            }
            let header = |message| FileTestError::Header { path: path.to_owned(), line: index + 1, message };
            case.take_line(index + 1, line).map_err(header)?;
        }
        if case.exit == -1 {
            case.exit = if case.errors.is_empty() { 0 } else { 2 };
        }
        if case.above_expectation.is_none() {
            let beside = case.beside();
            if beside.exists() {
                let text = std::fs::read_to_string(&beside).map_err(FileTestError::io(&beside))?;
                case.expected = Some(text);
            }
        }
        Ok(Some(case))
    }

    fn take_line(&mut self, number: usize, line: &str) -> Result<(), String> {
        if let Some(command) = line.strip_prefix("// run:") {
            let mut words = words::split(command)?;
            if words.first().is_none_or(|program| program != "nasc") {
                return Err("a command that begins with `nasc` expected".to_owned());
            }
            words.remove(0);
            words.iter().try_for_each(|word| words::confined(word))?;
            self.runs.push(words);
        } else if let Some(code) = line.strip_prefix("// exit:") {
            let code = code.trim();
            self.exit = code.parse().map_err(|_| format!("exit code `{code}`, a number expected"))?;
        } else if let Some((_, message)) = line.split_once("// error:") {
            self.errors.push((number, message.trim().to_owned()));
        }
        Ok(())
    }

    /// What is expected and what is above it, from a text whose line `index` is `// expect:`.
    fn take_inline(&mut self, text: &str, index: usize) {
        let lines: Vec<&str> = text.lines().collect();
        self.above_expectation = Some(lines[..=index].iter().map(|line| format!("{line}\n")).collect());
        let bare =
            |line: &&str| line.strip_prefix("// ").or(line.strip_prefix("//")).unwrap_or(line).to_owned();
        let expected: String = lines[index + 1..].iter().map(|line| bare(line) + "\n").collect();
        self.expected = (!expected.trim().is_empty()).then_some(expected);
    }

    /// The snapshot of a test without an expectation inside.
    pub(super) fn beside(&self) -> PathBuf {
        self.path.with_extension("expect")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Option<Case>, FileTestError> {
        let dir = tempfile::tempdir().expect("a folder for a test");
        let path = dir.path().join("area/t.nasc");
        std::fs::create_dir_all(path.parent().expect("the file is in a folder")).expect("a folder");
        std::fs::write(&path, text).expect("a file");
        Case::read(&path, dir.path())
    }

    #[test]
    fn header_errors_and_inline_expectation_are_found() {
        let text = "// run: nasc opt %s --passes \"a, b\"\ngraph @t() { // error: no output\n}\n// expect:\n// one\n//\n// three\n";
        let case = read(text).expect("well-formed").expect("a test");
        assert_eq!(case.name, "area/t");
        assert_eq!(case.runs, [["opt", "%s", "--passes", "a, b"]]);
        assert_eq!((case.exit, case.errors), (2, vec![(2, "no output".to_owned())]));
        assert_eq!(case.expected.as_deref(), Some("one\n\nthree\n"));
    }

    #[test]
    fn a_file_without_a_command_is_no_test() {
        assert_eq!(read("graph @t() {}\n// run: nasc ops\n").expect("readable"), None);
    }

    #[test]
    fn a_malformed_header_is_named_with_its_line() {
        for (text, fault) in [
            ("// run: cargo build", ":1: a command that begins with `nasc` expected"),
            ("// run: nasc opt /etc/x", ":1: `/etc/x` leaves the test's folder"),
            ("// run: nasc ops\n// exit: many", ":2: exit code `many`, a number expected"),
        ] {
            let error = read(text).expect_err("malformed").to_string();
            assert!(error.contains(fault), "{error}");
        }
    }

    #[test]
    fn a_folder_without_tests_is_an_error() {
        let dir = tempfile::tempdir().expect("a folder for a test");
        assert!(discover(dir.path()).is_err());
    }
}
