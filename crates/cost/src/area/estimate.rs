//! The area of a described machine.

use hw::machine::{Kind, Level, Machine, Precision, Tensor, Tier};
use hw::{Estimate, Origin};

use super::array::{Cells, SG13G2, full_adders};
use super::engine::{OVERHEAD, Overhead};
use super::{node, sram};

/// Silicon of a machine, component by component.
#[derive(Debug, Clone, PartialEq)]
pub struct AreaReport {
    /// `(component, mm2)`; they add up to the total.
    pub components: Vec<(String, f64)>,
    /// All of it, in mm2.
    pub total: Estimate,
    /// Power drawn whatever runs, in mW: as the file states it, else leakage.
    pub static_power: Estimate,
    /// What had to be assumed, a sentence each.
    pub notes: Vec<String>,
}

/// Where the true area of a whole engine is expected, over the modelled one.
///
/// Published over modelled is 0.9 to 1.1 for the primer's engines, 1.3 for Eyeriss, 1.9 for the TPU's die (an upper bound itself,
/// interfaces included); smaller engines than ours are as likely as larger ones but were not found published.
const INTERVAL: [f64; 2] = [0.65, 2.0];

/// Where leakage is expected, over that of low-standby-power cells: high-performance ones leak up to a hundred times more.
const LEAKAGE_INTERVAL: [f64; 2] = [0.5, 100.0];

/// Leakage of sg13g2's cells: 11.2 (`nand2_1`) to 13.6 pW/um2 (`mux2_1`) in its liberty file, typical corner, 25 C.
const SG13G2_LEAKAGE_MW_PER_MM2: f64 = 0.012;

/// The node taken where a file states none.
const DEFAULT_NODE_NM: f64 = 28.0;

/// Memories of a file that says nothing of their kind are registers up to this size; compiled memories start about there.
const REGISTER_BITS: f64 = 1024.0;

/// Area of the machine's silicon; memories on other dies (`dram`, `flash`) and such without a capacity have none.
///
/// A memory's own `area_mm2` stands as it is. What was published of the whole is not looked at: it judges this model. Sizes are
/// those of the machine as its parameters stand, so that a template's candidates can be compared.
pub fn estimate(machine: &Machine) -> AreaReport {
    let mut notes = Vec::new();
    let node_nm = machine.node_nm.unwrap_or_else(|| {
        notes.push(format!("no node is stated: {DEFAULT_NODE_NM} nm assumed"));
        DEFAULT_NODE_NM
    });
    let [low, high] = node::ATTESTED_NM;
    if !(low..=high).contains(&node_nm) {
        notes.push(format!("{node_nm} nm lies outside {low} to {high} nm: the curve of nodes is extended"));
    }
    if machine.compute.scalar_ops_per_cycle.is_some() {
        notes.push("a processor's own pipeline is not counted: control is that of an accelerator".to_owned());
    }
    let scale = node::logic_scale(node_nm);
    let cells_mm2 = |cells: &Cells| SG13G2.area_um2(cells) * scale * 1e-6;

    let arithmetic = cells_mm2(&multipliers(machine, &mut notes));
    let pipeline = cells_mm2(&pipeline(machine));
    let mut components = vec![("multipliers and adders".to_owned(), arithmetic)];
    if pipeline > 0.0 {
        components.push(("pipeline registers".to_owned(), pipeline));
    }
    let (mut logic, mut memory, mut stated, mut quiet) = (arithmetic + pipeline, 0.0, 0.0, 0.0);
    for level in &machine.tree {
        let before = components.len();
        match silicon(machine, level, node_nm, &mut notes) {
            None => continue,
            Some(Silicon::Stated(mm2)) => {
                components.push((level.memory.name.clone(), mm2));
                stated += mm2;
            }
            Some(Silicon::Registers(flops)) => {
                let mm2 = cells_mm2(&Cells { flops, full_adders: 0.0, selects: 0.0 });
                components.push((level.memory.name.clone(), mm2));
                logic += mm2;
            }
            Some(Silicon::Sram(mm2)) => {
                components.push((level.memory.name.clone(), mm2));
                memory += mm2;
            }
        }
        // Its own leakage is stated and counted by itself.
        if level.memory.leakage_mw.is_some() {
            quiet += components[before..].iter().map(|(_, mm2)| mm2).sum::<f64>();
        }
    }
    let control = OVERHEAD.control_mm2 * scale / node::logic_scale(Overhead::NODE_NM);
    components.push(("around the cells".to_owned(), logic * (OVERHEAD.logic - 1.0)));
    components.push(("around the memories".to_owned(), memory * (OVERHEAD.memory - 1.0)));
    components.push(("control".to_owned(), control));
    let total: f64 = components.iter().map(|(_, mm2)| mm2).sum();
    let modelled = total - stated;
    let static_power = match machine.static_mw {
        Some(mw) => Estimate::exact(mw, "mW", Origin::Modelled),
        None => {
            let mw = leakage_mw(machine, node_nm, total - quiet);
            Estimate::within(mw, "mW", Origin::Modelled, mw * LEAKAGE_INTERVAL[0], mw * LEAKAGE_INTERVAL[1])
        }
    };
    let [low, high] = INTERVAL.map(|factor| stated + modelled * factor);
    AreaReport {
        components,
        total: Estimate::within(total, "mm2", Origin::Modelled, low, high),
        static_power,
        notes,
    }
}

