//! `cargo xtask setup`: install what is missing, and nothing else.
//!
//! Each part leaves a stamp, the hash of what it asks for. While the stamp fits and the programs are where they were,
//! set-up is over in milliseconds.

use std::fs::{self, File};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use process::{Command, find};

use crate::apt::{self, PACKAGES};
use crate::project::{cargo, notes_dir, root, shown};
use crate::say::{note, step};

/// Something to set up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// Cross compilers and emulators.
    Tools,
    /// A virtual environment with what the tests compare with.
    Python,
    /// The test runner.
    Nextest,
    /// The licence checker.
    Deny,
}

const REQUIREMENTS: &str = include_str!("../requirements.txt");
const NEXTEST: (&str, &str) = ("cargo-nextest", "0.9.143");
const DENY: (&str, &str) = ("cargo-deny", "0.20.2");

impl Part {
    pub(crate) const ALL: &'static [Self] = &[Self::Tools, Self::Python, Self::Nextest, Self::Deny];

    fn name(self) -> &'static str {
        match self {
            Self::Tools => "tools",
            Self::Python => "python",
            Self::Nextest => "nextest",
            Self::Deny => "deny",
        }
    }

    /// What the part asks for; its stamp is the hash of this.
    fn wanted(self) -> String {
        match self {
            Self::Tools => PACKAGES.iter().map(|package| package.name).collect::<Vec<_>>().join(" "),
            Self::Python => format!("{REQUIREMENTS}\n{}", venv().display()),
            Self::Nextest => NEXTEST.0.to_owned(),
            Self::Deny => DENY.0.to_owned(),
        }
    }

    /// A quick look whether what was installed is still there.
    fn is_there(self) -> bool {
        match self {
            Self::Tools => {
                PACKAGES.iter().all(|package| package.program.is_none_or(|program| find(program).is_some()))
            }
            Self::Python => python().is_file(),
            Self::Nextest => find(NEXTEST.0).is_some(),
            Self::Deny => find(DENY.0).is_some(),
        }
    }

    fn install(self) -> Result<()> {
        match self {
            Self::Tools => apt::install_missing(),
            Self::Python => install_python(),
            Self::Nextest => install_cargo_tool(NEXTEST),
            Self::Deny => install_cargo_tool(DENY),
        }
    }
}

/// The Python of the virtual environment.
pub(crate) fn python() -> PathBuf {
    venv().join("bin/python")
}

fn venv() -> PathBuf {
    root().join(".venv")
}

/// Sets up `parts`, in order.
pub(crate) fn setup(parts: &[Part]) -> Result<()> {
    let dir = notes_dir()?;
    let lock = dir.join("setup.lock");
    // Two tasks started at once must not install the same things.
    let lock_file = File::create(&lock).with_context(|| format!("cannot create {}", shown(&lock)))?;
    lock_file.lock().with_context(|| format!("cannot lock {}", shown(&lock)))?;
    for &part in parts {
        let stamp = dir.join(format!("{}.stamp", part.name()));
        let wanted = format!("{:016x}\n", fnv1a(part.wanted().as_bytes()));
        if fs::read_to_string(&stamp).is_ok_and(|found| found == wanted) && part.is_there() {
            continue;
        }
        step(&format!("set up: {}", part.name()), || part.install())?;
        if !part.is_there() {
            bail!("set-up of {} ended without error, but it is not there", part.name());
        }
        fs::write(&stamp, wanted).with_context(|| format!("cannot write {}", shown(&stamp)))?;
    }
    Ok(())
}

fn install_python() -> Result<()> {
    if !python().is_file() {
        note("creating .venv");
        Command::new("python3")
            .args(["-m", "venv", ".venv"])
            .dir(root())
            .time_out(Duration::from_secs(300))
            .run_ok()
            .context("the virtual environment needs the Debian package python3-venv")?;
    }
    let list = notes_dir()?.join("requirements.txt");
    fs::write(&list, REQUIREMENTS)?;
    note("installing numpy, onnx, onnxruntime, ai-edge-litert");
    Command::new(python())
        .args(["-m", "pip", "install", "--disable-pip-version-check", "--quiet", "--requirement"])
        .arg(&list)
        .dir(root())
        .time_out(Duration::from_secs(3600))
        .foreground()
        .run_ok()
        .context("pip could not install the packages of crates/xtask/requirements.txt")?;
    Ok(())
}

fn install_cargo_tool((name, version): (&str, &str)) -> Result<()> {
    if find(name).is_some() {
        return Ok(());
    }
    note(&format!("cargo install --locked {name}@{version} (minutes, once)"));
    // A build folder that stays: what was interrupted goes on.
    let build = notes_dir()?.join("tools");
    cargo(["install", "--locked", "--version", version, name])
        .env("CARGO_TARGET_DIR", build)
        .foreground()
        .run_ok()
        .with_context(|| format!("cannot install {name}"))?;
    if find(name).is_none() {
        bail!("{name} was installed into cargo's bin folder, which is not on PATH");
    }
    Ok(())
}

/// Fowler, Noll and Vo's hash, 64 bits: stable over versions and machines, unlike the standard library's.
pub(crate) fn fnv1a(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_requirement_is_pinned_to_one_version() {
        for line in REQUIREMENTS.lines().filter(|line| !line.starts_with('#')) {
            assert!(line.contains("=="), "`{line}` is not pinned");
        }
    }

    #[test]
    fn the_hash_is_the_published_one() {
        // From the authors' test vectors.
        assert_eq!(fnv1a(b""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(fnv1a(b"a"), 0xaf63_dc4c_8601_ec8c);
    }
}
