//! The three int8 networks on two cores: instructions, arena, code, against generated C over CMSIS-NN.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use process::Command;
use serde_json::Value;

use super::Bench;
use super::table::{Table, grouped, grouped_or_dash, ratio};
use crate::project::{models, root};
use crate::say::note;
use crate::setup::python;

/// A network with the figures of its peer: generated C that calls CMSIS-NN's int8 kernels layer by layer, weights in flash,
/// arena planned offline; `-O2`, the same compiler and emulator.
struct Network {
    name: &'static str,
    model: &'static str,
    golden: &'static str,
    peers: [Peer; 2],
}

/// The peer's figures on one core.
struct Peer {
    target: &'static str,
    /// The core's name for the peer harness.
    core: &'static str,
    instructions: u64,
    arena_bytes: Option<u64>,
    code_bytes: Option<u64>,
}

const fn m4(instructions: u64, arena_bytes: u64, code_bytes: u64) -> Peer {
    let (arena_bytes, code_bytes) = (Some(arena_bytes), Some(code_bytes));
    Peer { target: "cortex-m4", core: "m4", instructions, arena_bytes, code_bytes }
}

const fn rv32(instructions: u64) -> Peer {
    Peer { target: "rv32imac", core: "rv32", instructions, arena_bytes: None, code_bytes: None }
}

/// Frozen: CMSIS-NN 99f736a, gcc 12.2, QEMU 7.2; the M4 figures at `-O2` are rounded to 10,000 instructions.
const NETWORKS: &[Network] = &[
    Network {
        name: "ic (ResNet8)",
        model: "ic_resnet8_int8.tflite",
        golden: "golden_ic_resnet8_int8.npz",
        peers: [m4(29_860_000, 49_728, 18_790), rv32(65_382_283)],
    },
    Network {
        name: "kws (DS-CNN)",
        model: "kws_dscnn_int8.tflite",
        golden: "golden_kws_dscnn_int8.npz",
        peers: [m4(7_690_000, 16_000, 21_860), rv32(16_281_431)],
    },
    Network {
        name: "vww (MobileNetV1 0.25)",
        model: "vww_mobilenetv1_025_int8.tflite",
        golden: "golden_vww_mobilenetv1_025_int8.npz",
        peers: [m4(24_090_000, 64_512, 23_566), rv32(48_709_417)],
    },
];

pub(super) fn section(bench: &Bench) -> Result<String> {
    let mut table = Table::new([
        "network",
        "target",
        "instructions",
        "peer",
        "ratio",
        "arena B",
        "peer",
        "other static B",
        "stack B",
        "code B",
        "peer",
        "const B",
        "different outputs",
    ]);
    let mut confirmations =
        Table::new(["network", "target", "our count", "the harness's count", "difference"]);
    let harness =
        bench.shared.as_ref().map(|dir| dir.join("bench/mcu/bench.py")).filter(|path| path.is_file());
    for network in NETWORKS {
        for peer in &network.peers {
            note(&format!("{} on {}", network.name, peer.target));
            let dir = compile(bench, network, peer)?;
            let measured = measure(bench, network, &dir)?;
            table.row(row(network, peer, &measured));
            if let Some(harness) = &harness {
                let counted = count_outside(harness, network, peer, &dir, bench)?;
                let ours = measured["instructions"].as_u64();
                confirmations.row([
                    network.name.to_owned(),
                    peer.target.to_owned(),
                    grouped_or_dash(ours),
                    grouped(counted),
                    ours.map_or_else(|| "-".to_owned(), |ours| (ours as i64 - counted as i64).to_string()),
                ]);
            }
        }
    }
    let mut text = String::from("## Networks on microcontrollers\n\n");
    text.push_str(
        "Executed instructions of one inference, counted exactly in QEMU; gcc `-O2`; int8. Peer: generated C that calls \
         CMSIS-NN 99f736a layer by layer (its portable C on RISC-V), same compiler, same emulator; its figures are frozen. \
         Outputs are compared with LiteRT's reference kernels on three inputs.\n\n",
    );
    text.push_str(&table.markdown());
    match harness {
        Some(_) => {
            text.push_str("\nThe same C, counted by an independent harness:\n\n");
            text.push_str(&confirmations.markdown());
        }
        None => text.push_str(
            "\nNot confirmed by an independent harness: there is no `bench/mcu/bench.py` under `NASC_SHARED` or `../shared`.\n",
        ),
    }
    Ok(text)
}

fn compile(bench: &Bench, network: &Network, peer: &Peer) -> Result<PathBuf> {
    let dir = bench.out.join(format!("{}-{}", network.model, peer.target));
    Command::new(&bench.nasc)
        .arg("compile")
        .arg(models().join(network.model))
        .args(["--target", peer.target, "--no-verify", "--quiet", "-o"])
        .arg(&dir)
        .dir(root())
        .time_out(Duration::from_secs(600))
        .run_ok()?;
    Ok(dir)
}

fn measure(bench: &Bench, network: &Network, dir: &Path) -> Result<Value> {
    let output = Command::new(&bench.nasc)
        .arg("measure")
        .arg(dir)
        .arg("--golden")
        .arg(models().join(network.golden))
        .arg("--json")
        .dir(root())
        .time_out(Duration::from_secs(900))
        .run()?;
    // Exit status 1 says that outputs differ: that is a figure of the table.
    serde_json::from_slice(&output.stdout)
        .with_context(|| format!("`nasc measure --json` did not print JSON: {}", output.tail()))
}

fn row(network: &Network, peer: &Peer, measured: &Value) -> Vec<String> {
    let figure = |key: &str| measured[key].as_u64();
    let compared = |key: &str, peer: Option<u64>| [grouped_or_dash(figure(key)), grouped_or_dash(peer)];
    let mut row = vec![network.name.to_owned(), peer.target.to_owned()];
    row.extend(compared("instructions", Some(peer.instructions)));
    row.push(ratio(figure("instructions"), peer.instructions));
    row.extend(compared("arena_bytes", peer.arena_bytes));
    row.push(grouped_or_dash(figure("static_bytes")));
    row.push(grouped_or_dash(figure("stack_bytes")));
    row.extend(compared("code_bytes", peer.code_bytes));
    row.push(grouped_or_dash(figure("const_bytes")));
    row.push(grouped_or_dash(figure("mismatches")));
    row
}

/// The same C under the peers' harness: a Python program that needs numpy.
fn count_outside(harness: &Path, network: &Network, peer: &Peer, dir: &Path, bench: &Bench) -> Result<u64> {
    let sources = ["model.c", "model_weights.c"].map(|name| dir.join(name));
    let own = python();
    let python = if own.is_file() { own } else { PathBuf::from("python3") };
    let output = Command::new(python)
        .arg(harness)
        .args(["--core", peer.core, "--golden"])
        .arg(models().join(network.golden))
        .arg("-I")
        .arg(dir)
        .arg("--out")
        .arg(bench.out.join(format!("harness-{}", peer.core)))
        .args(sources)
        .time_out(Duration::from_secs(900))
        .run_ok()?;
    let figures: Value = serde_json::from_slice(&output.stdout).context("the harness did not print JSON")?;
    if figures["mismatch"] != 0 {
        note(&format!("the harness finds {} different outputs", figures["mismatch"]));
    }
    match figures["insns"].as_u64() {
        Some(count) => Ok(count),
        None => bail!("the harness printed no `insns`"),
    }
}
