//! Every rule of every pass, both sides through the reference interpreter.

use nasc_passes::{Context, Registry, verify_exact};

#[test]
fn both_sides_of_every_rule_compute_the_same() {
    let target = Context::default().target;
    let (mut faults, mut untested) = (Vec::new(), Vec::new());
    for pass in Registry::standard().passes() {
        for found in verify_exact(&pass.rules(&target), 12, 1) {
            let name = format!("{}: {}", pass.name, found.rule);
            if let Some(example) = found.counterexample {
                let (before, after) = (example.before.to_text(), example.after.to_text());
                faults.push(format!("{name}: {}\n{before}{after}", example.difference));
            }
            if let Some(reason) = found.refused {
                faults.push(format!("{name} was refused: {reason}"));
            }
            if found.cases < 3 {
                untested.push(format!("{name} ({} cases)", found.cases));
            }
        }
    }
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
    assert!(untested.is_empty(), "too few graphs meet their conditions:\n{}", untested.join("\n"));
}
