//! Elementwise functions, composed of tract's simplest ops where it has a fused one.

use crate::lower::Site;
use tract_core::internal::*;
use tract_core::ops::{math, nn};

/// Functions of two operands.
pub(super) fn binary(site: &mut Site<'_>) -> TractResult<OutletId> {
    let (a, b) = (site.operand("a")?, site.operand("b")?);
    let y = match site.name() {
        "add" => site.both(math::add(), a, b)?,
        "sub" => site.both(math::sub(), a, b)?,
        "mul" => site.both(math::mul(), a, b)?,
        "div" => site.both(math::div(), a, b)?,
        "maximum" => site.both(math::max(), a, b)?,
        "minimum" => site.both(math::min(), a, b)?,
        "pow" => site.both(math::pow(), a, b)?,
        "prelu" => {
            let (above, below) = (site.with(math::max(), a, 0.0)?, site.with(math::min(), a, 0.0)?);
            let below = site.both(math::mul(), below, b)?;
            site.both(math::add(), above, below)?
        }
        name => bail!("`{name}` is in the table as a function of two operands"),
    };
    site.activated(y)
}

/// Functions of one operand.
pub(super) fn unary(site: &mut Site<'_>) -> TractResult<OutletId> {
    let x = site.operand("x")?;
    match site.name() {
        "relu" => site.clamped(x, 0.0, f32::INFINITY),
        "relu6" => site.clamped(x, 0.0, 6.0),
        "clip" => {
            let (low, high) = (real(site, "min"), real(site, "max"));
            site.clamped(x, low, high)
        }
        "leaky_relu" => {
            let alpha = real(site, "alpha");
            site.wire(nn::leaky_relu(alpha), &[x])
        }
        "elu" => {
            let (above, below) = (site.with(math::max(), x, 0.0)?, site.with(math::min(), x, 0.0)?);
            let power = site.wire(math::exp(), &[below])?;
            let below = site.with(math::sub(), power, 1.0)?;
            let alpha = real(site, "alpha");
            let below = site.with(math::mul(), below, alpha)?;
            site.both(math::add(), above, below)
        }
        "sigmoid" => site.wire(nn::sigmoid(), &[x]),
        "tanh" => site.wire(math::tanh(), &[x]),
        "silu" => {
            let share = site.wire(nn::sigmoid(), &[x])?;
            site.both(math::mul(), x, share)
        }
        "hard_sigmoid" => {
            let (alpha, beta) = (real(site, "alpha"), real(site, "beta"));
            let line = site.with(math::mul(), x, alpha)?;
            let line = site.with(math::add(), line, beta)?;
            site.clamped(line, 0.0, 1.0)
        }
        "hard_swish" => site.wire(nn::hard_swish(), &[x]),
        "gelu" => gelu(site, x),
        "erf" => site.wire(math::erf(), &[x]),
        "exp" => site.wire(math::exp(), &[x]),
        "log" => site.wire(math::ln(), &[x]),
        "sqrt" => site.wire(math::sqrt(), &[x]),
        "reciprocal" => site.wire(math::recip(), &[x]),
        "neg" => site.wire(math::neg(), &[x]),
        "abs" => site.wire(math::abs(), &[x]),
        name => bail!("`{name}` is in the table as a function of one operand"),
    }
}

#[allow(clippy::cast_possible_truncation, reason = "tract computes in single precision")]
fn real(site: &Site<'_>, name: &str) -> f32 {
    site.attrs.float(name) as f32
}

fn gelu(site: &mut Site<'_>, x: OutletId) -> TractResult<OutletId> {
    let inner = if site.attrs.word("approximate") == "tanh" {
        let squared = site.both(math::mul(), x, x)?;
        let cubed = site.both(math::mul(), squared, x)?;
        let cubed = site.with(math::mul(), cubed, 0.044_715)?;
        let sum = site.both(math::add(), x, cubed)?;
        let sum = site.with(math::mul(), sum, (2.0 / std::f32::consts::PI).sqrt())?;
        site.wire(math::tanh(), &[sum])?
    } else {
        let scaled = site.with(math::mul(), x, std::f32::consts::FRAC_1_SQRT_2)?;
        site.wire(math::erf(), &[scaled])?
    };
    let share = site.with(math::add(), inner, 1.0)?;
    let half = site.with(math::mul(), x, 0.5)?;
    site.both(math::mul(), half, share)
}
