//! Lines a person can follow.

use std::time::Instant;

/// Announces a step, does it, and says how long it took.
pub(crate) fn step<T>(what: &str, work: impl FnOnce() -> anyhow::Result<T>) -> anyhow::Result<T> {
    eprintln!("==> {what}");
    let start = Instant::now();
    let result = work();
    let seconds = start.elapsed().as_secs_f64();
    match &result {
        Ok(_) if seconds >= 1.0 => eprintln!("    done in {seconds:.1} s"),
        Ok(_) => {}
        Err(_) => eprintln!("    failed after {seconds:.1} s"),
    }
    result
}

/// A remark that belongs to the step before.
pub(crate) fn note(what: &str) {
    eprintln!("    {what}");
}
