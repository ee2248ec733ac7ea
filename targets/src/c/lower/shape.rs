//! Ops that move elements: without code where the physical order allows it.

use super::layout::{self, Order, row_major};
use super::{Lowering, Operand, Place, Refused, Rule, Source, elementwise, quant, refused};
use crate::c::kernels::spec::{ConcatSpec, CopyBoxSpec, Image, OpSpec, ResizeNearestSpec};
use crate::c::kernels::{Constant, Data};
use crate::c::ops;
use crate::c::program::Work;
use ir::{Node, Type, Value};

pub(super) const RULES: &[(&str, Rule)] = &[
    ("reshape", reshape),
    ("transpose", transpose),
    ("concat", concat),
    ("slice", slice),
    ("pad", pad),
    ("expand", expand),
    ("gather", gather),
    ("resize2d", resize2d),
];

/// Constant operands are named by their position, of which there are this many.
const MAX_CONSTANT_OPERAND: usize = 8;

fn sizes(node: &Node, name: &str) -> Vec<usize> {
    let convert = |v: &i64| usize::try_from(*v).expect("inference checked that it is not negative");
    node.attrs().ints(name).iter().map(convert).collect()
}

/// The place of `x` converted to `order`; a constant stays one.
fn moved_to(cx: &mut Lowering<'_>, x: Value, order: &Order) -> Result<Place, Refused> {
    match (cx.place(x).source, cx.fetch(x, order)?) {
        (_, Operand::Block(block)) => Ok(Place { source: Source::Block(block), order: order.clone() }),
        (source, Operand::Constant(_)) => Ok(Place { source, order: cx.order(x) }),
    }
}

fn reshape(cx: &mut Lowering<'_>, value: Value) -> Result<Place, Refused> {
    let x = cx.operand(value, "x");
    let (from, to) = (cx.ty(x).shape.clone(), cx.node(value).ty().shape.clone());
    let mut place = cx.place(x);
    if layout::through_reshape(&place.order, &from, &to).is_none() {
        if let Source::Const(_) = place.source {
            return refused("a transposed constant is reshaped: fold constants first");
        }
        place = moved_to(cx, x, &row_major(from.len()))?;
    }
    let order = layout::through_reshape(&place.order, &from, &to).expect("a row-major value reshapes freely");
    Ok(Place { source: place.source, order })
}

fn transpose(cx: &mut Lowering<'_>, value: Value) -> Result<Place, Refused> {
    let node = cx.node(value);
    let place = cx.place(cx.operand(value, "x"));
    let order = layout::through_transpose(&place.order, &sizes(node, "perm"));
    Ok(Place { source: place.source, order })
}

fn concat(cx: &mut Lowering<'_>, value: Value) -> Result<Place, Refused> {
    let node = cx.node(value);
    let xs: Vec<Value> = node.operands().iter().flatten().copied().collect();
    let rank = node.ty().rank();
    let signed = i64::try_from(rank).expect("a rank is small");
    let axis = usize::try_from(node.attrs().int("axis").rem_euclid(signed)).expect("not negative");
    // The order of the largest operand that is in memory.
    let in_memory = xs.iter().filter(|x| matches!(cx.place(**x).source, Source::Block(_)));
    let lead = in_memory.max_by_key(|x| (cx.ty(**x).elements(), std::cmp::Reverse(x.index())));
    let order = lead.map_or_else(|| row_major(rank), |x| cx.order(*x));
    let (element, parts) = movable(node.ty())?;
    let at = order.iter().position(|&a| a == axis).expect("an order has every axis");
    let outer = order[..at].iter().map(|&a| node.ty().shape[a]).product();
    let behind: usize = order[at + 1..].iter().map(|&a| node.ty().shape[a]).product::<usize>() * parts;
    let mut operands = Vec::new();
    let mut inner = Vec::new();
    for x in xs {
        let ty = cx.ty(x);
        if ty.elements() == 0 {
            continue;
        }
        let mut operand = cx.fetch(x, &order)?;
        if ty.is_quantized() {
            let whole = quant::range(node.ty().element)?;
            operand = elementwise::on_scale(cx, value, operand, ty, node.ty(), whole, order.clone())?;
        }
        if matches!(operand, Operand::Constant(_)) && operands.len() >= MAX_CONSTANT_OPERAND {
            return refused("a constant behind more than 8 operands: fold constants first");
        }
        operands.push(operand);
        inner.push(cx.ty(x).shape[axis] * behind);
    }
    let spec = OpSpec::Concat(ConcatSpec { outer, inner, element });
    cx.spec("concat", spec, operands, node.ty(), order)
}

