//! Whole networks: the path against every schedule of its space, and its accounting against a replay row by row.

use check::schedule::{Fault, follow, physical, replay};
use hw::machine::{Layer, Machine, Mapping, Tensor, Tier, shipped};
use hw::schedule::{Action, Net, NetLayer, Operand, Place, Schedule, Source, Task, Window};
use nasc_mapping::graph::{Engine, Goal, GraphError, Link, NetError, Options, Plan, Platform, assign, plan};
use nasc_mapping::nest::{self, Objective};
use nasc_mapping::network::{Words, stream};
use proptest::prelude::*;
use std::collections::{BTreeSet, HashMap};
use std::ops::Range;

fn small_machine(buffer: u64, weights: bool) -> Machine {
    let mut machine = shipped("e168").unwrap().unwrap();
    machine.axes.iter_mut().zip([2, 2]).for_each(|(axis, size)| axis.size = size);
    for memory in &mut machine.memories {
        match memory.tier {
            Tier::Backing => {}
            Tier::Buffer => {
                memory.capacity_words = Some(buffer);
                memory.holds[Tensor::Weight as usize] = weights;
            }
            Tier::Element => memory.capacity_words = Some(4),
        }
    }
    machine
}

/// `(kind, which operand, kernel, stride, channels)` of a layer.
type Draw = (u8, bool, bool, bool, u64);

const COLUMNS: u64 = 2;

fn small_net(draws: &[Draw], rows: u64) -> Net {
    let mut net = Net::default();
    for (at, &(kind, older, wide, strided, channels)) in draws.iter().enumerate() {
        let from = at.checked_sub(if older && at > 1 { 2 } else { 1 });
        let source = from.map_or(Source::Outside { rows, row_words: COLUMNS }, Source::Layer);
        let shape = |source: Source| match source {
            Source::Outside { rows, row_words } => (rows, row_words),
            Source::Layer(l) => (net.layers[l].rows, net.layers[l].row_words),
        };
        let (height, words) = shape(source);
        let (kernel, stride) = (if wide { 3 } else { 1 }, if strided { 2 } else { 1 });
        let window = Window { kernel, stride, pad: kernel / 2 };
        let result = height.div_ceil(stride);
        let mut operands = vec![Operand { source, window }];
        let (task, row_words) = if kind < 3 {
            let size = [1, 1, channels, words / COLUMNS, result, COLUMNS, kernel, 1];
            (Task::Nest(Layer::new(size, stride).unwrap()), channels * COLUMNS)
        } else {
            // A second operand of the same shape where there is one.
            let other = at.checked_sub(2).map(Source::Layer).filter(|&s| shape(s) == (result, words));
            operands.extend(other.map(|source| Operand { source, window: Window::SAME }));
            (Task::Stream { operations_per_row: 3 * words }, words)
        };
        net.layers.push(NetLayer {
            name: format!("l{at}"),
            task,
            operands,
            rows: result,
            row_words,
            output: false,
        });
    }
    net
}

fn nets(layers: Range<usize>) -> impl Strategy<Value = Net> {
    let draw = (0..4u8, prop::bool::weighted(0.3), any::<bool>(), prop::bool::weighted(0.3), 1..3u64);
    (prop::collection::vec(draw, layers), 2..6u64).prop_map(|(draws, rows)| small_net(&draws, rows))
}

/// Energy of a replay.
fn energy(machine: &Machine, net: &Net, words: &[[u64; 2]], made: &[u64]) -> f64 {
    let each = |(m, w): (&hw::machine::Memory, &[u64; 2])| {
        w[0] as f64 * m.read_energy_pj + w[1] as f64 * m.write_energy_pj
    };
    let moved: f64 = machine.memories.iter().zip(words).map(each).sum();
    let work = net.layers.iter().zip(made).map(|(layer, &made)| match &layer.task {
        Task::Nest(nest) => nest.macs() / layer.rows * made,
        Task::Stream { operations_per_row } => operations_per_row * made,
    });
    moved + work.sum::<u64>() as f64 * machine.mac_energy_pj
}

/// Every schedule of the space, costed by the replay.
struct Exhaustive<'a> {
    machine: &'a Machine,
    net: &'a Net,
    objective: Objective,
    options: Options,
    found: HashMap<(Layer, [bool; 3], u64), Option<Mapping>>,
    best: f64,
}

