//! The hardware files of the guide are read as they stand.

use hw::machine::Machine;
use nasc_hw as hw;

const GUIDE: &str = include_str!("../../../docs/describe-hardware.md");

/// The guide's TOML blocks.
fn blocks() -> Vec<&'static str> {
    GUIDE.split("```toml\n").skip(1).map(|rest| rest.split("```").next().expect("it ends")).collect()
}

#[test]
fn the_whole_files_of_the_guide_are_machines() {
    let whole: Vec<_> = blocks().into_iter().filter(|b| b.starts_with("name = ")).collect();
    assert_eq!(whole.len(), 2);
    for text in whole {
        let machine = Machine::parse(text, "guide.toml").unwrap_or_else(|e| panic!("{e}"));
        assert!(machine.elements() >= 64);
    }
}

#[test]
fn the_parts_of_the_guide_fit_the_schema() {
    for part in blocks().into_iter().filter(|b| !b.starts_with("name = ")) {
        // A part with a buffer for everything stands in for the file's own.
        let base =
            if part.contains("name = \"l2\"") { without_sram(blocks()[0]) } else { blocks()[0].to_owned() };
        let text = format!("name = \"part\"\ninherits = \"whole\"\n{part}");
        let machine = Machine::parse_with(&text, "part.toml", &[], &|_| Some(base.clone()));
        let machine = machine.unwrap_or_else(|e| panic!("{part}\n{e}"));
        if part.contains("name = \"l1\"") {
            assert_eq!(machine.memories[1].read_energy_pj, 5.5);
        }
    }
}

fn without_sram(text: &str) -> String {
    let tables = text.split("[[memory]]\n").filter(|table| !table.starts_with("name = \"sram\""));
    tables.collect::<Vec<_>>().join("[[memory]]\n")
}
