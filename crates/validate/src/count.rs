//! Executed instructions: by the emulator's plugin, or by callgrind.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

use process::{Command, Output};

use crate::elf::Symbols;
use crate::error::Error;
use crate::harness;
use crate::measured::Function;

const PLUGIN_SOURCE: &str = include_str!("../c/count.c");
const PLUGIN: &str = "count.so";
const COUNTS: &str = "count.txt";

/// Instructions executed at each mark, and where.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Running total at each mark: one at the start, one per op, one at the end.
    pub(crate) marks: Vec<u64>,
    /// By function, largest first.
    pub(crate) functions: Vec<Function>,
}

impl Counts {
    /// Of the whole inference.
    pub(crate) fn total(&self) -> Option<u64> {
        (self.marks.len() >= 2).then(|| self.marks[self.marks.len() - 1] - self.marks[0])
    }
}

/// Compiles the counting plugin in the scratch folder, with the machine's own C compiler, for one version of the
/// emulator's interface.
pub(crate) fn build_plugin(scratch: &Path, api: u32) -> Result<(), Error> {
    let source = scratch.join("count.c");
    fs::write(&source, PLUGIN_SOURCE).map_err(Error::file(&source))?;
    Command::new("cc")
        .args(["-O2", "-fPIC", "-shared", "-fvisibility=hidden"])
        .arg(format!("-DAPI={api}"))
        .args(["-o", PLUGIN, "count.c"])
        .dir(scratch)
        .run_ok()?;
    Ok(())
}

/// The emulator's `-plugin` argument. Names are relative to the scratch folder, in which the emulator is started: a
/// comma in a path would end it.
pub(crate) fn plugin_argument(symbols: &Symbols) -> String {
    let mark = symbols.address(harness::MARK).expect("every harness has its mark");
    format!("./{PLUGIN},mark={mark:#x},out={COUNTS}")
}

/// Reads what the plugin wrote.
pub(crate) fn plugin_counts(scratch: &Path, symbols: &Symbols) -> Result<Counts, Error> {
    let path = scratch.join(COUNTS);
    Ok(parse(&fs::read_to_string(&path).map_err(Error::file(&path))?, symbols))
}

/// The interface version to try next, when the emulator refused `api` and said why.
///
/// "plugin requires API version 1, but this QEMU supports only a minimum version of 2"
pub(crate) fn version_wanted(output: &Output, api: u32) -> Option<u32> {
    let said = output.stderr_text();
    let (_, rest) = said.split_once("supports only a minimum version of ")?;
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok().filter(|wanted| *wanted > api)
}

/// Whether the emulator ended because of the plugin, before it ran anything.
pub(crate) fn plugin_refused(output: &Output) -> bool {
    let said = output.stderr_text();
    !output.exit.success() && said.contains("plugin") && !said.contains("nasc: begin")
}

fn parse(text: &str, symbols: &Symbols) -> Counts {
    let mut marks = Vec::new();
    let mut by_name: BTreeMap<&str, u64> = BTreeMap::new();
    for line in text.lines() {
        let words: Vec<&str> = line.split(' ').collect();
        match words[..] {
            ["M", n] => marks.extend(n.parse::<u64>()),
            ["B", address, instructions, times] => {
                let (Ok(address), Ok(instructions), Ok(times)) =
                    (u64::from_str_radix(address, 16), instructions.parse::<u64>(), times.parse::<u64>())
                else {
                    continue;
                };
                // A block lies within one function: a call or a return ends it.
                let name = symbols.covering(address).map_or("?", |(name, _)| name);
                *by_name.entry(name).or_default() += instructions * times;
            }
            _ => {}
        }
    }
    let mut functions: Vec<Function> = by_name
        .into_iter()
        .map(|(name, instructions)| Function { name: name.to_owned(), instructions })
        .collect();
    functions.sort_by(|a, b| b.instructions.cmp(&a.instructions).then_with(|| a.name.cmp(&b.name)));
    Counts { marks, functions }
}

/// Counts under callgrind: it dumps and clears its counters each time the mark is reached.
pub(crate) fn callgrind(scratch: &Path, elf: &Path, time_out: Duration) -> Result<Counts, Error> {
    Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=counts"])
        .arg(format!("--dump-before={}", harness::MARK))
        .arg(elf)
        .dir(scratch)
        .time_out(time_out)
        .run_ok()?;
    // counts.1 holds what came before the first mark, counts.2 what came between the first and the second.
    let mut marks = vec![0];
    let mut costs = OwnCosts::default();
    for index in 1.. {
        let path = scratch.join(format!("counts.{index}"));
        let Ok(text) = fs::read_to_string(&path) else { break };
        // The dump at the end of the program is not a mark's.
        if text.contains("\ndesc: Trigger: Program termination") {
            break;
        }
        costs.read(&text, index > 1);
        if index > 1 {
            let Some(total) = totals(&text) else { break };
            marks.push(marks[marks.len() - 1] + total);
        }
    }
    let mut functions: Vec<Function> =
        costs.by_name.into_iter().map(|(name, instructions)| Function { name, instructions }).collect();
    functions.sort_by(|a, b| b.instructions.cmp(&a.instructions).then_with(|| a.name.cmp(&b.name)));
    Ok(Counts { marks, functions })
}

fn totals(dump: &str) -> Option<u64> {
    dump.lines().find_map(|line| line.strip_prefix("totals: "))?.trim().parse().ok()
}

/// Own costs of functions over several dumps of one execution.
#[derive(Default)]
struct OwnCosts {
    /// A name is given once as `fn=(3) name`, from then on, in later dumps too, as `fn=(3)`.
    names: BTreeMap<String, String>,
    by_name: BTreeMap<String, u64>,
}

impl OwnCosts {
    /// Reads a dump: its names, and its costs too if they `count`. The line after `calls=` is the callee's cost.
    fn read(&mut self, dump: &str, count: bool) {
        let (mut current, mut skip) = ("", false);
        for line in dump.lines() {
            if let Some(rest) = line.strip_prefix("fn=").or_else(|| line.strip_prefix("cfn=")) {
                let (id, name) = rest.split_once(' ').unwrap_or((rest, ""));
                if !name.is_empty() {
                    self.names.insert(id.to_owned(), name.to_owned());
                }
                if line.starts_with("fn=") {
                    current = id;
                }
            } else if line.starts_with("calls=") {
                skip = true;
            } else if count && line.starts_with(|c: char| c.is_ascii_digit() || "+-*".contains(c)) {
                let cost = line.split(' ').nth(1).and_then(|cost| cost.parse::<u64>().ok());
                if let (false, Some(cost), Some(name)) = (skip, cost, self.names.get(current)) {
                    *self.by_name.entry(name.clone()).or_default() += cost;
                }
                skip = false;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dumps_give_totals_and_own_costs_without_callees() {
        let first = "events: Ir\n\nfn=(1) main\n10 5\n";
        let second = "events: Ir\n\nfn=(1)\n10 5\ncfn=(2) work\ncalls=1 3\n11 100\n+1 2\n\nfn=(2)\n3 100\n\ntotals: 107\n";
        let mut costs = OwnCosts::default();
        costs.read(first, false);
        costs.read(second, true);
        assert_eq!(costs.by_name, BTreeMap::from([("main".to_owned(), 7), ("work".to_owned(), 100)]));
        assert_eq!(totals(second), Some(107));
    }
}
