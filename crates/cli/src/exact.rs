//! Whether two graphs are the same function, by running both.

use crate::arrays;
use crate::console::Console;
use crate::failure::{Failure, chain};
use ir::{Element, Graph, Tensor};

/// What floats may differ by after a rewrite that changes the order of summation, as a fraction of the largest output.
const FLOAT_TOLERANCE: f64 = 1e-4;

/// Runs both graphs on `runs` random inputs and compares: integers bit for bit, floats within [`FLOAT_TOLERANCE`].
pub(crate) fn same_function(
    before: &Graph,
    after: &Graph,
    runs: usize,
    console: &Console,
) -> Result<(), Failure> {
    let progress = console.counter("verify", runs);
    for run in 0..runs {
        let inputs = random_inputs(before, run as u64);
        let (old, new) = (evaluate(before, &inputs)?, evaluate(after, &inputs)?);
        for (k, (old, new)) in old.iter().zip(&new).enumerate() {
            if let Some(fault) = difference(old, new) {
                let output = before.label(before.outputs()[k]);
                let message =
                    format!("not the same function: random input {run}, output `{output}`: {fault}");
                return Err(Failure::no(message).help("--print-after-all shows the graph behind every pass"));
            }
        }
        progress.step();
    }
    Ok(())
}

/// The outputs of a graph; inputs and outputs in memory order.
pub(crate) fn evaluate(graph: &Graph, inputs: &[Tensor]) -> Result<Vec<Tensor>, Failure> {
    interp::run(graph, inputs).map_err(|e| Failure::input(format!("{}: {}", graph.name, chain(&e))))
}

/// One random tensor per input, in memory order; the same for the same seed. Integers fill their range, floats lie in [-1, 1).
pub(crate) fn random_inputs(graph: &Graph, seed: u64) -> Vec<Tensor> {
    let mut random = SplitMix(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x6e61_7363);
    let physical = |input: &ir::Value| (graph.ty(*input).element, arrays::physical_shape(graph, *input));
    graph.inputs().iter().map(physical).map(|(element, shape)| random.tensor(element, shape)).collect()
}

/// What differs; `None` where nothing does.
fn difference(old: &Tensor, new: &Tensor) -> Option<String> {
    if !old.element().is_float() {
        let (old, new) = (old.to_ints(), new.to_ints());
        let index = old.iter().zip(&new).position(|(a, b)| a != b)?;
        return Some(format!("element {index} is {} after, {} before", new[index], old[index]));
    }
    let (old, new) = (old.to_reals(), new.to_reals());
    let largest = old.iter().filter(|v| v.is_finite()).fold(0f64, |m, v| m.max(v.abs()));
    let same =
        |a: f64, b: f64| a == b || (a.is_nan() && b.is_nan()) || (a - b).abs() <= FLOAT_TOLERANCE * largest;
    let index = old.iter().zip(&new).position(|(a, b)| !same(*a, *b))?;
    Some(format!("element {index} is {} after, {} before", new[index], old[index]))
}

/// Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014.
struct SplitMix(u64);

impl SplitMix {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn tensor(&mut self, element: Element, shape: Vec<usize>) -> Tensor {
        let count = shape.iter().product();
        if element.is_float() {
            #[allow(clippy::cast_precision_loss, reason = "53 bits fit a double")]
            let unit = |bits: u64| (bits >> 11) as f64 / (1u64 << 52) as f64 - 1.0;
            let values: Vec<f64> = (0..count).map(|_| unit(self.next())).collect();
            return Tensor::from_reals(element, shape, values);
        }
        let values: Vec<i64> = (0..count).map(|_| self.integer(element)).collect();
        Tensor::from_ints(element, shape, &values)
    }

    fn integer(&mut self, element: Element) -> i64 {
        let (low, high) = element.range().expect("integers and truth values have a range");
        // Indexes and sizes are 64 bits wide: small values mean something to an op, large ones do not.
        let (low, high) = if element.bits() == 64 { (0, 1) } else { (low, high) };
        let span = high.abs_diff(low).saturating_add(1);
        low.wrapping_add_unsigned(self.next() % span)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_inputs_within_the_element() {
        let text =
            "graph @t(%x: u8[64] {scale = 0.5, zero = 1}, %y: f32[64], %z: bool[8]) { return %x, %y, %z }";
        let graph = ir::parse(text, &ir::NoWeights).expect("well-formed");
        let inputs = random_inputs(&graph, 3);
        assert_eq!(inputs, random_inputs(&graph, 3));
        assert_ne!(inputs, random_inputs(&graph, 4));
        assert!(inputs[1].to_reals().iter().all(|v| (-1.0..1.0).contains(v)));
        assert!(inputs[2].to_ints().iter().all(|v| (0..=1).contains(v)));
    }

    #[test]
    fn floats_may_differ_by_rounding_and_integers_not_at_all() {
        let floats = |v: &[f32]| Tensor::from_f32([v.len()], v);
        assert_eq!(difference(&floats(&[100.0, 0.0]), &floats(&[100.001, 0.001])), None);
        assert!(difference(&floats(&[100.0]), &floats(&[101.0])).is_some());
        assert_eq!(difference(&floats(&[f32::NAN]), &floats(&[f32::NAN])), None);
        let ints = |v: &[i64]| Tensor::from_ints(Element::I8, [v.len()], v);
        let found = difference(&ints(&[1, 2]), &ints(&[1, 3])).expect("differs");
        assert_eq!(found, "element 1 is 3 after, 2 before");
    }
}
