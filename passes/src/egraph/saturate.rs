//! Saturation: every rule on every match, until nothing is new or a limit is met; then the cheapest graph.

use super::args::{Arg, Args, Made, ValueRef};
use super::build;
use super::cost::OpCost;
use super::language::{ENode, Head, Terms, same_type};
use super::matching::{Match, search};
use super::rule::{AttrItem, Call, Expr, Rule, Rules, Template};
use egg::{Id, Language};
use ir::op::{Arity, Op};
use ir::{Attr, Attrs, Graph, Type};
use std::collections::{BTreeMap, BTreeSet};

/// Where saturation stops. Counts, never wall time: the same graph gives the same result on every machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Rounds of matching every rule.
    pub iterations: usize,
    /// Nodes in the e-graph, as a multiple of those of the graph, and at least 1000.
    pub growth: usize,
    /// Times the result is given to the rules again: what was shared may then be used once.
    pub rounds: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { iterations: 32, growth: 16, rounds: 8 }
    }
}

/// What saturation did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outcome {
    /// How often each rule joined two values that were apart, by rule.
    pub applied: BTreeMap<String, usize>,
    /// Rules whose right side was not of the type of the left, with the first reason: they did not apply.
    pub refused: BTreeMap<String, String>,
    /// Whether a limit was met before nothing was new.
    pub cut: bool,
    /// Nodes of the largest e-graph.
    pub nodes: usize,
    /// Cost of the graph before and after, in the target's unit.
    pub cost: (u64, u64),
}

/// Rewrites `graph` to the cheapest one the rules lead to. It never costs more than before.
///
/// The graph is left untouched where no rule applies.
pub fn saturate(graph: &mut Graph, rules: &Rules, cost: &dyn OpCost, limits: Limits) -> Outcome {
    let mut outcome = Outcome::default();
    for round in 0..limits.rounds {
        let applied: usize = outcome.applied.values().sum();
        let mut built = build::terms(graph);
        let superseded = grow(&mut built.terms, rules, limits, &mut outcome);
        outcome.nodes = outcome.nodes.max(built.terms.total_number_of_nodes());
        if outcome.applied.values().sum::<usize>() == applied {
            if round == 0 {
                let cost = build::cost(graph, cost);
                outcome.cost = (cost, cost);
            }
            break;
        }
        let before = build::cost(graph, cost);
        let next = built.extract(graph, cost, &superseded);
        let same = next == *graph;
        *graph = next;
        let after = build::cost(graph, cost);
        outcome.cost = (if round == 0 { before } else { outcome.cost.0 }, after);
        if same {
            break;
        }
    }
    outcome
}

/// Applies rules until nothing is new. Returns the nodes that right sides took the place of: where costs tie, a rule's
/// direction decides.
pub(super) fn grow(
    terms: &mut Terms,
    rules: &Rules,
    limits: Limits,
    outcome: &mut Outcome,
) -> BTreeSet<ENode> {
    let most = (terms.total_number_of_nodes() * limits.growth).max(1000);
    let mut superseded = BTreeSet::new();
    for _ in 0..limits.iterations {
        let found: Vec<(&Rule, Match)> =
            rules.iter().flat_map(|rule| search(terms, rule).into_iter().map(move |m| (rule, m))).collect();
        let mut joined = 0;
        for (rule, found) in found {
            match apply(terms, rule, &found, &mut superseded) {
                Ok(0) => {}
                Ok(n) => {
                    joined += n;
                    *outcome.applied.entry(rule.name.clone()).or_default() += 1;
                }
                Err(Refusal::DoesNotApply) => {}
                Err(Refusal::Type(reason)) => {
                    outcome.refused.entry(rule.name.clone()).or_insert(reason);
                }
            }
        }
        terms.rebuild();
        if joined == 0 {
            return superseded;
        }
        if terms.total_number_of_nodes() > most {
            break;
        }
    }
    outcome.cut = true;
    superseded
}

/// Why a rule was not applied to a match.
enum Refusal {
    /// A function said so.
    DoesNotApply,
    /// The right side has no type, or another one than the left.
    Type(String),
}

