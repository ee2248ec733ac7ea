//! Constant data: bytes with an element type and a shape, shared and never copied on clone.

use crate::{Element, Shape};
use half::{bf16, f16};
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

/// Where a tensor's bytes live: a vector, or a file mapped into memory.
pub trait Backing: AsRef<[u8]> + Send + Sync {}
impl<T: AsRef<[u8]> + Send + Sync> Backing for T {}

/// Named tensors beside a graph's text, e.g. a safetensors file.
pub trait WeightStore {
    /// The tensor called `name`, or `None` where the store has none.
    fn tensor(&self, name: &str) -> Option<Tensor>;
}

/// A store that holds nothing: for graphs without weights.
pub struct NoWeights;

impl WeightStore for NoWeights {
    fn tensor(&self, _name: &str) -> Option<Tensor> {
        None
    }
}

/// Row-major little-endian data. Elements narrower than a byte take one byte each, 9 to 15 bits two.
#[derive(Clone)]
pub struct Tensor {
    element: Element,
    shape: Shape,
    backing: Arc<dyn Backing>,
    range: Range<usize>,
}

/// Bytes that do not make a tensor of the type asked for.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{found} bytes for {element}{shape:?}, {expected} expected")]
pub struct WrongSize {
    /// Element asked for.
    pub element: Element,
    /// Shape asked for.
    pub shape: Shape,
    /// Bytes given.
    pub found: usize,
    /// Bytes needed; `usize::MAX` where the product overflows.
    pub expected: usize,
}

impl Tensor {
    /// A tensor over bytes it owns.
    ///
    /// # Errors
    /// Where the number of bytes is not that of the type.
    pub fn from_bytes(element: Element, shape: impl Into<Shape>, bytes: Vec<u8>) -> Result<Self, WrongSize> {
        let range = 0..bytes.len();
        Self::from_backing(element, shape, Arc::new(bytes), range)
    }

    /// A tensor over a part of shared bytes.
    ///
    /// # Errors
    /// Where the part is outside the bytes or its length is not that of the type.
    pub fn from_backing(
        element: Element,
        shape: impl Into<Shape>,
        backing: Arc<dyn Backing>,
        range: Range<usize>,
    ) -> Result<Self, WrongSize> {
        let shape = shape.into();
        let expected = shape.iter().try_fold(element.bytes(), |n, &d| n.checked_mul(d)).unwrap_or(usize::MAX);
        let inside = range.start <= range.end && range.end <= backing.as_ref().as_ref().len();
        let found = if inside { range.end - range.start } else { 0 };
        if !inside || found != expected {
            return Err(WrongSize { element, shape, found, expected });
        }
        Ok(Self { element, shape, backing, range })
    }

    /// A tensor of `f32`.
    ///
    /// # Panics
    /// Where the number of values is not that of the shape.
    pub fn from_f32(shape: impl Into<Shape>, values: &[f32]) -> Self {
        Self::from_reals(Element::F32, shape, values.iter().map(|v| f64::from(*v)))
    }

    /// A tensor of integers or truth values; values outside the element's range wrap.
    ///
    /// # Panics
    /// Where the number of values is not that of the shape, or `element` is a float.
    pub fn from_ints(element: Element, shape: impl Into<Shape>, values: &[i64]) -> Self {
        assert!(!element.is_float(), "integers are stored in an integer element");
        let width = element.bytes();
        let bytes = values.iter().flat_map(|v| v.to_le_bytes().into_iter().take(width)).collect();
        Self::from_bytes(element, shape, bytes).expect("as many values as the shape has elements")
    }

    /// A tensor of a float element, each value rounded to nearest, halves to even. 8-bit floats saturate at their
    /// largest finite value, as ONNX Cast does by default; wider ones overflow to infinity.
    ///
    /// # Panics
    /// Where the number of values is not that of the shape, or `element` is no float.
    pub fn from_reals(
        element: Element,
        shape: impl Into<Shape>,
        values: impl IntoIterator<Item = f64>,
    ) -> Self {
        let encode = |v: f64| -> Vec<u8> {
            #[allow(clippy::cast_possible_truncation, reason = "rounding to the element is the purpose")]
            match element {
                Element::F32 => (v as f32).to_le_bytes().to_vec(),
                Element::F16 => f16::from_f64(v).to_le_bytes().to_vec(),
                Element::BF16 => bf16::from_f64(v).to_le_bytes().to_vec(),
                Element::F8E4M3 => vec![encode_f8(v, 4, 7, 448.0)],
                Element::F8E5M2 => vec![encode_f8(v, 5, 15, 57344.0)],
                _ => panic!("reals are stored in a float element, not {element}"),
            }
        };
        let bytes = values.into_iter().flat_map(encode).collect();
        Self::from_bytes(element, shape, bytes).expect("as many values as the shape has elements")
    }

