//! `rv32imac`: portable C11 for any machine, tried on this one.

mod cost;
mod emit;
pub mod kernels;
mod legality;
mod mapping;
mod recipe;

use crate::{Hardware, Illegal, Lowered, Target};
use ir::Graph;

/// Portable C11.
pub(crate) struct Rv32Imac;

impl Target for Rv32Imac {
    fn name(&self) -> &'static str {
        "rv32imac"
    }

    fn summary(&self) -> &'static str {
        "any machine with a C11 compiler: portable C, plain loops"
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
