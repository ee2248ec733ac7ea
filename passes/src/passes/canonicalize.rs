//! `canonicalize`: one form for graphs that mean the same.
//!
//! Constants stand right of commutative ops, ops that change nothing go, chains of the same movement become one, axes
//! count from the front. Other passes need fewer patterns for it, and predictors see one graph where there were many.

use crate::{Pass, Relation, Rules};
use hw::Capabilities;
use ir::Attrs;

/// The pass.
pub struct Canonicalize;

impl Pass for Canonicalize {
    const NAME: &'static str = "canonicalize";
    const SUMMARY: &'static str =
        "bring equal graphs to one form: constants right, no-ops gone, chains joined";
    const RELATION: Relation = Relation::Exact;

    fn from_options(_options: &Attrs) -> Result<Self, String> {
        Ok(Self)
    }

    fn rules(&self, _target: &Capabilities) -> Rules {
        Rules::of(ARITHMETIC).and(Rules::of(CLAMPS)).and(Rules::of(MOVEMENT)).and(Rules::of(&commutative()))
    }
}

/// `(op! ?c ?x)` with the constant first, for each commutative op of the table.
fn commutative() -> String {
    let rule = |name: &str| {
        format!(
            "constant-right-of-{name}: ({name}! ?c ?x {{?a}}) => ({name} ?x ?c {{?a}}) if const(?c) and not const(?x)\n"
        )
    };
    ir::op::all().filter(|op| op.traits.commutative).map(|op| rule(op.name)).collect()
}

/// In float: adding -0.0 or 0.0 differs in the sign of zero alone, and a reciprocal is rounded once more.
const ARITHMETIC: &str = "
    add-zero: ?y@(add ?x 0.0 {act = none}) => ?x if same_type(?y, ?x)
    sub-zero: ?y@(sub! ?x 0.0 {act = none}) => ?x if same_type(?y, ?x)
    mul-one:  ?y@(mul ?x 1.0 {act = none}) => ?x if same_type(?y, ?x)
    div-one:  ?y@(div! ?x 1.0 {act = none}) => ?x if same_type(?y, ?x)
    pow-one:  ?y@(pow! ?x 1.0 {act = none}) => ?x if same_type(?y, ?x)
    pow-two:  ?y@(pow! ?x 2.0 {?a}) => (mul ?x ?x {?a}) if same_type(?y, ?x)
    pow-half: ?y@(pow! ?x 0.5 {act = none}) => (sqrt ?x) if same_type(?y, ?x)
    sub-constant-is-add: (sub ?x ?c {?a}) => (add ?x (negated ?c) {?a}) if const(?c) and float(?c) and not const(?x)
    div-constant-is-mul: (div ?x ?c {?a}) => (mul ?x (inverted ?c) {?a}) if const(?c) and float(?c) and not const(?x)
    mul-by-reciprocal-is-div: (mul ?x (reciprocal ?y) {?a}) => (div ?x ?y {?a}) if not const(?y) and float(?x)
    neg-neg:  (neg (neg ?x)) => ?x if float(?x)
    recip-recip: (reciprocal (reciprocal ?x)) => ?x if float(?x)
    mul-chain: (mul (mul ?x ?c {act = none}) ?d {?a}) => (mul ?x (product ?c ?d) {?a})
               if const(?c) and const(?d) and float(?x) and not const(?x)
    add-chain: (add (add ?x ?c {act = none}) ?d {?a}) => (add ?x (total ?c ?d) {?a})
               if const(?c) and const(?d) and float(?x) and not const(?x)
    cast-to-itself: ?y@(cast ?x) => ?x if same_type(?y, ?x)
    requantize-to-itself: ?y@(requantize ?x) => ?x if same_type(?y, ?x)
    relu-of-nothing-negative: ?y@(relu ?x) => ?x if same_type(?y, ?x) and nonnegative(?x)
";