/// What a memory takes before anything around it.
enum Silicon {
    /// As the file states it, in mm2.
    Stated(f64),
    /// Flip-flops.
    Registers(f64),
    /// Static memory, in mm2.
    Sram(f64),
}

fn silicon(machine: &Machine, level: &Level, node_nm: f64, notes: &mut Vec<String>) -> Option<Silicon> {
    let memory = &level.memory;
    if matches!(memory.kind, Some(Kind::Dram | Kind::Flash)) {
        return None;
    }
    if let Some(mm2) = memory.area_mm2 {
        return Some(Silicon::Stated(mm2));
    }
    let words = memory.capacity_words? as f64 * if memory.double_buffered { 2.0 } else { 1.0 };
    let bits = words * memory.word_bits as f64;
    let copies = if memory.tier == Tier::Element { machine.elements() as f64 } else { 1.0 };
    let registers = match memory.kind {
        Some(kind) => kind == Kind::Register,
        None => bits <= REGISTER_BITS,
    };
    if registers {
        return Some(Silicon::Registers(bits * copies));
    }
    let kib = bits / 8192.0;
    if !sram::attested(node_nm, kib) {
        notes.push(format!(
            "`{}` of {kib:.3} KiB at {node_nm} nm lies outside what CACTI was run for",
            memory.name
        ));
    }
    let ports = memory.ports.map_or(1.0, |p| (p.read + p.write + p.read_write) as f64);
    // Tags and their comparison: assumed, of 64-byte lines with 24-bit tags.
    let tags = if memory.kind == Some(Kind::Cache) { 1.05 } else { 1.0 };
    Some(Silicon::Sram(copies * tags * sram::port_factor(ports) * sram::area_mm2(node_nm, kib)))
}

/// The arithmetic of all elements: of the precisions of a machine the one that takes most, which the others are run on.
fn multipliers(machine: &Machine, notes: &mut Vec<String>) -> Cells {
    let own = sum_bits(machine, None);
    let per_element = if machine.precisions.is_empty() {
        full_adders(machine.word_bits as f64, machine.word_bits as f64, own)
    } else {
        machine.precisions.iter().map(|p| p.macs_per_cycle * adders(machine, p)).fold(0.0, f64::max)
    };
    if machine.precisions.iter().any(|p| p.float) {
        notes.push("floating-point units are sized by Horowitz's ratios at 45 nm".to_owned());
    }
    Cells { flops: 0.0, full_adders: per_element * machine.elements() as f64, selects: 0.0 }
}

/// Full adders of a multiply-accumulate at a precision, or what takes their area.
///
/// Horowitz, ISSCC 2014, areas at 45 nm: 16-bit floating-point multiplier and adder 3000 um2, 32-bit 11884 um2, 8-bit integer
/// multiplier with 32-bit adder 419 um2.
fn adders(machine: &Machine, precision: &Precision) -> f64 {
    if !precision.float {
        return full_adders(
            precision.input_bits as f64,
            precision.weight_bits as f64,
            sum_bits(machine, Some(precision)),
        );
    }
    let integer = full_adders(8.0, 8.0, 32.0) / 419.0;
    // Area grows with the square of the width between the two.
    let bits = precision.input_bits.max(precision.weight_bits) as f64;
    3000.0 * integer * (bits / 16.0).powf((11884.0f64 / 3000.0).log2())
}

fn sum_bits(machine: &Machine, precision: Option<&Precision>) -> f64 {
    let stated = precision.and_then(|p| p.partial_sum_bits).or(machine.compute.partial_sum_bits);
    stated.unwrap_or(machine.word_bits) as f64
}

/// Registers of elements that no memory of the file stands for: an element passes on what it does not hold.
///
/// Sums that are added on their way (a reduction network) leave with the adders.
fn pipeline(machine: &Machine) -> Cells {
    let elements = machine.elements() as f64;
    let held = |tensor: Tensor| machine.holder(Tier::Element, tensor).is_some();
    let operands = [Tensor::Weight, Tensor::Input].into_iter().filter(|t| !held(*t)).count() as f64;
    let reduced = machine.network.is_some_and(|n| n.reduction);
    let sums = if held(Tensor::Output) || reduced { 0.0 } else { sum_bits(machine, None) };
    Cells {
        flops: elements * (operands * machine.word_bits as f64 + sums),
        full_adders: 0.0,
        selects: elements * sums,
    }
}

/// Leakage: what memories state, and `mm2` of the rest by its area.
///
/// Below 65 nm all of it leaks as static memory does (assumed), above as sg13g2's cells at 130 nm.
fn leakage_mw(machine: &Machine, node_nm: f64, mm2: f64) -> f64 {
    let stated: f64 = machine.tree.iter().filter_map(|level| level.memory.leakage_mw).sum();
    let density = if node_nm > 65.0 { SG13G2_LEAKAGE_MW_PER_MM2 } else { sram::leakage_mw_per_mm2(node_nm) };
    stated + mm2 * density
}
