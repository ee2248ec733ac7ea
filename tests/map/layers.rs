//! Layer tables and models mapped.

use crate::command::{LAYERS, folder, model, nasc, nasc_in};

#[test]
fn json_is_an_array_with_the_promised_keys() {
    let dir = folder(&[("l.csv", LAYERS)]);
    let found = nasc_in(dir.path(), &["map", "l.csv", "--hardware", "e168", "--json"]).json();
    let layers = found.as_array().expect("an array");
    assert_eq!(layers.len(), 3);
    let keys = [
        "net",
        "layer",
        "count",
        "energy_pj",
        "latency_cycles",
        "edp_pj_cycles",
        "macs_per_cycle",
        "utilisation",
        "mapping",
        "proven_optimal",
        "gap",
        "seconds",
        "mappings_evaluated",
        "energy_breakdown",
    ];
    assert!(layers.iter().all(|layer| keys.iter().all(|key| !layer[key].is_null())), "{found}");
    assert_eq!((&layers[1]["net"], &layers[1]["layer"]), (&"resnet18".into(), &"fc".into()));
    // 512000 weights from the backing store at four words a cycle.
    assert!(layers[1]["latency_cycles"].as_u64() >= Some(128_000), "{found}");
    assert_eq!(layers[0]["energy_pj"], layers[2]["energy_pj"], "one shape, one optimum");
    assert_eq!(layers[2]["seconds"], 0.0, "a shape is searched once");
    assert!(layers.iter().all(|layer| layer["proven_optimal"] == true && layer["gap"] == 0.0));
}

#[test]
fn totals_count_a_layer_as_often_as_its_network_has_it() {
    let dir = folder(&[("l.csv", LAYERS)]);
    let found = nasc_in(dir.path(), &["map", "l.csv", "--hardware", "w1024", "--json"]).json();
    let cycles = |at: usize| found[at]["latency_cycles"].as_u64().expect("a count");
    let total = cycles(0) + 2 * cycles(1) + 3 * cycles(2);
    let table = nasc_in(dir.path(), &["map", "l.csv", "--hardware", "w1024"]).out;
    let last = table.lines().last().expect("a total").replace(',', "");
    assert_eq!(last.split('\t').nth(2), Some(total.to_string().as_str()), "{table}");
}

#[test]
fn each_objective_is_best_at_its_own_figure_and_pareto_holds_the_ends() {
    let dir = folder(&[("l.csv", LAYERS.lines().take(2).collect::<Vec<_>>().join("\n").as_str())]);
    let best = |flags: &[&str], key: &str| {
        let args = [&["map", "l.csv", "--hardware", "e168", "--json"], flags].concat();
        let found = nasc_in(dir.path(), &args).json();
        let figures = found.as_array().expect("an array").iter().map(|l| l[key].as_f64().expect("a figure"));
        figures.fold(f64::INFINITY, f64::min)
    };
    for (objective, key) in [("energy", "energy_pj"), ("latency", "latency_cycles"), ("edp", "edp_pj_cycles")]
    {
        let own = best(&["--objective", objective], key);
        assert_eq!(own, best(&["--pareto"], key), "{objective}");
        for other in ["energy", "latency", "edp"] {
            assert!(own <= best(&["--objective", other], key), "{objective} against {other}");
        }
    }
}

#[test]
fn results_are_the_same_bytes_at_any_number_of_threads() {
    let dir = folder(&[("l.csv", LAYERS)]);
    let run = |threads: &str| {
        let args = ["map", "l.csv", "--hardware", "e168", "--pareto", "--json", "--threads", threads];
        let mut found = nasc_in(dir.path(), &args).json();
        for layer in found.as_array_mut().expect("an array") {
            layer["seconds"] = 0.0.into();
        }
        found.to_string()
    };
    assert_eq!(run("1"), run("3"));
}

#[test]
fn a_nest_prints_from_the_backing_store_to_the_multiply_accumulate() {
    let dir = folder(&[("l.csv", LAYERS)]);
    let ran = nasc_in(dir.path(), &["map", "l.csv", "--hardware", "e168", "--nest"]);
    let order =
        ["[dram: weight, input, output]", "[glb: input, output]", "[psum_rf: output]", "multiply-accumulate"];
    let mut at = 0;
    for line in order {
        at += ran.out[at..].find(line).unwrap_or_else(|| panic!("no {line} in order: {}", ran.out));
    }
}

#[test]
fn the_convolutions_and_products_of_a_model_are_mapped() {
    let ran = nasc(&["map", &model("ic_resnet8_int8.tflite"), "--hardware", "w1024", "--json"]);
    let found = ran.json();
    // 9 convolutions and the classifier; Banbury et al., MLPerf Tiny, 2021, table 1: 12.5 million multiply-accumulates.
    assert_eq!(found.as_array().map(Vec::len), Some(10));
    let macs: u64 = found.as_array().expect("an array").iter().filter_map(|l| l["macs"].as_u64()).sum();
    assert_eq!(macs, 12_501_632);
    assert!(ran.err.contains("no loop nests"), "what is left out is said: {}", ran.err);
}

