//! The flatbuffers wire format, read with every offset checked.
//!
//! A table is a signed offset to its vtable and then its fields; the vtable says where each field lies. All offsets are
//! read through [`Reader::bytes`], which refuses what lies outside the file. Two offsets may name the same bytes, so a small
//! file could describe a large value many times over: every value that is built is charged to a budget of
//! [`MEMORY_FACTOR`] times the file's size. The schema has no recursive table, so depth is bounded by the schema.
//!
//! Source: "FlatBuffers internals", <https://flatbuffers.dev/internals/>.

use bytes::Bytes;

/// Memory that reading may take, as a multiple of the file's size (plus [`MEMORY_SLACK`] for very small files).
///
/// The largest honest ratio is an operator of some 60 bytes on the wire and about 300 in memory.
pub const MEMORY_FACTOR: usize = 32;
/// See [`MEMORY_FACTOR`], in bytes.
pub const MEMORY_SLACK: usize = 64 * 1024;

/// What is wrong with a file, and where: `path` is the field (`subgraphs[0].tensors[3].shape`), `offset` counts bytes from the
/// beginning of the file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path}: at byte {offset}: {problem}")]
pub struct WireError {
    /// The field that was read, from the root table down.
    pub path: String,
    /// Bytes from the beginning of the file.
    pub offset: usize,
    /// What was found and what was expected.
    pub problem: Problem,
}

/// See [`WireError`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// A value lies outside the file.
    #[error("{needed} bytes expected, the file ends after {found}")]
    OutOfRange {
        /// Bytes the value takes.
        needed: usize,
        /// Bytes there are from its offset on.
        found: usize,
    },
    /// A vtable whose size is odd or below 4.
    #[error("a vtable of {found} bytes, an even number from 4 up expected")]
    VTable {
        /// Its size field.
        found: usize,
    },
    /// A field said to lie outside its table.
    #[error("field {field} lies {found} bytes into a table of {table} bytes")]
    Field {
        /// Number of the field in the schema.
        field: u16,
        /// Where the vtable says it is.
        found: usize,
        /// Size of the table.
        table: usize,
    },
    /// A name that is not UTF-8.
    #[error("a text that is not valid UTF-8")]
    Text,
    /// More memory would be needed than [`MEMORY_FACTOR`] allows: values overlap in the file.
    #[error("its values take more than {limit} bytes in memory, too many for a file of this size")]
    Budget {
        /// The bytes allowed.
        limit: usize,
    },
}

impl WireError {
    /// The same error one level further out: `step` is put before its path.
    pub(super) fn within(mut self, step: &str) -> WireError {
        let dot = if self.path.is_empty() || self.path.starts_with('[') { "" } else { "." };
        self.path = format!("{step}{dot}{}", self.path);
        self
    }
}

/// A table in the file: where it and its vtable lie.
#[derive(Debug, Clone, Copy)]
pub(super) struct TableAt {
    at: usize,
    size: usize,
    vtable: usize,
    fields: u16,
}

/// A file being read.
pub(super) struct Reader {
    file: Bytes,
    spent: usize,
    limit: usize,
}

impl Reader {
    pub(super) fn new(file: Bytes) -> Reader {
        let limit = file.len().saturating_mul(MEMORY_FACTOR).saturating_add(MEMORY_SLACK);
        Reader { file, spent: 0, limit }
    }

    /// The `len` bytes at `at`.
    pub(super) fn bytes(&self, at: usize, len: usize) -> Result<&[u8], WireError> {
        let outside = |found: usize| error(at, Problem::OutOfRange { needed: len, found });
        // Nothing lies behind the end, not even an empty value.
        let rest = self.file.get(at..).ok_or_else(|| outside(0))?;
        rest.get(..len).ok_or_else(|| outside(rest.len()))
    }

    /// The same as a view that keeps the file alive; nothing is copied.
    pub(super) fn view(&self, at: usize, len: usize) -> Result<Bytes, WireError> {
        self.bytes(at, len)?;
        Ok(self.file.slice(at..at + len))
    }

