//! Which package has a program, and whether the program is here.

use std::env;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// Program, and the words to say about where it comes from.
const PACKAGES: &[(&str, &str)] = &[
    ("arm-none-eabi-gcc", "Debian package gcc-arm-none-eabi (with libnewlib-arm-none-eabi)"),
    ("arm-none-eabi-g++", "Debian package gcc-arm-none-eabi (with libstdc++-arm-none-eabi-newlib)"),
    ("apt-get", "a Debian-like system"),
    ("cargo-deny", "crates.io package cargo-deny"),
    ("cargo-nextest", "crates.io package cargo-nextest"),
    ("cc", "Debian package gcc"),
    ("clang", "Debian package clang"),
    ("cmake", "Debian package cmake"),
    ("g++", "Debian package g++"),
    ("gcc", "Debian package gcc"),
    ("git", "Debian package git"),
    ("python3", "Debian package python3"),
    ("qemu-system-arm", "Debian package qemu-system-arm"),
    ("qemu-system-riscv32", "Debian package qemu-system-misc"),
    ("qemu-system-riscv64", "Debian package qemu-system-misc"),
    ("riscv64-unknown-elf-gcc", "Debian package gcc-riscv64-unknown-elf (with picolibc-riscv64-unknown-elf)"),
    ("riscv64-unknown-elf-g++", "Debian package gcc-riscv64-unknown-elf"),
    ("valgrind", "Debian package valgrind"),
    ("verilator", "Debian package verilator"),
    ("yosys", "Debian package yosys"),
];

/// Where `program` comes from, in words that stand after "it is in", when it is one the project knows.
///
/// Only the file name counts, so that a path to a missing tool gets the same advice.
pub fn package_of(program: impl AsRef<Path>) -> Option<&'static str> {
    let name = program.as_ref().file_name()?.to_str()?;
    PACKAGES.iter().find(|(known, _)| *known == name).map(|(_, package)| *package)
}

/// The file that starting `program` would execute: itself when it has a directory part, else the first
/// executable of that name on `PATH`. `None` when there is none.
pub fn find(program: impl AsRef<Path>) -> Option<PathBuf> {
    let program = program.as_ref();
    if program.components().count() > 1 {
        return is_executable(program).then(|| program.to_path_buf());
    }
    env::split_paths(&env::var_os("PATH")?).map(|dir| dir.join(program)).find(|path| is_executable(path))
}

fn is_executable(path: &Path) -> bool {
    path.metadata().is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_known_program_names_its_package_whatever_its_directory() {
        assert_eq!(package_of("/opt/bin/qemu-system-riscv32"), Some("Debian package qemu-system-misc"));
        assert_eq!(package_of("no-such-tool"), None);
    }

    #[test]
    fn the_table_is_free_of_doubles() {
        for (at, (name, _)) in PACKAGES.iter().enumerate() {
            assert!(PACKAGES[..at].iter().all(|(other, _)| other != name), "{name} is there twice");
        }
    }

    #[test]
    fn a_shell_is_on_the_path_and_a_directory_is_not_a_program() {
        assert!(find("sh").is_some());
        assert!(find("/tmp").is_none());
        assert!(find("no-such-program-anywhere").is_none());
    }
}
