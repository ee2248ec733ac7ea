//! Element types of tensors.

use std::fmt;

/// What one element of a tensor is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Element {
    /// IEEE 754 binary32.
    F32,
    /// IEEE 754 binary16.
    F16,
    /// bfloat16: the upper half of a binary32.
    BF16,
    /// 8-bit float with 4 exponent bits (OCP FP8 E4M3).
    F8E4M3,
    /// 8-bit float with 5 exponent bits (OCP FP8 E5M2).
    F8E5M2,
    /// A truth value, stored as one byte.
    Bool,
    /// A signed or unsigned integer of 1 to 16, 32 or 64 bits.
    Int {
        /// Width in bits.
        bits: u8,
        /// Two's complement where true.
        signed: bool,
    },
}

impl Element {
    /// Signed 8-bit.
    pub const I8: Self = Self::Int { bits: 8, signed: true };
    /// Unsigned 8-bit.
    pub const U8: Self = Self::Int { bits: 8, signed: false };
    /// Signed 16-bit.
    pub const I16: Self = Self::Int { bits: 16, signed: true };
    /// Signed 32-bit.
    pub const I32: Self = Self::Int { bits: 32, signed: true };
    /// Signed 64-bit.
    pub const I64: Self = Self::Int { bits: 64, signed: true };

    /// A signed integer of `bits`, or `None` where the IR has no such width.
    pub fn int(bits: u8, signed: bool) -> Option<Self> {
        matches!(bits, 1..=16 | 32 | 64).then_some(Self::Int { bits, signed })
    }

    /// Whether this is one of the float formats.
    pub fn is_float(self) -> bool {
        !matches!(self, Self::Bool | Self::Int { .. })
    }

    /// Whether this is an integer (a truth value is not).
    pub fn is_int(self) -> bool {
        matches!(self, Self::Int { .. })
    }

    /// Width in bits as packed storage would have it.
    pub fn bits(self) -> u32 {
        match self {
            Self::F32 => 32,
            Self::F16 | Self::BF16 => 16,
            Self::F8E4M3 | Self::F8E5M2 => 8,
            Self::Bool => 1,
            Self::Int { bits, .. } => u32::from(bits),
        }
    }

    /// Bytes of one element in a [`crate::Tensor`]: the next of 1, 2, 4 and 8. Packing is a target's matter.
    pub fn bytes(self) -> usize {
        (self.bits().div_ceil(8) as usize).next_power_of_two()
    }

    /// Smallest and largest value of an integer; `None` for floats. `u64` is cut at `i64::MAX`.
    pub fn range(self) -> Option<(i64, i64)> {
        match self {
            Self::Bool => Some((0, 1)),
            Self::Int { bits: 64, signed: true } => Some((i64::MIN, i64::MAX)),
            Self::Int { bits: 64, signed: false } => Some((0, i64::MAX)),
            Self::Int { bits, signed: true } => Some((-(1 << (bits - 1)), (1 << (bits - 1)) - 1)),
            Self::Int { bits, signed: false } => Some((0, (1 << bits) - 1)),
            _ => None,
        }
    }

    /// Reads the text form, e.g. `i8`, `u4`, `f32`.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "f32" => Some(Self::F32),
            "f16" => Some(Self::F16),
            "bf16" => Some(Self::BF16),
            "f8e4m3" => Some(Self::F8E4M3),
            "f8e5m2" => Some(Self::F8E5M2),
            "bool" => Some(Self::Bool),
            _ => {
                let signed = text.starts_with('i');
                let width = text.strip_prefix(['i', 'u'])?;
                if width.starts_with('0') || width.starts_with('+') {
                    return None;
                }
                Self::int(width.parse().ok()?, signed)
            }
        }
    }
}

impl fmt::Display for Element {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::F32 => f.write_str("f32"),
            Self::F16 => f.write_str("f16"),
            Self::BF16 => f.write_str("bf16"),
            Self::F8E4M3 => f.write_str("f8e4m3"),
            Self::F8E5M2 => f.write_str("f8e5m2"),
            Self::Bool => f.write_str("bool"),
            Self::Int { bits, signed } => write!(f, "{}{bits}", if *signed { 'i' } else { 'u' }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_element_reads_back_from_its_text() {
        let widths = (1..=16).chain([32, 64]);
        let ints = widths.flat_map(|bits| [true, false].map(|signed| Element::Int { bits, signed }));
        let floats =
            [Element::F32, Element::F16, Element::BF16, Element::F8E4M3, Element::F8E5M2, Element::Bool];
        for element in ints.chain(floats) {
            assert_eq!(Element::parse(&element.to_string()), Some(element));
        }
    }

    #[test]
    fn widths_the_ir_has_not_are_refused() {
        for text in ["i0", "i17", "i24", "u128", "i08", "i+8", "f64", "i", ""] {
            assert_eq!(Element::parse(text), None, "{text}");
        }
    }

    #[test]
    fn storage_is_the_next_power_of_two_of_bytes() {
        assert_eq!(Element::parse("i4").map(Element::bytes), Some(1));
        assert_eq!(Element::parse("i12").map(Element::bytes), Some(2));
        assert_eq!(Element::parse("i4").and_then(Element::range), Some((-8, 7)));
    }
}
