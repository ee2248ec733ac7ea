//! Cycles of quantised models on the four Ethos-U55, and with a number of multipliers what each layer takes.
//!
//! ```text
//! cargo run -p nasc-cost --example npu -- MODEL.tflite... [--layers 128]
//! ```
#![allow(clippy::print_stdout, reason = "an example is a program")]

use std::error::Error;

use formats::{ImportOptions, import};
use nasc_cost::npu::{self, Config};

fn main() -> Result<(), Box<dyn Error>> {
    let (mut models, mut layers) = (Vec::new(), None);
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        if argument == "--layers" {
            let macs = arguments.next().ok_or("`--layers` without a number of multipliers")?.parse()?;
            layers = Some(
                Config::new(macs)
                    .ok_or_else(|| format!("{macs} multipliers, 32, 64, 128 or 256 expected"))?,
            );
        } else {
            models.push(argument);
        }
    }
    for model in &models {
        let graph = import(model, &ImportOptions::default())?.graph;
        for macs in [32, 64, 128, 256] {
            let config = Config::new(macs).ok_or("one of the four sizes")?;
            println!("{model} {macs} {:.0}", npu::estimate(&graph, &config)?.cycles);
        }
        let Some(config) = &layers else { continue };
        for layer in npu::estimate(&graph, config)?.layers {
            println!(
                "  {:<10} {:>9.0} engine {:>9.0} sram {:>8.0} flash {:>8.0} {:?} {:.0} % {}",
                layer.layer.op,
                layer.cycles,
                layer.engine,
                layer.sram,
                layer.flash,
                layer.binds,
                100.0 * layer.utilisation(config),
                layer.layer.label
            );
        }
    }
    Ok(())
}
