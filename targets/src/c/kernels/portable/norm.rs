//! Layer normalization.

use super::{Builder, expect};
use crate::c::kernels::code::Code;
use crate::c::kernels::spec::{Element, LayerNormSpec};
use crate::c::kernels::unit::float;
use crate::c::kernels::{Data, Kernel, KernelError};

pub(crate) fn layer_norm(s: &LayerNormSpec) -> Result<Kernel, KernelError> {
    expect("gamma", s.gamma.len(), s.columns)?;
    expect("beta", s.beta.len(), s.columns)?;
    let mut b = Builder::new();
    b.input(0, Element::F32, "x").output(Element::F32);
    b.constant("gamma", Data::F32(s.gamma.clone())).constant("beta", Data::F32(s.beta.clone()));
    let count = float(s.columns as f32);
    let mut c = Code::new();
    c.count("r", s.rows).line("float mean = 0.0f;").line("float variance = 0.0f;");
    c.count("i", s.columns).line("mean += x[i];").close().line(format!("mean /= {count};"));
    c.count("i", s.columns).line("variance += (x[i] - mean) * (x[i] - mean);").close();
    c.line(format!("float scale = 1.0f / sqrtf(variance / {count} + {});", float(s.epsilon)));
    c.count("i", s.columns).line("y[i] = (x[i] - mean) * scale * gamma[i] + beta[i];").close();
    c.line(format!("x += {};", s.columns)).line(format!("y += {};", s.columns)).close();
    let summary = format!("Layer normalization: {} x {}.", s.rows, s.columns);
    Ok(b.finish(format!("layer_norm_{}x{}", s.rows, s.columns), summary, c.finish(), 0))
}