impl Exhaustive<'_> {
    fn readers(&self, layer: usize) -> Vec<usize> {
        let reads = |l: &NetLayer| l.operands.iter().any(|o| o.source == Source::Layer(layer));
        (0..self.net.layers.len()).filter(|&at| reads(&self.net.layers[at])).collect()
    }

    fn capacity(&self) -> u64 {
        self.machine.memories[1].capacity_words.unwrap()
    }

    fn mapping(&mut self, layer: Layer, homes: [bool; 3], room: u64) -> Option<Mapping> {
        let (machine, objective) = (self.machine, self.objective);
        *self.found.entry((layer, homes, room)).or_insert_with(|| {
            let mut seen = machine.clone();
            let mut home = seen.memories[1].clone();
            (home.tier, home.holds, home.capacity_words) = (Tier::Backing, homes, None);
            for memory in &mut seen.memories[..2] {
                for (t, home) in homes.into_iter().enumerate() {
                    memory.holds[t] &= !home;
                }
            }
            seen.memories[1].capacity_words = Some(room);
            seen.memories.push(home);
            seen.memories.retain(|m| m.holds != [false; 3]);
            nest::search(&seen, &layer, &nest::Options::new(objective)).ok().map(|o| o.points[0].mapping)
        })
    }

    fn go(&mut self, at: usize, schedule: &Schedule) {
        if at == self.net.layers.len() {
            let rate = self.machine.elements() as f64;
            let seen = replay(self.machine, self.net, schedule, rate).unwrap();
            let cost = if self.objective == Objective::Energy {
                energy(self.machine, self.net, &seen.words, &seen.made)
            } else {
                seen.cycles
            };
            self.best = self.best.min(cost);
            return;
        }
        for end in at + 1..=(at + self.options.longest_run).min(self.net.layers.len()) {
            let last = end - 1;
            let inner = (at..last).all(|l| {
                let readers = self.readers(l);
                !readers.is_empty() && readers.iter().all(|&r| r < end)
            });
            let stays = !self.readers(last).is_empty();
            for place in [Place::Backing, Place::Buffer] {
                if !inner || (place == Place::Buffer && !stays) {
                    continue;
                }
                let rows = self.net.layers[last].rows;
                if end == at + 1 {
                    self.tiles(at..end, place, rows, true, false, schedule);
                    continue;
                }
                // Of the heights that give a number of tiles, the least.
                for height in (1..rows).filter(|&h| rows.div_ceil(rows.div_ceil(h)) == h) {
                    for (cached, weights) in [(true, false), (false, false), (true, true), (false, true)] {
                        if !weights || self.machine.memories[1].holds[0] {
                            self.tiles(at..end, place, height, cached, weights, schedule);
                        }
                    }
                }
            }
        }
    }

    /// Rows each layer of a run makes for a tile, `there` those it has.
    fn demand(&self, run: &Range<usize>, tile: Range<u64>, there: &[BTreeSet<u64>]) -> Vec<BTreeSet<u64>> {
        let mut rows = vec![BTreeSet::new(); self.net.layers.len()];
        rows[run.end - 1] = tile.collect();
        for layer in run.clone().rev() {
            let (Some(&low), Some(&high)) = (rows[layer].first(), rows[layer].last()) else { continue };
            rows[layer] = (low..=high).filter(|r| !there[layer].contains(r)).collect();
            for operand in &self.net.layers[layer].operands {
                let Source::Layer(from) = operand.source else { continue };
                if from < run.start {
                    continue;
                }
                for row in rows[layer].clone() {
                    for tap in 0..operand.window.kernel {
                        let at = (row * operand.window.stride + tap).checked_sub(operand.window.pad);
                        rows[from].extend(at.filter(|&at| at < self.net.layers[from].rows));
                    }
                }
            }
        }
        rows
    }

    fn tiles(
        &mut self,
        run: Range<usize>,
        place: Place,
        height: u64,
        cached: bool,
        weights: bool,
        schedule: &Schedule,
    ) {
        let last = run.end - 1;
        let words = |l: usize| self.net.layers[l].rows * self.net.layers[l].row_words;
        let mut held: u64 = (0..run.start)
            .filter(|&l| {
                schedule.place[l] == Place::Buffer && self.readers(l).iter().any(|&r| r >= run.start)
            })
            .map(words)
            .sum();
        held += if place == Place::Buffer { words(last) } else { 0 };
        // Every tile's rows, then the most each line buffer holds, row by row.
        let mut made = vec![BTreeSet::new(); self.net.layers.len()];
        let (mut tiles, mut frees) = (Vec::new(), Vec::new());
        let mut lines = vec![0u64; self.net.layers.len()];
        let mut start = 0;
        let mut first_kept = vec![0u64; self.net.layers.len()];
        while start < self.net.layers[last].rows {
            let tile = start..(start + height).min(self.net.layers[last].rows);
            start = tile.end;
            let none = vec![BTreeSet::new(); self.net.layers.len()];
            let mut rows = self.demand(&run, tile, if cached { &made } else { &none });
            for l in run.clone() {
                if let (true, Some(&high)) = (cached, rows[l].last()) {
                    // Rows nobody reads are made in passing.
                    let from = made[l].last().map_or(0, |&r: &u64| r + 1);
                    rows[l] = (from..=high).collect();
                }
                made[l].extend(rows[l].iter().copied());
            }
            let mut below = Vec::new();
            for l in run.start..last {
                let end = made[l].last().map_or(0, |&r| r + 1);
                if cached {
                    lines[l] = lines[l].max(end - first_kept[l].min(end));
                    let mut next = end;
                    for reader in self.readers(l) {
                        let reader_next = made[reader].last().map_or(0, |&r| r + 1);
                        for operand in &self.net.layers[reader].operands {
                            if operand.source == Source::Layer(l)
                                && reader_next < self.net.layers[reader].rows
                            {
                                next = next.min(
                                    (reader_next * operand.window.stride).saturating_sub(operand.window.pad),
                                );
                            }
                        }
                    }
                    first_kept[l] = next;
                } else {
                    lines[l] = lines[l].max(rows[l].len() as u64);
                    first_kept[l] = end;
                }
                below.push((l, first_kept[l]));
            }
            frees.push(below);
            tiles.push(rows);
        }
        held += run.clone().map(|l| lines[l] * self.net.layers[l].row_words).sum::<u64>();
        let nests = run.clone().filter_map(|l| match self.net.layers[l].task {
            Task::Nest(nest) => Some((l, nest)),
            Task::Stream { .. } => None,
        });
        let nests: HashMap<usize, Layer> = nests.collect();
        if weights {
            if nests.is_empty() {
                return;
            }
            held += nests.values().map(|n| n.size[2] * n.size[3] * n.size[6]).sum::<u64>();
        }
        let Some(room) = self.capacity().checked_sub(held) else { return };
        let mut next = schedule.clone();
        next.place[run.start..last].fill(Place::Buffer);
        next.place[last] = place;
        let mut loaded: Vec<usize> = nests.keys().copied().collect();
        loaded.sort_unstable();
        if weights {
            next.actions.extend(loaded.iter().map(|&l| Action::LoadWeights(l)));
        }
        for (rows, below) in tiles.iter().zip(frees) {
            for l in run.clone() {
                let (Some(&low), Some(&high)) = (rows[l].first(), rows[l].last()) else { continue };
                let mut mapping = None;
                if let Some(nest) = nests.get(&l) {
                    let mut nest = *nest;
                    nest.size[4] = high + 1 - low;
                    let from = self.net.layers[l].operands[0].source;
                    let input = matches!(from, Source::Layer(from) if next.place[from] == Place::Buffer);
                    let homes = [weights, input, next.place[l] == Place::Buffer];
                    let Some(found) = self.mapping(nest, homes, room) else { return };
                    mapping = Some(Box::new(found));
                }
                next.actions.push(Action::Run { layer: l, rows: low..high + 1, mapping });
            }
            next.actions.extend(below.into_iter().map(|(layer, below)| Action::Free { layer, below }));
        }
        if weights {
            next.actions.extend(loaded.iter().map(|&l| Action::FreeWeights(l)));
        }
        for l in 0..run.end {
            if next.place[l] == Place::Buffer && self.readers(l).iter().all(|&r| r < run.end) {
                next.actions.push(Action::Free { layer: l, below: u64::MAX });
            }
        }
        self.go(run.end, &next);
    }
}

