//! `--verify-exact N`: both sides of a rule through the reference interpreter, on random shapes and values.

use super::cost::{OpCost, Use};
use super::instance::instance;
use super::rule::{Rule, Rules};
use super::saturate::{Limits, saturate};
use crate::random::inputs_within;
use ir::{Graph, Tensor};
use std::sync::Arc;

/// What became of a rule.
#[derive(Debug, Clone)]
pub struct Verification {
    /// The rule.
    pub rule: String,
    /// Graphs the rule applied to and whose outputs were compared.
    pub cases: usize,
    /// A graph on which the sides differ, the smallest that was found.
    pub counterexample: Option<Counterexample>,
    /// Why the rule was refused on a graph it matched: its right side is no sound value of the left side's type.
    pub refused: Option<String>,
}

/// A graph on which the two sides of a rule differ.
#[derive(Debug, Clone)]
pub struct Counterexample {
    /// The left side, with its constants.
    pub before: Graph,
    /// The right side.
    pub after: Graph,
    /// Values for the inputs.
    pub inputs: Vec<Tensor>,
    /// Where the outputs differ.
    pub difference: String,
}

/// Random graphs tried for each that is to match: most do not meet a rule's conditions.
const ATTEMPTS: u64 = 200;

/// Float inputs are within one of these, in turn: small ones show rounding, large ones what is clamped.
const LIMITS: [f64; 3] = [1.0, 4.0, 20.0];

/// Floats may differ by this part of the largest result: both sides round, in another order.
const FLOAT_TOLERANCE: f64 = 1e-4;

/// Checks each rule on `cases` graphs it applies to, or as many as are found.
pub fn verify_exact(rules: &Rules, cases: usize, seed: u64) -> Vec<Verification> {
    rules.rules.iter().map(|rule| verify_rule(rule, cases, seed)).collect()
}

fn verify_rule(rule: &Arc<Rule>, cases: usize, seed: u64) -> Verification {
    let mut found = Verification { rule: rule.name.clone(), cases: 0, counterexample: None, refused: None };
    let alone = Rules { rules: vec![rule.clone()] };
    for attempt in 0..ATTEMPTS * cases as u64 {
        if found.cases >= cases {
            break;
        }
        let seed = seed.wrapping_add(attempt);
        let Some(before) = instance(rule, seed) else { continue };
        let mut after = before.clone();
        let limits = Limits { iterations: 1, rounds: 1, ..Limits::default() };
        let outcome = saturate(&mut after, &alone, &Free, limits);
        if let Some(reason) = outcome.refused.into_values().next() {
            found.refused.get_or_insert(reason);
        }
        if outcome.applied.is_empty() {
            continue;
        }
        let limit = LIMITS[usize::try_from(attempt).unwrap_or(0) % LIMITS.len()];
        let inputs = inputs_within(&before, seed, limit);
        // What the interpreter refuses, such as an integer form it does not have, says nothing about the rule.
        let Ok(expected) = interp::run(&before, &inputs) else { continue };
        found.cases += 1;
        let difference = match interp::run(&after, &inputs) {
            Ok(got) => expected.iter().zip(&got).find_map(|(a, b)| difference(a, b, rule.steps)),
            Err(error) => Some(error.to_string()),
        };
        let size = |graph: &Graph| graph.values().map(|v| graph.ty(v).elements()).sum::<usize>();
        if let Some(difference) = difference
            && found.counterexample.as_ref().is_none_or(|known| size(&before) < size(&known.before))
        {
            found.counterexample = Some(Counterexample { before, after, inputs, difference });
        }
    }
    found
}

/// Costs nothing, so that the rule's direction decides.
struct Free;

impl OpCost for Free {
    fn cost(&self, _site: &Use<'_>) -> u64 {
        0
    }
}

/// Where two results differ; `steps` is how far integers may be apart.
fn difference(before: &Tensor, after: &Tensor, steps: u32) -> Option<String> {
    if before.element() != after.element() || before.shape() != after.shape() {
        return Some(format!("{before:?} became {after:?}"));
    }
    let (a, b) = (before.to_reals(), after.to_reals());
    let largest = a.iter().filter(|v| v.is_finite()).fold(1.0f64, |m, v| m.max(v.abs()));
    let allowed = if before.element().is_float() { FLOAT_TOLERANCE * largest } else { f64::from(steps) };
    let same = |a: f64, b: f64| a == b || (a.is_nan() && b.is_nan()) || (a - b).abs() <= allowed;
    let at = a.iter().zip(&b).position(|(a, b)| !same(*a, *b))?;
    Some(format!("element {at} is {} on the left and {} on the right", a[at], b[at]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Library;

    fn verified(text: &str) -> Vec<Verification> {
        verify_exact(&Rules::parse(text, &Library::default()).expect("well-formed"), 20, 1)
    }

    #[test]
    fn a_sound_rule_holds_on_as_many_graphs_as_were_asked_for() {
        let found = &verified("neg-of-sub: (neg (sub ?a ?b {act = none})) => (sub ?b ?a) if float(?a)")[0];
        assert_eq!((found.cases, found.counterexample.is_none(), &found.refused), (20, true, &None));
    }

    #[test]
    fn unsound_rules_are_refuted_by_the_smallest_graph_that_was_found() {
        for rule in [
            "a: (relu ?x) => (relu6 ?x)",
            "b: (sub ?a ?b {?t}) => (sub ?b ?a {?t}) if same_shape(?a, ?b)",
            "c: (transpose (transpose ?x {perm = ?p}) {perm = ?q}) => (transpose ?x {perm = (compose-perm ?q ?p)})",
            "d: (add (relu ?x) ?y {?t}) => (add ?x ?y {?t, act = relu}) if float(?x)",
            "e: (max_pool2d (pad ?x {before = ?p, after = ?q, value = 0.0, mode = constant}) {?a, pad = ?o, kernel = ?k})
                => (max_pool2d ?x {?a, pad = (window-pads ?o ?p ?q ?k)}) if spatial(?p, ?q)",
        ] {
            let found = &verified(rule)[0];
            assert!(found.counterexample.is_some() || found.refused.is_some(), "{rule}: {found:?}");
        }
        let example = verified("a: (relu ?x) => (relu6 ?x)")[0].counterexample.clone().expect("refuted");
        let elements: usize = example.inputs.iter().map(Tensor::len).sum();
        assert!(elements <= 4, "{elements} elements");
    }

    #[test]
    fn a_right_side_of_another_type_is_refused_and_says_why() {
        let found = &verified("flat: (relu ?x) => (reshape ?x {shape = [1]}) if rank(?x, 3)")[0];
        assert!(found.refused.as_ref().is_some_and(|reason| reason.contains("reshape")), "{found:?}");
    }

    #[test]
    fn the_same_seed_finds_the_same() {
        let text = |found: Vec<Verification>| format!("{found:?}");
        let rule = "a: (relu ?x) => (relu6 ?x)";
        assert_eq!(text(verified(rule)), text(verified(rule)));
    }
}
