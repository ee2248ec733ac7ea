//! `nasc map` on published layers, against what three mappers found on the same accounting.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use process::Command;
use serde_json::Value;

use super::Bench;
use super::table::Table;
use crate::project::root;

const MACHINES: &[&str] = &["e168", "w1024"];

/// What a peer's tool found on a row.
struct Peer {
    tool: String,
    edp: f64,
    cpu_seconds: Option<f64>,
    /// Neither latency nor energy is below what the work and the words need.
    physical: bool,
}

pub(super) fn section(bench: &Bench) -> Result<String> {
    let mut text = String::from("## Mapping\n\n");
    let data = bench.shared.as_ref().map(|dir| dir.join("data/mapping")).filter(|dir| dir.is_dir());
    let Some(data) = data else {
        text.push_str("Not measured: there is no `data/mapping` under `NASC_SHARED` or `../shared`.\n");
        return Ok(text);
    };
    text.push_str(
        "`nasc map layers.csv --hardware H --threads 1 --json`: energy-delay product of the proven optimum, and seconds to it on one \
         core. Peers: Timeloop 3.0.3, ZigZag 3.9.1 and AccelForge 1.0.467 on the same machines and accounting, the least of their \
         results whose latency and energy are physically possible; their times are of the same kind of machine, not of this run. Required: \
         no row worse, 100 ms a layer on e168 and 10 ms on w1024.\n\n",
    );
    let peers = peers(&data.join("peer_results.csv"))?;
    let mut table = Table::new([
        "machine",
        "net",
        "layer",
        "EDP",
        "best peer",
        "ours / peer",
        "proven",
        "s",
        "ZigZag s / ours",
    ]);
    let mut ratios = Vec::new();
    for machine in MACHINES {
        for row in map(bench, &data.join("layers.csv"), machine, &["--threads", "1"])? {
            let name = |key: &str| row[key].as_str().unwrap_or_default().to_owned();
            let number = |key: &str| row[key].as_f64().unwrap_or(f64::NAN);
            let known = peers.get(&(machine.to_string(), name("net"), name("layer")));
            let possible = known.into_iter().flatten().filter(|p| p.physical);
            let best = possible.map(|p| p.edp).reduce(f64::min);
            let zigzag = known.into_iter().flatten().find(|p| p.tool.starts_with("ZigZag"));
            let faster = zigzag.and_then(|p| p.cpu_seconds).map(|s| s / number("seconds"));
            ratios.extend(faster);
            let shown =
                |x: Option<f64>, digits: usize| x.map_or_else(|| "-".to_owned(), |x| format!("{x:.digits$}"));
            table.row([
                (*machine).to_owned(),
                name("net"),
                name("layer"),
                format!("{:.4e}", number("edp_pj_cycles")),
                best.map_or_else(|| "-".to_owned(), |b| format!("{b:.4e}")),
                shown(best.map(|b| number("edp_pj_cycles") / b), 4),
                if row["proven_optimal"] == Value::Bool(true) {
                    "yes".to_owned()
                } else {
                    format!("gap {}", row["gap"])
                },
                format!("{:.4}", number("seconds")),
                shown(faster, 0),
            ]);
        }
    }
    text.push_str(&table.markdown());
    let mean = (ratios.iter().map(|r| r.ln()).sum::<f64>() / ratios.len() as f64).exp();
    text.push_str(&format!(
        "\nGeometric mean over {} rows: {mean:.0}x faster than ZigZag's CPU time.\n\n",
        ratios.len()
    ));
    text.push_str(&whole_network(bench, &data.join("layers.csv"))?);
    Ok(text)
}

/// ResNet-18 on w1024 with an empty cache and a full one, whole process.
fn whole_network(bench: &Bench, layers: &Path) -> Result<String> {
    let table = std::fs::read_to_string(layers)?;
    let rows: Vec<&str> = table
        .lines()
        .enumerate()
        .filter(|(i, l)| *i == 0 || l.starts_with("resnet18,"))
        .map(|(_, l)| l)
        .collect();
    std::fs::create_dir_all(&bench.out)?;
    let (file, cache) = (bench.out.join("resnet18.csv"), bench.out.join("mappings"));
    std::fs::write(&file, rows.join("\n") + "\n")?;
    if cache.exists() {
        std::fs::remove_dir_all(&cache)?;
    }
    let folder = cache.to_string_lossy().into_owned();
    let mut times = Vec::new();
    for _ in 0..6 {
        let start = Instant::now();
        map(bench, &file, "w1024", &["--cache", &folder])?;
        times.push(start.elapsed().as_secs_f64() * 1e3);
    }
    let mut warm = times.split_off(1);
    warm.sort_by(f64::total_cmp);
    Ok(format!(
        "ResNet-18 on w1024, whole process: {:.0} ms with an empty cache, {:.1} ms with a full one (median of 5). Required: 300 ms \
         and 5 ms; ZigZag takes 115 s on its own TPU-like example.\n",
        times[0], warm[2]
    ))
}

fn map(bench: &Bench, layers: &Path, machine: &str, more: &[&str]) -> Result<Vec<Value>> {
    let output = Command::new(&bench.nasc)
        .arg("map")
        .arg(layers)
        .args(["--hardware", machine, "--json", "--quiet"])
        .args(more)
        .dir(root())
        .time_out(Duration::from_secs(600))
        .run_ok()?;
    serde_json::from_str(&output.stdout_text()).context("`nasc map --json` prints an array")
}

/// `(machine, net, layer)` to what peers found.
fn peers(path: &Path) -> Result<BTreeMap<(String, String, String), Vec<Peer>>> {
    let text = std::fs::read_to_string(path)?;
    let mut lines = text.lines();
    let heads: Vec<&str> = lines.next().unwrap_or_default().split(',').collect();
    let mut all: BTreeMap<_, Vec<Peer>> = BTreeMap::new();
    for line in lines {
        let cells: Vec<&str> = line.split(',').collect();
        let cell = |name: &str| {
            heads.iter().position(|h| *h == name).and_then(|i| cells.get(i)).copied().unwrap_or("")
        };
        let key = (cell("accelerator").to_lowercase(), cell("net").to_owned(), cell("layer").to_owned());
        // Some rows have no energy and no product: a tool that was only timed.
        let Ok(edp) = cell("edp").parse() else { continue };
        // Over the least latency there can be, and over that times the least energy.
        let over = |name: &str| cell(name).parse::<f64>().unwrap_or(f64::INFINITY);
        let (latency, both) = (over("latency_over_bound"), over("edp_over_floor"));
        all.entry(key).or_default().push(Peer {
            tool: cell("tool").to_owned(),
            edp,
            cpu_seconds: cell("cpu_s").parse().ok(),
            physical: latency >= 0.9999 && both / latency >= 0.9999,
        });
    }
    Ok(all)
}