    /// What one element is.
    pub fn element(&self) -> Element {
        self.element
    }

    /// Extents, outermost first.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// Number of elements.
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// Whether there is no element.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The stored bytes, little-endian.
    pub fn bytes(&self) -> &[u8] {
        &self.backing.as_ref().as_ref()[self.range.clone()]
    }

    /// The same bytes under another shape.
    ///
    /// # Errors
    /// Where the shape has another number of elements.
    pub fn reshaped(&self, shape: impl Into<Shape>) -> Result<Self, WrongSize> {
        Self::from_backing(self.element, shape, self.backing.clone(), self.range.clone())
    }

    /// Values as `f32`; integers are converted as they are stored (not dequantized).
    pub fn to_f32(&self) -> Vec<f32> {
        #[allow(clippy::cast_possible_truncation, reason = "f32 is what was asked for")]
        let narrow = |v: f64| v as f32;
        self.to_reals().into_iter().map(narrow).collect()
    }

    /// Values as `f64`; integers are converted as they are stored (not dequantized).
    pub fn to_reals(&self) -> Vec<f64> {
        let bytes = self.bytes();
        match self.element {
            Element::F32 => words(bytes).map(|b| f64::from(f32::from_le_bytes(b))).collect(),
            Element::F16 => words(bytes).map(|b| f16::from_le_bytes(b).to_f64()).collect(),
            Element::BF16 => words(bytes).map(|b| bf16::from_le_bytes(b).to_f64()).collect(),
            Element::F8E4M3 => bytes.iter().map(|b| f8(*b, 4, 7)).collect(),
            Element::F8E5M2 => bytes.iter().map(|b| f8(*b, 5, 15)).collect(),
            #[allow(clippy::cast_precision_loss, reason = "indices and quantized values are far below 2^53")]
            _ => self.to_ints().into_iter().map(|v| v as f64).collect(),
        }
    }

    /// Values of an integer or truth-value tensor; `u64` above `i64::MAX` wraps.
    ///
    /// # Panics
    /// Where the element is a float.
    pub fn to_ints(&self) -> Vec<i64> {
        let bytes = self.bytes();
        let signed = matches!(self.element, Element::Int { signed: true, .. });
        assert!(!self.element.is_float(), "integers are read from an integer element");
        match (self.element.bytes(), signed) {
            (1, true) => bytes.iter().map(|b| i64::from(b.cast_signed())).collect(),
            (1, false) => bytes.iter().map(|b| i64::from(*b)).collect(),
            (2, true) => words(bytes).map(|b| i64::from(i16::from_le_bytes(b))).collect(),
            (2, false) => words(bytes).map(|b| i64::from(u16::from_le_bytes(b))).collect(),
            (4, true) => words(bytes).map(|b| i64::from(i32::from_le_bytes(b))).collect(),
            (4, false) => words(bytes).map(|b| i64::from(u32::from_le_bytes(b))).collect(),
            _ => words(bytes).map(i64::from_le_bytes).collect(),
        }
    }
}

fn words<const N: usize>(bytes: &[u8]) -> impl Iterator<Item = [u8; N]> {
    bytes.chunks_exact(N).map(|chunk| chunk.try_into().expect("chunks_exact gives N bytes"))
}

/// An OCP 8-bit float: E4M3 has no infinity, E5M2 follows IEEE 754.
fn f8(byte: u8, exponent_bits: u32, bias: i32) -> f64 {
    let mantissa_bits = 7 - exponent_bits;
    let sign = if byte >> 7 == 1 { -1.0 } else { 1.0 };
    let exponent = i32::from((byte & 0x7f) >> mantissa_bits);
    let mantissa = f64::from(byte & ((1 << mantissa_bits) - 1)) / f64::from(1u32 << mantissa_bits);
    let top = (1 << exponent_bits) - 1;
    if exponent_bits == 4 && byte & 0x7f == 0x7f {
        return f64::NAN;
    }
    if exponent_bits == 5 && exponent == top {
        return if mantissa == 0.0 { sign * f64::INFINITY } else { f64::NAN };
    }
    let (lead, power) = if exponent == 0 { (0.0, 1 - bias) } else { (1.0, exponent - bias) };
    sign * (lead + mantissa) * 2f64.powi(power)
}

