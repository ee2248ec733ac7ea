//! Sparse products walked operand by operand: compressed streams are built and played back, every access counted as it happens.
//!
//! The work is `w[rows, inner] * x[inner, columns]`, masks row by row. For small products.

/// Most multiply-accumulates of a dense product that is walked.
const WALK_MACS: usize = 1 << 24;

/// Why a product was not walked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unwalked {
    /// Masks of another product, or a product too large.
    #[error(
        "masks of {weight} and {input} entries for {size:?}, at most {WALK_MACS} multiply-accumulates expected"
    )]
    Size {
        /// Entries of the weight mask.
        weight: usize,
        /// Entries of the input mask.
        input: usize,
        /// Rows, inner, columns.
        size: [usize; 3],
    },
    /// More weights in a group than there are places.
    #[error("row {row} does not fit its places from weight {at} on")]
    Overfull {
        /// Row.
        row: usize,
        /// Place along `inner` of the weight without room.
        at: usize,
    },
    /// A run of zeros longer than its count can say, or an array without elements, lanes or rows.
    #[error("the array cannot hold a block: {why}")]
    Array {
        /// What is wrong.
        why: String,
    },
}

/// Accesses seen on a walk of a structured core.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StructuredWalk {
    /// Weight places filled, padding included.
    pub weights: u64,
    /// Bits of the places' positions.
    pub place_bits: u64,
    /// Multiplications issued.
    pub multiplications: u64,
    /// Of two nonzero operands.
    pub useful: u64,
    /// Instructions issued.
    pub instructions: u64,
}

/// Accesses seen on a walk of a compressed array.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CompressedWalk {
    /// Bits of every stream of weights.
    pub weight_bits: u64,
    /// Bits of the stream of inputs.
    pub input_bits: u64,
    /// Input values read by elements.
    pub input_reads: u64,
    /// Weight values read by elements.
    pub weight_reads: u64,
    /// Sums read or written.
    pub sum_accesses: u64,
    /// Cycles until the last round is done.
    pub cycles: u64,
}

/// A compressed-array's numbers: see `cost::sparse::Compressed`.
#[derive(Debug, Clone, Copy)]
pub struct Elements {
    /// Elements.
    pub elements: usize,
    /// Rows of a block.
    pub filters: usize,
    /// Multiply-accumulates a cycle.
    pub lanes: usize,
    /// Least cycles of a nonzero input.
    pub lookup_cycles: u64,
    /// Bits of value, count and address.
    pub bits: [u32; 3],
}

fn sized(size: [usize; 3], weight: &[bool], input: &[bool]) -> Result<(), Unwalked> {
    let [rows, inner, columns] = size;
    let fits = |a: usize, b: usize, len: usize| a.checked_mul(b) == Some(len);
    let macs = rows.checked_mul(inner).and_then(|x| x.checked_mul(columns));
    if fits(rows, inner, weight.len())
        && fits(inner, columns, input.len())
        && macs.is_some_and(|m| m <= WALK_MACS)
    {
        return Ok(());
    }
    Err(Unwalked::Size { weight: weight.len(), input: input.len(), size })
}

/// Packs every row into places, `kept` of each `of`, then issues tile by tile.
pub fn walk_structured(
    size: [usize; 3],
    [kept, of]: [usize; 2],
    tile: [usize; 3],
    weight: &[bool],
    input: &[bool],
) -> Result<StructuredWalk, Unwalked> {
    sized(size, weight, input)?;
    if kept == 0 || kept > of || tile.contains(&0) {
        return Err(Unwalked::Array { why: format!("{kept} of {of} kept, tile {tile:?}") });
    }
    let [rows, inner, columns] = size;
    let mut packed = Vec::new();
    for row in 0..rows {
        packed.push(pack(row, &weight[row * inner..][..inner], kept, of)?);
    }
    let mut seen = StructuredWalk::default();
    let mut position_bits = 0;
    while (1usize << position_bits) < of {
        position_bits += 1;
    }
    seen.weights = packed.iter().map(|places| places.len() as u64).sum();
    seen.place_bits = seen.weights * position_bits;
    let length = packed.first().map_or(0, Vec::len);
    for top in (0..rows).step_by(tile[0]) {
        for left in (0..columns).step_by(tile[1]) {
            for from in (0..length).step_by(tile[2]) {
                seen.instructions += 1;
                for places in &packed[top..rows.min(top + tile[0])] {
                    for column in left..columns.min(left + tile[1]) {
                        for &(at, nonzero) in &places[from..length.min(from + tile[2])] {
                            seen.multiplications += 1;
                            seen.useful += u64::from(nonzero && input[at * columns + column]);
                        }
                    }
                }
            }
        }
    }
    Ok(seen)
}

