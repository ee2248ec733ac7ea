//! Measured samples as a CSV table.
//!
//! The first line names the columns; each further line is one measured network. `latency_ms` is needed, `energy_mj` may stand
//! beside it. A network is given by `model` (a file, relative to the table) or by its features: every column that is not one of
//! [`RESERVED`] is then an additive feature, such as the milliseconds an analytical model counts for each resource. `runtime` says
//! what ran the samples and must be one for all; it becomes part of the device's name. `group` names samples of one network.
//! Fields may stand in double quotes; empty lines and lines that begin with `#` are skipped.

/// Columns with a meaning of their own; the spread of repeats is read past.
pub const RESERVED: [&str; 8] =
    ["model", "latency_ms", "energy_mj", "runtime", "group", "latency_low_ms", "latency_high_ms", "repeats"];

/// Lines read at most.
const MAX_LINES: usize = crate::MAX_ROWS;

/// What is wrong with a table of samples, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {what}")]
pub struct CsvError {
    /// Line, from 1.
    pub line: usize,
    /// What was found and what was expected.
    pub what: String,
}

/// One measured network.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// Its line in the table, from 1.
    pub line: usize,
    /// Its file, where the table names files.
    pub model: Option<String>,
    /// Its features, where the table has them.
    pub features: Vec<f64>,
    /// Milliseconds of one inference, measured.
    pub latency_ms: f64,
    /// Millijoules of one inference, measured.
    pub energy_mj: Option<f64>,
    /// Samples of one network share it.
    pub group: Option<String>,
}

/// A table of samples.
#[derive(Debug, Clone, PartialEq)]
pub struct Samples {
    /// Names of the features given; empty where models are named.
    pub features: Vec<String>,
    /// What ran the samples, where the table says.
    pub runtime: Option<String>,
    /// The samples, in the order of the lines.
    pub rows: Vec<Sample>,
}

struct Header {
    names: Vec<String>,
    latency: usize,
    features: Vec<usize>,
}

/// Reads a table.
///
/// # Errors
/// At the first line that is not as the columns say.
pub fn parse(text: &str) -> Result<Samples, CsvError> {
    let filled = |line: &&str| !line.trim().is_empty() && !line.trim_start().starts_with('#');
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut lines = text.lines().enumerate().map(|(i, l)| (i + 1, l)).filter(|(_, l)| filled(l));
    let Some((line, first)) = lines.next() else {
        return Err(CsvError { line: 1, what: "nothing found, a line of column names expected".to_owned() });
    };
    let header = header(first).map_err(|what| CsvError { line, what })?;
    let features = header.features.iter().map(|c| header.names[*c].clone()).collect();
    let mut samples = Samples { features, runtime: None, rows: Vec::new() };
    for (line, text) in lines {
        if samples.rows.len() == MAX_LINES {
            return Err(CsvError { line, what: format!("more than {MAX_LINES} samples") });
        }
        let (sample, runtime) = sample(&header, line, text).map_err(|what| CsvError { line, what })?;
        match (&samples.runtime, runtime) {
            (Some(one), Some(other)) if *one != other => {
                let what = format!(
                    "runtime is `{other}`, `{one}` expected as above: another runtime is another device"
                );
                return Err(CsvError { line, what });
            }
            (None, Some(runtime)) => samples.runtime = Some(runtime),
            _ => {}
        }
        samples.rows.push(sample);
    }
    Ok(samples)
}

fn header(text: &str) -> Result<Header, String> {
    let names = fields(text)?;
    for (i, name) in names.iter().enumerate() {
        if name.is_empty() {
            return Err(format!("column {} has no name", i + 1));
        }
        if names[..i].contains(name) {
            return Err(format!("column `{name}` is given twice"));
        }
    }
    let latency = names.iter().position(|n| n == "latency_ms");
    let latency = latency.ok_or("no column `latency_ms`: milliseconds of one inference expected")?;
    let model = names.iter().any(|n| n == "model");
    let features: Vec<usize> = (0..names.len()).filter(|i| !RESERVED.contains(&names[*i].as_str())).collect();
    match (model, features.first()) {
        (true, Some(extra)) => {
            Err(format!("column `{}` beside `model`: features are taken from the models", names[*extra]))
        }
        (false, None) => Err("neither a column `model` nor any feature".to_owned()),
        _ => Ok(Header { names, latency, features }),
    }
}

