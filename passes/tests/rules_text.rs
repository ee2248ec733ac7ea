//! Rules as text: what is read, what is refused and where, and what saturation does with them.

use nasc_passes::{Library, Limits, OpCost, Outcome, Rules, Traffic, Use, saturate};

fn faults(text: &str) -> Vec<String> {
    let read = Rules::parse(text, &Library::default());
    read.err().unwrap_or_default().iter().map(ToString::to_string).collect()
}

fn apply(rules: &str, graph: &str) -> (ir::Graph, Outcome) {
    let rules = Rules::parse(rules, &Library::default()).unwrap_or_else(|faults| panic!("{faults:?}"));
    let mut graph = ir::parse(graph, &ir::NoWeights).unwrap_or_else(|faults| panic!("{faults:?}"));
    let outcome = saturate(&mut graph, &rules, &Traffic, Limits::default());
    assert_eq!(ir::verify(&graph), []);
    (graph, outcome)
}

#[test]
fn a_rule_keeps_its_name_and_its_text() {
    let text = "
        // the first
        one: (neg (neg ?x)) => ?x
        two: (relu
                (relu ?x))   // both
          => (relu ?x)
             if float(?x)
    ";
    let rules = Rules::parse(text, &Library::default()).expect("well-formed");
    let texts: Vec<_> = rules.iter().map(|rule| (rule.name(), rule.text())).collect();
    assert_eq!(
        texts,
        [("one", "one: (neg (neg ?x)) => ?x"), ("two", "two: (relu (relu ?x)) => (relu ?x) if float(?x)"),]
    );
}

#[test]
fn every_mistake_is_reported_on_its_line_and_the_other_rules_are_read() {
    insta::assert_snapshot!(faults("
a: (relu ?x) => (rellu ?x)
b: (relu ?x)
c: relu => ?x
d: ?x => (relu ?x)
e: (relu ?x ?y) => ?x
f: (relu ?x {alpha = 1}) => ?x
g: (conv2d ?x ?w {act = fast}) => ?x
h: (relu ?x) => ?y
i: (relu ?x) => ?x if floats(?x)
j: (relu ?x {?x}) => ?x
k: (relu ?x) => ?x if float(?x) or const(?x)
l: (relu ?x) => ?x
l: (neg ?x) => ?x
m: (relu ?x), (neg ?y) => ?x
n: (relu ?xs..) => ?xs
o: (transpose ?x {perm = 1}) => ?x
p: (relu ?x) => (transpose ?x {perm = [0, a]})
q: (relu ?x) => ?x if float((shape-of ?x))
r: (relu ?x) => (relu 0.5)
s: (relu ?x) =>").join("\n"), @r"
    2:18: unknown op or function `rellu`, did you mean `relu`?
    4:1: found `c`, expected `=>`
    4:4: found `relu`, expected `(`
    5:4: a left side is a use of an op: (op ..)
    6:5: relu has 2 operands here, 1 expected (x)
    7:14: relu has no attribute `alpha`, expected one of: round
    8:25: attribute `act` wants one of: none, relu, relu6, relu1 or `?variable`
    9:17: `?y` is not bound on the left side
    10:23: unknown condition `floats`, did you mean `float`?
    11:14: `?x` is an operand above and all attributes here
    12:33: found `or`, expected `if`, `and`, or the next rule
    14:1: rule `l` is defined twice
    15:27: 1 right sides for 2 left sides, one for each expected
    16:5: relu has a fixed number of operands: `..` does not fit
    17:26: attribute `perm` wants a list of whole numbers or `?variable`
    18:43: found `a`, expected a whole number or `]`
    19:29: found `(`, expected `?variable` or a literal: conditions call no functions
    20:23: found `0.5`, expected `?variable`, `_`, (op ..) or (function ..)
    21:16: found the end of the text, expected `?variable`, `_`, (op ..) or (function ..)
    ");
}

#[test]
fn a_text_with_a_stray_character_is_refused_there() {
    assert_eq!(faults("a: (relu ?x) => ?x\nb; (relu ?x)"), ["2:2: unexpected character ';'"]);
    assert_eq!(faults("a: (relu ?) => ?x"), ["1:10: a name is expected behind `?`"]);
    assert_eq!(faults("a: (cast ?x {to = \"f32}) => ?x"), ["1:19: text in quotes does not end on its line"]);
}

/// Cut and mutated texts of the pipelines' own rules: an answer for each, and no panic.
#[test]
fn mutated_rules_are_read_or_refused_with_a_place() {
    let text = "fold: ?y@(mul (conv2d ?x ?w ?b {?a, act = none}) ?c {act = ?t})
          => (conv2d ?x (scale-rows ?w ?c) (scale-bias ?b ?c ?w) {?a, act = ?t}) if once(?y) and not float(?x)";
    let mut refused = 0;
    for cut in 0..text.len() {
        for junk in ["", "(", ")", "{", "?", "=>", "0.5", "\"", "..", "\u{e9}"] {
            let mutated = format!("{}{junk}{}", &text[..cut], &text[(cut + 1).min(text.len())..]);
            for fault in Rules::parse(&mutated, &Library::default()).err().unwrap_or_default() {
                assert!((1..=2).contains(&fault.line) && fault.column >= 1 && !fault.message.is_empty());
                refused += 1;
            }
        }
    }
    assert!(refused > 1000, "{refused}");
}

#[test]
fn a_right_side_of_another_type_is_refused_and_the_graph_stays() {
    let (graph, outcome) = apply(
        "flat: (relu ?x) => (reshape ?x {shape = [4]})",
        "graph @t(%x: f32[2, 2]) { %y = relu %x\n return %y }",
    );
    assert!(graph.to_text().contains("relu"));
    assert_eq!(outcome.refused["flat"], "reshape: declared f32[2, 2], inferred f32[4]");
}

#[test]
fn several_roots_are_rewritten_together_and_make_no_cycle() {
    // Two products with one matrix: one product of both inputs, side by side, cut apart again.
    let rule = "
        merge: (dense ?x ?w), (dense ?y ?w)
            => (slice (dense (concat ?x ?y {axis = 0}) ?w) {start = [0, 0], size = [1, 2], step = [1, 1]}),
               (slice (dense (concat ?x ?y {axis = 0}) ?w) {start = [1, 0], size = [1, 2], step = [1, 1]})
               if not same(?x, ?y)";
    struct Calls;
    impl OpCost for Calls {
        fn cost(&self, site: &Use<'_>) -> u64 {
            if site.op.name == "dense" { 100 } else { 1 }
        }
    }
    let text = "graph @t(%x: f32[1, 3], %w: f32[2, 3], %v: f32[3, 2]) {
      %1 = dense %x, %w
      %2 = dense %1, %v
      %3 = dense %2, %w
      %a = exp %x
      %4 = dense %a, %w
      return %1, %3, %4
    }";
    let rules = Rules::parse(rule, &Library::default()).expect("well-formed");
    let mut graph = ir::parse(text, &ir::NoWeights).expect("well-formed");
    saturate(&mut graph, &rules, &Calls, Limits::default());
    assert_eq!(ir::verify(&graph), []);
    // %3 depends on %1, so those two cannot be one; %4 goes with either.
    let dense = graph.values().filter(|v| graph.node(*v).is("dense")).count();
    assert_eq!(dense, 3, "{graph:?}");
}

#[test]
fn rules_that_never_end_stop_at_the_limits() {
    let rules =
        Rules::parse("grow: (exp ?x) => (exp (neg (neg ?x)))", &Library::default()).expect("well-formed");
    let text = "graph @t(%x: f32[4]) { %y = exp %x\n return %y }";
    let mut graph = ir::parse(text, &ir::NoWeights).expect("well-formed");
    let limits = Limits { iterations: 5, growth: 2, rounds: 2 };
    let outcome = saturate(&mut graph, &rules, &Traffic, limits);
    assert!(outcome.cut);
    assert!(graph.to_text().contains("%y = exp %x"), "the cheapest of them is the first: {graph:?}");
}

#[test]
fn names_of_outputs_and_of_what_is_kept_stay() {
    let (graph, _) = apply(
        "neg-neg: (neg (neg ?x)) => ?x",
        "graph @t(%x: f32[4]) {
           %a = exp %x
           %b = neg %a
           %out = neg %b
           %c = abs %out
           return %out, %c
         }",
    );
    assert_eq!(
        graph.to_text(),
        "graph @t(%x: f32[4]) {\n  %out = exp %x : f32[4]\n  %c = abs %out : f32[4]\n  return %out, %c\n}\n"
    );
}

