//! Sparse counts equal a walk of the masks, and expectations from densities are the means of counts.

use check::sparse::{Elements, Unwalked, walk_compressed, walk_structured};
use nasc_cost::sparse::{Compressed, CompressedError, MaskSize, Masks, Product, Structured, StructuredError};
use proptest::collection::vec;
use proptest::prelude::*;

fn elements(array: &Compressed) -> Elements {
    Elements {
        elements: array.elements,
        filters: array.filters,
        lanes: array.lanes,
        lookup_cycles: array.lookup_cycles,
        bits: [array.value_bits, array.count_bits, array.address_bits],
    }
}

fn masks(weight_density: f64, input_density: f64) -> impl Strategy<Value = (Product, Vec<bool>, Vec<bool>)> {
    (1usize..20, 1usize..14, 1usize..12).prop_flat_map(move |(rows, inner, columns)| {
        let of = |n: usize, density: f64| vec(prop::bool::weighted(density), n);
        let product = Product { rows, inner, columns };
        (Just(product), of(rows * inner, weight_density), of(inner * columns, input_density))
    })
}

fn array() -> impl Strategy<Value = Compressed> {
    (1usize..9, 1usize..17, 1usize..4, 0u64..3).prop_map(|(elements, filters, lanes, lookup_cycles)| {
        Compressed { elements, filters, lanes, lookup_cycles, ..Compressed::EYERISS_V2 }
    })
}

