//! Physical orders of axes: how a value with logical axes lies in memory.
//!
//! An [`Order`] lists logical axes from the outermost in memory to the innermost. Because every value carries one, a
//! transpose is a change of order without code; a kernel that wants another order has the value converted.

/// Logical axes in the order they lie in memory, outermost first.
pub type Order = Vec<usize>;

/// The order of the axes themselves.
pub fn row_major(rank: usize) -> Order {
    (0..rank).collect()
}

/// Axis 1 innermost: N, H, W, C of an image, N, L, C of a sequence.
pub fn channels_last(rank: usize) -> Order {
    if rank < 3 {
        return row_major(rank);
    }
    std::iter::once(0).chain(2..rank).chain([1]).collect()
}

/// The extents as they lie in memory.
pub fn physical(shape: &[usize], order: &[usize]) -> Vec<usize> {
    order.iter().map(|&axis| shape[axis]).collect()
}

/// Whether both orders put every element at the same place: axes of extent 1 may stand anywhere.
pub fn equivalent(a: &[usize], b: &[usize], shape: &[usize]) -> bool {
    proper(a, shape).eq(proper(b, shape))
}

fn proper<'a>(order: &'a [usize], shape: &'a [usize]) -> impl Iterator<Item = usize> + 'a {
    order.iter().copied().filter(|&axis| shape[axis] != 1)
}

/// The order of `transpose(x, perm)` that needs no code: the result's axis `i` is `x`'s axis `perm[i]`.
pub fn through_transpose(order: &[usize], perm: &[usize]) -> Order {
    let result_axis = |axis: usize| {
        perm.iter().position(|&p| p == axis).expect("inference checked that perm is a permutation")
    };
    order.iter().map(|&axis| result_axis(axis)).collect()
}

/// The order of `reshape(x, to)` that needs no code, where there is one.
///
/// A reshape splits into groups of input axes whose product is that of a group of output axes. It moves nothing in
/// memory as long as the axes of each group lie together and in their own order; the groups may lie in any order.
pub fn through_reshape(order: &[usize], from: &[usize], to: &[usize]) -> Option<Order> {
    let groups = groups(from, to);
    let mut rest: Vec<usize> = proper(order, from).collect();
    let mut result = Vec::with_capacity(to.len());
    while let Some(&first) = rest.first() {
        let (inputs, outputs) =
            groups.iter().find(|(inputs, _)| inputs.contains(&first)).expect("every proper axis is grouped");
        if !rest.starts_with(inputs) {
            return None;
        }
        rest.drain(..inputs.len());
        result.extend_from_slice(outputs);
    }
    let units = (0..to.len()).filter(|axis| to[*axis] == 1);
    result.extend(units);
    Some(result)
}

/// Smallest groups of proper axes with equal products, in logical order.
fn groups(from: &[usize], to: &[usize]) -> Vec<(Vec<usize>, Vec<usize>)> {
    let mut left = (0..from.len()).filter(|axis| from[*axis] != 1).peekable();
    let mut right = (0..to.len()).filter(|axis| to[*axis] != 1).peekable();
    let mut groups = Vec::new();
    while left.peek().is_some() || right.peek().is_some() {
        let (mut inputs, mut outputs) = (Vec::new(), Vec::new());
        let (mut n, mut m) = (1usize, 1usize);
        loop {
            let next = if n <= m && left.peek().is_some() { left.next().map(|a| (a, true)) } else { None };
            match next.or_else(|| right.next().map(|a| (a, false))) {
                Some((axis, true)) => {
                    inputs.push(axis);
                    n *= from[axis];
                }
                Some((axis, false)) => {
                    outputs.push(axis);
                    m *= to[axis];
                }
                None => break,
            }
            if n == m {
                break;
            }
        }
        groups.push((inputs, outputs));
    }
    groups
}

/// Where each axis of `to` lies in `from`: the permutation a conversion applies.
pub fn conversion(from: &[usize], to: &[usize]) -> Vec<usize> {
    to.iter()
        .map(|axis| from.iter().position(|a| a == axis).expect("both orders have the same axes"))
        .collect()
}

/// A permutation with axes of extent 1 dropped and axes that stay together merged: `(shape, perm)`.
pub fn simplified(shape: &[usize], perm: &[usize]) -> (Vec<usize>, Vec<usize>) {
    let kept: Vec<usize> = perm.iter().copied().filter(|&axis| shape[axis] != 1).collect();
    // Runs of input axes that follow each other in the output, too.
    let mut runs: Vec<(usize, usize, usize)> = Vec::new();
    let next_proper = |axis: usize| (axis + 1..shape.len()).find(|&a| shape[a] != 1);
    for &axis in &kept {
        match runs.last_mut() {
            Some((_, last, extent)) if next_proper(*last) == Some(axis) => {
                *last = axis;
                *extent *= shape[axis];
            }
            _ => runs.push((axis, axis, shape[axis])),
        }
    }
    let mut by_input: Vec<usize> = (0..runs.len()).collect();
    by_input.sort_by_key(|&run| runs[run].0);
    let shape = by_input.iter().map(|&run| runs[run].2).collect();
    let place = |run: usize| by_input.iter().position(|&r| r == run).expect("every run is listed");
    (shape, (0..runs.len()).map(place).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transpose_to_channels_last_of_a_channels_last_value_is_row_major() {
        let order = through_transpose(&channels_last(4), &[0, 2, 3, 1]);
        assert_eq!(order, row_major(4));
        assert_eq!(through_transpose(&row_major(4), &[0, 3, 1, 2]), channels_last(4));
    }

    #[test]
    fn flattening_an_image_of_one_pixel_or_one_channel_needs_no_code() {
        let order = channels_last(4);
        assert_eq!(through_reshape(&order, &[1, 64, 1, 1], &[1, 64]), Some(vec![1, 0]));
        assert_eq!(through_reshape(&order, &[1, 1, 8, 4], &[1, 32]), Some(vec![1, 0]));
        assert_eq!(through_reshape(&order, &[1, 64, 2, 2], &[1, 256]), None);
    }

    #[test]
    fn merging_rows_and_columns_keeps_channels_innermost() {
        // [n, c, h, w] -> [n, c, h * w]: in memory n, (h w), c.
        assert_eq!(through_reshape(&channels_last(4), &[2, 8, 3, 5], &[2, 8, 15]), Some(vec![0, 2, 1]));
        // Splitting again.
        assert_eq!(through_reshape(&[0, 2, 1], &[2, 8, 15], &[2, 8, 3, 5]), Some(vec![0, 2, 3, 1]));
    }

    #[test]
    fn a_reshape_of_a_row_major_value_always_needs_no_code() {
        for (from, to) in
            [(vec![2, 3, 4], vec![4, 6]), (vec![24], vec![2, 1, 3, 4]), (vec![6, 4], vec![8, 3])]
        {
            let order = through_reshape(&row_major(from.len()), &from, &to).expect("row-major");
            assert!(equivalent(&order, &row_major(to.len()), &to), "{from:?} {to:?} {order:?}");
        }
    }

    #[test]
    fn a_conversion_of_an_image_is_one_transpose_of_two_axes() {
        let perm = conversion(&row_major(4), &channels_last(4));
        assert_eq!(perm, [0, 2, 3, 1]);
        assert_eq!(simplified(&[1, 3, 32, 32], &perm), (vec![3, 1024], vec![1, 0]));
        assert_eq!(simplified(&[2, 3, 4, 5], &perm), (vec![2, 3, 20], vec![0, 2, 1]));
    }
}