fn movable(ty: &Type) -> Result<(crate::c::kernels::spec::Element, usize), Refused> {
    quant::movable(ty.element).map_or_else(|| refused(format!("{} has no C type", ty.element)), Ok)
}

/// A box of `x` copied with steps and fill, in whatever order `x` lies.
fn boxed(
    cx: &mut Lowering<'_>,
    value: Value,
    offset: &[isize],
    step: &[isize],
    fill: f64,
) -> Result<Place, Refused> {
    let node = cx.node(value);
    let x = cx.operand(value, "x");
    let order = cx.order(x);
    let (element, parts) = movable(node.ty())?;
    let mut spec = CopyBoxSpec {
        element,
        x: layout::physical(&cx.ty(x).shape, &order),
        y: layout::physical(&node.ty().shape, &order),
        offset: order.iter().map(|&a| offset[a]).collect(),
        step: order.iter().map(|&a| step[a]).collect(),
        fill,
    };
    if parts > 1 {
        spec.x.push(parts);
        spec.y.push(parts);
        spec.offset.push(0);
        spec.step.push(1);
    }
    merge_whole(&mut spec);
    let operand = cx.fetch(x, &order)?;
    let name = node.op().expect("a rule is applied to the use of an op").name;
    cx.spec(name, OpSpec::CopyBox(spec), vec![operand], node.ty(), order)
}

/// Axes that are copied whole become part of the axis before them, where that is copied without gaps or whole, too.
fn merge_whole(spec: &mut CopyBoxSpec) {
    let whole =
        |spec: &CopyBoxSpec, i: usize| spec.x[i] == spec.y[i] && spec.offset[i] == 0 && spec.step[i] == 1;
    let mut i = 1;
    while i < spec.x.len() {
        if whole(spec, i) && spec.step[i - 1] == 1 {
            let extent = spec.x[i];
            spec.x[i - 1] *= extent;
            spec.y[i - 1] *= extent;
            spec.offset[i - 1] *= isize::try_from(extent).expect("extents are below 2^31");
            for list in [&mut spec.x, &mut spec.y] {
                list.remove(i);
            }
            for list in [&mut spec.offset, &mut spec.step] {
                list.remove(i);
            }
        } else {
            i += 1;
        }
    }
}

fn slice(cx: &mut Lowering<'_>, value: Value) -> Result<Place, Refused> {
    let node = cx.node(value);
    let (start, step) = (sizes(node, "start"), sizes(node, "step"));
    let signed = |v: &usize| isize::try_from(*v).expect("extents are below 2^31");
    let (start, step): (Vec<isize>, Vec<isize>) =
        (start.iter().map(signed).collect(), step.iter().map(signed).collect());
    boxed(cx, value, &start, &step, 0.0)
}

fn pad(cx: &mut Lowering<'_>, value: Value) -> Result<Place, Refused> {
    let node = cx.node(value);
    let before = sizes(node, "before");
    let mode = node.attrs().word("mode");
    if mode == "constant" {
        let offset: Vec<isize> =
            before.iter().map(|v| -isize::try_from(*v).expect("extents are below 2^31")).collect();
        let fill = stored(node.ty(), node.attrs().float("value"))?;
        return boxed(cx, value, &offset, &vec![1; before.len()], fill);
    }
    let x = cx.operand(value, "x");
    let order = cx.order(x);
    let element = movable(node.ty())?;
    let kernel = ops::mirrored_pad(
        element,
        &layout::physical(&cx.ty(x).shape, &order),
        &layout::physical(&node.ty().shape, &order),
        &layout::physical(&before, &order),
        mode == "reflect",
    );
    let operand = cx.fetch(x, &order)?;
    cx.task("pad", Work::Own, kernel, vec![operand], node.ty(), order)
}

/// The stored number that stands for a real one.
fn stored(ty: &Type, real: f64) -> Result<f64, Refused> {
    if !ty.is_quantized() {
        return Ok(real);
    }
    let (scale, zero) = quant::per_tensor(ty, "the result")?;
    let [low, high] = quant::range(ty.element)?;
    let value = (real / f64::from(scale)).round_ties_even() + f64::from(zero);
    Ok(value.clamp(f64::from(low), f64::from(high)))
}

fn expand(cx: &mut Lowering<'_>, value: Value) -> Result<Place, Refused> {
    let node = cx.node(value);
    let x = cx.operand(value, "x");
    let operand = cx.fetch(x, &row_major(cx.ty(x).rank()))?;
    expanded(cx, operand, cx.ty(x), node.ty())
}

