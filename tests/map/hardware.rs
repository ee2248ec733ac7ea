//! Machines listed, shown and refused.

use crate::command::{LAYERS, Ran, folder, nasc, nasc_in};

#[test]
fn machines_are_listed_with_what_they_rest_on() {
    let found = nasc(&["hardware", "--json"]).json();
    let machines = found["machines"].as_array().expect("a list");
    for name in ["e168", "w1024"] {
        assert!(machines.iter().any(|m| m["name"] == name), "{name}");
    }
    for machine in machines {
        let facts = machine["facts"].as_array().expect("a list");
        assert!(!facts.is_empty() && facts.iter().all(|f| !f["assumed"].is_null()), "{}", machine["name"]);
    }
    let table = nasc(&["hardware"]).out;
    assert_eq!(table.lines().count(), machines.len() + 1);
}

#[test]
fn a_machine_is_shown_with_the_source_of_every_number() {
    let ran = nasc(&["hardware", "e168"]);
    for words in ["14", "12", "weight_rf", "51200", "ISCA 2016", "attested"] {
        assert!(ran.out.contains(words), "{words}: {}", ran.out);
    }
    nasc(&["hardware", "e186"]).refused_with(&["nearest is `e168`", "w1024"]);
}

/// A small machine that is sound, with `word` replaced by `by`.
fn check(word: &str, by: &str) -> Ran {
    const SOUND: &str = r#"name = "small"
summary = "four elements"
word_bits = 8
input_fetch = "touched"

[compute]
mac_energy_pj = 1
source = "assumed"

[[axis]]
name = "columns"
size = 4
source = "assumed"

[[memory]]
name = "dram"
tier = "backing"
holds = ["weight", "input", "output"]
read_energy_pj_per_word = 200
write_energy_pj_per_word = 200
read_words_per_cycle = 4
source = "assumed"

[[memory]]
name = "glb"
tier = "buffer"
holds = ["input", "output"]
capacity_words = 64
read_energy_pj_per_word = 6
write_energy_pj_per_word = 6
source = "assumed"
"#;
    assert!(word.is_empty() || SOUND.contains(word), "{word}");
    let dir = folder(&[("h.toml", SOUND.replacen(word, by, 1).as_str()), ("l.csv", LAYERS)]);
    let checked = nasc_in(dir.path(), &["hardware", "check", "h.toml"]);
    let mapped = nasc_in(dir.path(), &["map", "l.csv", "--hardware", "h.toml"]);
    assert_eq!(checked.exit.success(), mapped.exit.success(), "{}\n{}", checked.err, mapped.err);
    checked
}

#[test]
fn a_sound_file_is_answered_with_what_was_understood() {
    let ran = check("", "");
    assert!(ran.exit.success(), "{}", ran.err);
    assert!(ran.out.contains("small: four elements") && ran.out.contains("4 elements"), "{}", ran.out);
}

#[test]
fn an_unknown_key_is_answered_with_the_nearest_on_its_line() {
    check("capacity_words", "capacty_words").refused_with(&[
        "h.toml:28",
        "`capacty_words`",
        "`capacity_words`",
    ]);
    check("word_bits = 8", "word_bites = 8").refused_with(&["h.toml:3", "`word_bites`", "`word_bits`"]);
}

#[test]
fn an_unknown_unit_is_named() {
    check("mac_energy_pj", "mac_energy_fj").refused_with(&["h.toml:7", "`fj`", "`mac_energy_pj`"]);
    check("capacity_words", "capacity_kib").refused_with(&["h.toml:28", "`capacity_words`"]);
}

#[test]
fn a_bandwidth_of_nothing_is_refused() {
    for by in ["read_words_per_cycle = 0", "read_words_per_cycle = -4", "read_words_per_cycle = 0.0"] {
        check("read_words_per_cycle = 4", by).refused_with(&[
            "h.toml:21",
            "read_words_per_cycle",
            "more than 0",
        ]);
    }
    check("read_words_per_cycle = 4", "read_words_per_cycle = inf").refused_with(&["h.toml:21"]);
}

#[test]
fn a_capacity_too_small_for_any_tile_says_for_which_tensor_and_by_how_much() {
    check("capacity_words = 64", "capacity_words = 1").refused_with(&[
        "h.toml:",
        "`glb`",
        "1 too few",
        "output",
    ]);
    check("capacity_words = 64", "capacity_words = 2\ndouble_buffered = true").refused_with(&[
        "h.toml:",
        "`glb`",
        "1 too few",
    ]);
}

#[test]
fn files_that_inherit_from_each_other_are_refused() {
    let dir = folder(&[("a.toml", "inherits = \"b\"\n"), ("b.toml", "\ninherits = \"a\"\n")]);
    for command in [&["hardware", "check", "a.toml"][..], &["map", "l.csv", "--hardware", "a.toml"]] {
        nasc_in(dir.path(), command).refused_with(&["toml:", "leads back"]);
    }
}

#[test]
fn what_a_file_inherits_is_named_where_it_is_wrong() {
    let dir = folder(&[("a.toml", "inherits = \"b\"\n"), ("b.toml", "inherits = \"e168\"\nvoltage = 3\n")]);
    nasc_in(dir.path(), &["hardware", "check", "a.toml"]).refused_with(&["b.toml:2", "`voltage`"]);
    let dir = folder(&[("a.toml", "inherits = \"no-such\"\n")]);
    nasc_in(dir.path(), &["hardware", "check", "a.toml"]).refused_with(&["a.toml:1", "`no-such`"]);
}

#[test]
fn what_is_no_hardware_file_is_refused() {
    let dir = folder(&[("l.csv", LAYERS), ("empty.toml", ""), ("torn.toml", "name = \"x\n")]);
    let check = |file: &str| nasc_in(dir.path(), &["hardware", "check", file]);
    check("no-such.toml").refused_with(&["no-such.toml"]);
    check("l.csv").refused_with(&["l.csv:1"]);
    check("empty.toml").refused_with(&["empty.toml:1"]);
    check("torn.toml").refused_with(&["torn.toml:1"]);
    check(".").refused_with(&["."]);
    let error = nasc_in(dir.path(), &["hardware", "check", "torn.toml", "--json"]).json();
    assert_eq!(error["error"]["findings"][0]["line"], 1);
}

#[test]
fn parameters_of_a_template_are_set_within_their_range() {
    let text = r#"inherits = "e168"
name = "template"

[[parameter]]
name = "columns"
default = 14
min = 4
max = 32
source = "ours"

[[axis]]
name = "columns"
size = "$columns"
source = "ours"
"#;
    let dir = folder(&[("t.toml", text), ("l.csv", LAYERS)]);
    let elements = |set: &str| {
        nasc_in(dir.path(), &["hardware", "check", "t.toml", "--set", set, "--json"]).json()["elements"]
            .clone()
    };
    assert_eq!((elements("columns=14"), elements("columns=32")), (168.into(), 384.into()));
    nasc_in(dir.path(), &["hardware", "check", "t.toml", "--set", "columns=33"]).refused_with(&["4 to 32"]);
    let mapped =
        nasc_in(dir.path(), &["map", "l.csv", "--hardware", "t.toml", "--set", "columns=4", "--json"]).json();
    assert!(mapped[0]["macs_per_cycle"].as_f64() <= Some(48.0), "{mapped}");
}
