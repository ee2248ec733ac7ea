//! From accumulators and operands of other scales to the integers of the result.

use crate::KernelError;
use crate::call::{Affine, Call, affine};
use crate::fixed::Scaler;
use crate::rounding::AddScaler;
use ir::{Element, Type};

/// The least and largest integer a result may hold: its element's range, cut by a fused activation as TFLite's
/// `CalculateActivationRangeQuantized` cuts it.
pub(crate) fn clamp_range(element: Element, out: Affine, act: &str) -> [i32; 2] {
    let [low, high] = element_range(element);
    let quantized = |real: f32| {
        #[allow(clippy::cast_possible_truncation, reason = "`as` saturates, and the range cuts it")]
        let steps = (real / out.scale).round() as i32;
        out.zero.saturating_add(steps).clamp(low, high)
    };
    match act {
        "relu" => [quantized(0.0), high],
        "relu6" => [quantized(0.0), quantized(6.0)],
        "relu1" => [quantized(-1.0), quantized(1.0)],
        _ => [low, high],
    }
}

/// An integer element's range, cut to 32 bits.
pub(crate) fn element_range(element: Element) -> [i32; 2] {
    let (low, high) = element.range().unwrap_or((i64::from(i32::MIN), i64::from(i32::MAX)));
    [crate::fixed::saturate(low), crate::fixed::saturate(high)]
}

/// `clamp(zero + scaled accumulator)`, one scaler per output channel or one for all.
pub(crate) struct Output {
    pub(crate) scalers: Vec<Scaler>,
    pub(crate) zero: i32,
    pub(crate) range: [i32; 2],
}

impl Output {
    pub(crate) fn new(scalers: Vec<Scaler>, element: Element, out: Affine, act: &str) -> Self {
        Self { scalers, zero: out.zero, range: clamp_range(element, out, act) }
    }

    fn scaler(&self, channel: usize) -> &Scaler {
        &self.scalers[if self.scalers.len() == 1 { 0 } else { channel }]
    }

    fn place(&self, scaled: i32) -> i32 {
        scaled.saturating_add(self.zero).clamp(self.range[0], self.range[1])
    }

    /// The result of a 32-bit accumulator.
    pub(crate) fn narrow(&self, acc: i32, channel: usize) -> i32 {
        self.place(self.scaler(channel).apply(acc))
    }

    /// The result of a 64-bit accumulator, as TFLite scales those of 16-bit activations.
    pub(crate) fn wide(&self, acc: i64, channel: usize) -> i32 {
        self.place(self.scaler(channel).apply_wide(acc))
    }
}

/// The quantized sum of two values, with the constants of [`AddScaler`].
pub(crate) struct Sum {
    scaler: AddScaler,
    zeros: [i32; 3],
    range: [i32; 2],
}

impl Sum {
    /// `a + sign * b` in the type `y`.
    pub(crate) fn new(
        call: &Call<'_>,
        a: Affine,
        b: Affine,
        y: &Type,
        sign: i32,
    ) -> Result<Self, KernelError> {
        let out = affine(y, "result")?;
        let bits = if y.element.bits() > 8 { 16 } else { 8 };
        let scaler = AddScaler::new([a.scale, b.scale, out.scale], sign, bits, call.rounding());
        let range = clamp_range(y.element, out, call.attrs.word("act"));
        Ok(Self { scaler, zeros: [a.zero, b.zero, out.zero], range })
    }

    /// The stored result of two stored operands.
    pub(crate) fn apply(&self, a: i32, b: i32) -> i32 {
        let sum = self.scaler.apply(a - self.zeros[0], b - self.zeros[1]);
        sum.saturating_add(self.zeros[2]).clamp(self.range[0], self.range[1])
    }
}
