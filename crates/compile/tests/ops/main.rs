//! Every op through the C emitters, compiled by the host's compiler, against the interpreter.
//!
//! One program holds all cases: each is an artifact of its own prefix, all included into one translation unit, which also
//! shows that models live side by side. Integers must be equal bit for bit. Floats may differ by the rounding of sums: the
//! interpreter adds in `f64` or in another order, C in `f32`; over the few hundred terms of these shapes that is below
//! 2^-24 * 300 of the largest partial sum, which stays below 64 here: `TOLERANCE`.

mod arithmetic;
mod build;
mod linear;
mod moving;
mod program;

use build::Case;
use std::collections::BTreeSet;

/// Largest difference of two floats, absolute and relative to the expected one.
const TOLERANCE: f64 = 2e-4;

fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for seed in 0..3 {
        linear::cases(&mut cases, seed);
        arithmetic::cases(&mut cases, seed);
        moving::cases(&mut cases, seed);
    }
    cases
}

fn check(target: &str) {
    let cases = cases();
    let found = program::run(&cases, target);
    let mut wrong = Vec::new();
    for (case, found) in cases.iter().zip(&found) {
        for (output, (found, expected)) in found.iter().zip(&case.expected).enumerate() {
            if let Some(difference) = differs(found, expected) {
                wrong.push(format!("{}, output {output}: {difference}\n{}", case.name, case.graph.to_text()));
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {} cases:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}

fn differs(found: &ir::Tensor, expected: &ir::Tensor) -> Option<String> {
    if !expected.element().is_float() {
        let (found, expected) = (found.to_ints(), expected.to_ints());
        let at = found.iter().zip(&expected).position(|(f, e)| f != e)?;
        let count = found.iter().zip(&expected).filter(|(f, e)| f != e).count();
        let (f, e) = (found[at], expected[at]);
        return Some(format!("{count} of {} differ, element {at} is {f}, {e} expected", found.len()));
    }
    let (found, expected) = (found.to_reals(), expected.to_reals());
    let near = |f: f64, e: f64| {
        f == e || (f.is_nan() && e.is_nan()) || (f - e).abs() <= TOLERANCE * e.abs().max(1.0)
    };
    let at = found.iter().zip(&expected).position(|(f, e)| !near(*f, *e))?;
    Some(format!("element {at} is {}, {} expected", found[at], expected[at]))
}

#[test]
fn every_op_computes_what_the_interpreter_says_in_portable_c() {
    check("host-c");
}

#[test]
fn every_op_computes_what_the_interpreter_says_in_c_for_small_risc_v_cores() {
    check("rv32imac");
}

#[test]
fn every_op_computes_what_the_interpreter_says_in_c_for_cortex_m4() {
    check("cortex-m4");
}

#[test]
fn every_op_of_the_table_has_a_case() {
    let mut seen = BTreeSet::new();
    for case in cases() {
        seen.extend(case.graph.values().filter_map(|v| case.graph.node(v).op()).map(|op| op.name));
    }
    // A user's function has no meaning the interpreter knows: see the test of custom ops.
    let missing: Vec<_> =
        ir::op::all().map(|op| op.name).filter(|name| !seen.contains(name) && *name != "custom").collect();
    assert!(missing.is_empty(), "{missing:?}");
}
