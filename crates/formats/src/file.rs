//! Files brought into memory: small ones read, large ones mapped.

use std::fs::File;
use std::io::{Error, ErrorKind, Read, Result};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;

use crate::error::ExportError;

/// Files up to this size are read: a copy costs nothing, and what happens to the file later does not matter.
const READ_BYTES: u64 = 1 << 20;

/// The content of a regular file.
pub(crate) fn open(path: &Path) -> Result<Bytes> {
    let mut file = File::open(path)?;
    let facts = file.metadata()?;
    if !facts.is_file() {
        return Err(Error::new(ErrorKind::InvalidInput, "not a regular file"));
    }
    if facts.len() <= READ_BYTES {
        let mut content = Vec::with_capacity(facts.len() as usize);
        file.take(READ_BYTES).read_to_end(&mut content)?;
        return Ok(Bytes::from(content));
    }
    map(&mut file)
}

#[allow(unsafe_code, reason = "the one place where a file becomes memory")]
fn map(file: &mut File) -> Result<Bytes> {
    // SAFETY: the map is read-only and private to this process; it is only ever read as bytes, for which every bit pattern is
    // valid. What cannot be excluded is another process shortening the file meanwhile: the system then stops this process
    // with a bus error, which no reader of mapped files can avoid short of copying the weights.
    let map = unsafe { memmap2::Mmap::map(&*file) }?;
    Ok(Bytes::from_owner(map))
}

/// Writes a file whole or not at all: beside its place first, then moved there. What was there before stays mapped where it is.
pub(crate) fn replace(path: &Path, content: &[u8]) -> std::result::Result<(), ExportError> {
    // Distinct for every writer, in this process and others.
    static WRITTEN: AtomicUsize = AtomicUsize::new(0);
    let number = WRITTEN.fetch_add(1, Ordering::Relaxed);
    let mut beside = path.as_os_str().to_owned();
    beside.push(format!(".{}.{number}.part", std::process::id()));
    let moved = std::fs::write(&beside, content).and_then(|()| std::fs::rename(&beside, path));
    moved.map_err(|source| {
        // Best effort: the error that matters is the one above.
        let _ = std::fs::remove_file(&beside);
        ExportError::Io { path: path.to_owned(), source }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_large_file_is_mapped_and_a_small_one_read() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        for len in [0, 5, READ_BYTES as usize + 3] {
            let path = dir.path().join("f");
            std::fs::write(&path, vec![7; len]).expect("written");
            assert_eq!(open(&path).expect("opened"), vec![7; len]);
        }
    }

    #[test]
    fn a_folder_is_refused() {
        assert!(open(Path::new("/")).is_err());
    }
}
