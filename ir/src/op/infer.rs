//! What inference functions see, and the checks they share.

use super::{Arity, OpDef};
use crate::{Attrs, Element, Granularity, Type};

/// Why a use of an op has no type.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
pub enum InferError {
    /// Too few or too many operands.
    #[error("{found} operands, {expected} expected")]
    Count {
        /// How many were given.
        found: usize,
        /// How many the op takes, in words.
        expected: String,
    },
    /// A required operand is left out.
    #[error("operand `{operand}` is missing")]
    Missing {
        /// The operand.
        operand: &'static str,
    },
    /// An operand has the wrong number of axes.
    #[error("operand `{operand}` has rank {found}, {expected} expected")]
    Rank {
        /// The operand.
        operand: &'static str,
        /// Axes it has.
        found: usize,
        /// Axes it should have.
        expected: usize,
    },
    /// An extent does not fit.
    #[error("operand `{operand}`: {what} is {found}, {expected} expected")]
    Extent {
        /// The operand.
        operand: &'static str,
        /// Which extent.
        what: &'static str,
        /// Its value.
        found: usize,
        /// What it should be.
        expected: usize,
    },
    /// An element type does not fit.
    #[error("operand `{operand}` is {found}, {expected} expected")]
    Element {
        /// The operand.
        operand: &'static str,
        /// Its element.
        found: String,
        /// What it should be.
        expected: String,
    },
    /// An integer result needs its quantization declared.
    #[error("the operands are quantized: the result's type must be declared with its scale and zero point")]
    NoQuant,
    /// An attribute's value does not fit the operands.
    #[error("attribute `{attr}` is {found}, {expected} expected")]
    Attr {
        /// The attribute.
        attr: &'static str,
        /// Its value.
        found: String,
        /// What it should be.
        expected: String,
    },
    /// Two shapes cannot be broadcast together.
    #[error("shapes {left:?} and {right:?} do not broadcast")]
    Broadcast {
        /// One shape.
        left: Vec<usize>,
        /// The other.
        right: Vec<usize>,
    },
    /// The window is larger than the padded input.
    #[error("window of {window} exceeds the padded extent {extent}")]
    Window {
        /// Dilated kernel extent.
        window: usize,
        /// Input extent with padding.
        extent: usize,
    },
    /// The result is no sound type.
    #[error("result: {0}")]
    Result(String),
    /// The declared type disagrees with the inferred one.
    #[error("declared {declared}, inferred {inferred}")]
    Declared {
        /// As declared.
        declared: String,
        /// As inferred.
        inferred: String,
    },
}

/// Operand types, attributes and the declared result of one use of an op.
pub struct OpContext<'a> {
    def: &'static OpDef,
    operands: &'a [Option<&'a Type>],
    /// Complete attributes.
    pub attrs: &'a Attrs,
    /// What the result is said to be, where it is said.
    pub declared: Option<&'a Type>,
}

