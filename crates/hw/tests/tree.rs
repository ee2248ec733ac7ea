//! The memory tree, capacities, units and sources of hardware files: what is made of them, what is refused and where.

use hw::machine::{Fact, Kind, Machine, MachineError, Tier};
use nasc_hw as hw;

/// DRAM, L2, L1 and registers for everything; only L1 has no tier.
const DEEP: &str = r#"name = "deep"
summary = "a core behind two caches"
word_bits = 8
clock_mhz = 1000
input_fetch = "touched"
[compute]
mac_energy_pj = 1
source = "assumed"
[[axis]]
name = "lanes"
size = 4
source = "assumed"
[[memory]]
name = "dram"
tier = "backing"
kind = "dram"
holds = ["weight", "input", "output"]
read_energy_pj_per_word = 100
write_energy_pj_per_word = 120
read_words_per_cycle = 4
source = "a data sheet"
[[memory]]
name = "l2"
tier = "buffer"
parent = "dram"
holds = ["weight", "input", "output"]
capacity_words = 1024
read_energy_pj_per_word = 10
write_energy_pj_per_word = 11
read_words_per_cycle = 64
source = "a data sheet; energy: assumed"
assumed = ["read_energy_pj_per_word", "write_energy_pj_per_word"]
[[memory]]
name = "l1"
parent = "l2"
holds = ["weight", "input", "output"]
capacity_words = 64
word_bits = 16
read_energy_pj_per_word = 2
write_energy_pj_per_word = 4
read_words_per_cycle = 32
write_words_per_cycle = 8
source = "a data sheet"
[[memory]]
name = "sums"
tier = "element"
parent = "l1"
holds = ["output"]
capacity_words = 4
read_energy_pj_per_word = 0.5
write_energy_pj_per_word = 0.5
source = "a data sheet"
"#;

fn read(text: &str) -> Result<Machine, MachineError> {
    Machine::parse(text, "deep.toml")
}

fn refusal(from: &str, to: &str) -> String {
    assert!(DEEP.contains(from), "the file has no {from}");
    read(&DEEP.replacen(from, to, 1)).expect_err("refused").to_string()
}

#[test]
fn a_level_without_tier_is_crossed_on_the_way() {
    let machine = read(DEEP).unwrap();
    let names: Vec<&str> = machine.memories.iter().map(|m| m.name.as_str()).collect();
    assert_eq!(names, ["dram", "l2", "sums"]);
    let l2 = &machine.memories[1];
    // A word of 8 bits is half of one of L1's: (2 + 4) / 2 pJ more each way.
    assert_eq!((l2.read_energy_pj, l2.write_energy_pj), (13.0, 14.0));
    // L1's narrower port takes 8 words of 16 bits, 16 of 8: 12 inward, 4 outward.
    assert_eq!((l2.read_words_per_cycle, l2.write_words_per_cycle), (Some(12.0), Some(4.0)));
    assert_eq!(machine.memories[0].read_energy_pj, 100.0);
    let tree: Vec<_> = machine.tree.iter().map(|l| (l.memory.name.as_str(), l.parent, l.mapped)).collect();
    let expected =
        [("dram", None, true), ("l2", Some(0), true), ("sums", Some(3), true), ("l1", Some(1), false)];
    assert_eq!(tree, expected);
    assert_eq!(machine.tree[1].memory.read_energy_pj, 10.0);
    assert_eq!(machine.tree[3].memory.tier, Tier::Buffer);
    assert_eq!(machine.tree[0].memory.kind, Some(Kind::Dram));
}

#[test]
fn another_level_can_be_the_buffer() {
    let machine = read(DEEP).unwrap();
    assert_eq!(machine.buffer_choices(), ["l2", "l1"]);
    let inner = machine.buffered_at("l1").unwrap();
    let names: Vec<&str> = inner.memories.iter().map(|m| m.name.as_str()).collect();
    assert_eq!(names, ["dram", "l1", "sums"]);
    // Now L2 is on the way between DRAM and L1: 10 + 11 pJ more; its only stated port takes 64 words, more than DRAM gives.
    assert_eq!((inner.memories[0].read_energy_pj, inner.memories[0].write_energy_pj), (121.0, 141.0));
    assert_eq!(
        (inner.memories[0].read_words_per_cycle, inner.memories[0].write_words_per_cycle),
        (Some(4.0), Some(16.0))
    );
    assert_eq!((inner.memories[1].read_energy_pj, inner.memories[1].tier), (2.0, Tier::Buffer));
    assert_eq!(inner.buffered_at("l2").unwrap().memories, machine.memories);
    assert_eq!(machine.buffered_at("l2").unwrap(), machine);
    for (name, problem) in [
        ("l3", "there is no such memory, one of `dram`, `l2`, `sums`, `l1` expected"),
        ("dram", "it is no level between backing store and elements"),
        ("sums", "it is no level between backing store and elements"),
    ] {
        let refused = machine.buffered_at(name).unwrap_err().to_string();
        assert_eq!(refused, format!("`{name}` cannot be the buffer: {problem}"));
    }
    let unlimited = read(&DEEP.replacen("capacity_words = 64\n", "", 1)).unwrap();
    let refused = unlimited.buffered_at("l1").unwrap_err().to_string();
    assert_eq!(refused, "`l1` cannot be the buffer: it has no `capacity_words`");
}

