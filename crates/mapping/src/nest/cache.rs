//! Results of searches, shared between threads and kept on disk.
//!
//! A layer is looked up under a canonical form: rows and columns (and, of a pointwise layer, images) by falling size where the array
//! treats them alike, and no stride where it changes nothing. One file a machine, of JSON lines: a head with the version and
//! everything about the machine that a search reads, then a layer each, by its text in order, so that the bytes do not depend on who
//! searched what first. Costs are not stored but counted again from the mapping; a line that is not whole, or whose mapping
//! cannot run, is left out and the next file written is without it. Only proven results are kept.

use super::fix::Fix;
use super::front::{Objective, Point};
use super::legal::conflicts;
use super::search::{Options, Outcome, search};
use super::space::SearchError;
use cost::nest::Model;
use hw::machine::{DIMS, Dim, Fetch, Layer, Machine, Mapping};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

/// Results by machine and layer.
#[derive(Debug, Default)]
pub struct Cache {
    folder: Option<PathBuf>,
    shelves: Mutex<BTreeMap<String, Arc<Shelf>>>,
}

/// One machine's results.
#[derive(Debug)]
struct Shelf {
    file: Option<PathBuf>,
    state: Mutex<State>,
}

type Entry = Arc<OnceLock<Result<Outcome, SearchError>>>;

#[derive(Debug, Default)]
struct State {
    entries: BTreeMap<String, Entry>,
    /// Whether the file would be written otherwise than it is.
    changed: bool,
}

/// A line of a file.
#[derive(Serialize, Deserialize)]
struct Line {
    key: String,
    mappings_evaluated: u64,
    /// Each point's mapping.
    points: Vec<String>,
    /// Of the three above.
    check: String,
}

/// The first line of a file.
#[derive(Serialize, Deserialize, PartialEq)]
struct Head {
    nasc: String,
    machine: String,
}

impl Cache {
    /// Shared by threads, gone with the process.
    pub fn in_memory() -> Self {
        Self::default()
    }

    /// Kept in a folder, which is made on the first [`Cache::save`].
    pub fn open(folder: &Path) -> Self {
        Self { folder: Some(folder.to_owned()), ..Self::default() }
    }

    /// As [`search`], but only once for each canonical form.
    pub fn search(
        &self,
        machine: &Machine,
        layer: &Layer,
        options: &Options,
    ) -> Result<Outcome, SearchError> {
        let form = Form::of(machine, layer, &options.fix);
        let key = key(&form.layer, options);
        let shelf = self.shelf(machine);
        let entry = locked(&shelf.state).entries.entry(key.clone()).or_default().clone();
        let mut searched = false;
        let found = entry.get_or_init(|| {
            searched = true;
            search(machine, &form.layer, options)
        });
        if searched {
            let mut state = locked(&shelf.state);
            match found {
                Ok(outcome) if outcome.proven_optimal => state.changed = true,
                _ => drop(state.entries.remove(&key)),
            }
        }
        found.clone().map(|outcome| form.restore(machine, layer, outcome))
    }

    /// Writes what is new, each file whole and at once; without a folder, nothing.
    ///
    /// # Errors
    /// As the file system reports them; what was on disk stays.
    pub fn save(&self) -> std::io::Result<()> {
        for (machine, shelf) in locked(&self.shelves).iter() {
            let Some(file) = &shelf.file else { continue };
            let mut state = locked(&shelf.state);
            if !state.changed {
                continue;
            }
            // Another process may have written since.
            let mut lines = read(file, machine).map_or_else(BTreeMap::new, |(lines, _)| lines);
            for (key, entry) in &state.entries {
                if let Some(Ok(outcome)) = entry.get() {
                    lines.insert(key.clone(), Line::of(key, outcome));
                }
            }
            write(file, machine, &lines)?;
            state.changed = false;
        }
        Ok(())
    }

