//! `--verify-exact N`: both sides of a rule through the reference interpreter, on random shapes and values.

use super::cost::{OpCost, Use};
use super::instance::instance;
use super::rule::{Rule, Rules};
use super::saturate::{Limits, saturate};
use crate::random::inputs;
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
        let inputs = inputs(&before, seed);
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
