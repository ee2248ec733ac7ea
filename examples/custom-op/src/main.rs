//! An op of one's own, computed by one's own C.
//!
//! The network below calls `mish`, which the compiler does not know. It checks the types, places operands, result and scratch in the
//! arena, and calls `void mish(const float *x0, float *y, void *scratch)`, which `src/mish.c` defines. `cargo run -p
//! example-custom-op` compiles it for this machine, builds it together with that file, runs it and compares with Rust.

#![allow(clippy::print_stdout, reason = "an example is there to be watched")]

use anyhow::{Context, Result, anyhow, ensure};
use nasc::validate::{Artifact, Element, Port, Run, measure};
use nasc::{Options, targets};

const NETWORK: &str = "graph @with_mish(%x: f32[1, 4]) {
  const %w = [1.0, -2.0, 3.0, -4.0, 0.5, 0.25, -0.5, 1.0] : f32[2, 4]
  %a = dense %x, %w
  %y = custom %a {symbol = \"mish\"} : f32[1, 2]
  return %y
}";

const MISH_C: &str = include_str!("mish.c");

/// Misra, "Mish: a self regularized non-monotonic activation function", 2019.
fn mish(x: f32) -> f32 {
    x * x.exp().ln_1p().tanh()
}

fn main() -> Result<()> {
    let (found, expected) = run(&[1.0, 0.5, -0.25, 0.125])?;
    println!("on the machine {found:?}, in Rust {expected:?}");
    Ok(())
}

/// The network's output from the compiled C, and from Rust.
fn run(x: &[f32; 4]) -> Result<(Vec<f32>, Vec<f32>)> {
    let graph = nasc::parse(NETWORK).map_err(|faults| anyhow!("{faults:?}"))?;
    let target = targets::named("host-c").context("the target is there")?;
    let compiled = nasc::compile(&graph, target, &Options::default())?;
    let dir = tempfile::tempdir()?;
    for file in &compiled.files {
        std::fs::write(dir.path().join(&file.name), &file.text)?;
    }
    std::fs::write(dir.path().join("mish.c"), MISH_C)?;
    let (input, output) = (Port::new("model_in", Element::F32, 4), Port::new("model_out", Element::F32, 2));
    let mut artifact = Artifact::new(dir.path(), "model", vec![input], vec![output], Vec::new());
    artifact.sources.push("mish.c".into());
    let bytes = x.iter().flat_map(|v| v.to_le_bytes()).collect();
    let runs = [Run { inputs: vec![bytes], expected: None }];
    let measured = measure(&target.recipe(), &artifact, &runs, &Default::default())?;
    let found = measured.outputs[0][0].chunks_exact(4).map(|b| b.try_into().map(f32::from_le_bytes));
    let found: Vec<f32> = found.collect::<Result<_, _>>()?;
    let dense = [[1.0, -2.0, 3.0, -4.0], [0.5, 0.25, -0.5, 1.0]].map(|w| (0..4).map(|i| w[i] * x[i]).sum());
    let expected: Vec<f32> = dense.into_iter().map(mish).collect();
    ensure!(found.len() == expected.len(), "{} values found, {} expected", found.len(), expected.len());
    Ok((found, expected))
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_users_c_computes_the_op() {
        let (found, expected) = super::run(&[2.0, -1.0, 0.75, 0.5]).expect("it builds and runs here");
        for (found, expected) in found.iter().zip(&expected) {
            assert!((found - expected).abs() < 1e-5, "{found} and {expected}");
        }
    }
}