    fn shelf(&self, machine: &Machine) -> Arc<Shelf> {
        let signature = signature(machine);
        let mut shelves = locked(&self.shelves);
        let made = || {
            let name = format!("{}-{:016x}.jsonl", machine.name, fnv(&signature));
            let file = self.folder.as_ref().map(|folder| folder.join(name));
            let mut state = State::default();
            if let Some((lines, whole)) = file.as_deref().and_then(|file| read(file, &signature)) {
                let outcomes = lines.into_iter().map(|(key, line)| (line.outcome(machine), key));
                for (outcome, key) in outcomes {
                    match outcome {
                        Some(outcome) => {
                            drop(state.entries.insert(key, Arc::new(OnceLock::from(Ok(outcome)))))
                        }
                        None => state.changed = true,
                    }
                }
                state.changed |= !whole;
            }
            Arc::new(Shelf { file, state: Mutex::new(state) })
        };
        shelves.entry(signature.clone()).or_insert_with(made).clone()
    }
}

/// What is in a lock, also after a panic elsewhere: an entry is either whole or not there.
fn locked<T>(lock: &Mutex<T>) -> MutexGuard<'_, T> {
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The lines of a file by key, and whether all of it was read; `None` where there is no file of this machine and version.
fn read(file: &Path, machine: &str) -> Option<(BTreeMap<String, Line>, bool)> {
    let text = std::fs::read(file).ok()?;
    let text = String::from_utf8_lossy(&text);
    let mut lines = text.lines();
    let head: Head = serde_json::from_str(lines.next()?).ok()?;
    if head != Head::of(machine) {
        return None;
    }
    let (mut found, mut whole) = (BTreeMap::new(), true);
    for line in lines {
        match serde_json::from_str::<Line>(line).ok().filter(|line| line.check == line.checked()) {
            Some(line) => drop(found.insert(line.key.clone(), line)),
            None => whole = false,
        }
    }
    Some((found, whole))
}

fn write(file: &Path, machine: &str, lines: &BTreeMap<String, Line>) -> std::io::Result<()> {
    if let Some(folder) = file.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let mut text = serde_json::to_string(&Head::of(machine))? + "\n";
    for line in lines.values() {
        text += &(serde_json::to_string(line)? + "\n");
    }
    let temporary = file.with_extension(format!("{}.part", std::process::id()));
    std::fs::File::create(&temporary).and_then(|mut f| f.write_all(text.as_bytes()))?;
    std::fs::rename(&temporary, file)
}

impl Head {
    fn of(machine: &str) -> Self {
        Self { nasc: env!("CARGO_PKG_VERSION").to_owned(), machine: machine.to_owned() }
    }
}

impl Line {
    fn of(key: &str, outcome: &Outcome) -> Self {
        let points = outcome.points.iter().map(|p| Fix::of(&p.mapping).to_string()).collect();
        let mut line = Self {
            key: key.to_owned(),
            mappings_evaluated: outcome.mappings_evaluated,
            points,
            check: String::new(),
        };
        line.check = line.checked();
        line
    }

    fn checked(&self) -> String {
        format!(
            "{:016x}",
            fnv(&format!("{}|{}|{}", self.key, self.mappings_evaluated, self.points.join("|")))
        )
    }

    /// What it stands for, counted again; `None` where it cannot be run.
    fn outcome(&self, machine: &Machine) -> Option<Outcome> {
        let numbers: Vec<u64> =
            self.key.split([',', ' ']).take(DIMS + 1).map(str::parse).collect::<Result<_, _>>().ok()?;
        let (size, stride) = (numbers.get(..DIMS)?.try_into().ok()?, *numbers.get(DIMS)?);
        let layer = Layer::new(size, stride).ok()?;
        let point = |text: &String| {
            let mapping = Fix::parse(text).ok()?.mapping()?;
            conflicts(machine, &layer, &mapping).is_empty().then(|| costed(machine, &layer, mapping))
        };
        let points = self.points.iter().map(point).collect::<Option<Vec<Point>>>()?;
        let outcome =
            Outcome { points, proven_optimal: true, gap: 0.0, mappings_evaluated: self.mappings_evaluated };
        (!outcome.points.is_empty()).then_some(outcome)
    }
}

