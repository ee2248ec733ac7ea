//! Kernels for Cortex-M4: dual 16-bit multiply-accumulates on registers loaded two at a time.

mod depthwise;
mod dot;

use crate::c::kernels::helpers::CLAMP;
use crate::c::kernels::portable::{self, Portable};
use crate::c::kernels::spec::OpSpec;
use crate::c::kernels::{Kernel, KernelError, KernelSet};
use crate::c::kernels::{add, blocked, fused, plane};

/// The Cortex-M4 kernel set.
#[derive(Clone, Copy, Debug, Default)]
pub struct CortexM4;

impl KernelSet for CortexM4 {
    fn name(&self) -> &'static str {
        "cortex-m4"
    }

    fn kernel(&self, spec: &OpSpec, walk: Option<usize>) -> Result<Kernel, KernelError> {
        let tuned = match spec {
            OpSpec::Conv2d(s) => {
                portable::conv2d::check(s)?;
                plane::kernel(s, &depthwise::Depthwise)
                    .or_else(|| blocked::kernel(&blocked::conv2d_job(s)?, &dot::Dot, walk))
            }
            OpSpec::Dense(s) => {
                portable::dense::check(s)?;
                blocked::dense_job(s).and_then(|job| blocked::kernel(&job, &dot::Dot, walk))
            }
            OpSpec::Fused(s) => Some(fused::kernel(self, s)?),
            OpSpec::Binary(s) => add::kernel(s, "@saturate8", &[CLAMP, dot::SIMD]),
            _ => None,
        };
        tuned.map_or_else(|| Portable.kernel(spec, walk), Ok)
    }
}
