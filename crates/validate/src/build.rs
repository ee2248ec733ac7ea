//! Compiling an artifact with its harness, in a scratch folder.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use hw::recipe::Recipe;
use process::Command;

use crate::artifact::{Artifact, Run};
use crate::error::Error;
use crate::harness::{self, Purpose};

/// A compiler that has not finished a file by then never will.
const COMPILER_TIME_OUT: Duration = Duration::from_secs(600);

/// For the harness and the board. Loops that copy must not become calls of the library: they would be counted as the
/// artifact's. What a mark leaves in registers must not be relied upon: instructions would move between the marks.
const SUPPORT_FLAGS: [&str; 3] = ["-w", "-fno-tree-loop-distribute-patterns", "-fno-ipa-ra"];

/// The artifact's objects and the board's, ready to be linked with harnesses for various purposes.
pub(crate) struct Workshop<'a> {
    recipe: &'a Recipe,
    artifact: &'a Artifact,
    scratch: &'a Path,
    /// Objects of the artifact.
    pub(crate) objects: Vec<PathBuf>,
    board: Vec<PathBuf>,
    /// What the compiler warned about in the artifact.
    pub(crate) warnings: Vec<String>,
}

/// A linked file.
pub(crate) struct Linked {
    /// The file.
    pub(crate) elf: PathBuf,
    /// Objects in it that are not the artifact's.
    pub(crate) support: Vec<PathBuf>,
}

struct Unit {
    source: PathBuf,
    object: PathBuf,
    flags: Vec<String>,
}

impl<'a> Workshop<'a> {
    /// Compiles the artifact, with `define` (such as `MARKS`) defined, and the board.
    pub(crate) fn open(
        recipe: &'a Recipe,
        artifact: &'a Artifact,
        scratch: &'a Path,
        define: &str,
    ) -> Result<Self, Error> {
        let mut shop =
            Self { recipe, artifact, scratch, objects: Vec::new(), board: Vec::new(), warnings: Vec::new() };
        let dir = fs::canonicalize(&artifact.dir).map_err(Error::file(&artifact.dir))?;
        let mut units = Vec::new();
        for (index, source) in artifact.sources.iter().enumerate() {
            let source = dir.join(source);
            // The compiler's own message on a missing file does not say that it is the artifact's.
            fs::metadata(&source).map_err(Error::file(&source))?;
            let object = scratch.join(format!("artifact{index}.o"));
            let mut flags = vec![format!("-D{define}"), "-I".into(), dir.display().to_string()];
            flags.extend(["-Wall", "-Wextra", "-Wconversion"].map(String::from));
            shop.objects.push(object.clone());
            units.push(Unit { source, object, flags });
        }
        for (name, text) in harness::board_sources(recipe) {
            let source = scratch.join(&name);
            fs::write(&source, text).map_err(Error::file(&source))?;
            let object = source.with_extension("o");
            shop.board.push(object.clone());
            units.push(Unit { source, object, flags: SUPPORT_FLAGS.map(String::from).to_vec() });
        }
        let said = shop.compile_all(&units)?;
        let warnings = said[..shop.objects.len()].iter().flat_map(|said| said.lines());
        shop.warnings = warnings.filter(|line| line.contains("warning:")).map(str::to_owned).collect();
        Ok(shop)
    }

    /// Links the objects with a harness for `purpose` that carries the inputs of `runs`.
    pub(crate) fn link(&self, name: &str, purpose: Purpose, runs: &[Run]) -> Result<Linked, Error> {
        let dir = self.scratch.join(name);
        fs::create_dir_all(&dir).map_err(Error::file(&dir))?;
        let write = |name: &str, bytes: &[u8]| {
            let path = dir.join(name);
            fs::write(&path, bytes).map_err(Error::file(&path)).map(|()| path)
        };
        let inputs: Vec<u8> = runs.iter().flat_map(|run| run.inputs.iter().flatten().copied()).collect();
        write("inputs.bin", &inputs)?;
        let header = harness::header(self.artifact, purpose, self.recipe.board.stack_paint_bytes);
        write("harness.h", header.as_bytes())?;
        let main = write(harness::HARNESS_NAME, harness::HARNESS.as_bytes())?;
        // Found beside the source: the assembler looks where it is run.
        let data = write("inputs.S", harness::inputs_assembler("inputs.bin").as_bytes())?;

        let artifact_dir = fs::canonicalize(&self.artifact.dir).map_err(Error::file(&self.artifact.dir))?;
        let flags = SUPPORT_FLAGS.map(String::from);
        let flags = [&flags[..], &["-I".to_owned(), artifact_dir.display().to_string()]].concat();
        let units = [main, data].map(|source| {
            let object = source.with_extension("o");
            Unit { source, object, flags: flags.clone() }
        });
        for unit in &units {
            self.compile(unit, &dir)?;
        }
        let mut support = self.board.clone();
        support.extend(units.map(|unit| unit.object));
        let elf = dir.join("artifact.elf");
        self.link_objects(&support, &elf)?;
        Ok(Linked { elf, support })
    }

    fn compile_all(&self, units: &[Unit]) -> Result<Vec<String>, Error> {
        let workers = thread::available_parallelism().map_or(1, |n| n.get());
        let mut said = Vec::with_capacity(units.len());
        for group in units.chunks(workers) {
            let results: Vec<Result<String, Error>> = thread::scope(|scope| {
                let threads: Vec<_> =
                    group.iter().map(|unit| scope.spawn(|| self.compile(unit, self.scratch))).collect();
                threads.into_iter().map(|thread| thread.join().expect("compiling does not panic")).collect()
            });
            for result in results {
                said.push(result?);
            }
        }
        Ok(said)
    }

    /// Compiles one file and returns what the compiler said.
    fn compile(&self, unit: &Unit, dir: &Path) -> Result<String, Error> {
        let toolchain = &self.recipe.toolchain;
        let command = self
            .compiler(dir)
            .args(&toolchain.machine_flags)
            .arg(&toolchain.optimisation)
            .args(["-ffunction-sections", "-fdata-sections"])
            .args(&unit.flags)
            .arg("-c")
            .arg(&unit.source)
            .arg("-o")
            .arg(&unit.object);
        let what = unit.source.file_name().unwrap_or_default().to_string_lossy().into_owned();
        finish(&command, what)
    }

    fn link_objects(&self, support: &[PathBuf], elf: &Path) -> Result<(), Error> {
        let toolchain = &self.recipe.toolchain;
        let mut command = self
            .compiler(self.scratch)
            .args(&toolchain.machine_flags)
            .arg(&toolchain.optimisation)
            .args(&self.objects)
            .args(support)
            .args(&toolchain.link_flags)
            .arg("-Wl,--gc-sections");
        if let Some(script) = &self.recipe.board.linker_script {
            let path = self.scratch.join(&script.name);
            fs::write(&path, &script.text).map_err(Error::file(&path))?;
            command = command.arg("-T").arg(path);
        }
        finish(&command.args(&toolchain.libraries).arg("-o").arg(elf), "the linked file".into()).map(drop)
    }

    fn compiler(&self, dir: &Path) -> Command {
        Command::new(&self.recipe.toolchain.compiler).env("LC_ALL", "C").dir(dir).time_out(COMPILER_TIME_OUT)
    }
}

fn finish(command: &Command, what: String) -> Result<String, Error> {
    match command.run_ok() {
        Ok(output) => Ok(output.stderr_text()),
        Err(process::Error::Failed { output, .. }) => Err(Error::Build { what, said: output.tail() }),
        Err(error) => Err(error.into()),
    }
}
