//! Moving elements: expansion, gathering, mirrored padding; and changing their type.

use super::{c_type, index, input, kernel, output};
use crate::c::kernels::Kernel;
use crate::c::kernels::code::Code;
use crate::c::kernels::spec::Element;

/// `x` repeated along axes of extent 1 and axes added in front; an element is `parts` stored ones.
pub(crate) fn expand((element, parts): (Element, usize), from: &[usize], to: &[usize]) -> Kernel {
    let elements: usize = to.iter().product::<usize>() * parts;
    let mut c = Code::new();
    let mut x: Vec<usize> =
        std::iter::repeat_n(1, to.len() - from.len()).chain(from.iter().copied()).collect();
    let mut y = to.to_vec();
    x.push(parts);
    y.push(parts);
    merge(&mut x, &mut y);
    for (axis, extent) in y.iter().enumerate() {
        c.count(&format!("i{axis}"), *extent);
    }
    c.line(format!("*y++ = x[{}];", index(&x))).close_all(y.len());
    let parameters = [input(0, element.c_type(), "x"), output(element.c_type())];
    let summary = format!("Expansion of {} numbers to {elements}.", from.iter().product::<usize>() * parts);
    kernel(format!("expand_{elements}"), summary, &parameters, c, 0)
}

/// Neighbouring axes that are both copied, or both repeated, become one.
fn merge(x: &mut Vec<usize>, y: &mut Vec<usize>) {
    let mut i = 1;
    while i < y.len() {
        let copied = |i: usize| x[i] == y[i];
        let repeated = |i: usize| x[i] == 1;
        if (copied(i) && copied(i - 1)) || (repeated(i) && repeated(i - 1)) {
            x[i - 1] *= x[i];
            y[i - 1] *= y[i];
            x.remove(i);
            y.remove(i);
        } else {
            i += 1;
        }
    }
}

/// Extents of a gather: `y[outer][picks][inner] = x[outer][indices[pick]][inner]`.
pub(crate) struct Gather {
    /// Element moved.
    pub(crate) element: Element,
    /// Extents before the axis.
    pub(crate) outer: usize,
    /// Extent of the axis.
    pub(crate) extent: usize,
    /// Extents behind the axis.
    pub(crate) inner: usize,
    /// Number of indices.
    pub(crate) picks: usize,
    /// C type of the indices.
    pub(crate) index_type: &'static str,
}

/// Negative indices count from the end; an index outside reads the nearest slice, never other memory.
pub(crate) fn gather(s: &Gather) -> Kernel {
    let mut c = Code::new();
    c.count("o", s.outer).count("p", s.picks);
    c.line("int32_t at = (int32_t)indices[p];");
    if !s.index_type.starts_with('u') {
        c.line(format!("at = at < 0 ? at + {} : at;", s.extent));
    }
    c.line(format!("at = at < 0 ? 0 : (at > {0} ? {0} : at);", s.extent - 1));
    c.count("i", s.inner).line(format!("*y++ = x[(o * {} + at) * {} + i];", s.extent, s.inner)).close();
    c.close_all(2);
    let parameters =
        [input(0, s.element.c_type(), "x"), input(1, s.index_type, "indices"), output(s.element.c_type())];
    let summary = format!("Gather of {} slices of {} from {}.", s.picks, s.inner, s.extent);
    kernel(format!("gather_{}x{}x{}", s.outer, s.picks, s.inner), summary, &parameters, c, 0)
}

/// Padding with the mirror image (without the edge) or the edge; an element is `parts` stored ones.
pub(crate) fn mirrored_pad(
    (element, parts): (Element, usize),
    x: &[usize],
    y: &[usize],
    before: &[usize],
    reflect: bool,
) -> Kernel {
    let mut c = Code::new();
    for (axis, extent) in y.iter().enumerate() {
        c.count(&format!("i{axis}"), *extent);
        if x[axis] == *extent {
            c.line(format!("int32_t a{axis} = i{axis};"));
            continue;
        }
        c.line(format!("int32_t a{axis} = i{axis} - {};", before[axis]));
        let last = x[axis] - 1;
        let (low, high) = if reflect {
            (format!("-a{axis}"), format!("{} - a{axis}", 2 * last))
        } else {
            ("0".into(), last.to_string())
        };
        c.line(format!("a{axis} = a{axis} < 0 ? {low} : (a{axis} > {last} ? {high} : a{axis});"));
    }
    let at = (1..x.len()).fold("a0".to_owned(), |at, axis| {
        let sum = if at.contains('+') { format!("({at})") } else { at };
        format!("{sum} * {} + a{axis}", x[axis])
    });
    if parts == 1 {
        c.line(format!("*y++ = x[{at}];"));
    } else {
        c.count("part", parts).line(format!("*y++ = x[({at}) * {parts} + part];")).close();
    }
    c.close_all(y.len());
    let parameters = [input(0, element.c_type(), "x"), output(element.c_type())];
    let elements: usize = y.iter().product();
    let summary =
        format!("Padding with the {} to {elements} numbers.", if reflect { "mirror image" } else { "edge" });
    kernel(format!("pad_{elements}"), summary, &parameters, c, 0)
}

/// Each element as another: floats are truncated (and saturate at 64 bits), integers wrap, truth is whatever is not zero.
pub(crate) fn cast(from: ir::Element, to: ir::Element, elements: usize) -> Option<Kernel> {
    let (x, y) = (c_type(from)?, c_type(to)?);
    // Elements narrower than their storage would have to wrap at their own width.
    if let ir::Element::Int { bits, .. } = to
        && usize::from(bits) != 8 * to.bytes()
    {
        return None;
    }
    let value = match (from, to) {
        (_, ir::Element::Bool) if from.is_float() => "x[i] != 0.0f ? 1 : 0".to_owned(),
        (_, ir::Element::Bool) => "x[i] != 0 ? 1 : 0".to_owned(),
        // A float beyond 64 bits has no defined conversion: it becomes the nearest end; NaN becomes 0.
        (ir::Element::F32, ir::Element::Int { .. }) => {
            "x[i] >= 9.2233720e18f ? INT64_MAX : (x[i] <= -9.2233720e18f ? \
             INT64_MIN : (x[i] == x[i] ? (int64_t)x[i] : 0))"
                .to_owned()
        }
        _ => "x[i]".to_owned(),
    };
    let mut c = Code::new();
    c.count("i", elements).line(format!("y[i] = ({y})({value});")).close();
    let parameters = [input(0, x, "x"), output(y)];
    let summary = format!("Cast of {elements} numbers from {from} to {to}.");
    let mut kernel = kernel(format!("cast_{from}_{to}_{elements}"), summary, &parameters, c, 0);
    kernel.walks.push(super::in_place(elements, from.bytes(), to.bytes()));
    Some(kernel)
}
