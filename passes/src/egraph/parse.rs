//! Text to rules. Everything wrong is reported, each finding at its place; a faulty rule is skipped.

use super::library::Library;
use super::rule::{AttrItem, AttrPattern, Call, Check, Expr, NodePattern, Pattern, Rule, Template};
use crate::text::{Cursor, Parsed, Token, fault_at};
use ir::op::{Arity, Op};
use ir::{Attr, AttrDef, AttrKind, Diagnostic};
use std::collections::HashSet;

pub(super) fn rules(text: &str, library: &Library) -> Result<Vec<Rule>, Vec<Diagnostic>> {
    let mut cursor = Cursor::new(text).map_err(|fault| vec![fault])?;
    let (mut rules, mut faults) = (Vec::new(), Vec::new());
    let mut names = HashSet::new();
    while !cursor.at_end() {
        let place = cursor.place();
        let mut parser = Parser { cursor: &mut cursor, library, variables: Vec::new() };
        match parser.rule() {
            Ok(rule) if !names.insert(rule.name.clone()) => {
                faults.push(fault_at(place, format!("rule `{}` is defined twice", rule.name)));
            }
            Ok(rule) => rules.push(rule),
            Err(fault) => {
                faults.push(fault);
                skip_to_next_rule(&mut cursor, place);
            }
        }
    }
    for rule in &mut rules {
        rule.text = written(text, &rule.name);
    }
    if faults.is_empty() { Ok(rules) } else { Err(faults) }
}

/// `name:` starts a rule; the one at `place` is the faulty one.
fn skip_to_next_rule(cursor: &mut Cursor, place: (usize, usize)) {
    while !cursor.at_end() {
        let starts = matches!(cursor.peek(), Token::Word(_)) && *cursor.peek_second() == Token::Punct(':');
        if starts && cursor.place() != place {
            return;
        }
        cursor.next();
    }
}

/// The lines of a rule, without comments, on one line.
fn written(text: &str, name: &str) -> String {
    let head = format!("{name}:");
    let lines = text.lines().map(|line| line.split("//").next().unwrap_or_default().trim());
    let starts = |line: &str| {
        let first = line.split(':').next().unwrap_or_default();
        line.contains(':')
            && first.starts_with(|c: char| c.is_ascii_alphabetic())
            && first.chars().all(|c| c.is_ascii_alphanumeric() || "_-.".contains(c))
    };
    let mut rule = lines.skip_while(|line| !line.starts_with(&head));
    let first = rule.next().unwrap_or_default().to_owned();
    rule.take_while(|line| !starts(line)).filter(|line| !line.is_empty()).fold(first, |all, line| {
        let space = if all.ends_with('(') { "" } else { " " };
        all + space + line
    })
}

/// What a variable stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sort {
    Operand,
    Operands,
    Attr,
    Attrs,
}

impl Sort {
    fn describe(self) -> &'static str {
        match self {
            Self::Operand => "an operand",
            Self::Operands => "a list of operands",
            Self::Attr => "an attribute",
            Self::Attrs => "all attributes",
        }
    }
}

struct Parser<'a> {
    cursor: &'a mut Cursor,
    library: &'a Library,
    variables: Vec<(String, Sort)>,
}

