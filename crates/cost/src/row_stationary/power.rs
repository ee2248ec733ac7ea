//! What a row-stationary chip draws while it runs a layer, zeros gated.
//!
//! Energy of every access on the chip, an idle draw, and a clock that runs whatever the data are. The memory outside is another
//! chip's and is not part of it.

use super::{Energy, Plan};
use crate::zeros::gate;

/// What a chip draws beside its accesses.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Draw {
    /// Leakage of memories.
    pub static_mw: f64,
    /// Clock network and control, running in every cycle.
    pub clock_mw: f64,
}

impl Draw {
    /// The Eyeriss chip at 200 MHz and 1 V: 30 mW of leakage as in the nn_dataflow test suite, and a clock draw fitted to the five
    /// AlexNet layers of JSSC 2017, table V ([`fit_clock_mw`]; leave-one-out errors in `tests/eyeriss.rs`).
    pub const EYERISS: Self = Self { static_mw: 30.0, clock_mw: 118.8 };
}

/// The clock draw that leaves the least sum of squared relative errors: `(modelled without clock, measured)` in milliwatts.
///
/// `None` without a sample, or where a measured power is not above 0.
pub fn fit_clock_mw(samples: &[(f64, f64)]) -> Option<f64> {
    if samples.is_empty() || samples.iter().any(|&(_, measured)| measured.is_nan() || measured <= 0.0) {
        return None;
    }
    let weighted = |f: fn(&(f64, f64)) -> f64| samples.iter().map(|s| f(s) / (s.1 * s.1)).sum::<f64>();
    Some(weighted(|s| s.1 - s.0) / weighted(|_| 1.0))
}

/// Where the energy of a layer goes on the chip, in millijoules.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct OnChip {
    /// Multipliers and adders.
    pub mac_mj: f64,
    /// Memories of the elements.
    pub element_mj: f64,
    /// Networks.
    pub network_mj: f64,
    /// Buffer.
    pub buffer_mj: f64,
}

impl OnChip {
    /// All of it.
    pub fn total_mj(&self) -> f64 {
        self.mac_mj + self.element_mj + self.network_mj + self.buffer_mj
    }
}

/// Energy of a layer's accesses on the chip when a share of the inputs, 0 to 1, is zero; `each` in picojoules.
///
/// Padding is not gated on top: the share is of all inputs an element sees.
pub fn on_chip(plan: &Plan, zeros: f64, each: &Energy) -> OnChip {
    let (counts, left) = (plan.counts(), gate(zeros));
    let element =
        counts.input_spad * left.input + counts.filter_spad * left.filter + counts.sum_spad * left.sum;
    let mj = |count: f64, pj: f64| count * pj * 1e-9;
    OnChip {
        mac_mj: mj(counts.macs * left.mac, each.mac),
        element_mj: mj(element, each.element),
        network_mj: mj(counts.network, each.network),
        buffer_mj: mj(counts.buffer(), each.buffer),
    }
}

/// Mean power of a layer in milliwatts over [`Plan::milliseconds`].
pub fn power_mw(plan: &Plan, zeros: f64, each: &Energy, draw: &Draw) -> f64 {
    on_chip(plan, zeros, each).total_mj() / plan.milliseconds() * 1e3 + draw.static_mw + draw.clock_mw
}
