//! The `nasc` command.

use std::process::ExitCode;

fn main() -> ExitCode {
    nasc_cli::main()
}
