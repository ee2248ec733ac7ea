//! Rules as data: what is looked for, when it applies, what stands in its place.

use super::library::{Condition, Function, Library};
use super::parse;
use ir::op::Op;
use ir::{Attr, Diagnostic};
use std::sync::Arc;

/// A rewrite with a direction. Both sides compute the same function, and are of one type.
#[derive(Debug, Clone)]
pub struct Rule {
    pub(super) name: String,
    /// Variables by number.
    pub(super) variables: Vec<String>,
    /// One pattern for each root; a rule with several finds values that share operands.
    pub(super) left: Vec<Pattern>,
    /// As many as on the left; each stands for the root at its position.
    pub(super) right: Vec<Template>,
    pub(super) conditions: Vec<Check>,
    /// How far quantized results of the two sides may be apart.
    pub(super) steps: u32,
    /// As written.
    pub(super) text: String,
}

#[derive(Debug, Clone)]
pub(super) enum Pattern {
    Var(usize),
    /// `_`: an operand left out.
    Missing,
    /// A float constant all elements of which have this value.
    Number(f64),
    Node(Box<NodePattern>),
}

#[derive(Debug, Clone)]
pub(super) struct NodePattern {
    /// `?y@(op ..)`: bound to the value itself.
    pub(super) bind: Option<usize>,
    pub(super) op: Op,
    /// `(add! ..)`: a commutative op's operands in this order only.
    pub(super) ordered: bool,
    /// A pattern for each operand; those not written of a fixed arity are left out.
    pub(super) operands: Vec<Pattern>,
    /// `?xs..` behind the others.
    pub(super) rest: Option<usize>,
    pub(super) attrs: Vec<(&'static str, AttrPattern)>,
    /// `{?a}`: all attributes.
    pub(super) bundle: Option<usize>,
}

#[derive(Debug, Clone)]
pub(super) enum AttrPattern {
    Is(Attr),
    Bind(usize),
}

#[derive(Debug, Clone)]
pub(super) enum Template {
    Var(usize),
    Missing,
    Node {
        op: Op,
        operands: Vec<Template>,
        rest: Option<usize>,
        attrs: Vec<AttrItem>,
        /// What the result is declared as, where that is not inferred.
        ty: Option<Expr>,
    },
    Call(Call),
}

#[derive(Debug, Clone)]
pub(super) enum AttrItem {
    /// Attributes by name; those the op does not declare are left out.
    All(Expr),
    Set(&'static str, Expr),
}

#[derive(Debug, Clone)]
pub(super) enum Expr {
    Var(usize),
    Literal(Attr),
    Call(Call),
}

#[derive(Debug, Clone)]
pub(super) struct Call {
    pub(super) name: String,
    pub(super) function: Function,
    pub(super) args: Vec<Expr>,
}

#[derive(Debug, Clone)]
pub(super) struct Check {
    pub(super) negated: bool,
    pub(super) condition: Condition,
    pub(super) args: Vec<Expr>,
}

impl Rule {
    /// The rule's name, unique within its file.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The rule as written.
    pub fn text(&self) -> &str {
        &self.text
    }
}

/// Rules in the order they are tried.
#[derive(Debug, Clone, Default)]
pub struct Rules {
    pub(super) rules: Vec<Arc<Rule>>,
}

impl Rules {
    /// No rules: a pass that is a function.
    pub fn none() -> Self {
        Self::default()
    }

    /// Rules that are part of a program, with the standard library.
    ///
    /// # Panics
    /// Where the text is faulty: rules in a program are written by its author.
    pub fn of(text: &str) -> Self {
        Self::with(&Library::default(), text)
    }

    /// As [`Rules::of`], with a library of the author's own.
    ///
    /// # Panics
    /// As [`Rules::of`].
    pub fn with(library: &Library, text: &str) -> Self {
        Self::parse(text, library).unwrap_or_else(|faults| {
            let faults: Vec<_> = faults.iter().map(ToString::to_string).collect();
            panic!("the rules of a program are well-formed, but:\n{}", faults.join("\n"))
        })
    }

    /// Reads `name: left => right if condition`, any number of them; `//` starts a comment.
    ///
    /// # Errors
    /// Everything wrong with the text, each finding at its line and column.
    pub fn parse(text: &str, library: &Library) -> Result<Self, Vec<Diagnostic>> {
        parse::rules(text, library).map(|rules| Self { rules: rules.into_iter().map(Arc::new).collect() })
    }

    /// These and others behind them.
    #[must_use]
    pub fn and(mut self, others: Self) -> Self {
        self.rules.extend(others.rules);
        self
    }

    /// The same rules, exact up to this many steps of a quantized result: for rules between float and integer arithmetic.
    #[must_use]
    pub fn within_steps(mut self, steps: u32) -> Self {
        self.rules.iter_mut().for_each(|rule| Arc::make_mut(rule).steps = steps);
        self
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// Number of rules.
    pub fn len(&self) -> usize {
        self.rules.len()
    }

    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = &Rule> {
        self.rules.iter().map(Arc::as_ref)
    }
}
