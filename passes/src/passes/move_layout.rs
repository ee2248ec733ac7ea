//! `move-layout`: transposes and reshapes sink towards the outputs, where pairs of them meet and cancel.
//!
//! A converter puts a transpose in front of every convolution and one behind it; between two convolutions there is then a
//! pair, with elementwise ops in between. Sinking is one direction, so it ends; whether a transpose that met no partner
//! stays sunk is for the cost to say, and a tie goes to the sunk form.

use super::{binary_ops, unary_ops};
use crate::{Pass, Relation, Rules};
use hw::Capabilities;
use ir::Attrs;

/// The pass.
pub struct MoveLayout;

impl Pass for MoveLayout {
    const NAME: &'static str = "move-layout";
    const SUMMARY: &'static str = "sink transposes and reshapes through other ops until pairs cancel";
    const RELATION: Relation = Relation::Exact;

    fn from_options(_options: &Attrs) -> Result<Self, String> {
        Ok(Self)
    }

    fn rules(&self, _target: &Capabilities) -> Rules {
        let unary: String = unary_ops().map(|op| through_unary(op.name)).collect();
        let binary: String = binary_ops().map(|op| through_binary(op.name)).collect();
        let concat: String = (2..=6).map(through_concat).collect();
        let reductions: String = ["mean", "sum", "reduce_max"].map(through_reduction).concat();
        [MEETING, MOVEMENT, &unary, &binary, &concat, &reductions]
            .into_iter()
            .fold(Rules::none(), |all, text| all.and(Rules::of(text)))
    }
}

const MEETING: &str = "
    transposes-meet: (transpose (transpose ?x {perm = ?p}) {perm = ?q})
                  => (transpose ?x {perm = (compose-perm ?p ?q)})
    transpose-cancelled: (transpose ?x {perm = ?p}) => ?x if identity(?p)
    reshapes-meet: (reshape (reshape ?x) {?a}) => (reshape ?x {?a})
    reshape-cancelled: ?y@(reshape ?x) => ?x if same_type(?y, ?x)
    transpose-is-reshape: ?y@(transpose ?x {perm = ?p}) => (reshape ?x {shape = (shape-of ?y)}) if keeps_order(?p, ?x)
";

const MOVEMENT: &str = "
    pad-through-transpose:
        (pad (transpose ?x {perm = ?p}) {?a, before = ?b, after = ?f})
     => (transpose (pad ?x {?a, before = (permute-list ?b ?p), after = (permute-list ?f ?p)}) {perm = ?p})
    slice-through-transpose:
        (slice (transpose ?x {perm = ?p}) {start = ?s, size = ?n, step = ?t})
     => (transpose (slice ?x {start = (permute-list ?s ?p), size = (permute-list ?n ?p), step = (permute-list ?t ?p)})
                   {perm = ?p})
    softmax-through-transpose:
        ?y@(softmax ?t@(transpose ?x {perm = ?p}) {?a, axis = ?i})
     => (transpose (softmax ?x {?a, axis = (axis-before ?i ?p)} : (like ?y ?x)) {perm = ?p})
    transpose-of-constant: (transpose ?c {perm = ?p}) => (transpose-const ?c ?p) if const(?c)
    transpose-of-dequantized-constant:
        (transpose (dequantize ?c) {perm = ?p}) => (dequantize (transpose-const ?c ?p)) if const(?c)
";

fn through_unary(op: &str) -> String {
    format!(
        "
    {op}-through-transpose: ?y@({op} (transpose ?x {{perm = ?p}}) {{?a}})
                         => (transpose ({op} ?x {{?a}} : (like ?y ?x)) {{perm = ?p}})
    {op}-through-reshape: ?y@({op} (reshape ?x {{shape = ?s}}) {{?a}})
                       => (reshape ({op} ?x {{?a}} : (like ?y ?x)) {{shape = ?s}})\n"
    )
}

fn through_binary(op: &str) -> String {
    format!(
        "
    {op}-of-transposes: ?y@({op} (transpose ?a {{perm = ?p}}) (transpose ?b {{perm = ?p}}) {{?t}})
                     => (transpose ({op} ?a ?b {{?t}} : (like-broadcast ?y ?a ?b)) {{perm = ?p}})
    {op}-of-transpose-and-constant: ?y@({op}! ?x@(transpose ?a {{perm = ?p}}) ?c {{?t}})
                                 => (transpose ({op} ?a (permute-const ?c ?p) {{?t}} : (like ?y ?a)) {{perm = ?p}})
                                    if const(?c) and same_shape(?x, ?y)
    {op}-of-constant-and-transpose: ?y@({op}! ?c ?x@(transpose ?a {{perm = ?p}}) {{?t}})
                                 => (transpose ({op} (permute-const ?c ?p) ?a {{?t}} : (like ?y ?a)) {{perm = ?p}})
                                    if const(?c) and same_shape(?x, ?y)
    {op}-of-reshapes: ?y@({op} (reshape ?a {{shape = ?s}}) (reshape ?b {{shape = ?s}}) {{?t}})
                   => (reshape ({op} ?a ?b {{?t}} : (like ?y ?a)) {{shape = ?s}}) if same_shape(?a, ?b)\n"
    )
}

