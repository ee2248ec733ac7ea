//! Reading the machine a command is given: a hardware file, or one that comes with the program.

use crate::failure::{Failure, Finding};
use hw::machine::{Machine, MachineError, SHIPPED, shipped_text};
use std::path::{Component, Path, PathBuf};

/// Largest hardware file that is read.
const LARGEST: u64 = 4 << 20;

/// The machine of this file or name, with template parameters set as `NAME=N`.
pub(crate) fn load(named: &Path, set: &[String]) -> Result<Machine, Failure> {
    let set = settings(set)?;
    let set: Vec<(&str, u64)> = set.iter().map(|(name, value)| (name.as_str(), *value)).collect();
    let name = named.to_string_lossy();
    if let Some(text) = shipped_text(&name) {
        let find = |base: &str| shipped_text(base).map(str::to_owned);
        return Machine::parse_with(text, &format!("{name}.toml"), &set, &find)
            .map_err(|e| refused(&e, None));
    }
    let is_path = named.extension().is_some_and(|e| e == "toml") || named.components().count() > 1;
    if !is_path && !named.exists() {
        return Err(unknown(&name));
    }
    file(named, &set)
}

/// The machine of a hardware file.
pub(crate) fn file(path: &Path, set: &[(&str, u64)]) -> Result<Machine, Failure> {
    let text = read(path)?;
    let folder = path.parent().unwrap_or(Path::new("")).to_owned();
    let find = |base: &str| inherited(path, &folder, base);
    Machine::parse_with(&text, &path.display().to_string(), set, &find)
        .map_err(|e| refused(&e, Some(&folder)))
}

/// `NAME=N` as name and number.
pub(crate) fn settings(set: &[String]) -> Result<Vec<(String, u64)>, Failure> {
    let pair = |text: &String| {
        let pair = text.split_once('=').and_then(|(name, n)| Some((name.trim(), n.trim().parse().ok()?)));
        match pair.filter(|(name, _)| !name.is_empty()) {
            Some((name, value)) => Ok((name.to_owned(), value)),
            None => Err(Failure::input(format!("--set `{text}`: NAME=N with a whole number expected"))),
        }
    };
    set.iter().map(pair).collect()
}

fn read(path: &Path) -> Result<String, Failure> {
    let size = std::fs::metadata(path).map_err(|e| Failure::file(path, &e))?.len();
    if size > LARGEST {
        let message =
            format!("{}: {size} bytes, at most {LARGEST} expected of a hardware file", path.display());
        return Err(Failure::input(message));
    }
    std::fs::read_to_string(path).map_err(|e| Failure::file(path, &e))
}

/// The text a file inherits: the file of that name beside it, or a machine that comes with the program.
fn inherited(own: &Path, folder: &Path, base: &str) -> Option<String> {
    let shipped = || shipped_text(base.trim_end_matches(".toml")).map(str::to_owned);
    match beside(folder, base) {
        // `e168.toml` of the user's may refine the `e168` that comes with the program.
        Some(path) if path == own && shipped().is_some() => shipped(),
        Some(path) => read(&path).ok(),
        None => shipped(),
    }
}

/// The file of that name in a folder, never outside it.
fn beside(folder: &Path, base: &str) -> Option<PathBuf> {
    let name = Path::new(base);
    let inside = name.components().all(|c| matches!(c, Component::Normal(_)));
    let file = folder.join(format!("{}.toml", base.trim_end_matches(".toml")));
    let root = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let stays = || Some(file.canonicalize().ok()?.starts_with(root.canonicalize().ok()?));
    (inside && stays() == Some(true)).then_some(file)
}

/// Why a hardware file was not read, on the line at fault.
fn refused(error: &MachineError, folder: Option<&Path>) -> Failure {
    let mut failure = Failure::input(error.to_string());
    // A file it inherits from is named as it is found beside it.
    let beside = folder.map(|f| f.join(&error.file)).filter(|path| path.is_file());
    let file = if Path::new(&error.file).is_file() { None } else { beside };
    let file = file.map_or(error.file.clone(), |path| path.display().to_string());
    let text = std::fs::read_to_string(&file).unwrap_or_default();
    let line = text.lines().nth(error.line.saturating_sub(1)).unwrap_or_default();
    let column = 1 + line.len() - line.trim_start().len();
    failure.findings.push(Finding { file, line: error.line, column, message: error.problem.to_string() });
    failure
}

fn unknown(name: &str) -> Failure {
    let nearest = SHIPPED.iter().min_by_key(|known| distance(known, name)).copied().unwrap_or_default();
    Failure::input(format!("there is no machine `{name}`; nearest is `{nearest}`"))
        .help(format!("one of {}, or a hardware file (.toml)", SHIPPED.join(", ")))
}

/// Edit distance: insertions, deletions and replacements.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut before = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let replaced = before + usize::from(x != y);
            before = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(before + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder_with(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("a folder for a test");
        for (name, text) in files {
            std::fs::write(folder.path().join(name), text).expect("written");
        }
        folder
    }

    #[test]
    fn a_file_beside_goes_before_the_machine_that_comes_with_the_program() {
        let folder = folder_with(&[
            ("w1024.toml", "inherits = \"e168\"\nword_bits = 12\n"),
            ("own.toml", "inherits = \"w1024\"\nname = \"own\"\n"),
        ]);
        let own = load(&folder.path().join("own.toml"), &[]).expect("reads");
        assert_eq!((own.name.as_str(), own.word_bits, own.elements()), ("own", 12, 168));
        // Its own name leads to the one that comes with the program.
        let folder = folder_with(&[("e168.toml", "inherits = \"e168\"\nword_bits = 10\n")]);
        assert_eq!(load(&folder.path().join("e168.toml"), &[]).expect("reads").word_bits, 10);
    }

    #[test]
    fn nothing_outside_the_folder_is_inherited() {
        let folder = folder_with(&[("secret.toml", "inherits = \"e168\"\n")]);
        let inner = folder.path().join("inner");
        std::fs::create_dir(&inner).expect("a folder");
        for base in ["../secret".to_owned(), folder.path().join("secret").display().to_string()] {
            std::fs::write(inner.join("own.toml"), format!("inherits = \"{base}\"\n")).expect("written");
            let refused = load(&inner.join("own.toml"), &[]).expect_err("outside");
            assert!(refused.findings[0].message.contains("secret"), "{refused:?}");
        }
        std::os::unix::fs::symlink(folder.path().join("secret.toml"), inner.join("link.toml"))
            .expect("linked");
        std::fs::write(inner.join("own.toml"), "inherits = \"link\"\n").expect("written");
        assert!(load(&inner.join("own.toml"), &[]).is_err(), "a link leads outside");
    }

    #[test]
    fn two_files_that_inherit_from_each_other_are_refused_where_they_do() {
        let folder = folder_with(&[("a.toml", "\ninherits = \"b\"\n"), ("b.toml", "inherits = \"a\"\n")]);
        let refused = load(&folder.path().join("a.toml"), &[]).expect_err("a cycle");
        assert!(refused.findings[0].message.contains("leads back"), "{refused:?}");
        assert_eq!(refused.exit_code(), 2);
    }

    #[test]
    fn an_unknown_name_is_answered_with_the_nearest() {
        let refused = load(Path::new("w1042"), &[]).expect_err("unknown");
        assert!(refused.message.contains("`w1024`"), "{}", refused.message);
    }
}
