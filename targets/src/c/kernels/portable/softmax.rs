//! Softmax over the last axis: TFLite's fixed-point kernel, its float-table kernel, and single precision.

use super::{Builder, unsupported};
use crate::c::kernels::code::Code;
use crate::c::kernels::helpers::helper;
use crate::c::kernels::softmax_table::{exp_fixed_point, exp_float};
use crate::c::kernels::spec::{Element, SoftmaxOp, SoftmaxSpec};
use crate::c::kernels::unit::float;
use crate::c::kernels::{Data, Helper, Kernel, KernelError};

helper!(
    /// `@doubling_mul`, `@rounding_shift`, `@reciprocal`: fixed-point arithmetic of the softmax.
    RECIPROCAL, 20, "\
/* floor((a * b + 2^30) / 2^31). */
static inline int32_t @doubling_mul(int32_t a, int32_t b)
{
    return (int32_t)(((int64_t)a * b + (1 << 30)) >> 31);
}

/* x / 2^exponent, exponent >= 1, halves away from zero. */
static inline int32_t @rounding_shift(int32_t x, int32_t exponent)
{
    int64_t half = (int64_t)1 << (exponent - 1);
    return (int32_t)(((int64_t)x + half - (x < 0 ? 1 : 0)) >> exponent);
}

/* 1 / (1 + x) for x in [0, 1), both with 31 fractional bits; Newton's method from 48/17 - 32/17 d. */
static inline int32_t @reciprocal(int32_t x)
{
    int32_t half = (int32_t)(((int64_t)x + INT32_MAX + 1) / 2);
    int32_t r = 1515870810 + @doubling_mul(half, -1010580540);
    for (int32_t i = 0; i < 3; i++) {
        int64_t step = (int64_t)@doubling_mul(r, (1 << 29) - @doubling_mul(half, r)) * 4;
        r += (int32_t)(step > INT32_MAX ? INT32_MAX : (step < INT32_MIN ? INT32_MIN : step));
    }
    return r > INT32_MAX / 2 ? INT32_MAX : r * 2;
}
"
);

pub(crate) fn kernel(s: &SoftmaxSpec) -> Result<Kernel, KernelError> {
    let mut b = Builder::new();
    let summary = format!("Softmax: {} x {}.", s.rows, s.columns);
    let (name, body) = match s.op {
        SoftmaxOp::FixedPoint { element, multiplier, left_shift, diff_min } => {
            let range = byte_range(element)?;
            b.input(0, element, "x").output(element);
            let table = exp_fixed_point(multiplier, left_shift, diff_min);
            let entries = table.len();
            b.constant("exponentials", Data::I32(table)).helper(RECIPROCAL);
            ("fixed", fixed_point(s, element, range, entries))
        }
        SoftmaxOp::FloatTable { element, beta_scale } => {
            let range = byte_range(element)?;
            b.input(0, element, "x").output(element);
            b.constant("exponentials", Data::F32(exp_float(beta_scale)));
            ("table", float_table(s, element, range))
        }
        SoftmaxOp::F32 { beta } => {
            b.input(0, Element::F32, "x").output(Element::F32);
            ("f32", single(s, beta))
        }
    };
    Ok(b.finish(format!("softmax_{name}_{}x{}", s.rows, s.columns), summary, body, 0))
}

fn byte_range(element: Element) -> Result<[i32; 2], KernelError> {
    match (element, element.range()) {
        (Element::I8 | Element::U8, Some(range)) => Ok(range),
        _ => Err(unsupported("softmax", format!("elements of type {}", element.c_type()))),
    }
}

fn row_maximum(c: &mut Code, s: &SoftmaxSpec, c_type: &str) {
    c.count("r", s.rows).line(format!("{c_type} largest = x[0];"));
    c.open(format!("for (int32_t i = 1; i < {}; i++)", s.columns));
    c.line("largest = x[i] > largest ? x[i] : largest;").close();
}

/// Sums in 12.19 fixed point; the reciprocal of the sum in 0.31; both as gemmlowp has them.
fn fixed_point(s: &SoftmaxSpec, element: Element, [low, high]: [i32; 2], entries: usize) -> String {
    let mut c = Code::new();
    row_maximum(&mut c, s, "int32_t");
    c.line("int32_t sum = 0;").count("i", s.columns).line("int32_t below = largest - x[i];");
    c.line(format!("sum += below < {entries} ? @rounding_shift(exponentials[below], 12) : 0;"));
    c.close();
    c.line("/* Normalise the sum to 1.31 and invert it. */");
    c.line("int32_t zeros = 0;").line("uint32_t scaled = (uint32_t)sum;");
    c.open("while ((scaled & 0x80000000u) == 0u)").line("scaled <<= 1;").line("zeros++;").close();
    c.line("int32_t inverse = @reciprocal((int32_t)(scaled - 0x80000000u));");
    c.count("i", s.columns).line("int32_t below = largest - x[i];");
    c.line(format!("int32_t value = {low};"));
    c.open(format!("if (below < {entries})"));
    // 12 integer bits of the sum, `31 - 8` bits from 0.31 to a byte.
    c.line(format!(
        "value += @rounding_shift(@doubling_mul(inverse, exponentials[below]), {} - zeros);",
        12 + 31 - 8
    ));
    c.line(format!("value = value > {high} ? {high} : value;")).close();
    c.line(format!("y[i] = ({})value;", element.c_type())).close();
    advance(&mut c, s);
    c.finish()
}

fn float_table(s: &SoftmaxSpec, element: Element, [low, high]: [i32; 2]) -> String {
    let mut c = Code::new();
    row_maximum(&mut c, s, "int32_t");
    c.line("float sum = 0.0f;");
    c.count("i", s.columns).line("sum += exponentials[largest - x[i]];").close();
    c.line("float inverse = 1.0f / (sum * 0.00390625f);").count("i", s.columns);
    c.line(format!("int32_t value = (int32_t)(exponentials[largest - x[i]] * inverse + 0.5f) + {low};"));
    c.line(format!("y[i] = ({})(value > {high} ? {high} : value);", element.c_type())).close();
    advance(&mut c, s);
    c.finish()
}

fn single(s: &SoftmaxSpec, beta: f32) -> String {
    let mut c = Code::new();
    row_maximum(&mut c, s, "float");
    c.line("float sum = 0.0f;").count("i", s.columns);
    let scaled = if beta == 1.0 { String::new() } else { format!(" * {}", float(beta)) };
    c.line(format!("y[i] = expf((x[i] - largest){scaled});")).line("sum += y[i];").close();
    c.count("i", s.columns).line("y[i] /= sum;").close();
    advance(&mut c, s);
    c.finish()
}

fn advance(c: &mut Code, s: &SoftmaxSpec) {
    c.line(format!("x += {};", s.columns)).line(format!("y += {};", s.columns)).close();
}
