//! `dead-code`: remove what no output depends on. Inputs stay: they are the interface.

use crate::{Context, Outcome, Pass, PassError, Relation};
use ir::{Attrs, Graph};

/// The pass.
pub struct DeadCode;

impl Pass for DeadCode {
    const NAME: &'static str = "dead-code";
    const SUMMARY: &'static str = "remove what no output depends on";
    const RELATION: Relation = Relation::Exact;

    fn from_options(_options: &Attrs) -> Result<Self, String> {
        Ok(Self)
    }

    fn run(&self, graph: &mut Graph, _context: &Context<'_>) -> Result<Outcome, PassError> {
        let removed = graph.remove_dead();
        Ok(Outcome::of_counts([("removed", removed)]))
    }
}

#[cfg(test)]
mod tests {
    use super::DeadCode;
    use crate::{rewrite, unchanged};
    use insta::assert_snapshot;

    #[test]
    fn values_without_a_use_go_and_inputs_stay() {
        let after = rewrite::<DeadCode>(
            "graph @t(%x: f32[2], %unused: f32[2]) {
               const %c = [1.0, 2.0] : f32[2]
               %1 = add %x, %c
               %2 = exp %1
               %y = abs %x
               return %y
             }",
        );
        assert_snapshot!(after, @r"
        graph @t(%x: f32[2], %unused: f32[2]) {
          %y = abs %x : f32[2]
          return %y
        }
        ");
    }

    #[test]
    fn an_output_that_is_also_used_stays() {
        let before = "graph @t(%x: f32[2]) {
  %y = abs %x : f32[2]
  %z = exp %y : f32[2]
  return %z, %y
}
";
        unchanged::<DeadCode>(before);
    }
}
