//! Runtimes of Python packages, timed by a child: one for each round, so that what one leaves behind ends with it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use process::Command;
use serde::Deserialize;
use serde_json::json;

use super::error::Error;
use super::visit::{Job, Push, Timer, Visit, by_name};

/// The child. It speaks JSON, one object a line; see its own text.
const SCRIPT: &str = include_str!("timing.py");
/// Loading a network and timing it takes well under a second; a child that is still running after this long for each is stuck.
const NETWORK_TIME_OUT: Duration = Duration::from_secs(30);

/// A runtime that Python has a package of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Package {
    /// `onnxruntime`, on ONNX files.
    OnnxRuntime,
    /// `ai-edge-litert`, on TFLite files, with the XNNPACK kernels it chooses by default.
    LiteRt,
}

impl Package {
    /// As the command line, the child and the device's name spell it.
    pub fn name(self) -> &'static str {
        match self {
            Self::OnnxRuntime => "onnxruntime",
            Self::LiteRt => "litert",
        }
    }
}

/// Times networks in a Python package, one thread.
#[derive(Debug)]
pub struct Python {
    package: Package,
    python: PathBuf,
    script: String,
    version: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Head {
    Runtime { version: String },
    Missing { missing: String, why: String },
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Answer {
    Timed { id: String, wall_ns: Vec<f64>, cpu_ns: Vec<f64> },
    Failed { id: String, error: String },
}

impl Python {
    /// Times with the interpreter `python`, which must have the package. Nothing is started yet.
    pub fn new(package: Package, python: impl AsRef<Path>) -> Self {
        Self::with_script(package, python, SCRIPT)
    }

    /// With another child that speaks the same protocol.
    pub fn with_script(package: Package, python: impl AsRef<Path>, script: &str) -> Self {
        Self { package, python: python.as_ref().to_owned(), script: script.to_owned(), version: None }
    }

    /// The package's version.
    ///
    /// # Errors
    /// Where the interpreter or the package is missing.
    pub fn version(&mut self) -> Result<String, Error> {
        if self.version.is_none() {
            self.talk(&[], &Visit::default(), &mut |_, _| ())?;
        }
        Ok(self.version.clone().unwrap_or_default())
    }

    fn talk(&mut self, jobs: &[&Job], visit: &Visit, push: &mut Push<'_>) -> Result<(), Error> {
        let mut script = json!({ "runtime": self.package.name(), "threads": 1 }).to_string();
        for job in jobs {
            let line = json!({
                "id": job.name,
                "path": job.path,
                "blocks": visit.blocks,
                "warm_ns": visit.warm_up.as_nanos() as u64,
                "block_ns": visit.block.as_nanos() as u64,
            });
            script += &format!("\n{line}");
        }
        // -I: neither the folder this runs in nor the user's settings decide which package is imported.
        let command = Command::new(&self.python)
            .args(["-I", "-c", &self.script])
            .stdin(script + "\n")
            .capture_limit(64 << 20)
            .time_out(NETWORK_TIME_OUT * (u32::try_from(jobs.len()).unwrap_or(u32::MAX - 1) + 1));
        let failed = |source| Error::Python { python: self.python.clone(), source };
        let output = command.run_ok().map_err(failed)?.stdout_text();
        let mut lines = output.lines();
        self.head(lines.next().unwrap_or_default())?;
        let numbers = by_name(jobs);
        let mut answered = vec![false; jobs.len()];
        for line in lines {
            let (at, blocks) = self.answer(line, &numbers)?;
            answered[at] = true;
            push(at, &blocks);
        }
        match answered.iter().position(|answered| !answered) {
            None => Ok(()),
            Some(at) => Err(Error::Network {
                network: jobs[at].name.clone(),
                why: "the child said nothing of it".into(),
            }),
        }
    }

    fn head(&mut self, line: &str) -> Result<(), Error> {
        let expected = "{\"runtime\", \"version\"}";
        match serde_json::from_str(line).map_err(|_| Error::protocol(self.package.name(), line, expected))? {
            Head::Runtime { version } => self.version = Some(version),
            Head::Missing { missing, why } => {
                return Err(Error::Package { python: self.python.clone(), package: missing, why });
            }
        }
        Ok(())
    }

    fn answer(&self, line: &str, numbers: &BTreeMap<&str, usize>) -> Result<(usize, Vec<(f64, f64)>), Error> {
        let wrong = |expected| Error::protocol(self.package.name(), line, expected);
        let number = |id: &str| numbers.get(id).copied().ok_or_else(|| wrong("the id of a visit"));
        match serde_json::from_str(line).map_err(|_| wrong("{\"id\", \"wall_ns\", \"cpu_ns\"}"))? {
            Answer::Failed { id, error } => Err(Error::Network { network: id, why: error }),
            Answer::Timed { id, wall_ns, cpu_ns } if wall_ns.len() == cpu_ns.len() => {
                Ok((number(&id)?, wall_ns.into_iter().zip(cpu_ns).collect()))
            }
            Answer::Timed { .. } => Err(wrong("as many numbers of both clocks")),
        }
    }
}

impl Timer for Python {
    fn round(&mut self, jobs: &[&Job], visit: &Visit, push: &mut Push<'_>) -> Result<(), Error> {
        self.talk(jobs, visit, push)
    }
}