/// Keeps the first weights of each group that has too many.
fn prune(product: &Product, core: &Structured, weight: &mut [bool]) {
    for row in weight.chunks_mut(product.inner) {
        for group in row.chunks_mut(core.of) {
            let mut left = core.kept;
            for w in group.iter_mut().filter(|w| **w) {
                *w = left > 0;
                left = left.saturating_sub(1);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn compressed_counts_equal_a_walk((product, weight, input) in masks(0.4, 0.5), array in array()) {
        let counted = array.count(&product, &Masks { weight: &weight, input: &input }).unwrap();
        let size = [product.rows, product.inner, product.columns];
        let walked = walk_compressed(size, &elements(&array), &weight, &input).unwrap();
        let counted = [counted.weight_bits, counted.input_bits, counted.input_reads, counted.weight_reads,
            counted.sum_accesses, counted.macs, counted.cycles];
        let walked = [walked.weight_bits, walked.input_bits, walked.input_reads, walked.weight_reads,
            walked.sum_accesses, walked.weight_reads, walked.cycles].map(|x| x as f64);
        prop_assert_eq!(counted, walked);
    }

    #[test]
    fn structured_counts_equal_a_walk(
        (product, mut weight, input) in masks(0.6, 0.5),
        (kept, more) in (1usize..4, 0usize..4),
        tile in (1usize..8, 1usize..8, 1usize..8),
    ) {
        let core = Structured { kept, of: kept + more, tile: [tile.0, tile.1, tile.2], tile_cycles: 3 };
        prune(&product, &core, &mut weight);
        let counted = core.count(&product, &Masks { weight: &weight, input: &input }).unwrap();
        let size = [product.rows, product.inner, product.columns];
        let walked = walk_structured(size, [core.kept, core.of], core.tile, &weight, &input).unwrap();
        let counted = [counted.weights, counted.place_bits, counted.multiplications, counted.picked, counted.useful, counted.cycles];
        let walked = [walked.weights, walked.place_bits, walked.multiplications, walked.multiplications, walked.useful,
            3 * walked.instructions].map(|x| x as f64);
        prop_assert_eq!(counted, walked);
    }

    #[test]
    fn both_refuse_a_group_with_too_many((product, weight, input) in masks(0.6, 0.5)) {
        let core = Structured { kept: 2, of: 4, tile: [16, 8, 16], tile_cycles: 1 };
        let counted = core.count(&product, &Masks { weight: &weight, input: &input });
        let walked = walk_structured([product.rows, product.inner, product.columns], [2, 4], core.tile, &weight, &input);
        prop_assert_eq!(counted.is_err(), walked.is_err());
        if let (Err(StructuredError::Group { row, group, .. }), Err(Unwalked::Overfull { row: other, at })) = (counted, walked) {
            prop_assert_eq!((row, group), (other, at / 4));
        }
    }
}

/// Entries that are true with the given chance, from a fixed sequence.
fn drawn(entries: usize, chance: f64, state: &mut u64) -> Vec<bool> {
    let mut next = || {
        *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (*state >> 33) as f64 / (1u64 << 31) as f64
    };
    (0..entries).map(|_| next() < chance).collect()
}

#[test]
fn expected_counts_are_the_means_of_drawn_masks() {
    let product = Product { rows: 40, inner: 96, columns: 64 };
    let mut state = 7;
    for (weight, input, elements) in [(0.3, 0.4, 16), (0.1, 0.8, 16), (0.6, 0.3, 128), (1.0, 1.0, 16)] {
        let array = Compressed { elements, ..Compressed::EYERISS_V2 };
        let expected = array.expect(&product, weight, input).unwrap();
        let (draws, mut mean) = (60, [0.0; 5]);
        for _ in 0..draws {
            let w = drawn(product.rows * product.inner, weight, &mut state);
            let x = drawn(product.inner * product.columns, input, &mut state);
            let one = array.count(&product, &Masks { weight: &w, input: &x }).unwrap();
            let one = [one.weight_bits, one.input_bits, one.input_reads, one.macs, one.cycles];
            mean.iter_mut().zip(one).for_each(|(m, x)| *m += x / f64::from(draws));
        }
        let expected =
            [expected.weight_bits, expected.input_bits, expected.input_reads, expected.macs, expected.cycles];
        for (i, (mean, expected)) in mean.iter().zip(expected).enumerate() {
            let limit = if i == 4 { 0.05 } else { 0.01 };
            assert!(
                (mean / expected - 1.0).abs() < limit,
                "{weight} {input} {i}: {mean} drawn, {expected} expected"
            );
        }
    }
}

#[test]
fn two_of_four_takes_half_the_instructions_of_dense() {
    let product = Product { rows: 64, inner: 256, columns: 32 };
    let dense = Structured { kept: 1, of: 1, tile: [16, 8, 16], tile_cycles: 16 };
    let sparse = Structured { kept: 2, of: 4, ..dense };
    let [dense, sparse] = [dense, sparse].map(|core| core.expect(&product, 1.0, 1.0).unwrap());
    assert_eq!(dense.cycles, 2.0 * sparse.cycles);
    assert_eq!(dense.weights, 2.0 * sparse.weights);
    // Two bits say which of four.
    assert_eq!((dense.place_bits, sparse.place_bits), (0.0, 2.0 * sparse.weights));
    assert_eq!(dense.useful, product.dense_macs());
}

#[test]
fn what_cannot_be_says_why() {
    let product = Product { rows: 2, inner: 3, columns: 1 };
    let short = Masks { weight: &[true; 5], input: &[true; 3] };
    let size = MaskSize { operand: "weight", found: 5, expected: 6 };
    let array = Compressed::EYERISS_V2;
    assert_eq!(array.count(&product, &short), Err(CompressedError::Mask(size.clone())));
    assert_eq!(
        Compressed { lanes: 0, ..array }.expect(&product, 0.5, 0.5),
        Err(CompressedError::Zero { what: "lanes" })
    );
    let long = Compressed { filters: 17, ..array }.expect(&product, 0.5, 0.5);
    assert_eq!(long, Err(CompressedError::Run { filters: 17, bits: 4, limit: 16 }));
    let core = Structured { kept: 2, of: 4, tile: [1, 1, 1], tile_cycles: 1 };
    assert_eq!(core.count(&product, &short), Err(StructuredError::Mask(size)));
    assert!(matches!(
        Structured { kept: 5, ..core }.expect(&product, 1.0, 1.0),
        Err(StructuredError::Pattern { .. })
    ));
}
