//! What the harness prints, read back. `c/harness.c` lists the lines.

use std::collections::BTreeMap;

use crate::error::Stage;

/// Everything a run of the harness printed.
#[derive(Debug, Default)]
pub(crate) struct Transcript {
    pub(crate) arena: u64,
    pub(crate) stack: Option<u64>,
    pub(crate) ticks: Option<u64>,
    /// Clock at each mark.
    pub(crate) marks: Vec<u64>,
    /// Return values of `PREFIX_invoke` other than 0, by run.
    pub(crate) statuses: Vec<(usize, i64)>,
    /// Bytes by run and output.
    pub(crate) outputs: BTreeMap<(usize, usize), Vec<u8>>,
    /// Bytes by op.
    pub(crate) traces: BTreeMap<usize, Vec<u8>>,
    /// The line a fault handler printed.
    pub(crate) fault: Option<String>,
    /// Lines that are not the harness's.
    pub(crate) other: Vec<String>,
    last_run: Option<usize>,
    begun: bool,
    ended: bool,
}

/// A line that does not follow the protocol.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct BadLine {
    pub(crate) line: String,
    pub(crate) reason: String,
}

impl Transcript {
    /// Reads what was printed. A last line without its end is what a killed target leaves and is not read.
    pub(crate) fn read(text: &str) -> Result<Self, BadLine> {
        let mut transcript = Self::default();
        for line in text.split_inclusive('\n') {
            let Some(line) = line.strip_suffix('\n') else { continue };
            let line = line.trim_end_matches('\r');
            if let Some(words) = line.strip_prefix("nasc: ") {
                transcript.line(words).map_err(|reason| BadLine { line: shortened(line), reason })?;
            } else if line.starts_with("fault ") {
                transcript.fault.get_or_insert_with(|| line.to_owned());
            } else if !line.trim().is_empty() {
                transcript.other.push(line.to_owned());
            }
        }
        Ok(transcript)
    }

    /// How far it came.
    pub(crate) fn stage(&self) -> Stage {
        match (self.ended, self.last_run) {
            (true, _) => Stage::End,
            (false, Some(run)) => Stage::Run(run),
            (false, None) => Stage::Start,
        }
    }

    /// Whether the harness said that it is done.
    pub(crate) fn ended(&self) -> bool {
        self.begun && self.ended
    }

    fn line(&mut self, line: &str) -> Result<(), String> {
        let words: Vec<&str> = line.split(' ').collect();
        match words[..] {
            ["begin"] => self.begun = true,
            ["end"] => self.ended = true,
            ["arena", _, n] => self.arena = number(n)?,
            ["run", run, _] => self.last_run = Some(index(run)?),
            ["stack", _, n] => self.stack = Some(number(n)?),
            ["ticks", _, n] => self.ticks = Some(number(n)?),
            ["mark", _, n] => self.marks.push(number(n)?),
            ["status", run, n] => self.statuses.push((index(run)?, number(n)? as i64)),
            ["out", run, port, hex] => {
                unhex(hex, self.outputs.entry((index(run)?, index(port)?)).or_default())?;
            }
            ["trace", op, hex] => unhex(hex, self.traces.entry(index(op)?).or_default())?,
            _ => return Err("no such line in the protocol".to_owned()),
        }
        Ok(())
    }
}

/// Runs, ports and ops are counted in thousands at most; a larger number is a line gone wrong.
fn index(word: &str) -> Result<usize, String> {
    match number(word)? {
        n if n < 1 << 20 => Ok(n as usize),
        n => Err(format!("an index below 2^20 expected, found {n}")),
    }
}

fn number(word: &str) -> Result<u64, String> {
    word.parse().map_err(|_| format!("a number expected, found `{}`", shortened(word)))
}

fn unhex(word: &str, into: &mut Vec<u8>) -> Result<(), String> {
    let digit = |c: u8| (c as char).to_digit(16).map(|d| d as u8);
    if !word.len().is_multiple_of(2) {
        return Err(format!("an even number of hexadecimal digits expected, found {}", word.len()));
    }
    for pair in word.as_bytes().chunks_exact(2) {
        let (Some(high), Some(low)) = (digit(pair[0]), digit(pair[1])) else {
            return Err(format!("hexadecimal digits expected, found `{}`", String::from_utf8_lossy(pair)));
        };
        into.push(high << 4 | low);
    }
    Ok(())
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(60) {
        Some((at, _)) => format!("{}...", &text[..at]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_of_an_output_are_joined_and_foreign_lines_kept_apart() {
        let transcript = Transcript::read(
            "boot v1\r\nnasc: begin\nnasc: run 0 0\nnasc: out 0 0 00ff\nnasc: out 0 0 10\nnasc: end\n",
        )
        .unwrap();
        assert_eq!(transcript.outputs[&(0, 0)], [0, 255, 16]);
        assert_eq!(transcript.other, ["boot v1"]);
        assert!(transcript.ended());
    }

    #[test]
    fn a_run_that_breaks_off_says_where() {
        let transcript =
            Transcript::read("nasc: begin\nnasc: run 0 0\nnasc: run 1 0\nnasc: out 1 0 0").unwrap();
        assert!(!transcript.ended());
        assert_eq!(transcript.stage(), Stage::Run(1));
        assert_eq!(Transcript::read("").unwrap().stage(), Stage::Start);
    }

    #[test]
    fn nonsense_is_refused_with_its_line() {
        for (line, reason) in [
            ("nasc: out 0 0 0g\n", "hexadecimal digits expected, found `0g`"),
            ("nasc: out 0 0 000\n", "an even number of hexadecimal digits expected, found 3"),
            ("nasc: stack 0 x\n", "a number expected, found `x`"),
            ("nasc: out 99999999 0 00\n", "an index below 2^20 expected, found 99999999"),
            ("nasc: hello\n", "no such line in the protocol"),
        ] {
            let bad = Transcript::read(line).unwrap_err();
            assert_eq!((bad.line.as_str(), bad.reason.as_str()), (line.trim_end(), reason));
        }
    }

    #[test]
    fn a_negative_status_survives() {
        let transcript = Transcript::read("nasc: status 0 18446744073709551615\n").unwrap();
        assert_eq!(transcript.statuses, [(0, -1)]);
    }
}
