//! Every file below `filetests/` is one trial.

use libtest_mimic::{Arguments, Failed, Trial};
use std::path::Path;
use std::process::ExitCode;
use testkit::filetest::{Mode, Program, discover};

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("filetests");
    let cases = match discover(&root) {
        Ok(cases) => cases,
        // A broken test is one that fails, whatever filter is given.
        Err(error) => {
            let message = error.to_string();
            let trial = Trial::test("discovery", move || Err(Failed::from(message)));
            return libtest_mimic::run(&arguments, vec![trial]).exit_code();
        }
    };
    let program = Program::new(env!("CARGO_BIN_EXE_nasc-under-test"));
    let trials = cases.into_iter().map(|case| {
        let program = program.clone();
        Trial::test(case.name.clone(), move || {
            case.run(&program, Mode::Check).map(drop).map_err(|e| Failed::from(e.to_string()))
        })
    });
    libtest_mimic::run(&arguments, trials.collect()).exit_code()
}
