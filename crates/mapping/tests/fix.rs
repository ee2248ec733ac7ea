//! What is settled before a search: its text, its optimum, and where it cannot run.

use check::nest::legality;
use cost::nest::Model;
use hw::machine::{Dim, Layer, Machine, Mapping, shipped};
use nasc_mapping::nest::{Fix, Objective, Options, SearchError, conflicts, search};
use proptest::prelude::*;

fn e168() -> Machine {
    shipped("e168").unwrap().unwrap()
}

fn layer() -> Layer {
    Layer::new([1, 1, 8, 6, 7, 7, 3, 3], 1).unwrap()
}

fn found(text: &str, layer: &Layer) -> Result<(Mapping, f64), SearchError> {
    let options = Options { fix: Fix::parse(text).unwrap(), ..Options::new(Objective::Edp) };
    let machine = e168();
    let found = search(&machine, layer, &options)?;
    assert!(found.proven_optimal);
    let point = found.points[0];
    legality(&machine, layer, &point.mapping).unwrap();
    Ok((point.mapping, point.cost.edp()))
}

#[test]
fn a_text_reads_back_as_what_it_was() {
    let text = "spatial=K:8,C:6 axis0=K:8 pe=R:3,S:3 buffer=P:7 order.element=K,C order.buffer=N slice=K.weight bypass=weight,output";
    assert_eq!(Fix::parse(text).unwrap().to_string(), text);
    let commented = "# weights stay\nspatial=K:8,*:1; slice=none # nothing sliced\nbypass=none";
    let fix = Fix::parse(commented).unwrap();
    assert_eq!((fix.spatial[Dim::K as usize], fix.spatial[Dim::P as usize]), (Some(8), Some(1)));
    assert_eq!(fix.to_string(), "spatial=K:8,*:1 slice=none bypass=none");
    assert!(Fix::parse(" \n# nothing\n").unwrap().is_free());
}

#[test]
fn a_text_that_settles_nothing_is_refused_with_what_was_expected() {
    let refusal = |text: &str| Fix::parse(text).unwrap_err().to_string();
    assert_eq!(refusal("weights"), "`weights`: an item such as `spatial=K:16,C:14` expected");
    assert_eq!(
        refusal("sptial=K:2"),
        "no key `sptial`; expected one of spatial, axis0, axis1, pe, buffer, order.element, order.buffer, slice, bypass"
    );
    assert_eq!(refusal("pe=K:1 pe=C:1"), "`pe` is given twice");
    assert_eq!(
        refusal("pe=X:2"),
        "`pe`: `X` is no loop, or there twice; each of N, G, K, C, P, Q, R, S at most once expected"
    );
    assert!(refusal("pe=K:0").starts_with("`pe`: `K:0` is no number of iterations"));
    assert!(refusal("order.buffer=K,K").contains("there twice"));
    assert_eq!(
        refusal("slice=P.weight"),
        "`slice`: `P.weight`, one of none, K.weight, K.output, C.weight, C.input expected"
    );
    assert_eq!(refusal("bypass=psum"), "`bypass`: `psum`, none or some of weight, input, output expected");
}

#[test]
fn a_fixed_dataflow_is_kept_and_costs_no_less_than_a_free_one() {
    let (_, free) = found("", &layer()).unwrap();
    for (text, kept) in [
        (
            "spatial=K:8,C:6,*:1",
            Box::new(|m: &Mapping| m.spatial == [1, 1, 8, 6, 1, 1, 1, 1]) as Box<dyn Fn(&Mapping) -> bool>,
        ),
        ("axis0=P:7 axis1=K:4", Box::new(|m: &Mapping| m.axes[0][4] == 7 && m.axes[1][2] == 4)),
        ("pe=R:3,S:3,C:1", Box::new(|m: &Mapping| m.pe[6] == 3 && m.pe[7] == 3 && m.pe[3] == 1)),
        ("buffer=P:4,K:3", Box::new(|m: &Mapping| m.buffer[4] == 4 && m.buffer[2] == 3)),
        ("slice=C.weight pe=C:2", Box::new(|m: &Mapping| m.slice.is_some_and(|s| s.dim == Dim::C))),
        (
            "order.element=P order.buffer=K,C,N,G,P,Q,R,S",
            Box::new(|m: &Mapping| m.order[0][0] == Dim::P && m.order[1][0] == Dim::S),
        ),
    ] {
        let (mapping, edp) = found(text, &layer()).unwrap();
        assert!(kept(&mapping), "{text}: {mapping:?}");
        assert!(edp >= free, "{text}: {edp} < {free}");
    }
}

