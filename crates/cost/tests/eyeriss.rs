//! The Eyeriss chip on AlexNet, batch 4, and VGG-16, batch 3: mapping, buffer traffic, latency, power and outside traffic.
//!
//! Measured rows: Chen et al., JSSC 2017, tables V and VI (65 nm, 200 MHz, 1.0 V); power, processing latency and multiply-accumulates
//! of AlexNet are also in the nn_dataflow test suite, the other columns are recalled and add up to the published totals.

#![allow(clippy::print_stdout, reason = "the tables these tests print are read by people")]

use check::nest::legality;
use hw::machine::{Dim, Layer, Tensor, Tier, shipped};
use nasc_cost::nest::Model;
use nasc_cost::row_stationary::power::{Draw, fit_clock_mw, on_chip, power_mw};
use nasc_cost::row_stationary::{Array, Energy, NoMapping, Parameters, Plan, derive};
use nasc_cost::zeros::RunLength;

struct Row {
    name: &'static str,
    size: [u64; 8],
    stride: u64,
    milliwatts: f64,
    milliseconds: f64,
    active: u64,
    zeros: f64,
    buffer_mb: f64,
    outside_mb: f64,
}

#[rustfmt::skip]
const ALEXNET: [Row; 5] = [
    Row { name: "CONV1", size: [4, 1, 96, 3, 55, 55, 11, 11], stride: 4, milliwatts: 332.0, milliseconds: 16.5, active: 154, zeros: 0.0001, buffer_mb: 18.5, outside_mb: 5.0 },
    Row { name: "CONV2", size: [4, 2, 128, 48, 27, 27, 5, 5], stride: 1, milliwatts: 288.0, milliseconds: 39.2, active: 135, zeros: 0.387, buffer_mb: 77.6, outside_mb: 4.0 },
    Row { name: "CONV3", size: [4, 1, 384, 256, 13, 13, 3, 3], stride: 1, milliwatts: 266.0, milliseconds: 21.8, active: 156, zeros: 0.725, buffer_mb: 50.2, outside_mb: 3.0 },
    Row { name: "CONV4", size: [4, 2, 192, 192, 13, 13, 3, 3], stride: 1, milliwatts: 235.0, milliseconds: 16.0, active: 156, zeros: 0.793, buffer_mb: 37.4, outside_mb: 2.1 },
    Row { name: "CONV5", size: [4, 2, 128, 192, 13, 13, 3, 3], stride: 1, milliwatts: 236.0, milliseconds: 10.0, active: 156, zeros: 0.776, buffer_mb: 24.9, outside_mb: 1.3 },
];

