//! The search against every mapping of its space on small layers, and against published results on whole ones.

use check::nest::{bounds, legality, walk};
use cost::nest::Model;
use hw::machine::{Dim, Fetch, Layer, Machine, Mapping, PerDim, Slice, Tensor, Tier, shipped};
use nasc_mapping::nest::{Objective, Options, map_layers, parse_layers, search};
use proptest::prelude::*;

const TABLE: &str = "net,layer,count,N,G,K,C,P,Q,R,S,stride
resnet18,l1_3x3,4,1,1,64,64,56,56,3,3,1
resnet18,l2_s2,1,1,1,128,64,28,28,3,3,2
resnet18,l4_ds,1,1,1,512,256,7,7,1,1,2
resnet18,fc,1,1,1,1000,512,1,1,1,1,1
";

/// `ceil(size / q)` for every `q`, the plain way.
fn parts(size: u64) -> Vec<u64> {
    let mut all: Vec<u64> = (1..=size).map(|q| size.div_ceil(q)).collect();
    all.sort_unstable();
    all.dedup();
    all
}

fn small_machine(element: [u64; 3], buffer: u64, sides: [u64; 2], shared: bool) -> Machine {
    let mut machine = shipped("e168").unwrap().unwrap();
    machine.axes.iter_mut().zip(sides).for_each(|(axis, size)| axis.size = size);
    for memory in &mut machine.memories {
        match memory.tier {
            Tier::Backing => {}
            Tier::Buffer => {
                memory.capacity_words = Some(buffer);
                memory.may_bypass = [false, false, shared];
            }
            Tier::Element => {
                let at = memory.holds.iter().position(|&h| h).unwrap();
                memory.capacity_words = Some(element[at]);
            }
        }
    }
    machine
}

/// Every order of the loops that are loops, the others outermost.
fn orders(layer: &Layer) -> Vec<[Dim; 8]> {
    let (loops, rest): (Vec<Dim>, Vec<Dim>) = Dim::ALL.into_iter().partition(|&d| layer.size[d as usize] > 1);
    let mut orders = vec![Vec::new()];
    for dim in loops {
        let insert = |order: Vec<Dim>| (0..=order.len()).map(move |i| (i, order.clone())).collect::<Vec<_>>();
        let placed = orders.into_iter().flat_map(insert);
        orders = placed
            .map(|(i, mut order)| {
                order.insert(i, dim);
                order
            })
            .collect();
    }
    orders
        .iter()
        .map(|order| order.iter().chain(&rest).copied().collect::<Vec<_>>().try_into().unwrap())
        .collect()
}

/// Least energy, latency and energy-delay product of the whole space.
fn exhaustive(machine: &Machine, layer: &Layer) -> [f64; 3] {
    let mut tiles: Vec<[PerDim; 3]> = vec![[[1; 8]; 3]];
    for d in 0..8 {
        let size = layer.size[d];
        let mut next = Vec::new();
        for s in parts(size) {
            for t in parts(size.div_ceil(s)) {
                for j in parts(size.div_ceil(s * t)) {
                    next.extend(tiles.iter().map(|tile| {
                        let mut tile = *tile;
                        (tile[0][d], tile[1][d], tile[2][d]) = (s, t, s * t * j);
                        tile
                    }));
                }
            }
        }
        tiles = next;
    }
    let slices = [
        None,
        Some((Dim::K, Tensor::Weight)),
        Some((Dim::K, Tensor::Output)),
        Some((Dim::C, Tensor::Weight)),
        Some((Dim::C, Tensor::Input)),
    ];
    let orders = orders(layer);
    let mut best = [f64::INFINITY; 3];
    for [spatial, pe, buffer] in tiles {
        let Some(axes) = lay(machine, &spatial) else { continue };
        for slice in slices {
            let slice = slice.map(|(dim, tensor)| Slice { dim, tensor });
            for passes in [false, true] {
                let bypass = [true, false, passes];
                let mut mapping = Mapping { pe, spatial, axes, buffer, order: [orders[0]; 2], slice, bypass };
                if legality(machine, layer, &mapping).is_err() {
                    continue;
                }
                let model = Model::new(machine, layer, bypass);
                for inner in &orders {
                    for outer in &orders {
                        mapping.order = [*inner, *outer];
                        let cost = model.cost(&mapping);
                        for (best, found) in best.iter_mut().zip([cost.energy_pj, cost.cycles, cost.edp()]) {
                            *best = best.min(found);
                        }
                    }
                }
            }
        }
    }
    best
}

