//! `fuse-pad`: padding with real 0 becomes the `pad` of the window op behind it.
//!
//! A convolution pads with real 0, so it takes any such padding. An average pool counts what was padded, so it takes it
//! where all of its padding counts. A max pool ignores its own padding, so it takes a padding with 0 only where nothing it
//! sees is negative.

use crate::{Pass, Relation, Rules};
use hw::Capabilities;
use ir::Attrs;

/// The pass.
pub struct FusePad;

impl Pass for FusePad {
    const NAME: &'static str = "fuse-pad";
    const SUMMARY: &'static str = "take padding with 0 into the convolution or pool behind it";
    const RELATION: Relation = Relation::Exact;

    fn from_options(_options: &Attrs) -> Result<Self, String> {
        Ok(Self)
    }

    fn rules(&self, _target: &Capabilities) -> Rules {
        Rules::of(RULES)
    }
}

const RULES: &str = "
    pad-before-conv2d:
        (conv2d (pad ?x {before = ?p, after = ?q, value = 0.0, mode = constant}) ?w ?b ?r {?a, pad = ?own})
     => (conv2d ?x ?w ?b ?r {?a, pad = (join-pads ?own ?p ?q)}) if spatial(?p, ?q)
    pad-before-conv1d:
        (conv1d (pad ?x {before = ?p, after = ?q, value = 0.0, mode = constant}) ?w ?b {?a, pad = ?own})
     => (conv1d ?x ?w ?b {?a, pad = (join-pads ?own ?p ?q)}) if spatial(?p, ?q)
    pad-before-max-pool:
        (max_pool2d (pad ?x {before = ?p, after = ?q, value = 0.0, mode = constant}) {?a, pad = ?own, kernel = ?k})
     => (max_pool2d ?x {?a, pad = (window-pads ?own ?p ?q ?k)}) if spatial(?p, ?q) and nonnegative(?x)
    pad-before-avg-pool:
        (avg_pool2d (pad ?x {before = ?p, after = ?q, value = 0.0, mode = constant}) {?a, pad = [0, 0, 0, 0], kernel = ?k})
     => (avg_pool2d ?x {?a, pad = (window-pads [0, 0, 0, 0] ?p ?q ?k), count_pad = 1}) if spatial(?p, ?q) and float(?x)
    pad-before-counting-avg-pool:
        (avg_pool2d (pad ?x {before = ?p, after = ?q, value = 0.0, mode = constant})
                    {?a, pad = ?own, kernel = ?k, count_pad = 1})
     => (avg_pool2d ?x {?a, pad = (window-pads ?own ?p ?q ?k)}) if spatial(?p, ?q) and float(?x)
";

#[cfg(test)]
mod tests {
    use super::FusePad;
    use crate::{rewrite, unchanged};
    use insta::assert_snapshot;

    #[test]
    fn padding_joins_that_of_the_convolution_float_or_quantized() {
        let after = rewrite::<FusePad>(
            "graph @t(%x: f32[1, 2, 4, 4], %w: f32[2, 2, 3, 3],
                      %q: i8[1, 1, 4, 4] {scale = 0.5, zero = 7}, %v: i8[1, 1, 2, 2] {scale = 0.5, zero = 0}) {
               %1 = pad %x {before = [0, 0, 1, 0], after = [0, 0, 0, 2]}
               %2 = conv2d %1, %w {pad = [0, 1, 0, 0]}
               %3 = pad %q {before = [0, 0, 0, 0], after = [0, 0, 1, 1]}
               %4 = conv2d %3, %v {stride = [2, 2]} : i8[1, 1, 2, 2] {scale = 1.0, zero = 0}
               return %2, %4
             }",
        );
        assert_snapshot!(after, @r"
        graph @t(%x: f32[1, 2, 4, 4], %w: f32[2, 2, 3, 3], %q: i8[1, 1, 4, 4] {scale = 0.5, zero = 7}, %v: i8[1, 1, 2, 2] {scale = 0.5, zero = 0}) {
          %0 = conv2d %x, %w {pad = [1, 1, 0, 2]} : f32[1, 2, 3, 5]
          %1 = conv2d %q, %v {stride = [2, 2], pad = [0, 0, 1, 1]} : i8[1, 1, 2, 2] {scale = 1.0, zero = 0}
          return %0, %1
        }
        ");
    }

    #[test]
    fn pools_take_it_where_that_means_the_same() {
        let after = rewrite::<FusePad>(
            "graph @t(%x: f32[1, 2, 4, 4]) {
               %1 = relu %x
               %2 = pad %1 {before = [0, 0, 1, 1], after = [0, 0, 1, 1]}
               %3 = max_pool2d %2 {kernel = [3, 3], stride = [2, 2]}
               %4 = pad %x {before = [0, 0, 1, 1], after = [0, 0, 1, 1]}
               %5 = avg_pool2d %4 {kernel = [3, 3]}
               return %3, %5
             }",
        );
        assert_snapshot!(after, @r"
        graph @t(%x: f32[1, 2, 4, 4]) {
          %0 = relu %x : f32[1, 2, 4, 4]
          %1 = max_pool2d %0 {kernel = [3, 3], stride = [2, 2], pad = [1, 1, 1, 1]} : f32[1, 2, 2, 2]
          %2 = avg_pool2d %x {kernel = [3, 3], pad = [1, 1, 1, 1], count_pad = 1} : f32[1, 2, 4, 4]
          return %1, %2
        }
        ");
    }

    #[test]
    fn other_values_modes_axes_and_windows_are_left_alone() {
        let before = "graph @t(%x: f32[1, 2, 4, 4], %w: f32[2, 2, 1, 1], %v: f32[2, 4, 1, 1]) {
  %1 = pad %x {before = [0, 0, 1, 1], after = [0, 0, 1, 1], value = 1.0} : f32[1, 2, 6, 6]
  %2 = conv2d %1, %w : f32[1, 2, 6, 6]
  %3 = pad %x {before = [0, 0, 1, 1], after = [0, 0, 1, 1], mode = reflect} : f32[1, 2, 6, 6]
  %4 = conv2d %3, %w : f32[1, 2, 6, 6]
  %5 = pad %x {before = [0, 1, 0, 0], after = [0, 1, 0, 0]} : f32[1, 4, 4, 4]
  %6 = conv2d %5, %v : f32[1, 2, 4, 4]
  %7 = pad %x {before = [0, 0, 1, 1], after = [0, 0, 1, 1]} : f32[1, 2, 6, 6]
  %8 = max_pool2d %7 {kernel = [3, 3]} : f32[1, 2, 4, 4]
  %9 = pad %x {before = [0, 0, 3, 3], after = [0, 0, 3, 3]} : f32[1, 2, 10, 10]
  %10 = avg_pool2d %9 {kernel = [2, 2]} : f32[1, 2, 9, 9]
  return %2, %4, %6, %8, %10
}
";
        unchanged::<FusePad>(before);
    }
}
