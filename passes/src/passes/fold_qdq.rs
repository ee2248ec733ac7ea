//! `fold-qdq`: dequantize, an op, quantize become the op in integers.
//!
//! Quantized ONNX models say what is quantized by wrapping float ops; no integer machine wants to compute them so. The op
//! takes over the integers, its result the declared type, a float bias becomes an integer one in units of
//! scale(x) * scale(w). Movement commutes with quantization, so pairs that do not face each other still meet.
//!
//! Integer ops round by their profile (`round`), float ones in f32 before the final rounding: results may differ by one
//! step where the real result is nearly half way between two. The pass is exact up to that step.

use super::unary_ops;
use crate::{Pass, Relation, Rules};
use hw::Capabilities;
use ir::{AttrDef, AttrKind, Attrs};

/// The pass.
pub struct FoldQdq {
    /// The rounding profile given to integer ops; `None` leaves that of the float op, which the import chose.
    pub round: Option<String>,
}

const ROUND: AttrDef = AttrDef {
    name: "round",
    kind: AttrKind::Word(&["as-imported", "tflite-ref", "tflite-builtin", "xnnpack", "cmsis-nn"]),
    summary: "rounding profile given to the integer ops",
};

impl Pass for FoldQdq {
    const NAME: &'static str = "fold-qdq";
    const SUMMARY: &'static str = "turn dequantize, op, quantize into the op in integers";
    const RELATION: Relation = Relation::Exact;
    const OPTIONS: &'static [AttrDef] = &[ROUND];

    fn from_options(options: &Attrs) -> Result<Self, String> {
        let round = options.word("round");
        Ok(Self { round: (round != "as-imported").then(|| round.to_owned()) })
    }

    fn rules(&self, _target: &Capabilities) -> Rules {
        // Attributes of a right side: those of the float op, with the profile where one is given.
        let round =
            &self.round.as_ref().map_or("{?a}".to_owned(), |round| format!("{{?a, round = {round}}}"));
        // A logarithm of what is not positive is no real number, and nothing says what integer stands for it.
        let not = ["quantize", "dequantize", "requantize", "log"];
        let unary = unary_ops().filter(|op| !not.contains(&op.name)).map(|op| op.name);
        let one = unary.chain(["avg_pool2d", "mean", "sum", "reduce_max", "softmax"]);
        let text: String = one
            .map(|op| of_one(op, round))
            .chain(
                ["add", "sub", "mul", "div", "maximum", "minimum", "prelu", "matmul"]
                    .map(|op| of_two(op, round)),
            )
            .chain(["conv2d", "conv1d", "dense"].map(|op| of_weights(op, round)))
            .chain((1..=6).map(|operands| of_concat(operands, round)))
            .chain(movement_ops())
            .collect();
        let meeting = self.round.as_ref().map_or(String::new(), |round| format!("{{round = {round}}}"));
        Rules::of(&text).and(Rules::of(&MEETING.replace("{ROUND}", &meeting))).within_steps(1)
    }
}

fn of_one(op: &str, round: &str) -> String {
    let right = if has_round(op) { round } else { "{?a}" };
    format!(
        "{op}-in-integers: ?z@(quantize ?y@({op} (dequantize ?x) {{?a}})) => ({op} ?x {right})
             if once(?y) and per_tensor(?x) and per_tensor(?z)\n"
    )
}

fn has_round(op: &str) -> bool {
    let op = ir::op::Op::named(op).expect("an op of the table");
    op.attrs.iter().any(|attr| attr.name == "round")
}

fn of_two(op: &str, round: &str) -> String {
    format!(
        "{op}-in-integers: ?z@(quantize ?y@({op}! (dequantize ?x) (dequantize ?w) {{?a}})) => ({op} ?x ?w {round})
             if once(?y) and per_tensor(?x) and per_tensor(?w) and per_tensor(?z)\n"
    )
}

fn of_weights(op: &str, round: &str) -> String {
    format!(
        "{op}-in-integers: ?z@(quantize ?y@({op} (dequantize ?x) (dequantize ?w) ?b {{?a}}))
          => ({op} ?x ?w (integer-bias ?b ?x ?w) {round})
             if once(?y) and const(?w) and per_tensor(?x) and per_tensor(?z)
         {op}-in-integers-with-integer-bias: ?z@(quantize ?y@({op} (dequantize ?x) (dequantize ?w) (dequantize ?b) {{?a}}))
          => ({op} ?x ?w (integer-bias ?b ?x ?w) {round})
             if once(?y) and const(?w) and per_tensor(?x) and per_tensor(?z)\n"
    )
}

