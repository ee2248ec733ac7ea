//! The command under test, and what it left.

use std::path::{Path, PathBuf};
use std::time::Duration;

pub(crate) struct Ran {
    pub(crate) exit: process::Exit,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ran {
    /// What it printed, as JSON.
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.out).unwrap_or_else(|e| panic!("{e}: {}\n{}", self.out, self.err))
    }

    /// Asserts that the input was refused with all of these words on standard error.
    pub(crate) fn refused_with(&self, words: &[&str]) {
        assert_eq!(self.exit, process::Exit::Code(2), "{}\n{}", self.out, self.err);
        assert!(!self.err.contains("internal error"), "{}", self.err);
        for word in words {
            assert!(self.err.contains(word), "no `{word}` in: {}", self.err);
        }
    }
}

pub(crate) fn nasc_in(dir: &Path, args: &[&str]) -> Ran {
    let command = process::Command::new(env!("CARGO_BIN_EXE_nasc-under-test")).args(args).dir(dir);
    let output = command.time_out(Duration::from_secs(60)).run().expect("nasc starts and ends in time");
    Ran { exit: output.exit, out: output.stdout_text(), err: output.stderr_text() }
}

/// Runs where it does not matter.
pub(crate) fn nasc(args: &[&str]) -> Ran {
    nasc_in(Path::new(env!("CARGO_MANIFEST_DIR")), args)
}

/// A network of the tests.
pub(crate) fn model(name: &str) -> String {
    let path: PathBuf = [env!("CARGO_MANIFEST_DIR"), "models", name].iter().collect();
    path.to_string_lossy().into_owned()
}

/// A folder with these files.
pub(crate) fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder for a test");
    for (name, text) in files {
        std::fs::write(folder.path().join(name), text).expect("written");
    }
    folder
}

/// Three layers of ResNet-18, the last of a shape the first has too: He et al., CVPR 2016, table 1.
pub(crate) const LAYERS: &str = "net,layer,count,N,G,K,C,P,Q,R,S,stride,H_in,W_in
resnet18,l2_ds,1,1,1,128,64,28,28,1,1,2,56,56
resnet18,fc,2,1,1,1000,512,1,1,1,1,1,1,1
resnet18,again,3,1,1,128,64,28,28,1,1,2,56,56
";
