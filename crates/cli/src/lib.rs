//! The `nasc` command as a library: the arguments, one module per command, and how results and failures are shown.
//!
//! `args.rs` owns the command line; help, completions and `docs/reference.md` derive from it. Everything that prints or ends the
//! process is in this crate.

mod args;
mod arrays;
mod commands;
mod console;
mod exact;
mod failure;
mod hardware;
mod interrupt;
mod layers;
mod model;
mod panic;
mod pipeline;
mod reference;
mod staging;
mod verify;
mod workload;

use clap::{CommandFactory, Parser};
use console::Console;
use std::process::ExitCode;

/// Parses the process's arguments and does what they say. Exit codes: 0 done; 1 the answer is no; 2 the input is wrong; 101 a
/// bug of ours.
pub fn main() -> ExitCode {
    panic::install();
    let cli = args::Cli::parse();
    let console = Console::new(&cli.global);
    interrupt::install();
    let result =
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| commands::run(&cli.command, &console)));
    interrupt::clean_up();
    match result {
        Ok(Ok(())) => ExitCode::SUCCESS,
        Ok(Err(failure)) => console.fail(&failure),
        // The hook has said what is to be said.
        Err(_) => ExitCode::from(panic::EXIT_CODE),
    }
}

/// The declaration of the command line, for completions and the reference page.
pub(crate) fn declaration() -> clap::Command {
    args::Cli::command()
}

/// The reference page: every command, op, pass and target, as `docs/reference.md` holds it.
pub fn reference_page() -> String {
    reference::page()
}
