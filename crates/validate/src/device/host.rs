//! Host code: a network's C artifact built into a program that times it.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use hw::recipe::Recipe;
use process::Command;

use super::error::Error;
use super::visit::{Job, Push, Timer, Visit};
use crate::artifact::{Artifact, Element};

const PROGRAM: &str = include_str!("timing.c");
const BUILD_TIME_OUT: Duration = Duration::from_secs(600);
const RUN_TIME_OUT: Duration = Duration::from_secs(120);

/// Builds the artifact with its recipe's compiler and flags and a program that times it, and gives the path of the program,
/// `dir/timing`. `dir` is there and holds nothing of the artifact.
///
/// # Errors
/// Where the compiler is missing or refuses.
pub fn build(recipe: &Recipe, artifact: &Artifact, dir: &Path) -> Result<PathBuf, Error> {
    let write = |name: &str, text: &str| {
        let path = dir.join(name);
        fs::write(&path, text).map_err(Error::file(&path)).map(|()| path)
    };
    let main = write("timing.c", PROGRAM)?;
    write("timing.h", &header(artifact))?;
    let program = dir.join("timing");
    let toolchain = &recipe.toolchain;
    let source_dir = fs::canonicalize(&artifact.dir).map_err(Error::file(&artifact.dir))?;
    Command::new(&toolchain.compiler)
        .env("LC_ALL", "C")
        .args(&toolchain.machine_flags)
        .arg(&toolchain.optimisation)
        .arg("-I")
        .arg(&source_dir)
        .arg(&main)
        .args(artifact.sources.iter().map(|source| source_dir.join(source)))
        .args(&toolchain.link_flags)
        .args(&toolchain.libraries)
        .arg("-o")
        .arg(&program)
        .time_out(BUILD_TIME_OUT)
        .run_ok()?;
    Ok(program)
}

/// What the program calls, and how it fills the inputs: integers walk over their range, floats over [-2, 2].
fn header(artifact: &Artifact) -> String {
    let prefix = &artifact.prefix;
    let mut text = format!(
        "#include \"{prefix}.h\"\nstatic int timing_invoke(void) {{\n    return {prefix}_invoke();\n}}\n"
    );
    text += "static void timing_fill(void) {\n";
    for port in &artifact.inputs {
        let c = c_type(port.element);
        let value =
            if port.element.is_float() { "(i * 7919 % 251 - 125) / 64.0" } else { "i * 7919 % 251 - 125" };
        let _ = writeln!(
            text,
            "    for (long i = 0; i < {}L; i++) {{\n        (({c} *)(void *){})[i] = ({c})({value});\n    }}",
            port.count, port.symbol
        );
    }
    text + "}\n"
}

fn c_type(element: Element) -> &'static str {
    match element {
        Element::I8 => "int8_t",
        Element::U8 => "uint8_t",
        Element::I16 => "int16_t",
        Element::U16 => "uint16_t",
        Element::I32 => "int32_t",
        Element::U32 => "uint32_t",
        Element::I64 => "int64_t",
        Element::F32 => "float",
        Element::F64 => "double",
    }
}

/// The first line with which a compiler tells its version.
///
/// # Errors
/// Where it is missing.
pub fn compiler_version(recipe: &Recipe) -> Result<String, Error> {
    let output = Command::new(&recipe.toolchain.compiler).env("LC_ALL", "C").arg("--version").run_ok()?;
    Ok(output.stdout_text().lines().next().unwrap_or_default().trim().to_owned())
}

/// Times programs that [`build`] made: the paths of the jobs.
#[derive(Debug, Clone, Copy, Default)]
pub struct Host;

