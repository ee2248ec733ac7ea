//! Convolutions in one and two dimensions.

use ir::Attr;

use super::Importer;
use super::attrs::Node;
use crate::build::ints;
use crate::error::Fault;

/// How a window moves over the spatial axes; every list has one entry for each.
pub(super) struct Windows {
    pub(super) kernel: Vec<i64>,
    pub(super) stride: Vec<i64>,
    pub(super) dilation: Vec<i64>,
    /// Elements before, then after.
    pub(super) pads: Vec<i64>,
}

impl Windows {
    /// From the attributes, for an image of `spatial` extents; `kernel` where the weights say it.
    pub(super) fn of(node: &Node<'_>, spatial: &[usize], kernel: Option<&[usize]>) -> Result<Windows, Fault> {
        let rank = spatial.len();
        let listed = |name: &str, default: i64| -> Result<Vec<i64>, Fault> {
            let list = node.ints(name)?.map_or_else(|| vec![default; rank], <[i64]>::to_vec);
            if list.len() != rank || list.iter().any(|v| !(1..1 << 31).contains(v)) {
                return Err(Fault::wrong(
                    format!("`{name}` of {list:?}"),
                    format!("{rank} entries from 1 up"),
                ));
            }
            Ok(list)
        };
        let kernel = match kernel {
            Some(extents) => extents.iter().map(|k| *k as i64).collect(),
            None if node.has("kernel_shape") => listed("kernel_shape", 1)?,
            None => return Err(Fault::wrong("no attribute `kernel_shape`", "one")),
        };
        let (stride, dilation) = (listed("strides", 1)?, listed("dilations", 1)?);
        let mut windows = Windows { kernel, stride, dilation, pads: vec![0; 2 * rank] };
        match node.text("auto_pad", "NOTSET")? {
            "" | "NOTSET" => {
                if let Some(pads) = node.ints("pads")? {
                    if pads.len() != 2 * rank || pads.iter().any(|p| !(0..1 << 31).contains(p)) {
                        let expected = format!("{} entries from 0 up", 2 * rank);
                        return Err(Fault::wrong(format!("`pads` of {pads:?}"), expected));
                    }
                    windows.pads = pads.to_vec();
                }
            }
            "VALID" => {}
            same @ ("SAME_UPPER" | "SAME_LOWER") => windows.pad_to_same(spatial, same == "SAME_UPPER"),
            other => return Err(Fault::wrong(format!("`auto_pad` of {other}"), "NOTSET, VALID or SAME_*")),
        }
        Ok(windows)
    }

    /// Extent of the dilated window.
    pub(super) fn reach(&self, i: usize) -> i64 {
        (self.kernel[i] - 1).saturating_mul(self.dilation[i]).saturating_add(1)
    }

    fn pad_to_same(&mut self, spatial: &[usize], upper: bool) {
        let rank = spatial.len();
        for (i, extent) in spatial.iter().enumerate() {
            let extent = *extent as i64;
            let steps = (extent + self.stride[i] - 1) / self.stride[i] - 1;
            let total = (steps.saturating_mul(self.stride[i]).saturating_add(self.reach(i)) - extent).max(0);
            let (less, more) = (total / 2, total - total / 2);
            (self.pads[i], self.pads[rank + i]) = if upper { (less, more) } else { (more, less) };
        }
    }
}

impl Importer {
    /// `x[n, c, ...], w[o, c / group, ...], bias[o]`.
    pub(super) fn conv(&mut self, node: &Node<'_>) -> Result<(), Fault> {
        let x = self.value(node.input(0)?)?;
        let w = self.value(node.input(1)?)?;
        let bias = node.optional(2).map(|name| self.value(name)).transpose()?;
        let (image, weights) = (self.build.shape(x).to_vec(), self.build.shape(w).to_vec());
        let op = match (image.len(), weights.len()) {
            (3, 3) => "conv1d",
            (4, 4) => "conv2d",
            (x, w) if x == w && x > 4 => {
                return Err(Fault::unsupported(format!("{} spatial axes", x - 2), "one or two"));
            }
            (x, w) => return Err(Fault::wrong(format!("operands of rank {x} and {w}"), "3 or 4 both")),
        };
        let windows = Windows::of(node, &image[2..], Some(&weights[2..]))?;
        if let Some(kernel) = node.ints("kernel_shape")?
            && kernel != windows.kernel
        {
            let found = format!("`kernel_shape` of {kernel:?}");
            return Err(Fault::wrong(found, format!("{:?} as the weights have", windows.kernel)));
        }
        let attrs = [
            ("stride", ints(&windows.stride)),
            ("pad", ints(&windows.pads)),
            ("dilation", ints(&windows.dilation)),
            ("groups", Attr::Int(node.int("group", 1)?)),
        ];
        let value = self.build.add(op, &[Some(x), Some(w), bias], &attrs, None)?;
        self.give(node, value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn same_padding_puts_the_odd_element_where_it_is_asked() {
        let windows = || Windows { kernel: vec![3], stride: vec![2], dilation: vec![1], pads: vec![0; 2] };
        // 4 elements in 2 steps of 2 reach 5: one is added.
        let (mut upper, mut lower) = (windows(), windows());
        upper.pad_to_same(&[4], true);
        lower.pad_to_same(&[4], false);
        assert_eq!((upper.pads, lower.pads), (vec![0, 1], vec![1, 0]));
    }
}
