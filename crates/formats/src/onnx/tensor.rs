//! Tensors of a file as tensors of the graph.

use std::collections::HashMap;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use ir::{Element, Tensor};

use super::proto::TensorProto;
use super::proto::tensor_proto::{DataLocation, DataType};
use crate::build::{Build, sound};
use crate::error::Fault;

/// The element of a data type; doubles become `f32` and are narrowed.
pub(super) fn element(data_type: i32) -> Result<Element, Fault> {
    let int = |bits, signed| {
        Element::int(bits, signed).ok_or_else(|| Fault::wrong("an integer", "a width there is"))
    };
    match DataType::try_from(data_type) {
        Ok(DataType::Float | DataType::Double) => Ok(Element::F32),
        Ok(DataType::Float16) => Ok(Element::F16),
        Ok(DataType::Bfloat16) => Ok(Element::BF16),
        Ok(DataType::Float8e4m3fn) => Ok(Element::F8E4M3),
        Ok(DataType::Float8e5m2) => Ok(Element::F8E5M2),
        Ok(DataType::Bool) => Ok(Element::Bool),
        Ok(DataType::Int4) => int(4, true),
        Ok(DataType::Uint4) => int(4, false),
        Ok(DataType::Int8) => int(8, true),
        Ok(DataType::Uint8) => int(8, false),
        Ok(DataType::Int16) => int(16, true),
        Ok(DataType::Uint16) => int(16, false),
        Ok(DataType::Int32) => int(32, true),
        Ok(DataType::Uint32) => int(32, false),
        Ok(DataType::Int64) => int(64, true),
        Ok(DataType::Uint64) => int(64, false),
        Ok(other) => {
            let expected = "a float of 8 to 32 bits, an integer or a bool";
            Err(Fault::unsupported(format!("data type {}", other.as_str_name()), expected))
        }
        Err(_) => Err(Fault::wrong(format!("data type {data_type}"), "a number of the specification")),
    }
}

/// The data type of an element, where the format has one.
pub(super) fn data_type(element: Element) -> Option<DataType> {
    Some(match element {
        Element::F32 => DataType::Float,
        Element::F16 => DataType::Float16,
        Element::BF16 => DataType::Bfloat16,
        Element::F8E4M3 => DataType::Float8e4m3fn,
        Element::F8E5M2 => DataType::Float8e5m2,
        Element::Bool => DataType::Bool,
        Element::Int { bits: 4, signed: true } => DataType::Int4,
        Element::Int { bits: 4, signed: false } => DataType::Uint4,
        Element::Int { bits: 8, signed: true } => DataType::Int8,
        Element::Int { bits: 8, signed: false } => DataType::Uint8,
        Element::Int { bits: 16, signed: true } => DataType::Int16,
        Element::Int { bits: 16, signed: false } => DataType::Uint16,
        Element::Int { bits: 32, signed: true } => DataType::Int32,
        Element::Int { bits: 32, signed: false } => DataType::Uint32,
        Element::Int { bits: 64, signed: true } => DataType::Int64,
        Element::Int { bits: 64, signed: false } => DataType::Uint64,
        Element::Int { .. } => return None,
    })
}

/// Where external data may lie.
pub(super) struct Files {
    folder: Option<PathBuf>,
    open: HashMap<PathBuf, Bytes>,
}

impl Files {
    /// Files at or below `folder`, the model's own; `None` where a model has no place.
    pub(super) fn beside(folder: Option<&Path>) -> Files {
        Files { folder: folder.map(Path::to_owned), open: HashMap::new() }
    }

    /// The bytes an external tensor names.
    fn read(&mut self, tensor: &TensorProto, expected: Option<usize>) -> Result<Bytes, Fault> {
        let entry = |key: &str| {
            let found = tensor.external_data.iter().find(|e| e.key() == key);
            found.map(super::proto::StringStringEntryProto::value)
        };
        let number = |key: &str| match entry(key) {
            None => Ok(None),
            Some(text) => text
                .parse::<usize>()
                .map(Some)
                .map_err(|_| Fault::wrong(format!("external data `{key}` of `{text}`"), "a whole number")),
        };
        let location =
            entry("location").ok_or_else(|| Fault::wrong("external data without a location", "one"))?;
        let file = self.file(location)?;
        let offset = number("offset")?.unwrap_or(0);
        let left = file.len().checked_sub(offset);
        let length = number("length")?.or(expected).or(left).unwrap_or(0);
        match left {
            Some(left) if length <= left => Ok(file.slice(offset..offset + length)),
            _ => {
                let found = format!("{length} bytes at byte {offset} of `{location}`");
                Err(Fault::wrong(found, format!("a part of its {} bytes", file.len())))
            }
        }
    }

