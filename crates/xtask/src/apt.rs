//! Debian packages: which are missing, and installing them.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, bail};
use process::{Command, Output, find};

use crate::say::note;

/// A package and how to see without asking `dpkg` that it is there: other systems have the same programs.
pub(crate) struct Package {
    pub(crate) name: &'static str,
    /// A program it has.
    pub(crate) program: Option<&'static str>,
    /// A file the compiler finds through it.
    file: Option<(&'static str, &'static str)>,
}

const fn program(name: &'static str, program: &'static str) -> Package {
    Package { name, program: Some(program), file: None }
}

const fn file(name: &'static str, compiler: &'static str, file: &'static str) -> Package {
    Package { name, program: None, file: Some((compiler, file)) }
}

/// Everything the tests and the demonstration start.
pub(crate) const PACKAGES: &[Package] = &[
    program("gcc", "cc"),
    program("g++", "g++"),
    program("gcc-arm-none-eabi", "arm-none-eabi-gcc"),
    file("libnewlib-arm-none-eabi", "arm-none-eabi-gcc", "nosys.specs"),
    program("gcc-riscv64-unknown-elf", "riscv64-unknown-elf-gcc"),
    file("picolibc-riscv64-unknown-elf", "riscv64-unknown-elf-gcc", "picolibc.specs"),
    program("qemu-system-arm", "qemu-system-arm"),
    program("qemu-system-misc", "qemu-system-riscv32"),
    program("valgrind", "valgrind"),
    program("python3", "python3"),
    file("python3-venv", "python3", "ensurepip"),
];

impl Package {
    fn is_there(&self) -> bool {
        let has_program = self.program.is_none_or(|program| find(program).is_some());
        has_program && self.file.is_none_or(|(tool, file)| tool_finds(tool, file))
    }
}

/// Whether a compiler finds one of its files, or Python one of its modules.
fn tool_finds(tool: &str, file: &str) -> bool {
    if tool == "python3" {
        return Command::new(tool).args(["-c", &format!("import {file}")]).run_ok().is_ok();
    }
    let output = Command::new(tool).arg(format!("-print-file-name={file}")).run_ok();
    // A file that is not found is printed as it was asked for.
    output.is_ok_and(|output| Path::new(output.stdout_text().trim()).is_absolute())
}

/// Installs the packages that are missing, if any.
pub(crate) fn install_missing() -> Result<()> {
    let missing: Vec<&str> = PACKAGES.iter().filter(|package| !package.is_there()).map(|p| p.name).collect();
    if missing.is_empty() {
        note("everything is there");
        return Ok(());
    }
    note(&format!("missing: {}", missing.join(" ")));
    let by_hand = format!("apt-get install --no-install-recommends {}", missing.join(" "));
    if find("apt-get").is_none() {
        bail!("this is no Debian-like system; install what corresponds to: {}", missing.join(" "));
    }
    let Some(apt) = Apt::new() else {
        bail!("not root and no password-less sudo; run this and start again:\n    sudo {by_hand}");
    };
    apt.install(&missing).with_context(|| format!("could not install packages; by hand: sudo {by_hand}"))?;
    let missing: Vec<&str> = PACKAGES.iter().filter(|package| !package.is_there()).map(|p| p.name).collect();
    if missing.is_empty() { Ok(()) } else { bail!("installed, but still not usable: {}", missing.join(" ")) }
}

struct Apt {
    sudo: bool,
}

impl Apt {
    /// `None` when this user may not install.
    fn new() -> Option<Self> {
        let id = Command::new("id").arg("-u").run_ok().ok()?;
        let root = id.stdout_text().trim() == "0";
        let sudo =
            !root && find("sudo").is_some() && Command::new("sudo").args(["-n", "true"]).run_ok().is_ok();
        (root || sudo).then_some(Self { sudo })
    }

    fn command(&self, args: &[&str]) -> Command {
        let words =
            ["env", "DEBIAN_FRONTEND=noninteractive", "LC_ALL=C", "apt-get", "-o", "DPkg::Lock::Timeout=600"];
        let command = if self.sudo {
            Command::new("sudo").arg("-n").args(words)
        } else {
            Command::new(words[0]).args(&words[1..])
        };
        command.args(args).time_out(Duration::from_secs(3600))
    }

    fn install(&self, packages: &[&str]) -> Result<()> {
        let mut fresh = false;
        if lists_are_stale() {
            self.update();
            fresh = true;
        }
        note("apt-get install (a few hundred megabytes at most)");
        let mut output = self.try_install(packages, &[])?;
        if !output.exit.success() && !fresh {
            self.update();
            output = self.try_install(packages, &[])?;
        }
        if !output.exit.success() && refuses_versions(&output) {
            let pins = pins(packages)?;
            if !pins.is_empty() {
                note(
                    "some installed packages are newer than the archive's and the missing ones need the archive's:",
                );
                note(&format!("taking {}", pins.join(" ")));
                output = self.try_install(packages, &pins)?;
            }
        }
        if !output.exit.success() {
            bail!("apt-get said:\n{}", output.tail());
        }
        Ok(())
    }

    fn update(&self) {
        note("apt-get update");
        // A mirror that is down does not matter if the lists at hand are good enough; the installation tells.
        if let Ok(output) = self.command(&["update", "--quiet"]).run()
            && !output.exit.success()
        {
            note("apt-get update did not succeed; going on with the lists at hand");
        }
    }

