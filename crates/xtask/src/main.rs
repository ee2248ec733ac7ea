//! Project tasks: `cargo xtask setup | demo | check | test | bench`.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program for people, with few dependencies so that it builds first"
)]

mod apt;
mod bench;
mod check;
mod demo;
mod project;
mod say;
mod setup;
mod test;

use std::process::ExitCode;

use anyhow::{Result, bail};

const USAGE: &str = "\
usage: cargo xtask TASK

  setup           install what is missing: cross compilers, emulators, Python packages, cargo tools
  demo            compile a keyword-spotting network for a Cortex-M4, run it, compare, report
  test [ARGS]     set up and run all tests; ARGS go to `cargo nextest run`
  check           formatting, lints, documentation, licences, snapshots, machine paths
  bench [ARGS]    print BENCHMARKS.md; --only mcu,mapping,minimalloc,compile  --clean-build  --write
";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match task(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn task(args: &[String]) -> Result<()> {
    let Some((task, rest)) = args.split_first() else { bail!("no task given\n{USAGE}") };
    match (task.as_str(), rest) {
        ("setup", []) => setup::setup(setup::Part::ALL),
        ("demo", []) => demo::demo(),
        ("check", []) => check::check(),
        ("test", args) => test::test(args),
        ("bench", args) => bench::bench(args),
        ("help" | "--help" | "-h", _) => {
            println!("{USAGE}");
            Ok(())
        }
        ("setup" | "demo" | "check", [extra, ..]) => bail!("`{task}` takes no argument, found `{extra}`"),
        _ => bail!("no task `{task}`\n{USAGE}"),
    }
}
