//! The derived mapping is the best there is, and the loop-nest model counts the same words for it, on random small layers and arrays.

use hw::machine::{Dim, Fetch, Layer, Tensor, Tier, shipped};
use nasc_cost::nest::Model;
use nasc_cost::row_stationary::{Array, Energy, Parameters, Plan, derive};
use proptest::prelude::*;

fn array() -> impl Strategy<Value = Array> {
    (2u64..6, 2u64..6, 6u64..20, 3u64..6, 1u64..5, 4u64..12).prop_map(
        |(rows, columns, filters, inputs, sums, banks)| {
            let spads =
                Array { filter_words: filters, input_words: inputs, sum_words: sums, ..Array::EYERISS };
            Array { rows, columns, banks, bank_words: 32, ..spads }
        },
    )
}

fn layer() -> impl Strategy<Value = Layer> {
    let size = (1u64..3, 1u64..3, 1u64..7, 1u64..6, 1u64..7, 1u64..6, 1u64..3, 1u64..4);
    (size, 1u64..3).prop_map(|((n, g, k, c, p, q, r, s), stride)| {
        Layer::new([n, g, k, c, p, q, r, s], stride.min(r).min(s)).unwrap()
    })
}

/// What [`derive`] makes small.
fn cost(plan: &Plan, each: &Energy) -> f64 {
    let (counts, cycles) = (plan.counts(), plan.cycles());
    (counts.backing() * each.backing + counts.buffer() * each.buffer) * (cycles.compute + cycles.stream)
}

/// Every mapping that fits, found by trying all numbers up to the layer's sizes.
fn every(array: Array, layer: Layer) -> impl Iterator<Item = Plan> {
    let size = move |d: Dim| 1..=layer.size[d as usize];
    let outer =
        size(Dim::K).flat_map(move |m| size(Dim::N).flat_map(move |n| size(Dim::P).map(move |e| (m, n, e))));
    let all = outer.flat_map(move |(m, n, e)| {
        let inner = size(Dim::K).flat_map(move |p| size(Dim::C).map(move |q| (p, q)));
        inner.flat_map(move |(p, q)| {
            let sets = size(Dim::C).flat_map(move |r| size(Dim::K).map(move |t| (r, t)));
            sets.map(move |(r, t)| Parameters { m, n, e, p, q, r, t })
        })
    });
    // More channels at once than there are is a smaller mapping written larger.
    let all = all.filter(move |x| x.q <= layer.size[Dim::C as usize].div_ceil(x.r));
    all.map(move |parameters| Plan { array, layer, parameters }).filter(Plan::fits)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_mapping_that_fits_is_better(array in array(), layer in layer()) {
        let each = Energy::NORMALISED;
        let best = every(array, layer).map(|plan| cost(&plan, &each)).reduce(f64::min);
        match derive(&array, &layer, &each) {
            Ok(plan) => {
                prop_assert!(plan.fits());
                prop_assert_eq!(Some(cost(&plan, &each)), best);
            }
            Err(why) => prop_assert_eq!(best, None, "{}", why),
        }
    }

    #[test]
    fn the_nest_model_counts_the_same_words(array in array(), layer in layer()) {
        let Ok(plan) = derive(&array, &layer, &Energy::NORMALISED) else { return Ok(()) };
        let mut machine = shipped("e168").unwrap().unwrap();
        machine.input_fetch = Fetch::Box;
        let mapping = plan.nest();
        let counted = Model::new(&machine, &layer, mapping.bypass).breakdown(&mapping);
        let of = |tier: Tier, tensor: Tensor| counted.access[tier as usize][tensor as usize];
        let (counts, sums) = (plan.counts(), of(Tier::Buffer, Tensor::Output));
        // Where an output row is one word the nest sees that elements could keep it; the dataflow sends it up after every pass.
        let words = sums.reads + sums.writes + of(Tier::Buffer, Tensor::Input).reads;
        let alone = layer.size[Dim::Q as usize] == 1;
        prop_assert!(words == counts.array_words || (alone && words < counts.array_words));
        // With one pass over the channels the nest keeps the rows neighbouring strips share; the dataflow reads them again.
        let (kept, again) = (of(Tier::Backing, Tensor::Input).reads, counts.backing_input);
        let Parameters { q, r, e, .. } = plan.parameters;
        prop_assert!(kept == again || (kept < again && layer.size[Dim::C as usize] <= q * r && layer.size[Dim::P as usize] > e));
        prop_assert_eq!(of(Tier::Backing, Tensor::Output).writes, counts.backing_output);
        prop_assert_eq!(of(Tier::Element, Tensor::Input).reads, counts.input_spad);
    }

    #[test]
    fn passes_do_all_the_work_and_time_has_its_floor(array in array(), layer in layer()) {
        let Ok(plan) = derive(&array, &layer, &Energy::NORMALISED) else { return Ok(()) };
        let [k, q, s, r] = [Dim::K, Dim::Q, Dim::S, Dim::R].map(|d| layer.size[d as usize]);
        let blocks = k / plan.parameters.p / plan.parameters.t;
        let done: u64 = plan.passes().map(|(times, x)| times * x.images * x.e * x.channels).sum::<u64>() / blocks;
        prop_assert_eq!(done * k * q * s * r, layer.macs());
        prop_assert!(plan.cycles().compute * plan.active() as f64 >= layer.macs() as f64);
        prop_assert!(plan.active() <= array.rows * array.columns);
    }
}
