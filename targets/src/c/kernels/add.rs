//! Integer addition as one linear form, proved on every pair of operands.
//!
//! TFLite scales both operands to a common fixed point, adds and requantizes: about forty instructions. For 8-bit operands there are
//! 65,536 pairs, so `clamp((product(a) + product(b) + offset) >> shift)` can be proved equal by trying them all: every pair bounds
//! the offset from one or both sides, and any offset within all bounds is exact. Factors next to the rounded ones are tried too; where
//! no offset is left the literal arithmetic stays.

use super::arith::scaled;
use super::code::Code;
use super::portable::{Builder, elementwise_walk};
use super::spec::{BinaryOp, BinarySpec, Element, IntegerAdd};
use super::{Helper, Kernel};

/// How an operand is multiplied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Product {
    /// `x * factor`.
    Low,
    /// `floor((x << 24) * factor / 2^32)`: factors of 31 bits, for additions whose steps lie too close for the other.
    High,
}

impl Product {
    fn of(self, x: i32, factor: i64) -> i64 {
        match self {
            Product::Low => i64::from(x) * factor,
            Product::High => ((i64::from(x) << 24) * factor) >> 32,
        }
    }
}

/// `(product(a) + product(b) + offset) >> shift`, clamped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LinearAdd {
    pub(crate) product: Product,
    pub(crate) factors: [i32; 2],
    pub(crate) offset: i32,
    pub(crate) shift: u32,
}

/// The linear form of an 8-bit addition (`sign` 1) or subtraction (-1), if there is one.
pub(crate) fn fit_add(add: &IntegerAdd, sign: i32, element: Element) -> Option<LinearAdd> {
    let [low, high] = element.range().filter(|_| element.bytes() == 1)?;
    let values: Vec<i32> = (low..=high).collect();
    let operand = |o: &super::spec::AddOperand| -> Vec<i32> {
        let shifted = |x: i32| (x - o.zero_point) << add.left_shift;
        values.iter().map(|&x| scaled(shifted(x), o.scale, add.output.rounding)).collect()
    };
    let (first, second) = (operand(&add.first), operand(&add.second));
    let output = &add.output;
    let exact = |i: usize, j: usize| {
        let sum = first[i].wrapping_add(sign * second[j]);
        let scaled = scaled(sum, output.scales[0], output.rounding);
        scaled.saturating_add(output.zero_point).clamp(output.clamp[0], output.clamp[1])
    };
    let table: Vec<i32> = (0..65_536).map(|ij| exact(ij / 256, ij % 256)).collect();

    let real = |s: super::spec::Scale| f64::from(s.multiplier) * f64::from(s.shift - 31).exp2();
    let common = real(output.scales[0]) * f64::from(add.left_shift).exp2();
    let factors = [real(add.first.scale) * common, f64::from(sign) * real(add.second.scale) * common];
    let centre = f64::from(output.zero_point)
        - factors[0] * f64::from(add.first.zero_point)
        - factors[1] * f64::from(add.second.zero_point);
    // The largest shift at which nothing overflows: |a|, |b| <= 255.
    let largest = 256.0 * (factors[0].abs() + factors[1].abs()) + centre.abs() + 1.0;
    let shift = (30.0 - largest.log2().ceil()).min(24.0);
    if shift < 8.0 {
        return None;
    }
    [(Product::Low, 6), (Product::High, 8)].into_iter().find_map(|(product, reach)| {
        let unit = shift.exp2() * if product == Product::High { 256.0 } else { 1.0 };
        let rounded = factors.map(|f| (f * unit).round() as i64);
        // Factors around the rounded ones, the nearest first.
        let mut around: Vec<[i64; 2]> =
            (-reach..=reach).flat_map(|a| (-reach..=reach).map(move |b| [a, b])).collect();
        around.sort_by_key(|[a, b]| a * a + b * b);
        around.iter().find_map(|delta| {
            let candidate = [rounded[0] + delta[0], rounded[1] + delta[1]];
            let factors = [i32::try_from(candidate[0]).ok()?, i32::try_from(candidate[1]).ok()?];
            let terms = candidate.map(|f| values.iter().map(|&x| product.of(x, f)).collect::<Vec<_>>());
            let offset = common_offset(&terms, shift as u32, output.clamp, &table)?;
            Some(LinearAdd { product, factors, offset, shift: shift as u32 })
        })
    })
}

