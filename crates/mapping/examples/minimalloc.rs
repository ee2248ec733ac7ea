//! Times the planner on problem files: `cargo run --release -p nasc-mapping --example minimalloc -- FILE.CAPACITY.csv...`

#![allow(clippy::print_stdout, reason = "a command of its own, not a library")]

use std::time::Instant;

use nasc_mapping::memory::{Options, minimalloc, place};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!(
        "{:24} {:>7} {:>10} {:>7} {:>9} {:>8}",
        "problem", "buffers", "arena", "proven", "nodes", "seconds"
    );
    for path in std::env::args().skip(1) {
        let name = path.rsplit('/').next().unwrap_or(&path);
        let problem = minimalloc::parse_csv(&std::fs::read_to_string(&path)?, minimalloc::capacity_of(name))?;
        let start = Instant::now();
        let plan = place(&problem, Options { nodes: 20_000_000, deadline: None })?;
        let seconds = start.elapsed().as_secs_f64();
        let (buffers, arena, proven, nodes) =
            (problem.buffers.len(), plan.arena_bytes, plan.proven, plan.nodes);
        println!("{name:24} {buffers:>7} {arena:>10} {proven:>7} {nodes:>9} {seconds:>8.3}");
    }
    Ok(())
}