/// The 8-bit float nearest to `v`, halves to even, at most `largest` in magnitude.
fn encode_f8(v: f64, exponent_bits: u32, bias: i32, largest: f64) -> u8 {
    let mantissa_bits = 7 - exponent_bits;
    let sign = u8::from(v.is_sign_negative()) << 7;
    if v.is_nan() {
        return sign | 0x7f;
    }
    let magnitude = v.abs().min(largest);
    let lowest = 1 - bias;
    // The exponent of the last mantissa bit: fixed for subnormals.
    let exponent = if magnitude < 2f64.powi(lowest) {
        lowest
    } else {
        i32::try_from((magnitude.to_bits() >> 52) & 0x7ff).expect("11 bits") - 1023
    };
    let step = 2f64.powi(exponent - mantissa_bits.cast_signed());
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "at most 2^(mantissa bits + 1)"
    )]
    let steps = (magnitude / step).round_ties_even() as u32;
    // A normal number's leading bit counts one exponent, so a carry out of the mantissa raises the exponent by itself.
    let code = ((exponent - lowest).cast_unsigned() << mantissa_bits) + steps;
    sign | u8::try_from(code).expect("the magnitude is at most the largest finite value")
}

impl PartialEq for Tensor {
    fn eq(&self, other: &Self) -> bool {
        self.element == other.element && self.shape == other.shape && self.bytes() == other.bytes()
    }
}

impl fmt::Debug for Tensor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tensor({}{:?}, {} bytes)", self.element, self.shape, self.range.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_come_back_at_every_width() {
        for (bits, values) in
            [(4, [-8, 7]), (8, [-128, 127]), (12, [-2048, 2047]), (32, [i64::from(i32::MIN), 5])]
        {
            let element = Element::int(bits, true).expect("a width of the IR");
            assert_eq!(Tensor::from_ints(element, [2], &values).to_ints(), values);
        }
    }

    #[test]
    fn eight_bit_floats_decode_as_the_standard_says() {
        let e4m3 = Tensor::from_bytes(Element::F8E4M3, [3], vec![0x38, 0x7e, 0x01]).expect("3 bytes");
        assert_eq!(e4m3.to_reals(), [1.0, 448.0, 2f64.powi(-9)]);
        let e5m2 = Tensor::from_bytes(Element::F8E5M2, [2], vec![0x3c, 0x7b]).expect("2 bytes");
        assert_eq!(e5m2.to_reals(), [1.0, 57344.0]);
    }

    #[test]
    fn every_eight_bit_float_is_written_as_it_is_read() {
        for element in [Element::F8E4M3, Element::F8E5M2] {
            let all = Tensor::from_bytes(element, [256], (0..=255).collect()).expect("256 bytes");
            for (code, value) in (0u8..=255).zip(all.to_reals()) {
                let written = Tensor::from_reals(element, [1], [value]);
                let read = written.to_reals()[0];
                assert!(
                    read.is_nan() && value.is_nan() || value.is_infinite() || written.bytes() == [code],
                    "{code}"
                );
            }
        }
    }

    #[test]
    fn eight_bit_floats_round_to_even_and_saturate() {
        // E4M3 between 16 and 32 has steps of 2: 17 lies between 16 (even) and 18; 19 between 18 and 20 (even).
        let reals = |element, values: &[f64]| {
            Tensor::from_reals(element, [values.len()], values.iter().copied()).to_reals()
        };
        assert_eq!(reals(Element::F8E4M3, &[17.0, 19.0, 1e6, -500.0]), [16.0, 20.0, 448.0, -448.0]);
        // The largest below the next power carries: E5M2 between 4 and 8 has steps of 1; 7.5 -> 8.
        assert_eq!(reals(Element::F8E5M2, &[7.5, f64::INFINITY]), [8.0, 57344.0]);
    }

    #[test]
    fn bytes_of_the_wrong_number_are_refused() {
        let refused = Tensor::from_bytes(Element::F32, [2, 2], vec![0; 15]).expect_err("15 is not 16");
        assert_eq!((refused.found, refused.expected), (15, 16));
    }
}