    fn file(&mut self, location: &str) -> Result<Bytes, Fault> {
        let relative = Path::new(location);
        let inside = relative.components().all(|c| matches!(c, Component::Normal(_) | Component::CurDir));
        let outside =
            || Fault::wrong(format!("external data in `{location}`"), "a file in the model's folder");
        let folder = self.folder.as_ref().ok_or_else(outside)?;
        if !inside || location.is_empty() {
            return Err(outside());
        }
        let lost = |e: std::io::Error| {
            Fault::wrong(format!("external data in `{location}`: {e}"), "a file in the model's folder")
        };
        // A link may still lead elsewhere.
        let folder = folder.canonicalize().map_err(lost)?;
        let path = folder.join(relative).canonicalize().map_err(lost)?;
        if !path.starts_with(&folder) {
            return Err(outside());
        }
        if let Some(file) = self.open.get(&path) {
            return Ok(file.clone());
        }
        let file = crate::file::open(&path).map_err(lost)?;
        self.open.insert(path, file.clone());
        Ok(file)
    }
}

/// The tensor a file holds, inside it or beside it.
pub(super) fn read(tensor: &TensorProto, files: &mut Files, build: &mut Build) -> Result<Tensor, Fault> {
    let double = tensor.data_type() == DataType::Double as i32;
    let element = element(tensor.data_type())?;
    let shape: Result<Vec<usize>, _> = tensor.dims.iter().map(|d| usize::try_from(*d)).collect();
    let shape = shape.map_err(|_| Fault::wrong(format!("shape {:?}", tensor.dims), "extents from 0 up"))?;
    let ty = ir::Type::new(element, shape.clone());
    sound(&ty)?;
    let count = ty.elements();
    let packed = match (double, element.bits()) {
        (true, _) => count * 8,
        (false, 4) => count.div_ceil(2),
        _ => ty.bytes(),
    };
    let raw = match (&tensor.raw_data, tensor.data_location()) {
        (_, DataLocation::External) => Some(files.read(tensor, Some(packed))?),
        (Some(raw), _) => Some(raw.clone()),
        (None, _) => None,
    };
    let data = match raw {
        Some(raw) if raw.len() != packed => {
            let found = format!("{} bytes of data", raw.len());
            return Err(Fault::wrong(found, format!("{packed} for {element}{shape:?}")));
        }
        Some(raw) if double => {
            let words =
                raw.chunks_exact(8).map(|w| f64::from_le_bytes(w.try_into().expect("invariant: 8 bytes")));
            return narrowed(words, shape, build);
        }
        Some(raw) if element.bits() == 4 => unpacked(&raw, count, element, build)?,
        Some(raw) => raw,
        None if double => return narrowed(tensor.double_data.iter().copied(), shape, build),
        None => typed(tensor, element, count, build)?,
    };
    let range = 0..data.len();
    let made = Tensor::from_backing(element, shape, Arc::new(data), range);
    made.map_err(|wrong| Fault::wrong(format!("{} bytes of data", wrong.found), wrong.expected.to_string()))
}

fn narrowed(words: impl Iterator<Item = f64>, shape: Vec<usize>, build: &mut Build) -> Result<Tensor, Fault> {
    let count: usize = shape.iter().product();
    build.charge(4 * count)?;
    build.notice(crate::Notice::Ignored { what: "the second half of double-precision constants".into() });
    let bytes: Vec<u8> = words.flat_map(|w| (w as f32).to_le_bytes()).collect();
    let found = bytes.len() / 4;
    let made = Tensor::from_bytes(Element::F32, shape, bytes);
    made.map_err(|_| Fault::wrong(format!("{found} elements of data"), count.to_string()))
}

/// Two elements to a byte, the lower half first, as one byte each.
fn unpacked(raw: &Bytes, count: usize, element: Element, build: &mut Build) -> Result<Bytes, Fault> {
    build.charge(count)?;
    let signed = matches!(element, Element::Int { signed: true, .. });
    let wide = |half: u8| if signed { ((half << 4).cast_signed() >> 4).cast_unsigned() } else { half };
    let halves = raw.iter().flat_map(|byte| [byte & 0xf, byte >> 4]).map(wide);
    Ok(halves.take(count).collect::<Vec<u8>>().into())
}

