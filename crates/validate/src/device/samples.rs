//! Timed networks as a table: CSV, one row a network.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use super::error::Error;
use super::repeats::{Repeats, Summary};

/// The columns, in this order.
pub const HEADER: &str = "model,latency_ms,latency_low_ms,latency_high_ms,repeats,runtime";
/// A table of samples is read up to this size.
const MAX_BYTES: u64 = 64 << 20;

/// One network with its time on a device.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// File of the network, relative to the table's folder.
    pub model: String,
    /// Milliseconds of CPU time per inference, one thread, measured: mean over the quieter half of the repeats.
    pub latency_ms: f64,
    /// The shortest repeat.
    pub latency_low_ms: f64,
    /// The median of the repeats.
    pub latency_high_ms: f64,
    /// How many repeats.
    pub repeats: usize,
    /// Name of the device, the runtime in it.
    pub runtime: String,
}

impl Sample {
    /// A row of what was measured; `None` where nothing was.
    pub fn new(model: impl Into<String>, repeats: &Repeats, runtime: impl Into<String>) -> Option<Self> {
        let Summary { quiet_ns, least_ns, median_ns, count, .. } = repeats.summary()?;
        Some(Self {
            model: model.into(),
            latency_ms: quiet_ns / 1e6,
            latency_low_ms: least_ns / 1e6,
            latency_high_ms: median_ns / 1e6,
            repeats: count,
            runtime: runtime.into(),
        })
    }
}

/// The table's text.
pub fn print(samples: &[Sample]) -> String {
    let mut text = format!("{HEADER}\n");
    for s in samples {
        let (model, runtime) = (field(&s.model), field(&s.runtime));
        let _ = writeln!(
            text,
            "{model},{:.6},{:.6},{:.6},{},{runtime}",
            s.latency_ms, s.latency_low_ms, s.latency_high_ms, s.repeats
        );
    }
    text
}

/// Writes the table.
///
/// # Errors
/// Where the file cannot be written.
pub fn write(path: &Path, samples: &[Sample]) -> Result<(), Error> {
    std::fs::write(path, print(samples)).map_err(Error::file(path))
}

/// Reads a table.
///
/// # Errors
/// Where the file cannot be read, is too large, or a row is wrong; with its line.
pub fn read(path: &Path) -> Result<Vec<Sample>, Error> {
    let size = std::fs::metadata(path).map_err(Error::file(path))?.len();
    if size > MAX_BYTES {
        let what = format!("{size} bytes, at most {MAX_BYTES} expected");
        return Err(Error::Row { path: path.to_owned(), line: 1, what });
    }
    parse(&std::fs::read_to_string(path).map_err(Error::file(path))?, path)
}

/// Reads a table's text; `path` is what messages call it.
///
/// # Errors
/// Where a row is wrong, with its line.
pub fn parse(text: &str, path: &Path) -> Result<Vec<Sample>, Error> {
    let row = |line: usize, what: String| Error::Row { path: PathBuf::from(path), line, what };
    let mut lines = text.lines().enumerate();
    match lines.next() {
        Some((_, head)) if head.trim_end() == HEADER => {}
        other => {
            let found = other.map_or("", |(_, head)| head);
            return Err(row(1, format!("columns `{}`, `{HEADER}` expected", shorten(found))));
        }
    }
    let filled = lines.filter(|(_, line)| !line.trim().is_empty());
    filled.map(|(at, line)| sample(line.trim_end()).map_err(|what| row(at + 1, what))).collect()
}