impl Parser<'_> {
    fn rule(&mut self) -> Parsed<Rule> {
        let name = self.cursor.word("a rule: name: (left) => (right)")?;
        self.cursor.punct(':')?;
        let mut left = vec![self.root()?];
        while self.cursor.accept(',') {
            left.push(self.root()?);
        }
        if *self.cursor.peek() != Token::Arrow {
            return self.cursor.expected("`=>`");
        }
        self.cursor.next();
        let place = self.cursor.place();
        let mut right = vec![self.template()?];
        while self.cursor.accept(',') {
            right.push(self.template()?);
        }
        if left.len() != right.len() {
            let message =
                format!("{} right sides for {} left sides, one for each expected", right.len(), left.len());
            return Err(fault_at(place, message));
        }
        let conditions = if self.cursor.accept_word("if") { self.conditions()? } else { Vec::new() };
        let next_rule =
            matches!(self.cursor.peek(), Token::Word(_)) && *self.cursor.peek_second() == Token::Punct(':');
        if !(self.cursor.at_end() || next_rule) {
            return self.cursor.expected("`if`, `and`, or the next rule");
        }
        let variables = self.variables.iter().map(|(name, _)| name.clone()).collect();
        Ok(Rule { name, variables, left, right, conditions, steps: 0, text: String::new() })
    }

    /// A left side: an op, since a rule that matches everything never ends.
    fn root(&mut self) -> Parsed<Pattern> {
        let place = self.cursor.place();
        match self.pattern()? {
            pattern @ Pattern::Node(_) => Ok(pattern),
            _ => Err(fault_at(place, "a left side is a use of an op: (op ..)")),
        }
    }

    fn define(&mut self, place: (usize, usize), name: &str, sort: Sort) -> Parsed<usize> {
        match self.variables.iter().position(|(known, _)| known == name) {
            Some(index) if self.variables[index].1 == sort => Ok(index),
            Some(index) => {
                let (found, expected) = (sort.describe(), self.variables[index].1.describe());
                Err(fault_at(place, format!("`?{name}` is {expected} above and {found} here")))
            }
            None => {
                self.variables.push((name.to_owned(), sort));
                Ok(self.variables.len() - 1)
            }
        }
    }

    fn known(&self, place: (usize, usize), name: &str) -> Parsed<usize> {
        self.variables
            .iter()
            .position(|(known, _)| known == name)
            .ok_or_else(|| fault_at(place, format!("`?{name}` is not bound on the left side")))
    }

    fn pattern(&mut self) -> Parsed<Pattern> {
        let place = self.cursor.place();
        match self.cursor.peek().clone() {
            Token::Var(name) => {
                self.cursor.next();
                let index = self.define(place, &name, Sort::Operand)?;
                if self.cursor.accept('@') {
                    return self.node(Some(index));
                }
                Ok(Pattern::Var(index))
            }
            Token::Punct('_') => {
                self.cursor.next();
                Ok(Pattern::Missing)
            }
            #[allow(clippy::cast_precision_loss, reason = "constants in patterns are small")]
            Token::Int(value) => {
                self.cursor.next();
                Ok(Pattern::Number(value as f64))
            }
            Token::Float(value) => {
                self.cursor.next();
                Ok(Pattern::Number(value))
            }
            _ => self.node(None),
        }
    }

    fn node(&mut self, bind: Option<usize>) -> Parsed<Pattern> {
        self.cursor.punct('(')?;
        let place = self.cursor.place();
        let name = self.cursor.word("an op")?;
        let op = Op::named(&name).ok_or_else(|| fault_at(place, unknown(&name, "op", ops())))?;
        let ordered = self.cursor.accept('!');
        let mut operands = Vec::new();
        let mut rest = None;
        while !matches!(self.cursor.peek(), Token::Punct('{' | ')')) {
            let place = self.cursor.place();
            if let (Token::Var(name), Token::Rest) =
                (self.cursor.peek().clone(), self.cursor.peek_second().clone())
            {
                self.cursor.next();
                self.cursor.next();
                rest = Some(self.define(place, &name, Sort::Operands)?);
                break;
            }
            operands.push(self.pattern()?);
        }
        check_count(op, operands.len(), rest.is_some()).map_err(|message| fault_at(place, message))?;
        let (attrs, bundle) = self.attr_patterns(op)?;
        self.cursor.punct(')')?;
        Ok(Pattern::Node(Box::new(NodePattern { bind, op, ordered, operands, rest, attrs, bundle })))
    }

    #[allow(clippy::type_complexity, reason = "the two halves of an attribute pattern")]
    fn attr_patterns(&mut self, op: Op) -> Parsed<(Vec<(&'static str, AttrPattern)>, Option<usize>)> {
        let (mut attrs, mut bundle) = (Vec::new(), None);
        if !self.cursor.accept('{') {
            return Ok((attrs, bundle));
        }
        while *self.cursor.peek() != Token::Punct('}') {
            let place = self.cursor.place();
            if let Token::Var(name) = self.cursor.peek().clone() {
                self.cursor.next();
                bundle = Some(self.define(place, &name, Sort::Attrs)?);
            } else {
                let def = self.attr_name(op)?;
                self.cursor.punct('=')?;
                let place = self.cursor.place();
                let pattern = if let Token::Var(name) = self.cursor.peek().clone() {
                    self.cursor.next();
                    AttrPattern::Bind(self.define(place, &name, Sort::Attr)?)
                } else {
                    AttrPattern::Is(self.literal(def)?)
                };
                attrs.push((def.name, pattern));
            }
            if !self.cursor.accept(',') {
                break;
            }
        }
        self.cursor.punct('}')?;
        Ok((attrs, bundle))
    }

    fn attr_name(&mut self, op: Op) -> Parsed<&'static AttrDef> {
        let place = self.cursor.place();
        let name = self.cursor.word("an attribute or `?variable`")?;
        op.attrs.iter().find(|def| def.name == name).ok_or_else(|| {
            let names: Vec<_> = op.attrs.iter().map(|def| def.name).collect();
            fault_at(
                place,
                format!("{} has no attribute `{name}`, expected one of: {}", op.name, names.join(", ")),
            )
        })
    }

    fn literal(&mut self, def: &AttrDef) -> Parsed<Attr> {
        let place = self.cursor.place();
        let value = self.cursor.attr()?;
        fitting(def, value).ok_or_else(|| {
            fault_at(place, format!("attribute `{}` wants {} or `?variable`", def.name, def.expected()))
        })
    }

    fn template(&mut self) -> Parsed<Template> {
        let place = self.cursor.place();
        match self.cursor.peek().clone() {
            Token::Var(name) => {
                self.cursor.next();
                Ok(Template::Var(self.known(place, &name)?))
            }
            Token::Punct('_') => {
                self.cursor.next();
                Ok(Template::Missing)
            }
            Token::Punct('(') => self.template_call(),
            _ => self.cursor.expected("`?variable`, `_`, (op ..) or (function ..)"),
        }
    }

    fn template_call(&mut self) -> Parsed<Template> {
        self.cursor.punct('(')?;
        let place = self.cursor.place();
        let name = self.cursor.word("an op or a function")?;
        let Some(op) = Op::named(&name) else {
            return self.call(place, name).map(Template::Call);
        };
        let (mut operands, mut rest) = (Vec::new(), None);
        while !matches!(self.cursor.peek(), Token::Punct('{' | ')' | ':')) {
            let place = self.cursor.place();
            if let (Token::Var(name), Token::Rest) =
                (self.cursor.peek().clone(), self.cursor.peek_second().clone())
            {
                self.cursor.next();
                self.cursor.next();
                rest = Some(self.known(place, &name)?);
                break;
            }
            operands.push(self.template()?);
        }
        check_count(op, operands.len(), rest.is_some()).map_err(|message| fault_at(place, message))?;
        let attrs = self.attr_items(op)?;
        let ty = if self.cursor.accept(':') { Some(self.expr()?) } else { None };
        self.cursor.punct(')')?;
        Ok(Template::Node { op, operands, rest, attrs, ty })
    }

    fn attr_items(&mut self, op: Op) -> Parsed<Vec<AttrItem>> {
        let mut items = Vec::new();
        if !self.cursor.accept('{') {
            return Ok(items);
        }
        while *self.cursor.peek() != Token::Punct('}') {
            if matches!(self.cursor.peek(), Token::Var(_) | Token::Punct('(')) {
                items.push(AttrItem::All(self.expr()?));
            } else {
                let def = self.attr_name(op)?;
                self.cursor.punct('=')?;
                let value = match self.cursor.peek() {
                    Token::Var(_) | Token::Punct('(') => self.expr()?,
                    _ => Expr::Literal(self.literal(def)?),
                };
                items.push(AttrItem::Set(def.name, value));
            }
            if !self.cursor.accept(',') {
                break;
            }
        }
        self.cursor.punct('}')?;
        Ok(items)
    }

    /// The arguments of a function whose name was read, and the closing parenthesis.
    fn call(&mut self, place: (usize, usize), name: String) -> Parsed<Call> {
        let Some(function) = self.library.function(&name) else {
            let known =
                self.library.functions().map(|(name, _)| name.to_owned()).chain(ops().map(str::to_owned));
            let known: Vec<String> = known.collect();
            return Err(fault_at(place, unknown(&name, "op or function", known.iter().map(String::as_str))));
        };
        let mut args = Vec::new();
        while *self.cursor.peek() != Token::Punct(')') {
            args.push(self.expr()?);
        }
        self.cursor.punct(')')?;
        Ok(Call { name, function, args })
    }

    /// `?variable`, a literal or `(function ..)`.
    fn expr(&mut self) -> Parsed<Expr> {
        let place = self.cursor.place();
        match self.cursor.peek().clone() {
            Token::Var(name) => {
                self.cursor.next();
                Ok(Expr::Var(self.known(place, &name)?))
            }
            Token::Punct('(') => {
                self.cursor.next();
                let place = self.cursor.place();
                let name = self.cursor.word("a function")?;
                self.call(place, name).map(Expr::Call)
            }
            Token::End => self.cursor.expected("an argument"),
            _ => self.cursor.attr().map(Expr::Literal),
        }
    }

    fn conditions(&mut self) -> Parsed<Vec<Check>> {
        let mut checks = Vec::new();
        loop {
            let negated = self.cursor.accept_word("not");
            let place = self.cursor.place();
            let name = self.cursor.word("a condition")?;
            let Some(condition) = self.library.condition(&name) else {
                let known = self.library.conditions().map(|(name, _)| name);
                return Err(fault_at(place, unknown(&name, "condition", known)));
            };
            self.cursor.punct('(')?;
            let mut args = Vec::new();
            while *self.cursor.peek() != Token::Punct(')') {
                if *self.cursor.peek() == Token::Punct('(') {
                    return self.cursor.expected("`?variable` or a literal: conditions call no functions");
                }
                args.push(self.expr()?);
                if !self.cursor.accept(',') {
                    break;
                }
            }
            self.cursor.punct(')')?;
            checks.push(Check { negated, condition, args });
            if !self.cursor.accept_word("and") {
                return Ok(checks);
            }
        }
    }
}

