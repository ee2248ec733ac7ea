//! Running a file test and judging what it printed.

use super::{Case, FileTestError};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The `nasc` to run.
#[derive(Debug, Clone)]
pub struct Program {
    /// Its file.
    pub path: PathBuf,
    /// How long one command may take.
    pub time_out: Duration,
}

impl Program {
    /// A program with a minute for each command.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), time_out: Duration::from_secs(60) }
    }
}

/// What to do with a result that is not the expected one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Fail.
    Check,
    /// Make it the expectation.
    Bless,
}

/// How a test went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// As expected.
    Passed,
    /// The expectation was written anew.
    Blessed,
}

/// What all commands of a test printed.
#[derive(Debug, Default)]
struct Transcript {
    /// Standard output, then standard error behind `! `.
    text: String,
    stderr: String,
    exit: Option<process::Exit>,
}

impl Case {
    /// Runs the test's commands with `program` and compares.
    ///
    /// # Errors
    /// [`FileTestError::Failed`] with everything that differs; otherwise where a file or the program cannot be used. Exit codes and
    /// `// error:` lines are never blessed.
    pub fn run(&self, program: &Program, mode: Mode) -> Result<Outcome, FileTestError> {
        let transcript = self.execute(program)?;
        let mut faults = self.exit_fault(&transcript).into_iter().collect::<Vec<_>>();
        faults.extend(self.finding_faults(&transcript.stderr));
        // Where all findings are named in the file, a snapshot of them would say it twice.
        let wants_snapshot =
            self.errors.is_empty() || self.expected.is_some() || self.above_expectation.is_some();
        let as_expected = !wants_snapshot || self.expected.as_deref().unwrap_or("") == transcript.text;
        if mode == Mode::Bless && !as_expected && faults.is_empty() {
            self.bless(&transcript.text)?;
            return Ok(Outcome::Blessed);
        }
        if !as_expected {
            faults.push(match &self.expected {
                None => format!(
                    "nothing is expected yet (`nasc test --bless` writes it); printed:\n{}",
                    transcript.text
                ),
                Some(expected) => format!(
                    "expected (-) and printed (+) differ:\n{}",
                    report::diff::lines(expected, &transcript.text, 3)
                ),
            });
        }
        if faults.is_empty() {
            return Ok(Outcome::Passed);
        }
        Err(FileTestError::Failed { path: self.path.clone(), message: faults.join("\n") })
    }

    fn execute(&self, program: &Program) -> Result<Transcript, FileTestError> {
        let folder = self.path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let folder = folder.canonicalize().map_err(FileTestError::io(folder))?;
        let scratch = tempfile::Builder::new().prefix("nasc-filetest-").tempdir();
        let scratch = scratch.map_err(FileTestError::io(std::env::temp_dir()))?;
        let scratch_text = scratch.path().to_string_lossy().into_owned();
        let file = self.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let models =
            folder.ancestors().map(|up| up.join("models")).find(|up| up.is_dir()).unwrap_or_default();
        let models = models.to_string_lossy().into_owned();
        let put =
            |word: &String| word.replace("%s", &file).replace("%t", &scratch_text).replace("%m", &models);
        let mut all = Transcript::default();
        for words in &self.runs {
            let command = process::Command::new(&program.path).args(words.iter().map(put)).dir(&folder);
            let command = command.env("NO_COLOR", "1").time_out(program.time_out);
            let output =
                command.run().map_err(|source| FileTestError::Program { path: self.path.clone(), source })?;
            let same = |text: String| {
                let text = text.replace(&scratch_text, "%t");
                if models.is_empty() { text } else { text.replace(&models, "%m") }
            };
            let (stdout, stderr) = (same(output.stdout_text()), same(output.stderr_text()));
            all.text += &stdout;
            for line in stderr.lines() {
                let _ = writeln!(all.text, "! {line}");
            }
            all.stderr += &stderr;
            all.exit = Some(output.exit);
            if !output.exit.success() {
                break;
            }
        }
        Ok(all)
    }

    fn exit_fault(&self, transcript: &Transcript) -> Option<String> {
        let exit = transcript.exit.expect("a test has at least one command");
        let right = exit == process::Exit::Code(self.exit);
        (!right).then(|| format!("{exit}, {} expected; it said:\n{}", self.exit, transcript.stderr))
    }

    /// Findings that no comment announces, and announced ones that did not come.
    fn finding_faults(&self, stderr: &str) -> Vec<String> {
        if self.errors.is_empty() {
            return Vec::new();
        }
        let file = self.path.file_name().unwrap_or_default().to_string_lossy();
        let mut found: Vec<(usize, &str)> = stderr.lines().filter_map(|line| finding(line, &file)).collect();
        let mut faults = Vec::new();
        for (line, expected) in &self.errors {
            match found.iter().position(|(at, message)| at == line && message.contains(expected.as_str())) {
                Some(index) => drop(found.remove(index)),
                None => faults.push(format!("line {line}: `{expected}` was not reported")),
            }
        }
        faults.extend(
            found.iter().map(|(line, message)| format!("line {line}: reported and not announced: {message}")),
        );
        if !faults.is_empty() {
            faults.push(format!("it said:\n{stderr}"));
        }
        faults
    }

    fn bless(&self, text: &str) -> Result<(), FileTestError> {
        let Some(above) = &self.above_expectation else {
            let beside = self.beside();
            return std::fs::write(&beside, text).map_err(FileTestError::io(&beside));
        };
        let comment = |line: &str| if line.is_empty() { "//\n".to_owned() } else { format!("// {line}\n") };
        let whole = above.clone() + &text.lines().map(comment).collect::<String>();
        std::fs::write(&self.path, whole).map_err(FileTestError::io(&self.path))
    }
}

/// A finding in a line of standard error: `FILE:LINE:COLUMN: MESSAGE`, perhaps behind `error: `.
fn finding<'t>(line: &'t str, file: &str) -> Option<(usize, &'t str)> {
    let rest = line.trim_start().strip_prefix("error: ").unwrap_or(line.trim_start());
    let rest = rest.strip_prefix(file)?.strip_prefix(':')?;
    let (number, rest) = rest.split_once(':')?;
    let message = rest.split_once(": ").map_or(rest, |(_column, message)| message);
    Some((number.parse().ok()?, message))
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