fn costed(machine: &Machine, layer: &Layer, mapping: Mapping) -> Point {
    Point { mapping, cost: Model::new(machine, layer, mapping.bypass).cost(&mapping) }
}

fn key(layer: &Layer, options: &Options) -> String {
    let sizes: Vec<String> = layer.size.iter().map(u64::to_string).collect();
    let objective = match options.objective {
        Objective::Energy => "energy",
        Objective::Latency => "latency",
        Objective::Edp => "edp",
        Objective::Pareto => "pareto",
    };
    format!("{} {} {objective} {}", sizes.join(","), layer.stride, options.fix).trim_end().to_owned()
}

/// Everything about a machine that a search reads; names and sources change nothing.
fn signature(machine: &Machine) -> String {
    let mut text = format!("mac {:?} {:?}", machine.mac_energy_pj, machine.input_fetch);
    for axis in &machine.axes {
        text += &format!("; axis {} {:?}", axis.size, axis.dims);
    }
    for m in &machine.memories {
        text += &format!(
            "; {:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?}",
            m.tier,
            m.holds,
            m.may_bypass,
            m.capacity_words,
            m.read_energy_pj,
            m.write_energy_pj,
            m.read_words_per_cycle,
            m.write_words_per_cycle
        );
    }
    text
}

/// FNV-1a, 64 bits: the same on every machine.
fn fnv(text: &str) -> u64 {
    text.bytes()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// A layer as it is looked up.
struct Form {
    layer: Layer,
    /// The layer's loop at each place of the form.
    from: [usize; DIMS],
}

impl Form {
    fn of(machine: &Machine, layer: &Layer, fix: &Fix) -> Self {
        let mut form = Self { layer: *layer, from: std::array::from_fn(|d| d) };
        if !fix.is_free() {
            return form;
        }
        let [n, p, q, r, s] = [Dim::N, Dim::P, Dim::Q, Dim::R, Dim::S].map(|d| d as usize);
        let size = layer.size;
        let alike = |a: usize, b: usize| machine.axes.iter().all(|axis| axis.dims[a] == axis.dims[b]);
        // A stride shows where a window moves, and over gaps only where they are fetched.
        let pointwise = size[r] == 1 && size[s] == 1;
        if (size[p] == 1 && size[q] == 1) || (pointwise && machine.input_fetch == Fetch::Touched) {
            form.layer.stride = 1;
        }
        if pointwise && form.layer.stride == 1 && alike(n, p) && alike(p, q) {
            let mut dims = [n, p, q];
            dims.sort_by_key(|&d| std::cmp::Reverse(size[d]));
            (form.from[n], form.from[p], form.from[q]) = (dims[2], dims[0], dims[1]);
        } else if alike(p, q) && alike(r, s) && (size[p], size[r]) < (size[q], size[s]) {
            form.from.swap(p, q);
            form.from.swap(r, s);
        }
        form.layer.size = form.from.map(|d| size[d]);
        form
    }

    /// An outcome of the form as one of the layer.
    fn restore(&self, machine: &Machine, layer: &Layer, mut outcome: Outcome) -> Outcome {
        if self.layer == *layer {
            return outcome;
        }
        let back = |form: [u64; DIMS]| {
            let mut of = form;
            self.from.iter().zip(form).for_each(|(&d, value)| of[d] = value);
            of
        };
        for point in &mut outcome.points {
            let m = point.mapping;
            let mapping = Mapping {
                pe: back(m.pe),
                spatial: back(m.spatial),
                axes: m.axes.map(back),
                buffer: back(m.buffer),
                order: m.order.map(|order| order.map(|d| Dim::ALL[self.from[d as usize]])),
                ..m
            };
            *point = costed(machine, layer, mapping);
        }
        outcome
    }
}
