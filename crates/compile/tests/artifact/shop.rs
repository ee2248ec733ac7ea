//! A folder in which C is compiled and run.

use ir::Graph;
use nasc_compile::{Compiled, Options};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Warnings that an artifact must not give.
pub(crate) const WARNINGS: &str = "-Wall -Wextra -Wconversion -Werror";

/// A folder that goes when it is dropped.
pub(crate) struct Shop(tempfile::TempDir);

impl Shop {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder"))
    }

    pub(crate) fn dir(&self) -> &Path {
        self.0.path()
    }

    /// Puts an artifact's files here.
    pub(crate) fn put(&self, compiled: &Compiled) {
        for file in &compiled.files {
            self.write(&file.name, &file.text);
        }
    }

    pub(crate) fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        std::fs::write(self.dir().join(name), text).expect("a file");
    }

    /// Runs a command here; panics with its messages where it fails.
    pub(crate) fn run(&self, line: &str) -> String {
        let mut words = line.split_whitespace();
        let program = words.next().expect("a program");
        let output = Command::new(program).args(words).current_dir(self.dir()).output().expect("it starts");
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{line}: {}\n{errors}", output.status);
        String::from_utf8_lossy(&output.stdout).into_owned()
    }
}

pub(crate) fn parse(text: &str) -> Graph {
    ir::parse(text, &ir::NoWeights).unwrap_or_else(|errors| panic!("{errors:?}\n{text}"))
}

pub(crate) fn options(prefix: &str) -> Options {
    Options { prefix: prefix.to_owned(), ..Options::default() }
}

pub(crate) fn compile(graph: &Graph, target: &str, prefix: &str) -> Compiled {
    let target = targets::named(target).expect("a target");
    nasc_compile::compile(graph, target, &options(prefix)).unwrap_or_else(|error| panic!("{error}"))
}

/// A network carried with the project.
pub(crate) fn model(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/models").join(name)
}

pub(crate) fn import(name: &str) -> Graph {
    let imported = formats::import(model(name), &formats::ImportOptions::default());
    imported.unwrap_or_else(|error| panic!("{name}: {error}")).graph
}
