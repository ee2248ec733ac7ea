//! `cargo xtask demo`: a trained network in, verified C out, on a machine that had nothing.

use anyhow::Result;
use process::Command;

use crate::project::{build_cli, models, root, shown};
use crate::say::step;
use crate::setup::{Part, setup};

/// Compiles the keyword-spotting network for a Cortex-M4, runs it bare-metal in an emulator on the golden inputs and
/// compares every output.
pub(crate) fn demo() -> Result<()> {
    setup(&[Part::Tools])?;
    let nasc = step("build nasc", build_cli)?;
    let model = models().join("kws_dscnn_int8.tflite");
    let golden = models().join("golden_kws_dscnn_int8.npz");
    let out = root().join("out/demo");

    step("compile the keyword-spotting DS-CNN (int8) for a Cortex-M4", || {
        let compile =
            Command::new(&nasc).arg("compile").arg(&model).args(["--target", "cortex-m4", "-o"]).arg(&out);
        Ok(compile.dir(root()).foreground().time_out(MINUTES).run_ok()?)
    })?;
    step("run it under QEMU and compare every output with LiteRT's", || {
        let measure = Command::new(&nasc).arg("measure").arg(&out).arg("--golden").arg(&golden);
        Ok(measure.dir(root()).foreground().time_out(MINUTES).run_ok()?)
    })?;
    eprintln!();
    eprintln!("C sources    {}", shown(&out));
    eprintln!("report       {}", shown(&out.join("report.html")));
    Ok(())
}

const MINUTES: std::time::Duration = std::time::Duration::from_secs(600);
