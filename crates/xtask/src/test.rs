//! `cargo xtask test`: set up, then all tests. Doctests go first, so that the last lines are nextest's.

use anyhow::{Result, bail};

use crate::project::{cargo, target_dir};
use crate::say::{note, step};
use crate::setup::{Part, setup};

/// Runs everything; `args` go to `cargo nextest run`.
pub(crate) fn test(args: &[String]) -> Result<()> {
    setup(&[Part::Tools, Part::Python, Part::Nextest])?;
    let documented = step("examples in the documentation", || {
        Ok(cargo(["test", "--doc", "--workspace", "--quiet"]).foreground().run_ok()?)
    });
    let profile = if std::env::var_os("CI").is_some() { "ci" } else { "default" };
    let run = cargo(["nextest", "run", "--workspace", "--profile", profile]).args(args);
    let tested = step("tests", || Ok(run.foreground().run_ok()?));
    match (documented, tested) {
        (Ok(_), Ok(_)) => Ok(()),
        (Err(error), Ok(_)) => {
            note("the examples in the documentation failed, see above");
            Err(error)
        }
        (Ok(_), Err(error)) => Err(error),
        (Err(_), Err(_)) => {
            bail!("tests failed, and examples in the documentation too (built in {})", target_dir().display())
        }
    }
}