#[test]
fn a_chain_of_crossed_levels_adds_up() {
    let deeper = DEEP.replacen("parent = \"dram\"", "parent = \"l3\"", 1)
        + "[[memory]]\nname = \"l3\"\nparent = \"l4\"\nholds = [\"weight\", \"input\", \"output\"]\nread_energy_pj_per_word = 20\nwrite_energy_pj_per_word = 20\nsource = \"assumed\"\n"
        + "[[memory]]\nname = \"l4\"\nparent = \"dram\"\nholds = [\"weight\", \"input\", \"output\"]\nread_energy_pj_per_word = 30\nwrite_energy_pj_per_word = 30\nread_words_per_cycle = 2\nsource = \"assumed\"\n";
    let machine = read(&deeper).unwrap();
    assert_eq!(machine.memories[0].read_energy_pj, 200.0);
    assert_eq!(machine.memories[0].read_words_per_cycle, Some(1.5));
    assert_eq!(machine.memories[0].write_words_per_cycle, Some(0.5));
}

#[test]
fn a_tree_that_is_none_is_refused() {
    assert_eq!(
        refusal("parent = \"dram\"", "parent = \"sums\""),
        "deep.toml:25: `parent` leads back to `l2`"
    );
    assert_eq!(refusal("parent = \"dram\"", "parent = \"dran\""), "deep.toml:25: no memory named `dran`");
    assert_eq!(refusal("parent = \"dram\"", "parent = \"l2\""), "deep.toml:25: `parent` leads back to `l2`");
    assert_eq!(refusal("parent = \"l2\"\n", ""), "deep.toml:33: [[memory]] without `parent` has no `tier`");
    assert_eq!(
        refusal("tier = \"element\"\nparent = \"l1\"", "tier = \"element\"\nparent = \"l2\""),
        "deep.toml:33: `l1` has no tier, so that words only cross it, but `sums` lies beside it in `l2`: give it `parent = \"l1\"`, or `l1` a tier"
    );
    assert_eq!(
        refusal(
            "parent = \"l2\"\nholds = [\"weight\", \"input\", \"output\"]",
            "parent = \"l2\"\nholds = [\"input\"]"
        ),
        "deep.toml:33: `l1` has no tier, so that words only cross it, and does not hold weight and output, which `l2` does"
    );
    assert_eq!(
        refusal("tier = \"element\"", "tier = \"buffer\"").split(": ").nth(1).unwrap(),
        "output is held by `l2`, `sums` in one tier, one memory expected"
    );
    let inverted = DEEP.replacen(
        "tier = \"buffer\"\nparent = \"dram\"",
        "tier = \"buffer\"\nparent = \"extra\"",
        1,
    ) + "[[memory]]\nname = \"extra\"\ntier = \"element\"\nparent = \"dram\"\nholds = [\"weight\"]\nread_energy_pj_per_word = 0\nwrite_energy_pj_per_word = 0\nsource = \"assumed\"\n";
    assert_eq!(
        read(&inverted).unwrap_err().to_string(),
        "deep.toml:22: `l2` lies inside `extra`, whose tier is not further out"
    );
    assert_eq!(refusal("name = \"l1\"", "name = \"l2\""), "deep.toml:33: two memories are named `l2`");
}

#[test]
fn a_memory_without_room_for_a_word_of_each_tensor_says_which_and_how_many() {
    assert_eq!(
        refusal("capacity_words = 1024", "capacity_words = 1"),
        "deep.toml:27: `l2` holds 1 words, 2 too few for one of each of its tensors: no tile of input and output fits"
    );
    assert_eq!(
        refusal("capacity_words = 4\n", "capacity_words = 1\ndouble_buffered = true\n"),
        "deep.toml:49: `sums` holds 0 words beside those being filled, 1 too few for one of each of its tensors: no tile of output fits"
    );
    assert_eq!(
        refusal("capacity_words = 64", "capacity_words = 0"),
        "deep.toml:37: `capacity_words` is 0, a whole number from 1 to 1125899906842624 expected"
    );
}

