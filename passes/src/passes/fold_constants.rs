//! `fold-constants`: compute what depends on constants alone, once, here.
//!
//! The reference interpreter computes it, so the result is what the target would have got. A result larger than what it
//! is computed from costs memory on the target for every byte that could be computed there: it is folded up to `bytes`.
//! A dequantized weight is kept as it is, since the integers are what a target wants to store, unless `dequantize = fold`.

use crate::{Context, Outcome, Pass, PassError, Relation};
use ir::{AttrDef, AttrKind, Attrs, Graph, Kind, Tensor, Value};

/// The pass.
pub struct FoldConstants {
    /// Bytes a result may have where its operands have fewer.
    pub bytes: usize,
    /// Whether dequantized weights become float ones.
    pub dequantize: bool,
}

const OPTIONS: &[AttrDef] = &[
    AttrDef {
        name: "bytes",
        kind: AttrKind::Int(Some(4096)),
        summary: "a result larger than its operands is folded up to this size",
    },
    AttrDef {
        name: "dequantize",
        kind: AttrKind::Word(&["keep", "fold"]),
        summary: "what becomes of weights that are dequantized",
    },
];

impl Pass for FoldConstants {
    const NAME: &'static str = "fold-constants";
    const SUMMARY: &'static str = "compute what depends on constants alone";
    const RELATION: Relation = Relation::Exact;
    const OPTIONS: &'static [AttrDef] = OPTIONS;

    fn from_options(options: &Attrs) -> Result<Self, String> {
        let bytes = options.int("bytes");
        let bytes =
            usize::try_from(bytes).map_err(|_| format!("option `bytes` is {bytes}, at least 0 expected"))?;
        Ok(Self { bytes, dequantize: options.word("dequantize") == "fold" })
    }

    fn run(&self, graph: &mut Graph, _context: &Context<'_>) -> Result<Outcome, PassError> {
        let mut folded = 0;
        for value in graph.topological() {
            let Some(data) = self.fold(graph, value) else { continue };
            let ty = graph.ty(value).clone();
            let constant = graph.add_const(None, ty, data);
            graph.replace(value, constant);
            folded += 1;
        }
        if folded > 0 {
            graph.remove_dead();
        }
        Ok(Outcome::of_counts([("folded", folded)]))
    }
}

impl FoldConstants {
    /// The data of a value that depends on constants alone; `None` where it does not, or is better left.
    fn fold(&self, graph: &Graph, value: Value) -> Option<Tensor> {
        let node = graph.node(value);
        let Kind::Op { op, attrs } = node.kind() else { return None };
        if node.is("dequantize") && !self.dequantize {
            return None;
        }
        let operand = |v: Value| graph.const_data(v).map(|data| (graph.ty(v), data));
        let operands: Option<Vec<_>> =
            node.operands().iter().map(|o| o.map_or(Some(None), |v| operand(v).map(Some))).collect();
        let operands = operands?;
        let known: usize = operands.iter().flatten().map(|(ty, _)| ty.bytes()).sum();
        let grows = node.ty().bytes() > known.max(self.bytes) && !node.is("dequantize");
        if operands.is_empty() || grows {
            return None;
        }
        // What the interpreter refuses, such as a custom op, is left for the target.
        interp::eval(*op, attrs, &operands, node.ty()).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::FoldConstants;
    use crate::{Registry, rewrite, rewrite_text, unchanged};
    use insta::assert_snapshot;

    #[test]
    fn what_depends_on_constants_alone_becomes_one() {
        // sqrt(4 + 12) = 4; quantized: 4 / 0.5 - 1 = 7.
        let after = rewrite::<FoldConstants>(
            "graph @t(%x: i8[1] {scale = 0.5, zero = 0}) {
               const %a = [4.0] : f32[1]
               const %b = [12.0] : f32[1]
               %1 = add %a, %b
               %2 = sqrt %1
               %3 = quantize %2 : i8[1] {scale = 0.5, zero = -1}
               %4 = add %x, %3 : i8[1] {scale = 1.0, zero = 0}
               return %4
             }",
        );
        assert_snapshot!(after, @r"
        graph @t(%x: i8[1] {scale = 0.5, zero = 0}) {
          const %0 = [7] : i8[1] {scale = 0.5, zero = -1}
          %1 = add %x, %0 : i8[1] {scale = 1.0, zero = 0}
          return %1
        }
        ");
    }

    #[test]
    fn dequantized_weights_fold_on_demand() {
        let before = "graph @t(%x: f32[1, 2]) {
  const %w = [2, -4] : i8[1, 2] {scale = 0.5, zero = 0}
  %0 = dequantize %w : f32[1, 2]
  %1 = dense %x, %0 : f32[1, 1]
  return %1
}
";
        unchanged::<FoldConstants>(before);
        assert_snapshot!(rewrite_text(&Registry::standard(), "fold-constants{dequantize = fold}", before), @r"
        graph @t(%x: f32[1, 2]) {
          const %0 = [1.0, -2.0] : f32[1, 2]
          %1 = dense %x, %0 : f32[1, 1]
          return %1
        }
        ");
    }

    #[test]
    fn untrained_weights_custom_ops_and_results_that_grow_are_left_alone() {
        unchanged::<FoldConstants>(
            "graph @t() {
               const %w = @w : f32[4]
               const %c = [1.0] : f32[1]
               %1 = neg %w
               %2 = expand %c {shape = [5000]}
               %3 = custom %c {symbol = \"user_op\"} : f32[1]
               return %1, %2, %3
             }",
        );
    }

    #[test]
    fn a_size_below_zero_is_refused() {
        let refused = Registry::standard().pipeline("fold-constants{bytes = -1}").err().expect("refused");
        assert_eq!(refused[0].to_string(), "1:15: fold-constants: option `bytes` is -1, at least 0 expected");
    }
}
