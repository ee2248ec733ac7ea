//! Tensors of the file as values of the graph, in the form asked for.

use std::sync::Arc;

use bytes::Bytes;
use ir::{Element, Granularity, Quant, Tensor, Type, Value};

use super::super::schema::{self, Quantization, element};
use super::{Form, Importer};
use crate::build::{permuted, permuted_type, short, sound};
use crate::error::Fault;

pub(super) const TO_NCHW: [usize; 4] = [0, 3, 1, 2];
pub(super) const TO_NHWC: [usize; 4] = [0, 2, 3, 1];

/// The logical axis (of N, C, H, W) that is axis `file` of N, H, W, C.
pub(super) fn logical(file: usize) -> usize {
    TO_NHWC[file]
}

/// The type with the axes of an image in the graph's order.
pub(super) fn to_nchw(ty: &Type) -> Type {
    permuted_type(ty, &TO_NCHW)
}

impl<'m> Importer<'m> {
    pub(super) fn tensor(&self, index: i32) -> Result<(usize, &'m schema::Tensor), Fault> {
        let tensors = &self.graph.tensors;
        let found = usize::try_from(index).ok().and_then(|at| Some((at, tensors.get(at)?)));
        found.ok_or_else(|| {
            let expected = format!("a number below {}", tensors.len());
            Fault::wrong(format!("tensor number {index}"), expected)
        })
    }

