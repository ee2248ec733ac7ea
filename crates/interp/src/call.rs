//! One use of an op as a kernel sees it: operands with their types, attributes, the type of the result.

use crate::{KernelError, Rounding};
use ir::{Attrs, Element, Op, Quant, Tensor, Type};

/// A value with its type.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Operand<'a> {
    /// Its type; quantization is known only here.
    pub(crate) ty: &'a Type,
    /// Its elements.
    pub(crate) data: &'a Tensor,
}

/// What kind of arithmetic a use of an op asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Domain {
    /// Floats, computed in `f32` or wider and rounded to the result's element.
    Float,
    /// Integers that stand for reals.
    Quantized,
    /// Plain integers and truth values.
    Integer,
}

/// Scale and zero point of a whole tensor.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Affine {
    pub(crate) scale: f32,
    pub(crate) zero: i32,
}

/// One use of an op. Inference has accepted it, and each operand's data has the element and shape of its type.
pub(crate) struct Call<'a> {
    pub(crate) op: Op,
    pub(crate) attrs: &'a Attrs,
    pub(crate) operands: &'a [Option<Operand<'a>>],
    pub(crate) result: &'a Type,
}

impl<'a> Call<'a> {
    /// A required operand.
    pub(crate) fn operand(&self, name: &str) -> Operand<'a> {
        self.optional(name).expect("inference has counted the operands")
    }

    /// An operand that may be left out.
    pub(crate) fn optional(&self, name: &str) -> Option<Operand<'a>> {
        self.operands.get(self.op.operand_index(name)).copied().flatten()
    }

    /// All operands given, in order.
    pub(crate) fn given(&self) -> impl Iterator<Item = Operand<'a>> {
        self.operands.iter().copied().flatten()
    }

    /// What the first operand asks for.
    pub(crate) fn domain(&self) -> Domain {
        let ty = self.given().next().expect("every op has an operand").ty;
        match (ty.is_quantized(), ty.element.is_float()) {
            (true, _) => Domain::Quantized,
            (false, true) => Domain::Float,
            (false, false) => Domain::Integer,
        }
    }

    /// The profile the op's integer arithmetic follows.
    pub(crate) fn rounding(&self) -> Rounding {
        let named = self.attrs.has("round").then(|| Rounding::parse(self.attrs.word("round")));
        named.flatten().unwrap_or_default().for_bits(self.bits())
    }

    /// Quantized types of operands and result, without a bias, which is as wide as sums are.
    fn quantized(&self) -> impl Iterator<Item = &'a Type> {
        let operands = self.operands.iter().enumerate().filter_map(|(i, x)| {
            let bias = self.op.operands.get(i).is_some_and(|def| def.name == "bias");
            x.filter(|_| !bias).map(|x| x.ty)
        });
        operands.chain([self.result]).filter(|ty| ty.is_quantized())
    }

    /// Width of the widest quantized element of operands and result.
    pub(crate) fn bits(&self) -> u32 {
        self.quantized().map(|ty| ty.element.bits()).max().unwrap_or(0)
    }

    /// Refuses quantized elements of more than 16 bits where an op computes with them.
    pub(crate) fn refuse_wide(&self) -> Result<(), KernelError> {
        let moves =
            self.op.traits.movement || ["requantize", "quantize", "dequantize"].contains(&self.op.name);
        match self.quantized().find(|ty| ty.element.bits() > 16) {
            Some(ty) if !moves => {
                Err(KernelError::Wide { op: self.op.name, element: ty.element.to_string() })
            }
            _ => Ok(()),
        }
    }

    /// A list attribute as sizes.
    pub(crate) fn sizes(&self, name: &str) -> Vec<usize> {
        let size = |v: &i64| usize::try_from(*v).expect("inference has checked the sizes");
        self.attrs.ints(name).iter().map(size).collect()
    }

    /// A whole-number attribute as a size.
    pub(crate) fn size(&self, name: &str) -> usize {
        usize::try_from(self.attrs.int(name)).expect("inference has checked the size")
    }

    /// An axis attribute, counted from the front.
    pub(crate) fn axis(&self, name: &str, rank: usize) -> usize {
        resolve(self.attrs.int(name), rank)
    }

    /// The op has no meaning for its first operand's element.
    pub(crate) fn undefined(&self) -> KernelError {
        let element = self.given().next().map_or_else(String::new, |x| x.ty.element.to_string());
        KernelError::Element { op: self.op.name, element }
    }

    /// Scale and zero point of the result.
    pub(crate) fn result_affine(&self) -> Result<Affine, KernelError> {
        affine(self.result, "result")
    }

    /// The result from single-precision values, rounded to its element.
    pub(crate) fn floats(&self, values: &[f32]) -> Tensor {
        encode_floats(self.result.element, &self.result.shape, values)
    }

    /// The result from integers within its element's range.
    pub(crate) fn ints(&self, values: &[i32]) -> Tensor {
        encode_ints(self.result.element, &self.result.shape, values)
    }
}