/// Loops on two axes, the plain way.
fn lay(machine: &Machine, spatial: &PerDim) -> Option<[PerDim; 2]> {
    let mut ways: Vec<[PerDim; 2]> = vec![[[1; 8]; 2]];
    for d in 0..8 {
        let split = |axes: [PerDim; 2]| {
            (1..=spatial[d]).map(move |x| {
                let mut axes = axes;
                (axes[0][d], axes[1][d]) = (x, spatial[d].div_ceil(x));
                axes
            })
        };
        ways = ways.into_iter().flat_map(split).collect();
    }
    ways.into_iter().find(|axes| (0..2).all(|a| axes[a].iter().product::<u64>() <= machine.axes[a].size))
}

fn small_layers() -> impl Strategy<Value = Layer> {
    let pick = prop::sample::subsequence(Dim::ALL.to_vec(), 3);
    (pick, prop::array::uniform3(2u64..6), 1u64..3).prop_map(|(dims, sizes, stride)| {
        let mut size = [1; 8];
        dims.iter().zip(sizes).for_each(|(&d, s)| size[d as usize] = s);
        Layer::new(size, stride).unwrap()
    })
}

/// Compares the search with every mapping there is, for each objective.
fn assert_optimal(machine: &Machine, layer: &Layer) {
    let best = exhaustive(machine, layer);
    for (objective, best) in [Objective::Energy, Objective::Latency, Objective::Edp].into_iter().zip(best) {
        let found = search(machine, layer, &Options::new(objective)).unwrap();
        let (cost, mapping) = (found.points[0].cost, found.points[0].mapping);
        assert!(found.proven_optimal && found.gap == 0.0);
        legality(machine, layer, &mapping).unwrap();
        let walked = walk(machine, layer, &mapping).unwrap();
        assert_eq!(walked.steps as f64, Model::new(machine, layer, mapping.bypass).breakdown(&mapping).steps);
        let value = match objective {
            Objective::Energy => cost.energy_pj,
            Objective::Latency => cost.cycles,
            _ => cost.edp(),
        };
        assert!((value - best).abs() <= best * 1e-9, "{objective:?}: {value} found, {best} best");
    }
    let front = search(machine, layer, &Options::new(Objective::Pareto)).unwrap().points;
    for pair in front.windows(2) {
        assert!(pair[0].cost.cycles < pair[1].cost.cycles && pair[0].cost.energy_pj > pair[1].cost.energy_pj);
    }
    let edp = front.iter().map(|p| p.cost.edp()).fold(f64::INFINITY, f64::min);
    assert!((edp - best[2]).abs() <= best[2] * 1e-9, "front: {edp} found, {} best", best[2]);
    assert!((front[0].cost.cycles - best[1]).abs() < 0.5);
    let last = front[front.len() - 1].cost.energy_pj;
    assert!((last - best[0]).abs() <= best[0] * 1e-9, "front: {last} found, {} best", best[0]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_search_finds_what_trying_everything_finds(
        layer in small_layers(), element in prop::array::uniform3(1u64..7), buffer in 3u64..40,
        sides in prop::array::uniform2(1u64..4), shared in any::<bool>(),
    ) {
        assert_optimal(&small_machine(element, buffer, sides, shared), &layer);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 120, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_search_finds_the_same_where_words_between_strides_are_fetched(
        rows in prop::array::uniform2(2u64..6), other in prop::sample::select(vec![Dim::K, Dim::C, Dim::N, Dim::Q, Dim::S]),
        more in 2u64..5, stride in 2u64..4, element in prop::array::uniform3(1u64..7), buffer in 3u64..60,
        sides in prop::array::uniform2(1u64..3),
    ) {
        let mut machine = small_machine(element, buffer, sides, false);
        machine.input_fetch = Fetch::Box;
        let mut size = [1; 8];
        (size[Dim::P as usize], size[Dim::R as usize], size[other as usize]) = (rows[0], rows[1], more);
        assert_optimal(&machine, &Layer::new(size, stride).unwrap());
    }
}

#[test]
fn a_window_split_where_only_one_word_of_it_fits_is_found() {
    let layer = Layer::new([1, 1, 1, 2, 1, 2, 1, 3], 1).unwrap();
    assert_optimal(&small_machine([1, 2, 2], 4, [1, 3], true), &layer);
}

#[test]
fn w1024_is_mapped_as_well_as_an_exact_peer_maps_it_and_within_the_bounds() {
    let machine = shipped("w1024").unwrap().unwrap();
    let rows = parse_layers(TABLE).unwrap();
    let options = Options::new(Objective::Edp);
    let found = map_layers(&machine, &rows, &options).unwrap();
    // AccelForge 1.0.467 (TCM) on the same layers and accounting.
    for ((result, row), peer) in found.iter().zip(&rows).zip([1.8374e14, 6.4909e13, 1.0497e13, 7.4256e13]) {
        assert!(result.proven_optimal && result.gap == 0.0);
        assert!(result.edp_pj_cycles <= peer * 1.0001, "{}: {}", result.layer, result.edp_pj_cycles);
        let bounds = bounds(&machine, &row.nest);
        assert!(result.energy_pj >= bounds.energy_pj && result.latency_cycles >= bounds.cycles);
        let sum: f64 = result.energy_breakdown.values().sum();
        assert!((sum - result.energy_pj).abs() <= result.energy_pj * 1e-9);
    }
}

#[test]
fn a_ragged_layer_fills_an_array_of_14_by_12() {
    let machine = shipped("e168").unwrap().unwrap();
    let rows = parse_layers(TABLE).unwrap();
    let found = map_layers(&machine, &rows[2..], &Options::new(Objective::Edp)).unwrap();
    // ZigZag 3.9.1: 2.8655e12, AccelForge 1.3555e13.
    assert!(found[0].edp_pj_cycles < 2.8655e12 && found[0].utilisation > 0.97);
    assert!(found[1].edp_pj_cycles < 1.35555e13);
}

#[test]
fn a_table_that_is_not_one_of_layers_is_refused_with_its_line() {
    let refusal = |text: &str| parse_layers(text).unwrap_err().to_string();
    assert_eq!(refusal(&TABLE.replace("stride", "step")), "line 1: no column `stride`");
    assert_eq!(refusal(&TABLE.replace("1000", "many")), "line 5: `K` is `many`, a whole number expected");
    assert_eq!(refusal(&TABLE.replace("1000", "0")), "line 5: K is 0, at least 1 expected");
    assert_eq!(refusal(&TABLE.replace("1000,", "")), "line 5: 11 cells, 12 expected");
}

#[test]
fn a_memory_too_small_for_a_word_of_each_tensor_is_refused() {
    let machine = small_machine([1; 3], 1, [2, 2], false);
    let error = search(&machine, &Layer::new([2; 8], 1).unwrap(), &Options::new(Objective::Edp));
    assert_eq!(
        error.unwrap_err().to_string(),
        "`glb` holds 1 words, 1 more than that expected: one of each of its tensors (input, output)"
    );
}

#[test]
fn a_search_out_of_time_reports_its_gap() {
    let machine = shipped("e168").unwrap().unwrap();
    let layer = Layer::new([3, 1, 512, 256, 28, 28, 3, 3], 1).unwrap();
    let options = Options { time: Some(std::time::Duration::ZERO), ..Options::new(Objective::Edp) };
    let found = search(&machine, &layer, &options).unwrap();
    assert!(!found.proven_optimal && found.gap > 0.0 && found.gap <= 1.0);
}

#[test]
fn the_largest_layers_there_can_be_end_in_time() {
    let machine = shipped("e168").unwrap().unwrap();
    let time = Some(std::time::Duration::from_millis(100));
    for size in [
        [1 << 50, 1, 1, 1, 1, 1, 1, 1],
        [1, 1 << 30, 1, 1, 1024, 1024, 1, 1],
        [1, 1, 1 << 40, 1 << 10, 1, 1, 1, 1],
    ] {
        let found = search(
            &machine,
            &Layer::new(size, 1).unwrap(),
            &Options { time, ..Options::new(Objective::Edp) },
        );
        assert!(found.is_ok_and(|found| found.points[0].cost.cycles >= f64::from(1 << 30)));
    }
}
