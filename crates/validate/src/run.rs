//! Executing a linked file with the recipe's runner.

use std::path::Path;
use std::time::Duration;

use hw::recipe::{Recipe, Runner};
use process::{Command, Exit, Output};

use crate::elf::Symbols;
use crate::error::{Error, Stage};
use crate::protocol::Transcript;

/// Bounds of one execution.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    pub(crate) time_out: Duration,
    /// Bytes of output to keep.
    pub(crate) capture: usize,
}

/// The command that executes `elf`. `plugin` is QEMU's `-plugin` argument.
pub(crate) fn command(recipe: &Recipe, elf: &Path, plugin: Option<&str>) -> Command {
    match &recipe.board.runner {
        Runner::Host => Command::new(elf),
        Runner::Command(line) => Command::shell(line, [elf]),
        Runner::Qemu { program, args } => {
            let mut command = Command::new(program)
                .args(args)
                .args(["-nographic", "-monitor", "none", "-serial", "none"])
                .args(["-semihosting-config", "enable=on,target=native"])
                // One instruction per nanosecond of the machine's time: its clocks become instruction counters.
                .args(["-icount", "shift=0"]);
            if let Some(plugin) = plugin {
                command = command.arg("-plugin").arg(plugin);
            }
            command.arg("-kernel").arg(elf)
        }
    }
}

/// Runs `command`, which executes `elf`, to a well-ended transcript.
pub(crate) fn execute(
    recipe: &Recipe,
    command: &Command,
    elf: &Path,
    bounds: Bounds,
) -> Result<Transcript, Error> {
    conclude(recipe, bounded(command, bounds), elf)
}

/// Runs `command` within its bounds, however it ends.
pub(crate) fn bounded(command: &Command, bounds: Bounds) -> Result<Output, process::Error> {
    command.clone().time_out(bounds.time_out).capture_limit(bounds.capture).run()
}

/// Makes a transcript of how the execution of `elf` ended, or says what went wrong.
pub(crate) fn conclude(
    recipe: &Recipe,
    ended: Result<Output, process::Error>,
    elf: &Path,
) -> Result<Transcript, Error> {
    let board = recipe.board.name.clone();
    match ended {
        Ok(output) => {
            let transcript = read(&board, &output)?;
            if transcript.ended() && output.exit.success() {
                return Ok(transcript);
            }
            Err(ended_badly(board, transcript, &output, elf))
        }
        Err(process::Error::TimedOut { time_out, output, .. }) => {
            let transcript = read(&board, &output)?;
            Err(Error::Hung { board, time_out, stage: transcript.stage(), printed: printed(&transcript) })
        }
        Err(error) => Err(error.into()),
    }
}

fn read(board: &str, output: &Output) -> Result<Transcript, Error> {
    // Semihosting prints to standard error, programs and user commands to standard output.
    let text = format!("{}\n{}", output.stdout_text(), output.stderr_text());
    Transcript::read(&text).map_err(|bad| Error::Protocol {
        board: board.to_owned(),
        line: bad.line,
        reason: bad.reason,
    })
}

fn ended_badly(board: String, transcript: Transcript, output: &Output, elf: &Path) -> Error {
    let (stage, printed) = (transcript.stage(), printed(&transcript));
    if let Some(fault) = transcript.fault {
        let place = place(&fault, elf).unwrap_or_default();
        return Error::Fault { board, what: fault, stage, place, printed };
    }
    match output.exit {
        exit @ Exit::Signal(_) => {
            Error::Fault { board, what: exit.to_string(), stage, place: String::new(), printed }
        }
        exit @ Exit::Code(_) => Error::Crashed { board, exit, stage, printed },
    }
}

/// The function a fault handler's `pc=` lies in.
fn place(fault: &str, elf: &Path) -> Option<String> {
    let digits = fault.split_whitespace().find_map(|word| word.strip_prefix("pc="))?;
    let pc = u64::from_str_radix(digits, 16).ok()?;
    let symbols = Symbols::read(elf).ok()?;
    let (name, into) = symbols.covering(pc)?;
    Some(format!(" (in {name} + {into:#x})"))
}

fn printed(transcript: &Transcript) -> String {
    const LINES: usize = 20;
    let other = &transcript.other;
    match other.len() {
        0 if transcript.stage() == Stage::Start => ", having printed nothing".to_owned(),
        0 => String::new(),
        n => format!(", having printed:\n{}", other[n.saturating_sub(LINES)..].join("\n")),
    }
}
