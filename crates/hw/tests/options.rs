//! Precisions, sparsity, network, power, compression and template expressions of hardware files.

use hw::machine::{Machine, Ports, Scheme, StructuredSparsity, shipped};
use nasc_hw as hw;

const FULL: &str = r#"name = "full"
summary = "every option"
word_bits = 8
clock_mhz = 800
voltage_v = 0.9
input_fetch = "touched"
[compute]
mac_energy_pj = 0.2
op_overhead_cycles = 100
vector_ops_per_cycle = 16
vector_op_energy_pj = 0.5
zero_gating = true
structured_sparsity = ["2:4", "1:4"]
partial_sum_bits = 24
source = "assumed"
[[precision]]
name = "8x8"
input_bits = 8
weight_bits = 8
macs_per_cycle = 2
source = "assumed"
[[precision]]
name = "16x8"
input_bits = 16
weight_bits = 8
macs_per_cycle = 0.5
mac_energy_pj = 0.3
source = "assumed"
[[parameter]]
name = "rows"
default = 8
min = 2
max = 16
source = "assumed"
[[parameter]]
name = "columns"
default = 4
min = 2
max = 16
source = "assumed"
[[axis]]
name = "rows"
size = "$rows"
source = "assumed"
[[axis]]
name = "columns"
size = "$columns"
source = "assumed"
[network]
multicast = true
hop_energy_pj_per_word = 0.1
source = "assumed"
[[memory]]
name = "dram"
tier = "backing"
holds = ["weight", "input", "output"]
read_energy_pj_per_word = 100
write_energy_pj_per_word = 100
read_words_per_cycle = "$rows * $columns / 2"
write_words_per_cycle = 8
read_write_ports = 1
block_words = 32
compression = "rle"
compresses = ["input"]
compression_run_bits = 5
source = "assumed"
[power]
static_mw = 12
source = "assumed"
[published]
area_mm2 = 3
peak_tops = 0.1
source = "assumed"
"#;

fn refusal(from: &str, to: &str) -> String {
    assert!(FULL.contains(from), "the file has no {from}");
    Machine::parse(&FULL.replacen(from, to, 1), "full.toml").expect_err("refused").to_string()
}

#[test]
fn every_option_is_read() {
    let machine = Machine::parse(FULL, "full.toml").unwrap();
    assert_eq!((machine.voltage_v, machine.static_mw), (Some(0.9), Some(12.0)));
    assert!(machine.compute.zero_gating && !machine.compute.zero_skipping);
    assert_eq!(machine.compute.partial_sum_bits, Some(24));
    let halves = StructuredSparsity { nonzero: 2, group: 4, speedup: 2.0 };
    assert_eq!(machine.compute.structured_sparsity[0], halves);
    assert_eq!(machine.compute.structured_sparsity[1].speedup, 4.0);
    let network = machine.network.unwrap();
    assert!(network.multicast && !network.reduction);
    let dram = &machine.memories[0];
    assert_eq!(dram.ports, Some(Ports { read: 0, write: 0, read_write: 1 }));
    let packed = dram.compression.unwrap();
    assert_eq!(
        (packed.scheme, packed.run_bits, packed.tensors),
        (Scheme::RunLength, 5, [false, true, false])
    );
    assert_eq!((dram.block_words, dram.word_bits), (32, 8));
    assert_eq!(machine.published.unwrap().area_mm2, Some(3.0));
    let gated = machine.facts.iter().find(|f| f.key == "zero_gating").unwrap();
    assert_eq!((gated.item.as_str(), gated.value.as_str()), ("compute", "true"));
}