/// Data in the list of its own type.
fn typed(tensor: &TensorProto, element: Element, count: usize, build: &mut Build) -> Result<Bytes, Fault> {
    build.charge(count.saturating_mul(element.bytes()))?;
    let width = element.bytes();
    let found = match element {
        Element::F32 => tensor.float_data.len(),
        Element::Int { bits: 64, signed: true } => tensor.int64_data.len(),
        Element::Int { bits: 32 | 64, signed: false } => tensor.uint64_data.len(),
        _ => tensor.int32_data.len(),
    };
    let words = if element.bits() == 4 { count.div_ceil(2) } else { count };
    if found != words {
        return Err(Fault::wrong(format!("{found} elements of data"), words.to_string()));
    }
    let data: Vec<u8> = match element {
        Element::F32 => tensor.float_data.iter().flat_map(|v| v.to_le_bytes()).collect(),
        Element::Int { bits: 64, signed: true } => {
            tensor.int64_data.iter().flat_map(|v| v.to_le_bytes()).collect()
        }
        Element::Int { bits: 32 | 64, signed: false } => {
            tensor.uint64_data.iter().flat_map(|v| v.to_le_bytes().into_iter().take(width)).collect()
        }
        _ => tensor.int32_data.iter().flat_map(|v| v.to_le_bytes().into_iter().take(width)).collect(),
    };
    if element.bits() == 4 {
        return unpacked(&data.into(), count, element, build);
    }
    Ok(data.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Rounding;
    use crate::onnx::proto::StringStringEntryProto;

    fn read_alone(tensor: &TensorProto) -> Result<Tensor, Fault> {
        read(tensor, &mut Files::beside(None), &mut Build::new("g", 1000, Rounding::default()))
    }

    fn tensor(kind: DataType, dims: &[i64]) -> TensorProto {
        TensorProto { dims: dims.to_vec(), data_type: Some(kind as i32), ..Default::default() }
    }

    #[test]
    fn data_come_raw_or_in_the_list_of_their_type() {
        let raw = TensorProto { raw_data: Some(vec![1, 0, 2, 0].into()), ..tensor(DataType::Int16, &[2]) };
        assert_eq!(read_alone(&raw).expect("sound").to_ints(), [1, 2]);
        let list = TensorProto { int32_data: vec![-1, 7], ..tensor(DataType::Int8, &[2]) };
        assert_eq!(read_alone(&list).expect("sound").to_ints(), [-1, 7]);
        let halves = TensorProto { raw_data: Some(vec![0x7f, 0x08].into()), ..tensor(DataType::Int4, &[3]) };
        assert_eq!(read_alone(&halves).expect("sound").to_ints(), [-1, 7, -8]);
        let double = TensorProto { double_data: vec![0.5], ..tensor(DataType::Double, &[]) };
        assert_eq!(read_alone(&double).expect("sound").to_f32(), [0.5]);
    }

    #[test]
    fn too_few_data_and_huge_shapes_are_refused() {
        assert!(read_alone(&tensor(DataType::Float, &[2])).is_err());
        assert!(read_alone(&tensor(DataType::Float, &[1 << 40, 1 << 40])).is_err());
        assert!(read_alone(&tensor(DataType::Float, &[-1])).is_err());
        assert!(read_alone(&tensor(DataType::String, &[0])).is_err());
    }

    #[test]
    fn external_data_stay_in_the_folder_and_in_the_file() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        std::fs::write(dir.path().join("w.bin"), [1, 2, 3, 4]).expect("written");
        let inner = dir.path().join("inner");
        std::fs::create_dir(&inner).expect("made");
        std::fs::write(inner.join("w.bin"), [5, 6]).expect("written");
        std::os::unix::fs::symlink(dir.path().join("w.bin"), inner.join("link.bin")).expect("linked");
        let external = |location: &str, offset: &str, length: &str| {
            let entries = [("location", location), ("offset", offset), ("length", length)];
            let entry = |(key, value): (&str, &str)| StringStringEntryProto {
                key: Some(key.into()),
                value: Some(value.into()),
            };
            let tensor = TensorProto {
                external_data: entries.map(entry).to_vec(),
                data_location: Some(DataLocation::External as i32),
                ..tensor(DataType::Uint8, &[2])
            };
            let mut files = Files::beside(Some(&inner));
            read(&tensor, &mut files, &mut Build::new("g", 0, Rounding::default())).map(|t| t.to_ints())
        };
        assert_eq!(external("w.bin", "0", "2"), Ok(vec![5, 6]));
        for (location, offset, length) in [
            ("../w.bin", "0", "2"),
            ("/etc/hostname", "0", "2"),
            ("link.bin", "0", "2"),
            ("", "0", "2"),
            ("none.bin", "0", "2"),
            ("w.bin", "1", "2"),
            ("w.bin", "99", "2"),
            ("w.bin", "0", "x"),
            ("w.bin", "0", "1"),
        ] {
            assert!(external(location, offset, length).is_err(), "{location} {offset} {length}");
        }
    }
}