fn expanded(cx: &mut Lowering<'_>, operand: Operand, from: &Type, to: &Type) -> Result<Place, Refused> {
    let element = movable(to)?;
    let kernel = ops::expand(element, &from.shape, &to.shape);
    cx.task("expand", Work::Own, kernel, vec![operand], to, row_major(to.rank()))
}

/// A copy of a value in memory of its own.
pub(super) fn copied(
    cx: &mut Lowering<'_>,
    from: Operand,
    ty: &Type,
    order: Order,
) -> Result<Place, Refused> {
    let element = movable(ty)?;
    let kernel = ops::expand(element, &[ty.elements()], &[ty.elements()]);
    cx.task("layout", Work::Own, kernel, vec![from], ty, order)
}

/// `x` row-major with its axes before the last two broadcast to `outer`.
pub(super) fn broadcast_outer(cx: &mut Lowering<'_>, x: Value, outer: &[usize]) -> Result<Operand, Refused> {
    let ty = cx.ty(x);
    let rank = ty.rank();
    let operand = cx.fetch(x, &row_major(rank))?;
    let own: usize = ty.shape[..rank - 2].iter().product();
    if own == outer.iter().product::<usize>() {
        return Ok(operand);
    }
    let shape: Vec<usize> = outer.iter().chain(&ty.shape[rank - 2..]).copied().collect();
    let wide = ty.with_shape(shape);
    let place = expanded(cx, operand, ty, &wide)?;
    match place.source {
        Source::Block(block) => Ok(Operand::Block(block)),
        Source::Const(_) => refused("an expansion without a result"),
    }
}

fn gather(cx: &mut Lowering<'_>, value: Value) -> Result<Place, Refused> {
    let node = cx.node(value);
    let (x, indices) = (cx.operand(value, "x"), cx.operand(value, "indices"));
    let signed = i64::try_from(cx.ty(x).rank()).expect("a rank is small");
    let axis = usize::try_from(node.attrs().int("axis").rem_euclid(signed)).expect("not negative");
    let shape = &cx.ty(x).shape;
    let (element, parts) = movable(node.ty())?;
    // Constant indices are known to fit; those of an input are taken as they come.
    let constant = cx.constant(indices);
    let index_type = match (&constant, ops::integer_type(cx.ty(indices).element)) {
        (Some(_), _) => "int32_t",
        (None, Some(index_type)) => index_type,
        (None, None) => return refused(format!("indices of {} have no C type", cx.ty(indices).element)),
    };
    let kernel = ops::gather(&ops::Gather {
        element,
        outer: shape[..axis].iter().product(),
        extent: shape[axis],
        inner: shape[axis + 1..].iter().product::<usize>() * parts,
        picks: cx.ty(indices).elements(),
        index_type,
    });
    let picked = match constant {
        None => cx.fetch(indices, &row_major(cx.ty(indices).rank()))?,
        Some(data) => {
            let narrow =
                |v: i64| i32::try_from(v).map_err(|_| Refused(format!("index {v} is outside the axis")));
            let values: Result<Vec<i32>, Refused> = data.to_ints().into_iter().map(narrow).collect();
            Operand::Constant(Constant { role: "operand", data: Data::I32(values?) })
        }
    };
    let operands = vec![cx.fetch(x, &row_major(cx.ty(x).rank()))?, picked];
    cx.task("gather", Work::Own, kernel, operands, node.ty(), row_major(node.ty().rank()))
}

fn resize2d(cx: &mut Lowering<'_>, value: Value) -> Result<Place, Refused> {
    let node = cx.node(value);
    let x = cx.operand(value, "x");
    let (element, parts) = movable(node.ty())?;
    let image = |ty: &Type| Image { n: ty.shape[0], h: ty.shape[2], w: ty.shape[3], c: ty.shape[1] * parts };
    let spec = ResizeNearestSpec { element, input: image(cx.ty(x)), output: image(node.ty()) };
    let order = layout::channels_last(4);
    let operand = cx.fetch(x, &order)?;
    cx.spec("resize2d", OpSpec::ResizeNearest(spec), vec![operand], node.ty(), order)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::c::kernels::spec::Element;

    #[test]
    fn axes_copied_whole_are_merged() {
        let mut spec = CopyBoxSpec {
            element: Element::I8,
            x: vec![1, 4, 5, 3],
            y: vec![1, 6, 5, 3],
            offset: vec![0, -1, 0, 0],
            step: vec![1; 4],
            fill: 0.0,
        };
        merge_whole(&mut spec);
        // Rows of 15; the leading 1 stays, as the rows are padded.
        assert_eq!((spec.x, spec.y, spec.offset), (vec![1, 60], vec![1, 90], vec![0, -15]));
    }
}
