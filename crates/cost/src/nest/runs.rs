//! Which loops bring nothing new to which tensor.

use super::Factors;
use hw::machine::{DIMS, Dim, Mapping, Tensor};

/// The loops just outside a tensor's tile that it does not depend on, as bits by [`Dim`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Run {
    /// Of the element's tile: loops over the blocks of a buffer tile.
    pub inner: u8,
    /// Of the element's tile: loops over buffer tiles; empty unless the run passes every loop below.
    pub outer: u8,
    /// Of the buffer's tile: loops over buffer tiles.
    pub buffer: u8,
}

/// The runs of a nest, and the loops along which the input slides.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Runs {
    /// By [`Tensor`].
    pub of: [Run; 3],
    /// The loop a refill of the element's input stands in, among the blocks.
    pub slide: Option<Dim>,
    /// The loop a refill of the buffer's input stands in.
    pub slide_buffer: Option<Dim>,
}

impl Runs {
    /// Reads them off the orders of a mapping.
    pub fn of(mapping: &Mapping, factors: &[Factors; DIMS]) -> Self {
        let mut runs = Self::default();
        for tensor in Tensor::ALL {
            let run = &mut runs.of[tensor as usize];
            let (outer, slide_buffer) = scan(&mapping.order[1], 1, tensor, factors);
            run.buffer = outer;
            let sliced = mapping.slice.is_some_and(|slice| {
                let at = slice.dim as usize;
                slice.tensor == tensor
                    && tensor.uses(slice.dim)
                    && mapping.pe[at] > 1
                    && factors[at].size > 1.0
            });
            let mut slide = None;
            if !sliced {
                let (inner, stop) = scan(&mapping.order[0], 0, tensor, factors);
                run.inner = inner;
                run.outer = if stop.is_none() { outer } else { 0 };
                slide = stop;
            }
            if tensor == Tensor::Input {
                (runs.slide, runs.slide_buffer) = (slide, slide_buffer);
            }
        }
        runs
    }
}

/// The run at the inner end of an order, and the loop that ends it.
fn scan(order: &[Dim; DIMS], level: usize, tensor: Tensor, factors: &[Factors; DIMS]) -> (u8, Option<Dim>) {
    let mut run = 0;
    for &dim in order {
        if factors[dim as usize].loops[level] {
            if tensor.uses(dim) {
                return (run, Some(dim));
            }
            run |= 1 << dim as u8;
        }
    }
    (run, None)
}
