//! No text makes the reader panic, and what it accepts is a machine that mapping can take.

use hw::machine::{Machine, SHIPPED, Tensor, Tier, shipped_text};
use nasc_hw as hw;
use proptest::prelude::*;

fn config(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

/// What every accepted machine has, whatever its file says.
fn hold(machine: &Machine) {
    let backing: Vec<_> = machine.memories.iter().filter(|m| m.tier == Tier::Backing).collect();
    assert_eq!(backing.len(), 1);
    assert_eq!(backing[0].holds, [true; 3]);
    for memory in &machine.memories {
        let held = memory.holds.iter().filter(|h| **h).count() as u64;
        assert!(memory.capacity_words.is_none_or(|words| words >= held), "{}", memory.name);
        for width in [memory.read_words_per_cycle, memory.write_words_per_cycle].into_iter().flatten() {
            assert!(width.is_finite() && width > 0.0, "{}", memory.name);
        }
        for energy in [memory.read_energy_pj, memory.write_energy_pj] {
            assert!(energy.is_finite() && energy >= 0.0, "{}", memory.name);
        }
    }
    for tier in [Tier::Buffer, Tier::Element] {
        for tensor in Tensor::ALL {
            let held = machine.memories.iter().filter(|m| m.tier == tier && m.holds[tensor as usize]);
            assert!(held.count() <= 1);
        }
    }
    assert!((1..=2).contains(&machine.axes.len()) && machine.elements() > 0);
    assert_eq!(machine.tree.iter().filter(|l| l.mapped).count(), machine.memories.len());
    assert!(machine.tree.iter().all(|l| l.parent.is_none_or(|p| p < machine.tree.len())));
    machine.mapping_view(None).expect("its own precision");
}

/// A shipped file with one line or value changed.
fn mutated() -> impl Strategy<Value = String> {
    let values = prop::sample::select(vec![
        "0",
        "-1",
        "1",
        "1e308",
        "-1e308",
        "1e-320",
        "nan",
        "inf",
        "18446744073709551616",
        "0x10",
        "true",
        "\"\"",
        "\"$\"",
        "\"$rows * \"",
        "\"$rows / 0\"",
        "[]",
        "[1]",
        "{}",
        "1979-05-27",
        "\"dram\"",
        "\"glb\"",
        "\"l1\"",
        "\"none\"",
        "\"element\"",
        "[\"input\"]",
        "",
    ]);
    let place = (0..SHIPPED.len(), any::<prop::sample::Index>(), any::<prop::sample::Index>());
    (place, 0..5, values).prop_map(|((file, line, other), kind, value)| {
        let text = shipped_text(SHIPPED[file]).expect("shipped");
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        let (line, other) = (line.index(lines.len()), other.index(lines.len()));
        match kind {
            0 => drop(lines.remove(line)),
            1 => lines.insert(other, lines[line].clone()),
            2 => lines.swap(line, other),
            3 => {
                let key = lines[line].split('=').next().unwrap_or_default().to_owned();
                lines[line] = format!("{key}= {value}");
            }
            _ => {
                let value = lines[other].split('=').nth(1).unwrap_or_default().to_owned();
                let key = lines[line].split('=').next().unwrap_or_default().to_owned();
                lines[line] = format!("{key}={value}");
            }
        }
        lines.join("\n")
    })
}

proptest! {
    #![proptest_config(config(2000))]

    #[test]
    fn a_shipped_file_with_a_change_is_read_or_refused(text in mutated()) {
        match Machine::parse(&text, "changed.toml") {
            Ok(machine) => hold(&machine),
            Err(error) => prop_assert!(error.line >= 1 && !error.to_string().is_empty()),
        }
    }

    #[test]
    fn two_changes_are_read_or_refused(first in mutated(), cut in any::<prop::sample::Index>(), junk in "[\\[\\]={}\"a-z$0-9.\n ]{0,12}") {
        let at = (0..=cut.index(first.len().max(1))).rev().find(|&at| first.is_char_boundary(at)).unwrap_or(0);
        let text = format!("{}{junk}{}", &first[..at], &first[at..]);
        if let Ok(machine) = Machine::parse(&text, "changed.toml") {
            hold(&machine);
        }
    }

    #[test]
    fn any_text_is_read_or_refused(text in "(\\[\\[?(memory|axis|compute|precision|parameter|network)\\]\\]?\n|(name|tier|parent|size|holds|source|assumed|inherits) = (\"[a-z$*/ 0-9]{0,8}\"|[0-9.e-]{1,6}|\\[[\"a-z, ]{0,9}\\])\n|\\PC{0,6}\n){0,20}") {
        if let Ok(machine) = Machine::parse(&text, "any.toml") {
            hold(&machine);
        }
    }
}
