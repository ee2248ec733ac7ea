//! Layer by layer: every op's output on the target against the interpreter's.

use crate::console::Console;
use crate::failure::{Failure, chain};
use crate::verify;
use hw::recipe::Recipe;
use ir::{Graph, Tensor, Value};
use report::{Align, Layer, Manifest, Table};
use std::collections::{BTreeMap, HashMap};
use validate::{Artifact, ExpectedLayer, LayerComparison, Options, Run};

/// Runs the artifact once and compares every op's output with the interpreter's.
pub(crate) fn compare(
    recipe: &Recipe,
    artifact: &Artifact,
    manifest: &Manifest,
    graph: &Graph,
    run: &Run,
    console: &Console,
) -> Result<LayerComparison, Failure> {
    let inputs = inputs(graph, run);
    let traced = interp::trace(graph, &inputs).map_err(|e| Failure::input(chain(&e)))?;
    let by_label: HashMap<String, Value> = graph.values().map(|v| (graph.label(v), v)).collect();
    let expected: Vec<ExpectedLayer> =
        manifest.layers.iter().map(|layer| expected(layer, &by_label, &traced)).collect();
    let _progress = console.progress(format!("compare layer by layer on {}", recipe.board.name));
    validate::compare_layers(recipe, artifact, run, &expected, &Options::default())
        .map_err(|e| Failure::no(chain(&e)))
}

/// The bytes of a run as tensors of the graph's inputs.
fn inputs(graph: &Graph, run: &Run) -> Vec<Tensor> {
    let tensor = |(input, bytes): (&Value, &Vec<u8>)| {
        let shape = crate::arrays::physical_shape(graph, *input);
        Tensor::from_bytes(graph.ty(*input).element, shape, bytes.clone())
            .expect("a run fits the graph it was made for")
    };
    graph.inputs().iter().zip(&run.inputs).map(tensor).collect()
}

fn expected(
    layer: &Layer,
    by_label: &HashMap<String, Value>,
    traced: &BTreeMap<Value, Tensor>,
) -> ExpectedLayer {
    let element = verify::element(&layer.element).unwrap_or(validate::Element::U8);
    let value = by_label.get(&layer.node).filter(|_| layer.last).and_then(|v| traced.get(v));
    // A result that no `trace` shows, or of another extent than the op's, has nothing to be compared with.
    let same = value.filter(|t| t.shape() == layer.shape && layer.axes.len() == t.shape().len());
    let bytes = same.map(|tensor| permuted(tensor, &layer.axes));
    ExpectedLayer { name: layer.name.clone(), element, bytes }
}

/// The elements of a tensor with axis `order[0]` outermost.
fn permuted(tensor: &Tensor, order: &[usize]) -> Vec<u8> {
    let (shape, width, data) = (tensor.shape(), tensor.element().bytes(), tensor.bytes());
    let strides: Vec<usize> = (0..shape.len()).map(|axis| shape[axis + 1..].iter().product()).collect();
    let mut bytes = Vec::with_capacity(data.len());
    let mut index = vec![0usize; order.len()];
    for _ in 0..tensor.len() {
        let at: usize = index.iter().zip(order).map(|(i, axis)| i * strides[*axis]).sum();
        bytes.extend_from_slice(&data[at * width..(at + 1) * width]);
        for place in (0..order.len()).rev() {
            index[place] += 1;
            if index[place] < shape[order[place]] {
                break;
            }
            index[place] = 0;
        }
    }
    bytes
}

/// The first op that differs, in words.
pub(crate) fn first(comparison: &LayerComparison) -> Option<String> {
    let index = comparison.first_divergent?;
    let layer = &comparison.layers[index];
    let difference = layer.difference?;
    Some(format!(
        "the first op whose output differs is {} `{}`: {} of {} elements, the largest difference is {}",
        index + 1,
        layer.name,
        difference.mismatches,
        difference.compared,
        difference.max_difference
    ))
}

/// One row per op.
pub(crate) fn table(comparison: &LayerComparison) -> Table {
    let columns = [
        ("op", Align::Left),
        ("compared", Align::Right),
        ("different", Align::Right),
        ("largest difference", Align::Right),
    ];
    let mut table = Table::new(columns);
    for layer in &comparison.layers {
        let cells = layer.difference.map_or(["-".to_owned(), "-".to_owned(), "-".to_owned()], |d| {
            [d.compared.to_string(), d.mismatches.to_string(), d.max_difference.to_string()]
        });
        table.row([layer.name.clone()].into_iter().chain(cells));
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;
    use ir::Element;

    #[test]
    fn channels_go_last() {
        // Two channels of one row with three columns each.
        let tensor = Tensor::from_ints(Element::I8, [1, 2, 1, 3], &[1, 2, 3, 4, 5, 6]);
        assert_eq!(permuted(&tensor, &[0, 2, 3, 1]), [1, 4, 2, 5, 3, 6]);
        assert_eq!(permuted(&tensor, &[0, 1, 2, 3]), [1, 2, 3, 4, 5, 6]);
    }
}