fn of_concat(operands: usize, round: &str) -> String {
    let list = |f: fn(usize) -> String, with: &str| (0..operands).map(f).collect::<Vec<_>>().join(with);
    let (left, right) = (list(|i| format!("(dequantize ?x{i})"), " "), list(|i| format!("?x{i}"), " "));
    let scales = list(|i| format!("per_tensor(?x{i})"), " and ");
    format!(
        "concat-of-{operands}-in-integers: ?z@(quantize ?y@(concat {left} {{?a}})) => (concat {right} {round})
             if once(?y) and per_tensor(?z) and {scales}\n"
    )
}

/// Ops that move elements and leave them as they are, and the max pool, which picks one of them.
fn movement_ops() -> impl Iterator<Item = String> {
    let moved = ["reshape", "transpose", "slice", "expand", "resize2d"].map(|op| (op, "{?a}"));
    let picked = [("max_pool2d", "{?a, act = none}"), ("pad", "{?a, value = 0.0}")];
    let rule = |(op, attrs)| {
        format!(
            "dequantize-through-{op}: ({op} (dequantize ?x) {attrs}) => (dequantize ({op} ?x {{?a}})) if per_tensor(?x)\n"
        )
    };
    let gather = "dequantize-through-gather: (gather (dequantize ?x) ?i {?a}) => (dequantize (gather ?x ?i {?a})) if per_tensor(?x)\n";
    moved.into_iter().chain(picked).map(rule).chain([gather.to_owned()])
}

const MEETING: &str = "
    quantized-again: ?z@(quantize (dequantize ?x)) => ?x if same_type(?z, ?x)
    quantized-otherwise: ?z@(quantize (dequantize ?x)) => (requantize ?x {ROUND})
                         if per_tensor(?x) and per_tensor(?z) and not same_type(?z, ?x)
";

#[cfg(test)]
mod tests {
    use super::FoldQdq;
    use crate::{Registry, rewrite, rewrite_text, unchanged};
    use insta::assert_snapshot;

