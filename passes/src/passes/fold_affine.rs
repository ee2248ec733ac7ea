//! `fold-affine`: batch norm, and scales and shifts of channels, folded into the weights next to them.
//!
//! Behind a convolution or dense layer they always fold. In front, a scale folds always, a shift only where nothing is
//! padded: a padded place is real 0, not the shifted one. In float only, computed in f64 and rounded once.

use crate::{Pass, Relation, Rules};
use hw::Capabilities;
use ir::Attrs;

/// The pass.
pub struct FoldAffine;

impl Pass for FoldAffine {
    const NAME: &'static str = "fold-affine";
    const SUMMARY: &'static str = "fold batch norm, scale and shift of channels into conv and dense weights";
    const RELATION: Relation = Relation::Exact;

    fn from_options(_options: &Attrs) -> Result<Self, String> {
        Ok(Self)
    }

    fn rules(&self, _target: &Capabilities) -> Rules {
        ["conv2d", "conv1d"]
            .map(behind)
            .into_iter()
            .chain([IN_FRONT.to_owned(), DENSE.to_owned()])
            .fold(Rules::none(), |all, text| all.and(Rules::of(&text)))
    }
}

/// Rules for what stands behind a convolution.
fn behind(conv: &str) -> String {
    let conv_y = format!("?y@({conv} ?x ?w ?b {{?a, act = none}})");
    format!(
        "
    batch-norm-behind-{conv}:
        (batch_norm {conv_y} ?gamma ?beta ?mean ?var {{epsilon = ?e}})
     => ({conv} ?x (scale-rows ?w (bn-scale ?gamma ?var ?e))
               (add-bias (scale-bias ?b (bn-scale ?gamma ?var ?e)) (bn-shift ?beta ?mean ?gamma ?var ?e) ?w) {{?a}})
        if once(?y) and const(?w) and const(?gamma) and const(?beta) and const(?mean) and const(?var)
    scale-behind-{conv}:
        ?z@(mul {conv_y} ?c {{act = ?t}}) => ({conv} ?x (scale-rows ?w ?c) (scale-bias ?b ?c ?w) {{?a, act = ?t}})
        if once(?y) and float(?y) and const(?w) and channels(?c, ?y) and same_type(?z, ?y)
    shift-behind-{conv}:
        ?z@(add {conv_y} ?c {{act = ?t}}) => ({conv} ?x ?w (add-bias ?b ?c ?w) {{?a, act = ?t}})
        if once(?y) and float(?y) and const(?w) and channels(?c, ?y) and same_type(?z, ?y)
"
    )
}

const DENSE: &str = "
    batch-norm-behind-dense:
        (batch_norm ?y@(dense ?x ?w ?b {?a, act = none}) ?gamma ?beta ?mean ?var {epsilon = ?e})
     => (dense ?x (scale-rows ?w (bn-scale ?gamma ?var ?e))
               (add-bias (scale-bias ?b (bn-scale ?gamma ?var ?e)) (bn-shift ?beta ?mean ?gamma ?var ?e) ?w) {?a})
        if once(?y) and rank(?y, 2) and const(?w) and const(?gamma) and const(?beta) and const(?mean) and const(?var)
    scale-behind-dense:
        ?z@(mul ?y@(dense ?x ?w ?b {?a, act = none}) ?c {act = ?t})
     => (dense ?x (scale-rows ?w ?c) (scale-bias ?b ?c ?w) {?a, act = ?t})
        if once(?y) and float(?y) and const(?w) and columns(?c, ?y) and same_type(?z, ?y)
    shift-behind-dense:
        ?z@(add ?y@(dense ?x ?w ?b {?a, act = none}) ?c {act = ?t}) => (dense ?x ?w (add-bias ?b ?c ?w) {?a, act = ?t})
        if once(?y) and float(?y) and const(?w) and columns(?c, ?y) and same_type(?z, ?y)
    matmul-by-constant: (matmul ?x ?w {transpose_b = 0}) => (dense ?x (transpose-const ?w [1, 0]))
        if const(?w) and rank(?w, 2) and float(?x)
    matmul-by-transposed-constant: (matmul ?x ?w {transpose_b = 1}) => (dense ?x ?w)
        if const(?w) and rank(?w, 2) and float(?x)
