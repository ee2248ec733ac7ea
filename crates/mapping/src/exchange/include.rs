//! Files that a workload includes.

use super::workload::{Problem, WorkloadError};
use super::yaml::LARGEST;

/// Inclusions within inclusions.
const DEEPEST: usize = 8;
/// Inclusions in all.
const MOST: usize = 64;

/// A text with what it includes, and where each of its lines is from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Included {
    /// The whole text.
    pub text: String,
    /// For each line, the file it is from (`None`: the one that was given) and its line there.
    from: Vec<(Option<String>, usize)>,
    count: usize,
}

impl Included {
    /// Where a line of the whole text is from: the included file, or `None` for the one given, and the line there, from 1.
    pub fn origin(&self, line: usize) -> (Option<&str>, usize) {
        match self.from.get(line.wrapping_sub(1)).or(self.from.last()) {
            Some((file, line)) => (file.as_deref(), *line),
            None => (None, line),
        }
    }
}

/// Puts in the place of each line `{{include_text('FILE')}}`, as files for Timeloop's front end begin, the text of that file.
///
/// `find` gives the text of a file as named, or says why not. Other templates are refused: their values are not in the file.
/// In an error from an included file, the line is that of the inclusion in the file given.
pub fn include(text: &str, find: &dyn Fn(&str) -> Result<String, String>) -> Result<Included, WorkloadError> {
    let mut all = Included { text: String::new(), from: Vec::new(), count: 0 };
    add(text, None, find, 0, &mut all)?;
    Ok(all)
}

fn add(
    text: &str,
    file: Option<&str>,
    find: &dyn Fn(&str) -> Result<String, String>,
    depth: usize,
    all: &mut Included,
) -> Result<(), WorkloadError> {
    for (at, content) in text.lines().enumerate() {
        let line = at + 1;
        let error = |problem| WorkloadError { line, problem };
        let template = content.split('#').next().is_some_and(|c| c.contains("{{"));
        if template {
            let name = included(content).ok_or_else(|| error(Problem::Template))?;
            if depth == DEEPEST {
                let what = "inclusions within inclusions";
                return Err(error(Problem::Limit { what, found: depth + 1, most: DEEPEST }));
            }
            all.count += 1;
            if all.count > MOST {
                return Err(error(Problem::Limit { what: "inclusions", found: all.count, most: MOST }));
            }
            let missing = |reason| error(Problem::Include { file: name.to_owned(), reason });
            let inner = find(name).map_err(missing)?;
            add(&inner, Some(name), find, depth + 1, all)
                .map_err(|e| WorkloadError { line, problem: e.problem })?;
            continue;
        }
        if all.text.len() + content.len() > LARGEST {
            let found = all.text.len() + content.len();
            return Err(error(Problem::Limit { what: "bytes", found, most: LARGEST }));
        }
        all.text.push_str(content);
        all.text.push('\n');
        all.from.push((file.map(str::to_owned), line));
    }
    Ok(())
}

/// The file of a line that is an inclusion and nothing else.
fn included(line: &str) -> Option<&str> {
    let inside = line.trim().strip_prefix("{{")?.strip_suffix("}}")?.trim();
    let name = inside.strip_prefix("include_text(")?.strip_suffix(')')?.trim();
    let name = name
        .strip_prefix('\'')
        .and_then(|n| n.strip_suffix('\''))
        .or_else(|| name.strip_prefix('"').and_then(|n| n.strip_suffix('"')))?;
    (!name.is_empty()).then_some(name)
}