#[test]
fn a_wrong_unit_is_told_apart_from_a_wrong_key() {
    for (known, written, unit) in [
        ("clock_mhz", "clock_ghz", "ghz"),
        ("capacity_words", "capacity_kib", "kib"),
        ("read_words_per_cycle", "read_bytes_per_cycle", "bytes"),
        ("read_words_per_cycle", "read_words_per_ns", "ns"),
        ("mac_energy_pj", "mac_energy_J", "J"),
    ] {
        let refused = refusal(known, written);
        let expected = format!("unknown unit `{unit}` in `{written}` of ");
        assert!(
            refused.contains(&expected) && refused.ends_with(&format!("`{known}` expected")),
            "{refused}"
        );
    }
    let refused = refusal("clock_mhz", "clock");
    assert_eq!(
        refused,
        "deep.toml:4: unknown key `clock` in the machine; the nearest known one is `clock_mhz`"
    );
}

#[test]
fn bandwidth_of_nothing_and_numbers_out_of_bounds_are_refused() {
    for (from, to, expected) in [
        ("read_words_per_cycle = 4", "read_words_per_cycle = 0", "more than 0 expected"),
        ("read_words_per_cycle = 4", "read_words_per_cycle = -4", "more than 0 expected"),
        ("read_words_per_cycle = 4", "read_words_per_cycle = 1e-300", "a number from 1e-9 to 1e12 expected"),
        ("read_energy_pj_per_word = 100", "read_energy_pj_per_word = -1", "at least 0 expected"),
        ("read_energy_pj_per_word = 100", "read_energy_pj_per_word = 1e99", "at most 1e12 expected"),
        ("size = 4", "size = 1048577", "a whole number from 1 to 1048576 expected"),
        ("size = 4", "size = 1.5", "a whole number from 1 to 1048576 expected"),
        ("word_bits = 8", "word_bits = 0", "a whole number from 1 to 1024 expected"),
    ] {
        let refused = refusal(from, to);
        assert!(refused.ends_with(expected), "{to}: {refused}");
    }
    let axes = DEEP.to_owned() + &"[[axis]]\nname = \"more\"\nsize = 2\nsource = \"assumed\"\n".repeat(2);
    assert_eq!(read(&axes).unwrap_err().to_string(), "deep.toml:1: 3 axes, one or two expected");
    let many = DEEP.to_owned() + &"[[precision]]\n".repeat(65);
    assert!(read(&many).unwrap_err().to_string().contains("`precision` is 65, at most 64 entries expected"));
    let long = DEEP.to_owned() + &"#".repeat(1 << 18);
    assert!(read(&long).unwrap_err().to_string().contains("at most 262144 bytes expected"));
}

#[test]
fn a_long_chain_of_inheritance_ends() {
    let find = |name: &str| {
        let next: u64 = name.trim_start_matches('m').parse::<u64>().unwrap() + 1;
        Some(format!("inherits = \"m{next}\"\n"))
    };
    let refused = Machine::parse_with("inherits = \"m0\"\n", "m.toml", &[], &find).unwrap_err();
    assert_eq!(refused.to_string(), "m15.toml:1: `inherits` is 17, at most 16 files expected");
}

#[test]
fn every_number_keeps_the_source_of_the_file_that_states_it() {
    let base = read(DEEP).unwrap();
    let find = |facts: &[Fact], item: &str, key: &str| {
        facts.iter().find(|f| f.item == item && f.key == key).cloned().expect("a fact")
    };
    assert!(find(&base.facts, "l2", "read_energy_pj_per_word").assumed);
    assert!(!find(&base.facts, "l2", "capacity_words").assumed);
    assert!(find(&base.facts, "lanes", "size").assumed, "its source begins with `assumed`");
    let own = "name = \"deeper\"\ninherits = \"deep\"\n[[memory]]\nname = \"l2\"\ncapacity_words = 4096\nread_energy_pj_per_word = 12\nsource = \"measured\"\n";
    let machine = Machine::parse_with(own, "deeper.toml", &[], &|_| Some(DEEP.to_owned())).unwrap();
    let (own, kept) = (
        find(&machine.facts, "l2", "read_energy_pj_per_word"),
        find(&machine.facts, "l2", "write_energy_pj_per_word"),
    );
    assert_eq!((own.value.as_str(), own.source.as_deref(), own.assumed), ("12", Some("measured"), false));
    assert_eq!((kept.source.as_deref(), kept.assumed), (Some("a data sheet; energy: assumed"), true));
}

#[test]
fn what_is_marked_assumed_stands_in_the_same_table() {
    assert_eq!(
        refusal("assumed = [\"read_energy_pj_per_word\"", "assumed = [\"read_energy_pj\""),
        "deep.toml:32: no key beside `assumed` named `read_energy_pj`"
    );
    assert_eq!(
        refusal("source = \"a data sheet\"\n", "source = \"a data sheet\"\nassumed = true\n"),
        "deep.toml:22: `assumed` is true or false, a list of keys of its table expected"
    );
}
