//! Scaled dot-product attention, head by head, one query at a time.

use super::{input, kernel, output};
use crate::c::kernels::code::Code;
use crate::c::kernels::unit::float;
use crate::c::kernels::{Argument, Kernel};

/// Extents of `softmax(scale * q k^T + mask) v`.
pub(crate) struct Attention {
    /// Images times heads.
    pub(crate) heads: usize,
    /// Heads of one image.
    pub(crate) heads_per_image: usize,
    /// Queries of a head.
    pub(crate) queries: usize,
    /// Keys of a head.
    pub(crate) keys: usize,
    /// Extent of queries and keys.
    pub(crate) depth: usize,
    /// Extent of values.
    pub(crate) values: usize,
    /// Factor on the scores.
    pub(crate) scale: f32,
    /// Whether key `s` is hidden from query `t` where `s > t`.
    pub(crate) causal: bool,
    /// Shape of the mask as rank 4, axes of extent 1 broadcast, and whether it says what is seen instead of being added.
    pub(crate) mask: Option<(Vec<usize>, bool)>,
}

/// Operands q, k, v and, where there is one, the mask; a row of scores is scratch.
pub(crate) fn attention(s: &Attention) -> Kernel {
    let mut c = Code::new();
    c.count("g", s.heads).count("t", s.queries);
    let seen = if s.causal && s.queries <= s.keys {
        c.line("int32_t seen = t + 1;");
        "seen".to_owned()
    } else if s.causal {
        c.line(format!("int32_t seen = t + 1 < {0} ? t + 1 : {0};", s.keys));
        "seen".to_owned()
    } else {
        s.keys.to_string()
    };
    c.line("float largest = -INFINITY;");
    c.open(format!("for (int32_t s = 0; s < {seen}; s++)")).line("float score = 0.0f;");
    c.count("d", s.depth);
    c.line(format!(
        "score += q[(g * {} + t) * {2} + d] * k[(g * {} + s) * {2} + d];",
        s.queries, s.keys, s.depth
    ));
    c.close();
    let mask = s.mask.as_ref().map_or(String::new(), |(shape, truth)| match (mask_index(s, shape), truth) {
        (at, false) => format!(" + mask[{at}]"),
        (at, true) => format!(" + (mask[{at}] != 0 ? 0.0f : -INFINITY)"),
    });
    let scaled = if s.scale == 1.0 { "score".to_owned() } else { format!("score * {}", float(s.scale)) };
    c.line(format!("score = {scaled}{mask};")).line("scores[s] = score;");
    c.line("largest = score > largest ? score : largest;").close();
    c.line("float sum = 0.0f;");
    c.open(format!("for (int32_t s = 0; s < {seen}; s++)"));
    c.line("scores[s] = largest > -INFINITY ? expf(scores[s] - largest) : 0.0f;")
        .line("sum += scores[s];")
        .close();
    c.line("/* A query that sees nothing has weights of 0. */").line("sum = sum > 0.0f ? sum : 1.0f;");
    c.count("e", s.values).line("float acc = 0.0f;");
    c.open(format!("for (int32_t s = 0; s < {seen}; s++)"));
    c.line(format!("acc += scores[s] * v[(g * {} + s) * {} + e];", s.keys, s.values)).close();
    c.line("*y++ = acc / sum;").close().close_all(2);

    let mut parameters = vec![input(0, "float", "q"), input(1, "float", "k"), input(2, "float", "v")];
    if let Some((_, truth)) = s.mask {
        parameters.push(input(3, if truth { "uint8_t" } else { "float" }, "mask"));
    }
    parameters.push(output("float"));
    parameters.push(super::Parameter { argument: Argument::Scratch, c_type: "float", name: "scores" });
    let macs = (s.heads * s.queries * s.keys * (s.depth + s.values)) as u64;
    let summary = format!(
        "Attention: {} heads, {} queries, {} keys of {}, values of {}, {macs} MACs.",
        s.heads, s.queries, s.keys, s.depth, s.values
    );
    let stem = format!("attention_{}x{}x{}", s.heads, s.queries, s.keys);
    let mut kernel = kernel(stem, summary, &parameters, c, macs);
    kernel.scratch_bytes = s.keys * 4;
    kernel
}

fn mask_index(s: &Attention, shape: &[usize]) -> String {
    let axes = [
        format!("g / {}", s.heads_per_image),
        format!("g % {}", s.heads_per_image),
        "t".to_owned(),
        "s".to_owned(),
    ];
    let mut stride = 1;
    let mut terms = Vec::new();
    for axis in (0..4).rev() {
        if shape[axis] != 1 {
            let factor = if stride == 1 { String::new() } else { format!(" * {stride}") };
            terms.push(if axis < 2 && !factor.is_empty() {
                format!("({}){factor}", axes[axis])
            } else {
                format!("{}{factor}", axes[axis])
            });
        }
        stride *= shape[axis];
    }
    terms.reverse();
    if terms.is_empty() { "0".to_owned() } else { terms.join(" + ") }
}