/// Layer, channels in and out, rows and columns, milliseconds, elements at work, buffer MB.
type VggRow = (&'static str, u64, u64, u64, f64, u64, f64);

const VGG16: [VggRow; 13] = [
    ("CONV1-1", 3, 64, 224, 38.0, 156, 112.6),
    ("CONV1-2", 64, 64, 224, 810.6, 156, 2402.8),
    ("CONV2-1", 64, 128, 112, 405.3, 156, 1201.4),
    ("CONV2-2", 128, 128, 112, 810.8, 156, 2402.8),
    ("CONV3-1", 128, 256, 56, 204.0, 156, 607.4),
    ("CONV3-2", 256, 256, 56, 408.1, 156, 1214.8),
    ("CONV3-3", 256, 256, 56, 408.1, 156, 1214.8),
    ("CONV4-1", 256, 512, 28, 105.1, 168, 321.8),
    ("CONV4-2", 512, 512, 28, 210.0, 168, 643.7),
    ("CONV4-3", 512, 512, 28, 210.0, 168, 643.7),
    ("CONV5-1", 512, 512, 14, 48.3, 168, 90.0),
    ("CONV5-2", 512, 512, 14, 48.5, 168, 90.0),
    ("CONV5-3", 512, 512, 14, 48.5, 168, 90.0),
];

fn plan(row: &Row) -> Plan {
    let layer = Layer::new(row.size, row.stride).unwrap();
    derive(&Array::EYERISS, &layer, &Energy::NORMALISED).unwrap()
}

/// Mean and largest of absolute relative errors, in per cent.
fn mean_and_worst(errors: &[f64]) -> (f64, f64) {
    let absolute = errors.iter().map(|e| 100.0 * e.abs());
    (absolute.clone().sum::<f64>() / errors.len() as f64, absolute.fold(0.0, f64::max))
}

#[test]
fn the_derived_mapping_has_the_published_elements_and_buffer_traffic() {
    println!("layer   m   n   e   p  q  r  t  active / chip   buffer MB / chip");
    for row in &ALEXNET {
        let plan = plan(row);
        let Parameters { m, n, e, p, q, r, t } = plan.parameters;
        let mb = plan.counts().array_words * 2e-6;
        println!(
            "{} {m:3} {n:3} {e:3} {p:3} {q:2} {r:2} {t:2}     {:3} / {:3}   {mb:6.2} / {:5.1}",
            row.name,
            plan.active(),
            row.active,
            row.buffer_mb
        );
        assert_eq!(plan.active(), row.active, "{}", row.name);
        assert!((mb - row.buffer_mb).abs() < 0.06, "{}: {mb} MB, {} published", row.name, row.buffer_mb);
    }
}

#[test]
fn latency_of_every_alexnet_layer_is_closer_to_the_chip_than_maestro() {
    let maestro = [16.49, 39.61, 20.71, 17.99, 10.27];
    let mut errors = Vec::new();
    println!(
        "layer   ours ms  chip ms   error   (maestro)   compute  stream filters windows   drain (cycles)"
    );
    for (row, maestro) in ALEXNET.iter().zip(maestro) {
        let (c, ms) = (plan(row).cycles(), plan(row).milliseconds());
        let error = ms / row.milliseconds - 1.0;
        println!(
            "{}   {ms:6.2}    {:5.1}  {:+5.1} %  {:+5.1} %   {:9.0} {:7.0} {:7.0} {:7.0} {:7.0}",
            row.name,
            row.milliseconds,
            100.0 * error,
            100.0 * (maestro / row.milliseconds - 1.0),
            c.compute,
            c.stream,
            c.filters,
            c.windows,
            c.drain
        );
        errors.push(error);
    }
    let (mean, worst) = mean_and_worst(&errors);
    println!("mean absolute error {mean:.1} %, largest {worst:.1} %; no coefficient is fitted");
    for (what, kept) in [
        ("filters", [0.0, 1.0, 1.0]),
        ("windows", [1.0, 0.0, 1.0]),
        ("drain", [1.0, 1.0, 0.0]),
        ("all three", [0.0; 3]),
    ] {
        let without = ALEXNET.iter().map(|row| {
            let c = plan(row).cycles();
            let cycles = c.compute + c.stream + c.filters * kept[0] + c.windows * kept[1] + c.drain * kept[2];
            cycles / 200e3 / row.milliseconds - 1.0
        });
        let (mean, worst) = mean_and_worst(&without.collect::<Vec<_>>());
        println!("without {what}: mean {mean:.1} %, largest {worst:.1} %");
    }
    assert!(mean < 4.2 && worst < 12.4, "mean {mean} %, largest {worst} %");
}

#[test]
fn published_buffer_traffic_and_the_network_widths_bound_vgg16() {
    println!("layer    chip ms   bound ms  below   ours ms (another mapping)");
    let mut below = Vec::new();
    for (name, c, k, side, chip, active, mb) in VGG16 {
        let layer = Layer::new([3, 1, k, c, side, side, 3, 3], 1).unwrap();
        let array = Array::EYERISS;
        let words_per_cycle = 2.0 * array.network.sum_words_per_cycle;
        let port = mb * 1e6 / 2.0 / words_per_cycle / 200e3;
        let compute = layer.macs() as f64 / active as f64 / 200e3;
        let bound = port.max(compute);
        let ours = derive(&array, &layer, &Energy::NORMALISED).unwrap();
        println!(
            "{name}  {chip:6.1}    {bound:6.1}  {:5.1} %   {:6.1} {:?}",
            100.0 * (1.0 - bound / chip),
            ours.milliseconds(),
            ours.parameters
        );
        assert!(bound < chip, "{name}: {bound} ms at least, {chip} measured");
        assert!(
            ours.milliseconds() > layer.macs() as f64 / 168.0 / 200e3,
            "{name}: faster than every element at work"
        );
        below.push(1.0 - bound / chip);
    }
    let (mean, worst) = mean_and_worst(&below);
    println!("measured above the bound by {mean:.1} % on average, {worst:.1} % at most");
    assert!(mean < 9.0 && worst < 16.0, "mean {mean} %, largest {worst} %");
}

#[test]
fn power_of_every_alexnet_layer_is_within_its_bounds_left_out_or_not() {
    let (each, bare) = (Energy::EYERISS_65NM_PJ, Draw { clock_mw: 0.0, ..Draw::EYERISS });
    let samples: Vec<(f64, f64)> =
        ALEXNET.iter().map(|row| (power_mw(&plan(row), row.zeros, &each, &bare), row.milliwatts)).collect();
    let all = fit_clock_mw(&samples).unwrap();
    println!("clock {all:.1} mW fitted to all five rows");
    assert!(
        (all - Draw::EYERISS.clock_mw).abs() < 0.1,
        "{all} mW fitted, {} shipped",
        Draw::EYERISS.clock_mw
    );
    println!(
        "layer  ours mW  chip mW   error   left out   ungated    mac  element network buffer static+clock (mW)"
    );
    let (mut fitted, mut left_out) = (Vec::new(), Vec::new());
    for (i, row) in ALEXNET.iter().enumerate() {
        let plan = plan(row);
        let ours = power_mw(&plan, row.zeros, &each, &Draw::EYERISS);
        let others: Vec<(f64, f64)> =
            samples.iter().enumerate().filter(|(j, _)| *j != i).map(|(_, s)| *s).collect();
        let other = samples[i].0 + fit_clock_mw(&others).unwrap();
        let (part, ms) = (on_chip(&plan, row.zeros, &each), plan.milliseconds());
        let [mac, element, network, buffer] =
            [part.mac_mj, part.element_mj, part.network_mj, part.buffer_mj].map(|mj| mj / ms * 1e3);
        fitted.push(ours / row.milliwatts - 1.0);
        left_out.push(other / row.milliwatts - 1.0);
        println!(
            "{}   {ours:5.1}    {:5.0}  {:+5.1} %   {:+5.1} %   {:+5.1} %   {mac:5.1}   {element:5.1}   {network:5.1}  {buffer:5.1}  {:5.1}",
            row.name,
            row.milliwatts,
            100.0 * fitted[i],
            100.0 * left_out[i],
            100.0 * (power_mw(&plan, 0.0, &each, &Draw::EYERISS) / row.milliwatts - 1.0),
            Draw::EYERISS.static_mw + Draw::EYERISS.clock_mw
        );
    }
    for (what, errors) in [("fitted", &fitted), ("left out", &left_out)] {
        let (mean, worst) = mean_and_worst(errors);
        println!("{what}: mean {mean:.1} %, largest {worst:.1} %");
        assert!(mean <= 15.0 && worst <= 25.0, "{what}: mean {mean} %, largest {worst} %");
    }
}

#[test]
fn outside_traffic_follows_from_zeros_and_the_run_length_code() {
    // Zeros of an output are those of the next layer's input; the last layer's are taken to be its input's.
    let next = [0.387, 0.725, 0.793, 0.776, 0.776];
    let (mut coded_mb, mut plain_mb, mut macs) = (0.0, 0.0, 0.0);
    println!("layer   plain MB  coded MB  chip MB");
    for (row, next) in ALEXNET.iter().zip(next) {
        let counts = plan(row).counts();
        let [p, r] = [Dim::P, Dim::R].map(|d| row.size[d as usize] as f64);
        let stored = if row.stride == 1 { (p / (p + r - 1.0)).powi(2) } else { 1.0 };
        let coded = counts.backing_coded(stored, [row.zeros, next], &RunLength::EYERISS, 16) * 2e-6;
        let plain = counts.backing_coded(stored, [0.0; 2], &RunLength::EYERISS, 16) * 2e-6;
        println!("{}   {plain:6.2}    {coded:6.2}   {:5.1}", row.name, row.outside_mb);
        assert!(
            (coded / row.outside_mb - 1.0).abs() < 0.2,
            "{}: {coded} MB, {} published",
            row.name,
            row.outside_mb
        );
        (coded_mb, plain_mb, macs) = (coded_mb + coded, plain_mb + plain, macs + counts.macs);
    }
    let per_mac = |mb: f64| mb * 1e6 / 2.0 / macs;
    println!(
        "all: {coded_mb:.1} of 15.4 MB; {:.4} accesses a multiply-accumulate, {:.4} uncoded",
        per_mac(coded_mb),
        per_mac(plain_mb)
    );
    assert!((per_mac(coded_mb) - 0.0029).abs() < 0.00025);
    assert!(plain_mb > 1.2 * coded_mb);
}

#[test]
fn the_nest_model_counts_the_same_traffic_for_the_same_mapping() {
    let machine = shipped("e168").unwrap().unwrap();
    for row in &ALEXNET {
        let plan = plan(row);
        let mapping = plan.nest();
        legality(&machine, &plan.layer, &mapping).unwrap();
        let counted = Model::new(&machine, &plan.layer, mapping.bypass).breakdown(&mapping);
        let of = |tier: Tier, tensor: Tensor| counted.access[tier as usize][tensor as usize];
        let sums = of(Tier::Buffer, Tensor::Output);
        let words = of(Tier::Buffer, Tensor::Input).reads + sums.reads + sums.writes;
        let counts = plan.counts();
        assert_eq!(words, counts.array_words, "{}", row.name);
        assert_eq!(of(Tier::Backing, Tensor::Output).writes, counts.backing_output, "{}", row.name);
        assert_eq!(of(Tier::Backing, Tensor::Input).reads, counts.backing_input, "{}", row.name);
        assert_eq!(of(Tier::Backing, Tensor::Weight).reads, counts.backing_filter, "{}", row.name);
    }
}

#[test]
fn passes_cover_the_layer() {
    for row in &ALEXNET {
        let plan = plan(row);
        let covered: u64 =
            plan.passes().map(|(times, pass)| times * pass.images * pass.e * pass.channels).sum();
        let [n, g, k, c, p, ..] = row.size;
        assert_eq!(covered, n * g * c * p * (k / plan.parameters.p / plan.parameters.t), "{}", row.name);
    }
}

#[test]
fn a_layer_that_cannot_be_placed_says_why() {
    let refuse =
        |array: &Array, size| derive(array, &Layer::new(size, 1).unwrap(), &Energy::NORMALISED).unwrap_err();
    let chip = Array::EYERISS;
    let tall = refuse(&chip, [1, 1, 1, 1, 4, 4, 13, 1]);
    assert_eq!(tall, NoMapping::FilterRows { found: 13, limit: 12 });
    let wide = refuse(&chip, [1, 1, 1, 1, 4, 4, 3, 13]);
    assert_eq!(wide, NoMapping::FilterRow { found: 13, limit: 12, memory: "input" });
    let long = refuse(&chip, [1, 1, 1, 1, 4, 60_000, 3, 3]);
    assert!(matches!(long, NoMapping::Buffer { limit: 25, found } if found > 25), "{long}");
    let huge = refuse(&chip, [1, 1, 1, 1, 1 << 30, 1 << 16, 1, 1]);
    assert!(matches!(huge, NoMapping::Buffer { .. }), "{huge}");
    let none = refuse(&Array { bank_words: 0, ..chip }, [1, 1, 1, 1, 4, 4, 3, 3]);
    assert!(matches!(none, NoMapping::Buffer { limit: 0, .. }), "{none}");
}

#[test]
fn the_shipped_machine_is_the_chip_of_these_rows() {
    let machine = shipped("eyeriss-v1").unwrap().unwrap();
    let chip = Array::EYERISS;
    assert_eq!(Array::of(&machine, chip.bank_words, chip.network), Ok(chip));
    assert_eq!(Energy::of(&machine), Ok(Energy::EYERISS_65NM_PJ));
    assert_eq!(machine.static_mw, Some(Draw::EYERISS.static_mw));
    let other = shipped("w1024").unwrap().unwrap();
    let lacks = Array::of(&other, chip.bank_words, chip.network).unwrap_err();
    assert_eq!(
        lacks.to_string(),
        "`w1024` has no element memory of limited size for inputs; row-stationary needs it"
    );
}

#[test]
fn rows_outside_the_fit_agree_where_the_chip_ran_this_mapping() {
    // VGG-16's last three layers: the derived mapping has the published elements and, within 1 %, the published buffer traffic.
    // Zeros and milliwatts of JSSC 2017, table VI, recalled.
    let published = [(0.794, 258.0), (0.874, 236.0), (0.885, 230.0)];
    println!("layer    active   buffer MB       ours ms / chip          ours mW / chip");
    for ((name, c, k, side, chip_ms, active, mb), (zeros, chip_mw)) in
        VGG16[10..].iter().copied().zip(published)
    {
        let layer = Layer::new([3, 1, k, c, side, side, 3, 3], 1).unwrap();
        let plan = derive(&Array::EYERISS, &layer, &Energy::NORMALISED).unwrap();
        let (words, ms) = (plan.counts().array_words * 2e-6, plan.milliseconds());
        let mw = power_mw(&plan, zeros, &Energy::EYERISS_65NM_PJ, &Draw::EYERISS);
        let error = |ours: f64, chip: f64| 100.0 * (ours / chip - 1.0);
        println!(
            "{name}    {}   {words:5.1} / {mb:5.1}   {ms:5.1} / {chip_ms:5.1} {:+5.1} %   {mw:5.1} / {chip_mw:5.1} {:+5.1} %",
            plan.active(),
            error(ms, chip_ms),
            error(mw, chip_mw)
        );
        assert_eq!(plan.active(), active, "{name}");
        assert!(error(words, mb).abs() < 1.0, "{name}: {words} MB");
        assert!(error(ms, chip_ms).abs() < 4.2, "{name}: {ms} ms");
        assert!(error(mw, chip_mw).abs() < 15.0, "{name}: {mw} mW");
    }
}
