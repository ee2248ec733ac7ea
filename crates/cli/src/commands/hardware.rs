//! `nasc hardware`: the machines that come with the program, one of them, or a check of a file.

use crate::args::{Hardware, HardwareCommand};
use crate::console::Console;
use crate::failure::Failure;
use crate::hardware;
use hw::machine::{Fetch, Machine, Memory, SHIPPED, Tensor, Tier};
use report::{Align, Table};
use serde_json::{Value, json};
use std::path::Path;

pub(super) fn run(args: &Hardware, console: &Console) -> Result<(), Failure> {
    match (&args.check, &args.name) {
        (Some(HardwareCommand::Check { file, set }), _) => {
            let set = hardware::settings(set)?;
            let set: Vec<(&str, u64)> = set.iter().map(|(name, value)| (name.as_str(), *value)).collect();
            show(&hardware::file(file, &set)?, console)
        }
        (None, Some(name)) => show(&hardware::load(Path::new(name), &[])?, console),
        (None, None) => list(console),
    }
}

fn list(console: &Console) -> Result<(), Failure> {
    let mut machines = Vec::new();
    for name in SHIPPED {
        machines.push(hardware::load(Path::new(name), &[])?);
    }
    let value = json!({ "machines": machines.iter().map(describe).collect::<Vec<_>>() });
    console.result(&value, || {
        let columns = [
            ("machine", Align::Left),
            ("is", Align::Left),
            ("elements", Align::Right),
            ("memories", Align::Left),
            ("assumed", Align::Right),
        ];
        let mut table = Table::new(columns);
        for machine in &machines {
            let memories: Vec<String> = machine.memories.iter().map(brief).collect();
            table.row([
                machine.name.clone(),
                machine.summary.clone(),
                machine.elements().to_string(),
                memories.join(", "),
                assumed(machine),
            ]);
        }
        console.table(&table)
    })
}

/// How many of a description's numbers are assumed: `3 of 41`.
fn assumed(machine: &Machine) -> String {
    let assumed = machine.facts.iter().filter(|fact| fact.assumed).count();
    format!("{assumed} of {}", machine.facts.len())
}

/// `glb 51200`.
fn brief(memory: &Memory) -> String {
    memory.capacity_words.map_or(memory.name.clone(), |words| format!("{} {words}", memory.name))
}

fn tier(tier: Tier) -> &'static str {
    match tier {
        Tier::Backing => "backing",
        Tier::Buffer => "buffer",
        Tier::Element => "element",
    }
}

fn held(holds: [bool; 3]) -> Vec<&'static str> {
    Tensor::ALL.iter().filter(|&&t| holds[t as usize]).map(|t| t.name()).collect()
}

fn describe(machine: &Machine) -> Value {
    let axes = machine.axes.iter().map(|axis| {
        let dims: Vec<String> = hw::machine::Dim::ALL
            .iter()
            .filter(|&&d| axis.dims[d as usize])
            .map(ToString::to_string)
            .collect();
        json!({ "name": axis.name, "size": axis.size, "dims": dims })
    });
    let memories = machine.memories.iter().map(|m| {
        json!({
            "name": m.name, "tier": tier(m.tier), "holds": held(m.holds), "may_bypass": held(m.may_bypass),
            "capacity_words": m.capacity_words,
            "read_energy_pj_per_word": m.read_energy_pj, "write_energy_pj_per_word": m.write_energy_pj,
            "read_words_per_cycle": m.read_words_per_cycle, "write_words_per_cycle": m.write_words_per_cycle,
        })
    });
    let parameters = machine
        .parameters
        .iter()
        .map(|p| json!({ "name": p.name, "value": p.value, "min": p.range[0], "max": p.range[1] }));
    let facts = machine.facts.iter().map(|fact| {
        json!({
            "of": fact.item, "key": fact.key, "value": fact.value, "assumed": fact.assumed, "source": fact.source,
        })
    });
    json!({
        "name": machine.name,
        "summary": machine.summary,
        "elements": machine.elements(),
        "word_bits": machine.word_bits,
        "mac_energy_pj": machine.mac_energy_pj,
        "clock_mhz": machine.clock_mhz,
        "node_nm": machine.node_nm,
        "input_fetch": if machine.input_fetch == Fetch::Box { "box" } else { "touched" },
        "axes": axes.collect::<Vec<_>>(),
        "memories": memories.collect::<Vec<_>>(),
        "parameters": parameters.collect::<Vec<_>>(),
        "facts": facts.collect::<Vec<_>>(),
    })
}