    fn try_install(&self, packages: &[&str], pins: &[String]) -> Result<Output> {
        // Nothing of the user's may go to make room.
        let mut args = vec!["install", "--yes", "--quiet", "--no-install-recommends", "--no-remove"];
        if !pins.is_empty() {
            args.push("--allow-downgrades");
        }
        args.extend(packages);
        args.extend(pins.iter().map(String::as_str));
        Ok(self.command(&args).run()?)
    }
}

/// No package lists, or lists older than a day.
fn lists_are_stale() -> bool {
    const DAY: Duration = Duration::from_secs(24 * 3600);
    let lists = std::fs::read_dir("/var/lib/apt/lists").into_iter().flatten().flatten();
    let newest = lists
        .map(|entry| entry.path())
        .filter(|path| path.to_string_lossy().contains("_Packages"))
        .filter_map(|path: PathBuf| path.metadata().ok()?.modified().ok())
        .max();
    newest.is_none_or(|time| SystemTime::now().duration_since(time).is_ok_and(|age| age > DAY))
}

fn refuses_versions(output: &Output) -> bool {
    let said = output.stdout_text() + &output.stderr_text();
    ["unmet dependencies", "held broken packages", "Conflicts:", "Breaks:"]
        .iter()
        .any(|words| said.contains(words))
}

/// `package=version` of every installed package of the emulator's family that is of another version than the one the
/// archive has of the missing ones. Backports have a newer `qemu-utils`, which the archive's emulators refuse.
fn pins(packages: &[&str]) -> Result<Vec<String>> {
    let Some(family) = packages.iter().find(|name| name.starts_with("qemu-")) else { return Ok(Vec::new()) };
    let policy =
        Command::new("apt-cache").args(["policy", family]).env("LC_ALL", "C").run_ok()?.stdout_text();
    let Some(wanted) = candidate(&policy) else { return Ok(Vec::new()) };
    let installed = Command::new("dpkg-query")
        .args(["--show", "--showformat", "${db:Status-Abbrev} ${Package} ${Version}\n", "qemu-*"])
        .run_ok()?
        .stdout_text();
    let mut pins = Vec::new();
    for (name, version) in installed.lines().filter_map(installed_package) {
        if source_version(version) == source_version(wanted) {
            continue;
        }
        let offers =
            Command::new("apt-cache").args(["madison", name]).env("LC_ALL", "C").run_ok()?.stdout_text();
        if let Some(offer) = offer_of(&offers, wanted) {
            pins.push(format!("{name}={offer}"));
        }
    }
    Ok(pins)
}

/// The candidate version of `apt-cache policy`.
fn candidate(policy: &str) -> Option<&str> {
    policy
        .lines()
        .find_map(|line| line.trim().strip_prefix("Candidate: "))
        .filter(|version| *version != "(none)")
}

/// Name and version of a line of `dpkg-query` that is about an installed package.
fn installed_package(line: &str) -> Option<(&str, &str)> {
    let (status, rest) = line.split_once(' ')?;
    let (name, version) = rest.trim().split_once(' ')?;
    (status.starts_with("ii") || status.starts_with("hi")).then_some((name, version))
}

/// The version of `apt-cache madison` that was built from the same source as `wanted`.
fn offer_of<'a>(madison: &'a str, wanted: &str) -> Option<&'a str> {
    let mut versions = madison.lines().filter_map(|line| line.split('|').nth(1)).map(str::trim);
    versions.find(|version| source_version(version) == source_version(wanted))
}

/// A version without the `+b3` of a rebuild.
fn source_version(version: &str) -> &str {
    match version.rsplit_once("+b") {
        Some((source, rebuild)) if rebuild.bytes().all(|byte| byte.is_ascii_digit()) => source,
        _ => version,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_archives_version_of_a_newer_package_is_found() {
        let policy = "qemu-system-arm:\n  Installed: (none)\n  Candidate: 1:7.2+dfsg-7+deb12u18+b3\n  Version table:\n";
        let madison = "\
qemu-utils | 1:10.0.2+ds-2~bpo12+1 | http://deb.debian.org/debian bookworm-backports/main amd64 Packages
qemu-utils | 1:7.2+dfsg-7+deb12u18+b3 | http://deb.debian.org/debian bookworm/main amd64 Packages
qemu-utils | 1:7.2+dfsg-7+deb12u15 | http://deb.debian.org/debian-security bookworm-security/main amd64 Packages
";
        let wanted = candidate(policy).unwrap();
        assert_eq!(offer_of(madison, wanted), Some("1:7.2+dfsg-7+deb12u18+b3"));
        // Packages for all architectures are not rebuilt.
        assert_eq!(offer_of("x | 1:7.2+dfsg-7+deb12u18 | y\n", wanted), Some("1:7.2+dfsg-7+deb12u18"));
        assert_eq!(offer_of("x | 1:10.0 | y\n", wanted), None);
    }

    #[test]
    fn only_installed_packages_count() {
        assert_eq!(installed_package("ii  qemu-utils 1:10.0"), Some(("qemu-utils", "1:10.0")));
        assert_eq!(installed_package("un  qemu-user "), None);
        assert_eq!(candidate("x:\n  Candidate: (none)\n"), None);
    }

    #[test]
    fn every_package_can_be_seen_to_be_there() {
        for package in PACKAGES {
            assert!(package.program.is_some() || package.file.is_some(), "{}", package.name);
        }
    }
}
