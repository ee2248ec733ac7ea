//! Layer by layer: the first op that diverges is named.

mod common;

use common::{expected, folder, halved, recipes, runs};
use nasc_validate::{Element, ExpectedLayer, Options, compare_layers};

fn layer(name: &str, bytes: Option<Vec<u8>>) -> ExpectedLayer {
    ExpectedLayer { name: name.to_owned(), element: Element::I8, bytes }
}

#[test]
fn equal_layers_have_no_divergence() {
    let folder = folder("");
    for recipe in recipes() {
        let run = runs(&folder.artifact, 1).remove(0);
        let layers =
            [layer("halve", Some(halved(&run.inputs[0]))), layer("add", Some(expected(&run.inputs[0])))];
        let result = compare_layers(&recipe, &folder.artifact, &run, &layers, &Options::default()).unwrap();
        assert_eq!(result.first_divergent, None, "{}", recipe.board.name);
        assert!(result.layers.iter().all(|layer| layer.difference.is_some_and(|d| d.compared == 300)));
    }
}

#[test]
fn the_first_divergent_op_is_named_though_later_ones_differ_too() {
    let folder = folder("");
    let recipe = common::rv32();
    let run = runs(&folder.artifact, 1).remove(0);
    let mut wrong = halved(&run.inputs[0]);
    wrong[5] ^= 4;
    let layers = [layer("halve", Some(wrong.clone())), layer("add", Some(wrong))];
    let result = compare_layers(&recipe, &folder.artifact, &run, &layers, &Options::default()).unwrap();
    let first = &result.layers[result.first_divergent.unwrap()];
    assert_eq!(first.name, "halve");
    assert_eq!(first.difference.unwrap().first, Some(5));
}

#[test]
fn an_op_without_an_output_of_its_own_is_passed_over() {
    let folder = folder("");
    let run = runs(&folder.artifact, 1).remove(0);
    let layers =
        [layer("halve", None), layer("add", Some(expected(&run.inputs[0]))), layer("ghost", Some(vec![1]))];
    let result =
        compare_layers(&common::host(), &folder.artifact, &run, &layers, &Options::default()).unwrap();
    assert_eq!(result.first_divergent, None);
    assert_eq!((result.layers[0].difference, result.layers[2].difference), (None, None));
}