    /// Accounts for a value of `bytes` in memory.
    pub(super) fn charge(&mut self, at: usize, bytes: usize) -> Result<(), WireError> {
        self.spent = self.spent.saturating_add(bytes);
        if self.spent > self.limit {
            return Err(error(at, Problem::Budget { limit: self.limit }));
        }
        Ok(())
    }

    pub(super) fn scalar<T: Scalar>(&self, at: usize) -> Result<T, WireError> {
        Ok(T::from_le(self.bytes(at, T::SIZE)?))
    }

    /// Follows the unsigned offset stored at `at`.
    pub(super) fn follow(&self, at: usize) -> Result<usize, WireError> {
        // An offset beyond the address space lies beyond the file too, where the next read refuses it.
        Ok(at.saturating_add(self.scalar::<u32>(at)? as usize))
    }

    /// The table at `at`, its vtable checked.
    pub(super) fn table(&self, at: usize) -> Result<TableAt, WireError> {
        let back = i64::from(self.scalar::<i32>(at)?);
        let vtable = usize::try_from(at as i64 - back)
            .map_err(|_| error(at, Problem::OutOfRange { needed: 4, found: 0 }))?;
        let vtable_size = usize::from(self.scalar::<u16>(vtable)?);
        if vtable_size < 4 || vtable_size % 2 != 0 {
            return Err(error(vtable, Problem::VTable { found: vtable_size }));
        }
        self.bytes(vtable, vtable_size)?;
        let size = usize::from(self.scalar::<u16>(vtable + 2)?);
        self.bytes(at, size)?;
        Ok(TableAt { at, size, vtable, fields: ((vtable_size - 4) / 2) as u16 })
    }

    /// Where field number `field` lies, if the table has it; `size` is what it takes inside the table.
    pub(super) fn field(&self, table: TableAt, field: u16, size: usize) -> Result<Option<usize>, WireError> {
        if field >= table.fields {
            return Ok(None);
        }
        let slot = table.vtable + 4 + 2 * usize::from(field);
        let found = usize::from(self.scalar::<u16>(slot)?);
        if found == 0 {
            return Ok(None);
        }
        if found < 4 || found + size > table.size {
            return Err(error(slot, Problem::Field { field, found, table: table.size }));
        }
        Ok(Some(table.at + found))
    }

    /// A vector's length and where its elements of `size` bytes begin; the elements are inside the file.
    pub(super) fn vector(&self, at: usize, size: usize) -> Result<(usize, usize), WireError> {
        let len = self.scalar::<u32>(at)? as usize;
        self.bytes(at + 4, len.saturating_mul(size))?;
        Ok((len, at + 4))
    }
}

pub(super) fn error(offset: usize, problem: Problem) -> WireError {
    WireError { path: String::new(), offset, problem }
}

/// A number stored in place, little-endian.
pub(super) trait Scalar: Copy + PartialEq {
    const SIZE: usize;
    fn from_le(bytes: &[u8]) -> Self;
    fn to_le(self, out: &mut Vec<u8>);
}

macro_rules! scalars {
    ($($kind:ty),*) => {$(
        impl Scalar for $kind {
            const SIZE: usize = size_of::<$kind>();
            fn from_le(bytes: &[u8]) -> Self {
                let mut raw = [0; size_of::<$kind>()];
                raw.copy_from_slice(bytes);
                <$kind>::from_le_bytes(raw)
            }
            fn to_le(self, out: &mut Vec<u8>) {
                out.extend_from_slice(&self.to_le_bytes());
            }
        }
    )*};
}
scalars!(i8, u8, u16, i32, u32, i64, u64, f32);

impl Scalar for bool {
    const SIZE: usize = 1;
    fn from_le(bytes: &[u8]) -> Self {
        bytes[0] != 0
    }
    fn to_le(self, out: &mut Vec<u8>) {
        out.push(self.into());
    }
}
