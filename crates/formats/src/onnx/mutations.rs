//! Well-formed files that say nonsense: other operators, names, numbers and shapes than those of a real model. Each is refused
//! or imported into a graph that verifies.

use bytes::Bytes;
use prost::Message;

use super::proto::{GraphProto, ModelProto};
use crate::ImportOptions;
use crate::random::Random;

#[test]
fn nonsense_in_sound_files_is_refused_or_verifies() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/models/made");
    let mut paths: Vec<_> =
        std::fs::read_dir(folder).expect("carried models").map(|e| e.expect("an entry").path()).collect();
    paths.retain(|path| path.extension().is_some_and(|e| e == "onnx"));
    paths.sort();
    let names: Vec<&str> = super::coverage().map(|row| row.op).collect();
    let mut random = Random(7);
    let mut imported = 0;
    for path in &paths {
        let file = Bytes::from(std::fs::read(path).expect("a carried model"));
        let model = ModelProto::decode(file).expect("a sound model");
        for i in 0..500 {
            let mut broken = model.clone();
            for _ in 0..1 + random.below(3) {
                mutate(broken.graph.as_mut().expect("a graph"), &names, &mut random);
            }
            let file = Bytes::from(broken.encode_to_vec());
            match super::import(&file, None, &ImportOptions::default()) {
                Ok(model) => {
                    imported += 1;
                    let findings = ir::verify(&model.graph);
                    assert!(findings.is_empty(), "{}, mutation {i}: {findings:?}", path.display());
                }
                Err(error) => drop(error.to_string()),
            }
        }
    }
    assert!(imported > 100, "only {imported} were imported: the mutations are too coarse");
}

fn mutate(graph: &mut GraphProto, names: &[&str], random: &mut Random) {
    let values: Vec<String> =
        graph.node.iter().flat_map(|n| n.input.iter().chain(&n.output).cloned()).collect();
    let at = random.below(graph.node.len());
    let kind = random.below(14);
    if kind < 4 {
        return mutate_weights(graph, kind, random);
    }
    let Some(node) = graph.node.get_mut(at) else { return };
    let attribute = random.below(node.attribute.len());
    let attribute = node.attribute.get_mut(attribute);
    match (kind, attribute) {
        (4 | 5, _) => node.op_type = Some(random.of(names).to_owned()),
        (6, _) if !node.input.is_empty() => {
            let i = random.below(node.input.len());
            node.input[i] = random.of(&values);
        }
        (7, _) => drop(node.input.pop()),
        (8, _) => node.input.push(random.of(&values)),
        (9, _) => node.output.push("more".into()),
        (10, Some(a)) => {
            a.i = a.i.map(|_| random.number());
            a.f = a.f.map(|_| random.real());
            if !a.ints.is_empty() {
                let i = random.below(a.ints.len());
                a.ints[i] = random.number();
            }
        }
        (11, Some(a)) => a.ints.push(random.number()),
        (12, Some(_)) => drop(node.attribute.pop()),
        _ => {
            let copy = graph.node[at].clone();
            graph.node.insert(at, copy);
        }
    }
}

fn mutate_weights(graph: &mut GraphProto, kind: usize, random: &mut Random) {
    let at = random.below(graph.initializer.len());
    let Some(weight) = graph.initializer.get_mut(at) else { return };
    match kind {
        0 if !weight.dims.is_empty() => {
            let i = random.below(weight.dims.len());
            weight.dims[i] = random.number();
        }
        0 | 1 => weight.data_type = Some(random.below(24) as i32),
        2 => weight.dims = weight.dims.iter().rev().copied().collect(),
        _ => {
            // Shapes, axes and scales are small constants: their data matter most.
            let mut data = weight.raw_data.clone().unwrap_or_default().to_vec();
            let width = if weight.data_type == Some(7) { 8 } else { 4 };
            if data.len() >= width {
                let i = random.below(data.len() / width) * width;
                let number = if width == 8 {
                    random.number().to_le_bytes().to_vec()
                } else {
                    random.real().to_le_bytes().to_vec()
                };
                data[i..i + width].copy_from_slice(&number);
                weight.raw_data = Some(data.into());
            }
        }
    }
}