fn check_count(op: Op, found: usize, rest: bool) -> Result<(), String> {
    let many = op.operands.last().is_some_and(|def| def.arity == Arity::Many);
    if rest && !many {
        return Err(format!("{} has a fixed number of operands: `..` does not fit", op.name));
    }
    let least = op.operands.iter().filter(|def| def.arity == Arity::One).count();
    let fits = if many { rest || found >= 1 } else { (least..=op.operands.len()).contains(&found) };
    if fits {
        return Ok(());
    }
    let names: Vec<_> = op.operands.iter().map(|def| def.name).collect();
    Err(format!("{} has {found} operands here, {} expected ({})", op.name, names.len(), names.join(", ")))
}

/// The value as the declaration has it, or `None` where it does not fit.
fn fitting(def: &AttrDef, value: Attr) -> Option<Attr> {
    match (def.kind, value) {
        #[allow(clippy::cast_precision_loss, reason = "a whole number where a real one is declared")]
        (AttrKind::Float(_), Attr::Int(v)) => Some(Attr::Float(v as f64)),
        (AttrKind::Word(words), Attr::Word(word)) if words.contains(&word.as_str()) => Some(Attr::Word(word)),
        (AttrKind::Ints { len, .. }, Attr::Ints(list)) if len.is_none_or(|len| len == list.len()) => {
            Some(Attr::Ints(list))
        }
        (AttrKind::Int(_), value @ Attr::Int(_))
        | (AttrKind::Float(_), value @ Attr::Float(_))
        | (AttrKind::Text(_), value @ Attr::Text(_))
        | (AttrKind::MaybeQuant, value @ Attr::Absent) => Some(value),
        _ => None,
    }
}

fn ops() -> impl Iterator<Item = &'static str> {
    ir::op::all().map(|op| {
        let name: &'static str = op.name;
        name
    })
}

fn unknown<'a>(name: &str, what: &str, known: impl Iterator<Item = &'a str>) -> String {
    let hint = crate::nearest(name, known).map(|near| format!(", did you mean `{near}`?"));
    format!("unknown {what} `{name}`{}", hint.unwrap_or_default())
}
