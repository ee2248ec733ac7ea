//! Finding the left side of a rule in the e-graph.

use super::args::{Arg, Args, ValueRef, splat};
use super::language::{ENode, Family, Head, Terms};
use super::rule::{AttrPattern, Check, Expr, NodePattern, Pattern, Rule};
use egg::{Id, Language};
use ir::{Attr, Attrs};

/// What the variables of a rule are bound to, and the nodes its roots matched.
#[derive(Debug, Clone)]
pub(super) struct Match {
    pub(super) roots: Vec<(Id, ENode)>,
    pub(super) bound: Vec<Option<Arg>>,
}

/// All matches whose conditions hold, in a fixed order.
pub(super) fn search(terms: &Terms, rule: &Rule) -> Vec<Match> {
    let mut matches = vec![Match { roots: Vec::new(), bound: vec![None; rule.variables.len()] }];
    for pattern in &rule.left {
        let Pattern::Node(node) = pattern else { unreachable!("a left side is a use of an op") };
        let Some(classes) = terms.classes_for_op(&Family::Op(node.op)) else { return Vec::new() };
        let mut classes: Vec<Id> = classes.map(|id| terms.find(id)).collect();
        classes.sort_unstable();
        classes.dedup();
        matches = matches
            .iter()
            .flat_map(|found| classes.iter().flat_map(move |class| roots(terms, node, *class, found)))
            .collect();
    }
    // Several roots are several values: a rule does not merge a value with itself.
    let distinct = |m: &Match| (1..m.roots.len()).all(|i| m.roots[..i].iter().all(|r| r.0 != m.roots[i].0));
    matches.retain(|m| distinct(m) && rule.conditions.iter().all(|check| holds(terms, check, &m.bound)));
    matches
}

fn roots(terms: &Terms, pattern: &NodePattern, class: Id, found: &Match) -> Vec<Match> {
    let mut matches = Vec::new();
    for enode in &terms[class].nodes {
        for bound in node(terms, pattern, class, enode, found.bound.clone()) {
            let mut roots = found.roots.clone();
            roots.push((class, enode.clone()));
            matches.push(Match { roots, bound });
        }
    }
    matches
}

type Bound = Vec<Option<Arg>>;

fn pattern(terms: &Terms, pattern: &Pattern, class: Id, mut bound: Bound) -> Vec<Bound> {
    match pattern {
        Pattern::Var(variable) => {
            if bind(terms, &mut bound, *variable, Arg::Value(ValueRef(class))) {
                vec![bound]
            } else {
                vec![]
            }
        }
        Pattern::Missing => {
            if terms[class].data.ty.is_none() {
                vec![bound]
            } else {
                vec![]
            }
        }
        Pattern::Number(value) => {
            #[allow(
                clippy::float_cmp,
                reason = "a constant in a rule is met exactly, up to its rounding to f32"
            )]
            #[allow(clippy::cast_possible_truncation, reason = "the rounding to f32 is the purpose")]
            let equal = |found: f64| found == *value || found == f64::from(*value as f32);
            if splat(terms, class).is_some_and(equal) { vec![bound] } else { vec![] }
        }
        Pattern::Node(inner) => {
            let nodes = terms[class].nodes.iter();
            nodes.flat_map(|enode| node(terms, inner, class, enode, bound.clone())).collect()
        }
    }
}

fn node(terms: &Terms, pattern: &NodePattern, class: Id, enode: &ENode, mut bound: Bound) -> Vec<Bound> {
    let Head::Op(op, signature) = enode.head else { return Vec::new() };
    let fits = op == pattern.op
        && attributes(pattern, &terms.analysis.signature(signature).attrs, &mut bound)
        && pattern.bind.is_none_or(|v| bind(terms, &mut bound, v, Arg::Value(ValueRef(class))));
    if !fits {
        return Vec::new();
    }
    let children = enode.children();
    let mut found = operands(terms, pattern, children, bound.clone());
    if op.traits.commutative && !pattern.ordered && children.len() == 2 && children[0] != children[1] {
        found.extend(operands(terms, pattern, &[children[1], children[0]], bound));
    }
    found
}

fn attributes(pattern: &NodePattern, attrs: &Attrs, bound: &mut Bound) -> bool {
    let named = pattern.attrs.iter().all(|(name, expected)| {
        let value = attrs.get(name);
        match expected {
            AttrPattern::Is(expected) => value == expected,
            AttrPattern::Bind(variable) => bind_attr(bound, *variable, value),
        }
    });
    let Some(variable) = pattern.bundle.filter(|_| named) else { return named };
    match &bound[variable] {
        None => bound[variable] = Some(Arg::Attrs(pattern.op, attrs.clone())),
        Some(Arg::Attrs(_, known)) => return known == attrs,
        Some(_) => return false,
    }
    true
}

fn bind_attr(bound: &mut Bound, variable: usize, value: &Attr) -> bool {
    match &bound[variable] {
        None => {
            bound[variable] = Some(Arg::Attr(value.clone()));
            true
        }
        Some(Arg::Attr(known)) => known == value,
        Some(_) => false,
    }
}

fn operands(terms: &Terms, pattern: &NodePattern, children: &[Id], bound: Bound) -> Vec<Bound> {
    let written = pattern.operands.len();
    let left_out = children.get(written..).unwrap_or_default();
    let fits = match pattern.rest {
        Some(_) => children.len() >= written,
        None => children.len() >= written && left_out.iter().all(|c| terms[*c].data.ty.is_none()),
    };
    if !fits {
        return Vec::new();
    }
    let mut found = vec![bound];
    for (operand, child) in pattern.operands.iter().zip(children) {
        found = found.into_iter().flat_map(|b| self::pattern(terms, operand, *child, b)).collect();
    }
    if let Some(variable) = pattern.rest {
        let values: Vec<_> = left_out.iter().map(|id| ValueRef(*id)).collect();
        found.retain_mut(|b| bind(terms, b, variable, Arg::Values(values.clone())));
    }
    found
}

/// Binds a variable, or checks that it is bound to the same.
fn bind(terms: &Terms, bound: &mut Bound, variable: usize, value: Arg) -> bool {
    let same = |a: &ValueRef, b: &ValueRef| terms.find(a.0) == terms.find(b.0);
    match (&bound[variable], &value) {
        (None, _) => {
            bound[variable] = Some(value);
            true
        }
        (Some(Arg::Value(known)), Arg::Value(value)) => same(known, value),
        (Some(Arg::Values(known)), Arg::Values(values)) => {
            known.len() == values.len() && known.iter().zip(values).all(|(a, b)| same(a, b))
        }
        _ => false,
    }
}

fn holds(terms: &Terms, check: &Check, bound: &Bound) -> bool {
    let args: Option<Vec<Arg>> = check
        .args
        .iter()
        .map(|expr| match expr {
            Expr::Var(variable) => bound[*variable].clone(),
            Expr::Literal(attr) => Some(Arg::Attr(attr.clone())),
            Expr::Call(_) => None,
        })
        .collect();
    args.is_some_and(|args| (check.condition)(&Args { terms, args: &args }) != check.negated)
}
