//! `nasc map -o`: results as files.

use crate::console::Console;
use crate::failure::Failure;
use crate::staging::{self, Folder};
use hw::machine::{Machine, Tier};
use mapping::exchange::timeloop;
use mapping::network::{Mapped, levels};
use report::nest::{Nest, NestMemory, NestTile, Nests, page};
use std::path::Path;

/// Writes a `.json`, `.html` or `.yaml` file, or a folder with the first two.
pub(super) fn to(
    path: &Path,
    machine: &Machine,
    objective: &str,
    mapped: &[Mapped],
    console: &Console,
) -> Result<(), Failure> {
    let json = || serde_json::to_string_pretty(mapped).expect("plain data becomes JSON") + "\n";
    let html = || page(&nests(machine, objective, mapped));
    match path.extension().and_then(|e| e.to_str()) {
        Some("json") => staging::write_file(path, json().as_bytes()),
        Some("html") => staging::write_file(path, html().as_bytes()),
        Some("yaml" | "yml") => {
            staging::write_file(path, for_timeloop(path, machine, mapped, console)?.as_bytes())
        }
        _ => {
            let folder = Folder::beside_marked(path, "mapping.json")?;
            folder.write("mapping.json", json().as_bytes())?;
            folder.write("report.html", html().as_bytes())?;
            folder.finish()
        }
    }
}

/// The one mapping of a result as Timeloop reads it.
fn for_timeloop(
    path: &Path,
    machine: &Machine,
    mapped: &[Mapped],
    console: &Console,
) -> Result<String, Failure> {
    let [layer] = mapped else {
        let message =
            format!("-o {}: a file for Timeloop holds one mapping, not {}", path.display(), mapped.len());
        return Err(Failure::input(message).help("give a table with a single layer, and no --pareto"));
    };
    let written = timeloop(machine, &layer.nest, &layer.point.mapping);
    let written = written.map_err(|e| Failure::no(format!("{} {}: {e}", layer.net, layer.layer)))?;
    written.notes.iter().for_each(|note| console.note(note));
    Ok(written.text)
}

fn nests(machine: &Machine, objective: &str, mapped: &[Mapped]) -> Nests {
    let backing = machine.memories.iter().find(|m| m.tier == Tier::Backing);
    let width = |m: &hw::machine::Memory| Some(m.read_words_per_cycle? + m.write_words_per_cycle?);
    Nests {
        hardware: machine.name.clone(),
        summary: machine.summary.clone(),
        objective: objective.to_owned(),
        energy_unit: super::energy_unit(machine).to_owned(),
        peak: machine.elements() as f64,
        backing: backing.map_or_else(Default::default, |m| (m.name.clone(), width(m))),
        layers: mapped.iter().map(|layer| nest(machine, layer)).collect(),
    }
}

fn nest(machine: &Machine, layer: &Mapped) -> Nest {
    let memories: Vec<NestMemory> = levels(machine, layer)
        .into_iter()
        .map(|level| {
            let memory = &machine.memories[level.memory];
            let tiles = level.tiles.iter().map(|tile| NestTile {
                tensor: tile.tensor.name().to_owned(),
                words: tile.words,
                accesses_per_word: tile.accesses_per_word,
            });
            NestMemory {
                name: memory.name.clone(),
                capacity: memory.capacity_words,
                energy: level.energy_pj,
                tiles: tiles.collect(),
            }
        })
        .collect();
    let backing = machine.memories.iter().find(|m| m.tier == Tier::Backing).map(|m| m.name.as_str());
    let through = |b: &&mapping::network::Busy| {
        backing.is_some_and(|name| b.resource.strip_prefix(name).is_some_and(|rest| rest.starts_with(' ')))
    };
    Nest {
        name: format!("{} {}", layer.net, layer.layer),
        count: layer.count,
        macs: layer.macs,
        cycles: layer.latency_cycles,
        energy: layer.energy_pj,
        utilisation: layer.utilisation,
        binds: layer.binds.clone(),
        optimum: super::table::proof(layer),
        backing_words: layer.busy.iter().filter(through).map(|b| b.amount).sum(),
        text: layer.mapping.clone(),
        memories,
    }
}
