//! A graph layer by layer.

use hw::{Estimate, Origin};
use ir::Graph;

use super::block;
use super::config::Config;
use super::cycles::{self, Parts, SCALE_BYTES};
use super::layer::{Kind, Layer, Unsupported};

/// What limits a layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Binds {
    /// Multipliers and output path.
    Engine,
    /// The SRAM's port.
    Sram,
    /// The flash's port: weights and scales.
    Flash,
}

/// A layer's cycles.
#[derive(Debug, Clone, PartialEq)]
pub struct LayerCycles {
    /// The layer.
    pub layer: Layer,
    /// The block it runs in; `None` for layers without sums.
    pub block: Option<block::Block>,
    /// Cycles of the engine.
    pub engine: f64,
    /// Cycles of the SRAM's port.
    pub sram: f64,
    /// Cycles of the flash's port while the layer runs.
    pub flash: f64,
    /// Bytes of the entropy of its weights and of the zeros coded with them.
    pub entropy_bytes: f64,
    /// Whether weights are copied to SRAM, before the layer where there is time.
    pub buffered: bool,
    /// All it adds to the network's.
    pub cycles: f64,
    /// What limits it.
    pub binds: Binds,
}

impl LayerCycles {
    /// Multiply-accumulates over what the multipliers could have done in its time.
    pub fn utilisation(&self, config: &Config) -> f64 {
        if self.cycles == 0.0 { 0.0 } else { self.layer.macs() as f64 / (self.cycles * config.macs as f64) }
    }
}

/// A network's cycles.
#[derive(Debug, Clone, PartialEq)]
pub struct NetworkCycles {
    /// In the order they run.
    pub layers: Vec<LayerCycles>,
    /// All together.
    pub cycles: f64,
}

impl NetworkCycles {
    /// All cycles, with the interval in which the vendor's estimate is expected.
    pub fn estimate(&self) -> Estimate {
        let [low, high] = INTERVAL.map(|factor| self.cycles * factor);
        Estimate::within(self.cycles, "cycles", Origin::Modelled, low, high)
    }
}

/// Vela's cycles over ours: 0.94 to 1.05 on seven networks in four sizes (`tests/npu.rs`, `tests/npu_unseen.rs`), and as much again.
const INTERVAL: [f64; 2] = [0.9, 1.1];

/// A graph the engine does not run as a whole.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
pub struct NpuError(pub Vec<Unsupported>);

/// Times a quantised graph.
///
/// # Errors
/// Every op that the engine does not run.
pub fn estimate(graph: &Graph, config: &Config) -> Result<NetworkCycles, NpuError> {
    let mut layers: Vec<LayerCycles> = Vec::new();
    let mut refused = Vec::new();
    for value in graph.topological() {
        match Layer::read(graph, value) {
            Ok(None) => {}
            Ok(Some(layer)) => {
                // What the flash had to spare while the last layer ran.
                let spare = layers.last().map_or(0.0, |l| (l.cycles - l.flash).max(0.0));
                match time(config, layer, spare) {
                    Ok(timed) => layers.push(timed),
                    Err(unsupported) => refused.push(unsupported),
                }
            }
            Err(unsupported) => refused.push(unsupported),
        }
    }
    if !refused.is_empty() {
        return Err(NpuError(refused));
    }
    let cycles = layers.iter().map(|l| l.cycles).sum();
    Ok(NetworkCycles { layers, cycles })
}

/// One layer; `spare` are cycles of the flash left over by the layer before.
fn time(config: &Config, layer: Layer, spare: f64) -> Result<LayerCycles, Unsupported> {
    let (block, parts) = match layer.kind {
        Kind::Convolution | Kind::Product | Kind::Depthwise | Kind::Average | Kind::Maximum => {
            let Some(block) = block::choose(config, &layer) else {
                let reason = format!(
                    "a window of {} x {} leaves no block that fits {} KiB of shared buffer",
                    layer.kernel[0], layer.kernel[1], config.banks
                );
                return Err(Unsupported { label: layer.label, op: layer.op, reason });
            };
            (Some(block), cycles::blocked(config, &layer, &block))
        }
        Kind::Add | Kind::Multiply | Kind::Unary => (None, cycles::elementwise(config, &layer)),
        Kind::Softmax => (None, cycles::softmax(config, &layer)),
        Kind::Move => {
            let bytes = (layer.output.elements() * 2) as f64;
            let sram = bytes / config.sram_bytes_per_cycle + config.sram_latency;
            (None, Parts { engine: 0.0, sram, passes: 1 })
        }
    };
    let batch = layer.batch as f64;
    let (mut engine, mut sram) = (parts.engine * batch, parts.sram * batch);
    let (mut flash, mut buffered) = (0.0, false);
    let mut entropy_bytes = 0.0;
    if let (Some(weights), Some(block)) = (layer.weights, &block) {
        entropy_bytes = weights.entropy_bytes(cycles::filled(config, &layer, block));
        let coded = entropy_bytes * config.code_factor;
        let passes = parts.passes as f64 * batch;
        let scales = SCALE_BYTES * layer.output.depth as f64 * passes;
        buffered = passes > 1.0;
        if buffered {
            // Copied once, ahead of use where the flash has time; read from SRAM for every block of places.
            let copy = config.flash_latency + coded / config.flash_bytes_per_cycle;
            engine = engine.max(copy - spare);
            sram += coded * passes / config.sram_bytes_per_cycle;
            flash = scales / config.flash_bytes_per_cycle;
        } else {
            flash = (coded + scales) / config.flash_bytes_per_cycle;
        }
    }
    let cycles = engine.max(sram).max(flash);
    let binds = if cycles == engine {
        Binds::Engine
    } else if cycles == sram {
        Binds::Sram
    } else {
        Binds::Flash
    };
    Ok(LayerCycles { layer, block, engine, sram, flash, entropy_bytes, buffered, cycles, binds })
}
