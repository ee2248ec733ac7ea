//! `cargo xtask bench`: BENCHMARKS.md, measured now. One function per section; what is missing is said, not left out.

mod build;
mod compile_time;
mod mapping;
mod mcu;
mod minimalloc;
mod table;

use std::path::PathBuf;

use anyhow::{Context, Result, bail};

use crate::project::{build_cli, root, shared, shown};
use crate::say::step;
use crate::setup::{Part, setup};

/// What a section may use.
pub(crate) struct Bench {
    /// The command line, release build.
    nasc: PathBuf,
    /// Peer material, where there is some.
    shared: Option<PathBuf>,
    /// Scratch for artifacts.
    out: PathBuf,
}

type Section = (&'static str, &'static str, fn(&Bench) -> Result<String>);

const SECTIONS: &[Section] = &[
    ("mcu", "networks on microcontrollers", mcu::section),
    ("mapping", "mapping", mapping::section),
    ("minimalloc", "static allocation", minimalloc::section),
    ("compile", "compile time", compile_time::section),
];

/// Prints the page; with `--write` it replaces BENCHMARKS.md instead.
pub(crate) fn bench(args: &[String]) -> Result<()> {
    let wish = Wish::parse(args)?;
    setup(&[Part::Tools, Part::Python])?;
    let nasc = step("build nasc", build_cli)?;
    let bench = Bench { nasc, shared: shared(), out: root().join("out/bench") };
    let mut page = head();
    for (name, title, section) in SECTIONS {
        if wish.only.as_ref().is_none_or(|only| only.iter().any(|wanted| wanted == name)) {
            page.push_str(&step(title, || section(&bench))?);
            page.push('\n');
        }
    }
    if wish.clean_build {
        page.push_str(&step("clean release build", || build::section(&bench))?);
    }
    if wish.write {
        let path = root().join("BENCHMARKS.md");
        std::fs::write(&path, page).with_context(|| format!("cannot write {}", shown(&path)))?;
        eprintln!("wrote {}", shown(&path));
    } else {
        print!("{page}");
    }
    Ok(())
}

#[derive(Debug, Default)]
struct Wish {
    only: Option<Vec<String>>,
    clean_build: bool,
    write: bool,
}

impl Wish {
    fn parse(args: &[String]) -> Result<Self> {
        let mut wish = Self::default();
        let mut args = args.iter();
        while let Some(arg) = args.next() {
            match arg.as_str() {
                "--clean-build" => wish.clean_build = true,
                "--write" => wish.write = true,
                "--only" => {
                    let names = args.next().context("`--only` needs names of sections")?;
                    let names: Vec<String> = names.split(',').map(str::to_owned).collect();
                    if let Some(name) =
                        names.iter().find(|name| !SECTIONS.iter().any(|(known, ..)| known == name))
                    {
                        let known: Vec<&str> = SECTIONS.iter().map(|(name, ..)| *name).collect();
                        bail!("no section `{name}`; there are {}", known.join(", "));
                    }
                    wish.only = Some(names);
                }
                other => bail!("`bench` knows --only, --clean-build and --write, found `{other}`"),
            }
        }
        Ok(wish)
    }
}

fn head() -> String {
    "# Benchmarks\n\nPrinted by `cargo xtask bench`. Instructions and bytes are exact and repeat on every machine with the same \
     compilers; times are this machine's.\n\n"
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Wish> {
        Wish::parse(&line.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn sections_are_chosen_by_name_and_unknown_ones_refused() {
        assert_eq!(parse("--only mcu,compile").unwrap().only.unwrap(), ["mcu", "compile"]);
        assert!(parse("--only gpu").unwrap_err().to_string().contains("no section `gpu`"));
        assert!(parse("--fast").is_err());
    }
}