#[test]
fn a_given_mapping_is_costed_as_it_stands() {
    let machine = e168();
    let (mapping, edp) = found("", &layer()).unwrap();
    let (again, same) = found(&Fix::of(&mapping).to_string(), &layer()).unwrap();
    assert_eq!((again, same), (mapping, edp));
    // A poor one: nothing inside elements, everything in turn.
    let text = "spatial=*:1 axis0=*:1 axis1=*:1 pe=*:1 buffer=*:1 order.element=N,G,K,C,P,Q,R,S order.buffer=N,G,K,C,P,Q,R,S slice=none bypass=weight";
    let (poor, edp) = found(text, &layer()).unwrap();
    assert_eq!(Fix::of(&poor), Fix::parse(text).unwrap());
    assert_eq!(edp, Model::new(&machine, &layer(), poor.bypass).cost(&poor).edp());
}

#[test]
fn what_cannot_run_says_where() {
    let refusal = |text: &str| found(text, &layer()).unwrap_err().to_string();
    assert_eq!(
        refusal("pe=K:8,C:6,R:3,S:3 slice=none"),
        "`input_rf` is given 54 words, 42 more than it holds; input takes 54 of them; \
         `weight_rf` is given 432 words, 208 more than it holds; weight takes 432 of them"
    );
    assert_eq!(
        refusal("pe=P:2 buffer=P:3"),
        "the buffer tile of P is 3, a multiple of its block of 2 (element tile times spread) expected"
    );
    assert_eq!(
        refusal("axis0=P:7,Q:7"),
        "axis `columns` is given 49, at most 14 expected, of loops it takes"
    );
    assert_eq!(
        refusal("spatial=P:7,Q:7,R:3,S:3"),
        "the loops are spread over 441 elements in all, which do not fit on an array of 14x12"
    );
    assert_eq!(refusal("bypass=input"), "input may not pass by `glb`");
    // 147 of 168 elements, but the sides have room for 2 and for 1 more, not for 3.
    let text = "spatial=K:3 axis0=P:7 axis1=Q:7";
    assert_eq!(refusal(text), format!("no mapping fits that meets all of `{text}`"));
}

#[test]
fn a_mapping_that_cannot_run_has_all_its_conflicts_listed() {
    let (mut mapping, _) = found("", &layer()).unwrap();
    assert!(conflicts(&e168(), &layer(), &mapping).is_empty());
    mapping.spatial[Dim::K as usize] = 200;
    mapping.axes[0] = [15; 8];
    mapping.pe = [7; 8];
    assert!(conflicts(&e168(), &layer(), &mapping).len() >= 3);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_conflict_is_found_exactly_where_the_checker_finds_none(
        pe in prop::array::uniform8(1u64..4), spatial in prop::array::uniform8(1u64..3), buffer in prop::array::uniform8(1u64..9),
    ) {
        let (machine, layer) = (e168(), Layer::new([8; 8], 1).unwrap());
        let small = Layer::new([2, 1, 2, 2, 2, 1, 1, 1], 1).unwrap();
        let (mut mapping, _) = found("slice=none", &small).unwrap();
        mapping.pe = pe;
        mapping.spatial = spatial;
        mapping.axes = [spatial, [1; 8]];
        mapping.buffer = buffer;
        let found = conflicts(&machine, &layer, &mapping);
        prop_assert_eq!(found.is_empty(), legality(&machine, &layer, &mapping).is_ok(), "{:?}", found);
    }
}