    const CONV: &str = "graph @t(%x: u8[1, 1, 4, 4] {scale = 0.5, zero = 128}) {
       const %w = [1, -2] : i8[2, 1, 1, 1] {scale = [0.5, 0.25], zero = 0, axis = 0}
       const %b = [1.0, -3.0] : f32[2]
       %1 = dequantize %x
       %2 = dequantize %w
       %3 = conv2d %1, %2, %b {act = relu}
       %4 = quantize %3 : u8[1, 2, 4, 4] {scale = 0.125, zero = 0}
       return %4
     }";

    #[test]
    fn a_convolution_becomes_an_integer_one_with_an_integer_bias() {
        // Units of the bias: 0.5 * [0.5, 0.25] = [0.25, 0.125]; 1 / 0.25 = 4, -3 / 0.125 = -24.
        assert_snapshot!(rewrite::<FoldQdq>(CONV), @r"
        graph @t(%x: u8[1, 1, 4, 4] {scale = 0.5, zero = 128}) {
          const %w = [1, -2] : i8[2, 1, 1, 1] {scale = [0.5, 0.25], zero = 0, axis = 0}
          const %0 = [4, -24] : i32[2]
          %1 = conv2d %x, %w, %0 {act = relu} : u8[1, 2, 4, 4] {scale = 0.125, zero = 0}
          return %1
        }
        ");
    }

    #[test]
    fn the_rounding_profile_is_an_option() {
        let registry = Registry::standard();
        let after = rewrite_text(&registry, "fold-qdq{round = cmsis-nn}", CONV);
        assert!(after.contains("{act = relu, round = cmsis-nn}"), "{after}");
    }

    #[test]
    fn the_profile_of_the_import_stays() {
        let after = rewrite::<FoldQdq>(&CONV.replace("{act = relu}", "{act = relu, round = xnnpack}"));
        assert!(after.contains("{act = relu, round = xnnpack} : u8"), "{after}");
    }

    #[test]
    fn an_integer_bias_stays_as_it_is() {
        let after = rewrite::<FoldQdq>(
            "graph @t(%x: i8[1, 2] {scale = 0.5, zero = -3}) {
               const %w = [1, -2] : i8[1, 2] {scale = 0.5, zero = 0}
               const %b = [77] : i32[1] {scale = 0.25, zero = 0}
               %1 = dequantize %x
               %2 = dequantize %w
               %3 = dequantize %b
               %4 = dense %1, %2, %3
               %5 = quantize %4 : i8[1, 1] {scale = 1.0, zero = 4}
               return %5
             }",
        );
        assert_snapshot!(after, @r"
        graph @t(%x: i8[1, 2] {scale = 0.5, zero = -3}) {
          const %w = [1, -2] : i8[1, 2] {scale = 0.5, zero = 0}
          const %0 = [77] : i32[1]
          %1 = dense %x, %w, %0 : i8[1, 1] {scale = 1.0, zero = 4}
          return %1
        }
        ");
    }

    #[test]
    fn elementwise_ops_pools_and_concat_follow_and_movement_commutes() {
        let after = rewrite::<FoldQdq>(
            "graph @t(%x: i8[1, 2, 4, 4] {scale = 0.5, zero = -3}, %y: i8[1, 2, 4, 4] {scale = 0.25, zero = 5}) {
               %1 = dequantize %x
               %2 = dequantize %y
               %3 = add %1, %2
               %4 = quantize %3 : i8[1, 2, 4, 4] {scale = 1.0, zero = 4}
               %5 = dequantize %4
               %6 = sigmoid %5
               %7 = quantize %6 : i8[1, 2, 4, 4] {scale = 0.00390625, zero = -128}
               %8 = dequantize %7
               %9 = concat %8, %1 {axis = 1}
               %10 = quantize %9 : i8[1, 4, 4, 4] {scale = 0.5, zero = 0}
               %11 = dequantize %10
               %12 = max_pool2d %11 {kernel = [2, 2]}
               %13 = transpose %12 {perm = [0, 2, 3, 1]}
               %14 = reshape %13 {shape = [1, 36]}
               %15 = quantize %14 : i8[1, 36] {scale = 0.5, zero = 0}
               %16 = dequantize %15
               %17 = quantize %16 : u8[1, 36] {scale = 0.5, zero = 128}
               return %17
             }",
        );
        assert_snapshot!(after, @r"
        graph @t(%x: i8[1, 2, 4, 4] {scale = 0.5, zero = -3}, %y: i8[1, 2, 4, 4] {scale = 0.25, zero = 5}) {
          %0 = add %x, %y : i8[1, 2, 4, 4] {scale = 1.0, zero = 4}
          %1 = sigmoid %0 : i8[1, 2, 4, 4] {scale = 0.00390625, zero = -128}
          %2 = concat %1, %x {axis = 1} : i8[1, 4, 4, 4] {scale = 0.5, zero = 0}
          %3 = max_pool2d %2 {kernel = [2, 2]} : i8[1, 4, 3, 3] {scale = 0.5, zero = 0}
          %4 = transpose %3 {perm = [0, 2, 3, 1]} : i8[1, 3, 3, 4] {scale = 0.5, zero = 0}
          %5 = reshape %4 {shape = [1, 36]} : i8[1, 36] {scale = 0.5, zero = 0}
          %6 = requantize %5 : u8[1, 36] {scale = 0.5, zero = 128}
          return %6
        }
        ");
    }

    #[test]
    fn a_float_result_that_is_also_wanted_and_float_islands_stay() {
        let before = "graph @t(%x: i8[1, 2] {scale = 0.5, zero = -3}) {
  const %w = [1, -2] : i8[1, 2] {scale = 0.5, zero = 0}
  %1 = dequantize %x : f32[1, 2]
  %2 = dequantize %w : f32[1, 2]
  %3 = dense %1, %2 : f32[1, 1]
  %4 = exp %1 : f32[1, 2]
  %5 = add %4, %1 : f32[1, 2]
  %6 = quantize %3 : i8[1, 1] {scale = 1.0, zero = 4}
  %7 = quantize %5 : i8[1, 2] {scale = 1.0, zero = 4}
  return %3, %6, %7
}
";
        unchanged::<FoldQdq>(before);
    }
}
