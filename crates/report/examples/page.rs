//! `cargo run -p nasc-report --example page -- manifest.json > report.html`: the page of a manifest.

use std::io::Write;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::args().nth(1).ok_or("the path of a manifest.json expected")?;
    let manifest = serde_json::from_str(&std::fs::read_to_string(path)?)?;
    std::io::stdout().write_all(nasc_report::page(&manifest).as_bytes())?;
    Ok(())
}
