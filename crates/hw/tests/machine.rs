//! Hardware files: what is read, what is inherited, what is refused and where.

use hw::machine::{Dim, Layer, LayerError, Machine, Tensor, Tier, shipped};
use nasc_hw as hw;

const SMALL: &str = r#"
name = "small"
summary = "two elements"
word_bits = 8
input_fetch = "box"
[compute]
mac_energy_pj = 0.2
source = "assumed"
[[parameter]]
name = "rows"
default = 2
min = 1
max = 8
source = "assumed"
[[axis]]
name = "rows"
size = "$rows"
dims = ["K", "C"]
source = "assumed"
[[memory]]
name = "dram"
tier = "backing"
holds = ["weight", "input", "output"]
read_energy_pj_per_word = 100
write_energy_pj_per_word = 120
read_words_per_cycle = 4
source = "assumed"
"#;

fn refusal(text: &str) -> String {
    Machine::parse(text, "small.toml").expect_err("refused").to_string()
}

#[test]
fn a_file_becomes_a_machine() {
    let machine = Machine::parse(SMALL, "small.toml").unwrap();
    assert_eq!(machine.elements(), 2);
    assert!(machine.axes[0].dims[Dim::K as usize] && !machine.axes[0].dims[Dim::P as usize]);
    assert_eq!(machine.holder(Tier::Backing, Tensor::Input), Some(0));
    assert_eq!(machine.holder(Tier::Buffer, Tensor::Input), None);
}

#[test]
fn a_parameter_is_set_within_its_range() {
    let find = |_: &str| None;
    assert_eq!(Machine::parse_with(SMALL, "small.toml", &[("rows", 8)], &find).unwrap().elements(), 8);
    let refused = Machine::parse_with(SMALL, "small.toml", &[("rows", 9)], &find).unwrap_err().to_string();
    assert_eq!(refused, "small.toml:9: `rows` is 9, 1 to 8 expected");
    let refused = Machine::parse_with(SMALL, "small.toml", &[("cols", 1)], &find).unwrap_err().to_string();
    assert_eq!(refused, "small.toml:1: no parameter named `cols`");
}

#[test]
fn an_inherited_file_is_changed_key_by_key_and_memory_by_memory() {
    let text = "name = \"e168n\"\ninherits = \"e168\"\n[[memory]]\nname = \"glb\"\ncapacity_words = 1024\ndouble_buffered = true\n";
    let machine = Machine::parse(text, "e168n.toml").unwrap();
    let base = shipped("e168").unwrap().unwrap();
    assert_eq!(machine.memories[1].capacity_words, Some(512)); // 1024 words, half for the next tile
    assert_eq!(machine.memories[1].read_energy_pj, 6.0);
    assert_eq!(machine.memories[2..], base.memories[2..]);
    assert_eq!(machine.axes, base.axes);
}

#[test]
fn every_refusal_names_file_line_and_expectation() {
    let unknown = SMALL.replace("mac_energy_pj", "mac_enrgy_pj");
    assert_eq!(
        refusal(&unknown),
        "small.toml:7: unknown key `mac_enrgy_pj` in [compute]; the nearest known one is `mac_energy_pj`"
    );
    let unit = SMALL.replace("read_energy_pj_per_word", "read_energy_nj_per_word");
    assert_eq!(
        refusal(&unit),
        "small.toml:24: unknown unit `nj` in `read_energy_nj_per_word` of [[memory]], `read_energy_pj_per_word` expected"
    );
    let zero = SMALL.replace("read_words_per_cycle = 4", "read_words_per_cycle = 0");
    assert_eq!(refusal(&zero), "small.toml:26: `read_words_per_cycle` is 0, more than 0 expected");
    let word = SMALL.replace("\"backing\"", "\"bakcing\"");
    assert_eq!(
        refusal(&word),
        "small.toml:22: `tier` is `bakcing`, one of `backing`, `buffer`, `element` expected"
    );
    let missing = SMALL.replace("word_bits = 8\n", "");
    assert_eq!(refusal(&missing), "small.toml:1: the machine has no `word_bits`");
    let partial = SMALL.replace("\"weight\", \"input\"", "\"weight\"");
    assert_eq!(
        refusal(&partial),
        "small.toml:1: `dram` backs the machine: it holds all three tensors without a capacity"
    );
    let text = SMALL.replace("mac_energy_pj = 0.2", "mac_energy_pj = \"cheap\"");
    assert_eq!(refusal(&text), "small.toml:7: `mac_energy_pj` is text, a number expected");
    assert!(refusal("name = ").starts_with("small.toml:1: "));
    assert!(refusal("name = inf").contains("expected"));
}

#[test]
fn inheritance_that_leads_back_is_refused() {
    let find = |name: &str| Some(format!("inherits = \"{}\"\n", if name == "a" { "b" } else { "a" }));
    let refused = Machine::parse_with("inherits = \"a\"\n", "c.toml", &[], &find).unwrap_err().to_string();
    assert_eq!(refused, "b.toml:1: `inherits` leads back to `a`");
    assert_eq!(refusal("inherits = \"e1680\"\n"), "small.toml:1: no machine named `e1680`");
}

#[test]
fn a_layer_that_cannot_be_counted_is_refused() {
    assert_eq!(Layer::new([1, 1, 0, 1, 1, 1, 1, 1], 1), Err(LayerError::Zero { what: "K".into() }));
    assert_eq!(Layer::new([1; 8], 0), Err(LayerError::Zero { what: "stride".into() }));
    assert_eq!(Layer::new([u64::MAX; 8], 1), Err(LayerError::TooLarge));
    assert_eq!(Layer::new([1; 8], u64::MAX), Err(LayerError::TooLarge));
    assert_eq!(Layer::new([2, 1, 3, 4, 5, 5, 1, 1], 1).unwrap().macs(), 600);
}
