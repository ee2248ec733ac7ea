//! `.npy` and `.npz`: one array, and several by name.
//!
//! Read: versions 1 to 3, `bool`, integers of 8 to 64 bits, `float16` and `float32`, either byte order, either element order.
//! Written: version 1, little-endian, row-major. Elements narrower than a byte travel in the next wider integer.
//!
//! Source: <https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html>.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use ir::{Element, Tensor};

use header::Header;

mod header;

/// Memory reading an `.npz` may take, as a multiple of the file's size: what its compression can reach, and no more.
pub const NPZ_MEMORY_FACTOR: u64 = 1032;

/// Why an array file was refused.
#[derive(Debug, thiserror::Error)]
pub enum NpyError {
    /// The file could not be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The archive's own structure is broken.
    #[error("not a sound .npz archive: {0}")]
    Archive(String),
    /// An array of an archive, with what is wrong with it.
    #[error("array `{name}`: {source}")]
    Member {
        /// Its name without `.npy`.
        name: String,
        /// What is wrong.
        source: Box<NpyError>,
    },
    /// The first bytes are not those of the format.
    #[error("no .npy array: the first bytes are {found:02x?}, \\x93NUMPY expected")]
    Magic {
        /// What was found.
        found: Vec<u8>,
    },
    /// The header is not the dictionary it should be.
    #[error("header at byte {offset}: {found}, {expected} expected")]
    Header {
        /// Bytes from the beginning of the array.
        offset: usize,
        /// What was found.
        found: String,
        /// What was expected.
        expected: &'static str,
    },
    /// An element type there is no counterpart of.
    #[error(
        "element type `{found}`: bool, integers of 8 to 64 bits, float16 or float32 expected (`x.astype(\"float32\")` converts)"
    )]
    Element {
        /// As the file or the tensor names it.
        found: String,
    },
    /// The data are not as long as the shape says.
    #[error("shape {shape:?} of {element} takes {expected} bytes, the array has {found}")]
    Length {
        /// Shape in the header.
        shape: Vec<usize>,
        /// Element in the header.
        element: Element,
        /// Bytes that should follow.
        expected: String,
        /// Bytes that follow.
        found: usize,
    },
}

/// Reads an `.npy` file.
///
/// # Errors
/// [`NpyError`], naming the file or the byte of the header.
pub fn read(path: impl AsRef<Path>) -> Result<Tensor, NpyError> {
    parse(&crate::file::open(path.as_ref()).map_err(|e| io_error(path.as_ref(), e))?)
}

/// Reads an array from the bytes of an `.npy` file; row-major little-endian data are not copied.
///
/// # Errors
/// [`NpyError`], naming the byte of the header.
pub fn parse(file: &Bytes) -> Result<Tensor, NpyError> {
    let header = Header::parse(file)?;
    let data = file.slice(header.data..);
    let count = header.shape.iter().try_fold(1usize, |n, d| n.checked_mul(*d));
    let expected = count.and_then(|n| n.checked_mul(header.element.bytes()));
    if expected != Some(data.len()) {
        let expected = expected.map_or("more than there can be".to_owned(), |n| n.to_string());
        let (shape, element) = (header.shape, header.element);
        return Err(NpyError::Length { shape, element, expected, found: data.len() });
    }
    let width = header.element.bytes();
    let data = if header.big_endian && width > 1 {
        Bytes::from(data.chunks_exact(width).flat_map(|word| word.iter().rev().copied()).collect::<Vec<u8>>())
    } else {
        data
    };
    let data =
        if header.column_major { Bytes::from(to_row_major(&data, &header.shape, width)) } else { data };
    let range = 0..data.len();
    let tensor = Tensor::from_backing(header.element, header.shape, Arc::new(data), range);
    Ok(tensor.expect("invariant: the length was compared with the shape above"))
}

/// The `.npy` form of a tensor.
///
/// # Errors
/// [`NpyError::Element`] for float formats NumPy has not.
pub fn to_bytes(tensor: &Tensor) -> Result<Vec<u8>, NpyError> {
    let mut out = header::write(tensor.element(), tensor.shape())?;
    out.extend_from_slice(tensor.bytes());
    Ok(out)
}

/// Writes an `.npy` file.
///
/// # Errors
/// [`NpyError::Element`] for float formats NumPy has not, [`NpyError::Io`] where the file cannot be written.
pub fn write(path: impl AsRef<Path>, tensor: &Tensor) -> Result<(), NpyError> {
    std::fs::write(path.as_ref(), to_bytes(tensor)?).map_err(|e| io_error(path.as_ref(), e))
}