fn options(objective: Objective) -> Options {
    Options { longest_run: 3, ..Options::new(objective) }
}

fn close(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-9 * a.abs().max(b.abs())
}

/// The plan's figures are the replay's, its buffers have a place, and they are physical.
fn assert_sound(machine: &Machine, net: &Net, plan: &Plan) {
    let seen = replay(machine, net, &plan.schedule, machine.elements() as f64).unwrap();
    for (memory, words) in machine.memories.iter().zip(&seen.words) {
        assert_eq!(plan.report.words[&memory.name], words.map(|w| w as f64), "{}", memory.name);
    }
    assert_eq!(plan.report.latency_cycles as f64, seen.cycles);
    let counted = energy(machine, net, &seen.words, &seen.made);
    assert!(close(plan.report.energy_pj, counted), "{} {counted}", plan.report.energy_pj);
    for ((line, layer), made) in plan.report.layers.iter().zip(&net.layers).zip(&seen.made) {
        assert_eq!(line.rows_again, made.saturating_sub(layer.rows), "{}", layer.name);
    }
    assert_eq!(check::memory::replay(&plan.buffers, &plan.offsets), Vec::new());
    assert!(plan.offsets.arena_bytes <= machine.memories[1].capacity_words.unwrap());
    assert!(seen.peak_words <= plan.offsets.arena_bytes);
    physical(machine, net, counted, seen.cycles).unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_path_finds_what_trying_every_schedule_finds(net in nets(1..4), buffer in 6..60u64, weights: bool) {
        let machine = small_machine(buffer, weights);
        let Ok(plans) = plan(&machine, &net, &options(Objective::Energy)) else { return Ok(()) };
        prop_assert_eq!(plans.len(), 1);
        if plans[0].refused > 0 {
            return Ok(());
        }
        let mut all = Exhaustive {
            machine: &machine, net: &net, objective: Objective::Energy,
            options: options(Objective::Energy), found: HashMap::new(), best: f64::INFINITY,
        };
        all.go(0, &Schedule { place: vec![Place::Backing; net.layers.len()], actions: Vec::new() });
        prop_assert!(plans[0].proven_optimal);
        prop_assert!(close(plans[0].report.energy_pj, all.best), "{} {}", plans[0].report.energy_pj, all.best);
    }

    #[test]
    fn what_a_plan_says_it_moves_is_what_a_replay_row_by_row_counts(
        net in nets(1..7), buffer in 6..100u64, weights: bool, latency: bool,
    ) {
        let machine = small_machine(buffer, weights);
        let objective = if latency { Objective::Latency } else { Objective::Energy };
        if let Ok(plans) = plan(&machine, &net, &options(objective)) {
            assert_sound(&machine, &net, &plans[0]);
        }
    }

    #[test]
    fn a_pareto_set_has_the_least_energy_and_the_least_latency_at_its_ends(net in nets(1..4), buffer in 12..60u64) {
        let machine = small_machine(buffer, false);
        let Ok(set) = plan(&machine, &net, &options(Objective::Pareto)) else { return Ok(()) };
        let least = plan(&machine, &net, &options(Objective::Energy)).unwrap();
        prop_assert!(close(set[set.len() - 1].report.energy_pj, least[0].report.energy_pj));
        for pair in set.windows(2) {
            prop_assert!(pair[0].report.latency_cycles < pair[1].report.latency_cycles);
            prop_assert!(pair[0].report.energy_pj > pair[1].report.energy_pj);
        }
        let best = set.iter().map(|p| p.report.edp_pj_cycles).fold(f64::INFINITY, f64::min);
        let edp = plan(&machine, &net, &options(Objective::Edp)).unwrap();
        prop_assert!(close(edp[0].report.edp_pj_cycles, best));
        set.iter().for_each(|plan| assert_sound(&machine, &net, plan));
    }

    #[test]
    fn engines_are_assigned_as_trying_every_assignment_does(net in nets(1..6), slow in 1..30u64, goal in 0..3u8) {
        let goal = [Goal::Energy, Goal::Latency, Goal::Period][goal as usize];
        let platform = platform(slow);
        let found = assign(&platform, &net, goal, None).unwrap();
        let one = |layer: usize, engine: usize| {
            // A layer alone, fed by the caller.
            let mut alone = net.layers[layer].clone();
            for operand in &mut alone.operands {
                if let Source::Layer(from) = operand.source {
                    let (rows, row_words) = (net.layers[from].rows, net.layers[from].row_words);
                    operand.source = Source::Outside { rows, row_words };
                }
            }
            let objective = if goal == Goal::Energy { Objective::Energy } else { Objective::Latency };
            let plans = plan(&platform.engines[engine].machine, &Net { layers: vec![alone] },
                &Options::layer_by_layer(objective)).unwrap();
            let report = &plans[0].report;
            (report.energy_pj, report.latency_cycles as f64 / (platform.engines[engine].clock_mhz * 1e6))
        };
        let costs: Vec<_> = (0..net.layers.len()).map(|l| [one(l, 0), one(l, 1)]).collect();
        let mut best = f64::INFINITY;
        for bits in 0..1usize << net.layers.len() {
            let (mut energy, mut loads) = (0.0, [0.0; 3]);
            for (layer, costs) in costs.iter().enumerate() {
                energy += costs[bits >> layer & 1].0;
                loads[bits >> layer & 1] += costs[bits >> layer & 1].1;
                let read_elsewhere = (0..net.layers.len()).any(|r| {
                    (bits >> r & 1) != (bits >> layer & 1)
                        && net.layers[r].operands.iter().any(|o| o.source == Source::Layer(layer))
                });
                if read_elsewhere {
                    let bits = (net.layers[layer].rows * net.layers[layer].row_words * 16) as f64;
                    energy += bits * platform.link.energy_pj_per_bit;
                    loads[2] += platform.link.setup_seconds + bits / platform.link.bits_per_second;
                }
            }
            best = best.min(match goal {
                Goal::Energy => energy,
                Goal::Latency => loads.iter().sum(),
                Goal::Period => loads.iter().copied().fold(0.0, f64::max),
            });
        }
        let reached = match goal {
            Goal::Energy => found.energy_pj,
            Goal::Latency => found.latency_seconds,
            Goal::Period => found.period_seconds,
        };
        prop_assert!(close(reached, best), "{reached} {best}");
    }
}

