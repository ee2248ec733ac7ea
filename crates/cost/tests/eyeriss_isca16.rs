//! Eyeriss ISCA 2016, figure 10: normalised energy by component on 16 x 16 elements with 512 B each and a 128 kB buffer, batch 16.
//!
//! The rows are reference values of the public nn_dataflow test suite for that figure, in 1e9 multiply-accumulates.

#![allow(clippy::print_stdout, reason = "the tables these tests print are read by people")]

use hw::machine::Layer;
use nasc_cost::row_stationary::Energy;
use nasc_cost::row_stationary::folded::{FoldedArray, FoldedCounts, Unplaced, least_energy};

/// Layer, parts it is cut into by its groups, one part's loops and stride, and the figure: arithmetic, outside, elements.
type Row = (&'static str, f64, [u64; 8], u64, [f64; 3]);

const ROWS: [Row; 8] = [
    ("CONV1", 2.0, [16, 1, 48, 3, 55, 55, 11, 11], 4, [1.69, 2.46, 6.75]),
    ("CONV2", 2.0, [16, 1, 128, 48, 27, 27, 5, 5], 1, [3.58, 2.27, 14.33]),
    ("CONV3", 2.0, [16, 1, 192, 256, 13, 13, 3, 3], 1, [2.39, 2.02, 9.57]),
    ("CONV4", 2.0, [16, 1, 192, 192, 13, 13, 3, 3], 1, [1.79, 1.57, 7.18]),
    ("CONV5", 2.0, [16, 1, 128, 192, 13, 13, 3, 3], 1, [1.20, 1.05, 4.78]),
    ("FC1", 1.0, [16, 1, 4096, 256, 1, 1, 6, 6], 1, [0.60, 7.78, 2.42]),
    ("FC2", 1.0, [16, 1, 4096, 4096, 1, 1, 1, 1], 1, [0.27, 3.39, 1.07]),
    ("FC3", 1.0, [16, 1, 1000, 4096, 1, 1, 1, 1], 1, [0.07, 0.84, 0.26]),
];

fn counts(size: [u64; 8], stride: u64) -> FoldedCounts {
    least_energy(&FoldedArray::ISCA_2016, &Layer::new(size, stride).unwrap(), &Energy::NORMALISED).unwrap()
}

#[test]
fn every_component_of_figure_10_is_within_a_tenth_of_1e9() {
    let each = Energy::NORMALISED;
    println!(
        "layer    arithmetic         outside            elements           buffer  network   (ours / figure, 1e9)"
    );
    for (name, parts, size, stride, figure) in ROWS {
        let c = counts(size, stride);
        let scale = |count: f64, energy: f64| parts * count * energy / 1e9;
        let ours = [scale(c.macs, each.mac), scale(c.backing, each.backing), scale(c.element, each.element)];
        let shown: Vec<String> = ours.iter().zip(figure).map(|(o, f)| format!("{o:6.3} / {f:5.2}")).collect();
        let (buffer, network) = (scale(c.buffer, each.buffer), scale(c.network, each.network));
        println!("{name:6} {}  {buffer:6.3}  {network:6.3}", shown.join("   "));
        for (ours, figure) in ours.iter().zip(figure) {
            assert!((ours - figure).abs() < 0.1, "{name}: {ours} counted, {figure} in the figure");
        }
    }
}

#[test]
fn a_group_costs_as_much_as_a_layer_of_its_own() {
    let two = counts([16, 2, 128, 48, 27, 27, 5, 5], 1);
    let one = counts([16, 1, 128, 48, 27, 27, 5, 5], 1);
    assert_eq!(two.backing, 2.0 * one.backing);
    assert_eq!(two.network, 2.0 * one.network);
    assert_eq!(two.element, 2.0 * one.element);
}

#[test]
fn compulsory_words_are_a_floor() {
    for (name, _, size, stride, _) in ROWS {
        let [n, g, k, c, p, q, r, s] = size;
        let input = n * g * c * ((p - 1) * stride + r) * ((q - 1) * stride + s);
        let floor = input + g * k * c * r * s + n * g * k * p * q;
        let found = counts(size, stride).backing;
        assert!(found >= floor as f64, "{name}: {found} words, {floor} at least");
    }
}

#[test]
fn what_does_not_fit_is_refused() {
    let layer = Layer::new([1, 1, 8, 8, 14, 14, 3, 3], 1).unwrap();
    let refused = |array| least_energy(&array, &layer, &Energy::NORMALISED).unwrap_err();
    let sound = FoldedArray::ISCA_2016;
    assert_eq!(refused(FoldedArray { columns: 0, ..sound }), Unplaced::Empty { rows: 16, columns: 0 });
    let element = refused(FoldedArray { element_words: 6, ..sound });
    assert_eq!(element, Unplaced::Unit { memory: "element", found: 7, limit: 6 });
    let buffer = refused(FoldedArray { buffer_words: 100, ..sound });
    assert!(matches!(buffer, Unplaced::Unit { memory: "buffer", limit: 100, .. }), "{buffer}");
}