#[test]
fn an_output_may_be_an_input_or_stand_twice() {
    let (graph, _) = apply(
        "neg-neg: (neg (neg ?x)) => ?x",
        "graph @t(%x: f32[4]) { %a = neg %x\n %b = neg %a\n return %b, %b, %x }",
    );
    assert_eq!(graph.to_text(), "graph @t(%x: f32[4]) {\n  return %x, %x, %x\n}\n");
}

#[test]
fn computed_weights_of_one_name_are_told_apart() {
    let (graph, _) = apply(
        "scale: (mul ?y@(dense ?x ?w _ {?a, act = none}) ?c {act = none}) => (dense ?x (scale-rows ?w ?c) _ {?a})
               if once(?y) and columns(?c, ?y)",
        "graph @t(%x: f32[1, 2], %y: f32[1, 2]) {
           const %w = @w : f32[3, 2]
           const %c = @c : f32[3]
           const %d = @d : f32[3]
           %1 = dense %x, %w
           %2 = mul %1, %c
           %3 = dense %y, %w
           %4 = mul %3, %d
           return %2, %4
         }",
    );
    let text = graph.to_text();
    assert!(text.contains("@w.scaled :") && text.contains("@w.scaled.1 :"), "{text}");
}

/// The pipelines' own rules with two variables exchanged behind the arrow: mostly nonsense, some of it well-formed. A
/// user's rule may be wrong in any way, and is answered, never with a panic.
#[test]
fn rules_that_make_no_sense_are_refused_refuted_or_never_apply() {
    let target = nasc_passes::Context::default().target;
    let mut state = 1u64;
    let mut random = move |n: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).expect("31 bits") % n
    };
    let mut tried = 0;
    for pass in nasc_passes::Registry::standard().passes() {
        for rule in pass.rules(&target).iter() {
            let Some((left, right)) = rule.text().split_once("=>") else { continue };
            let mut words: Vec<&str> = right.split_inclusive([' ', ')', ',', '}']).collect();
            let variables: Vec<usize> = (0..words.len()).filter(|i| words[*i].contains('?')).collect();
            if variables.len() < 2 {
                continue;
            }
            for _ in 0..8 {
                let (a, b) = (variables[random(variables.len())], variables[random(variables.len())]);
                words.swap(a, b);
                let mutated = format!("{left}=>{}", words.concat());
                if let Ok(rules) = Rules::parse(&mutated, &Library::default()) {
                    nasc_passes::verify_exact(&rules, 1, 7);
                    tried += 1;
                }
            }
        }
    }
    assert!(tried > 200, "{tried}");
}
