//! Between the interface's physical order and the logical axes N, C, H, W.

use crate::kernels::movement::strides;
use ir::{Layout, Tensor, Type};

/// The shape in which a value of the interface is given and taken.
#[must_use]
pub fn interface_shape(ty: &Type, layout: Layout) -> Vec<usize> {
    match (layout, ty.shape.as_slice()) {
        (Layout::Nhwc, [n, c, h, w]) => vec![*n, *h, *w, *c],
        (_, shape) => shape.to_vec(),
    }
}

/// An input of the interface as its logical type has it.
pub(crate) fn to_logical(data: &Tensor, layout: Layout) -> Tensor {
    if layout == Layout::Nhwc && data.shape().len() == 4 {
        permuted(data, [0, 3, 1, 2])
    } else {
        data.clone()
    }
}

/// A logical value as the interface gives it out.
pub(crate) fn to_interface(data: &Tensor, layout: Layout) -> Tensor {
    if layout == Layout::Nhwc && data.shape().len() == 4 {
        permuted(data, [0, 2, 3, 1])
    } else {
        data.clone()
    }
}

fn permuted(data: &Tensor, perm: [usize; 4]) -> Tensor {
    let (width, along) = (data.element().bytes(), strides(data.shape()));
    let (shape, steps) = (perm.map(|axis| data.shape()[axis]), perm.map(|axis| along[axis]));
    let from = crate::kernels::binary::walk(&shape, &steps, 0);
    let bytes = from.flat_map(|at| &data.bytes()[at * width..(at + 1) * width]).copied().collect();
    Tensor::from_bytes(data.element(), shape, bytes).expect("a permutation keeps every element")
}

#[cfg(test)]
mod tests {
    use super::*;
    use ir::Element;

    #[test]
    fn channels_last_and_back_is_the_same() {
        let logical = Tensor::from_ints(Element::I8, [1, 2, 1, 3], &[1, 2, 3, 4, 5, 6]);
        let physical = to_interface(&logical, Layout::Nhwc);
        assert_eq!((physical.shape(), physical.to_ints()), ([1, 1, 3, 2].as_slice(), vec![1, 4, 2, 5, 3, 6]));
        assert_eq!(to_logical(&physical, Layout::Nhwc), logical);
        assert_eq!(to_interface(&logical, Layout::Nchw), logical);
    }

    #[test]
    fn only_images_have_a_layout() {
        let rows = Tensor::from_ints(Element::I8, [2, 3], &[1, 2, 3, 4, 5, 6]);
        assert_eq!(to_interface(&rows, Layout::Nhwc), rows);
        assert_eq!(interface_shape(&Type::new(Element::I8, [1, 2, 1, 3]), Layout::Nhwc), [1, 1, 3, 2]);
    }
}