#[test]
fn a_search_cut_short_says_how_far_it_is() {
    // Large and with many divisors: not proven within a microsecond.
    let dir =
        folder(&[("l.csv", "net,layer,count,N,G,K,C,P,Q,R,S,stride\nvgg,c,1,3,1,512,512,28,28,3,3,1\n")]);
    let ran = nasc_in(dir.path(), &["map", "l.csv", "--hardware", "e168", "--time", "0.001ms", "--json"]);
    let found = ran.json();
    assert_eq!(found[0]["proven_optimal"], false, "{found}");
    let gap = found[0]["gap"].as_f64().expect("a part");
    assert!(gap > 0.0 && gap < 1.0, "{gap}");
}

#[test]
fn a_table_that_is_none_is_refused_on_its_line() {
    let header = "net,layer,count,N,G,K,C,P,Q,R,S,stride\n";
    let cases = [
        ("net,layer\na,b\n", "l.csv:1", "no column"),
        ("", "l.csv:1", "no column"),
        (&format!("{header}a,b,1,1,1,8,8,4,4,3,3\n"), "l.csv:2", "11 cells, 12 expected"),
        (&format!("{header}\na,b,1,1,1,8,x,4,4,3,3,1\n"), "l.csv:3", "`C` is `x`"),
        (&format!("{header}a,b,1,1,1,8,-8,4,4,3,3,1\n"), "l.csv:2", "`C` is `-8`"),
        (&format!("{header}a,b,1,1,1,0,8,4,4,3,3,1\n"), "l.csv:2", "K is 0"),
        (&format!("{header}a,b,1,1,1,8,8,4,4,3,3,0\n"), "l.csv:2", "stride is 0"),
    ];
    for (text, place, words) in cases {
        let dir = folder(&[("l.csv", text)]);
        nasc_in(dir.path(), &["map", "l.csv", "--hardware", "e168"]).refused_with(&[place, words]);
    }
}

#[test]
fn a_layer_whose_dimensions_overflow_is_refused_on_its_line() {
    let header = "net,layer,count,N,G,K,C,P,Q,R,S,stride\na,fine,1,1,1,8,8,4,4,3,3,1\n";
    for (row, words) in [
        ("a,b,1,1,1,99999999999999999999,8,4,4,3,3,1", "`K` is `99999999999999999999`"),
        ("a,b,1,1,1,18446744073709551615,18446744073709551615,4,4,3,3,1", "more than 2^50"),
        ("a,b,1,1,1,4294967296,4294967296,1,1,1,1,1", "more than 2^50"),
        ("a,b,1,1,1,8,8,4,4,3,3,4294967296", "more than 2^50"),
    ] {
        let dir = folder(&[("l.csv", format!("{header}{row}\n").as_str())]);
        nasc_in(dir.path(), &["map", "l.csv", "--hardware", "e168"]).refused_with(&["l.csv:3", words]);
    }
    // A count multiplies nothing but totals, which stop at the largest number there is.
    let dir = folder(&[(
        "l.csv",
        "net,layer,count,N,G,K,C,P,Q,R,S,stride\na,b,18446744073709551615,1,1,8,8,4,4,3,3,1\n",
    )]);
    let ran = nasc_in(dir.path(), &["map", "l.csv", "--hardware", "e168"]);
    assert!(ran.exit.success(), "{}", ran.err);
}

#[test]
fn wrong_flags_are_refused() {
    let dir = folder(&[("l.csv", LAYERS), ("none.csv", "net,layer,count,N,G,K,C,P,Q,R,S,stride\n")]);
    let map = |args: &[&str]| nasc_in(dir.path(), &[&["map"], args].concat());
    map(&["l.csv"]).refused_with(&["--hardware"]);
    map(&["l.csv", "--hardware", "e168", "--time", "soon"]).refused_with(&["--time", "`soon`", "5s"]);
    map(&["l.csv", "--hardware", "e168", "--time=-1s"]).refused_with(&["--time"]);
    map(&["l.csv", "--hardware", "e168", "--objective", "area"]).refused_with(&["energy", "latency", "edp"]);
    map(&["l.csv", "--hardware", "e168", "--threads", "0"]).refused_with(&["--threads"]);
    map(&["l.csv", "--hardware", "e168", "--set", "rows"]).refused_with(&["--set", "NAME=N"]);
    map(&["l.csv", "--hardware", "e168", "--set", "rows=16"]).refused_with(&["no parameter named `rows`"]);
    map(&["none.csv", "--hardware", "e168"]).refused_with(&["nothing to map"]);
    map(&["no-such.csv", "--hardware", "e168"]).refused_with(&["no-such.csv"]);
    map(&[".", "--hardware", "e168"]).refused_with(&["."]);
}

