//! From a hardware file to a [`Machine`]: every key known, every number in range, every refusal with its file and line.

use super::tree::{self, Item, Value};
use super::{Axis, DIMS, Dim, Fetch, Machine, Memory, Parameter, Tensor, Tier};

/// A hardware file that cannot be used, and where.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{file}:{line}: {problem}")]
pub struct MachineError {
    /// The file at fault; an inherited one where the fault is there.
    pub file: String,
    /// Line, from 1.
    pub line: usize,
    /// What is wrong.
    pub problem: Problem,
}

/// What is wrong in a hardware file.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Problem {
    /// Not TOML.
    #[error("{message}")]
    Syntax {
        /// The parser's words.
        message: String,
    },
    /// A key the schema does not have.
    #[error("unknown key `{key}` in {table}; the nearest known one is `{nearest}`")]
    UnknownKey {
        /// As written.
        key: String,
        /// Where.
        table: &'static str,
        /// The known key with the smallest edit distance.
        nearest: String,
    },
    /// A key that must be there.
    #[error("{table} has no `{key}`")]
    Missing {
        /// What is missing.
        key: &'static str,
        /// Where.
        table: &'static str,
    },
    /// The wrong kind of value.
    #[error("`{key}` is {found}, {expected} expected")]
    Type {
        /// Which key.
        key: String,
        /// What can stand there.
        expected: &'static str,
        /// What stands there.
        found: String,
    },
    /// A number outside its range.
    #[error("`{key}` is {found}, {expected} expected")]
    Range {
        /// Which key.
        key: String,
        /// The range in words.
        expected: String,
        /// The number.
        found: f64,
    },
    /// A word outside its list.
    #[error("`{key}` is `{found}`, one of {expected} expected")]
    Word {
        /// Which key.
        key: String,
        /// The words there are.
        expected: String,
        /// As written.
        found: String,
    },
    /// `inherits` leads back to a file already read.
    #[error("`inherits` leads back to `{name}`")]
    Cycle {
        /// The file met twice.
        name: String,
    },
    /// `inherits` or `$name` names nothing.
    #[error("no {what} named `{name}`")]
    Unknown {
        /// `machine` or `parameter`.
        what: &'static str,
        /// As written.
        name: String,
    },
    /// The memories do not make a machine.
    #[error("{message}")]
    Structure {
        /// What is expected of them.
        message: String,
    },
}

const ROOT: &[&str] = &[
    "name",
    "inherits",
    "summary",
    "word_bits",
    "clock_mhz",
    "node_nm",
    "input_fetch",
    "compute",
    "axis",
    "memory",
    "parameter",
];
const COMPUTE: &[&str] = &["mac_energy_pj", "source"];
const AXIS: &[&str] = &["name", "size", "dims", "source"];
const PARAMETER: &[&str] = &["name", "default", "min", "max", "source"];
const MEMORY: &[&str] = &[
    "name",
    "tier",
    "holds",
    "may_bypass",
    "capacity_words",
    "double_buffered",
    "read_energy_pj_per_word",
    "write_energy_pj_per_word",
    "read_words_per_cycle",
    "write_words_per_cycle",
    "source",
];