/// Reads all arrays of an `.npz` file, in the order of the archive.
///
/// # Errors
/// [`NpyError`], naming the array.
pub fn read_npz(path: impl AsRef<Path>) -> Result<Vec<(String, Tensor)>, NpyError> {
    parse_npz(&crate::file::open(path.as_ref()).map_err(|e| io_error(path.as_ref(), e))?)
}

/// Reads all arrays from the bytes of an `.npz` file, in the order of the archive.
///
/// # Errors
/// [`NpyError`], naming the array.
pub fn parse_npz(file: &Bytes) -> Result<Vec<(String, Tensor)>, NpyError> {
    let archive_error = |e: &dyn std::fmt::Display| NpyError::Archive(e.to_string());
    let mut archive = zip::ZipArchive::new(io::Cursor::new(file)).map_err(|e| archive_error(&e))?;
    let mut left = (file.len() as u64).saturating_mul(NPZ_MEMORY_FACTOR);
    let mut arrays: Vec<(String, Tensor)> = Vec::new();
    for i in 0..archive.len() {
        let member = archive.by_index(i).map_err(|e| archive_error(&e))?;
        let name = member.name().map_err(|e| archive_error(&e))?;
        let name = name.strip_suffix(".npy").unwrap_or(&name).to_owned();
        if arrays.iter().any(|(other, _)| *other == name) {
            return Err(NpyError::Archive(format!("array `{name}` is there twice")));
        }
        let mut content = Vec::new();
        // One byte more than allowed shows that there is more.
        member.take(left.saturating_add(1)).read_to_end(&mut content).map_err(|e| archive_error(&e))?;
        left = left.checked_sub(content.len() as u64).ok_or_else(|| {
            NpyError::Archive(format!("its arrays overlap: more than {NPZ_MEMORY_FACTOR} times its size"))
        })?;
        let tensor = parse(&Bytes::from(content));
        let tensor = tensor.map_err(|e| NpyError::Member { name: name.clone(), source: Box::new(e) })?;
        arrays.push((name, tensor));
    }
    Ok(arrays)
}

/// Writes an `.npz` file, uncompressed as `numpy.savez` does.
///
/// # Errors
/// [`NpyError::Element`] for float formats NumPy has not, [`NpyError::Io`] where the file cannot be written.
pub fn write_npz<'a>(
    path: impl AsRef<Path>,
    arrays: impl IntoIterator<Item = (&'a str, &'a Tensor)>,
) -> Result<(), NpyError> {
    let path = path.as_ref();
    let file = File::create(path).map_err(|e| io_error(path, e))?;
    let mut archive = zip::ZipWriter::new(io::BufWriter::new(file));
    // A fixed time: the same arrays give the same bytes.
    let options = zip::write::SimpleFileOptions::default()
        .compression_method(zip::CompressionMethod::Stored)
        .last_modified_time(zip::DateTime::default());
    for (name, tensor) in arrays {
        let content =
            to_bytes(tensor).map_err(|e| NpyError::Member { name: name.to_owned(), source: Box::new(e) })?;
        archive.start_file(format!("{name}.npy"), options).map_err(|e| NpyError::Archive(e.to_string()))?;
        archive.write_all(&content).map_err(|e| io_error(path, e))?;
    }
    let mut file = archive.finish().map_err(|e| NpyError::Archive(e.to_string()))?;
    file.flush().map_err(|e| io_error(path, e))
}

fn io_error(path: &Path, source: io::Error) -> NpyError {
    NpyError::Io { path: path.to_owned(), source }
}

