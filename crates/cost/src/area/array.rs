//! Cells of an output-stationary systolic array, counted from its widths and priced by a cell library.
//!
//! An element multiplies an input by a weight, adds the product to its sum and hands all three on:
//! - A full adder takes three bits and leaves two, so that reducing the `a * b` partial products of a multiplier to the `a + b` bits of
//!   its product takes `a * b - a - b` of them. The accumulator is one more for each bit of the sum. AND gates and the carry chain's
//!   extra logic follow these counts and are part of the price of a full adder.
//! - Flip-flops hold the operands on their way right and down, and the sum. Operands that leave the array are not stored: a
//!   column and a row of elements have none.
//! - Each bit of a sum chooses between clearing, adding and draining.
//!
//! The flip-flop's area is the library's own; full adder and choice are fitted to synthesis, two coefficients for twelve arrays.

use std::sync::LazyLock;

use super::fit::{self, LeftOut, Sample};
use super::table;

/// An array as its generator is given it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Shape {
    /// Elements down.
    pub rows: f64,
    /// Elements across.
    pub columns: f64,
    /// Bits of an input.
    pub input_bits: f64,
    /// Bits of a weight.
    pub weight_bits: f64,
    /// Bits of a sum.
    pub sum_bits: f64,
}

/// What an array consists of.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cells {
    /// Flip-flops.
    pub flops: f64,
    /// Full adders of multipliers and accumulators.
    pub full_adders: f64,
    /// Bits that choose what a sum becomes.
    pub selects: f64,
}

/// Cell areas of a library.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Library {
    /// Its node.
    pub node_nm: f64,
    /// A flip-flop.
    pub flop_um2: f64,
    /// A full adder with the logic around it.
    pub full_adder_um2: f64,
    /// A bit's choice between clearing, adding and draining.
    pub select_um2: f64,
}

/// Full adders of a multiply-accumulate: `a * b - a - b` of the multiplier, one a bit of the sum.
pub fn full_adders(input_bits: f64, weight_bits: f64, sum_bits: f64) -> f64 {
    (input_bits * weight_bits - input_bits - weight_bits).max(0.0) + sum_bits
}

impl Shape {
    /// Counts the cells.
    pub fn cells(&self) -> Cells {
        let Self { rows, columns, input_bits, weight_bits, sum_bits } = *self;
        let elements = rows * columns;
        Cells {
            flops: elements * (input_bits + weight_bits + sum_bits)
                - rows * input_bits
                - columns * weight_bits,
            full_adders: elements * full_adders(input_bits, weight_bits, sum_bits),
            selects: elements * sum_bits,
        }
    }
}

impl Library {
    /// Cell area, before layout.
    pub fn area_um2(&self, cells: &Cells) -> f64 {
        cells.flops * self.flop_um2
            + cells.full_adders * self.full_adder_um2
            + cells.selects * self.select_um2
    }
}

/// `sg13g2_dfrbp_1`, the smallest flip-flop of the library: `sg13g2_stdcell_typ_1p20V_25C.lib`.
const SG13G2_FLOP_UM2: f64 = 47.1744;

/// IHP's open 130 nm library: flip-flop from its liberty file, the rest fitted to [`synthesised`].
pub static SG13G2: LazyLock<Library> = LazyLock::new(|| {
    let found = fit::relative(&samples()).expect("twelve arrays determine two coefficients");
    Library { node_nm: 130.0, flop_um2: SG13G2_FLOP_UM2, full_adder_um2: found[0], select_um2: found[1] }
});

/// Arrays as synthesised on sg13g2 and their area in um2: Yosys 0.23 and abc, before layout.
pub fn synthesised() -> Vec<(Shape, f64)> {
    read(include_str!("../../data/array_sg13g2.csv"))
}

/// Arrays as synthesised on ASAP7, a predictive library of 7 nm, and their area in um2.
pub fn synthesised_asap7() -> Vec<(Shape, f64)> {
    read(include_str!("../../data/array_asap7.csv"))
}

fn read(text: &str) -> Vec<(Shape, f64)> {
    let shape = |[rows, columns, input_bits, weight_bits, sum_bits, each]: [f64; 6]| {
        (Shape { rows, columns, input_bits, weight_bits, sum_bits }, each * rows * columns)
    };
    table::rows(text).into_iter().map(shape).collect()
}

fn samples() -> Vec<Sample> {
    let sample = |(group, (shape, value)): (usize, (Shape, f64))| {
        let cells = shape.cells();
        Sample {
            terms: vec![cells.full_adders, cells.selects],
            fixed: cells.flops * SG13G2_FLOP_UM2,
            value,
            group,
        }
    };
    synthesised().into_iter().enumerate().map(sample).collect()
}

/// How well each array of [`synthesised`] is predicted from the others.
pub fn left_out() -> LeftOut {
    fit::leave_out(&samples()).expect("eleven arrays determine two coefficients")
}

/// The same counts on ASAP7, where no flip-flop's area is known here: flip-flop and full adder are fitted to six arrays.
pub fn left_out_asap7() -> LeftOut {
    let sample = |(group, (shape, value)): (usize, (Shape, f64))| {
        let cells = shape.cells();
        Sample { terms: vec![cells.full_adders, cells.flops], fixed: 0.0, value, group }
    };
    let samples: Vec<Sample> = synthesised_asap7().into_iter().enumerate().map(sample).collect();
    fit::leave_out(&samples).expect("five arrays determine two coefficients")
}
