//! The steps of one measurement, and what each adds to it.

use std::path::Path;

use hw::recipe::{Clock, Counting, Recipe, Runner, Tick};

use crate::artifact::{Artifact, Run};
use crate::build::{Linked, Workshop};
use crate::compare::compare;
use crate::count::{self, Counts};
use crate::elf::{Owned, Symbols, defined_in};
use crate::error::Error;
use crate::harness::Purpose;
use crate::measure::Options;
use crate::measured::{Layer, Measured, Mismatch};
use crate::protocol::Transcript;
use crate::run::{Bounds, bounded, command, conclude, execute};

pub(crate) struct Session<'a> {
    recipe: &'a Recipe,
    artifact: &'a Artifact,
    options: &'a Options,
    scratch: &'a Path,
    shop: Workshop<'a>,
    measured: Measured,
    batches: usize,
}

impl<'a> Session<'a> {
    /// Compiles the artifact.
    pub(crate) fn open(
        recipe: &'a Recipe,
        artifact: &'a Artifact,
        options: &'a Options,
        scratch: &'a Path,
    ) -> Result<Self, Error> {
        let mut shop = Workshop::open(recipe, artifact, scratch, "MARKS")?;
        let toolchain = &recipe.toolchain;
        let build = format!(
            "{} {} {}",
            toolchain.compiler,
            toolchain.optimisation,
            toolchain.machine_flags.join(" ")
        );
        let measured = Measured {
            board: recipe.board.name.clone(),
            build: build.trim_end().to_owned(),
            warnings: std::mem::take(&mut shop.warnings),
            ..Measured::default()
        };
        Ok(Self { recipe, artifact, options, scratch, shop, measured, batches: 0 })
    }

    /// The first batch of runs: outputs, counts, clock, stack and sizes.
    pub(crate) fn first(&mut self, runs: &[Run]) -> Result<(), Error> {
        let purpose = Purpose { runs: runs.len(), timed: true, clock_marks: false };
        let linked = self.shop.link("first", purpose, runs)?;
        let emulated = matches!(self.recipe.board.runner, Runner::Qemu { .. });
        let (transcript, counts) = match self.recipe.counting {
            Counting::Emulator if emulated => self.counted_by_plugin(&linked, purpose, runs)?,
            Counting::Clock => self.counted_by_clock(purpose, runs)?,
            Counting::Callgrind => (self.execute(&linked)?, self.counted_by_callgrind(runs)?),
            Counting::Emulator | Counting::Not => {
                self.unchecked("instructions: nothing counts them on this board");
                (self.execute(&linked)?, None)
            }
        };
        self.take_outputs(&transcript, runs, 0)?;
        // The repeat of run 0 must give the same again: an inference leaves no trace in the next.
        let again = self.take_run(&transcript, runs.len(), runs.len())?;
        let expected = runs[0].expected.as_ref().unwrap_or(&self.measured.outputs[0]).clone();
        self.compare(runs.len(), &again, &expected);
        self.take_clock(&transcript, counts.as_ref());
        self.take_stack(&transcript);
        self.take_counts(counts);
        self.measured.arena_bytes = transcript.arena;
        self.origin("arena_bytes", "the artifact's header");
        self.take_sizes(&linked)
    }

    /// Another batch: outputs only. `done` runs came before.
    pub(crate) fn further(&mut self, runs: &[Run], done: usize) -> Result<(), Error> {
        self.batches += 1;
        let purpose = Purpose { runs: runs.len(), timed: false, clock_marks: false };
        let linked = self.shop.link(&format!("batch{}", self.batches), purpose, runs)?;
        let transcript = self.execute(&linked)?;
        self.take_outputs(&transcript, runs, done)
    }

    pub(crate) fn finish(self) -> Measured {
        self.measured
    }

    // ---- running and counting ----

    fn execute(&self, linked: &Linked) -> Result<Transcript, Error> {
        execute(self.recipe, &command(self.recipe, &linked.elf, None), &linked.elf, self.bounds())
    }

    fn bounds(&self) -> Bounds {
        // A carried batch is below 1 MiB of input; outputs come as two digits a byte and are rarely larger.
        Bounds { time_out: self.options.time_out, capture: 256 << 20 }
    }

    fn counted_by_plugin(
        &mut self,
        linked: &Linked,
        purpose: Purpose,
        runs: &[Run],
    ) -> Result<(Transcript, Option<Counts>), Error> {
        match self.try_plugin(linked)? {
            Ok((transcript, counts)) => {
                self.origin(
                    "instructions",
                    &format!("{}, every instruction counted by a plugin", self.measured.board),
                );
                Ok((transcript, Some(counts)))
            }
            Err(why) => {
                self.unchecked(&format!(
                    "instructions by the emulator's plugin, the clock is used instead: {why}"
                ));
                self.counted_by_clock(purpose, runs)
            }
        }
    }

