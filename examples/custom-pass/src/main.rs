//! A pass of one's own, registered from one's own crate.
//!
//! A classifier on a device wants the largest class, not probabilities: softmax keeps the order, so a final one can go. The outputs
//! are others, so the pass is admissible, not exact. `cargo run -p example-custom-pass` shows the graph before and after and what
//! goes with it on a Cortex-M4.

#![allow(clippy::print_stdout, reason = "an example is there to be watched")]

use anyhow::{Context as _, Result, anyhow};
use nasc::ir::{Attrs, Graph};
use nasc::passes::{Context, Outcome, Pass, PassError, Registry, Relation};
use nasc::{Options, targets};

/// The end of a classifier.
const CLASSIFIER: &str = "graph @classifier(%x: f32[1, 4]) {
  const %w = [1.0, -2.0, 3.0, -4.0, 0.5, 0.25, -0.5, 1.0] : f32[2, 4]
  %logits = dense %x, %w
  %y = softmax %logits
  return %y
}";

/// `drop-softmax`: the logits of a classifier instead of its probabilities; the largest stays the largest.
struct DropSoftmax;

impl Pass for DropSoftmax {
    const NAME: &'static str = "drop-softmax";
    const SUMMARY: &'static str = "take away a softmax that nothing but an output reads";
    const RELATION: Relation = Relation::Admissible;

    fn from_options(_: &Attrs) -> Result<Self, String> {
        Ok(Self)
    }

    fn run(&self, graph: &mut Graph, _: &Context<'_>) -> Result<Outcome, PassError> {
        let mut outcome = Outcome::default();
        let mut outputs = graph.outputs().to_vec();
        for output in &mut outputs {
            let node = graph.node(*output);
            let Some(logits) = node.is("softmax").then(|| node.operand("x")).flatten() else { continue };
            // A pass keeps the interface: element, shape and quantization.
            if graph.use_count(*output) == 1 && graph.ty(logits) == graph.ty(*output) {
                *output = logits;
                *outcome.applied.entry(Self::NAME.to_owned()).or_default() += 1;
            }
        }
        graph.set_outputs(outputs);
        graph.remove_dead();
        Ok(outcome)
    }
}

fn main() -> Result<()> {
    let graph = nasc::parse(CLASSIFIER).map_err(|faults| anyhow!("{faults:?}"))?;
    let target = targets::named("cortex-m4").context("the target is there")?;
    let with = |passes: &str| Options {
        registry: Registry::standard().with::<DropSoftmax>(),
        passes: Some(passes.to_owned()),
        ..Options::default()
    };
    let before = nasc::compile(&graph, target, &with("default"))?;
    let after = nasc::compile(&graph, target, &with("drop-softmax, default"))?;
    println!("{}\nbecomes\n\n{}", before.planned.graph.to_text(), after.planned.graph.to_text());
    println!("kernels: {}, then {}", before.manifest.layers.len(), after.manifest.layers.len());
    println!("code, predicted: {:?} bytes, then {:?}", before.manifest.code_bytes, after.manifest.code_bytes);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use nasc::passes::rewrite;

    #[test]
    fn a_final_softmax_goes() {
        let after = rewrite::<DropSoftmax>(
            "graph @t(%x: f32[1, 4]) {
               %y = softmax %x
               return %y
             }",
        );
        assert_eq!(after, "graph @t(%x: f32[1, 4]) {\n  return %x\n}\n");
    }

    #[test]
    fn a_softmax_inside_the_network_stays() {
        let text = "graph @t(%x: f32[1, 4]) {\n  %y = softmax %x : f32[1, 4]\n  %z = relu %y : f32[1, 4]\n  return %z\n}\n";
        assert_eq!(rewrite::<DropSoftmax>(text), text);
    }
}
