//! Output that appears whole or not at all: written beside its place, then renamed.

use crate::failure::Failure;
use crate::interrupt;
use std::path::{Path, PathBuf};

/// The file whose presence says that a folder is an artifact of ours, which may be replaced.
const MARK: &str = "manifest.json";

/// A folder under construction.
#[derive(Debug)]
pub(crate) struct Folder {
    place: PathBuf,
    temporary: PathBuf,
}

impl Folder {
    /// A folder that will be `place`. Refused where `place` exists and is neither empty nor an artifact.
    pub(crate) fn beside(place: &Path) -> Result<Self, Failure> {
        Self::beside_marked(place, MARK)
    }

    /// As [`Folder::beside`], for a folder whose older self is known by another file.
    pub(crate) fn beside_marked(place: &Path, mark: &str) -> Result<Self, Failure> {
        if place.as_os_str().is_empty() || place.as_os_str() == "-" {
            return Err(Failure::input(format!(
                "`{}` is no folder, the path of one expected",
                place.display()
            )));
        }
        if place.exists() && !replaceable(place, mark) {
            let what = if place.is_dir() { "a folder that is no artifact of nasc" } else { "no folder" };
            let message = format!("{} exists and is {what}", place.display());
            return Err(Failure::input(message).help("give another path with -o, or empty the folder"));
        }
        let parent = parent(place);
        std::fs::create_dir_all(&parent).map_err(|e| Failure::file(&parent, &e))?;
        let name = place.file_name().unwrap_or_default().to_string_lossy();
        let temporary = tempfile::Builder::new().prefix(&format!(".{name}.partial-")).tempdir_in(&parent);
        let temporary = temporary.map_err(|e| Failure::file(&parent, &e))?.keep();
        interrupt::remember(&temporary);
        Ok(Self { place: place.to_owned(), temporary })
    }

    /// Where to write meanwhile.
    pub(crate) fn path(&self) -> &Path {
        &self.temporary
    }

    /// Writes one file into the folder.
    pub(crate) fn write(&self, name: &str, bytes: &[u8]) -> Result<(), Failure> {
        let path = self.temporary.join(name);
        std::fs::write(&path, bytes).map_err(|e| Failure::file(&path, &e))
    }

    /// Puts the folder in its place, instead of what was there.
    pub(crate) fn finish(self) -> Result<(), Failure> {
        readable(&self.temporary);
        let old = self.temporary.with_extension("old");
        let replaces = self.place.exists();
        if replaces {
            std::fs::rename(&self.place, &old).map_err(|e| Failure::file(&self.place, &e))?;
        }
        let renamed = std::fs::rename(&self.temporary, &self.place);
        if renamed.is_err() && replaces {
            // Puts back what was there; if that fails too, it still exists under its temporary name.
            let _ = std::fs::rename(&old, &self.place);
        }
        renamed.map_err(|e| Failure::file(&self.place, &e))?;
        interrupt::forget(&self.temporary);
        if replaces {
            std::fs::remove_dir_all(&old).map_err(|e| Failure::file(&old, &e))?;
        }
        Ok(())
    }

    /// Leaves no artifact in the folder's place: neither this one nor an older one, which would not be what was asked for.
    pub(crate) fn remove(self) -> Result<(), Failure> {
        if self.place.is_dir() {
            std::fs::remove_dir_all(&self.place).map_err(|e| Failure::file(&self.place, &e))?;
        }
        Ok(())
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if self.temporary.exists() {
            let _ = std::fs::remove_dir_all(&self.temporary);
        }
        interrupt::forget(&self.temporary);
    }
}

/// Temporary folders are the user's own; an artifact is as open as the user's other files.
fn readable(folder: &Path) {
    use std::os::unix::fs::PermissionsExt;
    // Permissions are a convenience: an artifact with narrower ones is still an artifact.
    let _ = std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o755));
}

fn replaceable(place: &Path, mark: &str) -> bool {
    let empty = || std::fs::read_dir(place).is_ok_and(|mut entries| entries.next().is_none());
    place.is_dir() && (place.join(mark).is_file() || empty())
}

fn parent(place: &Path) -> PathBuf {
    let parent = place.parent().filter(|p| !p.as_os_str().is_empty());
    parent.unwrap_or(Path::new(".")).to_owned()
}

/// Writes a file that appears whole or not at all.
pub(crate) fn write_file(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    write_with(path, |place| std::fs::write(place, bytes).map_err(|e| Failure::file(path, &e)))
}

/// As [`write_file`], by a function that writes to the path it is given.
pub(crate) fn write_with(
    path: &Path,
    write: impl FnOnce(&Path) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let fail = |e: &std::io::Error| Failure::file(path, e);
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let file = tempfile::Builder::new()
        .prefix(&format!(".{name}.partial-"))
        .permissions(std::os::unix::fs::PermissionsExt::from_mode(0o644))
        .tempfile_in(parent(path));
    let file = file.map_err(|e| fail(&e))?.into_temp_path();
    interrupt::remember(&file);
    let temporary = file.to_path_buf();
    let written = write(&file).and_then(|()| file.persist(path).map_err(|e| fail(&e.error)));
    interrupt::forget(&temporary);
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(dir: &Path) -> Vec<String> {
        let entries = std::fs::read_dir(dir).expect("a folder");
        let mut names: Vec<_> =
            entries.map(|e| e.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_folder_that_is_not_finished_leaves_nothing() {
        let dir = tempfile::tempdir().expect("a folder for a test");
        let folder = Folder::beside(&dir.path().join("out")).expect("free");
        folder.write("model.c", b"int x;").expect("written");
        drop(folder);
        assert_eq!(names(dir.path()), [""; 0]);
    }

    #[test]
    fn a_finished_folder_replaces_an_older_artifact_whole() {
        let dir = tempfile::tempdir().expect("a folder for a test");
        let place = dir.path().join("sub/out");
        for file in ["old.c", "new.c"] {
            let folder = Folder::beside(&place).expect("free or an artifact");
            folder.write(MARK, b"{}").expect("written");
            folder.write(file, b"").expect("written");
            folder.finish().expect("finished");
        }
        assert_eq!(names(&place), [MARK, "new.c"]);
        assert_eq!(names(&dir.path().join("sub")), ["out"]);
    }

    #[test]
    fn a_folder_of_something_else_is_never_touched() {
        let dir = tempfile::tempdir().expect("a folder for a test");
        std::fs::write(dir.path().join("thesis.tex"), "").expect("written");
        let refused = Folder::beside(dir.path()).expect_err("not ours");
        assert_eq!(refused.exit_code(), 2);
        assert_eq!(names(dir.path()), ["thesis.tex"]);
    }

    #[test]
    fn a_removed_folder_takes_the_older_artifact_along() {
        let dir = tempfile::tempdir().expect("a folder for a test");
        let place = dir.path().join("out");
        let older = Folder::beside(&place).expect("free");
        older.write(MARK, b"{}").expect("written");
        older.finish().expect("finished");
        Folder::beside(&place).expect("an artifact").remove().expect("removed");
        assert_eq!(names(dir.path()), [""; 0]);
    }

    #[test]
    fn a_file_is_written_whole() {
        let dir = tempfile::tempdir().expect("a folder for a test");
        write_file(&dir.path().join("a"), b"text").expect("written");
        assert_eq!(std::fs::read(dir.path().join("a")).expect("there"), b"text");
        assert_eq!(names(dir.path()), ["a"]);
        assert!(write_file(&dir.path().join("no/such/folder/a"), b"").is_err());
    }
}