fn platform(slow: u64) -> Platform {
    let engine = |name: &str, sides: u64, clock_mhz: f64, word: f64| {
        let mut machine = small_machine(40, false);
        machine.axes[0].size = sides;
        machine.memories[0].read_energy_pj = word;
        Engine { name: name.into(), machine, clock_mhz, supports: |_| true }
    };
    Platform {
        engines: vec![engine("array", 2, 100.0, 200.0), engine("core", 1, 30.0 * slow as f64, 150.0)],
        link: Link {
            bits_per_second: 1e9 / slow as f64,
            energy_pj_per_bit: 0.5 * slow as f64,
            setup_seconds: 1e-8,
        },
    }
}

/// Two 3-row convolutions of four rows.
fn pair() -> Net {
    small_net(&[(0, false, true, false, 2), (0, false, true, false, 2)], 4)
}

#[test]
fn nothing_kept_on_chip_costs_what_layers_one_by_one_cost() {
    let machine = shipped("w1024").unwrap().unwrap();
    let mut net = Net::default();
    let nest = Layer::new([1, 1, 64, 16, 28, 28, 3, 3], 1).unwrap();
    let window = Window { kernel: 3, stride: 1, pad: 1 };
    let outside = Source::Outside { rows: 28, row_words: 28 * 16 };
    let layer = |name: &str, task, source, window, rows, row_words| NetLayer {
        name: name.into(),
        task,
        operands: vec![Operand { source, window }],
        rows,
        row_words,
        output: false,
    };
    net.layers.push(layer("conv", Task::Nest(nest), outside, window, 28, 28 * 64));
    let task = Task::Stream { operations_per_row: 4 * 14 * 64 };
    let pool = Window { kernel: 2, stride: 2, pad: 0 };
    net.layers.push(layer("pool", task, Source::Layer(0), pool, 14, 14 * 64));
    let plans = plan(&machine, &net, &Options::layer_by_layer(Objective::Energy)).unwrap();
    let alone = nest::search(&machine, &nest, &nest::Options::new(Objective::Energy)).unwrap().points[0].cost;
    let words = Words { operations: 4 * 14 * 14 * 64, reads: 28 * 28 * 64, writes: 14 * 14 * 64 };
    let (pooled, binds) = stream(&machine, &words);
    let report = &plans[0].report;
    assert!(close(report.layers[0].energy_pj, alone.energy_pj));
    assert_eq!(report.layers[0].latency_cycles as f64, alone.cycles);
    assert!(close(report.layers[1].energy_pj, pooled.energy_pj));
    assert_eq!(report.layers[1].latency_cycles as f64, pooled.cycles);
    assert_eq!(report.layers[1].binds, binds);
    // Kept on chip, the 50176 words between them are neither written to the backing store nor read from it.
    let kept = plan(&machine, &net, &Options::new(Objective::Energy)).unwrap();
    assert_eq!(report.words["dram"][1] - kept[0].report.words["dram"][1], 50176.0);
    assert_eq!(report.words["dram"][0] - kept[0].report.words["dram"][0], 50176.0);
}

