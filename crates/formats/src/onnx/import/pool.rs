//! Pools and reductions.

use ir::{Attr, Value};

use super::Importer;
use super::attrs::Node;
use super::conv::Windows;
use crate::build::{axis, ints};
use crate::error::Fault;

impl Importer {
    pub(super) fn average_pool(&mut self, node: &Node<'_>) -> Result<(), Fault> {
        let count = node.int("count_include_pad", 0)? != 0;
        self.pool(node, "avg_pool2d", count)
    }

    pub(super) fn max_pool(&mut self, node: &Node<'_>) -> Result<(), Fault> {
        self.pool(node, "max_pool2d", false)
    }

    /// One spatial axis becomes two, the first of extent 1.
    fn pool(&mut self, node: &Node<'_>, op: &str, count_pad: bool) -> Result<(), Fault> {
        let x = self.value(node.input(0)?)?;
        let shape = self.build.shape(x).to_vec();
        if !(3..=4).contains(&shape.len()) {
            return Err(Fault::unsupported(format!("an operand of rank {}", shape.len()), "rank 3 or 4"));
        }
        let mut windows = Windows::of(node, &shape[2..], None)?;
        if windows.dilation.iter().any(|d| *d != 1) {
            return Err(Fault::unsupported("a dilation", "dilation 1"));
        }
        if node.int("ceil_mode", 0)? != 0 {
            round_up(&mut windows, &shape[2..], count_pad)?;
        }
        let line = shape.len() == 3;
        let value = if line { self.build.reshape(x, &[shape[0], shape[1], 1, shape[2]])? } else { x };
        let two = |list: &[i64], fill: i64| if line { vec![fill, list[0]] } else { list.to_vec() };
        let pads = &windows.pads;
        let pad = if line { vec![0, pads[0], 0, pads[1]] } else { pads.clone() };
        let mut attrs = vec![
            ("kernel", ints(&two(&windows.kernel, 1))),
            ("stride", ints(&two(&windows.stride, 1))),
            ("pad", ints(&pad)),
        ];
        if op == "avg_pool2d" {
            attrs.push(("count_pad", Attr::Int(count_pad.into())));
        }
        let value = self.build.op(op, &[value], &attrs)?;
        let value = if line {
            let [n, c, _, l] = self.build.shape(value) else { return Err(Fault::wrong("a pool", "rank 4")) };
            let shape = [*n, *c, *l];
            self.build.reshape(value, &shape)?
        } else {
            value
        };
        self.give(node, value)
    }

    pub(super) fn global_average_pool(&mut self, node: &Node<'_>) -> Result<(), Fault> {
        self.global(node, "mean")
    }

    pub(super) fn global_max_pool(&mut self, node: &Node<'_>) -> Result<(), Fault> {
        self.global(node, "reduce_max")
    }

    fn global(&mut self, node: &Node<'_>, op: &str) -> Result<(), Fault> {
        let x = self.value(node.input(0)?)?;
        let axes: Vec<usize> = (2..self.build.shape(x).len()).collect();
        self.emit(node, op, &[x], &[("axes", ints(&axes)), ("keep", Attr::Int(1))])
    }

    pub(super) fn reduce_mean(&mut self, node: &Node<'_>) -> Result<(), Fault> {
        let reduced = self.reduced(node, "mean")?;
        self.give(node, reduced)
    }

    pub(super) fn reduce_sum(&mut self, node: &Node<'_>) -> Result<(), Fault> {
        let reduced = self.reduced(node, "sum")?;
        self.give(node, reduced)
    }

    pub(super) fn reduce_max(&mut self, node: &Node<'_>) -> Result<(), Fault> {
        let reduced = self.reduced(node, "reduce_max")?;
        self.give(node, reduced)
    }

    fn reduced(&mut self, node: &Node<'_>, op: &str) -> Result<Value, Fault> {
        let x = self.value(node.input(0)?)?;
        self.reduce_of(node, x, op)
    }

    /// `x` reduced along the axes the node names.
    pub(super) fn reduce_of(&mut self, node: &Node<'_>, x: Value, op: &str) -> Result<Value, Fault> {
        let rank = self.build.shape(x).len();
        let axes = match self.axes_of(node, 1)? {
            Some(axes) if !axes.is_empty() => {
                axes.iter().map(|a| axis(*a, rank)).collect::<Result<Vec<usize>, Fault>>()?
            }
            _ if node.int("noop_with_empty_axes", 0)? != 0 => return Ok(x),
            _ => (0..rank).collect(),
        };
        let keep = node.int("keepdims", 1)? != 0;
        self.build.op(op, &[x], &[("axes", ints(&axes)), ("keep", Attr::Int(keep.into()))])
    }
}

/// `ceil_mode`: the last, partial window counts, so its missing part is padding behind.
fn round_up(windows: &mut Windows, spatial: &[usize], count_pad: bool) -> Result<(), Fault> {
    let rank = spatial.len();
    for (i, extent) in spatial.iter().enumerate() {
        let extent = *extent as i64;
        let (stride, before) = (windows.stride[i], windows.pads[i]);
        let padded = extent.saturating_add(before).saturating_add(windows.pads[rank + i]);
        let room = padded - windows.reach(i);
        // A last window that would begin in the padding behind is dropped.
        let steps = room.max(0).saturating_add(stride - 1) / stride;
        let steps = if steps.saturating_mul(stride) >= extent + before { steps - 1 } else { steps };
        let more = steps.saturating_mul(stride) - room;
        if more > 0 && count_pad {
            let reason = "ceil_mode with count_include_pad";
            return Err(Fault::unsupported(reason, "one of the two, or pads that make the windows fit"));
        }
        windows.pads[rank + i] += more.max(0);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_partial_window_is_padded_behind() {
        let pool = |extent: usize, pads: [i64; 2]| {
            let mut windows =
                Windows { kernel: vec![3], stride: vec![2], dilation: vec![1], pads: pads.to_vec() };
            round_up(&mut windows, &[extent], false).map(|()| windows.pads)
        };
        // 6 elements, windows of 3 by 2: 0-2, 2-4, 4-6; the last one lacks one element.
        assert_eq!(pool(6, [0, 0]), Ok(vec![0, 1]));
        assert_eq!(pool(7, [0, 0]), Ok(vec![0, 0]));
    }
}
