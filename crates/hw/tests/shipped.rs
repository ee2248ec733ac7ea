//! What holds of every machine that comes with the library.

use hw::machine::{SHIPPED, Tier, shipped};
use nasc_hw as hw;
use std::path::Path;

#[test]
fn every_file_of_the_folder_is_shipped_and_nothing_else() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("machines");
    let entries = std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path());
    let mut files: Vec<String> = entries
        .filter(|p| p.extension().is_some_and(|e| e == "toml"))
        .map(|p| p.file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    files.sort();
    let mut listed: Vec<&str> = SHIPPED.to_vec();
    listed.sort_unstable();
    assert_eq!(files, listed);
}

#[test]
fn every_number_has_a_source_and_every_assumption_a_mark() {
    for name in SHIPPED {
        let machine = shipped(name).unwrap().unwrap_or_else(|e| panic!("{e}"));
        for fact in &machine.facts {
            let plain = matches!(fact.item.as_str(), "machine") && ["e168", "w1024"].contains(name);
            let source = fact.source.as_deref();
            assert!(plain || source.is_some(), "{name}: {} of {} has no source", fact.key, fact.item);
            let told = source.is_some_and(|s| s.contains("assumed"));
            let marked = |item: &str| machine.facts.iter().any(|f| f.item == item && f.assumed);
            assert!(!told || marked(&fact.item), "{name}: {} is told to be assumed, not marked", fact.item);
        }
    }
}

#[test]
fn templates_read_at_both_ends_of_every_range() {
    let mut templates = 0;
    for name in SHIPPED {
        let machine = shipped(name).unwrap().unwrap_or_else(|e| panic!("{e}"));
        for parameter in &machine.parameters {
            for value in parameter.range {
                machine.with(&[(&parameter.name, value)]).unwrap_or_else(|e| panic!("{name}: {e}"));
            }
        }
        templates += u64::from(!machine.parameters.is_empty());
    }
    assert!(templates >= 10, "{templates} templates");
}

/// Two operations a multiply-accumulate, at the clock and the precision of the file.
#[test]
fn the_array_gives_the_peak_that_was_published() {
    for name in ["eyeriss-v1", "tpu-v1-like", "gemmini-like", "edge-tpu-like", "sapphire-rapids-core"] {
        peak(name, 1.0);
    }
    for name in SHIPPED.iter().filter(|n| n.starts_with("nvdla-")) {
        peak(name, 1.0);
    }
    // Published at 1 GHz, configured at 500 MHz; published of the whole chip, described by the SM.
    for name in SHIPPED.iter().filter(|n| n.starts_with("ethos-u55-")) {
        peak(name, 2.0);
    }
    peak("ampere-sm", 108.0);
    peak("hopper-sm", 132.0);
}

fn peak(name: &str, times: f64) {
    let machine = shipped(name).unwrap().unwrap();
    let rate = machine.own_precision().unwrap().macs_per_cycle;
    let tops = 2e-6 * machine.elements() as f64 * rate * machine.clock_mhz.unwrap() * times;
    let published = machine.published.unwrap().peak_tops.unwrap();
    assert!((tops / published - 1.0).abs() < 0.03, "{name}: {tops} of {published} TOPS");
}

#[test]
fn every_core_with_caches_has_a_tree_deeper_than_three_tiers() {
    for name in ["cortex-a72", "cortex-a76", "sapphire-rapids-core", "ampere-sm", "hopper-sm"] {
        let machine = shipped(name).unwrap().unwrap();
        let crossed: Vec<_> = machine.tree.iter().filter(|l| !l.mapped).collect();
        assert_eq!(crossed.len(), 1, "{name}");
        let seen = |tier| machine.memories.iter().filter(|m| m.tier == tier).count();
        assert_eq!((seen(Tier::Backing), seen(Tier::Buffer)), (1, 1), "{name}");
    }
}