fn show(machine: &Machine, console: &Console) -> Result<(), Failure> {
    console.result(&describe(machine), || {
        console.line(format!("{}: {}", machine.name, machine.summary))?;
        console.line(facts(machine))?;
        console.table(&axes(machine))?;
        console.table(&memories(machine))?;
        if !machine.parameters.is_empty() {
            console.table(&parameters(machine))?;
        }
        console.table(&sources(machine))
    })
}

/// Every number of the file and what it rests on.
fn sources(machine: &Machine) -> Table {
    let columns = [
        ("of", Align::Left),
        ("key", Align::Left),
        ("value", Align::Left),
        ("is", Align::Left),
        ("source", Align::Left),
    ];
    let mut table = Table::new(columns);
    for fact in &machine.facts {
        table.row([
            fact.item.as_str(),
            &fact.key,
            &fact.value,
            if fact.assumed { "assumed" } else { "attested" },
            fact.source.as_deref().unwrap_or("-"),
        ]);
    }
    table
}

/// `168 elements, words of 16 bits, 1 pJ a MAC, ...`.
fn facts(machine: &Machine) -> String {
    let mut facts = vec![
        format!("{} elements", machine.elements()),
        format!("words of {} bits", machine.word_bits),
        format!("{} pJ a multiply-accumulate", machine.mac_energy_pj),
    ];
    facts.extend(machine.clock_mhz.map(|mhz| format!("{mhz} MHz")));
    facts.extend(machine.node_nm.map(|nm| format!("{nm} nm")));
    facts.extend(machine.static_mw.map(|mw| format!("{mw} mW at rest")));
    facts.push(format!("{} numbers assumed", assumed(machine)));
    if machine.input_fetch == Fetch::Box {
        facts.push("fetches the words between strides".to_owned());
    }
    facts.join(", ")
}

fn axes(machine: &Machine) -> Table {
    let mut table = Table::new([("axis", Align::Left), ("elements", Align::Right), ("loops", Align::Left)]);
    for axis in &machine.axes {
        let dims: Vec<String> = hw::machine::Dim::ALL
            .iter()
            .filter(|&&d| axis.dims[d as usize])
            .map(ToString::to_string)
            .collect();
        table.row([axis.name.clone(), axis.size.to_string(), dims.join(" ")]);
    }
    table
}

fn memories(machine: &Machine) -> Table {
    let columns = [
        ("memory", Align::Left),
        ("tier", Align::Left),
        ("holds", Align::Left),
        ("words", Align::Right),
        ("pJ/read", Align::Right),
        ("pJ/write", Align::Right),
        ("read/cycle", Align::Right),
        ("write/cycle", Align::Right),
    ];
    let mut table = Table::new(columns);
    let number = |x: Option<f64>| x.map_or("-".to_owned(), |x| x.to_string());
    for m in &machine.memories {
        table.row([
            m.name.clone(),
            tier(m.tier).to_owned(),
            held(m.holds).join(" "),
            m.capacity_words.map_or("-".to_owned(), |words| words.to_string()),
            m.read_energy_pj.to_string(),
            m.write_energy_pj.to_string(),
            number(m.read_words_per_cycle),
            number(m.write_words_per_cycle),
        ]);
    }
    table
}

fn parameters(machine: &Machine) -> Table {
    let columns =
        [("parameter", Align::Left), ("value", Align::Right), ("min", Align::Right), ("max", Align::Right)];
    let mut table = Table::new(columns);
    for p in &machine.parameters {
        table.row([p.name.clone(), p.value.to_string(), p.range[0].to_string(), p.range[1].to_string()]);
    }
    table
}
