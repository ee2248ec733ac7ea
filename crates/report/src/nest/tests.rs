use super::{Nest, NestMemory, NestTile, Nests, page};

fn nests() -> Nests {
    let tile = |tensor: &str, words| NestTile { tensor: tensor.into(), words, accesses_per_word: 2.5 };
    let memory =
        |name: &str, capacity, tiles| NestMemory { name: name.into(), capacity, energy: 12.0, tiles };
    let nest = Nest {
        name: "net <conv>".into(),
        count: 2,
        macs: 1000,
        cycles: 250,
        energy: 5e3,
        utilisation: 0.5,
        binds: "compute".into(),
        optimum: "proven".into(),
        backing_words: 100.0,
        text: "[dram: weight]\nfor K in 2 tiles of 4\n  spread C by 8 on rows (8 in all)\n    [glb: input]\n    multiply-accumulate\n".into(),
        memories: vec![
            memory("dram", None, vec![tile("weight", 64)]),
            memory("glb", Some(100), vec![tile("input", 50)]),
        ],
    };
    Nests {
        hardware: "small".into(),
        summary: "four elements".into(),
        objective: "edp".into(),
        energy_unit: "pJ".into(),
        peak: 8.0,
        backing: ("dram".into(), Some(4.0)),
        layers: vec![nest],
    }
}

#[test]
fn the_page_is_whole_and_loads_nothing() {
    let page = page(&nests());
    assert!(page.starts_with("<!doctype html>") && page.ends_with("</html>\n"));
    assert!(!page.contains("http") && !page.contains("<script"), "{page}");
    assert!(page.contains("net &lt;conv&gt;") && !page.contains("net <conv>"), "names are escaped");
}

#[test]
fn every_line_of_the_nest_is_drawn_and_memories_show_their_tiles() {
    let page = page(&nests());
    for words in [
        "for K in 2 tiles of 4",
        "spread C by 8 on rows",
        "multiply-accumulate",
        "50 of 100 words",
        "weight 64",
        "2.50 accesses a word",
    ] {
        assert!(page.contains(words), "{words}");
    }
    // Half of the bar's 240 units.
    assert!(page.contains("class=\"input\" x=\"300\"") && page.contains("width=\"120.0\""), "{page}");
}

#[test]
fn the_roofline_names_its_ceilings_and_no_dot_lies_above() {
    let mut nests = nests();
    let drawn = page(&nests);
    assert!(drawn.contains("array: 8 MACs a cycle") && drawn.contains("dram: 4 words a cycle"), "{drawn}");
    assert!(drawn.contains("10.000 MACs a word, 4.000 MACs a cycle"));
    nests.backing.1 = None;
    assert!(page(&nests).contains("array: 8 MACs a cycle"));
    nests.layers.clear();
    assert!(!page(&nests).contains("<circle"));
}

#[test]
fn numbers_of_nothing_do_not_break_the_picture() {
    let mut nests = nests();
    nests.layers[0].memories[1].capacity = Some(0);
    nests.layers[0].cycles = 0;
    let page = page(&nests);
    assert!(!page.contains("NaN") && !page.contains("inf"), "{page}");
}
