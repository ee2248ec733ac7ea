//! `rv32imac`: a 32-bit RISC-V core without vectors, two pixels in a word where ranges allow.

mod cost;
mod emit;
pub mod kernels;
mod legality;
mod mapping;
mod recipe;

use crate::{Hardware, Illegal, Lowered, Target};
use ir::Graph;

/// A RISC-V core with RV32IMAC.
pub(crate) struct Rv32Imac;

impl Target for Rv32Imac {
    fn name(&self) -> &'static str {
        "rv32imac"
    }

    fn summary(&self) -> &'static str {
        "a RISC-V RV32IMAC core: C11 blocked for 32 registers and word loads"
    }

    fn hardware(&self) -> &Hardware {
        cost::hardware()
    }

    fn pipeline(&self) -> &str {
        mapping::PIPELINE
    }

    fn illegal(&self, graph: &Graph) -> Vec<Illegal> {
        legality::illegal(graph)
    }

    fn lower(&self, graph: &Graph) -> Result<Box<dyn Lowered>, Vec<Illegal>> {
        let program = mapping::program(graph)?;
        Ok(Box::new(emit::lowered(program)))
    }

    fn recipe(&self) -> hw::recipe::Recipe {
        recipe::recipe()
    }
}
