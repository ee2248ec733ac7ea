//! From a hardware file to a [`Machine`]: every key known, every number in range, every refusal with its file and line.

use super::describe::{
    Compression, Compute, Kind, Network, Ports, Precision, Published, Scheme, StructuredSparsity,
};
use super::error::{MachineError, Problem};
use super::table::{LARGEST, Table, range, wrong};
use super::tree::{self, Item, Value};
use super::{Axis, DIMS, Dim, Fetch, Machine, Memory, Parameter, Template, Tensor, Tier, hierarchy, schema};

/// Longest chain of files that inherit from one another.
const DEEPEST: usize = 16;

/// A whole file, inheritance done, as a machine with some parameters set.
pub(super) fn machine(template: &Template, set: &[(&str, u64)]) -> Result<Machine, MachineError> {
    let root: &Item = &template.0;
    let parameters = parameters(root, set)?;
    let table = Table { item: root, name: "the machine", parameters: &parameters };
    table.known(schema::ROOT)?;
    let compute = table.child("compute", "[compute]")?;
    compute.known(schema::COMPUTE)?;
    let mut machine = Machine {
        name: table.text("name")?,
        summary: table.text("summary")?,
        word_bits: table.count("word_bits", 1, 1024)?,
        mac_energy_pj: compute.energy("mac_energy_pj")?,
        clock_mhz: table.optional("clock_mhz", |t| t.positive("clock_mhz"))?,
        node_nm: table.optional("node_nm", |t| t.positive("node_nm"))?,
        voltage_v: table.optional("voltage_v", |t| t.positive("voltage_v"))?,
        input_fetch: table.word("input_fetch", &[("touched", Fetch::Touched), ("box", Fetch::Box)])?,
        compute: read_compute(&compute)?,
        precisions: Vec::new(),
        axes: Vec::new(),
        network: None,
        memories: Vec::new(),
        tree: Vec::new(),
        static_mw: None,
        published: None,
        parameters: Vec::new(),
        sources: vec![("compute".to_owned(), compute.text("source")?)],
        facts: Vec::new(),
        template: template.clone(),
    };
    table.facts("machine", &mut machine.facts)?;
    compute.facts("compute", &mut machine.facts)?;
    lists(&table, &mut machine)?;
    singles(&table, &mut machine)?;
    machine.parameters = parameters;
    Ok(machine)
}

/// The lists of a file: precisions, axes, memories.
fn lists(table: &Table<'_>, machine: &mut Machine) -> Result<(), MachineError> {
    for precision in table.list("precision", "[[precision]]")? {
        precision.known(schema::PRECISION)?;
        machine.note(&precision, precision.text("name")?)?;
        machine.precisions.push(read_precision(&precision)?);
    }
    for axis in table.list("axis", "[[axis]]")? {
        axis.known(schema::AXIS)?;
        machine.note(&axis, axis.text("name")?)?;
        machine.axes.push(read_axis(&axis)?);
    }
    if !(1..=2).contains(&machine.axes.len()) {
        let message = format!("{} axes, one or two expected", machine.axes.len());
        return Err(table.item.error(Problem::Structure { message }));
    }
    let mut levels = Vec::new();
    for memory in table.list("memory", "[[memory]]")? {
        memory.known(schema::MEMORY)?;
        machine.note(&memory, memory.text("name")?)?;
        levels.push(read_memory(&memory, machine)?);
    }
    machine.tree = hierarchy::arrange(levels, table.item)?;
    machine.memories = hierarchy::mapped(&machine.tree);
    Ok(())
}