#[test]
fn a_mapping_given_back_is_costed_as_it_was_found() {
    let dir = folder(&[("l.csv", LAYERS.lines().take(2).collect::<Vec<_>>().join("\n").as_str())]);
    let found = nasc_in(dir.path(), &["map", "l.csv", "--hardware", "e168", "--json"]).json();
    std::fs::write(dir.path().join("own.fix"), found[0]["fix"].as_str().expect("a text")).expect("written");
    let args = ["map", "l.csv", "--hardware", "e168", "--fix", "@own.fix", "--json"];
    let again = nasc_in(dir.path(), &args).json();
    for key in ["energy_pj", "latency_cycles", "mapping", "fix"] {
        assert_eq!(again[0][key], found[0][key], "{key}");
    }
}

#[test]
fn a_settled_dataflow_is_kept_and_costs_no_less() {
    let dir = folder(&[("l.csv", LAYERS.lines().take(2).collect::<Vec<_>>().join("\n").as_str())]);
    let map = |fix: &[&str]| {
        let args = [&["map", "l.csv", "--hardware", "w1024", "--json"], fix].concat();
        nasc_in(dir.path(), &args).json()
    };
    let (free, fixed) = (map(&[]), map(&["--fix", "spatial=K:16,C:4,*:1"]));
    assert!(fixed[0]["mapping"].as_str().is_some_and(|m| m.contains("(16 in all)")), "{fixed}");
    assert!(fixed[0]["edp_pj_cycles"].as_f64() >= free[0]["edp_pj_cycles"].as_f64());
    assert!(fixed[0]["macs_per_cycle"].as_f64() <= Some(64.0), "{fixed}");
}

#[test]
fn an_illegal_mapping_is_refused_where_it_is() {
    let dir = folder(&[("l.csv", LAYERS)]);
    let map = |fix: &str| nasc_in(dir.path(), &["map", "l.csv", "--hardware", "e168", "--fix", fix]);
    map("spatial=K:128,C:64,*:1").refused_with(&["resnet18 l2_ds", "8192 elements", "14x12"]);
    map("spatial=*:1;pe=K:128,*:1;slice=none").refused_with(&["resnet18 l2_ds", "psum_rf"]);
    map("spatial=Z:3").refused_with(&["--fix", "`Z", "N, G, K, C"]);
    map("tile=K:3").refused_with(&["--fix", "`tile`", "spatial"]);
    map("pe=K:0").refused_with(&["--fix", "K:0"]);
    map("@no-such.fix").refused_with(&["no-such.fix"]);
}

#[test]
fn a_folder_gets_the_figures_and_a_page_with_every_nest() {
    let dir = folder(&[("l.csv", LAYERS)]);
    let args = ["map", "l.csv", "--hardware", "e168", "-o", "out", "--json"];
    let ran = nasc_in(dir.path(), &args);
    assert!(ran.exit.success(), "{}", ran.err);
    let read = |name: &str| std::fs::read_to_string(dir.path().join("out").join(name)).expect("written");
    assert_eq!(read("mapping.json"), ran.out);
    let page = read("report.html");
    assert_eq!(page.matches("<svg class=\"nest\"").count(), 3);
    for words in
        ["Roofline", "psum_rf", "accesses a word", "array: 168 MACs a cycle", "dram: 8 words a cycle"]
    {
        assert!(page.contains(words), "{words}");
    }
    // Once more over its own, never over a folder of the user's.
    assert!(nasc_in(dir.path(), &args).exit.success());
    std::fs::create_dir(dir.path().join("thesis")).expect("a folder");
    std::fs::write(dir.path().join("thesis/chapter1.tex"), "precious").expect("written");
    nasc_in(dir.path(), &["map", "l.csv", "--hardware", "e168", "-o", "thesis"]).refused_with(&["thesis"]);
}

const TEMPLATE: &str = r#"inherits = "w1024"
name = "template"

[[parameter]]
name = "columns"
default = 32
min = 4
max = 64
source = "ours"

[[axis]]
name = "columns"
size = "$columns"
source = "ours"
"#;

