//! The page for authors of passes lists what rules may call, as the library declares it.

use nasc_passes::Library;

const PAGE: &str = include_str!("../../docs/write-a-pass.md");

/// Lines of the two lists, as they stand on the page.
fn lists() -> (String, String) {
    let library = Library::default();
    let line = |(_, summary): (&str, &'static str)| {
        let (call, meaning) = summary.split_once(": ").unwrap_or((summary, ""));
        format!("- `{call}`: {meaning}\n")
    };
    (library.conditions().map(line).collect(), library.functions().map(line).collect())
}

#[test]
fn the_page_lists_every_condition_and_function() {
    let (conditions, functions) = lists();
    assert!(PAGE.contains(&conditions), "the page should hold:\n{conditions}");
    assert!(PAGE.contains(&functions), "the page should hold:\n{functions}");
}

#[test]
fn every_summary_starts_with_how_the_thing_is_called() {
    let library = Library::default();
    for (name, summary) in library.conditions().chain(library.functions()) {
        let call = summary.trim_start_matches('(');
        assert!(call.starts_with(name) && summary.contains(": "), "{name}: {summary}");
    }
}