/// An offset that is right for every pair: the middle of what all of them leave.
fn common_offset(terms: &[Vec<i64>; 2], shift: u32, clamp: [i32; 2], table: &[i32]) -> Option<i32> {
    let (mut least, mut most) = (i64::from(i32::MIN) / 2, i64::from(i32::MAX) / 2);
    for (first, row) in terms[0].iter().zip(table.chunks(256)) {
        for (second, &y) in terms[1].iter().zip(row) {
            let sum = first + second;
            if y > clamp[0] {
                least = least.max((i64::from(y) << shift) - sum);
            }
            if y < clamp[1] {
                most = most.min((i64::from(y + 1) << shift) - 1 - sum);
            }
        }
        if least > most {
            return None;
        }
    }
    i32::try_from(least + (most - least) / 2).ok()
}

/// The element-wise kernel of a fitted addition; `saturate` turns a sum into a byte in C.
pub(crate) fn kernel(s: &BinarySpec, saturate: &str, helpers: &[Helper]) -> Option<Kernel> {
    let (add, sign, kind) = match &s.op {
        BinaryOp::Add(add) => (add, 1, "add"),
        BinaryOp::Sub(add) => (add, -1, "sub"),
        _ => return None,
    };
    if s.a != s.y || s.b != s.y || s.constant_b.is_some() || s.element != Element::I8 {
        return None;
    }
    let fit = fit_add(add, sign, s.element)?;
    let elements: usize = s.y.iter().product();
    let mut b = Builder::new();
    b.input(0, s.element, "a").input(1, s.element, "b").output(s.element);
    b.walks.push(elementwise_walk(2, elements, s.element, s.element));
    for &helper in helpers {
        b.helper(helper);
    }
    let [low, high] = add.output.clamp;
    let byte = |i: usize| {
        let [f, g] = fit.factors;
        let sum = match fit.product {
            Product::Low => format!("a[{i}] * {f} + (b[{i}] * {g} + {})", fit.offset),
            Product::High => {
                let inner = format!("@high_mac(@wrapping_shift(b[{i}], 24), {g}, {})", fit.offset);
                format!("@high_mac(@wrapping_shift(a[{i}], 24), {f}, {inner})")
            }
        };
        let value = if [low, high] == [-128, 127] {
            format!("{saturate}(({sum}) >> {})", fit.shift)
        } else {
            format!("@clamp(({sum}) >> {}, {low}, {high})", fit.shift)
        };
        format!("y[{i}] = (int8_t){value};")
    };
    let run = [8, 4, 2, 1].into_iter().find(|run| elements.is_multiple_of(*run)).unwrap_or(1);
    let mut c = Code::new();
    c.count("i", elements / run);
    for i in 0..run {
        c.line(byte(i));
    }
    for pointer in ["a", "b", "y"] {
        c.line(format!("{pointer} += {run};"));
    }
    c.close();
    let summary = format!("Element-wise {kind} of {elements} numbers: one linear form, equal on every pair.");
    Some(b.finish(format!("{kind}_{elements}"), summary, c.finish(), 0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::c::kernels::spec::{AddOperand, Requantize, Rounding, Scale};

    fn scale(real: f64) -> Scale {
        let shift = real.log2().floor() as i32 + 1;
        Scale { multiplier: (real * f64::from(31 - shift).exp2()).round() as i32, shift }
    }

    fn add(a: f64, b: f64, y: f64) -> IntegerAdd {
        let twice = 2.0 * a.max(b);
        let output = Requantize {
            scales: vec![scale(twice / (1048576.0 * y))],
            rounding: Rounding::Double,
            zero_point: -128,
            clamp: [-128, 127],
        };
        let operand = |s: f64, zero_point| AddOperand { zero_point, scale: scale(s / twice) };
        IntegerAdd { left_shift: 20, first: operand(a, -128), second: operand(b, 4), output }
    }

    #[test]
    fn most_additions_have_an_exact_linear_form() {
        let mut fitted = 0;
        for i in 0..20 {
            let step = f64::from(i);
            let add = add(0.021 + step * 0.0013, 0.047 - step * 0.0007, 0.055 + step * 0.001);
            let Some(fit) = fit_add(&add, 1, Element::I8) else { continue };
            fitted += 1;
            for a in [-128, -77, 0, 31, 127] {
                for b in -128..=127 {
                    let [p, q] = [(a, 0), (b, 1)].map(|(x, i)| fit.product.of(x, i64::from(fit.factors[i])));
                    let cheap = (p + q + i64::from(fit.offset)) >> fit.shift;
                    let [x, z] = [(a, &add.first), (b, &add.second)]
                        .map(|(v, o)| scaled((v - o.zero_point) << 20, o.scale, Rounding::Double));
                    let exact = scaled(x + z, add.output.scales[0], Rounding::Double) - 128;
                    assert_eq!(cheap.clamp(-128, 127) as i32, exact.clamp(-128, 127), "{a} + {b}");
                }
            }
        }
        assert!(fitted >= 19, "{fitted} of 20 fitted");
    }
}