#[test]
fn parameters_multiply_and_divide() {
    let machine = Machine::parse(FULL, "full.toml").unwrap();
    assert_eq!(machine.memories[0].read_words_per_cycle, Some(16.0));
    let wider = machine.with(&[("rows", 16)]).unwrap();
    assert_eq!((wider.elements(), wider.memories[0].read_words_per_cycle), (64, Some(32.0)));
    // What was set stays set.
    assert_eq!(wider.with(&[("columns", 16)]).unwrap().elements(), 256);
    let refused = machine.with(&[("rows", 17)]).unwrap_err().to_string();
    assert_eq!(refused, "full.toml:29: `rows` is 17, 2 to 16 expected");
    assert_eq!(machine.with(&[("row", 8)]).unwrap_err().to_string(), "full.toml:1: no parameter named `row`");
    assert!(refusal("$columns / 2", "$column / 2").ends_with("no parameter named `column`"));
    assert!(refusal("$columns / 2", "$columns + 2").contains("no parameter named `columns + 2`"));
    assert!(refusal("$columns / 2", "$columns / two").contains("a product of numbers and parameters"));
    assert!(refusal("$columns / 2", "$columns / 0").contains("a finite number expected"));
    assert!(refusal("size = \"$rows\"", "size = \"$rows / 3\"").contains("a whole number from 1"));
}

#[test]
fn a_dollar_in_prose_is_no_parameter() {
    let text = FULL.replacen("every option", "sold for $5", 1).replacen("\"assumed\"", "\"a $20 board\"", 1);
    assert_eq!(Machine::parse(&text, "full.toml").unwrap().summary, "sold for $5");
}

#[test]
fn a_shipped_template_is_resized() {
    let nvdla = shipped("nvdla-64").unwrap().unwrap();
    assert_eq!(nvdla.elements(), 64);
    let buffer = nvdla.memories.iter().find(|m| m.name == "convolution_buffer").unwrap();
    assert_eq!(buffer.capacity_words, Some(128 * 1024));
    assert_eq!(nvdla.with(&[("atomic_k", 16)]).unwrap().elements(), 128);
}

#[test]
fn a_view_counts_steps_and_keeps_seconds() {
    let machine = Machine::parse(FULL, "full.toml").unwrap();
    let view = machine.mapping_view(None).unwrap();
    // Two products a cycle: a step is half a cycle, the clock of steps twice as fast, 8 words a step.
    assert_eq!(view.clock_cycles_per_step, 0.5);
    assert_eq!(view.machine.clock_mhz, Some(1600.0));
    assert_eq!(view.machine.memories[0].read_words_per_cycle, Some(8.0));
    assert_eq!(view.machine.compute.op_overhead_cycles, 200.0);
    let slow = machine.mapping_view(Some("16x8")).unwrap();
    assert_eq!((slow.clock_cycles_per_step, slow.machine.mac_energy_pj), (2.0, 0.3));
    let refused = machine.mapping_view(Some("4x4")).unwrap_err().to_string();
    assert_eq!(refused, "`full` has no precision `4x4`, `8x8`, `16x8` expected");
    let plain = shipped("e168").unwrap().unwrap();
    let view = plain.mapping_view(None).unwrap();
    assert_eq!((view.clock_cycles_per_step, view.machine), (1.0, plain));
}

#[test]
fn options_that_say_nothing_are_refused() {
    assert_eq!(
        refusal("[\"2:4\", \"1:4\"]", "[\"4:2\"]"),
        "full.toml:13: `structured_sparsity` is `4:2`, one of N:M with 0 < N < M <= 1024 expected"
    );
    assert_eq!(
        refusal("compression_run_bits = 5\n", ""),
        "full.toml:53: [[memory]] has no `compression_run_bits`"
    );
    assert_eq!(
        refusal("\"rle\"", "\"zip\""),
        "full.toml:63: `compression` is `zip`, one of `none`, `rle`, `bitmask`, `entropy` expected"
    );
    assert_eq!(
        refusal("read_write_ports = 1", "write_ports = 1"),
        "full.toml:53: `dram` has no port that reads"
    );
    assert_eq!(
        refusal("zero_gating = true", "zero_gating = 1"),
        "full.toml:12: `zero_gating` is a number, true or false expected"
    );
    assert!(refusal("macs_per_cycle = 2", "macs_per_cycle = 0").ends_with("more than 0 expected"));
    assert!(refusal("multicast = true", "multicst = true").contains("the nearest known one is `multicast`"));
    assert!(refusal("static_mw = 12", "static_w = 12").contains("unknown unit `w` in `static_w` of [power]"));
    assert!(refusal("area_mm2 = 3", "area_um2 = 3").contains("`area_mm2` expected"));
}