fn sample(header: &Header, line: usize, text: &str) -> Result<(Sample, Option<String>), String> {
    let fields = fields(text)?;
    if fields.len() != header.names.len() {
        return Err(format!("{} fields, {} expected", fields.len(), header.names.len()));
    }
    let named = |name: &str| {
        let at = header.names.iter().position(|n| n == name)?;
        Some(fields[at].clone()).filter(|f| !f.is_empty())
    };
    let number = |c: usize, positive: bool| {
        let (name, found) = (&header.names[c], &fields[c]);
        let value = found.parse::<f64>().ok().filter(|v| v.is_finite() && (!positive || *v > 0.0));
        let expected = if positive { "a number above 0" } else { "a number" };
        value.ok_or_else(|| format!("{name} is `{}`, {expected} expected", shorten(found)))
    };
    let energy = match header.names.iter().position(|n| n == "energy_mj") {
        Some(c) if !fields[c].is_empty() => Some(number(c, true)?),
        _ => None,
    };
    let model = named("model");
    if model.is_none() && header.features.is_empty() {
        return Err("model is empty, a file expected".to_owned());
    }
    let features = header.features.iter().map(|c| number(*c, false)).collect::<Result<_, _>>()?;
    let latency_ms = number(header.latency, true)?;
    let sample = Sample { line, model, features, latency_ms, energy_mj: energy, group: named("group") };
    Ok((sample, named("runtime")))
}

/// The fields of a line; a field in quotes may hold commas, and quotes written twice.
fn fields(line: &str) -> Result<Vec<String>, String> {
    let (mut all, mut field, mut quoted) = (Vec::new(), String::new(), false);
    let mut letters = line.trim_end_matches('\r').chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '"' if quoted && letters.peek() == Some(&'"') => {
                letters.next();
                field.push('"');
            }
            '"' => quoted = !quoted,
            ',' if !quoted => all.push(std::mem::take(&mut field).trim().to_owned()),
            other => field.push(other),
        }
    }
    if quoted {
        return Err("a quote that is not closed".to_owned());
    }
    all.push(field.trim().to_owned());
    Ok(all)
}

fn shorten(text: &str) -> String {
    match text.char_indices().nth(40) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models_with_their_latency_are_read() {
        let text =
            "# board on the desk\nmodel,latency_ms,runtime\na.onnx,1.5,\"lib, 2 threads\"\n\nb.onnx,2,\n";
        let samples = parse(text).unwrap();
        assert_eq!(samples.runtime.as_deref(), Some("lib, 2 threads"));
        assert_eq!(samples.rows.len(), 2);
        assert_eq!((samples.rows[1].line, samples.rows[1].latency_ms), (5, 2.0));
        assert_eq!(samples.rows[1].model.as_deref(), Some("b.onnx"));
    }

    #[test]
    fn resource_columns_are_features() {
        let samples = parse("compute_ms,dram_ms,latency_ms,energy_mj\n1,2,4,0.5\n3,4,9,\n").unwrap();
        assert_eq!(samples.features, ["compute_ms", "dram_ms"]);
        assert_eq!(samples.rows[0].energy_mj, Some(0.5));
        assert_eq!(
            (samples.rows[1].features.as_slice(), samples.rows[1].energy_mj),
            ([3.0, 4.0].as_slice(), None)
        );
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line() {
        let said = |text: &str| parse(text).unwrap_err().to_string();
        assert_eq!(said(""), "line 1: nothing found, a line of column names expected");
        assert_eq!(
            said("model,ms\n"),
            "line 1: no column `latency_ms`: milliseconds of one inference expected"
        );
        assert_eq!(said("latency_ms\n1\n"), "line 1: neither a column `model` nor any feature");
        assert_eq!(said("model,latency_ms\na,0\n"), "line 2: latency_ms is `0`, a number above 0 expected");
        assert_eq!(said("model,latency_ms\na\n"), "line 2: 1 fields, 2 expected");
        assert_eq!(said("model,latency_ms\n,1\n"), "line 2: model is empty, a file expected");
        assert_eq!(said("model,latency_ms\n\"a,1\n"), "line 2: a quote that is not closed");
        assert_eq!(said("a,a,latency_ms\n"), "line 1: column `a` is given twice");
        assert_eq!(
            said("model,latency_ms,runtime\na,1,x\nb,1,y\n"),
            "line 3: runtime is `y`, `x` expected as above: another runtime is another device"
        );
    }
}