    /// Runs under the plugin. The inner error says why this emulator cannot have one.
    fn try_plugin(&self, linked: &Linked) -> Result<Result<(Transcript, Counts), String>, Error> {
        let symbols = Symbols::read(&linked.elf)?;
        let mut api = 1;
        loop {
            if let Err(error) = count::build_plugin(self.scratch, api) {
                return Ok(Err(error.to_string()));
            }
            let argument = count::plugin_argument(&symbols);
            let command = command(self.recipe, &linked.elf, Some(&argument)).dir(self.scratch);
            let ended = bounded(&command, self.bounds());
            match &ended {
                Ok(output) if count::plugin_refused(output) => match count::version_wanted(output, api) {
                    Some(wanted) => api = wanted,
                    None => return Ok(Err(output.tail())),
                },
                _ => {
                    let transcript = conclude(self.recipe, ended, &linked.elf)?;
                    return Ok(Ok((transcript, count::plugin_counts(self.scratch, &symbols)?)));
                }
            }
        }
    }

    fn counted_by_clock(
        &mut self,
        purpose: Purpose,
        runs: &[Run],
    ) -> Result<(Transcript, Option<Counts>), Error> {
        let linked = self.shop.link("clock", Purpose { clock_marks: true, ..purpose }, runs)?;
        let transcript = self.execute(&linked)?;
        let Some(Clock { instructions_per_tick, .. }) = self.recipe.board.clock else {
            self.unchecked("instructions: the board has no clock");
            return Ok((transcript, None));
        };
        let each = u64::from(instructions_per_tick);
        self.origin("instructions", &format!("{}, to {each} by its clock", self.measured.board));
        let marks = transcript.marks.iter().map(|mark| mark * each).collect();
        Ok((transcript, Some(Counts { marks, functions: Vec::new() })))
    }

    fn counted_by_callgrind(&mut self, runs: &[Run]) -> Result<Option<Counts>, Error> {
        let purpose = Purpose { runs: 1, timed: false, clock_marks: false };
        let linked = self.shop.link("callgrind", purpose, &runs[..1])?;
        match count::callgrind(self.scratch, &linked.elf, self.options.time_out) {
            Ok(counts) if counts.total().is_some() => {
                self.origin("instructions", "this machine, every instruction counted by callgrind");
                Ok(Some(counts))
            }
            Ok(_) => {
                self.unchecked("instructions: callgrind wrote no counts");
                Ok(None)
            }
            // The artifact itself ran well before this: only the counting failed.
            Err(error) => {
                self.unchecked(&format!("instructions: {error}"));
                Ok(None)
            }
        }
    }

    // ---- what the transcript says ----

    fn take_outputs(&mut self, transcript: &Transcript, runs: &[Run], done: usize) -> Result<(), Error> {
        for (index, run) in runs.iter().enumerate() {
            let outputs = self.take_run(transcript, index, done + index)?;
            if let Some(expected) = &run.expected {
                let compared = self.compare(done + index, &outputs, expected);
                self.measured.compared += compared;
            }
            self.measured.outputs.push(outputs);
            self.measured.runs += 1;
        }
        if runs.iter().any(|run| run.expected.is_none()) {
            self.unchecked("outputs: some runs have nothing to be compared with");
        }
        Ok(())
    }

    /// The outputs of run `index` of the transcript, which is known outside as `number`.
    fn take_run(&self, transcript: &Transcript, index: usize, number: usize) -> Result<Vec<Vec<u8>>, Error> {
        let board = || self.measured.board.clone();
        if let Some((_, status)) = transcript.statuses.iter().find(|(failed, _)| *failed == index) {
            let function = format!("{}_invoke", self.artifact.prefix);
            return Err(Error::Status { board: board(), function, status: *status, run: number });
        }
        let mut outputs = Vec::new();
        for (port, shape) in self.artifact.outputs.iter().enumerate() {
            let bytes = transcript.outputs.get(&(index, port)).cloned().unwrap_or_default();
            if bytes.len() != shape.bytes() {
                let (found, expected) = (bytes.len(), shape.bytes());
                let port = format!("`{}`", shape.symbol);
                return Err(Error::Output { board: board(), run: number, port, found, expected });
            }
            outputs.push(bytes);
        }
        Ok(outputs)
    }

