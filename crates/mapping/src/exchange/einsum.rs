//! A product of two operands, summed over the loops the result lacks, as one of our nests.

use super::workload::Problem;
use hw::machine::{DIMS, Dim, Layer};

/// A loop.
pub(super) struct Loop {
    pub(super) name: String,
    pub(super) size: u64,
}

/// `coefficient * loop`, the loop by its place in the list.
#[derive(Clone, Copy)]
pub(super) struct Term {
    pub(super) of: usize,
    pub(super) coefficient: u64,
}

/// One index of an operand: a sum of loops.
pub(super) struct Index {
    pub(super) name: String,
    pub(super) terms: Vec<Term>,
}

/// A tensor by its indices.
pub(super) struct Operand {
    pub(super) name: String,
    pub(super) indices: Vec<Index>,
}

/// A window that moves over the input along one axis: `stride * out + kernel`.
struct Window {
    out: usize,
    kernel: Option<usize>,
    stride: u64,
}

fn wrong(what: &str, found: &str, expected: &'static str) -> Problem {
    Problem::Nest { what: what.to_owned(), found: found.to_owned(), expected }
}

/// The nest of `output += inputs[0] * inputs[1]`.
///
/// The operand with sums of loops as indices is the input, the other one the weights; where neither has, the one called `W...` or
/// `B...` is the weights, and failing that the second. By where they stand, loops are `G` (in all three), `N` (input and output),
/// `K` (weights and output), `C` (weights and input); several of one kind are one loop of their product. Of two windows that along
/// `y` is rows, or else the first in the alphabet (`P` before `Q`).
pub(super) fn nest(loops: &[Loop], output: &Operand, inputs: [&Operand; 2]) -> Result<Layer, Problem> {
    let [weight, input] = roles(inputs)?;
    let direct_output = direct(loops, output)?;
    let direct_weight = direct(loops, weight)?;
    let mut direct_input = vec![false; loops.len()];
    let mut windows = Vec::new();
    for index in &input.indices {
        match window(loops, index, &direct_output, &direct_weight)? {
            Some(window) => windows.push(window),
            None => once(loops, input, &mut direct_input, index.terms[0].of)?,
        }
    }
    let mut size = [1u64; DIMS];
    let mut taken = vec![false; loops.len()];
    let stride = place(loops, windows, &mut size, &mut taken, &direct_input)?;
    for (at, l) in loops.iter().enumerate() {
        if taken[at] || l.size == 1 {
            continue;
        }
        let dim = match (direct_output[at], direct_weight[at], direct_input[at]) {
            (true, true, true) => Dim::G,
            (true, false, true) => Dim::N,
            (true, true, false) => Dim::K,
            (false, true, true) => Dim::C,
            (false, false, false) => return Err(wrong(&l.name, "a loop in no operand", "a size of 1")),
            _ => return Err(wrong(&l.name, "a loop in one operand alone", "one in two operands at least")),
        };
        size[dim as usize] = size[dim as usize].saturating_mul(l.size);
    }
    Ok(Layer::new(size, stride)?)
}

/// `[weights, input]`.
fn roles(inputs: [&Operand; 2]) -> Result<[&Operand; 2], Problem> {
    let [first, second] = inputs;
    let sums = |o: &Operand| {
        o.indices.iter().any(|i| i.terms.len() > 1 || i.terms.iter().any(|t| t.coefficient > 1))
    };
    let named = |o: &Operand| o.name.starts_with(['W', 'w', 'B']);
    match (sums(first), sums(second)) {
        (true, true) => {
            Err(wrong(&second.name, "sums of loops in both operands", "sums in one of them at most"))
        }
        (true, false) => Ok([second, first]),
        (false, true) => Ok([first, second]),
        (false, false) if named(first) && !named(second) => Ok([first, second]),
        (false, false) => Ok([second, first]),
    }
}

