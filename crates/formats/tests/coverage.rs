//! The page that lists every foreign operator is what the importers' tables say.

use std::fmt::Write;

use nasc_formats::coverage;

fn page() -> String {
    let mut out = String::from(
        "# Operators of other formats\n\nMade from the importers' tables by `tests/coverage.rs` (`NASC_BLESS=1 cargo nextest run -p nasc-formats \
         coverage` writes it anew).\n",
    );
    for format in ["tflite", "onnx"] {
        let rows: Vec<_> = coverage().into_iter().filter(|row| row.format == format).collect();
        let supported = rows.iter().filter(|row| row.supported).count();
        let _ = write!(
            out,
            "\n## {format}: {supported} of {} operators\n\n| operator | becomes | with |\n| --- | --- | --- |\n",
            rows.len()
        );
        for row in rows.iter().filter(|row| row.supported) {
            let to: Vec<String> = row.to.iter().map(|op| format!("`{op}`")).collect();
            let to = if to.is_empty() { "folded away".to_owned() } else { to.join(", ") };
            let _ = writeln!(out, "| {} | {to} | {} |", row.op, row.note);
        }
        let _ = write!(out, "\n| not imported | nearest |\n| --- | --- |\n");
        for row in rows.iter().filter(|row| !row.supported) {
            let _ = writeln!(out, "| {} | {} |", row.op, row.note);
        }
    }
    out
}

#[test]
fn the_coverage_page_is_what_the_tables_say() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/COVERAGE.md");
    if std::env::var_os("NASC_BLESS").is_some() {
        std::fs::write(path, page()).expect("written");
    }
    let found = std::fs::read_to_string(path).unwrap_or_default();
    assert!(found == page(), "{path} is out of date; NASC_BLESS=1 writes it anew");
}
