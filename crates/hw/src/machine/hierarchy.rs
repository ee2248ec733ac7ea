//! The memories of a file as a tree, and the three tiers that mapping sees of it.

use super::describe::Level;
use super::error::{MachineError, Problem};
use super::read::Read;
use super::tree::Item;
use super::view::BufferError;
use super::{Memory, Tensor, Tier};

/// Checks the tree and lays it out: mapped memories by tier, as in the file within one, then those only crossed.
pub(super) fn arrange(mut read: Vec<Read<'_>>, root: &Item) -> Result<Vec<Level>, MachineError> {
    // Outermost first; the sort is stable.
    read.sort_by_key(|r| r.tier.map_or(3, |tier| tier as u8));
    for (at, r) in read.iter().enumerate() {
        if read[..at].iter().any(|other| other.memory.name == r.memory.name) {
            let message = format!("two memories are named `{}`", r.memory.name);
            return Err(r.item.error(Problem::Structure { message }));
        }
    }
    let parents = parents(&read)?;
    let items: Vec<&Item> = read.iter().map(|r| r.item).collect();
    let level = |(r, parent): (Read<'_>, Option<usize>)| Level {
        mapped: r.tier.is_some(),
        memory: Memory { tier: r.tier.unwrap_or(Tier::Backing), ..r.memory },
        parent,
    };
    let mut tree: Vec<Level> = read.into_iter().zip(parents).map(level).collect();
    check(&mut tree)
        .map_err(|(at, message)| at.map_or(root, |at| items[at]).error(Problem::Structure { message }))?;
    Ok(tree)
}

/// Everything that must hold of a tree, in which memories only crossed are given the tier of the mapped one outside them; else
/// which memory is at fault, if one is, and why.
fn check(tree: &mut [Level]) -> Result<(), (Option<usize>, String)> {
    let mapped: Vec<&Memory> = tree.iter().filter(|l| l.mapped).map(|l| &l.memory).collect();
    tiers(&mapped).map_err(|message| (None, message))?;
    for at in 0..tree.len() {
        stands(tree, at).map_err(|message| (Some(at), message))?;
    }
    for at in 0..tree.len() {
        if let Some(outer) = outer(tree, at).filter(|_| !tree[at].mapped) {
            tree[at].memory.tier = tree[outer].memory.tier;
        }
    }
    Ok(())
}

/// The mapped memory next outside one.
fn outer(tree: &[Level], at: usize) -> Option<usize> {
    std::iter::successors(tree[at].parent, |&at| tree[at].parent).find(|&at| tree[at].mapped)
}

/// The tree with another memory as the buffer of its path; what was one there is only crossed.
pub(super) fn rebuffer(tree: &[Level], name: &str) -> Result<Vec<Level>, BufferError> {
    let refuse = |problem: String| BufferError { memory: name.to_owned(), problem };
    let Some(chosen) = tree.iter().position(|l| l.memory.name == name) else {
        let known: Vec<&str> = tree.iter().map(|l| l.memory.name.as_str()).collect();
        return Err(refuse(format!("there is no such memory, one of `{}` expected", known.join("`, `"))));
    };
    let above =
        |of: usize, at: usize| std::iter::successors(tree[of].parent, |&at| tree[at].parent).any(|p| p == at);
    let mut changed = tree.to_vec();
    match (tree[chosen].mapped, tree[chosen].memory.tier) {
        (true, Tier::Buffer) => return Ok(changed),
        (true, _) | (false, Tier::Element) => {
            return Err(refuse("it is no level between backing store and elements".to_owned()));
        }
        (false, _) if tree[chosen].memory.capacity_words.is_none() => {
            return Err(refuse("it has no `capacity_words`".to_owned()));
        }
        (false, _) => {}
    }
    for at in 0..tree.len() {
        if tree[at].mapped && tree[at].memory.tier == Tier::Buffer && (above(at, chosen) || above(chosen, at))
        {
            changed[at].mapped = false;
        }
    }
    changed[chosen].mapped = true;
    changed[chosen].memory.tier = Tier::Buffer;
    let mut order: Vec<usize> = (0..tree.len()).collect();
    order.sort_by_key(|&at| if changed[at].mapped { changed[at].memory.tier as u8 } else { 3 });
    let place = |old: usize| order.iter().position(|&at| at == old);
    let mut sorted: Vec<Level> = order
        .iter()
        .map(|&at| Level { parent: changed[at].parent.and_then(place), ..changed[at].clone() })
        .collect();
    check(&mut sorted).map_err(|(_, message)| refuse(message))?;
    Ok(sorted)
}

/// What must hold of the mapped memories: one backing store for everything, each tensor at most once a tier.
fn tiers(memories: &[&Memory]) -> Result<(), String> {
    let backing: Vec<&&Memory> = memories.iter().filter(|m| m.tier == Tier::Backing).collect();
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
            let held = memories.iter().filter(|m| m.tier == tier && m.holds[tensor as usize]);
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
    for memory in memories {
        if (0..3).any(|t| memory.may_bypass[t] && (!memory.holds[t] || memory.tier != Tier::Buffer)) {
            return Err(format!("`{}` lets a tensor bypass that it does not hold as a buffer", memory.name));
        }
    }
    Ok(())
}

