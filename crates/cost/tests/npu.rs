//! Cycles of three networks on four Ethos-U55 against Vela's, each network judged by a fit that has not seen it.

#![allow(clippy::print_stdout, reason = "the tables these tests print are read by people")]

use formats::{ImportOptions, import};
use hw::machine::shipped;
use ir::Graph;
use nasc_cost::npu::{self, Binds, Config, weights};

/// Multipliers of the four sizes.
const SIZES: [u64; 4] = [32, 64, 128, 256];

/// A network, Vela's cycles on the four sizes and the bytes it codes the weights in: Vela 5.2.0,
/// `Ethos_U55_High_End_Embedded`, `Shared_Sram`, 500 MHz.
struct Row {
    file: &'static str,
    cycles: [f64; 4],
    coded_bytes: f64,
}

const VELA: [Row; 3] = [
    Row {
        file: "kws_dscnn_int8.tflite",
        cycles: [266947.0, 140093.0, 89900.0, 58340.0],
        coded_bytes: 24032.0,
    },
    Row {
        file: "vww_mobilenetv1_025_int8.tflite",
        cycles: [700729.0, 359674.0, 220870.0, 161459.0],
        coded_bytes: 47376.0,
    },
    Row {
        file: "ic_resnet8_int8.tflite",
        cycles: [705368.0, 358129.0, 201747.0, 141933.0],
        coded_bytes: 74592.0,
    },
];

fn network(file: &str) -> Graph {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/models/");
    import(format!("{path}{file}"), &ImportOptions::default()).expect("the model reads").graph
}

fn config(macs: u64) -> Config {
    Config::new(macs).expect("one of the four sizes")
}

/// Bytes of entropy of all weights and the zeros coded with them.
fn entropy(graph: &Graph) -> f64 {
    let timed = npu::estimate(graph, &config(128)).expect("all on the engine");
    timed.layers.iter().map(|l| l.entropy_bytes).sum()
}

#[test]
fn every_network_is_within_ten_percent_with_the_code_factor_of_the_other_two() {
    let graphs: Vec<Graph> = VELA.iter().map(|row| network(row.file)).collect();
    let coded: Vec<(f64, f64)> =
        VELA.iter().zip(&graphs).map(|(row, graph)| (entropy(graph), row.coded_bytes)).collect();
    let (mut within, mut worst) = (0, 0.0f64);
    for (out, (row, graph)) in VELA.iter().zip(&graphs).enumerate() {
        let others: Vec<(f64, f64)> = (0..3).filter(|&i| i != out).map(|i| coded[i]).collect();
        let factor = weights::fit_code_factor(&others).expect("two networks");
        let size = factor * coded[out].0 / coded[out].1 - 1.0;
        println!("{}: code factor {factor:.3} of the other two, coded size {:+.1} %", row.file, 100.0 * size);
        for (macs, expected) in SIZES.into_iter().zip(row.cycles) {
            let config = Config { code_factor: factor, ..config(macs) };
            let timed = npu::estimate(graph, &config).expect("all on the engine");
            let error = timed.cycles / expected - 1.0;
            println!("  {macs:>3}: {:>7.0} of {expected:>7.0} cycles, {:+.1} %", timed.cycles, 100.0 * error);
            let interval = timed.estimate().interval;
            assert!((interval[0]..=interval[1]).contains(&expected), "{} on {macs}", row.file);
            within += usize::from(error.abs() <= 0.10);
            worst = worst.max(error.abs());
        }
    }
    println!("{within} of 12 within 10 %, worst {:.1} %", 100.0 * worst);
    assert!(within >= 9);
    let all = weights::fit_code_factor(&coded).expect("three networks");
    assert!((all - weights::CODE_FACTOR).abs() < 5e-4, "the constant is not the fit of all three: {all}");
}

#[test]
fn more_multipliers_help_until_the_flash_binds() {
    let graph = network("ic_resnet8_int8.tflite");
    let timed: Vec<_> =
        SIZES.map(|macs| npu::estimate(&graph, &config(macs)).expect("all on the engine")).into();
    assert!(timed.windows(2).all(|pair| pair[1].cycles < pair[0].cycles));
    let bound = |at: usize| timed[at].layers.iter().filter(|l| l.binds == Binds::Flash).count();
    // The last convolutions have more weights than places: 36,864 bytes for 64 places.
    assert!(bound(0) < bound(3));
    for network in &timed {
        for layer in &network.layers {
            assert!(layer.cycles >= layer.engine.max(layer.sram).max(layer.flash));
        }
    }
}

#[test]
fn no_layer_is_faster_than_its_multipliers_allow() {
    for row in &VELA {
        let graph = network(row.file);
        for macs in SIZES {
            let config = config(macs);
            let timed = npu::estimate(&graph, &config).expect("all on the engine");
            let macs: u64 = timed.layers.iter().map(|l| l.layer.macs()).sum();
            assert_eq!(macs, graph.total_macs().0, "{}", row.file);
            for layer in &timed.layers {
                assert!(layer.utilisation(&config) <= 1.0, "{layer:?}");
            }
        }
    }
}

#[test]
fn faster_flash_never_slows_a_network_down() {
    let graph = network("kws_dscnn_int8.tflite");
    let mut config = config(256);
    let slow = npu::estimate(&graph, &config).expect("all on the engine").cycles;
    config.flash_bytes_per_cycle *= 4.0;
    assert!(npu::estimate(&graph, &config).expect("all on the engine").cycles <= slow);
}

#[test]
fn ops_the_engine_does_not_run_are_all_named() {
    let graph = ir::parse(
        "graph @t(%x: i8[1, 8, 4, 4] {scale = 1.0, zero = 0}, %w: i8[8, 4, 1, 1] {scale = 1.0, zero = 0}) {
          %y = conv2d %x, %w {groups = 2} : i8[1, 8, 4, 4] {scale = 1.0, zero = 0}
          %z = conv2d %y, %w {groups = 2} : i8[1, 8, 4, 4] {scale = 1.0, zero = 0}
          return %z
        }",
        &ir::NoWeights,
    )
    .expect("well-formed");
    let refused = npu::estimate(&graph, &config(64)).expect_err("grouped convolutions");
    assert_eq!(refused.0.len(), 2);
    assert!(refused.to_string().contains("`y` (conv2d): grouped, but not by channels"), "{refused}");
}

#[test]
fn shipped_machines_are_the_four_sizes_and_others_are_refused() {
    for macs in SIZES {
        let machine = shipped(&format!("ethos-u55-{macs}")).expect("listed").expect("reads");
        assert_eq!(Config::of(&machine).expect("a size"), config(macs));
    }
    let other = shipped("e168").expect("listed").expect("reads");
    let refused = Config::of(&other).expect_err("168 multipliers");
    assert_eq!(
        refused.to_string(),
        "`e168` has 168 multipliers, 32, 64, 128 or 256 of an Ethos-U55 expected"
    );
}