#[test]
fn a_sweep_gives_a_front_with_areas_and_says_what_it_saved() {
    let dir = folder(&[("l.csv", LAYERS), ("t.toml", TEMPLATE)]);
    let sweep = |more: &[&str]| {
        let args = [&["map", "l.csv", "--hardware", "t.toml", "--sweep"], more].concat();
        nasc_in(dir.path(), &args)
    };
    let found = sweep(&["columns=4..64:12", "--json"]).json();
    let front = found["front"].as_array().expect("a list");
    assert!(!front.is_empty() && found["settings"] == 6, "{found}");
    for pair in front.windows(2) {
        // By rising latency: what is slower is smaller or takes less energy.
        let figure = |at: usize, key: &str| pair[at][key].as_f64().expect("a figure");
        assert!(figure(0, "latency_cycles") <= figure(1, "latency_cycles"));
        let less = |key: &str| figure(1, key) < figure(0, key);
        assert!(less("area_mm2") || less("energy_pj"), "{found}");
    }
    assert!(front.iter().all(|c| c["parameters"]["columns"].is_u64() && c["area_mm2"].as_f64() > Some(0.0)));
    let table = sweep(&["columns=4..64:12"]).out;
    assert!(table.contains("columns=") && table.contains("given up by bounds"), "{table}");
    sweep(&["columns=4..65"]).refused_with(&["--sweep", "4 to 64"]);
    sweep(&["rows=4..8"]).refused_with(&["--sweep", "columns expected"]);
    sweep(&["columns"]).refused_with(&["--sweep", "rows=8..32"]);
    sweep(&["columns=4..64", "--tolerance", "2"]).refused_with(&["--tolerance"]);
}

#[test]
fn what_a_cache_holds_is_not_searched_and_comes_out_the_same() {
    let dir = folder(&[("l.csv", LAYERS)]);
    let map = |more: &[&str]| {
        let args = [&["map", "l.csv", "--hardware", "e168", "--json"], more].concat();
        let mut found = nasc_in(dir.path(), &args).json();
        for layer in found.as_array_mut().expect("an array") {
            layer["seconds"] = 0.0.into();
        }
        found
    };
    let without = map(&[]);
    assert_eq!(std::fs::read_dir(dir.path()).expect("a folder").count(), 1, "nothing is kept unasked");
    assert_eq!(map(&["--cache", "kept"]), without);
    assert!(dir.path().join("kept").read_dir().expect("made").next().is_some());
    assert_eq!(map(&["--cache", "kept"]), without);
    // A cache that was torn is searched again.
    for entry in dir.path().join("kept").read_dir().expect("made") {
        let path = entry.expect("an entry").path();
        let text = std::fs::read_to_string(&path).expect("text");
        std::fs::write(&path, &text[..text.len() / 2]).expect("written");
    }
    assert_eq!(map(&["--cache", "kept"]), without);
    nasc_in(dir.path(), &["map", "l.csv", "--hardware", "e168", "--cache", "l.csv"]).refused_with(&["l.csv"]);
}

/// Timeloop's problem of a 3x3 layer of 8 by 8 channels: <https://timeloop.csail.mit.edu/v4/input-formats/problem>.
const PROBLEM: &str = "problem:
  version: 0.4
  shape: cnn_layer
  instance: {C: 8, K: 8, R: 3, S: 3, P: 6, Q: 6, N: 1, Wstride: 1, Hstride: 1, Wdilation: 1, Hdilation: 1}
";

#[test]
fn a_workload_of_timeloop_is_mapped_as_the_table_that_says_the_same() {
    let table = "net,layer,count,N,G,K,C,P,Q,R,S,stride\na,b,1,1,1,8,8,6,6,3,3,1\n";
    let dir = folder(&[("one.yaml", PROBLEM), ("l.csv", table)]);
    let map = |file: &str| nasc_in(dir.path(), &["map", file, "--hardware", "e168", "--json"]).json();
    let (workload, table) = (map("one.yaml"), map("l.csv"));
    for key in ["energy_pj", "latency_cycles", "mapping", "macs"] {
        assert_eq!(workload[0][key], table[0][key], "{key}");
    }
    std::fs::write(dir.path().join("bad.yaml"), PROBLEM.replace("C: 8", "C: x")).expect("written");
    nasc_in(dir.path(), &["map", "bad.yaml", "--hardware", "e168"]).refused_with(&["bad.yaml:4"]);
    std::fs::write(dir.path().join("other.yaml"), "a: 1\n").expect("written");
    nasc_in(dir.path(), &["map", "other.yaml", "--hardware", "e168"]).refused_with(&["other.yaml:1"]);
}

#[test]
fn a_single_mapping_is_written_for_timeloop() {
    let dir = folder(&[("one.yaml", PROBLEM), ("l.csv", LAYERS)]);
    let ran = nasc_in(dir.path(), &["map", "one.yaml", "--hardware", "w1024", "-o", "map.yaml"]);
    assert!(ran.exit.success(), "{}", ran.err);
    let text = std::fs::read_to_string(dir.path().join("map.yaml")).expect("written");
    for words in ["mapping:", "factors:", "permutation:", "target:"] {
        assert!(text.contains(words), "{words}: {text}");
    }
    nasc_in(dir.path(), &["map", "l.csv", "--hardware", "w1024", "-o", "all.yaml"]).refused_with(&["not 3"]);
}