    /// The constant data of a tensor; empty where it has none.
    pub(super) fn buffer(&self, tensor: &schema::Tensor) -> Result<&'m Bytes, Fault> {
        let buffers = &self.model.buffers;
        let found = buffers.get(tensor.buffer as usize);
        found.map(|b| &b.data).ok_or_else(|| {
            let found = format!("tensor `{}` with buffer {}", tensor.name, tensor.buffer);
            Fault::wrong(found, format!("a number below {}", buffers.len()))
        })
    }

    /// The type a tensor has in the file.
    pub(super) fn file_type(&self, index: i32) -> Result<Type, Fault> {
        let (_, tensor) = self.tensor(index)?;
        let about = |found: String| format!("tensor {index} `{}`: {found}", tensor.name);
        let element = match tensor.element {
            element::FLOAT32 => Element::F32,
            element::FLOAT16 => Element::F16,
            element::INT8 => Element::I8,
            element::UINT8 => Element::U8,
            element::INT16 => Element::I16,
            element::INT32 => Element::I32,
            element::INT64 => Element::I64,
            element::BOOL => Element::Bool,
            element::INT4 => Element::Int { bits: 4, signed: true },
            other => {
                let found = about(format!("element type {} ({other})", element::name(other)));
                return Err(Fault::unsupported(found, "float32, float16, int4 to int64, uint8 or bool"));
            }
        };
        if tensor.is_variable {
            return Err(Fault::unsupported(
                about("a variable".into()),
                "state as inputs and outputs of the model",
            ));
        }
        let shape: Result<Vec<usize>, _> = tensor.shape.iter().map(|d| usize::try_from(*d)).collect();
        let shape = shape
            .map_err(|_| Fault::wrong(about(format!("shape {:?}", tensor.shape)), "extents from 0 up"))?;
        let mut ty = Type::new(element, shape);
        if let Some(quantization) = tensor.quantization.as_ref().filter(|_| element.is_int()) {
            ty.quant =
                quant(quantization).map_err(about).map_err(|found| Fault::wrong(found, "a sound scale"))?;
        }
        sound(&ty).map_err(|fault| match fault {
            Fault::Wrong { found, expected } => Fault::Wrong { found: about(found), expected },
            other => other,
        })?;
        Ok(ty)
    }

    /// The type a tensor has in `form`.
    pub(super) fn ty(&self, index: i32, form: Form) -> Result<Type, Fault> {
        let ty = self.file_type(index)?;
        Ok(if form == Form::Nchw && ty.rank() == 4 { to_nchw(&ty) } else { ty })
    }

    /// The form a tensor is held in; constants and lower ranks take any.
    pub(super) fn form(&self, index: i32) -> Option<Form> {
        let slot = &self.slots[self.tensor(index).ok()?.0];
        match (slot.nchw, slot.as_is) {
            _ if slot.dequantizes.is_some() => None,
            (Some(_), _) => Some(Form::Nchw),
            (None, Some(_)) if self.graph.tensors[index as usize].shape.len() == 4 && slot.defined => {
                Some(Form::AsIs)
            }
            _ => None,
        }
    }

    /// The form all of `indices` are best brought into: `Nchw` as soon as one of them is held so.
    pub(super) fn common_form(&self, indices: &[i32]) -> Form {
        let nchw = indices.iter().any(|index| self.form(*index) == Some(Form::Nchw));
        if nchw { Form::Nchw } else { Form::AsIs }
    }

    /// Records what gives a tensor.
    pub(super) fn define(&mut self, index: i32, form: Form, value: Value) -> Result<(), Fault> {
        let (at, tensor) = self.tensor(index)?;
        let slot = &mut self.slots[at];
        slot.defined = true;
        match form {
            Form::Nchw if tensor.shape.len() == 4 => slot.nchw = Some(value),
            _ => slot.as_is = Some(value),
        }
        self.build.name(value, &tensor.name);
        Ok(())
    }

    /// The value of a tensor in `form`.
    pub(super) fn value(&mut self, index: i32, form: Form) -> Result<Value, Fault> {
        let (at, tensor) = self.tensor(index)?;
        let form = if tensor.shape.len() == 4 { form } else { Form::AsIs };
        if self.slots[at].poisoned {
            return Err(Fault::Poisoned);
        }
        let held = |slot: &super::Slot, form| if form == Form::Nchw { slot.nchw } else { slot.as_is };
        if let Some(value) = held(&self.slots[at], form) {
            return Ok(value);
        }
        let other = if form == Form::Nchw { Form::AsIs } else { Form::Nchw };
        let value = if let Some(source) = self.slots[at].dequantizes {
            let source = self.value(source, form)?;
            self.build.op("dequantize", &[source], &[])?
        } else if let Some(data) = self.constant(index)? {
            self.constant_in(index, data, form)?
        } else if let Some(value) = held(&self.slots[at], other) {
            self.build.transpose(value, if form == Form::Nchw { &TO_NCHW } else { &TO_NHWC })?
        } else {
            let found = format!("tensor {index} `{}`, which nothing before has computed", tensor.name);
            return Err(Fault::wrong(found, "operators in execution order"));
        };
        match form {
            Form::Nchw => self.slots[at].nchw = Some(value),
            Form::AsIs => self.slots[at].as_is = Some(value),
        }
        Ok(value)
    }

    /// The data of a constant tensor as the file has them.
    pub(super) fn constant(&mut self, index: i32) -> Result<Option<Tensor>, Fault> {
        let (at, tensor) = self.tensor(index)?;
        if let Some(folded) = self.folded.get(&at) {
            return Ok(Some(folded.clone()));
        }
        let data = self.buffer(tensor)?;
        if data.is_empty() || self.slots[at].defined {
            return Ok(None);
        }
        let ty = self.file_type(index)?;
        let data = if ty.element.bits() == 4 { self.unpacked(data, &ty)? } else { data.clone() };
        let range = 0..data.len();
        let made = Tensor::from_backing(ty.element, ty.shape, Arc::new(data), range);
        made.map(Some).map_err(|wrong| {
            let found = format!("tensor {index} `{}` with a buffer of {} bytes", tensor.name, wrong.found);
            Fault::wrong(found, format!("{} for {}{:?}", wrong.expected, wrong.element, wrong.shape))
        })
    }

    /// Two elements of 4 bits to a byte, the lower half first, as one byte each.
    fn unpacked(&mut self, data: &Bytes, ty: &Type) -> Result<Bytes, Fault> {
        self.build.charge(2 * data.len())?;
        let halves = data.iter().flat_map(|byte| [(byte << 4).cast_signed() >> 4, byte.cast_signed() >> 4]);
        // The last half is unused where the number of elements is odd.
        let spare = (2 * data.len()).checked_sub(ty.elements()).filter(|n| *n <= 1);
        let keep = if spare.is_some() { ty.elements() } else { 0 };
        Ok(halves.take(keep).map(i8::cast_unsigned).collect::<Vec<u8>>().into())
    }

    /// A constant of the graph with the data reordered into `form`.
    fn constant_in(&mut self, index: i32, data: Tensor, form: Form) -> Result<Value, Fault> {
        let ty = self.file_type(index)?;
        // Widened data (float16 kept as float32) has its own element.
        let ty = Type { element: data.element(), ..ty };
        let name = short(&self.tensor(index)?.1.name).to_owned();
        if form == Form::AsIs {
            return self.build.constant(&name, ty, data);
        }
        let moved = self.reordered(&data, &TO_NCHW)?;
        self.build.constant(&name, to_nchw(&ty), moved)
    }

    /// Data with axis i of the result axis `perm[i]`.
    pub(super) fn reordered(&mut self, data: &Tensor, perm: &[usize]) -> Result<Tensor, Fault> {
        let shape: Vec<usize> = perm.iter().map(|axis| data.shape()[*axis]).collect();
        if crate::build::keeps_order(data.shape(), perm) {
            return Ok(data.reshaped(shape).expect("invariant: a permutation keeps the number of elements"));
        }
        self.build.charge(data.bytes().len())?;
        let bytes = permuted(data.bytes(), data.shape(), perm, data.element().bytes());
        let moved = Tensor::from_bytes(data.element(), shape, bytes);
        Ok(moved.expect("invariant: a permutation keeps the number of elements"))
    }

    /// The integers of a constant operand.
    pub(super) fn integers(&mut self, index: i32) -> Result<Vec<i64>, Fault> {
        let name = self.tensor(index)?.1.name.clone();
        match self.constant(index)? {
            Some(data) if data.element().is_int() => Ok(data.to_ints()),
            Some(data) => {
                Err(Fault::wrong(format!("tensor {index} `{name}` of {}", data.element()), "integers"))
            }
            None if self.slots[self.tensor(index)?.0].poisoned => Err(Fault::Poisoned),
            None => {
                Err(Fault::unsupported(format!("tensor {index} `{name}` is computed"), "a constant there"))
            }
        }
    }

    /// The only integer of a constant operand.
    pub(super) fn integer(&mut self, index: i32) -> Result<i64, Fault> {
        let list = self.integers(index)?;
        match list[..] {
            [one] => Ok(one),
            _ => Err(Fault::wrong(format!("{} elements in tensor {index}", list.len()), "1")),
        }
    }
}

fn quant(given: &Quantization) -> Result<Option<Quant>, String> {
    if given.details_type != 0 {
        return Err("a custom quantization".into());
    }
    if given.scale.is_empty() {
        return Ok(None);
    }
    let zero: Result<Vec<i32>, _> = given.zero_point.iter().map(|z| i32::try_from(*z)).collect();
    let zero = zero.map_err(|_| format!("zero points {:?}", given.zero_point))?;
    let count = given.scale.len();
    let zero = match zero[..] {
        [] => vec![0; count],
        [one] => vec![one; count],
        _ => zero,
    };
    let granularity = match (count, usize::try_from(given.axis)) {
        (1, _) => Granularity::PerTensor,
        (_, Ok(axis)) => Granularity::PerAxis(axis),
        (_, Err(_)) => return Err(format!("quantized axis {}", given.axis)),
    };
    Ok(Some(Quant { scale: given.scale.clone(), zero, granularity }))
}
