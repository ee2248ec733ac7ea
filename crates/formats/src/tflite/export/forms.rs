//! Values as tensors of the file, in the order of axes asked for.

use bytes::Bytes;
use ir::{Element, Granularity, Type, Value};

use super::super::schema::{Buffer, Options, Quantization, ReshapeOptions, Tensor, element};
use super::{Exporter, Fault, unsupported};
use crate::build::{keeps_order, permuted, permuted_type};

const RESHAPE: i32 = 22;
const TRANSPOSE: i32 = 39;
const DEQUANTIZE: i32 = 6;

/// In which order of axes a rank-4 value is held; others are always logical.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// As the graph has them.
    Logical,
    /// N, H, W, C; weights O, H, W, I.
    ChannelsLast,
}

/// What a value has become so far.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Slot {
    logical: Option<i32>,
    channels_last: Option<i32>,
}

pub(super) const TO_LAST: [usize; 4] = [0, 2, 3, 1];
const TO_LOGICAL: [usize; 4] = [0, 3, 1, 2];

impl Form {
    /// The type in this form.
    pub(super) fn of(self, ty: &Type) -> Type {
        if self == Form::ChannelsLast && ty.rank() == 4 { permuted_type(ty, &TO_LAST) } else { ty.clone() }
    }

    /// Where a logical axis lies in this form.
    pub(super) fn axis(self, logical: usize, rank: usize) -> usize {
        // Logical axis i is axis TO_LOGICAL[i] of N, H, W, C.
        if self == Form::ChannelsLast && rank == 4 { TO_LOGICAL[logical] } else { logical }
    }
}

