//! Static memory: area, access energy and leakage by size and node, fitted to CACTI 7.
//!
//! - Area is proportional to the bits and a power of the node.
//! - Energy a bit grows with the length of the bit lines, that is with the rows: a power of size over width.
//! - Leakage is proportional to the area, by a density of each node.
//!
//! CACTI was run from 1 KiB to 2 MiB at 28, 45 and 65 nm. Below 28 nm area follows the six-transistor cell that foundries published;
//! everything else continues its law, which the caller is told by [`attested`].

use std::sync::LazyLock;

use super::fit::{self, LeftOut};
use super::table;

/// One run of CACTI.
#[derive(Debug, Clone, Copy)]
struct Run {
    node_nm: f64,
    kib: f64,
    width_bits: f64,
    read_pj_per_bit: f64,
    write_pj_per_bit: f64,
    leakage_mw: f64,
    area_mm2: f64,
}

static RUNS: LazyLock<Vec<Run>> = LazyLock::new(|| {
    let run = |[node_nm, kib, width_bits, read_pj_per_bit, write_pj_per_bit, leakage_mw, area_mm2]: [f64;
                   7]| Run {
        node_nm,
        kib,
        width_bits,
        read_pj_per_bit,
        write_pj_per_bit,
        leakage_mw,
        area_mm2,
    };
    table::rows(include_str!("../../data/sram.csv")).into_iter().map(run).collect()
});

static BITCELL: LazyLock<Vec<[f64; 2]>> =
    LazyLock::new(|| table::rows(include_str!("../../data/bitcell.csv")));

/// A power law: what is fitted, by the logarithms of its factors.
#[derive(Debug, Clone, Copy)]
enum Law {
    Area,
    Read,
    Write,
}

impl Law {
    fn terms(self, node_nm: f64, kib: f64, width_bits: f64) -> Vec<f64> {
        match self {
            Self::Area => vec![1.0, node_nm.ln()],
            Self::Read | Self::Write => vec![1.0, node_nm.ln(), (kib / width_bits).ln()],
        }
    }

    fn value(self, run: &Run) -> f64 {
        match self {
            Self::Area => run.area_mm2 / run.kib,
            Self::Read => run.read_pj_per_bit,
            Self::Write => run.write_pj_per_bit,
        }
    }

    fn fit(self, runs: impl Iterator<Item = &'static Run>) -> Vec<f64> {
        let row = |r: &Run| (self.terms(r.node_nm, r.kib, r.width_bits), self.value(r).ln());
        fit::least_squares(runs.map(row)).expect("CACTI was run at two nodes and two sizes at least")
    }

    fn at(self, coefficients: &[f64], terms: &[f64]) -> f64 {
        terms.iter().zip(coefficients).map(|(x, c)| x * c).sum::<f64>().exp()
    }

    /// Errors of runs predicted without those of the same `group`.
    fn left_out(self, group: fn(&Run) -> f64) -> LeftOut {
        let error = |run: &Run| {
            let own = group(run);
            let found = self.fit(RUNS.iter().filter(move |r| group(r) != own));
            self.at(&found, &self.terms(run.node_nm, run.kib, run.width_bits)) / self.value(run) - 1.0
        };
        LeftOut { errors: RUNS.iter().map(error).collect() }
    }
}

static AREA: LazyLock<Vec<f64>> = LazyLock::new(|| Law::Area.fit(RUNS.iter()));
static READ: LazyLock<Vec<f64>> = LazyLock::new(|| Law::Read.fit(RUNS.iter()));
static WRITE: LazyLock<Vec<f64>> = LazyLock::new(|| Law::Write.fit(RUNS.iter()));

/// Nodes CACTI was run at.
const RUN_NM: [f64; 2] = [28.0, 65.0];

/// Area of a single-ported memory.
pub fn area_mm2(node_nm: f64, kib: f64) -> f64 {
    // The published cell shrinks less than its node from 28 nm on; above 65 nm the law goes on.
    let from = node_nm.max(RUN_NM[0]);
    let cell = |nm: f64| table::interpolate(&BITCELL, nm);
    let shrink = if node_nm < from { cell(node_nm) / cell(from) } else { 1.0 };
    kib * shrink * Law::Area.at(&AREA, &Law::Area.terms(from, kib, 1.0))
}

/// Area over that of a single port, by the number of ports.
///
/// Assumed: a port adds a word line and two bit lines, a quarter of the cell's side each way. Two ports are then 1.56 single ones;
/// compiled two-port memories are between 1.3 and 2.
pub fn port_factor(ports: f64) -> f64 {
    (1.0 + 0.25 * (ports - 1.0).max(0.0)).powi(2)
}

/// Energy of reading a bit of a memory that is read `width_bits` at a time.
pub fn read_pj_per_bit(node_nm: f64, kib: f64, width_bits: f64) -> f64 {
    Law::Read.at(&READ, &Law::Read.terms(node_nm, kib, width_bits))
}

/// Energy of writing a bit of a memory that is written `width_bits` at a time.
pub fn write_pj_per_bit(node_nm: f64, kib: f64, width_bits: f64) -> f64 {
    Law::Write.at(&WRITE, &Law::Write.terms(node_nm, kib, width_bits))
}

/// Leakage of static memory by its area; between nodes as on doubly logarithmic paper, beyond them as at the nearest.
pub fn leakage_mw_per_mm2(node_nm: f64) -> f64 {
    static DENSITY: LazyLock<Vec<[f64; 2]>> = LazyLock::new(|| {
        let mut points: Vec<[f64; 2]> = Vec::new();
        for node in [28.0, 45.0, 65.0] {
            let at: Vec<&Run> = RUNS.iter().filter(|r| r.node_nm == node).collect();
            let mean = at.iter().map(|r| r.leakage_mw / r.area_mm2).sum::<f64>() / at.len() as f64;
            points.push([node, mean]);
        }
        points
    });
    table::interpolate(&DENSITY, node_nm.clamp(RUN_NM[0], RUN_NM[1]))
}

/// Whether a memory lies within what CACTI was run for.
pub fn attested(node_nm: f64, kib: f64) -> bool {
    (RUN_NM[0]..=RUN_NM[1]).contains(&node_nm) && (1.0..=2048.0).contains(&kib)
}

/// How well each run's area is predicted from the runs at other nodes.
pub fn area_left_out() -> LeftOut {
    Law::Area.left_out(|run| run.node_nm)
}

/// How well each run's energies, read then written, are predicted from the runs of other sizes.
pub fn energy_left_out() -> [LeftOut; 2] {
    [Law::Read.left_out(|run| run.kib), Law::Write.left_out(|run| run.kib)]
}