/// Reads, inherits, checks.
pub(super) fn machine(
    text: &str,
    file: &str,
    set: &[(&str, u64)],
    find: &dyn Fn(&str) -> Option<String>,
) -> Result<Machine, MachineError> {
    let mut seen = Vec::new();
    let root = whole(tree::parse(text, file)?, find, &mut seen)?;
    let parameters = parameters(&root, set)?;
    let table = Table { item: &root, name: "the machine", parameters: &parameters };
    table.known(ROOT)?;
    let mut sources = Vec::new();
    let compute = table.child("compute", "[compute]")?;
    compute.known(COMPUTE)?;
    sources.push(("compute".to_owned(), compute.text("source")?));
    let mut machine = Machine {
        name: table.text("name")?,
        summary: table.text("summary")?,
        word_bits: table.count("word_bits", 1, 1024)?,
        mac_energy_pj: compute.energy("mac_energy_pj")?,
        clock_mhz: table.optional("clock_mhz", |t| t.positive("clock_mhz"))?,
        node_nm: table.optional("node_nm", |t| t.positive("node_nm"))?,
        input_fetch: table.word("input_fetch", &[("touched", Fetch::Touched), ("box", Fetch::Box)])?,
        axes: Vec::new(),
        memories: Vec::new(),
        parameters: Vec::new(),
        sources: Vec::new(),
    };
    for axis in table.list("axis", "[[axis]]")? {
        axis.known(AXIS)?;
        sources.push((axis.text("name")?, axis.text("source")?));
        machine.axes.push(read_axis(&axis)?);
    }
    for memory in table.list("memory", "[[memory]]")? {
        memory.known(MEMORY)?;
        sources.push((memory.text("name")?, memory.text("source")?));
        machine.memories.push(read_memory(&memory)?);
    }
    machine.memories.sort_by_key(|m| m.tier as u8);
    structure(&machine).map_err(|message| root.error(Problem::Structure { message }))?;
    machine.sources = sources;
    machine.parameters = parameters;
    Ok(machine)
}

/// The file with everything it inherits laid under it.
fn whole(
    own: Item,
    find: &dyn Fn(&str) -> Option<String>,
    seen: &mut Vec<String>,
) -> Result<Item, MachineError> {
    let Some(inherits) = own.get("inherits") else { return Ok(own) };
    let Value::Text(name) = &inherits.value else {
        return Err(inherits.error(wrong("inherits", "text", inherits)));
    };
    if seen.contains(name) {
        return Err(inherits.error(Problem::Cycle { name: name.clone() }));
    }
    seen.push(name.clone());
    let Some(text) = find(name) else {
        return Err(inherits.error(Problem::Unknown { what: "machine", name: name.clone() }));
    };
    let base = whole(tree::parse(&text, &format!("{}.toml", name.trim_end_matches(".toml")))?, find, seen)?;
    Ok(tree::inherit(base, own))
}

fn parameters(root: &Item, set: &[(&str, u64)]) -> Result<Vec<Parameter>, MachineError> {
    let mut parameters = Vec::new();
    let table = Table { item: root, name: "the machine", parameters: &[] };
    for entry in table.list("parameter", "[[parameter]]")? {
        entry.known(PARAMETER)?;
        entry.text("source")?;
        let name = entry.text("name")?;
        let low = entry.count("min", 1, LARGEST)?;
        let high = entry.count("max", low, LARGEST)?;
        let default = entry.count("default", low, high)?;
        let value = set.iter().find(|(n, _)| *n == name).map_or(default, |&(_, v)| v);
        if !(low..=high).contains(&value) {
            let expected = format!("{low} to {high}");
            return Err(entry.item.error(Problem::Range { key: name, expected, found: value as f64 }));
        }
        parameters.push(Parameter { name, value, range: [low, high] });
    }
    match set.iter().find(|(n, _)| parameters.iter().all(|p| p.name != *n)) {
        Some((name, _)) => Err(root.error(Problem::Unknown { what: "parameter", name: (*name).to_owned() })),
        None => Ok(parameters),
    }
}

fn read_axis(axis: &Table<'_>) -> Result<Axis, MachineError> {
    let mut dims = [true; DIMS];
    if axis.item.get("dims").is_some() {
        let letters: Vec<(String, usize)> = Dim::ALL.iter().map(|d| (d.to_string(), *d as usize)).collect();
        dims = axis.set("dims", &letters)?;
    }
    Ok(Axis { name: axis.text("name")?, size: axis.count("size", 1, 1 << 20)?, dims })
}

