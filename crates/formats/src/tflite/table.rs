//! One declaration per table, from which its Rust struct, its reader and its writer follow.
//!
//! `tables! { /// doc  Name { 0 first: i32, 1 second: Vec<i32>, 2 third: i32 = 1 } }` names the fields by their number in the
//! schema; a scalar that is absent from a file has its default.

use bytes::Bytes;

use super::wire::{Problem, Reader, Scalar, TableAt, WireError, error};
use super::writer::{Slots, Writer};

/// A table of the schema.
pub(super) trait Table: Sized {
    fn read(reader: &mut Reader, table: TableAt) -> Result<Self, WireError>;
    fn slots<'a>(&'a self, slots: &mut Slots<'a>);
}

/// Something a table may have as a field.
pub(super) trait Field: Sized {
    fn read(reader: &mut Reader, table: TableAt, id: u16, default: Self) -> Result<Self, WireError>;
    fn slot<'a>(&'a self, slots: &mut Slots<'a>, id: u16, default: &Self);
}

/// What an offset leads to, as the writer sees it: appends itself and says where.
pub(super) trait Child {
    fn append(&self, writer: &mut Writer) -> usize;
}

macro_rules! scalar_fields {
    ($($kind:ty),*) => {$(
        impl Field for $kind {
            fn read(reader: &mut Reader, table: TableAt, id: u16, default: Self) -> Result<Self, WireError> {
                match reader.field(table, id, <$kind as Scalar>::SIZE)? {
                    Some(at) => reader.scalar(at),
                    None => Ok(default),
                }
            }
            fn slot<'a>(&'a self, slots: &mut Slots<'a>, id: u16, default: &Self) {
                if self != default {
                    slots.scalar(id, *self);
                }
            }
        }
        impl Field for Vec<$kind> {
            fn read(reader: &mut Reader, table: TableAt, id: u16, default: Self) -> Result<Self, WireError> {
                let Some(at) = reader.field(table, id, 4)? else { return Ok(default) };
                let size = <$kind as Scalar>::SIZE;
                let (len, first) = reader.vector(reader.follow(at)?, size)?;
                reader.charge(first, len * size)?;
                (0..len).map(|i| reader.scalar(first + i * size)).collect()
            }
            fn slot<'a>(&'a self, slots: &mut Slots<'a>, id: u16, _default: &Self) {
                if !self.is_empty() {
                    slots.child(id, self);
                }
            }
        }
        impl Child for Vec<$kind> {
            fn append(&self, writer: &mut Writer) -> usize {
                writer.vector(self)
            }
        }
    )*};
}
scalar_fields!(i8, u8, i32, u32, i64, u64, f32, bool);

impl Field for String {
    fn read(reader: &mut Reader, table: TableAt, id: u16, default: Self) -> Result<Self, WireError> {
        let Some(at) = reader.field(table, id, 4)? else { return Ok(default) };
        let (len, first) = reader.vector(reader.follow(at)?, 1)?;
        reader.charge(first, len)?;
        let text = std::str::from_utf8(reader.bytes(first, len)?);
        Ok(text.map_err(|_| error(first, Problem::Text))?.to_owned())
    }
    fn slot<'a>(&'a self, slots: &mut Slots<'a>, id: u16, _default: &Self) {
        if !self.is_empty() {
            slots.child(id, self);
        }
    }
}

impl Child for String {
    fn append(&self, writer: &mut Writer) -> usize {
        writer.text(self)
    }
}

/// A buffer's bytes: a view of the file, not a copy.
impl Field for Bytes {
    fn read(reader: &mut Reader, table: TableAt, id: u16, default: Self) -> Result<Self, WireError> {
        let Some(at) = reader.field(table, id, 4)? else { return Ok(default) };
        let (len, first) = reader.vector(reader.follow(at)?, 1)?;
        reader.view(first, len)
    }
    fn slot<'a>(&'a self, slots: &mut Slots<'a>, id: u16, _default: &Self) {
        if !self.is_empty() {
            slots.child(id, self);
        }
    }
}

impl Child for Bytes {
    fn append(&self, writer: &mut Writer) -> usize {
        writer.aligned_bytes(self)
    }
}

impl<T: Table> Field for Option<T> {
    fn read(reader: &mut Reader, table: TableAt, id: u16, _default: Self) -> Result<Self, WireError> {
        let Some(at) = reader.field(table, id, 4)? else { return Ok(None) };
        let inner = reader.table(reader.follow(at)?)?;
        reader.charge(at, size_of::<T>())?;
        T::read(reader, inner).map(Some)
    }
    fn slot<'a>(&'a self, slots: &mut Slots<'a>, id: u16, _default: &Self) {
        if let Some(table) = self {
            slots.child(id, table);
        }
    }
}