/// A row's places: `(position along inner, whether nonzero)`; free places take zeros of their group.
fn pack(row: usize, weights: &[bool], kept: usize, of: usize) -> Result<Vec<(usize, bool)>, Unwalked> {
    let mut places = Vec::new();
    let mut start = 0;
    while start < weights.len() {
        let group: Vec<usize> = (start..weights.len().min(start + of)).collect();
        let (mut held, zeros): (Vec<usize>, Vec<usize>) = group.iter().partition(|&&at| weights[at]);
        if held.len() > kept {
            return Err(Unwalked::Overfull { row, at: held[kept] });
        }
        let nonzero = held.len();
        held.extend(zeros.iter().take(kept - nonzero));
        places.extend(held.iter().enumerate().map(|(i, &at)| (at, i < nonzero)));
        start += of;
    }
    Ok(places)
}

/// A compressed column: for each value the zeros before it.
type Column = Vec<usize>;

/// Builds the streams, then lets the elements play them, a round at a time.
pub fn walk_compressed(
    size: [usize; 3],
    array: &Elements,
    weight: &[bool],
    input: &[bool],
) -> Result<CompressedWalk, Unwalked> {
    sized(size, weight, input)?;
    if array.elements == 0 || array.filters == 0 || array.lanes == 0 {
        return Err(Unwalked::Array { why: "no elements, rows or lanes".into() });
    }
    let [rows, inner, columns] = size;
    let [value, count, address] = array.bits.map(u64::from);
    let mut seen = CompressedWalk::default();
    let mut columns_of = Vec::new();
    for column in 0..columns {
        columns_of.push(compress((0..inner).map(|at| input[at * columns + column])));
        seen.input_bits += address + columns_of[column].len() as u64 * (value + count);
    }
    seen.input_bits += address;
    let mut busy = Vec::new();
    for top in (0..rows).step_by(array.filters) {
        let block = top..rows.min(top + array.filters);
        let mut stream = Vec::new();
        for at in 0..inner {
            let column = compress(block.clone().map(|row| weight[row * inner + at]));
            if column.iter().any(|&zeros| zeros >> array.bits[1].min(63) > 0) {
                return Err(Unwalked::Array {
                    why: format!("a run in column {at} of the block from row {top}"),
                });
            }
            seen.weight_bits += address + column.len() as u64 * (value + count);
            stream.push(column);
        }
        seen.weight_bits += address;
        for column in &columns_of {
            busy.push(play(array, &stream, column, &mut seen));
        }
    }
    while !busy.is_empty() {
        let round: Vec<u64> = busy.drain(..array.elements.min(busy.len())).collect();
        seen.cycles += round.into_iter().fold(0, u64::max);
    }
    Ok(seen)
}

fn compress(values: impl Iterator<Item = bool>) -> Column {
    let (mut column, mut zeros) = (Vec::new(), 0);
    for nonzero in values {
        if nonzero {
            column.push(zeros);
            zeros = 0;
        } else {
            zeros += 1;
        }
    }
    column
}

/// One element, one item: decodes positions from counts and steps through the weights a few lanes at a time.
fn play(array: &Elements, stream: &[Column], column: &Column, seen: &mut CompressedWalk) -> u64 {
    let (mut at, mut cycles) = (0, 0);
    for zeros in column {
        at += zeros;
        seen.input_reads += 1;
        let (mut waiting, mut spent) = (stream[at].len(), 0);
        while waiting > 0 {
            let now = waiting.min(array.lanes);
            for _ in 0..now {
                seen.weight_reads += 1;
                seen.sum_accesses += 2;
            }
            waiting -= now;
            spent += 1;
        }
        cycles += if spent < array.lookup_cycles { array.lookup_cycles } else { spent };
        at += 1;
    }
    cycles
}