impl Timer for Host {
    fn round(&mut self, jobs: &[&Job], visit: &Visit, push: &mut Push<'_>) -> Result<(), Error> {
        for (at, job) in jobs.iter().enumerate() {
            let failed = |e: process::Error| Error::Network { network: job.name.clone(), why: e.to_string() };
            let numbers = [visit.blocks as u128, visit.warm_up.as_nanos(), visit.block.as_nanos()]
                .map(|n| n.to_string());
            let output =
                Command::new(&job.path).args(&numbers).time_out(RUN_TIME_OUT).run_ok().map_err(failed)?;
            let text = output.stdout_text();
            let blocks = text.lines().map(|line| pair(&job.name, line)).collect::<Result<Vec<_>, _>>()?;
            if blocks.len() != visit.blocks {
                return Err(Error::protocol(&job.name, &text, "one line a block"));
            }
            push(at, &blocks);
        }
        Ok(())
    }
}

fn pair(name: &str, line: &str) -> Result<(f64, f64), Error> {
    let number = |word: Option<&str>| word.and_then(|word| word.parse::<f64>().ok());
    let mut words = line.split_whitespace();
    match (number(words.next()), number(words.next()), words.next()) {
        (Some(wall), Some(cpu), None) => Ok((wall, cpu)),
        _ => Err(Error::protocol(name, line, "\"WALL CPU\" in nanoseconds")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::Port;
    use hw::recipe::{Board, Counting, Runner, Toolchain};

    fn recipe(compiler: &str) -> Recipe {
        Recipe {
            toolchain: Toolchain {
                compiler: compiler.into(),
                machine_flags: Vec::new(),
                optimisation: "-O1".into(),
                link_flags: Vec::new(),
                libraries: Vec::new(),
            },
            board: Board {
                name: "this machine".into(),
                sources: Vec::new(),
                linker_script: None,
                runner: Runner::Host,
                clock: None,
                stack_paint_bytes: 0,
            },
            counting: Counting::Callgrind,
        }
    }

    fn artifact(dir: &Path, invoke: &str) -> Artifact {
        let port = |name: &str| format!("extern float *const {name};\n");
        fs::write(dir.join("m.h"), format!("#include <stdint.h>\n{}int m_invoke(void);\n", port("m_in")))
            .expect("written");
        let body = format!(
            "#include \"m.h\"\nstatic float x[4];\nfloat *const m_in = x;\nint m_invoke(void) {{ {invoke} }}\n"
        );
        fs::write(dir.join("m.c"), body).expect("written");
        Artifact::new(dir, "m", vec![Port::new("m_in", Element::F32, 4)], Vec::new(), Vec::new())
    }

    fn timed(invoke: &str) -> Result<Vec<(f64, f64)>, Error> {
        let (code, out) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
        let path = build(&recipe("cc"), &artifact(code.path(), invoke), out.path())?;
        let job = Job { name: "m".into(), path };
        let mut found = Vec::new();
        let tiny = std::time::Duration::from_micros(50);
        let visit = Visit { blocks: 3, warm_up: tiny, block: tiny };
        Host.round(&[&job], &visit, &mut |_, blocks| found.extend_from_slice(blocks))?;
        Ok(found)
    }

    #[test]
    fn a_built_artifact_is_timed_block_by_block() {
        // Input 1 is (7919 % 251 - 125) / 64 = (138 - 125) / 64 = 0.203125: the program fills what it times.
        let blocks = timed("return x[1] != 0.203125f;").expect("built and run");
        assert_eq!(blocks.len(), 3);
        assert!(blocks.iter().all(|(wall, cpu)| *wall > 0.0 && *cpu >= 0.0));
    }

    #[test]
    fn a_model_that_fails_is_named_with_what_it_returned() {
        let error = timed("return 7;").expect_err("the model fails").to_string();
        assert!(error.starts_with("`m` does not run: ") && error.contains("returned 7"), "{error}");
    }

    #[test]
    fn a_missing_compiler_is_named() {
        let dir = tempfile::tempdir().expect("a folder");
        let missing = recipe("no-such-compiler-anywhere");
        let error = build(&missing, &artifact(dir.path(), "return 0;"), dir.path()).expect_err("no compiler");
        assert!(error.to_string().contains("no-such-compiler-anywhere"), "{error}");
        assert!(compiler_version(&missing).is_err());
    }
}
