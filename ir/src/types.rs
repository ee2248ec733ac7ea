//! The type of a value: element, shape, and optionally how it is quantized and which zeros are structural.

use crate::Element;
use std::fmt;

/// Extents, outermost first. Logical axes follow ONNX: N, C, H, W for images, N, C, L or N, T, D for sequences.
pub type Shape = Vec<usize>;

/// Most elements a tensor may have: sizes come from untrusted files.
pub const MAX_ELEMENTS: usize = 1 << 31;
/// Most axes a tensor may have.
pub const MAX_RANK: usize = 8;

/// The type of a value.
#[derive(Debug, Clone, PartialEq)]
pub struct Type {
    /// What one element is.
    pub element: Element,
    /// Extents, outermost first; empty for a scalar.
    pub shape: Shape,
    /// How integers stand for reals, where they do.
    pub quant: Option<Quant>,
    /// Which elements are known to be zero, where structured.
    pub sparsity: Option<Sparsity>,
}

impl Type {
    /// An unquantized dense type.
    pub fn new(element: Element, shape: impl Into<Shape>) -> Self {
        Self { element, shape: shape.into(), quant: None, sparsity: None }
    }

    /// The same type with a quantization.
    #[must_use]
    pub fn with_quant(mut self, quant: Quant) -> Self {
        self.quant = Some(quant);
        self
    }

    /// The same element and quantization with another shape. Meaningful only where quantization is per tensor.
    #[must_use]
    pub fn with_shape(&self, shape: impl Into<Shape>) -> Self {
        Self { shape: shape.into(), ..self.clone() }
    }

    /// Number of elements; 1 for a scalar.
    pub fn elements(&self) -> usize {
        self.shape.iter().product()
    }

    /// Bytes of a [`crate::Tensor`] of this type.
    pub fn bytes(&self) -> usize {
        self.elements() * self.element.bytes()
    }

    /// Number of axes.
    pub fn rank(&self) -> usize {
        self.shape.len()
    }

    /// Whether the values are integers that stand for reals.
    pub fn is_quantized(&self) -> bool {
        self.quant.is_some()
    }

    /// Scale and zero point where quantized per tensor.
    pub fn per_tensor(&self) -> Option<(f32, i32)> {
        let quant = self.quant.as_ref()?;
        (quant.granularity == Granularity::PerTensor).then(|| (quant.scale[0], quant.zero[0]))
    }

    /// What is wrong with this type by itself; `None` where it is sound.
    pub fn fault(&self) -> Option<String> {
        if self.rank() > MAX_RANK {
            return Some(format!("rank {} exceeds {MAX_RANK}", self.rank()));
        }
        let elements = self.shape.iter().try_fold(1usize, |n, &d| n.checked_mul(d));
        match elements {
            Some(n) if n <= MAX_ELEMENTS => {}
            _ => return Some(format!("more than {MAX_ELEMENTS} elements")),
        }
        self.quant.as_ref().and_then(|quant| quant.fault(self.element, &self.shape))
    }
}

/// As the text form has it, e.g. `i8[1, 4] {scale = 0.5, zero = 0}`.
impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&crate::text::type_text(self))
    }
}

/// Over what one scale and zero point are shared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Granularity {
    /// One scale for the whole tensor.
    PerTensor,
    /// One scale for each index of an axis.
    PerAxis(usize),
    /// One scale for each run of `size` elements along `axis`, for every index of the other axes.
    PerGroup {
        /// The axis that is cut into groups.
        axis: usize,
        /// Elements in a group; the last may be shorter.
        size: usize,
    },
}

/// Affine quantization: `real = scale * (stored - zero)`.
#[derive(Debug, Clone, PartialEq)]
pub struct Quant {
    /// Positive and finite; one, or one per index or group in row-major order.
    pub scale: Vec<f32>,
    /// As many as scales.
    pub zero: Vec<i32>,
    /// Over what each is shared.
    pub granularity: Granularity,
}

impl Quant {
    /// One scale and zero point for the whole tensor.
    pub fn per_tensor(scale: f32, zero: i32) -> Self {
        Self { scale: vec![scale], zero: vec![zero], granularity: Granularity::PerTensor }
    }

    /// One scale per index of `axis`, zero points all 0.
    pub fn per_axis(scale: Vec<f32>, axis: usize) -> Self {
        let zero = vec![0; scale.len()];
        Self { scale, zero, granularity: Granularity::PerAxis(axis) }
    }

