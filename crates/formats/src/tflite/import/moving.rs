//! Operators that move elements.

use ir::{Attr, Element, Tensor, Value};

use super::super::schema::{Options, StridedSliceOptions};
use super::activation::not_fused;
use super::tensors::{TO_NCHW, TO_NHWC, logical};
use super::{Form, Importer, Use};
use crate::build::{axis, ints};
use crate::error::Fault;

impl Importer<'_> {
    /// The result's shape in the file says what is meant, also where the shape operand is computed.
    pub(super) fn reshape(&mut self, used: Use<'_>) -> Result<(), Fault> {
        let (x, out) = (used.input(0)?, used.output()?);
        let declared = self.file_type(out)?;
        let value = self.reshaped(x, &declared.shape)?;
        if self.build.graph.ty(value).quant != declared.quant {
            return Err(Fault::wrong("a result with another scale or zero point", "those of the operand"));
        }
        self.define(out, Form::AsIs, value)
    }

    /// Permutations between N, H, W, C and N, C, H, W only change what the elements are called.
    pub(super) fn transpose(&mut self, used: Use<'_>) -> Result<(), Fault> {
        let (x, out) = (used.input(0)?, used.output()?);
        let perm = self.integers(used.input(1)?)?;
        let rank = self.file_type(x)?.rank();
        let perm: Result<Vec<usize>, _> = perm.iter().map(|a| axis(*a, rank)).collect();
        let perm = perm?;
        let slot = self.slots[self.tensor(x)?.0].clone();
        if let (true, Some(nchw)) = (perm == TO_NCHW, slot.nchw) {
            return self.define(out, Form::AsIs, nchw);
        }
        if let (true, Some(as_is)) = (perm == TO_NHWC, slot.as_is) {
            return self.define(out, Form::Nchw, as_is);
        }
        let value = self.value(x, Form::AsIs)?;
        self.emit(out, Form::AsIs, "transpose", &[Some(value)], &[("perm", ints(&perm))])
    }

    pub(super) fn concatenation(&mut self, used: Use<'_>) -> Result<(), Fault> {
        let (out, inputs) = (used.output()?, &used.operator.inputs);
        let Options::Concatenation(options) = &used.operator.options else {
            return Err(Fault::wrong("no options", "ConcatenationOptions"));
        };
        not_fused(options.activation)?;
        let rank = self.file_type(out)?.rank();
        let at = axis(options.axis.into(), rank)?;
        let form = if rank == 4 { self.common_form(inputs) } else { Form::AsIs };
        let at = if form == Form::Nchw { logical(at) } else { at };
        let mut operands = Vec::with_capacity(inputs.len());
        for index in inputs {
            operands.push(Some(self.value(*index, form)?));
        }
        self.emit(out, form, "concat", &operands, &[("axis", Attr::Int(at as i64))])
    }

    /// Operands one after another along a new axis.
    pub(super) fn pack(&mut self, used: Use<'_>) -> Result<(), Fault> {
        let out = used.output()?;
        let ty = self.file_type(out)?;
        let given = if let Options::Pack(options) = &used.operator.options { options.axis } else { 0 };
        let at = axis(given.into(), ty.rank())?;
        let mut single = ty.shape.clone();
        single[at] = 1;
        let mut operands = Vec::new();
        for index in &used.operator.inputs {
            operands.push(Some(self.reshaped(*index, &single)?));
        }
        self.emit(out, Form::AsIs, "concat", &operands, &[("axis", Attr::Int(at as i64))])
    }

    pub(super) fn pad(&mut self, used: Use<'_>) -> Result<(), Fault> {
        let value = match used.optional(2) {
            Some(index) => self.real(index)?,
            None => 0.0,
        };
        self.padded(used, "constant", value)
    }

    pub(super) fn mirror_pad(&mut self, used: Use<'_>) -> Result<(), Fault> {
        match &used.operator.options {
            Options::MirrorPad(options) if options.mode != 0 => {
                Err(Fault::unsupported("mode SYMMETRIC", "mode REFLECT"))
            }
            _ => self.padded(used, "reflect", 0.0),
        }
    }

    fn padded(&mut self, used: Use<'_>, mode: &str, fill: f64) -> Result<(), Fault> {
        let (x, out) = (used.input(0)?, used.output()?);
        let form = self.common_form(&[x]);
        let value = self.value(x, form)?;
        let given = self.integers(used.input(1)?)?;
        let rank = self.build.graph.ty(value).rank();
        if given.len() != 2 * rank {
            return Err(Fault::wrong(format!("{} paddings", given.len()), (2 * rank).to_string()));
        }
        let (mut before, mut after) = (vec![0; rank], vec![0; rank]);
        for (i, pair) in given.chunks_exact(2).enumerate() {
            let at = if form == Form::Nchw { logical(i) } else { i };
            (before[at], after[at]) = (pair[0], pair[1]);
        }
        let attrs = [
            ("before", ints(&before)),
            ("after", ints(&after)),
            ("value", Attr::Float(fill)),
            ("mode", crate::build::word(mode)),
        ];
        self.emit(out, form, "pad", &[Some(value)], &attrs)
    }

    /// The real number a constant scalar stands for.
    fn real(&mut self, index: i32) -> Result<f64, Fault> {
        let ty = self.file_type(index)?;
        let data = self.constant(index)?.filter(|data| data.len() == 1);
        let data =
            data.ok_or_else(|| Fault::unsupported("a padding value that is computed", "a constant one"))?;
        let stored = data.to_reals()[0];
        let real = match ty.per_tensor() {
            Some((scale, zero)) => f64::from(scale) * (stored - f64::from(zero)),
            None => stored,
        };
        if real.is_finite() {
            Ok(real)
        } else {
            Err(Fault::wrong(real.to_string(), "a finite padding value"))
        }
    }

    pub(super) fn slice(&mut self, used: Use<'_>) -> Result<(), Fault> {
        let (begin, size) = (self.integers(used.input(1)?)?, self.integers(used.input(2)?)?);
        let shape = self.file_type(used.input(0)?)?.shape;
        if begin.len() != shape.len() || size.len() != shape.len() {
            let found = format!("begin {begin:?} and size {size:?}");
            return Err(Fault::wrong(found, format!("{} entries each", shape.len())));
        }
        let parts = (0..shape.len()).map(|i| {
            let start = usize::try_from(begin[i]).unwrap_or(usize::MAX);
            // -1 is "to the end".
            let size = usize::try_from(size[i]).unwrap_or_else(|_| shape[i].saturating_sub(start));
            Part { start, size, step: 1 }
        });
        let parts: Vec<Part> = parts.collect();
        let form = self.common_form(&[used.input(0)?]);
        let value = self.part(used.input(0)?, form, &parts)?;
        self.checked(used.output()?, form, value)
    }

    pub(super) fn strided_slice(&mut self, used: Use<'_>) -> Result<(), Fault> {
        let (x, out) = (used.input(0)?, used.output()?);
        let defaults = StridedSliceOptions::default();
        let options = match &used.operator.options {
            Options::StridedSlice(options) => options,
            _ => &defaults,
        };
        if options.ellipsis_mask != 0 || options.new_axis_mask != 0 {
            return Err(Fault::unsupported("an ellipsis or new axis", "a begin and an end for every axis"));
        }
        let (begin, end, step) =
            (self.integers(used.input(1)?)?, self.integers(used.input(2)?)?, self.integers(used.input(3)?)?);
        let shape = self.file_type(x)?.shape;
        if begin.len() != end.len() || begin.len() != step.len() || begin.len() > shape.len() {
            let found = format!("begin {begin:?}, end {end:?}, strides {step:?}");
            return Err(Fault::wrong(found, format!("the same number of entries, at most {}", shape.len())));
        }
        let mut parts: Vec<Part> = shape.iter().map(|d| Part { start: 0, size: *d, step: 1 }).collect();
        for i in 0..begin.len() {
            let bit = |mask: i32| mask >> i & 1 == 1;
            let Some(stride) = usize::try_from(step[i]).ok().filter(|s| *s > 0) else {
                return Err(Fault::unsupported(format!("stride {}", step[i]), "strides from 1 up"));
            };
            let extent = shape[i];
            let start = if bit(options.begin_mask) { 0 } else { clamped(begin[i], extent) };
            let stop = if bit(options.end_mask) { extent } else { clamped(end[i], extent) };
            let size = stop.saturating_sub(start).div_ceil(stride);
            let one = bit(options.shrink_axis_mask);
            parts[i] = Part { start, size: if one { 1 } else { size }, step: stride };
        }
        let shrinks = options.shrink_axis_mask != 0;
        let form = if shrinks { Form::AsIs } else { self.common_form(&[x]) };
        let value = self.part(x, form, &parts)?;
        let value = if shrinks {
            let target = self.file_type(out)?.shape;
            self.build.reshape(value, &target)?
        } else {
            value
        };
        self.checked(out, form, value)
    }

    /// Equal parts along the axis that is operand 0.
    pub(super) fn split(&mut self, used: Use<'_>) -> Result<(), Fault> {
        let at = self.integer(used.input(0)?)?;
        self.split_along(used, used.input(1)?, at)
    }

    /// Parts along the axis that is operand 2; the results' shapes are their sizes.
    pub(super) fn split_v(&mut self, used: Use<'_>) -> Result<(), Fault> {
        let at = self.integer(used.input(2)?)?;
        self.split_along(used, used.input(0)?, at)
    }

    fn split_along(&mut self, used: Use<'_>, x: i32, at: i64) -> Result<(), Fault> {
        let shape = self.file_type(x)?.shape;
        let at = axis(at, shape.len())?;
        let form = self.common_form(&[x]);
        let mut start = 0;
        for out in &used.operator.outputs {
            let size = self.file_type(*out)?.shape.get(at).copied().unwrap_or(0);
            let whole = |d: &usize| Part { start: 0, size: *d, step: 1 };
            let mut parts: Vec<Part> = shape.iter().map(whole).collect();
            parts[at] = Part { start, size, step: 1 };
            let value = self.part(x, form, &parts)?;
            self.checked(*out, form, value)?;
            start += size;
        }
        if start == shape[at] {
            return Ok(());
        }
        Err(Fault::wrong(format!("results of {start} elements along axis {at}"), shape[at].to_string()))
    }

    pub(super) fn unpack(&mut self, used: Use<'_>) -> Result<(), Fault> {
        let x = used.input(0)?;
        let shape = self.file_type(x)?.shape;
        let given = if let Options::Unpack(options) = &used.operator.options { options.axis } else { 0 };
        let at = axis(given.into(), shape.len())?;
        for (i, out) in used.operator.outputs.iter().enumerate() {
            let mut parts: Vec<Part> = shape.iter().map(|d| Part { start: 0, size: *d, step: 1 }).collect();
            parts[at] = Part { start: i, size: 1, step: 1 };
            let value = self.part(x, Form::AsIs, &parts)?;
            let target = self.file_type(*out)?.shape;
            let value = self.build.reshape(value, &target)?;
            self.checked(*out, Form::AsIs, value)?;
        }
        Ok(())
    }

    pub(super) fn gather(&mut self, used: Use<'_>) -> Result<(), Fault> {
        let (x, out) = (used.input(0)?, used.output()?);
        let (given, batch) = match &used.operator.options {
            Options::Gather(options) => (options.axis, options.batch_dims),
            _ => (0, 0),
        };
        if batch != 0 {
            return Err(Fault::unsupported(format!("batch_dims = {batch}"), "batch_dims = 0"));
        }
        let at = axis(given.into(), self.file_type(x)?.rank())?;
        let value = self.value(x, Form::AsIs)?;
        let indices = self.value(used.input(1)?, Form::AsIs)?;
        self.emit(out, Form::AsIs, "gather", &[Some(value), Some(indices)], &[("axis", Attr::Int(at as i64))])
    }

    pub(super) fn broadcast_to(&mut self, used: Use<'_>) -> Result<(), Fault> {
        let (x, out) = (used.input(0)?, used.output()?);
        let value = self.value(x, Form::AsIs)?;
        let shape = self.file_type(out)?.shape;
        self.emit(out, Form::AsIs, "expand", &[Some(value)], &[("shape", ints(&shape))])
    }

    /// Shapes are fixed, so this is a constant.
    pub(super) fn shape(&mut self, used: Use<'_>) -> Result<(), Fault> {
        let (x, out) = (used.input(0)?, used.output()?);
        let shape = self.file_type(x)?.shape;
        let at = self.tensor(out)?.0;
        let element = self.file_type(out)?.element;
        if !matches!(element, Element::I32 | Element::I64) || self.file_type(out)?.shape != [shape.len()] {
            return Err(Fault::wrong("a result of another type", format!("{} integers", shape.len())));
        }
        let extents: Vec<i64> = shape.iter().map(|d| *d as i64).collect();
        self.folded.insert(at, Tensor::from_ints(element, [shape.len()], &extents));
        self.slots[at].defined = true;
        Ok(())
    }

    /// A part of tensor `x`, one entry for each axis of the file's order.
    fn part(&mut self, x: i32, form: Form, parts: &[Part]) -> Result<Value, Fault> {
        let value = self.value(x, form)?;
        let in_order = |i: usize| &parts[if form == Form::Nchw && parts.len() == 4 { TO_NCHW[i] } else { i }];
        let list =
            |of: fn(&Part) -> usize| -> Vec<usize> { (0..parts.len()).map(|i| of(in_order(i))).collect() };
        self.build.slice(value, &list(|p| p.start), &list(|p| p.size), &list(|p| p.step))
    }

    /// Gives `out` the value, whose type must be the one of the file.
    fn checked(&mut self, out: i32, form: Form, value: Value) -> Result<(), Fault> {
        let (declared, found) = (self.ty(out, form)?, self.build.graph.ty(value));
        if declared.shape != found.shape || declared.element != found.element || declared.quant != found.quant
        {
            let expected = format!("{}{:?} of the operand's scale", found.element, found.shape);
            return Err(Fault::wrong(format!("a result {}{:?}", declared.element, declared.shape), expected));
        }
        self.define(out, form, value)
    }
}

/// What is taken of one axis.
struct Part {
    start: usize,
    size: usize,
    step: usize,
}

/// A position on an axis, negative counted from the end, moved into it.
fn clamped(at: i64, extent: usize) -> usize {
    let at = if at < 0 { at.saturating_add(extent as i64) } else { at };
    usize::try_from(at).unwrap_or(0).min(extent)
}
