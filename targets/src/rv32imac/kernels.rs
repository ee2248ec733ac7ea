//! Kernels for RV32IMAC: no SIMD, many registers; blocks of four pixels by four channels keep every load busy.

mod depthwise;
mod dot;
mod lanes;

use crate::c::kernels::helpers::CLAMP;
use crate::c::kernels::portable::{self, Portable};
use crate::c::kernels::spec::OpSpec;
use crate::c::kernels::{Kernel, KernelError, KernelSet, add, blocked, fused, plane};

/// The RV32IMAC kernel set.
#[derive(Clone, Copy, Debug, Default)]
pub struct Rv32Imac;

impl KernelSet for Rv32Imac {
    fn name(&self) -> &'static str {
        "rv32imac"
    }

    fn kernel(&self, spec: &OpSpec, walk: Option<usize>) -> Result<Kernel, KernelError> {
        let tuned = match spec {
            OpSpec::Conv2d(s) => {
                portable::conv2d::check(s)?;
                plane::kernel(s, &depthwise::Depthwise).or_else(|| linear(&blocked::conv2d_job(s)?, walk))
            }
            OpSpec::Dense(s) => {
                portable::dense::check(s)?;
                blocked::dense_job(s).and_then(|job| linear(&job, walk))
            }
            OpSpec::Fused(s) => Some(fused::kernel(self, s)?),
            OpSpec::Binary(s) => add::kernel(s, "@saturate8", &[CLAMP, dot::WORD]),
            _ => None,
        };
        tuned.map_or_else(|| Portable.kernel(spec, walk), Ok)
    }
}

/// Pixels in pairs where there are enough of them, else one by one.
fn linear(job: &blocked::Job<'_>, walk: Option<usize>) -> Option<Kernel> {
    let paired = lanes::Lanes::suits(job).then(|| blocked::kernel(job, &lanes::Lanes, walk)).flatten();
    paired.or_else(|| blocked::kernel(job, &dot::Dot, walk))
}
