//! `common-subexpressions`: compute equal values once, and keep equal constants once.
//!
//! Values are equal where op, attributes, type and operands are. Constants are equal where type and data are, whatever
//! their names: a compiled network stores them once. Untrained weights have no data and are equal to none but themselves.

use crate::{Context, Outcome, Pass, PassError, Relation};
use ir::{Attrs, Graph, Kind, Value};
use std::collections::HashMap;

/// The pass.
pub struct CommonSubexpressions;

impl Pass for CommonSubexpressions {
    const NAME: &'static str = "common-subexpressions";
    const SUMMARY: &'static str = "compute equal values once, keep equal constants once";
    const RELATION: Relation = Relation::Exact;

    fn from_options(_options: &Attrs) -> Result<Self, String> {
        Ok(Self)
    }

    fn run(&self, graph: &mut Graph, _context: &Context<'_>) -> Result<Outcome, PassError> {
        let mut known: HashMap<String, Vec<Value>> = HashMap::new();
        let mut merged = 0;
        for value in graph.topological() {
            let Some(key) = key(graph, value) else { continue };
            let candidates = known.entry(key).or_default();
            // Keys leave out the bytes of constants; they are compared here.
            let equal =
                candidates.iter().copied().find(|other| graph.const_data(*other) == graph.const_data(value));
            match equal {
                Some(other) => {
                    // An output's name is the interface's.
                    let name = graph.node(value).name().map(str::to_owned);
                    let output = graph.outputs().contains(&value) && !graph.outputs().contains(&other);
                    graph.replace(value, other);
                    if output && name.is_some() {
                        graph.set_name(other, name);
                    }
                    merged += 1;
                }
                None => candidates.push(value),
            }
        }
        if merged > 0 {
            graph.remove_dead();
        }
        Ok(Outcome::of_counts([("merged", merged)]))
    }
}

/// Equal for equal values, up to the bytes of constants; `None` for what is never merged.
fn key(graph: &Graph, value: Value) -> Option<String> {
    let node = graph.node(value);
    match node.kind() {
        Kind::Input => None,
        Kind::Const(constant) => {
            let data = constant.data.as_ref()?;
            // A few bytes tell most constants apart, so that few are compared as a whole.
            let bytes = data.bytes();
            let few: Vec<u8> = bytes.iter().step_by((bytes.len() / 64).max(1)).copied().collect();
            Some(format!("const {} {few:?}", node.ty()))
        }
        Kind::Op { op, attrs } => Some(format!("{} {:?} {attrs:?} {}", op.name, node.operands(), node.ty())),
    }
}

#[cfg(test)]
mod tests {
    use super::CommonSubexpressions;
    use crate::{rewrite, unchanged};
    use insta::assert_snapshot;

    #[test]
    fn equal_values_of_equal_values_are_computed_once() {
        let after = rewrite::<CommonSubexpressions>(
            "graph @t(%x: f32[2]) {
               const %c = [1.0, 2.0] : f32[2]
               const %d = [1.0, 2.0] : f32[2]
               %1 = add %x, %c
               %2 = add %x, %d
               %3 = exp %1
               %last = exp %2
               return %3, %last
             }",
        );
        assert_snapshot!(after, @r"
        graph @t(%x: f32[2]) {
          const %c = [1.0, 2.0] : f32[2]
          %0 = add %x, %c : f32[2]
          %last = exp %0 : f32[2]
          return %last, %last
        }
        ");
    }

    #[test]
    fn other_attributes_types_and_untrained_weights_are_not_equal() {
        let before = "graph @t(%x: f32[2], %q: i8[2] {scale = 0.5, zero = 0}) {
  const %a = @a : f32[2]
  const %b = @b : f32[2]
  %1 = add %x, %a : f32[2]
  %2 = add %x, %b : f32[2]
  %3 = add %x, %a {act = relu} : f32[2]
  %4 = tanh %q : i8[2] {scale = 0.0078125, zero = 0}
  %5 = tanh %q : i8[2] {scale = 0.015625, zero = 0}
  return %1, %2, %3, %4, %5
}
";
        unchanged::<CommonSubexpressions>(before);
    }
}
