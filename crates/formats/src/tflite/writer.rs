//! The flatbuffers wire format, written front to back: a table first, then what it points to.

use super::table::Child;
use super::wire::Scalar;

/// The fields of a table that are present, by their number in the schema.
#[derive(Default)]
pub(super) struct Slots<'a>(Vec<(u16, Slot<'a>)>);

enum Slot<'a> {
    Scalar(Vec<u8>),
    Child(&'a dyn Child),
}

impl<'a> Slots<'a> {
    pub(super) fn scalar<T: Scalar>(&mut self, id: u16, value: T) {
        let mut bytes = Vec::new();
        value.to_le(&mut bytes);
        self.0.push((id, Slot::Scalar(bytes)));
    }

    pub(super) fn child(&mut self, id: u16, child: &'a dyn Child) {
        self.0.push((id, Slot::Child(child)));
    }
}

/// A file being written. Positions count from its beginning, so alignment is that of the file.
pub(super) struct Writer {
    out: Vec<u8>,
}

/// Alignment of a buffer's bytes (`force_align: 16` in the schema).
const BUFFER_ALIGN: usize = 16;

/// Writes `root` with the four-letter `identifier` of the format.
pub(super) fn write(root: &dyn Child, identifier: &[u8; 4]) -> Vec<u8> {
    let mut writer = Writer { out: vec![0; 4] };
    writer.out.extend_from_slice(identifier);
    let at = root.append(&mut writer);
    writer.patch(0, at);
    writer.out
}

impl Writer {
    /// Pads so that the position after `ahead` more bytes is a multiple of `align`.
    fn align(&mut self, ahead: usize, align: usize) {
        while !(self.out.len() + ahead).is_multiple_of(align) {
            self.out.push(0);
        }
    }

    fn patch(&mut self, at: usize, target: usize) {
        let offset = u32::try_from(target - at)
            .expect("invariant: a model below 4 GiB (the exporter bounds its size)");
        self.out[at..at + 4].copy_from_slice(&offset.to_le_bytes());
    }

    pub(super) fn table(&mut self, slots: &Slots<'_>) -> usize {
        let fields = slots.0.iter().map(|(id, _)| usize::from(*id) + 1).max().unwrap_or(0);
        let vtable_size = 4 + 2 * fields;
        // Fields of 8 bytes come first, right after the 4-byte offset to the vtable; so the table begins 4 bytes before a
        // multiple of 8 and every field is aligned to its size.
        self.align(vtable_size + 4, 8);
        let (vtable, table) = (self.out.len(), self.out.len() + vtable_size);
        self.out.resize(table + 4, 0);
        self.out[table..table + 4].copy_from_slice(&(vtable_size as i32).to_le_bytes());
        let mut order: Vec<&(u16, Slot<'_>)> = slots.0.iter().collect();
        order.sort_by_key(|(_, slot)| std::cmp::Reverse(slot.size()));
        let mut children = Vec::new();
        for (id, slot) in order {
            let entry = vtable + 4 + 2 * usize::from(*id);
            let at = self.out.len();
            self.out[entry..entry + 2].copy_from_slice(&((at - table) as u16).to_le_bytes());
            match slot {
                Slot::Scalar(bytes) => self.out.extend_from_slice(bytes),
                Slot::Child(child) => {
                    self.out.extend_from_slice(&[0; 4]);
                    children.push((at, *child));
                }
            }
        }
        let table_size = self.out.len() - table;
        self.out[vtable..vtable + 2].copy_from_slice(&(vtable_size as u16).to_le_bytes());
        self.out[vtable + 2..vtable + 4].copy_from_slice(&(table_size as u16).to_le_bytes());
        for (at, child) in children {
            let target = child.append(self);
            self.patch(at, target);
        }
        table
    }

    pub(super) fn vector<T: Scalar>(&mut self, items: &[T]) -> usize {
        self.align(4, T::SIZE.max(4));
        let at = self.count(items.len());
        for item in items {
            item.to_le(&mut self.out);
        }
        at
    }

    pub(super) fn aligned_bytes(&mut self, bytes: &[u8]) -> usize {
        self.align(4, BUFFER_ALIGN);
        let at = self.count(bytes.len());
        self.out.extend_from_slice(bytes);
        at
    }

    /// A text is followed by a zero byte that its length does not count.
    pub(super) fn text(&mut self, text: &str) -> usize {
        let at = self.vector(text.as_bytes());
        self.out.push(0);
        at
    }

    pub(super) fn children<'a>(&mut self, children: impl ExactSizeIterator<Item = &'a dyn Child>) -> usize {
        self.align(0, 4);
        let at = self.count(children.len());
        let first = self.out.len();
        self.out.resize(first + 4 * children.len(), 0);
        for (i, child) in children.enumerate() {
            let target = child.append(self);
            self.patch(first + 4 * i, target);
        }
        at
    }

    fn count(&mut self, len: usize) -> usize {
        let at = self.out.len();
        let len = u32::try_from(len).expect("invariant: a vector below 4 GiB (the exporter bounds its size)");
        self.out.extend_from_slice(&len.to_le_bytes());
        at
    }
}

impl Slot<'_> {
    fn size(&self) -> usize {
        match self {
            Slot::Scalar(bytes) => bytes.len(),
            Slot::Child(_) => 4,
        }
    }
}
