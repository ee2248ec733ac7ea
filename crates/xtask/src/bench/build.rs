//! A clean release build of the workspace.

use std::time::Instant;

use anyhow::{Context, Result};

use super::Bench;
use crate::project::{cargo, target_dir};

pub(super) fn section(_bench: &Bench) -> Result<String> {
    let dir = target_dir().join("clean-build");
    if dir.exists() {
        std::fs::remove_dir_all(&dir).with_context(|| format!("cannot remove {}", dir.display()))?;
    }
    cargo(["fetch", "--locked"]).run_ok()?;
    let start = Instant::now();
    cargo(["build", "--release", "--workspace", "--locked"])
        .env("CARGO_TARGET_DIR", &dir)
        .foreground()
        .run_ok()?;
    let minutes = start.elapsed().as_secs_f64() / 60.0;
    let cores = std::thread::available_parallelism().map_or(1, |n| n.get());
    std::fs::remove_dir_all(&dir).with_context(|| format!("cannot remove {}", dir.display()))?;
    Ok(format!(
        "## Build time\n\nClean release build of the workspace: {minutes:.1} min on {cores} cores. Required: under 6 on 2; aim: 4.\n"
    ))
}
