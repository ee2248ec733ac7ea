//! Sweeps over template parameters, against the whole grid.

use hw::machine::{Layer, Machine, shipped};
use nasc_mapping::nest::{LayerRow, Objective, Options, search};
use nasc_mapping::sweep::{Candidate, Range, RangeError, SweepError, layer_bound, sweep};
use proptest::prelude::*;

fn template() -> Machine {
    let text = r#"inherits = "w1024"
name = "template"

[[parameter]]
name = "columns"
default = 16
min = 2
max = 32
source = "ours"

[[parameter]]
name = "buffer"
default = 512
min = 1
max = 65536
source = "ours"

[[axis]]
name = "columns"
size = "$columns"
source = "ours"

[[axis]]
name = "rows"
size = 8
source = "ours"

[[memory]]
name = "glb"
capacity_words = "$buffer"
source = "ours"
"#;
    Machine::parse(text, "template.toml").unwrap_or_else(|e| panic!("{e}"))
}

fn row(net: &str, count: u64, size: [u64; 8]) -> LayerRow {
    let nest = Layer::new(size, 1).expect("small");
    LayerRow { net: net.into(), layer: format!("{size:?}"), count, nest }
}

fn rows() -> Vec<LayerRow> {
    vec![
        row("a", 1, [1, 1, 8, 4, 4, 4, 3, 1]),
        row("a", 3, [1, 1, 16, 8, 4, 1, 1, 1]),
        row("b", 2, [1, 6, 1, 1, 4, 4, 2, 2]),
        row("b", 1, [1, 1, 16, 8, 4, 1, 1, 1]),
    ]
}

/// A size of its own: elements and a hundredth of the buffer's words.
fn area(machine: &Machine) -> f64 {
    let words: u64 =
        machine.memories.iter().filter(|m| m.name == "glb").filter_map(|m| m.capacity_words).sum();
    machine.elements() as f64 + words as f64 / 100.0
}

fn range(name: &str, from: u64, to: u64, step: u64) -> Range {
    Range { name: name.into(), from, to, step }
}

/// Every setting searched in full, then whatever another covers left out.
fn whole_grid(rows: &[LayerRow], options: &Options, columns: &Range, buffer: &Range) -> Vec<[f64; 3]> {
    let mut all: Vec<[f64; 3]> = Vec::new();
    for columns in (columns.from..=columns.to).step_by(columns.step as usize) {
        for words in (buffer.from..=buffer.to).step_by(buffer.step as usize) {
            let Ok(machine) = template().with(&[("columns", columns), ("buffer", words)]) else { continue };
            let mut figures = [0.0, 0.0, area(&machine)];
            for row in rows {
                let cost = search(&machine, &row.nest, options).expect("fits").points[0].cost;
                figures[0] += cost.cycles * row.count as f64;
                figures[1] += cost.energy_pj * row.count as f64;
            }
            all.push(figures);
        }
    }
    let better = |a: &[f64; 3], b: &[f64; 3]| a != b && (0..3).all(|i| a[i] <= b[i]);
    let mut front: Vec<[f64; 3]> =
        all.iter().filter(|own| !all.iter().any(|other| better(other, own))).copied().collect();
    front.sort_by(|a, b| a.partial_cmp(b).expect("numbers"));
    front.dedup();
    front
}

#[test]
fn the_front_is_that_of_the_whole_grid() {
    let (columns, buffer) = (range("columns", 4, 32, 4), range("buffer", 40, 640, 200));
    for objective in [Objective::Edp, Objective::Latency, Objective::Energy] {
        let options = Options::new(objective);
        let found =
            sweep(&template(), &rows(), &[columns.clone(), buffer.clone()], &options, 0.0, &area, &|| ())
                .unwrap_or_else(|e| panic!("{e}"));
        let front: Vec<[f64; 3]> =
            found.front.iter().map(|c| [c.latency_cycles, c.energy_pj, c.area_mm2]).collect();
        let expected = whole_grid(&rows(), &options, &columns, &buffer);
        assert_eq!(front.len(), expected.len(), "{front:?}\n{expected:?}");
        for (own, whole) in front.iter().zip(&expected) {
            // Sums in another order.
            assert!((0..3).all(|i| (own[i] - whole[i]).abs() <= 1e-9 * whole[i]), "{own:?} {whole:?}");
        }
        assert_eq!((found.settings, found.refused), (32, 0));
        assert!(found.front.iter().all(|c| c.proven_optimal));
        assert_eq!(found.layers_in_grid, 96);
    }
}