const CLAMPS: &str = "
    clip-0-6: (clip ?x {?a, min = 0.0, max = 6.0}) => (relu6 ?x {?a}) if float(?x)
    clip-from-0: (clip ?x {?a, min = 0.0, max = ?m}) => (relu ?x {?a}) if float(?x) and at_least(?m, 3e38)
    maximum-0: ?y@(maximum ?x 0.0 {act = none}) => (relu ?x) if same_type(?y, ?x)
    minimum-6-of-relu: ?y@(minimum (relu ?x) 6.0 {act = none}) => (relu6 ?x) if same_type(?y, ?x)
    relu-of-relu: (relu (relu ?x {?a})) => (relu ?x {?a}) if float(?x)
    relu6-of-relu6: (relu6 (relu6 ?x {?a})) => (relu6 ?x {?a}) if float(?x)
    relu6-of-relu: (relu6 (relu ?x {?a})) => (relu6 ?x {?a}) if float(?x)
    relu-of-relu6: (relu (relu6 ?x {?a})) => (relu6 ?x {?a}) if float(?x)
";

const MOVEMENT: &str = "
    reshape-of-reshape: (reshape (reshape ?x) {?a}) => (reshape ?x {?a})
    reshape-to-itself: ?y@(reshape ?x) => ?x if same_type(?y, ?x)
    transpose-of-transpose: (transpose (transpose ?x {perm = ?p}) {perm = ?q})
                         => (transpose ?x {perm = (compose-perm ?p ?q)})
    transpose-to-itself: (transpose ?x {perm = ?p}) => ?x if identity(?p)
    transpose-that-is-reshape: ?y@(transpose ?x {perm = ?p}) => (reshape ?x {shape = (shape-of ?y)})
                               if keeps_order(?p, ?x)
    pad-by-nothing: (pad ?x {before = ?b, after = ?f}) => ?x if zeros(?b) and zeros(?f)
    slice-of-all: ?y@(slice ?x) => ?x if same_type(?y, ?x)
    expand-to-itself: ?y@(expand ?x) => ?x if same_type(?y, ?x)
    concat-of-one: ?y@(concat ?x) => ?x if same_type(?y, ?x)
    softmax-axis: (softmax ?x {?a, axis = ?i}) => (softmax ?x {?a, axis = (resolve-axis ?i ?x)}) if negative(?i)
    concat-axis: ?y@(concat ?xs.. {?a, axis = ?i}) => (concat ?xs.. {?a, axis = (resolve-axis ?i ?y)}) if negative(?i)
    gather-axis: (gather ?x ?n {?a, axis = ?i}) => (gather ?x ?n {?a, axis = (resolve-axis ?i ?x)}) if negative(?i)
    mean-axes: (mean ?x {?a, axes = ?i}) => (mean ?x {?a, axes = (resolve-axis ?i ?x)}) if negative(?i)
    sum-axes: (sum ?x {?a, axes = ?i}) => (sum ?x {?a, axes = (resolve-axis ?i ?x)}) if negative(?i)
    max-axes: (reduce_max ?x {?a, axes = ?i}) => (reduce_max ?x {?a, axes = (resolve-axis ?i ?x)}) if negative(?i)
    norm-axis: (layer_norm ?x ?g ?b {?a, axis = ?i}) => (layer_norm ?x ?g ?b {?a, axis = (resolve-axis ?i ?x)})
               if negative(?i)
";

#[cfg(test)]
mod tests {
    use super::Canonicalize;
    use crate::{rewrite, unchanged};
    use insta::assert_snapshot;

    #[test]
    fn constants_move_right_and_chains_of_them_become_one() {
        let after = rewrite::<Canonicalize>(
            "graph @t(%x: f32[1, 2]) {
               const %c = [2.0, 4.0] : f32[2]
               const %d = [0.5] : f32[1]
               %1 = mul %c, %x
               %2 = mul %1, %d
               %3 = sub %2, %c
               return %3
             }",
        );
        assert_snapshot!(after, @r"
        graph @t(%x: f32[1, 2]) {
          const %0 = [1.0, 2.0] : f32[2]
          %1 = mul %x, %0 : f32[1, 2]
          const %2 = [-2.0, -4.0] : f32[2]
          %3 = add %1, %2 : f32[1, 2]
          return %3
        }
        ");
    }

