//! The closed form equals a walk of the nest, word by word, on random small layers, machines and mappings.

use check::nest::{legality, walk};
use hw::machine::{Dim, Fetch, Layer, Machine, Mapping, PerDim, Slice, Tensor, shipped};
use nasc_cost::nest::{LANES, Lanes, Model, Run, Runs, Upper};
use proptest::prelude::*;

/// E168 or W1024 with every tensor somewhere else: holders by tier, no capacity in the way.
fn machine(w1024: bool, fetch: Fetch, element: [bool; 3], buffer: [bool; 3]) -> Machine {
    let mut machine = shipped(if w1024 { "w1024" } else { "e168" }).unwrap().unwrap();
    machine.input_fetch = fetch;
    machine.axes.iter_mut().for_each(|axis| axis.size = 1 << 20);
    let mut template = machine.memories[1].clone();
    template.capacity_words = None;
    machine.memories.truncate(1);
    template.holds = buffer;
    template.may_bypass = buffer;
    machine.memories.push(template.clone());
    template.tier = hw::machine::Tier::Element;
    template.holds = element;
    template.may_bypass = [false; 3];
    machine.memories.push(template);
    machine
}

fn layers() -> impl Strategy<Value = Layer> {
    (prop::array::uniform8(1u64..5), 1u64..4, 0usize..4).prop_map(|(mut size, stride, kind)| {
        match kind {
            0 => (size[2], size[3]) = (1, 1), // depthwise
            1 => (size[1], size[6], size[7]) = (1, 1, 1),
            _ => size[1] = 1,
        }
        if kind > 1 {
            (size[4], size[5]) = (size[4] + 2, size[5] + 1);
        }
        Layer::new(size, stride).unwrap()
    })
}

fn orders() -> impl Strategy<Value = [Dim; 8]> {
    Just(Dim::ALL).prop_shuffle()
}

