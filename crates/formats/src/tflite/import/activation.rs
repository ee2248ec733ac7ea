//! Fused activations and padding schemes.

use ir::Attr;

use super::super::schema::{activation, padding};
use crate::build::{ints, word};
use crate::error::Fault;

/// The attribute `act` for a fused activation.
pub(super) fn fused(number: i8) -> Result<(&'static str, Attr), Fault> {
    let name = match number {
        activation::NONE => "none",
        activation::RELU => "relu",
        activation::RELU6 => "relu6",
        activation::RELU_N1_TO_1 => "relu1",
        other => {
            let reason = if other == activation::TANH {
                "TANH fused".into()
            } else {
                format!("activation {other} fused")
            };
            return Err(Fault::unsupported(reason, "the activation as an operator of its own"));
        }
    };
    Ok(("act", word(name)))
}

/// Refuses a fused activation where the op has no place for one.
pub(super) fn not_fused(number: i8) -> Result<(), Fault> {
    match number {
        activation::NONE => Ok(()),
        _ => Err(Fault::unsupported("a fused activation", "the activation as an operator of its own")),
    }
}

/// One direction of a sliding window.
pub(super) struct Window {
    pub(super) input: usize,
    pub(super) kernel: usize,
    pub(super) stride: i32,
    pub(super) dilation: i32,
}

/// The attributes `stride`, `dilation` and `pad` for rows and columns.
pub(super) fn windows(
    scheme: i8,
    rows: &Window,
    columns: &Window,
) -> Result<[(&'static str, Attr); 3], Fault> {
    let (top, bottom) = rows.padding(scheme)?;
    let (left, right) = columns.padding(scheme)?;
    Ok([
        ("stride", ints(&[rows.stride, columns.stride])),
        ("dilation", ints(&[rows.dilation, columns.dilation])),
        ("pad", ints(&[top, left, bottom, right])),
    ])
}

impl Window {
    /// Elements added before and after.
    fn padding(&self, scheme: i8) -> Result<(usize, usize), Fault> {
        let positive = |v: i32| usize::try_from(v).ok().filter(|v| *v > 0);
        let (Some(stride), Some(dilation)) = (positive(self.stride), positive(self.dilation)) else {
            let found = format!("stride {} and dilation {}", self.stride, self.dilation);
            return Err(Fault::wrong(found, "both from 1 up"));
        };
        match scheme {
            padding::VALID => Ok((0, 0)),
            padding::SAME => {
                let reach = self.kernel.saturating_sub(1).saturating_mul(dilation).saturating_add(1);
                let steps = self.input.div_ceil(stride).saturating_sub(1);
                let total = steps.saturating_mul(stride).saturating_add(reach).saturating_sub(self.input);
                Ok((total / 2, total - total / 2))
            }
            other => Err(Fault::wrong(format!("padding scheme {other}"), "0 (SAME) or 1 (VALID)")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn same_padding_puts_the_odd_element_behind() {
        // 49 rows, kernel 10, stride 2: 25 steps need 24 * 2 + 10 = 58, so 9 are added: 4 before, 5 behind.
        let window = Window { input: 49, kernel: 10, stride: 2, dilation: 1 };
        assert_eq!(window.padding(padding::SAME), Ok((4, 5)));
        assert_eq!(window.padding(padding::VALID), Ok((0, 0)));
        assert!(Window { stride: 0, ..window }.padding(padding::SAME).is_err());
    }
}
