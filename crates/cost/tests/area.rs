//! The area model against synthesis and published engines, each row judged by fits that have not seen it.

#![allow(clippy::print_stdout, reason = "the tables these tests print are read by people")]

use hw::machine::shipped;
use nasc_cost::area::{self, array, engine, sram};

fn percent(errors: &[f64]) -> String {
    errors.iter().map(|e| format!("{:+.1}", 100.0 * e)).collect::<Vec<_>>().join(" ")
}

#[test]
fn each_synthesised_array_is_predicted_from_the_others_within_five_percent() {
    let left_out = array::left_out();
    println!("sg13g2, left out one by one, %: {}", percent(&left_out.errors));
    println!("  max {:.2}, mean {:.2}", 100.0 * left_out.max(), 100.0 * left_out.mean());
    assert_eq!(left_out.errors.len(), 12);
    assert!(left_out.max() <= 0.05);
    let asap7 = array::left_out_asap7();
    println!("ASAP7: {}; max {:.2}", percent(&asap7.errors), 100.0 * asap7.max());
    assert!(asap7.max() <= 0.05);
}

#[test]
fn each_engine_of_seven_is_predicted_from_the_other_six_within_twelve_percent() {
    let left_out = engine::left_out();
    println!("NVDLA 28 nm, left out one by one, %: {}", percent(&left_out.errors));
    println!("  max {:.2}, mean {:.2}", 100.0 * left_out.max(), 100.0 * left_out.mean());
    assert_eq!(left_out.errors.len(), 7);
    assert!(left_out.max() <= 0.12);
    let finer = engine::at_16_nm();
    println!("16 nm from 28 nm by node scaling: {}", percent(&finer.errors));
    assert!(finer.max() <= 0.30);
}

#[test]
fn a_memory_is_predicted_from_other_nodes_and_other_sizes() {
    let area = sram::area_left_out();
    println!(
        "CACTI area, nodes left out: {}; max {:.1}, mean {:.1}",
        percent(&area.errors),
        100.0 * area.max(),
        100.0 * area.mean()
    );
    assert!(area.max() <= 0.15);
    for (name, left_out) in ["read", "write"].into_iter().zip(sram::energy_left_out()) {
        println!(
            "CACTI {name} energy, sizes left out: max {:.1}, mean {:.1}",
            100.0 * left_out.max(),
            100.0 * left_out.mean()
        );
        assert!(left_out.mean() <= 0.25, "{name}");
    }
}

#[test]
fn published_areas_lie_in_the_interval_of_shipped_machines() {
    for name in
        ["eyeriss-v1", "tpu-v1-like", "nvdla-64", "nvdla-256", "nvdla-512", "nvdla-1024", "nvdla-2048"]
    {
        let machine = shipped(name).expect("listed").expect("reads");
        let total = area::estimate(&machine).total;
        let published = machine.published.and_then(|p| p.area_mm2).expect("stated in its file");
        println!(
            "{name}: {:.2} mm2 modelled, {published} published, ratio {:.2}",
            total.value,
            published / total.value
        );
        assert!(
            (total.interval[0]..=total.interval[1]).contains(&published),
            "{name}: {published} outside {:?}",
            total.interval
        );
    }
}

#[test]
fn components_add_up_for_every_shipped_machine() {
    for name in hw::machine::SHIPPED {
        let machine = shipped(name).expect("listed").expect("reads");
        let report = area::estimate(&machine);
        let sum: f64 = report.components.iter().map(|(_, mm2)| mm2).sum();
        assert!((sum - report.total.value).abs() <= 1e-9 * sum, "{name}");
        assert!(
            report.components.iter().all(|(_, mm2)| mm2.is_finite() && *mm2 >= 0.0),
            "{name}: {report:?}"
        );
        assert!(report.total.value > 0.0 && report.static_power.value > 0.0, "{name}: {report:?}");
    }
}

#[test]
fn more_elements_and_a_larger_buffer_take_more() {
    let machine = shipped("nvdla-256").expect("listed").expect("reads");
    let area = |set: &[(&str, u64)]| area::estimate(&machine.with(set).expect("in range")).total.value;
    let own = area(&[]);
    assert!(area(&[("atomic_k", 64)]) > own);
    assert!(area(&[("buffer_kib", 512)]) > own);
}

#[test]
fn a_stated_area_stands_and_memory_off_the_die_has_none() {
    let mut machine = shipped("nvdla-256").expect("listed").expect("reads");
    let find = |machine: &hw::machine::Machine, name: &str| {
        area::estimate(machine)
            .components
            .into_iter()
            .find(|(component, _)| component == name)
            .map(|(_, mm2)| mm2)
    };
    assert_eq!(find(&machine, "dram"), None);
    let at = machine.tree.iter().position(|l| l.memory.name == "convolution_buffer").expect("in the file");
    machine.tree[at].memory.area_mm2 = Some(7.0);
    assert_eq!(find(&machine, "convolution_buffer"), Some(7.0));
}

#[test]
fn a_missing_node_is_assumed_and_said() {
    let mut machine = shipped("nvdla-256").expect("listed").expect("reads");
    let stated = area::estimate(&machine);
    assert_eq!(stated.notes, Vec::<String>::new());
    machine.node_nm = None;
    let assumed = area::estimate(&machine);
    assert!(assumed.notes.iter().any(|n| n.contains("28 nm assumed")), "{:?}", assumed.notes);
    machine.node_nm = Some(3.0);
    assert!(area::estimate(&machine).notes.iter().any(|n| n.contains("outside")));
}

#[test]
fn an_array_counts_its_cells_by_hand() {
    // 2x2 of 4-bit operands and 10-bit sums: 4 x 18 bits less 2 x 4 each way; 16 - 8 + 10 adders an element.
    let shape = array::Shape { rows: 2.0, columns: 2.0, input_bits: 4.0, weight_bits: 4.0, sum_bits: 10.0 };
    let cells = array::Cells { flops: 56.0, full_adders: 72.0, selects: 40.0 };
    assert_eq!(shape.cells(), cells);
    let library = array::Library { node_nm: 130.0, flop_um2: 10.0, full_adder_um2: 1.0, select_um2: 0.5 };
    assert_eq!(library.area_um2(&cells), 560.0 + 72.0 + 20.0);
}
