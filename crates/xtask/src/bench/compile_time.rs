//! How long `nasc compile` takes, warm, without the C compiler.

use std::time::{Duration, Instant};

use anyhow::Result;
use process::Command;

use super::Bench;
use super::table::Table;
use crate::project::{models, root};

const MODELS: &[&str] =
    &["ic_resnet8_int8.tflite", "kws_dscnn_int8.tflite", "vww_mobilenetv1_025_int8.tflite"];
const TARGETS: &[&str] = &["cortex-m4", "rv32imac", "host-c"];
const REPEATS: usize = 5;

pub(super) fn section(bench: &Bench) -> Result<String> {
    let mut table = Table::new(["model", "target", "median s", "slowest s"]);
    for model in MODELS {
        for target in TARGETS {
            let mut times = Vec::new();
            // The first brings the files into the page cache and is not counted.
            for repeat in 0..=REPEATS {
                let start = Instant::now();
                Command::new(&bench.nasc)
                    .arg("compile")
                    .arg(models().join(model))
                    .args(["--target", target, "--no-verify", "--quiet", "-o"])
                    .arg(bench.out.join("timed"))
                    .dir(root())
                    .time_out(Duration::from_secs(600))
                    .run_ok()?;
                if repeat > 0 {
                    times.push(start.elapsed().as_secs_f64());
                }
            }
            times.sort_by(f64::total_cmp);
            let (median, slowest) = (times[REPEATS / 2], times[REPEATS - 1]);
            table.row([
                (*model).to_owned(),
                (*target).to_owned(),
                format!("{median:.2}"),
                format!("{slowest:.2}"),
            ]);
        }
    }
    Ok(format!(
        "## Compile time\n\n`nasc compile --no-verify`, from start to the files on disk, warm, {REPEATS} times. \
         Required: under 1 s; aim: 0.2 s.\n\n{}",
        table.markdown()
    ))
}