/// The parent of each memory: as stated, else the innermost mapped memory of an outer tier that holds one of its tensors, or the last
/// of those only crossed below that.
fn parents(read: &[Read<'_>]) -> Result<Vec<Option<usize>>, MachineError> {
    let mut parents = Vec::new();
    for r in read {
        parents.push(match &r.parent {
            Some((name, item)) => match read.iter().position(|other| other.memory.name == *name) {
                Some(at) => Some(at),
                None => return Err(item.error(Problem::Unknown { what: "memory", name: name.clone() })),
            },
            None => {
                let shares = |other: &Memory| (0..3).any(|t| other.holds[t] && r.memory.holds[t]);
                let outer =
                    |o: &Read<'_>| o.tier.is_some() && o.tier.map(|t| t as u8) < r.tier.map(|t| t as u8);
                read.iter()
                    .rposition(|other| outer(other) && shares(&other.memory))
                    .map(|at| innermost(read, at))
            }
        });
    }
    for (at, r) in read.iter().enumerate() {
        let mut next = parents[at];
        for _ in 0..read.len() {
            next = next.and_then(|parent| parents[parent]);
        }
        // Longer than there are memories: the way up never ends.
        if next.is_some() {
            let item = r.parent.as_ref().map_or(r.item, |(_, item)| item);
            return Err(item.error(Problem::Cycle { key: "parent", name: r.memory.name.clone() }));
        }
    }
    Ok(parents)
}

/// Down the memories only crossed that lie one in the other below a mapped one.
fn innermost(read: &[Read<'_>], mapped: usize) -> usize {
    let inside = |at: &usize| {
        let name = &read[*at].memory.name;
        read.iter()
            .position(|r| r.tier.is_none() && r.parent.as_ref().is_some_and(|(parent, _)| parent == name))
    };
    // Each has one parent, so that the way down from a mapped one never closes.
    std::iter::successors(Some(mapped), inside).last().unwrap_or(mapped)
}

/// A mapped memory lies in a tier further in than the mapped one above it. One only crossed is on the way of everything that leaves
/// the mapped one above it, so that its cost can be charged there.
fn stands(tree: &[Level], at: usize) -> Result<(), String> {
    let Level { memory, parent, mapped } = &tree[at];
    let name = &memory.name;
    let Some(outer) = outer(tree, at) else {
        return match (mapped, memory.tier) {
            (true, Tier::Backing) => Ok(()),
            _ => Err(format!("`{name}` holds nothing that the backing store does")),
        };
    };
    let outer = &tree[outer].memory;
    if *mapped {
        return match memory.tier as u8 > outer.tier as u8 {
            true => Ok(()),
            false => Err(format!("`{name}` lies inside `{}`, whose tier is not further out", outer.name)),
        };
    }
    let missing = |t: &&Tensor| outer.holds[**t as usize] && !memory.holds[**t as usize];
    let missing: Vec<&str> = Tensor::ALL.iter().filter(missing).map(|t| t.name()).collect();
    if !missing.is_empty() {
        return Err(format!(
            "`{name}` has no tier, so that words only cross it, and does not hold {}, which `{}` does",
            missing.join(" and "),
            outer.name
        ));
    }
    let beside = (0..tree.len()).find(|&other| other != at && tree[other].parent == *parent);
    match (beside, parent) {
        (Some(beside), Some(parent)) => Err(format!(
            "`{name}` has no tier, so that words only cross it, but `{}` lies beside it in `{}`: give it `parent = \"{name}\"`, or `{name}` a tier",
            tree[beside].memory.name, tree[*parent].memory.name
        )),
        _ => Ok(()),
    }
}

/// The memories mapping sees: those with a tier, each charged for the ones crossed between it and what it feeds.
pub(super) fn mapped(tree: &[Level]) -> Vec<Memory> {
    let mut memories = Vec::new();
    for (at, level) in tree.iter().enumerate().filter(|(_, level)| level.mapped) {
        let mut memory = level.memory.clone();
        let mut next = inside(tree, at);
        while let Some(crossed) = next {
            cross(&mut memory, &tree[crossed].memory);
            next = inside(tree, crossed);
        }
        memories.push(memory);
    }
    memories
}

fn inside(tree: &[Level], at: usize) -> Option<usize> {
    tree.iter().position(|level| !level.mapped && level.parent == Some(at))
}

/// Every word that leaves or enters `memory` is also written to and read from `crossed`.
///
/// Both ways share its ports. With `r` words in and `w` out through a port of width `b`, `(r + w) / b` is at most the greater of
/// `r / (a b)` and `w / ((1 - a) b)` for every part `a`: time is never short, whatever `a` is. More goes in than comes out.
fn cross(memory: &mut Memory, crossed: &Memory) {
    const INWARD: f64 = 0.75;
    let words = memory.word_bits as f64 / crossed.word_bits as f64;
    let energy = (crossed.read_energy_pj + crossed.write_energy_pj) * words;
    memory.read_energy_pj += energy;
    memory.write_energy_pj += energy;
    let ports = [crossed.read_words_per_cycle, crossed.write_words_per_cycle];
    if let Some(narrow) = ports.into_iter().flatten().reduce(f64::min) {
        let narrow = narrow / words;
        let least = |own: Option<f64>, part: f64| Some(own.map_or(narrow * part, |w| w.min(narrow * part)));
        memory.read_words_per_cycle = least(memory.read_words_per_cycle, INWARD);
        memory.write_words_per_cycle = least(memory.write_words_per_cycle, 1.0 - INWARD);
    }
}