#[test]
fn a_replay_refuses_rows_that_are_missing_made_twice_or_do_not_fit() {
    let (machine, net) = (small_machine(60, false), pair());
    let good = plan(&machine, &net, &options(Objective::Energy)).unwrap().remove(0).schedule;
    assert!(follow(&machine, &net, &good).is_ok());
    assert_eq!(good.place[0], Place::Buffer);
    let runs: Vec<usize> =
        (0..good.actions.len()).filter(|&a| matches!(good.actions[a], Action::Run { .. })).collect();
    let changed = |change: &dyn Fn(&mut Schedule)| {
        let mut bad = good.clone();
        change(&mut bad);
        follow(&machine, &net, &bad).unwrap_err()
    };
    let missing = changed(&|bad| {
        bad.actions.remove(runs[0]);
    });
    assert!(matches!(missing, Fault::Missing { .. }), "{missing}");
    let twice = changed(&|bad| bad.actions.insert(runs[0], good.actions[runs[0]].clone()));
    assert!(matches!(twice, Fault::Twice { .. }), "{twice}");
    let unmade = changed(&|bad| {
        bad.actions.truncate(*runs.last().unwrap());
    });
    assert!(matches!(unmade, Fault::Unmade { .. }), "{unmade}");
    let home = changed(&|bad| bad.place[1] = Place::Buffer);
    assert!(matches!(home, Fault::Home { .. }), "{home}");
    let mapping = changed(&|bad| {
        if let Action::Run { mapping, .. } = &mut bad.actions[runs[0]] {
            *mapping = None;
        }
    });
    assert!(matches!(mapping, Fault::Mapping { .. }), "{mapping}");
    let weights = changed(&|bad| bad.actions.insert(0, Action::LoadWeights(0)));
    assert!(matches!(weights, Fault::Weights { .. }), "{weights}");
    let layer = changed(&|bad| bad.actions.insert(0, Action::FreeWeights(9)));
    assert!(matches!(layer, Fault::Layer { .. }), "{layer}");
    let full = follow(&small_machine(6, false), &net, &good).unwrap_err();
    assert!(matches!(full, Fault::Full { .. } | Fault::Nest { .. }), "{full}");
    // 2 * 1 * 3 * 4 * 2 and 2 * 2 * 3 * 4 * 2 multiply-accumulates on four elements.
    let below = physical(&machine, &net, 1e9, 35.0).unwrap_err();
    assert!(matches!(below, Fault::Below { what: "latency", .. }), "{below}");
    let below = physical(&machine, &net, 143.0, 1e9).unwrap_err();
    assert!(matches!(below, Fault::Below { what: "energy", .. }), "{below}");
}

