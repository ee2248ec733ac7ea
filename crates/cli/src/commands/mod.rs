//! One module per command.

pub(crate) mod calibrate;
mod calibrate_measure;
mod compile;
mod cost;
mod cost_hardware;
mod export;
mod hardware;
mod import;
mod map;
mod measure;
pub(crate) mod ops;
mod opt;
pub(crate) mod passes;
mod run;
pub(crate) mod targets;
mod test;

use crate::args::Command;
use crate::console::Console;
use crate::failure::Failure;

/// Does what the command line says.
pub(crate) fn run(command: &Command, console: &Console) -> Result<(), Failure> {
    match command {
        Command::Compile(args) => compile::run(args, console),
        Command::Measure(args) => measure::run(args, console),
        Command::Run(args) => run::run(args, console),
        Command::Cost(args) => cost::run(args, console),
        Command::Map(args) => map::run(args, console),
        Command::Hardware(args) => hardware::run(args, console),
        Command::Calibrate(args) => calibrate::run(args, console),
        Command::Opt(args) => opt::run(args, console),
        Command::Import(args) => import::run(args, console),
        Command::Export(args) => export::run(args, console),
        Command::Targets(args) => targets::run(args, console),
        Command::Passes => passes::run(console),
        Command::Ops(args) => ops::run(args, console),
        Command::Test(args) => test::run(args, console),
        Command::Completions(args) => completions(args.shell, console),
        Command::Reference => console.text(&crate::reference::page()),
    }
}

fn completions(shell: clap_complete::Shell, console: &Console) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut crate::declaration(), "nasc", &mut script);
    console.text(&String::from_utf8_lossy(&script))
}
