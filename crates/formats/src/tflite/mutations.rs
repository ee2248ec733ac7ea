//! Well-formed files that say nonsense: other operators, tensors, numbers and shapes than those of a real model. Each is refused
//! or imported into a graph that verifies.

use bytes::Bytes;

use super::schema::{Conv2dOptions, Model, OperatorCode, Options, Pool2dOptions, Quantization};
use crate::ImportOptions;
use crate::random::Random;

#[test]
fn nonsense_in_sound_files_is_refused_or_verifies() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/models");
    let made = std::fs::read_dir(format!("{folder}/made")).expect("carried models");
    let mut paths: Vec<_> = made.map(|e| e.expect("an entry").path()).collect();
    paths.retain(|path| path.extension().is_some_and(|e| e == "tflite"));
    paths.sort();
    paths.extend(["kws_dscnn_int8", "kws_dscnn_f32"].map(|name| format!("{folder}/{name}.tflite").into()));
    let mut random = Random(11);
    let mut imported = 0;
    for path in &paths {
        let model =
            super::read(&Bytes::from(std::fs::read(path).expect("a carried model"))).expect("a sound model");
        for i in 0..300 {
            let mut broken = model.clone();
            for _ in 0..1 + random.below(3) {
                mutate(&mut broken, &mut random);
            }
            let file = Bytes::from(super::write(&broken));
            match super::import(&file, &ImportOptions::default()) {
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

fn mutate(model: &mut Model, random: &mut Random) {
    let code = random.below(model.operator_codes.len());
    let codes: Vec<i32> = (0..209).collect();
    let count = model.subgraphs[0].tensors.len();
    let graph = &mut model.subgraphs.0[0];
    let number = |random: &mut Random| random.number() as i32;
    if random.below(2) == 0 {
        let at = random.below(count);
        let tensor = &mut graph.tensors.0[at];
        let place = random.below(tensor.shape.len());
        let quantization = tensor.quantization.get_or_insert_with(Quantization::default);
        match random.below(8) {
            0 | 1 if !tensor.shape.is_empty() => tensor.shape[place] = number(random),
            2 => tensor.shape.push(number(random)),
            3 => drop(tensor.shape.pop()),
            4 => tensor.element = random.below(20) as i8,
            5 => quantization.scale = vec![random.real()],
            6 => quantization.zero_point.push(random.number()),
            _ => tensor.buffer = random.below(model.buffers.len() + 1) as u32,
        }
        return;
    }
    let at = random.below(graph.operators.len());
    let operator = &mut graph.operators.0[at];
    match random.below(8) {
        0 | 1 => model.operator_codes.0[code] = OperatorCode::of(random.of(&codes), 1),
        2 if !operator.inputs.is_empty() => {
            let i = random.below(operator.inputs.len());
            operator.inputs[i] = random.below(count + 2) as i32 - 1;
        }
        3 => drop(operator.inputs.pop()),
        4 => operator.outputs = vec![random.below(count + 1) as i32],
        5 => operator.options = Options::None,
        6 => {
            let (stride_h, stride_w) = (number(random), number(random));
            let dilation_h = number(random);
            operator.options =
                Options::Conv2d(Conv2dOptions { stride_h, stride_w, dilation_h, ..Default::default() });
        }
        _ => {
            let (filter_h, filter_w) = (number(random), number(random));
            operator.options = Options::Pool2d(Pool2dOptions {
                filter_h,
                filter_w,
                stride_w: 1,
                stride_h: 1,
                ..Default::default()
            });
        }
    }
}