/// An axis counted from the front, where negative counts from the end; inference has checked it.
pub(crate) fn resolve(axis: i64, rank: usize) -> usize {
    let rank = i64::try_from(rank).expect("a rank is at most 8");
    usize::try_from(if axis < 0 { axis + rank } else { axis }).expect("inference has checked the axis")
}

/// Scale and zero point of a type quantized as a whole.
pub(crate) fn affine(ty: &Type, what: &'static str) -> Result<Affine, KernelError> {
    let (scale, zero) = ty.per_tensor().ok_or(KernelError::Granularity { what })?;
    Ok(Affine { scale, zero })
}

impl Operand<'_> {
    /// Scale and zero point of the whole tensor.
    pub(crate) fn affine(&self, what: &'static str) -> Result<Affine, KernelError> {
        affine(self.ty, what)
    }

    /// The values as `f32`; integers as they are stored.
    pub(crate) fn floats(&self) -> Vec<f32> {
        if self.ty.element == Element::F32 {
            let word = |b: &[u8]| f32::from_le_bytes(b.try_into().expect("chunks of 4"));
            return self.data.bytes().chunks_exact(4).map(word).collect();
        }
        self.data.to_f32()
    }

    /// The reals that quantized values stand for, in `f32`: `scale * (stored - zero)`.
    pub(crate) fn reals(&self) -> Vec<f32> {
        let Some(quant) = &self.ty.quant else { return self.floats() };
        #[allow(clippy::cast_precision_loss, reason = "differences of integers of up to 16 bits are exact")]
        let real =
            |slot: usize, v: i64| quant.scale[slot] * v.saturating_sub(i64::from(quant.zero[slot])) as f32;
        let slots = slots(quant, &self.ty.shape);
        self.longs().into_iter().zip(slots).map(|(v, slot)| real(slot, v)).collect()
    }

    /// The stored integers; wider than 32 bits wraps, which is for ops that do not compute with them.
    pub(crate) fn ints(&self) -> Vec<i32> {
        let bytes = self.data.bytes();
        match self.ty.element {
            Element::Int { bits: 1..=8, signed: true } => {
                bytes.iter().map(|b| i32::from(b.cast_signed())).collect()
            }
            Element::Bool | Element::Int { bits: 1..=8, signed: false } => {
                bytes.iter().map(|b| i32::from(*b)).collect()
            }
            #[allow(clippy::cast_possible_truncation, reason = "documented to wrap")]
            _ => self.data.to_ints().into_iter().map(|v| v as i32).collect(),
        }
    }

    /// The stored integers at full width.
    pub(crate) fn longs(&self) -> Vec<i64> {
        self.data.to_ints()
    }

    /// Number of elements.
    pub(crate) fn len(&self) -> usize {
        self.data.len()
    }
}

/// For each element of `shape` in order: its index into the scales of `quant`.
pub(crate) fn slots(quant: &Quant, shape: &[usize]) -> impl Iterator<Item = usize> {
    let single = quant.scale.len() == 1;
    let mut index = vec![0; shape.len()];
    (0..shape.iter().product::<usize>()).map(move |_| {
        if single {
            return 0;
        }
        let slot = quant.slot(shape, &index);
        advance(&mut index, shape);
        slot
    })
}

/// Moves `index` to the next element in row-major order; wraps at the end.
pub(crate) fn advance(index: &mut [usize], shape: &[usize]) {
    for axis in (0..shape.len()).rev() {
        index[axis] += 1;
        if index[axis] < shape[axis] {
            return;
        }
        index[axis] = 0;
    }
}

/// A float tensor from single-precision values.
pub(crate) fn encode_floats(element: Element, shape: &[usize], values: &[f32]) -> Tensor {
    if element == Element::F32 {
        let bytes = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        return Tensor::from_bytes(element, shape, bytes).expect("a kernel fills its result");
    }
    Tensor::from_reals(element, shape, values.iter().map(|v| f64::from(*v)))
}

/// An integer tensor from values within its range.
pub(crate) fn encode_ints(element: Element, shape: &[usize], values: &[i32]) -> Tensor {
    let width = element.bytes();
    let bytes = match width {
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "the low byte is what is stored"
        )]
        1 => values.iter().map(|v| *v as u8).collect(),
        _ => values.iter().flat_map(|v| i64::from(*v).to_le_bytes().into_iter().take(width)).collect(),
    };
    Tensor::from_bytes(element, shape, bytes).expect("a kernel fills its result")
}