fn sample(line: &str) -> Result<Sample, String> {
    let fields = fields(line).ok_or("a quote that is not closed")?;
    let [model, latency, low, high, repeats, runtime] = <[String; 6]>::try_from(fields)
        .map_err(|f| format!("{} fields, {} expected", f.len(), HEADER.split(',').count()))?;
    let time = |name: &str, text: &str| match text.parse::<f64>() {
        Ok(value) if value.is_finite() && value > 0.0 => Ok(value),
        _ => Err(format!("{name} is `{}`, a positive number expected", shorten(text))),
    };
    let repeats =
        repeats.parse().ok().filter(|n| *n > 0).ok_or_else(|| {
            format!("repeats is `{}`, a whole number from 1 up expected", shorten(&repeats))
        })?;
    let sample = Sample {
        latency_ms: time("latency_ms", &latency)?,
        latency_low_ms: time("latency_low_ms", &low)?,
        latency_high_ms: time("latency_high_ms", &high)?,
        model,
        repeats,
        runtime,
    };
    if sample.model.is_empty() {
        return Err("no model, a file expected".into());
    }
    if sample.latency_low_ms > sample.latency_ms || sample.latency_ms > sample.latency_high_ms {
        return Err(format!("{low} <= {latency} <= {high} expected of low, latency and high"));
    }
    Ok(sample)
}

fn shorten(text: &str) -> String {
    text.chars().take(60).collect()
}

/// A field as RFC 4180 writes it; line breaks become blanks.
fn field(text: &str) -> String {
    let text = text.replace(['\n', '\r'], " ");
    if text.contains([',', '"']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
}

/// The fields of a line; `None` where a quote is not closed.
fn fields(line: &str) -> Option<Vec<String>> {
    let (mut all, mut now, mut quoted) = (Vec::new(), String::new(), false);
    let mut letters = line.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '"' if quoted && letters.peek() == Some(&'"') => now.extend(letters.next()),
            '"' => quoted = !quoted,
            ',' if !quoted => all.push(std::mem::take(&mut now)),
            other => now.push(other),
        }
    }
    all.push(now);
    (!quoted).then_some(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn a_sample() -> Sample {
        Sample {
            model: "nets/a.nasc".into(),
            latency_ms: 0.25,
            latency_low_ms: 0.245,
            latency_high_ms: 0.3,
            repeats: 8,
            runtime: "a CPU, \"fast\", onnxruntime 1.2, 1 thread".into(),
        }
    }

    #[test]
    fn what_is_written_is_read_again() {
        let samples = [a_sample(), Sample { model: "b, c.nasc".into(), ..a_sample() }];
        assert_eq!(parse(&print(&samples), Path::new("t.csv")).expect("sound"), samples);
    }

    #[test]
    fn a_wrong_row_is_named_with_its_line_and_what_was_expected() {
        let head = HEADER;
        for (row, said) in [
            ("a,1,1", "t.csv:2: 3 fields, 6 expected"),
            ("a,-1,1,1,2,r", "t.csv:2: latency_ms is `-1`, a positive number expected"),
            ("a,1,1,inf,2,r", "t.csv:2: latency_high_ms is `inf`, a positive number expected"),
            ("a,1,1,1,0,r", "t.csv:2: repeats is `0`, a whole number from 1 up expected"),
            ("a,1,2,3,1,r", "t.csv:2: 2 <= 1 <= 3 expected of low, latency and high"),
            ("\"a,1,1,1,1,r", "t.csv:2: a quote that is not closed"),
            (",1,1,1,1,r", "t.csv:2: no model, a file expected"),
        ] {
            let error = parse(&format!("{head}\n{row}\n"), Path::new("t.csv")).expect_err(row);
            assert_eq!(error.to_string(), said);
        }
        let error = parse("x,y\n", Path::new("t.csv")).expect_err("another table");
        assert!(error.to_string().starts_with("t.csv:1: columns `x,y`, `model,"), "{error}");
    }

    #[test]
    fn a_network_without_repeats_is_no_sample() {
        assert_eq!(Sample::new("a", &Repeats::default(), "r"), None);
        let mut repeats = Repeats::default();
        repeats.push(&[(2e6, 2e6)]);
        assert_eq!(Sample::new("a", &repeats, "r").map(|s| (s.latency_ms, s.repeats)), Some((2.0, 1)));
    }
}
