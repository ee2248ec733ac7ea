//! What a command prints: results to standard output, everything else to standard error.

use crate::args::Global;
use crate::failure::{Failure, Finding, Kind};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use report::{Look, Table};
use serde::Serialize;
use std::io::{IsTerminal, Write};
use std::process::ExitCode;
use std::time::Duration;

/// Counted work that is done by then shows no bar.
const SHORT: Duration = Duration::from_secs(1);

/// How this run shows things.
#[derive(Debug, Clone)]
pub(crate) struct Console {
    json: bool,
    quiet: bool,
    look: Look,
    colour_errors: bool,
}

impl Console {
    /// By the flags, and by what standard output and error are.
    pub(crate) fn new(global: &Global) -> Self {
        // https://no-color.org: any value but the empty one.
        let plain = std::env::var_os("NO_COLOR").is_some_and(|v| !v.is_empty());
        let look = if std::io::stdout().is_terminal() {
            Look::Terminal { width: report::terminal_width(), colour: !plain }
        } else {
            Look::Plain
        };
        let colour_errors = std::io::stderr().is_terminal() && !plain;
        Self { json: global.json, quiet: global.quiet, look, colour_errors }
    }

    /// The one JSON value of this run, where `--json` asks for it; otherwise whatever `words` prints.
    pub(crate) fn result(
        &self,
        value: &impl Serialize,
        words: impl FnOnce() -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        if !self.json {
            return words();
        }
        let text = serde_json::to_string_pretty(value).expect("plain data becomes JSON");
        self.text(&(text + "\n"))
    }

    /// Text to standard output as it is: what was asked for, so `--quiet` does not suppress it.
    pub(crate) fn text(&self, text: &str) -> Result<(), Failure> {
        let mut out = std::io::stdout().lock();
        out.write_all(text.as_bytes())?;
        Ok(out.flush()?)
    }

    /// A line of the result, unless `--quiet`.
    pub(crate) fn line(&self, text: impl AsRef<str>) -> Result<(), Failure> {
        if self.quiet { Ok(()) } else { self.text(&format!("{}\n", text.as_ref())) }
    }

    /// A table, unless `--quiet`.
    pub(crate) fn table(&self, table: &Table) -> Result<(), Failure> {
        if self.quiet { Ok(()) } else { self.text(&table.render(self.look)) }
    }

    /// A table beside the result, to standard error, unless `--quiet`.
    pub(crate) fn side_table(&self, table: &Table) -> Result<(), Failure> {
        if !self.quiet {
            let look = if std::io::stderr().is_terminal() { self.look } else { Look::Plain };
            self.err(table.render(look).trim_end());
        }
        Ok(())
    }

    /// Something the user should know, to standard error, unless `--quiet`.
    pub(crate) fn note(&self, text: impl AsRef<str>) {
        if !self.quiet {
            self.err(&format!("{} {}", self.paint("note:", "36"), text.as_ref()));
        }
    }

    /// Long work: a spinner with what is being done on a terminal, a line elsewhere, nothing with `--quiet`.
    pub(crate) fn progress(&self, text: impl Into<String>) -> Progress {
        let text = text.into();
        if self.quiet {
            return Progress(None);
        }
        if !std::io::stderr().is_terminal() {
            self.err(&text);
            return Progress(None);
        }
        let style = ProgressStyle::with_template("{spinner:.cyan} {msg} {elapsed:.dim}");
        let bar = ProgressBar::new_spinner().with_style(style.expect("a sound template")).with_message(text);
        bar.enable_steady_tick(Duration::from_millis(100));
        Progress(Some(bar))
    }

    /// Counted work: a bar with rate and remaining time on a terminal once it takes long, nothing elsewhere: the result says how
    /// many there were.
    pub(crate) fn counter(&self, text: impl Into<String>, total: usize) -> Progress {
        if self.quiet || !std::io::stderr().is_terminal() {
            return Progress(None);
        }
        let style = "{msg} {bar:30.cyan/dim} {pos}/{len} {per_sec:.dim} {eta:.dim}";
        let style = ProgressStyle::with_template(style).expect("a sound template");
        let bar = ProgressBar::with_draw_target(Some(total as u64), ProgressDrawTarget::hidden());
        Progress(Some(bar.with_style(style).with_message(text.into())))
    }

    /// Says why a command failed, and gives the exit code.
    pub(crate) fn fail(&self, failure: &Failure) -> ExitCode {
        if failure.kind != Kind::Closed {
            if self.json {
                let text = serde_json::to_string_pretty(&serde_json::json!({ "error": failure }));
                // Nobody is left to tell where standard output is closed.
                let _ = self.text(&(text.expect("plain data becomes JSON") + "\n"));
            }
            self.explain(failure);
        }
        ExitCode::from(failure.exit_code())
    }

    fn explain(&self, failure: &Failure) {
        let error = self.paint(if failure.kind == Kind::No { "no:" } else { "error:" }, "1;31");
        for finding in &failure.findings {
            let Finding { file, line, column, message } = finding;
            self.err(&format!("{error} {file}:{line}:{column}: {message}"));
            self.excerpt(finding);
        }
        if failure.findings.is_empty() {
            self.err(&format!("{error} {}", failure.message));
        }
        for help in &failure.help {
            self.err(&format!("{} {help}", self.paint("help:", "1;32")));
        }
    }

    /// The line at fault with a mark under the column.
    fn excerpt(&self, finding: &Finding) {
        let Ok(text) = std::fs::read_to_string(&finding.file) else { return };
        let Some(line) = text.lines().nth(finding.line.saturating_sub(1)) else { return };
        // A line of weights written out says nothing on a screen.
        if line.chars().count() > 200 {
            return;
        }
        let number = finding.line.to_string();
        let gap = " ".repeat(number.len());
        let indent: String = line
            .chars()
            .take(finding.column.saturating_sub(1))
            .map(|c| if c == '\t' { '\t' } else { ' ' })
            .collect();
        self.err(&format!("  {number} | {}", line.trim_end()));
        self.err(&format!("  {gap} | {indent}{}", self.paint("^", "1;31")));
    }

    fn paint(&self, text: &str, code: &str) -> String {
        if self.colour_errors { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }

    fn err(&self, text: &str) {
        // Nobody is left to tell where standard error is closed.
        let _ = writeln!(std::io::stderr().lock(), "{text}");
    }
}

/// Long work in progress; its display goes away when this is dropped.
#[derive(Debug)]
pub(crate) struct Progress(Option<ProgressBar>);

impl Progress {
    /// One more is done.
    pub(crate) fn step(&self) {
        if let Some(bar) = &self.0 {
            if bar.is_hidden() && bar.elapsed() > SHORT {
                bar.set_draw_target(ProgressDrawTarget::stderr());
            }
            bar.inc(1);
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.0 {
            bar.finish_and_clear();
        }
    }
}
