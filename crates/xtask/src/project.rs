//! Where things are, and how the project's own programs are started.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use process::Command;

/// Building everything on a slow machine takes minutes, running every test too.
const HOURS: Duration = Duration::from_secs(4 * 3600);

/// The root of the workspace.
pub(crate) fn root() -> PathBuf {
    // crates/xtask lies two levels below it. At run time cargo says where the checkout is now.
    let here = std::env::var_os("CARGO_MANIFEST_DIR")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
    here.ancestors().nth(2).expect("crates/xtask lies inside the workspace").to_path_buf()
}

/// Where cargo builds.
pub(crate) fn target_dir() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), |dir| root().join(dir))
}

/// Where tasks keep notes between runs.
pub(crate) fn notes_dir() -> Result<PathBuf> {
    let dir = target_dir().join("xtask");
    std::fs::create_dir_all(&dir).with_context(|| format!("cannot create {}", dir.display()))?;
    Ok(dir)
}

/// `cargo ARGS` in the root, with hours to finish.
pub(crate) fn cargo<S: AsRef<std::ffi::OsStr>>(args: impl IntoIterator<Item = S>) -> Command {
    let program = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    Command::new(program).args(args).dir(root()).time_out(HOURS)
}

/// Builds the command line in release and returns its path.
pub(crate) fn build_cli() -> Result<PathBuf> {
    cargo(["build", "--release", "--package", "nasc-cli"]).foreground().run_ok()?;
    Ok(target_dir().join("release/nasc"))
}

/// The files tests and tasks compile.
pub(crate) fn models() -> PathBuf {
    root().join("tests/models")
}

/// Material that is not part of the project: peers, large data. `NASC_SHARED`, else `../shared`; `None` when there is none.
pub(crate) fn shared() -> Option<PathBuf> {
    let dir = std::env::var_os("NASC_SHARED").map_or_else(|| root().join("../shared"), PathBuf::from);
    dir.is_dir().then_some(dir)
}

/// A path as a reader of the output wants it: relative to the root where it lies inside.
pub(crate) fn shown(path: &Path) -> String {
    path.strip_prefix(root()).unwrap_or(path).display().to_string()
}