/// Which loops are an operand's indices, each of which must be one loop.
fn direct(loops: &[Loop], operand: &Operand) -> Result<Vec<bool>, Problem> {
    let mut all = vec![false; loops.len()];
    for index in &operand.indices {
        match index.terms.as_slice() {
            [Term { of, coefficient: 1 }] => once(loops, operand, &mut all, *of)?,
            _ => {
                let what = format!("{}[{}]", operand.name, index.name);
                return Err(wrong(
                    &what,
                    "a sum or a multiple of loops",
                    "one loop: only the input has windows",
                ));
            }
        }
    }
    Ok(all)
}

fn once(loops: &[Loop], operand: &Operand, seen: &mut [bool], at: usize) -> Result<(), Problem> {
    if std::mem::replace(&mut seen[at], true) {
        let what = format!("{}[{}]", operand.name, loops[at].name);
        return Err(wrong(&what, "a loop in two indices", "each loop in one index"));
    }
    Ok(())
}

/// The window of an input's index; `None`: a plain loop.
fn window(
    loops: &[Loop],
    index: &Index,
    output: &[bool],
    weight: &[bool],
) -> Result<Option<Window>, Problem> {
    let what = &index.name;
    match index.terms.as_slice() {
        [Term { coefficient: 1, .. }] => Ok(None),
        [Term { of, coefficient }] => Ok(Some(Window { out: *of, kernel: None, stride: *coefficient })),
        [a, b] => {
            let (out, kernel) = if output[a.of] { (a, b) } else { (b, a) };
            if !output[out.of] || output[kernel.of] || !weight[kernel.of] || weight[out.of] {
                return Err(wrong(
                    what,
                    "a sum of other loops",
                    "stride * (loop of the output) + (loop of the weights)",
                ));
            }
            if kernel.coefficient > 1 && loops[kernel.of].size > 1 {
                let found = format!("a dilation of {} along `{}`", kernel.coefficient, loops[kernel.of].name);
                return Err(wrong(what, &found, "1"));
            }
            Ok(Some(Window { out: out.of, kernel: Some(kernel.of), stride: out.coefficient }))
        }
        terms => Err(wrong(what, &format!("a sum of {} loops", terms.len()), "two")),
    }
}

/// Puts windows on rows and columns; gives the stride.
fn place(
    loops: &[Loop],
    mut windows: Vec<Window>,
    size: &mut [u64; DIMS],
    taken: &mut [bool],
    direct: &[bool],
) -> Result<u64, Problem> {
    let sizes = |w: &Window| [loops[w.out].size, w.kernel.map_or(1, |k| loops[k].size)];
    windows.sort_by_key(|w| {
        let name = loops[w.out].name.to_lowercase();
        (!name.contains('y') && name.contains('x'), name)
    });
    if windows.len() > 2 {
        windows.retain(|w| sizes(w) != [1, 1]);
    }
    if let Some(third) = windows.get(2) {
        let found = format!("{} windows", windows.len());
        return Err(wrong(&loops[third.out].name, &found, "two, rows and columns,"));
    }
    let mut stride = None;
    for (window, dims) in windows.iter().zip([[Dim::P, Dim::R], [Dim::Q, Dim::S]]) {
        for (at, dim) in [Some(window.out), window.kernel].into_iter().zip(dims) {
            let Some(at) = at else { continue };
            if direct[at] || std::mem::replace(&mut taken[at], true) {
                return Err(wrong(
                    &loops[at].name,
                    "a loop in two indices of the input",
                    "one in one of them",
                ));
            }
            size[dim as usize] = loops[at].size;
        }
        // Of one output along an axis no step is made there.
        if loops[window.out].size == 1 {
            continue;
        }
        if stride.is_some_and(|known| known != window.stride) {
            let found =
                format!("a stride of {}, and {} along the other axis", window.stride, stride.unwrap_or(1));
            return Err(wrong(&loops[window.out].name, &found, "the same along both"));
        }
        stride = Some(window.stride);
    }
    Ok(stride.unwrap_or(1))
}