impl Exporter<'_> {
    /// Adds a tensor.
    pub(super) fn tensor(&mut self, ty: &Type, name: &str, data: Option<&[u8]>) -> Result<i32, Fault> {
        let element = match ty.element {
            Element::F32 => element::FLOAT32,
            Element::I8 => element::INT8,
            Element::U8 => element::UINT8,
            Element::I16 => element::INT16,
            Element::I32 => element::INT32,
            Element::I64 => element::INT64,
            Element::Bool => element::BOOL,
            Element::Int { bits: 4, signed: true } => element::INT4,
            other => return unsupported(format!("a tensor of {other}")),
        };
        let shape: Result<Vec<i32>, _> = ty.shape.iter().map(|d| i32::try_from(*d)).collect();
        let shape = shape.map_err(|_| Fault::Unsupported(format!("shape {:?}", ty.shape)))?;
        let buffer = match data {
            None => 0,
            Some(data) => {
                let data = match ty.element.bits() {
                    4 => data.chunks(2).map(|pair| pair[0] & 0xf | pair.get(1).unwrap_or(&0) << 4).collect(),
                    _ => data.to_vec(),
                };
                self.buffers.push(Buffer { data: Bytes::from(data), ..Default::default() });
                self.buffers.len() - 1
            }
        };
        let quantization = match &ty.quant {
            None => None,
            Some(quant) => {
                let axis = match quant.granularity {
                    Granularity::PerTensor => 0,
                    Granularity::PerAxis(axis) => axis as i32,
                    Granularity::PerGroup { .. } => return unsupported("a quantization in groups"),
                };
                let zero_point = quant.zero.iter().map(|z| i64::from(*z)).collect();
                Some(Quantization { scale: quant.scale.clone(), zero_point, axis, ..Default::default() })
            }
        };
        let name = name.to_owned();
        self.tensors.push(Tensor {
            shape,
            element,
            buffer: buffer as u32,
            name,
            quantization,
            ..Default::default()
        });
        Ok(self.tensors.len() as i32 - 1)
    }

    /// Adds a constant list of 32-bit integers.
    pub(super) fn ints<T: Copy + TryInto<i32>>(&mut self, list: &[T], shape: &[usize]) -> Result<i32, Fault> {
        let mut data = Vec::new();
        for item in list {
            let item: i32 =
                (*item).try_into().map_err(|_| Fault::Unsupported("a number of more than 31 bits".into()))?;
            data.extend_from_slice(&item.to_le_bytes());
        }
        let name = format!("ints.{}", self.tensors.len());
        self.tensor(&Type::new(Element::I32, shape), &name, Some(&data))
    }

    /// Adds a constant list of floats.
    pub(super) fn floats(&mut self, list: &[f32], shape: &[usize]) -> Result<i32, Fault> {
        let data: Vec<u8> = list.iter().flat_map(|v| v.to_le_bytes()).collect();
        let name = format!("floats.{}", self.tensors.len());
        self.tensor(&Type::new(Element::F32, shape), &name, Some(&data))
    }

    pub(super) fn hold(&mut self, value: Value, form: Form, index: i32) {
        let rank = self.graph.ty(value).rank();
        let slot = self.held.entry(value).or_default();
        match form {
            Form::ChannelsLast if rank == 4 => slot.channels_last = Some(index),
            _ => slot.logical = Some(index),
        }
    }

    /// The form a value is held in; `None` where it takes any.
    pub(super) fn form(&self, value: Value) -> Option<Form> {
        let slot = self.held.get(&value).filter(|_| !self.is_weight(value))?;
        Some(if slot.channels_last.is_some() { Form::ChannelsLast } else { Form::Logical })
    }

    /// The form operands of one op are best brought into.
    pub(super) fn common(&self, values: &[Value]) -> Form {
        let last = values.iter().any(|v| self.form(*v) == Some(Form::ChannelsLast));
        if last { Form::ChannelsLast } else { Form::Logical }
    }

    /// A constant, or the dequantized form of one.
    pub(super) fn is_weight(&self, value: Value) -> bool {
        let node = self.graph.node(value);
        node.constant().is_some()
            || (node.is("dequantize") && node.operands().iter().flatten().all(|x| self.is_weight(*x)))
    }

    /// The tensor of a value in `form`.
    pub(super) fn get(&mut self, value: Value, form: Form) -> Result<i32, Fault> {
        let rank = self.graph.ty(value).rank();
        let form = if rank == 4 { form } else { Form::Logical };
        let slot = self.held.get(&value).copied().unwrap_or_default();
        let (here, there) = match form {
            Form::Logical => (slot.logical, slot.channels_last),
            Form::ChannelsLast => (slot.channels_last, slot.logical),
        };
        if let Some(index) = here {
            return Ok(index);
        }
        let index = if self.is_weight(value) {
            let perm: Vec<usize> =
                if form == Form::ChannelsLast { TO_LAST.to_vec() } else { (0..rank).collect() };
            self.weight(value, &perm)?
        } else {
            let Some(other) = there else { return Err(Fault::Poisoned) };
            let perm = if form == Form::ChannelsLast { TO_LAST } else { TO_LOGICAL };
            let ty = match form {
                Form::Logical => Form::ChannelsLast.of(self.graph.ty(value)),
                Form::ChannelsLast => self.graph.ty(value).clone(),
            };
            self.transposed(other, &ty, &perm)?
        };
        self.hold(value, form, index);
        Ok(index)
    }

    /// A weight with axis i of the tensor its axis `perm[i]`: constants are reordered here.
    pub(super) fn weight(&mut self, value: Value, perm: &[usize]) -> Result<i32, Fault> {
        let node = self.graph.node(value);
        let ty = permuted_type(node.ty(), perm);
        if let Some(Some(source)) = node.operands().first() {
            let source = self.weight(*source, perm)?;
            return self.step(DEQUANTIZE, &[source], &ty, Options::None);
        }
        let constant = node.constant().expect("invariant: a weight is a constant or dequantized from one");
        let label = constant.name.clone().unwrap_or_else(|| self.graph.label(value));
        let Some(data) = &constant.data else { return Err(Fault::Untrained(label)) };
        let bytes = permuted(data.bytes(), data.shape(), perm, data.element().bytes());
        self.tensor(&ty, &label, Some(&bytes))
    }

    /// A tensor of type `ty` with its axes in another order; a reshape where only axes of extent 1 change place.
    pub(super) fn transposed(&mut self, index: i32, ty: &Type, perm: &[usize]) -> Result<i32, Fault> {
        let out = permuted_type(ty, perm);
        if keeps_order(&ty.shape, perm) {
            return self.reshaped(index, &out);
        }
        let order = self.ints(perm, &[perm.len()])?;
        self.step(TRANSPOSE, &[index, order], &out, Options::None)
    }

    /// A tensor under the shape of `ty`.
    pub(super) fn reshaped(&mut self, index: i32, ty: &Type) -> Result<i32, Fault> {
        let shape = self.ints(&ty.shape, &[ty.rank()])?;
        let new_shape = ty.shape.iter().map(|d| *d as i32).collect();
        self.step(RESHAPE, &[index, shape], ty, Options::Reshape(ReshapeOptions { new_shape }))
    }
}