/// The tables of which there is one at most.
fn singles(table: &Table<'_>, machine: &mut Machine) -> Result<(), MachineError> {
    if table.item.get("network").is_some() {
        let network = table.child("network", "[network]")?;
        network.known(schema::NETWORK)?;
        machine.note(&network, "network".into())?;
        machine.network = Some(Network {
            multicast: network.flag("multicast")?,
            reduction: network.flag("reduction")?,
            hop_energy_pj_per_word: network
                .optional("hop_energy_pj_per_word", |n| n.energy("hop_energy_pj_per_word"))?
                .unwrap_or(0.0),
        });
    }
    if table.item.get("power").is_some() {
        let power = table.child("power", "[power]")?;
        power.known(schema::POWER)?;
        machine.note(&power, "power".into())?;
        machine.static_mw = power.optional("static_mw", |p| p.energy("static_mw"))?;
    }
    if table.item.get("published").is_some() {
        let published = table.child("published", "[published]")?;
        published.known(schema::PUBLISHED)?;
        machine.note(&published, "published".into())?;
        let number = |key| published.optional(key, |p: &Table<'_>| p.positive(key));
        machine.published = Some(Published {
            area_mm2: number("area_mm2")?,
            node_nm: number("node_nm")?,
            peak_tops: number("peak_tops")?,
            power_mw: number("power_mw")?,
        });
    }
    for parameter in table.list("parameter", "[[parameter]]")? {
        machine.note(&parameter, parameter.text("name")?)?;
    }
    Ok(())
}

impl Machine {
    /// Puts down the source of a table and of each of its numbers.
    fn note(&mut self, table: &Table<'_>, name: String) -> Result<(), MachineError> {
        table.facts(&name, &mut self.facts)?;
        self.sources.push((name, table.text("source")?));
        Ok(())
    }
}

/// The file with everything it inherits laid under it.
pub(super) fn whole(
    own: Item,
    find: &dyn Fn(&str) -> Option<String>,
    seen: &mut Vec<String>,
) -> Result<Item, MachineError> {
    let Some(inherits) = own.get("inherits") else { return Ok(own) };
    let Value::Text(name) = &inherits.value else {
        return Err(inherits.error(wrong("inherits", "text", inherits)));
    };
    if seen.contains(name) {
        return Err(inherits.error(Problem::Cycle { key: "inherits", name: name.clone() }));
    }
    if seen.len() == DEEPEST {
        return Err(inherits.error(range(
            "inherits",
            &format!("at most {DEEPEST} files"),
            DEEPEST as f64 + 1.0,
        )));
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
        entry.known(schema::PARAMETER)?;
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

fn read_compute(compute: &Table<'_>) -> Result<Compute, MachineError> {
    let rate = |key| compute.optional(key, |c: &Table<'_>| c.positive(key));
    let energy = |key| compute.optional(key, |c: &Table<'_>| c.energy(key));
    Ok(Compute {
        op_overhead_cycles: energy("op_overhead_cycles")?.unwrap_or(0.0),
        vector_ops_per_cycle: rate("vector_ops_per_cycle")?,
        vector_op_energy_pj: energy("vector_op_energy_pj")?,
        scalar_ops_per_cycle: rate("scalar_ops_per_cycle")?,
        scalar_op_energy_pj: energy("scalar_op_energy_pj")?,
        zero_gating: compute.flag("zero_gating")?,
        zero_skipping: compute.flag("zero_skipping")?,
        structured_sparsity: structured(compute)?,
        partial_sum_bits: compute.optional("partial_sum_bits", |c| c.count("partial_sum_bits", 1, 1024))?,
    })
}

/// `structured_sparsity = ["2:4"]` with `structured_speedup`, the group over the nonzero weights unless given.
fn structured(compute: &Table<'_>) -> Result<Vec<StructuredSparsity>, MachineError> {
    let speedup = compute.optional("structured_speedup", |c| c.positive("structured_speedup"))?;
    let Some(item) = compute.item.get("structured_sparsity") else { return Ok(Vec::new()) };
    let Value::List(list) = &item.value else {
        return Err(item.error(wrong("structured_sparsity", "a list of patterns such as \"2:4\"", item)));
    };
    let mut patterns = Vec::new();
    for entry in list {
        let text = match &entry.value {
            Value::Text(text) => text.as_str(),
            _ => return Err(entry.error(wrong("structured_sparsity", "a pattern such as \"2:4\"", entry))),
        };
        let pair =
            text.split_once(':').and_then(|(n, m)| Some((n.parse::<u64>().ok()?, m.parse::<u64>().ok()?)));
        let Some((nonzero, group)) = pair.filter(|&(n, m)| 0 < n && n < m && m <= 1024) else {
            let (key, expected) = ("structured_sparsity".to_owned(), "N:M with 0 < N < M <= 1024".to_owned());
            return Err(entry.error(Problem::Word { key, expected, found: text.to_owned() }));
        };
        let speedup = speedup.unwrap_or(group as f64 / nonzero as f64);
        patterns.push(StructuredSparsity { nonzero, group, speedup });
    }
    Ok(patterns)
}

fn read_precision(precision: &Table<'_>) -> Result<Precision, MachineError> {
    let bits = |key| precision.count(key, 1, 64);
    Ok(Precision {
        name: precision.text("name")?,
        input_bits: bits("input_bits")?,
        weight_bits: bits("weight_bits")?,
        float: precision.flag("float")?,
        macs_per_cycle: precision.positive("macs_per_cycle")?,
        mac_energy_pj: precision.optional("mac_energy_pj", |p| p.energy("mac_energy_pj"))?,
        partial_sum_bits: precision.optional("partial_sum_bits", |p| p.count("partial_sum_bits", 1, 1024))?,
    })
}

fn read_axis(axis: &Table<'_>) -> Result<Axis, MachineError> {
    let mut dims = [true; DIMS];
    if axis.item.get("dims").is_some() {
        let letters: Vec<(String, usize)> = Dim::ALL.iter().map(|d| (d.to_string(), *d as usize)).collect();
        dims = axis.set("dims", &letters)?;
    }
    Ok(Axis { name: axis.text("name")?, size: axis.count("size", 1, 1 << 20)?, dims })
}

/// A memory as its table has it, with what `parent` and `tier` say of its place.
pub(super) struct Read<'a> {
    pub(super) memory: Memory,
    pub(super) tier: Option<Tier>,
    pub(super) parent: Option<(String, &'a Item)>,
    pub(super) item: &'a Item,
}

const TENSORS: [&str; 3] = ["weight", "input", "output"];

fn read_memory<'a>(memory: &Table<'a>, machine: &Machine) -> Result<Read<'a>, MachineError> {
    let tensors: Vec<(String, usize)> =
        TENSORS.iter().enumerate().map(|(i, t)| ((*t).to_owned(), i)).collect();
    let set = |key| memory.optional(key, |m: &Table<'_>| m.set::<3>(key, &tensors));
    let double_buffered = memory.flag("double_buffered")?;
    let least = if double_buffered { 2 } else { 1 };
    let capacity = memory.optional("capacity_words", |m| m.count("capacity_words", 1, LARGEST))?;
    let tier = memory.optional("tier", |m| {
        m.word("tier", &[("backing", Tier::Backing), ("buffer", Tier::Buffer), ("element", Tier::Element)])
    })?;
    let parent = match memory.item.get("parent") {
        None => None,
        Some(item) => Some((memory.text("parent")?, item)),
    };
    if tier.is_none() && parent.is_none() {
        return Err(memory
            .item
            .error(Problem::Missing { key: "tier", table: "[[memory]] without `parent`" }));
    }
    let rate = |key| memory.optional(key, |m: &Table<'_>| m.positive(key));
    let read = Memory {
        name: memory.text("name")?,
        tier: tier.unwrap_or(Tier::Backing),
        holds: memory.set("holds", &tensors)?,
        may_bypass: set("may_bypass")?.unwrap_or([false; 3]),
        capacity_words: capacity.map(|c| c / least),
        read_energy_pj: memory.energy("read_energy_pj_per_word")?,
        write_energy_pj: memory.energy("write_energy_pj_per_word")?,
        read_words_per_cycle: rate("read_words_per_cycle")?,
        write_words_per_cycle: rate("write_words_per_cycle")?,
        double_buffered,
        kind: memory.optional("kind", |m| m.word("kind", KINDS))?,
        word_bits: memory
            .optional("word_bits", |m| m.count("word_bits", 1, 1024))?
            .unwrap_or(machine.word_bits),
        block_words: memory.optional("block_words", |m| m.count("block_words", 1, 1 << 20))?.unwrap_or(1),
        ports: read_ports(memory)?,
        compression: read_compression(memory, set("compresses")?)?,
        leakage_mw: memory.optional("leakage_mw", |m| m.energy("leakage_mw"))?,
        area_mm2: rate("area_mm2")?,
    };
    let at = memory.item.get("capacity_words").unwrap_or(memory.item);
    room(&read).map_err(|problem| at.error(problem))?;
    Ok(Read { memory: read, tier, parent, item: memory.item })
}

const KINDS: &[(&str, Kind)] = &[
    ("register", Kind::Register),
    ("sram", Kind::Sram),
    ("cache", Kind::Cache),
    ("dram", Kind::Dram),
    ("flash", Kind::Flash),
];

/// The smallest tile of a tensor is one word.
fn room(memory: &Memory) -> Result<(), Problem> {
    let held: Vec<Tensor> = Tensor::ALL.into_iter().filter(|t| memory.holds[*t as usize]).collect();
    let capacity = memory.capacity_words.unwrap_or(u64::MAX);
    if capacity >= held.len() as u64 {
        return Ok(());
    }
    let without: Vec<&str> = held.iter().skip(capacity as usize).map(|t| t.name()).collect();
    Err(Problem::Capacity {
        memory: memory.name.clone(),
        capacity,
        doubled: if memory.double_buffered { " beside those being filled" } else { "" },
        missing: held.len() as u64 - capacity,
        tensor: without.join(" and "),
    })
}

fn read_ports(memory: &Table<'_>) -> Result<Option<Ports>, MachineError> {
    let keys = ["read_ports", "write_ports", "read_write_ports"];
    if keys.iter().all(|key| memory.item.get(key).is_none()) {
        return Ok(None);
    }
    let count = |key| Ok(memory.optional(key, |m: &Table<'_>| m.count(key, 0, 1 << 10))?.unwrap_or(0));
    let ports = Ports { read: count(keys[0])?, write: count(keys[1])?, read_write: count(keys[2])? };
    if ports.read + ports.read_write == 0 {
        let message = format!("`{}` has no port that reads", memory.text("name")?);
        return Err(memory.item.error(Problem::Structure { message }));
    }
    Ok(Some(ports))
}

fn read_compression(
    memory: &Table<'_>,
    tensors: Option<[bool; 3]>,
) -> Result<Option<Compression>, MachineError> {
    let schemes = [
        ("none", None),
        ("rle", Some(Scheme::RunLength)),
        ("bitmask", Some(Scheme::Bitmask)),
        ("entropy", Some(Scheme::Entropy)),
    ];
    let scheme = memory.optional("compression", |m| m.word("compression", &schemes))?.flatten();
    let Some(scheme) = scheme else { return Ok(None) };
    let run_bits = match scheme {
        Scheme::RunLength => memory.count("compression_run_bits", 1, 32)?,
        Scheme::Bitmask | Scheme::Entropy => 0,
    };
    let holds = tensors.unwrap_or([true; 3]);
    Ok(Some(Compression { scheme, tensors: holds, run_bits }))
}