#[test]
fn a_network_that_is_none_is_refused() {
    let machine = small_machine(60, false);
    let refused = |change: &dyn Fn(&mut Net)| {
        let mut net = pair();
        change(&mut net);
        let Err(GraphError::Net(error)) = plan(&machine, &net, &options(Objective::Energy)) else {
            panic!("accepted")
        };
        error
    };
    assert!(matches!(refused(&|net| net.layers.clear()), NetError::Size { found: 0, .. }));
    let order = refused(&|net| net.layers[0].operands[0].source = Source::Layer(1));
    assert_eq!(order.to_string(), "`l0` reads the result of layer 1, an earlier one than 0 expected");
    assert!(matches!(refused(&|net| net.layers[1].rows = 5), NetError::Rows { .. }));
    assert!(matches!(refused(&|net| net.layers[1].operands.clear()), NetError::Operands { found: 0, .. }));
    let zero = refused(&|net| net.layers[1].operands[0].window.stride = 0);
    assert!(matches!(zero, NetError::Extent { what: "stride", .. }));
    let large = refused(&|net| net.layers[1].row_words = u64::MAX);
    assert!(matches!(large, NetError::Extent { what: "row_words", .. }));
}

#[test]
fn a_platform_that_runs_not_every_layer_is_refused() {
    let mut slow = platform(1);
    for engine in &mut slow.engines {
        engine.supports = |layer| matches!(layer.task, Task::Stream { .. });
    }
    let error = assign(&slow, &pair(), Goal::Latency, None).unwrap_err();
    assert_eq!(error.to_string(), "`l0` runs on no engine");
    slow.link.bits_per_second = 0.0;
    let error = assign(&slow, &pair(), Goal::Latency, None).unwrap_err();
    assert_eq!(error.to_string(), "the link's bits a second is 0, more than 0 expected");
}