fn mappings() -> impl Strategy<Value = Mapping> {
    let small = || prop::array::uniform8(prop_oneof![3 => Just(1u64), 2 => 1u64..4]);
    let slices = prop_oneof![
        4 => Just(None),
        1 => Just(Some((Dim::K, Tensor::Weight))), 1 => Just(Some((Dim::K, Tensor::Output))),
        1 => Just(Some((Dim::C, Tensor::Weight))), 1 => Just(Some((Dim::C, Tensor::Input))),
    ];
    let flags = || prop::array::uniform3(any::<bool>());
    (small(), small(), small(), [orders(), orders()], slices, flags()).prop_map(
        |(pe, spatial, times, order, slice, bypass)| {
            let buffer: PerDim = std::array::from_fn(|d| pe[d] * spatial[d] * times[d]);
            let slice = slice.map(|(dim, tensor)| Slice { dim, tensor });
            Mapping { pe, spatial, axes: [spatial, [1; 8]], buffer, order, slice, bypass }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_closed_form_counts_what_a_walk_counts(
        layer in layers(), mapping in mappings(), gaps in any::<bool>(),
        element in prop::array::uniform3(any::<bool>()), buffer in prop::array::uniform3(any::<bool>()),
    ) {
        let fetch = if gaps { Fetch::Box } else { Fetch::Touched };
        let machine = machine(false, fetch, element, buffer);
        let mut mapping = mapping;
        mapping.bypass = std::array::from_fn(|t| mapping.bypass[t] || !buffer[t]);
        if let Some(slice) = mapping.slice && !element[slice.tensor as usize] {
            mapping.slice = None;
        }
        let walked = walk(&machine, &layer, &mapping).unwrap();
        let counted = Model::new(&machine, &layer, mapping.bypass).breakdown(&mapping);
        prop_assert_eq!(walked.steps as f64, counted.steps);
        for tier in 0..3 {
            for tensor in Tensor::ALL {
                let (w, c) = (walked.access[tier][tensor as usize], counted.access[tier][tensor as usize]);
                prop_assert_eq!(w.map(|x| x as f64), [c.reads, c.writes], "tier {} {}", tier, tensor.name());
            }
        }
    }
}

/// `[N, G, K, C, P, Q, R, S]` of 1 but where named.
fn tile(named: &[(Dim, u64)]) -> PerDim {
    let mut tile = [1; 8];
    named.iter().for_each(|&(dim, size)| tile[dim as usize] = size);
    tile
}

#[test]
fn a_dense_layer_on_w1024_costs_what_it_does_by_hand() {
    let machine = shipped("w1024").unwrap().unwrap();
    let layer = Layer::new(tile(&[(Dim::K, 1000), (Dim::C, 512)]), 1).unwrap();
    let k = tile(&[(Dim::K, 1000)]);
    let mapping = Mapping {
        pe: tile(&[(Dim::C, 128)]),
        spatial: k,
        axes: [tile(&[(Dim::K, 32)]), tile(&[(Dim::K, 32)])],
        buffer: layer.size,
        order: [Dim::ALL; 2],
        slice: None,
        bypass: [true, false, false],
    };
    legality(&machine, &layer, &mapping).unwrap();
    let cost = Model::new(&machine, &layer, mapping.bypass).cost(&mapping);
    // 512000 weights over 8 words a cycle, and 512 inputs: 64064 cycles. Energy: 512000 (1 + 2 * 2.375 + 2 * 0.525) for
    // arithmetic, registers and their fills, 513512 * 2250 for the backing store, (2 * 512 + 2 * 1000) * 40 for the buffer.
    assert_eq!(cost.cycles, 64064.0);
    assert_eq!(cost.energy_pj, 512000.0 * 6.8 + 513512.0 * 2250.0 + 3024.0 * 40.0);
    let mut wide = mapping;
    wide.pe = tile(&[(Dim::C, 129)]);
    wide.buffer = tile(&[(Dim::K, 1000), (Dim::C, 512)]);
    assert_eq!(
        legality(&machine, &layer, &wide).unwrap_err().to_string(),
        "`weight_register` is given 129 words, 1 more than it holds; weight takes 129 of them"
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn lanes_cost_what_their_runs_counted_one_by_one_cost(
        layer in layers(), mapping in mappings(), w1024 in any::<bool>(), boxed in any::<bool>(), through in any::<bool>(),
        element in prop::array::uniform3(any::<bool>()), buffer in prop::array::uniform3(any::<bool>()),
        sliced in prop::array::uniform3(prop::bool::weighted(0.2)),
    ) {
        let machine = machine(w1024, if boxed { Fetch::Box } else { Fetch::Touched }, element, buffer);
        let model = Model::new(&machine, &layer, mapping.bypass);
        let lanes = Lanes::new(&model);
        let factors = model.factors(&mapping);
        let words = model.step_words(&mapping.pe, &mapping.spatial);
        let inner = lanes.inner(&factors, through, sliced, words);
        let outer = lanes.outer(&Upper::of(&factors));
        let away = |t: Tensor| Dim::ALL.iter().filter(|&&d| !t.uses(d)).fold(0u8, |bits, &d| bits | 1 << d as u8);
        for (i, (stays, slide)) in LANES.into_iter().enumerate() {
            for (o, (outer_stays, outer_slide)) in LANES.into_iter().enumerate() {
                let mut runs = Runs { slide_buffer: Some(outer_slide), ..Runs::default() };
                runs.of[outer_stays as usize].buffer = away(outer_stays);
                if !sliced[stays as usize] {
                    let run: &mut Run = &mut runs.of[stays as usize];
                    (run.inner, run.outer) = (away(stays), if through { away(stays) } else { 0 });
                }
                runs.slide = Some(slide).filter(|_| !sliced[Tensor::Input as usize]);
                let counted = model.count(&factors, &runs, words);
                let cost = model.price(&counted);
                let energy = lanes.linear.fixed_pj + inner.energy_pj[i] + outer.energy_pj[o];
                prop_assert!((energy - cost.energy_pj).abs() <= 1e-9 * cost.energy_pj.abs().max(1.0), "{} {}", energy, cost.energy_pj);
                let rows = (0..lanes.linear.used).map(|r| lanes.linear.rows[r].1 + inner.rows[r][i] + outer.rows[r][o]);
                let cycles = (rows.fold(counted.steps, f64::max) * (1.0 - 1e-12)).ceil();
                prop_assert_eq!(cycles, cost.cycles);
            }
        }
    }
}