fn through_concat(operands: usize) -> String {
    let list = |f: fn(usize) -> String| (0..operands).map(f).collect::<Vec<_>>().join(" ");
    let (left, right) = (list(|i| format!("(transpose ?x{i} {{perm = ?p}})")), list(|i| format!("?x{i}")));
    format!(
        "
    concat-of-{operands}-transposes: ?y@(concat {left} {{?a, axis = ?i}})
     => (transpose (concat {right} {{?a, axis = (axis-before ?i ?p)}} : (like-before ?y ?p)) {{perm = ?p}})\n"
    )
}

fn through_reduction(op: &str) -> String {
    format!(
        "
    {op}-of-transpose: ?y@({op} (transpose ?x {{perm = ?p}}) {{?a, axes = ?i, keep = ?k}})
     => (reshape ({op} ?x {{?a, axes = (axes-before ?i ?p), keep = 0}} : (like-flat ?y ?i ?k)) {{shape = (shape-of ?y)}})\n"
    )
}

#[cfg(test)]
mod tests {
    use super::MoveLayout;
    use crate::{rewrite, unchanged};
    use insta::assert_snapshot;

    #[test]
    fn the_pairs_around_convolutions_vanish() {
        let after = rewrite::<MoveLayout>(
            "graph @t(%x: f32[1, 3, 4, 4], %v: f32[3, 3, 1, 1], %w: f32[3, 3, 1, 1]) {
               const %c = [1.0, 2.0, 3.0] : f32[3]
               %1 = conv2d %x, %v
               %2 = transpose %1 {perm = [0, 2, 3, 1]}
               %3 = add %2, %c
               %4 = relu %3
               %5 = transpose %4 {perm = [0, 3, 1, 2]}
               %6 = conv2d %5, %w
               return %6
             }",
        );
        assert_snapshot!(after, @r"
        graph @t(%x: f32[1, 3, 4, 4], %v: f32[3, 3, 1, 1], %w: f32[3, 3, 1, 1]) {
          %0 = conv2d %x, %v : f32[1, 3, 4, 4]
          const %1 = [1.0, 2.0, 3.0] : f32[1, 3, 1, 1]
          %2 = add %0, %1 : f32[1, 3, 4, 4]
          %3 = relu %2 : f32[1, 3, 4, 4]
          %4 = conv2d %3, %w : f32[1, 3, 4, 4]
          return %4
        }
        ");
    }

    #[test]
    fn a_residual_between_transposes_loses_all_of_them() {
        let after = rewrite::<MoveLayout>(
            "graph @t(%x: f32[1, 3, 4, 4], %w: f32[3, 3, 1, 1]) {
               %1 = transpose %x {perm = [0, 2, 3, 1]}
               %2 = conv2d %x, %w
               %3 = transpose %2 {perm = [0, 2, 3, 1]}
               %4 = add %1, %3
               %5 = concat %4, %1 {axis = 3}
               %6 = pad %5 {before = [0, 1, 1, 0], after = [0, 1, 1, 0]}
               %7 = transpose %6 {perm = [0, 3, 1, 2]}
               return %7
             }",
        );
        assert_snapshot!(after, @r"
        graph @t(%x: f32[1, 3, 4, 4], %w: f32[3, 3, 1, 1]) {
          %0 = conv2d %x, %w : f32[1, 3, 4, 4]
          %1 = add %x, %0 : f32[1, 3, 4, 4]
          %2 = concat %1, %x {axis = 1} : f32[1, 6, 4, 4]
          %3 = pad %2 {before = [0, 0, 1, 1], after = [0, 0, 1, 1]} : f32[1, 6, 6, 6]
          return %3
        }
        ");
    }

    #[test]
    fn a_mean_over_transposed_axes_needs_no_transpose() {
        let after = rewrite::<MoveLayout>(
            "graph @t(%x: f32[1, 3, 4, 4]) {
               %1 = transpose %x {perm = [0, 2, 3, 1]}
               %2 = mean %1 {axes = [1, 2], keep = 0}
               return %2
             }",
        );
        assert_snapshot!(after, @r"
        graph @t(%x: f32[1, 3, 4, 4]) {
          %0 = mean %x {axes = [2, 3], keep = 0} : f32[1, 3]
          return %0
        }
        ");
    }

    #[test]
    fn quantized_values_keep_their_types_while_they_sink() {
        let after = rewrite::<MoveLayout>(
            "graph @t(%x: i8[1, 3, 4, 4] {scale = 0.5, zero = 0}) {
               %1 = transpose %x {perm = [0, 2, 3, 1]}
               %2 = tanh %1 : i8[1, 4, 4, 3] {scale = 0.0078125, zero = 0}
               %3 = transpose %2 {perm = [0, 3, 1, 2]}
               return %3
             }",
        );
        assert_snapshot!(after, @r"
        graph @t(%x: i8[1, 3, 4, 4] {scale = 0.5, zero = 0}) {
          %0 = tanh %x : i8[1, 3, 4, 4] {scale = 0.0078125, zero = 0}
          return %0
        }
        ");
    }

    #[test]
    fn a_transpose_without_a_partner_and_operands_of_other_orders_stay() {
        let before = "graph @t(%x: f32[1, 3, 4, 4], %y: f32[1, 4, 3, 4]) {
  %1 = transpose %x {perm = [0, 2, 3, 1]} : f32[1, 4, 4, 3]
  %2 = transpose %y {perm = [0, 1, 3, 2]} : f32[1, 4, 4, 3]
  %3 = add %1, %2 : f32[1, 4, 4, 3]
  return %3
}
";
        unchanged::<MoveLayout>(before);
    }
}
