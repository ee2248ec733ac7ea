//! `cargo xtask check`: everything about the sources that a machine can judge. All checks run; all failures are told.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use process::Command;

use crate::project::{cargo, notes_dir, root, shown};
use crate::say::{note, step};
use crate::setup::{Part, setup};

type Check = (&'static str, fn() -> Result<()>);

const CHECKS: &[Check] = &[
    ("machine paths", machine_paths),
    ("formatting", || run(&["fmt", "--all", "--check"])),
    ("lock file", || run(&["metadata", "--locked", "--format-version", "1", "--no-deps"])),
    ("lints", || run(&["clippy", "--workspace", "--all-targets", "--quiet", "--", "-D", "warnings"])),
    ("documentation", documentation),
    ("list of tests", list_of_tests),
    ("licences and dependencies", dependencies),
    ("unreferenced snapshots", snapshots),
];

/// Runs every check.
pub(crate) fn check() -> Result<()> {
    setup(Part::ALL)?;
    let mut failed = Vec::new();
    for (name, check) in CHECKS {
        if let Err(error) = step(name, check) {
            eprintln!("{error:#}");
            failed.push(*name);
        }
    }
    if failed.is_empty() {
        eprintln!("all {} checks passed", CHECKS.len());
        Ok(())
    } else {
        bail!("{} of {} checks failed: {}", failed.len(), CHECKS.len(), failed.join(", "))
    }
}

fn run(args: &[&str]) -> Result<()> {
    cargo(args).run_ok()?;
    Ok(())
}

fn documentation() -> Result<()> {
    let args = ["doc", "--workspace", "--no-deps", "--quiet", "--document-private-items"];
    cargo(args).env("RUSTDOCFLAGS", "-D warnings").run_ok()?;
    Ok(())
}

/// Builds all tests and looks that none is ignored.
fn list_of_tests() -> Result<()> {
    let args = ["nextest", "list", "--workspace", "--message-format", "json", "--run-ignored", "all"];
    let listed = cargo(args).run_ok()?.stdout_text();
    let listed: serde_json::Value = serde_json::from_str(&listed).context("cannot read the list of tests")?;
    let mut count = 0;
    let mut ignored = Vec::new();
    for suite in listed["rust-suites"].as_object().into_iter().flatten().map(|(_, suite)| suite) {
        for (name, case) in suite["testcases"].as_object().into_iter().flatten() {
            count += 1;
            if case["ignored"] == true {
                ignored.push(name.clone());
            }
        }
    }
    note(&format!("{count} tests"));
    if count == 0 {
        bail!("there are no tests");
    }
    if !ignored.is_empty() {
        bail!("ignored tests: {}", ignored.join(", "));
    }
    Ok(())
}

/// Licences, bans and sources; advisories where their database can be reached.
fn dependencies() -> Result<()> {
    cargo(["deny", "--log-level", "error", "check", "bans", "licenses", "sources"]).run_ok()?;
    let advisories = cargo(["deny", "--log-level", "error", "check", "advisories"]).run()?;
    if advisories.exit.success() {
        return Ok(());
    }
    let said = advisories.stderr_text();
    // cargo-deny's words when it cannot clone or update the database, against those of a finding.
    if [
        "failed to fetch advisory database",
        "failed to load advisory database",
        "unable to find advisory database",
    ]
    .iter()
    .any(|words| said.contains(words))
    {
        note("advisories NOT checked: their database cannot be reached from here");
        return Ok(());
    }
    bail!("{}", advisories.tail())
}

/// Absolute paths of somebody's machine in tracked text.
fn machine_paths() -> Result<()> {
    // In pieces, so that this file does not find itself.
    let patterns: Vec<String> =
        [["/wo", "rk/"], ["/ho", "me/"], ["/ro", "ot/"], ["/Use", "rs/"], ["C:", "\\\\"]]
            .iter()
            .map(|p| p.concat())
            .collect();
    let mut found = Vec::new();
    for path in tracked_files()? {
        let Ok(text) = fs::read_to_string(root().join(&path)) else { continue };
        for (number, line) in text.lines().enumerate() {
            if patterns.iter().any(|pattern| line.contains(pattern.as_str())) {
                found.push(format!("{}:{}: {}", path.display(), number + 1, line.trim()));
            }
        }
    }
    if found.is_empty() { Ok(()) } else { bail!("paths of one machine:\n{}", found.join("\n")) }
}

fn tracked_files() -> Result<Vec<PathBuf>> {
    let listed = Command::new("git").args(["ls-files", "-z"]).dir(root()).run_ok()?.stdout_text();
    Ok(listed.split('\0').filter(|name| !name.is_empty()).map(PathBuf::from).collect())
}

/// Snapshots that no test refers to. The packages that have some are tested once more with insta noting its files.
fn snapshots() -> Result<()> {
    let files: BTreeSet<PathBuf> =
        tracked_files()?.into_iter().filter(|path| path.extension().is_some_and(|e| e == "snap")).collect();
    if files.is_empty() {
        note("there are no snapshot files");
        return Ok(());
    }
    let referred = notes_dir()?.join("snapshots.txt");
    let _ = fs::remove_file(&referred);
    let mut packages: BTreeSet<String> = BTreeSet::new();
    for file in &files {
        packages.insert(package_of(file)?);
    }
    let filter = packages.iter().map(|name| format!("package({name})")).collect::<Vec<_>>().join(" + ");
    cargo(["nextest", "run", "--workspace", "--filterset", &filter])
        .env("INSTA_SNAPSHOT_REFERENCES_FILE", &referred)
        .run_ok()?;
    let referred = fs::read_to_string(&referred).unwrap_or_default();
    let referred: BTreeSet<PathBuf> =
        referred.lines().filter_map(|line| Path::new(line.trim()).canonicalize().ok()).collect();
    let stray: Vec<String> = files
        .iter()
        .filter(|file| !root().join(file).canonicalize().is_ok_and(|path| referred.contains(&path)))
        .map(|file| shown(file))
        .collect();
    if stray.is_empty() { Ok(()) } else { bail!("no test refers to:\n{}", stray.join("\n")) }
}

/// The name of the package a file belongs to.
fn package_of(file: &Path) -> Result<String> {
    for dir in file.ancestors().skip(1) {
        let Ok(manifest) = fs::read_to_string(root().join(dir).join("Cargo.toml")) else { continue };
        let name = manifest.lines().find_map(|line| line.strip_prefix("name = "));
        if let Some(name) = name {
            return Ok(name.trim_matches('"').to_owned());
        }
    }
    bail!("{} belongs to no package", file.display())
}
