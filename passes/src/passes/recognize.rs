//! `recognize`: what exporters take apart becomes one op again: layer norm, GELU, SiLU, hard-swish, attention.
//!
//! In float, equal up to rounding: each fused op computes what its parts compute, in another order.

use crate::{Pass, Relation, Rules};
use hw::Capabilities;
use ir::Attrs;

/// The pass.
pub struct Recognize;

impl Pass for Recognize {
    const NAME: &'static str = "recognize";
    const SUMMARY: &'static str = "find layer norm, gelu, silu, hard_swish and attention in their parts";
    const RELATION: Relation = Relation::Exact;

    fn from_options(_options: &Attrs) -> Result<Self, String> {
        Ok(Self)
    }

    fn rules(&self, _target: &Capabilities) -> Rules {
        [ACTIVATIONS.to_owned(), gelu(), LAYER_NORM.to_owned(), attention()]
            .iter()
            .fold(Rules::none(), |all, text| all.and(Rules::of(text)))
    }
}

const ACTIVATIONS: &str = "
    silu: (mul ?x (sigmoid ?x) {act = none}) => (silu ?x) if float(?x)
    hard-sigmoid-by-div: ?y@(div! (relu6 (add ?x 3.0 {act = none})) 6.0 {act = none})
                      => (hard_sigmoid ?x {alpha = 0.16666666666666666, beta = 0.5}) if same_type(?y, ?x)
    hard-sigmoid-by-mul: ?y@(mul (relu6 (add ?x 3.0 {act = none})) 0.16666666666666666 {act = none})
                      => (hard_sigmoid ?x {alpha = 0.16666666666666666, beta = 0.5}) if same_type(?y, ?x)
    hard-sigmoid-by-div-of-clip: ?y@(div! (clip (add ?x 3.0 {act = none}) {min = 0.0, max = 6.0}) 6.0 {act = none})
                      => (hard_sigmoid ?x {alpha = 0.16666666666666666, beta = 0.5}) if same_type(?y, ?x)
    hard-swish: (mul ?x (hard_sigmoid ?x {alpha = ?a, beta = 0.5}) {act = none}) => (hard_swish ?x)
                if float(?x) and near(?a, 0.16666666666666666)
    hard-swish-divided-last: ?y@(div! (mul ?x (relu6 (add ?x 3.0 {act = none})) {act = none}) 6.0 {act = none}) => (hard_swish ?x)
                             if same_type(?y, ?x)
    hard-swish-scaled-last: ?y@(mul (mul ?x (relu6 (add ?x 3.0 {act = none})) {act = none}) 0.16666666666666666 {act = none})
                         => (hard_swish ?x) if same_type(?y, ?x)
    hard-swish-divided-last-of-clip:
        ?y@(div! (mul ?x (clip (add ?x 3.0 {act = none}) {min = 0.0, max = 6.0}) {act = none}) 6.0 {act = none}) => (hard_swish ?x)
        if same_type(?y, ?x)
";

/// No activation behind an op that has one.
const NONE: &str = "{act = none}";

/// The factor 0.5 may stand at three places, and the square root of two divide or multiply.
fn gelu() -> String {
    let mut rules = String::new();
    for (name, inner) in [
        ("div", "(div! ?x 1.4142135623730951 {act = none})"),
        ("mul", "(mul ?x 0.7071067811865476 {act = none})"),
    ] {
        let cdf = format!("(add (erf {inner}) 1.0 {{act = none}})");
        rules += &half_of("gelu", name, &cdf, "none");
    }
    for (name, cube) in
        [("pow", "(pow! ?x 3.0 {act = none})"), ("mul", "(mul (mul ?x ?x {act = none}) ?x {act = none})")]
    {
        let cdf = format!(
            "(add (tanh (mul (add ?x (mul {cube} 0.044715 {NONE}) {NONE}) 0.7978845608028654 {NONE})) 1.0 {NONE})"
        );
        rules += &half_of("gelu-tanh", name, &cdf, "tanh");
    }
    rules
}

fn half_of(name: &str, kind: &str, cdf: &str, approximate: &str) -> String {
    let right = format!("(gelu ?x {{approximate = {approximate}}})");
    format!(
        "
    {name}-{kind}-half-last:  ?y@(mul (mul ?x {cdf} {NONE}) 0.5 {NONE}) => {right} if same_type(?y, ?x)
    {name}-{kind}-half-first: ?y@(mul (mul ?x 0.5 {NONE}) {cdf} {NONE}) => {right} if same_type(?y, ?x)
    {name}-{kind}-half-cdf:   ?y@(mul ?x (mul {cdf} 0.5 {NONE}) {NONE}) => {right} if same_type(?y, ?x)\n"
    )
}

