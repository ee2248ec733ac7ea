//! MiniMalloc's eleven problems, solved by the memory planner.

use anyhow::Result;

use super::Bench;
use crate::project::cargo;

pub(super) fn section(bench: &Bench) -> Result<String> {
    let mut text = String::from("## Static allocation\n\n");
    let problems = bench.shared.as_ref().map(|dir| dir.join("data/minimalloc")).filter(|dir| dir.is_dir());
    let Some(problems) = problems else {
        text.push_str("Not measured: there is no `data/minimalloc` under `NASC_SHARED` or `../shared`.\n");
        return Ok(text);
    };
    text.push_str(
        "The eleven challenging problems of MiniMalloc (google/minimalloc 9f5cf810): buffers with lifetimes to be placed \
         within 1,048,576 units. MiniMalloc solves all eleven. Required: all, under 10 s each; aim: under 1 s.\n\n",
    );
    let example =
        ["run", "--release", "--quiet", "--package", "nasc-mapping", "--example", "minimalloc", "--"];
    let output = cargo(example).arg(&problems).run_ok()?;
    text.push_str(output.stdout_text().trim_end());
    text.push('\n');
    Ok(text)
}