    /// Scales expected for `shape`.
    pub fn expected_len(&self, shape: &[usize]) -> Option<usize> {
        match self.granularity {
            Granularity::PerTensor => Some(1),
            Granularity::PerAxis(axis) => shape.get(axis).copied(),
            Granularity::PerGroup { axis, size } => {
                let along = (size > 0).then(|| shape.get(axis).map(|d| d.div_ceil(size)))??;
                let others: usize =
                    shape.iter().enumerate().filter(|(i, _)| *i != axis).map(|(_, d)| d).product();
                Some(others * along)
            }
        }
    }

    /// Index into `scale` and `zero` for the element at `index` of a tensor of `shape`.
    pub fn slot(&self, shape: &[usize], index: &[usize]) -> usize {
        match self.granularity {
            Granularity::PerTensor => 0,
            Granularity::PerAxis(axis) => index[axis],
            Granularity::PerGroup { axis, size } => {
                let extent = |i: usize| if i == axis { shape[i].div_ceil(size) } else { shape[i] };
                let at = |i: usize| if i == axis { index[i] / size } else { index[i] };
                (0..shape.len()).fold(0, |slot, i| slot * extent(i) + at(i))
            }
        }
    }

    /// What is wrong with this quantization of `element` and `shape`; `None` where it is sound.
    pub fn fault(&self, element: Element, shape: &[usize]) -> Option<String> {
        let Some((low, high)) = element.range().filter(|_| element.is_int()) else {
            return Some(format!("{element} cannot be quantized: an integer is expected"));
        };
        let Some(expected) = self.expected_len(shape) else {
            return Some(format!("quantized axis is outside rank {}", shape.len()));
        };
        if self.scale.len() != expected || self.zero.len() != expected {
            let (scales, zeros) = (self.scale.len(), self.zero.len());
            return Some(format!("{scales} scales and {zeros} zero points, {expected} of each expected"));
        }
        if let Some(scale) = self.scale.iter().find(|s| !s.is_finite() || **s <= 0.0) {
            return Some(format!("scale {scale:?} is not positive and finite"));
        }
        let outside = self.zero.iter().find(|z| !(low..=high).contains(&i64::from(**z)))?;
        Some(format!("zero point {outside} is outside {element}"))
    }
}

/// Zeros whose places are known from a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Sparsity {
    /// At most `n` of every `m` consecutive elements along the input channels are non-zero.
    NofM {
        /// Non-zeros kept.
        n: usize,
        /// Out of this many.
        m: usize,
    },
    /// Zeros come in blocks of `rows` output by `cols` input channels.
    Block {
        /// Output channels of a block.
        rows: usize,
        /// Input channels of a block.
        cols: usize,
    },
    /// Whole output channels are zero.
    Channel,
}

impl fmt::Display for Sparsity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NofM { n, m } => write!(f, "{n}:{m}"),
            Self::Block { rows, cols } => write!(f, "{rows}x{cols}"),
            Self::Channel => f.write_str("channel"),
        }
    }
}

/// Physical order of a rank-4 interface tensor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Layout {
    /// Channels before rows, as ONNX has them.
    #[default]
    Nchw,
    /// Channels last, as TFLite has them.
    Nhwc,
}

impl fmt::Display for Layout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Nchw => "nchw",
            Self::Nhwc => "nhwc",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_has_one_scale_for_each_run_along_its_axis() {
        let quant = Quant {
            scale: vec![1.0; 6],
            zero: vec![0; 6],
            granularity: Granularity::PerGroup { axis: 1, size: 4 },
        };
        // 2 rows of 10 elements in groups of 4: 3 groups a row (4 + 4 + 2), 6 in all.
        assert_eq!(quant.expected_len(&[2, 10]), Some(6));
        assert_eq!(quant.slot(&[2, 10], &[1, 9]), 5);
        assert_eq!(quant.fault(Element::I8, &[2, 10]), None);
    }

    #[test]
    fn a_zero_or_nan_scale_is_a_fault() {
        for scale in [0.0, f32::NAN, f32::INFINITY, -1.0] {
            let ty = Type::new(Element::I8, [2]).with_quant(Quant::per_tensor(scale, 0));
            assert!(ty.fault().is_some_and(|fault| fault.contains("not positive and finite")), "{scale}");
        }
    }

    #[test]
    fn a_zero_point_outside_the_element_is_a_fault() {
        let ty = Type::new(Element::U8, [2]).with_quant(Quant::per_tensor(0.5, -1));
        assert_eq!(ty.fault().as_deref(), Some("zero point -1 is outside u8"));
    }

    #[test]
    fn a_huge_shape_is_a_fault_and_not_an_overflow() {
        let ty = Type::new(Element::F32, [usize::MAX, 2]);
        assert!(ty.fault().is_some());
    }
}
