//! The artifact's files.

use super::{CortexM4, cost, mapping};
use crate::Target;
use crate::c::program::Program;
use crate::c::{Core, LoweredC};

/// The program with this core's costs and files.
pub(super) fn lowered(program: Program) -> LoweredC {
    let core = Core {
        name: CortexM4.name(),
        summary: CortexM4.summary(),
        hardware: cost::hardware(),
        set: mapping::SET,
        cmake: include_str!("templates/CMakeLists.txt"),
    };
    LoweredC::new(core, program)
}