fn read_memory(memory: &Table<'_>) -> Result<Memory, MachineError> {
    let tensors: Vec<(String, usize)> =
        Tensor::ALL.iter().map(|t| (t.name().to_owned(), *t as usize)).collect();
    let holds: [bool; 3] = memory.set("holds", &tensors)?;
    let may_bypass: [bool; 3] =
        memory.optional("may_bypass", |m| m.set("may_bypass", &tensors))?.unwrap_or([false; 3]);
    let doubled = match memory.item.get("double_buffered") {
        None => false,
        Some(Item { value: Value::Bool(b), .. }) => *b,
        Some(other) => return Err(other.error(wrong("double_buffered", "true or false", other))),
    };
    let least = if doubled { 2 } else { 1 };
    let capacity = memory.optional("capacity_words", |m| m.count("capacity_words", least, LARGEST))?;
    Ok(Memory {
        name: memory.text("name")?,
        tier: memory.word(
            "tier",
            &[("backing", Tier::Backing), ("buffer", Tier::Buffer), ("element", Tier::Element)],
        )?,
        holds,
        may_bypass,
        capacity_words: capacity.map(|c| c / least),
        read_energy_pj: memory.energy("read_energy_pj_per_word")?,
        write_energy_pj: memory.energy("write_energy_pj_per_word")?,
        read_words_per_cycle: memory
            .optional("read_words_per_cycle", |m| m.positive("read_words_per_cycle"))?,
        write_words_per_cycle: memory
            .optional("write_words_per_cycle", |m| m.positive("write_words_per_cycle"))?,
    })
}

/// What must hold of the whole: one backing store for everything, each tensor at most once a tier, one or two axes.
fn structure(machine: &Machine) -> Result<(), String> {
    let backing: Vec<&Memory> = machine.memories.iter().filter(|m| m.tier == Tier::Backing).collect();
    match backing.as_slice() {
        [one] if one.holds == [true; 3] && one.capacity_words.is_none() => {}
        [one] => {
            return Err(format!(
                "`{}` backs the machine: it holds all three tensors without a capacity",
                one.name
            ));
        }
        _ => return Err(format!("{} backing memories, one expected", backing.len())),
    }
    for tier in [Tier::Buffer, Tier::Element] {
        for tensor in Tensor::ALL {
            let held = machine.memories.iter().filter(|m| m.tier == tier && m.holds[tensor as usize]);
            let names: Vec<&str> = held.map(|m| m.name.as_str()).collect();
            if names.len() > 1 {
                return Err(format!(
                    "{} is held by `{}` in one tier, one memory expected",
                    tensor.name(),
                    names.join("`, `")
                ));
            }
        }
    }
    for memory in &machine.memories {
        if (0..3).any(|t| memory.may_bypass[t] && (!memory.holds[t] || memory.tier != Tier::Buffer)) {
            return Err(format!("`{}` lets a tensor bypass that it does not hold as a buffer", memory.name));
        }
    }
    if !(1..=2).contains(&machine.axes.len()) {
        return Err(format!("{} axes, one or two expected", machine.axes.len()));
    }
    Ok(())
}

/// Largest count in a file: sums of a few stay exact in a double.
const LARGEST: u64 = 1 << 50;

/// A table being read: its keys are looked up by name, and `"$name"` stands for a parameter.
struct Table<'a> {
    item: &'a Item,
    name: &'static str,
    parameters: &'a [Parameter],
}

impl<'a> Table<'a> {
    fn known(&self, keys: &[&str]) -> Result<(), MachineError> {
        let Value::Table(entries) = &self.item.value else {
            return Err(self.item.error(wrong(self.name, "a table", self.item)));
        };
        match entries.iter().find(|(key, _)| !keys.contains(&key.as_str())) {
            None => Ok(()),
            Some((key, item)) => {
                let nearest =
                    keys.iter().min_by_key(|k| distance(k, key)).map_or(String::new(), |k| (*k).to_owned());
                Err(item.error(Problem::UnknownKey { key: key.clone(), table: self.name, nearest }))
            }
        }
    }

    fn need(&self, key: &'static str) -> Result<&'a Item, MachineError> {
        self.item.get(key).ok_or_else(|| self.item.error(Problem::Missing { key, table: self.name }))
    }

    fn optional<T>(
        &self,
        key: &'static str,
        read: impl Fn(&Self) -> Result<T, MachineError>,
    ) -> Result<Option<T>, MachineError> {
        self.item.get(key).map(|_| read(self)).transpose()
    }

    fn child(&self, key: &'static str, name: &'static str) -> Result<Table<'a>, MachineError> {
        Ok(Table { item: self.need(key)?, name, parameters: self.parameters })
    }