    /// Compares all outputs of a run and returns how many elements that were.
    fn compare(&mut self, run: usize, found: &[Vec<u8>], expected: &[Vec<u8>]) -> u64 {
        let mut compared = 0;
        for ((port, found), expected) in self.artifact.outputs.iter().zip(found).zip(expected) {
            let difference = compare(port.element, found, expected, self.options.tolerance);
            let measured = &mut self.measured;
            compared += difference.compared;
            measured.mismatches += difference.mismatches;
            measured.max_difference = measured.max_difference.max(difference.max_difference);
            if let (Some(index), None) = (difference.first, &measured.first_mismatch) {
                let size = port.element.bytes();
                let value = |bytes: &[u8]| port.element.value(&bytes[index as usize * size..][..size]);
                measured.first_mismatch = Some(Mismatch {
                    run: run as u64,
                    output: port.symbol.clone(),
                    index,
                    found: value(found),
                    expected: value(expected),
                });
            }
        }
        let how = format!("{}, every output element", self.measured.board);
        self.origin("mismatches", &how);
        compared
    }

    fn take_clock(&mut self, transcript: &Transcript, counts: Option<&Counts>) {
        let (Some(clock), Some(ticks)) = (self.recipe.board.clock, transcript.ticks) else {
            self.unchecked("cycles: no clock to read");
            return;
        };
        let board = self.measured.board.clone();
        let on_silicon = matches!(self.recipe.board.runner, Runner::Command(_));
        match (on_silicon, clock.on_silicon) {
            (true, Tick::Cycle) => {
                self.measured.cycles = Some(ticks);
                self.origin("cycles", &format!("{board}, by its clock"));
                return;
            }
            (true, Tick::Unknown) => {
                return self.unchecked("cycles: the board's clock counts something else");
            }
            (true, Tick::Instruction) => self.measured.clock_instructions = Some(ticks),
            (false, _) => {
                self.measured.clock_instructions = Some(ticks * u64::from(clock.instructions_per_tick))
            }
        }
        self.origin("clock_instructions", &format!("{board}, by its clock"));
        self.unchecked("cycles: the clock counts instructions here");
        if let (Some(counted), Some(clocked)) =
            (counts.and_then(Counts::total), self.measured.clock_instructions)
            && !self.agree(counted, clocked, clock)
        {
            self.unchecked(&format!("instructions: {counted} counted, but {clocked} by the clock"));
        }
    }

    /// Within 0.1 %, and the grain of the clock, and what the marks cost that only one of the two has.
    fn agree(&self, counted: u64, clocked: u64, clock: Clock) -> bool {
        let grain = 3 * u64::from(clock.instructions_per_tick);
        let marks = 16 * (self.artifact.ops.len() as u64 + 4);
        counted.abs_diff(clocked) <= counted / 1000 + grain + marks
    }

    fn take_stack(&mut self, transcript: &Transcript) {
        let painted = u64::from(self.recipe.board.stack_paint_bytes);
        match transcript.stack {
            Some(stack) if stack < painted => {
                self.measured.stack_bytes = Some(stack);
                self.origin("stack_bytes", "high-water mark of a painted stack");
            }
            Some(_) => {
                self.unchecked(&format!("stack_bytes: more than the {painted} bytes that were painted"))
            }
            None => self.unchecked("stack_bytes: the target did not say"),
        }
    }

    fn take_counts(&mut self, counts: Option<Counts>) {
        let counts = counts.unwrap_or_default();
        self.measured.instructions = counts.total();
        // First mark, one per op, last mark: the steps between them are one per op and what follows the last op.
        let mut steps = counts.marks.windows(2).map(|pair| pair[1] - pair[0]);
        let ops = &self.artifact.ops;
        self.measured.layers =
            ops.iter().map(|name| Layer { name: name.clone(), instructions: steps.next() }).collect();
        let marked = counts.marks.len().saturating_sub(2);
        if counts.total().is_some() && marked != ops.len() {
            self.measured.layers.iter_mut().for_each(|layer| layer.instructions = None);
            self.unchecked(&format!("layers: {marked} marks for {} ops", ops.len()));
        }
        self.measured.functions = counts.functions;
    }

    fn take_sizes(&mut self, linked: &Linked) -> Result<(), Error> {
        let owned = if self.recipe.is_hosted() {
            Owned::Only(defined_in(&self.shop.objects)?)
        } else {
            Owned::AllBut(defined_in(&linked.support)?)
        };
        let sizes = Symbols::read(&linked.elf)?.sizes(&owned);
        self.measured.code_bytes = sizes.code;
        self.measured.const_bytes = sizes.constants;
        self.measured.static_bytes = sizes.writable.saturating_sub(self.measured.arena_bytes);
        for key in ["code_bytes", "const_bytes", "static_bytes"] {
            self.origin(key, "symbols of the linked file");
        }
        Ok(())
    }

    fn origin(&mut self, key: &str, how: &str) {
        self.measured.origin.insert(key.to_owned(), format!("measured: {how}"));
    }

    fn unchecked(&mut self, what: &str) {
        if !self.measured.unchecked.iter().any(|known| known == what) {
            self.measured.unchecked.push(what.to_owned());
        }
    }
}
