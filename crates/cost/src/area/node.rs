//! Logic area by process node.
//!
//! One curve for all standard cells: the area of an 8-bit multiplier with a 32-bit adder, from the 130 nm library through the Aladdin
//! table scaled by hwcomponents (65 to 7 nm). Straight on doubly logarithmic paper between nodes, and on beyond them.
//!
//! Two checks that are no part of it: ASAP7's synthesis at 7 nm, and the primer's 16 and 28 nm columns of NVDLA
//! ([`super::engine::at_16_nm`]). Libraries of one node differ: sky130's cells are 0.56 of sg13g2's at 130 nm.

use std::sync::LazyLock;

use super::array::{Cells, SG13G2, full_adders};
use super::table;

static CURVE: LazyLock<Vec<[f64; 2]>> = LazyLock::new(|| {
    let mut points = table::rows::<2>(include_str!("../../data/logic_node.csv"));
    let mac = Cells { flops: 0.0, full_adders: full_adders(8.0, 8.0, 32.0), selects: 0.0 };
    points.push([SG13G2.node_nm, SG13G2.area_um2(&mac)]);
    points
});

/// Cell area of an 8-bit multiplier with a 32-bit adder at a node, in um2.
pub fn mac_um2(node_nm: f64) -> f64 {
    table::interpolate(&CURVE, node_nm)
}

/// Area of standard cells at a node over that at sg13g2's 130 nm.
pub fn logic_scale(node_nm: f64) -> f64 {
    mac_um2(node_nm) / mac_um2(SG13G2.node_nm)
}

/// The nodes the curve has points for, smallest and largest.
pub const ATTESTED_NM: [f64; 2] = [7.0, 130.0];
