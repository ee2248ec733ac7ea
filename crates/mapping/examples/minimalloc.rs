//! Times the planner on problem files and prints a Markdown table:
//! `cargo run --release -p nasc-mapping --example minimalloc -- tests/data/minimalloc`
//!
//! Arguments are `NAME.CAPACITY.csv` files or folders of them; a file without a capacity in its name is minimised.

#![allow(clippy::print_stdout, reason = "a command of its own, not a library")]

use std::error::Error;
use std::path::{Path, PathBuf};
use std::time::Instant;

use nasc_mapping::memory::{Options, minimalloc, place};

/// Far more than any of the published problems takes.
const NODES: u64 = 20_000_000;

fn main() -> Result<(), Box<dyn Error>> {
    println!("| problem | buffers | arena | proven | nodes | seconds |");
    println!("| --- | ---: | ---: | --- | ---: | ---: |");
    for argument in std::env::args().skip(1) {
        for path in files(Path::new(&argument))? {
            solve(&path).map_err(|e| format!("{}: {e}", path.display()))?;
        }
    }
    Ok(())
}

fn files(path: &Path) -> Result<Vec<PathBuf>, Box<dyn Error>> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut files =
        std::fs::read_dir(path)?.map(|e| Ok(e?.path())).collect::<Result<Vec<_>, std::io::Error>>()?;
    files.retain(|f| f.extension().is_some_and(|e| e == "csv"));
    files.sort();
    Ok(files)
}

fn solve(path: &Path) -> Result<(), Box<dyn Error>> {
    let name = path.file_name().and_then(|n| n.to_str()).ok_or("a file name in UTF-8 expected")?;
    let problem = minimalloc::parse_csv(&std::fs::read_to_string(path)?, minimalloc::capacity_of(name))?;
    let start = Instant::now();
    let plan = place(&problem, Options { nodes: NODES, deadline: None })?;
    let seconds = start.elapsed().as_secs_f64();
    let proven = if plan.proven { "yes" } else { "no" };
    let (buffers, arena, nodes) = (problem.buffers.len(), plan.arena_bytes, plan.nodes);
    println!("| {name} | {buffers} | {arena} | {proven} | {nodes} | {seconds:.3} |");
    Ok(())
}