/// Number of roots that were joined with something new.
fn apply(
    terms: &mut Terms,
    rule: &Rule,
    found: &Match,
    superseded: &mut BTreeSet<ENode>,
) -> Result<usize, Refusal> {
    let mut made = Vec::new();
    for (template, (root, _)) in rule.right.iter().zip(&found.roots) {
        let ty = terms[*root].data.ty.clone();
        let (id, node) = instantiate(terms, template, &found.bound, ty.as_deref())?;
        if !same_type(terms[id].data.ty.as_deref(), ty.as_deref()) {
            let (expected, is) = (describe(ty.as_deref()), describe(terms[id].data.ty.as_deref()));
            return Err(Refusal::Type(format!("the right side is {is}, {expected} expected")));
        }
        made.push((id, node));
    }
    let mut joined = 0;
    for ((id, node), (root, enode)) in made.into_iter().zip(&found.roots) {
        let canonical = |node: ENode| node.map_children(|child| terms.find(child));
        let matched = canonical(enode.clone());
        // A right side that is the node the left side matched takes the place of nothing.
        if node.map(canonical).as_ref() != Some(&matched) {
            superseded.insert(matched);
        }
        joined += usize::from(terms.union(*root, id));
    }
    Ok(joined)
}

fn describe(ty: Option<&Type>) -> String {
    ty.map_or_else(|| "left out".to_owned(), |ty| ty.to_string())
}

/// The class of a right side, and its node where it is an op.
fn instantiate(
    terms: &mut Terms,
    template: &Template,
    bound: &[Option<Arg>],
    ty: Option<&Type>,
) -> Result<(Id, Option<ENode>), Refusal> {
    match template {
        Template::Missing => Ok((terms.add(ENode::leaf(Head::Missing)), None)),
        Template::Var(variable) => match &bound[*variable] {
            Some(Arg::Value(value)) => Ok((value.0, None)),
            _ => Err(Refusal::DoesNotApply),
        },
        Template::Call(call) => match evaluate(terms, call, bound)? {
            Arg::Value(value) => Ok((value.0, None)),
            _ => Err(Refusal::Type(format!("`{}` makes no operand", call.name))),
        },
        Template::Node { op, operands, rest, attrs, ty: written } => {
            let mut children = Vec::with_capacity(operands.len());
            for operand in operands {
                children.push(instantiate(terms, operand, bound, None)?.0);
            }
            if let Some(Arg::Values(values)) = rest.and_then(|variable| bound[variable].as_ref()) {
                children.extend(values.iter().map(|value| value.0));
            }
            let attrs = attributes(terms, *op, attrs, bound)?;
            let declared = match written {
                Some(expr) => Some(type_of(terms, expr, bound)?),
                None => ty.cloned(),
            };
            let node = node(terms, *op, children, attrs, declared.as_ref())?;
            Ok((terms.add(node.clone()), Some(node)))
        }
    }
}

fn type_of(terms: &mut Terms, expr: &Expr, bound: &[Option<Arg>]) -> Result<Type, Refusal> {
    match argument(terms, expr, bound)? {
        Arg::Type(ty) => Ok(ty),
        Arg::Value(value) => {
            let ty = terms[value.0].data.ty.as_deref().cloned();
            ty.ok_or(Refusal::DoesNotApply)
        }
        _ => Err(Refusal::Type("a type is expected behind `:`".to_owned())),
    }
}

fn attributes(
    terms: &mut Terms,
    op: Op,
    items: &[AttrItem],
    bound: &[Option<Arg>],
) -> Result<Attrs, Refusal> {
    let mut given: BTreeMap<&'static str, Attr> = BTreeMap::new();
    let declared = |name: &str| op.attrs.iter().find(|def| def.name == name).map(|def| def.name);
    for item in items {
        match item {
            AttrItem::All(expr) => match argument(terms, expr, bound)? {
                Arg::Attrs(_, attrs) => {
                    let known = attrs.iter().filter_map(|(n, v)| declared(n).map(|n| (n, v.clone())));
                    given.extend(known);
                }
                _ => return Err(Refusal::Type("attributes are expected".to_owned())),
            },
            AttrItem::Set(name, expr) => match argument(terms, expr, bound)? {
                Arg::Attr(value) => drop(given.insert(name, value)),
                _ => return Err(Refusal::Type(format!("`{name}` is no attribute"))),
            },
        }
    }
    let given = given.into_iter().map(|(name, value)| (name.to_owned(), value));
    Attrs::complete(op.attrs, given).map_err(|error| Refusal::Type(format!("{}: {error}", op.name)))
}