const LAYER_NORM: &str = "
    layer-norm:
        (div! ?d@(sub ?x (mean ?x {axes = ?i, keep = 1}) {act = none})
              (sqrt (add (mean (mul ?d ?d {act = none}) {axes = ?i, keep = 1}) ?e {act = none})) {act = none})
     => (layer_norm ?x _ _ {axis = (first-axis ?i ?x), epsilon = (value ?e)})
        if float(?x) and trailing(?i, ?x) and splat(?e)
    layer-norm-by-pow:
        (div! ?d@(sub ?x (mean ?x {axes = ?i, keep = 1}) {act = none})
              (sqrt (add (mean (pow! ?d 2.0 {act = none}) {axes = ?i, keep = 1}) ?e {act = none})) {act = none})
     => (layer_norm ?x _ _ {axis = (first-axis ?i ?x), epsilon = (value ?e)})
        if float(?x) and trailing(?i, ?x) and splat(?e)
    layer-norm-by-reciprocal:
        (mul ?d@(sub ?x (mean ?x {axes = ?i, keep = 1}) {act = none})
             (reciprocal (sqrt (add (mean (mul ?d ?d {act = none}) {axes = ?i, keep = 1}) ?e {act = none}))) {act = none})
     => (layer_norm ?x _ _ {axis = (first-axis ?i ?x), epsilon = (value ?e)})
        if float(?x) and trailing(?i, ?x) and splat(?e)
    layer-norm-gamma:
        ?y@(mul ?n@(layer_norm ?x {?a, axis = ?i}) ?g {act = none}) => (layer_norm ?x ?g _ {?a})
        if once(?n) and const(?g) and fits_trailing(?g, ?x, ?i) and same_type(?y, ?n)
    layer-norm-beta:
        ?y@(add ?n@(layer_norm ?x ?g _ {?a, axis = ?i}) ?b {act = none}) => (layer_norm ?x ?g ?b {?a})
        if once(?n) and const(?b) and fits_trailing(?b, ?x, ?i) and same_type(?y, ?n)
";

/// Scores may be scaled before or after, by a factor or a divisor, and masked.
fn attention() -> String {
    let mut rules = String::new();
    for (keys, scores) in [
        ("transposed", "(matmul ?q (transpose ?k {perm = [0, 1, 3, 2]}) {transpose_b = 0})"),
        ("as-they-are", "(matmul ?q ?k {transpose_b = 1})"),
    ] {
        for (scaled, inner, scale) in [
            ("unscaled", scores.to_owned(), "1.0"),
            ("scaled", format!("(mul {scores} ?s {{act = none}})"), "(value ?s)"),
            ("divided", format!("(div! {scores} ?s {{act = none}})"), "(over 1.0 ?s)"),
        ] {
            let factor = if scaled == "unscaled" { "" } else { " and splat(?s)" };
            let softmax = "axis = ?i, beta = 1.0";
            rules += &format!(
                "
    attention-keys-{keys}-{scaled}:
        (matmul (softmax {inner} {{{softmax}}}) ?v {{transpose_b = 0}}) => (attention ?q ?k ?v {{scale = {scale}}})
        if float(?q) and same_heads(?q, ?k, ?v) and last_axis(?i, ?q){factor}
    attention-keys-{keys}-{scaled}-masked:
        (matmul (softmax (add {inner} ?m {{act = none}}) {{{softmax}}}) ?v {{transpose_b = 0}})
     => (attention ?q ?k ?v ?m {{scale = {scale}}})
        if float(?q) and same_heads(?q, ?k, ?v) and last_axis(?i, ?q) and mask_fits(?m, ?q, ?k){factor}\n"
            );
        }
    }
    rules
        + "
    attention-of-scaled-queries:
        (attention ?n@(mul ?q ?s {act = none}) ?k ?v ?m {?a, scale = ?t})
     => (attention ?q ?k ?v ?m {?a, scale = (times ?t ?s)}) if splat(?s) and same_type(?n, ?q)
    attention-of-scaled-keys:
        (attention ?q ?n@(mul ?k ?s {act = none}) ?v ?m {?a, scale = ?t})
     => (attention ?q ?k ?v ?m {?a, scale = (times ?t ?s)}) if splat(?s) and same_type(?n, ?k)
"
}

#[cfg(test)]
mod tests {
    use super::Recognize;
    use crate::{rewrite, unchanged};
    use insta::assert_snapshot;