impl<T: Table> Child for T {
    fn append(&self, writer: &mut Writer) -> usize {
        let mut slots = Slots::default();
        self.slots(&mut slots);
        writer.table(&slots)
    }
}

/// A vector of tables.
#[derive(Debug, Clone, PartialEq)]
pub struct Tables<T>(pub Vec<T>);

impl<T> Default for Tables<T> {
    fn default() -> Self {
        Tables(Vec::new())
    }
}

impl<T> std::ops::Deref for Tables<T> {
    type Target = [T];
    fn deref(&self) -> &[T] {
        &self.0
    }
}

impl<T: Table> Field for Tables<T> {
    fn read(reader: &mut Reader, table: TableAt, id: u16, default: Self) -> Result<Self, WireError> {
        let Some(at) = reader.field(table, id, 4)? else { return Ok(default) };
        let (len, first) = reader.vector(reader.follow(at)?, 4)?;
        reader.charge(first, len.saturating_mul(size_of::<T>()))?;
        let one = |i: usize, reader: &mut Reader| {
            let inner = reader.table(reader.follow(first + 4 * i)?)?;
            T::read(reader, inner)
        };
        let all = (0..len).map(|i| one(i, reader).map_err(|e| e.within(&format!("[{i}]"))));
        Ok(Tables(all.collect::<Result<_, _>>()?))
    }
    fn slot<'a>(&'a self, slots: &mut Slots<'a>, id: u16, _default: &Self) {
        if !self.0.is_empty() {
            slots.child(id, self);
        }
    }
}

impl<T: Table> Child for Tables<T> {
    fn append(&self, writer: &mut Writer) -> usize {
        writer.children(self.0.iter().map(|t| t as &dyn Child))
    }
}

macro_rules! tables {
    ($( $(#[$doc:meta])* $name:ident { $( $(#[$about:meta])* $id:literal $field:ident : $kind:ty $(= $default:expr)? ),* $(,)? } )*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq)]
        pub struct $name { $( $(#[$about])* pub $field: $kind, )* }

        impl Default for $name {
            fn default() -> Self {
                $name { $( $field: $crate::tflite::table::tables!(@default $kind $(, $default)?), )* }
            }
        }

        impl $crate::tflite::table::Table for $name {
            #[allow(unused_variables, reason = "a table without fields reads nothing")]
            fn read(
                reader: &mut $crate::tflite::wire::Reader,
                table: $crate::tflite::wire::TableAt,
            ) -> Result<Self, $crate::tflite::wire::WireError> {
                let defaults = $name::default();
                Ok($name { $(
                    $field: <$kind as $crate::tflite::table::Field>::read(reader, table, $id, defaults.$field)
                        .map_err(|e| e.within(stringify!($field)))?,
                )* })
            }
            #[allow(unused_variables, reason = "a table without fields writes nothing")]
            fn slots<'a>(&'a self, slots: &mut $crate::tflite::writer::Slots<'a>) {
                let defaults = $name::default();
                $( <$kind as $crate::tflite::table::Field>::slot(&self.$field, slots, $id, &defaults.$field); )*
            }
        }
    )*};
    (@default $kind:ty) => { <$kind>::default() };
    (@default $kind:ty, $default:expr) => { $default };
}
pub(super) use tables;

/// Declares the union of an operator's options: `number => Variant(Table)`.
macro_rules! options {
    ($(#[$doc:meta])* $name:ident { $( $number:literal => $variant:ident($table:ident) ),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Default)]
        pub enum $name {
            /// No options.
            #[default]
            None,
            $(
                #[doc = concat!("Number ", stringify!($number), " of the union.")]
                $variant($table),
            )*
            /// Options of an operator that is not read here, by their number in the union.
            Other(u8),
        }

        impl $crate::tflite::table::Field for $name {
            fn read(
                reader: &mut $crate::tflite::wire::Reader,
                table: $crate::tflite::wire::TableAt,
                id: u16,
                _default: Self,
            ) -> Result<Self, $crate::tflite::wire::WireError> {
                let number = <u8 as $crate::tflite::table::Field>::read(reader, table, id, 0)?;
                match number {
                    0 => Ok($name::None),
                    $( $number => {
                        let inner = <Option<$table> as $crate::tflite::table::Field>::read(reader, table, id + 1, None)?;
                        Ok($name::$variant(inner.unwrap_or_default()))
                    } )*
                    other => Ok($name::Other(other)),
                }
            }
            fn slot<'a>(&'a self, slots: &mut $crate::tflite::writer::Slots<'a>, id: u16, _default: &Self) {
                match self {
                    $name::None => {}
                    $( $name::$variant(table) => {
                        slots.scalar(id, $number as u8);
                        slots.child(id + 1, table);
                    } )*
                    $name::Other(number) => slots.scalar(id, *number),
                }
            }
        }
    };
}
pub(super) use options;
