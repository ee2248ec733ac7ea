//! `fuse-activation`: relu, relu6 and clips become the `act` of the op in front of them.
//!
//! Quantized, this is exact where both results have the same quantization: the clamp is the same in integers. Elsewhere
//! the activation also rescales, and stays.

use crate::{Pass, Relation, Rules};
use hw::Capabilities;
use ir::Attrs;
use ir::op::Op;

/// The pass.
pub struct FuseActivation;

impl Pass for FuseActivation {
    const NAME: &'static str = "fuse-activation";
    const SUMMARY: &'static str = "take relu, relu6 and clips into the op in front of them";
    const RELATION: Relation = Relation::Exact;

    fn from_options(_options: &Attrs) -> Result<Self, String> {
        Ok(Self)
    }

    fn rules(&self, _target: &Capabilities) -> Rules {
        let clamped = ir::op::all().filter(|op| op.attrs.iter().any(|attr| attr.name == "act"));
        Rules::of(&clamped.map(rules_of).collect::<String>())
    }
}

/// One op that declares `act`.
fn rules_of(op: Op) -> String {
    let operands: Vec<String> = (0..op.operands.len()).map(|i| format!("?o{i}")).collect();
    let (name, operands) = (op.name, operands.join(" "));
    let ordered = if op.traits.commutative { "!" } else { "" };
    // What the clamp is called, what the op clamps already, what both together are.
    let table = [
        ("relu", "", "none", "relu"),
        ("relu6", "", "none", "relu6"),
        ("clip", ", min = 0.0, max = 6.0", "none", "relu6"),
        ("clip", ", min = -1.0, max = 1.0", "none", "relu1"),
        ("relu", "", "relu", "relu"),
        ("relu", "", "relu6", "relu6"),
        ("relu6", "", "relu6", "relu6"),
        ("relu6", "", "relu", "relu6"),
    ];
    let rule = |i: usize, (clamp, range, before, after): (&str, &str, &str, &str)| {
        format!(
            "{clamp}-{i}-behind-{name}: ?z@({clamp} ?y@({name}{ordered} {operands} {{?a, act = {before}}}) {{?c{range}}})
                => ({name} {operands} {{?a, act = {after}}}) if once(?y) and same_type(?y, ?z)\n"
        )
    };
    table.into_iter().enumerate().map(|(i, row)| rule(i, row)).collect()
}

#[cfg(test)]
mod tests {
    use super::FuseActivation;
    use crate::{rewrite, unchanged};
    use insta::assert_snapshot;

    #[test]
    fn clamps_become_part_of_the_op_in_front() {
        let after = rewrite::<FuseActivation>(
            "graph @t(%x: f32[1, 2, 4, 4], %w: f32[2, 2, 1, 1]) {
               %1 = conv2d %x, %w
               %2 = relu6 %1
               %3 = add %2, %x
               %4 = relu %3
               %5 = max_pool2d %4 {kernel = [2, 2]}
               %6 = clip %5 {min = -1.0, max = 1.0}
               return %6
             }",
        );
        assert_snapshot!(after, @r"
        graph @t(%x: f32[1, 2, 4, 4], %w: f32[2, 2, 1, 1]) {
          %0 = conv2d %x, %w {act = relu6} : f32[1, 2, 4, 4]
          %1 = add %0, %x {act = relu} : f32[1, 2, 4, 4]
          %2 = max_pool2d %1 {kernel = [2, 2], act = relu1} : f32[1, 2, 3, 3]
          return %2
        }
        ");
    }

    #[test]
    fn equal_quantizations_fuse_and_others_do_not() {
        let after = rewrite::<FuseActivation>(
            "graph @t(%x: i8[1, 4] {scale = 0.5, zero = 0}, %v: i8[2, 4] {scale = 0.1, zero = 0},
                      %w: i8[2, 4] {scale = 0.1, zero = 0}) {
               %1 = dense %x, %v : i8[1, 2] {scale = 0.25, zero = 3}
               %2 = relu %1 : i8[1, 2] {scale = 0.25, zero = 3}
               %3 = dense %x, %w : i8[1, 2] {scale = 0.25, zero = 3}
               %4 = relu %3 : i8[1, 2] {scale = 0.125, zero = -128}
               return %2, %4
             }",
        );
        assert_snapshot!(after, @r"
        graph @t(%x: i8[1, 4] {scale = 0.5, zero = 0}, %v: i8[2, 4] {scale = 0.1, zero = 0}, %w: i8[2, 4] {scale = 0.1, zero = 0}) {
          %0 = dense %x, %v {act = relu} : i8[1, 2] {scale = 0.25, zero = 3}
          %1 = dense %x, %w : i8[1, 2] {scale = 0.25, zero = 3}
          %2 = relu %1 : i8[1, 2] {scale = 0.125, zero = -128}
          return %0, %2
        }
        ");
    }

    #[test]
    fn a_value_with_another_use_keeps_its_activation_apart() {
        let before = "graph @t(%x: f32[1, 2, 4, 4], %w: f32[2, 2, 1, 1]) {
  %1 = conv2d %x, %w : f32[1, 2, 4, 4]
  %2 = relu %1 : f32[1, 2, 4, 4]
  return %2, %1
}
";
        unchanged::<FuseActivation>(before);
    }
}
