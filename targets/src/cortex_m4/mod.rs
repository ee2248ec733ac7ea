//! `cortex-m4`: Armv7E-M, dual 16-bit multiply-accumulates on blocks of pixels and channels.

mod cost;
mod emit;
pub mod kernels;
mod legality;
mod mapping;
mod recipe;

use crate::{Hardware, Illegal, Lowered, Target};
use ir::Graph;

/// An Arm Cortex-M4 with its DSP instructions.
pub(crate) struct CortexM4;

impl Target for CortexM4 {
    fn name(&self) -> &'static str {
        "cortex-m4"
    }

    fn summary(&self) -> &'static str {
        "an Arm Cortex-M4: C11 with its dual 16-bit multiply-accumulate, plain C elsewhere"
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