";

const IN_FRONT: &str = "
    batch-norm-before-conv2d:
        (conv2d ?n@(batch_norm ?x ?gamma ?beta ?mean ?var {epsilon = ?e}) ?w ?b ?r {?a, pad = [0, 0, 0, 0], groups = ?g})
     => (conv2d ?x (scale-columns ?w (bn-scale ?gamma ?var ?e) ?g)
                (bias-behind-shift ?b ?w (bn-shift ?beta ?mean ?gamma ?var ?e) ?g) ?r {?a})
        if once(?n) and const(?w) and const(?gamma) and const(?beta) and const(?mean) and const(?var)
    scale-before-conv2d:
        (conv2d ?n@(mul ?x ?c {act = none}) ?w ?b ?r {?a, groups = ?g})
     => (conv2d ?x (scale-columns ?w ?c ?g) ?b ?r {?a})
        if once(?n) and float(?n) and const(?w) and channels(?c, ?n) and same_type(?x, ?n)
    shift-before-conv2d:
        (conv2d ?n@(add ?x ?c {act = none}) ?w ?b ?r {?a, pad = [0, 0, 0, 0], groups = ?g})
     => (conv2d ?x ?w (bias-behind-shift ?b ?w ?c ?g) ?r {?a})
        if once(?n) and float(?n) and const(?w) and channels(?c, ?n) and same_type(?x, ?n)
";

#[cfg(test)]
mod tests {
    use super::FoldAffine;
    use crate::{rewrite, unchanged};
    use insta::assert_snapshot;

    #[test]
    fn batch_norm_behind_a_convolution_becomes_its_weights() {
        // scale = gamma / sqrt(var + 1) = [2 / 2, 3 / 1] = [1, 3]; shift = beta - mean * scale = [1 - 5, 0 - 3] = [-4, -3].
        let after = rewrite::<FoldAffine>(
            "graph @t(%x: f32[1, 1, 4, 4]) {
               const %w = [10.0, 20.0] : f32[2, 1, 1, 1]
               const %b = [1.0, 1.0] : f32[2]
               const %gamma = [2.0, 3.0] : f32[2]
               const %beta = [1.0, 0.0] : f32[2]
               const %mean = [5.0, 1.0] : f32[2]
               const %var = [3.0, 0.0] : f32[2]
               %1 = conv2d %x, %w, %b {pad = [0, 0, 0, 0]}
               %2 = batch_norm %1, %gamma, %beta, %mean, %var {epsilon = 1.0}
               return %2
             }",
        );
        assert_snapshot!(after, @r"
        graph @t(%x: f32[1, 1, 4, 4]) {
          const %0 = [10.0, 60.0] : f32[2, 1, 1, 1]
          const %1 = [-3.0, 0.0] : f32[2]
          %2 = conv2d %x, %0, %1 : f32[1, 2, 4, 4]
          return %2
        }
        ");
    }

    #[test]
    fn untrained_weights_fold_to_untrained_weights() {
        let after = rewrite::<FoldAffine>(
            "graph @t(%x: f32[1, 3, 8, 8]) {
               const %w = @conv : f32[4, 3, 3, 3]
               const %gamma = @gamma : f32[4]
               const %beta = @beta : f32[4]
               const %mean = @mean : f32[4]
               const %var = @var : f32[4]
               %1 = conv2d %x, %w {pad = [1, 1, 1, 1]}
               %2 = batch_norm %1, %gamma, %beta, %mean, %var
               return %2
             }",
        );
        assert_snapshot!(after, @r"
        graph @t(%x: f32[1, 3, 8, 8]) {
          const %0 = @conv.scaled : f32[4, 3, 3, 3]
          const %1 = @beta.shift.bias : f32[4]
          %2 = conv2d %x, %0, %1 {pad = [1, 1, 1, 1]} : f32[1, 4, 8, 8]
          return %2
        }
        ");
    }