/// A use of an op with operands as the table declares them.
fn node(
    terms: &mut Terms,
    op: Op,
    mut children: Vec<Id>,
    attrs: Attrs,
    declared: Option<&Type>,
) -> Result<ENode, Refusal> {
    let many = op.operands.last().is_some_and(|def| def.arity == Arity::Many);
    if !many {
        let missing = terms.add(ENode::leaf(Head::Missing));
        children.resize(op.operands.len(), missing);
    }
    let types: Vec<_> = children.iter().map(|id| terms[*id].data.ty.clone()).collect();
    let given = types.iter().rposition(Option::is_some).map_or(0, |last| last + 1);
    let types: Vec<_> = types[..given].iter().map(|ty| ty.as_deref()).collect();
    let ty =
        op.infer(&types, &attrs, declared).map_err(|error| Refusal::Type(format!("{}: {error}", op.name)))?;
    let signature = terms.analysis.sign(op, attrs, ty);
    Ok(ENode { head: Head::Op(op, signature), children: children.into() })
}

fn argument(terms: &mut Terms, expr: &Expr, bound: &[Option<Arg>]) -> Result<Arg, Refusal> {
    match expr {
        Expr::Var(variable) => bound[*variable].clone().ok_or(Refusal::DoesNotApply),
        Expr::Literal(attr) => Ok(Arg::Attr(attr.clone())),
        Expr::Call(call) => evaluate(terms, call, bound),
    }
}

fn evaluate(terms: &mut Terms, call: &Call, bound: &[Option<Arg>]) -> Result<Arg, Refusal> {
    let mut args = Vec::with_capacity(call.args.len());
    for expr in &call.args {
        args.push(argument(terms, expr, bound)?);
    }
    let made = (call.function)(&Args { terms, args: &args }).ok_or(Refusal::DoesNotApply)?;
    match made {
        Made::Missing => Ok(Arg::Value(ValueRef(terms.add(ENode::leaf(Head::Missing))))),
        Made::Argument(index) => args.get(index).cloned().ok_or(Refusal::DoesNotApply),
        Made::Attr(attr) => Ok(Arg::Attr(attr)),
        Made::Type(ty) => Ok(Arg::Type(ty)),
        Made::Attrs(given) => {
            let bundle = args.iter().find_map(|arg| match arg {
                Arg::Attrs(op, attrs) => Some((*op, attrs.clone())),
                _ => None,
            });
            let (op, mut attrs) = bundle.ok_or(Refusal::DoesNotApply)?;
            for (name, value) in given {
                attrs = attrs.with(&name, value);
            }
            Ok(Arg::Attrs(op, attrs))
        }
        Made::Const { ty, from, suffix, compute } => {
            let view = Args { terms, args: &args };
            let inputs: Option<Vec<u32>> = from.iter().map(|index| view.constant(*index)).collect();
            let inputs = inputs.ok_or(Refusal::DoesNotApply)?;
            let first = inputs.first().and_then(|i| terms.analysis.constant(*i).name.clone());
            let name = first.map(|name| format!("{name}.{suffix}"));
            let key = format!("{} {}", call.name, key(terms, &args));
            let index = terms.analysis.add_computed(key, ty, name, inputs, compute);
            Ok(Arg::Value(ValueRef(terms.add(ENode::leaf(Head::Const(index))))))
        }
    }
}

/// Equal for equal arguments: the same constant is not computed twice. Values count by constant or type, since a
/// function sees no more of them.
fn key(terms: &Terms, args: &[Arg]) -> String {
    let value = |v: &ValueRef| {
        let facts = &terms[v.0].data;
        format!("{:?} {:?}", facts.constant, facts.ty)
    };
    let one = |arg: &Arg| match arg {
        Arg::Value(v) => value(v),
        Arg::Values(vs) => vs.iter().map(value).collect::<Vec<_>>().join(" "),
        other => format!("{other:?}"),
    };
    args.iter().map(one).collect::<Vec<_>>().join(", ")
}

impl Outcome {
    /// What a pass that is a function did: how often each thing, those that happened.
    pub fn of_counts<const N: usize>(counts: [(&str, usize); N]) -> Self {
        let applied =
            counts.into_iter().filter(|(_, n)| *n > 0).map(|(name, n)| (name.to_owned(), n)).collect();
        Self { applied, ..Self::default() }
    }
}