    fn list(&self, key: &'static str, name: &'static str) -> Result<Vec<Table<'a>>, MachineError> {
        let Some(item) = self.item.get(key) else { return Ok(Vec::new()) };
        match &item.value {
            Value::List(items) => {
                Ok(items.iter().map(|item| Table { item, name, parameters: self.parameters }).collect())
            }
            _ => Err(item.error(wrong(key, "a list of tables", item))),
        }
    }

    fn text(&self, key: &'static str) -> Result<String, MachineError> {
        match self.need(key)? {
            Item { value: Value::Text(text), .. } => Ok(text.clone()),
            other => Err(other.error(wrong(key, "text", other))),
        }
    }

    fn number(&self, key: &'static str) -> Result<(f64, &'a Item), MachineError> {
        let item = self.need(key)?;
        match &item.value {
            Value::Number(x) => Ok((*x, item)),
            Value::Text(text) if text.starts_with('$') => {
                match self.parameters.iter().find(|p| p.name == text[1..]) {
                    Some(parameter) => Ok((parameter.value as f64, item)),
                    None => {
                        Err(item.error(Problem::Unknown { what: "parameter", name: text[1..].to_owned() }))
                    }
                }
            }
            _ => Err(item.error(wrong(key, "a number", item))),
        }
    }

    fn positive(&self, key: &'static str) -> Result<f64, MachineError> {
        match self.number(key)? {
            (x, _) if x > 0.0 => Ok(x),
            (x, item) => Err(item.error(range(key, "more than 0", x))),
        }
    }

    fn energy(&self, key: &'static str) -> Result<f64, MachineError> {
        match self.number(key)? {
            (x, _) if x >= 0.0 => Ok(x),
            (x, item) => Err(item.error(range(key, "at least 0", x))),
        }
    }

    fn count(&self, key: &'static str, low: u64, high: u64) -> Result<u64, MachineError> {
        let (x, item) = self.number(key)?;
        if x.fract() == 0.0 && x >= low as f64 && x <= high as f64 {
            Ok(x as u64)
        } else {
            Err(item.error(range(key, &format!("a whole number from {low} to {high}"), x)))
        }
    }

    fn word<T: Copy>(&self, key: &'static str, words: &[(&str, T)]) -> Result<T, MachineError> {
        let found = self.text(key)?;
        words.iter().find(|(w, _)| *w == found).map(|&(_, value)| value).ok_or_else(|| {
            let expected = words.iter().map(|(w, _)| format!("`{w}`")).collect::<Vec<_>>().join(", ");
            self.item.get(key).unwrap_or(self.item).error(Problem::Word { key: key.into(), expected, found })
        })
    }

    fn set<const LEN: usize>(
        &self,
        key: &'static str,
        words: &[(String, usize)],
    ) -> Result<[bool; LEN], MachineError> {
        let item = self.need(key)?;
        let Value::List(list) = &item.value else { return Err(item.error(wrong(key, "a list", item))) };
        let mut set = [false; LEN];
        for entry in list {
            let Value::Text(found) = &entry.value else { return Err(entry.error(wrong(key, "text", entry))) };
            let Some((_, at)) = words.iter().find(|(w, _)| w == found) else {
                let expected = words.iter().map(|(w, _)| format!("`{w}`")).collect::<Vec<_>>().join(", ");
                return Err(entry.error(Problem::Word { key: key.into(), expected, found: found.clone() }));
            };
            set[*at] = true;
        }
        Ok(set)
    }
}

fn wrong(key: &str, expected: &'static str, item: &Item) -> Problem {
    Problem::Type { key: key.to_owned(), expected, found: item.kind().to_owned() }
}

fn range(key: &str, expected: &str, found: f64) -> Problem {
    Problem::Range { key: key.to_owned(), expected: expected.to_owned(), found }
}

/// Edit distance: insertions, deletions and replacements.
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().enumerate() {
        let mut before = row[0];
        row[0] = i + 1;
        for (j, y) in b.bytes().enumerate() {
            let replaced = before + usize::from(x != y);
            before = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(before + 1);
        }
    }
    row[b.len()]
}