    #[test]
    fn silu_and_hard_swish_are_found() {
        let after = rewrite::<Recognize>(
            "graph @t(%x: f32[1, 4]) {
               const %three = [3.0] : f32[]
               const %six = [6.0] : f32[]
               %1 = sigmoid %x
               %2 = mul %x, %1
               %3 = add %2, %three
               %4 = clip %3 {min = 0.0, max = 6.0}
               %5 = div %4, %six
               %6 = mul %5, %2
               return %6
             }",
        );
        assert_snapshot!(after, @r"
        graph @t(%x: f32[1, 4]) {
          %0 = silu %x : f32[1, 4]
          %1 = hard_swish %0 : f32[1, 4]
          return %1
        }
        ");
    }

    #[test]
    fn gelu_is_found_in_its_exported_form() {
        let after = rewrite::<Recognize>(
            "graph @t(%x: f32[1, 4]) {
               const %root = [1.4142135] : f32[]
               const %one = [1.0] : f32[]
               const %half = [0.5] : f32[]
               %1 = div %x, %root
               %2 = erf %1
               %3 = add %2, %one
               %4 = mul %x, %3
               %5 = mul %4, %half
               return %5
             }",
        );
        assert_snapshot!(after, @r"
        graph @t(%x: f32[1, 4]) {
          %0 = gelu %x : f32[1, 4]
          return %0
        }
        ");
    }

    #[test]
    fn layer_norm_is_found_with_gamma_and_beta() {
        let after = rewrite::<Recognize>(
            "graph @t(%x: f32[1, 5, 2]) {
               const %two = [2.0] : f32[]
               const %eps = [1e-6] : f32[]
               const %gamma = [1.0, 2.0] : f32[2]
               const %beta = [3.0, 4.0] : f32[2]
               %1 = mean %x {axes = [-1]}
               %2 = sub %x, %1
               %3 = pow %2, %two
               %4 = mean %3 {axes = [-1]}
               %5 = add %4, %eps
               %6 = sqrt %5
               %7 = div %2, %6
               %8 = mul %7, %gamma
               %9 = add %8, %beta
               return %9
             }",
        );
        assert_snapshot!(after, @r"
        graph @t(%x: f32[1, 5, 2]) {
          const %gamma = [1.0, 2.0] : f32[2]
          const %beta = [3.0, 4.0] : f32[2]
          %0 = layer_norm %x, %gamma, %beta {axis = 2, epsilon = 9.999999974752427e-7} : f32[1, 5, 2]
          return %0
        }
        ");
    }

    #[test]
    fn attention_is_found_with_its_scale_and_mask() {
        let after = rewrite::<Recognize>(
            "graph @t(%q: f32[1, 2, 4, 8], %k: f32[1, 2, 4, 8], %v: f32[1, 2, 4, 8], %m: f32[1, 1, 4, 4]) {
               const %root = [4.0] : f32[]
               %1 = transpose %k {perm = [0, 1, 3, 2]}
               %2 = matmul %q, %1
               %3 = div %2, %root
               %4 = add %3, %m
               %5 = softmax %4
               %6 = matmul %5, %v
               return %6
             }",
        );
        assert_snapshot!(after, @r"
        graph @t(%q: f32[1, 2, 4, 8], %k: f32[1, 2, 4, 8], %v: f32[1, 2, 4, 8], %m: f32[1, 1, 4, 4]) {
          %0 = attention %q, %k, %v, %m {scale = 0.25} : f32[1, 2, 4, 8]
          return %0
        }
        ");
    }

    #[test]
    fn near_misses_stay_as_they_are() {
        let before = "graph @t(%x: f32[1, 4], %q: f32[1, 2, 4, 8], %v: f32[1, 2, 4, 8]) {
  const %half = [0.5] : f32[]
  const %three = [3.0] : f32[]
  const %seven = [7.0] : f32[]
  %1 = sigmoid %x : f32[1, 4]
  %2 = mul %1, %half : f32[1, 4]
  %3 = add %x, %three : f32[1, 4]
  %4 = relu6 %3 : f32[1, 4]
  %5 = div %4, %seven : f32[1, 4]
  %6 = matmul %q, %v {transpose_b = 1} : f32[1, 2, 4, 4]
  %7 = softmax %6 {axis = 1} : f32[1, 2, 4, 4]
  %8 = matmul %7, %v : f32[1, 2, 4, 8]
  return %2, %5, %8
}
";
        unchanged::<Recognize>(before);
    }
}
