//! From bare cells to a whole accelerator, by the areas the NVDLA primer states for seven sizes of one engine.
//!
//! Around a multiplier stand its pipeline, requantisation, the way to it, clock tree and the gaps between cells; around a memory its
//! other ports, the smaller memories nobody counts and their test logic; and the engine has a controller and a bus interface of its
//! own. All of the first grows with the multipliers, all of the second with the buffer, the last does not grow: three factors, fitted to
//! seven areas.

use std::sync::LazyLock;

use super::array::{Cells, SG13G2, full_adders};
use super::fit::{self, LeftOut, Sample};
use super::{node, sram, table};

/// What turns bare components into an engine.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Overhead {
    /// Area of the engine's logic over that of its arithmetic cells and registers.
    pub logic: f64,
    /// Area of the engine's memories over that of one single-ported memory of the buffer's size.
    pub memory: f64,
    /// Controller and interfaces, at [`Overhead::NODE_NM`].
    pub control_mm2: f64,
}

impl Overhead {
    /// The node the factors were fitted at.
    pub const NODE_NM: f64 = 28.0;
}

/// Cells of one 8-bit multiplier of the engine, which also multiplies 16 bits by 16 at half the rate: that takes more, so that it is
/// what a multiplier is built for (NVDLA unit description, convolution MAC). An input, a weight and the next weight are held.
fn multiplier() -> Cells {
    let adders = full_adders(8.0, 8.0, 32.0).max(0.5 * full_adders(16.0, 16.0, 32.0));
    Cells { flops: 24.0, full_adders: adders, selects: 0.0 }
}

/// One size of the engine: multipliers, buffer in KiB, area at 28 and 16 nm.
type Row = [f64; 4];

fn rows() -> Vec<Row> {
    table::rows(include_str!("../../data/nvdla.csv"))
}

fn terms([macs, kib, ..]: Row, node_nm: f64) -> [f64; 3] {
    let cell = SG13G2.area_um2(&multiplier()) * node::logic_scale(node_nm) * 1e-6;
    let control = node::logic_scale(node_nm) / node::logic_scale(Overhead::NODE_NM);
    [macs * cell, sram::area_mm2(node_nm, kib), control]
}

fn samples() -> Vec<Sample> {
    let sample = |(group, row): (usize, Row)| Sample {
        terms: terms(row, Overhead::NODE_NM).to_vec(),
        fixed: 0.0,
        value: row[2],
        group,
    };
    rows().into_iter().enumerate().map(sample).collect()
}

/// The factors, fitted to all seven sizes at 28 nm.
pub static OVERHEAD: LazyLock<Overhead> = LazyLock::new(|| {
    let found = fit::relative(&samples()).expect("seven engines determine three factors");
    Overhead { logic: found[0], memory: found[1], control_mm2: found[2] }
});

/// How well each size is predicted from the other six.
pub fn left_out() -> LeftOut {
    fit::leave_out(&samples()).expect("six engines determine three factors")
}

/// How well the 16 nm column, of which no fit has seen anything, is predicted from the 28 nm one by node scaling.
pub fn at_16_nm() -> LeftOut {
    let coefficients = [OVERHEAD.logic, OVERHEAD.memory, OVERHEAD.control_mm2];
    let error = |row: Row| {
        let predicted: f64 = terms(row, 16.0).iter().zip(coefficients).map(|(x, c)| x * c).sum();
        predicted / row[3] - 1.0
    };
    LeftOut { errors: rows().into_iter().map(error).collect() }
}
