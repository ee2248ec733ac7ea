//! Two byte strings of one element type, compared.

use serde::{Deserialize, Serialize};

use crate::artifact::Element;

/// What counts as equal in float: `|found - expected| <= absolute + relative * |expected|`. Integers are equal or not.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tolerance {
    /// In the unit of the values.
    pub absolute: f64,
    /// As a fraction of the expected value.
    pub relative: f64,
}

impl Default for Tolerance {
    /// Room for another order of summation in single precision.
    fn default() -> Self {
        Self { absolute: 1e-5, relative: 1e-4 }
    }
}

/// A difference too large for a number; finite, so that it survives JSON.
const INCOMPARABLE: f64 = f64::MAX;

/// How two byte strings differ.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Difference {
    /// Elements compared.
    pub compared: u64,
    /// Elements that are not equal.
    pub mismatches: u64,
    /// Largest absolute difference, of elements that count as equal too; `f64::MAX` where there is no
    /// finite one: against infinity, not-a-number, or nothing at all.
    pub max_difference: f64,
    /// Index of the first element that is not equal.
    pub first: Option<u64>,
}

/// Compares `found` with `expected`, both a whole number of elements.
///
/// Byte strings of different lengths differ in every element that only one of them has.
pub fn compare(element: Element, found: &[u8], expected: &[u8], tolerance: Tolerance) -> Difference {
    let size = element.bytes();
    let mut difference = Difference::default();
    for (index, (found, expected)) in found.chunks_exact(size).zip(expected.chunks_exact(size)).enumerate() {
        difference.compared += 1;
        if found == expected {
            continue;
        }
        let (f, e) = (element.value(found), element.value(expected));
        let distance = match (f.is_nan(), e.is_nan()) {
            (true, true) => 0.0,
            (false, false) if f == e => 0.0, // signed zeros, infinities; integers beyond 2^53 are caught below
            (false, false) => (f - e).abs().min(INCOMPARABLE),
            _ => INCOMPARABLE,
        };
        let allowed = tolerance.absolute + tolerance.relative * e.abs();
        let equal = element.is_float() && (distance == 0.0 || distance < INCOMPARABLE && distance <= allowed);
        difference.max_difference = difference.max_difference.max(distance);
        if !equal {
            difference.mismatches += 1;
            difference.first.get_or_insert(index as u64);
        }
    }
    let (short, long) = (found.len().min(expected.len()) / size, found.len().max(expected.len()) / size);
    if short != long {
        difference.mismatches += (long - short) as u64;
        difference.max_difference = INCOMPARABLE;
        difference.first.get_or_insert(short as u64);
    }
    difference
}

#[cfg(test)]
mod tests {
    use super::*;

    fn floats(values: &[f32]) -> Vec<u8> {
        values.iter().flat_map(|v| v.to_le_bytes()).collect()
    }

    #[test]
    fn an_integer_that_is_off_by_one_is_a_mismatch() {
        let difference = compare(Element::I8, &[1, 2, 0xff], &[1, 3, 1], Tolerance::default());
        assert_eq!(
            difference,
            Difference { compared: 3, mismatches: 2, max_difference: 2.0, first: Some(1) }
        );
    }

    #[test]
    fn floats_may_differ_within_the_tolerance_and_no_further() {
        let tolerance = Tolerance { absolute: 0.0, relative: 0.01 };
        let difference = compare(Element::F32, &floats(&[100.5, 102.0]), &floats(&[100.0, 100.0]), tolerance);
        assert_eq!((difference.mismatches, difference.first, difference.max_difference), (1, Some(1), 2.0));
    }

    #[test]
    fn not_a_number_equals_only_itself() {
        let tolerance = Tolerance { absolute: 1e9, relative: 1e9 };
        let nan = floats(&[f32::NAN]);
        assert_eq!(compare(Element::F32, &nan, &nan, tolerance).mismatches, 0);
        let difference = compare(Element::F32, &nan, &floats(&[0.0]), tolerance);
        assert_eq!((difference.mismatches, difference.max_difference), (1, INCOMPARABLE));
    }

    #[test]
    fn equal_infinities_and_signed_zeros_are_equal() {
        let tolerance = Tolerance::default();
        let (a, b) = (floats(&[f32::INFINITY, 0.0]), floats(&[f32::INFINITY, -0.0]));
        assert_eq!(compare(Element::F32, &a, &b, tolerance).mismatches, 0);
        assert_eq!(compare(Element::F32, &a, &floats(&[f32::NEG_INFINITY, 0.0]), tolerance).mismatches, 1);
    }

    #[test]
    fn missing_elements_are_mismatches() {
        let difference = compare(Element::U8, &[1], &[1, 2, 3], Tolerance::default());
        assert_eq!((difference.compared, difference.mismatches, difference.first), (1, 2, Some(1)));
    }
}