    #[test]
    fn scale_and_shift_of_channels_fold_and_keep_the_activation() {
        let after = rewrite::<FoldAffine>(
            "graph @t(%x: f32[1, 1, 2, 2]) {
               const %w = [1.0, 2.0] : f32[2, 1, 1, 1]
               const %scale = [3.0, 5.0] : f32[2, 1, 1]
               const %shift = [1.0, -1.0] : f32[1, 2, 1, 1]
               %1 = conv2d %x, %w
               %2 = mul %1, %scale
               %3 = add %2, %shift {act = relu}
               return %3
             }",
        );
        assert_snapshot!(after, @r"
        graph @t(%x: f32[1, 1, 2, 2]) {
          const %0 = [3.0, 10.0] : f32[2, 1, 1, 1]
          const %1 = [1.0, -1.0] : f32[2]
          %2 = conv2d %x, %0, %1 {act = relu} : f32[1, 2, 2, 2]
          return %2
        }
        ");
    }

    #[test]
    fn batch_norm_in_front_folds_where_nothing_is_padded() {
        // scale = [1, 2], shift = [3, 0]: bias = 1*3 + 1*0 = 3 for the one output channel.
        let after = rewrite::<FoldAffine>(
            "graph @t(%x: f32[1, 2, 4, 4]) {
               const %w = [1.0, 1.0] : f32[1, 2, 1, 1]
               const %gamma = [1.0, 2.0] : f32[2]
               const %beta = [3.0, 0.0] : f32[2]
               const %mean = [0.0, 0.0] : f32[2]
               const %var = [0.0, 0.0] : f32[2]
               %1 = batch_norm %x, %gamma, %beta, %mean, %var {epsilon = 1.0}
               %2 = conv2d %1, %w
               return %2
             }",
        );
        assert_snapshot!(after, @r"
        graph @t(%x: f32[1, 2, 4, 4]) {
          const %0 = [1.0, 2.0] : f32[1, 2, 1, 1]
          const %1 = [3.0] : f32[1]
          %2 = conv2d %x, %0, %1 : f32[1, 1, 4, 4]
          return %2
        }
        ");
    }

    #[test]
    fn a_product_with_a_constant_and_its_bias_become_dense() {
        let after = rewrite::<FoldAffine>(
            "graph @t(%x: f32[1, 5, 2]) {
               const %w = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0] : f32[2, 3]
               const %b = [7.0, 8.0, 9.0] : f32[3]
               %1 = matmul %x, %w
               %2 = add %1, %b
               return %2
             }",
        );
        assert_snapshot!(after, @r"
        graph @t(%x: f32[1, 5, 2]) {
          const %0 = [1.0, 4.0, 2.0, 5.0, 3.0, 6.0] : f32[3, 2]
          const %1 = [7.0, 8.0, 9.0] : f32[3]
          %2 = dense %x, %0, %1 : f32[1, 5, 3]
          return %2
        }
        ");
    }

    #[test]
    fn a_shift_in_front_of_padding_two_uses_and_a_map_stay() {
        let before = "graph @t(%x: f32[1, 1, 2, 2]) {
  const %w = [1.0] : f32[1, 1, 1, 1]
  const %c = [3.0] : f32[1, 1, 1, 1]
  const %map = [1.0, 2.0, 3.0, 4.0] : f32[1, 1, 2, 2]
  %1 = add %x, %c : f32[1, 1, 2, 2]
  %2 = conv2d %1, %w {pad = [1, 1, 1, 1]} : f32[1, 1, 4, 4]
  %3 = conv2d %x, %w : f32[1, 1, 2, 2]
  %4 = mul %3, %c : f32[1, 1, 2, 2]
  %5 = conv2d %x, %w {stride = [2, 2]} : f32[1, 1, 1, 1]
  %6 = mul %5, %map : f32[1, 1, 2, 2]
  return %2, %3, %4, %6
}
";
        unchanged::<FoldAffine>(before);
    }
}
