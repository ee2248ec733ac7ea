//! Every code block of the documentation is run, by its language:
//!
//! - `console`: lines behind `$` are `nasc` commands; each must end with exit status 0.
//! - `sh`: tasks of the project; each must be one `cargo xtask` has.
//! - `nasc`, `toml`: must parse.
//! - `c`: must be accepted by the host's compiler, with the standard integer types declared.
//! - `rust`: is run as a doctest; some crate must include the page.
//! - `text`: a picture in words; may hold no command.
//!
//! Any other language is an error: a block nobody runs.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

struct Block {
    page: PathBuf,
    line: usize,
    language: String,
    text: String,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the package lies in the project").to_owned()
}

fn pages() -> Vec<PathBuf> {
    let listed = |folder: PathBuf| fs::read_dir(folder).expect("a folder of the project");
    let files =
        listed(root()).chain(listed(root().join("docs"))).map(|entry| entry.expect("an entry").path());
    let mut pages: Vec<_> = files.filter(|path| path.extension().is_some_and(|e| e == "md")).collect();
    pages.sort();
    pages
}

fn blocks(page: &Path) -> Vec<Block> {
    let text = fs::read_to_string(page).expect("a page");
    let mut blocks: Vec<Block> = Vec::new();
    let mut open = false;
    for (number, line) in text.lines().enumerate() {
        match (line.trim_start().strip_prefix("```"), open) {
            (Some(language), false) => {
                let language = language.split([',', ' ']).next().unwrap_or_default().to_owned();
                blocks.push(Block { page: page.to_owned(), line: number + 1, language, text: String::new() });
                open = true;
            }
            (Some(_), true) => open = false,
            (None, true) => {
                let block = blocks.last_mut().expect("a block is open");
                block.text.push_str(line);
                block.text.push('\n');
            }
            (None, false) => {}
        }
    }
    assert!(!open, "{}: a code block does not end", page.display());
    blocks
}

fn of(language: &str) -> Vec<Block> {
    pages().iter().flat_map(|page| blocks(page)).filter(|block| block.language == language).collect()
}

impl Block {
    fn at(&self) -> String {
        format!("{}:{}", self.page.strip_prefix(root()).unwrap_or(&self.page).display(), self.line)
    }
}

/// A folder with the project's networks where the pages say they are, so that commands leave nothing behind.
fn workplace() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder for the commands");
    let models = folder.path().join("tests/models");
    fs::create_dir_all(&models).expect("a folder for the models");
    fs::create_dir(folder.path().join("out")).expect("a folder for results");
    for entry in fs::read_dir(root().join("tests/models")).expect("the models") {
        let path = entry.expect("an entry").path();
        if path.is_file() {
            fs::copy(&path, models.join(path.file_name().expect("a name"))).expect("a copy");
        }
    }
    folder
}

#[test]
fn every_block_has_a_language_that_is_run() {
    const RUN: [&str; 7] = ["console", "sh", "nasc", "toml", "c", "rust", "text"];
    for block in pages().iter().flat_map(|page| blocks(page)) {
        assert!(RUN.contains(&block.language.as_str()), "{}: language `{}`", block.at(), block.language);
    }
}

#[test]
fn commands_in_the_pages_work() {
    let folder = workplace();
    for block in of("console") {
        for line in block.text.lines().filter_map(|line| line.strip_prefix("$ ")) {
            let mut words = line.split_whitespace();
            assert_eq!(words.next(), Some("nasc"), "{}: {line}", block.at());
            let command = process::Command::new(env!("CARGO_BIN_EXE_nasc-under-test")).args(words);
            let ran =
                command.dir(folder.path()).time_out(Duration::from_secs(60)).run().expect("nasc starts");
            assert!(ran.exit.success(), "{}: {line}\n{}", block.at(), ran.stderr_text());
        }
    }
}

#[test]
fn tasks_in_the_pages_exist() {
    let tasks = fs::read_to_string(root().join("crates/xtask/src/main.rs")).expect("the tasks");
    for block in of("sh") {
        for line in block.text.lines().filter(|line| !line.trim().is_empty()) {
            let words: Vec<_> = line.split_whitespace().collect();
            assert_eq!(words[..2], ["cargo", "xtask"], "{}: {line}", block.at());
            assert!(tasks.contains(&format!("(\"{}\", ", words[2])), "{}: {line}", block.at());
        }
    }
}

#[test]
fn graphs_and_tables_in_the_pages_are_well_formed() {
    for block in of("nasc") {
        let parsed = ir::parse(&block.text, &ir::NoWeights);
        assert!(parsed.is_ok(), "{}: {:?}", block.at(), parsed.err());
    }
    for block in of("toml") {
        let parsed = block.text.parse::<toml::Table>();
        assert!(parsed.is_ok(), "{}: {:?}", block.at(), parsed.err());
    }
}

#[test]
fn c_in_the_pages_compiles() {
    let folder = tempfile::tempdir().expect("a folder for the sources");
    for block in of("c") {
        let file = folder.path().join("block.c");
        fs::write(&file, format!("#include <stdint.h>\n{}", block.text)).expect("a source file");
        let command =
            process::Command::new("cc").args(["-std=c11", "-Wall", "-Werror", "-fsyntax-only"]).arg(&file);
        let ran = command.time_out(Duration::from_secs(60)).run().expect("the host has a C compiler");
        assert!(ran.exit.success(), "{}:\n{}", block.at(), ran.stderr_text());
    }
}

#[test]
fn pages_with_rust_are_doctests_of_a_crate() {
    let mut texts = Vec::new();
    for folder in ["crates", "ir", "passes", "targets"] {
        sources(&root().join(folder), &mut texts);
    }
    for block in of("rust") {
        let name = block.page.file_name().expect("a page has a name").to_string_lossy().into_owned();
        let included = texts.iter().any(|text| text.contains("include_str!") && text.contains(&name));
        assert!(included, "{}: no crate includes the page as a doctest", block.at());
    }
}

fn sources(folder: &Path, texts: &mut Vec<String>) {
    for entry in fs::read_dir(folder).expect("a folder of the project") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            sources(&path, texts);
        } else if path.extension().is_some_and(|e| e == "rs") {
            texts.extend(fs::read_to_string(&path));
        }
    }
}

#[test]
fn text_blocks_hold_no_commands() {
    for block in of("text") {
        assert!(!block.text.lines().any(|line| line.starts_with("$ ")), "{}", block.at());
    }
}
