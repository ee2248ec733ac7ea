//! Targets and pass pipelines by name, and what is said where there is none.

use crate::failure::{Failure, Finding};
use passes::{PassError, Pipeline, Registry};
use targets::Target;

/// The target of this name.
pub(crate) fn target(name: &str) -> Result<&'static dyn Target, Failure> {
    targets::named(name).ok_or_else(|| {
        let names: Vec<&str> = targets::all().iter().map(|t| t.name()).collect();
        let message = format!("there is no target `{name}`, one of {} expected", names.join(", "));
        Failure::input(message).help("`nasc targets` says what each of them is")
    })
}

/// The pipeline a text asks for.
pub(crate) fn parse(text: &str) -> Result<Pipeline, Failure> {
    Registry::standard().pipeline(text).map_err(|faults| {
        let mut failure = Failure::input(format!("--passes \"{text}\" is not well-formed"));
        failure.findings = faults.into_iter().map(|f| Finding::new("--passes", f)).collect();
        failure.help("`nasc passes` lists passes and their options")
    })
}

/// Why a pipeline did not come to its end: a graph that cannot be rewritten is an answer, an unsound result our bug.
///
/// # Panics
/// Where a pass left an unsound graph.
pub(crate) fn failed(error: &PassError) -> Failure {
    match error {
        PassError::Failed { .. } => Failure::no(error.to_string()),
        PassError::Unsound { .. } | PassError::Interface { .. } => {
            panic!("a pass keeps the graph sound, but {error}")
        }
    }
}
