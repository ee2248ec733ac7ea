//! The `nasc` command, built for the tests of this package.

use std::process::ExitCode;

fn main() -> ExitCode {
    nasc_cli::main()
}