impl<'a> OpContext<'a> {
    pub(super) fn new(
        def: &'static OpDef,
        operands: &'a [Option<&'a Type>],
        attrs: &'a Attrs,
        declared: Option<&'a Type>,
    ) -> Result<Self, InferError> {
        let many = def.operands.last().is_some_and(|o| o.arity == Arity::Many);
        let least = def.operands.iter().filter(|o| o.arity != Arity::Optional).count();
        let most = if many { usize::MAX } else { def.operands.len() };
        if operands.len() < least || operands.len() > most {
            let expected = match (least, most) {
                (least, usize::MAX) => format!("at least {least}"),
                (least, most) if least == most => least.to_string(),
                (least, most) => format!("{least} to {most}"),
            };
            return Err(InferError::Count { found: operands.len(), expected });
        }
        for (i, operand) in operands.iter().enumerate() {
            let declared = def.operands[i.min(def.operands.len() - 1)];
            match (operand, declared.rank) {
                (None, _) if declared.arity != Arity::Optional => {
                    return Err(InferError::Missing { operand: declared.name });
                }
                (Some(ty), Some(expected)) if ty.rank() != expected => {
                    return Err(InferError::Rank { operand: declared.name, found: ty.rank(), expected });
                }
                _ => {}
            }
        }
        Ok(Self { def, operands, attrs, declared })
    }

    /// A required operand.
    pub fn operand(&self, name: &str) -> &'a Type {
        self.optional(name).unwrap_or_else(|| panic!("operand `{name}` of `{}` was counted", self.def.name))
    }

    /// An operand that may be left out.
    pub fn optional(&self, name: &str) -> Option<&'a Type> {
        let index = self.def.operands.iter().position(|def| def.name == name);
        let index = index.unwrap_or_else(|| panic!("op `{}` declares operand `{name}`", self.def.name));
        self.operands.get(index).copied().flatten()
    }

    /// All operands given, in order.
    pub fn given(&self) -> impl Iterator<Item = &'a Type> {
        self.operands.iter().copied().flatten()
    }

    /// A list attribute as sizes: every entry at least `least`.
    pub fn sizes(&self, name: &'static str, least: usize) -> Result<Vec<usize>, InferError> {
        let list = self.attrs.ints(name);
        let sizes: Option<Vec<usize>> =
            list.iter().map(|v| usize::try_from(*v).ok().filter(|v| (least..1 << 31).contains(v))).collect();
        sizes.ok_or_else(|| self.bad_attr(name, format!("{list:?}"), format!("entries of at least {least}")))
    }

    /// A whole-number attribute of at least `least`.
    pub fn size(&self, name: &'static str, least: usize) -> Result<usize, InferError> {
        let value = self.attrs.int(name);
        let size = usize::try_from(value).ok().filter(|v| (least..1 << 31).contains(v));
        size.ok_or_else(|| self.bad_attr(name, value.to_string(), format!("at least {least}")))
    }

    /// An axis attribute, negative counted from the end, resolved against `rank`.
    pub fn axis(&self, name: &'static str, rank: usize) -> Result<usize, InferError> {
        let value = self.attrs.int(name);
        resolve_axis(value, rank)
            .ok_or_else(|| self.bad_attr(name, value.to_string(), format!("an axis of rank {rank}")))
    }

    /// An error about an attribute's value.
    pub fn bad_attr(&self, attr: &'static str, found: String, expected: impl Into<String>) -> InferError {
        InferError::Attr { attr, found, expected: expected.into() }
    }

    /// The result of arithmetic on `x`: float stays as it is; a quantized operand wants a declared quantized result.
    pub fn computed(&self, x: &Type, shape: Vec<usize>) -> Result<Type, InferError> {
        if !x.is_quantized() {
            return Ok(Type::new(x.element, shape));
        }
        let declared = self.declared.filter(|ty| ty.is_quantized()).ok_or(InferError::NoQuant)?;
        Ok(Type { element: declared.element, shape, quant: declared.quant.clone(), sparsity: None })
    }

    /// The result of moving elements of `x`: element and per-tensor quantization stay.
    pub fn moved(&self, x: &Type, shape: Vec<usize>) -> Result<Type, InferError> {
        let per_tensor = x.quant.as_ref().is_none_or(|q| q.granularity == Granularity::PerTensor);
        if !per_tensor {
            return Err(InferError::Element {
                operand: self.def.operands[0].name,
                found: "quantized per axis or group".to_owned(),
                expected: "one scale for the whole tensor".to_owned(),
            });
        }
        Ok(Type { element: x.element, shape, quant: x.quant.clone(), sparsity: None })
    }

    /// Refuses an operand whose element is neither `x`'s float nor, with a quantized `x`, quantized too.
    pub fn same_kind(&self, x: &Type, name: &'static str) -> Result<(), InferError> {
        let Some(other) = self.optional(name) else { return Ok(()) };
        let fits = match (x.is_quantized(), other.is_quantized()) {
            (true, true) => true,
            (false, false) => x.element == other.element,
            _ => false,
        };
        if fits {
            return Ok(());
        }
        let describe =
            |ty: &Type| format!("{}{}", if ty.is_quantized() { "quantized " } else { "" }, ty.element);
        Err(InferError::Element {
            operand: name,
            found: describe(other),
            expected: format!("as {}", describe(x)),
        })
    }

    /// Checks a bias of `c_out` entries: float with a float `x`, integer accumulators with a quantized one.
    pub fn check_bias(&self, x: &Type, c_out: usize) -> Result<(), InferError> {
        let Some(bias) = self.optional("bias") else { return Ok(()) };
        if bias.shape != [c_out] {
            let found = bias.shape.first().copied().unwrap_or(0);
            return Err(InferError::Extent { operand: "bias", what: "length", found, expected: c_out });
        }
        let fits = if x.is_quantized() {
            matches!(bias.element, Element::I32 | Element::I64)
        } else {
            bias.element == x.element
        };
        if fits {
            return Ok(());
        }
        let expected = if x.is_quantized() { "i32 or i64".to_owned() } else { x.element.to_string() };
        Err(InferError::Element { operand: "bias", found: bias.element.to_string(), expected })
    }
}

/// An axis of `rank`, negative counted from the end.
pub(crate) fn resolve_axis(axis: i64, rank: usize) -> Option<usize> {
    let signed = i64::try_from(rank).ok()?;
    let resolved = if axis < 0 { axis + signed } else { axis };
    usize::try_from(resolved).ok().filter(|a| *a < rank)
}

/// Shape of two operands broadcast together as ONNX does (numpy rules).
pub(crate) fn broadcast(left: &[usize], right: &[usize]) -> Result<Vec<usize>, InferError> {
    let rank = left.len().max(right.len());
    let extent = |shape: &[usize], i: usize| (i + shape.len()).checked_sub(rank).map_or(1, |at| shape[at]);
    (0..rank)
        .map(|i| match (extent(left, i), extent(right, i)) {
            (a, b) if a == b => Ok(a),
            (1, b) => Ok(b),
            (a, 1) => Ok(a),
            _ => Err(InferError::Broadcast { left: left.to_vec(), right: right.to_vec() }),
        })
        .collect()
}

/// Extent of a strided window walk: `floor((extent + pads - dilated) / stride) + 1`.
pub(crate) fn windows(
    extent: usize,
    pads: [usize; 2],
    kernel: usize,
    stride: usize,
    dilation: usize,
) -> Result<usize, InferError> {
    let extent = extent.saturating_add(pads[0]).saturating_add(pads[1]);
    let window = (kernel - 1).saturating_mul(dilation).saturating_add(1);
    let room = extent.checked_sub(window).ok_or(InferError::Window { window, extent })?;
    Ok(room / stride + 1)
}

/// Whether a declared type says the same as an inferred one; a declaration may add sparsity and, for integers that
/// are not quantized arithmetic, a quantization.
pub(super) fn agrees(declared: &Type, inferred: &Type) -> bool {
    declared.element == inferred.element
        && declared.shape == inferred.shape
        && (inferred.quant.is_none() || declared.quant == inferred.quant)
        && declared.fault().is_none()
}