    #[test]
    fn ops_that_change_nothing_go() {
        let after = rewrite::<Canonicalize>(
            "graph @t(%x: f32[1, 2, 3]) {
               const %zero = [0.0] : f32[1]
               %1 = add %x, %zero
               %2 = reshape %1 {shape = [1, 2, 3]}
               %3 = transpose %2 {perm = [0, 1, 2]}
               %4 = pad %3 {before = [0, 0, 0], after = [0, 0, 0]}
               %5 = slice %4 {start = [0, 0, 0], size = [1, 2, 3], step = [1, 1, 1]}
               %6 = expand %5 {shape = [1, 2, 3]}
               %7 = concat %6 {axis = 0}
               %y = exp %7
               return %y
             }",
        );
        assert_snapshot!(after, @r"
        graph @t(%x: f32[1, 2, 3]) {
          %y = exp %x : f32[1, 2, 3]
          return %y
        }
        ");
    }

    #[test]
    fn movement_of_movement_is_one_movement() {
        let after = rewrite::<Canonicalize>(
            "graph @t(%x: f32[2, 3, 4]) {
               %1 = transpose %x {perm = [2, 0, 1]}
               %2 = transpose %1 {perm = [1, 0, 2]}
               %3 = reshape %2 {shape = [6, 4]}
               %4 = reshape %3 {shape = [24]}
               return %4
             }",
        );
        assert_snapshot!(after, @r"
        graph @t(%x: f32[2, 3, 4]) {
          %0 = transpose %x {perm = [0, 2, 1]} : f32[2, 4, 3]
          %1 = reshape %0 {shape = [24]} : f32[24]
          return %1
        }
        ");
    }

    #[test]
    fn a_transpose_of_axes_of_extent_one_is_a_reshape() {
        let after = rewrite::<Canonicalize>(
            "graph @t(%x: f32[1, 8, 1, 1]) {
               %1 = transpose %x {perm = [0, 2, 3, 1]}
               %2 = reshape %1 {shape = [1, 8]}
               return %2
             }",
        );
        assert_snapshot!(after, @r"
        graph @t(%x: f32[1, 8, 1, 1]) {
          %0 = reshape %x {shape = [1, 8]} : f32[1, 8]
          return %0
        }
        ");
    }

    #[test]
    fn clamps_get_their_names() {
        let after = rewrite::<Canonicalize>(
            "graph @t(%x: f32[4]) {
               const %zero = [0.0] : f32[]
               const %six = [6.0] : f32[]
               %1 = clip %x {min = 0.0, max = 6.0}
               %2 = clip %x {min = 0.0, max = 3.4028234663852886e38}
               %3 = maximum %x, %zero
               %4 = minimum %3, %six
               return %1, %2, %3, %4
             }",
        );
        assert_snapshot!(after, @r"
        graph @t(%x: f32[4]) {
          %0 = relu6 %x : f32[4]
          %1 = relu %x : f32[4]
          return %0, %1, %1, %0
        }
        ");
    }

    #[test]
    fn what_does_change_something_stays() {
        let before = "graph @t(%x: f32[1, 2], %q: i8[4] {scale = 0.5, zero = -128}, %r: i8[4] {scale = 0.5, zero = 0}) {
  const %c = [1.0, 0.0] : f32[2]
  const %grow = [0.0, 0.0] : f32[2, 1]
  %1 = mul %x, %c : f32[1, 2]
  %2 = add %x, %grow : f32[2, 2]
  %3 = clip %x {min = 0.0, max = 5.0} : f32[1, 2]
  %4 = relu %r : i8[4] {scale = 0.5, zero = 0}
  %5 = relu %q : i8[4] {scale = 0.25, zero = -128}
  return %1, %2, %3, %4, %5
}
";
        unchanged::<Canonicalize>(before);
    }

    #[test]
    fn a_quantized_relu_of_what_starts_at_zero_goes() {
        let after = rewrite::<Canonicalize>(
            "graph @t(%x: i8[4] {scale = 0.5, zero = -128}) {
               %1 = relu %x : i8[4] {scale = 0.5, zero = -128}
               %2 = tanh %1 : i8[4] {scale = 0.0078125, zero = 0}
               return %2
             }",
        );
        assert_snapshot!(after, @r"
        graph @t(%x: i8[4] {scale = 0.5, zero = -128}) {
          %0 = tanh %x : i8[4] {scale = 0.0078125, zero = 0}
          return %0
        }
        ");
    }
}