#[test]
fn arrays_larger_than_memory_can_feed_are_given_up_by_their_bounds() {
    // 65536 weights at eight words a cycle take 8192 cycles on any array of eight elements or more.
    let rows = [row("a", 1, [1, 1, 256, 256, 1, 1, 1, 1])];
    let (columns, buffer) = (range("columns", 2, 32, 1), range("buffer", 1024, 1024, 1));
    let options = Options::new(Objective::Edp);
    let run = |tolerance| {
        let ranges = [columns.clone(), buffer.clone()];
        sweep(&template(), &rows, &ranges, &options, tolerance, &area, &|| ()).expect("fits")
    };
    let figures = |c: &Candidate| [c.latency_cycles, c.energy_pj, c.area_mm2];
    let exact = run(0.0);
    let whole = whole_grid(&rows, &options, &columns, &buffer);
    assert_eq!(exact.front.iter().map(figures).collect::<Vec<_>>(), whole);
    let near = run(0.005);
    assert!(near.layers_mapped < exact.layers_in_grid / 2, "{near:?}");
    let close = |own: &[f64; 3], other: &[f64; 3]| (0..3).all(|i| own[i] <= other[i] * 1.005);
    for point in &whole {
        assert!(near.front.iter().any(|c| close(&figures(c), point)), "{point:?}");
    }
}

#[test]
fn a_network_has_its_layers_as_often_as_it_says() {
    let options = Options::new(Objective::Edp);
    let ranges = [range("columns", 16, 16, 1)];
    let found = sweep(&template(), &rows(), &ranges, &options, 0.0, &area, &|| ()).expect("fits");
    let [only] = found.front.as_slice() else { panic!("{:?}", found.front) };
    let cost = |at: usize| search(&template(), &rows()[at].nest, &options).expect("fits").points[0].cost;
    assert_eq!(only.networks[0].latency_cycles, cost(0).cycles + 3.0 * cost(1).cycles);
    assert_eq!(only.networks[1].latency_cycles, 2.0 * cost(2).cycles + cost(3).cycles);
    assert_eq!((only.elements, only.buffer_words), (128, 512));
}

#[test]
fn results_do_not_depend_on_threads() {
    let options = Options::new(Objective::Edp);
    let ranges = [range("columns", 2, 12, 5), range("buffer", 100, 700, 300)];
    let run = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
        pool.install(|| sweep(&template(), &rows(), &ranges, &options, 0.0, &area, &|| ())).expect("fits")
    };
    assert_eq!(run(1), run(3));
}

#[test]
fn settings_that_make_no_machine_are_counted_and_all_of_them_refused() {
    let options = Options::new(Objective::Edp);
    // The buffer holds inputs and outputs: one word is too few.
    let found = sweep(&template(), &rows(), &[range("buffer", 1, 401, 200)], &options, 0.0, &area, &|| ());
    assert_eq!(found.expect("two can").refused, 1);
    let none = sweep(&template(), &rows(), &[range("buffer", 1, 1, 1)], &options, 0.0, &area, &|| ());
    assert!(matches!(none, Err(SweepError::None { settings: 1, .. })), "{none:?}");
}

#[test]
fn ranges_are_read_and_refused() {
    let read = |text| Range::parse_list(text);
    assert_eq!(
        read("a=8..32,b=4..9:2,c=3"),
        Ok(vec![range("a", 8, 32, 1), range("b", 4, 9, 2), range("c", 3, 3, 1)])
    );
    for wrong in ["", "a", "a=", "=3", "a=3..", "a=9..3", "a=1..9:0", "a=x", "a=1..2,", "a=-1..3"] {
        assert!(matches!(read(wrong), Err(RangeError::Form { .. })), "{wrong}");
    }
    let refused = |ranges: &[Range]| {
        sweep(&template(), &rows(), ranges, &Options::new(Objective::Edp), 0.0, &area, &|| ())
            .expect_err("refused")
    };
    assert!(refused(&[range("rows", 2, 4, 1)]).to_string().contains("columns, buffer expected"));
    assert!(refused(&[range("columns", 1, 4, 1)]).to_string().contains("2 to 32 expected"));
    assert!(refused(&[range("columns", 2, 4, 1), range("columns", 2, 4, 1)]).to_string().contains("twice"));
    let many = [range("columns", 2, 32, 1), range("buffer", 1, 65536, 1)];
    assert!(refused(&many).to_string().contains("at most 1048576"));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_is_below_the_bound(
        (n, g, k, c) in (1u64..3, 1u64..4, 1u64..40, 1u64..20),
        (p, q, r, s) in (1u64..12, 1u64..12, 1u64..4, 1u64..4),
        stride in 1u64..3,
        objective in prop::sample::select(vec![Objective::Energy, Objective::Latency]),
    ) {
        let layer = Layer::new([n, g, k, c, p, q, r, s], stride).expect("small");
        for name in ["e168", "w1024"] {
            let machine = shipped(name).expect("shipped").expect("reads");
            let bound = layer_bound(&machine, &layer);
            let cost = search(&machine, &layer, &Options::new(objective)).expect("fits").points[0].cost;
            prop_assert!(bound.cycles <= cost.cycles && bound.energy_pj <= cost.energy_pj, "{bound:?} {cost:?}");
            prop_assert!(bound.cycles >= 1.0 && bound.energy_pj > 0.0);
        }
    }
}
