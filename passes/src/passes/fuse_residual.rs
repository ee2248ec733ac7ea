//! `fuse-residual`: an addition behind a convolution becomes its `residual`.
//!
//! The result of the convolution is never stored: one pass and one buffer less. Quantized, the convolution is still
//! rounded to the type it had (`mid`) before the addition, so the integers do not change. Only where nothing else reads
//! the convolution's result.

use crate::{Pass, Relation, Rules};
use hw::Capabilities;
use ir::Attrs;

/// The pass.
pub struct FuseResidual;

impl Pass for FuseResidual {
    const NAME: &'static str = "fuse-residual";
    const SUMMARY: &'static str = "add a residual in the convolution in front of the addition";
    const RELATION: Relation = Relation::Exact;

    fn from_options(_options: &Attrs) -> Result<Self, String> {
        Ok(Self)
    }

    fn rules(&self, _target: &Capabilities) -> Rules {
        Rules::of(RULES)
    }
}

const RULES: &str = "
    residual-in-float:
        ?z@(add ?y@(conv2d ?x ?w ?b {?a, act = none}) ?r {act = ?t}) => (conv2d ?x ?w ?b ?r {?a, act = ?t})
        if once(?y) and float(?y) and not const(?r) and same_type(?y, ?r) and same_type(?z, ?y)
    residual-in-integers:
        ?z@(add ?y@(conv2d ?x ?w ?b {?a, act = none, round = ?p}) ?r {act = ?t, round = ?p})
     => (conv2d ?x ?w ?b ?r {?a, act = ?t, mid = (quant-of ?y)})
        if once(?y) and quantized(?y) and not const(?r) and same_shape(?y, ?r) and same_shape(?z, ?y)
";

#[cfg(test)]
mod tests {
    use super::FuseResidual;
    use crate::{rewrite, unchanged};
    use insta::assert_snapshot;

    #[test]
    fn the_addition_goes_into_the_convolution() {
        let after = rewrite::<FuseResidual>(
            "graph @t(%x: f32[1, 2, 4, 4], %w: f32[2, 2, 1, 1]) {
               %1 = conv2d %x, %w
               %2 = add %x, %1 {act = relu}
               return %2
             }",
        );
        assert_snapshot!(after, @r"
        graph @t(%x: f32[1, 2, 4, 4], %w: f32[2, 2, 1, 1]) {
          %0 = conv2d %x, %w, _, %x {act = relu} : f32[1, 2, 4, 4]
          return %0
        }
        ");
    }

    #[test]
    fn quantized_the_type_in_between_is_kept() {
        let after = rewrite::<FuseResidual>(
            "graph @t(%x: i8[1, 1, 4, 4] {scale = 0.5, zero = 0}, %w: i8[1, 1, 1, 1] {scale = 0.1, zero = 0}) {
               %1 = conv2d %x, %w : i8[1, 1, 4, 4] {scale = 0.25, zero = 3}
               %2 = add %1, %x {act = relu} : i8[1, 1, 4, 4] {scale = 0.75, zero = -1}
               return %2
             }",
        );
        assert_snapshot!(after, @r"
        graph @t(%x: i8[1, 1, 4, 4] {scale = 0.5, zero = 0}, %w: i8[1, 1, 1, 1] {scale = 0.1, zero = 0}) {
          %0 = conv2d %x, %w, _, %x {act = relu, mid = i8 {scale = 0.25, zero = 3}} : i8[1, 1, 4, 4] {scale = 0.75, zero = -1}
          return %0
        }
        ");
    }

    #[test]
    fn of_two_convolutions_one_takes_the_other_as_its_residual() {
        let after = rewrite::<FuseResidual>(
            "graph @t(%x: f32[1, 2, 4, 4], %v: f32[2, 2, 1, 1], %w: f32[2, 2, 3, 3]) {
               %1 = conv2d %x, %v
               %2 = conv2d %x, %w {pad = [1, 1, 1, 1]}
               %3 = add %1, %2
               return %3
             }",
        );
        assert_eq!(after.matches("conv2d").count(), 2, "{after}");
        assert_eq!(after.matches("add").count(), 0, "{after}");
    }

    #[test]
    fn a_second_use_an_activation_a_broadcast_and_another_rounding_are_left_alone() {
        let before = "graph @t(%x: f32[1, 2, 4, 4], %w: f32[2, 2, 1, 1], %one: f32[1, 2, 1, 1], %q: i8[1, 1, 4, 4] {scale = 0.5, zero = 0}, %v: i8[1, 1, 1, 1] {scale = 0.1, zero = 0}) {
  %1 = conv2d %x, %w : f32[1, 2, 4, 4]
  %2 = add %1, %x : f32[1, 2, 4, 4]
  %3 = conv2d %x, %w {act = relu} : f32[1, 2, 4, 4]
  %4 = add %3, %x : f32[1, 2, 4, 4]
  %5 = conv2d %x, %w {stride = [2, 2]} : f32[1, 2, 2, 2]
  %6 = add %5, %one : f32[1, 2, 2, 2]
  %7 = conv2d %q, %v {round = xnnpack} : i8[1, 1, 4, 4] {scale = 0.25, zero = 3}
  %8 = add %7, %q : i8[1, 1, 4, 4] {scale = 0.75, zero = -1}
  return %1, %2, %4, %6, %8
}
";
        unchanged::<FuseResidual>(before);
    }
}
