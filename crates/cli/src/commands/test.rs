//! `nasc test`: the snapshot file tests of a folder, run with this very program.

use crate::args::Test;
use crate::console::Console;
use crate::failure::Failure;
use serde_json::json;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use testkit::filetest::{Case, FileTestError, Mode, Outcome, Program, discover};

pub(super) fn run(args: &Test, console: &Console) -> Result<(), Failure> {
    let program =
        std::env::current_exe().map_err(|e| Failure::input(format!("the path of this program: {e}")))?;
    let mut cases = discover(&args.dir).map_err(|e| Failure::input(e.to_string()))?;
    if let Some(filter) = &args.filter {
        cases.retain(|case| case.name.contains(filter));
        if cases.is_empty() {
            return Err(Failure::input(format!(
                "no test whose name contains `{filter}`, at least one expected"
            )));
        }
    }
    let mode = if args.bless { Mode::Bless } else { Mode::Check };
    let results = run_all(&cases, &Program::new(program), mode, console);
    let count = |wanted: &str| results.iter().filter(|r| word(r) == wanted).count();
    let (passed, blessed, failed) = (count("passed"), count("blessed"), count("failed"));
    let tests = cases.iter().zip(&results).map(|(case, result)| {
        let message = result.as_ref().err().map(ToString::to_string);
        json!({ "name": case.name, "result": word(result), "message": message })
    });
    let value = json!({
        "passed": passed, "blessed": blessed, "failed": failed, "tests": tests.collect::<Vec<_>>(),
    });
    let summary = format!("{passed} passed, {blessed} blessed, {failed} failed");
    if failed == 0 {
        return console.result(&value, || console.line(&summary));
    }
    let messages: Vec<String> =
        results.iter().filter_map(|r| r.as_ref().err()).map(ToString::to_string).collect();
    let failure = Failure::no(format!("{summary}\n{}", messages.join("\n"))).with("tests", &value);
    Err(failure.help("where the new output is right, `nasc test --bless` makes it the expectation"))
}

fn word(result: &Result<Outcome, FileTestError>) -> &'static str {
    match result {
        Ok(Outcome::Passed) => "passed",
        Ok(Outcome::Blessed) => "blessed",
        Err(_) => "failed",
    }
}

/// Results in the order of the cases, whatever the number of threads.
fn run_all(
    cases: &[Case],
    program: &Program,
    mode: Mode,
    console: &Console,
) -> Vec<Result<Outcome, FileTestError>> {
    let progress = console.counter("file tests", cases.len());
    let next = AtomicUsize::new(0);
    let slots: Vec<Mutex<Option<_>>> = cases.iter().map(|_| Mutex::new(None)).collect();
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(cases.len());
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some(index) =
                    Some(next.fetch_add(1, Ordering::Relaxed)).filter(|i| *i < cases.len())
                {
                    let result = cases[index].run(program, mode);
                    *slots[index].lock().expect("no test panics while it holds its slot") = Some(result);
                    progress.step();
                }
            });
        }
    });
    let taken = |slot: Mutex<Option<_>>| slot.into_inner().expect("no test panics while it holds its slot");
    slots.into_iter().map(|slot| taken(slot).expect("every case was run")).collect()
}
