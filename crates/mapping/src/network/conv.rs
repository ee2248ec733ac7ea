//! Convolutions as nests.

use super::parts::{Piece, Work};
use super::words::Words;
use hw::machine::{Dim, Layer, LayerError};
use ir::{Graph, Value};

/// One axis of a convolution: outputs, kernel, stride, dilation.
#[derive(Debug, Clone, Copy)]
struct Side {
    out: u64,
    kernel: u64,
    stride: u64,
    dilation: u64,
    /// Interleaved convolutions the axis is split into.
    phases: u64,
}

impl Side {
    fn new(out: usize, kernel: usize, stride: i64, dilation: i64) -> Self {
        let (stride, dilation) = (stride.unsigned_abs(), dilation.unsigned_abs());
        let (out, kernel) = (out as u64, kernel as u64);
        let mut side = Self { out, kernel, stride, dilation, phases: 1 };
        if kernel == 1 {
            side.dilation = 1;
        }
        // Only every common-divisor-th place is ever met.
        let common = gcd(side.stride, side.dilation).max(1);
        side.stride /= common;
        side.dilation /= common;
        side
    }

    /// Splits a dilated axis; the outputs that are computed without need.
    fn split(&mut self) -> u64 {
        let (whole, phases) = (self.out, self.dilation.min(self.out));
        self.phases = phases;
        self.out = whole.div_ceil(phases);
        self.dilation = 1;
        self.out * phases - whole
    }

    /// Whether neighbouring windows can share words, so that the stride matters.
    fn slides(&self) -> bool {
        self.kernel > 1 && self.out > 1
    }
}

/// A `conv2d` or `conv1d` and, behind it, its residual.
pub(super) fn read(graph: &Graph, value: Value) -> Result<Vec<Piece>, LayerError> {
    let node = graph.node(value);
    let (x, w) = (node.operand("x"), node.operand("w"));
    let (x, w) = (&graph.ty(x.expect("required")).shape, &graph.ty(w.expect("required")).shape);
    let (y, attrs) = (&node.ty().shape, node.attrs());
    let (stride, dilation) = (attrs.ints("stride"), attrs.ints("dilation"));
    let mut sides = [Side::new(1, 1, 1, 1); 2];
    let spatial = y.len() - 2;
    for axis in 0..spatial {
        // The one axis of a sequence runs along columns.
        sides[axis + 2 - spatial] = Side::new(y[axis + 2], w[axis + 2], stride[axis], dilation[axis]);
    }
    let mut notes = Vec::new();
    for side in sides.iter_mut().filter(|s| s.dilation > 1) {
        let dilation = side.dilation;
        let more = side.split();
        let rest = if more > 0 {
            format!(", {more} outputs of that axis more than there are")
        } else {
            String::new()
        };
        notes.push(format!("dilation {dilation} read as {} interleaved convolutions{rest}", side.phases));
    }
    let groups = attrs.int("groups").unsigned_abs();
    let mut size = [1; 8];
    size[Dim::N as usize] = x[0] as u64 * sides[0].phases * sides[1].phases;
    size[Dim::G as usize] = groups;
    size[Dim::K as usize] = w[0] as u64 / groups;
    size[Dim::C as usize] = w[1] as u64;
    for (side, (out, kernel)) in sides.iter().zip([(Dim::P, Dim::R), (Dim::Q, Dim::S)]) {
        size[out as usize] = side.out;
        size[kernel as usize] = side.kernel;
    }
    let mut piece = Piece::nest(Layer::new(size, common_stride(&sides, &mut notes))?);
    piece.notes = notes;
    let mut pieces = vec![piece];
    if node.op().is_some_and(|op| op.operands.iter().any(|o| o.name == "residual"))
        && node.operand("residual").is_some()
    {
        let elements = node.ty().elements() as u64;
        // The sum is written by the convolution; only the other addend is fetched.
        let words = Words { operations: elements, reads: elements, writes: 0 };
        pieces.push(Piece { suffix: ".residual", work: Work::Words(words), notes: Vec::new() });
    }
    Ok(pieces)
}

fn common_stride(sides: &[Side; 2], notes: &mut Vec<String>) -> u64 {
    match sides.map(|s| (s.slides(), s.stride)) {
        [(true, rows), (true, columns)] if rows != columns => {
            let both = rows.max(columns);
            notes.push(format!(
                "strides {rows} and {columns} read as {both} and {both}: at most as much input is shared"
            ));
            both
        }
        [(false, _), (true, columns)] => columns,
        [(_, rows), _] => rows,
    }
}

fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}
