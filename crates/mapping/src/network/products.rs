//! Matrix products as nests, and attention as its two.

use super::parts::Piece;
use super::words::{SOFTMAX, Words};
use hw::machine::{Dim, Layer, LayerError};
use ir::{Graph, Value};

/// `groups` products of `rows x inner` by `inner x columns`.
fn product(groups: u64, rows: u64, inner: u64, columns: u64) -> Result<Piece, LayerError> {
    let mut size = [1; 8];
    size[Dim::G as usize] = groups;
    size[Dim::N as usize] = rows;
    size[Dim::C as usize] = inner;
    size[Dim::K as usize] = columns;
    Layer::new(size, 1).map(Piece::nest)
}

fn shape<'g>(graph: &'g Graph, value: Value, operand: &str) -> &'g [usize] {
    &graph.ty(graph.node(value).operand(operand).expect("required")).shape
}

pub(super) fn dense(graph: &Graph, value: Value) -> Result<Vec<Piece>, LayerError> {
    let (x, w) = (shape(graph, value, "x"), shape(graph, value, "w"));
    let rows: usize = x[..x.len() - 1].iter().product();
    Ok(vec![product(1, rows as u64, w[1] as u64, w[0] as u64)?])
}

pub(super) fn matmul(graph: &Graph, value: Value) -> Result<Vec<Piece>, LayerError> {
    let (a, b) = (shape(graph, value, "a"), shape(graph, value, "b"));
    let y = &graph.ty(value).shape;
    let count = |extents: &[usize]| extents.iter().product::<usize>() as u64;
    let (batch_a, batch_b, batch) =
        (count(&a[..a.len() - 2]), count(&b[..b.len() - 2]), count(&y[..y.len() - 2]));
    let [rows, columns] = [y[y.len() - 2] as u64, y[y.len() - 1] as u64];
    let inner = a[a.len() - 1] as u64;
    if batch_b == 1 {
        return Ok(vec![product(1, batch * rows, inner, columns)?]);
    }
    if batch_a == 1 {
        // The transposed product: the shared side takes the place of the weights.
        return Ok(vec![product(1, batch * columns, inner, rows)?]);
    }
    let piece = product(batch, rows, inner, columns)?;
    let repeated = batch_a < batch || batch_b < batch;
    let note = "a side shared by a part of the batch is counted once for each product";
    Ok(vec![if repeated { piece.noting(note) } else { piece }])
}

pub(super) fn attention(graph: &Graph, value: Value) -> Result<Vec<Piece>, LayerError> {
    let (q, k) = (shape(graph, value, "q"), shape(graph, value, "k"));
    let v = shape(graph, value, "v");
    let [heads, rows, depth, positions, columns] =
        [q[0] * q[1], q[2], q[3], k[2], v[3]].map(|extent| extent as u64);
    let first = product(heads, rows, depth, positions)?.called(".scores");
    // No larger than the product above, which was counted.
    let scores = heads * rows * positions;
    let mask = graph.node(value).operand("mask").map_or(0, |m| graph.ty(m).elements() as u64);
    let operations = scores * (SOFTMAX + 1 + u64::from(mask > 0));
    let softmax = Piece::words(Words { operations, reads: scores + mask, writes: scores }).called(".softmax");
    let mut pieces = vec![first, softmax, product(heads, rows, positions, columns)?.called(".values")];
    if graph.node(value).attrs().int("causal") != 0 {
        pieces[0].notes.push("causal: scores that are hidden are computed too".to_owned());
    }
    Ok(pieces)
}