/// Reorders data in which the first index runs fastest.
fn to_row_major(data: &[u8], shape: &[usize], width: usize) -> Vec<u8> {
    let mut out = Vec::with_capacity(data.len());
    let mut index = vec![0; shape.len()];
    for _ in 0..data.len() / width.max(1) {
        let from = index.iter().zip(shape).rev().fold(0, |at, (i, extent)| at * extent + i);
        out.extend_from_slice(&data[from * width..(from + 1) * width]);
        for axis in (0..shape.len()).rev() {
            index[axis] += 1;
            if index[axis] < shape[axis] {
                break;
            }
            index[axis] = 0;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(header: &str, data: &[u8]) -> Bytes {
        let mut out = b"\x93NUMPY\x01\x00".to_vec();
        out.extend_from_slice(&(header.len() as u16).to_le_bytes());
        out.extend_from_slice(header.as_bytes());
        out.extend_from_slice(data);
        Bytes::from(out)
    }

    #[test]
    fn every_element_numpy_has_comes_back() {
        let small = ["i8", "u8", "i16", "u16", "i32", "u32", "i64", "u64", "bool"];
        for element in small.into_iter().filter_map(Element::parse) {
            let tensor = Tensor::from_ints(element, [2, 1, 1], &[1, 0]);
            let bytes = Bytes::from(to_bytes(&tensor).expect("an element of NumPy"));
            assert_eq!(parse(&bytes).expect("its own output"), tensor, "{element}");
        }
        for element in [Element::F32, Element::F16] {
            let tensor = Tensor::from_reals(element, [3], [1.5, -0.25, 0.0]);
            let bytes = Bytes::from(to_bytes(&tensor).expect("an element of NumPy"));
            assert_eq!(parse(&bytes).expect("its own output"), tensor, "{element}");
        }
    }

    #[test]
    fn a_scalar_and_an_empty_array_come_back() {
        for tensor in [Tensor::from_f32([], &[2.5]), Tensor::from_f32([0, 3], &[])] {
            assert_eq!(parse(&Bytes::from(to_bytes(&tensor).expect("f32"))).expect("its own output"), tensor);
        }
    }

    #[test]
    fn data_begin_at_a_multiple_of_64() {
        let bytes = to_bytes(&Tensor::from_f32([1], &[1.0])).expect("f32");
        assert_eq!((bytes.len() - 4) % 64, 0);
    }

    #[test]
    fn an_element_numpy_has_not_is_refused_by_name() {
        let tensor = Tensor::from_bytes(Element::F8E4M3, [1], vec![0]).expect("one byte");
        let refused = to_bytes(&tensor).expect_err("NumPy has no 8-bit float");
        assert!(refused.to_string().contains("`f8e4m3`"), "{refused}");
    }

    #[test]
    fn either_order_of_bytes_and_of_elements_is_understood() {
        let big = file("{'descr': '>i2', 'fortran_order': False, 'shape': (2,), }\n", &[1, 0, 0, 2]);
        assert_eq!(parse(&big).expect("big-endian").to_ints(), [256, 2]);
        // Columns first: (0,0) (1,0) (0,1) (1,1) (0,2) (1,2).
        let columns = file("{'shape': (2, 3), 'fortran_order': True, 'descr': '|u1'}", &[1, 2, 3, 4, 5, 6]);
        assert_eq!(parse(&columns).expect("column-major").to_ints(), [1, 3, 5, 2, 4, 6]);
    }

    #[test]
    fn doubles_are_refused_with_the_way_out() {
        let doubles = file("{'descr': '<f8', 'fortran_order': False, 'shape': (1,)}", &[0; 8]);
        let refused = parse(&doubles).expect_err("no such element").to_string();
        assert!(refused.contains("`<f8`") && refused.contains("astype"), "{refused}");
    }

    #[test]
    fn a_shape_larger_than_the_file_is_refused_before_anything_is_allocated() {
        let huge =
            file("{'descr': '|i1', 'fortran_order': False, 'shape': (99999999999, 99999999999)}", &[0]);
        assert!(matches!(parse(&huge), Err(NpyError::Length { .. })));
        let short = file("{'descr': '<i4', 'fortran_order': False, 'shape': (2,)}", &[0; 7]);
        let refused = parse(&short).expect_err("one byte is missing").to_string();
        assert_eq!(refused, "shape [2] of i32 takes 8 bytes, the array has 7");
    }

    #[test]
    fn an_archive_comes_back_in_order_and_twice_the_same_bytes() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let (x, y) = (Tensor::from_f32([2], &[1.0, 2.0]), Tensor::from_ints(Element::I8, [1], &[-5]));
        let (one, two) = (dir.path().join("1.npz"), dir.path().join("2.npz"));
        for path in [&one, &two] {
            write_npz(path, [("x", &x), ("a/y", &y)]).expect("written");
        }
        let back = read_npz(&one).expect("read");
        assert_eq!(back, [("x".to_owned(), x), ("a/y".to_owned(), y)]);
        assert_eq!(std::fs::read(one).expect("read"), std::fs::read(two).expect("read"));
    }

    #[test]
    fn an_error_in_an_archive_names_the_array() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let path = dir.path().join("x.npz");
        let mut archive = zip::ZipWriter::new(File::create(&path).expect("created"));
        archive.start_file("w.npy", zip::write::SimpleFileOptions::default()).expect("started");
        archive.write_all(b"nothing").expect("written");
        archive.finish().expect("finished");
        let refused = read_npz(&path).expect_err("not an array").to_string();
        assert!(refused.starts_with("array `w`: no .npy array"), "{refused}");
    }
}
