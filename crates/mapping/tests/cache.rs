//! Results kept: the same as searched, across threads, processes and damage.

use hw::machine::{Layer, Machine, shipped};
use nasc_mapping::nest::{Cache, Fix, Objective, Options, Outcome, SearchError, conflicts, search};
use std::path::PathBuf;

fn w1024() -> Machine {
    shipped("w1024").unwrap().unwrap()
}

fn layers() -> Vec<Layer> {
    let sizes = [
        ([1, 1, 64, 64, 28, 14, 3, 1], 1),
        ([1, 1, 64, 64, 14, 28, 1, 3], 1),
        ([1, 1, 32, 16, 1, 1, 1, 1], 2),
        ([1, 1, 32, 16, 7, 7, 1, 1], 2),
        ([7, 1, 32, 16, 7, 1, 1, 1], 1),
        ([1, 8, 1, 1, 9, 9, 3, 3], 2),
    ];
    sizes.map(|(size, stride)| Layer::new(size, stride).unwrap()).to_vec()
}

fn scores(outcome: &Outcome) -> Vec<(f64, f64)> {
    outcome.points.iter().map(|p| (p.cost.energy_pj, p.cost.cycles)).collect()
}

fn files(folder: &std::path::Path) -> Vec<PathBuf> {
    let mut all: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|f| f.unwrap().path()).collect();
    all.sort();
    all
}

#[test]
fn a_kept_result_is_what_a_search_finds() {
    let (cache, machine) = (Cache::in_memory(), w1024());
    for objective in [Objective::Edp, Objective::Pareto] {
        let options = Options::new(objective);
        for layer in layers() {
            let searched = search(&machine, &layer, &options).unwrap();
            for _ in 0..2 {
                let kept = cache.search(&machine, &layer, &options).unwrap();
                assert_eq!(scores(&kept), scores(&searched), "{layer:?}");
                for point in &kept.points {
                    assert!(conflicts(&machine, &layer, &point.mapping).is_empty());
                }
            }
        }
    }
}

#[test]
fn layers_that_are_one_by_symmetry_are_searched_once() {
    let (cache, machine, options) = (Cache::in_memory(), w1024(), Options::new(Objective::Edp));
    let evaluated: Vec<u64> = layers()
        .iter()
        .map(|layer| cache.search(&machine, layer, &options).unwrap().mappings_evaluated)
        .collect();
    assert_eq!(evaluated[0], evaluated[1]);
    assert_eq!(evaluated[3], evaluated[4]);
    // With a part settled, rows are not columns.
    let fixed = Options { fix: Fix::parse("spatial=P:7").unwrap(), ..options };
    let of = |at: usize| cache.search(&machine, &layers()[at], &fixed).unwrap().points[0].mapping.spatial;
    assert_eq!((of(0)[4], of(1)[4]), (7, 7));
}

#[test]
fn a_folder_holds_the_same_bytes_however_many_threads_searched() {
    let write = |threads: usize| {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::open(folder.path());
        let (machine, layers) = (w1024(), layers());
        std::thread::scope(|scope| {
            for part in 0..threads {
                let (cache, machine, layers) = (&cache, &machine, &layers);
                scope.spawn(move || {
                    for layer in layers.iter().cycle().skip(part).take(layers.len()) {
                        cache.search(machine, layer, &Options::new(Objective::Edp)).unwrap();
                    }
                });
            }
        });
        cache.save().unwrap();
        let files = files(folder.path());
        assert_eq!(files.len(), 1);
        std::fs::read_to_string(&files[0]).unwrap()
    };
    assert_eq!(write(1), write(4));
}

#[test]
fn what_is_damaged_is_searched_again_and_written_anew() {
    let folder = tempfile::tempdir().unwrap();
    let (machine, options) = (w1024(), Options::new(Objective::Edp));
    let run = || {
        let cache = Cache::open(folder.path());
        let found: Vec<_> =
            layers().iter().map(|l| scores(&cache.search(&machine, l, &options).unwrap())).collect();
        cache.save().unwrap();
        (found, std::fs::read(&files(folder.path())[0]).unwrap())
    };
    let (first, bytes) = run();
    let path = files(folder.path())[0].clone();
    let text = String::from_utf8(bytes.clone()).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let damaged = [
        text.replace("pe=K:", "pe=K:9"),
        format!("{}\nnot json\n{}", lines[0], lines[2..].join("\n")),
        lines[..2].join("\n") + &lines[2][..lines[2].len() / 2],
        text.replacen("0.1.0", "0.0.9", 1),
        "\u{0}".into(),
        String::new(),
    ];
    for damage in damaged {
        std::fs::write(&path, damage).unwrap();
        assert_eq!(run(), (first.clone(), bytes.clone()));
    }
    assert_eq!(files(folder.path()).len(), 1, "no temporary file is left");
}

#[test]
fn a_machine_with_another_memory_has_another_file_and_a_refusal_is_not_kept() {
    let folder = tempfile::tempdir().unwrap();
    let cache = Cache::open(folder.path());
    let (mut machine, options) = (w1024(), Options::new(Objective::Edp));
    cache.search(&machine, &layers()[2], &options).unwrap();
    machine.memories[1].capacity_words = Some(100);
    cache.search(&machine, &layers()[2], &options).unwrap();
    machine.memories[1].capacity_words = Some(1);
    let refused = cache.search(&machine, &layers()[2], &options).unwrap_err();
    assert!(matches!(refused, SearchError::Capacity { .. }));
    cache.save().unwrap();
    assert_eq!(files(folder.path()).len(), 2);
}
